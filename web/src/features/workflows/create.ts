/* Making a workflow: from an example, empty, or from a file. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { api, ask } from "~/api/client";
import type { WorkflowDocument } from "~/api/types";
import { keys } from "~/lib/queries";

const LARGEST_IMPORT = 5_000_000;

export class NotAWorkflow extends Error {}

/** A file that was exported here, or the reason why it is none. */
export function readWorkflow(text: string): WorkflowDocument {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new NotAWorkflow("not_json");
  }
  if (typeof parsed !== "object" || parsed === null || !("format" in parsed) || !String(parsed.format).startsWith("formwork/")) {
    throw new NotAWorkflow("other_format");
  }
  return parsed as WorkflowDocument;
}

export function useCreate() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: (body: { name?: string; example?: string; document?: WorkflowDocument }) => ask(api.POST("/api/workflows", { body })),
    onSuccess: async (workflow) => {
      await client.invalidateQueries({ queryKey: keys.workflows });
      await navigate({ to: "/workflows/$id", params: { id: workflow.id } });
    },
  });
}

export function useImport() {
  const create = useCreate();
  return useMutation({
    mutationFn: async (file: File) => {
      if (file.size > LARGEST_IMPORT) throw new NotAWorkflow("too_large");
      return create.mutateAsync({ document: readWorkflow(await file.text()) });
    },
  });
}
