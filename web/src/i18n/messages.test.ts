import { IntlMessageFormat } from "intl-messageformat";
import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { describe, expect, test } from "vitest";

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, prefix = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") found.set(prefix + key, value);
    else for (const [inner, text] of flat(value, `${prefix}${key}.`)) found.set(inner, text);
  }
  return found;
}

/** Every pair of message files: the shell's and those of lazy parts, with the sources that use them. */
const pairs = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => /(^|\/)i18n\/en\.json$/.test(path))
  .map((path) => {
    const folder = path.replace(/i18n\/en\.json$/, "");
    const read = (name: string) => flat(JSON.parse(readFileSync(`src/${folder}i18n/${name}.json`, "utf8")) as Tree);
    return { folder, en: read("en"), zh: read("zh-CN") };
  });

const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path) && !path.includes(".test."))
  .map((path) => ({ path, text: readFileSync(`src/${path}`, "utf8") }));

/** The names of a message's arguments, however deep in its plurals. */
function argumentsOf(message: string, language: string): string[] {
  const names = new Set<string>();
  const walk = (parts: ReturnType<IntlMessageFormat["getAst"]>) => {
    for (const part of parts) {
      if (part.type !== 0 && part.type !== 7 && "value" in part && typeof part.value === "string") names.add(part.value);
      if ("options" in part) for (const option of Object.values(part.options)) walk(option.value);
    }
  };
  walk(new IntlMessageFormat(message, language).getAst());
  return [...names].sort();
}

describe.each(pairs)("messages of $folder", ({ en, zh, folder }) => {
  test("both languages have the same keys", () => {
    expect([...zh.keys()].filter((key) => !en.has(key))).toEqual([]);
    expect([...en.keys()].filter((key) => !zh.has(key))).toEqual([]);
  });

  test("both languages take the same values", () => {
    const differing = [...en].filter(([key, text]) => argumentsOf(text, "en").join() !== argumentsOf(zh.get(key) ?? "", "zh-CN").join());
    expect(differing.map(([key]) => key)).toEqual([]);
  });

  test("every key that a screen names exists", () => {
    const inside = sources.filter(({ path }) => path.startsWith(folder) && !pairs.some((pair) => pair.folder.length > folder.length && path.startsWith(pair.folder)));
    const missing = inside.flatMap(({ path, text }) =>
      [...text.matchAll(/\bt\(\s*(["`])([^"`]+)\1/g)].flatMap(([, quote, key = ""]) => {
        const own = key.replace(/^app:/, "");
        // With a part that is known only at run time, at least one key must begin and end alike.
        const pattern = new RegExp(`^${own.replace(/[.*+?^()|[\]\\]/g, "\\$&").replace(/\$\{.*?\}/g, ".+")}$`);
        const within = (keys: Map<string, string>) => (quote === '"' ? keys.has(own) : [...keys.keys()].some((name) => pattern.test(name)));
        // The shell's messages are there for those that name it, or none.
        const asks = own !== key || text.includes("useTranslation()");
        const shared = asks && pairs.some((pair) => pair.folder === "" && within(pair.en));
        return (own === key && within(en)) || shared ? [] : [`${path}: ${key}`];
      }),
    );
    expect(missing).toEqual([]);
  });

  test("no key is left over", () => {
    const used = sources.map(({ text }) => text).join("\n");
    const unused = [...en.keys()].filter((key) => {
      if (used.includes(`"${key}"`) || used.includes(`:${key}"`)) return false;
      // Keys that are put together: some literal beginning of them, up to a dot, must be in the sources.
      const parts = key.split(".");
      return !parts.some((_, at) => at > 0 && used.includes(`\`${parts.slice(0, at).join(".")}.\${`)) && !key.startsWith("error.");
    });
    expect(unused).toEqual([]);
  });
});

const TEXT_ATTRIBUTES = new Set(["label", "title", "placeholder", "alt", "description", "aria-label", "aria-description", "aria-roledescription"]);
/** Signs and the names of keys read the same in every language. */
const SAME_EVERYWHERE = /^[\s\d·/+–—→↑↓↵⌘:,.()…*×%#-]*$|^(Esc|Ctrl|Alt|Enter|Shift|Formwork|PDF)( [A-Z])?$|^openapi\.json$/;

test("no component holds text of its own", () => {
  const literal = sources
    .filter(({ path }) => path.endsWith(".tsx"))
    .flatMap(({ path, text }) => {
      const found: string[] = [];
      const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
      const note = (value: string) => {
        if (!SAME_EVERYWHERE.test(value.trim())) found.push(`${path}: ${value.trim()}`);
      };
      const visit = (node: ts.Node): void => {
        if (ts.isJsxText(node)) note(node.text);
        if (ts.isJsxExpression(node) && node.expression !== undefined && ts.isStringLiteral(node.expression) && ts.isJsxElement(node.parent)) note(node.expression.text);
        if (ts.isJsxAttribute(node) && TEXT_ATTRIBUTES.has(node.name.getText(file)) && node.initializer !== undefined && ts.isStringLiteral(node.initializer)) {
          note(node.initializer.text);
        }
        ts.forEachChild(node, visit);
      };
      visit(file);
      return found;
    });
  expect(literal).toEqual([]);
});
