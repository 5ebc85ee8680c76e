// Which fields of its documents a form could ask for, and the question that does. Pure; the fields come from the documents' declarations.

import { ancestors, findNode, setConfig } from "./edits";
import { ANSWERS, CELL_ANSWERS, fieldsOf } from "./form";
import type { Answer, FormField } from "./form";
import { freshName } from "./ids";
import { isObject } from "./pointer";
import type { Json, JsonObject, NodeType, Workflow } from "./types";
import { fieldTitle } from "../expression/kind";
import type { Field } from "../expression/kind";

/** A typed field of a document, with who fills it in. */
export type DocumentField = Field & { source?: "asked" | "written" | "computed" | null; max_lines?: number | null };

/** A setting of a step in which a document's fields are filled in. */
export interface Filling {
  step: string;
  member: string;
  document: string;
}

/** Longest text that is answered in one line. */
const ONE_LINE = 200;

/** Where answers of a form can go: the settings of later steps that fill in documents. */
export function fillings(workflow: Workflow, types: ReadonlyMap<string, NodeType>, form: string): Filling[] {
  return workflow.nodes.flatMap((node) =>
    Object.entries(types.get(node.type)?.schema.properties ?? {}).flatMap(([member, property]) => {
      const source = property["x-keys"]?.document_fields;
      const document = source === undefined ? undefined : node.config[source];
      const fills = property["x-widget"] === "key_value" && typeof document === "string" && document !== "";
      return fills && ancestors(workflow, node.id).has(form) ? [{ step: node.id, member, document }] : [];
    }),
  );
}

function isFilled(workflow: Workflow, { step, member }: Filling, name: string): boolean {
  const values = findNode(workflow, step)?.config[member];
  const value = isObject(values) ? values[name] : undefined;
  return typeof value === "string" && value.trim() !== "";
}

/** The fields of a document that people answer, that no question of the form is named after, and that are empty somewhere. */
export function unasked(workflow: Workflow, places: readonly Filling[], questions: readonly FormField[], fields: readonly DocumentField[]): DocumentField[] {
  return fields.filter(
    (field) =>
      field.source !== "written" && field.source !== "computed" &&
      !questions.some((question) => question.name === field.name) &&
      places.some((place) => !isFilled(workflow, place, field.name)) &&
      questionFor(field, questions) !== null,
  );
}

/** The question whose answer fits a field, with its limits; `null` where no kind of answer does. */
export function questionFor(field: DocumentField, taken: readonly FormField[], answers: readonly Answer[] = ANSWERS): FormField | null {
  const shape = shapeFor(field);
  if (!shape) return null;
  const { kind, ...limits } = shape;
  // A cell has one line.
  const answer = kind === "long_text" && !answers.includes(kind) ? "text" : kind;
  if (!answers.includes(answer)) return null;
  const name = freshName(field.name, taken.map((question) => question.name), answer);
  // A box that has to be ticked would not be a question.
  return { name, label: fieldTitle(field), kind: answer, required: !field.optional && answer !== "checkbox", ...limits };
}

type Shape = JsonObject & { kind: Answer };

function shapeFor(field: DocumentField): Shape | null {
  switch (field.kind) {
    case "text": {
      const long = (field.max_lines ?? 1) > 1 || (field.max_length ?? 0) > ONE_LINE;
      return { kind: long ? "long_text" : "text", ...given("max_length", field.max_length) };
    }
    case "integer":
      return { kind: "number", decimals: 0 };
    case "decimal":
      return { kind: "number" };
    case "money":
      return { kind: "money", ...given("decimals", field.decimals) };
    case "date":
    case "file":
      return { kind: field.kind };
    case "yes_no":
      return { kind: "checkbox" };
    case "choice":
      return { kind: "select", options: choices(field.options) };
    case "list":
      return listShape(field);
    default:
      return null;
  }
}

function listShape(field: DocumentField & { kind: "list" }): Shape | null {
  if (field.item.kind === "choice") {
    return { kind: "multi_select", options: choices(field.item.options), ...given("max", field.max_items) };
  }
  if (field.item.kind !== "record") return null;
  const columns: FormField[] = [];
  for (const column of field.item.fields) {
    const question = questionFor(column, columns, CELL_ANSWERS);
    if (question) columns.push(question);
    else if (!column.optional) return null;
  }
  return columns.length === 0 ? null : { kind: "rows", columns, ...given("min_rows", field.min_items), ...given("max_rows", field.max_items) };
}

function choices(options: ReadonlyArray<{ value: string; title?: string }>): Json[] {
  return options.map(({ value, title }) => ({ value, title: title ?? value }));
}

function given(key: string, limit: number | null | undefined): JsonObject {
  return limit === null || limit === undefined ? {} : { [key]: limit };
}

/** What is never empty, whether it is answered or not. */
const NEVER_EMPTY: readonly Answer[] = ["checkbox", "multi_select", "rows"];

/** The form with a question for a field, and its answer wherever the field is empty; `null` where no kind of answer fits. */
export function askFor(workflow: Workflow, form: { step: string; member: string }, field: DocumentField, places: readonly Filling[]): [Workflow, FormField] | null {
  const questions = fieldsOf(findNode(workflow, form.step)?.config[form.member]);
  const question = questionFor(field, questions);
  if (!question) return null;
  const path = `${form.step}.${question.name}`;
  const value = question["required"] === true || NEVER_EMPTY.includes(question.kind) ? `{{ ${path} }}` : `{{ ${path} | default(none) }}`;
  const asked = setConfig(workflow, form.step, [form.member], [...questions, question]);
  const filled = places
    .filter((place) => !isFilled(workflow, place, field.name))
    .reduce((next, place) => setConfig(next, place.step, [place.member, field.name], value), asked);
  return [filled, question];
}
