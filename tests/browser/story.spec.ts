// The main job, as people do it: an agent opens the gallery, publishes, and sends a link; customers fill forms in browsers of their
// own, once with JavaScript and once without; a small real model writes; the PDF arrives on the page and at the agent's own server.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test, type Browser, type Page } from "@playwright/test";
import { Api } from "./api.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { startServer, type Server } from "./server.ts";

const out = resolve(import.meta.dirname, "../../target/story");
const model = process.env["FORMWORK_STORY_MODEL"];

let server: Server;
let receiver: Receiver;
let api: Api;

test.beforeAll(async () => {
  mkdirSync(out, { recursive: true });
  receiver = await startReceiver();
  server = await startServer({ environment: model ? { FORMWORK_MODEL: model } : {} });
  api = await Api.signIn(server);
  const endpoint = await api.call<{ id: string; secret: string }>("POST", "/endpoints", {
    name: "Back office",
    url: receiver.url,
    attach: "link",
  });
  receiver.secret = endpoint.secret;
});

test.afterAll(async () => {
  await server?.stop();
  await receiver?.stop();
});

test.describe.configure({ mode: "serial" });

test("an agent starts from both examples and publishes them", async ({ browser }) => {
  for (const example of ["Invoice", "Travel itinerary"]) {
    const page = await agent(browser);
    await page.goto(`${server.url}/workflows`);
    await page.getByRole("button", { name: `Use as a start: ${example}` }).click();
    await expect(page).toHaveURL(/\/workflows\/[0-9a-f-]{36}/);
    const id = new URL(page.url()).pathname.split("/").pop() ?? "";
    await useEndpoint(id);
    await page.reload();
    await page.getByRole("button", { name: "Publish" }).first().click();
    const panel = page.getByRole("dialog", { name: "Publish" });
    await panel.getByRole("button", { name: "Publish" }).click();
    await expect(page.getByText("Version 1 is live")).toBeVisible();
    await page.screenshot({ path: resolve(out, `published-${example.split(" ").pop()?.toLowerCase()}.png`) });
    published[example] = (await api.call<{ form_url: string }>("GET", `/workflows/${id}`)).form_url;
    await page.context().close();
  }
});

test("a customer sends the invoice form; its note is written by the model", async ({ browser }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(published["Invoice"] ?? "");
  await fillInvoice(page);
  await page.screenshot({ path: resolve(out, "form-invoice.png"), fullPage: true });
  await page.getByRole("button", { name: "Make this invoice" }).click();
  const pdf = await documentOf(page, "invoice");
  const run = await newestRun();
  const text = textOf(pdf);
  expect(text).toContain("Zoë Müller-Łukasz");
  // 3 × 0.10 + 3 × 0.20 + 2 × 100.00 = 200.90; with 19 % VAT 239.07.
  expect(text.replaceAll(/[\s\u00a0\u202f]/g, "")).toContain("239.07");
  expectWritten(text, run, "note");
  await arrived(run.id, pdf);
  await context.close();
});

test("a customer without JavaScript sends the itinerary form; its days are written by the model", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(published["Travel itinerary"] ?? "");
  const answer = (name: string, text: string) => page.locator(`input[name="${name}"]`).fill(text);
  await answer("guest", "Ana Ξένη");
  await answer("travellers", "2");
  await answer("destination", "Lisbon");
  await answer("start", "2027-05-12");
  await answer("days", "2");
  await answer("reference", "NR-2027-0184");
  // A form must be open for a second before it is sent.
  await page.waitForTimeout(1_200);
  await page.getByRole("button", { name: "Make my plan" }).click();
  const pdf = await documentOf(page, "itinerary");
  const run = await newestRun();
  const text = textOf(pdf);
  expect(text).toContain("Ana Ξένη");
  expect(text).toContain("NR-2027-0184");
  expectWritten(text, run, "write");
  await arrived(run.id, pdf);
  await context.close();
});

test.afterAll(({}, info) => {
  if (info.errors.length === 0) process.stdout.write("story: invoice ok, itinerary ok\n");
});

const published: Record<string, string> = {};

async function agent(browser: Browser): Promise<Page> {
  const context = await browser.newContext();
  await context.addCookies(api.cookies());
  return context.newPage();
}

/** Points the delivering step at the receiver, as the endpoint menu of the inspector does. */
async function useEndpoint(workflow: string): Promise<void> {
  const [endpoint] = (await api.call<{ items: { id: string }[] }>("GET", "/endpoints")).items;
  const { draft } = await api.call<{ draft: { revision: number; document: Draft } }>("GET", `/workflows/${workflow}`);
  for (const node of draft.document.nodes) if ("endpoint" in node.config) node.config["endpoint"] = endpoint?.id;
  await api.call("PUT", `/workflows/${workflow}/draft`, { base_revision: draft.revision, document: draft.document });
}

interface Draft {
  nodes: { config: Record<string, unknown> }[];
}

async function fillInvoice(page: Page): Promise<void> {
  const field = (name: string) => page.getByRole("textbox", { name }).first();
  await field("Customer").fill("Zoë Müller-Łukasz");
  await field("Address").fill("Hauptstraße 1\n10115 Berlin");
  await field("Invoice number").fill("2027-0042");
  await page.getByLabel("Invoice date").fill("2027-03-08");
  await page.getByLabel("Payment due").fill("2027-04-07");
  const rows = [
    ["Pencils", "3", "0.10"],
    ["Erasers", "3", "0.20"],
    ["Delivery", "2", "100.00"],
  ];
  for (const [index, [description, quantity, price]] of rows.entries()) {
    const cell = (column: string) => page.locator(`input[name="lines.${index}.${column}"]`);
    if ((await cell("description").count()) === 0) await page.getByRole("button", { name: /add a row/i }).click();
    await cell("description").fill(description ?? "");
    await cell("quantity").fill(quantity ?? "");
    await cell("unit_price").fill(price ?? "");
    await cell("vat_rate").fill("19");
  }
}

/** Waits for the result page and gives the file behind its button. */
async function documentOf(page: Page, name: string): Promise<string> {
  await expect(page).toHaveURL(/\/r\//);
  await page.screenshot({ path: resolve(out, `progress-${name}.png`) });
  const link = page.getByRole("link", { name: /download pdf/i });
  await expect(link).toBeVisible({ timeout: 600_000 });
  await page.screenshot({ path: resolve(out, `result-${name}.png`), fullPage: true });
  const address = new URL((await link.getAttribute("href")) ?? "", page.url()).toString();
  const answer = await page.context().request.get(address);
  expect(answer.ok()).toBe(true);
  expect(answer.headers()["content-type"]).toBe("application/pdf");
  const path = resolve(out, `${name}.pdf`);
  writeFileSync(path, await answer.body());
  execFileSync("qpdf", ["--check", path]);
  return path;
}

interface Run {
  id: string;
  steps: { node: string; state: string; output: Record<string, unknown> }[];
}

async function newestRun(): Promise<Run> {
  const { items } = await api.call<{ items: { id: string }[] }>("GET", "/runs");
  return api.call<Run>("GET", `/runs/${items[0]?.id}`);
}

function textOf(pdf: string): string {
  return execFileSync("pdftotext", ["-layout", pdf, "-"]).toString("utf8");
}

/** Every text the model wrote stands on the page exactly as it is stored. */
function expectWritten(text: string, run: Run, node: string): void {
  const output = run.steps.find((step) => step.node === node)?.output ?? {};
  const written = texts(output);
  expect(written.length).toBeGreaterThan(0);
  const onPage = squeezed(text);
  for (const piece of written) expect(onPage).toContain(squeezed(piece));
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return value.trim() ? [value] : [];
  if (value && typeof value === "object") return Object.values(value).flatMap(texts);
  return [];
}

/** Line breaks of the page are not part of the text. */
function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, "");
}

/** The agent's own server has the signed message, and the file behind its link is the customer's. */
async function arrived(run: string, pdf: string): Promise<void> {
  const mine = async () => receiver.received.find((message) => message.body.data.run_id === run);
  await expect.poll(mine, { timeout: 60_000 }).toBeTruthy();
  const message = await mine();
  expect(message?.verified).toBe(true);
  const artifact = message?.body.data.artifacts[0];
  const file = Buffer.from(await (await fetch(artifact?.url ?? "")).arrayBuffer());
  const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  expect(hash(file)).toBe(artifact?.sha256);
  expect(textOf(pdf).length).toBeGreaterThan(0);
}
