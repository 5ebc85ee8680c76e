// Two people's changes of one template put together: what only one of them changed is taken from that side, down to single members.

import { isObject, sameJson, toPointer } from "../document/pointer";
import type { Path } from "../document/pointer";
import type { Json, JsonObject } from "../document/types";
import type { Template } from "./blocks";

export interface Merged {
  document: Template;
  /** Pointers of what both changed differently. */
  conflicts: string[];
}

type Side = "theirs" | "mine";

/** Entries of two lists are the same things when both have as many, with the same ids. */
function alike(a: readonly Json[], b: readonly Json[]): boolean {
  const id = (entry: Json | undefined) => (isObject(entry) ? (entry["id"] ?? entry["name"] ?? null) : null);
  return a.length === b.length && a.every((entry, at) => id(entry) === id(b[at]));
}

export function mergeTemplates(base: Template, theirs: Template, mine: Template, prefer: Side = "theirs"): Merged {
  const conflicts: string[] = [];
  const visit = (was: Json | undefined, their: Json | undefined, my: Json | undefined, path: Path): Json | undefined => {
    if (sameJson(their, my) || sameJson(was, my)) return their;
    if (sameJson(was, their)) return my;
    if (isObject(was) && isObject(their) && isObject(my)) {
      const merged: JsonObject = {};
      for (const name of new Set([...Object.keys(their), ...Object.keys(my)])) {
        const value = visit(was[name], their[name], my[name], [...path, name]);
        if (value !== undefined) merged[name] = value;
      }
      return merged;
    }
    if (Array.isArray(was) && Array.isArray(their) && Array.isArray(my) && alike(was, their) && alike(was, my)) {
      return was.map((entry, at) => visit(entry, their[at], my[at], [...path, at]) ?? null);
    }
    conflicts.push(toPointer(path));
    return prefer === "mine" ? my : their;
  };
  const document = visit(base, theirs, mine, []);
  return { document: isObject(document) ? document : theirs, conflicts };
}
