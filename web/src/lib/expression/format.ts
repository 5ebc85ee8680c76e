// How a value of a kind is shown to people. Decimals stay text all the way: Intl formats them from their digits, never through a float.

import type { Json } from "../document/types";
import type { Kind } from "./kind";

export interface Words {
  yes: string;
  no: string;
  items: (count: number) => string;
  none: string;
}

export interface Look {
  locale: string;
  timeZone?: string;
  words: Words;
}

export function isEmpty(value: Json | undefined): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && value.length === 0);
}

type Amount = { amount: string; currency: string };

export function isMoney(value: unknown): value is Amount {
  return typeof value === "object" && value !== null && "amount" in value && "currency" in value;
}

function digitsAfterPoint(text: string): number {
  return text.split(".")[1]?.length ?? 0;
}

const DECIMAL = /^-?\d+(\.\d+)?$/;

export function formatDecimal(text: string, locale: string): string {
  if (!DECIMAL.test(text)) return text;
  const digits = Math.min(digitsAfterPoint(text), 20);
  const format = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return format.format(text as unknown as number);
}

export function formatMoney(value: Amount, locale: string): string {
  if (!DECIMAL.test(value.amount) || !/^[A-Z]{3}$/.test(value.currency)) return `${value.amount} ${value.currency}`;
  const least = new Intl.NumberFormat(locale, { style: "currency", currency: value.currency }).resolvedOptions();
  const digits = Math.max(digitsAfterPoint(value.amount), least.minimumFractionDigits ?? 2);
  const parts = new Intl.NumberFormat(locale, {
    style: "currency",
    currency: value.currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).formatToParts(value.amount as unknown as number);
  // Sign and number stick together, with the thin gap that reads better than "€7,420.00".
  const text = parts.map((part) => part.value).join("");
  return /^[^\d\s-]{1,3}\d/u.test(text) ? text.replace(/^([^\d\s-]{1,3})(\d)/u, "$1\u00a0$2") : text;
}

export function formatDate(text: string, locale: string, style: "short" | "long" = "short"): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match) return text;
  const date = new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])));
  const month = style === "long" ? "long" : "short";
  return new Intl.DateTimeFormat(locale === "en" ? "en-GB" : locale, {
    day: "numeric", month, year: "numeric", timeZone: "UTC",
  }).format(date);
}

function formatInstant(text: string, look: Look): string {
  const date = new Date(text);
  if (Number.isNaN(date.valueOf())) return text;
  return new Intl.DateTimeFormat(look.locale === "en" ? "en-GB" : look.locale, {
    dateStyle: "medium", timeStyle: "short", ...(look.timeZone ? { timeZone: look.timeZone } : {}),
  }).format(date);
}

/** One line; long texts are for the caller to cut. */
export function formatValue(value: Json | undefined, kind: Kind | null, look: Look): string {
  if (isEmpty(value) || value === undefined || value === null) return look.words.none;
  switch (kind?.kind) {
    case "yes_no":
      return value === true ? look.words.yes : look.words.no;
    case "date":
      return formatDate(String(value), look.locale);
    case "instant":
      return formatInstant(String(value), look);
    case "choice": {
      const option = kind.options.find((item) => item.value === value);
      return option?.title || String(value);
    }
    default:
      return formatBare(value, kind, look);
  }
}

function formatBare(value: Json, kind: Kind | null, look: Look): string {
  if (typeof value === "boolean") return value ? look.words.yes : look.words.no;
  if (typeof value === "number") return new Intl.NumberFormat(look.locale, { useGrouping: false }).format(value);
  if (typeof value === "string") {
    return kind?.kind === "decimal" ? formatDecimal(value, look.locale) : value.replace(/\s+/g, " ").trim();
  }
  if (Array.isArray(value)) {
    const item = kind?.kind === "list" ? kind.item : null;
    const plain = value.every((entry) => typeof entry !== "object");
    if (plain && value.length <= 3) return value.map((entry) => formatValue(entry, item, look)).join(", ");
    return look.words.items(value.length);
  }
  if (isMoney(value)) return formatMoney(value, look.locale);
  if (value && "name" in value && "content_type" in value) return String(value["name"]);
  const fields = kind?.kind === "record" ? kind.fields : null;
  return Object.entries(value ?? {})
    .filter(([, entry]) => !isEmpty(entry))
    .slice(0, 3)
    .map(([name, entry]) => formatValue(entry, fields?.find((field) => field.name === name) ?? null, look))
    .join(" · ");
}
