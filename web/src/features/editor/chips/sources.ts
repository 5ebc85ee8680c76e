// The values that a step of the workflow may read, with what the last trial run gave.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { parentOf } from "~/lib/document/edits";
import { isObject, sameJson } from "~/lib/document/pointer";
import { entriesOf, sourcesFor, sourcesInside } from "~/lib/expression/values";
import type { Outputs, Source } from "~/lib/expression/values";
import { useAddress } from "../address";
import { sampleNamed, useDocument, useEditor } from "../state/store";

/** Last outputs by step; what the person is typing into the sample counts before the next run confirms it. */
export function useOutputs(): Outputs {
  const results = useEditor((state) => state.results);
  const ranInput = useEditor((state) => state.trial?.input);
  const checked = useEditor((state) => state.checked);
  const document = useDocument();
  const [address] = useAddress();
  const sample = sampleNamed(document, address.sample);
  return useMemo(() => {
    const outputs: Outputs = {};
    for (const [id, result] of Object.entries(results)) {
      if (result.step.output !== null && result.step.output !== undefined) outputs[id] = result.step.output;
    }
    for (const [id, node] of Object.entries(checked?.nodes ?? {})) {
      if (!node.trigger) continue;
      const output = outputs[id];
      const changed = Object.entries(sample.input).filter(([name, value]) => !sameJson(value, ranInput?.[name]));
      outputs[id] = isObject(output) ? { ...output, ...Object.fromEntries(changed) } : sample.input;
    }
    return outputs;
  }, [results, ranInput, checked, sample]);
}

function useEntries(inside: string | null): Source[] {
  const { t } = useTranslation("editor");
  const document = useDocument();
  const checked = useEditor((state) => state.checked);
  const outputs = useOutputs();
  return useMemo(
    () => entriesOf(document, checked, outputs, inside, { entry: (step) => t("chip.entry", { step }), index: t("chip.index") }),
    [document, checked, outputs, inside, t],
  );
}

/** What the step may read, nearest first; without a step everything. */
export function useSources(step: string | null): Source[] {
  const document = useDocument();
  const checked = useEditor((state) => state.checked);
  const outputs = useOutputs();
  const entries = useEntries(step ? parentOf(document, step) : null);
  return useMemo(() => [...entries, ...sourcesFor(document, checked, outputs, step)], [entries, document, checked, outputs, step]);
}

/** What the step's settings for one entry of its list may read. */
export function useSourcesInside(step: string): Source[] {
  const document = useDocument();
  const checked = useEditor((state) => state.checked);
  const outputs = useOutputs();
  const entries = useEntries(step);
  return useMemo(() => [...entries, ...sourcesInside(document, checked, outputs, step)], [entries, document, checked, outputs, step]);
}
