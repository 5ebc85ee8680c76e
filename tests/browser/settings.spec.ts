// Settings as owners and members use them: people, access keys, the firm's record, endpoints and credentials.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test, type Browser, type Page } from "@playwright/test";
import { Api } from "./api.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { startServer, type Server } from "./server.ts";
import { publish, type Published } from "./workflows.ts";

let server: Server;
let receiver: Receiver;
let api: Api;
let invoice: Published;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  receiver = await startReceiver();
  server = await startServer();
  api = await Api.signIn(server);
  invoice = await publish(api, "invoice");
});

test.afterAll(async () => {
  await server?.stop();
  await receiver?.stop();
});

async function asOwner(browser: Browser): Promise<Page> {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"] });
  await context.addCookies(api.cookies());
  return context.newPage();
}

const member = { name: "Jonas Okafor", email: "jonas@example.com", password: "three boats on the river" };

test("an invited member joins in a browser of their own, through a link that works once", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/settings/people`);
  await page.getByRole("button", { name: "Make an invitation link" }).click();
  const once = page.getByRole("status").filter({ hasText: "This link is shown once" });
  const url = await once.getByRole("code").innerText();
  await once.getByRole("button", { name: "Copy" }).click();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(url);
  await expect(page.getByText("Open invitation, Member")).toBeVisible();

  const guest = await (await browser.newContext()).newPage();
  await guest.goto(url);
  await expect(guest.getByText("You were invited as a member.")).toBeVisible();
  await guest.getByLabel("Your name").fill(member.name);
  await guest.getByLabel("E-mail").fill(member.email);
  await guest.getByLabel("Password", { exact: true }).fill(member.password);
  await guest.getByRole("button", { name: "Create my account" }).click();
  await expect(guest).toHaveURL(/\/workflows$/);
  await expect(guest.getByRole("button", { name: member.name })).toBeVisible();

  await guest.goto(url);
  await expect(guest.getByRole("heading", { name: "This invitation is closed" })).toBeVisible();
  await expect(guest.getByText("Ask for a new one.")).toBeVisible();
  await page.reload();
  await expect(page.getByText(member.email)).toBeVisible();
  await expect(page.getByText("Open invitation, Member")).toBeHidden();
});

test("an invitation is withdrawn before somebody uses it", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/settings/people`);
  await page.getByRole("button", { name: "Make an invitation link" }).click();
  const once = page.getByRole("status").filter({ hasText: "This link is shown once" });
  const url = await once.getByRole("code").innerText();
  await page.getByRole("button", { name: "Withdraw" }).click();
  await expect(page.getByText("Open invitation, Member")).toBeHidden();
  await expect(once).toBeHidden();
  const guest = await (await browser.newContext()).newPage();
  await guest.goto(url);
  await expect(guest.getByRole("heading", { name: "This invitation is closed" })).toBeVisible();
});

async function asMember(browser: Browser): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/sign-in`);
  await page.getByLabel("E-mail").fill(member.email);
  await page.getByLabel("Password", { exact: true }).fill(member.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/workflows$/);
  return page;
}

test("a member sees the settings read-only, with the reason and whom to ask", async ({ browser }) => {
  const page = await asMember(browser);
  const held: [string, string][] = [
    ["firm", "Save the firm"],
    ["people", "Make an invitation link"],
    ["endpoints", "Add endpoint"],
    ["credentials", "Add credential"],
    ["keys", "Make access key"],
  ];
  for (const [section, button] of held) {
    await page.goto(`${server.url}/settings/${section}`);
    await expect(page.getByText("Only owners can change this.")).toBeVisible();
    await expect(page.getByText(/^Only owners can change this\. Ask .+\.$/)).toBeVisible();
    await expect(page.getByRole("button", { name: button })).toBeDisabled();
    await expect(page.getByRole("alert")).toHaveCount(0);
  }
  await page.goto(`${server.url}/settings/language`);
  await expect(page.getByText("Only owners can change this.")).toBeHidden();
});

test("an owner makes the member an owner, and removes them", async ({ browser }) => {
  const page = await asOwner(browser);
  const other = await asMember(browser);
  await page.goto(`${server.url}/settings/people`);
  const row = page.getByRole("listitem").filter({ hasText: member.email });
  await row.getByRole("button", { name: `Actions for ${member.name}` }).click();
  await page.getByRole("menuitem", { name: "Make an owner" }).click();
  await expect(row.getByText("Owner", { exact: true })).toBeVisible();
  await row.getByRole("button", { name: `Actions for ${member.name}` }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: `Remove ${member.name}` }).click();
  await expect(row).toBeHidden();
  await other.goto(`${server.url}/runs`);
  await expect(other.getByRole("heading", { name: "Sign in" })).toBeVisible();
});

test("an access key is shown once, starts a run over the API, and ends when it is revoked", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/settings/keys`);
  await page.getByLabel("What is it for?").fill("Booking system");
  await page.getByRole("button", { name: "Make access key" }).click();
  const once = page.getByRole("status").filter({ hasText: "The key is shown once" });
  const key = await once.getByRole("code").innerText();
  const row = page.getByRole("listitem").filter({ hasText: "Booking system" });
  await expect(row).toContainText("never used");

  const start = () =>
    fetch(`${server.url}/api/workflows/${invoice.id}/runs`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "idempotency-key": "order-4711" },
      body: JSON.stringify({ input: invoice.sample, wait_ms: 25_000 }),
    });
  const answer = await start();
  expect(answer.ok).toBe(true);
  const run = (await answer.json()) as { id: string };
  expect(((await (await start()).json()) as { id: string }).id).toBe(run.id);
  // A key is for programs: it reaches no settings.
  expect((await fetch(`${server.url}/api/access-keys`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(403);

  await page.reload();
  await expect(page.getByText(key)).toBeHidden();
  await expect(row).toContainText(/used .* ago/);
  await row.getByRole("button", { name: "Revoke Booking system" }).click();
  await expect(row).toBeHidden();
  await page.getByRole("status").getByRole("button", { name: "Undo" }).click();
  await expect(row).toBeVisible();
  await row.getByRole("button", { name: "Revoke Booking system" }).click();
  // Leaving the page does at once what Undo would have held back.
  await page.goto(`${server.url}/workflows`);
  await expect.poll(async () => (await start()).status).toBe(401);
});

test("the firm's record is printed on the next document", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/settings/firm`);
  await page.getByLabel("Name of the firm").fill("Nordlicht Reisen GmbH");
  await page.getByLabel("Street and number").fill("Hüxstraße 44");
  await page.getByLabel("Post code").fill("23552");
  await page.getByLabel("City").fill("Lübeck");
  await page.getByLabel("IBAN").fill("DE02 1203 0000 0000 2020 51");
  await page.locator('input[type="file"]').setInputFiles({
    name: "logo.png",
    mimeType: "image/png",
    buffer: Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAECAIAAAA8r+mnAAAAEUlEQVR4nGOQj4/GihioJwEARW8bIdDw6/EAAAAASUVORK5CYII=", "base64"),
  });
  await expect(page.getByRole("img", { name: "Logo" })).toBeVisible();
  await page.getByRole("button", { name: "Save the firm" }).click();
  await expect(page.getByText("Saved", { exact: true })).toBeVisible();

  const run = await api.call<{ id: string; artifacts: { id: string }[] }>("POST", `/workflows/${invoice.id}/runs`, { input: invoice.sample, wait_ms: 25_000 });
  const { artifacts } = await api.call<{ artifacts: { id: string }[] }>("GET", `/runs/${run.id}/result`);
  const path = test.info().outputPath("invoice.pdf");
  writeFileSync(path, await api.bytes(`/artifacts/${artifacts[0]?.id}`));
  const text = execFileSync("pdftotext", ["-layout", path, "-"]).toString("utf8");
  expect(text).toContain("Nordlicht Reisen GmbH");
  expect(text).toContain("23552 Lübeck");
  expect(text.replaceAll(/\s/g, "")).toContain("DE02120300000000202051");

  await page.getByLabel("IBAN").fill("DE00 0000");
  await page.getByRole("button", { name: "Save the firm" }).click();
  await expect(page.getByLabel("IBAN")).toHaveAttribute("aria-invalid", "true");
});

/** One of the built-in fonts under another name of the same length. */
function outer(): Buffer {
  const font = readFileSync(new URL("../../server/document/fonts/Inter-Regular.ttf", import.meta.url));
  const wide = (name: string) => Buffer.from(name, "utf16le").swap16();
  const [from, to] = [wide("Inter"), wide("Outer")];
  for (let at = font.indexOf(from); at >= 0; at = font.indexOf(from, at + to.length)) to.copy(font, at);
  return font;
}

test("fonts of the firm are uploaded and deleted, and what is none says why", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/settings/fonts`);
  await expect(page.getByText("No font yet.")).toBeVisible();
  await page.locator('input[type="file"]').setInputFiles([
    { name: "broken.ttf", mimeType: "font/ttf", buffer: Buffer.from("no font") },
    { name: "outer.ttf", mimeType: "font/ttf", buffer: outer() },
  ]);
  await expect(page.getByText("broken.ttf:")).toBeVisible();
  await expect(page.getByRole("alert")).toContainText("The font was not taken.");
  await expect(page.getByText("Outer", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Delete Outer Regular" }).click();
  await expect(page.getByText("No font yet.")).toBeVisible();
  // Leaving the page does at once what Undo would have held back.
  await page.goto(`${server.url}/workflows`);
  await expect.poll(async () => (await api.call<{ items: object[] }>("GET", "/fonts")).items.length).toBe(0);
});

test("an endpoint's secret is shown once, and its test delivery arrives, signed", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/settings/endpoints`);
  await page.getByLabel("Name", { exact: true }).fill("Back office");
  await page.getByLabel("Address", { exact: true }).fill(receiver.url);
  await page.getByRole("button", { name: "Add endpoint" }).click();
  const once = page.getByRole("status").filter({ hasText: "The signing secret is shown once" });
  receiver.secret = await once.getByRole("code").innerText();
  expect(receiver.secret).toMatch(/^whsec_/);

  const row = page.getByRole("listitem").filter({ hasText: "Back office" });
  await expect(row).toContainText("with a link");
  await row.getByRole("button", { name: "Send a test" }).click();
  await expect(row.getByText("The endpoint answered 200. It works.")).toBeVisible();
  const [message] = await receiver.waitFor(1);
  expect(message).toMatchObject({ verified: true, body: { type: "endpoint.test" } });
  await page.reload();
  await expect(page.getByText(receiver.secret)).toBeHidden();

  // During the change-over messages carry both signatures, so the old secret still fits.
  await row.getByRole("button", { name: "Actions for Back office" }).click();
  await page.getByRole("menuitem", { name: "Make a new secret" }).click();
  const fresh = await once.getByRole("code").innerText();
  expect(fresh).not.toBe(receiver.secret);
  await row.getByRole("button", { name: "Send a test" }).click();
  const both = await receiver.waitFor(2);
  expect(both[1]?.verified).toBe(true);

  await row.getByRole("button", { name: "Actions for Back office" }).click();
  await page.getByRole("menuitem", { name: "Turn off" }).click();
  await expect(row).toContainText("turned off");
});

test("a credential is sealed: it is never sent back", async ({ browser }) => {
  const page = await asOwner(browser);
  const answers: string[] = [];
  page.on("response", async (response) => {
    if (response.url().includes("/api/credentials")) answers.push(await response.text().catch(() => ""));
  });
  await page.goto(`${server.url}/settings/credentials`);
  await page.getByLabel("Name", { exact: true }).fill("Hotel API");
  await page.getByLabel("Token", { exact: true }).fill("tok-very-secret");
  await page.getByRole("button", { name: "Add credential" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: "Hotel API" })).toContainText("Bearer token");
  expect(answers.length).toBeGreaterThan(0);
  expect(answers.join()).not.toContain("tok-very-secret");
});

test("the settings' search leads to a section", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/settings`);
  await page.getByLabel("Search settings").fill("webhook");
  const nav = page.getByRole("navigation", { name: "Settings" });
  await expect(nav.getByRole("link")).toHaveCount(1);
  await nav.getByRole("link", { name: "Endpoints" }).click();
  await expect(page.getByRole("heading", { name: "Endpoints", exact: true })).toBeVisible();
});

test("the last of two quick choices is the one that stays", async ({ browser }) => {
  const page = await asOwner(browser);
  const told = async () => (await api.call<{ member: { told_of_failures: boolean } }>("GET", "/session")).member.told_of_failures;
  const before = await told();
  const log: string[] = [];
  let letGo = () => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route("**/api/members/*", async (route) => {
    const choice = (route.request().postDataJSON() as { told_of_failures: boolean }).told_of_failures;
    log.push(`asked ${choice}`);
    await gone;
    const response = await route.fetch();
    log.push(`answered ${choice}`);
    await route.fulfill({ response });
  });
  await page.goto(`${server.url}/settings/language`);
  const choice = page.getByLabel("Tell me by mail when a run fails");
  await choice.setChecked(!before);
  await choice.setChecked(before);
  letGo();
  await expect.poll(() => log).toEqual([`asked ${!before}`, `answered ${!before}`, `asked ${before}`, `answered ${before}`]);
  await expect(choice).toBeChecked({ checked: before });
  expect(await told()).toBe(before);
});
