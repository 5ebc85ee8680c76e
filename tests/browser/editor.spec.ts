// The editor as a travel agent uses it: from the gallery to a changed, tried and published workflow, in list and canvas.
import { expect, test } from "@playwright/test";
import { agent, draftOf, inspector, runSample, saved, startFrom, step, surface, view, type Draft, type Workflow } from "./agent.ts";
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

const config = (draft: Draft, id: string) => draft.nodes.find((node) => node.id === id)?.config ?? {};

test("an example becomes a workflow of one's own; every change is saved and can be undone, also after a reload", async ({ browser }) => {
  const page = await agent(browser, api);
  const id = await startFrom(page, server, "Invoice");
  await expect(page.getByRole("treeitem")).toHaveCount(6);

  await step(page, "Write the note").click();
  const name = page.getByRole("textbox", { name: "Name of the step" });
  await name.fill("Thank the customer");
  await expect(step(page, "Thank the customer")).toBeVisible();
  await saved(page);
  expect((await draftOf(api, id)).nodes.map((node) => node.name)).toContain("Thank the customer");

  await page.getByRole("button", { name: "Undo" }).click();
  await expect(step(page, "Write the note")).toBeVisible();
  await page.getByRole("button", { name: "Redo" }).click();
  await expect(step(page, "Thank the customer")).toBeVisible();
  await saved(page);

  await page.reload();
  await expect(step(page, "Thank the customer")).toBeVisible();
  await step(page, "Thank the customer").focus();
  await page.keyboard.press("Control+z");
  await expect(step(page, "Write the note")).toBeVisible();
  await expect.poll(async () => (await draftOf(api, id)).nodes.map((node) => node.name)).toContain("Write the note");
  await page.context().close();
});

test("list and canvas are two views of the same steps", async ({ browser }) => {
  const page = await agent(browser, api);
  const id = await startFrom(page, server, "Invoice");

  await step(page, "Add up").focus();
  await page.keyboard.press("d");
  await expect(step(page, "Add up 2")).toBeVisible();
  await step(page, "Add up 2").focus();
  await page.keyboard.press("Alt+ArrowDown");
  await expect(page.getByRole("treeitem", { name: /^Step 4 Add up 2/ })).toBeVisible();
  await page.keyboard.press("Delete");
  await expect(step(page, "Add up 2")).toHaveCount(0);
  await page.getByRole("button", { name: "Undo" }).last().click();
  await expect(step(page, "Add up 2")).toBeVisible();

  await view(page, "Canvas");
  const canvas = page.getByRole("application");
  const onCanvas = (label: string) => canvas.getByLabel(new RegExp(`^Step \\d+, ${label}$`));
  await expect(onCanvas("Add up 2")).toBeVisible();
  // A step that was moved in the list lies where it was on the canvas, perhaps below another one.
  await page.getByRole("button", { name: "Tidy up" }).click();
  await onCanvas("Add up 2").click();
  await expect(page.getByRole("textbox", { name: "Name of the step" })).toHaveValue("Add up 2");
  await page.keyboard.press("Delete");
  await expect(onCanvas("Add up 2")).toHaveCount(0);

  const before = (await draftOf(api, id)).nodes.find((node) => node.id === "page")?.position;
  const box = await onCanvas("Invoice page").boundingBox();
  if (!box) throw new Error("the step is not on the canvas");
  await page.mouse.move(box.x + 60, box.y + 12);
  await page.mouse.down();
  await page.mouse.move(box.x + 220, box.y + 40, { steps: 6 });
  await page.mouse.up();
  await expect.poll(async () => (await draftOf(api, id)).nodes.find((node) => node.id === "page")?.position).not.toEqual(before);
  await page.getByRole("button", { name: "Tidy up" }).click();
  await onCanvas("Invoice page").focus();
  await page.keyboard.press("a");
  await page.getByRole("combobox", { name: "Search steps" }).fill("branch");
  await page.keyboard.press("Enter");
  await expect(onCanvas("Branch")).toBeVisible();
  await inspector(page).getByRole("button", { name: "Add a way" }).click();
  await expect(canvas.getByText("Way 1", { exact: true }).last()).toBeVisible();

  await view(page, "List");
  await expect(step(page, "Branch")).toBeVisible();
  await expect(page.getByRole("treeitem", { name: "Way Way 1, ends here" })).toBeVisible();
  await expect(page.getByRole("treeitem", { name: "Way Otherwise" })).toBeVisible();
  await page.context().close();
});

test("values are chips: picked by name, shown as people read them, guarded when empty", async ({ browser }) => {
  const page = await agent(browser, api);
  const id = await startFrom(page, server, "Invoice");
  await step(page, "Write the note").click();
  const text = inspector(page).getByRole("textbox", { name: "What should it write?" });
  await expect(text.getByRole("button", { name: /Customer/ })).toContainText("Ms Clara Hoffmann");

  await text.focus();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(" Pay until /");
  const picker = page.getByRole("dialog", { name: "Values" });
  await picker.getByRole("combobox", { name: "Search values" }).fill("payment due");
  await page.keyboard.press("Enter");
  await expect(text.getByRole("button", { name: /Payment due/ })).toBeVisible();
  const instruction = async () => String(config(await draftOf(api, id), "note")["instruction"]);
  await expect.poll(instruction).toMatch(/Pay until \{\{ form\.due \}\}$/);

  await text.getByRole("button", { name: /Payment due/ }).click();
  const menu = page.getByRole("dialog", { name: "This value" });
  await menu.getByRole("radio", { name: /Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday/ }).click();
  await expect.poll(instruction).toMatch(/\{\{ form\.due \| date\("weekday"\) \}\}$/);
  await text.getByRole("button", { name: /Payment due/ }).click();
  await menu.getByRole("button", { name: /If empty/ }).click();
  await menu.getByRole("textbox", { name: "write this instead" }).fill("soon");
  await menu.getByRole("button", { name: "Write", exact: true }).click();
  await expect.poll(instruction).toContain('default("soon")');

  // A chip is one character to the arrows and to Backspace.
  await text.focus();
  await page.keyboard.press("Control+End");
  await page.keyboard.press("Backspace");
  await expect.poll(instruction).toMatch(/Pay until $/);

  // The bare text is one click away.
  await inspector(page).getByRole("button", { name: "Show as text" }).first().click();
  await expect(text).toContainText("{{ form.customer }}");
  await page.context().close();
});

test("problems say what is wrong and lead to the field; publishing waits for them", async ({ browser }) => {
  const page = await agent(browser, api);
  const id = await startFrom(page, server, "Invoice");
  await step(page, "Add up").focus();
  await page.keyboard.press("Delete");
  const problems = page.getByRole("region", { name: "Problems" });
  await expect(problems).toContainText("Invoice page");

  await page.keyboard.press("F8");
  await expect(page.getByRole("textbox", { name: "Name of the step" })).toHaveValue("Invoice page");
  await expect(inspector(page).getByRole("textbox", { name: "Net", exact: true })).toBeFocused();

  await page.getByRole("main").getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: "Publish" });
  await expect(dialog.getByText(/must be changed before publishing/)).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Publish" })).toBeDisabled();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  await step(page, "Invoice page").focus();
  await page.keyboard.press("Control+z");
  await expect(step(page, "Add up")).toBeVisible();
  await expect(problems).not.toContainText("Invoice page");
  expect((await api.call<Workflow>("GET", `/workflows/${id}`)).live_version).toBeNull();
  await page.context().close();
});

test("a trial run fills the page, holds deliveries back, and follows the chosen sample", async ({ browser }) => {
  const page = await agent(browser, api);
  await startFrom(page, server, "Travel itinerary");
  await runSample(page);
  await surface(page, "Page");
  const paper = page.getByRole("region", { name: "Page 1" });
  await expect(paper.getByRole("option", { name: /reference/i }).first()).toBeVisible();
  await paper.getByRole("option", { name: /, Headline of the trip$/ }).first().click();
  const card = page.getByRole("dialog", { name: "Where this comes from" });
  await expect(card).toContainText("Written by a model");
  await expect(card).toContainText(/\d+ of at most 60 letters/);
  await card.getByRole("button", { name: "Why this text?" }).click();
  await expect(page.getByRole("tab", { name: /Last run/ })).toHaveAttribute("aria-selected", "true");
  await expect(inspector(page)).toContainText("What the model was given");

  await step(page, "Send to the back office").click();
  await expect(inspector(page)).toContainText(/done/);
  const { items } = await api.call<{ items: unknown[] }>("GET", "/deliveries");
  expect(items).toEqual([]);

  await page.getByRole("button", { name: /^Sample/ }).click();
  await page.getByRole("menuitem", { name: /Dvořák/ }).click();
  await expect(step(page, "Booking form")).toContainText("Tomáš Dvořák");
  await surface(page, "Form");
  await expect(page.getByRole("textbox", { name: "Your name" })).toHaveValue("Tomáš Dvořák");
  await page.getByRole("textbox", { name: "Your name" }).fill("Eva Dvořák");
  await expect(step(page, "Booking form")).toContainText("Eva Dvořák");
  await page.context().close();
});

test("publishing makes a version that later changes leave alone", async ({ browser }) => {
  const page = await agent(browser, api);
  const id = await startFrom(page, server, "Travel itinerary");
  const publish = async (number: number) => {
    await page.getByRole("main").getByRole("button", { name: "Publish" }).click();
    const dialog = page.getByRole("dialog", { name: "Publish" });
    await dialog.getByRole("button", { name: "Publish" }).click();
    await expect(dialog.getByText(`Version ${number} is live`)).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
  };
  const version = (number: number) => api.call<{ document: Draft }>("GET", `/workflows/${id}/versions/${number}`);
  await publish(1);
  const first = await version(1);

  await surface(page, "Form");
  await page.getByRole("button", { name: "Add a field" }).last().click();
  await page.getByRole("textbox", { name: "Question", exact: true }).fill("Dietary wishes");
  await expect(page.getByRole("textbox", { name: "Dietary wishes" })).toBeVisible();
  await page.getByRole("main").getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: "Publish" });
  await expect(dialog).toContainText("“Booking form” changed");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await publish(2);

  expect(await version(1)).toEqual(first);
  expect(JSON.stringify((await version(2)).document)).toContain("Dietary wishes");
  const workflow = await api.call<Workflow>("GET", `/workflows/${id}`);
  expect(workflow.live_version?.number).toBe(2);
  const form = await (await fetch(workflow.form_url ?? "")).text();
  expect(form).toContain("Dietary wishes");

  await page.getByRole("main").getByRole("button", { name: "Publish" }).click();
  await page.getByRole("tab", { name: "Versions" }).click();
  await page.getByRole("button", { name: "Restore as draft" }).last().click();
  await expect.poll(async () => JSON.stringify(await draftOf(api, id))).not.toContain("Dietary wishes");
  await page.context().close();
});
