// Every change of a workflow document, as a pure function from document to document.
// Nothing here knows a step's type: ports come from the caller.

import { copyName, freshStepId } from "./ids";
import { setAt } from "./pointer";
import type { Path } from "./pointer";
import type { Edge, Json, JsonObject, NodeType, Port, Position, Sample, Schema, Workflow, WorkflowNode } from "./types";

/** A place between steps: behind `after` on its way `port`; `after` null is the very beginning, of the workflow or `inside` a step. */
export interface Gap {
  after: string | null;
  port: string;
  inside?: string;
}

const ROW = 148;

export function findNode(document: Workflow, id: string | null | undefined): WorkflowNode | undefined {
  return id ? document.nodes.find((node) => node.id === id) : undefined;
}

export function edgesFrom(document: Workflow, id: string, port?: string): Edge[] {
  return document.edges.filter((edge) => edge.from === id && (port === undefined || edge.port === port));
}

export function edgesTo(document: Workflow, id: string): Edge[] {
  return document.edges.filter((edge) => edge.to === id);
}

function sameEdge(a: Edge, b: Edge): boolean {
  return a.from === b.from && a.port === b.port && a.to === b.to;
}

function unique(edges: Edge[]): Edge[] {
  return edges.filter((edge, index) => edges.findIndex((other) => sameEdge(edge, other)) === index);
}

/** The step that `id` lies in. */
export function parentOf(document: Workflow, id: string | null | undefined): string | null {
  return findNode(document, id)?.parent ?? null;
}

/** Everything that lies in a step, directly or deeper. */
export function inside(document: Workflow, id: string): Set<string> {
  return reach(id, document.nodes.flatMap((node) => (node.parent ? [[node.parent, node.id] as [string, string]] : [])));
}

/** Steps that nothing leads to, in a step or in none. */
export function roots(document: Workflow, parent: string | null = null): string[] {
  const targets = new Set(document.edges.map((edge) => edge.to));
  return document.nodes.filter((node) => (node.parent ?? null) === parent && !targets.has(node.id)).map((node) => node.id);
}

/** Steps that run before `id` on some way; what lies in a step comes after what leads to it. */
export function ancestors(document: Workflow, id: string): Set<string> {
  const leading = document.edges.map((edge) => [edge.to, edge.from] as [string, string]);
  const up = new Map(document.nodes.map((node) => [node.id, node.parent ?? null]));
  const found = reach(id, leading);
  const seen = new Set([id]);
  for (let container = up.get(id) ?? null; container !== null && !seen.has(container); container = up.get(container) ?? null) {
    seen.add(container);
    for (const step of reach(container, leading)) found.add(step);
  }
  return found;
}

export function descendants(document: Workflow, id: string): Set<string> {
  return reach(id, document.edges.map((edge) => [edge.from, edge.to]));
}

function reach(start: string, pairs: Array<[string, string]>): Set<string> {
  const seen = new Set<string>();
  const open = [start];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    for (const [from, to] of pairs) {
      if (from === current && !seen.has(to)) {
        seen.add(to);
        open.push(to);
      }
    }
  }
  return seen;
}

/** What an empty config of this schema starts as: declared defaults, and the least value of every required property. */
export function initialConfig(schema: Schema, definitions: Record<string, Schema> = schema.$defs ?? {}): JsonObject {
  const config: JsonObject = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default !== undefined && property.default !== null) config[name] = property.default;
    else if (schema.required?.includes(name)) {
      const value = leastValue(property, definitions, 0);
      if (value !== undefined) config[name] = value;
    }
  }
  return config;
}

function leastValue(schema: Schema, definitions: Record<string, Schema>, depth: number): Json | undefined {
  if (depth > 8) return undefined;
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum?.[0] !== undefined) return schema.enum[0];
  if (schema.$ref) {
    const target = definitions[schema.$ref.replace(/^#\/\$defs\//, "")];
    return target ? leastValue(target, definitions, depth + 1) : undefined;
  }
  const choice = schema.oneOf?.[0] ?? schema.anyOf?.[0] ?? schema.allOf?.[0];
  if (choice) return leastValue(choice, definitions, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type.find((item) => item !== "null") : schema.type;
  // An id of a resource must not start as an invalid empty string: absent means "not chosen yet".
  if (schema.format === "uuid") return undefined;
  switch (type) {
    case "string":
      return "";
    case "array":
      return [];
    case "boolean":
      return false;
    case "integer":
    case "number":
      return schema.minimum ?? 0;
    case "object":
      return initialConfig(schema, definitions);
    default:
      return undefined;
  }
}

/** Puts a new step into a gap; what followed there follows the new step's first way. */
export function addNode(document: Workflow, type: NodeType, gap: Gap, place?: Position): [Workflow, string] {
  const id = freshStepId(type.title, type.type, document.nodes.map((node) => node.id));
  const node: WorkflowNode = {
    id,
    type: type.type,
    version: type.version,
    name: uniqueStepName(document, type.title),
    config: type.config ?? initialConfig(type.schema),
    position: place ?? positionIn(document, gap),
    ...placeIn(document, gap),
  };
  const added = { ...document, nodes: insertNode(document, node, gap.after) };
  return [connectInto(added, id, gap, type.ports[0]?.name ?? "out"), id];
}

/** A gap lies where the step before it lies. */
function levelOf(document: Workflow, gap: Gap): string | null {
  return gap.inside ?? parentOf(document, gap.after);
}

function placeIn(document: Workflow, gap: Gap): { parent?: string } {
  const parent = levelOf(document, gap);
  return parent === null ? {} : { parent };
}

function uniqueStepName(document: Workflow, title: string): string {
  const names = document.nodes.map((node) => node.name);
  return names.includes(title) ? copyName(title, names) : title;
}

function insertNode(document: Workflow, node: WorkflowNode, after: string | null): WorkflowNode[] {
  const index = after === null ? -1 : document.nodes.findIndex((other) => other.id === after);
  return [...document.nodes.slice(0, index + 1), node, ...document.nodes.slice(index + 1)];
}

function positionIn(document: Workflow, gap: Gap): Position {
  const before = findNode(document, gap.after ?? gap.inside)?.position;
  if (!before) {
    const top = Math.min(0, ...document.nodes.map((node) => node.position?.y ?? 0));
    return { x: document.nodes[0]?.position?.x ?? 0, y: document.nodes.length ? top - ROW : 0 };
  }
  return { x: before.x, y: before.y + ROW };
}

function connectInto(document: Workflow, id: string, gap: Gap, way: string): Workflow {
  if (gap.after === null) {
    const firsts = roots(document, gap.inside ?? null).filter((root) => root !== id);
    // A second beginning must not be chained to the first by accident: only a lone root is pushed down.
    const edges = firsts.length === 1 && firsts[0] ? [{ from: id, port: way, to: firsts[0] }] : [];
    return { ...document, edges: unique([...edges, ...document.edges]) };
  }
  const followers = edgesFrom(document, gap.after, gap.port);
  const rest = document.edges.filter((edge) => !followers.includes(edge));
  return {
    ...document,
    edges: unique([
      ...rest,
      { from: gap.after, port: gap.port, to: id },
      ...followers.map((edge) => ({ from: id, port: way, to: edge.to })),
    ]),
  };
}

/** Takes a step out with all that lies in it; its predecessors go on with what followed its first way that leads anywhere. */
export function removeNode(document: Workflow, id: string, ports: Port[] = []): Workflow {
  const detached = detach(document, id, ports);
  const gone = inside(document, id).add(id);
  return {
    ...detached,
    nodes: detached.nodes.filter((node) => !gone.has(node.id)),
    edges: detached.edges.filter((edge) => !gone.has(edge.from)),
  };
}

function detach(document: Workflow, id: string, ports: Port[]): Workflow {
  const incoming = edgesTo(document, id);
  const outgoing = edgesFrom(document, id);
  const main = ports.map((port) => port.name).find((name) => outgoing.some((edge) => edge.port === name))
    ?? outgoing[0]?.port;
  const bridges = incoming.flatMap((before) =>
    outgoing.filter((after) => after.port === main).map((after) => ({ from: before.from, port: before.port, to: after.to })),
  );
  const rest = document.edges.filter((edge) => edge.from !== id && edge.to !== id);
  return { ...document, edges: unique([...rest, ...bridges]) };
}

/** Moves one step into another gap; `null` when the gap is the step's own. */
export function moveNode(document: Workflow, id: string, gap: Gap, ports: Port[]): Workflow | null {
  const node = findNode(document, id);
  const level = levelOf(document, gap);
  if (!node || gap.after === id || level === id || (level !== null && inside(document, id).has(level))) return null;
  const incoming = edgesTo(document, id);
  if (incoming.length === 1 && incoming[0]?.from === gap.after && incoming[0]?.port === gap.port) return null;
  const detached = detach(document, id, ports);
  const without = { ...detached, nodes: detached.nodes.filter((other) => other.id !== id) };
  const placed = clean({ ...node, parent: level, position: positionIn(without, gap) });
  const way = ports[0]?.name ?? "out";
  const next = connectInto({ ...without, nodes: insertNode(without, placed, gap.after) }, id, gap, way);
  return hasCycle(next) ? null : next;
}

export function duplicateNode(document: Workflow, id: string, ports: Port[]): [Workflow, string] | null {
  const node = findNode(document, id);
  if (!node) return null;
  const copy: WorkflowNode = {
    ...node,
    id: freshStepId(node.id, node.type, document.nodes.map((other) => other.id)),
    name: copyName(node.name, document.nodes.map((other) => other.name)),
    position: { x: (node.position?.x ?? 0) + 40, y: (node.position?.y ?? 0) + ROW },
  };
  const way = ports[0]?.name ?? "out";
  const added = { ...document, nodes: insertNode(document, copy, id) };
  return [connectInto(added, copy.id, { after: id, port: way }, way), copy.id];
}

export function patchNode(document: Workflow, id: string, patch: Partial<WorkflowNode>): Workflow {
  return { ...document, nodes: document.nodes.map((node) => (node.id === id ? clean({ ...node, ...patch }) : node)) };
}

/** Absent optional members are left out so that an unset setting equals one never set. */
function clean(node: WorkflowNode): WorkflowNode {
  const copy = { ...node };
  if (copy.retry === undefined || copy.retry === null) delete copy.retry;
  if (copy.timeout_ms === undefined || copy.timeout_ms === null) delete copy.timeout_ms;
  if (copy.limits === undefined || copy.limits === null) delete copy.limits;
  if (copy.on_error === undefined || copy.on_error === "stop") delete copy.on_error;
  if (copy.parent === undefined || copy.parent === null) delete copy.parent;
  return copy;
}

export function setConfig(document: Workflow, id: string, path: Path, value: Json | undefined): Workflow {
  const node = findNode(document, id);
  if (!node) return document;
  return patchNode(document, id, { config: (setAt(node.config, path, value) ?? {}) as JsonObject });
}

export function connect(document: Workflow, edge: Edge): Workflow | null {
  if (edge.from === edge.to || document.edges.some((other) => sameEdge(other, edge))) return null;
  if (parentOf(document, edge.from) !== parentOf(document, edge.to)) return null;
  const next = { ...document, edges: [...document.edges, edge] };
  return hasCycle(next) ? null : next;
}

/** The steps that one may lead to without going round in a circle, or into another step. */
export function targets(document: Workflow, from: string): string[] {
  const before = ancestors(document, from);
  const level = parentOf(document, from);
  return document.nodes.filter((node) => node.id !== from && !before.has(node.id) && (node.parent ?? null) === level).map((node) => node.id);
}

export function disconnect(document: Workflow, edge: Edge): Workflow {
  return { ...document, edges: document.edges.filter((other) => !sameEdge(other, edge)) };
}

export function setPositions(document: Workflow, positions: ReadonlyMap<string, Position>): Workflow {
  return {
    ...document,
    nodes: document.nodes.map((node) => {
      const position = positions.get(node.id);
      return position ? { ...node, position } : node;
    }),
  };
}

export function hasCycle(document: Workflow): boolean {
  return document.nodes.some((node) => descendants(document, node.id).has(node.id));
}

/** Edges follow renamed ways of a step: `renames` maps old port names to new ones. */
export function renamePorts(document: Workflow, id: string, renames: ReadonlyMap<string, string>): Workflow {
  if (renames.size === 0) return document;
  return {
    ...document,
    edges: document.edges.map((edge) =>
      edge.from === id ? { ...edge, port: renames.get(edge.port) ?? edge.port } : edge,
    ),
  };
}

export function setSample(document: Workflow, name: string, input: JsonObject): Workflow {
  const known = document.samples.some((sample) => sample.name === name);
  const samples: Sample[] = known
    ? document.samples.map((sample) => (sample.name === name ? { ...sample, input } : sample))
    : [...document.samples, { name, input }];
  return { ...document, samples };
}

export function removeSample(document: Workflow, name: string): Workflow {
  return { ...document, samples: document.samples.filter((sample) => sample.name !== name) };
}

export function renameSample(document: Workflow, name: string, next: string): Workflow {
  if (next === "" || document.samples.some((sample) => sample.name === next)) return document;
  return {
    ...document,
    samples: document.samples.map((sample) => (sample.name === name ? { ...sample, name: next } : sample)),
  };
}
