// The public form and its result as visitors use them: what is typed survives, sending twice is one run, rows by keyboard and on a
// phone, mistakes on top, and everything without JavaScript, too.
import { expect, test, type BrowserContextOptions, type Page } from "@playwright/test";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
let api: Api;
let invoice: string;
let stay: string;

test.beforeAll(async () => {
  test.setTimeout(180_000);
  server = await startServer();
  api = await Api.signIn(server);
  invoice = await publish({ example: "invoice" });
  stay = await publish({ document: stayForm });
});

test.afterAll(async () => server?.stop());

const stayForm = {
  format: "formwork/1",
  name: "Stay",
  locale: "en",
  time_zone: "Europe/Berlin",
  currency: "EUR",
  nodes: [
    {
      id: "form",
      type: "form_input",
      version: 1,
      name: "Form",
      config: {
        title: "Book a stay",
        fields: [
          { name: "guest", label: "Your name", kind: "text", required: true, section: "You" },
          { name: "likes", label: "What do you like?", kind: "multi_select", options: [{ value: "sea" }, { value: "food" }], section: "Stay" },
          { name: "passport", label: "Passport", kind: "file", required: true, accept: ["image/*"], max_bytes: 100_000 },
          { name: "price", label: "Price", kind: "money" },
        ],
      },
    },
  ],
  edges: [],
};
const png = { name: "passport.png", mimeType: "image/png", buffer: Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "latin1") };

async function publish(body: unknown): Promise<string> {
  const { id, draft } = await api.call<{ id: string; draft: { document: { nodes: { id: string; config: Record<string, unknown> }[]; edges: { to: string }[] } } }>("POST", "/workflows", body);
  // Nobody receives anything here, so what would be sent is left out.
  const { document } = draft;
  const sends = document.nodes.filter((node) => "endpoint" in node.config).map((node) => node.id);
  document.nodes = document.nodes.filter((node) => !sends.includes(node.id));
  document.edges = document.edges.filter((edge) => !sends.includes(edge.to));
  await api.call("PUT", `/workflows/${id}/draft`, { base_revision: 1, document });
  await api.call("POST", `/workflows/${id}/publish`, { base_revision: 2 });
  return (await api.call<{ form_url: string }>("GET", `/workflows/${id}`)).form_url;
}

async function runs(): Promise<number> {
  return (await api.call<{ items: unknown[] }>("GET", "/runs")).items.length;
}

const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const cell = (page: Page, row: number, column: string) => page.locator(`input[name="lines.${row}.${column}"]`);
const rows = (page: Page) => page.locator("ol.rows > li");
const kept = (page: Page) => page.getByRole("button", { name: "Remove passport.png" });
const total = (page: Page) => page.locator('output[data-computed="/total"]');

async function fillHead(page: Page): Promise<void> {
  await page.getByRole("textbox", { name: "Customer" }).fill("Zoë Müller");
  await page.getByRole("textbox", { name: "Address" }).fill("Hauptstraße 1\n10115 Berlin");
  await page.getByLabel("Invoice date").fill("2027-03-08");
  await page.getByLabel("Payment due").fill("2027-04-07");
}

test("typed values and files survive a reload, and sending from two tabs is one run", async ({ context, page }) => {
  const before = await runs();
  await page.goto(stay);
  await page.getByLabel("Your name").fill("Ada 名 \u{1f600}");
  await page.getByText("food", { exact: true }).click();
  await page.locator('input[type="file"]').setInputFiles(png);
  await expect(kept(page)).toBeVisible();
  await page.getByLabel("Price").fill("1.234,50");
  await expect(page.getByText("Read as €1,234.50")).toBeVisible();
  await expect(page.getByText("Saved on this device")).toBeVisible();
  await expect.poll(() => page.evaluate(() => Object.values(localStorage).join())).toContain("1.234,50");
  await page.reload();
  await expect(page.getByLabel("Your name")).toHaveValue("Ada 名 \u{1f600}");
  await expect(page.getByRole("checkbox", { name: "food" })).toBeChecked();
  await expect(kept(page)).toBeVisible();
  await expect(page.getByLabel("Price")).toHaveValue("1.234,50");
  const second = await context.newPage();
  await second.goto(stay);
  await expect(kept(second)).toBeVisible();
  await page.getByRole("button", { name: "Send" }).dblclick();
  await expect(page.getByRole("heading", { name: "Your answers have arrived" })).toBeVisible();
  await second.getByRole("button", { name: "Send" }).click();
  await expect(second).toHaveURL(page.url());
  expect(await runs()).toBe(before + 1);
  // The draft has served.
  await page.getByRole("link", { name: "Make another: Stay" }).click();
  await expect(page.getByLabel("Your name")).toHaveValue("");
});

test("a file that is not taken is declined where it was chosen", async ({ page }) => {
  await page.goto(stay);
  await page.locator('input[type="file"]').setInputFiles({ ...png, buffer: Buffer.from("<html><script>") });
  await expect(page.getByText("passport.png is of a type that is not taken here.")).toBeVisible();
  await page.locator('input[type="file"]').setInputFiles({ ...png, buffer: Buffer.concat([png.buffer, Buffer.alloc(100_000)]) });
  await expect(page.getByText("passport.png is larger than 100 kB.")).toBeVisible();
  await page.locator('input[type="file"]').setInputFiles(png);
  await kept(page).click();
  await expect(kept(page)).toBeHidden();
});

test("rows are filled in by keyboard and from a spreadsheet; the server adds up", async ({ page }) => {
  await page.goto(invoice);
  await fillHead(page);
  const start = await rows(page).count();
  await cell(page, 0, "description").focus();
  await page.keyboard.insertText("Pencils");
  for (const text of ["3", "0.10", "19"]) {
    await page.keyboard.press("Enter");
    await page.keyboard.insertText(text);
  }
  await page.keyboard.press("Enter");
  await expect(cell(page, 1, "description")).toBeFocused();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData("text/plain", "Erasers\t3\t0,20\t19\nDelivery\t2\t100.00\t19\nTravel\t1\t50\t7\nHotel\t1\t80\t7\n");
    document.activeElement?.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
  await expect(cell(page, 4, "description")).toHaveValue("Hotel");
  expect(await rows(page).count()).toBeGreaterThan(start);
  // 0.30 + 0.60 + 200 with 19 %, 130 with 7 %.
  await expect(total(page)).toHaveText("€378.17");
  await page.getByRole("button", { name: "Remove row 5" }).click();
  await expect(total(page)).toHaveText("€292.57");
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(total(page)).toHaveText("€378.17");
  await page.getByRole("button", { name: "Move row 1:" }).focus();
  await page.keyboard.press("ArrowDown");
  await expect(cell(page, 0, "description")).toHaveValue("Erasers");
  await expect(page.getByRole("button", { name: "Move row 2:" })).toBeFocused();
  await expect(page.locator('output[data-computed="/lines/1/amount"]')).toHaveText("€0.30");
});

test("mistakes are listed on top, lead to their questions and cost nothing", async ({ page }) => {
  await page.goto(invoice);
  await cell(page, 0, "description").fill("Pencils");
  await cell(page, 0, "quantity").fill("many");
  await page.getByRole("button", { name: "Make this invoice" }).click();
  await expect(page.getByRole("heading", { name: "Some answers need another look" })).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Customer" })).toBeFocused();
  await expect(page.getByRole("textbox", { name: "Customer" })).toHaveAccessibleDescription("Fill in Customer");
  await page.getByRole("link", { name: "Row 1: Quantity" }).click();
  await expect(cell(page, 0, "quantity")).toBeFocused();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.insertText("3");
  await expect(cell(page, 0, "quantity")).not.toHaveAttribute("aria-invalid");
  await expect(cell(page, 0, "description")).toHaveValue("Pencils");
});

test("on a phone a filled row closes to a line, and the total stays in sight", async ({ browser }) => {
  const context = await browser.newContext(phone);
  const page = await context.newPage();
  await page.goto(invoice);
  await expect(rows(page)).toHaveCount(1);
  for (const [column, text] of Object.entries({ description: "Pencils", quantity: "3", unit_price: "0.10", vat_rate: "19" })) {
    await cell(page, 0, column).fill(text);
  }
  await page.getByRole("button", { name: "Add a row" }).click();
  await expect(cell(page, 0, "description")).toBeHidden();
  const line = rows(page).first().getByRole("button", { expanded: false });
  await expect(line).toContainText("Pencils");
  await expect(line).toContainText("€0.30");
  await expect(total(page)).toBeInViewport();
  await line.click();
  await expect(cell(page, 0, "description")).toBeFocused();
  await context.close();
});

test("without JavaScript: more rows, recalculate, a mistake, a file, and the document", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(stay);
  await page.locator('input[type="file"]').setInputFiles(png);
  // A form is open for a second before it is sent.
  await page.waitForTimeout(1_100);
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("link", { name: "Fill in Your name" })).toBeVisible();
  await expect(kept(page)).toBeVisible();
  await page.getByLabel("Your name").fill("Ada");
  await page.getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("heading", { name: "Your answers have arrived" })).toBeVisible();
  await page.goto(invoice);
  await fillHead(page);
  await cell(page, 0, "description").fill("Pencils");
  await cell(page, 0, "quantity").fill("3");
  await cell(page, 0, "unit_price").fill("0,10");
  await cell(page, 0, "vat_rate").fill("19");
  const shown = await rows(page).count();
  await page.getByRole("button", { name: "More rows" }).click();
  expect(await rows(page).count()).toBeGreaterThan(shown);
  await page.getByRole("button", { name: "Recalculate" }).click();
  await expect(total(page)).toHaveText("€0.36");
  await page.waitForTimeout(1_100);
  await page.getByRole("button", { name: "Make this invoice" }).click();
  // The page asks again by itself until the document is there.
  await expect(page.getByRole("link", { name: "Download PDF" })).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("img", { name: "First page of" })).toBeVisible();
  await context.close();
});
