import { describe, expect, test } from "vitest";
import { cellText, choicesOf, columnName, openedText, readBlock, shownText, typedText, writeBlock, yesNo } from "./cells";
import { readAll } from "./reading";
import { based, compareDecimals, inverse, merged, reread, saved, shown } from "./rows";
import type { Column, Row, RowChange, RowsAnswer } from "./types";

const row = (id: string, position: number, name: string, revision = 1): Row => ({ id, position, revision, cells: { name } });
const known = { revision: 3, rows: [row("a", 1, "Adler"), row("b", 2, "Post"), row("c", 3, "Krone")] };
const name: Column = { name: "name", title: "Name", kind: "text" };
const price: Column = { name: "price", title: "Price", kind: "money", currency: "EUR" };
const text = (column: Column, cell: unknown) => cellText(column, cell, "en");

describe("what the server tells", () => {
  test("is put in its place, and what has gone goes", () => {
    const next = merged(known, { items: [row("d", 1.5, "Bär", 4), row("b", 9, "Post", 4)], deleted: ["c"], revision: 4 });
    expect(next.rows.map((one) => one.id)).toEqual(["a", "d", "b"]);
    expect(next.revision).toBe(4);
  });

  test("never goes back behind what is known", () => {
    const newer = { revision: 9, rows: [row("a", 1, "new", 9)] };
    expect(merged(newer, { items: [row("a", 1, "old", 5), row("z", 2, "gone since", 5)], deleted: ["a"], revision: 5 })).toEqual(newer);
    // A row that came back here, and an answer from the moment when it was gone.
    const ahead = { revision: 5, rows: [row("a", 1, "back", 7)] };
    expect(merged(ahead, { items: [], deleted: ["a"], revision: 6 })).toEqual({ ...ahead, revision: 6 });
  });

  test("of a change that was made here says nothing of what others did just before", () => {
    const made = (revision: number) => saved(known, { items: [row("a", 1, "X", revision)], deleted: [], revision });
    expect(made(4)).toMatchObject({ revision: 4, rows: [{ cells: { name: "X" } }, {}, {}] });
    expect(made(5)).toMatchObject({ revision: 3, rows: [{ cells: { name: "X" } }, {}, {}] });
  });

  test("is no older for being read anew", () => {
    const read = { revision: 4, rows: [row("a", 1, "Adler"), row("b", 2, "Bär", 4)] };
    expect(reread(read, undefined)).toBe(read);
    // Everything up to 5 was told while the pages were read.
    const newer = { revision: 5, rows: [row("a", 1, "X", 5)] };
    expect(reread(read, newer)).toBe(newer);
    // Only what was saved here is ahead.
    const ahead = { revision: 3, rows: [row("a", 1, "X", 6), row("b", 2, "Post")] };
    expect(reread(read, ahead)).toEqual({ revision: 4, rows: [row("a", 1, "X", 6), row("b", 2, "Bär", 4)] });
  });
});

test("a table whose columns change while it is read is read again", async () => {
  const asked: object[] = [];
  const answer = (items: Row[], rest: Partial<RowsAnswer>): RowsAnswer => ({ items, next: null, revision: 3, deleted: [], reload: false, ...rest });
  const answers = [
    answer([row("a", 1, "old")], { next: "p" }), answer([row("b", 2, "old")], {}), answer([], { reload: true }),
    answer([row("a", 1, "new", 5)], { revision: 5 }), answer([row("a", 1, "newer", 6)], { revision: 6 }),
  ];
  const read = await readAll(async (query) => {
    asked.push(query);
    return answers.shift() ?? answer([], {});
  });
  expect(asked).toEqual([{}, { after: "p" }, { since: 3 }, {}, { since: 5 }]);
  expect(read).toEqual({ revision: 6, rows: [row("a", 1, "newer", 6)] });
});

test("changes are taken back in reverse", () => {
  const changes: RowChange[] = [
    { op: "set", row: "a", revision: 1, cells: { name: "X" } },
    { op: "delete", row: "b", revision: 1 },
    { op: "add", id: "n", cells: {} },
    { op: "move", row: "c", first: true },
  ];
  expect(inverse(known, changes)).toEqual([
    { op: "move", row: "c", after: "a" },
    { op: "delete", row: "n", revision: 0 },
    { op: "add", id: "b", after: "a", cells: { name: "Post" } },
    { op: "set", row: "a", revision: 0, cells: { name: "Adler" } },
  ]);
});

test("what somebody else changed since is not taken back silently", () => {
  const undo: RowChange[] = [{ op: "set", row: "a", revision: 0, cells: { name: "Adler" } }];
  const at = (revision: number) => based(undo, { revision, rows: [row("a", 1, "X", revision)] }, 4, new Set([4, 6]))[0];
  expect(at(4)).toMatchObject({ revision: 4 });
  expect(at(6)).toMatchObject({ revision: 6 });
  // The server refuses this one: somebody else made 7.
  expect(at(7)).toMatchObject({ revision: 4 });
  const typed: RowChange[] = [{ op: "set", row: "a", revision: 2, cells: {} }];
  expect(based(typed, { revision: 9, rows: [row("a", 1, "X", 7)] }, 0, new Set([9]))).toEqual(typed);
});

test("a new row that is there already gets its cells", () => {
  const add: RowChange[] = [{ op: "add", id: "a", after: "b", cells: { name: "X" } }, { op: "add", id: "n", cells: {} }];
  expect(based(add, known, 0, new Set([1]))).toEqual([{ op: "set", row: "a", revision: 1, cells: { name: "X" } }, add[1]]);
});

test("a new row that never came to be needs no deletion", () => {
  const gone: RowChange[] = [{ op: "delete", row: "n", revision: 0 }, { op: "delete", row: "a", revision: 0 }];
  expect(based(gone, known, 0, new Set([1]))).toEqual([{ op: "delete", row: "a", revision: 1 }]);
  // One that was there, and that somebody else deleted before its making is taken back, is the server's to tell.
  expect(based(gone.slice(0, 1), known, 4, new Set([4]))).toEqual([{ op: "delete", row: "n", revision: 4 }]);
});

test("rows that were deleted together come back in their order", () => {
  const gone = inverse(known, ["a", "b", "c"].map((id) => ({ op: "delete", row: id, revision: 1 })));
  expect(gone.map((change) => change.op === "add" && [change.id, change.first])).toEqual([["c", true], ["b", true], ["a", true]]);
});

describe("views", () => {
  const priced = (id: string, amount: string | null): Row => ({ id, position: 1, revision: 1, cells: { name: id, price: amount && { amount, currency: "EUR" } } });
  const rows = [priced("x", "9.50"), priced("y", null), priced("z", "-100.00"), priced("w", "10.00")];
  const ids = (sort: { column: string; down: boolean } | null, search = "") => shown(rows, [name, price], { search, sort }, text, "en").map((one) => one.id).join("");

  test("sort by amount, empty ones last either way", () => {
    expect(ids({ column: "price", down: false })).toBe("zxwy");
    expect(ids({ column: "price", down: true })).toBe("wxzy");
    expect(ids(null)).toBe("xyzw");
  });

  test("find what people read", () => {
    expect(ids(null, "-100")).toBe("z");
    expect(ids(null, "eur")).toBe("xzw");
  });
});

test("decimals compare digit by digit", () => {
  const check = (a: string, b: string, expected: number) => expect(Math.sign(compareDecimals(a, b)), `${a} ${b}`).toBe(expected);
  check("9.5", "10", -1);
  check("0.30000000000000001", "0.3", 1);
  check("-2", "-10", 1);
  check("-0.00", "0", 0);
  check("100000000000000000001", "100000000000000000000", 1);
});

describe("cells", () => {
  test("read in the firm's language and are typed in it", () => {
    const cell = { amount: "-1234567.50", currency: "EUR" };
    expect(cellText(price, cell, "de")).toBe("-1.234.567,50 EUR");
    expect(typedText(price, cell, "de")).toBe("-1234567,50");
    expect(cellText({ name: "d", kind: "date" }, "2027-03-08", "en")).toBe("8 Mar 2027");
    expect(cellText(name, null, "en")).toBe("");
  });

  test("show what was typed until the server has read it", () => {
    const cell = { amount: "1.50", currency: "EUR" };
    const said = (column: Column, typed: unknown) => [shownText(column, cell, typed, "de"), openedText(column, cell, typed, "de")];
    expect(said(price, undefined)).toEqual(["1,50 EUR", "1,50"]);
    expect(said(price, "cheap")).toEqual(["cheap", "cheap"]);
    expect(said(price, null)).toEqual(["", ""]);
    expect(said({ name: "n", kind: "integer" }, "1e3")).toEqual(["1e3", "1e3"]);
    expect(said({ name: "o", kind: "choice", options: [{ value: "de", title: "Germany" }] }, "de")).toEqual(["Germany", "de"]);
  });

  test("a block comes back as it was copied", () => {
    const block = [["Adler", "1,5"], ["two\nlines", 'a "b"\tc'], ["", ""]];
    expect(readBlock(writeBlock(block))).toEqual(block);
    expect(readBlock("a\tb\r\n1\t2\r\n")).toEqual([["a", "b"], ["1", "2"]]);
    expect(readBlock('5" pipe\tx')).toEqual([['5" pipe', "x"]]);
  });
});

test("a letter says yes or no, or nothing", () => {
  const said = [..."yYj是1nN否0q"].map(yesNo);
  expect(said).toEqual([true, true, true, true, true, false, false, false, false, null]);
});

test("choices that stay keep their titles", () => {
  const known = [{ value: "de", title: "Germany" }, { value: "fr", title: "France" }];
  expect(choicesOf(" fr\n\nit\n", known)).toEqual([{ value: "fr", title: "France" }, { value: "it" }]);
});

test("a column's short name comes from its title and is its own", () => {
  expect(columnName("Preis (€)", [])).toBe("preis");
  expect(columnName("Straße & Ort", [])).toBe("stra_e_ort");
  expect(columnName("Name", ["name"])).toBe("name_2");
  expect(columnName("酒店", ["column"])).toBe("column_2");
});
