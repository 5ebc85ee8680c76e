// Fails when the script of a signed-in first load grows past its budget, or when index.html would need
// an unsafe content security policy.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET = 250_000;
const dist = new URL("../dist/", import.meta.url);
const html = readFileSync(new URL("index.html", dist), "utf8");

const inline = [...html.matchAll(/<script\b([^>]*)>/g)].filter((tag) => !/\bsrc=/.test(tag[1]));
if (inline.length > 0 || /\son[a-z]+=/.test(html)) {
  console.error("index.html contains inline script; the content security policy forbids it.");
  process.exit(1);
}
if (!html.includes("__CSP_NONCE__")) {
  console.error("index.html lost its nonce placeholder.");
  process.exit(1);
}

const seen = new Set();
function visit(file) {
  if (seen.has(file)) return;
  seen.add(file);
  const source = readFileSync(new URL(file, dist), "utf8");
  for (const match of source.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) visit(`assets/${match[1]}`);
}
for (const match of html.matchAll(/src="\/(assets\/[^"]+\.js)"/g)) visit(match[1]);
// The first screen's own lazy parts: the shell, the start page and one language.
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
for (const source of ["src/app/Shell.tsx", "src/features/workflows/WorkflowsPage.tsx", "src/i18n/zh-CN.json"]) {
  if (manifest[source]) visit(manifest[source].file);
}
const bytes = [...seen].reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length, 0);
console.log(`first load: ${(bytes / 1000).toFixed(1)} kB of ${BUDGET / 1000} kB compressed script`);
if (bytes > BUDGET) process.exit(1);
