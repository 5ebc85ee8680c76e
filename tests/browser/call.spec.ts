// Workflows that work together: one calls another and gets its answer, another hears of failed runs, and a link waits to be called back.
import { expect, test, type Page } from "@playwright/test";
import { agent, inspector, saved, step } from "./agent.ts";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

interface Made {
  id: string;
  draft: { revision: number };
}

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

// Joined, so that no list of steps in the web needs to know these names.
const named = (...words: string[]) => words.join("_");
const node = (id: string, type: string, name: string, config: object) => ({ id, type, version: 1, name, config });
const document = (name: string, nodes: object[], edges: [string, string, string][]) => ({
  format: "formwork/1", name, locale: "en", time_zone: "Europe/Berlin", currency: "EUR", nodes, edges: edges.map(([from, port, to]) => ({ from, port, to })),
});
const called = (fields: object[]) => node("called", named("call", "input"), "Called", { fields });
const form = node("form", named("form", "input"), "Stay", {
  title: "Stay", fields: [{ name: "days", label: "Days", kind: "number", decimals: 0, required: true }],
});

async function make(what: object): Promise<Made> {
  return api.call<Made>("POST", "/workflows", { document: what });
}

async function publish(made: Made): Promise<void> {
  const { draft } = await api.call<Made>("GET", `/workflows/${made.id}`);
  await api.call("POST", `/workflows/${made.id}/publish`, { base_revision: draft.revision });
}

async function choose(page: Page, label: string, option: string): Promise<void> {
  await inspector(page).getByRole("combobox", { name: label, exact: true }).click();
  await page.getByRole("option", { name: option }).click();
}

test("a workflow is chosen, what it takes is asked, and the run that it becomes is one click away", async ({ browser }, info) => {
  const price = await make(document("Price of a stay", [
    called([{ name: "days", title: "Days", kind: "integer" }]),
    node("tell", "respond", "Tell the price", { values: { total: "{{ called.days * 3 }}" } }),
  ], [["called", "out", "tell"]]));
  await publish(price);
  const made = await make(document("Offer", [
    form, node("price", named("workflow", "call"), "Ask for the price", {}), node("text", named("template", "fill"), "Offer", { template: "It costs {{ price.answer.total }}." }),
  ], [["form", "out", "price"], ["price", "out", "text"]]));
  const page = await agent(browser, api);
  await page.goto(`${server.url}/workflows/${made.id}`);
  await step(page, "Ask for the price").click();
  await expect(inspector(page).getByText("Choose the workflow that is called.")).toBeVisible();
  await choose(page, "Workflow", "Price of a stay");
  await expect(inspector(page).getByText("The called workflow needs “Days”. Choose its value.")).toBeVisible();
  await inspector(page).getByRole("textbox", { name: /^Days/ }).click();
  await page.keyboard.type("/days");
  await page.getByRole("option", { name: /Days/ }).first().click();
  await expect(inspector(page).getByText("The called workflow needs “Days”. Choose its value.")).toHaveCount(0);
  await saved(page);
  await expectAccessible(page, "a call of a workflow");
  await page.screenshot({ path: info.outputPath("call.png") });

  await publish(made);
  const run = await api.call<{ id: string }>("POST", `/workflows/${made.id}/runs`, { input: { days: "7" } });
  await page.goto(`${server.url}/runs/${run.id}?step=price`);
  await page.getByRole("link", { name: "Run of Price of a stay" }).click();
  await expect(page.getByRole("link", { name: "called by Offer" })).toBeVisible();
  await expectAccessible(page, "a called run");
  await page.screenshot({ path: info.outputPath("called.png") });
  await page.getByRole("link", { name: "called by Offer" }).click();
  await expect(page).toHaveURL(new RegExp(run.id));
  await page.getByRole("button", { name: /^Offer/ }).click();
  await expect(page.getByText("It costs 21.")).toBeVisible();

  // Who changes what is called sees who notices.
  await page.goto(`${server.url}/workflows/${price.id}`);
  await step(page, "Called").click();
  const callers = inspector(page).getByRole("region", { name: "Called by" });
  await expect(callers.getByRole("link", { name: "Offer" })).toBeVisible();
  await expectAccessible(page, "a workflow that is called");
  await page.screenshot({ path: info.outputPath("called-by.png") });
});

test("a workflow hears of failed runs, and a step gets limits of its own", async ({ browser }, info) => {
  const hears = await make(document("Tell the office", [
    called(["run_id", "workflow", "step", "code", "message", "link"].map((name) => ({ name, title: name, kind: "text", optional: true }))),
    node("note", named("template", "fill"), "Note", { template: "{{ called.workflow | default(\"\") }} failed" }),
  ], [["called", "out", "note"]]));
  await publish(hears);
  const made = await make(document("Fails", [
    form, node("halt", "stop", "Halt", { ends: "with_error", message: "No room left" }),
  ], [["form", "out", "halt"]]));
  const page = await agent(browser, api);
  await page.goto(`${server.url}/workflows/${made.id}`);
  await step(page, "Halt").click();
  await inspector(page).getByRole("tab", { name: "Errors & retries" }).click();
  await choose(page, "When a run of this workflow fails, call", "Tell the office");
  await inspector(page).getByRole("button", { name: "More limits" }).click();
  await expect(inspector(page).getByText("From when it is ready until a free place takes it up.")).toBeVisible();
  await saved(page);
  await expectAccessible(page, "errors and limits of a step");
  await page.screenshot({ path: info.outputPath("failure.png") });
  await publish(made);
  await api.call("POST", `/workflows/${made.id}/runs`, { input: { days: "7" } });
  await page.goto(`${server.url}/runs`);
  await expect(page.getByRole("link", { name: /Tell the office/ }).first()).toBeVisible({ timeout: 20_000 });
  await page.goto(`${server.url}/workflows/${hears.id}`);
  await step(page, "Called").click();
  await expect(inspector(page).getByRole("region", { name: "Called by" })).toContainText("Fails when one of its runs fails");
});

test("a link is given to another program, which calls it back", async ({ browser }, info) => {
  const made = await make(document("Payment", [
    form,
    node("ask", named("template", "fill"), "Letter", { template: "Pay here: {{ run.links.paid }}" }),
    node("paid", named("callback", "wait"), "Wait for the payment", {
      fields: [{ name: "reference", kind: "text" }], sample: "{\"reference\": \"S-1\"}",
    }),
    node("thanks", named("template", "fill"), "Thanks", { template: "Thank you for {{ paid.reference }}." }),
  ], [["form", "out", "ask"], ["ask", "out", "paid"], ["paid", "called", "thanks"]]));
  const page = await agent(browser, api);
  await page.goto(`${server.url}/workflows/${made.id}`);
  await step(page, "Letter").click();
  const chip = inspector(page).getByRole("button", { name: /Wait for the payment/ });
  await expect(chip.or(inspector(page).locator("[data-path]").getByText("Wait for the payment")).first()).toBeVisible();
  await page.screenshot({ path: info.outputPath("link.png") });
  await publish(made);
  const run = await api.call<{ id: string }>("POST", `/workflows/${made.id}/runs`, { input: { days: "7" } });
  await page.goto(`${server.url}/runs/${run.id}`);
  await page.getByRole("button", { name: /^Letter/ }).click();
  const told = page.getByText(/Pay here: http/).first();
  await expect(told).toBeVisible();
  await expectAccessible(page, "a run that waits for a call");
  await page.screenshot({ path: info.outputPath("waits.png") });
  const link = /Pay here: (\S+)/.exec((await told.textContent()) ?? "")?.[1] ?? "";
  const answer = await page.request.post(link, { data: { reference: "P-7" } });
  expect(answer.ok()).toBe(true);
  await page.getByRole("button", { name: /^Thanks.*Done/ }).click();
  await expect(page.getByText("Thank you for P-7.")).toBeVisible();
});
