/* A table's rows as this browser knows them: merging what the server tells, changes with their inverse, views. Pure. */
import type { Cells, Column, Row, RowChange, RowsAnswer } from "./types";

export interface Known {
  revision: number;
  /** In the table's order. */
  rows: readonly Row[];
}

const byPosition = (a: Row, b: Row) => a.position - b.position || (a.id < b.id ? -1 : 1);

type News = Pick<RowsAnswer, "items" | "deleted" | "revision">;

/** What changed since the revision that is known, put over it. An answer that was overtaken by a later one says nothing new. */
export function merged(known: Known, answer: News): Known {
  if (answer.revision < known.revision) return known;
  if (answer.items.length === 0 && answer.deleted.length === 0) return { ...known, revision: answer.revision };
  const fresh = new Map(answer.items.map((row) => [row.id, row]));
  const gone = new Set(answer.deleted);
  const kept: Row[] = [];
  for (const row of known.rows) {
    const news = fresh.get(row.id);
    fresh.delete(row.id);
    // Rows that were changed here can be ahead of what everything else is known of.
    if (news) kept.push(news.revision >= row.revision ? news : row);
    else if (!gone.has(row.id) || row.revision > answer.revision) kept.push(row);
  }
  return { revision: answer.revision, rows: [...kept, ...fresh.values()].sort(byPosition) };
}

/** The answer to a change that was made here. It tells of that change alone: where others made some just before, the revision stays
 * behind, and what they changed is still to be asked for. */
export function saved(known: Known, answer: News): Known {
  const next = merged(known, answer);
  return answer.revision > known.revision + 1 ? { ...next, revision: known.revision } : next;
}

/** All rows as they were read anew. What was saved here while they were read is newer than they are. */
export function reread(read: Known, known: Known | undefined): Known {
  if (known === undefined) return read;
  if (known.revision > read.revision) return known;
  return merged(read, { items: known.rows.filter((row) => row.revision > read.revision), deleted: [], revision: read.revision });
}

/** What takes changes back, written in the JSON form of the cells; it is made before they are sent. */
export function inverse(known: Known, changes: readonly RowChange[]): RowChange[] {
  const rows = new Map(known.rows.map((row) => [row.id, row]));
  // The order as it is when each change is made: a row that comes back stands behind what stood before it then.
  const order = known.rows.map((row) => row.id);
  const back: RowChange[] = [];
  for (const change of changes) {
    if (change.op === "add") {
      back.unshift({ op: "delete", row: change.id, revision: 0 });
      continue;
    }
    const row = rows.get(change.row);
    const index = order.indexOf(change.row);
    if (row === undefined || index < 0) continue;
    const before = order[index - 1];
    const place = before === undefined ? { first: true } : { after: before };
    if (change.op === "set") {
      const cells: Cells = {};
      for (const name of Object.keys(change.cells)) cells[name] = row.cells[name] ?? null;
      back.unshift({ op: "set", row: row.id, revision: 0, cells });
      continue;
    }
    order.splice(index, 1);
    if (change.op === "delete") back.unshift({ op: "add", id: row.id, ...place, cells: row.cells });
    else {
      back.unshift({ op: "move", row: row.id, ...place });
      order.splice(change.first ? 0 : change.after === undefined ? order.length : order.indexOf(change.after) + 1, 0, row.id);
    }
  }
  return back;
}

/** The same changes on the rows as they are now: a new row that is there already gets its cells. `ours` are the revisions that were made
 * here: what somebody else changed since it was seen is sent as it was seen, so that the server refuses it. What takes a step back saw its
 * rows as the step `made` them. A new row that never came to be needs no deletion. */
export function based(changes: readonly RowChange[], known: Known, made: number, ours: ReadonlySet<number>): RowChange[] {
  const rows = new Map(known.rows.map((row) => [row.id, row]));
  const revision = (row: string, seen: number) => {
    const now = rows.get(row)?.revision ?? seen;
    return now <= seen || ours.has(now) ? now : seen;
  };
  return changes.flatMap((change): RowChange[] => {
    if (change.op === "add") return [rows.has(change.id) ? { op: "set", row: change.id, revision: revision(change.id, 0), cells: change.cells } : change];
    if (change.op === "move") return [change];
    const seen = change.revision || made;
    return change.op === "delete" && seen === 0 && !rows.has(change.row) ? [] : [{ ...change, revision: revision(change.row, seen) }];
  });
}

export interface View {
  search: string;
  sort: { column: string; down: boolean } | null;
}

/** The rows that are shown, in the order they are shown in. */
export function shown(rows: readonly Row[], columns: readonly Column[], view: View, text: (column: Column, cell: unknown) => string, language: string): readonly Row[] {
  const wanted = view.search.trim().toLocaleLowerCase(language);
  let found = rows;
  if (wanted !== "") {
    found = rows.filter((row) => columns.some((column) => text(column, row.cells[column.name]).toLocaleLowerCase(language).includes(wanted)));
  }
  const column = columns.find((one) => one.name === view.sort?.column);
  if (column === undefined || view.sort === null) return found;
  const compare = comparing(column, language);
  const sign = view.sort.down ? -1 : 1;
  return [...found].sort((a, b) => {
    const [x, y] = [a.cells[column.name] ?? null, b.cells[column.name] ?? null];
    // What is empty stands last, whichever way it is sorted.
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    return sign * compare(x, y);
  });
}

function comparing(column: Column, language: string): (a: unknown, b: unknown) => number {
  switch (column.kind) {
    case "integer":
      return (a, b) => Number(a) - Number(b);
    case "decimal":
      return (a, b) => compareDecimals(String(a), String(b));
    case "money":
      return (a, b) => compareDecimals((a as { amount: string }).amount, (b as { amount: string }).amount);
    case "yes_no":
      return (a, b) => Number(b) - Number(a);
    default: {
      const collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
      return (a, b) => collator.compare(String(a), String(b));
    }
  }
}

/** Digit by digit: amounts are never made floating point numbers. */
export function compareDecimals(a: string, b: string): number {
  const [x, y] = [digits(a), digits(b)];
  if (x.sign !== y.sign) return x.sign - y.sign;
  const whole = x.whole.length - y.whole.length || (x.whole < y.whole ? -1 : x.whole > y.whole ? 1 : 0);
  const fraction = x.fraction < y.fraction ? -1 : x.fraction > y.fraction ? 1 : 0;
  return x.sign * (whole || fraction);
}

function digits(text: string): { sign: number; whole: string; fraction: string } {
  const [whole = "", fraction = ""] = text.replace("-", "").split(".");
  const parts = { whole: whole.replace(/^0+/, ""), fraction: fraction.replace(/0+$/, "") };
  const zero = parts.whole === "" && parts.fraction === "";
  return { sign: text.startsWith("-") && !zero ? -1 : 1, ...parts };
}
