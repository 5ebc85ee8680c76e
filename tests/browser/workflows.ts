// Shipped examples, made ready over the API for tests that look at what comes after publishing.
import type { Api } from "./api.ts";

export interface Published {
  id: string;
  name: string;
  formUrl: string;
  /** Values of the example's own sample. */
  sample: Record<string, unknown>;
}

interface Draft {
  nodes: { id: string; config: Record<string, unknown>; [more: string]: unknown }[];
  edges: { from: string; to: string }[];
  samples: { input: Record<string, unknown> }[];
}

interface Workflow {
  id: string;
  name: string;
  form_url: string;
  draft: { revision: number; document: Draft };
}

/** A copy of an example, changed and published. */
export async function publish(api: Api, example: string, change: (draft: Draft) => void = () => undefined): Promise<Published> {
  const made = await api.call<Workflow>("POST", "/workflows", { example });
  const { document, revision } = made.draft;
  change(document);
  const saved = await api.call<{ revision: number }>("PUT", `/workflows/${made.id}/draft`, { base_revision: revision, document });
  await api.call("POST", `/workflows/${made.id}/publish`, { base_revision: saved.revision });
  const { form_url } = await api.call<Workflow>("GET", `/workflows/${made.id}`);
  return { id: made.id, name: made.name, formUrl: form_url, sample: document.samples[0]?.input ?? {} };
}

/** Points every delivering step at this endpoint. */
export function deliverTo(endpoint: string): (draft: Draft) => void {
  return (draft) => {
    for (const node of draft.nodes) if ("endpoint" in node.config) node.config["endpoint"] = endpoint;
  };
}

export interface RunState {
  id: string;
  state: string;
  title: string;
}

export async function start(api: Api, workflow: Published, input: Record<string, unknown> = {}, title?: string): Promise<RunState> {
  return api.call<RunState>("POST", `/workflows/${workflow.id}/runs`, { input: { ...workflow.sample, ...input }, ...(title ? { title } : {}) });
}
