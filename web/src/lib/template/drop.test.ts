import { describe, expect, test } from "vitest";

import type { Json } from "../document/types";
import { FORMAT, pathOf } from "./blocks";
import type { Template } from "./blocks";
import { dropAt } from "./drop";
import { put } from "./edits";

const text = (id: string) => ({ id, type: "text", text: id });
const template: Template = {
  format: FORMAT,
  header: { blocks: [text("head")] },
  footer: { blocks: [text("foot")] },
  blocks: [
    text("title"),
    { id: "row", type: "columns", columns: [{ blocks: [text("left")] }, { blocks: [] }, { blocks: [text("right")] }] },
    { id: "frame", type: "box", blocks: [text("inside")] },
    { id: "only", type: "if", when: "{{ false }}", blocks: [text("yes")], otherwise: [text("no")] },
    { id: "each", type: "repeat", list: "{{ lines }}", blocks: [text("first"), text("second")] },
    { ...text("hidden"), when: "{{ false }}" },
  ],
};

const box = (block: string, y_mm: number, height_mm: number, x_mm = 20, width_mm = 170) => ({ block, x_mm, y_mm, width_mm, height_mm });
const page = {
  width_mm: 210,
  height_mm: 297,
  boxes: [
    box("head", 10, 8),
    box("title", 30, 10),
    box("row", 44, 30), box("left", 44, 30, 20, 50), box("right", 44, 10, 140, 50),
    box("frame", 80, 20), box("inside", 84, 12, 24, 162),
    box("only", 104, 10), box("no", 104, 10),
    box("each", 120, 40), box("first", 120, 10), box("second", 130, 10), box("first", 140, 10), box("second", 150, 10),
    box("foot", 280, 6),
  ],
};

/** Where a block goes that is dropped there: `list index`, and the line above it as `y x width`. */
function check(x: number, y: number, dragged: string | null, expected: string | null, on: Template = template, shown = page) {
  const found = dropAt(on, shown, x, y, dragged === null ? null : pathOf(on, dragged));
  const said = found && `${found.list.join(".")} ${found.index} | ${found.line.y_mm} ${found.line.x_mm} ${found.line.width_mm}`;
  expect(said).toBe(expected);
}

describe("a block that is dragged over the page", () => {
  test("goes before or behind the block under it, with the line between the two", () => {
    check(100, 31, null, "blocks 0 | 30 20 170");
    check(100, 39, null, "blocks 1 | 42 20 170");
    check(100, 42, "inside", "blocks 1 | 42 20 170");
    check(5, 31, "inside", "blocks 0 | 30 20 170");
  });

  test("goes into the column beside it, also into one without blocks", () => {
    check(30, 52, "title", "blocks.1.columns.0.blocks 0 | 44 20 50");
    check(30, 70, "title", "blocks.1.columns.0.blocks 1 | 74 20 50");
    check(100, 60, "title", "blocks.1.columns.1.blocks 0 | 44 70 70");
    check(200, 60, "title", "blocks.1.columns.2.blocks 1 | 54 140 50");
  });

  test("goes beside what holds blocks near to its edges", () => {
    check(30, 45, "inside", "blocks 1 | 42 20 170");
    check(30, 73, "inside", "blocks 2 | 77 20 170");
    check(100, 81, "title", "blocks 2 | 77 20 170");
    check(100, 86, "title", "blocks.2.blocks 0 | 84 24 162");
    check(100, 96, "title", "blocks.2.blocks 1 | 96 24 162");
  });

  test("goes into the branch that is shown, and beside each of what is repeated", () => {
    check(100, 108, "title", "blocks.3.otherwise 0 | 104 20 170");
    check(100, 132, "title", "blocks.4.blocks 1 | 130 20 170");
    check(100, 148, "title", "blocks.4.blocks 1 | 150 20 170");
    check(100, 153, "title", "blocks.4.blocks 1 | 150 20 170");
  });

  test("goes into head and foot on them only: what is empty is the body's", () => {
    check(100, 12, "title", "header.blocks 0 | 10 20 170");
    check(100, 25, "inside", "blocks 0 | 30 20 170");
    check(100, 275, "title", "blocks 5 | 160 20 170");
    check(100, 285, "title", "footer.blocks 1 | 286 20 170");
  });

  test("stays where it is over itself, beside itself and in itself", () => {
    check(100, 31, "title", null);
    check(100, 39, "title", null);
    check(30, 60, "row", null);
    check(100, 90, "frame", null);
    // What is before it is not it.
    check(100, 31, "row", "blocks 0 | 30 20 170");
  });

  test("takes the columns of right-to-left pages from the right", () => {
    const onlyOne = put(template, ["blocks", 1, "columns"], [{ blocks: [text("left")] }, { blocks: [] }] as Json[]);
    const arabic = put(onlyOne, ["page"], { direction: "rtl" });
    const shown = { ...page, boxes: [box("row", 44, 30), box("left", 44, 30, 120, 70)] };
    check(40, 60, null, "blocks.1.columns.1.blocks 0 | 44 20 100", arabic, shown);
  });

  test("is the first where the page is empty", () => {
    const empty: Template = { format: FORMAT, page: { margins: { left: 25, right: 15 } }, blocks: [] };
    check(100, 200, null, "blocks 0 | 18 25 170", empty, { ...page, boxes: [] });
  });

  test("finds blocks by their ids, wherever they have gone since the page was drawn", () => {
    const changed = put(template, ["blocks"], [text("new"), ...(template["blocks"] as Json[])]);
    check(100, 31, null, "blocks 1 | 30 20 170", changed);
  });
});
