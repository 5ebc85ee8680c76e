// Where a word on the page comes from: the document's field it shows, the template that fills that field, the step it reads.

import type { Checked, Family, JsonObject } from "~/lib/document/types";
import { isObject } from "~/lib/document/pointer";
import { pieces, readNames } from "~/lib/expression/template";
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
}

const FIXED: Origin = { family: null, icon: undefined, step: null, stepName: null, title: null, field: null };

export function originOf(box: Box, config: JsonObject, sources: readonly Source[], checked: Checked): Origin | null {
  const name = (box.origin ?? "").replace(/^\{\{\s*|\s*\}\}$/g, "").split(/[.[|\s]/)[0] ?? "";
  if (name === "") return null;
  const filled = Object.values(config).filter(isObject).map((member) => member[name]).find((value) => typeof value === "string");
  if (typeof filled !== "string") return { ...FIXED, title: name, family: name === "firm" || name === "today" ? "computed" : null };
  const chip = pieces(filled).find((piece) => piece.type === "chip");
  const read = chip?.type === "chip" ? chip.chip.path : readNames(filled).filter((word) => checked.nodes[word]).slice(0, 1);
  const found = resolve(sources, read);
  if (!found.source) return { ...FIXED, title: name };
  return {
    // What was put together from several values is Formwork's own work.
    family: pieces(filled).length === 1 && chip ? found.source.family : pieces(filled).some((piece) => piece.type === "expression") ? "computed" : found.source.family,
    icon: found.source.icon,
    step: found.source.id,
    stepName: found.source.name,
    title: found.title,
    field: read[1] ?? null,
  };
}
