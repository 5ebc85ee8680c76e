// Which results of a past trial run no longer say what the document would do now, and what a quiet re-run may keep.

import { sameJson } from "./pointer";
import { inOrder } from "./lanes";
import type { Effect, Json, Workflow, WorkflowNode } from "./types";

function behaviour(node: WorkflowNode) {
  return [node.type, node.version, node.config, node.on_error ?? "stop", node.parent ?? null];
}

/** Steps changed since `ran`, each with the step that made it stale first (itself when it changed). */
export function staleSteps(now: Workflow, ran: Workflow, sameInput: boolean): Map<string, string> {
  const earlier = new Map(ran.nodes.map((node) => [node.id, node]));
  const incoming = (document: Workflow, id: string) =>
    document.edges.filter((edge) => edge.to === id).map((edge) => `${edge.from}\n${edge.port}`).sort();
  const stale = new Map<string, string>();
  for (const id of inOrder(now)) {
    const node = now.nodes.find((item) => item.id === id);
    const before = earlier.get(id);
    if (!node) continue;
    const parents = sourcesOf(now, node);
    const cause = parents.map((parent) => stale.get(parent)).find((found) => found !== undefined);
    if (!before || !sameJson(behaviour(node), behaviour(before)) || !sameJson(incoming(now, id), incoming(ran, id))) stale.set(id, id);
    else if (parents.length === 0 && !sameInput) stale.set(id, id);
    else if (cause !== undefined) stale.set(id, cause);
  }
  return stale;
}

/** What a step goes by: the steps that lead to it, or the one it begins in. */
function sourcesOf(document: Workflow, node: WorkflowNode): string[] {
  const leading = document.edges.filter((edge) => edge.to === node.id).map((edge) => edge.from);
  return leading.length === 0 && node.parent ? [node.parent] : leading;
}

export interface QuietRun {
  until: string;
  pinned: Record<string, Json>;
}

/**
 * The part of the workflow that can run again without waking a model or the outside world: steps with an effect keep their last
 * output, those that have none block what follows. `null` when there is nothing to run.
 */
export function quietRun(
  document: Workflow,
  effect: (id: string) => Effect | null | undefined,
  outputs: Readonly<Record<string, Json | undefined>>,
  wanted: (id: string) => boolean,
): QuietRun | null {
  const pinned: Record<string, Json> = {};
  const blocked = new Set<string>();
  let last: string | null = null;
  let lastWanted: string | null = null;
  for (const id of inOrder(document)) {
    // What lies in a step runs with it, or not at all.
    if (document.nodes.find((node) => node.id === id)?.parent) continue;
    const parents = document.edges.filter((edge) => edge.to === id).map((edge) => edge.from);
    const output = outputs[id];
    const pure = effect(id) === "pure";
    if (parents.some((parent) => blocked.has(parent)) || (!pure && (output === undefined || output === null))) {
      blocked.add(id);
      continue;
    }
    if (!pure && output !== undefined && output !== null) pinned[id] = output;
    last = id;
    if (wanted(id)) lastWanted = id;
  }
  const until = lastWanted ?? last;
  return until ? { until, pinned } : null;
}

interface Settled {
  node: string;
  item_path: string;
  state: string;
  ports: readonly string[] | null;
}

/**
 * Steps that a run left out only because it was to end before them: a way led there, and still they were skipped. They were not
 * decided against, so nothing is known of them.
 */
export function cutSteps(document: Workflow, steps: readonly Settled[]): Set<string> {
  const known = new Map(steps.filter((step) => !step.item_path).map((step) => [step.node, step]));
  const cut = new Set<string>();
  for (const id of inOrder(document)) {
    if (known.get(id)?.state !== "skipped") continue;
    const led = document.edges.some((edge) => edge.to === id && (cut.has(edge.from) || (known.get(edge.from)?.ports ?? []).includes(edge.port)));
    if (led) cut.add(id);
  }
  return cut;
}
