/* The help of `web/docs`: which pages there are, in reading order, and how they are read. */
import type { Language } from "~/i18n/i18n";
import { plainText, sectionsOf } from "./markdown";

export const helpPages = [
  "first-document",
  "forms",
  "steps",
  "values",
  "documents",
  "invoices",
  "numbers",
  "tables",
  "runs",
  "batches",
  "approvals",
  "retention",
  "deliveries",
  "mail",
  "models",
  "people-and-keys",
  "trouble",
] as const;
export type HelpPageName = (typeof helpPages)[number];

export function isHelpPage(name: string): name is HelpPageName {
  return (helpPages as readonly string[]).includes(name);
}

export interface HelpText {
  name: HelpPageName;
  /** What is written in; English where a page is not translated yet. */
  language: Language;
  text: string;
}

const files = import.meta.glob<string>("/docs/**/*.md", { query: "?raw", import: "default" });

export async function readPage(name: HelpPageName, language: Language): Promise<HelpText> {
  const own = language === "en" ? undefined : files[`/docs/${language}/${name}.md`];
  const load = own ?? files[`/docs/${name}.md`];
  if (load === undefined) throw new Error(`no help page ${name}`);
  return { name, language: own === undefined ? "en" : language, text: await load() };
}

export function readAll(language: Language): Promise<HelpText[]> {
  return Promise.all(helpPages.map((name) => readPage(name, language)));
}

export interface Hit {
  page: HelpPageName;
  pageTitle: string;
  heading: string;
  /** Empty for what stands before the first heading. */
  anchor: string;
  excerpt: string;
}

const AROUND = 60;

/** Sections that hold every word; those with one of them in the heading come first. */
export function search(pages: HelpText[], asked: string): Hit[] {
  const words = asked.toLocaleLowerCase().split(/\s+/u).filter((word) => word !== "");
  if (words.length === 0) return [];
  const hits: (Hit & { rank: number })[] = [];
  for (const page of pages) {
    const sections = sectionsOf(page.text);
    const pageTitle = sections[0]?.heading ?? page.name;
    for (const section of sections) {
      const body = plainText(section.body);
      const whole = `${section.heading} ${body}`.toLocaleLowerCase();
      if (!words.every((word) => whole.includes(word))) continue;
      const at = Math.max(0, body.toLocaleLowerCase().indexOf(words[0] ?? ""));
      const from = at <= AROUND ? 0 : body.lastIndexOf(" ", at - AROUND) + 1;
      const excerpt = `${from > 0 ? "… " : ""}${body.slice(from, at + 2 * AROUND).trim()}${body.length > at + 2 * AROUND ? " …" : ""}`;
      const rank = words.some((word) => section.heading.toLocaleLowerCase().includes(word)) ? 0 : 1;
      hits.push({ page: page.name, pageTitle, heading: section.heading, anchor: section.anchor, excerpt, rank });
    }
  }
  return hits.sort((a, b) => a.rank - b.rank).slice(0, 20);
}
