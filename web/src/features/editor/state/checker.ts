// Asks the server about the unsaved document after every change: ports, cards, kinds and every problem. The newest question wins.

import { checkDraft } from "../api";
import type { EditorStore } from "./store";

const PAUSE_MS = 160;

export function startChecking(store: EditorStore): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let asking: AbortController | null = null;
  let closed = false;

  const ask = async () => {
    asking?.abort();
    const mine = new AbortController();
    asking = mine;
    try {
      const checked = await checkDraft(store.id, store.document, mine.signal);
      if (!closed && !mine.signal.aborted) store.set({ checked });
    } catch {
      // Offline or superseded: the last answer stays, and the next change asks again.
      if (!closed && !mine.signal.aborted) timer = setTimeout(() => void ask(), 4000);
    }
  };
  const later = () => {
    if (timer) clearTimeout(timer);
    timer = setTimeout(() => void ask(), PAUSE_MS);
  };
  store.onDocument.add(later);
  void ask();
  return () => {
    closed = true;
    asking?.abort();
    if (timer) clearTimeout(timer);
    store.onDocument.delete(later);
  };
}
