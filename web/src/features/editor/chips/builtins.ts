// What every expression may read besides earlier steps: the firm and the day.

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Json } from "~/lib/document/types";
import type { Kind } from "~/lib/expression/kind";
import type { Source } from "~/lib/expression/values";
import { keys } from "~/lib/queries";
import { useDocument } from "../state/store";

const TEXTS = ["name", "country", "tax_id", "email", "phone", "website", "iban", "bic", "bank", "currency"] as const;

export function useBuiltins(): Source[] {
  const { t } = useTranslation("editor");
  const firm = useQuery({ queryKey: keys.firm, queryFn: () => ask(api.GET("/api/firm")), staleTime: 60_000 });
  const zone = useDocument().time_zone;
  return useMemo(() => {
    const text: Kind = { kind: "text" };
    const kind: Kind = {
      kind: "record",
      fields: [
        ...TEXTS.map((name) => ({ ...text, name, title: t(`firm.${name}`) })),
        { kind: "list", item: text, name: "address", title: t("firm.address") },
        { kind: "decimal", name: "tax_rate", title: t("firm.tax_rate") },
        { kind: "file", name: "logo", title: t("firm.logo") },
      ],
    };
    const today = new Intl.DateTimeFormat("sv-SE", { timeZone: zone || undefined }).format(new Date());
    return [
      { id: "firm", name: t("firm.title"), family: "computed", icon: "users", kind, value: firm.data as unknown as Json | undefined },
      { id: "today", name: t("firm.today"), family: "computed", icon: "calendar", kind: { kind: "date" }, value: today },
    ];
  }, [t, firm.data, zone]);
}
