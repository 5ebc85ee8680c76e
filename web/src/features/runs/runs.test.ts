import { expect, test } from "vitest";
import type { RunStep } from "~/api/types";
import { barsOf } from "./timeline";
import { joinText } from "./use-stream";

const T0 = Date.parse("2027-03-08T12:00:00Z");
const at = (seconds: number) => new Date(T0 + seconds * 1000).toISOString();

function step(part: Partial<RunStep>): RunStep {
  return {
    node: "write",
    item_path: "",
    name: "Write",
    type: "llm_generate",
    title: "",
    family: "written",
    icon: "pen-line",
    state: "running",
    ports: [],
    input: {},
    output: null,
    output_kind: null,
    error: null,
    warnings: [],
    waits: null,
    called: null,
    attempts: [],
    generations: [],
    started_at: null,
    finished_at: null,
    ...part,
  };
}

const attempt = (number: number, from: number, to: number | null, failed = false) => ({
  attempt: number,
  state: failed ? "failed" : to === null ? "running" : "succeeded",
  error: failed ? { code: "timeout", message: "It took too long.", params: {} } : null,
  started_at: at(from),
  finished_at: to === null ? null : at(to),
  worker: null,
});

function checkBars(part: Partial<RunStep>, now: number, expected: [number, number, string][]) {
  const bars = barsOf(step(part), T0 + now * 1000).map((bar): [number, number, string] => [(bar.from - T0) / 1000, (bar.to - T0) / 1000, bar.mark]);
  expect(bars).toEqual(expected);
}

test("a step that has not started has no bar", () => checkBars({ state: "pending" }, 5, []));
test("waiting for its turn, then running", () =>
  checkBars({ started_at: at(0), attempts: [attempt(1, 2, null)] }, 5, [
    [0, 2, "waited"],
    [2, 5, "runs"],
  ]));
test("every attempt has a bar of its own, with the pause between", () =>
  checkBars({ state: "succeeded", started_at: at(0), finished_at: at(9), attempts: [attempt(1, 0, 3, true), attempt(2, 7, 9)] }, 20, [
    [0, 3, "failed"],
    [3, 7, "waited"],
    [7, 9, "ran"],
  ]));
test("a step that waits for something outside", () =>
  checkBars({ state: "waiting", started_at: at(0), attempts: [attempt(1, 0, null)] }, 4, [[0, 4, "waits"]]));

test("pieces of text are joined in order, once", () => {
  const first = joinText(undefined, { fence: 1, seq: 0, text: "Three" }).next;
  const second = joinText(first, { fence: 1, seq: 1, text: " days" });
  expect(second).toEqual({ next: { fence: 1, seq: 1, text: "Three days" }, gap: false });
  expect(joinText(second.next, { fence: 1, seq: 1, text: " days" }).next.text).toBe("Three days");
});
test("a missing piece is noticed", () => {
  expect(joinText({ fence: 1, seq: 1, text: "a" }, { fence: 1, seq: 3, text: "c" }).gap).toBe(true);
});
test("another worker begins anew and the lost one is not heard", () => {
  const known = { fence: 2, seq: 0, text: "New" };
  expect(joinText({ fence: 1, seq: 5, text: "old" }, { fence: 2, seq: 0, text: "New" }).next).toEqual(known);
  expect(joinText(known, { fence: 1, seq: 6, text: "er" }).next).toBe(known);
});
