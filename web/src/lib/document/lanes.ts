// The step list: one column read off the graph, in the order steps run. The ways of a step that has several are indented lanes
// that end where all of them meet again; that meeting step is the way-out point every path must pass (its post-dominator).

import { roots } from "./edits";
import type { Gap } from "./edits";
import type { Port, Workflow } from "./types";

export type Row =
  | { kind: "step"; id: string; number: number; depth: number; gap: Gap | null; parent: string | null }
  | { kind: "way"; from: string; port: string; title: string; depth: number; goes: "steps" | "below" | "ends" }
  | { kind: "inside"; of: string; depth: number; empty: boolean; parent: string }
  | { kind: "joins"; id: string; from: string; port: string; depth: number }
  | { kind: "rejoin"; from: string; depth: number };

const EXIT = "\u0000exit";

/** In the order in which steps run; what lies in a step follows it. */
export function inOrder(document: Workflow): string[] {
  const order = inLevels(document);
  const within = (parent: string | null): string[] =>
    order.filter((id) => (parents.get(id) ?? null) === parent).flatMap((id) => [id, ...within(id)]);
  const known = new Set(order);
  const parents = new Map(document.nodes.map((node) => [node.id, node.parent && known.has(node.parent) ? node.parent : null]));
  const found = within(null);
  // Steps that lie in each other still have to be seen to be repaired.
  return found.length === order.length ? found : [...found, ...order.filter((id) => !found.includes(id))];
}

function inLevels(document: Workflow): string[] {
  const waiting = new Map<string, number>(document.nodes.map((node) => [node.id, 0]));
  for (const edge of document.edges) {
    if (waiting.has(edge.from) && waiting.has(edge.to)) waiting.set(edge.to, (waiting.get(edge.to) ?? 0) + 1);
  }
  const order: string[] = [];
  const ready = document.nodes.map((node) => node.id).filter((id) => waiting.get(id) === 0);
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    order.push(id);
    for (const edge of document.edges) {
      if (edge.from !== id || !waiting.has(edge.to)) continue;
      const left = (waiting.get(edge.to) ?? 0) - 1;
      waiting.set(edge.to, left);
      if (left === 0) ready.push(edge.to);
    }
  }
  // Steps on a cycle still have to be seen to be repaired.
  const seen = new Set(order);
  return [...order, ...document.nodes.map((node) => node.id).filter((id) => !seen.has(id))];
}

function meetingPoints(document: Workflow, ports: (id: string) => Port[]): Map<string, string> {
  const order = inOrder(document);
  const rank = new Map(order.map((id, index) => [id, index]));
  const meets = new Map<string, string>();
  const rankOf = (id: string) => (id === EXIT ? order.length : (rank.get(id) ?? order.length));
  const meet = (a: string, b: string): string => {
    let [left, right] = [a, b];
    while (left !== right) {
      if (rankOf(left) < rankOf(right)) left = meets.get(left) ?? EXIT;
      else right = meets.get(right) ?? EXIT;
    }
    return left;
  };
  for (const id of order.toReversed()) {
    const targets = document.edges
      .filter((edge) => edge.from === id && rankOf(edge.to) > rankOf(id))
      .map((edge) => edge.to);
    const open = ports(id).some((port) => !document.edges.some((edge) => edge.from === id && edge.port === port.name));
    const all = open && ports(id).length > 1 ? [...targets, EXIT] : targets;
    meets.set(id, all.length === 0 ? EXIT : all.reduce(meet));
  }
  return meets;
}

/** `holds`: the steps that others can lie in. */
export function lanes(document: Workflow, ports: (id: string) => Port[], holds: (id: string) => boolean = () => false): Row[] {
  const rows: Row[] = [];
  const shown = new Set<string>();
  const known = new Set(document.nodes.map((node) => node.id));
  const meets = meetingPoints(document, ports);

  const walk = (start: string, stop: string, depth: number, gap: Gap | null, parent: string | null): void => {
    let current = start;
    let entry = gap;
    while (current !== stop && current !== EXIT && known.has(current)) {
      if (shown.has(current)) {
        if (entry?.after) rows.push({ kind: "joins", id: current, from: entry.after, port: entry.port, depth });
        return;
      }
      shown.add(current);
      rows.push({ kind: "step", id: current, number: shown.size, depth, gap: entry, parent });
      const starts = roots(document, current);
      if (holds(current) || starts.length > 0) {
        rows.push({ kind: "inside", of: current, depth: depth + 1, empty: starts.length === 0, parent: current });
        for (const first of starts) walk(first, EXIT, depth + 1, { after: null, port: "out", inside: current }, current);
      }
      const outgoing = document.edges.filter((edge) => edge.from === current);
      const names = ports(current);
      if (names.length <= 1 && outgoing.length <= 1) {
        const only = outgoing[0];
        if (!only) return;
        entry = { after: current, port: only.port };
        current = only.to;
        continue;
      }
      const join = meets.get(current) ?? EXIT;
      const from = current;
      const declared = names.map((port) => port.name);
      const extra = [...new Set(outgoing.map((edge) => edge.port))].filter((name) => !declared.includes(name));
      for (const port of [...names, ...extra.map((name) => ({ name, title: name }))]) {
        const targets = outgoing.filter((edge) => edge.port === port.name);
        for (const target of targets.length ? targets : [null]) {
          const goes = !target ? "ends" : target.to === join ? "below" : "steps";
          rows.push({ kind: "way", from, port: port.name, title: port.title || (names.length > 1 ? port.name : ""), depth: depth + 1, goes });
          if (target) walk(target.to, join, depth + 1, { after: from, port: port.name }, from);
        }
      }
      if (join === EXIT || join === stop) return;
      rows.push({ kind: "rejoin", from, depth });
      entry = null;
      current = join;
    }
  };

  const order = inOrder(document);
  for (const id of roots(document)) walk(id, EXIT, 0, null, null);
  for (const id of order) if (!shown.has(id)) walk(id, EXIT, 0, null, null);
  return rows;
}
