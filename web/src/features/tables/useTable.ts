/* One table, live: its rows page by page, what others change as they do, and what is changed here with undo. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { api, ApiError, ask } from "~/api/client";
import { useEvents } from "~/lib/events";
import { keys } from "~/lib/queries";
import { readAll } from "./reading";
import { based, inverse, type Known, merged, reread, saved } from "./rows";
import type { RowChange, RowsAnswer, TableItem } from "./types";

/** Steps that can be taken back. */
const MOST_UNDO = 100;

interface Step {
  changes: RowChange[];
  /** The revision that made them. */
  revision: number;
}

interface Steps {
  done: readonly Step[];
  undone: readonly Step[];
}

const NO_STEPS: Steps = { done: [], undone: [] };

export const tableQuery = (id: string) => ({
  queryKey: keys.table(id),
  queryFn: async () => (await ask(api.GET("/api/tables/{id}", { params: { path: { id } } }))) as TableItem,
});

/** Read through a function, because the compiler takes a value that it saw set for the one that is there. */
const isAgain = (asking: { current: string }) => asking.current === "again";

const rowsKey = (id: string) => [...keys.table(id), "rows"];

async function readRows(id: string, query: { after?: string; since?: number }): Promise<RowsAnswer> {
  return (await ask(api.GET("/api/tables/{id}/rows", { params: { path: { id }, query } }))) as RowsAnswer;
}

export function useTable(id: string, locale: string) {
  const client = useQueryClient();
  const table = useQuery(tableQuery(id));
  const rows = useQuery({
    queryKey: rowsKey(id), staleTime: Infinity, structuralSharing: false,
    queryFn: async () => reread(await readAll((query) => readRows(id, query)), client.getQueryData<Known>(rowsKey(id))),
  });
  const [saving, setSaving] = useState(0);
  const [steps, setSteps] = useState(NO_STEPS);
  /** The same for the turn that comes next, which does not wait until this one is drawn. */
  const latest = useRef(NO_STEPS);
  const turn = useRef(Promise.resolve());
  const asking = useRef<"no" | "yes" | "again">("no");
  /** Revisions that were made here. */
  const ours = useRef(new Set<number>());

  const read = useCallback((): Known => client.getQueryData<Known>(rowsKey(id)) ?? { revision: 0, rows: [] }, [client, id]);

  const put = useCallback((next: Known) => {
    client.setQueryData<Known>(rowsKey(id), (known) => known && next);
    client.setQueryData<TableItem>(keys.table(id), (known) => known && { ...known, row_count: next.rows.length, revision: next.revision });
  }, [client, id]);

  /** Reads what changed since. */
  const refresh = useCallback(async () => {
    if (asking.current !== "no") {
      asking.current = "again";
      return;
    }
    try {
      do {
        asking.current = "yes";
        const known = client.getQueryData<Known>(rowsKey(id));
        if (known === undefined) return;
        const answer = await readRows(id, { since: known.revision });
        // Other columns or another name: everything is read again, the table itself, too.
        if (answer.reload) await client.invalidateQueries({ queryKey: keys.table(id) });
        else put(merged(read(), answer));
      } while (isAgain(asking));
    } catch (error) {
      // A lost connection is told by the shell; the next event asks again.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      asking.current = "no";
    }
  }, [client, id, put, read]);

  // Rows that were kept since an earlier visit: nobody listened meanwhile.
  useEffect(() => void refresh(), [refresh]);

  useEvents([`table:${id}`], (event) => {
    const known = client.getQueryData<Known>(rowsKey(id));
    if (event.kind === "gap" || (known && Number(event.revision) > known.revision)) void refresh();
  });

  const send = useCallback(async (changes: RowChange[], typed: boolean): Promise<number> => {
    const version = client.getQueryData<TableItem>(keys.table(id))?.version ?? 0;
    setSaving((count) => count + 1);
    try {
      const body = { version, changes, ...(typed ? { locale } : {}) };
      const answer = await ask(api.POST("/api/tables/{id}/rows", { params: { path: { id } }, body: body as never }));
      ours.current.add(answer.revision);
      put(saved(read(), answer as unknown as RowsAnswer));
      if (read().revision < answer.revision) void refresh();
      return answer.revision;
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 409) void refresh();
      throw error;
    } finally {
      setSaving((count) => count - 1);
    }
  }, [client, id, locale, put, read, refresh]);

  /** Sends what `make` makes of the rows as they are then. One after the other: whoever types fast changes what is still on its way. */
  const inTurn = useCallback((make: (known: Known) => RowChange[], typed: boolean, keep: (steps: Steps, step: Step) => Steps): Promise<void> => {
    const next = turn.current.then(async () => {
      const known = read();
      const changes = make(known);
      if (changes.length === 0) return;
      const back = inverse(known, changes);
      const revision = await send(changes, typed);
      latest.current = keep(latest.current, { changes: back, revision });
      setSteps(latest.current);
    });
    turn.current = next.catch(() => undefined);
    return next;
  }, [read, send]);

  /** Makes changes, cells as they are typed, on the revisions of rows that they name; they can be taken back. */
  const change = useCallback((typed: RowChange[]): Promise<void> => (
    inTurn((known) => based(typed, known, 0, ours.current), true, ({ done }, step) => ({ done: [...done.slice(1 - MOST_UNDO), step], undone: [] }))
  ), [inTurn]);

  const back = (from: keyof Steps) => (known: Known) => {
    const last = latest.current[from].at(-1);
    return last === undefined ? [] : based(last.changes, known, last.revision, ours.current);
  };
  // What is refused stays where it is.
  const undo = () => inTurn(back("done"), false, ({ done, undone }, step) => ({ done: done.slice(0, -1), undone: [...undone, step] }));
  const redo = () => inTurn(back("undone"), false, ({ done, undone }, step) => ({ done: [...done, step], undone: undone.slice(0, -1) }));

  return {
    table, rows, saving: saving > 0, change, refresh,
    undo: steps.done.length > 0 ? undo : null,
    redo: steps.undone.length > 0 ? redo : null,
  };
}
