import { describe, expect, test } from "vitest";

import type { JsonObject } from "../document/types";
import { FORMAT, pathOf } from "./blocks";
import type { Template } from "./blocks";
import { compareTemplates } from "./compare";
import { insert, move, put, remove } from "./edits";

const text = (id: string) => ({ id, type: "text", text: id });
const template: Template = {
  format: FORMAT,
  fields: [{ name: "customer", title: "Customer", kind: "text" }, { name: "total", kind: "money" }],
  footer: { blocks: [text("foot")] },
  blocks: [text("a"), text("b"), text("c"), { id: "row", type: "columns", columns: [{ width: "1fr", blocks: [text("left")] }, { width: 40, blocks: [] }] }, text("d")],
};
const at = (id: string) => pathOf(template, id) ?? [];

/** What changed, each as its kind, id, and what of it. */
const told = (after: Template | null, before = template) =>
  after && compareTemplates(before, after).blocks.map(({ change, block, members, moved }) => [change, block.id, ...members, ...(moved && change === "changed" ? ["moved"] : [])].join(" "));

describe("what changed between two states of a template", () => {
  test("is nothing where both say the same, whatever the order of members", () => {
    expect(compareTemplates(template, structuredClone(template))).toEqual({ blocks: [], fields: [], page: [] });
    expect(told(put(template, at("a"), { text: "a", type: "text", id: "a" }))).toEqual([]);
  });

  test("is told by block, with the members that differ", () => {
    const bold = put(put(template, [...at("b"), "bold"], true), [...at("b"), "text"], "B");
    expect(told(bold)).toEqual(["changed b text bold"]);
    expect(told(put(template, [...at("foot"), "text"], "Page"))).toEqual(["changed foot text"]);
  });

  test("leaves the blocks that hold a changed one alone", () => {
    expect(told(put(template, [...at("left"), "text"], "L"))).toEqual(["changed left text"]);
    expect(told(put(template, [...at("row"), "columns", 1, "width"], 50))).toEqual(["changed row columns"]);
  });

  test("tells new and removed blocks once, with all that they hold", () => {
    const box = { id: "box", type: "box", blocks: [text("inner"), text("other")] };
    const added = insert(template, ["blocks"], 1, box);
    expect(told(added)).toEqual(["added box"]);
    expect(told(template, added)).toEqual(["removed box"]);
    expect(told(remove(template, at("row")))).toEqual(["removed row"]);
  });

  test("has what is gone behind what stood before it", () => {
    const after = put(remove(template, at("b")), ["blocks", 0, "text"], "A");
    expect(told(put(after, ["blocks", 3, "text"], "D"))).toEqual(["changed a text", "removed b", "changed d text"]);
    expect(told(remove(template, at("a")))).toEqual(["removed a"]);
  });

  test("calls as few blocks moved as possible", () => {
    expect(told(move(template, at("a"), ["blocks"], 5))).toEqual(["moved a"]);
    expect(told(move(template, at("d"), ["blocks"], 0))).toEqual(["moved d"]);
    // One that comes or goes moves nobody.
    expect(told(insert(template, ["blocks"], 0, text("new")))).toEqual(["added new"]);
  });

  test("finds a block again that went into another one, or out of one that is gone", () => {
    const inside = move(template, at("c"), [...at("row"), "columns", 1, "blocks"], 0);
    expect(told(inside)).toEqual(["moved c"]);
    const out = move(template, at("left"), ["blocks"], 0);
    const gone = out && remove(out, pathOf(out, "row") ?? []);
    expect(told(gone)).toEqual(["moved left", "removed row"]);
    const both = inside && put(inside, [...(pathOf(inside, "c") ?? []), "text"], "C");
    expect(told(both)).toEqual(["changed c text moved"]);
  });

  test("tells fields by name, and what of the page differs", () => {
    const fields: JsonObject[] = [{ name: "customer", title: "Client", kind: "text" }, { name: "due", kind: "date" }];
    const after = put(put(put(template, ["fields"], fields), ["theme"], { accent: "#aa0000" }), ["footer", "gap"], 5);
    const { blocks, fields: changes, page } = compareTemplates(template, after);
    expect(blocks).toEqual([]);
    expect(changes).toEqual([
      { change: "changed", name: "customer", title: "Client" },
      { change: "added", name: "due", title: "due" },
      { change: "removed", name: "total", title: "total" },
    ]);
    expect(page).toEqual(["footer", "theme"]);
  });
});
