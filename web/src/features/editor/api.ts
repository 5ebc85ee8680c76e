// What the editor asks the server, one function a call.

import i18next from "i18next";
import { api, ask } from "~/api/client";
import type { ModelList, Wait } from "~/api/types";
import type { Checked, Json, JsonObject, Workflow } from "~/lib/document/types";
import type { Field, Kind } from "~/lib/expression/kind";

export interface Draft {
  revision: number;
  document: Workflow;
  changed_at: string;
  changed_by: string | null;
}

export interface WorkflowDetail {
  id: string;
  name: string;
  slug: string;
  state: "draft" | "live" | "off";
  form_url: string | null;
  schedules?: Array<{ node: string; next: string[]; last_at: string | null; last_run: string | null }>;
  live_version: VersionInfo | null;
  draft: Draft;
}

export interface VersionInfo {
  id?: string;
  number: number;
  note: string | null;
  published_at: string;
  published_by: string | null;
  document?: Workflow;
}

export interface Attempt {
  attempt: number;
  state: string;
  error: StepError | null;
  started_at: string | null;
  finished_at: string | null;
}

export interface StepError {
  code: string;
  message: string;
  params?: JsonObject;
}

export interface Generation {
  id: string;
  attempt: number;
  model: string | null;
  state: string;
  messages: Array<{ role: string; content: string }> | null;
  text: string | null;
  usage: { prompt_tokens: number; output_tokens: number } | null;
  seed: string | number | null;
  fence?: number;
  seq?: number;
  tokens_per_second: number | null;
}

export interface RunStep {
  node: string;
  item_path: string;
  name: string;
  state: string;
  ports: string[] | null;
  input: Json | null;
  output: Json | null;
  output_kind: Kind | null;
  error: StepError | null;
  warnings: Array<{ code: string; message: string; params?: JsonObject; location?: string }>;
  waits: Wait | null;
  attempts: Attempt[];
  generations: Generation[];
  started_at: string | null;
  finished_at: string | null;
}

export interface Artifact {
  id: string;
  name: string;
  content_type: string;
  size_bytes: number;
  url: string;
}

export interface Run {
  id: string;
  title: string | null;
  state: string;
  input: JsonObject | null;
  document: Workflow | null;
  error: StepError | null;
  steps: RunStep[];
  artifacts: Artifact[];
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}

export interface RunRow {
  id: string;
  title: string | null;
  state: string;
  trial: boolean;
  created_at: string;
}

export interface TrialIn {
  revision: number;
  input: JsonObject;
  until_node?: string;
  pinned?: Record<string, Json>;
  really_send?: boolean;
}

export interface Box {
  block: string;
  path: string | null;
  x_mm: number;
  y_mm: number;
  width_mm: number;
  height_mm: number;
  origin?: string | null;
  /** It shows what was made of that value, and perhaps of others. */
  is_computed?: boolean;
}

export interface PreviewPage {
  width_mm: number;
  height_mm: number;
  svg: string;
  boxes: Box[];
}

export interface Preview {
  pages: PreviewPage[];
  warnings: Array<{ code: string; message: string; params?: JsonObject; location?: string }>;
  fields: Field[];
  took_ms: number;
}

export interface DocumentDetail {
  id: string;
  name: string;
  version: number;
  template: JsonObject;
  fields?: Field[];
}

export interface Named {
  id: string;
  name: string;
  url?: string;
  kind?: string;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
type Call = (path: string, init: { body?: unknown; signal?: AbortSignal }) => Promise<{ data?: unknown; error?: unknown; response: Response }>;

/** The paths hold made-up types too (a config's schema), so the editors state their own types, once. */
export function request<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const call = (api as unknown as Record<Method, Call>)[method];
  return ask<T>(call(`/api${path}`, { body, signal }) as Promise<{ data?: T; error?: unknown; response: Response }>);
}

const at = (id: string) => `/workflows/${encodeURIComponent(id)}`;

export const getWorkflow = (id: string) => request<WorkflowDetail>("GET", at(id));
export const checkDraft = (id: string, document: Workflow, signal?: AbortSignal) =>
  request<Checked>("POST", `${at(id)}/check?lang=${encodeURIComponent(i18next.language)}`, { document }, signal);
export const putDraft = (id: string, base_revision: number, document: Workflow) =>
  request<{ revision: number; changed_at: string }>("PUT", `${at(id)}/draft`, { base_revision, document });
export const publish = (id: string, base_revision: number, note: string) => request<VersionInfo>("POST", `${at(id)}/publish`, { base_revision, note });
export const getVersions = (id: string) => request<{ items: VersionInfo[] }>("GET", `${at(id)}/versions`);
export const getVersion = (id: string, number: number) => request<VersionInfo>("GET", `${at(id)}/versions/${number}`);
export const startTrial = (id: string, trial: TrialIn) => request<Run>("POST", `${at(id)}/trial-runs`, trial);
export const getRun = (id: string) => request<Run>("GET", `/runs/${encodeURIComponent(id)}`);
export const stopRun = (id: string) => request<unknown>("POST", `/runs/${encodeURIComponent(id)}/stop`, {});
export const getRuns = (workflow: string, trial: boolean) =>
  request<{ items: RunRow[] }>("GET", `/runs?workflow=${encodeURIComponent(workflow)}&trial=${trial}`);
export const previewDocument = (body: JsonObject, signal?: AbortSignal) => request<Preview>("POST", "/documents/preview", body, signal);
export const getDocuments = () => request<{ items: Named[] }>("GET", "/documents");
export const getDocument = (id: string) => request<DocumentDetail>("GET", `/documents/${encodeURIComponent(id)}`);
export const getTables = () => request<{ items: Array<Named & { columns: Field[]; name_column: string | null }> }>("GET", "/tables");
export const getEndpoints = () => request<{ items: Named[] }>("GET", "/endpoints");
export interface HookTest {
  url: string;
  listening_until: string | null;
  received_at: string | null;
  sample: JsonObject | null;
  fields: Field[];
}

const hookTest = (id: string, step: string) => `${at(id)}/hook-tests/${encodeURIComponent(step)}`;
export const getHookTest = (id: string, step: string) => request<HookTest>("GET", hookTest(id, step));
export const startHookTest = (id: string, step: string) => request<HookTest>("POST", hookTest(id, step), {});
export const stopHookTest = (id: string, step: string) => request<unknown>("DELETE", hookTest(id, step));
export const getMembers = () => request<{ items: Array<Named & { email: string }> }>("GET", "/members");
export const getSeries = () => request<{ items: Array<Named & { next: string }> }>("GET", "/series");
export const getCallables = () => request<{ items: Array<Named & { fields: Field[] }> }>("GET", "/callable-workflows");
export const getCallers = (id: string) => request<{ items: Array<Named & { on_failure: boolean }> }>("GET", `${at(id)}/callers`);
export const getCredentials = () => request<{ items: Named[] }>("GET", "/credentials");
export const getModels = () => request<ModelList>("GET", "/models");
