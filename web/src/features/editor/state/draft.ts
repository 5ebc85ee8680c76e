// A draft that people edit: its history, what the server has of it, what this device keeps. One object per opened editor; all rules live
// in `~/lib`, all waiting in `saver.ts`.

import { freeze, record, redo, startHistory, thaw, undo } from "~/lib/document/history";
import type { History } from "~/lib/document/history";

export type SaveState = "saved" | "saving" | "kept" | "elsewhere";

export interface Base<D> {
  revision: number;
  document: D;
}

export interface Conflict<D> {
  theirs: D;
  revision: number;
  by: string | null;
  at: string;
  /** What both changed; "" stands for the document itself. */
  places: string[];
}

export interface DraftState<D> {
  history: History<D>;
  base: Base<D>;
  save: SaveState;
  conflict: Conflict<D> | null;
}

/** What this device holds, for unsaved work on an older revision. */
export interface Kept<D> {
  revision: number;
  dirty: boolean;
  base: D | null;
  sent: D | null;
  history: History<D>;
}

interface Opening<D> {
  id: string;
  /** Where this device keeps it. */
  place: string;
  base: Base<D>;
  isDocument: (value: unknown) => value is D;
  storage: Storage | null;
}

const LONGEST_KEPT = 3_000_000;

/** Which of this tab's editors of a draft keeps it: the one that was opened last. */
const keepers = new Map<string, symbol>();

export class DraftStore<D, S extends DraftState<D> = DraftState<D>> {
  readonly id: string;
  private readonly keeper = Symbol();
  private state: S;
  private readonly listeners = new Set<() => void>();
  /** What was sent last, until the server says whether it arrived. */
  unanswered: D | null = null;
  /** Called after every change of the document; the saver and the checker hang here. */
  readonly onDocument = new Set<(document: D) => void>();

  constructor(private readonly opening: Opening<D>, rest: Omit<S, keyof DraftState<D>>) {
    this.id = opening.id;
    const { base } = opening;
    const kept = this.kept();
    const history = kept && kept.revision === base.revision ? kept.history : startHistory(base.document);
    const draft: DraftState<D> = { history, base, save: "saved", conflict: null };
    this.state = { ...rest, ...draft } as unknown as S;
  }

  get = (): S => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  set(patch: Partial<S>): void {
    this.state = { ...this.state, ...patch };
    for (const listener of this.listeners) listener();
  }

  get document(): D {
    return this.state.history.present;
  }

  get dirty(): boolean {
    return !Object.is(this.document, this.state.base.document);
  }

  /** `key` names the edited place, so that typing there joins into one undo step. */
  edit(label: string, change: (document: D) => D | null, key: string | null = null): void {
    const next = change(this.document);
    if (next) this.setHistory(record(this.state.history, next, label, key, Date.now()));
  }

  /** Changes the document as part of the last edit. */
  amend(change: (document: D) => D): void {
    const { history } = this.state;
    this.setHistory({ ...history, present: change(history.present) });
  }

  undo = (): void => this.setHistory(undo(this.state.history));
  redo = (): void => this.setHistory(redo(this.state.history));

  private setHistory(history: History<D>): void {
    if (history === this.state.history) return;
    const changed = !Object.is(history.present, this.document);
    this.set({ history } as unknown as Partial<S>);
    if (!changed) return;
    this.keep();
    for (const listener of this.onDocument) listener(this.document);
  }

  /** Puts a document from the server in place; undo leads back to what was here. */
  replace(document: D, label: string): void {
    this.setHistory(record(this.state.history, document, label, null, Date.now()));
  }

  /** From now on this editor keeps the draft: one that was left may still wait for the answer to its last save. */
  open(): void {
    keepers.set(this.opening.place, this.keeper);
  }

  /** At once and on this device: a closed tab loses nothing. */
  keep(): void {
    const { place, storage } = this.opening;
    if (keepers.get(place) !== this.keeper) return;
    const { history, base } = this.state;
    try {
      const text = freeze(history, LONGEST_KEPT);
      storage?.setItem(place, JSON.stringify({ revision: base.revision, dirty: this.dirty, base: this.dirty ? base.document : null, sent: this.unanswered, text }));
    } catch {
      // A full or forbidden storage must not stop the editing; the server still saves.
    }
  }

  kept(): Kept<D> | null {
    const { place, storage, isDocument } = this.opening;
    try {
      const raw = storage?.getItem(place);
      if (!raw) return null;
      const stored = JSON.parse(raw) as { revision: number; dirty: boolean; base: D | null; sent?: D | null; text: string };
      const history = thaw(stored.text, isDocument);
      return history ? { revision: stored.revision, dirty: stored.dirty, base: stored.base, sent: stored.sent ?? null, history } : null;
    } catch {
      return null;
    }
  }
}

/** This device's own storage, where the browser gives one. */
export function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
