// A workflow that begins by itself: its rule in words, its next times, and holding it up.
import { expect, test } from "@playwright/test";
import { agent, inspector, step } from "./agent.ts";
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

const document = {
  format: "formwork/1", name: "Monday letter", locale: "en", time_zone: "Europe/Berlin", currency: "EUR",
  nodes: [
    { id: "clock", type: ["schedule", "trigger"].join("_"), version: 1, name: "Every so often", config: { mode: "weekly", weekdays: { monday: true, friday: true }, at: "07:30" } },
    { id: "text", type: "template_fill", version: 1, name: "Letter", config: { template: "It is {{ clock.date }}." } },
  ],
  edges: [{ from: "clock", port: "out", to: "text" }],
};

test("a schedule is told in words, with its next times in the workflow's zone", async ({ browser }, info) => {
  const made = await api.call<{ id: string; draft: { revision: number } }>("POST", "/workflows", { document });
  const page = await agent(browser, api);
  await page.goto(`${server.url}/workflows/${made.id}`);
  await step(page, "Every so often").click();
  const panel = inspector(page).getByRole("region", { name: "When runs begin" });
  await expect(panel.getByText("Monday, Friday at 07:30")).toBeVisible();
  await expect(panel.getByText(/^Next: (Mon|Fri)/)).toBeVisible();
  await expect(panel.getByText("Times are those of Europe/Berlin.")).toBeVisible();
  await expect(panel.getByText("Runs begin by themselves once the workflow is published.")).toBeVisible();
  await expectAccessible(page, "the schedule");
  await page.screenshot({ path: info.outputPath("schedule.png") });
  await inspector(page).getByRole("textbox", { name: "Time of day" }).fill("half past seven");
  await expect(inspector(page).getByText("A time of day is written like 09:00.")).toBeVisible();
  await expect(panel.getByText("Once its settings are complete, the next times stand here.")).toBeVisible();
});

test("a workflow is paused and goes on, and all of them are", async ({ browser }, info) => {
  const made = await api.call<{ id: string; draft: { revision: number } }>("POST", "/workflows", { document: { ...document, name: "Held up" } });
  await api.call("POST", `/workflows/${made.id}/publish`, { base_revision: made.draft.revision });
  const page = await agent(browser, api);
  await page.goto(`${server.url}/workflows`);
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "Held up" }) });
  await row.getByRole("button").last().click();
  await page.getByRole("menuitem", { name: "Pause" }).click();
  await expect(row.getByText("Paused")).toBeVisible();
  const run = await api.call<{ id: string }>("POST", `/workflows/${made.id}/runs`, { input: {} });
  await page.goto(`${server.url}/runs/${run.id}`);
  await expect(page.getByText("Paused").first()).toBeVisible();
  await expectAccessible(page, "a run that is held up");
  await page.screenshot({ path: info.outputPath("paused.png") });
  await page.goto(`${server.url}/workflows`);
  await row.getByRole("button").last().click();
  await page.getByRole("menuitem", { name: "Resume" }).click();
  await expect(row.getByText("Published")).toBeVisible();
  expect((await api.call<{ state: string }>("GET", `/runs/${run.id}/wait?wait_ms=20000`)).state).toBe("succeeded");
  await page.goto(`${server.url}/settings/about`);
  await page.getByRole("button", { name: "Pause everything" }).click();
  await expect(page.getByText(/^Paused .* by /)).toBeVisible();
  await expectAccessible(page, "a paused Formwork");
  await page.screenshot({ path: info.outputPath("all-paused.png") });
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText(/^Paused .* by /)).toBeHidden();
});

test("a pause stays on the screen when an answer from before it comes late", async ({ browser }) => {
  const page = await agent(browser, api);
  const signal = () => {
    let give = () => {};
    const given = new Promise<void>((resolve) => {
      give = resolve;
    });
    return { give, given };
  };
  const [opened, asked, late] = [signal(), signal(), signal()];
  // The stream of events comes late, and the page reads everything anew when it does.
  await page.route("**/api/events?*", async (route) => {
    await opened.given;
    await route.abort();
  }, { times: 1 });
  await page.goto(`${server.url}/settings/about`);
  const pause = page.getByRole("button", { name: "Pause everything" });
  await expect(pause).toBeVisible();
  await page.route("**/api/queue", async (route) => {
    const before = await route.fetch();
    asked.give();
    await late.given;
    await route.fulfill({ response: before });
  }, { times: 1 });
  opened.give();
  await asked.given;
  await pause.click();
  await expect(page.getByText(/^Paused .* by /)).toBeVisible();
  const answered = page.waitForResponse((answer) => answer.url().endsWith("/api/queue") && answer.request().method() === "GET");
  late.give();
  await answered;
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(page.getByText(/^Paused .* by /)).toBeHidden();
  expect(await api.call("GET", "/queue")).toMatchObject({ paused_at: null });
});
