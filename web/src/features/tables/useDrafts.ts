/* What is on the screen and not on the server: rows that still need cells, cells that are on their way, cells whose text could not be
 * read, and what the server did not take for another reason. */
import { useMemo, useRef, useState } from "react";
import { ApiError } from "~/api/client";
import { errorLine } from "~/ui/Problem";
import { loadServerWords, problemText } from "~/ui/server-words/words";
import { type Bad, cellKey } from "./Grid";
import type { Cells, Row, RowChange, TableItem } from "./types";

export interface Draft {
  id: string;
  cells: Cells;
  after?: string;
  first?: boolean;
}

/** What was typed into a row and was not taken though it can be read: the connection was lost, or somebody else was faster. */
export interface Refused {
  cells: Cells;
  /** Of the row as it was seen, 0 of a new one; `null`: somebody else changed it, and only the person can say what is to stand. */
  revision: number | null;
  problem: string;
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
function withoutWrong(change: RowChange, wrong: ReadonlyMap<string, string> | undefined): RowChange[] {
  if (wrong === undefined) return [change];
  if (change.op !== "set") return [];
  const cells = Object.fromEntries(Object.entries(change.cells).filter(([name]) => !wrong.has(name)));
  return Object.keys(cells).length === 0 ? [] : [{ ...change, cells }];
}

/** The problems of cells by the change that wrote them; `null`: something is wrong that has no cell. */
function unreadable(error: unknown, changes: readonly RowChange[]): Map<RowChange, Map<string, string>> | null {
  if (!(error instanceof ApiError) || error.problem.status !== 422) return null;
  const found = new Map<RowChange, Map<string, string>>();
  for (const problem of error.problem.problems ?? []) {
    const [, at, name] = /^\/changes\/(\d+)\/cells\/([^/]+)$/.exec(problem.pointer) ?? [];
    const change = at === undefined ? undefined : changes[Number(at)];
    if (change === undefined || name === undefined || change.op === "move" || change.op === "delete") return null;
    found.set(change, new Map([...(found.get(change) ?? []), [name, problemText(problem)]]));
  }
  return found.size > 0 ? found : null;
}

export function useDrafts(table: TableItem | undefined) {
  const [drafts, setDrafts] = useState<readonly Draft[]>([]);
  const [bad, setBad] = useState<ReadonlyMap<string, Bad>>(new Map());
  const [refused, setRefused] = useState<ReadonlyMap<string, Refused>>(new Map());
  const [sent, setSent] = useState<readonly (readonly RowChange[])[]>([]);
  const onWay = useMemo(() => written(sent.flat()), [sent]);
  const going = useMemo(() => new Set(sent.flat().flatMap((change) => (change.op === "delete" ? [change.row] : []))), [sent]);
  /** New rows that were deleted: what comes of their first save is nobody's any more. */
  const removed = useRef(new Set<string>());
  const required = table?.columns.filter((column) => !column.optional) ?? [];
  const isFilled = (cell: unknown) => cell !== null && cell !== undefined && String(cell).trim() !== "";
  const missing = (draft: Draft) => required.filter((column) => !isFilled(draft.cells[column.name])).map((column) => column.name);

  const good = (keys: Iterable<string>) => {
    const cells = new Set(keys);
    setBad((before) => new Map([...before].filter(([key]) => !cells.has(key))));
    setRefused((before) => new Map([...before].flatMap(([row, one]): [string, Refused][] => {
      const left = Object.entries(one.cells).filter(([name]) => !cells.has(cellKey(row, name)));
      return left.length === 0 && Object.keys(one.cells).length > 0 ? [] : [[row, { ...one, cells: Object.fromEntries(left) }]];
    })));
  };

  /** New rows that were not taken stay as rows that are not saved yet. */
  const keepRows = (changes: readonly RowChange[]) => {
    const kept = changes.flatMap((change) => (change.op === "add" && !removed.current.has(change.id) ? [draftOf(change)] : []));
    setDrafts((before) => [...before, ...kept.filter((draft) => !before.some((one) => one.id === draft.id))]);
  };

  const keepRefused = (error: unknown, problem: string, changes: readonly RowChange[]) => {
    const isOther = error instanceof ApiError && error.problem.status === 409;
    setRefused((before) => {
      const next = new Map(before);
      for (const change of changes) {
        if (change.op === "set") {
          next.set(change.row, { cells: { ...next.get(change.row)?.cells, ...change.cells }, revision: isOther ? null : change.revision, problem });
        } else if (change.op === "add" && !removed.current.has(change.id)) next.set(change.id, { cells: change.cells, revision: isOther ? null : 0, problem });
      }
      return next;
    });
    keepRows(changes);
  };

  /** Keeps what was typed beside what is wrong with it, new rows as rows that are not saved yet. Gives what can be sent without all that. */
  const refuse = async (error: unknown, changes: readonly RowChange[]): Promise<RowChange[]> => {
    await loadServerWords().catch(() => undefined);
    const wrong = unreadable(error, changes);
    if (wrong === null) {
      keepRefused(error, await errorLine(error), changes);
      return [];
    }
    const found = [...wrong].flatMap(([change, problems]) => {
      const [row, cells] = change.op === "add" ? [change.id, change.cells] : change.op === "set" ? [change.row, change.cells] : ["", {}];
      return [...problems].map(([name, problem]): [string, Bad] => [cellKey(row, name), { text: String(cells[name] ?? ""), problem }]);
    });
    const changed = [...wrong.keys()];
    // Tried once more, it is what cannot be read that keeps them.
    good(written(changed).keys());
    setRefused((before) => new Map([...before].filter(([row]) => !changed.some((change) => change.op === "add" && change.id === row))));
    setBad((before) => new Map([...before, ...found]));
    keepRows(changed);
    return changes.flatMap((change) => withoutWrong(change, wrong.get(change)));
  };

  const forget = (ids: readonly string[]) => {
    setDrafts((before) => before.filter((draft) => !ids.includes(draft.id)));
    setBad((before) => new Map([...before].filter(([key]) => !ids.some((id) => key.startsWith(`${id}/`)))));
    setRefused((before) => new Map([...before].filter(([row]) => !ids.includes(row))));
  };

  /** The rows with the unsaved ones at their places, and without those whose deletion is on its way. */
  const placed = (rows: readonly Row[]): readonly Row[] => {
    if (drafts.length === 0 && going.size === 0) return rows;
    const shown = rows.filter((row) => !going.has(row.id));
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

  const unsent = [...refused].map(([row, { cells, revision }]): RowChange => ({ op: "set", row, revision: revision ?? 0, cells }));
  const refusedCells = [...refused].flatMap(([row, { cells, problem }]) => Object.keys(cells).map((name): [string, Bad] => [cellKey(row, name), { problem }]));
  return {
    drafts, good, refuse, refused, placed, missing,
    isSending: sent.length > 0,
    /** What is on its way may be right. */
    bad: new Map([...refusedCells, ...bad].filter(([cell]) => !onWay.has(cell))),
    typed: new Map([...written(unsent), ...written(drafts.map((draft): RowChange => ({ op: "add", ...draft }))), ...onWay]),
    /** Until the server has answered, cells show what was typed, whatever it tells of them meanwhile. */
    sending: (changes: readonly RowChange[]) => setSent((before) => [...before, changes]),
    answered: (changes: readonly RowChange[]) => setSent((before) => before.filter((one) => one !== changes)),
    taken: (changes: readonly RowChange[]) => {
      good(written(changes).keys());
      forget(changes.flatMap((change) => (change.op === "add" ? [change.id] : change.op === "delete" ? [change.row] : [])));
    },
    forget,
    /** Deletes new rows. Gives those whose first save is on its way: they are to be deleted behind it. */
    remove: (ids: readonly string[]): readonly string[] => {
      for (const id of ids) removed.current.add(id);
      forget(ids);
      return ids.filter((id) => sent.flat().some((change) => change.op === "add" && change.id === id));
    },
    needs: new Map(drafts.map((draft) => [draft.id, missing(draft)])),
    add: (draft: Draft) => setDrafts((before) => [...before, draft]),
    set: (draft: Draft) => setDrafts((before) => before.map((one) => (one.id === draft.id ? draft : one))),
  };
}
