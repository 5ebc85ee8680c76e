// How long runs stay: the owner's limits, days of their own for a workflow, and a run that went with its time.
import { expect, test } from "@playwright/test";
import { agent } from "./agent.ts";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";
import { publish } from "./workflows.ts";

let server: Server;
let api: Api;

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
});

test("limits are set, and a workflow gets days of its own", async ({ browser }, info) => {
  await publish(api, "invoice");
  const page = await agent(browser, api);
  await page.goto(`${server.url}/settings/retention`);
  const days = page.getByRole("textbox", { name: "Runs stay for days" });
  await expect(days).toHaveValue("90");
  await expect(page.getByText("Nothing has been removed so far.")).toBeVisible();
  await days.fill("30");
  await page.getByRole("textbox", { name: "Files together at most" }).pressSequentially("2.5");
  const add = page.getByRole("button", { name: "Add a workflow" });
  await add.click();
  const own = page.getByRole("group", { name: "Workflows with days of their own" });
  await expect(own.getByRole("combobox", { name: "Workflow" })).toBeFocused();
  await own.getByRole("combobox", { name: "Workflow" }).click();
  await page.getByRole("option", { name: /Invoice/ }).click();
  await own.getByRole("textbox", { name: "days" }).fill("3650");
  await expectAccessible(page, "how long runs stay");
  await page.screenshot({ path: info.outputPath("retention.png") });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved. The next clean-up, within minutes, goes by it.")).toBeVisible();
  const kept = await api.call<{ run_days: number; most_file_bytes: number; workflows: { days: number }[] }>("GET", "/retention");
  expect(kept).toMatchObject({ run_days: 30, most_file_bytes: 2_500_000_000, workflows: [{ days: 3650 }] });

  await page.reload();
  await expect(own.getByRole("combobox", { name: "Workflow" })).toHaveValue(/Invoice/);
  await own.getByRole("group", { name: "Invoice" }).getByRole("button", { name: "Remove" }).click();
  await expect(add).toBeFocused();
  await days.fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved. The next clean-up, within minutes, goes by it.")).toBeVisible();
  expect(await api.call("GET", "/retention")).toMatchObject({ run_days: null, workflows: [] });
});

test("what is being written stays while the server cannot be read", async ({ browser }) => {
  const page = await agent(browser, api);
  // The stream of events comes late, and the page reads everything anew when it does.
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  await page.route("**/api/events?*", async (route) => {
    await opened;
    await route.abort();
  }, { times: 1 });
  await page.goto(`${server.url}/settings/retention`);
  const files = page.getByRole("textbox", { name: "Files stay for days" });
  await files.fill("45");
  let failed = 0;
  await page.route("**/api/retention", (route) => {
    failed += 1;
    return route.abort();
  });
  open();
  // Tried again three times, then given up.
  await expect.poll(() => failed, { timeout: 40_000 }).toBeGreaterThanOrEqual(4);
  await page.unroute("**/api/retention");
  await expect(files).toHaveValue("45");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved. The next clean-up, within minutes, goes by it.")).toBeVisible();
  expect(await api.call("GET", "/retention")).toMatchObject({ file_days: 45 });
});
