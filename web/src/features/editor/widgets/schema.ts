// Reading a catalogue's JSON Schema: references, nullable types, labels, order. Pure.

import { sameJson, without } from "~/lib/document/pointer";
import type { Json, JsonObject, Schema } from "~/lib/document/types";

export function deref(schema: Schema, definitions: Record<string, Schema>, depth = 0): Schema {
  if (depth > 8) return schema;
  if (schema.$ref) {
    const target = definitions[schema.$ref.replace(/^#\/\$defs\//, "")];
    const own = without(schema, "$ref");
    return target ? deref({ ...target, ...own }, definitions, depth + 1) : own;
  }
  const options = schema.anyOf ?? schema.oneOf;
  const real = options?.filter((option) => option.type !== "null");
  if (options && real?.length === 1 && real[0]) {
    const own = without(schema, "anyOf", "oneOf");
    return deref({ ...real[0], ...own }, definitions, depth + 1);
  }
  if (schema.allOf?.length === 1 && schema.allOf[0]) {
    const own = without(schema, "allOf");
    return deref({ ...schema.allOf[0], ...own }, definitions, depth + 1);
  }
  return schema;
}

export function typeOf(schema: Schema): string | undefined {
  return Array.isArray(schema.type) ? schema.type.find((type) => type !== "null") : schema.type;
}

export function isNullable(schema: Schema): boolean {
  return (Array.isArray(schema.type) && schema.type.includes("null")) ||
    [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some((option) => option.type === "null");
}

/** "max_tokens" as people would write it: the last resort when a schema has no title. */
export function humanise(name: string): string {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export interface Choice {
  value: string;
  label: string;
}

/** The choices of an enumeration, written either as `enum` with `x-labels` or as `oneOf` of constants. */
export function choicesOf(schema: Schema, definitions: Record<string, Schema>): Choice[] | null {
  const real = deref(schema, definitions);
  const labels = schema["x-labels"] ?? real["x-labels"] ?? {};
  const label = (value: Json, text?: string) => labels[String(value)] ?? text ?? humanise(String(value));
  if (real.enum) return real.enum.filter((value) => value !== null).map((value) => ({ value: String(value), label: label(value) }));
  const options = real.oneOf ?? real.anyOf;
  if (options?.length && options.every((option) => option.const !== undefined || option.enum?.length)) {
    return options.flatMap((option) =>
      option.const !== undefined
        ? [{ value: String(option.const), label: label(option.const, option.title) }]
        : (option.enum ?? []).map((value) => ({ value: String(value), label: label(value) })),
    );
  }
  return null;
}

const WIDGET_OF_TYPE: Record<string, string> = {
  string: "text", integer: "number", number: "number", boolean: "toggle", array: "list", object: "object",
};

/** The control's name: the schema's own hint, else what fits its JSON type. */
export function widgetOf(schema: Schema, definitions: Record<string, Schema>, known: ReadonlySet<string>): string {
  const real = deref(schema, definitions);
  const hint = schema["x-widget"] ?? real["x-widget"];
  if (hint && known.has(hint)) return hint;
  if (choicesOf(schema, definitions)) return "select";
  const type = typeOf(real);
  if (type === "object" && !real.properties && real.additionalProperties) return "key_value";
  return WIDGET_OF_TYPE[type ?? ""] ?? "json";
}

export interface Property {
  name: string;
  schema: Schema;
  required: boolean;
}

export function propertiesOf(schema: Schema): Property[] {
  const entries = Object.entries(schema.properties ?? {}).map(([name, property], index) => ({
    name, schema: property, required: schema.required?.includes(name) ?? false, rank: property["x-order"] ?? index,
  }));
  return entries.sort((a, b) => a.rank - b.rank);
}

/** Whether a setting matters, given the values beside it. */
export function matters(schema: Schema, beside: Record<string, Schema>, values: JsonObject): boolean {
  return Object.entries(schema["x-when"] ?? {}).every(([name, wanted]) => {
    const value = values[name] ?? beside[name]?.default ?? null;
    return Array.isArray(wanted) ? wanted.some((one) => sameJson(one, value)) : sameJson(wanted, value);
  });
}

export function labelOf(name: string, schema: Schema, definitions: Record<string, Schema>): string {
  return schema["x-label"] ?? schema.title ?? deref(schema, definitions)["x-label"] ?? humanise(name);
}

/** Help is UI text; a description that only repeats the label helps nobody. */
export function helpOf(schema: Schema, definitions: Record<string, Schema>, label: string): string {
  const text = (schema.description ?? deref(schema, definitions).description ?? "").split("\n\n")[0]?.replaceAll("\n", " ").replaceAll("`", "").trim() ?? "";
  return text.toLowerCase().replace(/\.$/, "") === label.toLowerCase() ? "" : text;
}
