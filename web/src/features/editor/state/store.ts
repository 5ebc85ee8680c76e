// The editor's state: the document with its history, what the server says about it, the last trial run. One object per opened
// workflow; components read slices of it. All rules live in `~/lib/document`; all waiting lives in the files beside this one.

import { createContext, use, useCallback, useSyncExternalStore } from "react";

import { edgesFrom } from "~/lib/document/edits";
import type { Checked, Json, JsonObject, NodeType, Port, Problem, Sample, Workflow, WorkflowNode } from "~/lib/document/types";
import type { Run, RunStep, WorkflowDetail } from "../api";
import { DraftStore } from "./draft";
import type { DraftState } from "./draft";

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

export interface EditorState extends DraftState<Workflow> {
  checked: Checked | null;
  trial: Trial | null;
  results: Readonly<Record<string, Result>>;
  /** Text of a running model step, as it arrives. */
  streams: Readonly<Record<string, string>>;
  reallySend: boolean;
}

function isWorkflow(value: unknown): value is Workflow {
  return typeof value === "object" && value !== null && Array.isArray((value as Workflow).nodes) && Array.isArray((value as Workflow).edges);
}

function withLists(document: Workflow): Workflow {
  return { ...document, nodes: document.nodes ?? [], edges: document.edges ?? [], samples: document.samples ?? [] };
}

export class EditorStore extends DraftStore<Workflow, EditorState> {
  readonly types: ReadonlyMap<string, NodeType>;
  /** Steps just added, whose ways the server has not told yet. */
  readonly fresh = new Set<string>();

  constructor(detail: WorkflowDetail, types: readonly NodeType[], storage: Storage | null) {
    super(
      {
        id: detail.id,
        place: `formwork-draft-${detail.id}`,
        base: { revision: detail.draft.revision, document: withLists(detail.draft.document) },
        isDocument: isWorkflow,
        storage,
      },
      { checked: null, trial: null, results: {}, streams: {}, reallySend: false },
    );
    this.types = new Map(types.map((type) => [type.type, type]));
  }

  override replace(document: Workflow, label: string): void {
    super.replace(withLists(document), label);
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
