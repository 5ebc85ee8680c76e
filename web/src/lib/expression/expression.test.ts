import { describe, expect, test } from "vitest";

import type { Checked, CheckedNode, Workflow, WorkflowNode } from "../document/types";
import { formatValue, formatDecimal } from "./format";
import type { Look } from "./format";
import { fits, isOptional, kindAt, titlesAlong } from "./kind";
import type { Kind } from "./kind";
import { looksOf } from "./looks";
import { onlyChip, pieces, readChip, readNames, writeChip } from "./template";
import { closeMatches, entriesOf, fillText, picks, resolve, sourcesInside } from "./values";
import type { Source } from "./values";

const look: Look = { locale: "en", timeZone: "UTC", words: { yes: "yes", no: "no", none: "not filled in", items: (count) => `${count} items` } };
const form: Kind = {
  kind: "record",
  fields: [
    { name: "customer", title: "Customer", kind: "text" },
    { name: "start", title: "First day", kind: "date", optional: true },
    { name: "total", title: "Total", kind: "money" },
    { name: "lines", title: "Lines", kind: "list", item: { kind: "record", fields: [{ name: "text", title: "Text", kind: "text" }] } },
  ],
};
const sources: Source[] = [
  { id: "form", name: "Booking form", family: "asked", icon: "clipboard-list", kind: form, value: { customer: "Ms Müller", start: "2027-05-12", total: { amount: "7420.00", currency: "EUR" }, lines: [{ text: "a" }, { text: "b" }] } },
];

describe("templates", () => {
  test("pieces give the same text back", () => {
    for (const text of ["", "plain", "{{ a.b }}", "x {{ a | sum(1) }} y {% if a %}z{% endif %} {# note }} #}", "{{ open", "{{ '}}' }} {", "{{- a -}}", "日本 {{ a }}"]) {
      expect(pieces(text).map((piece) => piece.text).join("")).toBe(text);
    }
  });

  test("a chip only reads and shows one value", () => {
    const check = (source: string, expected: ReturnType<typeof readChip>) => expect(readChip(source)).toEqual(expected);
    check("form.customer", { path: ["form", "customer"], filters: [], fallback: null });
    check('form.customer | default("-")', { path: ["form", "customer"], filters: [], fallback: "-" });
    check('form.start | date("long") | default("")', { path: ["form", "start"], filters: [{ name: "date", args: ['"long"'] }], fallback: "" });
    check("form.price | default(none)", { path: ["form", "price"], filters: [], fallback: "", none: true });
    check('form.lines[0]["text"]', { path: ["form", "lines", "0", "text"], filters: [], fallback: null });
    check('form.lines | map(attribute="text") | join(", ")', { path: ["form", "lines"], filters: [{ name: "map", args: ['attribute="text"'] }, { name: "join", args: ['", "'] }], fallback: null });
    for (const more of ["a + b", "a if b else c", "f(x)", "a | sum(attribute=\"x\")", "a.b | date(c)", "", "1", "not a", "a b", "a | default(b)", "a |"]) check(more, null);
  });

  test("chips are written as they are read", () => {
    for (const text of ["{{ form.customer }}", '{{ form.start | date("long") | default("a \\"b\\"") }}', "{{ form.lines[0].text }}", "{{ a.b | default(none) }}", '{{ a["b c"] }}']) {
      const chip = onlyChip(text);
      expect(chip && writeChip(chip)).toBe(text);
    }
    expect(onlyChip("x {{ a }}")).toBeNull();
  });

  test("names are what an expression reads, not what it says", () => {
    expect(readNames('{{ a.b + c }} "d" {% for x in e.items %}{{ "f" ~ g }}{% endfor %}')).toEqual(expect.arrayContaining(["a", "c", "e", "g"]));
    expect(readNames('{{ "f" ~ g }}')).not.toContain("f");
  });
});

describe("kinds", () => {
  test("paths lead through records, lists and money", () => {
    expect(kindAt(form, ["lines", "0", "text"])?.kind).toBe("text");
    expect(kindAt(form, ["total", "currency"])?.kind).toBe("text");
    expect(kindAt(form, ["gone"])).toBeNull();
    expect(isOptional(form, ["start"])).toBe(true);
    expect(titlesAlong(form, ["lines", "0", "text"])).toEqual(["Lines", "0", "Text"]);
  });
  test("only what can stand in a place fits it", () => {
    const check = (from: Kind["kind"], to: Kind["kind"], expected: boolean) => expect(fits({ kind: from } as Kind, { kind: to } as Kind)).toBe(expected);
    check("integer", "decimal", true);
    check("money", "text", true);
    check("file", "text", false);
    check("text", "money", false);
    check("any", "file", true);
  });
});

describe("values", () => {
  test("are shown as people write them, from their digits", () => {
    const check = (value: Parameters<typeof formatValue>[0], kind: Kind | null, expected: string) => expect(formatValue(value, kind, look).replaceAll("\u00a0", " ")).toBe(expected);
    check({ amount: "7420.00", currency: "EUR" }, { kind: "money" }, "€ 7,420.00");
    check("12345678901234567890.10", { kind: "decimal" }, "12,345,678,901,234,567,890.10");
    check("2027-05-12", { kind: "date" }, "12 May 2027");
    check(true, { kind: "yes_no" }, "yes");
    check(null, { kind: "text" }, "not filled in");
    check([1, 2, 3, 4], null, "4 items");
    check("a", { kind: "choice", options: [{ value: "a", title: "Alpha" }] }, "Alpha");
    check({ id: "1", name: "x.pdf", content_type: "application/pdf", size_bytes: 3 }, { kind: "file" }, "x.pdf");
    expect(formatDecimal("1.10", "de")).toBe("1,10");
  });

  test("cards are filled with the sample", () => {
    const check = (text: string, expected: string) => expect(fillText(text, sources, look).replaceAll("\u00a0", " ")).toBe(expected);
    check("for {{ form.customer }}", "for Ms Müller");
    check("{{ form.total }} due", "€ 7,420.00 due");
    check('{{ form.lines | map(attribute="text") | join(" + ") }}', "a + b");
    check("{{ form.lines | length }} rows", "2 rows");
    check("{{ other.value }}", "‹value›");
    check("{{ 1 + 1 }}", "…");
  });

  test("references are found, broken ones get close matches", () => {
    expect(resolve(sources, ["form", "total"]).title).toBe("Total");
    expect(resolve(sources, ["gone", "x"]).kind).toBeNull();
    expect(closeMatches(["form", "custmer"], sources)[0]?.path).toEqual(["form", "customer"]);
    expect(picks(sources[0] as Source).map((pick) => pick.path.join("."))).toEqual(["form.customer", "form.start", "form.total", "form.lines"]);
  });

  test("each look is drawn with this very value", () => {
    const looks = looksOf({ kind: "date" }, "2027-05-12", look);
    expect(looks.map((item) => item.text)).toContain("12 May 2027");
    expect(looksOf({ kind: "list", item: { kind: "text" } }, ["a", "b"], look)[0]?.text).toBe("a, b");
  });
});

describe("one entry of a list", () => {
  const item: Kind = { kind: "record", fields: [{ name: "text", title: "Text", kind: "text" }] };
  const node = (id: string, parent?: string) => ({ id, name: id, parent: parent ?? null }) as WorkflowNode;
  const document = { nodes: [node("form"), node("each"), node("some", "each")], edges: [{ from: "form", port: "out", to: "each" }] } as unknown as Workflow;
  const known = (more: Partial<CheckedNode>) => ({ family: "computed", icon: "", output: form, readable: [], ...more }) as CheckedNode;
  const checked = {
    problems: [],
    nodes: {
      form: known({}),
      each: known({ readable: ["form"], inside: { list: "{{ form.lines }}", item, readable: ["form", "some"] } }),
      some: known({ readable: ["form"], entries: { list: "{{ item.parts }}", item: { kind: "text" } } }),
    },
  } as Checked;
  const words = { entry: (step: string) => `Entry of ${step}`, index: "Number" };
  const read = (step: string) => entriesOf(document, checked, { form: { lines: [{ text: "Lisbon" }] } }, step, words).map((source) => [source.id, source.kind.kind]);

  test("is read by its short name, and an outer one under its step's", () => {
    expect(read("each")).toEqual([["item", "record"], ["index", "integer"]]);
    expect(read("some")).toEqual([["item", "text"], ["index", "integer"], ["each", "record"]]);
  });

  test("stands beside what the step may read, or what lies in it", () => {
    const ids = (step: string) => sourcesInside(document, checked, {}, step).map((source) => source.id).toSorted();
    expect(ids("each")).toEqual(["form", "some"]);
    expect(ids("some")).toEqual(["form"]);
  });
});
