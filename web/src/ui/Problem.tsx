import { Button, CopyButton } from "@mantine/core";
import { CircleX, RotateCw } from "lucide-react";
import { useTranslation } from "react-i18next";
import { ApiError } from "~/api/client";
import type { Problem, StepError } from "~/api/types";
import classes from "./Problem.module.css";

/** Every error in three parts: what happened, why, what to do; the machine's words stay under Details. */
export interface ErrorText {
  what: string;
  why?: string;
  fix?: string;
  details?: string;
}

export function useErrorText(): (error: unknown) => ErrorText {
  const { t, i18n } = useTranslation();
  return (error) => {
    if (!(error instanceof ApiError)) {
      return { what: t("error.screen.what"), fix: t("error.screen.fix"), details: error instanceof Error ? error.message : String(error) };
    }
    const { problem } = error;
    const known = (part: string) => {
      const key = `error.${problem.type}.${part}`;
      return i18n.exists(key) ? t(key) : undefined;
    };
    const group =
      problem.status === 0
        ? "no_connection"
        : problem.status >= 500
          ? "server"
          : ({ 401: "signed_out", 403: "no_right", 404: "gone", 409: "changed", 413: "too_large", 429: "too_many" }[problem.status] ?? "refused");
    const fields = (problem.problems ?? []).map((entry) => entry.message).join(" ");
    return {
      what: (known("what") ?? problem.title) || t(`error.${group}.what`),
      why: known("why") ?? problem.detail ?? (fields || t(`error.${group}.why`)),
      fix: known("fix") ?? t(`error.${group}.fix`),
      details: detailsOf(problem),
    };
  };
}

function detailsOf(problem: Problem): string {
  return [problem.type, problem.status || null, problem.instance].filter(Boolean).join(" · ");
}

/** In place of a region that could not be loaded; the rest of the screen stays usable. */
export function ErrorPanel({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const text = useErrorText()(error);
  return (
    <div className={classes.panel} role="alert">
      <CircleX size={18} strokeWidth={1.75} className={classes.icon} aria-hidden />
      <div className={classes.body}>
        <ThreeParts text={text} />
        <div className={classes.actions}>
          {retry !== undefined && (
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
  const text = useErrorText()(error);
  return (
    <div className={classes.inline} role="alert">
      <CircleX size={16} strokeWidth={1.75} aria-hidden />
      <ThreeParts text={text} />
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
  const { t, i18n } = useTranslation();
  const key = `error.${error.code}`;
  const part = (name: string) => (i18n.exists(`${key}.${name}`) ? t(`${key}.${name}`) : undefined);
  const text: ErrorText = {
    what: part("what") ?? error.message,
    why: part("what") !== undefined ? error.message : undefined,
    fix: part("fix") ?? t("error.step.fix"),
  };
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
export function fieldErrors(error: unknown): Record<string, string> {
  if (!(error instanceof ApiError)) return {};
  return Object.fromEntries(
    (error.problem.problems ?? []).map((entry) => [entry.pointer.split("/").at(-1) ?? "", entry.message]),
  );
}
