// How many runs of the whole workflow go at the same time, all together or for each value of a key.

import { NumberInput, Switch } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { Concurrency } from "~/lib/document/types";
import { problemText } from "~/ui/server-words/words";
import { useAddress } from "../address";
import { TemplateField } from "../chips/TemplateField";
import { useSources } from "../chips/sources";
import { useDocument, useEditor, useStore } from "../state/store";
import classes from "./inspector.module.css";

const MOST_RUNS = 100;

export function AtOnce() {
  const { t } = useTranslation("editor");
  const store = useStore();
  const concurrency = useDocument().concurrency ?? null;
  const checked = useEditor((state) => state.checked);
  // An emptied field is no number yet; left like that, it shows again what holds.
  const [half, setHalf] = useState<string | null>(null);
  const [, go] = useAddress();
  // Where a run waits is decided when it is handed in: nothing else is known then.
  const sources = useSources(null).filter((source) => checked?.nodes[source.id]?.trigger != null);
  const wrong = (field: string) => {
    const problems = (checked?.problems ?? []).filter((problem) => problem.pointer === `/concurrency/${field}`);
    return problems.length > 0 ? problems.map(problemText).join(" ") : null;
  };
  const set = (next: Concurrency | null) => store.edit(t("atOnce.title"), (current) => ({ ...current, concurrency: next }), "concurrency");
  return (
    <div>
      <Switch label={t("atOnce.title")} checked={concurrency !== null} onChange={(event) => set(event.currentTarget.checked ? { runs: 1 } : null)} />
      {concurrency === null ? (
        <p className={classes["words"]}>{t("atOnce.none")}</p>
      ) : (
        <div style={{ display: "grid", gap: 10, marginBlockStart: 12 }}>
          <NumberInput
            label={t("atOnce.runs")} description={t("atOnce.runsHelp")} inputWrapperOrder={["label", "input", "description", "error"]} error={wrong("runs")}
            min={1} max={MOST_RUNS} allowDecimal={false} value={half ?? concurrency.runs} onBlur={() => setHalf(null)}
            onChange={(value) => {
              setHalf(typeof value === "number" ? null : value);
              if (typeof value === "number") set({ ...concurrency, runs: value });
            }}
          />
          <TemplateField
            label={t("atOnce.key")} help={t("atOnce.keyHelp")} error={wrong("key")} size="line" value={concurrency.key ?? ""} sources={sources}
            onChange={(value) => set({ ...concurrency, key: value.trim() === "" ? null : value })} onGoTo={(step) => go({ step, field: undefined })}
          />
        </div>
      )}
    </div>
  );
}
