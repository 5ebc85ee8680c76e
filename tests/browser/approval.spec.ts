// A decision from both sides: found under "Waiting for you", made on a phone with the page in sight, without JavaScript, and told to
// whoever comes later.
import { expect, test, type BrowserContextOptions } from "@playwright/test";
import { agent } from "./agent.ts";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
let api: Api;

const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, javaScriptEnabled: false, locale: "en-GB" };

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
});

test("a run waits, is found, and goes on with the corrected value", async ({ browser }) => {
  const made = await api.call<{ id: string; draft: { revision: number } }>("POST", "/workflows", {
    document: {
      format: "formwork/1", name: "Buying", locale: "en", time_zone: "UTC", currency: "EUR",
      nodes: [
        { id: "form", type: "form_input", version: 1, name: "Form", config: { title: "Buy", fields: [{ name: "what", label: "What", kind: "text", required: true }, { name: "amount", label: "Amount", kind: "money", required: true }] } },
        {
          id: "ask", type: "approval_ask", version: 1, name: "Ask",
          config: {
            who: "everybody", title: "Buy {{ form.what }}?", shown: { Amount: "{{ form.amount }}" }, reason_needed: true,
            fields: [{ name: "amount", label: "At most", kind: "money", required: true }], starts: { amount: "{{ form.amount }}" },
          },
        },
        { id: "text", type: "template_fill", version: 1, name: "Text", config: { template: "{{ ask.values.amount }}" } },
      ],
      edges: [{ from: "form", port: "out", to: "ask" }, { from: "ask", port: "approved", to: "text" }],
    },
  });
  await api.call("POST", `/workflows/${made.id}/publish`, { base_revision: made.draft.revision });
  const run = await api.call<{ id: string }>("POST", `/workflows/${made.id}/runs`, { input: { what: "two desks", amount: { amount: "1180.00", currency: "EUR" } } });

  const page = await agent(browser, api);
  await page.goto(`${server.url}/runs/waiting`);
  const row = page.getByRole("row", { name: /Buy two desks\?/ });
  await expect(row).toContainText("all members");
  await expectAccessible(page, "waiting for you");
  const decide = row.getByRole("link", { name: "Look and decide: Buy two desks?" });
  const href = await decide.getAttribute("href");
  await row.getByRole("link", { name: "Buy two desks?", exact: true }).focus();
  await page.keyboard.press("Tab");
  await expect(decide).toBeFocused();
  await row.getByRole("link", { name: "Buy two desks?", exact: true }).click();
  await expect(page.getByRole("link", { name: "Look and decide" })).toHaveAttribute("href", href ?? "");

  // On a phone, without JavaScript.
  const visitor = await (await browser.newContext(phone)).newPage();
  await visitor.goto(`${server.url}${href}`);
  await expect(visitor.getByRole("heading", { level: 1 })).toHaveText("Buy two desks?");
  await visitor.getByRole("button", { name: "Refuse" }).click();
  await expect(visitor.getByRole("alert")).toContainText("Say why you refuse.");
  await visitor.getByLabel("At most").fill("990");
  await visitor.getByRole("button", { name: "Approve" }).click();
  await expect(visitor.getByRole("heading", { level: 1 })).toHaveText("This is approved");

  await expect.poll(async () => (await api.call<{ state: string }>("GET", `/runs/${run.id}`)).state).toBe("succeeded");
  const told = await api.call<{ steps: { node: string; output: { text?: string } | null }[] }>("GET", `/runs/${run.id}`);
  expect(told.steps.find((step) => step.node === "text")?.output?.text).toContain("990.00");
  await page.goto(`${server.url}/runs/waiting`);
  await expect(page.getByText("Nothing waits for you.")).toBeVisible();
  // Nothing is said of what is still being looked for.
  let letGo = () => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route(/\/api\/approvals\?open=true$/, async (route) => {
    await gone;
    await route.continue();
  }, { times: 1 });
  await page.getByRole("radiogroup", { name: "Which decisions are shown" }).getByText("All that wait", { exact: true }).click();
  await expect(page.getByText("Nothing waits for you.")).toHaveCount(0);
  await expect(page.getByRole("status", { name: "Loading" })).toBeAttached();
  await expect(page.getByText("No run waits for a decision.")).toHaveCount(0);
  letGo();
  await expect(page.getByText("No run waits for a decision.")).toBeVisible();

  // The page itself, with a checker that needs scripts.
  const looked = await agent(browser, api);
  const again = await api.call<{ id: string }>("POST", `/workflows/${made.id}/runs`, { input: { what: "a lamp", amount: { amount: "30.00", currency: "EUR" } } });
  await expect.poll(async () => (await api.call<{ state: string }>("GET", `/runs/${again.id}`)).state).toBe("waiting");
  const list = await api.call<{ items: { url: string }[] }>("GET", "/approvals?open=true&mine=true");
  await looked.goto(`${server.url}${list.items[0]?.url}`);
  await expectAccessible(looked, "a question");
  await looked.goto(`${server.url}${list.items[0]?.url}?lang=zh-CN`);
  await expect(looked.getByRole("button", { name: "批准" })).toBeVisible();
});
