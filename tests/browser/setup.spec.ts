// The first minute: the one-time link from the terminal, account, firm, first document; then signing in and out.
import { expect, test, type Page } from "@playwright/test";
import { startServer, type Server } from "./server.ts";

let server: Server;
let link: string;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  server = await startServer({ environment: { FORMWORK_OWNER_EMAIL: "", FORMWORK_OWNER_PASSWORD: "" } });
  const printed = () => /http\S+\/setup\?token=\S+/.exec(server.output())?.[0] ?? "";
  await expect.poll(printed).not.toBe("");
  link = printed();
});

test.afterAll(async () => {
  await server?.stop();
});

const account = { name: "Marta Lindqvist", email: "marta@nordlicht.example", password: "a quiet harbour at dawn" };

async function fillAccount(page: Page): Promise<void> {
  await page.getByLabel("Your name").fill(account.name);
  await page.getByLabel("E-mail").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill(account.password);
}

test("without an owner every address asks for the link from the terminal", async ({ page }) => {
  await page.goto(`${server.url}/workflows`);
  await expect(page.getByRole("heading", { name: "Formwork is waiting for its owner" })).toBeVisible();
  await page.goto(`${server.url}/setup`);
  await expect(page.getByText("Open the one-time link that Formwork printed when it started.")).toBeVisible();
});

test("the link makes the owner, the firm and the first document", async ({ page }) => {
  await page.goto(link);
  await page.getByLabel("Your name").fill(account.name);
  await page.getByLabel("E-mail").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill("short");
  await expect(page.getByText("7 more characters")).toBeVisible();
  await fillAccount(page);
  await expect(page.getByText("Very good")).toBeVisible();
  await page.getByRole("button", { name: "Create my account" }).click();

  await expect(page.getByRole("heading", { name: "Your firm" })).toBeVisible();
  await page.getByLabel("Name of the firm").fill("Nordlicht Reisen");
  await page.getByLabel("VAT rate in percent").fill("19");
  await page.getByRole("button", { name: "Save and go on" }).click();

  await expect(page.getByRole("heading", { name: "Make your first document" })).toBeVisible();
  await expect(page.getByRole("complementary", { name: "Set-up" })).toContainText("Nordlicht Reisen");
  const invoice = page.getByRole("article").filter({ has: page.getByRole("heading", { name: "Invoice", exact: true }) });
  await expect(invoice.getByText("Ready now")).toBeVisible();
  await invoice.getByRole("button", { name: "Make this document" }).click();

  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}/);
  await expect(page.getByRole("region", { name: "Page" }).getByRole("link", { name: "Download" })).toBeVisible({ timeout: 30_000 });
  await expect(page).toHaveTitle(/· Formwork$/);
});

test("the link works once", async ({ page }) => {
  await page.goto(link);
  await expect(page.getByRole("heading", { name: "This Formwork has its owner" })).toBeVisible();
  const token = new URL(link).searchParams.get("token");
  const again = await page.request.post(`${server.url}/api/setup`, {
    headers: { origin: server.url },
    data: { token, name: "Mallory", email: "mallory@example.com", password: account.password, locale: "en" },
  });
  expect(again.ok()).toBe(false);
  await page.getByRole("link", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
});

test("a wrong password is refused without saying which half was wrong", async ({ page }) => {
  await page.goto(`${server.url}/sign-in`);
  const refused = async (email: string, password: string) => {
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    const alert = page.getByRole("alert");
    await expect(alert).toBeVisible();
    return alert.innerText();
  };
  const wrongPassword = await refused(account.email, "not the right password");
  await page.reload();
  expect(await refused("nobody@nordlicht.example", account.password)).toBe(wrongPassword);
});

test("signing in leads where one wanted to go, signing out ends the session in every tab", async ({ page, context }) => {
  await page.goto(`${server.url}/settings/people`);
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.getByLabel("E-mail").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill(account.password);
  await page.getByRole("button", { name: "Show the password" }).click();
  await expect(page.getByLabel("Password", { exact: true })).toHaveAttribute("type", "text");
  await page.getByLabel("Password", { exact: true }).press("Enter");
  await expect(page).toHaveURL(/\/settings\/people$/);
  await expect(page.getByText(`${account.name} (you)`)).toBeVisible();

  const other = await context.newPage();
  await other.goto(`${server.url}/runs`);
  await expect(other.getByRole("heading", { name: "Runs" })).toBeVisible();
  await page.getByRole("button", { name: account.name }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await other.reload();
  await expect(other.getByRole("heading", { name: "Sign in" })).toBeVisible();
  expect((await context.request.get(`${server.url}/api/workflows`)).status()).toBe(401);
});

test("an address from outside is no place to go after signing in", async ({ page }) => {
  await page.goto(`${server.url}/sign-in?next=//evil.example/`);
  await page.getByLabel("E-mail").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill(account.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(`${server.url}/workflows`);
});
