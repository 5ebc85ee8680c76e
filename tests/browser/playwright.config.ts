// Real server, real Postgres, real Chromium. `pages` uses the fake backend of the real model worker, `story` a real small model.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: ".",
  fullyParallel: false,
  workers: 1,
  retries: 0,
  forbidOnly: true,
  // A busy machine is slow, not wrong.
  expect: { timeout: 20_000 },
  reporter: [["list"], ["./verdict.ts"]],
  outputDir: "../../target/browser",
  use: {
    launchOptions: {
      executablePath: process.env["FORMWORK_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
    viewport: { width: 1440, height: 900 },
    locale: "en-GB",
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
  },
  projects: [
    { name: "pages", testIgnore: "story.spec.ts", timeout: 180_000 },
    { name: "story", testMatch: "story.spec.ts", timeout: 900_000, use: { actionTimeout: 60_000 } },
  ],
});
