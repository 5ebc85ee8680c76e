// Failed runs that were given up because the process that ran a step was lost again and again.

import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";

import { addMessages } from "~/i18n/i18n";

await addMessages("run-lost", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });

/** The server's code for them; as a state in the address of the list it is an entry of its own. */
export const LOST = "worker_lost";

export function useLostWords(): TFunction<"run-lost"> {
  return useTranslation("run-lost").t;
}
