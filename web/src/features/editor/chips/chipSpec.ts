// What a chip shows, worked out once for both drawings of it (inside a text editor and in React).

import type { Family } from "~/lib/document/types";
import { isEmpty } from "~/lib/expression/format";
import type { Look } from "~/lib/expression/format";
import { fits } from "~/lib/expression/kind";
import type { Kind, KindName } from "~/lib/expression/kind";
import type { Chip } from "~/lib/expression/template";
import { resolve, shownValue } from "~/lib/expression/values";
import type { Source } from "~/lib/expression/values";

export type ChipState = "ok" | "empty" | "broken" | "unfit";

export interface ChipSpec {
  title: string;
  value: string;
  full: string;
  family: Family | null;
  kind: KindName;
  state: ChipState;
}

export interface ChipWords {
  gone: string;
  empty: string;
  each: (title: string) => string;
}

const LONGEST_TITLE = 400;

/** The title of "each row's description": the column stands behind `map(attribute="…")`. */
function columnOf(chip: Chip, kind: Kind | null): string | null {
  const map = chip.filters.find((filter) => filter.name === "map");
  const name = map?.args[0]?.match(/^attribute="(.*)"$/)?.[1];
  if (!name) return null;
  const item = kind?.kind === "list" && kind.item.kind === "record" ? kind.item.fields.find((field) => field.name === name) : null;
  return item?.title || name;
}

export function chipSpec(chip: Chip, sources: readonly Source[], look: Look, words: ChipWords, wanted: Kind | null = null): ChipSpec {
  const found = resolve(sources, chip.path);
  if (!found.kind || !found.source) {
    return { title: chip.path.at(-1) ?? "", value: words.gone, full: chip.path.join("."), family: null, kind: "any", state: "broken" };
  }
  const column = columnOf(chip, found.kind);
  const empty = isEmpty(found.value);
  const value = empty ? (chip.fallback ?? words.empty) || words.empty : shownValue(found, chip, look);
  const unfit = wanted !== null && chip.filters.length === 0 && !fits(found.kind, wanted);
  return {
    title: column ? words.each(column) : found.title,
    value,
    full: `${found.trail.join(" › ")}: ${value.slice(0, LONGEST_TITLE)}`,
    family: found.source.family,
    kind: found.kind.kind,
    state: unfit ? "unfit" : empty ? "empty" : "ok",
  };
}

export function sameSpec(a: ChipSpec, b: ChipSpec): boolean {
  return a.title === b.title && a.value === b.value && a.family === b.family && a.kind === b.kind && a.state === b.state && a.full === b.full;
}
