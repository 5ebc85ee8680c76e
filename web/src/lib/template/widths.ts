// Widths of a table's columns, changed by moving the border between two of them. All other columns stay where they are on the page.

import type { JsonObject } from "../document/types";

/** Nothing readable is narrower, in millimetres. */
export const LEAST_MM = 5;
/** As the engine reads them. */
const MOST_MM = 400;
/** A length that is drawn otherwise than it says gave way to others, or was stretched. */
const SLACK_MM = 0.3;
const STEP_MM = 0.5;

const shareOf = (column: JsonObject): number | null => {
  const width = column["width"] ?? "1fr";
  if (typeof width !== "string" || !width.endsWith("fr")) return null;
  const share = Number(width.slice(0, -2));
  return Number.isFinite(share) && share > 0 ? share : null;
};

const rounded = (value: number, step: number): number => Number((Math.round(value / step) * step).toFixed(2));

/** How far the border behind a column can be moved: to the left, and to the right, in millimetres. */
export function reach(drawn: readonly number[], at: number): [number, number] {
  return [Math.min(0, LEAST_MM - (drawn[at] ?? 0)), Math.max(0, (drawn[at + 1] ?? 0) - LEAST_MM)];
}

/**
 * The columns with the border behind one of them moved by so much towards the next. `drawn` is how wide each is on the page. Shares stay shares,
 * in the same sum; what was as wide as its content gets the width that it was given; lengths that had given way say from now on what is drawn.
 */
export function withBorder(columns: readonly JsonObject[], drawn: readonly number[], at: number, byMm: number): JsonObject[] {
  const [least, most] = reach(drawn, at);
  const by = Math.max(least, Math.min(most, byMm));
  const wanted = columns.map((_, index) => (drawn[index] ?? 0) + (index === at ? by : index === at + 1 ? -by : 0));
  const touched = (index: number) => index === at || index === at + 1;
  const shares = columns.map(shareOf);
  const sum = shares.reduce<number>((all, share) => all + (share ?? 0), 0);
  const room = wanted.reduce((all, width, index) => all + (shares[index] === null ? 0 : width), 0);
  const isShared = shares.some((share, index) => share !== null && touched(index));
  return columns.map((column, index) => {
    const width = wanted[index] ?? 0;
    if (shares[index] !== null) return isShared && room > 0 ? { ...column, width: `${Math.max(0.01, rounded((sum * width) / room, 0.01))}fr` } : column;
    const length = column["width"];
    const gaveWay = typeof length === "number" && Math.abs(length - (drawn[index] ?? 0)) > SLACK_MM;
    if (!touched(index) && !gaveWay) return column;
    return { ...column, width: Math.max(1, Math.min(MOST_MM, rounded(width, STEP_MM))) };
  });
}
