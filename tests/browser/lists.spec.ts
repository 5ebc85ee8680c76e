// Lists and files of data: a report from a file of sales as the gallery has it, and settings that read one entry of a list.
import { expect, test } from "@playwright/test";
import { agent, draftOf, inspector, runSample, startFrom, step, surface } from "./agent.ts";
import { expectAccessible } from "./accessible.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";
import { publish } from "./workflows.ts";

let server: Server;
let api: Api;

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
});

test("settings for the entries of a list offer the entry's values", async ({ browser }) => {
  const page = await agent(browser, api);
  const id = await startFrom(page, server, "Sales report");
  const config = async (name: string) => (await draftOf(api, id)).nodes.find((node) => node.name === name)?.config ?? {};
  const search = page.getByRole("combobox", { name: "Search values" });
  const part = (path: string) => inspector(page).locator(`[data-path="${path}"]`);

  await step(page, "Sales in the period").click();
  const rules = part("rules");
  await rules.getByRole("button", { name: "Add a rule" }).click();
  await rules.getByRole("button", { name: /^Value/ }).last().click();
  await search.fill("customer");
  await page.keyboard.press("Enter");
  await rules.getByRole("combobox", { name: "Comparison" }).last().click();
  await page.getByRole("option", { name: "is filled in" }).click();
  await expect.poll(async () => ((await config("Sales in the period"))["rules"] as unknown[]).at(-1)).toMatchObject({ value: "{{ item.customer }}", operator: "is_filled" });

  // What a step puts out is known before it has ever run: the average is a value of a group.
  await step(page, "Largest customers first").click();
  const sort = part("sort_by");
  await sort.getByRole("button", { name: "Add", exact: true }).click();
  await sort.getByRole("button", { name: /^Value/ }).last().click();
  await search.fill("average");
  await page.keyboard.press("Enter");
  await expect.poll(async () => ((await config("Largest customers first"))["sort_by"] as unknown[]).at(-1)).toMatchObject({ value: "{{ item.average }}" });
  await expectAccessible(page, "settings that read one entry");

  await runSample(page);
  await step(page, "Add up by customer").click();
  await surface(page, "Values");
  await expect(page.getByRole("main")).toContainText("Hafenkontor Kiel");
  await expect(page.getByRole("main")).toContainText("sales-2027-01-01-2027-03-31.xlsx");
  await page.screenshot({ path: test.info().outputPath("editor.png") });
  await page.context().close();
});

test("a file of sales, as a German spreadsheet writes it, becomes a report and a workbook", async ({ browser }) => {
  const { formUrl, id } = await publish(api, "sales-report", (draft) => {
    (draft as unknown as { locale: string }).locale = "de";
  });
  const page = await (await browser.newContext({ locale: "en-GB" })).newPage();
  await page.goto(formUrl);
  const csv = Buffer.from("Kunde;Customer;Date;Amount;Item\r\n1;M\u00fcller & S\u00f6hne;24.12.2026;1.234,50;Tannenb\u00e4ume\r\n2;Hoffmann;27.12.2026;-34,50;Gutschrift\r\n", "latin1");
  await page.setInputFiles("input[type=file]", { name: "verkauf.csv", mimeType: "text/csv", buffer: csv });
  await expect(page.getByText("verkauf.csv").first()).toBeVisible();
  await page.getByLabel("From").fill("2026-12-01");
  await page.getByLabel("Until").fill("2026-12-31");
  await page.getByRole("button", { name: "Make this report" }).click();
  await expect(page.getByRole("link", { name: /Download/ }).first()).toBeVisible({ timeout: 60_000 });
  await page.screenshot({ path: test.info().outputPath("result.png"), fullPage: true });
  const [run] = (await api.call<{ items: { id: string; state: string }[] }>("GET", `/runs?workflow=${id}`)).items;
  expect(run?.state).toBe("succeeded");
  const { artifacts } = await api.call<{ artifacts: { name: string; content_type: string }[] }>("GET", `/runs/${run?.id}`);
  expect(artifacts.map((file) => file.name).toSorted()).toEqual(expect.arrayContaining(["sales-2026-12-01-2026-12-31.pdf", "sales-2026-12-01-2026-12-31.xlsx"]));
  await page.context().close();
});
