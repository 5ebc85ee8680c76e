// Fails when the script of a signed-in first load, or what the editor adds to it, grows past its budget, or when index.html
// would need an unsafe content security policy.
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

function closure(files, seen = new Set()) {
  for (const file of files) {
    if (seen.has(file)) continue;
    seen.add(file);
    const source = readFileSync(new URL(file, dist), "utf8");
    closure([...source.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)].map((match) => `assets/${match[1]}`), seen);
  }
  return seen;
}
function weigh(what, files) {
  const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length, 0);
  console.log(`${what}: ${(bytes / 1000).toFixed(1)} kB of ${BUDGET / 1000} kB compressed script`);
  return bytes <= BUDGET;
}

const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
const built = (sources) =>
  sources.map((source) => {
    const file = manifest[source]?.file;
    if (file === undefined) throw new Error(`${source} is not in the build any more; this check names it.`);
    return file;
  });
// The first screen's own lazy parts: the start page and one language.
const entries = [...html.matchAll(/src="\/(assets\/[^"]+\.js)"/g)].map((match) => match[1]);
const first = closure([...entries, ...built(["src/features/workflows/WorkflowsPage.tsx", "src/i18n/zh-CN.json"])]);
// What opening the editor adds: its code and one language, the server's words included. The canvas comes when it is looked at.
const editor = closure(built(["src/features/editor/EditorPage.tsx", "src/features/editor/i18n/zh-CN.json", "src/ui/server-words/i18n/zh-CN.json"]));
// The same of a document's editor, which shares the chips and fields.
const template = closure(
  built(["src/features/editor/template/TemplatePage.tsx", "src/features/editor/template/i18n/zh-CN.json", "src/features/editor/i18n/zh-CN.json", "src/ui/server-words/i18n/zh-CN.json"]),
);
const fits = [
  weigh("first load", [...first]),
  weigh("editor", [...editor].filter((file) => !first.has(file))),
  weigh("template editor", [...template].filter((file) => !first.has(file))),
];
if (fits.includes(false)) process.exit(1);
