// What the template editor asks the server, one function a call.

import { api, ApiError, ask } from "~/api/client";
import type { PreviewPage, SaidProblem, Warning } from "~/api/types";
import type { JsonObject } from "~/lib/document/types";
import type { Field } from "~/lib/expression/kind";
import type { Template } from "~/lib/template/blocks";
import { request } from "../api";

/** Of what could not be saved before it was asked about. */
export const offline = () => new ApiError({ type: "no_connection", title: "", status: 0 });

export interface DocumentInfo {
  id: string;
  name: string;
  version: number;
  template: Template;
}

export interface DocumentRow {
  id: string;
  used_by: Array<{ id: string; name: string }>;
}

export interface TemplateDraft {
  revision: number;
  /** Number of the version that it was made from. */
  base_version: number;
  /** It is what that version says. */
  published: boolean;
  template: Template;
  problems: SaidProblem[];
  changed_at: string;
  changed_by: string | null;
}

export interface NamedSample {
  id: string;
  name: string;
  values: JsonObject;
}

/** A run whose version prints the document. */
export interface PastRun {
  id: string;
  title: string | null;
  state: string;
  workflow: { name: string };
  created_at: string;
}

export interface PastRunsQuery {
  /** Text in title, input, the workflow's name, or a number that the run drew. */
  q?: string;
  workflow?: string;
  /** Days, such as 2027-03-08. */
  from?: string;
  until?: string;
}

export interface VersionRow {
  number: number;
  created_at: string;
  created_by: string | null;
}

export interface PageChange {
  change: "same" | "changed" | "added" | "removed";
  from: number | null;
  to: number | null;
}

export interface TemplatePreview {
  pages: PreviewPage[];
  warnings: Warning[];
  fields: Field[];
  values: JsonObject;
  /** What the document computes of the values. */
  computed: JsonObject;
  took_ms: number;
}

const at = (id: string) => `/documents/${encodeURIComponent(id)}`;

export const getDocument = (id: string) => request<DocumentInfo>("GET", at(id));
export const getRows = () => request<{ items: DocumentRow[] }>("GET", "/documents");
export const createDocument = (name: string, template: Template) => request<DocumentInfo>("POST", "/documents", { name, template });
export const renameDocument = (id: string, name: string) => request<DocumentInfo>("PATCH", at(id), { name });
export const getDraft = (id: string) => request<TemplateDraft>("GET", `${at(id)}/draft`);
export const putDraft = (id: string, base_revision: number, template: Template, base_version: number | null) =>
  request<{ revision: number }>("PUT", `${at(id)}/draft`, { base_revision, template, base_version });
export const publishDraft = (id: string, base_revision: number) => request<DocumentInfo>("POST", `${at(id)}/publish`, { base_revision });
export const getVersions = (id: string) => request<{ items: VersionRow[] }>("GET", `${at(id)}/versions`);
export const getVersion = (id: string, number: number) => request<DocumentInfo>("GET", `${at(id)}/versions/${number}`);
export const restoreVersion = (id: string, number: number, base_revision: number) =>
  request<TemplateDraft>("POST", `${at(id)}/versions/${number}/restore`, { base_revision });
export const duplicateDocument = (id: string) => request<DocumentInfo>("POST", `${at(id)}/duplicate`, {});
/** Of a version and the draft. */
export const comparePages = (id: string, from: number, sample: string | null) => request<{ pages: PageChange[] }>("POST", `${at(id)}/compare`, { from, sample });
export const drawPages = (body: JsonObject, signal?: AbortSignal) => request<TemplatePreview>("POST", "/documents/preview", body, signal);

export const getSamples = (id: string) => request<{ items: NamedSample[] }>("GET", `${at(id)}/samples`);
export const addSample = (id: string, name: string, values: JsonObject) => request<NamedSample>("POST", `${at(id)}/samples`, { name, values });
export const takeSample = (id: string, name: string, run: string) => request<NamedSample>("POST", `${at(id)}/samples/from-run`, { name, run });
export function findRuns(document: string, query: PastRunsQuery, after: string | undefined): Promise<{ items: PastRun[]; next?: string | null }> {
  const wanted = Object.entries({ document, ...query, after }).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return request("GET", `/runs?${new URLSearchParams(wanted).toString()}`);
}
export const changeSample = (id: string, sample: string, name: string, values: JsonObject) =>
  request<NamedSample>("PUT", `${at(id)}/samples/${encodeURIComponent(sample)}`, { name, values });
export const removeSample = (id: string, sample: string) => request<unknown>("DELETE", `${at(id)}/samples/${encodeURIComponent(sample)}`);

type Send = (path: string, init: { body: unknown; headers: Record<string, string>; parseAs: "blob" }) => Promise<{ data?: Blob; error?: unknown; response: Response }>;

/** The PDF of a version; where it takes too long, what the server knows of it instead (`application/json`). */
export function renderPdf(id: string, values: JsonObject, version: number): Promise<Blob> {
  const send = api.POST as unknown as Send;
  return ask<Blob>(send(`/api${at(id)}/render`, { body: { values, version }, headers: { accept: "application/pdf" }, parseAs: "blob" }));
}
