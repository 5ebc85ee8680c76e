// Changes of a template, each giving a new one that shares what it does not touch.

import { freshName } from "../document/ids";
import { getAt, isObject, setAt } from "../document/pointer";
import type { Path } from "../document/pointer";
import type { Json, JsonObject } from "../document/types";
import { blockAt, blocksOf, isBlock, listAt, placeOf, rowsOf, slotsOf } from "./blocks";
import type { Block, Template } from "./blocks";

/** Writes one place; `undefined` removes it. */
export function put(template: Template, path: Path, value: Json | undefined): Template {
  const next = setAt(template, path, value);
  return isObject(next) ? next : template;
}

function ids(template: Template): Set<string> {
  return new Set(blocksOf(template).map(({ block }) => block.id));
}

/** A block with ids of its own, also in what it holds. */
export function withFreshIds(block: Block, template: Template): Block {
  const taken = ids(template);
  const renamed = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(renamed);
    if (!isObject(value)) return value;
    const copy: JsonObject = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, renamed(inner)]));
    if (!isBlock(copy)) return copy;
    const id = freshName(copy.id.replace(/_\d+$/, ""), taken, copy.type);
    taken.add(id);
    return { ...copy, id };
  };
  return renamed(block) as Block;
}

export function insert(template: Template, list: Path, index: number, block: Block): Template {
  const blocks = listAt(template, list);
  return put(template, list, [...blocks.slice(0, index), block, ...blocks.slice(index)]);
}

export function remove(template: Template, path: Path): Template {
  return put(template, path, undefined);
}

/** A copy right behind the block, and where it stands. */
export function duplicate(template: Template, path: Path): { template: Template; path: Path } | null {
  const block = blockAt(template, path);
  if (!block) return null;
  const { list, index } = placeOf(path);
  return { template: insert(template, list, index + 1, withFreshIds(block, template)), path: [...list, index + 1] };
}

export function isInside(path: Path, outer: Path): boolean {
  return path.length >= outer.length && outer.every((part, at) => String(part) === String(path[at]));
}

/** Moves a block before what stands at `index` of a list, anywhere but into itself; `null` when nothing would change. */
export function move(template: Template, from: Path, list: Path, index: number): Template | null {
  const block = blockAt(template, from);
  if (!block || isInside(list, from)) return null;
  const { list: old, index: at } = placeOf(from);
  if (isInside(list, old) && list.length === old.length && (index === at || index === at + 1)) return null;
  // What stands for the block until it is in its new place keeps all paths as they are.
  const hole: JsonObject = {};
  const emptied = put(template, from, hole);
  const blocks = listAt(emptied, list);
  const filled = put(emptied, list, [...blocks.slice(0, index), block, ...blocks.slice(index)]);
  return dropped(filled, hole) as Template;
}

/** The value without one object in its lists. */
function dropped(value: Json, gone: JsonObject): Json {
  if (Array.isArray(value)) {
    const kept = value.filter((entry) => entry !== gone).map((entry) => dropped(entry, gone));
    return kept.length === value.length && kept.every((entry, at) => entry === value[at]) ? value : kept;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, dropped(inner, gone)] as const);
  return entries.every(([name, inner]) => inner === value[name]) ? value : Object.fromEntries(entries);
}

/** One place up or down: past its neighbour, or out of what holds it. */
export function shift(template: Template, path: Path, by: -1 | 1): Template | null {
  const { list, index } = placeOf(path);
  const last = listAt(template, list).length - 1;
  if (by < 0 && index > 0) return move(template, path, list, index - 1);
  if (by > 0 && index < last) return move(template, path, list, index + 2);
  return moveOut(template, path, by);
}

/** Before or behind the block that holds it. */
export function moveOut(template: Template, path: Path, by: -1 | 1): Template | null {
  for (let length = path.length - 1; length > 0; length -= 1) {
    const outer = path.slice(0, length);
    if (!blockAt(template, outer)) continue;
    const { list, index } = placeOf(outer);
    return move(template, path, list, by < 0 ? index : index + 1);
  }
  return null;
}

/** To the end of the block before it, where that holds blocks. */
export function moveIn(template: Template, path: Path): Template | null {
  const { list, index } = placeOf(path);
  const before = index > 0 ? [...list, index - 1] : null;
  const holder = before ? blockAt(template, before) : null;
  const slot = holder ? slotsOf(holder).at(-1) : undefined;
  if (!before || !slot) return null;
  const inside = [...before, ...slot.path];
  return move(template, path, inside, listAt(template, inside).length);
}

/** Where a new block goes: into the chosen place, behind the chosen block, or to the end. */
export function gapAt(template: Template, chosen: Path | null): { list: Path; index: number } {
  if (chosen === null) return { list: ["blocks"], index: listAt(template, ["blocks"]).length };
  const block = blockAt(template, chosen);
  if (!block) return { list: chosen, index: listAt(template, chosen).length };
  const [slot] = slotsOf(block);
  if (slot) {
    const inside = [...chosen, ...slot.path];
    if (listAt(template, inside).length === 0) return { list: inside, index: 0 };
  }
  const { list, index } = placeOf(chosen);
  return { list, index: index + 1 };
}

/** Members of a block or another record: `undefined` takes one away. */
export function patched(record: JsonObject, patch: Record<string, Json | undefined>): JsonObject {
  const merged: Record<string, Json | undefined> = { ...record, ...patch };
  return Object.fromEntries(Object.entries(merged).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

/** A table's columns in another order or number: each sum below stays with its column. */
export function withColumns(table: JsonObject, columns: readonly JsonObject[]): JsonObject {
  const before = Array.isArray(table["columns"]) ? table["columns"] : [];
  const totals = Array.isArray(table["totals"]) ? table["totals"] : [];
  // A column that was only edited stands where it stood.
  const sameCount = columns.length === before.length && columns.every((column, at) => before[at] === column || !before.includes(column));
  const from = columns.map((column, at) => (sameCount ? at : before.indexOf(column)));
  const aligned = totals.map((row) => {
    const cells = Array.isArray(row) ? row : [];
    return trimmed(from.map((at) => (at < 0 ? "" : (cells[at] ?? ""))));
  });
  const kept = aligned.filter((row) => row.length > 0);
  return patched(table, { columns: [...columns], totals: kept.length > 0 ? kept : undefined });
}

function trimmed(cells: Json[]): Json[] {
  const last = cells.findLastIndex((cell) => cell !== "");
  return cells.slice(0, last + 1);
}

/** What stands below a column, in the first row of sums. */
export function sumOf(table: JsonObject, column: number): string {
  const cell = getAt(table, ["totals", 0, column]);
  return typeof cell === "string" ? cell : "";
}

export function withSum(table: JsonObject, column: number, text: string): JsonObject {
  const [first, ...others] = Array.isArray(table["totals"]) ? table["totals"] : [];
  const cells = Array.isArray(first) ? first : [];
  const count = Array.isArray(table["columns"]) ? table["columns"].length : 0;
  const row = trimmed(Array.from({ length: count }, (_, at) => (at === column ? text : (cells[at] ?? ""))));
  const totals = [...(row.length > 0 || others.length > 0 ? [row] : []), ...others];
  return patched(table, { totals: totals.length > 0 ? totals : undefined });
}

/** What is added up below a column. The row has a label as long as it holds anything. */
export function withTotal(table: JsonObject, column: number, total: string | undefined, changed: JsonObject, label: string): JsonObject {
  const columns = (Array.isArray(table["columns"]) ? table["columns"] : []).filter(isObject).map((one, at) => (at === column ? patched(one, { ...changed, total }) : one));
  const group = isObject(table["group"]) ? table["group"] : null;
  if (!columns.some((one) => one["total"] !== undefined)) {
    return patched(table, { columns, total_label: undefined, ...(group ? { group: patched(group, { total_label: undefined }) } : {}) });
  }
  return patched(table, { columns, total_label: table["total_label"] ?? (group?.["total_label"] === undefined ? label : undefined) });
}

/** Blocks that were copied, from a text; `null` when it holds none. */
export function readBlocks(text: string): Block[] | null {
  try {
    const parsed = JSON.parse(text) as Json;
    const entries = Array.isArray(parsed) ? parsed : [parsed];
    return entries.length > 0 && entries.every(isBlock) ? entries : null;
  } catch {
    return null;
  }
}

/** A field where an expression reads it: not a member, a filter or a word in quotes of the same name. */
function reading(field: string): RegExp {
  return new RegExp(`(?<!\\w|\\.|\\|\\s*|["'])${field}(?!\\w)`, "g");
}

/** The expressions and statements in a text. */
const HOLES = /\{\{.*?\}\}|\{%.*?%\}/gs;

/** Whether a text anywhere in a value reads a field. */
function readerOf(field: string): (value: Json) => boolean {
  const read = reading(field);
  const reads = (value: Json): boolean => {
    if (typeof value === "string") return (value.match(HOLES) ?? []).some((hole) => hole.search(read) >= 0);
    return Object.values(Array.isArray(value) || isObject(value) ? value : []).some(reads);
  };
  return reads;
}

/** Ids of the blocks whose texts read a field. */
export function usersOf(template: Template, field: string): string[] {
  const reads = readerOf(field);
  return rowsOf(template).flatMap((row) => {
    if (row.kind !== "block") return [];
    // What lies in a block of its own is that block's.
    const held = new Set(slotsOf(row.block).map(({ path }) => String(path[0])));
    return Object.entries(row.block).some(([name, value]) => !held.has(name) && reads(value)) ? [row.block.id] : [];
  });
}

/** Whether something of the page itself reads a field: its title, its colours, what goes with it, or another field. */
export function isReadByPage(template: Template, field: string): boolean {
  const reads = readerOf(field);
  return Object.entries(template).some(([name, value]) => !["blocks", "header", "footer", "sample"].includes(name) && reads(value));
}

const NAME = /^[a-z][a-z0-9_]*$/;

/** A text in the entries of a list or in a record. */
export interface TextColumn {
  /** Its name, behind those of the lists that it lies in. */
  path: string;
  title: string;
}

/** The texts that a field holds in columns. */
export function textColumns(field: JsonObject, above = ""): TextColumn[] {
  if (field["kind"] === "list") return isObject(field["item"]) ? textColumns(field["item"], above) : [];
  const fields = field["kind"] === "record" && Array.isArray(field["fields"]) ? field["fields"].filter(isObject) : [];
  return fields.flatMap((column) => {
    const path = `${above}${String(column["name"])}`;
    return column["kind"] === "text" ? [{ path, title: String(column["title"] || path) }] : textColumns(column, `${path}.`);
  });
}

/** A field whose columns have the lines that they had: one that only got another name keeps them, one that is gone loses them. */
function withLines(field: JsonObject, before: JsonObject | undefined): JsonObject {
  const limits = field["columns"];
  if (!isObject(limits)) return field;
  const now = textColumns(field).map((column) => column.path);
  const then = before ? textColumns(before).map((column) => column.path) : [];
  const named = (path: string) => (now.includes(path) ? path : now.length === then.length ? now[then.indexOf(path)] : undefined);
  const kept = Object.entries(limits).flatMap(([path, limit]): Array<[string, Json]> => {
    const name = named(path);
    return name === undefined ? [] : [[name, limit]];
  });
  return patched(field, { columns: kept.length === 0 ? undefined : Object.fromEntries(kept) });
}

/** The template with other fields; one that only got another name is read under it from now on. */
export function withFields(template: Template, changed: Json): Template {
  const old = Array.isArray(template["fields"]) ? template["fields"].filter(isObject) : [];
  const own = (field: JsonObject, at: number) => old.find((other) => other["name"] === field["name"]) ?? old[at];
  const fields = Array.isArray(changed) ? changed.map((field, at) => (isObject(field) ? withLines(field, own(field, at)) : field)) : changed;
  return withNames(template, fields);
}

function withNames(template: Template, fields: Json): Template {
  const names = (value: Json | undefined) => (Array.isArray(value) ? value : []).map((field) => (isObject(field) && typeof field["name"] === "string" ? field["name"] : ""));
  const [before, after] = [names(template["fields"]), names(fields)];
  const changed = before.length === after.length ? before.flatMap((name, at) => (name === after[at] ? [] : [at])) : [];
  const [from, to] = [before[changed[0] ?? -1] ?? "", after[changed[0] ?? -1] ?? ""];
  if (changed.length !== 1 || !NAME.test(from) || !NAME.test(to) || before.includes(to)) return put(template, ["fields"], fields);
  const read = reading(from);
  const renamed = (value: Json): Json => {
    if (typeof value === "string") return value.replace(HOLES, (hole) => hole.replace(read, to));
    if (Array.isArray(value)) return value.map(renamed);
    return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, renamed(inner)])) : value;
  };
  const { sample, ...rest } = template;
  const next: Template = { ...(renamed(rest) as Template), fields: renamed(fields) };
  if (!isObject(sample)) return next;
  return { ...next, sample: Object.fromEntries(Object.entries(sample).map(([name, value]) => [name === from ? to : name, value])) };
}
