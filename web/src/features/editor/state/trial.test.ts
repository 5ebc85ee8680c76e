import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Sample, Workflow } from "~/lib/document/types";
import type { Saver } from "./saver";
import type { EditorStore } from "./store";
import { Trials } from "./trial";

const started = vi.hoisted(() => [] as { until_node?: string }[]);
vi.mock("../api", () => {
  const run = { id: "run", state: "running", steps: [], artifacts: [] };
  return {
    getRun: () => Promise.resolve(run),
    getRuns: () => Promise.resolve({ items: [] }),
    startTrial: (_id: string, trial: { until_node?: string }) => {
      started.push(trial);
      return Promise.resolve(run);
    },
    stopRun: () => Promise.resolve(run),
  };
});

const sample = { name: "Clara", input: { guest: "Clara" } } as Sample;

function trials(flush: () => Promise<boolean>): Trials {
  const document = { nodes: [{ id: "form", type: "form", name: "Form", config: {} }], edges: [], samples: [sample] } as unknown as Workflow;
  let state: Record<string, unknown> = {
    trial: null, results: {}, streams: {}, base: { revision: 1 }, reallySend: false,
    checked: { problems: [], nodes: { form: { effect: "pure", surface: "form" } } },
  };
  const store = {
    id: "workflow", document, onDocument: new Set(), get: () => state,
    set: (next: object) => { state = { ...state, ...next }; },
  };
  return new Trials(store as unknown as EditorStore, { flush } as unknown as Saver<Workflow>, sample);
}

beforeEach(() => {
  started.length = 0;
  vi.useFakeTimers();
});
afterEach(() => void vi.useRealTimers());

test("a quiet run refreshes what costs nothing", async () => {
  trials(() => Promise.resolve(true)).quietLater();
  await vi.advanceTimersByTimeAsync(500);
  expect(started).toHaveLength(1);
  expect(started[0]).toMatchObject({ until_node: "form" });
});

test("a run that a person asks for while a quiet one waits for the draft is the only one", async () => {
  let saved: (yes: boolean) => void = () => undefined;
  const flush = new Promise<boolean>((resolve) => { saved = resolve; });
  const own = trials(() => flush);
  own.quietLater();
  await vi.advanceTimersByTimeAsync(500);
  void own.run({ kind: "all" });
  saved(true);
  await vi.advanceTimersByTimeAsync(500);
  expect(started).toHaveLength(1);
  expect(started[0]).not.toHaveProperty("until_node");
});
