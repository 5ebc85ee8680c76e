// The typed fields a document takes: its answer's own list where the server sends one, else what laying it out finds. What the document
// computes nobody fills in.

import { queryOptions } from "@tanstack/react-query";

import type { Field } from "~/lib/expression/kind";
import { getDocument, previewDocument } from "./api";

/** A field, and who fills it in. */
export type DocumentField = Field & { source?: "asked" | "written" | "computed" | null };

export function documentFields(id: string) {
  return queryOptions({
    queryKey: ["document", id, "fields"],
    staleTime: 15_000,
    queryFn: async (): Promise<DocumentField[]> => {
      const detail = await getDocument(id);
      const told = detail.fields ?? (detail.template["fields"] as unknown as DocumentField[] | undefined);
      const declared: DocumentField[] = Array.isArray(told) ? told : (await previewDocument({ document_id: id, values: {} })).fields;
      return declared.filter((field) => field.source !== "computed");
    },
  });
}
