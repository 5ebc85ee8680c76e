import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { languages } from "~/i18n/i18n";
import { sections } from "~/lib/settings-sections";
import type { Block, Inline } from "./markdown";
import { blocks, inline, plainText, sectionsOf } from "./markdown";
import { helpPages, isHelpPage, readAll, readPage, search } from "./pages";

test("text with strong words, code and links", () => {
  expect(inline("Press **Send** *now* or `curl`, see [Runs](/runs).")).toEqual([
    { is: "text", text: "Press " },
    { is: "strong", inside: [{ is: "text", text: "Send" }] },
    { is: "text", text: " " },
    { is: "em", inside: [{ is: "text", text: "now" }] },
    { is: "text", text: " or " },
    { is: "code", text: "curl" },
    { is: "text", text: ", see " },
    { is: "link", href: "/runs", inside: [{ is: "text", text: "Runs" }] },
    { is: "text", text: "." },
  ]);
});

test("HTML in a page stays text", () => {
  expect(blocks("<img src=x onerror=alert(1)>")).toEqual([{ is: "paragraph", inside: [{ is: "text", text: "<img src=x onerror=alert(1)>" }] }]);
});

test("headings, lists, tables and code side by side", () => {
  const found = blocks("# A\n\none\ntwo\n\n- x\n- y\n\n1. z\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\n# no heading\n```\n\n```php\n2\n```\n");
  expect(found.map((block) => block.is)).toEqual(["heading", "paragraph", "list", "list", "table", "code"]);
  expect(found.at(-1)).toEqual({ is: "code", codes: [{ language: "python", text: "# no heading" }, { language: "php", text: "2" }] });
});

test("a page is cut at its headings, code is none", () => {
  expect(sectionsOf("# A\nx\n```sh\n# b\n```\n## C d\ny\n").map(({ heading, anchor }) => [heading, anchor])).toEqual([
    ["A", ""],
    ["C d", "c-d"],
  ]);
});

test("what is searched is what is read", () => {
  expect(plainText("- **Bold** [link](/x) `code`\n\n| a | b |\n|---|---|\n| c | d |")).toBe("Bold link code a b c d");
});

test("search finds sections with every word, headings first", async () => {
  const hits = search(await readAll("en"), "signature check");
  expect(hits[0]).toMatchObject({ page: "deliveries", heading: "Check the signature", anchor: "check-the-signature" });
  expect(search(await readAll("en"), "no-such-word-anywhere")).toEqual([]);
});

test("what is promised stands in the help word by word", async () => {
  const { text } = await readPage("runs", "en");
  expect(text).toContain(
    "*Accepted means stored; every step runs at least once and its recorded result is written once; outside effects carry a stable idempotency key; a lost worker is noticed within two lease periods; no step is retried after a recorded success; Stop always works.*",
  );
});

describe.each(languages)("help in %s", (language) => {
  test("every page is there, begins with its title, and every link leads somewhere", async () => {
    const screens = new Set(["/workflows", "/runs", "/runs/waiting", "/deliveries", "/documents", "/tables", "/models", "/settings", "/openapi.json"]);
    for (const section of sections) screens.add(`/settings/${section}`);
    for (const page of helpPages) screens.add(`/help/${page}`);
    for (const name of helpPages) {
      const { text } = await readPage(name, language);
      expect(blocks(text)[0]).toMatchObject({ is: "heading", level: 1 });
      const links = [...text.matchAll(/\]\((\/[^)]*)\)/g)].map((match) => match[1] ?? "");
      expect(links.filter((link) => !screens.has(link))).toEqual([]);
    }
  });
});

/** Where the links of a text lead, in no order: that one is of the words, and languages differ in it. */
function linksOf(inside: Inline[]): string[] {
  return inside.flatMap((part) => (part.is === "link" ? [part.href] : "inside" in part ? linksOf(part.inside) : [])).sort();
}

/** A block without its words. Code is the same in every language. */
function frameOf(block: Block) {
  switch (block.is) {
    case "heading":
      return { is: block.is, level: block.level, links: linksOf(block.inside) };
    case "paragraph":
      return { is: block.is, links: linksOf(block.inside) };
    case "list":
      return { is: block.is, ordered: block.ordered, items: block.items.map(linksOf) };
    case "table":
      return { is: block.is, rows: [block.head, ...block.rows].map((row) => row.map(linksOf)) };
    case "code":
      return block;
  }
}

describe.each(languages.filter((language) => language !== "en"))("help in %s beside English", (language) => {
  test.each(helpPages)("%s has the same headings, lists, tables, code and links", async (name) => {
    const [english, own] = await Promise.all([readPage(name, "en"), readPage(name, language)]);
    expect(own.language).toBe(language);
    expect(blocks(own.text).map(frameOf)).toEqual(blocks(english.text).map(frameOf));
  });
});

test("no page of help is left out of its list", () => {
  const written = readdirSync("docs", { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".md"));
  expect(written.filter((path) => !isHelpPage(path.replace(/^.*\//, "").replace(/\.md$/, "")))).toEqual([]);
  for (const path of written) expect(readFileSync(`docs/${path}`, "utf8")).not.toMatch(/<[a-z]+[ >]/i);
});
