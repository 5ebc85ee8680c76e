// Runs and deliveries as people follow them: steps with attempts and streamed text, stopping, trying again, live news in two tabs.
import { expect, test, type Browser, type Page } from "@playwright/test";
import { Api } from "./api.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { startServer, type Server } from "./server.ts";
import { deliverTo, publish, start, type Published } from "./workflows.ts";

let server: Server;
let receiver: Receiver;
let api: Api;
let invoice: Published;
let itinerary: Published;

test.beforeAll(async () => {
  receiver = await startReceiver();
  // Slow enough that a text is seen while it is written.
  server = await startServer({ environment: { FORMWORK_FAKE_TOKEN_MS: "60" } });
  api = await Api.signIn(server);
  const endpoint = await api.call<{ endpoint: { id: string }; secret: string }>("POST", "/endpoints", { name: "Back office", url: receiver.url });
  receiver.secret = endpoint.secret;
  invoice = await publish(api, "invoice", deliverTo(endpoint.endpoint.id));
  itinerary = await publish(api, "itinerary", deliverTo(endpoint.endpoint.id));
});

test.afterAll(async () => {
  await server?.stop();
  await receiver?.stop();
});

async function signedIn(browser: Browser): Promise<Page> {
  const context = await browser.newContext();
  await context.addCookies(api.cookies());
  return context.newPage();
}

const step = (page: Page, name: string) => page.getByRole("button", { name: new RegExp(`^${name}`) });
const state = (page: Page) => page.locator("header").getByRole("status");

test("a run without a model shows what each step read and put out, and the page beside it", async ({ browser }) => {
  const page = await signedIn(browser);
  const run = await start(api, invoice);
  await page.goto(`${server.url}/runs/${run.id}`);
  await expect(state(page)).toHaveText("Done");
  await step(page, "Add up").click();
  await expect(page).toHaveURL(/step=totals/);
  const detail = page.getByRole("listitem").filter({ has: step(page, "Add up") });
  await expect(detail.getByText("€1,710.77")).toBeVisible();
  await detail.getByRole("button", { name: "What it read" }).click();
  await expect(detail.getByText("5 items").first()).toBeVisible();
  await detail.getByRole("button", { name: "Log" }).click();
  await expect(detail.getByText("Attempt 1")).toBeVisible();
  // Back and forth by keyboard.
  await step(page, "Add up").press("ArrowDown");
  await expect(step(page, "Write the note")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(step(page, "Write the note")).toHaveAttribute("aria-expanded", "true");

  const paper = page.getByRole("region", { name: "Page" });
  await expect(paper.getByText(/invoice-NR-2027-\d{4}\.pdf/)).toBeVisible();
  const file = await page.request.get(new URL((await paper.getByRole("link", { name: "Download" }).getAttribute("href")) ?? "", server.url).href);
  expect(file.headers()["content-type"]).toBe("application/pdf");
  expect((await file.body()).subarray(0, 5).toString()).toBe("%PDF-");
  await expect(page.getByRole("link", { name: /Back office.*received/ })).toBeVisible();
});

test("a model's text appears while it is written, field by field, in two tabs", async ({ browser }) => {
  const page = await signedIn(browser);
  const second = await page.context().newPage();
  const run = await start(api, itinerary);
  await page.goto(`${server.url}/runs/${run.id}`);
  await second.goto(`${server.url}/runs/${run.id}`);
  for (const tab of [page, second]) {
    const text = tab.getByRole("region", { name: "Text of the model" });
    await expect(text.getByText("Writing")).toBeVisible();
    const before = (await text.innerText()).length;
    await expect.poll(async () => (await text.innerText()).length).toBeGreaterThan(before);
  }
  for (const tab of [page, second]) {
    await expect(state(tab)).toHaveText("Done", { timeout: 60_000 });
    await expect(tab.getByRole("region", { name: "Page" }).getByRole("link", { name: "Download" })).toBeVisible();
  }
  // What was written stays open when the run is done.
  await expect(step(page, "Write the itinerary")).toHaveAttribute("aria-expanded", "true");
  const text = page.getByRole("region", { name: "Text of the model" });
  await expect(text.getByText("Written", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "What the model was given" }).click();
  await expect(page.getByText("Write a warm travel plan for Ms Clara Hoffmann, who travels to Lisbon for 3 days")).toBeVisible();
  const stored = await api.call<{ steps: { node: string; output: Record<string, string> }[] }>("GET", `/runs/${run.id}`);
  const title = stored.steps.find((one) => one.node === "write")?.output["title"] ?? "no title";
  await expect(text.getByText(title, { exact: true })).toBeVisible();
});

test("a word on the page of a run tells where it comes from, by mouse and by keyboard", async ({ browser }) => {
  const page = await signedIn(browser);
  const run = await start(api, itinerary);
  await page.goto(`${server.url}/runs/${run.id}`);
  await expect(state(page)).toHaveText("Done", { timeout: 60_000 });
  const sheet = page.getByRole("region", { name: "Page 1", exact: true });
  const written = sheet.getByRole("option", { name: /^Written by a model, / }).first();
  await written.hover();
  const told = page.getByRole("tooltip", { name: "Where this comes from" });
  await expect(told).toContainText("Write the itinerary");
  await expect(told.getByRole("region", { name: "What the model was given" })).toContainText("Write a warm travel plan for Ms Clara Hoffmann");
  await expect(told).toContainText("Seed");
  // What is told stays while it is pointed at, and goes with Escape.
  await told.hover();
  await expect(told).toBeVisible();
  await page.mouse.move(2, 2);
  await expect(told).toBeHidden();

  // The same from word to word by keyboard, without the mouse.
  await sheet.getByRole("listbox").focus();
  await page.keyboard.press("Home");
  await expect(told).toBeVisible();
  const first = await told.innerText();
  await expect
    .poll(async () => {
      await page.keyboard.press("ArrowDown");
      return await told.innerText();
    })
    .not.toBe(first);
  await page.keyboard.press("Escape");
  await expect(told).toBeHidden();

  // Chosen it stays, and leads to the step.
  await written.click();
  const card = page.getByRole("dialog", { name: "Where this comes from" });
  await card.getByRole("button", { name: "Show the step “Write the itinerary”" }).click();
  await expect(card).toBeHidden();
  await expect(page).toHaveURL(/step=write/);
  await expect(step(page, "Write the itinerary")).toBeFocused();
});

test("a new run appears in the list of another tab, with its state", async ({ browser }) => {
  const page = await signedIn(browser);
  await page.goto(`${server.url}/runs`);
  await expect(page.getByRole("heading", { name: "Runs" })).toBeVisible();
  const run = await start(api, invoice, {}, "Told by the server");
  const row = page.getByRole("row").filter({ hasText: "Told by the server" });
  await expect(row).toContainText("Done");
  await row.getByRole("link").click();
  await expect(page).toHaveURL(new RegExp(`/runs/${run.id}`));
});

test("the list of those that lost their worker stays in the address, and says when there are none", async ({ browser }) => {
  const page = await signedIn(browser);
  await start(api, invoice, {}, "Kept its worker");
  await page.goto(`${server.url}/runs`);
  const row = page.getByRole("row").filter({ hasText: "Kept its worker" });
  await expect(row).toBeVisible();
  await page.getByText("Lost its worker", { exact: true }).click();
  const none = page.getByText("No run was given up because the process that ran it was lost again and again.");
  await expect(none).toBeVisible();
  await expect(row).toBeHidden();
  await page.reload();
  await expect(page.getByRole("radio", { name: "Lost its worker" })).toBeChecked();
  await expect(none).toBeVisible();
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(row).toBeVisible();
});

test("stopping ends a run at once; running it again starts a new one that names it", async ({ browser }) => {
  const page = await signedIn(browser);
  const run = await start(api, itinerary, { guest: "[[fake:hang]]" });
  await page.goto(`${server.url}/runs/${run.id}`);
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(state(page)).toHaveText("Stopped");
  await expect(page.getByRole("button", { name: "Stop", exact: true })).toBeHidden();
  await page.getByRole("button", { name: "Edit input and retry" }).click();
  const dialog = page.getByRole("dialog", { name: "Edit input and retry" });
  await dialog.getByLabel("Your name").fill("Ms Ibarra");
  await dialog.getByRole("button", { name: "Retry with these values" }).click();
  await expect(page).not.toHaveURL(new RegExp(run.id));
  await expect(page.getByRole("link", { name: "a retry of an earlier run" })).toHaveAttribute("href", `/runs/${run.id}`);
  await expect(state(page)).toHaveText("Done", { timeout: 60_000 });
});

test("a failed step opens by itself and says what to do; retrying keeps the steps before it", async ({ browser }) => {
  const page = await signedIn(browser);
  const run = await start(api, itinerary, { guest: "[[fake:fail]]" });
  await page.goto(`${server.url}/runs/${run.id}`);
  await expect(state(page)).toHaveText("Failed", { timeout: 60_000 });
  await expect(step(page, "Write the itinerary")).toHaveAttribute("aria-expanded", "true");
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("Retry from here, or change the input.");
  await page.getByRole("button", { name: "Log" }).click();
  await expect(page.getByText(/^Attempt \d/).first()).toBeVisible();
  await page.getByRole("button", { name: "Retry from here" }).click();
  await expect(page).not.toHaveURL(new RegExp(run.id));
  await expect(page.getByRole("link", { name: "a retry of an earlier run" })).toBeVisible();
  await expect(state(page)).toHaveText("Failed", { timeout: 60_000 });
  const kept = await api.call<{ steps: { node: string; state: string; attempts: unknown[] }[] }>("GET", `/runs/${new URL(page.url()).pathname.split("/").pop()}`);
  expect(kept.steps.find((one) => one.node === "form")?.state).toBe("succeeded");
});

test("a delivery that fails is sent again at once, under the same number", async ({ browser }) => {
  const page = await signedIn(browser);
  receiver.failFirst = 2;
  const before = receiver.received.length;
  const run = await start(api, invoice, {}, "Comes late");
  await page.goto(`${server.url}/deliveries`);
  const row = page.getByRole("row").filter({ hasText: "Comes late" });
  await expect(row).toContainText(/again (in|now)/);
  await row.getByRole("link").click();
  const panel = page.getByRole("complementary", { name: "Delivery" });
  await expect(panel.getByRole("listitem").filter({ hasText: "Attempt 1: answered 503" })).toBeVisible();
  await expect(panel.getByText("“later”").first()).toBeVisible();
  // The second try comes by itself after five seconds, and fails; the third would come minutes later.
  await expect(panel.getByRole("listitem").filter({ hasText: "Attempt 2: answered 503" })).toBeVisible({ timeout: 30_000 });
  await panel.getByRole("button", { name: "Send again now" }).click();
  await expect(panel.getByText("received, 200").first()).toBeVisible();
  await expect(row).toContainText("received, 200");
  await expect(panel.getByRole("listitem").first()).toContainText("Attempt 3: received, 200");
  const mine = receiver.received.slice(before).filter((message) => message.body.data.run_id === run.id);
  expect(mine).toHaveLength(1);
  expect(mine[0]).toMatchObject({ verified: true, attempt: 3 });
  await panel.getByRole("link", { name: "Open the run" }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${run.id}`));
});

test("nothing is tried any more after Stop trying", async ({ browser }) => {
  const page = await signedIn(browser);
  receiver.failFirst = 1;
  await start(api, invoice, {}, "Given up by hand");
  await page.goto(`${server.url}/deliveries?show=look`);
  await page.getByRole("row").filter({ hasText: "Given up by hand" }).getByRole("link").click();
  const panel = page.getByRole("complementary", { name: "Delivery" });
  await panel.getByRole("button", { name: "Stop trying" }).click();
  await expect(panel.getByText("stopped").first()).toBeVisible();
  await expect(panel.getByRole("button", { name: "Stop trying" })).toBeHidden();
  await page.keyboard.press("Escape");
  await expect(panel).toBeHidden();
  receiver.failFirst = 0;
});

test("the list is filtered by state and by what was entered, in its address", async ({ browser }) => {
  const page = await signedIn(browser);
  await start(api, invoice, { customer: "Zoë Müller-Łukasz" }, "Findable");
  await page.goto(`${server.url}/runs`);
  await page.getByRole("textbox", { name: "Search in what was entered" }).fill("Müller-Łuk");
  await expect(page.getByRole("row")).toHaveCount(2);
  await expect(page).toHaveURL(/q=/);
  await page.reload();
  await expect(page.getByRole("row")).toHaveCount(2);
  await page.getByText("Failed", { exact: true }).click();
  await expect(page.getByText("No run fits this filter.")).toBeVisible();
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(page.getByRole("row").nth(2)).toBeVisible();
});
