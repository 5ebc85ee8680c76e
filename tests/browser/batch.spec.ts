// A run for each row of a file: columns matched, a row in error left out on purpose, the batch followed, stopped and resumed, its documents taken.
import { expect, test } from "@playwright/test";
import { readFileSync } from "node:fs";
import { agent } from "./agent.ts";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

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

test("a batch is stopped, resumed, and its runs are stopped", async ({ browser }, info) => {
  const wait = { id: "last", type: "delay", version: 1, name: "Wait", config: { mode: "for", amount: "1", unit: "days" } };
  const made = await publish(document("Waiting", wait));
  const tab = await agent(browser, api);
  await tab.goto(`${server.url}/workflows/${made.id}/batches?new=true`);
  const rows = Array.from({ length: 200 }, (_, at) => `Customer ${at + 1}`);
  await tab.locator("input[type=file]").setInputFiles(file("waiting.csv", `Customer\n${rows.join("\n")}\n`));
  await tab.getByRole("button", { name: "Start 200 runs" }).click();
  await tab.getByRole("button", { name: "Stop the batch" }).click();
  const dialog = tab.getByRole("dialog");
  await expectAccessible(tab, "stopping a batch");
  await dialog.getByRole("button", { name: "Stop the batch" }).click();
  await expect(dialog).toBeHidden();
  await expect(tab.getByText("stopped", { exact: true })).toBeVisible();
  await tab.getByRole("button", { name: "Resume" }).click();
  await expect(tab.getByText("under way", { exact: true })).toBeVisible();
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
