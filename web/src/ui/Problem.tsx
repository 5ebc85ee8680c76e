import { Button, CopyButton } from "@mantine/core";
import i18next from "i18next";
import { CircleX, RotateCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ApiError } from "~/api/client";
import type { Problem, StepError } from "~/api/types";
import classes from "./Problem.module.css";
import { errorPart, loadServerWords, problemText, type Said, stepErrorText, useServerWords, warningText } from "./server-words/words";

/** Every error in three parts: what happened, why, what to do; the machine's words stay under Details. */
export interface ErrorText {
  what: string;
  why?: string;
  fix?: string;
  details?: string;
}

/** Of what was sent, at most this many problems are told at once. */
const MOST_PROBLEMS = 3;

export function errorText(error: unknown): ErrorText {
  const { t } = i18next;
  if (!(error instanceof ApiError)) {
    return { what: t("error.screen.what"), fix: t("error.screen.fix"), details: error instanceof Error ? error.message : String(error) };
  }
  const { problem } = error;
  const group =
    problem.status === 0
      ? "no_connection"
      : problem.status >= 500
        ? "server"
        : ({ 401: "signed_out", 403: "no_right", 404: "gone", 409: "changed", 413: "too_large", 429: "too_many" }[problem.status] ?? "refused");
  const problems = (problem.problems ?? []).slice(0, MOST_PROBLEMS).map(problemText).join(" ");
  const said = problems || (problem.status < 500 ? problem.detail : undefined);
  return {
    what: errorPart(problem.type, "what") ?? t(`error.${group}.what`),
    why: errorPart(problem.type, "why") ?? (said || t(`error.${group}.why`)),
    fix: errorPart(problem.type, "fix") ?? t(`error.${group}.fix`),
    details: detailsOf(problem),
  };
}

function oneLine(error: unknown): string {
  const { what, why, fix } = errorText(error);
  return [what, why, fix].filter(Boolean).join(" ");
}

/** The three parts in one line, as soon as the words are here. */
export async function errorLine(error: unknown): Promise<string> {
  if (isTold(error)) await loadServerWords().catch(() => undefined);
  return oneLine(error);
}

/** The same on a screen. */
export function ErrorWords({ error }: { error: unknown }) {
  return useServerWords(isTold(error)) ? oneLine(error) : null;
}

/** Whether the server said something about this error; a lost connection needs no words of it. */
function isTold(error: unknown): boolean {
  return error instanceof ApiError && !error.offline;
}

function detailsOf(problem: Problem): string {
  return [problem.type, problem.status || null, problem.instance].filter(Boolean).join(" · ");
}

/** Asking again finds the same. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.problem.status === 404;
}

/** In place of a region that could not be loaded; the rest of the screen stays usable. */
export function ErrorPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  if (!useServerWords(isTold(error))) return null;
  const text = errorText(error);
  return (
    <div className={classes.panel} role="alert">
      <CircleX size={18} strokeWidth={1.75} className={classes.icon} aria-hidden />
      <div className={classes.body}>
        <ThreeParts text={text} />
        <div className={classes.actions}>
          {retry !== undefined && !isGone(error) && (
            <Button size="xs" variant="default" leftSection={<RotateCw size={14} />} onClick={retry}>
              {t("common.try_again")}
            </Button>
          )}
          {text.details !== undefined && <Details text={text.details} />}
        </div>
      </div>
    </div>
  );
}

/** An error of a form or an action, beside the thing that failed. */
export function InlineError({ error }: { error: unknown }) {
  if (!useServerWords(isTold(error))) return null;
  return (
    <div className={classes.inline} role="alert">
      <CircleX size={16} strokeWidth={1.75} aria-hidden />
      <ThreeParts text={errorText(error)} />
    </div>
  );
}

export function ThreeParts({ text }: { text: ErrorText }) {
  return (
    <p className={classes.text}>
      <strong>{text.what}</strong> {text.why} {text.fix}
    </p>
  );
}

/** The error of a step or delivery. */
export function StepErrorText({ error }: { error: StepError }) {
  const { t } = useTranslation();
  if (!useServerWords()) return null;
  const text: ErrorText = { what: stepErrorText(error), fix: t("error.step.fix") };
  return (
    <div className={classes.panel} role="alert">
      <CircleX size={18} strokeWidth={1.75} className={classes.icon} aria-hidden />
      <div className={classes.body}>
        <ThreeParts text={text} />
        <div className={classes.actions}>
          <Details text={error.code} />
        </div>
      </div>
    </div>
  );
}

/** The same in one line. */
export function StepErrorWords({ error }: { error: Said }) {
  return useServerWords() ? stepErrorText(error) : null;
}

export function WarningWords({ warning }: { warning: Said & { location?: string } }) {
  return useServerWords() ? warningText(warning) : null;
}

function Details({ text }: { text: string }) {
  const { t } = useTranslation();
  return (
    <details className={classes.details}>
      <summary>{t("common.details")}</summary>
      <div className={classes.machine}>
        <code>{text}</code>
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="xs" variant="subtle" onClick={copy}>
              {copied ? t("common.copied") : t("common.copy")}
            </Button>
          )}
        </CopyButton>
      </div>
    </details>
  );
}

/** Messages of a refused form by field: the last part of each JSON pointer names it. */
export function useFieldErrors(error: unknown): Record<string, string> {
  const here = useServerWords(isTold(error));
  if (!here || !(error instanceof ApiError)) return {};
  return Object.fromEntries(
    (error.problem.problems ?? []).map((entry) => [entry.pointer.split("/").at(-1) ?? "", problemText(entry)]),
  );
}
