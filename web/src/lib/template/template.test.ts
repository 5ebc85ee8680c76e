import { describe, expect, test } from "vitest";

import { freeze, record, redo, startHistory, thaw, undo } from "../document/history";
import type { JsonObject } from "../document/types";
import { blockAround, blockAt, blocksOf, FORMAT, isTemplate, pathOf, rowsOf } from "./blocks";
import type { Template } from "./blocks";
import { duplicate, gapAt, insert, isReadByPage, move, moveIn, moveOut, put, readBlocks, remove, shift, sumOf, textColumns, usersOf, withColumns, withFields, withSum, withTotal } from "./edits";
import { gone, KINDS, mattering, membersOf, PAGE } from "./members";
import { mergeTemplates } from "./merge";
import { caretAt, lettersBefore, placeOfProblem } from "./places";
import { listsIn, sourcesAt } from "./scope";
import { columnFor, newBlock } from "./starts";

const template: Template = {
  format: FORMAT,
  fields: [
    { name: "customer", title: "Customer", kind: "text" },
    {
      name: "lines", title: "Line items", kind: "list",
      item: { kind: "record", fields: [{ name: "what", title: "What", kind: "text" }, { name: "amount", title: "Amount", kind: "money" }] },
    },
  ],
  footer: { blocks: [{ id: "foot", type: "text", text: "Page {{ page }}" }] },
  blocks: [
    { id: "title", type: "heading", text: "Invoice for {{ customer }}" },
    { id: "row", type: "columns", columns: [{ blocks: [{ id: "left", type: "text", text: "Left" }] }, { blocks: [] }] },
    { id: "lines", type: "table", rows: "{{ lines }}", columns: [{ heading: "What", value: "{{ item.what }}" }, { heading: "Amount", value: "{{ item.amount | amount }}" }] },
    { id: "only", type: "if", when: "{{ customer }}", blocks: [{ id: "thanks", type: "text", text: "Thank you" }] },
  ],
};

/** Ids in the order of the tree, each with how deep it lies. */
const outline = (of: Template | null) => (of ? rowsOf(of).flatMap((row) => (row.kind === "block" ? [`${row.block.id}@${row.depth}`] : [])).join(" ") : null);
const at = (id: string) => pathOf(template, id) ?? [];

describe("the tree", () => {
  test("shows every region, column and branch with its blocks", () => {
    expect(outline(template)).toBe("title@1 row@1 left@3 lines@1 only@1 thanks@2 foot@1");
    expect(rowsOf(template).filter((row) => row.kind === "slot").map((row) => (row.kind === "slot" ? `${row.slot}${row.number}${row.empty ? "-" : ""}` : ""))).toEqual([
      "header1-", "body1", "column1", "column2-", "otherwise1-", "footer1",
    ]);
    expect(isTemplate(template) && !isTemplate({ format: "other" })).toBe(true);
  });

  test("finds the block that a place lies in", () => {
    expect(blockAround(template, ["blocks", 1, "columns", 0, "blocks", 0, "text"])).toEqual(at("left"));
    expect(blockAround(template, ["blocks", 2, "columns", 1, "heading"])).toEqual(at("lines"));
    expect(blockAround(template, ["theme", "accent"])).toBeNull();
  });
});

describe("edits", () => {
  test("insert, remove and duplicate leave the rest as it is", () => {
    const more = insert(template, ["header", "blocks"], 0, { id: "top", type: "rule" });
    expect(outline(more)).toBe(`top@1 ${outline(template)}`);
    expect(more["blocks"]).toBe(template["blocks"]);
    expect(outline(remove(template, at("row")))).toBe("title@1 lines@1 only@1 thanks@2 foot@1");
    const copy = duplicate(template, at("row"));
    expect(outline(copy?.template ?? null)).toBe("title@1 row@1 left@3 row_2@1 left_2@3 lines@1 only@1 thanks@2 foot@1");
    expect(copy?.path).toEqual(["blocks", 2]);
  });

  test("a block moves anywhere but into itself", () => {
    expect(outline(move(template, at("title"), ["blocks", 1, "columns", 1, "blocks"], 0))).toBe("row@1 left@3 title@3 lines@1 only@1 thanks@2 foot@1");
    expect(outline(move(template, at("thanks"), ["blocks"], 0))).toBe("thanks@1 title@1 row@1 left@3 lines@1 only@1 foot@1");
    expect(move(template, at("row"), ["blocks", 1, "columns", 1, "blocks"], 0)).toBeNull();
    expect(move(template, at("row"), ["blocks"], 2)).toBeNull();
  });

  test("up and down lead past neighbours and out of what holds a block", () => {
    expect(outline(shift(template, at("lines"), -1))).toBe("title@1 lines@1 row@1 left@3 only@1 thanks@2 foot@1");
    expect(outline(shift(template, at("row"), 1))).toBe("title@1 lines@1 row@1 left@3 only@1 thanks@2 foot@1");
    expect(outline(shift(template, at("thanks"), -1))).toBe("title@1 row@1 left@3 lines@1 thanks@1 only@1 foot@1");
    expect(outline(moveOut(template, at("left"), 1))).toBe("title@1 row@1 left@1 lines@1 only@1 thanks@2 foot@1");
    expect(shift(template, at("title"), -1)).toBeNull();
    expect(outline(moveIn(template, at("lines")))).toBe("title@1 row@1 left@3 lines@3 only@1 thanks@2 foot@1");
  });

  test("what is new goes into an empty place that is chosen, or behind the chosen block", () => {
    expect(gapAt(template, at("title"))).toEqual({ list: ["blocks"], index: 1 });
    expect(gapAt(template, ["blocks", 1, "columns", 1, "blocks"])).toEqual({ list: ["blocks", 1, "columns", 1, "blocks"], index: 0 });
    expect(gapAt(template, null)).toEqual({ list: ["blocks"], index: 4 });
  });

  test("sums stay with their columns", () => {
    const table = blockAt(template, at("lines")) as JsonObject;
    const summed = withSum(table, 1, '{{ lines | sum(attribute="amount") | money }}');
    expect(summed["totals"]).toEqual([["", '{{ lines | sum(attribute="amount") | money }}']]);
    const [what, amount] = summed["columns"] as JsonObject[];
    const swapped = withColumns(summed, [amount as JsonObject, what as JsonObject]);
    expect(sumOf(swapped, 0)).toContain("amount");
    const renamed = withColumns(swapped, [{ ...(amount as JsonObject), heading: "Price" }, what as JsonObject]);
    expect(sumOf(renamed, 0)).toContain("amount");
    expect(withColumns(swapped, [what as JsonObject])["totals"]).toBeUndefined();
    expect(withSum(summed, 1, "")["totals"]).toBeUndefined();
  });

  test("totals below columns have a label as long as there are any", () => {
    const table = blockAt(template, at("lines")) as JsonObject;
    const format = { value: "{{ item.amount }}", format: { kind: "amount" } };
    const summed = withTotal(table, 1, "sum", format, "Total");
    expect(summed).toMatchObject({ total_label: "Total", columns: [{ heading: "What" }, { ...format, heading: "Amount", total: "sum" }] });
    expect(withTotal({ ...summed, total_label: "All" }, 1, "max", {}, "Total")["total_label"]).toBe("All");
    const grouped = withTotal({ ...table, group: { by: "{{ item.what }}", total_label: "Of the group" } }, 1, "sum", format, "Total");
    expect(grouped["total_label"]).toBeUndefined();
    expect(withTotal(grouped, 1, undefined, {}, "Total")["group"]).toEqual({ by: "{{ item.what }}" });
    expect(withTotal(summed, 1, undefined, {}, "Total")["total_label"]).toBeUndefined();
  });

  test("copied blocks are read from a text, and nothing else is", () => {
    expect(readBlocks(JSON.stringify({ id: "a", type: "rule" }))).toEqual([{ id: "a", type: "rule" }]);
    expect(readBlocks("[]")).toBeNull();
    expect(readBlocks("Dear customer")).toBeNull();
    expect(readBlocks('[{"id":"a"}]')).toBeNull();
  });

  test("fields know where they are read", () => {
    expect(usersOf(template, "customer")).toEqual(["title", "only"]);
    expect(usersOf(template, "lines")).toEqual(["lines"]);
    // A member, a filter and a word in quotes are no fields.
    expect(usersOf(template, "amount")).toEqual([]);
  });

  test("a field's new name is its name everywhere", () => {
    const [customer, lines] = template["fields"] as JsonObject[];
    const renamed = withFields({ ...template, sample: { customer: "Ada" } }, [{ ...customer, name: "guest" }, lines as JsonObject]);
    expect(blockAt(renamed, ["blocks", 0])?.["text"]).toBe("Invoice for {{ guest }}");
    expect(blockAt(renamed, ["blocks", 3])?.["when"]).toBe("{{ guest }}");
    expect(renamed["sample"]).toEqual({ guest: "Ada" });
    expect(blockAt(withFields(template, [lines as JsonObject]), ["blocks", 0])?.["text"]).toBe("Invoice for {{ customer }}");
  });
});

test("undo and redo lead back and forth, also after a reload", () => {
  const renamed = put(template, ["blocks", 0, "text"], "Bill");
  const history = record(startHistory(template), renamed, "text", "blocks/0/text", 0);
  const typed = record(history, put(renamed, ["blocks", 0, "text"], "Bills"), "text", "blocks/0/text", 500);
  expect(typed.past).toHaveLength(1);
  const again = thaw(freeze(typed, 1_000_000), isTemplate);
  if (!again) throw new Error("the history is gone");
  const before = undo(again);
  expect(before.present).toEqual(template);
  expect(redo(before).present["blocks"]).toEqual(typed.present["blocks"]);
});

describe("two people", () => {
  const theirs = put(template, ["blocks", 0, "text"], "Bill");

  test("who change different places both get their way", () => {
    const mine = put(put(template, ["blocks", 0, "size"], 20), ["theme", "accent"], "#ff0000");
    const { document, conflicts } = mergeTemplates(template, theirs, mine);
    expect(conflicts).toEqual([]);
    expect(blockAt(document, ["blocks", 0])).toEqual({ id: "title", type: "heading", text: "Bill", size: 20 });
    expect(document["theme"]).toEqual({ accent: "#ff0000" });
  });

  test("who change the same place are told so, and either can be kept", () => {
    const mine = put(put(template, ["blocks", 0, "text"], "Invoice"), ["blocks", 3, "when"], "{{ true }}");
    expect(mergeTemplates(template, theirs, mine).conflicts).toEqual(["/blocks/0/text"]);
    const kept = mergeTemplates(template, theirs, mine, "mine").document;
    expect(blockAt(kept, ["blocks", 0])?.["text"]).toBe("Invoice");
    expect(blockAt(mergeTemplates(template, theirs, mine, "theirs").document, ["blocks", 3])?.["when"]).toBe("{{ true }}");
  });

  test("who both change how many blocks there are meet", () => {
    const mine = remove(template, at("row"));
    expect(mergeTemplates(template, insert(template, ["blocks"], 0, { id: "top", type: "rule" }), mine).conflicts).toEqual(["/blocks"]);
  });
});

describe("from the page to the template", () => {
  test("bytes are counted as letters", () => {
    expect(lettersBefore("Für €5", 4)).toBe(3);
    expect(lettersBefore("😀x", 4)).toBe(2);
    expect(lettersBefore("ab", 9)).toBe(2);
  });

  test("a click puts the caret into the words, and beside values", () => {
    const text = "Dear {{ name }}, welcome";
    expect(caretAt(text, 0, 5, 0.8)).toBe(4);
    expect(caretAt(text, 5, 15, 0.2)).toBe(5);
    expect(caretAt(text, 5, 15, 0.9)).toBe(15);
    expect(caretAt(text, 15, 24, 1)).toBe(24);
  });

  test("a problem leads to its block", () => {
    expect(placeOfProblem(template, "/template/blocks/2/columns/1/value")).toEqual({ block: ["blocks", 2], member: ["columns", 1, "value"] });
    expect(placeOfProblem(template, "/template/theme/size")).toEqual({ block: null, member: ["theme", "size"] });
  });
});

describe("values", () => {
  const words = { fields: "Fields", entry: "Entry", number: "Number", page: "Page", pages: "Pages" };
  const values = { lines: [{ what: "Flight", amount: { amount: "1.00", currency: "EUR" } }] };

  test("a column reads its row, a foot the page's number", () => {
    const inColumn = sourcesAt(template, ["blocks", 2, "columns", 0, "value"], values, words);
    expect(inColumn.map((source) => source.id)).toEqual(["item", "index", "customer", "lines"]);
    expect(inColumn[0]?.value).toEqual(values.lines[0]);
    expect(sourcesAt(template, ["blocks", 2, "empty"], values, words).map((source) => source.id)).toEqual(["customer", "lines"]);
    expect(sourcesAt(template, ["blocks", 2, "columns", 0, "heading"], values, words).map((source) => source.id)).toEqual(["customer", "lines"]);
    const [group] = sourcesAt(template, ["blocks", 2, "group", "heading"], values, words);
    expect(group?.kind).toMatchObject({ kind: "record", fields: [{ name: "key" }, { name: "items", kind: "list" }] });
    expect(sourcesAt(template, ["blocks", 2, "group", "by"], values, words)[0]?.value).toEqual(values.lines[0]);
    expect(sourcesAt(template, ["footer", "blocks", 0, "text"], values, words).map((source) => source.id)).toEqual(["page", "pages", "customer", "lines"]);
  });

  test("a table begins bound to a list", () => {
    const lists = listsIn(sourcesAt(template, ["blocks"], values, words));
    expect(lists.map((list) => list.path)).toEqual([["lines"]]);
    const table = newBlock(template, "table", lists, { heading: "", text: "", label: "", sign: "" });
    expect(table).toMatchObject({ id: "table", rows: "{{ lines }}", columns: [{ heading: "What" }, { heading: "Amount", value: "{{ item.amount }}", format: { kind: "amount" }, align: "end" }] });
    expect(columnFor({ name: "day", kind: "date" })).toEqual({ heading: "day", value: "{{ item.day }}", format: { kind: "date" }, width: "auto" });
  });
});

describe("a plan", () => {
  const words = { fields: "Fields", entry: "Entry", number: "Number", page: "Page", pages: "Pages" };
  const start = { heading: "Heading", text: "", label: "", sign: "" };
  const stops = { name: "stops", kind: "list", item: { kind: "record", fields: [{ name: "at", kind: "time" }, { name: "what", kind: "text" }, { name: "photo", kind: "file" }] } };
  const days = { name: "days", kind: "list", item: { kind: "record", fields: [{ name: "town", kind: "text" }, stops] } };
  const trip: Template = {
    format: FORMAT, fields: [days],
    blocks: [{ id: "plan", type: "plan", days: "{{ days }}", day_title: "{{ item.town }}", entries: "{{ item.stops }}", title: "{{ item.what }}" }],
  };

  test("begins with the list whose entries hold lists, or with the first one", () => {
    const plan = (of: Template) => newBlock(of, "plan", listsIn(sourcesAt(of, ["blocks"], {}, words)), start);
    expect(plan(trip)).toMatchObject({
      days: "{{ days }}", day_title: "{{ item.town }}", entries: "{{ item.stops }}", time: "{{ item.at }}", title: "{{ item.what }}", picture: { source: "{{ item.photo }}" },
    });
    expect(plan(template)).toEqual({ id: "plan", type: "plan", entries: "{{ lines }}", title: "{{ item.what }}" });
    expect(plan({ format: FORMAT })).toEqual({ id: "plan", type: "plan", entries: "", title: "Heading" });
  });

  test("reads the day in its heading and the entry in the others", () => {
    const fields = (member: string) => {
      const [item] = sourcesAt(trip, ["blocks", 0, member], {}, words);
      return item?.kind.kind === "record" ? item.kind.fields.map((field) => field.name) : [];
    };
    expect(fields("day_title")).toEqual(["town", "stops"]);
    expect(fields("entries")).toEqual(["town", "stops"]);
    expect(fields("title")).toEqual(["at", "what", "photo"]);
    expect(fields("picture")).toEqual(["at", "what", "photo"]);
  });
});

describe("the lines of texts in columns", () => {
  const text = (name: string): JsonObject => ({ name, kind: "text" });
  const list = (name: string, fields: JsonObject[], more: JsonObject = {}): JsonObject => ({ name, kind: "list", item: { kind: "record", fields }, ...more });
  const columns: JsonObject = { text: { max_lines: 3 }, "stops.what": { max_lines: 1, overflow: "cut" } };
  const trip = (days: JsonObject): Template => ({ format: FORMAT, fields: [text("guest"), days], blocks: [] });
  const days = list("days", [text("text"), list("stops", [text("what")])], { columns });
  const after = (changed: JsonObject) => (withFields(trip(days), [text("guest"), changed])["fields"] as JsonObject[])[1]?.["columns"];

  test("are offered for every text below a field", () => {
    expect(textColumns(days).map((column) => column.path)).toEqual(["text", "stops.what"]);
    expect(textColumns(text("guest"))).toEqual([]);
  });

  test("stay with a column that gets another name and go with one that goes", () => {
    expect(after({ ...days, name: "tour" })).toEqual(columns);
    expect(after(list("days", [text("words"), list("stops", [text("what")])], { columns }))).toEqual({ words: { max_lines: 3 }, "stops.what": { max_lines: 1, overflow: "cut" } });
    expect(after(list("days", [text("text")], { columns }))).toEqual({ text: { max_lines: 3 } });
    expect(after({ name: "days", kind: "money", columns })).toBeUndefined();
  });
});

describe("what goes with the pages", () => {
  const password: Template = { ...template, password: { open: "{{ customer }}" }, append: [{ source: "{{ lines }}" }] };

  test("reads the document's fields, which know it", () => {
    const words = { fields: "Fields", entry: "Entry", number: "Number", page: "Page", pages: "Pages" };
    expect(sourcesAt(password, ["password", "open"], {}, words).map((source) => source.id)).toEqual(["customer", "lines"]);
    expect(isReadByPage(password, "customer")).toBe(true);
    expect(isReadByPage(template, "customer")).toBe(false);
    const [customer, lines] = template["fields"] as JsonObject[];
    expect(withFields(password, [{ ...customer, name: "pin" }, lines as JsonObject])["password"]).toEqual({ open: "{{ pin }}" });
  });

  test("has a form for each member, and pages without a letterhead have no other one", () => {
    expect(PAGE.extras.map((member) => member.name)).toEqual(["watermark", "letterhead", "prepend", "append", "attachments", "password"]);
    for (const { of: members = [] } of PAGE.extras) {
      const names = members.map((member) => member.name);
      expect(new Set(names).size).toBe(names.length);
      expect(names).toContain("when");
    }
    const letterhead = PAGE.extras.find((member) => member.name === "letterhead")?.of ?? [];
    const shown = (record: JsonObject) => mattering(letterhead, record).map((member) => member.name);
    expect(shown({})).toContain("following");
    expect(shown({ first_only: true })).not.toContain("following");
  });
});

test("every kind of block has its form, with what all blocks have", () => {
  for (const kind of KINDS) {
    const names = membersOf(kind).map((member) => member.name);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain("when");
  }
  expect(blocksOf(template)).toHaveLength(7);
  const names = (record: JsonObject) => mattering(membersOf("text"), record).map((member) => member.name);
  expect(names({})).not.toContain("overflow");
  expect(names({ max_lines: 2 })).toContain("overflow");
  expect(mattering(membersOf("image"), { decorative: true }).map((member) => member.name)).not.toContain("alt");
  expect(gone(membersOf("text"), { max_lines: 2, overflow: "cut" }, { overflow: "cut" })).toEqual(["overflow", "min_size"]);
  expect(gone(membersOf("image"), {}, { decorative: true })).toEqual(["alt"]);
});

test("paper of an own size has a width and a height, and is as it is held", () => {
  const names = (record: JsonObject) => mattering(PAGE.page, record).map((member) => member.name);
  expect(names({})).toEqual(["size", "orientation", "direction"]);
  expect(names({ size: "custom" })).toEqual(["size", "width", "height", "direction"]);
  expect(gone(PAGE.page, { orientation: "landscape" }, { orientation: "landscape", size: "custom" })).toEqual(["orientation"]);
  expect(gone(PAGE.page, { size: "custom", width: 100 }, { width: 100 })).toEqual(["width", "height"]);
});
