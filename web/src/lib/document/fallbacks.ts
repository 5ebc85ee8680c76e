// What stands on the page when one answer is left empty: the same choice for every chip that shows it, in all later steps.

import { pieces, writeChip } from "../expression/template";
import { isObject, without } from "./pointer";
import type { Json, JsonObject, Workflow } from "./types";

type Change = (text: string) => string;

function mapTexts(value: Json, change: Change): Json {
  if (typeof value === "string") return value.includes("{{") ? change(value) : value;
  if (Array.isArray(value)) {
    const next = value.map((item) => mapTexts(item, change));
    return next.some((item, index) => item !== value[index]) ? next : value;
  }
  if (!isObject(value)) return value;
  let touched = false;
  const next: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    next[key] = mapTexts(item, change);
    if (next[key] !== item) touched = true;
  }
  return touched ? next : value;
}

function shows(path: readonly string[], step: string, field: string): boolean {
  return path.length === 2 && path[0] === step && path[1] === field;
}

/** Every fallback in use for that value; `null` where an empty value stops the run. */
export function fallbacksOf(document: Workflow, step: string, field: string): Array<string | null> {
  const found: Array<string | null> = [];
  for (const node of document.nodes) {
    if (node.id === step) continue;
    mapTexts(node.config, (text) => {
      for (const piece of pieces(text)) if (piece.type === "chip" && shows(piece.chip.path, step, field)) found.push(piece.chip.fallback);
      return text;
    });
  }
  return found;
}

export function setFallbacks(document: Workflow, step: string, field: string, fallback: string | null): Workflow {
  const change: Change = (text) =>
    pieces(text)
      .map((piece, _index, all) => {
        if (piece.type !== "chip" || !shows(piece.chip.path, step, field)) return piece.text;
        const chip = without(piece.chip, "none");
        // Alone in its place the value keeps its type, so that nothing must be `none`, not an empty text.
        return writeChip({ ...chip, fallback, ...(fallback === "" && all.length === 1 ? { none: true } : {}) });
      })
      .join("");
  const nodes = document.nodes.map((node) => {
    if (node.id === step) return node;
    const config = mapTexts(node.config, change) as JsonObject;
    return config === node.config ? node : { ...node, config };
  });
  return { ...document, nodes };
}
