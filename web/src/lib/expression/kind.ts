// Kinds of values as the server tells them, and how to find one's way in them.

export interface ChoiceOption {
  value: string;
  title?: string;
}

export type Kind =
  | { kind: "text"; max_length?: number | null }
  | { kind: "money"; decimals?: number | null }
  | { kind: "integer" | "decimal" | "date" | "time" | "instant" | "yes_no" | "file" | "any" }
  | { kind: "choice"; options: ChoiceOption[] }
  | { kind: "list"; item: Kind; min_items?: number | null; max_items?: number | null }
  | { kind: "record"; fields: Field[] };

export type Field = Kind & { name: string; title?: string; optional?: boolean };

export type KindName = Kind["kind"];

export const ANY: Kind = { kind: "any" };

/** Most decimals that amounts may have beyond those of their currency. */
export const MAX_MONEY_DECIMALS = 6;

export function fieldTitle(field: { name: string; title?: string; label?: string }): string {
  return field.title || field.label || field.name;
}

/** What lies behind a path; lists are entered by number. `null` when there is no such place. */
export function kindAt(kind: Kind, path: readonly string[]): Kind | null {
  let current: Kind = kind;
  for (const part of path) {
    if (current.kind === "any") return ANY;
    if (current.kind === "record") {
      const field: Field | undefined = current.fields.find((item) => item.name === part);
      if (!field) return null;
      current = field;
    } else if (current.kind === "list" && /^-?\d+$/.test(part)) current = current.item;
    else if (current.kind === "money" && part === "amount") current = { kind: "decimal" };
    else if (current.kind === "money" && part === "currency") current = { kind: "text" };
    else if (current.kind === "file" && (part === "name" || part === "content_type" || part === "url")) current = { kind: "text" };
    else return null;
  }
  return current;
}

/** The titles along a path, for a chip's name: only the last is shown, the rest goes to the tooltip. */
export function titlesAlong(kind: Kind, path: readonly string[]): string[] {
  const titles: string[] = [];
  let current: Kind | null = kind;
  for (const part of path) {
    if (current?.kind === "record") {
      const field: Field | undefined = current.fields.find((item) => item.name === part);
      titles.push(field ? fieldTitle(field) : part);
    } else titles.push(part);
    current = current ? kindAt(current, [part]) : null;
  }
  return titles;
}

export function isOptional(kind: Kind, path: readonly string[]): boolean {
  let current: Kind = kind;
  for (const part of path) {
    if (current.kind === "record") {
      const field: Field | undefined = current.fields.find((item) => item.name === part);
      if (field?.optional) return true;
    }
    const next = kindAt(current, [part]);
    if (!next) return false;
    current = next;
  }
  return false;
}

/** Whether a value of `from` can stand where `to` is asked; text takes anything that can be written down. */
export function fits(from: Kind, to: Kind | null): boolean {
  if (!to || to.kind === "any" || from.kind === "any") return true;
  if (from.kind === to.kind) return from.kind !== "list" || to.kind !== "list" || fits(from.item, to.item);
  switch (to.kind) {
    case "text":
      return from.kind !== "list" && from.kind !== "record" && from.kind !== "file";
    case "decimal":
      return from.kind === "integer" || from.kind === "money";
    case "money":
      return from.kind === "integer" || from.kind === "decimal";
    case "choice":
      return from.kind === "text";
    default:
      return false;
  }
}
