// Series of numbers: set up in the settings, chosen in the editor, every number accounted for.
import { expect, test, type Page } from "@playwright/test";
import { agent, inspector, startFrom, step } from "./agent.ts";
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

const year = new Date().getUTCFullYear();
const row = (page: Page, number: string) => page.getByRole("row", { name: new RegExp(number) });

interface Made {
  id: string;
}

async function wait(run: string): Promise<void> {
  await api.call("GET", `/runs/${run}/wait?wait_ms=20000`);
}

test("a series is set up, and says what is wrong with a pattern", async ({ browser }) => {
  const page = await agent(browser, api);
  await page.goto(`${server.url}/settings/numbers`);
  await expect(page.getByText("No series yet.")).toBeVisible();
  await page.getByLabel("Name").fill("Invoices");
  const pattern = page.getByLabel("How a number reads");
  await pattern.fill("RE-{{ number }}");
  await page.getByLabel("First number").fill("17");
  await page.getByRole("button", { name: "Add series" }).click();
  await expect(page.getByText("Numbers that begin again every year must show the year: {{ year }}.").first()).toBeVisible();
  await pattern.fill("RE-{{ year }}-{{ number }}");
  await page.getByRole("button", { name: "Add series" }).click();
  await expect(page.getByText(`next: RE-${year}-0017`)).toBeVisible();
  await expect(page.getByText("no workflow draws from it")).toBeVisible();
  await expect(page.getByLabel("Name")).toHaveValue("");
  // By keyboard another one can follow at once, and who leaves a form is back where it was opened.
  await expect(page.getByLabel("Name")).toBeFocused();
  const change = page.getByRole("button", { name: "Change: Invoices" });
  await change.click();
  await expect(change).toHaveAttribute("aria-expanded", "true");
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(change).toBeFocused();
  await expectAccessible(page, "the numbers");
});

test("a step chooses the series, and its card is no error any more", async ({ browser }) => {
  const page = await agent(browser, api);
  await startFrom(page, server, "Invoice");
  await step(page, "Add up").focus();
  await page.keyboard.press("a");
  await page.getByRole("combobox", { name: "Search steps" }).fill("give a number");
  await page.keyboard.press("Enter");
  await expect(inspector(page).getByText("Choose the series whose next number is given.")).toBeVisible();
  await inspector(page).getByRole("combobox", { name: "Series" }).click();
  await page.getByRole("option", { name: /Invoices/ }).click();
  await expect(inspector(page).getByText("Choose the series whose next number is given.")).toBeHidden();
  await expect(inspector(page).getByText(`next: RE-${year}-0017`)).toBeVisible();
  await expectAccessible(page, "the step");
});

test("the number of a failed run stays open until a person says what became of it", async ({ browser }) => {
  const list = await api.call<{ items: Made[] }>("GET", "/series");
  const made = await api.call<Made>("POST", "/workflows", {
    document: {
      format: "formwork/1", name: "Orders", locale: "en", time_zone: "UTC", currency: "EUR",
      nodes: [
        { id: "form", type: "form_input", version: 1, name: "Form", config: { title: "Order", fields: [{ name: "vip", label: "VIP", kind: "checkbox" }] } },
        { id: "no", type: "number_draw", version: 1, name: "Number", config: { series: list.items[0]?.id } },
        { id: "halt", type: "stop", version: 1, name: "Halt", config: { ends: "with_error", message: "The customer called it off." } },
      ],
      edges: [{ from: "form", port: "out", to: "no" }, { from: "no", port: "out", to: "halt" }],
    },
  });
  await api.call("POST", `/workflows/${made.id}/publish`, { base_revision: 1 });
  for (const _ of [1, 2]) {
    const run = await api.call<Made>("POST", `/workflows/${made.id}/runs`, { input: { vip: false } });
    await wait(run.id);
  }
  const page = await agent(browser, api);
  await page.goto(`${server.url}/settings/numbers`);
  await expect(page.getByText(/0 used · 2 open · 0 void/)).toBeVisible();
  await page.getByRole("button", { name: "Show the numbers of Invoices" }).click();
  const settle = row(page, `RE-${year}-0018`).getByRole("button", { name: /Say what became of it/ });
  await settle.click();
  const dialog = page.getByRole("dialog", { name: `What became of RE-${year}-0018?` });
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(settle).toBeFocused();
  await settle.press("Enter");
  await dialog.getByLabel("Why").fill("Cancelled by telephone");
  await expectAccessible(page, "the question");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText(/0 used · 1 open · 1 void/)).toBeVisible();
  await page.getByRole("radiogroup", { name: "Which numbers are shown" }).getByText("All").click();
  await expect(row(page, `RE-${year}-0018`)).toContainText("Cancelled by telephone");
  await expect(row(page, `RE-${year}-0017`)).toContainText("open");
  await expectAccessible(page, "the list of numbers");
});
