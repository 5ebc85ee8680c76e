/* Where the bars of a run stand on its one axis. Pure: the drawing is in Timeline.tsx. */
import type { Generation, RunDetail, RunStep } from "~/api/types";

export type Mark = "waited" | "ran" | "failed" | "runs" | "waits";

export interface Bar {
  from: number;
  to: number;
  mark: Mark;
}

export interface Axis {
  start: number;
  length: number;
  ticks: number[];
}

const STEPS_MS = [
  100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 43_200_000,
  86_400_000,
];

export function axisOf(run: RunDetail, now: number): Axis {
  const start = Date.parse(run.started_at ?? run.created_at);
  const open = run.finished_at === null;
  const end = run.finished_at === null ? now : Date.parse(run.finished_at);
  const lived = Math.max(200, end - start);
  // An unfinished run leaves room at the right for what is to come.
  const length = lived * (open ? 1.35 : 1.02);
  const step = STEPS_MS.find((candidate) => length / candidate <= 4.2) ?? 86_400_000 * Math.ceil(length / 86_400_000 / 4);
  const ticks = Array.from({ length: Math.floor(length / step) + 1 }, (_, at) => at * step);
  return { start, length, ticks };
}

const FINISHED = new Set(["succeeded", "failed", "cancelled", "skipped"]);

export function barsOf(step: RunStep, now: number): Bar[] {
  const bars: Bar[] = [];
  const attempts = step.attempts
    .flatMap((attempt) => (attempt.started_at === null ? [] : [{ ...attempt, started_at: attempt.started_at }]))
    .toSorted((a, b) => a.attempt - b.attempt);
  let last: number | null = step.started_at === null ? null : Date.parse(step.started_at);
  for (const attempt of attempts) {
    const from = Date.parse(attempt.started_at);
    const running = attempt.finished_at === null;
    const to = attempt.finished_at === null ? now : Date.parse(attempt.finished_at);
    if (last !== null && from > last) bars.push({ from: last, to: from, mark: "waited" });
    const all: Generation[] = step.generations;
    const generations = all.filter((one) => one.attempt === attempt.attempt && one.started_at != null);
    let at = from;
    for (const one of generations) {
      const began = Date.parse(one.started_at ?? attempt.started_at);
      const ended = one.finished_at == null ? (running ? now : to) : Date.parse(one.finished_at);
      if (began > at) bars.push({ from: at, to: began, mark: "waited" });
      bars.push({ from: began, to: ended, mark: one.state === "failed" ? "failed" : one.finished_at == null ? "runs" : "ran" });
      at = ended;
    }
    if (generations.length === 0 || at < to) {
      const waits = running && step.state === "waiting";
      bars.push({ from: at, to, mark: waits ? "waits" : attempt.error !== null ? "failed" : running ? "runs" : "ran" });
    }
    last = to;
  }
  if (attempts.length === 0 && last !== null) {
    const done = step.finished_at === null ? now : Date.parse(step.finished_at);
    const mark: Mark = step.state === "running" ? "runs" : step.state === "failed" ? "failed" : FINISHED.has(step.state) ? "ran" : "waits";
    bars.push({ from: last, to: done, mark });
  } else if (last !== null && !FINISHED.has(step.state) && attempts.every((attempt) => attempt.finished_at !== null)) {
    bars.push({ from: last, to: now, mark: "waits" });
  }
  return bars;
}

/** The time from a step's first to its last moment, or until now. */
export function tookOf(step: RunStep, now: number): number | null {
  if (step.started_at === null) return null;
  return Math.max(0, (step.finished_at === null ? now : Date.parse(step.finished_at)) - Date.parse(step.started_at));
}
