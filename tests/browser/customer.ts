// What customers type into the shipped forms, with JavaScript and without it.
import { expect, type Page } from "@playwright/test";
import { pieces } from "./expected.ts";

export interface Trip {
  guest: string;
  reference: string;
  days?: number;
}

// 3 × 0.10 + 3 × 0.20 + 2 × 100.00 = 200.90; with 19 % VAT 239.07.
export const total = "239.07";
const lines = [
  ["Pencils", "3", "0.10"],
  ["Erasers", "3", "0.20"],
  ["Delivery", "2", "100.00"],
] as const;

const address = "Hauptstraße 1\n10115 Berlin";
const destination = "Lisbon";

/** What of it stands on the invoice. */
export function typedInvoice(customer: string): string[] {
  return [customer, address, ...lines.map(([description]) => description), total].flatMap(pieces);
}

/** What of it stands on the itinerary. */
export function typedTrip({ guest, reference }: Trip): string[] {
  return [guest, reference, destination].flatMap(pieces);
}

export async function fillInvoice(page: Page, customer: string, script: boolean): Promise<void> {
  const field = (name: string) => page.getByRole("textbox", { name }).first();
  await field("Customer").fill(customer);
  await field("Address").fill(address);
  await page.getByLabel("Invoice date").fill("2027-03-08");
  await page.getByLabel("Payment due").fill("2027-04-07");
  for (const [index, [description, quantity, price]] of lines.entries()) {
    const cell = (column: string) => page.locator(`input[name="lines.${index}.${column}"]`);
    // Without JavaScript the button asks the server for more rows.
    if ((await cell("description").count()) === 0) await page.getByRole("button", { name: script ? "Add a row" : "More rows" }).click();
    await cell("description").fill(description);
    await cell("quantity").fill(quantity);
    await cell("unit_price").fill(price);
    await cell("vat_rate").fill("19");
  }
}

export async function fillTrip(page: Page, { guest, reference, days = 2 }: Trip): Promise<void> {
  await page.getByLabel("Your name").fill(guest);
  await page.getByLabel("Travellers").fill("2");
  await page.getByLabel("Destination").fill(destination);
  await page.getByLabel("First day").fill("2027-05-12");
  await page.getByLabel("Days", { exact: true }).fill(String(days));
  await page.getByText("food", { exact: true }).click();
  await expect(page.getByRole("checkbox", { name: "food" })).toBeChecked();
  await page.getByLabel("Booking reference").fill(reference);
}
