// Binds the pure formatting of values to the person's language and the workflow's zone.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Look } from "~/lib/expression/format";
import { sourcesFor } from "~/lib/expression/values";
import type { Outputs, Source } from "~/lib/expression/values";
import { useDocument, useEditor, sampleNamed } from "../state/store";
import { useAddress } from "../address";

export function useLook(): Look {
  const { t, i18n } = useTranslation("editor");
  const zone = useDocument().time_zone;
  return useMemo(
    () => ({
      locale: i18n.language,
      timeZone: zone || undefined,
      words: { yes: t("value.yes"), no: t("value.no"), none: t("value.empty"), items: (count: number) => t("value.items", { count }) },
    }),
    [t, i18n.language, zone],
  );
}

/** Last outputs by step; a trigger that has not run yet shows the sample itself. */
export function useOutputs(): Outputs {
  const results = useEditor((state) => state.results);
  const checked = useEditor((state) => state.checked);
  const document = useDocument();
  const [address] = useAddress();
  const sample = sampleNamed(document, address.sample);
  return useMemo(() => {
    const outputs: Outputs = {};
    for (const [id, node] of Object.entries(checked?.nodes ?? {})) if (node.trigger) outputs[id] = sample.input;
    for (const [id, result] of Object.entries(results)) {
      if (result.step.output === null || result.step.output === undefined) continue;
      const before = outputs[id];
      // What the person is typing into the sample counts before the next run confirms it.
      outputs[id] = isRecord(before) && isRecord(result.step.output) ? { ...result.step.output, ...before } : result.step.output;
    }
    return outputs;
  }, [results, checked, sample]);
}

function isRecord(value: unknown): value is Record<string, never> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What the step may read, nearest first; without a step everything. */
export function useSources(step: string | null): Source[] {
  const document = useDocument();
  const checked = useEditor((state) => state.checked);
  const outputs = useOutputs();
  return useMemo(() => sourcesFor(document, checked, outputs, step), [document, checked, outputs, step]);
}
