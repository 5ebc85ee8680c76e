// Saves the draft: on this device at once, on the server within two seconds. A stale base is merged when the changes do not meet;
// when they do, nothing is overwritten and the person chooses. What was sent and never answered is sent once more before anything newer,
// so that this device knows its own work when it meets it on the server.

import { ApiError } from "~/api/client";
import { sameJson } from "~/lib/document/pointer";
import { say } from "~/ui/Toasts";
import type { DraftState, DraftStore } from "./draft";

const QUIET_MS = 700;
const LATEST_MS = 1800;
const FIRST_RETRY_MS = 2000;
const LONGEST_RETRY_MS = 30_000;

export interface SaverWords {
  merged: (by: string | null) => string;
  mergedLabel: string;
}

/** The draft that the server has. */
export interface Theirs<D> {
  revision: number;
  document: D;
  changed_at: string;
  changed_by: string | null;
}

/** Where drafts of one sort are kept, and how two changes of one are put together. */
export interface DraftServer<D> {
  read: () => Promise<Theirs<D>>;
  write: (baseRevision: number, document: D) => Promise<{ revision: number }>;
  /** Whether they say the same. */
  same: (a: D, b: D) => boolean;
  /** What does not meet; `conflicts` are the places that both changed. */
  merge: (base: D, theirs: D, mine: D) => { document: D; conflicts: string[] };
}

export class Saver<D> {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private firstUnsaved = 0;
  private running: Promise<void> | null = null;
  private retryMs = FIRST_RETRY_MS;
  private closed = false;

  constructor(
    private readonly store: DraftStore<D, DraftState<D>>,
    private readonly server: DraftServer<D>,
    private readonly words: SaverWords,
  ) {}

  start(): () => void {
    const onDocument = () => this.schedule();
    const onOnline = () => void this.flush();
    const onHide = () => {
      if (document.visibilityState === "hidden") void this.flush();
    };
    this.store.onDocument.add(onDocument);
    window.addEventListener("online", onOnline);
    document.addEventListener("visibilitychange", onHide);
    this.store.open();
    this.adopt();
    return () => {
      this.closed = true;
      void this.flush();
      if (this.timer) clearTimeout(this.timer);
      this.store.onDocument.delete(onDocument);
      window.removeEventListener("online", onOnline);
      document.removeEventListener("visibilitychange", onHide);
    };
  }

  /** Work kept on this device from before a reload or a lost connection. */
  private adopt(): void {
    const kept = this.store.kept();
    const { base } = this.store.get();
    if (!kept) return;
    if (kept.revision === base.revision) {
      if (!sameJson(this.store.document, base.document)) {
        this.store.unanswered = kept.sent;
        this.schedule();
      } else this.store.set({ base: { ...base, document: this.store.document } });
      return;
    }
    const before = this.isOwn(kept.sent, kept.revision, base) ? kept.sent : kept.base;
    if (kept.dirty && before) this.meet(before, { ...base, by: null, at: "" }, kept.history.present);
  }

  /** Whether the server's draft is what this device sent on top of a revision: then it is nobody else's. */
  private isOwn(sent: D | null, before: number, draft: { revision: number; document: D }): sent is D {
    return sent !== null && draft.revision === before + 1 && this.server.same(sent, draft.document);
  }

  private schedule(): void {
    if (this.store.get().save === "elsewhere") return;
    if (!this.store.dirty) {
      // Undo led back to what the server has.
      if (!this.running && this.store.get().save === "saving") this.store.set({ save: "saved" });
      return;
    }
    const now = Date.now();
    if (this.firstUnsaved === 0) this.firstUnsaved = now;
    if (this.timer) clearTimeout(this.timer);
    const wait = Math.max(0, Math.min(QUIET_MS, this.firstUnsaved + LATEST_MS - now));
    this.timer = setTimeout(() => void this.flush(), wait);
    if (this.store.get().save === "saved") this.store.set({ save: "saving" });
  }

  /** Resolves when the newest document is on the server, or cannot get there. */
  async flush(): Promise<boolean> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    while (this.running) await this.running;
    if (this.store.dirty && this.store.get().save !== "elsewhere") {
      this.running = this.save();
      await this.running;
      this.running = null;
      if (!this.closed && this.store.dirty && this.store.get().save === "saving") return this.flush();
    }
    return !this.store.dirty;
  }

  private async save(): Promise<void> {
    const { base } = this.store.get();
    const sent = this.store.unanswered ?? this.store.document;
    this.firstUnsaved = 0;
    this.store.unanswered = sent;
    this.store.set({ save: "saving" });
    this.store.keep();
    try {
      const saved = await this.server.write(base.revision, sent);
      this.retryMs = FIRST_RETRY_MS;
      this.arrived(saved.revision, sent);
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 409) await this.fetchTheirs();
      else {
        // What was refused is not on the server, and is not to be sent again in place of what mends it.
        if (error instanceof ApiError && !error.offline) this.store.unanswered = null;
        this.retryLater();
      }
    }
  }

  private arrived(revision: number, sent: D): void {
    const { document } = this.store;
    this.store.unanswered = null;
    this.store.set({ base: { revision, document: sameJson(sent, document) ? document : sent } });
    this.store.set({ save: this.store.dirty ? "saving" : "saved" });
    this.store.keep();
  }

  private retryLater(): void {
    this.store.set({ save: "kept" });
    this.store.keep();
    if (this.closed) return;
    this.timer = setTimeout(() => void this.flush(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 2, LONGEST_RETRY_MS);
  }

  /** Another tab or person saved, as a 409 says. */
  private async fetchTheirs(): Promise<void> {
    try {
      const draft = await this.server.read();
      const { base } = this.store.get();
      // What this tab saved itself is nobody else's.
      if (draft.revision === base.revision) return;
      const sent = this.store.unanswered;
      if (this.isOwn(sent, base.revision, draft)) {
        this.arrived(draft.revision, sent);
        this.schedule();
        return;
      }
      this.store.unanswered = null;
      this.meet(base.document, { revision: draft.revision, document: draft.document, by: draft.changed_by, at: draft.changed_at }, this.store.document);
    } catch {
      // With nothing to save there is nothing to try again: the next save is told of a newer draft.
      if (this.store.dirty) this.retryLater();
    }
  }

  /** Called on the event that the draft changed on the server, and when such an event may have been missed. */
  async noticed(revision: number): Promise<void> {
    while (this.running) await this.running;
    if (revision <= this.store.get().base.revision) return;
    // No save of this tab meanwhile: the two would take each other for somebody else.
    this.running = this.fetchTheirs();
    await this.running;
    this.running = null;
  }

  private meet(base: D, theirs: { revision: number; document: D; by: string | null; at: string }, mine: D): void {
    const result = this.server.merge(base, theirs.document, mine);
    if (result.conflicts.length > 0) {
      if (!sameJson(mine, this.store.document)) this.store.replace(mine, this.words.mergedLabel);
      this.store.set({
        save: "elsewhere",
        conflict: { theirs: theirs.document, revision: theirs.revision, by: theirs.by, at: theirs.at, places: result.conflicts },
      });
      return;
    }
    this.store.set({ base: { revision: theirs.revision, document: theirs.document }, save: "saved", conflict: null });
    const unchanged = sameJson(result.document, theirs.document);
    this.store.replace(unchanged ? theirs.document : result.document, this.words.mergedLabel);
    if (unchanged) this.store.set({ base: { revision: theirs.revision, document: this.store.document } });
    else this.schedule();
    say(this.words.merged(theirs.by));
  }

  /** The person chose: the given document replaces theirs, on top of their revision. */
  settle(document: D, label: string): void {
    const { conflict } = this.store.get();
    if (!conflict) return;
    this.store.set({ base: { revision: conflict.revision, document: conflict.theirs }, save: "saved", conflict: null });
    this.store.replace(document, label);
    if (sameJson(document, conflict.theirs)) this.store.set({ base: { revision: conflict.revision, document: this.store.document } });
    else this.schedule();
    this.store.keep();
  }
}
