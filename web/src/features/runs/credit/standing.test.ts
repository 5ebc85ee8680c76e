import { expect, test } from "vitest";
import type { Amount, RunInvoice, TakenBack } from "~/api/types";
import { amountText, excess, isOther, standing } from "./standing";

const euros = (amount: string): Amount => ({ amount, currency: "EUR" });

function note(state: TakenBack["state"], amount: string | null): TakenBack {
  return { run: "r", title: "", state, created_at: "2027-03-08T12:00:00Z", amount: amount === null ? null : euros(amount) };
}

function invoice(credited: string, left: string, ...credit_notes: TakenBack[]): RunInvoice {
  return { node: "made", item_path: "", number: "R-7", total: euros("100.00"), credited: euros(credited), left: euros(left), credit_notes };
}

test("what was taken back before is told before a credit note is made", () => {
  const check = (of: RunInvoice, changed: boolean, expected: string) => expect(standing(of, changed)).toBe(expected);
  check(invoice("0.00", "100.00"), false, "free");
  check(invoice("0.00", "100.00"), true, "part");
  check(invoice("0.00", "100.00", note("failed", null)), false, "free");
  check(invoice("40.00", "60.00", note("succeeded", "40.00")), false, "over");
  check(invoice("40.00", "60.00", note("succeeded", "40.00")), true, "part");
  check(invoice("100.00", "0.00", note("succeeded", "100.00")), false, "spent");
  check(invoice("140.00", "-40.00", note("succeeded", "140.00")), true, "spent");
  check(invoice("0.00", "100.00", note("running", null)), false, "unknown");
  check(invoice("100.00", "0.00", note("succeeded", "100.00"), note("running", null)), false, "spent");
  const bare = { ...invoice("0.00", "0.00"), total: null, credited: null, left: null };
  check(bare, true, "free");
  check({ ...bare, credit_notes: [note("succeeded", "5.00")] }, false, "unknown");
});

test("a reason takes nothing else back, and other rows do", () => {
  const before = { customer: "Ada", lines: [{ quantity: 8 }], reason: null, share: null };
  const check = (change: Record<string, unknown>, expected: boolean) => expect(isOther(before, { ...before, ...change })).toBe(expected);
  check({}, false);
  check({ reason: "Came too late" }, false);
  check({ note: "By phone" }, false);
  check({ lines: [{ quantity: 7 }] }, true);
  check({ customer: null }, true);
  check({ share: "50" }, true);
  check({ share: 50 }, true);
  expect(isOther(before, null)).toBe(true);
});

test("what was taken back beyond the invoice is told as an amount", () => {
  expect(excess(invoice("140.00", "-40.00"))).toEqual(euros("40.00"));
  expect(excess(invoice("100.00", "0.00"))).toBeNull();
});

test("amounts are written as the language does", () => {
  expect(amountText(euros("1904.40"), "en")).toBe("€1,904.40");
  expect(amountText({ amount: "1904", currency: "JPY" }, "en")).toBe("¥1,904");
});
