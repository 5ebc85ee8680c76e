import { expect, test } from "vitest";
import type { Amount, RunInvoice, TakenBack } from "~/api/types";
import { amountText, excess, part, standing } from "./standing";

const euros = (amount: string): Amount => ({ amount, currency: "EUR" });

function note(state: TakenBack["state"], amount: string | null): TakenBack {
  return { run: "r", title: "", state, created_at: "2027-03-08T12:00:00Z", amount: amount === null ? null : euros(amount) };
}

function invoice(credited: string, left: string, ...credit_notes: TakenBack[]): RunInvoice {
  return { node: "made", item_path: "", number: "R-7", total: euros("100.00"), credited: euros(credited), left: euros(left), credit_notes };
}

const offered = {
  customer: "Ada",
  lines: [
    { quantity: 8, unit_price: { amount: "10.00", currency: "EUR" } },
    { quantity: "2", unit_price: "10.00", price_base: 1 },
  ],
  reason: null,
  share: null,
};
const rows = (quantity: number) => ({ lines: [{ quantity, unit_price: 10 }] });

test("what was taken back before is told before a credit note is made", () => {
  const check = (of: RunInvoice, change: Record<string, unknown>, expected: string) =>
    expect(standing(of, offered, { ...offered, ...change }).kind).toBe(expected);
  const untouched = invoice("0.00", "100.00");
  check(untouched, {}, "free");
  check(untouched, { reason: "Came too late" }, "free");
  check(untouched, rows(6), "part");
  check(untouched, rows(11), "over");
  check(untouched, { share: 50 }, "part");
  check(invoice("0.00", "100.00", note("failed", null)), {}, "free");
  const partly = invoice("40.00", "60.00", note("succeeded", "40.00"));
  check(partly, {}, "over");
  check(partly, { reason: "Came too late" }, "over");
  check(partly, rows(6), "part");
  check(partly, rows(7), "over");
  check(partly, { share: 50 }, "part");
  check(invoice("100.00", "0.00", note("succeeded", "100.00")), {}, "spent");
  check(invoice("140.00", "-40.00", note("succeeded", "140.00")), rows(1), "spent");
  check(invoice("0.00", "100.00", note("running", null)), {}, "unknown");
  check(invoice("100.00", "0.00", note("succeeded", "100.00"), note("running", null)), {}, "spent");
  const bare = { ...invoice("0.00", "0.00"), total: null, credited: null, left: null };
  check(bare, rows(11), "free");
  check({ ...bare, credit_notes: [note("succeeded", "5.00")] }, {}, "unknown");
  expect(standing(partly, offered, { ...offered, ...rows(6) }).about).toEqual(euros("60"));
});

test("how much is taken back is told by the rows, unless other numbers were changed", () => {
  const check = (change: Record<string, unknown>, expected: number | null) => expect(part(offered, { ...offered, ...change })).toBe(expected);
  check({}, 1);
  check({ customer: "Bo", note: "By phone" }, 1);
  check(rows(5), 0.5);
  check({ lines: [] }, 0);
  check({ lines: null }, null);
  check({ lines: [{ quantity: 5 }] }, null);
  check({ share: "50" }, null);
  check({ others: [{ quantity: 1, unit_price: 1 }] }, null);
  expect(part({ ...offered, invoice_lines: offered.lines }, { ...offered, invoice_lines: offered.lines, ...rows(5) })).toBe(1);
  expect(part({ reason: null }, { reason: "Late" })).toBe(1);
  expect(part(offered, null)).toBeNull();
});

test("what was taken back beyond the invoice is told as an amount", () => {
  expect(excess(invoice("140.00", "-40.00"))).toEqual(euros("40.00"));
  expect(excess(invoice("100.00", "0.00"))).toBeNull();
});

test("amounts are written as the language does", () => {
  expect(amountText(euros("1904.40"), "en")).toBe("€1,904.40");
  expect(amountText({ amount: "1904", currency: "JPY" }, "en")).toBe("¥1,904");
});
