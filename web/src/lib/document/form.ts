// What a form asks, as the `form_fields` control edits it. The server's validator is the law; this only shapes sensible beginnings.

import { freshName } from "./ids";
import type { Kind } from "../expression/kind";
import { isObject, without } from "./pointer";
import type { Json, JsonObject } from "./types";

export const ANSWERS = ["text", "long_text", "number", "money", "date", "select", "rows", "file", "email", "phone", "multi_select", "checkbox"] as const;
export type Answer = (typeof ANSWERS)[number];
/** A row's cells hold one value each. */
export const CELL_ANSWERS: readonly Answer[] = ["text", "number", "money", "date", "select", "checkbox"];

export interface FormField extends JsonObject {
  name: string;
  label: string;
  kind: Answer;
}

export function fieldsOf(value: Json | undefined): FormField[] {
  return Array.isArray(value) ? value.filter((item): item is FormField => isObject(item) && typeof item["name"] === "string") : [];
}

/** The kind of a single answer, as far as choosing a value for it needs to know. */
export function kindOf(field: FormField): Kind {
  switch (field.kind) {
    case "number":
      return { kind: field["decimals"] === 0 ? "integer" : "decimal" };
    case "money":
      return { kind: "money", ...(typeof field["decimals"] === "number" ? { decimals: field["decimals"] } : {}) };
    case "date":
    case "file":
      return { kind: field.kind };
    case "checkbox":
      return { kind: "yes_no" };
    case "multi_select":
      return { kind: "list", item: { kind: "text" } };
    case "rows":
      return { kind: "list", item: { kind: "any" } };
    default:
      return { kind: "text" };
  }
}

/** How much of a line a question takes on a wide screen. */
export const WIDTHS = ["full", "half", "third"] as const;

/** How long an answer stays in the history. */
export const KEEPING = ["keep", "mask", "never"] as const;

export function freshField(label: string, kind: Answer, taken: readonly FormField[]): FormField {
  return shaped({ name: freshName(label, taken.map((field) => field.name), kind), label, kind, required: false }, kind);
}

const OWN: Record<Answer, string[]> = {
  text: ["max_length"], long_text: ["max_length"], email: [], phone: [], number: ["min", "max", "decimals"], money: ["currency", "decimals"],
  date: ["min", "max"], select: ["options"], multi_select: ["options", "max"], checkbox: [], file: ["accept", "max_bytes"],
  rows: ["columns", "computed", "min_rows", "max_rows"],
};

/** The same question with another kind of answer: what both kinds know is kept, the rest goes. */
export function shaped(field: FormField, kind: Answer): FormField {
  const next: FormField = { name: field.name, label: field.label, kind };
  for (const key of ["help", "required", "width", "section", "store"]) if (field[key] !== undefined) next[key] = field[key] as Json;
  for (const key of OWN[kind]) if (field[key] !== undefined) next[key] = field[key] as Json;
  if ((kind === "select" || kind === "multi_select") && !Array.isArray(next["options"])) {
    next["options"] = [{ value: "a", title: "A" }, { value: "b", title: "B" }];
  }
  if (kind === "rows" && !Array.isArray(next["columns"])) {
    next["columns"] = [{ name: "description", label: "Description", kind: "text", required: true }];
  }
  // A number field's limits are text, a date's are dates, and amounts have other decimals than numbers: never carried over.
  return field.kind === kind ? next : (without(next, "min", "max", "decimals") as FormField);
}

/** Every field that the form's answers hold, one level into rows, with the path of its place in the config. */
export function findField(fields: readonly FormField[], path: string): { field: FormField; at: Array<string | number> } | null {
  const [name, column] = path.split(".");
  const index = fields.findIndex((field) => field.name === name);
  const field = fields[index];
  if (!field) return null;
  if (column === undefined) return { field, at: [index] };
  const columns = fieldsOf(field["columns"]);
  const inner = columns.findIndex((item) => item.name === column);
  const found = columns[inner];
  return found ? { field: found, at: [index, "columns", inner] } : null;
}
