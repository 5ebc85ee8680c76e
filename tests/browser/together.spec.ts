// Two people, one draft: what does not meet is put together, what meets is asked, and nothing is overwritten silently.
import { expect, test, type Page } from "@playwright/test";
import { agent, draftOf, idOf, saved, startFrom, step, type Workflow } from "./agent.ts";
import { Api } from "./api.ts";
import { startServer, type Server } from "./server.ts";

let server: Server;
let api: Api;

test.beforeAll(async () => {
  server = await startServer();
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
});

const nameOf = (page: Page) => page.getByRole("textbox", { name: "Name of the step" });
const names = async (id: string) => (await draftOf(api, id)).nodes.map((node) => node.name);

/** Marta has the workflow open, and so has Jonas, whose connection is gone. */
async function both(marta: Page, jonas: Page): Promise<string> {
  const id = await startFrom(marta, server, "Invoice");
  await jonas.goto(marta.url());
  await expect(step(jonas, "Add up")).toBeVisible();
  expect(idOf(jonas)).toBe(id);
  await jonas.context().setOffline(true);
  return id;
}

test("changes of different steps are put together", async ({ browser }) => {
  const [marta, jonas] = [await agent(browser, api), await agent(browser, api)];
  const id = await both(marta, jonas);
  await step(jonas, "Write the note").click();
  await nameOf(jonas).fill("Thank them");
  await expect(jonas.getByText("Kept here", { exact: true })).toBeVisible();
  await step(marta, "Add up").click();
  await nameOf(marta).fill("Sum up");
  await saved(marta);

  await jonas.context().setOffline(false);
  await expect(step(jonas, "Sum up")).toBeVisible();
  await expect(step(jonas, "Thank them")).toBeVisible();
  await expect(step(marta, "Thank them")).toBeVisible();
  await expect.poll(() => names(id)).toEqual(expect.arrayContaining(["Sum up", "Thank them"]));
  await marta.context().close();
  await jonas.context().close();
});

test("two changes of the same step: the second is told, sees both, and chooses", async ({ browser }) => {
  const [marta, jonas] = [await agent(browser, api), await agent(browser, api)];
  const id = await both(marta, jonas);
  await step(jonas, "Add up").click();
  await nameOf(jonas).fill("Totals by Jonas");
  await expect(jonas.getByText("Kept here", { exact: true })).toBeVisible();
  await step(marta, "Add up").click();
  await nameOf(marta).fill("Totals by Marta");
  await saved(marta);

  const stale = jonas.waitForResponse((answer) => answer.request().method() === "PUT" && answer.status() === 409);
  await jonas.context().setOffline(false);
  // The page may have noticed by itself before the click.
  await jonas.getByRole("button", { name: "Try now" }).click({ timeout: 2_000 }).catch(() => undefined);
  await stale;
  await expect(jonas.getByRole("alert")).toContainText("changed the same step");
  await expect(jonas.getByText("Changed elsewhere", { exact: true })).toBeVisible();
  expect(await names(id)).toContain("Totals by Marta");
  expect(await names(id)).not.toContain("Totals by Jonas");

  await jonas.getByRole("alert").getByRole("button", { name: "Look" }).click();
  const dialog = jonas.getByRole("dialog", { name: "Two changes of the same step" });
  await expect(dialog).toContainText("Totals by Marta");
  await dialog.getByText("Mine", { exact: true }).click();
  await dialog.getByRole("button", { name: "Keep these" }).click();
  await saved(jonas);
  await expect(jonas.getByRole("alert")).toHaveCount(0);
  expect(await names(id)).toContain("Totals by Jonas");
  await expect(step(marta, "Totals by Jonas")).toBeVisible();
  await marta.context().close();
  await jonas.context().close();
});

test("a save whose answer was lost is nobody else's change", async ({ browser }) => {
  const marta = await agent(browser, api);
  const id = await startFrom(marta, server, "Invoice");
  await step(marta, "Add up").click();
  /** The next save reaches the server, and its answer is lost when it is told to be. */
  const loseAnswer = async (): Promise<() => void> => {
    let lose = () => {};
    const lost = new Promise<void>((resolve) => {
      lose = resolve;
    });
    await marta.route("**/draft", async (route) => {
      await route.fetch();
      await lost;
      // A page that is left waits for no answer.
      await route.abort().catch(() => undefined);
    }, { times: 1 });
    return lose;
  };
  const lose = await loseAnswer();
  await nameOf(marta).fill("Sum");
  await expect.poll(() => names(id)).toContain("Sum");
  await nameOf(marta).fill("Sum up");
  lose();
  await expect.poll(() => names(id)).toContain("Sum up");
  await saved(marta);
  await expect(marta.getByRole("alert")).toHaveCount(0);

  // The same when the page is loaded anew before it hears.
  const leave = await loseAnswer();
  await nameOf(marta).fill("Total");
  await expect.poll(() => names(id)).toContain("Total");
  await nameOf(marta).fill("Total of all");
  await marta.reload();
  leave();
  await expect.poll(() => names(id)).toContain("Total of all");
  await saved(marta);
  await expect(marta.getByRole("alert")).toHaveCount(0);
  await marta.context().close();
});

test("a draft on a stale base is refused by the server, too", async ({ browser }) => {
  const marta = await agent(browser, api);
  const id = await startFrom(marta, server, "Invoice");
  const { draft } = await api.call<Workflow>("GET", `/workflows/${id}`);
  await step(marta, "Add up").click();
  await nameOf(marta).fill("Sum up");
  await saved(marta);
  const late = api.call("PUT", `/workflows/${id}/draft`, { base_revision: draft.revision, document: { ...draft.document, name: "Late" } });
  await expect(late).rejects.toThrow(/409/);
  expect((await draftOf(api, id)).name).toBe("Invoice");
  await marta.context().close();
});
