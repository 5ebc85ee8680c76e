import { useState } from "react";
import type { Generation, LiveEvent, RunDetail } from "~/api/types";
import { useEvents } from "~/lib/events";

export interface Streamed {
  /** Which claim of the request wrote it; null when the text was read without saying so. */
  fence: number | null;
  /** The last piece that `text` holds, counted from 0. */
  seq: number;
  text: string;
}

interface Piece {
  fence: number;
  seq: number;
  text: string;
}

/** What one more piece of text does to what is known: appends the next one, drops old ones, notices a gap. */
export function joinText(known: Streamed | undefined, piece: Piece): { next: Streamed; gap: boolean } {
  if (known === undefined || (piece.seq === 0 && known.fence === null)) return { next: { ...piece }, gap: piece.seq > 0 };
  if (known.fence === null) {
    const text = known.text.endsWith(piece.text) ? known.text : known.text + piece.text;
    return { next: { ...piece, text }, gap: false };
  }
  // A new fence means that another worker began the text anew.
  if (piece.fence > known.fence) return { next: { ...piece }, gap: piece.seq > 0 };
  if (piece.fence < known.fence || piece.seq <= known.seq) return { next: known, gap: false };
  return { next: { ...piece, text: known.text + piece.text }, gap: piece.seq > known.seq + 1 };
}

/** What a freshly read run says about its texts, where that is more than what was heard. */
function withRead(before: ReadonlyMap<string, Streamed>, run: RunDetail): ReadonlyMap<string, Streamed> {
  const after = new Map(before);
  const generations: Generation[] = run.steps.flatMap((step) => step.generations);
  for (const generation of generations) {
    const known = after.get(generation.id);
    const read: Streamed = { fence: generation.fence ?? null, seq: generation.seq ?? -1, text: generation.text };
    const newer = known === undefined || (read.fence ?? 0) > (known.fence ?? 0) || generation.text.length >= known.text.length;
    if (newer) after.set(generation.id, read.fence === null && known !== undefined ? { ...known, text: read.text } : read);
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
