// The editor's state: the document with its history, what the server says about it, the last trial run. One object per opened
// workflow; components read slices of it. All rules live in `~/lib/document`; all waiting lives in the files beside this one.

import { createContext, use, useCallback, useSyncExternalStore } from "react";

import { edgesFrom } from "~/lib/document/edits";
import { freeze, record, redo, startHistory, thaw, undo } from "~/lib/document/history";
import type { History } from "~/lib/document/history";
import type { Checked, Json, JsonObject, NodeType, Port, Problem, Sample, Workflow, WorkflowNode } from "~/lib/document/types";
import type { Run, RunStep, WorkflowDetail } from "../api";

export type SaveState = "saved" | "saving" | "kept" | "elsewhere";

export interface Conflict {
  theirs: Workflow;
  revision: number;
  by: string | null;
  at: string;
  /** Steps both changed; "" stands for the document itself. */
  steps: string[];
}

export interface Base {
  revision: number;
  document: Workflow;
}

export interface Trial {
  /** Undefined while the request to start it is under way. */
  run: Run | null;
  document: Workflow;
  sample: string;
  input: JsonObject;
  /** What the person asked for; a quiet run refreshes values without being announced. */
  quiet: boolean;
  until: string | null;
  error: string | null;
}

/** What a step last gave, from whichever trial run ran it last. */
export interface Result {
  step: RunStep;
  runId: string;
}

export interface EditorState {
  history: History<Workflow>;
  base: Base;
  save: SaveState;
  conflict: Conflict | null;
  checked: Checked | null;
  trial: Trial | null;
  results: Readonly<Record<string, Result>>;
  /** Text of a running model step, as it arrives. */
  streams: Readonly<Record<string, string>>;
  reallySend: boolean;
}

const LONGEST_KEPT = 3_000_000;

function isWorkflow(value: unknown): value is Workflow {
  return typeof value === "object" && value !== null && Array.isArray((value as Workflow).nodes) && Array.isArray((value as Workflow).edges);
}

function withLists(document: Workflow): Workflow {
  return { ...document, nodes: document.nodes ?? [], edges: document.edges ?? [], samples: document.samples ?? [] };
}

/** Which of this tab's editors of a workflow keeps its draft: the one that was opened last. */
const keepers = new Map<string, symbol>();

export class EditorStore {
  readonly id: string;
  private readonly keeper = Symbol();
  readonly types: ReadonlyMap<string, NodeType>;
  private state: EditorState;
  private readonly listeners = new Set<() => void>();
  /** What was sent last, until the server says whether it arrived. */
  unanswered: Workflow | null = null;
  /** Called after every change of the document; the saver and the checker hang here. */
  readonly onDocument = new Set<(document: Workflow) => void>();

  constructor(detail: WorkflowDetail, types: readonly NodeType[], private readonly storage: Storage | null) {
    this.id = detail.id;
    this.types = new Map(types.map((type) => [type.type, type]));
    const document = withLists(detail.draft.document);
    const base = { revision: detail.draft.revision, document };
    const kept = this.readKept(base.revision);
    this.state = {
      history: kept ?? startHistory(document),
      base,
      save: "saved",
      conflict: null,
      checked: null,
      trial: null,
      results: {},
      streams: {},
      reallySend: false,
    };
  }

  get = (): EditorState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  set(patch: Partial<EditorState>): void {
    this.state = { ...this.state, ...patch };
    for (const listener of this.listeners) listener();
  }

  get document(): Workflow {
    return this.state.history.present;
  }

  get dirty(): boolean {
    return !Object.is(this.document, this.state.base.document);
  }

  /** `key` names the edited place, so that typing there joins into one undo step. */
  edit(label: string, change: (document: Workflow) => Workflow | null, key: string | null = null): void {
    const next = change(this.document);
    if (next) this.setHistory(record(this.state.history, next, label, key, Date.now()));
  }

  /** Steps just added, whose ways the server has not told yet. */
  readonly fresh = new Set<string>();

  /** Changes the document as part of the last edit. */
  amend(change: (document: Workflow) => Workflow): void {
    const { history } = this.state;
    this.setHistory({ ...history, present: change(history.present) });
  }

  undo = (): void => this.setHistory(undo(this.state.history));
  redo = (): void => this.setHistory(redo(this.state.history));

  private setHistory(history: History<Workflow>): void {
    if (history === this.state.history) return;
    const changed = !Object.is(history.present, this.document);
    this.set({ history });
    if (!changed) return;
    this.keep();
    for (const listener of this.onDocument) listener(this.document);
  }

  /** Puts a document from the server in place; undo leads back to what was here. */
  replace(document: Workflow, label: string): void {
    this.setHistory(record(this.state.history, withLists(document), label, null, Date.now()));
  }

  private get keptAt(): string {
    return `formwork-draft-${this.id}`;
  }

  /** From now on this editor keeps the draft: one that was left may still wait for the answer to its last save. */
  open(): void {
    keepers.set(this.id, this.keeper);
  }

  /** At once and on this device: a closed tab loses nothing. */
  keep(): void {
    if (keepers.get(this.id) !== this.keeper) return;
    const { history, base } = this.state;
    try {
      const text = freeze(history, LONGEST_KEPT);
      this.storage?.setItem(this.keptAt, JSON.stringify({ revision: base.revision, dirty: this.dirty, base: this.dirty ? base.document : null, sent: this.unanswered, text }));
    } catch {
      // A full or forbidden storage must not stop the editing; the server still saves.
    }
  }

  private readKept(revision: number): History<Workflow> | null {
    const kept = this.kept();
    return kept && kept.revision === revision ? kept.history : null;
  }

  /** What this device holds, for unsaved work on an older revision. */
  kept(): { revision: number; dirty: boolean; base: Workflow | null; sent: Workflow | null; history: History<Workflow> } | null {
    try {
      const raw = this.storage?.getItem(this.keptAt);
      if (!raw) return null;
      const stored = JSON.parse(raw) as { revision: number; dirty: boolean; base: Workflow | null; sent?: Workflow | null; text: string };
      const history = thaw(stored.text, isWorkflow);
      return history ? { revision: stored.revision, dirty: stored.dirty, base: stored.base, sent: stored.sent ?? null, history } : null;
    } catch {
      return null;
    }
  }

  node(id: string | null | undefined): WorkflowNode | undefined {
    return id ? this.document.nodes.find((node) => node.id === id) : undefined;
  }
}

const Context = createContext<EditorStore | null>(null);
export const EditorProvider = Context.Provider;

export function useStore(): EditorStore {
  const store = use(Context);
  if (!store) throw new Error("outside of an editor");
  return store;
}

export function useEditor<T>(read: (state: EditorState) => T): T {
  const store = useStore();
  return useSyncExternalStore(store.subscribe, () => read(store.get()));
}

export function useDocument(): Workflow {
  return useEditor((state) => state.history.present);
}

/** The ways out of a step: what the server says, else the catalogue, else what is connected. */
export function portsOf(document: Workflow, checked: Checked | null, types: ReadonlyMap<string, NodeType>, id: string): Port[] {
  const known = checked?.nodes[id]?.ports;
  if (known?.length) return known;
  const node = document.nodes.find((item) => item.id === id);
  const declared = node ? types.get(node.type)?.ports : undefined;
  if (declared?.length) return declared;
  const used = [...new Set(edgesFrom(document, id).map((edge) => edge.port))];
  return (used.length ? used : ["out"]).map((name) => ({ name, title: "" }));
}

export function usePorts(): (id: string) => Port[] {
  const store = useStore();
  const document = useDocument();
  const checked = useEditor((state) => state.checked);
  return useCallback((id: string) => portsOf(document, checked, store.types, id), [document, checked, store.types]);
}

export const EMPTY_SAMPLE: Sample = { name: "", input: {} };

export function sampleNamed(document: Workflow, name: string | undefined): Sample {
  return document.samples.find((sample) => sample.name === name) ?? document.samples[0] ?? EMPTY_SAMPLE;
}

export function problemsOf(problems: readonly Problem[], id: string): Problem[] {
  return problems.filter((problem) => problem.node === id);
}

export type { Json };
