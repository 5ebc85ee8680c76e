// How a batch stands, in a sign and a word, and why it does not go on.

import { useTranslation } from "react-i18next";

import type { Batch } from "~/api/types";
import { State } from "~/ui/State";
import table from "~/ui/Table.module.css";

const SIGNS = { running: "running", stopped: "held", finished: "succeeded" } as const;

export function BatchState({ batch }: { batch: Batch }) {
  const { t } = useTranslation("batch");
  const failed = batch.state === "finished" && batch.counts.failed > 0;
  return (
    <span className={table.two}>
      <State state={failed ? "failed" : SIGNS[batch.state]}>{t(failed ? "state.withFailures" : `state.${batch.state}`)}</State>
      {whyItWaits(batch) !== null && <span className={table.quiet}>{t(`waits.${whyItWaits(batch) ?? "off"}`)}</span>}
    </span>
  );
}

/** What keeps rows from beginning or from going on; null: nothing. */
export function whyItWaits(batch: Batch): "off" | "paused" | "stopping" | null {
  if (batch.stopping_runs) return "stopping";
  if (batch.state !== "running") return null;
  if (batch.off) return "off";
  return batch.paused ? "paused" : null;
}
