// An inbound webhook in the editor: its address, and values taken from a real message.
import { expect, test } from "@playwright/test";
import { agent, draftOf, inspector } from "./agent.ts";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
let api: Api;

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
});

test("a message that is listened for gives the step its values and a sample", async ({ browser }) => {
  const made = await api.call<{ id: string }>("POST", "/workflows", {
    document: {
      format: "formwork/1", name: "Orders", locale: "en", time_zone: "UTC", currency: "EUR",
      nodes: [{ id: "order", type: "webhook_input", version: 1, name: "Order", config: { fields: [] } }],
    },
  });
  const page = await agent(browser, api);
  await page.goto(`${server.url}/workflows/${made.id}?step=order`);
  const panel = inspector(page).getByRole("region", { name: "Where messages go" });
  const url = await panel.getByRole("code").innerText();
  expect(url).toContain("/hooks/");
  await panel.getByRole("button", { name: "Listen for a test call" }).click();
  await expect(panel.getByText("Listening for ten minutes.")).toBeVisible();
  await expectAccessible(page, "listening");

  const answer = await fetch(url, {
    method: "POST", headers: { "content-type": "application/json" },
    body: JSON.stringify({ orderId: "A-17", total: { amount: "12.50", currency: "EUR" }, lines: [{ sku: "X", qty: 2 }] }),
  });
  expect([answer.status, await answer.json()]).toEqual([202, { captured: true }]);
  await expect(panel.getByText(/A message came .*, with 3 values\./)).toBeVisible();
  await expectAccessible(page, "what came");
  await panel.getByRole("button", { name: "Use its values and sample" }).click();
  await expect(panel.getByRole("button", { name: "Listen for a test call" })).toBeVisible();
  const held = async () => {
    const { nodes, samples } = (await draftOf(api, made.id)) as unknown as { nodes: { config: { fields: { name: string; kind: string }[] } }[]; samples: { input: { order_id: string } }[] };
    return [nodes[0]?.config.fields.map((field) => `${field.name} ${field.kind}`), samples[0]?.input.order_id];
  };
  await expect.poll(held).toEqual([["order_id text", "total money", "lines list"], "A-17"]);
  // One step of undo takes both back.
  await page.keyboard.press("Control+z");
  await expect.poll(held).toEqual([[], undefined]);
});
