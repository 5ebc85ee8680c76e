import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Lock, RotateCw, TriangleAlert } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Generation, RunDetail, RunStep } from "~/api/types";
import { useFormat } from "~/lib/format";
import { partialFields } from "~/lib/partial-json";
import { Progress } from "~/ui/Page";
import { StepErrorText, StepErrorWords, WarningWords } from "~/ui/Problem";
import { SignIcon, State } from "~/ui/State";
import { readable, type Shape, ValueTree } from "~/ui/ValueTree";
import { useModelTitle } from "~/ui/waits";
import classes from "./StepDetail.module.css";
import { Waits } from "./waits";

type View = "out" | "in" | "given" | "log";

/** One step of a run: its text as it is written, what went in and came out, each try, and what it waits for. */
export function StepDetail({
  run,
  step,
  streams,
  retry,
  retrying,
}: {
  run: RunDetail;
  step: RunStep;
  streams: ReadonlyMap<string, string>;
  retry: () => void;
  retrying: boolean;
}) {
  const { t } = useTranslation();
  const generation = step.generations.at(-1);
  const [view, setView] = useState<View | null>(null);
  const hasOutput = step.output !== null && step.output !== undefined;
  const shown: View | null = view ?? (generation !== undefined && generation.state !== "failed" ? null : hasOutput ? "out" : null);
  const views: View[] = [
    ...(hasOutput ? (["out"] as const) : []),
    ...(step.input !== null && step.input !== undefined ? (["in"] as const) : []),
    ...(generation !== undefined && generation.messages.length > 0 ? (["given"] as const) : []),
    "log",
  ];
  return (
    <div className={classes.detail}>
      {step.error !== null && (
        <>
          <StepErrorText error={step.error} />
          {run.finished_at !== null && (
            <div>
              <Button size="xs" leftSection={<RotateCw size={14} strokeWidth={1.75} />} loading={retrying} onClick={retry}>
                {t("run.retry_here")}
              </Button>
            </div>
          )}
        </>
      )}
      {step.waits !== null && !(generation?.state === "running") && <Waits waits={step.waits} />}
      {step.called !== null && (
        <p className={classes.facts}>
          <Link to="/runs/$id" params={{ id: step.called.run }} className="link">
            {t("run.called", { name: step.called.workflow.name })}
          </Link>
          <State state={step.called.state} />
        </p>
      )}
      {generation !== undefined && <Writing generation={generation} shape={step.output_kind as Shape | null} text={streams.get(generation.id) ?? generation.text} />}
      {step.warnings.map((warning, at) => (
        <p key={at} className={classes.warning}>
          <TriangleAlert size={15} strokeWidth={1.75} aria-hidden />
          <WarningWords warning={warning} />
        </p>
      ))}
      <div className={classes.views} role="group" aria-label={t("run.views")}>
        {views.map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={shown === name}
            className={classes.view}
            onClick={() => setView(shown === name ? null : name)}
          >
            {t(`run.view.${name}`)}
          </button>
        ))}
        {generation !== undefined && (
          <span className={classes.locked}>
            <Lock size={14} strokeWidth={1.75} aria-hidden />
            {t("run.locked")}
          </span>
        )}
      </div>
      {shown === "out" && (
        <div className={classes.box}>
          <ValueTree value={step.output} shape={(step.output_kind ?? undefined) as Shape | undefined} />
        </div>
      )}
      {shown === "in" && (
        <div className={classes.box}>
          <ValueTree value={step.input} />
        </div>
      )}
      {shown === "given" && generation !== undefined && (
        <div className={classes.box}>
          {generation.messages.map((message, at) => (
            <section key={at} className={classes.message}>
              <h4>{t(`run.role.${message.role}`, { defaultValue: message.role })}</h4>
              <p>{message.content}</p>
            </section>
          ))}
        </div>
      )}
      {shown === "log" && <Log step={step} />}
    </div>
  );
}

function Writing({ generation, shape, text }: { generation: Generation; shape: Shape | null; text: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const titleOf = useModelTitle();
  const shapeOf = (name: string) => shape?.fields?.find((field) => field.name === name);
  const fields = partialFields(text);
  const writing = generation.state === "running";
  const tokens = generation.usage?.output_tokens;
  return (
    <section className={classes.writing} aria-label={t("run.written")}>
      <p className={classes.facts}>
        <strong data-live={writing || undefined}>{t(`run.generation.${generation.state}`)}</strong>
        {tokens !== undefined && <span className="num">{t("run.tokens", { count: tokens })}</span>}
        {generation.tokens_per_second !== null && <span className="num">{t("model.speed", { speed: format.number(generation.tokens_per_second, 0) })}</span>}
        {generation.model !== null && <span>{titleOf(generation.model)}</span>}
        {generation.round > 0 && <span>{t("run.round", { round: generation.round + 1 })}</span>}
      </p>
      {writing && <Progress value={null} label={t("run.generation.running")} />}
      {fields === null ? (
        <p className={classes.prose}>
          {text}
          {writing && <Caret />}
        </p>
      ) : (
        <dl className={classes.fields}>
          {fields.map((field) => (
            <div key={field.name} data-live={(writing && !field.done) || undefined}>
              <dt>
                <SignIcon sign={field.done ? "done" : writing ? "running" : "skipped"} size={14} />
                {shapeOf(field.name)?.title || readable(field.name)}
              </dt>
              <dd>
                {typeof field.value === "object" && field.value !== null ? <ValueTree value={field.value} shape={shapeOf(field.name)} depth={1} unfolded /> : <span>{String(field.value ?? "")}</span>}
                {writing && !field.done && <Caret />}
              </dd>
            </div>
          ))}
        </dl>
      )}
      {/* Streamed text is announced per finished field, never per token. */}
      <span className="visually-hidden" aria-live="polite">
        {fields?.filter((field) => field.done).at(-1)?.name}
      </span>
    </section>
  );
}

function Caret() {
  return <i className={classes.caret} aria-hidden />;
}

function Log({ step }: { step: RunStep }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (step.attempts.length === 0) return <p className={classes.quiet}>{t("run.not_tried")}</p>;
  return (
    <ol className={classes.log}>
      {step.attempts.map((attempt) => {
        const took = attempt.finished_at === null || attempt.started_at === null ? null : Date.parse(attempt.finished_at) - Date.parse(attempt.started_at);
        const generation = step.generations.find((one) => one.attempt === attempt.attempt);
        const facts = [
          took === null ? null : format.duration(took),
          attempt.worker ?? null,
          generation?.seed == null ? null : t("run.seed", { seed: String(generation.seed) }),
          generation?.usage == null ? null : t("run.prompt_tokens", { count: generation.usage.prompt_tokens }),
        ].filter((fact) => fact !== null);
        return (
          <li key={attempt.attempt}>
            <SignIcon sign={attempt.error !== null ? "failed" : attempt.finished_at === null ? "running" : "done"} />
            <div>
              <strong>{t("common.attempt", { number: attempt.attempt })}</strong> <span className={classes.quiet}>{facts.join(" · ")}</span>
              {attempt.error !== null && (
                <p>
                  <StepErrorWords error={attempt.error} />
                </p>
              )}
            </div>
            {attempt.started_at !== null && (
              <time className="num" dateTime={attempt.started_at} title={format.exact(attempt.started_at)}>
                {format.clock(attempt.started_at)}
              </time>
            )}
          </li>
        );
      })}
    </ol>
  );
}
