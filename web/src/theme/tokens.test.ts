import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const css = readFileSync("src/theme/tokens.css", "utf8");

function colours(block: string): Map<string, string> {
  return new Map([...block.matchAll(/--([a-z0-9-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1] ?? "", m[2] ?? ""]));
}

const [lightBlock = "", darkBlock = ""] = css.split('[data-mantine-color-scheme="dark"]');
const themes = { light: colours(lightBlock), dark: colours(darkBlock) };

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [hi = 0, lo = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (hi + 0.05) / (lo + 0.05);
}

const TEXT = 4.5;
const CONTROL = 3;

/** [foreground, background, least contrast]: what may stand on what. */
const pairs: [string, string, number][] = [
  ...["text", "text2", "text3"].flatMap((t) => ["bg", "surface", "sunken"].map((s): [string, string, number] => [t, s, TEXT])),
  ...["text", "text2"].map((t): [string, string, number] => [t, "desk", TEXT]),
  ...["text", "text2", "accent-text"].map((t): [string, string, number] => [t, "accent-soft", TEXT]),
  ["on-accent", "accent", TEXT],
  ["on-accent", "accent-hover", TEXT],
  ["accent-text", "surface", TEXT],
  ["accent-text", "bg", TEXT],
  ...["ok", "warn", "err"].flatMap((s): [string, string, number][] => [
    [s, "surface", TEXT],
    [s, "bg", TEXT],
    [s, `${s}-soft`, TEXT],
  ]),
  ...["asked", "written", "computed", "made", "sent", "looked"].flatMap((o): [string, string, number][] => [
    [o, `${o}-soft`, TEXT],
    [o, "surface", TEXT],
  ]),
  ["paper-text", "paper", TEXT],
  ["control", "surface", CONTROL],
  ["accent", "surface", CONTROL],
  ["accent", "bg", CONTROL],
];

test.each(Object.entries(themes))("%s has every token and keeps its contrasts", (_name, tokens) => {
  const missing = [...themes.light.keys()].filter((token) => !tokens.has(token));
  expect(missing).toEqual([]);
  const weak = pairs.flatMap(([front, back, least]) => {
    const value = contrast(tokens.get(front) ?? "#000000", tokens.get(back) ?? "#000000");
    return value < least ? [`${front} on ${back}: ${value.toFixed(2)} < ${least}`] : [];
  });
  expect(weak).toEqual([]);
});

test("styles use tokens, never raw colours", () => {
  const raw = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".css") && !path.endsWith("tokens.css"))
    .flatMap((path) => {
      const found = readFileSync(`src/${path}`, "utf8").matchAll(/:[^;{}]*?(#[0-9a-fA-F]{3,8}\b|\brgba?\()/g);
      return [...found].map((m) => `${path}: ${m[1]}`);
    });
  expect(raw).toEqual([]);
});
