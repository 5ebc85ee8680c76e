// Where a form keeps its questions and computed values: found by the widgets its schema names, so no step is known by name.

import type { Schema } from "~/lib/document/types";

export function memberWith(schema: Schema, widget: string): string | null {
  return Object.entries(schema.properties ?? {}).find(([, property]) => property["x-widget"] === widget)?.[0] ?? null;
}

export function formMembers(schema: Schema): { fields: string; computed: string } {
  return { fields: memberWith(schema, "form_fields") ?? "fields", computed: memberWith(schema, "computed_fields") ?? "computed" };
}
