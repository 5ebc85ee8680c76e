// Where the drafts of workflows are kept.

import { compare, merge } from "~/lib/document/compare";
import type { Workflow } from "~/lib/document/types";
import { getWorkflow, putDraft } from "../api";
import type { DraftServer } from "./saver";

export function workflowServer(id: string): DraftServer<Workflow> {
  return {
    read: async () => (await getWorkflow(id)).draft,
    write: (baseRevision, document) => putDraft(id, baseRevision, document),
    same: (a, b) => compare(a, b).length === 0,
    merge,
  };
}
