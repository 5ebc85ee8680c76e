/* One table, live: its rows page by page, what others change as they do, and what is changed here with undo. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef, useState } from "react";
import { api, ApiError, ask } from "~/api/client";
import { useEvents } from "~/lib/events";
import { keys } from "~/lib/queries";
import { based, inverse, type Known, merged } from "./rows";
import type { Row, RowChange, RowsAnswer, TableItem } from "./types";

/** Steps that can be taken back. */
const MOST_UNDO = 100;

interface Step {
  changes: RowChange[];
  /** The revision that made them. */
  revision: number;
}

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

async function readAll(id: string): Promise<Known> {
  const first = await readRows(id, {});
  const rows: Row[] = [...first.items];
  for (let next = first.next; next; ) {
    const page = await readRows(id, { after: next });
    rows.push(...page.items);
    next = page.next;
  }
  // What changed while the pages were read.
  const since = await readRows(id, { since: first.revision });
  return merged({ revision: first.revision, rows }, since);
}

export function useTable(id: string, locale: string) {
  const client = useQueryClient();
  const table = useQuery(tableQuery(id));
  const rows = useQuery({ queryKey: rowsKey(id), queryFn: () => readAll(id), staleTime: Infinity, structuralSharing: false });
  const [saving, setSaving] = useState(0);
  const [undone, setUndone] = useState<Step[]>([]);
  const [done, setDone] = useState<Step[]>([]);
  const asking = useRef<"no" | "yes" | "again">("no");
  /** Revisions that were made here. */
  const ours = useRef(new Set<number>());

  const put = useCallback((answer: Pick<RowsAnswer, "items" | "deleted" | "revision">) => {
    client.setQueryData<Known>(rowsKey(id), (known) => known && merged(known, answer));
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
        void client.invalidateQueries({ queryKey: keys.table(id), exact: true });
        if (answer.reload) await client.invalidateQueries({ queryKey: rowsKey(id) });
        else put(answer);
      } while (isAgain(asking));
    } catch (error) {
      // A lost connection is told by the shell; the next event asks again.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      asking.current = "no";
    }
  }, [client, id, put]);

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
      client.setQueryData<TableItem>(keys.table(id), (known) => known && { ...known, row_count: answer.row_count });
      return answer.revision;
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 409) void refresh();
      throw error;
    } finally {
      setSaving((count) => count - 1);
    }
  }, [client, id, locale, put, refresh]);

  /** Makes changes, cells as they are typed; they can be taken back. */
  const change = useCallback(async (changes: RowChange[]): Promise<void> => {
    const known = client.getQueryData<Known>(rowsKey(id)) ?? { revision: 0, rows: [] };
    const back = inverse(known, changes);
    const revision = await send(changes, true);
    setDone((steps) => [...steps.slice(1 - MOST_UNDO), { changes: back, revision }]);
    setUndone([]);
  }, [client, id, send]);

  const step = useCallback(async (from: Step[], setFrom: (steps: Step[]) => void, setTo: (add: (steps: Step[]) => Step[]) => void) => {
    const last = from.at(-1);
    const known = client.getQueryData<Known>(rowsKey(id));
    if (last === undefined || known === undefined) return;
    setFrom(from.slice(0, -1));
    const changes = based(last.changes, known, last.revision, ours.current);
    const back = inverse(known, changes);
    const revision = await send(changes, false);
    setTo((steps) => [...steps, { changes: back, revision }]);
  }, [client, id, send]);

  return {
    table, rows, saving: saving > 0, change, refresh,
    undo: done.length > 0 ? () => step(done, setDone, setUndone) : null,
    redo: undone.length > 0 ? () => step(undone, setUndone, setDone) : null,
  };
}
