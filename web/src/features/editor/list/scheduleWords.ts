// A schedule's rule in the person's words, such as "Monday, Thursday at 09:00". Pure.

import type { TFunction } from "i18next";

import type { Schedule, ScheduleDays } from "~/lib/document/types";

/** From 5 January 2026, which was a Monday. */
const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

export function scheduleWords(schedule: Schedule, t: TFunction<"editor">, language: string): string {
  switch (schedule.rule) {
    case "cron":
      return schedule.expression;
    case "every":
      return schedule.minutes % 60 === 0 ? t("schedule.hours", { count: schedule.minutes / 60 }) : t("schedule.minutes", { count: schedule.minutes });
    case "days":
      return daysWords(schedule.days, schedule.at.slice(0, 5), t, language);
  }
}

function daysWords(days: ScheduleDays, at: string, t: TFunction<"editor">, language: string): string {
  switch (days.days) {
    case "every":
      return t("schedule.every", { at });
    case "business":
      return t("schedule.business", { at });
    case "last_of_month":
      return t("schedule.lastOfMonth", { at });
    case "monthly":
      return t("schedule.monthly", { day: days.day, at });
    case "weekly":
      return t("schedule.weekly", { days: days.weekdays.map((day) => weekdayName(day, language, days.weekdays.length > 2 ? "short" : "long")).join(", "), at });
    case "nth_weekday":
      return t("schedule.nthWeekday", { nth: t(`schedule.nth.${days.nth}`), day: weekdayName(days.weekday, language, "long"), at });
  }
}

function weekdayName(day: string, language: string, length: "short" | "long"): string {
  const date = new Date(Date.UTC(2026, 0, 5 + WEEKDAYS.indexOf(day)));
  return new Intl.DateTimeFormat(language, { weekday: length, timeZone: "UTC" }).format(date);
}
