/* The types of steps, described in the reader's language. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, ask } from "~/api/client";
import type { RunStep } from "~/api/types";
import type { NodeType } from "~/lib/document/types";
import { keys } from "./queries";

export function useNodeTypes() {
  const { i18n } = useTranslation();
  const lang = i18n.language;
  return useQuery({
    queryKey: keys.nodeTypes(lang),
    // The generated client does not know JSON Schema.
    queryFn: () => ask<unknown>(api.GET("/api/node-types", { params: { query: { lang } } })) as Promise<NodeType[]>,
    staleTime: Infinity,
  });
}

/** What a step's type is called; in the server's English where the catalogue lacks it. */
export function useTypeTitle(): (step: RunStep) => string {
  const types = useNodeTypes();
  return (step) => (types.isPending ? "" : (types.data?.find((type) => type.type === step.type)?.title ?? step.title));
}
