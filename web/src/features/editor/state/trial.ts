// Trial runs of the selected sample: they give chips their values, branches their verdicts and the page its words. A run that a
// person asked for runs everything; a quiet one refreshes what costs nothing and keeps what a model or the outside world gave.

import { ancestors, inside } from "~/lib/document/edits";
import { sameJson } from "~/lib/document/pointer";
import { cutSteps, quietRun, staleSteps } from "~/lib/document/stale";
import type { Json, Sample, Workflow } from "~/lib/document/types";
import { errorLine } from "~/ui/Problem";
import { getRun, getRuns, startTrial, stopRun } from "../api";
import type { Run } from "../api";
import type { Saver } from "./saver";
import type { EditorStore, Result, Trial } from "./store";

const OVER = new Set(["succeeded", "failed", "cancelled"]);
const FIRST_ENTRY = /^(0(\.0)*)?$/;
const POLL_MS = 1200;
const QUIET_PAUSE_MS = 400;

export function isOver(run: Run): boolean {
  return OVER.has(run.state);
}

export type TrialScope = { kind: "all" } | { kind: "to"; step: string } | { kind: "only"; step: string };

export class Trials {
  private poll: ReturnType<typeof setTimeout> | null = null;
  private quietTimer: ReturnType<typeof setTimeout> | null = null;
  private closed = false;
  private turn = 0;
  /** A person asked for a run that has not begun. */
  private asking = false;
  private sample: Sample;
  private readonly heard = new Map<string, { generation: string; fence: number; seq: number }>();

  constructor(private readonly store: EditorStore, private readonly saver: Saver<Workflow>, sample: Sample) {
    this.sample = sample;
  }

  start(): () => void {
    void this.adoptNewest().then(() => this.quietLater());
    const onDocument = () => this.quietLater();
    this.store.onDocument.add(onDocument);
    return () => {
      this.closed = true;
      this.store.onDocument.delete(onDocument);
      if (this.poll) clearTimeout(this.poll);
      if (this.quietTimer) clearTimeout(this.quietTimer);
    };
  }

  choose(sample: Sample): void {
    const other = sample.name !== this.sample.name;
    this.sample = sample;
    if (other) {
      this.turn += 1;
      if (this.poll) clearTimeout(this.poll);
      this.store.set({ results: {}, streams: {}, trial: null });
      void this.adoptNewest().then(() => this.quietLater());
    }
  }

  /** The newest trial run of this sample, so that opening the editor shows values without running anything. */
  private async adoptNewest(): Promise<void> {
    const mine = this.turn;
    try {
      const { items } = await getRuns(this.store.id, true);
      for (const row of items.filter((item) => OVER.has(item.state)).slice(0, 4)) {
        const run = await getRun(row.id);
        if (this.closed || mine !== this.turn || this.store.get().trial) return;
        if (run.document && sameJson(run.input, this.sample.input)) {
          this.take(run, { quiet: true, until: null });
          return;
        }
      }
    } catch {
      // Nothing to adopt: the first run will tell.
    }
  }

  private take(run: Run, about: { quiet: boolean; until: string | null }): void {
    const trial: Trial = {
      run, document: run.document ?? this.store.document, sample: this.sample.name, input: run.input ?? this.sample.input, error: null, ...about,
    };
    this.store.set({ trial, results: merged(this.store.get().results, run) });
  }

  async run(scope: TrialScope): Promise<void> {
    const pinned: Record<string, Json> = {};
    if (scope.kind === "only") {
      for (const id of ancestors(this.store.document, scope.step)) {
        const output = this.store.get().results[id]?.step.output;
        if (output !== undefined && output !== null) pinned[id] = output;
      }
    }
    this.asking = true;
    try {
      await this.begin(scope.kind === "all" ? null : scope.step, pinned, false);
    } finally {
      this.asking = false;
    }
  }

  async stop(): Promise<void> {
    const run = this.store.get().trial?.run;
    if (run && !isOver(run)) {
      await stopRun(run.id).catch(() => undefined);
      await this.refresh();
    }
  }

  /** A moment after the last change, when there is a sample, and nothing a person asked for is running. */
  quietLater(): void {
    if (this.quietTimer) clearTimeout(this.quietTimer);
    this.quietTimer = setTimeout(() => void this.quiet(), QUIET_PAUSE_MS);
  }

  /** Whether a run is on that a person asked for, which no quiet one may take the place of. */
  private isAsked(): boolean {
    const { trial } = this.store.get();
    return this.asking || (trial !== null && !trial.quiet && (!trial.run || !isOver(trial.run)));
  }

  private async quiet(): Promise<void> {
    const { checked, results } = this.store.get();
    if (this.closed || this.isAsked()) return;
    if (Object.keys(this.sample.input).length === 0) return;
    if (!(await this.saver.flush()) || this.isAsked()) return;
    if (!checked || !this.store.get().checked) return this.quietLater();
    if (this.store.get().checked?.problems.some((problem) => problem.severity === "error")) return;
    const document = this.store.document;
    const current = this.store.get().trial;
    const stale = current ? staleSteps(document, current.document, sameJson(current.input, this.sample.input)) : null;
    const own = (id: string) => this.store.get().checked?.nodes[id]?.effect;
    // A step that holds others has the effects of what it holds.
    const effect = (id: string) => [...inside(document, id)].map(own).find((one) => one !== "pure") ?? own(id);
    const surface = (id: string) => this.store.get().checked?.nodes[id]?.surface;
    const pureStale = document.nodes.some((node) => effect(node.id) === "pure" && (!results[node.id] || (stale?.has(node.id) ?? true)));
    if (!pureStale) return;
    const outputs = Object.fromEntries(Object.entries(results).map(([id, result]) => [id, result.step.output ?? undefined]));
    const plan = quietRun(document, effect, outputs, (id) => surface(id) === "page");
    if (!plan) return;
    // The same attempt again would give the same: a failed quiet run waits for a change.
    if (current?.quiet && current.until === plan.until && current.document === document && sameJson(current.input, this.sample.input)) return;
    await this.begin(plan.until, plan.pinned, true);
  }

  private async begin(until: string | null, pinned: Record<string, Json>, quiet: boolean): Promise<void> {
    this.turn += 1;
    const mine = this.turn;
    if (this.poll) clearTimeout(this.poll);
    const sample = this.sample;
    const saved = await this.saver.flush();
    const document = this.store.document;
    const trial: Trial = { run: null, document, sample: sample.name, input: sample.input, quiet, until, error: saved ? null : "offline" };
    if (mine !== this.turn || this.closed) return;
    this.store.set({ trial, streams: quiet ? this.store.get().streams : {} });
    if (!saved) return;
    try {
      const run = await startTrial(this.store.id, {
        revision: this.store.get().base.revision,
        input: sample.input,
        ...(until ? { until_node: until } : {}),
        ...(Object.keys(pinned).length ? { pinned } : {}),
        ...(!quiet && this.store.get().reallySend ? { really_send: true } : {}),
      });
      if (mine !== this.turn || this.closed) return;
      this.store.set({ trial: { ...trial, run: withLists(run) } });
      await this.refresh();
    } catch (error) {
      const line = await errorLine(error);
      if (mine !== this.turn || this.closed) return;
      this.store.set({ trial: { ...trial, error: line } });
    }
  }

  /** Called on events of the run, and from time to time in case one was missed. */
  async refresh(): Promise<void> {
    const mine = this.turn;
    const { trial } = this.store.get();
    if (!trial?.run || this.closed) return;
    if (this.poll) clearTimeout(this.poll);
    try {
      const run = withLists(await getRun(trial.run.id));
      if (mine !== this.turn || this.closed) return;
      this.store.set({ trial: { ...trial, run }, results: merged(this.store.get().results, run) });
      if (isOver(run)) return;
    } catch {
      if (mine !== this.turn || this.closed) return;
    }
    this.poll = setTimeout(() => void this.refresh(), POLL_MS);
  }

  /** Pieces of an older claim, or heard twice, are dropped; a new claim begins the text anew. */
  streamed(piece: { node: string; itemPath: string; generation: string; fence: number; seq: number; text: string }): void {
    if (!FIRST_ENTRY.test(piece.itemPath)) return;
    const { streams } = this.store.get();
    const last = this.heard.get(piece.node);
    const same = last?.generation === piece.generation && last.fence === piece.fence;
    if (last?.generation === piece.generation && (piece.fence < last.fence || (same && piece.seq <= last.seq))) return;
    this.heard.set(piece.node, { generation: piece.generation, fence: piece.fence, seq: piece.seq });
    this.store.set({ streams: { ...streams, [piece.node]: same ? (streams[piece.node] ?? "") + piece.text : piece.text } });
  }
}

function withLists(run: Run): Run {
  return { ...run, steps: run.steps ?? [], artifacts: run.artifacts ?? [] };
}

/** Keeps older results of steps that this run has not reached. */
function merged(results: Readonly<Record<string, Result>>, run: Run): Record<string, Result> {
  const next: Record<string, Result> = { ...results };
  const cut = run.document ? cutSteps(run.document, run.steps) : new Set<string>();
  for (const step of run.steps) {
    // Of what ran for every entry of a list the first is shown.
    if (!FIRST_ENTRY.test(step.item_path) || cut.has(step.node)) continue;
    const over = OVER.has(step.state) || step.state === "skipped";
    if (over || step.state === "running" || step.state === "waiting") next[step.node] = { step, runId: run.id };
  }
  return next;
}
