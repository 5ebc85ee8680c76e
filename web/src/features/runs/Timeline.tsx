import type { CSSProperties, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { RunDetail, RunStep } from "~/api/types";
import { useFormat } from "~/lib/format";
import { useTypeTitle } from "~/lib/node-types";
import { OriginIcon } from "~/ui/Origin";
import { SignIcon, signOf } from "~/ui/State";
import { useModelTitle, useWaitText } from "~/ui/waits";
import { axisOf, barsOf, tookOf } from "./timeline";
import classes from "./Timeline.module.css";

export function stepKey(step: RunStep): string {
  return step.item_path === "" ? step.node : `${step.node}:${step.item_path}`;
}

const depthOf = (step: RunStep) => (step.item_path === "" ? 0 : step.item_path.split(".").length);

/** Which entry of its list a step worked on, counted as people do: `3`, or `3.1` in lists in lists. */
const entryOf = (step: RunStep) => step.item_path.split(".").map((part) => Number(part) + 1).join(".");

/** All steps on one axis: hatched waited, solid ran, dashed is to come. A step opens below its bar. */
export function Timeline({
  run,
  now,
  open,
  select,
  children,
}: {
  run: RunDetail;
  now: number;
  open: string | undefined;
  select: (key: string | undefined) => void;
  children: (step: RunStep) => ReactNode;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const factOf = useFact();
  const typeTitle = useTypeTitle();
  const axis = axisOf(run, now);
  const place = (from: number, to: number): CSSProperties => ({
    insetInlineStart: `${Math.min(99, Math.max(0, ((from - axis.start) / axis.length) * 100))}%`,
    inlineSize: `max(3px, ${Math.max(0, Math.min(100, ((to - from) / axis.length) * 100))}%)`,
  });
  return (
    <div className={classes.card}>
      <div className={classes.head} aria-hidden>
        <span>{t("run.steps")}</span>
        <div className={classes.axis}>
          {axis.ticks.map((tick) => (
            <span key={tick} style={{ insetInlineStart: `${(tick / axis.length) * 100}%` }}>
              {format.duration(tick)}
            </span>
          ))}
        </div>
        <span />
      </div>
      <ol
        className={classes.steps}
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
          const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-step]")];
          const next = rows[rows.indexOf(document.activeElement as HTMLElement) + (event.key === "ArrowDown" ? 1 : -1)];
          if (next === undefined) return;
          event.preventDefault();
          next.focus();
        }}
      >
        {run.steps.map((step) => {
          const key = stepKey(step);
          const isOpen = open === key;
          const took = tookOf(step, now);
          const bars = barsOf(step, now);
          // What a failure or a stop came before was never stopped itself.
          const word = step.state === "cancelled" && step.started_at === null ? t("state.not_run") : t(`state.${step.state}`);
          const live = step.state === "running" || step.state === "waiting";
          return (
            <li key={key} data-open={isOpen || undefined}>
              <button
                type="button"
                data-step={key}
                className={classes.row}
                style={{ "--depth": depthOf(step) } as CSSProperties}
                aria-expanded={isOpen}
                aria-controls={`step-${key}`}
                onClick={() => select(isOpen ? undefined : key)}
              >
                <span className={classes.name} data-off={step.state === "skipped" || undefined}>
                  <OriginIcon family={step.family} icon={step.icon} />
                  <span>
                    <strong>{step.name.trim() || typeTitle(step)}</strong>
                    <small>
                      {step.item_path !== "" && <b>{t("run.entry", { number: entryOf(step) })} · </b>}
                      {factOf(step)}
                    </small>
                  </span>
                </span>
                <span className={classes.bars}>
                  {bars.map((bar, at) => (
                    <i key={at} className={classes.bar} data-mark={bar.mark} style={place(bar.from, bar.to)} />
                  ))}
                  {bars.length === 0 && step.state !== "skipped" && run.finished_at === null && (
                    <i className={classes.bar} data-mark="to-come" style={{ insetInlineStart: "88%", inlineSize: 9 }} />
                  )}
                </span>
                <span className={classes.state} data-live={live || undefined}>
                  <span className="num">{took !== null && step.state !== "skipped" ? format.duration(took) : word}</span>
                  <SignIcon sign={signOf(step.state)} />
                  {took !== null && step.state !== "skipped" && <span className="visually-hidden">{word}</span>}
                </span>
              </button>
              {isOpen && (
                <div id={`step-${key}`} className={classes.detail}>
                  {children(step)}
                </div>
              )}
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function useFact(): (step: RunStep) => string {
  const { t } = useTranslation();
  const waitText = useWaitText();
  const titleOf = useModelTitle();
  const typeTitle = useTypeTitle();
  return (step) => {
    const generation = step.generations.at(-1);
    if (step.waits !== null && generation?.state !== "running") return waitText(step.waits);
    if (generation?.model != null) return titleOf(generation.model);
    const tried = step.attempts.length;
    return tried > 1 ? t("run.tried", { count: tried }) : typeTitle(step);
  };
}
