/* The shipped examples, as they are called in the reader's language. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import { keys } from "./queries";

export function useExamples() {
  const { i18n } = useTranslation();
  const lang = i18n.language;
  return useQuery({ queryKey: keys.examples(lang), queryFn: () => ask(api.GET("/api/examples", { params: { query: { lang } } })), staleTime: Infinity });
}
