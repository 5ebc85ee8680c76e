/* What the server says, in the reader's language: made from its code and values, or else its own English words. */
import i18next from "i18next";
import { IntlMessageFormat } from "intl-messageformat";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { addMessages } from "~/i18n/i18n";

/** What checks find wrong, and what is said only of failures and outside of the editors. */
const PROBLEMS = "server";
const FAILURES = "failures";
const NAMESPACES = [PROBLEMS, FAILURES];
/** What went wrong is not kept back for longer. */
const LONGEST_WAIT_MS = 2000;

/** Those of problems and warnings, with which an editor opens. */
export function loadProblemWords(): Promise<void> {
  return addMessages(PROBLEMS, { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });
}

/** These texts are many and rarely needed: they come when the first of them is shown. */
export async function loadServerWords(): Promise<void> {
  const failures = addMessages(FAILURES, { en: () => import("./failures/i18n/en.json"), "zh-CN": () => import("./failures/i18n/zh-CN.json") });
  await Promise.all([loadProblemWords(), failures]);
}

/** Fetches the texts if they are `needed`; true when they are here or cannot be had. Until then nothing is shown that would change. */
export function useServerWords(needed = true): boolean {
  const { i18n } = useTranslation();
  const [asked, setAsked] = useState(false);
  const missing = needed && !NAMESPACES.every((namespace) => i18n.hasResourceBundle(i18n.language, namespace));
  useEffect(() => {
    if (!missing) return undefined;
    const done = () => setAsked(true);
    const timer = setTimeout(done, LONGEST_WAIT_MS);
    loadServerWords().then(done, done);
    return () => clearTimeout(timer);
  }, [missing]);
  return !missing || asked;
}

export interface Said {
  code: string;
  params?: unknown;
  message: string;
}

export function problemText(problem: Said): string {
  return text(`problem.${problem.code}`, problem.params) ?? problem.message;
}

export function stepErrorText(error: Said): string {
  // An error may list problems.
  const said = text(`stepError.${error.code}`, error.params) ?? text(`problem.${error.code}`, error.params);
  if (said === undefined) return error.message;
  // Behind the entry and the name of the value that it is about, where the server sent them.
  const ofEntry = text("entry", Object.assign({}, error.params, { text: said })) ?? said;
  return text("within", Object.assign({}, error.params, { text: ofEntry })) ?? ofEntry;
}

/** With the block and the page that it is about. */
export function warningText(warning: Said & { location?: string }): string {
  const said = text(`warning.${warning.code}`, warning.params) ?? text(`problem.${warning.code}`, warning.params) ?? warning.message;
  // A pointer names a setting or a value, which the text itself speaks of.
  if (!warning.location || warning.location.startsWith("/")) return said;
  return text("at", { page: null, ...shown(warning.params), text: said, block: warning.location }) ?? said;
}

/** One of the three parts of what the API answers with this slug. */
export function errorPart(type: string, part: "what" | "why" | "fix"): string | undefined {
  return text(`error.${type}.${part}`);
}

/** Nothing where there is no text, or where the server did not send all the values that the text shows. */
function text(key: string, values?: unknown): string | undefined {
  const pattern = NAMESPACES.map((namespace): unknown => i18next.getResource(i18next.language, namespace, key)).find((found) => found !== undefined);
  if (typeof pattern !== "string") return undefined;
  try {
    return String(new IntlMessageFormat(pattern, i18next.language, undefined, { ignoreTag: true }).format(shown(values)));
  } catch {
    return undefined;
  }
}

function isSaid(value: unknown): value is Said {
  return typeof value === "object" && value !== null && "code" in value && "message" in value;
}

/** Their values are words of the server. */
const WORDS = ["kind", "other", "mismatch", "part"];

/** English phrases as keys. */
const slug = (phrase: string) => phrase.replace(/\W+/g, "_");

function shown(values: unknown): Record<string, string | number | null> {
  if (typeof values !== "object" || values === null) return {};
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]: [string, unknown]) => {
      // Kinds of settings come as English phrases, of which a text can choose only by one word.
      if (name === "expected" && typeof value === "string") return [[name, slug(value)]];
      if (WORDS.includes(name) && typeof value === "string") return [[name, text(`word.${slug(value)}`) ?? value]];
      // What happened further inside, in words of its own.
      if (name === "error" && isSaid(value)) return [[name, stepErrorText(value)]];
      if (Array.isArray(value)) return [[name, value.every(isSaid) ? value.map(name === "warnings" ? warningText : stepErrorText).join(" ") : value.join(", ")]];
      return typeof value === "string" || typeof value === "number" || value === null ? [[name, value]] : [];
    }),
  );
}
