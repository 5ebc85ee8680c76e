// Mail as people meet it: the settings and their test, a workflow's mail among the deliveries, a forgotten password, and notices.
import { expect, test, type Browser, type Page } from "@playwright/test";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startMailReceiver, type MailReceiver } from "./mail-receiver.ts";
import { owner, startServer, type Server } from "./server.ts";
import { publish, start } from "./workflows.ts";

let server: Server;
let receiver: MailReceiver;
let api: Api;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  receiver = await startMailReceiver();
  server = await startServer();
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
  await receiver?.stop();
});

async function asOwner(browser: Browser): Promise<Page> {
  const context = await browser.newContext();
  await context.addCookies(api.cookies());
  return context.newPage();
}

test("an owner sets the mail server and tries it", async ({ browser }) => {
  const page = await asOwner(browser);
  await page.goto(`${server.url}/settings/mail`);
  await page.getByLabel("Server", { exact: true }).fill("127.0.0.1");
  await page.getByLabel("Encryption", { exact: true }).first().click();
  await page.getByRole("option", { name: "None" }).click();
  await page.getByLabel("Port").fill(String(receiver.port));
  await page.getByLabel("Sender's name").fill("Reisebüro Müller");
  await page.getByLabel("Sender's address").fill("office@reise.test");
  await page.getByRole("button", { name: "Save mail settings" }).click();
  const test = page.getByLabel("Send a test mail to");
  await expect(test).toHaveValue(owner.email);
  receiver.failFirst = 1;
  await page.getByRole("button", { name: "Send a test mail" }).click();
  await expect(page.getByText("451 4.3.0 come back later")).toBeVisible();
  await page.getByRole("button", { name: "Send a test mail" }).click();
  await expect(page.getByText("The mail server took it: 250 2.0.0 taken")).toBeVisible();
  expect(receiver.received.at(-1)).toContain("Subject: Mail from Formwork works");
  await expectAccessible(page, "the mail settings");
});

test("a workflow's mail is a delivery with a panel of its own", async ({ browser }) => {
  const workflow = await publish(api, "invoice", (draft) => {
    for (const node of draft.nodes) {
      if (!("endpoint" in node.config)) continue;
      node["type"] = ["email", "send"].join("_");
      node.config = { to: ["Anna Größe <anna@example.com>"], subject: "Your invoice {{ number.number }}", text: "Dear Anna,\n\nhere it is.", files: ["{{ page.file }}"] };
    }
  });
  receiver.failFirst = 1;
  const before = receiver.received.length;
  await start(api, workflow, {}, "By mail");
  const page = await asOwner(browser);
  await page.goto(`${server.url}/deliveries`);
  const row = page.getByRole("row").filter({ hasText: "By mail" });
  await expect(row).toContainText("anna@example.com");
  await row.getByRole("link").click();
  const panel = page.getByRole("complementary", { name: "Delivery" });
  await expect(panel.getByRole("listitem").filter({ hasText: "Attempt 1: answered 451" })).toBeVisible();
  await expect(panel.getByText("here it is.")).toBeVisible();
  await panel.getByRole("button", { name: "Send again now" }).click();
  await expect(panel.getByText("received, 250").first()).toBeVisible();
  await expectAccessible(page, "a mail among the deliveries");
  // The test mail that was refused before is sent again by itself, perhaps now.
  const mail = receiver.received.slice(before).find((one) => one.includes("Your invoice")) ?? "";
  expect(mail).toContain("To: ");
  expect(mail).toContain("application/pdf");
});

test("a forgotten password is chosen anew by the link in a mail", async ({ browser }) => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.url}/sign-in`);
  await page.getByRole("link", { name: "Forgotten your password?" }).click();
  // The page before asks for an address, too.
  await expect(page.getByRole("heading", { name: "Forgotten password" })).toBeVisible();
  await page.getByLabel("E-mail").fill(owner.email);
  const before = receiver.received.length;
  await page.getByRole("button", { name: "Send me a link" }).click();
  await expect(page.getByText("a mail is on its way")).toBeVisible();
  await expectAccessible(page, "asking for a new password");
  await expect.poll(() => receiver.received.length).toBeGreaterThan(before);
  // Quoted-printable lines end in `=`.
  const mail = (receiver.received.at(-1) ?? "").replaceAll("=\r\n", "").replaceAll("=3D", "=");
  const link = /http:\/\/\S+\/password\/[\w-]+/.exec(mail)?.[0] ?? "";
  await page.goto(link);
  await expect(page.getByText(`For the account ${owner.email}.`)).toBeVisible();
  await page.getByLabel("New password", { exact: true }).fill("another long enough secret");
  await expectAccessible(page, "choosing a new password");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page).toHaveURL(/\/workflows$/);
  // The session that was there before has ended.
  const other = await asOwner(browser);
  await other.goto(`${server.url}/workflows`);
  await expect(other).toHaveURL(/\/sign-in/);
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This link is closed" })).toBeVisible();
  await page.goto(`${server.url}/settings/language`);
  // A reload before the server has heard of it would take it back.
  const kept = page.waitForResponse((answer) => answer.url().includes("/api/") && answer.request().method() !== "GET");
  await page.getByRole("switch", { name: "Tell me by mail when a run fails" }).click();
  expect((await kept).ok()).toBe(true);
  await expect(page.getByRole("switch", { name: "Tell me by mail when a run fails" })).toBeChecked();
  await page.reload();
  await expect(page.getByRole("switch", { name: "Tell me by mail when a run fails" })).toBeChecked();
});
