// What one can do with steps, used alike by the list, the canvas, menus and keys.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import * as edits from "~/lib/document/edits";
import type { Gap } from "~/lib/document/edits";
import { inOrder } from "~/lib/document/lanes";
import type { NodeType, Position, Workflow } from "~/lib/document/types";
import { say } from "~/ui/Toasts";
import { useAddress } from "./address";
import { portsOf, useStore } from "./state/store";
import type { EditorStore } from "./state/store";

/** Names of steps whose references a change would break. */
export function brokenBy(store: EditorStore, next: Workflow): string[] {
  const { checked } = store.get();
  if (!checked) return [];
  const ids = new Set(next.nodes.map((node) => node.id));
  const broken = new Set<string>();
  for (const node of next.nodes) {
    const before = edits.ancestors(next, node.id);
    for (const reference of checked.nodes[node.id]?.references ?? []) {
      const source = reference.path.split(".")[0] ?? "";
      const wasFine = checked.nodes[node.id]?.readable.includes(source);
      if (wasFine && (!ids.has(source) || !before.has(source))) broken.add(node.name);
    }
  }
  return [...broken];
}

export interface Commands {
  add: (type: NodeType, gap: Gap, place?: Position) => string;
  remove: (id: string) => void;
  duplicate: (id: string) => void;
  rename: (id: string, name: string) => void;
  move: (id: string, gap: Gap) => boolean;
  /** One place up or down in running order. */
  shift: (id: string, step: 1 | -1) => void;
}

export function useCommands(): Commands {
  const store = useStore();
  const [, go] = useAddress();
  const { t } = useTranslation("editor");
  return useMemo(() => {
    const ports = (id: string) => portsOf(store.document, store.get().checked, store.types, id);
    const name = (id: string) => store.node(id)?.name ?? "";
    const warn = (next: Workflow) => {
      const broken = brokenBy(store, next);
      if (broken.length) say(t("list.breaks", { steps: broken.join(", "), count: broken.length }), { label: t("undo"), run: store.undo });
    };
    const move = (id: string, gap: Gap): boolean => {
      const next = edits.moveNode(store.document, id, gap, ports(id));
      if (!next) return false;
      store.edit(t("label.move", { name: name(id) }), () => next);
      warn(next);
      return true;
    };
    return {
      add(type, gap, place) {
        let made = "";
        store.edit(t("label.add", { name: type.title }), (document) => {
          const [next, id] = edits.addNode(document, type, gap, place);
          made = id;
          store.fresh.add(id);
          return next;
        });
        go({ step: made, field: undefined, tab: "setup", surface: undefined });
        return made;
      },
      remove(id) {
        const gone = name(id);
        const order = inOrder(store.document);
        const next = order[order.indexOf(id) + 1] ?? order[order.indexOf(id) - 1];
        store.edit(t("label.remove", { name: gone }), (document) => edits.removeNode(document, id, ports(id)));
        go({ step: next, field: undefined });
        say(t("list.removed", { name: gone }), { label: t("undo"), run: store.undo });
      },
      duplicate(id) {
        const made = edits.duplicateNode(store.document, id, ports(id));
        if (!made) return;
        store.edit(t("label.duplicate", { name: name(id) }), () => made[0]);
        go({ step: made[1], field: undefined });
      },
      rename(id, next) {
        if (next.trim() !== "") store.edit(t("label.rename", { name: next }), (document) => edits.patchNode(document, id, { name: next }), `name:${id}`);
      },
      move,
      shift(id, step) {
        const order = inOrder(store.document);
        const at = order.indexOf(id);
        if (step < 0) {
          const before = edits.edgesTo(store.document, id)[0];
          if (!before) return;
          const earlier = edits.edgesTo(store.document, before.from)[0];
          const parent = edits.parentOf(store.document, id);
          move(id, earlier ? { after: earlier.from, port: earlier.port } : { after: null, port: "out", ...(parent ? { inside: parent } : {}) });
          return;
        }
        const after = edits.edgesFrom(store.document, id)[0]?.to ?? order[at + 1];
        if (after) move(id, { after, port: ports(after)[0]?.name ?? "out" });
      },
    };
  }, [store, go, t]);
}
