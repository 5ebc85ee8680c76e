// Why a run waits in line, and how many are ahead of it, in words.

import { useTranslation } from "react-i18next";

import type { Line } from "~/api/types";
import { addMessages } from "~/i18n/i18n";

await addMessages("line", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

/** The server counts no further. */
const MOST_COUNTED = 1000;

/** Whole sentences, for the run's own page. */
export function useLineText(): (line: Line) => string {
  const { t: words } = useTranslation("line");
  return (line) => {
    const { ahead, runs, key } = line;
    const parts = [ahead < MOST_COUNTED ? words("ahead", { ahead }) : words("many", { ahead: MOST_COUNTED })];
    if (runs === null) parts.push(words("lifted"));
    else if (key === null) parts.push(words("limit", { runs }));
    else parts.push(key === "" ? words("limitOfNone", { runs }) : words("limitOf", { runs, key }));
    if (line.key_failed) parts.push(words("failed"));
    return parts.join(" ");
  };
}

/** A few words, for a list. */
export function useShortLineText(): (line: Line) => string {
  const { t: words } = useTranslation("line");
  return ({ ahead }) => (ahead < MOST_COUNTED ? words("short", { ahead }) : words("shortMany", { ahead: MOST_COUNTED }));
}
