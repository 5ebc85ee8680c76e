import { expect, test } from "vitest";
import type { OriginSource, PageOrigin } from "~/api/types";
import { entryOf, stepOf, tell, titleOf } from "./origin";

const source = (part: Partial<OriginSource>): OriginSource => ({
  depth: 0, kind: "step", family: "computed", icon: null, node: null, item_path: null, name: null, title: "", path: "", expression: null, by: null, run: null, model: null,
  ...part,
});
const origin = (part: Partial<PageOrigin>): PageOrigin => ({ block: "a", leaf: "/blocks/0/text", how: "shown", family: "computed", expression: null, sources: [], is_cut: false, ...part });

test("a value that is shown is told by its source", () => {
  const answer = source({ kind: "answer", family: "asked", node: "form", item_path: "", name: "Booking form", title: "Customer", path: "customer" });
  const told = tell(origin({ family: "asked", expression: "{{ customer }}", sources: [answer] }));
  expect(told).toEqual({ family: "asked", main: answer, detail: null, title: "Customer", expression: null, parts: [] });
  expect(tell(origin({ sources: [source({ kind: "corrected", by: "Marta" })] })).detail).toBe("corrected");
});

test("what is computed is told by what it was made of", () => {
  const parts = [source({ path: "net" }), source({ path: "tax", depth: 1 })];
  const told = tell(origin({ how: "computed", expression: "{{ net + tax }}", sources: parts }));
  expect(told).toMatchObject({ main: null, detail: null, title: null, expression: "{{ net + tax }}", parts });
  expect(tell(origin({ how: "sum", sources: parts })).detail).toBe("sum");
});

test("a text of the document has no source, unless it stands where a value is missing", () => {
  expect(tell(origin({ how: "literal", family: null }))).toMatchObject({ family: null, detail: null, expression: null });
  expect(tell(origin({ how: "literal", family: null, sources: [source({})] })).detail).toBe("absent");
});

test("a source leads to its step, and to its entry", () => {
  expect(stepOf(source({}))).toBeNull();
  expect(stepOf(source({ node: "write", item_path: "" }))).toBe("write");
  expect(stepOf(source({ node: "write", item_path: "3.0" }))).toBe("write:3.0");
  expect(entryOf(source({ node: "write", item_path: "3.0" }))).toBe("4.1");
  expect(titleOf(source({ path: "text" }))).toBe("text");
});
