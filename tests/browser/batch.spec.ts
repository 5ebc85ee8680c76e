// A run for each row of a file: columns matched, a row in error left out on purpose, the batch followed, stopped and resumed, its documents taken.
import { expect, test } from "@playwright/test";
import { readFileSync } from "node:fs";
import { agent } from "./agent.ts";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";
import { workbook } from "./workbook.ts";

let server: Server;
let api: Api;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
});

const document = (name: string, last: object, more: object = {}) => ({
  format: "formwork/1", name, locale: "en", time_zone: "Europe/Berlin", currency: "EUR",
  nodes: [
    {
      id: "form", type: "form_input", version: 1, name: "Form",
      config: { title: name, fields: [{ name: "customer", label: "Customer", kind: "text", required: true }, { name: "price", label: "Price", kind: "money" }] },
    },
    last,
  ],
  edges: [{ from: "form", port: "out", to: "last" }],
  ...more,
});

const page = {
  id: "last", type: "pdf_render", version: 1, name: "Page",
  config: { document: "offer", file_name: "offer.pdf", values: { customer: "{{ form.customer }}" } },
};
const templates = {
  documents: {
    offer: { format: "formwork-document/1", fields: [{ name: "customer", title: "Customer", kind: "text" }], blocks: [{ id: "a", type: "text", text: "For {{ customer }}" }] },
  },
};

async function publish(content: object): Promise<{ id: string }> {
  const made = await api.call<{ id: string; draft: { revision: number } }>("POST", "/workflows", { document: content });
  await api.call("POST", `/workflows/${made.id}/publish`, { base_revision: made.draft.revision });
  return made;
}

const file = (name: string, text: string) => ({ name, mimeType: "text/csv", buffer: Buffer.from(text) });

test("a file's rows become runs, and their documents one file", async ({ browser }, info) => {
  await publish(document("Offer", page, templates));
  const tab = await agent(browser, api);
  await tab.goto(`${server.url}/workflows`);
  const row = tab.getByRole("row").filter({ has: tab.getByRole("link", { name: "Offer" }) });
  await row.getByRole("button").last().click();
  await tab.getByRole("menuitem", { name: "Run for each row of a file" }).click();
  await expect(tab.getByText("No file was run yet.")).toBeVisible();
  await expectAccessible(tab, "no batch yet");
  await tab.getByRole("link", { name: "Run for each row of a file" }).click();
  await tab.locator("input[type=file]").setInputFiles(file("offers.csv", "Client;PRICE\nAda;10\nBo;cheap\n\nCy;7\n"));
  await expect(tab.getByText("3 rows were read.")).toBeVisible();
  await expect(tab.getByText("“Customer” must be answered, and no column fills it. Choose its column.")).toBeVisible();
  await expect(tab.getByRole("button", { name: "Start" })).toBeDisabled();
  await expectAccessible(tab, "a column that nobody matched");
  await tab.getByRole("combobox", { name: "What “Client” fills" }).click();
  await tab.getByRole("option", { name: "Customer (must be filled)" }).click();
  const problems = tab.getByRole("region", { name: "One problem in one row" });
  await expect(problems.getByRole("row").nth(1)).toContainText("3PRICEcheap");
  await expect(tab.getByRole("button", { name: "Start 2 runs" })).toBeDisabled();
  await tab.screenshot({ path: info.outputPath("problems.png") });
  await tab.getByRole("checkbox", { name: "Leave out the row with problems" }).check();
  await expectAccessible(tab, "a file that is ready");
  expect((await api.call<{ items: unknown[] }>("GET", "/runs")).items).toHaveLength(0);
  await tab.getByRole("button", { name: "Start 2 runs" }).click();

  await expect(tab.getByRole("heading", { name: "offers.csv" })).toBeVisible();
  await expect(tab.getByText("2 of 2 rows are over. One was left out.")).toBeVisible({ timeout: 30_000 });
  await expect(tab.getByText("finished", { exact: true })).toBeVisible();
  await expect(tab.getByRole("row").filter({ hasText: "Ada" }).getByRole("link")).toBeVisible();
  await expectAccessible(tab, "a finished batch");
  await tab.screenshot({ path: info.outputPath("finished.png") });
  await tab.getByText("Left out 1", { exact: true }).click();
  await expect(tab.getByRole("row").nth(1)).toContainText("left out");
  const zip = tab.waitForEvent("download");
  await tab.getByRole("button", { name: /^2 documents as a ZIP/ }).click();
  expect(readFileSync(await (await zip).path()).subarray(0, 2).toString()).toBe("PK");
  const pdf = tab.waitForEvent("download");
  await tab.getByRole("button", { name: "2 PDFs as one" }).click();
  const bound = await pdf;
  expect(bound.suggestedFilename()).toBe("offers.pdf");
  expect(readFileSync(await bound.path()).subarray(0, 5).toString()).toBe("%PDF-");
  // What is refused is told on the page, and leads nowhere else.
  await tab.route("**/documents.zip?check=true", (route) =>
    route.fulfill({ status: 409, contentType: "application/problem+json", json: { type: "batch_no_documents", title: "Conflict", status: 409 } }),
  );
  await tab.getByRole("button", { name: /^2 documents as a ZIP/ }).click();
  await expect(tab.getByText("No row of this batch has made a document yet.")).toBeVisible();
  await expect(tab.getByRole("heading", { name: "offers.csv" })).toBeVisible();
  // A run leads back to its batch.
  await tab.getByText("All 3", { exact: true }).click();
  await tab.getByRole("row").filter({ hasText: "Ada" }).getByRole("link").click();
  await tab.getByRole("link", { name: "Row 2 of offers.csv" }).click();
  await expect(tab.getByRole("heading", { name: "offers.csv" })).toBeVisible();
});

test("a sheet of a workbook is chosen, and columns that are chosen quickly all count", async ({ browser }, info) => {
  const made = await publish(document("Sheets", { id: "last", type: "template_fill", version: 1, name: "Text", config: { template: "Hello {{ form.customer }}" } }));
  const book = workbook([
    { name: "Blank", rows: [] },
    { name: "Notes", rows: [["What this is about"]] },
    { name: "2026", rows: [["Client", "Cost"], ["Ada", "10"]] },
    { name: "2027", rows: [["Client", "Cost"], ["Bo", "7"], ["Cy & Di", "8"]] },
  ]);
  const tab = await agent(browser, api);
  await tab.goto(`${server.url}/workflows/${made.id}/batches?new=true`);
  await tab.locator("input[type=file]").setInputFiles({ name: "guests.xlsx", mimeType: "application/octet-stream", buffer: book });
  // The first one that holds anything.
  const sheet = tab.getByRole("combobox", { name: "Sheet of the workbook" });
  await expect(sheet).toHaveValue("Notes");
  await expect(tab.getByText("The file has no rows below the names of its columns.")).toBeVisible();
  await expect(tab.getByRole("button", { name: "Start" })).toBeDisabled();
  await expectAccessible(tab, "a workbook with several sheets");
  const choose = async (name: string) => {
    await sheet.click();
    await tab.getByRole("option", { name, exact: true }).click();
    await expect(sheet).toHaveValue(name);
  };
  await choose("Blank");
  await expect(tab.getByText("The first row of the sheet must hold the names of the columns.")).toBeVisible();
  await choose("2026");
  await expect(tab.getByText("1 row was read.")).toBeVisible();
  await choose("2027");
  await expect(tab.getByText("2 rows were read.")).toBeVisible();

  // Both are chosen before the server has looked at the first.
  let letGo = () => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await tab.route("**/batches/preview", async (route) => {
    await gone;
    await route.continue();
  });
  const fills = async (column: string, field: string) => {
    await tab.getByRole("combobox", { name: `What “${column}” fills` }).click();
    await tab.getByRole("option", { name: field }).click();
  };
  await fills("Client", "Customer (must be filled)");
  await fills("Cost", "Price");
  letGo();
  await expect(tab.getByRole("button", { name: "Start 2 runs" })).toBeEnabled();
  await expect(tab.getByRole("combobox", { name: "What “Client” fills" })).toHaveValue("Customer (must be filled)");
  await expect(tab.getByRole("combobox", { name: "What “Cost” fills" })).toHaveValue("Price");
  await tab.screenshot({ path: info.outputPath("sheets.png") });
  await tab.getByRole("button", { name: "Start 2 runs" }).click();
  await expect(tab.getByRole("heading", { name: "guests.xlsx" })).toBeVisible();
  await expect(tab.getByText("2 of 2 rows are over.")).toBeVisible({ timeout: 30_000 });
  const { items } = await api.call<{ items: { id: string }[] }>("GET", `/runs?workflow=${made.id}`);
  const inputs = await Promise.all(items.map(async ({ id }) => (await api.call<{ input: Record<string, unknown> }>("GET", `/runs/${id}`)).input));
  expect(inputs.map((input) => input["customer"]).sort()).toEqual(["Bo", "Cy & Di"]);
  expect(inputs).toContainEqual(expect.objectContaining({ customer: "Bo", price: { amount: "7.00", currency: "EUR" } }));
});

test("a batch is stopped, resumed, and its runs are stopped", async ({ browser }, info) => {
  const wait = { id: "last", type: "delay", version: 1, name: "Wait", config: { mode: "for", amount: "1", unit: "days" } };
  const made = await publish(document("Waiting", wait));
  const tab = await agent(browser, api);
  await tab.goto(`${server.url}/workflows/${made.id}/batches?new=true`);
  const rows = Array.from({ length: 200 }, (_, at) => `Customer ${at + 1}`);
  await tab.locator("input[type=file]").setInputFiles(file("waiting.csv", `Customer\n${rows.join("\n")}\n`));
  await tab.getByRole("button", { name: "Start 200 runs" }).click();
  const stop = tab.getByRole("main").getByRole("button", { name: "Stop the batch" });
  await stop.click();
  const dialog = tab.getByRole("dialog");
  await expectAccessible(tab, "stopping a batch");
  // Whoever came by keyboard goes on where the dialog was opened.
  await tab.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(stop).toBeFocused();
  await tab.keyboard.press("Enter");
  await dialog.getByRole("button", { name: "Stop the batch" }).click();
  await expect(dialog).toBeHidden();
  await expect(tab.getByText("stopped", { exact: true })).toBeVisible();
  await tab.getByRole("button", { name: "Resume" }).click();
  await expect(tab.getByText("under way", { exact: true })).toBeVisible();
  // The button has gone with what it did.
  await expect(tab.getByRole("main")).toBeFocused();
  await tab.getByRole("button", { name: "Stop the batch" }).click();
  const runs = dialog.getByRole("checkbox");
  if (await runs.isVisible()) await runs.check();
  await dialog.getByRole("button", { name: "Stop the batch" }).click();
  await expect(tab.getByText("stopped", { exact: true }).or(tab.getByText("finished", { exact: true }))).toBeVisible();
  await tab.screenshot({ path: info.outputPath("stopped.png") });
  await tab.goto(`${server.url}/workflows/${made.id}/batches`);
  await expect(tab.getByRole("link", { name: "waiting.csv" })).toBeVisible();
  await expectAccessible(tab, "the batches of a workflow");
});

test("what has not begun of a stopped batch is discarded", async ({ browser }, info) => {
  const wait = { id: "last", type: "delay", version: 1, name: "Wait", config: { mode: "for", amount: "1", unit: "days" } };
  const made = await publish(document("Discarded", wait));
  const tab = await agent(browser, api);
  await tab.goto(`${server.url}/workflows/${made.id}/batches?new=true`);
  const rows = Array.from({ length: 2000 }, (_, at) => `Customer ${at + 1}`);
  await tab.locator("input[type=file]").setInputFiles(file("discarded.csv", `Customer\n${rows.join("\n")}\n`));
  await tab.getByRole("button", { name: "Start 2,000 runs" }).click();
  await tab.getByRole("button", { name: "Stop the batch" }).click();
  const dialog = tab.getByRole("dialog");
  await dialog.getByRole("button", { name: "Stop the batch" }).click();
  await expect(dialog).toBeHidden();
  await tab.getByRole("button", { name: "Discard what has not begun" }).click();
  await expectAccessible(tab, "discarding what has not begun");
  await tab.screenshot({ path: info.outputPath("discard.png") });
  await dialog.getByRole("button", { name: /^Discard [\d,]+ rows$/ }).click();
  await expect(dialog).toBeHidden();
  await expect(tab.getByRole("button", { name: "Resume" })).toHaveCount(0);
  await tab.getByText(/^Discarded [\d,]+$/).click();
  await expect(tab.getByRole("row").nth(1)).toContainText("discarded");
});

test("a file that is none is told", async ({ browser }) => {
  const made = await publish(document("Told", { id: "last", type: "template_fill", version: 1, name: "Text", config: { template: "Hello" } }));
  const tab = await agent(browser, api);
  await tab.goto(`${server.url}/workflows/${made.id}/batches?new=true`);
  await tab.locator("input[type=file]").setInputFiles(file("empty.csv", "Customer\n"));
  await expect(tab.getByText("The file has no rows below the names of its columns.")).toBeVisible();
  await tab.locator("input[type=file]").setInputFiles(file("broken.xlsx", "PK\u0003\u0004 broken"));
  await expect(tab.getByText(/^.*not an Excel workbook that can be read/)).toBeVisible();
  await expectAccessible(tab, "a file that is none");
});
