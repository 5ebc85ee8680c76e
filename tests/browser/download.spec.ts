// While the model is still on its way: the screens say how far it is, runs say that they wait for it, and forms go on taking.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "@playwright/test";
import { agent } from "./agent.ts";
import { Api } from "./api.ts";
import { fillTrip } from "./customer.ts";
import { startServer, type Server } from "./server.ts";
import { publish } from "./workflows.ts";

const size = 1_117_320_736;
const title = "Qwen2.5 1.5B Instruct";

/** A model hub behind a slow line: it sends 200 kB a second, for as long as it is asked. */
async function startHub() {
  const asked: string[] = [];
  const open = new Set<ServerResponse>();
  const piece = Buffer.alloc(20_000);
  const hub = createServer((request, response) => {
    asked.push(request.url ?? "");
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": size - from,
      ...(from > 0 ? { "content-range": `bytes ${from}-${size - 1}/${size}` } : {}),
    });
    open.add(response);
    response.on("close", () => open.delete(response));
  });
  const clock = setInterval(() => open.forEach((response) => response.write(piece)), 100);
  await new Promise<void>((done) => hub.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(hub.address() as AddressInfo).port}`,
    asked,
    stop: () => {
      clearInterval(clock);
      hub.close();
      hub.closeAllConnections();
    },
  };
}

let hub: Awaited<ReturnType<typeof startHub>>;
let server: Server;
let api: Api;

test.beforeAll(async () => {
  hub = await startHub();
  server = await startServer({ environment: { FORMWORK_MODEL: "", FORMWORK_MODEL_HUB: hub.url } });
  api = await Api.signIn(server);
});

test.afterAll(async () => {
  await server?.stop();
  hub?.stop();
});

test("while the model is fetched its progress is shown, runs wait for it, and the form still takes", async ({ browser }) => {
  const { formUrl } = await publish(api, "itinerary", (draft) => {
    // Nobody receives anything here, so what would be sent is left out.
    const sends = draft.nodes.filter((node) => "endpoint" in node.config).map((node) => node.id);
    draft.nodes = draft.nodes.filter((node) => !sends.includes(node.id));
    draft.edges = draft.edges.filter((edge) => !sends.includes(edge.to));
  });
  const page = await agent(browser, api);
  await page.goto(`${server.url}/models`);
  const row = page.getByRole("main").getByRole("row").filter({ hasText: title });
  const bar = row.getByRole("progressbar");
  await expect(row).toContainText(/[\d.]+\s[kM]B of 1\.12\sGB · [\d.]+\s[kM]B\/s · about [\d.]+\s(min|h)/);
  const arrived = async () => (await bar.getAttribute("aria-valuetext")) ?? "";
  const before = await arrived();
  await expect.poll(arrived).not.toBe(before);
  await expect(bar).toHaveAttribute("aria-valuenow", /^\d+$/);
  await expect(page.getByRole("link", { name: `Fetching ${title}` }).getByRole("progressbar")).toBeVisible();
  expect(hub.asked).toEqual([expect.stringMatching(/^\/Qwen\/Qwen2\.5-1\.5B-Instruct-GGUF\/resolve\/[0-9a-f]{40}\/.+\.gguf$/)]);

  const visitor = await (await browser.newContext()).newPage();
  for (const guest of ["Ms Clara Hoffmann", "Mr Noor"]) {
    await visitor.goto(formUrl);
    await fillTrip(visitor, { guest, reference: "NR-2027-0184" });
    await visitor.getByRole("button", { name: "Make my plan" }).click();
    await expect(visitor.getByRole("heading", { name: "Your document is being made" })).toBeVisible();
    await expect(visitor.getByRole("listitem").filter({ hasText: "Write the itinerary" })).toContainText("waits for a model");
  }

  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: /^Runs/ }).click();
  await page.getByRole("row").filter({ hasText: "Ms Clara Hoffmann" }).getByRole("link").click();
  await expect(page.getByText(`Waits for model ${title}. It is being fetched. Next in the queue.`)).toBeVisible();
  await page.getByRole("link", { name: "See the models" }).click();
  await expect(page).toHaveURL(/\/models$/);
  await expect(bar).toBeVisible();
});
