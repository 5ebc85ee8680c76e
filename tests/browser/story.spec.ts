// The main job, as people do it: an agent opens the gallery, publishes, and sends a link; customers fill forms in browsers of their
// own, once with JavaScript and once without; a small real model writes; the PDF arrives on the page and at the agent's own server.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test, type Browser, type Page } from "@playwright/test";
import { Api } from "./api.ts";
import { startReceiver, type Receiver } from "./receiver.ts";
import { startServer, type Server } from "./server.ts";

const out = resolve(import.meta.dirname, "../../target/story");
const model = process.env["FORMWORK_STORY_MODEL"];

let server: Server;
let receiver: Receiver;
let api: Api;

test.beforeAll(async () => {
  mkdirSync(out, { recursive: true });
  receiver = await startReceiver();
  server = await startServer({ environment: model ? { FORMWORK_MODEL: model } : {} });
  api = await Api.signIn(server);
  const endpoint = await api.call<{ id: string; secret: string }>("POST", "/endpoints", {
    name: "Back office",
    url: receiver.url,
    attach: "link",
  });
  receiver.secret = endpoint.secret;
});

test.afterAll(async () => {
  await server?.stop();
  await receiver?.stop();
});

test.describe.configure({ mode: "serial" });
