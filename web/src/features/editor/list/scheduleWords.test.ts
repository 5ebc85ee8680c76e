import type { TFunction } from "i18next";
import { expect, test } from "vitest";

import type { Schedule } from "~/lib/document/types";
import { scheduleWords } from "./scheduleWords";

const t = ((key: string, values?: object) => (values ? `${key} ${JSON.stringify(values)}` : key)) as unknown as TFunction<"editor">;
const words = (schedule: Schedule, language = "en") => scheduleWords(schedule, t, language);

test("whole hours are told as hours, and an expression as it is", () => {
  expect(words({ rule: "every", minutes: 90 })).toBe('schedule.minutes {"count":90}');
  expect(words({ rule: "every", minutes: 120 })).toBe('schedule.hours {"count":2}');
  expect(words({ rule: "cron", expression: "0 9 * * MON" })).toBe("0 9 * * MON");
});

test("days have the names of the language, and times no seconds", () => {
  const at = "09:00:00";
  const weekly: Schedule = { rule: "days", days: { days: "weekly", weekdays: ["monday", "sunday"] }, at };
  expect(words(weekly)).toBe('schedule.weekly {"days":"Monday, Sunday","at":"09:00"}');
  expect(words(weekly, "zh-CN")).toBe('schedule.weekly {"days":"星期一, 星期日","at":"09:00"}');
  expect(words({ rule: "days", days: { days: "nth_weekday", nth: "last", weekday: "friday" }, at })).toBe('schedule.nthWeekday {"nth":"schedule.nth.last","day":"Friday","at":"09:00"}');
  expect(words({ rule: "days", days: { days: "business" }, at })).toBe('schedule.business {"at":"09:00"}');
});
