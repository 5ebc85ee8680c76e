// How a credit note that is about to be made stands to what was invoiced and taken back before.

import type { Amount, RunInvoice, TakenBack } from "~/api/types";

/**
 * `free`: nothing was taken back. `part`: the rows were changed, so that what it comes to is known only once it is made. `over`: as it is
 * filled in, it takes the whole invoice back, and a part was before. `spent`: nothing is left. `unknown`: it cannot be told.
 */
export type Standing = "free" | "part" | "over" | "spent" | "unknown";

export function standing(invoice: RunInvoice, changed: boolean): Standing {
  const made = invoice.credit_notes.filter(counts);
  const left = invoice.left === null ? null : Number(invoice.left.amount);
  if (made.length > 0 && left !== null && left <= 0) return "spent";
  if (made.length > 0 && (left === null || made.some((note) => note.amount === null))) return "unknown";
  if (left === null) return "free";
  if (changed) return "part";
  return Number(invoice.credited?.amount ?? 0) > 0 ? "over" : "free";
}

/** Whether what a person filled in may come to another amount: words where there were none, such as a reason, do not. */
export function isOther(before: unknown, after: unknown): boolean {
  if (!isRecord(before) || !isRecord(after)) return JSON.stringify(before) !== JSON.stringify(after);
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].some((name) => {
    const was = before[name] ?? null;
    const is = after[name] ?? null;
    return !(was === null && isWords(is)) && JSON.stringify(was) !== JSON.stringify(is);
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWords(value: unknown): boolean {
  return typeof value === "string" && (value.trim() === "" || Number.isNaN(Number(value)));
}

/** What failed or was stopped took nothing back. */
export function counts(note: TakenBack): boolean {
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
