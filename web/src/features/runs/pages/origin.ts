// What is told of a place on a page: the source of what stands there, what kind it is, and what it was made of.

import type { Family, OriginSource, PageOrigin } from "~/api/types";

export interface Told {
  family: Family | null;
  /** Whose value it is; null for what the document says or computes itself. */
  main: OriginSource | null;
  /** What the family leaves open. */
  detail: string | null;
  title: string | null;
  expression: string | null;
  /** What it was made of. */
  parts: OriginSource[];
}

/** Kinds of sources that no family says. */
const DETAILED = new Set<string>(["given", "corrected", "approved", "called", "setting", "firm", "time", "page", "entry", "run", "unknown"]);

export function tell(origin: PageOrigin): Told {
  const main = (origin.how === "shown" ? origin.sources[0] : undefined) ?? null;
  return {
    family: origin.family as Family | null,
    main,
    detail: detailOf(origin, main),
    title: main === null ? null : titleOf(main),
    expression: main === null ? (origin.how === "literal" ? null : origin.expression) : main.expression,
    parts: main === null ? origin.sources : origin.sources.slice(1),
  };
}

function detailOf(origin: PageOrigin, main: OriginSource | null): string | null {
  if (main !== null) return DETAILED.has(main.kind) ? main.kind : null;
  if (origin.how === "literal") return origin.sources.length > 0 ? "absent" : null;
  return origin.how === "shown" || origin.how === "computed" ? null : origin.how;
}

export function titleOf(source: OriginSource): string | null {
  return source.title || source.path || null;
}

/** The key of a step on the run's page. */
export function stepOf(source: OriginSource): string | null {
  if (source.node === null) return null;
  return source.item_path ? `${source.node}:${source.item_path}` : source.node;
}

/** Which entry it belongs to, counted as people do: `4`, or `4.1` in lists in lists. */
export function entryOf(source: OriginSource): string | null {
  if (!source.item_path) return null;
  return source.item_path.split(".").map((part) => Number(part) + 1).join(".");
}
