/* What is on the screen and not on the server: rows that still need cells, cells that are on their way, and cells whose text could not be
 * read. */
import { useMemo, useState } from "react";
import { ApiError } from "~/api/client";
import { loadServerWords, problemText } from "~/ui/server-words/words";
import { type Bad, cellKey } from "./Grid";
import type { Cells, Row, RowChange, TableItem } from "./types";

export interface Draft {
  id: string;
  cells: Cells;
  after?: string;
  first?: boolean;
}

/** What changes write into cells, the later over the earlier. */
function written(changes: readonly RowChange[]): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const change of changes) {
    if (change.op !== "add" && change.op !== "set") continue;
    const row = change.op === "add" ? change.id : change.row;
    for (const [name, typed] of Object.entries(change.cells)) found.set(cellKey(row, name), typed);
  }
  return found;
}

function draftOf({ id, cells, after, first }: Extract<RowChange, { op: "add" }>): Draft {
  return { id, cells, ...(after === undefined ? {} : { after }), ...(first ? { first } : {}) };
}

/** What is left of a change without the cells that cannot be read: a new row waits for all of its cells. */
function withoutWrong(change: RowChange, wrong: readonly string[] | undefined): RowChange[] {
  if (wrong === undefined) return [change];
  if (change.op !== "set") return [];
  const cells = Object.fromEntries(Object.entries(change.cells).filter(([name]) => !wrong.includes(name)));
  return Object.keys(cells).length === 0 ? [] : [{ ...change, cells }];
}

export function useDrafts(table: TableItem | undefined) {
  const [drafts, setDrafts] = useState<readonly Draft[]>([]);
  const [bad, setBad] = useState<ReadonlyMap<string, Bad>>(new Map());
  const [sent, setSent] = useState<readonly (readonly RowChange[])[]>([]);
  const onWay = useMemo(() => written(sent.flat()), [sent]);
  const required = table?.columns.filter((column) => !column.optional) ?? [];
  const isFilled = (cell: unknown) => cell !== null && cell !== undefined && String(cell).trim() !== "";
  const missing = (draft: Draft) => required.filter((column) => !isFilled(draft.cells[column.name])).map((column) => column.name);

  const good = (cells: Iterable<string>) => setBad((before) => {
    const next = new Map(before);
    for (const cell of cells) next.delete(cell);
    return next;
  });

  /** Keeps what was typed beside what is wrong with it, new rows as rows that are not saved yet. Gives what can be sent without all that;
   * `null`: something that is wrong has no place. */
  const refuse = async (error: unknown, changes: readonly RowChange[]): Promise<RowChange[] | null> => {
    if (!(error instanceof ApiError) || error.problem.status !== 422) return null;
    await loadServerWords();
    const found = new Map<string, Bad>();
    const wrong = new Map<RowChange, string[]>();
    let placed = true;
    for (const problem of error.problem.problems ?? []) {
      const [, at, name] = /^\/changes\/(\d+)\/cells\/([^/]+)$/.exec(problem.pointer) ?? [];
      const change = at === undefined ? undefined : changes[Number(at)];
      if (change === undefined || name === undefined || change.op === "move" || change.op === "delete") {
        placed = false;
        continue;
      }
      const row = change.op === "add" ? change.id : change.row;
      found.set(cellKey(row, name), { text: String(change.cells[name] ?? ""), problem: problemText(problem) });
      wrong.set(change, [...(wrong.get(change) ?? []), name]);
    }
    setBad((before) => new Map([...before, ...found]));
    const kept = [...wrong.keys()].flatMap((change) => (change.op === "add" ? [draftOf(change)] : []));
    setDrafts((before) => [...before, ...kept.filter((draft) => !before.some((one) => one.id === draft.id))]);
    return placed && found.size > 0 ? changes.flatMap((change) => withoutWrong(change, wrong.get(change))) : null;
  };

  const remove = (ids: readonly string[]) => {
    setDrafts((before) => before.filter((draft) => !ids.includes(draft.id)));
    setBad((before) => new Map([...before].filter(([key]) => !ids.some((id) => key.startsWith(`${id}/`)))));
  };

  /** The rows with the unsaved ones at their places. */
  const placed = (rows: readonly Row[]): readonly Row[] => {
    if (drafts.length === 0) return rows;
    const shown = [...rows];
    for (const draft of drafts) {
      // Saved with the cells it had, while one that came later was refused.
      if (shown.some((one) => one.id === draft.id)) continue;
      const row: Row = { id: draft.id, position: 0, revision: 0, cells: draft.cells };
      const before = draft.after === undefined ? -1 : shown.findIndex((one) => one.id === draft.after);
      if (draft.first) shown.unshift(row);
      else if (before >= 0) shown.splice(before + 1, 0, row);
      else shown.push(row);
    }
    return shown;
  };

  return {
    drafts, good, refuse, placed, missing,
    isSending: sent.length > 0,
    /** What is on its way may be right. */
    bad: new Map([...bad].filter(([cell]) => !onWay.has(cell))),
    typed: new Map([...written(drafts.map((draft): RowChange => ({ op: "add", ...draft }))), ...onWay]),
    /** Until the server has answered, cells show what was typed, whatever it tells of them meanwhile. */
    sending: (changes: readonly RowChange[]) => setSent((before) => [...before, changes]),
    answered: (changes: readonly RowChange[]) => setSent((before) => before.filter((one) => one !== changes)),
    taken: (changes: readonly RowChange[]) => {
      good(written(changes).keys());
      remove(changes.flatMap((change) => (change.op === "add" ? [change.id] : [])));
    },
    remove,
    needs: new Map(drafts.map((draft) => [draft.id, missing(draft)])),
    add: (draft: Draft) => setDrafts((before) => [...before, draft]),
    set: (draft: Draft) => setDrafts((before) => before.map((one) => (one.id === draft.id ? draft : one))),
  };
}
