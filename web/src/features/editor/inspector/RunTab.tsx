// The step's last run: what it read, what it gave, how long it took, what the model was told, and what went wrong.

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useFormat } from "~/lib/format";
import { isObject } from "~/lib/document/pointer";
import type { Json } from "~/lib/document/types";
import type { Kind } from "~/lib/expression/kind";
import { resolve } from "~/lib/expression/values";
import type { Source } from "~/lib/expression/values";
import { partialValue } from "~/lib/partial-json";
import { StepErrorWords, WarningWords } from "~/ui/Problem";
import { WaitText } from "~/ui/waits";
import { useBuiltins } from "../chips/builtins";
import { useSources } from "../chips/sources";
import { useEditor } from "../state/store";
import { useStale } from "../state/useStale";
import { ValueTree } from "./ValueTree";
import classes from "./inspector.module.css";

/** What a step read is stored by path; people know the values by their names. */
function inputKind(input: Json | null, sources: readonly Source[]): Kind | null {
  if (!isObject(input)) return null;
  return {
    kind: "record",
    fields: Object.keys(input).map((path) => {
      const found = resolve(sources, path.split("."));
      return { ...(found.kind ?? { kind: "any" }), name: path, title: found.kind ? found.title : path };
    }),
  };
}

/** What the model has written so far. */
function Stream({ text, kind }: { text: string; kind: Kind | null }) {
  const { t } = useTranslation("editor");
  const value = partialValue(text);
  if (typeof value !== "string") return <ValueTree kind={kind} value={value} root={null} title={t("lastRun.stream")} />;
  return <div className={classes["stream"]} role="region" tabIndex={0} aria-label={t("lastRun.stream")}>{value}</div>;
}

export function RunTab({ step }: { step: string }) {
  const { t } = useTranslation("editor");
  const format = useFormat();
  const result = useEditor((state) => state.results[step]);
  const stream = useEditor((state) => state.streams[step]);
  const stale = useStale().get(step);
  const names = useEditor((state) => state.history.present.nodes);
  const sources = useSources(step);
  const builtins = useBuiltins();
  if (!result) return <p className={classes["none"]}>{t("lastRun.none")}</p>;
  const { step: run } = result;
  const from = run.started_at ? new Date(run.started_at).valueOf() : null;
  const until = run.finished_at ? new Date(run.finished_at).valueOf() : null;
  const generation = run.generations?.at(-1);
  const read = inputKind(run.input, [...sources, ...builtins]);
  const fact = (label: string, value: ReactNode) => (value === null || value === undefined || value === "" ? null : <><dt>{label}</dt><dd>{value}</dd></>);
  return (
    <>
      {stale && <div className={classes["warning"]}>{t("stale.tag", { step: names.find((node) => node.id === stale)?.name ?? stale })}</div>}
      {run.error && <div className={classes["error"]} role="alert"><StepErrorWords error={run.error} /></div>}
      {(run.warnings ?? []).map((warning, index) => <div className={classes["warning"]} key={index}>{typeof warning === "string" ? warning : <WarningWords warning={warning} />}</div>)}
      <dl className={classes["facts"]}>
        {fact(t("lastRun.state"), t(`state.${run.state}`))}
        {fact(t("lastRun.took"), from && until ? format.duration(until - from) : null)}
        {fact(t("lastRun.when"), run.started_at ? format.when(run.started_at) : null)}
        {fact(t("lastRun.tries"), run.attempts?.length > 1 ? run.attempts.length : null)}
        {fact(t("lastRun.model"), generation?.model)}
        {fact(t("lastRun.tokens"), generation?.usage ? t("lastRun.tokensIn", { read: generation.usage.prompt_tokens ?? 0, written: generation.usage.output_tokens ?? 0 }) : null)}
        {fact(t("lastRun.speed"), generation?.tokens_per_second ? t("lastRun.perSecond", { speed: Math.round(generation.tokens_per_second) }) : null)}
        {fact(t("lastRun.seed"), generation?.seed)}
        {run.waits && generation?.state !== "running" && fact(t("lastRun.waits"), <WaitText waits={run.waits} />)}
      </dl>
      {stream && run.state !== "succeeded" && <Stream text={stream} kind={run.output_kind} />}
      {run.output !== null && run.output !== undefined && (
        <section className={classes["section"]}><h3>{t("data.out")}</h3><ValueTree kind={run.output_kind} value={run.output} root={null} title={t("data.out")} /></section>
      )}
      {run.input !== null && run.input !== undefined && (
        <section className={classes["section"]}><h3>{t("lastRun.read")}</h3><ValueTree kind={read} value={run.input} root={null} title={t("lastRun.read")} /></section>
      )}
      {generation?.messages && (
        <section className={classes["section"]}>
          <h3>{t("lastRun.given")}</h3>
          {generation.messages.map((message, index) => <div className={classes["stream"]} key={index} role="region" tabIndex={0} aria-label={t("lastRun.message", { number: index + 1 })} style={{ marginBlockEnd: 8 }}>{message.content}</div>)}
        </section>
      )}
      <Link to="/runs/$id" params={{ id: result.runId }} search={{ step }} className="link">{t("lastRun.open")}</Link>
    </>
  );
}
