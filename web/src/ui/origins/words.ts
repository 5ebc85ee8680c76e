/* Where a value comes from, in words: the same on the editor's page and on the page of a run. */
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Family } from "~/api/types";
import { addMessages } from "~/i18n/i18n";

export function loadOriginWords(): Promise<void> {
  return addMessages("origins", { en: () => import("./i18n/en.json"), "zh-CN": () => import("./i18n/zh-CN.json") });
}

/** What each origin is called, null being what somebody wrote into the document, and what all of it is about. */
export function useOriginWords(): { about: string; family: (family: Family | null) => string } {
  const { t } = useTranslation("origins");
  return useMemo(() => ({ about: t("from"), family: (family: Family | null) => (family === null ? t("fixed") : t(`family.${family}`)) }), [t]);
}
