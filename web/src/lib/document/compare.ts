// What differs between two documents, step by step, and the merge of two people's changes to the same base.

import { isObject, sameJson } from "./pointer";
import type { Edge, Json, Workflow, WorkflowNode } from "./types";

export interface FieldChange {
  path: string[];
  before: Json | undefined;
  after: Json | undefined;
}

export type Change =
  | { kind: "added"; id: string; name: string }
  | { kind: "removed"; id: string; name: string }
  | { kind: "renamed"; id: string; name: string; before: string }
  | { kind: "changed"; id: string; name: string; fields: FieldChange[] }
  | { kind: "order" }
  | { kind: "samples" }
  | { kind: "settings"; fields: FieldChange[] };

const SETTINGS = ["name", "locale", "time_zone", "currency"] as const;

/** Everything but where a step lies on the canvas, which changes nothing of what happens. */
function meaning(node: WorkflowNode) {
  return {
    type: node.type,
    version: node.version,
    config: node.config,
    parent: node.parent ?? null,
    retry: node.retry ?? null,
    on_error: node.on_error ?? "stop",
    timeout_ms: node.timeout_ms ?? null,
    limits: { start_ms: node.limits?.start_ms ?? null, total_ms: node.limits?.total_ms ?? null, heartbeat_ms: node.limits?.heartbeat_ms ?? null },
  };
}

export function fieldChanges(before: Json | undefined, after: Json | undefined, path: string[] = []): FieldChange[] {
  if (sameJson(before, after)) return [];
  if (!isObject(before) || !isObject(after)) return [{ path, before, after }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => fieldChanges(before[key], after[key], [...path, key]));
}

export function compare(before: Workflow, after: Workflow): Change[] {
  const changes: Change[] = [];
  const old = new Map(before.nodes.map((node) => [node.id, node]));
  const now = new Map(after.nodes.map((node) => [node.id, node]));
  for (const node of after.nodes) {
    const earlier = old.get(node.id);
    if (!earlier) {
      changes.push({ kind: "added", id: node.id, name: node.name });
      continue;
    }
    if (earlier.name !== node.name) changes.push({ kind: "renamed", id: node.id, name: node.name, before: earlier.name });
    const fields = fieldChanges(meaning(earlier) as unknown as Json, meaning(node) as unknown as Json);
    if (fields.length) changes.push({ kind: "changed", id: node.id, name: node.name, fields });
  }
  for (const node of before.nodes) if (!now.has(node.id)) changes.push({ kind: "removed", id: node.id, name: node.name });
  const kept = (edges: Edge[]) =>
    edges.filter((edge) => old.has(edge.from) && old.has(edge.to) && now.has(edge.from) && now.has(edge.to)).map(edgeKey).sort();
  if (!sameJson(kept(before.edges), kept(after.edges))) changes.push({ kind: "order" });
  const settings = [...SETTINGS, "on_failure" as const].flatMap((name) => fieldChanges(before[name] ?? null, after[name] ?? null, [name]));
  const [limit, nextLimit] = [limitOf(before), limitOf(after)];
  if (!sameJson(limit, nextLimit)) settings.push({ path: ["concurrency"], before: limit, after: nextLimit });
  settings.push(...fieldChanges(warningsOf(before), warningsOf(after), ["document_warnings"]));
  if (settings.length) changes.push({ kind: "settings", fields: settings });
  if (!sameJson(before.samples, after.samples)) changes.push({ kind: "samples" });
  return changes;
}

/** The limit of runs at the same time with what it leaves unsaid. */
function limitOf({ concurrency }: Workflow): Json {
  return concurrency == null ? null : { runs: concurrency.runs, key: concurrency.key ?? null };
}

/** What is done about warnings of a document, said or not. */
function warningsOf({ document_warnings }: Workflow): "warn" | "stop" {
  return document_warnings ?? "warn";
}

function edgeKey(edge: Edge): string {
  return `${edge.from}\n${edge.port}\n${edge.to}`;
}

export interface Merged {
  document: Workflow;
  /** Steps (or "" for the document itself) that both changed differently; theirs is in `document`. */
  conflicts: string[];
}

/** A step with what it leaves unsaid: the server says it, this device may not. */
function whole(node: WorkflowNode) {
  return { ...meaning(node), id: node.id, name: node.name, position: node.position ?? { x: 0, y: 0 } };
}

function sameNode(a: WorkflowNode | undefined, b: WorkflowNode | undefined): boolean {
  return a && b ? sameJson(whole(a), whole(b)) : a === b;
}

/** Three-way merge by step, edge and sample; what only one side changed is taken from that side. */
export function merge(base: Workflow, theirs: Workflow, mine: Workflow): Merged {
  const conflicts: string[] = [];
  const pick = <T>(
    id: string, was: T | undefined, their: T | undefined, my: T | undefined, same: (a: T | undefined, b: T | undefined) => boolean = sameJson,
  ): T | undefined => {
    if (same(their, my) || same(was, my)) return their;
    if (same(was, their)) return my;
    conflicts.push(id);
    return their;
  };
  const index = (document: Workflow) => new Map(document.nodes.map((node) => [node.id, node]));
  const [was, their, my] = [index(base), index(theirs), index(mine)];
  const ids = [...new Set([...theirs.nodes, ...mine.nodes].map((node) => node.id))];
  const nodes = ids.flatMap((id) => pick(id, was.get(id), their.get(id), my.get(id), sameNode) ?? []);

  const edgeIndex = (document: Workflow) => new Map(document.edges.map((edge) => [edgeKey(edge), edge]));
  const [wasEdges, theirEdges, myEdges] = [edgeIndex(base), edgeIndex(theirs), edgeIndex(mine)];
  const alive = new Set(nodes.map((node) => node.id));
  const edges = [...new Set([...theirEdges.keys(), ...myEdges.keys()])]
    .flatMap((key) => pick(key, wasEdges.get(key), theirEdges.get(key), myEdges.get(key)) ?? [])
    .filter((edge) => alive.has(edge.from) && alive.has(edge.to));

  const sampleIndex = (document: Workflow) => new Map(document.samples.map((sample) => [sample.name, sample]));
  const [wasSamples, theirSamples, mySamples] = [sampleIndex(base), sampleIndex(theirs), sampleIndex(mine)];
  const samples = [...new Set([...theirSamples.keys(), ...mySamples.keys()])].flatMap(
    (name) => pick("", wasSamples.get(name), theirSamples.get(name), mySamples.get(name)) ?? [],
  );

  const document: Workflow = { ...theirs, nodes, edges, samples };
  for (const name of SETTINGS) document[name] = pick("", base[name], theirs[name], mine[name]) ?? theirs[name];
  // Unlike the others it may be taken away.
  const onFailure = pick("", base.on_failure ?? null, theirs.on_failure ?? null, mine.on_failure ?? null);
  if (onFailure !== (theirs.on_failure ?? null)) document.on_failure = onFailure ?? null;
  const limit = pick("", limitOf(base), limitOf(theirs), limitOf(mine));
  if (!sameJson(limit, limitOf(theirs))) document.concurrency = mine.concurrency ?? null;
  const warnings = pick("", warningsOf(base), warningsOf(theirs), warningsOf(mine));
  if (warnings !== undefined && warnings !== warningsOf(theirs)) document.document_warnings = warnings;
  return { document, conflicts: [...new Set(conflicts)] };
}
