import { useQuery } from "@tanstack/react-query";
import { api, ask } from "~/api/client";
import { keys } from "~/lib/queries";

function useFirm() {
  return useQuery({ queryKey: keys.firm, queryFn: () => ask(api.GET("/api/firm")), staleTime: 60_000 }).data;
}

/** The language in which the firm writes numbers and dates. */
export function useFirmLocale(): string {
  const { locale } = useFirm() ?? {};
  return locale || "en";
}

/** What amounts are in unless somebody says otherwise. */
export function useFirmCurrency(): string {
  const { currency } = useFirm() ?? {};
  return currency || "EUR";
}
