import react from "@vitejs/plugin-react";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const server = process.env.FORMWORK_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // The server puts a fresh nonce in place of this word in every answer.
  html: { cspNonce: "__CSP_NONCE__" },
  resolve: { alias: { "~": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2022",
    manifest: true,
    // Small files as data: URLs would need holes in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
    // A part of CodeMirror that only its readers of programming languages need, which nothing here has; it does not say itself that it may go.
    rolldownOptions: { treeshake: { moduleSideEffects: [{ test: /@lezer\/common/, sideEffects: false }] } },
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/f/", "/r/", "/a/", "/approve/", "/c/", "/hooks", "/openapi.json", "/healthz"].map((path) => [
        path,
        { target: server, changeOrigin: false },
      ]),
    ),
  },
  test: { environment: "jsdom", setupFiles: ["./src/test-setup.ts"], include: ["src/**/*.test.{ts,tsx}"] },
});
