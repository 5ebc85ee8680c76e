// The editor knows no step by name. A step type that nobody ever made, with every control there is and ways that follow its
// settings, is added, configured, wired, run and published by keyboard alone; and no type's name is in the built pages.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test, type Locator, type Page } from "@playwright/test";
import { agent, draftOf, idOf, inspector, saved, step, type Workflow } from "./agent.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
let api: Api;

test.beforeAll(async () => {
  server = await startServer({ program: "made_up" });
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
});

const MOST_TABS = 160;

/** Walks there as a keyboard does; a control that Tab does not reach fails the test. */
async function tabTo(page: Page, wanted: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  await expect(wanted).toBeVisible();
  for (let count = 0; count < MOST_TABS; count += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${MOST_TABS} presses of ${key} do not reach ${wanted}`);
}

/** F6 goes round the regions of the screen. */
async function toRegion(page: Page, wanted: Locator): Promise<void> {
  for (let count = 0; count < 6; count += 1) {
    await page.keyboard.press("F6");
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`F6 does not reach ${wanted}`);
}

async function replace(page: Page, text: string): Promise<void> {
  await page.keyboard.press("Control+a");
  await page.keyboard.type(text);
}

async function addStep(page: Page, words: string): Promise<void> {
  const search = page.getByRole("combobox", { name: "Search steps" });
  await expect(search).toBeFocused();
  await page.keyboard.type(words);
  await page.keyboard.press("Enter");
  await expect(search).toBeHidden();
}

test("a made-up step is added, configured, wired, run and published by keyboard alone", async ({ browser }) => {
  test.setTimeout(400_000);
  // What the step refers to; made beforehand, as settings are not what this is about.
  const { endpoint: told } = await api.call<{ endpoint: { id: string } }>("POST", "/endpoints", { name: "Depot", url: "http://127.0.0.1:9/", attach: "link" });
  const gate = await api.call<{ id: string }>("POST", "/credentials", { name: "Gate", secret: { kind: "bearer", token: "open sesame" } });
  const other = await api.call<{ id: string }>("POST", "/workflows", { example: "invoice" });
  const [waybill] = (await api.call<{ items: { id: string; name: string }[] }>("GET", "/documents")).items;
  const page = await agent(browser, api);

  // An empty workflow and its form with one question.
  await page.goto(`${server.url}/workflows`);
  await expect(page.getByRole("heading", { name: "Workflows", level: 1 })).toBeVisible();
  await page.keyboard.press("n");
  await expect(page.getByRole("button", { name: /^Empty/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/workflows\/[0-9a-f-]{36}/);
  const id = idOf(page);
  expect(id).not.toBe(other.id);
  await tabTo(page, page.getByRole("button", { name: "Add a step" }).last());
  await page.keyboard.press("Enter");
  await addStep(page, "form");
  await expect(step(page, "Form")).toBeFocused();
  await page.keyboard.press("Enter");
  const panel = inspector(page);
  const part = (path: string) => panel.locator(`[data-path="${path}"]`);
  await tabTo(page, part("title").getByRole("textbox"));
  await page.keyboard.type("Parcels");
  await tabTo(page, part("fields").getByRole("button", { name: "Add a field" }));
  await page.keyboard.press("Enter");
  await expect(panel.getByRole("textbox", { name: "Question", exact: true })).toBeFocused();
  await page.keyboard.type("Sender");
  await tabTo(page, panel.getByRole("switch", { name: "Must be answered" }));
  await page.keyboard.press("Space");
  await tabTo(page, page.getByRole("textbox", { name: "Sender" }), "Shift+Tab");
  await page.keyboard.type("Ms Hoffmann");

  // The made-up step behind it.
  await toRegion(page, step(page, "Form"));
  await page.keyboard.press("a");
  await addStep(page, "sort parcels");
  await expect(step(page, "Sort parcels")).toBeFocused();
  await page.keyboard.press("Enter");

  await tabTo(page, part("motto").getByRole("textbox"));
  await page.keyboard.type("Swift and sure");
  await tabTo(page, part("remarks").getByRole("textbox"));
  await page.keyboard.type("Two lines\nof remarks");
  await tabTo(page, part("letter").getByRole("textbox"));
  await page.keyboard.type("Dear /");
  await expect(page.getByRole("combobox", { name: "Search values" })).toBeFocused();
  await page.keyboard.type("sender");
  await page.keyboard.press("Enter");
  await expect(part("letter").getByRole("textbox")).toBeFocused();
  await tabTo(page, part("subject").getByRole("button", { name: "Subject" }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("combobox", { name: "Search values" })).toBeFocused();
  await page.keyboard.type("sender");
  await page.keyboard.press("Enter");
  await tabTo(page, part("parcels").getByRole("textbox"));
  await replace(page, "5");
  await tabTo(page, part("urgent").getByRole("switch"));
  await page.keyboard.press("Space");
  await choose(page, part("size"), "large as a house");
  await tabTo(page, part("exits").getByRole("button", { name: "Add to Exits" }));
  await page.keyboard.press("Enter");
  await tabTo(page, part("exits").getByRole("textbox", { name: "Exits 1" }), "Shift+Tab");
  await page.keyboard.type("north");
  await tabTo(page, part("place").getByRole("textbox", { name: "Hall" }));
  await page.keyboard.type("Hall B");
  await tabTo(page, part("place").getByRole("textbox", { name: "Shelf" }));
  await replace(page, "12");
  await tabTo(page, part("stickers").getByRole("button", { name: "Add a value" }));
  await page.keyboard.press("Enter");
  await tabTo(page, part("stickers").getByRole("textbox", { name: "Name" }), "Shift+Tab");
  await replace(page, "red");
  await page.keyboard.press("Enter");
  await tabTo(page, part("stickers").getByRole("textbox", { name: "red" }));
  await page.keyboard.type("fragile");
  await tabTo(page, part("questions").getByRole("button", { name: "Add a field" }));
  await page.keyboard.press("Enter");
  await expect(panel.getByRole("textbox", { name: "Question", exact: true })).toBeFocused();
  await page.keyboard.type("Weight");
  await toRegion(page, step(page, "Sort parcels"));
  await page.keyboard.press("Enter");
  await tabTo(page, part("sums").getByRole("button", { name: "Add a computed value" }));
  await page.keyboard.press("Enter");
  await tabTo(page, part("sums").getByRole("textbox", { name: "How it is computed" }), "Shift+Tab");
  await page.keyboard.type("1");
  await tabTo(page, part("labels").getByRole("button", { name: "Add a value" }));
  await page.keyboard.press("Enter");
  await tabTo(page, part("labels").getByRole("textbox", { name: "Name", exact: true }), "Shift+Tab");
  await replace(page, "Town");
  await tabTo(page, part("lanes").getByRole("button", { name: "Add a way" }));
  await page.keyboard.press("Enter");
  await tabTo(page, part("lanes").getByRole("textbox", { name: "Name of the way" }), "Shift+Tab");
  await replace(page, "Express");
  await tabTo(page, part("lanes").getByRole("button", { name: "Value", exact: true }));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("combobox", { name: "Search values" })).toBeFocused();
  await page.keyboard.type("sender");
  await page.keyboard.press("Enter");
  await choose(page, part("lanes"), "filled in");
  await choose(page, part("reader"), "Made-up");
  await choose(page, part("waybill"), waybill?.name ?? "");
  await tabTo(page, part("said").getByRole("checkbox", { name: /Customer/ }));
  await page.keyboard.press("Space");
  await choose(page, part("told"), "Depot");
  await choose(page, part("gate_key"), "Gate");
  await tabTo(page, part("patience_ms").getByRole("textbox").first());
  await replace(page, "2");
  await tabTo(page, panel.getByRole("button", { name: /^More settings/ }));
  await page.keyboard.press("Enter");
  await tabTo(page, part("notes").getByRole("textbox"));
  await replace(page, '{"any":["thing"]}');
  await saved(page);

  const made = (await draftOf(api, id)).nodes.find((node) => node.type === "made_up");
  expect(made?.config).toEqual({
    motto: "Swift and sure", remarks: "Two lines\nof remarks", letter: "Dear {{ form.sender }}", subject: "{{ form.sender }}", parcels: 5, urgent: true, size: "large",
    exits: ["north"], place: { hall: "Hall B", shelf: 12 }, stickers: { red: "fragile" },
    questions: [{ name: "weight", label: "Weight", kind: "text", required: false }],
    sums: [{ name: "value", label: "Value", kind: "decimal", value: "1" }],
    labels: [{ name: "town", title: "Town", kind: "text", max_length: 200 }],
    lanes: [{ name: "way_1", title: "Express", rules: [{ value: "{{ form.sender }}", operator: "is_filled", operand: "" }] }],
    reader: expect.any(String), waybill: waybill?.id, said: ["customer"], told: told.id, gate_key: gate.id, patience_ms: 120_000, notes: { any: ["thing"] },
  });

  // Its ways follow the settings; each is led on from the list.
  await toRegion(page, step(page, "Sort parcels"));
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("treeitem", { name: /^Way Express/ })).toBeFocused();
  await page.keyboard.press("a");
  await addStep(page, "text with values");
  await expect(step(page, "Text with values")).toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("treeitem", { name: /^Way north/ })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: /Add a step to the way north/ })).toBeVisible();
  const leads = page.getByRole("menuitemcheckbox", { name: "Text with values" });
  await expect(leads).toBeVisible();
  for (let count = 0; count < 4 && !(await leads.evaluate((element) => element === document.activeElement)); count += 1) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await saved(page);
  const { edges } = await draftOf(api, id);
  expect(edges).toEqual(expect.arrayContaining([
    { from: "form", port: "out", to: made?.id },
    { from: made?.id, port: "way_1", to: "text" },
    { from: made?.id, port: "north", to: "text" },
  ]));

  // The text of the last step, then a run and a version.
  await page.keyboard.press("End");
  await expect(step(page, "Text with values")).toBeFocused();
  await page.keyboard.press("Enter");
  await tabTo(page, inspector(page).getByRole("textbox").nth(1));
  await page.keyboard.type("Done");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText("Run finished", { exact: true })).toBeAttached({ timeout: 60_000 });
  await toRegion(page, step(page, "Text with values"));
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await expect(step(page, "Sort parcels")).toBeFocused();
  await page.keyboard.press("Alt+3");
  await expect(page.getByRole("region", { name: "Sort parcels" })).toContainText("Dear Ms Hoffmann");
  await expect(page.getByRole("region", { name: "Sort parcels" })).toContainText("way_1");
  await tabTo(page, page.getByRole("main").getByRole("button", { name: "Publish" }), "Shift+Tab");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Publish" });
  await tabTo(page, dialog.getByRole("button", { name: "Publish" }));
  await page.keyboard.press("Enter");
  await expect(dialog.getByText("Version 1 is live")).toBeVisible();
  expect((await api.call<Workflow>("GET", `/workflows/${id}`)).live_version?.number).toBe(1);
  await page.context().close();
});

/** A menu of choices, opened and decided with the arrows. */
async function choose(page: Page, place: Locator, words: string): Promise<void> {
  await tabTo(page, place.getByRole("combobox").first());
  const option = page.getByRole("option", { name: new RegExp(words, "i") });
  await page.keyboard.press("ArrowDown");
  await expect(option).toBeVisible();
  for (let count = 0; count < 20; count += 1) {
    if ((await option.getAttribute("data-combobox-selected")) !== null) break;
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  await expect(option).toBeHidden();
}

test("the built pages name no step type and no shipped example", async () => {
  const types = (await api.call<{ items: { type: string }[] } | { type: string }[]>("GET", "/node-types?lang=en"));
  const names = (Array.isArray(types) ? types : types.items).map((type) => type.type);
  expect(names).toContain("made_up");
  const { items } = await api.call<{ items: { name: string; title: string }[] }>("GET", "/examples");
  expect(items.length).toBeGreaterThan(1);
  const forbidden = [...names, ...items.flatMap((example) => [example.name, example.title])];
  // "branch" is also what one can do when a step fails, and "switch" the role of a control.
  const otherwise: Record<string, RegExp> = {
    branch: /`stop`,`continue`,`branch`/g,
    // Where the arrow of a bubble sits.
    merge: /(?:arrowPosition|(?<![.\w])\w)===`merge`/g,
    // What becomes of a failed step, and of a document with warnings.
    stop: /`stop`,`continue`,`branch`|on_error(?:\?\?|===)`stop`|document_warnings===`stop`|\?`stop`:`warn`/g,
    switch: /role:`switch`/g,
  };
  const folder = resolve(import.meta.dirname, "../../web/dist/assets");
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
  expect(scripts.length).toBeGreaterThan(10);
  const found = scripts.flatMap((name) => {
    const text = readFileSync(resolve(folder, name), "utf8");
    // A page of the help is no code: it names filters and members as people write them.
    if (/^var \w+=['"`]# /.test(text)) return [];
    return forbidden
      .filter((word) => new RegExp(`(["'\`])${word}\\1`).test(text.replaceAll(otherwise[word] ?? /$^/g, "")))
      .map((word) => `${name}: ${word}`);
  });
  expect(found).toEqual([]);
});
