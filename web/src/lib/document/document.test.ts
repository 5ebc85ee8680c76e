import { describe, expect, test } from "vitest";

import { compare, merge } from "./compare";
import { addNode, connect, duplicateNode, initialConfig, moveNode, removeNode, renameSample, setConfig, setSample } from "./edits";
import { fallbacksOf, setFallbacks } from "./fallbacks";
import { findField, freshField, shaped } from "./form";
import type { FormField } from "./form";
import { freeze, record, redo, startHistory, thaw, undo } from "./history";
import { copyName, freshName, freshStepId, slug } from "./ids";
import { inOrder, lanes } from "./lanes";
import { tidy, unplaced } from "./layout";
import { getAt, movedItem, parsePointer, sameJson, setAt, toPointer } from "./pointer";
import { cutSteps, quietRun, staleSteps } from "./stale";
import type { Json, NodeType, Port, Workflow } from "./types";

/** "a>b b.yes>c": steps and ways of a small document. */
function flow(text: string): Workflow {
  const edges = text.split(" ").flatMap((part) => {
    const [left, to] = part.split(">");
    const [from = "", port = "out"] = (left ?? "").split(".");
    return to ? [{ from, port, to }] : [];
  });
  const ids = [...new Set(text.split(/[ >]/).map((part) => part.split(".")[0] ?? "").filter(Boolean))];
  const nodes = ids.map((id) => ({ id, type: "made_up", version: 1, name: id.toUpperCase(), config: {} }));
  return { format: "formwork/1", name: "Flow", locale: "en", time_zone: "UTC", currency: "EUR", nodes, edges, samples: [] };
}
const wires = (document: Workflow) => document.edges.map(({ from, port, to }) => `${from}${port === "out" ? "" : `.${port}`}>${to}`).sort().join(" ");
const ports = (document: Workflow) => (id: string): Port[] => {
  const names = [...new Set(document.edges.filter((edge) => edge.from === id).map((edge) => edge.port))];
  return (names.length ? names : ["out"]).map((name) => ({ name, title: name === "out" ? "" : name }));
};
const out: Port[] = [{ name: "out", title: "" }];
const type: NodeType = {
  type: "made_up", version: 2, title: "Write a letter", summary: "", family: "written", icon: "pen-line", effect: "pure", surface: "text", ports: out,
  schema: { type: "object", required: ["text", "count"], properties: { text: { type: "string" }, count: { type: "integer", minimum: 1 }, tone: { type: "string", default: "warm" }, rare: { type: ["string", "null"], default: null } } },
};

describe("pointers", () => {
  test("read and write the places they name", () => {
    const check = (value: Json, pointer: string, expected: Json | undefined) => expect(getAt(value, parsePointer(pointer))).toEqual(expected);
    check({ a: [{ b: 1 }] }, "/a/0/b", 1);
    check({ "a/b": { "~": 2 } }, "/a~1b/~0", 2);
    check({ a: 1 }, "/a/b/c", undefined);
    expect(toPointer(["a/b", 0, "~"])).toBe("/a~1b/0/~0");
    const before = { a: [1, 2], b: { c: 3 } };
    const after = setAt(before, ["a", 1], undefined) as typeof before;
    expect(after).toEqual({ a: [1], b: { c: 3 } });
    expect(after.b).toBe(before.b);
    expect(setAt({}, ["x", "y"], 1)).toEqual({ x: { y: 1 } });
    expect(sameJson({ a: 1, b: [{}] }, { b: [{}], a: 1 })).toBe(true);
    expect(sameJson({ a: undefined, b: 1 }, { b: 1 })).toBe(true);
    expect(sameJson([1, 2], [2, 1])).toBe(false);
    expect(movedItem(["a", "b", "c"], 0, 2)).toEqual(["b", "c", "a"]);
  });
});

describe("names", () => {
  test("become readable in expressions, in any language", () => {
    const check = (text: string, expected: string) => expect(slug(text)).toBe(expected);
    check("Straße & Größe", "strasse_grosse");
    check("12 Days", "days");
    check("客户", "");
    expect(freshName("客户", [], "text")).toBe("text");
    expect(freshName("Firm", [], "x")).toBe("firm_2");
    expect(freshName("Total", ["total", "total_2"], "x")).toBe("total_3");
    expect(freshStepId("Write with a model", "made_up", ["write"])).toBe("write_2");
    expect(freshName("x".repeat(90), [], "v")).toHaveLength(64);
    expect(copyName("Page 2", ["Page", "Page 2"])).toBe("Page 3");
  });
});

describe("edits", () => {
  test("a new step takes its place between two", () => {
    const check = (before: string, after: string | null, port: string, expected: string) => {
      const [next, id] = addNode(flow(before), type, { after, port });
      expect(wires(next).replaceAll("write", "N").split(" ").sort()).toEqual(expected.split(" ").sort());
      expect(next.nodes.find((node) => node.id === id)?.config).toEqual({ text: "", count: 1, tone: "warm" });
    };
    check("a>b", "a", "out", "N>b a>N");
    check("a", "a", "out", "a>N");
    check("a>b", null, "out", "N>a a>b");
    check("a.yes>b a.no>c", "a", "no", "N>c a.no>N a.yes>b");
    check("a>b a>c", "a", "out", "N>b N>c a>N");
  });

  test("deleting joins what is left", () => {
    const check = (before: string, id: string, expected: string) => {
      const document = flow(before);
      expect(wires(removeNode(document, id, ports(document)(id)))).toBe(expected);
    };
    check("a>b b>c", "b", "a>c");
    check("a>b", "a", "");
    check("a>b b.yes>c b.no>d", "b", "a>c");
    check("a>c b>c c>d", "c", "a>d b>d");
  });

  test("moving keeps the order of the rest and refuses circles", () => {
    const check = (before: string, id: string, after: string | null, expected: string | null) => {
      const next = moveNode(flow(before), id, { after, port: "out" }, out);
      expect(next && wires(next)).toBe(expected);
    };
    check("a>b b>c", "b", "c", "a>c c>b");
    check("a>b b>c", "b", "a", null);
    check("a>b b>c", "c", "a", "a>c c>b");
    check("a>b b>c", "b", "b", null);
  });

  test("duplicates run after the original", () => {
    const made = duplicateNode(flow("mail>b"), "mail", out);
    expect(made && wires(made[0])).toBe("mail>mail_2 mail_2>b");
  });

  test("connections never close a circle", () => {
    expect(connect(flow("a>b b>c"), { from: "c", port: "out", to: "a" })).toBeNull();
    expect(connect(flow("a>b"), { from: "a", port: "out", to: "b" })).toBeNull();
    expect(connect(flow("a>b b>c"), { from: "a", port: "out", to: "c" })).not.toBeNull();
  });

  test("first configs hold what the schema asks and nothing invalid", () => {
    expect(initialConfig({ type: "object", required: ["id", "mode", "list"], properties: { id: { type: "string", format: "uuid" }, mode: { oneOf: [{ const: "one" }, { const: "two" }] }, list: { type: "array" } } })).toEqual({ mode: "one", list: [] });
  });

  test("settings and samples change in place", () => {
    expect(setConfig(flow("a"), "a", ["x", "y"], 1).nodes[0]?.config).toEqual({ x: { y: 1 } });
    const sampled = setSample(flow("a"), "First", { x: 1 });
    expect(renameSample(sampled, "First", "Second").samples).toEqual([{ name: "Second", input: { x: 1 } }]);
  });
});

describe("history", () => {
  test("typing in one place is one step back, and a new edit forgets what was undone", () => {
    let history = record(startHistory("a"), "ab", "type", "name", 1000);
    history = record(history, "abc", "type", "name", 1400);
    history = record(history, "abc!", "type", "other", 1500);
    expect(undo(history).present).toBe("abc");
    expect(undo(undo(history)).present).toBe("a");
    expect(redo(undo(history)).present).toBe("abc!");
    expect(record(undo(history), "x", "type", null, 9000).future).toEqual([]);
    expect(undo(startHistory("a")).present).toBe("a");
  });

  test("survives a reload within its size", () => {
    const isText = (value: unknown): value is string => typeof value === "string";
    let history = startHistory("0");
    for (let step = 1; step < 60; step += 1) history = record(history, String(step).repeat(20), "x", null, step);
    const back = thaw(freeze(history, 1200), isText);
    expect(back?.present).toBe(history.present);
    expect(freeze(history, 1200).length).toBeLessThanOrEqual(1200);
    expect(undo(back ?? startHistory("")).present).toBe(undo(history).present);
    expect(thaw("not json", isText)).toBeNull();
    expect(thaw('{"present": 3}', isText)).toBeNull();
  });
});

describe("lanes", () => {
  const check = (text: string, expected: string[]) => {
    const document = flow(text);
    const rows = lanes(document, ports(document)).map((row) => {
      const indent = "  ".repeat(row.depth);
      if (row.kind === "step") return `${indent}${row.number} ${row.id}`;
      if (row.kind === "way") return `${indent}[${row.title}]${{ steps: "", below: " -", ends: " ." }[row.goes]}`;
      return row.kind === "joins" ? `${indent}-> ${row.id}` : `${indent}=`;
    });
    expect(rows).toEqual(expected);
  };
  test("a straight line", () => check("a>b b>c", ["1 a", "2 b", "3 c"]));
  test("ways are indented and meet again", () =>
    check("a>b b.yes>c b.no>d c>e d>e e>f", ["1 a", "2 b", "  [yes]", "  3 c", "  [no]", "  4 d", "=", "5 e", "6 f"]));
  test("an empty way goes on below", () => check("a.yes>b a.no>c b>c", ["1 a", "  [yes]", "  2 b", "  [no] -", "=", "3 c"]));
  test("a way that leads nowhere ends", () => {
    const document = { ...flow("a.yes>b a.no>c"), edges: flow("a.yes>b").edges };
    const rows = lanes(document, (id) => (id === "a" ? [{ name: "yes", title: "yes" }, { name: "no", title: "no" }] : [{ name: "out", title: "" }]));
    expect(rows.flatMap((row) => (row.kind === "way" ? [row.goes] : []))).toEqual(["steps", "ends"]);
  });
  test("ways that never meet end in their lanes", () => check("a.yes>b a.no>c", ["1 a", "  [yes]", "  2 b", "  [no]", "  3 c"]));
  test("branches within branches", () =>
    check("a.x>b a.y>e b.p>c b.q>d c>e d>e", ["1 a", "  [x]", "  2 b", "    [p]", "    3 c", "    [q]", "    4 d", "  [y] -", "=", "5 e"]));
  test("two beginnings", () => check("a>c b>c", ["1 a", "2 c", "3 b", "-> c"]));
  test("a circle is still shown", () => {
    const document = flow("a>b b>c c>b");
    expect(lanes(document, ports(document)).filter((row) => row.kind === "step")).toHaveLength(3);
    expect(inOrder(document)).toHaveLength(3);
  });
});

describe("tidy up", () => {
  test("later steps lie lower and nothing overlaps", () => {
    const document = flow("a>b b.yes>c b.no>d c>e d>e");
    const places = tidy(document, ports(document));
    const y = (id: string) => places.get(id)?.y ?? 0;
    for (const { from, to } of document.edges) expect(y(from)).toBeLessThan(y(to));
    expect(Math.abs((places.get("c")?.x ?? 0) - (places.get("d")?.x ?? 0))).toBeGreaterThanOrEqual(236);
    expect(places.get("c")?.x ?? 0).toBeLessThan(places.get("d")?.x ?? 0);
    expect(unplaced(document)).toBe(true);
  });
});

describe("comparing and merging", () => {
  const base = flow("a>b");
  test("changes in words, without the canvas", () => {
    const moved = { ...base, nodes: base.nodes.map((node) => ({ ...node, position: { x: 9, y: 9 } })) };
    expect(compare(base, moved)).toEqual([]);
    expect(compare(base, setConfig(base, "a", ["t"], 1))).toEqual([{ kind: "changed", id: "a", name: "A", fields: [{ path: ["config", "t"], before: undefined, after: 1 }] }]);
    expect(compare(base, addNode(base, type, { after: "b", port: "out" })[0]).map((change) => change.kind)).toEqual(["added"]);
  });
  test("what does not meet merges, what meets is asked", () => {
    const theirs = setConfig(base, "a", ["t"], 1);
    const mine = setConfig(base, "b", ["t"], 2);
    const merged = merge(base, theirs, mine);
    expect(merged.conflicts).toEqual([]);
    expect(merged.document.nodes.map((node) => node.config)).toEqual([{ t: 1 }, { t: 2 }]);
    expect(merge(base, theirs, setConfig(base, "a", ["t"], 3)).conflicts).toEqual(["a"]);
    expect(merge(base, removeNode(base, "b"), mine).conflicts).toContain("b");
    expect(merge(base, base, mine).document).toEqual(mine);
  });
  test("what the server adds to a step unasked is nobody's change", () => {
    const spoken = { ...base, nodes: base.nodes.map((node) => ({ ...node, parent: null, position: node.position ?? { x: 0, y: 0 } })) };
    const mine = setConfig(base, "a", ["t"], 2);
    const merged = merge(base, spoken, mine);
    expect(merged.conflicts).toEqual([]);
    expect(merged.document.nodes.map((node) => node.config)).toEqual([{ t: 2 }, base.nodes[1]?.config]);
    const moved = { ...spoken, nodes: spoken.nodes.map((node) => ({ ...node, position: { x: 9, y: 9 } })) };
    expect(merge(base, moved, mine).conflicts).toEqual(["a"]);
  });

  test("what is done about warnings of a document is a setting, said or not", () => {
    const base = flow("a>b");
    const stops: Workflow = { ...base, document_warnings: "stop" };
    expect(compare(base, { ...base, document_warnings: "warn" })).toEqual([]);
    expect(compare(base, stops)).toEqual([{ kind: "settings", fields: [{ path: ["document_warnings"], before: "warn", after: "stop" }] }]);
    expect(merge(base, setConfig(base, "a", ["t"], 1), stops).document.document_warnings).toBe("stop");
    expect(merge(stops, { ...base, document_warnings: "warn" }, stops).document.document_warnings).toBe("warn");
  });
});

describe("staleness", () => {
  test("a change reaches everything after it", () => {
    const ran = flow("a>b b>c a>d");
    expect([...staleSteps(setConfig(ran, "b", ["t"], 1), ran, true)]).toEqual([["b", "b"], ["c", "b"]]);
    expect([...staleSteps(ran, ran, false).keys()].sort()).toEqual(["a", "b", "c", "d"]);
    expect(staleSteps(ran, ran, true).size).toBe(0);
  });
  test("a quiet run wakes no model: it pins what is known and stops before what is not", () => {
    const document = flow("form>write write>page page>send");
    const effect = (id: string) => (id === "write" || id === "send" ? "stored" as const : "pure" as const);
    expect(quietRun(document, effect, {}, () => false)).toEqual({ until: "form", pinned: {} });
    expect(quietRun(document, effect, { write: { text: "x" } }, (id) => id === "page")).toEqual({ until: "page", pinned: { write: { text: "x" } } });
    expect(quietRun(flow("send"), effect, {}, () => false)).toBeNull();
  });
  test("a step before which the run was to end was not decided against", () => {
    const document = flow("a.yes>b a.no>c b>d c>d d>e");
    const step = (node: string, state: string, fired: string[]) => ({ node, item_path: "", state, ports: fired });
    const steps = [step("a", "succeeded", ["yes"]), step("b", "succeeded", ["out"]), step("c", "skipped", []), step("d", "skipped", []), step("e", "skipped", [])];
    expect([...cutSteps(document, steps)]).toEqual(["d", "e"]);
  });
});

describe("questions of a form", () => {
  const field: FormField = { name: "days", label: "Days", kind: "number", required: true, min: "1", max: "9", decimals: 0, width: "half" };
  test("another kind keeps what both know", () => {
    expect(shaped(field, "text")).toEqual({ name: "days", label: "Days", kind: "text", required: true, width: "half" });
    expect(shaped(field, "rows")["columns"]).toHaveLength(1);
    expect(freshField("Days", "text", [field]).name).toBe("days_2");
    expect(findField([{ ...field, kind: "rows", columns: [{ name: "x", label: "X", kind: "text" }] }], "days.x")?.at).toEqual([0, "columns", 0]);
  });
  test("one choice for an empty answer reaches every chip that shows it", () => {
    const document = setConfig(setConfig(flow("form>page"), "page", ["a"], "Hotel {{ form.hotel }} in {{ form.town }}"), "page", ["b", "c"], "{{ form.hotel }}");
    expect(fallbacksOf(document, "form", "hotel")).toEqual([null, null]);
    expect(setFallbacks(document, "form", "hotel", "").nodes[1]?.config).toEqual({ a: 'Hotel {{ form.hotel | default("") }} in {{ form.town }}', b: { c: "{{ form.hotel | default(none) }}" } });
    expect(fallbacksOf(setFallbacks(document, "form", "hotel", "to follow"), "form", "hotel")).toEqual(["to follow", "to follow"]);
  });
});

describe("steps in a step", () => {
  const held = () => {
    const [document, first] = addNode(flow("a>b"), type, { after: null, port: "out", inside: "a" });
    const [next, second] = addNode(document, type, { after: first, port: "out" });
    return { document: next, first, second };
  };

  test("are added inside, and behind one another there", () => {
    const { document, first, second } = held();
    const parents = Object.fromEntries(document.nodes.map((node) => [node.id, node.parent]));
    expect(parents).toEqual({ a: undefined, b: undefined, [first]: "a", [second]: "a" });
    expect(wires(document)).toBe(`a>b ${first}>${second}`);
    expect(inOrder(document)).toEqual(["a", first, second, "b"]);
  });

  test("are rows of their own below it", () => {
    const { document, first, second } = held();
    const rows = lanes(document, ports(document)).map((row) => (row.kind === "step" ? `${row.depth} ${row.id}` : row.kind));
    expect(rows).toEqual(["0 a", "inside", `1 ${first}`, `1 ${second}`, "0 b"]);
    const empty = lanes(flow("a>b"), ports(flow("a>b")), (id) => id === "a");
    expect(empty.find((row) => row.kind === "inside")).toMatchObject({ of: "a", empty: true });
  });

  test("go with it, and move in and out one at a time", () => {
    const { document, first, second } = held();
    expect(removeNode(document, "a", out).nodes.map((node) => node.id)).toEqual(["b"]);
    const moved = moveNode(document, second, { after: "b", port: "out" }, out);
    expect(moved?.nodes.find((node) => node.id === second)?.parent).toBeUndefined();
    expect(moved && wires(moved)).toBe(`a>b b>${second}`);
    expect(moveNode(document, "a", { after: first, port: "out" }, out)).toBeNull();
  });

  test("are not wired across its edge", () => {
    const { document, first } = held();
    expect(connect(document, { from: first, port: "out", to: "b" })).toBeNull();
  });

  test("are drawn above what follows it", () => {
    const { document, second } = held();
    const places = tidy(document, ports(document));
    expect(places.get("b")?.y).toBeGreaterThan(places.get(second)?.y ?? Infinity);
  });
});
