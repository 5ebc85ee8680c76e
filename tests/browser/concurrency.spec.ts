// A workflow that lets only so many of its runs go at the same time: set in the editor, and told where people look at a run that waits.
import { expect, test } from "@playwright/test";
import { agent, inspector, step } from "./agent.ts";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

interface Made {
  id: string;
  draft: { revision: number; document: { concurrency?: { runs: number; key: string | null } | null } };
}

let server: Server;
let api: Api;

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
});

test("a limit for each customer is set, and a run says how many are ahead of it", async ({ browser }, info) => {
  const { id } = await api.call<Made>("POST", "/workflows", {
    document: {
      format: "formwork/1", name: "One at a time", locale: "en", time_zone: "Europe/Berlin", currency: "EUR",
      nodes: [
        { id: "form", type: "form_input", version: 1, name: "Order", config: { title: "Order", fields: [{ name: "customer", label: "Customer", kind: "text", required: true }] } },
        { id: "wait", type: "delay", version: 1, name: "Sleep on it", config: { amount: "1", unit: "days" } },
      ],
      edges: [{ from: "form", port: "out", to: "wait" }],
    },
  });
  const made = () => api.call<Made>("GET", `/workflows/${id}`);
  const page = await agent(browser, api);
  await page.goto(`${server.url}/workflows/${id}`);
  await step(page, "Sleep on it").click();
  await inspector(page).getByRole("tab", { name: "Errors & retries" }).click();
  const limit = inspector(page).getByRole("switch", { name: "Limit runs at the same time" });
  await limit.click();
  await expect(limit).toBeChecked();
  const runs = inspector(page).getByRole("textbox", { name: "Runs at the same time" });
  await expect(runs).toHaveValue("1");
  await runs.fill("");
  await expect(runs).toHaveValue("");
  await runs.blur();
  await expect(runs).toHaveValue("1");
  await inspector(page).getByRole("textbox", { name: /^For each/ }).click();
  await page.keyboard.type("/cust");
  await page.getByRole("option", { name: /Customer/ }).first().click();
  await expect.poll(async () => (await made()).draft.document.concurrency).toEqual({ runs: 1, key: "{{ form.customer }}" });
  await expectAccessible(page, "a limit of runs");
  await page.screenshot({ path: info.outputPath("limit.png") });

  await api.call("POST", `/workflows/${id}/publish`, { base_revision: (await made()).draft.revision });
  const start = async (customer: string) => (await api.call<{ id: string }>("POST", `/workflows/${id}/runs`, { input: { customer } })).id;
  const state = async (run: string) => (await api.call<{ state: string }>("GET", `/runs/${run}`)).state;
  const first = await start("Ada");
  const second = await start("Ada");
  const third = await start("Ada");
  const other = await start("Bo");
  for (const run of [first, other]) await expect.poll(() => state(run)).toBe("waiting");
  await page.goto(`${server.url}/runs/${second}`);
  await expect(page.getByText("Waits in line and is next. One run of this workflow goes at a time for “Ada”.")).toBeVisible();
  await page.goto(`${server.url}/runs/${third}`);
  await expect(page.getByText("Waits in line: 1 run is ahead. One run of this workflow goes at a time for “Ada”.")).toBeVisible();
  await expectAccessible(page, "a run in line");
  await page.screenshot({ path: info.outputPath("in-line.png") });
  await page.goto(`${server.url}/runs`);
  for (const words of ["in line, next", "in line, 1 ahead"]) await expect(page.getByRole("row").filter({ hasText: words })).toHaveCount(1);
  await expectAccessible(page, "runs in line");

  // Whoever leaves makes room, and those behind move up.
  await api.call("POST", `/runs/${first}/stop`, {});
  await expect.poll(() => state(second)).toBe("waiting");
  await page.goto(`${server.url}/runs/${third}`);
  await expect(page.getByText("Waits in line and is next.")).toBeVisible();
});
