/* The keys under which server data is kept, and which event makes which of it old. */
import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "~/api/client";
import type { LiveEvent } from "~/api/types";

export const keys = {
  session: ["session"],
  setup: ["setup"],
  workflows: ["workflows"],
  workflow: (id: string) => ["workflow", id],
  examples: (language: string) => ["examples", language],
  approvals: ["approvals"],
  batches: ["batches"],
  runs: ["runs"],
  run: (id: string) => ["run", id],
  deliveries: ["deliveries"],
  delivery: (id: string) => ["delivery", id],
  documents: ["documents"],
  document: (id: string) => ["document", id],
  tables: ["tables"],
  table: (id: string) => ["table", id],
  models: ["models"],
  firm: ["firm"],
  members: ["members"],
  invitations: ["invitations"],
  endpoints: ["endpoints"],
  mail: ["mail"],
  series: ["series"],
  callables: ["workflows", "callable"],
  credentials: ["credentials"],
  accessKeys: ["access-keys"],
  nodeTypes: (language: string) => ["node-types", language],
} as const;

/** A refused request will be refused again; only silence and server trouble are worth another try. */
export function retryable(failures: number, error: Error): boolean {
  if (!(error instanceof ApiError)) return false;
  return failures < 3 && (error.offline || error.problem.status >= 500);
}

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: retryable, staleTime: 5_000, refetchOnWindowFocus: true, networkMode: "always" },
      mutations: { retry: false, networkMode: "always" },
    },
  });
}

/** Which kept data an event makes old. Streamed text is no news about a record: its screens read it themselves. */
export function staleKeys(event: LiveEvent): readonly (readonly string[])[] {
  if (event.kind === "generation.text") return [];
  if (event.topic === "runs") return [keys.runs, keys.approvals, keys.workflows];
  if (["approvals", "batches", "models", "tables"].includes(event.topic)) return [[event.topic]];
  if (event.topic === "deliveries") return [keys.deliveries, ["delivery"]];
  const [resource, id] = event.topic.split(":");
  if (resource === "run" && id !== undefined) return [keys.run(id)];
  if (resource === "workflow" && id !== undefined) return [keys.workflow(id)];
  return [];
}
