// Draws the pages anew after every change. The newest question wins, and drawings that are here already are not sent again.

import { ApiError } from "~/api/client";
import { errorLine } from "~/ui/Problem";
import { drawPages } from "./api";
import type { TemplateStore } from "./state";

/** Letters that follow each other this fast are drawn together. */
const PAUSE_MS = 40;
const RETRY_MS = 4000;
/** Names this tab, so that its newest request ends the older ones on the server too. */
const EDITOR = crypto.randomUUID?.() ?? String(Math.random());

export class Drawer {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private asking: AbortController | null = null;
  private closed = false;

  constructor(private readonly store: TemplateStore) {}

  start(): () => void {
    this.closed = false;
    this.store.onDocument.add(this.later);
    void this.draw();
    return () => {
      this.closed = true;
      this.asking?.abort();
      if (this.timer) clearTimeout(this.timer);
      this.store.onDocument.delete(this.later);
    };
  }

  private later = (): void => this.wait(PAUSE_MS);

  private wait(ms: number): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.draw(), ms);
  }

  /** Shows the template with another sample, or as it is now. */
  async draw(sample = this.store.get().sample): Promise<void> {
    const { store } = this;
    this.asking?.abort();
    const mine = new AbortController();
    this.asking = mine;
    store.set({ sample, drawing: true });
    const drawings = new Map((store.get().preview?.pages ?? []).map((page) => [page.hash, page.svg] as const));
    const body = { document_id: store.id, template: store.document, editor: EDITOR, known: [...drawings.keys()], sample };
    try {
      const answer = await drawPages(body, mine.signal);
      if (this.closed || mine.signal.aborted) return;
      const pages = answer.pages.map((page) => (page.svg === "" ? { ...page, svg: drawings.get(page.hash) ?? "" } : page));
      store.set({ preview: { ...answer, pages }, problems: [], drawing: false, error: null });
    } catch (error) {
      if (!this.closed && !mine.signal.aborted) await this.failed(error, mine.signal);
    }
  }

  private async failed(error: unknown, mine: AbortSignal): Promise<void> {
    const problem = error instanceof ApiError ? error.problem : null;
    if (problem?.type === "superseded") return;
    if (error instanceof ApiError && error.offline) {
      // The last pages stay; the bar says why nothing changes.
      this.store.set({ drawing: false });
      this.wait(RETRY_MS);
      return;
    }
    const problems = problem?.problems ?? [];
    const line = problems.length > 0 ? null : await errorLine(error);
    if (!this.closed && !mine.aborted) this.store.set({ drawing: false, problems, error: line });
  }
}
