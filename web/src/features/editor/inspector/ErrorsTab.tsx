// What a failure of this step does, how often it is tried, how long one try may take: as settings and in words.

import { NumberInput, Radio, Stack, Switch } from "@mantine/core";
import { ChevronRight } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { patchNode } from "~/lib/document/edits";
import type { Limits, OnError, Retry, WorkflowNode } from "~/lib/document/types";
import { useFormat } from "~/lib/format";
import { typedNumber } from "~/lib/typed-number";
import { problemText } from "~/ui/server-words/words";
import { useDocument, useEditor, useStore } from "../state/store";
import { DurationWidget } from "../widgets/basic";
import { WorkflowWidget } from "../widgets/resources";
import type { FormScope } from "../widgets/widget";
import fold from "../widgets/widgets.module.css";
import { AtOnce } from "./AtOnce";
import { DocumentWarnings } from "./DocumentWarnings";
import classes from "./inspector.module.css";

const FIRST: Retry = { max_attempts: 4, first_ms: 2000, factor: 3, max_ms: 300_000 };

/** For settings that belong to no schema. */
const NO_SCOPE: FormScope = { step: "", family: null, sources: [], inside: [], problems: [], definitions: {}, config: {}, schema: {}, set: () => undefined, goTo: () => undefined, isRead: () => true };

/** The longest pauses between tries, for the sentence below the settings. */
export function pauses(retry: Retry): number[] {
  return Array.from({ length: Math.max(0, retry.max_attempts - 1) }, (_, index) => Math.min(retry.max_ms, retry.first_ms * retry.factor ** index));
}

export function ErrorsTab({ step }: { step: string }) {
  const { t } = useTranslation("editor");
  const store = useStore();
  const format = useFormat();
  const document = useDocument();
  const known = useEditor((state) => state.checked?.nodes[step]);
  const effect = known?.effect;
  const node = document.nodes.find((item) => item.id === step);
  if (!node) return null;
  const type = store.types.get(node.type);
  const set = (patch: Partial<WorkflowNode>, field: string) =>
    store.edit(t("label.change", { field, name: node.name }), (current) => patchNode(current, step, patch), `${step}/errors/${field}`);
  const retry = node.retry ?? null;
  const standard = type?.retry ?? null;
  const shown = retry ?? standard;
  const setRetry = (patch: Partial<Retry>) => set({ retry: { ...(shown ?? FIRST), ...patch } }, t("errors.retry"));
  const setCount = (field: "max_attempts" | "factor", typed: number | string) => {
    const count = typedNumber(typed);
    if (count !== undefined) setRetry({ [field]: count });
  };
  const limit = node.timeout_ms ?? undefined;
  return (
    <div className={classes["column"]}>
      <Radio.Group label={t("errors.onError")} value={node.on_error ?? "stop"} onChange={(value) => set({ on_error: value as OnError }, t("errors.onError"))}>
        <Stack gap={8} mt={8}>
          {(["stop", "continue", "branch"] as const).map((value) => (
            <Radio key={value} value={value} label={t(`errors.${value}`)} description={t(`errors.${value}Help`)} />
          ))}
        </Stack>
      </Radio.Group>
      <div>
        <Switch
          label={t("errors.retryOn")} disabled={effect === "pure"} checked={shown !== null && shown.max_attempts > 1}
          onChange={(event) => (event.currentTarget.checked ? set({ retry: standard && standard.max_attempts > 1 ? null : FIRST }, t("errors.retry")) : set({ retry: { ...(shown ?? FIRST), max_attempts: 1 } }, t("errors.retry")))}
        />
        {effect === "pure" && <p className={classes["words"]}>{t("errors.pure")}</p>}
        {shown !== null && shown.max_attempts > 1 && effect !== "pure" && (
          <>
            <div style={{ display: "grid", gap: 10, marginBlockStart: 12 }}>
              <NumberInput label={t("errors.tries")} min={1} max={20} allowDecimal={false} value={shown.max_attempts} onChange={(value) => setCount("max_attempts", value)} />
              <Duration label={t("errors.firstPause")} value={shown.first_ms} onChange={(value) => setRetry({ first_ms: value ?? FIRST.first_ms })} />
              <NumberInput label={t("errors.factor")} min={1} max={10} allowDecimal={false} value={shown.factor} onChange={(value) => setCount("factor", value)} />
              <Duration label={t("errors.longestPause")} value={shown.max_ms} onChange={(value) => setRetry({ max_ms: value ?? FIRST.max_ms })} />
            </div>
            <p className={classes["words"]}>
              {t("errors.words", { tries: shown.max_attempts, pauses: format.list(pauses(shown).slice(0, 5).map((ms) => format.duration(ms))) })}
            </p>
          </>
        )}
      </div>
      <div>
        <Duration label={t("errors.limit")} value={limit} onChange={(value) => set({ timeout_ms: value ?? null }, t("errors.limit"))} />
        <p className={classes["words"]}>{limit ? t("errors.limitHelp") : t("errors.limitStandard", { time: type?.timeout_ms ? format.duration(type.timeout_ms) : "–" })}</p>
      </div>
      {known?.trigger == null && known?.inside == null && <MoreLimits key={step} step={step} limits={node.limits ?? {}} set={(limits) => set({ limits }, t("errors.limits"))} />}
      <OnFailure />
      <AtOnce />
      <DocumentWarnings />
    </div>
  );
}

const LIMITS = ["start_ms", "total_ms", "heartbeat_ms"] as const;

/** The rarer limits, folded away while none of them is set or wrong. */
function MoreLimits({ step, limits, set }: { step: string; limits: Limits; set: (limits: Limits | null) => void }) {
  const { t } = useTranslation("editor");
  const problems = (useEditor((state) => state.checked?.problems) ?? []).filter((problem) => problem.node === step && problem.pointer.includes("/limits"));
  const [open, setOpen] = useState(false);
  const shown = open || problems.length > 0 || LIMITS.some((name) => limits[name] != null);
  const change = (name: keyof Limits, value: number | undefined) => {
    const next: Limits = { ...limits };
    if (value === undefined) delete next[name];
    else next[name] = value;
    set(Object.keys(next).length > 0 ? next : null);
  };
  return (
    <div className={fold["fold"]}>
      <button type="button" className={fold["foldButton"]} aria-expanded={shown} onClick={() => setOpen(!open)}>
        <ChevronRight size={15} aria-hidden />{t("errors.limits")}
      </button>
      {shown && (
        <div className={fold["foldBody"]}>
          {LIMITS.map((name) => (
            <div key={name}>
              <Duration label={t(`errors.${name}`)} value={limits[name] ?? undefined} onChange={(value) => change(name, value)} />
              <p className={classes["words"]}>{t(`errors.${name}Help`)}</p>
            </div>
          ))}
          {problems.length > 0 && <p className={fold["error"]}>{problems.map(problemText).join(" ")}</p>}
        </div>
      )}
    </div>
  );
}

/** What holds for the whole workflow, whichever step fails. */
function OnFailure() {
  const { t } = useTranslation("editor");
  const store = useStore();
  const document = useDocument();
  const problems = (useEditor((state) => state.checked?.problems) ?? []).filter((problem) => problem.pointer === "/on_failure");
  return (
    <WorkflowWidget
      scope={NO_SCOPE} schema={{}} path={[]} label={t("errors.onFailure")} help={t("errors.onFailureHelp")} required={false} wanted={null}
      error={problems.length > 0 ? problems.map(problemText).join(" ") : null} value={document.on_failure ?? undefined}
      onChange={(next) => store.edit(t("errors.onFailure"), (current) => ({ ...current, on_failure: typeof next === "string" ? next : null }), "on_failure")}
    />
  );
}

function Duration({ label, value, onChange }: { label: string; value: number | undefined; onChange: (value: number | undefined) => void }) {
  return (
    <DurationWidget
      scope={NO_SCOPE}
      schema={{}} path={[]} label={label} help="" error={null} required={false} wanted={null} value={value}
      onChange={(next) => onChange(typeof next === "number" ? next : undefined)}
    />
  );
}
