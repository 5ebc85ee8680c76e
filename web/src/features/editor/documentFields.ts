// The typed fields a document template declares: its answer's own list where the server sends one, else what laying it out finds.

import { queryOptions } from "@tanstack/react-query";

import type { Field } from "~/lib/expression/kind";
import { getDocument, previewDocument } from "./api";

export function documentFields(id: string) {
  return queryOptions({
    queryKey: ["document", id, "fields"],
    staleTime: 15_000,
    queryFn: async (): Promise<Field[]> => {
      const detail = await getDocument(id);
      const declared = detail.fields ?? (detail.template["fields"] as unknown as Field[] | undefined);
      return Array.isArray(declared) ? declared : (await previewDocument({ document_id: id, values: {} })).fields;
    },
  });
}
