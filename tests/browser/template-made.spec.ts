// A shipped document becomes a firm's own on its page: with another logo, another heading, one more column and one more table; and the PDF
// is what the page showed. Blocks are dragged on the page, and documents are carried from one Formwork to another.
import { writeFileSync } from "node:fs";
import { expect, test, type Locator, type Page } from "@playwright/test";
import { agent, inspector, saved } from "./agent.ts";
import { Api } from "./api.ts";
import { checkFile, picturesOf, wordsOf } from "./pdf.ts";
import { picture, png, type Picture } from "./picture.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
let api: Api;

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
  const firm = await api.call<Record<string, unknown>>("GET", "/firm");
  await api.call("PUT", "/firm", { ...firm, name: "Nordlicht Reisen GmbH", email: "office@nordlicht.example" });
});

test.afterAll(async () => {
  await server?.stop();
});

interface Draft {
  revision: number;
  template: { blocks: Block[]; sample?: Record<string, unknown> };
}

interface Block {
  id: string;
  rows?: string;
  columns?: { blocks?: Block[]; heading?: string; value?: string }[];
}

const draftOf = (id: string) => api.call<Draft>("GET", `/documents/${id}/draft`);
const idsIn = (blocks: Block[] | undefined) => (blocks ?? []).map((block) => block.id);

const paper = (page: Page): Locator => page.getByRole("region", { name: "Page 1", exact: true });
const papers = (page: Page): Locator => page.getByRole("region", { name: /^Page \d+$/ });
const row = (page: Page, name: string | RegExp): Locator => page.getByRole("treeitem", { name });
const drawing = (sheet: Locator): Locator => sheet.getByRole("img", { name: /, page \d+$/ });

/** The first picture on a page, as the browser shows it. */
function pictureOn(sheet: Locator): Promise<Picture | null> {
  return drawing(sheet).evaluate(async (drawn: HTMLImageElement) => {
    const source = /<image [^>]*href="([^"]+)"/.exec(decodeURIComponent(drawn.src))?.[1];
    if (source === undefined) return null;
    const shown = new Image();
    shown.src = source;
    await shown.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [shown.naturalWidth, shown.naturalHeight];
    const context = canvas.getContext("2d");
    context?.drawImage(shown, 0, 0);
    const dots = context?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    return { width: canvas.width, height: canvas.height, rgb: [...dots].filter((_, at) => at % 4 < 3) };
  });
}

/** All letters, in no order: a page is read line by line, and a PDF as its reader likes. */
const lettersOf = (texts: readonly string[]) => [...texts.join("").normalize("NFKC").replaceAll(/[\s\p{Cf}]/gu, "")].toSorted().join("");

/** What somebody who does not see the pages is told of them, page by page. */
const textsOf = (page: Page): Promise<string[]> => papers(page).getByRole("paragraph").allTextContents();

const before = picture(24, 24, (x, y) => [200, x * 10, y * 10]);
const after = picture(30, 20, (x, y) => [x * 8, 90, y * 12]);

test("an invoice gets another logo, heading, column and table, and its PDF is what the page showed", async ({ browser }, info) => {
  const page = await agent(browser, api);
  await page.goto(`${server.url}/settings/firm`);
  await page.locator('input[type="file"]').setInputFiles({ name: "before.png", mimeType: "image/png", buffer: png(before) });
  await expect(page.getByRole("img", { name: "Logo" })).toBeVisible();

  await page.goto(`${server.url}/documents`);
  await page.getByRole("button", { name: "New document" }).click();
  await page.getByRole("dialog", { name: "New document" }).getByRole("button", { name: /^Invoice/ }).click();
  await expect(page).toHaveURL(/\/documents\/[0-9a-f-]{36}/);
  const id = new URL(page.url()).pathname.split("/").pop() ?? "";
  await expect(paper(page)).toContainText("4,079.68");
  await expect.poll(() => pictureOn(paper(page))).toEqual(before);
  const panel = inspector(page);
  const pages = async () => (await textsOf(page)).join("\n");

  // The logo: a file of this document instead of the firm's.
  await row(page, /^Logo/).click();
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), panel.getByRole("button", { name: "Choose a file" }).click()]);
  await chooser.setFiles({ name: "after.png", mimeType: "image/png", buffer: png(after) });
  await expect(panel.getByRole("img", { name: "A file kept in the document" })).toBeVisible();
  await expect.poll(() => pictureOn(paper(page))).toEqual(after);

  // The heading, by a click on its word.
  const heading = paper(page).getByRole("option", { name: "Heading Title", exact: true });
  await heading.scrollIntoViewIfNeeded();
  const place = await boxOf(heading);
  await page.mouse.click(place.x + 12, place.y + place.height / 2);
  await expect(page.getByRole("group", { name: "Edit Text on the page" }).getByRole("textbox")).toBeFocused();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("Bill for your garden");
  await expect(paper(page)).toContainText("Bill for your garden");
  await page.keyboard.press("Escape");

  // A column of the list that the table shows already, with a head of its own.
  const mentions = async () => (await pages()).split("Section-sewn").length - 1;
  expect(await mentions()).toBe(1);
  await row(page, "Line items").click();
  await panel.getByRole("button", { name: "Column", exact: true }).click();
  await page.getByRole("menuitem", { name: "Description" }).click();
  await expect.poll(mentions).toBe(2);
  await panel.getByRole("textbox", { name: "Heading", exact: true }).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("Details");
  await expect.poll(pages).toContain("Details");

  // A table behind it, which begins with the first list and is bound to another one.
  await page.getByRole("region", { name: "Add a block" }).getByRole("button", { name: "Table", exact: true }).click();
  await expect(papers(page).getByRole("option", { name: "Table Table", exact: true }).first()).toHaveAttribute("aria-selected", "true");
  const shows = panel.getByRole("combobox", { name: "One row for each", exact: true });
  await expect(shows).toHaveValue("Lines · 3 rows");
  await shows.click();
  await page.getByRole("option", { name: "VAT · 2 rows", exact: true }).click();
  await expect.poll(pages).toContain("Reason");
  await expect(panel.getByRole("list", { name: "Columns", exact: true }).getByRole("listitem")).toHaveCount(4);

  await saved(page);
  const { template } = await draftOf(id);
  const made = template.blocks.filter((block) => block.id === "lines" || block.id === "table");
  expect(made.map((block) => [block.rows, block.columns?.at(-1)])).toMatchObject([
    ["{{ rows }}", { heading: "Details", value: "{{ item.description }}" }],
    ["{{ taxes }}", { heading: "Reason", value: "{{ item.reason }}" }],
  ]);
  const shown = await textsOf(page);

  await page.getByRole("button", { name: "Publish", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Publish" });
  await expect(dialog.getByText(/looks? different\.$/)).toBeVisible();
  await dialog.getByRole("button", { name: "Publish this document" }).click();
  await expect(dialog.getByText("Version 2 is published")).toBeVisible();
  const download = page.waitForEvent("download");
  await dialog.getByRole("button", { name: "PDF of version 2" }).click();
  const kept = info.outputPath("kept.pdf");
  await (await download).saveAs(kept);

  // As every program outside asks for it.
  const answer = await api.call<{ version: number; pages: number; pdf: { id: string } }>("POST", `/documents/${id}/render`, { values: template.sample }, { accept: "application/json" });
  expect(answer).toMatchObject({ version: 2, pages: shown.length });
  const rendered = info.outputPath("rendered.pdf");
  writeFileSync(rendered, await api.bytes(`/artifacts/${answer.pdf.id}`));

  for (const file of [kept, rendered]) {
    checkFile(file);
    expect(picturesOf(file)).toEqual([after]);
  }
  const words = wordsOf(rendered);
  expect(wordsOf(kept)).toEqual(words);
  for (const [at, text] of shown.entries()) {
    expect(lettersOf(words.filter((word) => word.page === at + 1).map((word) => word.text))).toBe(lettersOf([text]));
  }

  // Its parts below one another, and the new column's values below its head.
  const places = ["Bill", "Details", "Reason", "4,079.68"].map((part) => {
    const word = words.find(({ text }) => text.includes(part));
    if (!word) throw new Error(`${part} is not on the pages`);
    return word;
  });
  expect(places.toSorted((a, b) => a.page - b.page || a.y - b.y)).toEqual(places);
  const head = places[1];
  const below = words.filter((word) => word.page === head?.page && word.y > head.y && Math.abs(word.x - head.x) < 1).map((word) => word.text);
  expect(below.filter((text) => /^[A-Z]/.test(text))).toEqual(["Spring", "Section-sewn,"]);
  await page.context().close();
});

async function boxOf(block: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  const box = await block.boundingBox();
  if (!box) throw new Error("the block is not on the page");
  return box;
}

/** Presses on one place and carries what lies there to the other, still held. */
async function carry(page: Page, from: { x: number; y: number }, to: { x: number; y: number }): Promise<void> {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 8 });
}

test("blocks are dragged on the page, past each other and into columns, and Escape leaves them where they were", async ({ browser }) => {
  const blocks = [
    { id: "title", type: "heading", text: "A trip" },
    { id: "pair", type: "columns", columns: [{ blocks: [{ id: "left", type: "text", text: "One\nTwo\nThree\nFour\nFive" }] }, { blocks: [] }] },
    { id: "thanks", type: "text", text: "Thank you." },
  ];
  const { id } = await api.call<{ id: string }>("POST", "/documents", { name: "Trip", template: { format: "formwork-document/1", blocks } });
  const page = await agent(browser, api);
  await page.goto(`${server.url}/documents/${id}`);
  const block = (name: string) => paper(page).getByRole("option", { name, exact: true });
  const line = paper(page).locator("[data-drop]");
  const ids = async () => {
    const { template } = await draftOf(id);
    return { body: idsIn(template.blocks), right: idsIn(template.blocks.find((one) => one.id === "pair")?.columns?.[1]?.blocks) };
  };
  const middle = async (name: string) => {
    const { x, y, width, height } = await boxOf(block(name));
    return { x: x + width / 2, y: y + height / 2 };
  };
  const unmoved = { body: ["title", "pair", "thanks"], right: [] };
  await row(page, "Thank you.").click();
  await expect(block("Text Thank you.")).toHaveAttribute("aria-selected", "true");
  const title = await boxOf(block("Heading A trip"));

  await carry(page, await middle("Text Thank you."), { x: title.x + 60, y: title.y + 2 });
  await expect(line).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect(line).toHaveCount(0);
  // Let go away from the page, which must not take it for a click.
  await page.mouse.move(0, 0);
  await page.mouse.up();
  await expect(page.getByRole("button", { name: "Undo" }).first()).toBeDisabled();
  expect(await ids()).toEqual(unmoved);

  await carry(page, await middle("Text Thank you."), { x: title.x + 60, y: title.y + 2 });
  await expect(line).toHaveCount(1);
  await page.mouse.up();
  await expect(page.getByRole("status").filter({ hasText: "“Thank you.” now stands first in “Body”." })).toHaveCount(1);
  await expect(paper(page).getByRole("option").first()).toHaveAccessibleName("Text Thank you.");
  await expect.poll(ids).toEqual({ body: ["thanks", "title", "pair"], right: [] });

  const pair = await boxOf(block("Columns Columns"));
  await carry(page, await middle("Text Thank you."), { x: pair.x + pair.width * 0.75, y: pair.y + pair.height / 2 });
  await expect(line).toHaveCount(1);
  await page.mouse.up();
  await expect(page.getByRole("status").filter({ hasText: "“Thank you.” now stands first in “Column 2”." })).toHaveCount(1);
  await expect.poll(ids).toEqual({ body: ["title", "pair"], right: ["thanks"] });
  await expect(paper(page).getByRole("option").first()).toHaveAccessibleName("Heading A trip");

  // The same by keys, out of the columns again.
  await paper(page).getByRole("listbox", { name: "Blocks on page 1" }).focus();
  await page.keyboard.press("Alt+ArrowDown");
  await expect.poll(ids).toEqual(unmoved);

  // What is new comes from beside the page.
  await expect.poll(async () => {
    const [columns, text] = [await boxOf(block("Columns Columns")), await boxOf(block("Text Thank you."))];
    return text.y >= columns.y + columns.height;
  }).toBe(true);
  const thanks = await boxOf(block("Text Thank you."));
  const kind = page.getByRole("button", { name: "Rule", exact: true });
  await kind.scrollIntoViewIfNeeded();
  const rule = await boxOf(kind);
  await carry(page, { x: rule.x + rule.width / 2, y: rule.y + rule.height / 2 }, { x: thanks.x + 60, y: thanks.y + thanks.height + 80 });
  await expect(line).toHaveCount(1);
  await page.mouse.up();
  await expect.poll(ids).toEqual({ body: ["title", "pair", "thanks", "rule"], right: [] });
  for (let back = 0; back < 4; back += 1) await page.getByRole("button", { name: "Undo" }).first().click();
  await expect.poll(ids).toEqual(unmoved);
  await expect(page.getByRole("button", { name: "Undo" }).first()).toBeDisabled();
  await page.context().close();
});

test("a document is exported, imported into another one, and has the same pages there", async ({ browser }, info) => {
  const from = await api.call<{ id: string }>("POST", "/documents", { example: "invoice", language: "en" });
  const into = await api.call<{ id: string }>("POST", "/documents", { name: "Empty", template: { format: "formwork-document/1", blocks: [] } });
  const page = await agent(browser, api);
  const drawings = async () => Promise.all((await drawing(papers(page)).all()).map((image) => image.getAttribute("src")));

  await page.goto(`${server.url}/documents/${from.id}`);
  await expect(paper(page)).toContainText("4,079.68");
  const pages = await drawings();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Export as JSON" }).click();
  const file = info.outputPath("invoice.json");
  const exported = await download;
  expect(exported.suggestedFilename()).toMatch(/^Invoice.*\.json$/);
  await exported.saveAs(file);

  await page.goto(`${server.url}/documents/${into.id}`);
  await expect(drawing(paper(page))).toBeVisible();
  const take = async (chosen: string | { name: string; mimeType: string; buffer: Buffer }) => {
    await page.getByRole("button", { name: "More", exact: true }).click();
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("menuitem", { name: "Import JSON…" }).click()]);
    await chooser.setFiles(chosen);
  };
  await take({ name: "notes.json", mimeType: "application/json", buffer: Buffer.from('{"format":"something else"}') });
  await expect(page.getByText("“notes.json” holds no document of Formwork. Nothing was changed.")).toBeVisible();

  await take(file);
  await expect(paper(page)).toContainText("4,079.68");
  await expect.poll(drawings).toEqual(pages);
  await saved(page);
  expect((await draftOf(into.id)).template).toEqual((await draftOf(from.id)).template);
  await page.getByRole("button", { name: "Undo" }).first().click();
  await expect(paper(page)).not.toContainText("4,079.68");
  await page.context().close();
});
