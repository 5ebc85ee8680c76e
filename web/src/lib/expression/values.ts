// The values a step may read: their kinds from the server's check, their sample values from the last trial run.

import type { Checked, Family, Json, Workflow } from "../document/types";
import { isObject } from "../document/pointer";
import { inOrder } from "../document/lanes";
import { isEmpty, isMoney, formatValue } from "./format";
import type { Look } from "./format";
import { ANY, fieldTitle, isOptional, kindAt, titlesAlong } from "./kind";
import type { Field, Kind } from "./kind";
import { onlyChip, pieces } from "./template";
import type { Chip } from "./template";

/** Everything a step may read, by its first name (a step's id, `firm`, `item`, …). */
export interface Source {
  id: string;
  name: string;
  /** Sources that stand beside each other under one name where values are chosen. */
  group?: string;
  family: Family | null;
  icon: string;
  kind: Kind;
  value: Json | undefined;
}

export type Outputs = Record<string, Json | undefined>;

export interface Resolved {
  source: Source | null;
  kind: Kind | null;
  title: string;
  trail: string[];
  value: Json | undefined;
  optional: boolean;
}

export function sourcesFor(document: Workflow, checked: Checked | null, outputs: Outputs, reader: string | null): Source[] {
  if (!checked) return [];
  return listed(document, checked, outputs, reader ? (checked.nodes[reader]?.readable ?? []) : Object.keys(checked.nodes));
}

/** What a step's setting for one entry of its list may read besides: of the steps in it, or of those before it where it holds none. */
export function sourcesInside(document: Workflow, checked: Checked | null, outputs: Outputs, step: string): Source[] {
  const known = checked?.nodes[step];
  return checked ? listed(document, checked, outputs, (known?.inside ?? known)?.readable ?? []) : [];
}

interface EntryWords {
  entry: (step: string) => string;
  index: string;
}

/** The entry that steps in `step` work on, or that it looks at itself, and those of the steps around it, which are read under their names. The first one is shown. */
export function entriesOf(document: Workflow, checked: Checked | null, outputs: Outputs, step: string | null, words: EntryWords): Source[] {
  const sources: Source[] = [];
  const seen = new Set<string>();
  for (let id = step; id && !seen.has(id); id = document.nodes.find((node) => node.id === id)?.parent ?? null) {
    seen.add(id);
    const known = checked?.nodes[id];
    const name = document.nodes.find((node) => node.id === id)?.name ?? id;
    const own = known?.inside ?? (id === step ? known?.entries : null);
    if (!known || !own) continue;
    const list = onlyChip(own.list)?.path ?? [];
    const entries = valueAt(outputs[list[0] ?? ""], list.slice(1));
    const value = Array.isArray(entries) ? entries[0] : undefined;
    const entry = { name: words.entry(name), family: known.family, icon: known.icon, value };
    const fields: Field[] = [{ ...own.item, name: "item", title: words.entry(name) }, { kind: "integer", name: "index", title: words.index }];
    if (sources.length === 0) sources.push({ ...entry, id: "item", kind: own.item }, { ...entry, id: "index", name: words.index, kind: { kind: "integer" }, value: value === undefined ? undefined : 0 });
    else sources.push({ ...entry, id, kind: { kind: "record", fields }, value: value === undefined ? undefined : { item: value, index: 0 } });
  }
  return sources;
}

function listed(document: Workflow, checked: Checked, outputs: Outputs, readable: readonly string[]): Source[] {
  const order = inOrder(document);
  return order
    .filter((id) => readable.includes(id))
    .toReversed()
    .flatMap((id) => {
      const node = document.nodes.find((item) => item.id === id);
      const known = checked.nodes[id];
      if (!node || !known) return [];
      return [{ id, name: node.name, family: known.family, icon: known.icon, kind: known.output, value: outputs[id] }];
    });
}

export function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let current = value;
  for (const part of path) {
    if (Array.isArray(current)) current = current.at(Number(part));
    else if (isObject(current)) current = current[part];
    else return undefined;
  }
  return current;
}

export function resolve(sources: readonly Source[], path: readonly string[]): Resolved {
  const [first, ...rest] = path;
  const source = sources.find((item) => item.id === first) ?? null;
  if (!source) return { source: null, kind: null, title: path.at(-1) ?? "", trail: [...path], value: undefined, optional: false };
  const titles = titlesAlong(source.kind, rest);
  return {
    source,
    kind: kindAt(source.kind, rest),
    title: titles.at(-1) ?? source.name,
    trail: [source.name, ...titles],
    value: valueAt(source.value, rest),
    optional: isOptional(source.kind, rest),
  };
}

/** One line of the value picker. */
export interface Pick {
  path: string[];
  title: string;
  trail: string[];
  kind: Kind;
  value: Json | undefined;
  depth: number;
}

const DEEPEST = 3;

/** A source's values in their declared order; records open to their fields, lists stay one value. */
export function picks(source: Source): Pick[] {
  const found: Pick[] = [];
  const visit = (kind: Kind, path: string[], trail: string[], value: Json | undefined, depth: number): void => {
    if (kind.kind === "record" && depth < DEEPEST) {
      for (const field of kind.fields) {
        const next = valueAt(value, [field.name]);
        const title = fieldTitle(field);
        const nested = field.kind === "record";
        if (!nested) found.push({ path: [...path, field.name], title, trail: [...trail, title], kind: field as Field, value: next, depth });
        else visit(field, [...path, field.name], [...trail, title], next, depth + 1);
      }
      return;
    }
    found.push({ path, title: trail.at(-1) ?? source.name, trail, kind, value, depth });
  };
  visit(source.kind, [source.id], [source.name], source.value, 0);
  return found;
}

/** A value as a chip's filters show it: close enough to choose by; what is printed is the server's work. */
export function shownValue(found: Resolved, chip: Chip, look: Look): string {
  let { value, kind } = found;
  for (const { name, args } of chip.filters) {
    const argument = args[0]?.replace(/^[a-z]+=/, "").replace(/^["']|["']$/g, "") ?? "";
    if (name === "map" && Array.isArray(value)) {
      value = value.map((item) => valueAt(item, [argument]) ?? null);
      kind = kind?.kind === "list" ? { kind: "list", item: kindAt(kind.item, [argument]) ?? ANY } : null;
    } else if (name === "join" && Array.isArray(value)) {
      const item = kind?.kind === "list" ? kind.item : null;
      value = value.map((entry) => formatValue(entry, item, look)).join(argument);
      kind = { kind: "text" };
    } else if (name === "length" && Array.isArray(value)) [value, kind] = [value.length, { kind: "integer" }];
    else if (name === "amount" && isMoney(value)) [value, kind] = [value.amount, { kind: "decimal" }];
    else if (name === "upper" && typeof value === "string") value = value.toLocaleUpperCase(look.locale);
    else if (name === "truncate" && typeof value === "string" && value.length > Number(argument)) value = `${value.slice(0, Number(argument))}…`;
    else if ((name === "first" || name === "last") && Array.isArray(value)) {
      value = value.at(name === "first" ? 0 : -1);
      kind = kind?.kind === "list" ? kind.item : null;
    }
  }
  return isEmpty(value) ? (chip.fallback ?? "") : formatValue(value, kind, look);
}

/** Fills a card's text with the sample's values: chips become values, anything harder an ellipsis. */
export function fillText(text: string, sources: readonly Source[], look: Look): string {
  return pieces(text)
    .map((piece) => {
      if (piece.type === "text") return piece.text;
      if (piece.type !== "chip") return piece.type === "expression" ? "…" : "";
      const found = resolve(sources, piece.chip.path);
      if (isEmpty(found.value)) return piece.chip.fallback ?? `‹${found.title}›`;
      return shownValue(found, piece.chip, look);
    })
    .join("")
    .replace(/\s+/g, " ")
    .trim();
}

/** Edit distance small enough to be a typing error: the names to offer for a broken reference. */
export function closeMatches(path: readonly string[], sources: readonly Source[], limit = 3): Pick[] {
  const wanted = path.at(-1) ?? "";
  return sources
    .flatMap(picks)
    .map((pick) => ({ pick, distance: distance(wanted, pick.path.at(-1) ?? "") }))
    .filter(({ pick, distance: far }) => far <= Math.max(2, Math.floor(wanted.length / 3)) && pick.path.length > 1)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .map(({ pick }) => pick);
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
