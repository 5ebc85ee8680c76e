// A document as somebody edits it who does not code: on the page, in the tree by keyboard, beside somebody else; published, and printed as it was seen.
import { writeFileSync } from "node:fs";
import { expect, test, type Locator, type Page } from "@playwright/test";
import { agent, inspector, saved } from "./agent.ts";
import { Api } from "./api.ts";
import { checkFile, holds, textOf } from "./pdf.ts";
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

const list = (name: string, title: string, fields: object[]) => ({ name, title, kind: "list", item: { kind: "record", fields } });
const template = {
  format: "formwork-document/1",
  fields: [
    { name: "place", title: "Place", kind: "text" },
    list("flights", "Flights", [
      { name: "route", title: "Route", kind: "text" },
      { name: "price", title: "Price", kind: "money" },
    ]),
    list("stays", "Stays", [
      { name: "hotel", title: "Hotel", kind: "text" },
      { name: "nights", title: "Nights", kind: "integer" },
    ]),
  ],
  blocks: [
    { id: "title", type: "heading", text: "Trip to {{ place }}", colour: "accent" },
    { id: "hello", type: "text", text: "Thank you for travelling with us." },
    { id: "what", name: "What we booked", type: "table", rows: "{{ flights }}", columns: [{ heading: "Route", value: "{{ item.route }}" }] },
  ],
};
const values = {
  place: "Lisbon",
  flights: [{ route: "Hamburg to Lisbon", price: { amount: "412.50", currency: "EUR" } }],
  stays: [{ hotel: "Casa do Chafariz", nights: 3 }],
};

interface Draft {
  revision: number;
  template: { blocks: Record<string, unknown>[]; theme?: Record<string, unknown> };
}

/** A document with a sample, and where it is edited. */
async function make(name: string): Promise<{ id: string; address: string; draft: () => Promise<Draft> }> {
  const { id } = await api.call<{ id: string }>("POST", "/documents", { name, template });
  const sample = await api.call<{ id: string }>("POST", `/documents/${id}/samples`, { name: "Lisbon in May", values });
  return { id, address: `${server.url}/documents/${id}?sample=${sample.id}`, draft: () => api.call<Draft>("GET", `/documents/${id}/draft`) };
}

const paper = (page: Page): Locator => page.getByRole("region", { name: "Page 1", exact: true });
const row = (page: Page, name: string | RegExp): Locator => page.getByRole("treeitem", { name });

test("a person changes the colour, renames a heading, adds a column, binds a list, publishes and gets exactly that PDF", async ({ browser }, info) => {
  const { id, address, draft } = await make("Trip");
  const page = await agent(browser, api);
  await page.goto(address);
  await expect(paper(page)).toContainText("Trip to Lisbon");

  // The theme, which is the page's own.
  await page.getByRole("tab", { name: "Colours and fonts" }).click();
  await page.getByRole("textbox", { name: "Accent, as a value" }).fill("#a33e17");
  await expect(paper(page).getByRole("img")).toHaveAttribute("src", /%23a33e17/);

  // The heading, on the page: a click on its words.
  const heading = await paper(page).getByRole("option", { name: /^Heading/ }).boundingBox();
  if (!heading) throw new Error("the heading is not on the page");
  await page.mouse.click(heading.x + 12, heading.y + heading.height / 2);
  const words = page.getByRole("group", { name: "Edit Text on the page" }).getByRole("textbox");
  await expect(words).toBeFocused();
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("Your ");
  await expect(paper(page)).toContainText("Your Trip to Lisbon");
  await page.keyboard.press("Escape");
  await expect(row(page, /^Your Trip to/)).toHaveAttribute("aria-selected", "true");

  // A column of the list that the table is bound to.
  await row(page, "What we booked").click();
  const panel = inspector(page);
  await panel.getByRole("button", { name: "Column", exact: true }).click();
  await page.getByRole("menuitem", { name: "Price" }).click();
  await expect(paper(page)).toContainText("412.50");
  await expect(panel.getByRole("combobox", { name: "Sum below" })).toHaveValue("Nothing");

  // Another list, by choosing it: it brings its own columns.
  await panel.getByRole("combobox", { name: "One row for each", exact: true }).click();
  await page.getByRole("option", { name: "Stays · 1 row" }).click();
  await expect(paper(page)).toContainText("Casa do Chafariz");
  await expect(paper(page)).not.toContainText("Hamburg");
  await saved(page);
  expect((await draft()).template.blocks[2]?.["rows"]).toBe("{{ stays }}");

  await page.getByRole("button", { name: "Publish", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Publish" });
  await expect(dialog.getByText("One page looks different.")).toBeVisible();
  await dialog.getByRole("button", { name: "Publish this document" }).click();
  await expect(dialog.getByText("Version 2 is published")).toBeVisible();
  const download = page.waitForEvent("download");
  await dialog.getByRole("button", { name: "PDF of version 2" }).click();
  const kept = info.outputPath("kept.pdf");
  await (await download).saveAs(kept);

  // As every program outside asks for it.
  const made = await api.call<{ version: number; warnings: unknown[]; pdf: { id: string } }>("POST", `/documents/${id}/render`, { values }, { accept: "application/json" });
  expect({ version: made.version, warnings: made.warnings }).toEqual({ version: 2, warnings: [] });
  const rendered = info.outputPath("rendered.pdf");
  writeFileSync(rendered, await api.bytes(`/artifacts/${made.pdf.id}`));
  checkFile(kept);
  expect(textOf(kept)).toBe(textOf(rendered));
  for (const text of ["Your Trip to Lisbon", "Thank you for travelling with us.", "Hotel", "Casa do Chafariz", "3"]) expect(holds(textOf(rendered), text)).toBe(true);
  await page.context().close();
});

test("a document that comes along is made in German by keyboard, and shows a German page", async ({ browser }) => {
  const page = await agent(browser, api);
  await page.goto(`${server.url}/documents`);
  const begin = page.getByRole("button", { name: "New document" });
  await begin.click();
  const dialog = page.getByRole("dialog", { name: "New document" });
  await expect(dialog.getByRole("button", { name: /^Invoice/ }).locator("img")).toHaveAttribute("src", /language=en$/);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(begin).toBeFocused();

  await page.keyboard.press("n");
  await dialog.getByRole("combobox", { name: "Language of the document" }).click();
  await page.getByRole("option", { name: "Deutsch" }).click();
  const invoice = dialog.getByRole("button", { name: /^Invoice/ });
  const picture = invoice.locator("img");
  await expect(picture).toHaveAttribute("src", /language=de$/);
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
  await invoice.press("Enter");
  await expect(page).toHaveURL(/\/documents\/[0-9a-f-]{36}/);
  for (const text of ["Rechnungsnummer", "8. März 2027", "4.079,68"]) await expect(paper(page)).toContainText(text);
  await expect(page.getByRole("textbox", { name: "Language of the document" })).toHaveValue("de");
  const { items } = await api.call<{ items: { name: string }[] }>("GET", "/documents");
  expect(items.map((item) => item.name)).toContain("Rechnung");
  await page.context().close();
});

test("blocks are walked, moved, added and deleted by keyboard, and undo outlives a reload", async ({ browser }) => {
  const { address, draft } = await make("Letter");
  const page = await agent(browser, api);
  await page.goto(address);
  const ids = async () => (await draft()).template.blocks.map((block) => block["id"]);
  const tree = page.getByRole("tree", { name: "Blocks of the document" });
  await tree.getByRole("treeitem", { name: "Body" }).focus();
  await page.keyboard.press("ArrowDown");
  await expect(row(page, /^Trip to/)).toBeFocused();
  await page.keyboard.press("Alt+ArrowDown");
  await expect.poll(ids).toEqual(["hello", "title", "what"]);
  await expect(row(page, /^Trip to/)).toBeFocused();

  await page.keyboard.press("/");
  await expect(page.getByRole("button", { name: "Heading", exact: true })).toBeFocused();
  await page.getByRole("button", { name: "Rule", exact: true }).press("Enter");
  await expect.poll(ids).toEqual(["hello", "title", "rule", "what"]);
  await row(page, "Rule").focus();
  await page.keyboard.press("Delete");
  await expect.poll(ids).toEqual(["hello", "title", "what"]);
  await saved(page);

  await page.reload();
  await expect(paper(page)).toContainText("Trip to Lisbon");
  for (let back = 0; back < 3; back += 1) await page.getByRole("button", { name: "Undo" }).first().click();
  await expect.poll(ids).toEqual(["title", "hello", "what"]);
  await page.context().close();
});

test("a text that cannot be read is a problem that leads to its place", async ({ browser }) => {
  const { id, address, draft } = await make("Broken");
  const { template: broken } = await draft();
  const blocks = broken.blocks.map((block) => (block["id"] === "hello" ? { ...block, text: "Dear {{ place" } : block));
  await api.call("PUT", `/documents/${id}/draft`, { base_revision: 0, template: { ...broken, blocks } });
  const page = await agent(browser, api);
  await page.goto(address);
  const problems = page.getByRole("region", { name: "Problems" });
  await problems.getByRole("button", { name: "Show" }).click();
  const text = inspector(page).getByRole("textbox", { name: "Text", exact: true });
  await expect(text).toBeFocused();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("Dear guest");
  await expect(paper(page)).toContainText("Dear guest");
  await expect(page.getByText("No problems").first()).toBeVisible();
  await page.context().close();
});

test("two people change one document: what does not meet is put together, of what does one side is kept by choice", async ({ browser }) => {
  const { id, address, draft } = await make("Shared");
  const page = await agent(browser, api);
  await page.goto(address);
  await expect(paper(page)).toContainText("Trip to Lisbon");
  const other = async (change: (block: Record<string, unknown>) => Record<string, unknown>) => {
    const now = await draft();
    await api.call("PUT", `/documents/${id}/draft`, { base_revision: now.revision, template: { ...now.template, blocks: now.template.blocks.map(change) } });
  };
  const textIn = async (block: string) => (await draft()).template.blocks.find((one) => one["id"] === block)?.["text"];
  const type = async (text: string) => {
    await row(page, /^Thank|^Mine/).click();
    await inspector(page).getByRole("textbox", { name: "Text", exact: true }).click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type(text);
  };

  await other((block) => (block["id"] === "title" ? { ...block, text: "A trip" } : block));
  await expect(paper(page)).toContainText("A trip");

  await page.context().setOffline(true);
  await type("Mine");
  await other((block) => (block["id"] === "hello" ? { ...block, text: "Theirs" } : block));
  await page.context().setOffline(false);
  const bar = page.getByRole("alert").filter({ hasText: "Nothing was overwritten" });
  await expect(bar).toBeVisible();
  expect(await textIn("hello")).toBe("Theirs");
  await bar.getByRole("button", { name: "Keep mine" }).click();
  await expect.poll(() => textIn("hello")).toBe("Mine");
  expect(await textIn("title")).toBe("A trip");
  await page.context().close();
});
