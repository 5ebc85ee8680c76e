// The step list: one column read off the graph, in the order steps run. The ways of a step that has several are indented lanes
// that end where all of them meet again; that meeting step is the way-out point every path must pass (its post-dominator).

import type { Port, Workflow } from "./types";

export type Row =
  | { kind: "step"; id: string; number: number; depth: number; gap: { after: string; port: string } | null; parent: string | null }
  | { kind: "way"; from: string; port: string; title: string; depth: number; goes: "steps" | "below" | "ends" }
  | { kind: "joins"; id: string; from: string; port: string; depth: number }
  | { kind: "rejoin"; from: string; depth: number };

const EXIT = "\u0000exit";

export function inOrder(document: Workflow): string[] {
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

export function lanes(document: Workflow, ports: (id: string) => Port[]): Row[] {
  const rows: Row[] = [];
  const shown = new Set<string>();
  const known = new Set(document.nodes.map((node) => node.id));
  const meets = meetingPoints(document, ports);

  const walk = (
    start: string, stop: string, depth: number, gap: { after: string; port: string } | null, parent: string | null,
  ): void => {
    let current = start;
    let entry = gap;
    while (current !== stop && current !== EXIT && known.has(current)) {
      if (shown.has(current)) {
        if (entry) rows.push({ kind: "joins", id: current, from: entry.after, port: entry.port, depth });
        return;
      }
      shown.add(current);
      rows.push({ kind: "step", id: current, number: shown.size, depth, gap: entry, parent });
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
  const targets = new Set(document.edges.map((edge) => edge.to));
  for (const id of order.filter((item) => !targets.has(item))) walk(id, EXIT, 0, null, null);
  for (const id of order) if (!shown.has(id)) walk(id, EXIT, 0, null, null);
  return rows;
}
