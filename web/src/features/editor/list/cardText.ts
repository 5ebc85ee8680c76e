// What a card says of a step: from the server's card with the sample's values filled in, and the last result.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { CheckedNode, WorkflowNode } from "~/lib/document/types";
import { isObject } from "~/lib/document/pointer";
import { formatValue, isEmpty } from "~/lib/expression/format";
import { fillText } from "~/lib/expression/values";
import { partialValue } from "~/lib/partial-json";
import { useLook } from "../chips/look";
import { useOutputs, useSources } from "../chips/sources";
import { useEditor, useStore } from "../state/store";
import { scheduleWords } from "./scheduleWords";

export interface CardText {
  known: CheckedNode | null;
  title: string;
  icon: string | undefined;
  fact: string;
  well: Array<{ text: string; trailing: string }>;
}

export function useCardText(node: WorkflowNode): CardText {
  const store = useStore();
  const known = useEditor((state) => state.checked?.nodes[node.id] ?? null);
  const sources = useSources(node.id);
  const look = useLook();
  const stream = useEditor((state) => state.streams[node.id]);
  const result = useEditor((state) => state.results[node.id]);
  const own = useOutputs()[node.id];
  const type = store.types.get(node.type);
  const { t, i18n } = useTranslation("editor");
  return useMemo(() => {
    const title = type?.title ?? known?.title ?? node.type;
    const fact = known?.schedule ? scheduleWords(known.schedule, t, i18n.language) : known ? fillText(known.card.key_fact, sources, look) : "";
    // A form is best known by its answers: the questions' names give way to the sample's values.
    const fields = known?.trigger && known.output.kind === "record" ? known.output.fields : [];
    const answers = isObject(own) ? fields.flatMap((field) => (isEmpty(own[field.name]) ? [] : [formatValue(own[field.name], field, look)])).slice(0, 4).join(" · ") : "";
    if (known && answers) return { known, title, icon: type?.icon ?? known.icon, fact: fact && fact !== node.name ? fact : "", well: [{ text: answers, trailing: "" }] };
    const written = firstText(stream === undefined ? null : partialValue(stream)) ?? firstText(known?.family === "written" ? result?.step.output : null);
    const output = result?.step.output;
    const fill = (text: string, title: string) => {
      // What the step computes by an expression is shown as it came out, found by its title.
      const computed = known?.output.kind === "record" && text.includes("{{") ? known.output.fields.find((field) => (field.title || field.name) === title) : undefined;
      if (computed && isObject(output)) return formatValue(output[computed.name], computed, look);
      return fillText(text, sources, look);
    };
    const lines = known?.card.well.map((line) => ({ text: fillText(line.text, sources, look), trailing: fill(line.trailing, line.text) })) ?? [];
    const well = written ? [{ text: `“${written.slice(0, 160)}`, trailing: "" }] : lines.filter((line) => line.text || line.trailing).slice(0, 4);
    return { known, title, icon: type?.icon ?? known?.icon, fact: fact && fact !== node.name ? fact : "", well };
  }, [node, known, sources, look, stream, result, type, own, t, i18n.language]);
}

/** The first words a model wrote, wherever in its answer they stand. */
function firstText(value: unknown): string | null {
  if (typeof value === "string") return value.trim() || null;
  if (Array.isArray(value) || (typeof value === "object" && value !== null)) {
    for (const item of Object.values(value as Record<string, unknown>)) {
      const found = firstText(item);
      if (found) return found;
    }
  }
  return null;
}
