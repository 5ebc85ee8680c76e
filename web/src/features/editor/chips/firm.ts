// The firm and the day, which every expression may read.

import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";

import { api, ask } from "~/api/client";
import type { Firm } from "~/api/types";
import type { Json } from "~/lib/document/types";
import type { Kind } from "~/lib/expression/kind";
import type { Source } from "~/lib/expression/values";
import { keys } from "~/lib/queries";

const TEXTS = [
  "name", "post_code", "city", "subdivision", "country", "tax_id", "vat_id", "tax_number", "registration", "contact",
  "email", "phone", "website", "iban", "bic", "bank", "currency",
] as const;
/** Where the post code follows the city and the state. */
const CITY_FIRST = ["AU", "CA", "GB", "IE", "IN", "NZ", "US"];

/** The record as expressions read it: with the address as the lines of a letter, and one tax number or the other. */
function asRead(firm: Firm): Json {
  const cityFirst = CITY_FIRST.includes(firm.country);
  const city = cityFirst ? [firm.city, firm.subdivision, firm.post_code] : [firm.post_code, firm.city];
  const last = [city.filter((part) => part !== "").join(" "), cityFirst ? "" : firm.subdivision];
  const address = [...firm.street, ...last].filter((line) => line.trim() !== "");
  return { ...firm, address, tax_id: firm.vat_id || firm.tax_number } as unknown as Json;
}

export function useFirmSources(zone: string): Source[] {
  const { t } = useTranslation("editor");
  const firm = useQuery({ queryKey: keys.firm, queryFn: () => ask(api.GET("/api/firm")), staleTime: 60_000 });
  return useMemo(() => {
    const text: Kind = { kind: "text" };
    const kind: Kind = {
      kind: "record",
      fields: [
        ...TEXTS.map((name) => ({ ...text, name, title: t(`firm.${name}`) })),
        { kind: "list", item: text, name: "address", title: t("firm.address") },
        { kind: "list", item: text, name: "street", title: t("firm.street") },
        { kind: "decimal", name: "tax_rate", title: t("firm.tax_rate") },
        { ...text, name: "prices", title: t("firm.prices") },
        { kind: "file", name: "logo", title: t("firm.logo") },
      ],
    };
    const today = new Intl.DateTimeFormat("sv-SE", { timeZone: zone || undefined }).format(new Date());
    return [
      { id: "firm", name: t("firm.title"), family: "computed", icon: "users", kind, value: firm.data && asRead(firm.data) },
      { id: "today", name: t("firm.today"), family: "computed", icon: "calendar", kind: { kind: "date" }, value: today },
    ];
  }, [t, firm.data, zone]);
}
