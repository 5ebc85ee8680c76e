import { CircleCheck, CircleDashed, CircleX, Minus, Pause, RotateCw } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import classes from "./State.module.css";

/** What any step, run or delivery can be, as one set of signs. */
export type Sign = "done" | "running" | "waiting" | "person" | "again" | "failed" | "skipped";

const signs: Record<string, Sign> = {
  succeeded: "done",
  delivered: "done",
  running: "running",
  sending: "running",
  queued: "waiting",
  pending: "waiting",
  ready: "waiting",
  due: "waiting",
  waiting: "waiting",
  held: "person",
  retryable: "again",
  retrying: "again",
  failed: "failed",
  given_up: "failed",
  cancelled: "skipped",
  stopped: "skipped",
  skipped: "skipped",
};

export function signOf(state: string): Sign {
  return signs[state] ?? "waiting";
}

export function SignIcon({ sign, size = 16 }: { sign: Sign; size?: number }) {
  if (sign === "running") return <Spinner size={size} />;
  const Icon = { done: CircleCheck, waiting: CircleDashed, person: Pause, again: RotateCw, failed: CircleX, skipped: Minus }[sign];
  return <Icon size={size} strokeWidth={1.75} className={classes.sign} data-sign={sign} aria-hidden />;
}

export function Spinner({ size = 16 }: { size?: number }) {
  return (
    <svg className={classes.spinner} width={size} height={size} viewBox="0 0 16 16" aria-hidden>
      <circle cx="8" cy="8" r="6.5" className={classes.track} />
      <path d="M8 1.5a6.5 6.5 0 0 1 6.5 6.5" className={classes.head} />
      <circle cx="8" cy="8" r="3.5" className={classes.still} />
    </svg>
  );
}

/** A state as sign and word; never colour alone. */
export function State({ state, bare = false, children }: { state: string; bare?: boolean; children?: ReactNode }) {
  const { t } = useTranslation();
  const sign = signOf(state);
  return (
    <span className={classes.state} data-sign={sign}>
      {!bare && <SignIcon sign={sign} />}
      <span>{children ?? t(`state.${state}`)}</span>
    </span>
  );
}

export type Tone = "neutral" | "accent" | "ok" | "warn" | "err" | "written";

export function Tag({ tone = "neutral", icon, children }: { tone?: Tone; icon?: ReactNode; children: ReactNode }) {
  return (
    <span className={classes.tag} data-tone={tone}>
      {icon}
      {children}
    </span>
  );
}

const tones: Record<Sign, Tone> = {
  done: "ok",
  running: "accent",
  waiting: "neutral",
  person: "warn",
  again: "warn",
  failed: "err",
  skipped: "neutral",
};

export function StateTag({ state, children }: { state: string; children?: ReactNode }) {
  const { t } = useTranslation();
  const sign = signOf(state);
  return (
    <Tag tone={tones[sign]} icon={<SignIcon sign={sign} size={13} />}>
      {children ?? t(`state.${state}`)}
    </Tag>
  );
}

export function Dot({ tone }: { tone: "ok" | "warn" | "err" | "off" | "accent" }) {
  return <span className={classes.dot} data-tone={tone} aria-hidden />;
}
