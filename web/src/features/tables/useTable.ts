/* One table, live: its rows page by page, what others change as they do, and what is changed here with undo. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { api, ApiError, ask } from "~/api/client";
import { useEvents } from "~/lib/events";
import { keys } from "~/lib/queries";
import { readAll } from "./reading";
import { based, inverse, type Known, merged } from "./rows";
import type { RowChange, RowsAnswer, TableItem } from "./types";

/** Steps that can be taken back. */
const MOST_UNDO = 100;

interface Step {
  changes: RowChange[];
  /** The revision that made them. */
  revision: number;
}

type SetSteps = (next: (steps: Step[]) => Step[]) => void;

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
  const rows = useQuery({ queryKey: rowsKey(id), queryFn: () => readAll((query) => readRows(id, query)), staleTime: Infinity, structuralSharing: false });
  const [saving, setSaving] = useState(0);
  const [undone, setUndone] = useState<Step[]>([]);
  const [done, setDone] = useState<Step[]>([]);
  const stepping = useRef(false);
  const turn = useRef(Promise.resolve());
  const asking = useRef<"no" | "yes" | "again">("no");
  /** Revisions that were made here. */
  const ours = useRef(new Set<number>());

  const put = useCallback((answer: Pick<RowsAnswer, "items" | "deleted" | "revision">) => {
    const next = client.setQueryData<Known>(rowsKey(id), (known) => known && merged(known, answer));
    if (next) client.setQueryData<TableItem>(keys.table(id), (known) => known && { ...known, row_count: next.rows.length, revision: next.revision });
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
        else put(answer);
      } while (isAgain(asking));
    } catch (error) {
      // A lost connection is told by the shell; the next event asks again.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      asking.current = "no";
    }
  }, [client, id, put]);

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
      put(answer as unknown as RowsAnswer);
      return answer.revision;
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 409) void refresh();
      throw error;
    } finally {
      setSaving((count) => count - 1);
    }
  }, [client, id, locale, put, refresh]);

  /** Makes changes, cells as they are typed; they can be taken back. One after the other: whoever types fast changes what is still on its way. */
  const change = useCallback((typed: RowChange[]): Promise<void> => {
    const read = () => client.getQueryData<Known>(rowsKey(id)) ?? { revision: 0, rows: [] };
    const made = read().revision;
    const next = turn.current.then(async () => {
      const known = read();
      const changes = based(typed, known, made, ours.current);
      const back = inverse(known, changes);
      const revision = await send(changes, true);
      setDone((steps) => [...steps.slice(1 - MOST_UNDO), { changes: back, revision }]);
      setUndone([]);
    });
    turn.current = next.catch(() => undefined);
    return next;
  }, [client, id, send]);

  /** Takes the last step from one stack to the other, one at a time; what is refused stays where it is. */
  const step = useCallback(async (from: Step[], setFrom: SetSteps, setTo: SetSteps) => {
    const last = from.at(-1);
    const known = client.getQueryData<Known>(rowsKey(id));
    if (last === undefined || known === undefined || stepping.current) return;
    const changes = based(last.changes, known, last.revision, ours.current);
    const back = inverse(known, changes);
    stepping.current = true;
    try {
      const revision = await send(changes, false);
      setFrom((steps) => steps.filter((one) => one !== last));
      setTo((steps) => [...steps, { changes: back, revision }]);
    } finally {
      stepping.current = false;
    }
  }, [client, id, send]);

  return {
    table, rows, saving: saving > 0, change, refresh,
    undo: done.length > 0 ? () => step(done, setDone, setUndone) : null,
    redo: undone.length > 0 ? () => step(undone, setUndone, setDone) : null,
  };
}
