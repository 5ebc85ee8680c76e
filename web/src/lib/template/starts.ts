// What a new block holds, and how a value is shown that nobody has chosen a format for.

import type { JsonObject } from "../document/types";
import { fieldTitle } from "../expression/kind";
import type { Field, Kind } from "../expression/kind";
import { freshName } from "../document/ids";
import { blocksOf } from "./blocks";
import type { Block, Template } from "./blocks";
import { columnsOf } from "./scope";
import type { ListHere } from "./scope";

export interface StartWords {
  heading: string;
  text: string;
  label: string;
  sign: string;
}

const MOST_COLUMNS = 6;

const isNumber = (kind: Kind) => kind.kind === "integer" || kind.kind === "decimal" || kind.kind === "money";

/** A value as a page prints it by itself. */
export function shown(path: string, kind: Kind): string {
  return kind.kind === "money" ? `{{ ${path} | money }}` : kind.kind === "date" ? `{{ ${path} | date }}` : `{{ ${path} }}`;
}

/** A column of a table that shows one value of each row. */
export function columnFor(field: Field): JsonObject {
  const value = `{{ item.${field.name} }}`;
  const format: JsonObject = field.kind === "money" ? { format: { kind: "amount" } } : field.kind === "date" ? { format: { kind: "date" } } : {};
  const wide = field.kind === "text" || field.kind === "any";
  const column: JsonObject = { heading: fieldTitle(field), value, ...format, width: wide ? "1fr" : "auto" };
  return isNumber(field) ? { ...column, align: "end" } : column;
}

/** How the values of a column are written so that they can be added up; `null` of those that cannot. */
export function addingFormat(kind: Kind): JsonObject | null {
  if (!isNumber(kind)) return null;
  return { kind: kind.kind === "money" ? "amount" : "number" };
}

/** The columns a table begins with when it is bound to a list. */
export function columnsFor(list: ListHere): JsonObject[] {
  const fields = columnsOf(list).filter((field) => !["list", "record", "file"].includes(field.kind)).slice(0, MOST_COLUMNS);
  return fields.length > 0 ? fields.map(columnFor) : [{ heading: list.title, value: "{{ item }}" }];
}

/** A plan of the first list whose entries hold lists, day by day; else of the first list as it is. */
function planFor(lists: readonly ListHere[], words: StartWords): JsonObject {
  const text = (fields: readonly Field[]) => fields.find((field) => field.kind === "text");
  const entry = (fields: readonly Field[]): JsonObject => {
    const time = fields.find((field) => field.kind === "time" || field.kind === "date");
    const title = text(fields);
    const more = text(fields.filter((field) => field !== title));
    const picture = fields.find((field) => field.kind === "file");
    return {
      ...(time ? { time: shown(`item.${time.name}`, time) } : {}),
      title: title ? `{{ item.${title.name} }}` : words.heading,
      ...(more ? { text: `{{ item.${more.name} }}` } : {}),
      ...(picture ? { picture: { source: `{{ item.${picture.name} }}`, decorative: true } } : {}),
    };
  };
  for (const list of lists) {
    const fields = columnsOf(list);
    const inner = fields.find((field) => field.kind === "list" && field.item.kind === "record");
    if (inner?.kind !== "list" || inner.item.kind !== "record") continue;
    const title = text(fields);
    return {
      days: `{{ ${list.path.join(".")} }}`, day_label: "{{ index }}", day_title: title ? `{{ item.${title.name} }}` : words.heading,
      entries: `{{ item.${inner.name} }}`, ...entry(inner.item.fields),
    };
  }
  const [list] = lists.filter((one) => one.item.kind === "record");
  return { entries: list ? `{{ ${list.path.join(".")} }}` : "", ...entry(columnsOf(list ?? null)) };
}

export function newBlock(template: Template, type: string, lists: readonly ListHere[], words: StartWords): Block {
  const id = freshName(type, blocksOf(template).map(({ block }) => block.id), "block");
  return { id, type, ...start(type, lists, words) };
}

function start(type: string, lists: readonly ListHere[], words: StartWords): JsonObject {
  const [list] = lists.filter((one) => one.item.kind === "record");
  const name = list ? `{{ ${list.path.join(".")} }}` : "";
  switch (type) {
    case "heading":
      return { level: 2, text: words.heading };
    case "text":
      return { text: words.text };
    case "markdown":
      return { text: words.text };
    case "image":
      return { source: "{{ firm.logo }}", width: 30, height: 20, alt: "{{ firm.name }}" };
    case "columns":
      return { columns: [{ blocks: [] }, { blocks: [] }] };
    case "table":
      return { rows: name, columns: list ? columnsFor(list) : [{ heading: words.heading, value: "" }] };
    case "tax_table": {
      const holds = (one: ListHere) => ["rate", "net", "tax"].every((column) => columnsOf(one).some((field) => field.name === column));
      const taxes = lists.find(holds);
      return { taxes: taxes ? `{{ ${taxes.path.join(".")} }}` : "" };
    }
    case "key_value":
      return { items: [{ label: words.label, value: words.text }] };
    case "totals":
      return { lines: [{ label: words.label, value: words.text, strong: true }] };
    case "qr":
      return { content: "https://" };
    case "barcode":
      return { content: "0000" };
    case "signature":
      return { label: words.sign };
    case "chart": {
      const fields = columnsOf(list ?? null);
      const value = fields.find(isNumber);
      const label = fields.find((field) => field.kind === "text" || field.kind === "date");
      return { rows: name, label: label ? shown(`item.${label.name}`, label) : "", series: [{ value: value ? `{{ item.${value.name} }}` : "" }] };
    }
    case "swiss_bill":
      return {
        iban: "{{ firm.iban }}",
        creditor: { name: "{{ firm.name }}", street: '{{ firm.street | join(" ") }}', post_code: "{{ firm.post_code }}", city: "{{ firm.city }}", country: "{{ firm.country }}" },
      };
    case "plan":
      return planFor(lists, words);
    case "box":
      return { fill: "fill", blocks: [] };
    case "keep_together":
      return { blocks: [] };
    case "repeat":
      return { list: name, blocks: [] };
    case "if":
      return { when: "{{ true }}", blocks: [] };
    default:
      return {};
  }
}
