// What a text at a place of the template may read: the document's fields, the entry of the list it stands in, the number of the page.

import { isObject } from "../document/pointer";
import type { Path } from "../document/pointer";
import type { Json, JsonObject } from "../document/types";
import { ANY, fieldTitle, kindAt } from "../expression/kind";
import type { Field, Kind } from "../expression/kind";
import { onlyChip } from "../expression/template";
import type { Source } from "../expression/values";
import { valueAt } from "../expression/values";
import type { Template } from "./blocks";

export interface ScopeWords {
  fields: string;
  entry: string;
  number: string;
  page: string;
  pages: string;
}

export function fieldsOf(template: Template): Field[] {
  const fields = template["fields"];
  return (Array.isArray(fields) ? fields : []).filter(isObject).filter((field) => typeof field["name"] === "string" && typeof field["kind"] === "string") as unknown as Field[];
}

/** Those that somebody fills in: the document computes the others. */
export function takenFields(template: Template): Field[] {
  return fieldsOf(template).filter((field) => (field as unknown as JsonObject)["source"] !== "computed");
}

/** Where the entries of a list are read, by the members that name the list. */
const LOOPS: ReadonlyArray<{ list: string; inside: readonly string[] }> = [
  { list: "days", inside: ["day_label", "day_title", "day_text", "entries", "time", "time_note", "title", "place", "text", "picture"] },
  { list: "entries", inside: ["time", "time_note", "title", "place", "text", "picture"] },
  { list: "rows", inside: ["columns", "series", "label", "group"] },
  { list: "list", inside: ["blocks"] },
  { list: "each", inside: ["label", "value", "when"] },
];

interface Loop {
  list: string;
  /** It goes through groups of the list's entries. */
  grouped: boolean;
}

/** The lists that a place goes through, the outermost first. */
function loopsAround(template: Template, path: Path): Loop[] {
  const loops: Loop[] = [];
  const last = String(path.at(-1));
  let record: Json | undefined = template;
  for (const part of path) {
    if (isObject(record)) {
      for (const { list, inside } of LOOPS) {
        const named: Json | undefined = record[list];
        // A column has one heading, whatever its list holds.
        const once = part === "columns" && last === "heading";
        if (typeof named === "string" && inside.includes(String(part)) && !once) loops.push({ list: named, grouped: part === "group" && last !== "by" });
      }
      record = record[String(part)];
    } else record = Array.isArray(record) ? record[Number(part)] : undefined;
  }
  return loops;
}

/** The document's own values, as its sample shows them. */
export function sourcesAt(template: Template, path: Path, values: JsonObject, words: ScopeWords): Source[] {
  const plain = { family: null, icon: "" } as const;
  const fields: Source[] = fieldsOf(template).map((field) => ({ ...plain, id: field.name, name: fieldTitle(field), group: words.fields, kind: field, value: values[field.name] }));
  const entries: Source[] = [];
  for (const { list: text, grouped } of loopsAround(template, path)) {
    const list = listOf(text, [...entries, ...fields]);
    const first = Array.isArray(list?.value) && !grouped ? list.value[0] : undefined;
    const item = list?.item ?? ANY;
    const group: Kind = { kind: "record", fields: [{ ...ANY, name: "key" } as Field, { kind: "list", item, name: "items" }] };
    entries.splice(0, entries.length,
      { ...plain, id: "item", name: words.entry, kind: grouped ? group : item, value: first },
      { ...plain, id: "index", name: words.number, kind: { kind: "integer" }, value: first === undefined ? undefined : 1 },
    );
  }
  const furniture: Source[] = path[0] === "header" || path[0] === "footer"
    ? [
      { ...plain, id: "page", name: words.page, kind: { kind: "integer" }, value: 1 },
      { ...plain, id: "pages", name: words.pages, kind: { kind: "integer" }, value: 1 },
    ]
    : [];
  return [...entries, ...furniture, ...fields];
}

export interface ListHere {
  /** As an expression reads it, such as `lines` or `item.stops`. */
  path: string[];
  title: string;
  item: Kind;
  value: Json | undefined;
}

/** The list that a text such as `{{ lines }}` names; `null` when it is more than a name. */
export function listOf(text: string, sources: readonly Source[]): ListHere | null {
  const chip = onlyChip(text);
  if (!chip || chip.filters.length > 0) return null;
  return listsIn(sources).find((list) => list.path.join(".") === chip.path.join(".")) ?? null;
}

/** Every list that can be read, also within groups. */
export function listsIn(sources: readonly Source[]): ListHere[] {
  const found: ListHere[] = [];
  const visit = (kind: Kind, path: string[], title: string, value: Json | undefined, depth: number) => {
    if (kind.kind === "list") found.push({ path, title, item: kind.item, value });
    else if (kind.kind === "record" && depth < 3) {
      for (const field of kind.fields) visit(field, [...path, field.name], fieldTitle(field), valueAt(value, [field.name]), depth + 1);
    }
  };
  for (const source of sources) visit(source.kind, [source.id], source.name, source.value, 0);
  return found;
}

/** The columns that a list of records has. */
export function columnsOf(list: ListHere | null): Field[] {
  return list?.item.kind === "record" ? list.item.fields : [];
}

/** The kind of what a column shows, when it is one value of its row. */
export function shownKind(text: string, item: Kind): { field: string; kind: Kind } | null {
  const chip = onlyChip(text);
  if (!chip || chip.path[0] !== "item" || chip.path.length !== 2) return null;
  const field = chip.path[1] ?? "";
  const kind = kindAt(item, [field]);
  return kind ? { field, kind } : null;
}
