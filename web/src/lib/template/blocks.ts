// A document's template as a tree of blocks: where blocks lie, and how one is found. Mirrors `server/document/src/template`.

import { getAt, isObject, toPointer } from "../document/pointer";
import type { Path } from "../document/pointer";
import type { Json, JsonObject } from "../document/types";

export const FORMAT = "formwork-document/1";

/** The template as it is stored. */
export type Template = JsonObject;

export type Block = JsonObject & { id: string; type: string };

export type SlotName = "header_first" | "header" | "body" | "footer_first" | "footer" | "column" | "otherwise";

/** A line of the tree: a block, or a place that holds blocks and has a name of its own. */
export type Row =
  | { kind: "block"; key: string; path: Path; depth: number; block: Block }
  | { kind: "slot"; key: string; path: Path; depth: number; slot: SlotName; number: number; empty: boolean };

/** The lists of blocks of a whole template. The first page's own head and foot are there only where somebody wants them. */
export const REGIONS: ReadonlyArray<{ slot: SlotName; path: Path; always: boolean }> = [
  { slot: "header_first", path: ["header", "first"], always: false },
  { slot: "header", path: ["header", "blocks"], always: true },
  { slot: "body", path: ["blocks"], always: true },
  { slot: "footer_first", path: ["footer", "first"], always: false },
  { slot: "footer", path: ["footer", "blocks"], always: true },
];

export function isTemplate(value: unknown): value is Template {
  return isObject(value) && value["format"] === FORMAT;
}

export function isBlock(value: Json | undefined): value is Block {
  return isObject(value) && typeof value["id"] === "string" && typeof value["type"] === "string";
}

export function listAt(template: Template, path: Path): Json[] {
  const found = getAt(template, path);
  return Array.isArray(found) ? found : [];
}

export function blockAt(template: Template, path: Path): Block | null {
  const found = getAt(template, path);
  return isBlock(found) ? found : null;
}

/** Where a block holds others; the ones with a name get a line of their own in the tree. */
export function slotsOf(block: Block): ReadonlyArray<{ path: Path; slot: "column" | "otherwise" | null; number: number }> {
  switch (block.type) {
    case "columns":
      return (Array.isArray(block["columns"]) ? block["columns"] : []).map((_, at) => ({ path: ["columns", at, "blocks"], slot: "column" as const, number: at + 1 }));
    case "box":
    case "keep_together":
    case "repeat":
      return [{ path: ["blocks"], slot: null, number: 1 }];
    case "if":
      return [{ path: ["blocks"], slot: null, number: 1 }, { path: ["otherwise"], slot: "otherwise", number: 1 }];
    default:
      return [];
  }
}

/** The whole tree, line by line. */
export function rowsOf(template: Template): Row[] {
  const rows: Row[] = [];
  const list = (path: Path, depth: number) => {
    listAt(template, path).forEach((entry, at) => {
      if (!isBlock(entry)) return;
      const own = [...path, at];
      rows.push({ kind: "block", key: toPointer(own), path: own, depth, block: entry });
      for (const { path: inside, slot, number } of slotsOf(entry)) {
        const held = [...own, ...inside];
        if (slot === null) list(held, depth + 1);
        else {
          rows.push({ kind: "slot", key: toPointer(held), path: held, depth: depth + 1, slot, number, empty: listAt(template, held).length === 0 });
          list(held, depth + 2);
        }
      }
    });
  };
  for (const { slot, path, always } of REGIONS) {
    if (!always && !Array.isArray(getAt(template, path))) continue;
    rows.push({ kind: "slot", key: toPointer(path), path, depth: 0, slot, number: 1, empty: listAt(template, path).length === 0 });
    list(path, 1);
  }
  return rows;
}

export function blocksOf(template: Template): Array<{ block: Block; path: Path }> {
  return rowsOf(template).flatMap((row) => (row.kind === "block" ? [{ block: row.block, path: row.path }] : []));
}

export function pathOf(template: Template, id: string): Path | null {
  return blocksOf(template).find(({ block }) => block.id === id)?.path ?? null;
}

/** The block that a place lies in, the innermost one; `null` outside of all blocks. */
export function blockAround(template: Template, path: Path): Path | null {
  for (let length = path.length; length > 0; length -= 1) {
    const part = path.slice(0, length);
    if (blockAt(template, part)) return part;
  }
  return null;
}

/** The list that a block stands in, and where. */
export function placeOf(path: Path): { list: Path; index: number } {
  return { list: path.slice(0, -1), index: Number(path.at(-1)) };
}
