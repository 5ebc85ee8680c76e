// The firm's tables as people use them: made, edited by keyboard alone, pasted into, imported, seen by two at once, looked up by a
// workflow; 20,000 rows; on a phone, in the dark and in Chinese.
import { expect, test, type Browser, type Locator, type Page } from "@playwright/test";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

interface Table {
  id: string;
  version: number;
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

async function asOwner(browser: Browser, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], ...options });
  await context.addCookies(api.cookies());
  return context.newPage();
}

const grid = (page: Page): Locator => page.getByRole("grid");
const cell = (page: Page, row: number, column: number): Locator => grid(page).locator(`[role=row][aria-rowindex="${row + 1}"] [aria-colindex="${column + 1}"]`);

async function saved(page: Page): Promise<void> {
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();
}

async function hotels(name: string): Promise<Table> {
  const columns = [
    { name: "name", title: "Hotel", kind: "text" },
    { name: "price", title: "Price", kind: "money", currency: "EUR", optional: true },
    { name: "sauna", title: "Sauna", kind: "yes_no", optional: true },
  ];
  const table = await api.call<Table>("POST", "/tables", { name, columns, name_column: "name" });
  const changes = ["Adler", "Post", "Krone"].map((hotel, at) => ({ op: "add", cells: { name: hotel, price: String(100 + at) } }));
  await api.call("POST", `/tables/${table.id}/rows`, { version: table.version, locale: "en", changes });
  return table;
}

const rowsOf = async (table: Table) => (await api.call<{ items: { cells: Record<string, unknown> }[] }>("GET", `/tables/${table.id}/rows`)).items.map((row) => row.cells);

test("a table is made, gets a column and rows, and is edited without a mouse", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables`);
  await expect(page.getByText("There is no table yet.")).toBeVisible();
  await expectAccessible(page, "no table yet");
  await page.getByRole("button", { name: "New table" }).click();
  await expect(page.getByRole("textbox", { name: "Name of the table" })).toHaveValue("New table");
  await page.getByRole("button", { name: "Add a column" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Title").fill("Price");
  await dialog.getByRole("combobox", { name: "What stands in it" }).click();
  await page.getByRole("option", { name: "Amount of money" }).click();
  await expect(dialog.getByLabel("Currency")).toHaveValue("EUR");
  await expectAccessible(page, "a new column");
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(grid(page).getByRole("columnheader", { name: "Price" })).toBeVisible();

  await page.getByRole("button", { name: "Add a row" }).click();
  await expect(grid(page).getByRole("rowheader")).toHaveCount(1);
  await grid(page).focus();
  await page.keyboard.type("Adler");
  await page.keyboard.press("Tab");
  await expect(cell(page, 1, 1)).toHaveText("Adler");
  await page.keyboard.type("1,234.5");
  await page.keyboard.press("Enter");
  await expect(cell(page, 1, 2)).toHaveText("1,234.50 EUR");
  // Down from the last row there is a new one.
  await page.keyboard.press("ArrowDown");
  await expect(grid(page).getByRole("rowheader")).toHaveCount(2);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.type("cheap");
  await page.keyboard.press("Enter");
  await expect(cell(page, 2, 2)).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByText("1 cell is not saved")).toBeVisible();
  await expectAccessible(page, "a cell that cannot be read");
  // What was typed is still there to be corrected.
  await page.keyboard.press("F2");
  await expect(grid(page).getByRole("textbox")).toHaveValue("cheap");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("9");
  await page.keyboard.press("Enter");
  await expect(cell(page, 2, 2)).toHaveText("9.00 EUR");
  await page.keyboard.press("Control+Z");
  await expect(cell(page, 2, 2)).toHaveText("");
  await page.keyboard.press("Control+Shift+Z");
  await expect(cell(page, 2, 2)).toHaveText("9.00 EUR");
  // Escape changes nothing.
  await page.keyboard.press("Enter");
  await page.keyboard.type("77");
  await page.keyboard.press("Escape");
  await expect(cell(page, 2, 2)).toHaveText("9.00 EUR");
  await page.keyboard.press("Delete");
  await expect(cell(page, 2, 2)).toHaveText("");
  // The row's own menu, by keyboard.
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Delete 1 row" }).press("Enter");
  await expect(grid(page).getByRole("rowheader")).toHaveCount(1);
  await saved(page);
});

test("letters answer yes or no, lines stay lines, and what is refused can be taken back later", async ({ browser }) => {
  const table = await hotels("Typed");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await cell(page, 1, 3).click();
  for (const [key, answer] of [["n", false], ["y", true], ["y", true], ["q", true], [" ", false]] as const) {
    await page.keyboard.press(key);
    await expect.poll(async () => (await rowsOf(table))[0]?.["sauna"]).toBe(answer);
  }
  await page.evaluate(() => navigator.clipboard.writeText('"Adler\nII"'));
  await cell(page, 1, 1).click();
  await page.keyboard.press("Control+V");
  await expect.poll(async () => (await rowsOf(table))[0]?.["name"]).toBe("Adler\nII");
  await page.keyboard.press("F2");
  await page.keyboard.press("End");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("here");
  await page.keyboard.press("Enter");
  await expect.poll(async () => (await rowsOf(table))[0]?.["name"]).toBe("Adler\nII\nhere");
  await saved(page);
  // An undo that does not arrive is still there.
  await page.route("**/rows", (route) => route.abort(), { times: 1 });
  const undo = page.getByRole("button", { name: "Undo" });
  const lost = page.waitForEvent("requestfailed");
  await undo.click();
  await lost;
  await saved(page);
  await expect(undo).toBeEnabled();
  expect((await rowsOf(table))[0]?.["name"]).toBe("Adler\nII\nhere");
  await undo.click();
  await expect.poll(async () => (await rowsOf(table))[0]?.["name"]).toBe("Adler\nII");
});

test("a block from a spreadsheet fills rows and makes new ones; search and sorting are only views", async ({ browser }) => {
  const table = await hotels("Pasted");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await expect(cell(page, 3, 1)).toHaveText("Krone");
  await expectAccessible(page, "a table with rows");
  await page.evaluate(() => navigator.clipboard.writeText("Krone\t150\tyes\nSonne\t80\tno\nBär\t95\t\n"));
  await cell(page, 3, 1).click();
  await page.keyboard.press("Control+V");
  await expect(cell(page, 5, 1)).toHaveText("Bär");
  await expect.poll(() => rowsOf(table)).toHaveLength(5);
  expect((await rowsOf(table))[3]).toEqual({ name: "Sonne", price: { amount: "80.00", currency: "EUR" }, sauna: false });
  // What is copied is what was pasted.
  await page.keyboard.press("Control+C");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("Krone\t150.00\tyes\nSonne\t80.00\tno\nBär\t95.00\t");

  await page.getByRole("searchbox").fill("o");
  await expect(page.getByText("3 of 5 rows")).toBeVisible();
  await page.getByRole("searchbox").fill("");
  await grid(page).getByRole("button", { name: "Price: what can be done" }).click();
  await page.getByRole("menuitem", { name: "Sort from small to large" }).click();
  await expect(cell(page, 1, 1)).toHaveText("Sonne");
  await expect(grid(page).locator('[aria-sort="ascending"]')).toHaveCount(1);
  expect((await rowsOf(table))[0]?.["name"]).toBe("Adler");
});

test("of a pasted block only what cannot be read is left to be corrected", async ({ browser }) => {
  const table = await hotels("Partly");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await expect(cell(page, 3, 1)).toHaveText("Krone");
  await page.evaluate(() => navigator.clipboard.writeText("Post\tdear\tyes\nKrone\t150\tyes\nSonne\tcheap\tno\nBär\t95\t\n"));
  await cell(page, 2, 1).click();
  await page.keyboard.press("Control+V");
  await expect(page.getByText("2 cells are not saved")).toBeVisible();
  await expect.poll(async () => (await rowsOf(table)).map((row) => [row["name"], row["sauna"] ?? null])).toEqual([["Adler", null], ["Post", true], ["Krone", true], ["Bär", null]]);
  await expect(cell(page, 2, 2)).toHaveAttribute("aria-invalid", "true");
  await expect(cell(page, 5, 1)).toHaveText("Sonne");
  await expect(cell(page, 5, 2)).toHaveAttribute("aria-invalid", "true");
  await expectAccessible(page, "a new row that cannot be read yet");
  await cell(page, 5, 2).click();
  await page.keyboard.press("F2");
  await expect(grid(page).getByRole("textbox")).toHaveValue("cheap");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("80");
  await page.keyboard.press("Enter");
  await expect.poll(async () => (await rowsOf(table))[4]).toMatchObject({ name: "Sonne", price: { amount: "80.00" }, sauna: false });
  await expect(page.getByText("1 cell is not saved")).toBeVisible();
});

test("a change of columns says what goes with it", async ({ browser }) => {
  const table = await hotels("Columns");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await grid(page).getByRole("button", { name: "Price: what can be done" }).click();
  await page.getByRole("menuitem", { name: "Delete the column" }).click();
  const dialog = page.getByRole("dialog", { name: "This takes content from the table" });
  await expect(dialog.getByText("the column goes with 3 filled cells, such as “100.00 EUR”")).toBeVisible();
  await expectAccessible(page, "what a change would take");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  expect((await rowsOf(table))[0]).toHaveProperty("price");
  await grid(page).getByRole("button", { name: "Price: what can be done" }).click();
  await page.getByRole("menuitem", { name: "Delete the column" }).click();
  await dialog.getByRole("button", { name: "Change it all the same" }).click();
  await expect(grid(page).getByRole("columnheader")).toHaveCount(3);
  expect((await rowsOf(table))[0]).not.toHaveProperty("price");
});

test("two people see each other's changes, and nobody's are overwritten", async ({ browser }) => {
  const table = await hotels("Together");
  const [one, two] = [await asOwner(browser), await asOwner(browser)];
  for (const page of [one, two]) {
    await page.goto(`${server.url}/tables/${table.id}`);
    await expect(cell(page, 1, 1)).toHaveText("Adler");
  }
  await cell(one, 1, 2).click();
  await one.keyboard.type("500");
  await one.keyboard.press("Enter");
  await expect(cell(two, 1, 2)).toHaveText("500.00 EUR");
  // One types into a cell while the other changes the row.
  await cell(one, 2, 2).click();
  await one.keyboard.type("7");
  const [, post] = (await api.call<{ items: { id: string; revision: number }[] }>("GET", `/tables/${table.id}/rows`)).items;
  await one.route("**/rows", async (route) => {
    await api.call("POST", `/tables/${table.id}/rows`, { version: 1, changes: [{ op: "set", row: post?.id, revision: post?.revision, cells: { sauna: true } }] });
    await route.continue();
  }, { times: 1 });
  await one.keyboard.press("Enter");
  await expect(one.getByRole("alert")).toContainText("Somebody else changed this row meanwhile. Nothing was overwritten.");
  await expect(cell(one, 2, 2)).toHaveAttribute("aria-invalid", "true");
  await expect(cell(one, 2, 2)).toContainText("The server has: 101.00 EUR");
  await expectAccessible(one, "what was typed and not taken");
  await one.getByRole("button", { name: "Take what the server has" }).click();
  await expect(one.getByRole("alert")).toBeHidden();
  await expect(cell(one, 2, 2)).toHaveText("101.00 EUR");
  await expect(grid(one)).toBeFocused();
});

/** Lets the next changes of rows reach the server, and keeps their answer and all news of rows back until they are let go. */
async function holdAnswer(page: Page): Promise<() => void> {
  let letGo = () => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route("**/rows", async (route) => {
    const answer = await route.fetch();
    await gone;
    await route.fulfill({ response: answer });
  }, { times: 1 });
  await page.route("**/rows?*", async (route) => {
    await gone;
    await route.continue();
  });
  return letGo;
}

test("what is typed stands in its cell until the server has answered", async ({ browser }) => {
  const table = await hotels("On its way");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await expect(cell(page, 1, 1)).toHaveText("Adler");
  await page.evaluate(() => navigator.clipboard.writeText('"Adler\nII"\t7'));
  // The first cell is chosen already: a click would open it.
  await grid(page).focus();
  const letGo = await holdAnswer(page);
  await page.keyboard.press("Control+V");
  await expect.poll(async () => (await rowsOf(table))[0]?.["name"]).toBe("Adler\nII");
  await expect(cell(page, 1, 2)).toHaveText("7");
  await expect(page.getByText("Saving…", { exact: true })).toBeVisible();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("F2");
  await expect(grid(page).getByRole("textbox")).toHaveValue("Adler\nII");
  await page.keyboard.press("End");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("here");
  await page.keyboard.press("Enter");
  await expect(cell(page, 1, 1)).toContainText("here");
  letGo();
  await expect(cell(page, 1, 2)).toHaveText("7.00 EUR");
  await saved(page);
  await expect(cell(page, 1, 1)).toContainText("here");
  expect((await rowsOf(table))[0]).toMatchObject({ name: "Adler\nII\nhere", price: { amount: "7.00" } });
});

/** A new row "Sonne" that the server has and whose answer is held back, in a table of three. */
async function addRow(browser: Browser, name: string) {
  const table = await hotels(name);
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await expect(cell(page, 3, 1)).toHaveText("Krone");
  await page.getByRole("button", { name: "Add a row" }).click();
  await expect(grid(page).getByRole("rowheader")).toHaveCount(4);
  await grid(page).focus();
  const letGo = await holdAnswer(page);
  await page.keyboard.type("Sonne");
  await page.keyboard.press("Tab");
  await expect.poll(() => rowsOf(table)).toHaveLength(4);
  return { table, page, letGo };
}

test("a new row goes on being filled in while it is saved", async ({ browser }) => {
  const { table, page, letGo } = await addRow(browser, "Filled in");
  await page.keyboard.type("80");
  await page.keyboard.press("Enter");
  await expect(cell(page, 4, 2)).toHaveText("80");
  letGo();
  await expect(cell(page, 4, 2)).toHaveText("80.00 EUR");
  await saved(page);
  expect((await rowsOf(table))[3]).toMatchObject({ name: "Sonne", price: { amount: "80.00" } });
});

test("a new row that is deleted while it is saved stays away", async ({ browser }) => {
  const { table, page, letGo } = await addRow(browser, "Not wanted");
  await grid(page).getByRole("button", { name: "Row 4: what can be done" }).click();
  await page.getByRole("menuitem", { name: "Delete 1 row" }).click();
  await expect(grid(page).getByRole("rowheader")).toHaveCount(3);
  letGo();
  await expect.poll(() => rowsOf(table)).toHaveLength(3);
  await saved(page);
  await expect(grid(page).getByRole("rowheader")).toHaveCount(3);
});

test("undo takes back what is still being saved, not what was before it", async ({ browser }) => {
  const table = await hotels("Taken back");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await cell(page, 1, 2).click();
  await page.keyboard.type("500");
  await page.keyboard.press("Enter");
  await expect(cell(page, 1, 2)).toHaveText("500.00 EUR");
  await page.keyboard.press("ArrowUp");
  const letGo = await holdAnswer(page);
  await page.keyboard.type("600");
  await page.keyboard.press("Enter");
  await expect.poll(async () => (await rowsOf(table))[0]?.["price"]).toMatchObject({ amount: "600.00" });
  await page.keyboard.press("Control+Z");
  letGo();
  await expect(cell(page, 1, 2)).toHaveText("500.00 EUR");
  await saved(page);
  expect((await rowsOf(table))[0]?.["price"]).toMatchObject({ amount: "500.00" });
});

/** What somebody else writes into a row, whatever its revision is. */
async function byOther(table: Table, at: number, cells: Record<string, unknown>): Promise<void> {
  const { items } = await api.call<{ items: { id: string; revision: number }[] }>("GET", `/tables/${table.id}/rows`);
  const change = { op: "set", row: items[at]?.id, revision: items[at]?.revision, cells };
  await api.call("POST", `/tables/${table.id}/rows`, { version: table.version, locale: "en", changes: [change] });
}

test("what somebody else writes into an open cell is not overwritten", async ({ browser }) => {
  const table = await hotels("Open cell");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await cell(page, 1, 2).click();
  await page.keyboard.press("F2");
  await expect(grid(page).getByRole("textbox")).toHaveValue("100.00");
  await byOther(table, 0, { price: "300", sauna: true });
  await expect(cell(page, 1, 3).getByRole("img", { name: "Yes" })).toBeVisible();
  // Left as it was opened, the cell is nobody's change.
  await page.keyboard.press("Enter");
  await expect(cell(page, 1, 2)).toHaveText("300.00 EUR");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.type("7");
  await byOther(table, 0, { price: "400", sauna: false });
  await expect(cell(page, 1, 3).getByRole("img", { name: "No" })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("Somebody else changed this row meanwhile. Nothing was overwritten.");
  await expect(cell(page, 1, 2)).toContainText("The server has: 400.00 EUR");
  expect((await rowsOf(table))[0]?.["price"]).toMatchObject({ amount: "400.00" });
  await page.getByRole("button", { name: "Save mine all the same" }).click();
  await expect(cell(page, 1, 2)).toHaveText("7.00 EUR");
  await expect(page.getByRole("alert")).toBeHidden();
  await saved(page);
});

test("what a lost connection kept from being saved stays, and is tried again", async ({ browser }) => {
  const table = await hotels("Lost");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await expect(cell(page, 3, 1)).toHaveText("Krone");
  const lose = () => page.route("**/rows", (route) => route.abort(), { times: 1 });
  await cell(page, 1, 2).click();
  await lose();
  await page.keyboard.type("7");
  await page.keyboard.press("Enter");
  await expect(page.getByText("1 cell is not saved")).toBeVisible();
  await expect(cell(page, 1, 2)).toHaveAttribute("aria-invalid", "true");
  await expect(cell(page, 1, 2)).toContainText("The server has: 100.00 EUR");
  // A new row with what was typed into it, as well.
  await page.getByRole("button", { name: "Add a row" }).click();
  await expect(grid(page).getByRole("rowheader")).toHaveCount(4);
  await grid(page).focus();
  await lose();
  await page.keyboard.type("Sonne");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert")).toContainText("What was typed into 2 rows was not saved and is still here. The server did not answer.");
  expect(await rowsOf(table)).toHaveLength(3);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("alert")).toBeHidden();
  await saved(page);
  await expect(cell(page, 1, 2)).toHaveText("7.00 EUR");
  expect((await rowsOf(table))[3]).toMatchObject({ name: "Sonne" });
});

test("what others changed just before a save is read with it", async ({ browser }) => {
  const table = await hotels("Just before");
  const page = await asOwner(browser);
  // Nothing is heard of the others.
  await page.route("**/api/events?*", (route) => route.abort());
  await page.goto(`${server.url}/tables/${table.id}`);
  await expect(cell(page, 3, 2)).toHaveText("102.00 EUR");
  await byOther(table, 2, { price: "300" });
  await cell(page, 1, 2).click();
  await page.keyboard.type("5");
  await page.keyboard.press("Enter");
  await expect(cell(page, 1, 2)).toHaveText("5.00 EUR");
  await expect(cell(page, 3, 2)).toHaveText("300.00 EUR");
});

test("a CSV file shows every problem before anything is changed, and replaces the rows", async ({ browser }) => {
  const table = await hotels("Imported");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  await expect(cell(page, 1, 1)).toHaveText("Adler");
  const choose = async (text: string) => {
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Import CSV" }).click()]);
    await chooser.setFiles({ name: "hotels.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
  };
  await choose("Hotel;Price;Stars\nSonne;12,50;4\nAdler;dear;5\n");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByText("Not taken, because the table has no such column: Stars.")).toBeVisible();
  await expect(dialog.getByRole("row", { name: "3 Price dear" })).toContainText("is no number");
  await expect(dialog.getByRole("button", { name: /^Import/ })).toBeDisabled();
  await expectAccessible(page, "a file with problems");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await choose("Hotel,Price\nSonne,12.50\nBär,9\n");
  await dialog.getByText("Replace all rows").click();
  await dialog.getByRole("button", { name: "Replace with 2 rows" }).click();
  await expect(dialog).toBeHidden();
  await expect(cell(page, 2, 1)).toHaveText("Bär");
  await expect(page.getByText("2 rows", { exact: true })).toBeVisible();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export CSV" }).click()]);
  expect(download.suggestedFilename()).toBe("Imported.csv");
});

test("twenty thousand rows are there at once and move like ten", async ({ browser }) => {
  const table = await hotels("Long");
  const lines = Array.from({ length: 20_000 }, (_, at) => `House ${at},${at % 500}`);
  const page = await asOwner(browser);
  await page.goto(`${server.url}/tables/${table.id}`);
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Import CSV" }).click()]);
  await chooser.setFiles({ name: "long.csv", mimeType: "text/csv", buffer: Buffer.from(`Hotel,Price\n${lines.join("\n")}\n`) });
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Replace all rows").click();
  await dialog.getByRole("button", { name: "Replace with 20,000 rows" }).click({ timeout: 60_000 });
  await expect(page.getByText("20,000 rows", { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(grid(page)).toHaveAttribute("aria-rowcount", "20001");
  await grid(page).focus();
  await page.keyboard.press("Control+End");
  await expect(cell(page, 20_000, 1)).toHaveText("House 19999");
  expect(await grid(page).getByRole("row").count()).toBeLessThan(120);
  await page.keyboard.press("Control+Home");
  await expect(cell(page, 1, 1)).toHaveText("House 0");
});

for (const [name, options, words] of [
  ["dark, in Chinese", { colorScheme: "dark", locale: "zh-CN" }, "表格"],
  ["on a phone", { viewport: { width: 390, height: 844 } }, "Tables"],
] as const) {
  test(`tables ${name}`, async ({ browser }) => {
    const table = await hotels(`Hotels ${name}`);
    const page = await asOwner(browser, options);
    await page.goto(`${server.url}/tables`);
    await expect(page.getByRole("heading", { name: words })).toBeVisible();
    await expectAccessible(page, `the list ${name}`);
    await page.getByRole("link", { name: `Hotels ${name}` }).click();
    await expect(cell(page, 3, 1)).toHaveText("Krone");
    await expectAccessible(page, `a table ${name}`);
    await cell(page, 1, 1).click();
    await cell(page, 1, 1).click();
    await grid(page).getByRole("textbox").fill("Adler II");
    await page.keyboard.press("Enter");
    await expect.poll(async () => (await rowsOf(table))[0]?.["name"]).toBe("Adler II");
  });
}

test("a step looks into a table that is chosen by name", async ({ browser }) => {
  const table = await hotels("Looked up");
  const made = await api.call<{ id: string }>("POST", "/workflows", {
    document: {
      format: "formwork/1", name: "Quote", locale: "en", time_zone: "UTC", currency: "EUR",
      nodes: [
        { id: "form", type: "form_input", version: 1, name: "Form", config: { title: "Quote", fields: [{ name: "hotel", label: "Hotel", kind: "select", options: [], required: true }] } },
        { id: "found", type: "table_lookup", version: 1, name: "Find the hotel", config: {} },
      ],
      edges: [{ from: "form", port: "out", to: "found" }],
    },
  });
  const page = await asOwner(browser);
  await page.goto(`${server.url}/workflows/${made.id}?step=form&field=hotel`);
  const inspector = page.locator("[data-region=inspector]");
  await inspector.getByText("From a table").click();
  await inspector.getByRole("combobox", { name: "Table" }).click();
  await page.getByRole("option", { name: "Looked up" }).click();
  await expect(inspector.getByRole("combobox", { name: "Column" })).toHaveValue("Hotel");
  await page.goto(`${server.url}/workflows/${made.id}?step=found`);
  await expect(inspector.getByText("Choose the table to look into.")).toBeVisible();
  await inspector.getByRole("combobox", { name: "Table" }).click();
  await page.getByRole("option", { name: "Looked up" }).click();
  await inspector.getByRole("button", { name: "Add a condition" }).click();
  await expect(inspector.getByText("A condition is not complete.")).toBeVisible();
  await expectAccessible(page, "a step that looks up");
  const draft = async () => (await api.call<{ draft: { document: { nodes: { config: unknown }[] } } }>("GET", `/workflows/${made.id}`)).draft.document.nodes;
  const from = { choices_from: { table: table.id, column: "name" } };
  await expect.poll(async () => (await draft())[0]?.config).toMatchObject({ fields: [from] });
  await expect.poll(async () => (await draft())[1]?.config).toEqual({ table: table.id, conditions: [{ column: "name", operator: "is", value: "" }] });
  // The list of tables is the one that the editor read a moment ago, and the other way round.
  await page.getByRole("link", { name: "Tables", exact: true }).click();
  await expect(page.getByRole("link", { name: "Looked up" })).toBeVisible();
  await page.goBack();
  await expect(inspector.getByRole("combobox", { name: "Table" })).toHaveValue("Looked up");
});
