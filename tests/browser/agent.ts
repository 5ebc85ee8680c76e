// What a travel agent does in the editor, in the words of the screen: found by role and label, never by how it is drawn.
import { expect, type Browser, type BrowserContextOptions, type Locator, type Page } from "@playwright/test";
import type { Api } from "./api.ts";
import type { Server } from "./server.ts";

export interface Draft {
  name: string;
  nodes: { id: string; type: string; name: string; config: Record<string, unknown>; parent?: string; position?: { x: number; y: number } }[];
  edges: { from: string; port: string; to: string }[];
  samples: { name: string; input: Record<string, unknown> }[];
}

export interface Workflow {
  form_url: string | null;
  live_version: { number: number } | null;
  draft: { revision: number; document: Draft };
}

/** A signed-in person's own browser. */
export async function agent(browser: Browser, api: Api, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-GB", ...options });
  await context.addCookies(api.cookies());
  return context.newPage();
}

/** From the gallery into the editor; gives the workflow's id. */
export async function startFrom(page: Page, server: Server, example: string): Promise<string> {
  await page.goto(`${server.url}/workflows`);
  await page.getByRole("button", { name: `Use as a start: ${example}` }).click();
  await expect(page).toHaveURL(/\/workflows\/[0-9a-f-]{36}/);
  await expect(page.getByRole("tree", { name: "Steps" })).toBeVisible();
  return idOf(page);
}

export function idOf(page: Page): string {
  return new URL(page.url()).pathname.split("/").pop() ?? "";
}

export const step = (page: Page, name: string): Locator => page.getByRole("treeitem").filter({ has: page.getByText(name, { exact: true }) });
export const inspector = (page: Page): Locator => page.getByRole("complementary", { name: /^Settings of / });

/** What the middle shows. */
export async function surface(page: Page, name: "Form" | "Page" | "Values" | "Result"): Promise<void> {
  await page.getByRole("radiogroup", { name: "What is shown" }).getByText(name, { exact: true }).click();
}

export async function view(page: Page, name: "List" | "Canvas"): Promise<void> {
  await page.getByRole("radiogroup", { name: "How the steps are shown" }).getByText(name, { exact: true }).click();
}

/** The draft as the server has it. */
export async function draftOf(api: Api, id: string): Promise<Draft> {
  return (await api.call<Workflow>("GET", `/workflows/${id}`)).draft.document;
}

export async function saved(page: Page): Promise<void> {
  await expect(page.getByText("Draft saved", { exact: true })).toBeVisible();
}

/** Runs the draft with the sample and waits for its end. */
export async function runSample(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expect(page.getByText("Run finished", { exact: true })).toBeAttached({ timeout: 60_000 });
}
