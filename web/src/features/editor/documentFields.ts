// The typed fields a document takes: its answer's own list where the server sends one, else what laying it out finds. What the document
// computes nobody fills in.

import { queryOptions } from "@tanstack/react-query";

import type { DocumentField } from "~/lib/document/documentQuestions";
import { getDocument, previewDocument } from "./api";

export type { DocumentField };

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
