import { describe, expect, test } from "vitest";

import { askFor, fillings, questionFor, unasked } from "./documentQuestions";
import type { DocumentField } from "./documentQuestions";
import type { NodeType, Workflow } from "./types";

const page = {
  type: "made_up_page", version: 1, title: "Page", summary: "", family: "made", icon: "file", effect: "pure", surface: "page", ports: [],
  schema: {
    type: "object",
    properties: { document: { "x-widget": "document" }, values: { "x-widget": "key_value", "x-keys": { document_fields: "document" } } },
  },
} as NodeType;
const types = new Map([[page.type, page]]);

function workflow(values: Record<string, string>, edges = [{ from: "form", port: "out", to: "page" }]): Workflow {
  return {
    format: "formwork/1", name: "Letter", locale: "en", time_zone: "UTC", currency: "EUR", edges, samples: [],
    nodes: [
      { id: "form", type: "made_up_form", version: 1, name: "Form", config: { fields: [{ name: "note", label: "Note", kind: "text" }] } },
      { id: "page", type: page.type, version: 1, name: "Page", config: { document: "d1", values } },
    ],
  };
}

describe("the question for a field", () => {
  const check = (field: DocumentField, expected: object | null) => expect(questionFor(field, [])).toEqual(expected);
  const asked = (kind: string, more: object = {}) => ({ name: "a", label: "A", kind, required: true, ...more });

  test("has the kind and the limits of the field", () => {
    check({ name: "a", title: "A", kind: "text", max_length: 80 }, asked("text", { max_length: 80 }));
    check({ name: "a", title: "A", kind: "text", max_lines: 3 }, asked("long_text"));
    check({ name: "a", title: "A", kind: "text", max_length: 900, optional: true }, asked("long_text", { max_length: 900, required: false }));
    check({ name: "a", title: "A", kind: "integer" }, asked("number", { decimals: 0 }));
    check({ name: "a", title: "A", kind: "money" }, asked("money"));
    check({ name: "a", title: "A", kind: "money", decimals: 4 }, asked("money", { decimals: 4 }));
    check({ name: "a", title: "A", kind: "yes_no" }, asked("checkbox", { required: false }));
    check({ name: "a", title: "A", kind: "choice", options: [{ value: "x" }, { value: "y", title: "Y" }] }, asked("select", { options: [{ value: "x", title: "x" }, { value: "y", title: "Y" }] }));
    check({ name: "a", title: "A", kind: "list", item: { kind: "choice", options: [{ value: "x" }] }, max_items: 2 }, asked("multi_select", { options: [{ value: "x", title: "x" }], max: 2 }));
    check({ name: "a", title: "A", kind: "instant" }, null);
    check({ name: "a", title: "A", kind: "list", item: { kind: "text" } }, null);
  });

  test("asks for a list of rows by its columns", () => {
    const rows: DocumentField = {
      name: "a", title: "A", kind: "list", min_items: 1,
      item: { kind: "record", fields: [{ name: "what", kind: "text", max_length: 900 }, { name: "price", title: "Price", kind: "money" }, { name: "photo", kind: "file", optional: true }] },
    };
    check(rows, asked("rows", {
      min_rows: 1,
      columns: [{ name: "what", label: "what", kind: "text", required: true, max_length: 900 }, { name: "price", label: "Price", kind: "money", required: true }],
    }));
    check({ name: "a", kind: "list", item: { kind: "record", fields: [{ name: "photo", kind: "file" }] } }, null);
  });
});

describe("fields of a document", () => {
  const fields: DocumentField[] = [
    { name: "customer", title: "Customer", kind: "text" },
    { name: "note", kind: "text" },
    { name: "total", kind: "money", optional: true },
    { name: "intro", kind: "text", source: "written" },
    { name: "tax", kind: "money", source: "computed" },
  ];
  const names = (flow: Workflow) => {
    const places = fillings(flow, types, "form");
    return unasked(flow, places, [{ name: "note", label: "Note", kind: "text" }], fields).map((field) => field.name);
  };

  test("are offered while nobody asks for them and nothing fills them in", () => {
    expect(names(workflow({}))).toEqual(["customer", "total"]);
    expect(names(workflow({ customer: "{{ other.name }}" }))).toEqual(["total"]);
    expect(names(workflow({ customer: " " }))).toEqual(["customer", "total"]);
    // A page that is not behind the form cannot show its answers.
    expect(names(workflow({}, []))).toEqual([]);
  });

  test("become a question whose answer fills them in", () => {
    const ask = (name: string, flow = workflow({})) => {
      const field = fields.find((one) => one.name === name);
      const asked = field && askFor(flow, { step: "form", member: "fields" }, field, fillings(flow, types, "form"));
      return asked ? asked[0].nodes.map((node) => node.config) : null;
    };
    const note = { name: "note", label: "Note", kind: "text" };
    expect(ask("customer")).toEqual([
      { fields: [note, { name: "customer", label: "Customer", kind: "text", required: true }] },
      { document: "d1", values: { customer: "{{ form.customer }}" } },
    ]);
    expect(ask("total")).toEqual([
      { fields: [note, { name: "total", label: "total", kind: "money", required: false }] },
      { document: "d1", values: { total: "{{ form.total | default(none) }}" } },
    ]);
    expect(ask("customer", workflow({ customer: "Ada" }))?.[1]).toEqual({ document: "d1", values: { customer: "Ada" } });
  });
});
