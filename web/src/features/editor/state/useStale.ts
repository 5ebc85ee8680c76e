// Which steps' shown results are out of date, and because of which step.

import { useMemo } from "react";

import { sameJson } from "~/lib/document/pointer";
import { staleSteps } from "~/lib/document/stale";
import { useAddress } from "../address";
import { sampleNamed, useDocument, useEditor } from "./store";

const NONE: ReadonlyMap<string, string> = new Map();

export function useStale(): ReadonlyMap<string, string> {
  const document = useDocument();
  const trial = useEditor((state) => state.trial);
  const results = useEditor((state) => state.results);
  const [address] = useAddress();
  const sample = sampleNamed(document, address.sample);
  return useMemo(() => {
    if (!trial?.run) return NONE;
    const stale = staleSteps(document, trial.document, sameJson(trial.input, sample.input));
    return new Map([...stale].filter(([id]) => results[id]));
  }, [document, trial, results, sample]);
}
