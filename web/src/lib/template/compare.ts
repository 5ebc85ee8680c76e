// What differs between two states of a template, block by block. Blocks are known by their ids, wherever they stand.

import { isObject, sameJson, setAt, toPointer } from "../document/pointer";
import type { Path } from "../document/pointer";
import type { Json, JsonObject } from "../document/types";
import { blockAround, blockAt, blocksOf, REGIONS, slotsOf } from "./blocks";
import type { Block, Template } from "./blocks";

export interface BlockChange {
  change: "added" | "removed" | "changed" | "moved";
  /** As it is now; as it was, where it is gone. */
  block: Block;
  /** Names of the members that differ. */
  members: readonly string[];
  /** A changed one stands elsewhere, too. */
  moved: boolean;
}

export interface FieldChange {
  change: "added" | "removed" | "changed";
  name: string;
  title: string;
}

export interface Comparison {
  /** In the order of the tree; what is gone stands behind what stood before it. What lies in a new or removed block is told by that block. */
  blocks: readonly BlockChange[];
  fields: readonly FieldChange[];
  /** Names of the page's own members that differ. */
  page: readonly string[];
}

interface Standing {
  block: Block;
  /** Without the blocks that it holds. */
  own: JsonObject;
  /** The list that it stands in, by the block that holds it. */
  holder: string;
  /** Of the block that holds it. */
  parent: string | null;
}

function emptied(value: JsonObject, lists: readonly Path[]): JsonObject {
  return lists.reduce<JsonObject>((rest, path) => {
    const next = setAt(rest, path, []);
    return isObject(next) ? next : rest;
  }, value);
}

function standings(template: Template): Map<string, Standing> {
  const found = new Map<string, Standing>();
  for (const { block, path } of blocksOf(template)) {
    const list = path.slice(0, -1);
    const around = blockAround(template, list);
    const parent = around ? (blockAt(template, around)?.id ?? null) : null;
    const holder = `${parent ?? ""}${toPointer(list.slice(around?.length ?? 0))}`;
    if (!found.has(block.id)) found.set(block.id, { block, own: emptied(block, slotsOf(block).map((slot) => slot.path)), holder, parent });
  }
  return found;
}

function differing(was: JsonObject, is: JsonObject): string[] {
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => !sameJson(was[name], is[name]));
}

/** The longest part of a list of places that is in order: whoever is not in it has moved. */
function inOrder(places: readonly number[]): Set<number> {
  const best: Array<{ length: number; before: number }> = [];
  places.forEach((place, at) => {
    let before = -1;
    for (let other = 0; other < at; other += 1) {
      if ((places[other] ?? 0) < place && (best[other]?.length ?? 0) > (best[before]?.length ?? 0)) before = other;
    }
    best.push({ length: (best[before]?.length ?? 0) + 1, before });
  });
  let at = best.reduce((longest, one, index) => (one.length > (best[longest]?.length ?? 0) ? index : longest), best.length > 0 ? 0 : -1);
  const kept = new Set<number>();
  while (at >= 0) {
    kept.add(places[at] ?? 0);
    at = best[at]?.before ?? -1;
  }
  return kept;
}

/** Ids of blocks that are in both and stand in another list, or in another order among those that stayed in theirs. */
function movedOf(was: ReadonlyMap<string, Standing>, is: ReadonlyMap<string, Standing>): Set<string> {
  const moved = new Set<string>();
  const old = new Map([...was.keys()].map((id, at) => [id, at]));
  const lists = new Map<string, string[]>();
  for (const [id, { holder }] of is) {
    const before = was.get(id);
    if (!before) continue;
    if (before.holder === holder) lists.set(holder, [...(lists.get(holder) ?? []), id]);
    else moved.add(id);
  }
  for (const ids of lists.values()) {
    const kept = inOrder(ids.map((id) => old.get(id) ?? 0));
    for (const id of ids) if (!kept.has(old.get(id) ?? 0)) moved.add(id);
  }
  return moved;
}

function namedFields(template: Template): Map<string, JsonObject> {
  const fields: readonly Json[] = Array.isArray(template["fields"]) ? template["fields"] : [];
  return new Map(fields.filter(isObject).map((field) => [String(field["name"] ?? ""), field]));
}

function fieldChanges(before: Template, after: Template): FieldChange[] {
  const [was, is] = [namedFields(before), namedFields(after)];
  return [...new Set([...is.keys(), ...was.keys()])].flatMap((name): FieldChange[] => {
    const [old, now] = [was.get(name), is.get(name)];
    if (sameJson(old, now)) return [];
    const title = (now ?? old)?.["title"];
    return [{ change: !old ? "added" : !now ? "removed" : "changed", name, title: typeof title === "string" && title !== "" ? title : name }];
  });
}

export function compareTemplates(before: Template, after: Template): Comparison {
  const [was, is] = [standings(before), standings(after)];
  const moved = movedOf(was, is);
  const order = [...is.keys()];
  let last: string | null = null;
  for (const id of was.keys()) {
    if (!is.has(id)) order.splice(last === null ? 0 : order.indexOf(last) + 1, 0, id);
    last = id;
  }
  const blocks = order.flatMap((id): BlockChange[] => {
    const [old, now] = [was.get(id), is.get(id)];
    const inside = (side: ReadonlyMap<string, Standing>, other: ReadonlyMap<string, Standing>, parent: string | null) => parent !== null && side.has(parent) && !other.has(parent);
    if (old && now) {
      const members = differing(old.own, now.own);
      const isMoved = moved.has(id);
      return members.length > 0 || isMoved ? [{ change: members.length > 0 ? "changed" : "moved", block: now.block, members, moved: isMoved }] : [];
    }
    if (now) return inside(is, was, now.parent) ? [] : [{ change: "added", block: now.block, members: [], moved: false }];
    return !old || inside(was, is, old.parent) ? [] : [{ change: "removed", block: old.block, members: [], moved: false }];
  });
  const lists = REGIONS.map((region) => region.path);
  const page = differing(emptied(before, lists), emptied(after, lists)).filter((name) => name !== "fields");
  return { blocks, fields: fieldChanges(before, after), page };
}
