// "Tidy up": places the steps from top to bottom by their connections. Sizes come from what is drawn.

import { graphlib, layout } from "@dagrejs/dagre";

import { inside, roots } from "./edits";
import { lanes } from "./lanes";
import type { Port, Position, Workflow } from "./types";

export const CARD_WIDTH = 236;
export const CARD_HEIGHT = 96;
/** Between a frame and what lies in it. */
export const FRAME_ROOM = 22;

export function tidy(
  document: Workflow,
  ports: (id: string) => Port[],
  heights: ReadonlyMap<string, number> = new Map(),
): Map<string, Position> {
  const graph = new graphlib.Graph({ multigraph: true, compound: true });
  graph.setGraph({ rankdir: "TB", nodesep: 48, ranksep: 52 });
  graph.setDefaultEdgeLabel(() => ({}));
  // Steps in the order of the list, so that the first way lies left of the second.
  const order = lanes(document, ports).flatMap((row) => (row.kind === "step" ? [row.id] : []));
  for (const id of order) {
    graph.setNode(id, { width: CARD_WIDTH, height: heights.get(id) ?? CARD_HEIGHT });
  }
  // A step lies in one frame with what it holds; what follows the step comes below all of that.
  const holds = order.filter((id) => document.nodes.some((node) => node.parent === id));
  const frame = (id: string) => `${id}\u0000frame`;
  for (const id of holds) graph.setNode(frame(id), {});
  for (const id of order) {
    const around = holds.includes(id) ? frame(id) : null;
    const parent = document.nodes.find((node) => node.id === id)?.parent;
    const outer = parent && holds.includes(parent) ? frame(parent) : null;
    if (around) graph.setParent(id, around);
    if (outer) graph.setParent(around ?? id, outer);
  }
  for (const id of holds) {
    for (const first of roots(document, id)) graph.setEdge(id, first, {}, "inside");
    const last = [...inside(document, id)].filter((step) => !document.edges.some((edge) => edge.from === step));
    for (const edge of document.edges.filter((one) => one.from === id)) for (const step of last) graph.setEdge(step, edge.to, {}, "after");
  }
  // Edges in the order of the ways keep "Yes" left of "No".
  const rank = (from: string, port: string) => ports(from).findIndex((item) => item.name === port);
  const edges = document.edges.toSorted((a, b) => (a.from === b.from ? rank(a.from, a.port) - rank(b.from, b.port) : 0));
  for (const edge of edges) {
    if (!graph.hasNode(edge.from) || !graph.hasNode(edge.to) || holds.includes(edge.from)) continue;
    const labelled = ports(edge.from).length > 1;
    graph.setEdge(edge.from, edge.to, labelled ? { width: 72, height: 24, labelpos: "c" } : {}, edge.port);
  }
  layout(graph);
  const flip = mirrored(document, rank, (id) => graph.node(id).x) ? -1 : 1;
  const positions = new Map<string, Position>();
  for (const id of order) {
    const placed = graph.node(id);
    positions.set(id, { x: Math.round(placed.x * flip - placed.width / 2), y: Math.round(placed.y - placed.height / 2) });
  }
  return positions;
}

/** The layout knows no first way: when most pairs of ways came out the wrong way round, the picture is turned over. */
function mirrored(document: Workflow, rank: (from: string, port: string) => number, x: (id: string) => number): boolean {
  let wrong = 0;
  for (const a of document.edges) {
    for (const b of document.edges) {
      if (a.from === b.from && rank(a.from, a.port) < rank(b.from, b.port)) wrong += Math.sign(x(a.to) - x(b.to));
    }
  }
  return wrong > 0;
}

/** True when nobody has placed the steps yet: then the canvas tidies up by itself, without saving. */
export function unplaced(document: Workflow): boolean {
  if (document.nodes.length < 2) return false;
  const seen = new Set<string>();
  for (const node of document.nodes) seen.add(`${node.position?.x ?? 0},${node.position?.y ?? 0}`);
  return seen.size < document.nodes.length;
}
