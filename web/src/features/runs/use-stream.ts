import { useState } from "react";
import type { LiveEvent, RunDetail } from "~/api/types";
import { useEvents } from "~/lib/events";

export interface Streamed {
  fence: number;
  seq: number;
  text: string;
}

/** What one more piece of text does to what is known: appends the next one, drops old ones, notices a gap. */
export function joinText(
  known: Streamed | undefined,
  piece: { fence: number; seq: number; text: string },
): { next: Streamed; gap: boolean } {
  // A new fence means that another worker began the text anew.
  if (known === undefined || piece.fence > known.fence) return { next: { ...piece }, gap: piece.seq > 1 };
  if (piece.fence < known.fence || piece.seq <= known.seq) return { next: known, gap: false };
  return { next: { fence: piece.fence, seq: piece.seq, text: known.text + piece.text }, gap: piece.seq > known.seq + 1 };
}

/** What a freshly read run says about its texts, where that is more than what was heard. */
function withRead(before: ReadonlyMap<string, Streamed>, run: RunDetail): ReadonlyMap<string, Streamed> {
  const after = new Map(before);
  for (const generation of run.steps.flatMap((step) => step.generations)) {
    const known = after.get(generation.id);
    const read: Streamed = { fence: generation.fence ?? known?.fence ?? 0, seq: generation.seq ?? known?.seq ?? 0, text: generation.text };
    if (known === undefined || read.fence > known.fence || read.text.length >= known.text.length) after.set(generation.id, read);
  }
  return after;
}

/** Text as the model writes it, per generation: what the run said when it was read, and every piece since. */
export function useStream(run: RunDetail | undefined, refetch: () => void): ReadonlyMap<string, string> {
  const [streams, setStreams] = useState<ReadonlyMap<string, Streamed>>(new Map());
  const [read, setRead] = useState<RunDetail | undefined>(undefined);
  if (run !== undefined && run !== read) {
    setRead(run);
    setStreams(withRead(streams, run));
  }
  const topic = run === undefined || run.finished_at !== null ? [] : [`run:${run.id}`];
  useEvents(topic, (event: LiveEvent) => {
    if (event.kind !== "generation.text") return;
    const data = (typeof event.data === "object" && event.data !== null ? event.data : event) as Record<string, unknown>;
    const id = String(data.generation);
    const piece = { fence: Number(data.fence ?? 0), seq: Number(data.seq ?? 0), text: String(data.text ?? "") };
    const { next, gap } = joinText(streams.get(id), piece);
    setStreams((before) => new Map(before).set(id, joinText(before.get(id), piece).next));
    if (gap && next.text !== "") refetch();
  });
  return new Map([...streams].map(([id, stream]) => [id, stream.text]));
}
