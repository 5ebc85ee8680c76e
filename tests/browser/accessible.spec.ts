// Every state of the workflow list and the editor, in both themes and both languages: axe finds nothing, and Chinese is Chinese.
import { expect, test, type Page } from "@playwright/test";
import { expectAccessible } from "./accessible.ts";
import { agent } from "./agent.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
let api: Api;
let id: string;

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
  id = (await api.call<{ id: string }>("POST", "/workflows", { example: "itinerary" })).id;
});

test.afterAll(async () => {
  await server?.stop();
});

const WORDS = {
  "en-GB": { steps: "Steps", publish: "Publish", add: "Add a step", run: "Run", finished: "Run finished", new: "New workflow", sample: "Sample" },
  "zh-CN": { steps: "步骤", publish: "发布", add: "添加步骤", run: "运行", finished: "运行完成", new: "新建工作流", sample: "样例" },
} as const;

for (const locale of ["en-GB", "zh-CN"] as const) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${locale}, ${colorScheme}: workflows and editor`, async ({ browser }) => {
      const words = WORDS[locale];
      const page = await agent(browser, api, { locale, colorScheme });
      const check = (what: string) => expectAccessible(page, `${what} (${locale}, ${colorScheme})`);
      const main = page.getByRole("main");
      const open = async (search: string) => {
        await page.goto(`${server.url}/workflows/${id}${search}`);
        await expect(main.getByRole("button", { name: words.publish })).toBeVisible();
      };
      await page.goto(`${server.url}/workflows`);
      await expect(page.getByRole("link", { name: "Travel itinerary" })).toBeVisible();
      await check("workflows");
      await page.getByRole("button", { name: words.new }).click();
      await expect(page.getByRole("dialog", { name: words.new })).toBeVisible();
      await settled(page);
      await check("new workflow");

      await open("?step=write&surface=page");
      await expect(page.getByRole("tree", { name: words.steps })).toBeVisible();
      await main.getByRole("button", { name: words.run, exact: true }).click();
      await expect(page.getByText(words.finished, { exact: true })).toBeAttached({ timeout: 60_000 });
      await check("a step that writes, beside the page");
      for (const tab of ["data", "errors", "run"]) {
        await open(`?step=write&surface=page&tab=${tab}`);
        await expect(page.getByRole("tabpanel")).toBeVisible();
        await check(`tab ${tab}`);
      }
      await open("?step=page");
      await expect(page.getByRole("textbox", { name: "Guest" })).toBeVisible();
      await check("the values of a page");
      await open("?step=form&field=hotel&surface=form");
      await expect(page.getByRole("textbox", { name: /^Hotel/ })).toBeVisible();
      await check("the form and one question");
      await open("?step=send&surface=values");
      await check("values");
      await open("?view=canvas");
      await expect(page.getByRole("application").getByText("Booking form")).toBeVisible();
      await check("canvas");
      await main.getByRole("button", { name: words.publish }).click();
      await expect(page.getByRole("dialog", { name: words.publish })).toBeVisible();
      await settled(page);
      await check("publish");
      await page.keyboard.press("Escape");
      await expect(page.getByRole("dialog")).toHaveCount(0);
      await main.getByRole("button", { name: words.add }).first().click();
      await expect(page.getByRole("dialog", { name: words.add })).toBeVisible();
      await settled(page);
      await check("palette of steps");
      await page.context().close();
    });
  }
}

/** Half-transparent text has another contrast: wait for what appears to have appeared. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== "running" || animation.effect?.getTiming().iterations === Infinity));
}
