/* Numbers, times and sizes in the person's language. Pure functions; `useFormat` binds them to the language. */
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface Format {
  number(value: number, digits?: number): string;
  bytes(value: number): string;
  percent(value: number): string;
  /** "12 ms", "0.4 s", "14 s", "3 min 20 s", "2 h 5 min". */
  duration(ms: number): string;
  /** "2 min ago", "today, 14:02", "5 Mar". */
  ago(instant: string, now?: number): string;
  /** "today, 14:02", "yesterday, 9:10", "5 Mar 2027, 14:02". */
  when(instant: string, now?: number): string;
  /** "14:02" today, else "yesterday" or "5 Mar". */
  short(instant: string, now?: number): string;
  clock(instant: string): string;
  date(instant: string): string;
  /** The exact instant with its zone, for tooltips. */
  exact(instant: string): string;
  list(values: string[]): string;
}

function dayDistance(at: Date, now: Date): number {
  const start = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  return Math.round((start(now) - start(at)) / DAY);
}

/** Times are said in our own short words: Intl's differ from browser to browser ("sec", "min."). */
const words: Record<string, { ms: string; s: string; min: string; h: string; d: string; ago: (time: string) => string }> = {
  en: { ms: "ms", s: "s", min: "min", h: "h", d: "d", ago: (time) => `${time} ago` },
  zh: { ms: "毫秒", s: "秒", min: "分钟", h: "小时", d: "天", ago: (time) => `${time}前` },
};

/** A number and its unit never part at the end of a line. */
const NO_BREAK = "\u00a0";

export function formats(chosen: string): Format {
  // Without a region English means day before month and a 24-hour clock here.
  const language = chosen === "en" ? "en-GB" : chosen;
  const word = (chosen.startsWith("zh") ? words.zh : words.en) ?? { ms: "ms", s: "s", min: "min", h: "h", d: "d", ago: (time: string) => time };
  const number = (value: number, digits = 0) =>
    new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
  const time = (value: number, name: "ms" | "s" | "min" | "h" | "d", digits = 0) => number(value, digits) + NO_BREAK + word[name];
  const unit = (value: number, name: string, digits = 0) =>
    new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short", maximumFractionDigits: digits })
      .format(value)
      .replace(/(\d) ?(?=[A-Za-z])/, `$1${NO_BREAK}`);
  const clock = (at: Date, seconds = false) =>
    new Intl.DateTimeFormat(language, {
      hour: "2-digit",
      minute: "2-digit",
      ...(seconds ? { second: "2-digit" } : {}),
      hourCycle: "h23",
    }).format(at);
  const dateOf = (at: Date, now: Date) =>
    new Intl.DateTimeFormat(language, {
      day: "numeric",
      month: "short",
      ...(at.getFullYear() === now.getFullYear() ? {} : { year: "numeric" }),
    }).format(at);
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const dayWord = (at: Date, now: Date) => {
    const days = dayDistance(at, now);
    return days === 0 || days === 1 ? relative.format(-days, "day") : dateOf(at, now);
  };
  const joined = (day: string, time: string) => (language.startsWith("zh") ? `${day} ${time}` : `${day}, ${time}`);

  return {
    number,
    bytes(value) {
      const steps = [
        [1e9, "gigabyte", 2],
        [1e6, "megabyte", value < 1e7 ? 1 : 0],
        [1e3, "kilobyte", 0],
      ] as const;
      for (const [size, name, digits] of steps) {
        if (value >= size) return unit(value / size, name, digits);
      }
      return unit(value, "byte");
    },
    percent: (value) =>
      new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 }).format(value),
    duration(ms) {
      const pair = (large: string, rest: number, name: "s" | "min") => (rest === 0 ? large : `${large} ${time(rest, name)}`);
      const seconds = Math.round(ms / SECOND);
      if (ms > 0 && ms < 100) return time(Math.max(1, Math.round(ms)), "ms");
      if (ms < 9950) return time(Math.max(0, ms) / SECOND, "s", 1);
      if (seconds < 60) return time(seconds, "s");
      if (seconds < 3600) return pair(time(Math.floor(seconds / 60), "min"), seconds % 60, "s");
      const minutes = Math.round(ms / MINUTE);
      if (minutes < 24 * 60) return pair(time(Math.floor(minutes / 60), "h"), minutes % 60, "min");
      return time(Math.round(ms / DAY), "d");
    },
    ago(instant, now = Date.now()) {
      const at = new Date(instant);
      const past = Math.max(0, now - at.getTime());
      if (past < MINUTE) return word.ago(time(Math.floor(past / SECOND), "s"));
      if (past < HOUR) return word.ago(time(Math.floor(past / MINUTE), "min"));
      return dayDistance(at, new Date(now)) === 0 ? this.when(instant, now) : dayWord(at, new Date(now));
    },
    when(instant, now = Date.now()) {
      const at = new Date(instant);
      return joined(dayWord(at, new Date(now)), clock(at));
    },
    short(instant, now = Date.now()) {
      const at = new Date(instant);
      const today = new Date(now);
      return dayDistance(at, today) === 0 ? clock(at) : dayWord(at, today);
    },
    clock: (instant) => clock(new Date(instant), true),
    date: (instant) => new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(instant)),
    exact: (instant) => new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" }).format(new Date(instant)),
    list: (values) => new Intl.ListFormat(language, { type: "conjunction" }).format(values),
  };
}

export function useFormat(): Format {
  const { i18n } = useTranslation();
  return useMemo(() => formats(i18n.language), [i18n.language]);
}
