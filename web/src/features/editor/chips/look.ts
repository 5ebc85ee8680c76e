// Binds the pure formatting of values to the person's language and the editor's zone.

import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import type { Look } from "~/lib/expression/format";
import { useChipHost } from "./host";

export function useLook(): Look {
  const { t, i18n } = useTranslation("editor");
  const zone = useChipHost().timeZone;
  return useMemo(
    () => ({
      locale: i18n.language,
      timeZone: zone || undefined,
      words: { yes: t("value.yes"), no: t("value.no"), none: t("value.empty"), items: (count: number) => t("value.items", { count }) },
    }),
    [t, i18n.language, zone],
  );
}
