// Where a word on the page comes from: the document's field it shows, the template that fills that field, the step it reads.

import type { Checked, Family, JsonObject } from "~/lib/document/types";
import { isObject } from "~/lib/document/pointer";
import { pieces, readNames } from "~/lib/expression/template";
import { titlesAlong } from "~/lib/expression/kind";
import { resolve } from "~/lib/expression/values";
import type { Source } from "~/lib/expression/values";
import type { Box } from "../api";

export interface Origin {
  family: Family | null;
  icon: string | undefined;
  step: string | null;
  stepName: string | null;
  title: string | null;
  field: string | null;
  /** Letters of a text and how many it may have. */
  length: { now: number; most: number } | null;
  /** Numbers in a text that a model wrote and nobody gave or computed. */
  strange: string[];
}

const FIXED: Origin = { family: null, icon: undefined, step: null, stepName: null, title: null, field: null, length: null, strange: [] };
const NUMBER = /\d+(?:[.,:]\d+)*/g;

/** A model must not invent amounts, dates or times: its numbers have to be somebody's. */
export function strangeNumbers(text: string, sources: readonly Source[]): string[] {
  const given = new Set(sources.filter((source) => source.family !== "written").flatMap((source) => JSON.stringify(source.value ?? null).match(NUMBER) ?? []).flatMap((number) => [number, ...number.split(/[.,:]/)]).map((number) => number.replace(/^0+(?=\d)/, "")));
  return [...new Set(text.match(NUMBER) ?? [])].filter((number) => !given.has(number.replace(/^0+(?=\d)/, "")));
}

export function originOf(box: Box, config: JsonObject, sources: readonly Source[], checked: Checked): Origin | null {
  const origin = valueOf(box, config, sources, checked);
  // What an expression of the document makes of a value is Formwork's own work.
  return origin !== null && box.is_computed ? { ...origin, family: "computed", icon: undefined, length: null, strange: [] } : origin;
}

function valueOf(box: Box, config: JsonObject, sources: readonly Source[], checked: Checked): Origin | null {
  // `plan.1.text`: the document's field, then the way into its value.
  const [name = "", ...inside] = (box.origin ?? "").split(".");
  if (name === "") return null;
  const filled = Object.values(config).filter(isObject).map((member) => member[name]).find((value) => typeof value === "string");
  if (typeof filled !== "string") return { ...FIXED, title: name, family: name === "firm" || name === "today" ? "computed" : null };
  const chip = pieces(filled).find((piece) => piece.type === "chip");
  const read = chip?.type === "chip" ? chip.chip.path : readNames(filled).filter((word) => checked.nodes[word]).slice(0, 1);
  const alone = chip?.type === "chip" && pieces(filled).length === 1;
  const path = alone && chip.chip.filters.length === 0 && !box.is_computed ? [...read, ...inside] : read;
  const found = resolve(sources, path);
  if (!found.source) return { ...FIXED, title: name };
  // What was put together from several values is Formwork's own work.
  const family = !alone && pieces(filled).some((piece) => piece.type === "expression") ? "computed" : found.source.family;
  const most = found.kind?.kind === "text" ? found.kind.max_length : null;
  const text = typeof found.value === "string" ? found.value : null;
  return {
    family,
    icon: found.source.icon,
    step: found.source.id,
    stepName: found.source.name,
    // Entries of lists are counted from one.
    title: titlesAlong(found.source.kind, path.slice(1)).map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : part)).join(" · ") || found.title,
    field: read[1] ?? null,
    length: text !== null && most ? { now: text.length, most } : null,
    strange: text !== null && family === "written" ? strangeNumbers(text, sources) : [],
  };
}
