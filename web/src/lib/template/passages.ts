// Texts of several paragraphs and lists, as `content` holds them.

import { isObject } from "../document/pointer";
import type { Json, JsonObject } from "../document/types";

/** Deepest nesting of lists. */
export const MOST_LISTS = 3;

const text = (value: Json | undefined) => (typeof value === "string" ? value : "");

/** The words of a record's own runs, or of its one text: a value by its expression. */
function ownWords(record: JsonObject): string {
  const runs = Array.isArray(record["runs"]) ? record["runs"].filter(isObject) : [];
  return runs.length > 0 ? runs.map((run) => text(run["text"] ?? run["value"])).join("") : text(record["text"]);
}

/** All words of a text, of a passage or of an item, without what they look like. */
export function wordsOf(record: JsonObject): string {
  const inside = (key: string) => (Array.isArray(record[key]) ? record[key] : []).filter(isObject).map(wordsOf);
  return [ownWords(record), ...inside("content"), ...inside("items")].filter((words) => words !== "").join("\n");
}

/** A text's members as one paragraph of `content`. */
export function asPassages(record: JsonObject): JsonObject[] {
  const runs = record["runs"];
  return [Array.isArray(runs) && runs.length > 0 ? { runs } : { text: text(record["text"]) }];
}
