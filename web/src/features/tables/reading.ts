/* Reading a whole table page by page, so that what changes meanwhile is in it, too. */
import { type Known, merged } from "./rows";
import type { Row, RowsAnswer } from "./types";

export type ReadRows = (query: { after?: string; since?: number }) => Promise<RowsAnswer>;

export async function readAll(read: ReadRows): Promise<Known> {
  for (;;) {
    const first = await read({});
    const rows: Row[] = [...first.items];
    for (let next = first.next; next; ) {
      const page = await read({ after: next });
      rows.push(...page.items);
      next = page.next;
    }
    // What changed while the pages were read; after a change of the columns they are old altogether.
    const since = await read({ since: first.revision });
    if (!since.reload) return merged({ revision: first.revision, rows }, since);
  }
}
