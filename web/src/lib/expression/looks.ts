// The ways one value can be shown in a text, each drawn with this very value so that people choose by eye.

import type { Json } from "../document/types";
import { formatDecimal, formatValue, isEmpty, isMoney } from "./format";
import type { Look } from "./format";
import type { Kind } from "./kind";
import { quote } from "./template";
import type { Filter } from "./template";

export interface ValueLook {
  id: string;
  filters: Filter[];
  /** This value in this look; `null` when the sample has none. */
  text: string | null;
}

const filter = (name: string, ...args: string[]): Filter => ({ name, args });

export function looksOf(kind: Kind, value: Json | undefined, look: Look): ValueLook[] {
  const empty = isEmpty(value) || value === undefined;
  const show = (make: () => string) => (empty ? null : make());
  switch (kind.kind) {
    case "money": {
      const money = isMoney(value) ? value : null;
      return [
        { id: "plain", filters: [], text: show(() => formatValue(value, kind, look)) },
        { id: "amount", filters: [filter("amount")], text: money ? formatDecimal(money.amount, look.locale) : null },
      ];
    }
    case "date":
      return ["long", "medium", "short", "weekday", "iso"].map((style) => ({
        id: style,
        filters: [filter("date", quote(style))],
        text: show(() => dateIn(String(value), look.locale, style)),
      }));
    case "text":
      return [
        { id: "plain", filters: [], text: show(() => shorten(String(value))) },
        { id: "upper", filters: [filter("upper")], text: show(() => shorten(String(value).toLocaleUpperCase(look.locale))) },
      ];
    case "decimal":
      return [
        { id: "plain", filters: [], text: show(() => formatDecimal(String(value), look.locale)) },
        { id: "rounded", filters: [filter("number", "0")], text: null },
        { id: "twoDigits", filters: [filter("number", "2")], text: null },
        { id: "percent", filters: [filter("percent")], text: null },
      ];
    case "list":
      if (kind.item.kind === "record") return [{ id: "count", filters: [filter("length")], text: show(() => String((value as Json[]).length)) }];
      return [
        { id: "joined", filters: [filter("join", quote(", "))], text: show(() => shorten((value as Json[]).map((item) => formatValue(item, kind.item, look)).join(", "))) },
        { id: "count", filters: [filter("length")], text: show(() => String((value as Json[]).length)) },
      ];
    default:
      return [];
  }
}

function dateIn(text: string, locale: string, style: string): string {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!match || style === "iso") return text;
  const date = new Date(Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])));
  const tag = locale === "en" ? "en-001" : locale;
  const dateStyle = style === "weekday" ? "full" : (style as "long" | "medium" | "short");
  const format = new Intl.DateTimeFormat(tag, { dateStyle, timeZone: "UTC", calendar: "gregory", numberingSystem: "latn" });
  // As the server writes it: years are told in full, even in a short date.
  return format
    .formatToParts(date)
    .map((part) => (part.type === "year" ? match[1] : part.value))
    .join("");
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 58)}…` : text;
}

export function sameLook(a: readonly Filter[], b: readonly Filter[]): boolean {
  return a.length === b.length && a.every((item, index) => item.name === b[index]?.name && item.args.join() === b[index]?.args.join());
}
