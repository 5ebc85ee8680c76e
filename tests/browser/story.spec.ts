// The main job, as people do it: an agent opens the gallery, publishes, and sends a link; customers fill both forms in browsers of their
// own, with JavaScript and without; a small real model writes; the PDF arrives on the page and at the agent's own server. And when the
// model's process is killed, everything waits for it and nothing is lost.
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { expect, test, type Browser, type Page } from "@playwright/test";
import { Api } from "./api.ts";
import { fillInvoice, fillTrip, total, typedInvoice, typedTrip } from "./customer.ts";
import { expectOf, said, type Declared } from "./expected.ts";
import { checkFile, holds, textOf } from "./pdf.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { startServer, type Server } from "./server.ts";
import { held, kill, threads, workers } from "./worker.ts";
import { publish } from "./workflows.ts";

const out = resolve(import.meta.dirname, "../../target/story");
const shot = (name: string) => ({ path: join(out, `${name}.png`), fullPage: true });
const WRITING = 600_000;

/** The real file, and the link to it that the program is given: so the model can be taken away and brought back. */
const file = process.env["FORMWORK_STORY_MODEL"] ?? "";
let model: string;
let folder: string;
let server: Server;
let receiver: Receiver;
let api: Api;
const links: Record<string, string> = {};

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  if (!existsSync(file)) throw new Error("FORMWORK_STORY_MODEL names no model file: the story is told with a real model (`make story`).");
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "formwork-story-"));
  chmodSync(folder, 0o711);
  model = join(folder, basename(file));
  symlinkSync(file, model);
  receiver = await startReceiver();
  server = await startServer({ dataDir: folder, environment: { FORMWORK_MODEL: model, FORMWORK_LEASE_SECONDS: "5" } });
  api = await Api.signIn(server);
  const endpoint = await api.call<{ secret: string }>("POST", "/endpoints", { name: "Back office", url: receiver.url, attach: "link" });
  receiver.secret = endpoint.secret;
});

test.afterAll(async () => {
  await server?.stop();
  await receiver?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

test("the model worker leaves one core to everything else", async () => {
  await expect.poll(() => workers(server).length, { timeout: 30_000 }).toBe(1);
  expect(threads(workers(server)[0] ?? 0)).toBe(Math.max(1, availableParallelism() - 1));
});

for (const example of ["Invoice", "Travel itinerary"]) {
  test(`an agent starts from the example ${example} and publishes it`, async ({ browser }) => {
    const name = example.split(" ").pop()?.toLowerCase() ?? "";
    const page = await agent(browser);
    await page.goto(`${server.url}/workflows`);
    await page.getByRole("button", { name: `Use as a start: ${example}` }).click();
    await expect(page).toHaveURL(/\/workflows\/[0-9a-f-]{36}/);
    const id = new URL(page.url()).pathname.split("/").pop() ?? "";
    await page.getByRole("treeitem", { name: /send to the/i }).click();
    await page.getByRole("combobox", { name: "Endpoint" }).click();
    await page.getByRole("option", { name: /Back office/ }).click();
    await page.screenshot(shot(`editor-${name}`));
    await page.getByRole("button", { name: "Publish" }).first().click();
    const panel = page.getByRole("dialog", { name: "Publish" });
    await panel.getByRole("button", { name: "Publish" }).click();
    await expect(page.getByText("Version 1 is live")).toBeVisible();
    await page.screenshot(shot(`published-${name}`));
    links[name] = (await panel.locator("code").textContent()) ?? "";
    expect(links[name]).toContain("/f/");
    expect((await api.call<{ form_url: string }>("GET", `/workflows/${id}`)).form_url).toBe(links[name]);
    await page.context().close();
  });
}

for (const script of [true, false]) {
  const how = script ? "with JavaScript" : "without JavaScript";
  const kind = script ? "" : "-plain";

  test(`a customer ${how} gets an invoice whose note the model wrote`, async ({ browser }) => {
    const name = script ? "Zoë Müller-Łukasz" : "Ana Ξένη";
    const { page, errors } = await customer(browser, script);
    await page.goto(links["invoice"] ?? "");
    await fillInvoice(page, name, script);
    await page.screenshot(shot(`form-invoice${kind}`));
    await send(page, "Make this invoice", "Write the note", `invoice${kind}`);
    const pdf = await download(page, `invoice${kind}`, typedInvoice(name));
    const text = textOf(pdf);
    expect(text).toContain(name);
    expect(text).toContain(total);
    const run = await runOf(name);
    expectWritten(run, "note", text);
    const values = await arrived(run.id, pdf);
    expect(values["number"]).toMatch(/^NR-2027-\d{4}$/);
    expect(text).toContain(String(values["number"]));
    expect(values["total"]).toEqual({ amount: total, currency: "EUR" });
    expectQuiet(page, errors);
    await page.context().close();
  });

  test(`a customer ${how} gets an itinerary whose days the model wrote`, async ({ browser }) => {
    const trip = { guest: script ? "Ms Clara Hoffmann" : "Tomáš Dvořák", reference: script ? "NR-2027-0184" : "NR-2027-0207" };
    const { page, errors } = await customer(browser, script);
    await page.goto(links["itinerary"] ?? "");
    await fillTrip(page, trip);
    await page.screenshot(shot(`form-itinerary${kind}`));
    await send(page, "Make my plan", "Write the itinerary", `itinerary${kind}`);
    const pdf = await download(page, `itinerary${kind}`, typedTrip(trip));
    const text = textOf(pdf);
    expect(text).toContain(trip.guest);
    expect(text).toContain(trip.reference);
    const run = await runOf(trip.guest);
    expectWritten(run, "write", text);
    const values = await arrived(run.id, pdf);
    expect(values["reference"]).toBe(trip.reference);
    expectQuiet(page, errors);
    await page.context().close();
  });
}

test("while the model's process is killed everything waits, and then goes on", async ({ browser }) => {
  const watching = await agent(browser);
  const { page } = await customer(browser, true);
  await page.goto(links["itinerary"] ?? "");
  // As long as fits on one page: the model is still at it when its process is killed.
  const trip = { guest: "Ms Kılıç", reference: "NR-2027-0300", days: 3 };
  await fillTrip(page, trip);
  await press(page, "Make my plan");
  // In the middle of a sentence.
  await expect(step(page, "Write the itinerary")).toContainText("being written", { timeout: 60_000 });
  const run = await runOf(trip.guest);
  await expect.poll(async () => (await generation(run.id, "write"))?.text.length ?? 0, { timeout: 60_000 }).toBeGreaterThan(0);
  unlinkSync(model);
  kill(server);
  await expect(step(page, "Write the itinerary")).toContainText("waits for a model", { timeout: 60_000 });

  // Forms go on taking submissions.
  const other = await customer(browser, false);
  await other.page.goto(links["invoice"] ?? "");
  await fillInvoice(other.page, "Noor & Sons", false);
  await press(other.page, "Make this invoice");
  await expect(step(other.page, "Write the note")).toContainText("waits for a model");
  const second = await runOf("Noor & Sons");
  for (const waiting of [run, second]) {
    const still = await api.call<Run>("GET", `/runs/${waiting.id}/wait?wait_ms=3000`);
    expect(still.state).toBe("waiting");
    expect((await api.call<Run>("GET", `/runs/${waiting.id}`)).waits.map((wait) => wait.on)).toEqual(["model"]);
  }
  await expect(page.getByRole("heading", { name: "Your document is being made" })).toBeVisible();
  await page.screenshot(shot("model-killed"));
  await watching.goto(`${server.url}/runs/${run.id}`);
  await expect(watching.getByRole("heading", { level: 1 })).toBeVisible();
  await watching.screenshot(shot("run-model-killed"));
  expect(receiver.received.filter((message) => [run.id, second.id].includes(message.body.data.run_id))).toEqual([]);

  symlinkSync(file, model);
  for (const [shown, at, name, node, typed] of [
    [page, run, "itinerary-after-kill", "write", typedTrip(trip)],
    [other.page, second, "invoice-after-kill", "note", typedInvoice("Noor & Sons")],
  ] as const) {
    const pdf = await download(shown, name, typed);
    expectWritten(await api.call<Run>("GET", `/runs/${at.id}`), node, textOf(pdf));
    await arrived(at.id, pdf);
    await shown.context().close();
  }
  await watching.context().close();
});

interface Shipped {
  name: string;
  languages: string[];
}

interface Template extends Declared {
  page: Record<string, unknown>;
  sample: Record<string, unknown>;
}

interface Made {
  id: string;
  template: Template;
}

test("every document that comes along is printed in each of its languages", async () => {
  const { items } = await api.call<{ items: Shipped[] }>("GET", "/document-examples");
  expect(items.length).toBeGreaterThan(0);
  for (const { name, languages } of items) {
    for (const language of languages) {
      const made = await api.call<Made>("POST", "/documents", { example: name, language });
      await rendered(made, made.template.sample, `${name}-${language}`);
    }
  }
});

test("a letter in Arabic runs from right to left", async () => {
  const { template } = await api.call<Made>("POST", "/documents", { example: "letter", language: "en" });
  const translated: Template = JSON.parse(JSON.stringify(template), (_, value: unknown) => (typeof value === "string" ? (arabic[value] ?? value) : value));
  const page = { ...translated.page, direction: "rtl" };
  const own = { ...translated, language: "ar", page, sample: arabicLetter };
  await rendered(await api.call<Made>("POST", "/documents", { name: "رسالة", template: own }), arabicLetter, "letter-ar");
});

test("a German invoice names a customer in Chinese and goods in Japanese", async () => {
  const made = await api.call<Made>("POST", "/documents", { example: "invoice", language: "de" });
  const lines = [
    { name: "春季目录设计与排版", description: "四十八页，含两轮校对", quantity: "24", unit: "Stunde", unit_price: { amount: "92.00", currency: "EUR" }, vat_rate: "19" },
    { name: "桜柄の包装紙", description: "再生紙、百枚入り", quantity: "1200", unit: "Stück", unit_price: { amount: "1.85", currency: "EUR" }, vat_rate: "19" },
  ];
  const customer = { customer: "绿野园艺有限公司", address: "陈晓明 女士\n北京市朝阳区建国路 88 号\n100022 Peking", note: "Vielen Dank, 陈女士!", reference: "订单 2027" };
  await rendered(made, { ...made.template.sample, ...customer, lines }, "invoice-cjk");
});

/** The words of the letter that are not sent with it. */
const arabic: Record<string, string> = {
  "Date": "التاريخ",
  "Your reference": "مرجعكم",
  "Our reference": "مرجعنا",
  "Contact": "جهة الاتصال",
  "Enclosures": "المرفقات",
  "Page {{ page }} of {{ pages }}": "صفحة {{ page }} من {{ pages }}",
};

const arabicLetter = {
  customer: "شركة الواحة للسياحة",
  address: "السيدة ليلى حداد\nشارع الميناء\nبيروت",
  date: "2027-03-08",
  your_reference: "مكالمة الخميس",
  our_reference: "ML2207",
  contact: "مرتا ليندكفيست",
  subject: "أيام فريقكم على الساحل في شهر يونيو",
  greeting: "السيدة ليلى حداد المحترمة،",
  body: "نشكركم على مكالمتكم يوم الخميس. لقد حجزنا لكم **أربع عشرة غرفة** والحافلة حتى بداية شهر أبريل، وأوضحنا الأمور الثلاثة التي بقيت مفتوحة:\n\n- قاعة الاجتماعات جاهزة منذ الثامنة صباحا.\n- المطبخ يعرف أن اثنين من الضيوف لا يأكلون اللحوم.\n- النزهة في الغابة ممكنة بعد ظهر اليوم الثاني، إلا إذا هبت الرياح.\n\nتجدون العرض مع هذه الرسالة. إذا أعجبكم فوقعوا الصفحة الثانية وأعيدوها إلينا، ونحن نتولى الباقي.",
  closing: "مع أطيب التحيات",
  signer: "مرتا ليندكفيست",
  signer_role: "رحلات المجموعات",
  enclosures: ["عرض الأسعار", "خريطة طريق الساحل"],
};

/** Renders a document without a workflow and keeps the PDF. */
async function rendered({ id, template }: Made, values: Record<string, unknown>, name: string): Promise<void> {
  const answer = await api.call<{ warnings: unknown[]; pdf: { id: string } }>(
    "POST", `/documents/${id}/render`, { values }, { accept: "application/json" },
  );
  expect(answer.warnings, name).toEqual([]);
  await keep(name, answer.pdf.id, template, values);
}

test("an e-invoice and its credit note are made in each language", async () => {
  const firm = await api.call<Record<string, unknown>>("GET", "/firm");
  const seller = { name: "Nordlicht Reisen", street: ["Hüxstraße 44"], post_code: "23552", city: "Lübeck", country: "DE", vat_id: "DE123456788", iban: "DE02120300000000202051" };
  await api.call("PUT", "/firm", { ...firm, ...seller });
  const { items } = await api.call<{ items: Shipped[] }>("GET", "/document-examples");
  for (const language of items[0]?.languages ?? []) {
    const credits = await spoken("credit-e-invoice", "credit-note", language);
    const invoices = await spoken("invoice-business", "invoice", language, credits.id);
    const invoice = await printed(invoices, invoices.sample, `e-invoice-${language}`);
    const { input } = await api.call<{ input: Input }>("GET", `/runs/${invoice}/credit-note`);
    await printed(credits, input, `e-credit-note-${language}`);
  }
});

/** What both workflows ask for. */
interface Input {
  street: string;
  post_code: string;
  city: string;
  items: Record<string, unknown>[];
  [more: string]: unknown;
}

interface Spoken {
  id: string;
  sample: Input;
  template: Declared;
}

/** A shipped workflow whose page is a shipped document in a language. It sends nothing: there is no mail server here. */
async function spoken(example: string, name: string, language: string, credits?: string): Promise<Spoken> {
  const made = await api.call<Made>("POST", "/documents", { example: name, language });
  const { id, sample } = await publish(api, example, (draft) => {
    draft.nodes = draft.nodes.filter((node) => !("to" in node.config));
    draft.edges = draft.edges.filter((edge) => draft.nodes.some((node) => node.id === edge.to));
    for (const { config } of draft.nodes) {
      if ("document" in config) config["document"] = made.id;
      if (credits !== undefined && "credit_notes" in config) config["credit_notes"] = credits;
    }
    Object.assign(draft, { locale: language });
  });
  return { id, sample: sample as Input, template: made.template };
}

/** Runs a workflow and keeps the PDF that it makes; the run's id. */
async function printed(workflow: Spoken, input: Input, name: string): Promise<string> {
  const { id } = await api.call<{ id: string }>("POST", `/workflows/${workflow.id}/runs`, { input, wait_ms: 25_000 });
  const run = await api.call<Run & { artifacts: { id: string; content_type: string }[] }>("GET", `/runs/${id}`);
  expect(run.state, name).toBe("succeeded");
  // Units are codes here, and words on the page.
  const lines = input.items.map((item) => ({ ...item, unit: null }));
  const values = { ...input, address: `${input.street}\n${input.post_code} ${input.city}`, lines };
  await keep(name, run.artifacts.find((file) => file.content_type === "application/pdf")?.id ?? "", workflow.template, values);
  return id;
}

/** Leaves a PDF for those who judge it afterwards, with what it must say of these values. */
async function keep(name: string, artifact: string, template: Declared, values: unknown): Promise<void> {
  const path = join(out, `${name}.pdf`);
  writeFileSync(path, await api.bytes(`/artifacts/${artifact}`));
  checkFile(path);
  expectOf(path, template.language, said(template, values));
}

interface Run {
  id: string;
  state: string;
  waits: { on: string }[];
  steps: { node: string; state: string; output: Record<string, unknown> | null; generations: Generation[] }[];
}

interface Generation {
  text: string;
  usage: { prompt_tokens: number } | null;
}

async function agent(browser: Browser): Promise<Page> {
  const context = await browser.newContext();
  await context.addCookies(api.cookies());
  return context.newPage();
}

/** A browser of their own; what it complains about is kept. */
async function customer(browser: Browser, script: boolean): Promise<{ page: Page; errors: string[] }> {
  const context = await browser.newContext({ javaScriptEnabled: script, acceptDownloads: true });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  return { page, errors };
}

const step = (page: Page, name: string) => page.getByRole("list", { name: "Steps" }).getByRole("listitem").filter({ hasText: name });

/** Pages of those who filled a form in faster than people do and were asked once more; the browser calls that one answer an error. */
const askedAgain = new WeakSet<Page>();

/** What a customer's browser complained of. */
function expectQuiet(page: Page, errors: string[]): void {
  const once = "Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)";
  expect(errors).toEqual(askedAgain.has(page) ? [once] : []);
}

/** Sends the form; a test can be faster than people type, and then does what the page asks for. */
async function press(page: Page, button: string): Promise<void> {
  const again = page.getByText("Press the button again.");
  await page.getByRole("button", { name: button }).first().click();
  await expect(page.getByRole("heading", { name: "Your document is being made" }).or(again)).toBeVisible();
  if (await again.isVisible()) {
    askedAgain.add(page);
    await page.getByRole("button", { name: button }).first().click();
  }
  await expect(page).toHaveURL(/\/r\//);
}

/** Sends the form and sees what happens with it, step by step. */
async function send(page: Page, button: string, writing: string, name: string): Promise<void> {
  // The model is held until the page has been looked at: a fast machine would be done before.
  await held(server, async () => {
    await press(page, button);
    await expect(page.getByRole("heading", { name: "Your document is being made" })).toBeVisible();
    await expect(step(page, writing)).toContainText("waits for a model");
    await page.screenshot(shot(`progress-${name}`));
  });
}

/** Waits for the document on the page, downloads it as a person does, and writes down what it must say of what was typed. */
async function download(page: Page, name: string, typed: readonly string[]): Promise<string> {
  const link = page.getByRole("link", { name: "Download PDF" });
  await expect(link).toBeVisible({ timeout: WRITING });
  await page.screenshot(shot(`result-${name}`));
  const begun = page.waitForEvent("download");
  await link.click();
  const path = join(out, `${name}.pdf`);
  await (await begun).saveAs(path);
  checkFile(path);
  expectOf(path, "en", typed);
  return path;
}

/** The newest run that has this text in its title or input. */
async function runOf(text: string): Promise<Run> {
  const { items } = await api.call<{ items: { id: string }[] }>("GET", `/runs?q=${encodeURIComponent(text)}`);
  return api.call<Run>("GET", `/runs/${items[0]?.id}`);
}

async function generation(run: string, node: string): Promise<Generation | undefined> {
  const { steps } = await api.call<Run>("GET", `/runs/${run}`);
  return steps.find((one) => one.node === node)?.generations.at(-1);
}

/** The model was asked briefly, and every text it wrote stands on the page exactly as it is stored. */
function expectWritten(run: Run, node: string, page: string): void {
  const written = run.steps.find((one) => one.node === node);
  expect(written?.generations.at(-1)?.usage?.prompt_tokens).toBeLessThanOrEqual(300);
  const pieces = texts(written?.output);
  expect(pieces.length).toBeGreaterThan(0);
  for (const piece of pieces) expect(holds(page, piece), `“${piece}” stands on the page`).toBe(true);
}

function texts(value: unknown): string[] {
  if (typeof value === "string") return value.trim() ? [value] : [];
  if (value && typeof value === "object") return Object.values(value).flatMap(texts);
  return [];
}

/** The agent's own server got one signed message, and the file behind its link is the customer's. Gives the message's values. */
async function arrived(run: string, pdf: string): Promise<Record<string, unknown>> {
  const mine = () => receiver.received.filter((message) => message.body.data.run_id === run);
  await expect.poll(() => mine().length, { timeout: 60_000 }).toBe(1);
  const [message] = mine();
  expect(message).toMatchObject({ verified: true, forged: false, attempt: 1, body: { type: "document.ready" } });
  const artifact = message?.body.data.artifacts[0];
  const file = Buffer.from(await (await fetch(artifact?.url ?? "")).arrayBuffer());
  const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  expect(sha256(file)).toBe(artifact?.sha256);
  expect(sha256(readFileSync(pdf))).toBe(artifact?.sha256);
  return message?.body.data.values ?? {};
}
