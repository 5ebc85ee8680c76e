// JSON pointers (RFC 6901) over immutable values: read, write and remove share everything they do not touch.

import type { Json, JsonObject } from "./types";

export type Path = ReadonlyArray<string | number>;

export function parsePointer(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer
    .replace(/^\//, "")
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export function toPointer(path: Path): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function getAt(value: Json | undefined, path: Path): Json | undefined {
  let current: Json | undefined = value;
  for (const part of path) {
    if (Array.isArray(current)) current = current[Number(part)];
    else if (isObject(current)) current = current[String(part)];
    else return undefined;
  }
  return current;
}

/** `undefined` removes the place; missing objects on the way are made. */
export function setAt(value: Json | undefined, path: Path, next: Json | undefined): Json | undefined {
  const [head, ...rest] = path;
  if (head === undefined) return next;
  if (Array.isArray(value)) {
    const index = Number(head);
    const copy = value.slice();
    const inner = setAt(copy[index], rest, next);
    if (inner === undefined) copy.splice(index, 1);
    else copy[index] = inner;
    return copy;
  }
  const object: JsonObject = isObject(value) ? { ...value } : {};
  const inner = setAt(object[String(head)], rest, next);
  return inner === undefined ? without(object, String(head)) : { ...object, [String(head)]: inner };
}

/** Order of keys does not matter, order of entries does. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = Object.keys(left).filter((key) => left[key] !== undefined);
  const others = Object.keys(right).filter((key) => right[key] !== undefined);
  return keys.length === others.length && keys.every((key) => sameJson(left[key], right[key]));
}

/** A copy without these members. */
export function without<T extends object, K extends string>(object: T, ...keys: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !(keys as readonly string[]).includes(key))) as Omit<T, K>;
}

export function movedItem<T>(list: readonly T[], from: number, to: number): T[] {
  const copy = list.slice();
  const [item] = copy.splice(from, 1);
  if (item === undefined) return copy;
  copy.splice(Math.max(0, Math.min(to, copy.length)), 0, item);
  return copy;
}
