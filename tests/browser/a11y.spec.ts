// axe on every screen: signed out and in, with real data, in both themes and both languages, and on a phone.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { expect, test, type Page } from "@playwright/test";
import { Api } from "./api.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { startServer, type Server } from "./server.ts";
import { deliverTo, publish, start } from "./workflows.ts";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let server: Server;
let receiver: Receiver;
let api: Api;
let screens: string[];

test.beforeAll(async () => {
  receiver = await startReceiver();
  receiver.failFirst = 1000;
  server = await startServer();
  api = await Api.signIn(server);
  const { endpoint } = await api.call<{ endpoint: { id: string } }>("POST", "/endpoints", { name: "Back office", url: receiver.url });
  await api.call("POST", "/access-keys", { name: "Booking system" });
  await api.call("POST", "/credentials", { name: "Hotel API", secret: { kind: "bearer", token: "t" } });
  await api.call("POST", "/invitations", { role: "member" });
  const invoice = await publish(api, "invoice", deliverTo(endpoint.id));
  const itinerary = await publish(api, "itinerary", deliverTo(endpoint.id));
  const done = await start(api, invoice);
  const written = await start(api, itinerary);
  const failed = await start(api, itinerary, { guest: "[[fake:fail]]" });
  const stateOf = async (id: string) => (await api.call<{ state: string }>("GET", `/runs/${id}`)).state;
  await expect.poll(() => stateOf(done.id)).toBe("succeeded");
  await expect.poll(() => stateOf(written.id), { timeout: 30_000 }).toBe("succeeded");
  await expect.poll(() => stateOf(failed.id), { timeout: 60_000 }).toBe("failed");
  // Only now: the model writes one text at a time, and this one never ends.
  const hanging = await start(api, itinerary, { guest: "[[fake:hang]]" });
  const deliveries = async () => (await api.call<{ items: { id: string; state: string }[] }>("GET", "/deliveries")).items;
  await expect.poll(async () => (await deliveries()).some((one) => one.state === "retrying"), { timeout: 30_000 }).toBe(true);
  const [delivery] = await deliveries();
  const [document] = (await api.call<{ items: { id: string }[] }>("GET", "/documents")).items;
  screens = [
    "/workflows",
    "/workflows?new=true",
    "/runs",
    "/runs?q=nothing-fits-this",
    "/runs/waiting",
    `/runs/${done.id}?step=totals`,
    `/runs/${written.id}`,
    `/runs/${failed.id}`,
    `/runs/${hanging.id}`,
    "/deliveries",
    `/deliveries/${delivery?.id}`,
    "/documents",
    `/documents/${document?.id}`,
    "/models",
    ...["firm", "fonts", "people", "endpoints", "mail", "credentials", "keys", "language", "about"].map((section) => `/settings/${section}`),
    "/help",
    "/help/deliveries",
    "/help/mail",
    "/setup?step=firm",
    "/setup?step=document",
    "/nothing/here",
  ];
});

test.afterAll(async () => {
  await server?.stop();
  await receiver?.stop();
});

interface Violation {
  id: string;
  nodes: { target: string[] }[];
}

/** What axe finds against WCAG 2.2 AA and its best practices, as one line each. */
async function violations(page: Page, without: string[] = []): Promise<string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate(async (off) => {
    const { axe } = globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: Violation[] }> } };
    const result = await axe.run({
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      rules: Object.fromEntries(off.map((rule) => [rule, { enabled: false }])),
    });
    return result.violations;
  }, without);
  return found.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(" | ")}`);
}

async function look(page: Page, path: string): Promise<string[]> {
  await page.goto(server.url + path);
  await expect(page.locator("h1, h2").first()).toBeVisible();
  await expect(page.getByRole("status", { name: /^(Loading|加载中)/ })).toHaveCount(0);
  const found: string[] = [];
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", scheme);
    found.push(...(await violations(page)).map((line) => `${path} ${scheme} ${line}`));
  }
  return found;
}

for (const language of ["en", "zh-CN"]) {
  test(`signed in, ${language}: no violations on any screen`, async ({ browser }) => {
    test.setTimeout(600_000);
    const context = await browser.newContext();
    await context.addCookies(api.cookies());
    await context.addInitScript((chosen) => localStorage.setItem("formwork-language", chosen), language);
    const page = await context.newPage();
    const found: string[] = [];
    for (const path of screens) {
      found.push(...(await look(page, path)));
      expect.soft(await page.locator("html").getAttribute("lang")).toBe(language);
    }
    expect(found).toEqual([]);
    await context.close();
  });

  test(`signed out, ${language}: no violations`, async ({ browser }) => {
    test.setTimeout(180_000);
    const { url } = await api.call<{ url: string }>("POST", "/invitations", { role: "member" });
    const context = await browser.newContext();
    await context.addInitScript((chosen) => localStorage.setItem("formwork-language", chosen), language);
    const page = await context.newPage();
    const found: string[] = [];
    for (const path of ["/sign-in", "/password", "/password/no-such-token", "/setup?token=used", new URL(url).pathname + new URL(url).search, "/invitation/no-such-token"]) {
      found.push(...(await look(page, path)));
    }
    expect(found).toEqual([]);
    await context.close();
  });
}

test("on a phone: no violations, and nothing wider than the screen", async ({ browser }) => {
  test.setTimeout(600_000);
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await context.addCookies(api.cookies());
  const page = await context.newPage();
  const found: string[] = [];
  for (const path of screens) {
    found.push(...(await look(page, path)));
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (wider > 0) found.push(`${path} is ${wider} px wider than the screen`);
  }
  expect(found).toEqual([]);
  await context.close();
});

test("things that open: palette, keys, menus and dialogs", async ({ browser }) => {
  test.setTimeout(180_000);
  const context = await browser.newContext({ reducedMotion: "reduce" });
  await context.addCookies(api.cookies());
  const page = await context.newPage();
  const found: string[] = [];
  // What floats stands outside of the landmarks, beside the button that it belongs to.
  const seen = async (name: string) => found.push(...(await violations(page, ["region"])).map((line) => `${name} ${line}`));
  await page.goto(`${server.url}/runs`);
  await expect(page.getByRole("table")).toBeVisible();
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("dialog", { name: "Commands" })).toBeVisible();
  await seen("palette");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "All keys" })).toBeVisible();
  await seen("keys");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "marta" }).click();
  await expect(page.getByRole("menu")).toBeVisible();
  await seen("person");
  await page.goto(`${server.url}/settings/endpoints`);
  await page.getByRole("button", { name: "Actions for Back office" }).click();
  await expect(page.getByRole("menu")).toBeVisible();
  await seen("menu");
  expect(found).toEqual([]);
  await context.close();
});
