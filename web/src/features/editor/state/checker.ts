// Asks the server about the unsaved document after every change: ports, cards, kinds and every problem. The newest question wins.

import { edgesFrom, renamePorts } from "~/lib/document/edits";
import { checkDraft } from "../api";
import type { EditorStore } from "./store";

const PAUSE_MS = 160;

/**
 * A step's ways are known only once the server has seen its settings: what was connected to a way that does not exist moves to
 * the step's first one, without an undo step of its own.
 */
function repairPorts(store: EditorStore): void {
  const { checked } = store.get();
  for (const [id, node] of Object.entries(checked?.nodes ?? {})) {
    const [first] = node.ports;
    if (!first || !store.fresh.has(id)) continue;
    store.fresh.delete(id);
    const known = new Set(node.ports.map((port) => port.name));
    const renames = new Map(edgesFrom(store.document, id).filter((edge) => !known.has(edge.port)).map((edge) => [edge.port, first.name]));
    if (renames.size) store.amend((document) => renamePorts(document, id, renames));
  }
}

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
      if (closed || mine.signal.aborted) return;
      // A document that cannot be read at all says nothing of its steps; what was known of them stays.
      const lost = Object.keys(checked.nodes).length === 0 && store.document.nodes.length > 0;
      store.set({ checked: lost ? { ...checked, nodes: store.get().checked?.nodes ?? {} } : checked });
      repairPorts(store);
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
