// Changes between two documents in words.

import type { TFunction } from "i18next";

import type { Change, FieldChange } from "~/lib/document/compare";
import type { NodeType, Workflow } from "~/lib/document/types";
import { labelOf } from "../widgets/schema";

export interface ChangeLine {
  text: string;
  detail: string;
}

export function changeLines(changes: readonly Change[], document: Workflow, types: ReadonlyMap<string, NodeType>, t: TFunction<"editor">): ChangeLine[] {
  const label = (id: string, change: FieldChange) => {
    const node = document.nodes.find((item) => item.id === id);
    const schema = types.get(node?.type ?? "")?.schema;
    const [, name] = change.path;
    if (change.path[0] !== "config") return t(`change.${change.path[0] ?? "config"}`, { defaultValue: change.path[0] ?? "" });
    const property = name ? schema?.properties?.[name] : undefined;
    return name ? labelOf(name, property ?? {}, schema?.$defs ?? {}) : "";
  };
  return changes.map((change) => {
    switch (change.kind) {
      case "added":
      case "removed":
        return { text: t(`change.${change.kind}`, { name: change.name }), detail: "" };
      case "renamed":
        return { text: t("change.renamed", { name: change.name, before: change.before }), detail: "" };
      case "changed":
        return { text: t("change.changed", { name: change.name }), detail: [...new Set(change.fields.map((field) => label(change.id, field)))].filter(Boolean).join(", ") };
      case "order":
        return { text: t("change.order"), detail: "" };
      case "samples":
        return { text: t("change.samples"), detail: "" };
      case "settings":
        return { text: t("change.settings"), detail: change.fields.map((field) => t(`change.${field.path[0] ?? ""}`, { defaultValue: field.path[0] ?? "" })).join(", ") };
    }
  });
}
