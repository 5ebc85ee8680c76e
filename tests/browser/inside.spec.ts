// Steps that lie in another step: built by keyboard in the list, drawn in a frame on the canvas, run for every entry.
import { expect, test } from "@playwright/test";
import { agent, draftOf, inspector, runSample, startFrom, step, surface, view } from "./agent.ts";
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

test("a list's entries get steps of their own, by keyboard, and run one after the other", async ({ browser }) => {
  const page = await agent(browser, api);
  const id = await startFrom(page, server, "Invoice");
  await step(page, "Add up").focus();
  await page.keyboard.press("a");
  await page.getByRole("combobox", { name: "Search steps" }).fill("for each");
  await page.keyboard.press("Enter");
  await expect(step(page, "For each")).toBeVisible();

  await inspector(page).getByRole("button", { name: /^List/ }).click();
  const search = page.getByRole("combobox", { name: "Search values" });
  await search.fill("line items");
  await page.keyboard.press("Enter");
  const inside = page.getByRole("treeitem", { name: /^For each entry/ });
  await expect(inside).toContainText("nothing yet");

  await step(page, "For each").focus();
  await page.keyboard.press("ArrowDown");
  await expect(inside).toBeFocused();
  await page.keyboard.press("a");
  await page.getByRole("combobox", { name: "Search steps" }).fill("text with values");
  await page.keyboard.press("Enter");
  const inner = step(page, "Text with values");
  await expect(inner).toHaveAttribute("aria-level", "2");
  // The new step gets the focus; what is focused before that loses it again.
  await expect(inner).toBeFocused();
  const text = inspector(page).getByRole("textbox", { name: "Template" });
  await text.focus();
  await page.keyboard.type("/");
  await search.fill("description");
  await page.keyboard.press("Enter");
  await page.keyboard.type("!");

  const held = async () => {
    const { nodes } = await draftOf(api, id);
    const [holder, text] = [nodes.find((node) => node.type === "for_each"), nodes.find((node) => node.type === "template_fill")];
    return [text?.parent === holder?.id, text?.config["template"]];
  };
  await expect.poll(held).toEqual([true, "{{ item.description }}!"]);
  await runSample(page);
  // The card shows the first entry, the values show them all.
  await expect(inner).toContainText("Round trip Lübeck – Lisbon, 2 guests!");
  await step(page, "For each").click();
  await surface(page, "Values");
  await expect(page.getByRole("main")).toContainText("Sintra day tour with guide!");
  await expectAccessible(page, "a step with others in it, in the list");
  await view(page, "Canvas");
  await page.getByRole("button", { name: "Tidy up" }).click();
  await expectAccessible(page, "a step with others in it, on the canvas");

  // On the run's page every entry has its row.
  await view(page, "List");
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Publish/ }).click();
  await page.getByRole("button", { name: "Back to the editor" }).click();
  const run = await api.call<{ id: string }>("POST", `/workflows/${id}/runs`, { input: (await draftOf(api, id)).samples[0]?.input });
  await page.goto(`${server.url}/runs/${run.id}`);
  const entry = page.getByRole("button", { name: /Text with values.*entry 3/ });
  await expect(entry).toBeVisible({ timeout: 30_000 });
  await entry.click();
  await expect(page.getByRole("main")).toContainText("Sintra day tour with guide!");
  await expectAccessible(page, "a run with entries");
  await page.screenshot({ path: test.info().outputPath("run.png"), fullPage: true });

  await page.goBack();
  await step(page, "For each").focus();
  await page.keyboard.press("Delete");
  await expect(inner).toHaveCount(0);
  await expect.poll(async () => (await draftOf(api, id)).nodes.length).toBe(6);
  await page.context().close();
});
