// How a credit note that is about to be made stands to what was invoiced and taken back before.

import type { Amount, RunInvoice, TakenBack } from "~/api/types";

export interface Standing {
  /**
   * `free`: nothing was taken back, and nothing was changed. `part`: it is no more than what is left, or is known only once it is made.
   * `over`: it is more than what is left. `spent`: nothing is left. `unknown`: what is left cannot be told.
   */
  kind: "free" | "part" | "over" | "spent" | "unknown";
  /** What it comes to by quantities and prices, if that can be told before it is made. */
  about: Amount | null;
}

/** Sums of amounts as numbers are not exact; less than half of the smallest unit of any currency is no difference. */
const EXACT = 0.00005;

/** `offered` is what the credit note would be started with as it was filled in, `input` what a person made of it. */
export function standing(invoice: RunInvoice, offered: unknown, input: unknown): Standing {
  const made = invoice.credit_notes.filter(counts);
  const { total } = invoice;
  const left = invoice.left === null ? null : Number(invoice.left.amount);
  const taken = part(offered, input);
  const about = total === null || taken === null ? null : { ...total, amount: String(Number(total.amount) * taken) };
  const kind = () => {
    if (made.length > 0 && left !== null && left <= 0) return "spent";
    if (made.length > 0 && (left === null || made.some((note) => note.amount === null))) return "unknown";
    if (left === null) return "free";
    if (about !== null && Number(about.amount) > left + EXACT) return "over";
    return made.length === 0 && taken === 1 ? "free" : "part";
  };
  return { kind: kind(), about };
}

/** How much of what was offered is still there, by quantities and prices; null where numbers were changed that are no rows. */
export function part(offered: unknown, input: unknown): number | null {
  if (!isRecord(offered) || !isRecord(input)) return isSame(offered, input) ? 1 : null;
  const parts: number[] = [];
  for (const name of new Set([...Object.keys(offered), ...Object.keys(input)])) {
    const before = offered[name] ?? null;
    const after = input[name] ?? null;
    const whole = worth(before);
    const kept = worth(after);
    if (whole !== null && whole > 0 && kept !== null) {
      parts.push(kept / whole);
    } else if (!isSame(before, after) && !(isWords(before) && isWords(after))) {
      return null;
    }
  }
  // Which of several lists the workflow takes is not known.
  return parts.length === 0 ? 1 : Math.max(...parts);
}

/** What rows come to, if they are called as those of invoices. */
function worth(value: unknown): number | null {
  if (!Array.isArray(value)) return null;
  let sum = 0;
  for (const row of value as unknown[]) {
    if (!isRecord(row)) return null;
    const quantity = numberOf(row["quantity"]);
    const price = numberOf(row["unit_price"]);
    if (quantity === null || price === null) return null;
    sum += (quantity * price) / (numberOf(row["price_base"]) ?? 1);
  }
  return sum;
}

function numberOf(value: unknown): number | null {
  if (isRecord(value)) return numberOf(value["amount"]);
  if (typeof value === "string" && value.trim() !== "") return numberOf(Number(value));
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Words, such as a reason, take nothing back. */
function isWords(value: unknown): boolean {
  return value === null || (typeof value === "string" && numberOf(value) === null);
}

/** What failed or was stopped took nothing back. */
function counts(note: TakenBack): boolean {
  return note.state !== "failed" && note.state !== "cancelled";
}

/** By how much more was taken back than was invoiced. */
export function excess(invoice: RunInvoice): Amount | null {
  const { left } = invoice;
  if (left === null || !(Number(left.amount) < 0)) return null;
  return { ...left, amount: left.amount.slice(1) };
}

export function amountText(amount: Amount, language: string): string {
  return new Intl.NumberFormat(language, { style: "currency", currency: amount.currency }).format(Number(amount.amount));
}
