/* What is on the screen and not on the server: rows that still need cells, and cells whose text could not be read. */
import { useState } from "react";
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

export function useDrafts(table: TableItem | undefined) {
  const [drafts, setDrafts] = useState<readonly Draft[]>([]);
  const [bad, setBad] = useState<ReadonlyMap<string, Bad>>(new Map());
  const required = table?.columns.filter((column) => !column.optional) ?? [];
  const isFilled = (cell: unknown) => cell !== null && cell !== undefined && String(cell).trim() !== "";
  const missing = (draft: Draft) => required.filter((column) => !isFilled(draft.cells[column.name])).map((column) => column.name);

  const good = (row: string, names: readonly string[]) => setBad((before) => {
    const next = new Map(before);
    for (const name of names) next.delete(cellKey(row, name));
    return next;
  });

  /** Keeps what was typed beside what is wrong with it; says whether all of it has a place. */
  const refuse = async (error: unknown, changes: readonly RowChange[]): Promise<boolean> => {
    if (!(error instanceof ApiError) || error.problem.status !== 422) return false;
    await loadServerWords();
    const found = new Map<string, Bad>();
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
    }
    setBad((before) => new Map([...before, ...found]));
    return placed;
  };

  /** The rows with the unsaved ones at their places. */
  const placed = (rows: readonly Row[]): readonly Row[] => {
    if (drafts.length === 0) return rows;
    const shown = [...rows];
    for (const draft of drafts) {
      const row: Row = { id: draft.id, position: 0, revision: 0, cells: draft.cells };
      const before = draft.after === undefined ? -1 : shown.findIndex((one) => one.id === draft.after);
      if (draft.first) shown.unshift(row);
      else if (before >= 0) shown.splice(before + 1, 0, row);
      else shown.push(row);
    }
    return shown;
  };

  return {
    drafts, bad, good, refuse, placed, missing,
    needs: new Map(drafts.map((draft) => [draft.id, missing(draft)])),
    add: (draft: Draft) => setDrafts((before) => [...before, draft]),
    set: (draft: Draft) => setDrafts((before) => before.map((one) => (one.id === draft.id ? draft : one))),
    remove: (ids: readonly string[]) => {
      setDrafts((before) => before.filter((draft) => !ids.includes(draft.id)));
      setBad((before) => new Map([...before].filter(([key]) => !ids.some((id) => key.startsWith(`${id}/`)))));
    },
  };
}
