// What surrounds every screen: palette, keyboard, connection, language, theme, phone, help.
import { expect, test, type Browser, type Page } from "@playwright/test";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";
import { publish, start, type Published } from "./workflows.ts";

let server: Server;
let api: Api;
let invoice: Published;

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
  invoice = await publish(api, "invoice");
});

test.afterAll(async () => {
  await server?.stop();
});

async function signedIn(browser: Browser, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options);
  await context.addCookies(api.cookies());
  return context.newPage();
}

test("the palette goes anywhere and does what the screen offers", async ({ browser }) => {
  const page = await signedIn(browser);
  const run = await start(api, invoice, {}, "NR-2027-0184 · Ms Hoffmann");
  await page.goto(`${server.url}/workflows`);
  await expect(page.getByRole("heading", { name: "Workflows", exact: true })).toBeVisible();
  const palette = page.getByRole("dialog", { name: "Commands" });
  const ask = async (words: string) => {
    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").fill(words);
  };
  /** Takes what is marked, as soon as it is what was meant: a screen that is still coming has not said yet what it offers. */
  const take = async (title: string) => {
    await expect(palette.getByRole("option", { selected: true })).toContainText(title);
    await page.keyboard.press("Enter");
  };
  await ask("deliv");
  await take("Deliveries");
  await expect(page).toHaveURL(/\/deliveries$/);

  await ask("hoffmann");
  await take("NR-2027-0184 · Ms Hoffmann");
  await expect(page).toHaveURL(new RegExp(`/runs/${run.id}`));

  await ask("edit input");
  await take("Edit input and retry");
  const dialog = page.getByRole("dialog", { name: "Edit input and retry" });
  await expect(dialog).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  await ask("dark theme");
  await take("Dark");
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  // The theme is there before anything is drawn that listens for keys.
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();

  await ask("zzzz");
  await expect(palette.getByText("Nothing fits these letters.")).toBeVisible();
});

/** As fingers do: the second key does not wait until the page has answered the first, however busy it is. */
async function inTurn(page: Page, ...keys: [string, string]): Promise<void> {
  await Promise.all(keys.map((key) => page.keyboard.press(key)));
}

test("letters go to screens, and can be turned off", async ({ browser }) => {
  const page = await signedIn(browser);
  await page.goto(`${server.url}/workflows`);
  await expect(page.getByRole("heading", { name: "Workflows", exact: true })).toBeVisible();
  for (const [letter, path] of [
    ["r", "/runs"],
    ["d", "/documents"],
    ["m", "/models"],
    ["w", "/workflows"],
  ]) {
    await inTurn(page, "g", letter ?? "");
    await expect(page).toHaveURL(`${server.url}${path}`);
  }
  await page.keyboard.press("?");
  const keys = page.getByRole("dialog", { name: "All keys" });
  await keys.getByLabel("Single letters act while a list or canvas has focus").uncheck();
  await page.keyboard.press("Escape");
  await expect(keys).toBeHidden();
  await inTurn(page, "g", "r");
  await page.keyboard.press("?");
  await expect(keys).toBeHidden();
  await expect(page).toHaveURL(`${server.url}/workflows`);
});

test("rows and the way to the content are reached by keyboard alone", async ({ browser }) => {
  const page = await signedIn(browser);
  await start(api, invoice, {}, "first");
  await start(api, invoice, {}, "second");
  await page.goto(`${server.url}/runs`);
  await expect(page.getByRole("link", { name: "second" })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await page.keyboard.press("/");
  await expect(page.getByRole("textbox", { name: "Search in what was entered" })).toBeFocused();
  await page.getByRole("link", { name: "second" }).focus();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("link", { name: "first" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "first" })).toBeVisible();
});

test("without a connection a bar says so, what is known stays, and it comes back by itself", async ({ browser }) => {
  const page = await signedIn(browser);
  await start(api, invoice, {}, "before the cut");
  await page.goto(`${server.url}/runs`);
  await expect(page.getByRole("link", { name: "before the cut" })).toBeVisible();
  const bar = page.getByRole("status").filter({ hasText: "No connection." });
  await expect(bar).toBeHidden();
  await page.context().setOffline(true);
  await expect(bar).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole("link", { name: "before the cut" })).toBeVisible();
  await start(api, invoice, {}, "during the cut");
  await page.context().setOffline(false);
  await bar.getByRole("button", { name: "Try now" }).click({ timeout: 2_000 }).catch(() => undefined);
  await expect(bar).toBeHidden({ timeout: 40_000 });
  await expect(page.getByRole("link", { name: "during the cut" })).toBeVisible();
});

test("a region that fails says what, why and what to do, and is tried again", async ({ browser }) => {
  const page = await signedIn(browser);
  let broken = true;
  await page.route("**/api/deliveries*", (route) =>
    broken
      ? route.fulfill({ status: 400, contentType: "application/problem+json", body: JSON.stringify({ type: "odd", title: "", status: 400, instance: "req-1" }) })
      : route.continue(),
  );
  await page.goto(`${server.url}/deliveries`);
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("This was not accepted. Something in it does not fit. Correct it and try again.");
  await alert.getByText("Details").click();
  await expect(alert.getByText("odd · 400 · req-1")).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
  broken = false;
  await alert.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByText("Nothing was sent yet.")).toBeVisible();
});

test("in Chinese after one choice, also after a reload and in numbers and dates", async ({ browser }) => {
  const page = await signedIn(browser);
  await start(api, invoice);
  await page.goto(`${server.url}/runs`);
  await page.getByRole("button", { name: "marta" }).click();
  await page.getByRole("menuitemradio", { name: "简体中文" }).click();
  await expect(page.getByRole("heading", { name: "运行记录" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "zh-CN");
  await page.reload();
  await expect(page.getByRole("heading", { name: "运行记录" })).toBeVisible();
  await expect(page.getByRole("cell", { name: /秒前|分钟前/ }).first()).toBeVisible();
  await page.goto(`${server.url}/help`);
  await expect(page.getByRole("heading", { name: "第一份文档" })).toBeVisible();
  await page.goto(`${server.url}/settings/language`);
  await page.getByText("English", { exact: true }).click();
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();
});

test("on a phone the bar below leads everywhere, the rest is behind More", async ({ browser }) => {
  const page = await signedIn(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const run = await start(api, invoice, {}, "On a phone");
  await page.goto(`${server.url}/workflows`);
  const bar = page.getByRole("navigation", { name: "Main" });
  // The screen scrolls between title and bar; the document as a whole does not.
  await expect(page.getByRole("heading", { name: "Your workflows" })).toBeAttached();
  expect(await page.evaluate(() => document.documentElement.scrollHeight <= window.innerHeight)).toBe(true);
  await bar.getByRole("link", { name: "Runs" }).tap();
  await page.getByRole("link", { name: "On a phone" }).tap();
  await expect(page).toHaveURL(new RegExp(`/runs/${run.id}`));
  await expect(page.getByRole("button", { name: /^Invoice page/ })).toBeVisible();
  await bar.getByRole("button", { name: "More" }).tap();
  const palette = page.getByRole("dialog", { name: "Commands" });
  for (const name of ["Settings", "Help", "Sign out"]) {
    await palette.getByRole("combobox").fill(name);
    await expect(palette.getByRole("option").filter({ hasText: name }).first()).toBeVisible();
  }
  await palette.getByRole("combobox").fill("Sign out");
  await palette.getByRole("option", { name: "Sign out" }).tap();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  api = await Api.signIn(server);
});

test("who leaves a dialog is back where it was opened", async ({ browser }) => {
  const page = await signedIn(browser);
  await start(api, invoice);
  const left = async (name: string | RegExp) => {
    const dialog = page.getByRole("dialog", { name });
    await expect(dialog).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(dialog).toBeHidden();
  };
  await page.goto(`${server.url}/workflows`);
  const fresh = page.getByRole("button", { name: "New workflow" });
  await fresh.press("Enter");
  await left("New workflow");
  await expect(fresh).toBeFocused();

  const menu = page.getByRole("button", { name: `Actions for ${invoice.name}` });
  // The second time its code is here already, and the dialog comes with the key that asks for it.
  for (const _ of [1, 2]) {
    await menu.press("Enter");
    await page.getByRole("menuitem", { name: "Delete" }).press("Enter");
    await left(/Delete/);
    await expect(menu).toBeFocused();
  }

  const take = page.getByRole("button", { name: "Import", exact: true });
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), take.press("Enter")]);
  await chooser.setFiles({ name: "no-workflow.json", mimeType: "application/json", buffer: Buffer.from("{}") });
  await left("Import");
  await expect(take).toBeFocused();

  await page.keyboard.press("?");
  await left("All keys");
  await expect(take).toBeFocused();
});

test("help is found from a screen and by its words", async ({ browser }) => {
  const page = await signedIn(browser);
  await page.goto(`${server.url}/deliveries`);
  await page.getByRole("link", { name: "How this works" }).click();
  await expect(page.getByRole("heading", { name: "Deliveries" })).toBeVisible();
  await expect(page).toHaveTitle("Deliveries · Formwork");
  const sample = page.getByRole("figure").filter({ hasText: "standardwebhooks" });
  await expect(sample).toContainText("from standardwebhooks import Webhook");
  await sample.getByText("PHP").click();
  await expect(sample.or(page.getByRole("figure").filter({ hasText: "hash_equals" })).last()).toContainText("hash_equals");

  await page.getByRole("searchbox", { name: "Search the help" }).fill("idempotency");
  const found = page.getByRole("region", { name: "Found in the help" });
  await found.getByRole("link", { name: "Access keys" }).click();
  await expect(page).toHaveURL(/\/help\/people-and-keys#access-keys$/);
  await expect(page.getByRole("heading", { name: "Access keys" })).toBeInViewport();
  await page.getByRole("article").getByRole("link", { name: "Settings, People" }).click();
  await expect(page).toHaveURL(/\/settings\/people$/);
});

test("an address that leads nowhere says so and leads back", async ({ browser }) => {
  const page = await signedIn(browser);
  await page.goto(`${server.url}/runs/01a212d9-4f47-7350-850c-9294644142fd`);
  await expect(page.getByRole("alert")).toBeVisible();
  await page.getByRole("link", { name: "All runs" }).click();
  await expect(page).toHaveURL(`${server.url}/runs`);
  await page.goto(`${server.url}/no/such/place`);
  await page.getByRole("link", { name: "Go to Workflows" }).click();
  await expect(page).toHaveURL(`${server.url}/workflows`);
});
