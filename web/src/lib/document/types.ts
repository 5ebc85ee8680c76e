// The workflow document as it is stored (`format` = "formwork/1"), and what the server says about an unsaved one.
// Mirrors the engine's types; holds no rules.

import type { Kind } from "../expression/kind";

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export interface Position {
  x: number;
  y: number;
}

export interface Retry {
  max_attempts: number;
  first_ms: number;
  factor: number;
  max_ms: number;
}

export type OnError = "stop" | "continue" | "branch";

export interface WorkflowNode {
  id: string;
  type: string;
  version: number;
  name: string;
  parent?: string | null;
  config: JsonObject;
  position?: Position;
  retry?: Retry | null;
  on_error?: OnError;
  timeout_ms?: number | null;
  limits?: Limits | null;
}

/** Besides that of one attempt: until the step begins, until it ends, and from one sign of progress to the next. */
export interface Limits {
  start_ms?: number | null;
  total_ms?: number | null;
  heartbeat_ms?: number | null;
}

export interface Edge {
  from: string;
  port: string;
  to: string;
}

export interface Sample {
  name: string;
  input: JsonObject;
}

/** How many runs go at the same time, all together or for each value of the key. */
export interface Concurrency {
  runs: number;
  key?: string | null;
}

export interface Workflow {
  format: string;
  name: string;
  locale: string;
  time_zone: string;
  currency: string;
  nodes: WorkflowNode[];
  edges: Edge[];
  samples: Sample[];
  /** The workflow that is run when a run of this one fails. */
  on_failure?: string | null;
  concurrency?: Concurrency | null;
  /** What warnings about a document do to the step that makes it; "warn" when absent. */
  document_warnings?: "warn" | "stop";
  documents?: JsonObject;
}

export type Family = "asked" | "written" | "computed" | "made" | "sent" | "looked";
export type Surface = "form" | "page" | "text" | "message" | "none";
export type Effect = "pure" | "stored" | "outside";

export interface Port {
  name: string;
  title: string;
}

export interface CardLine {
  text: string;
  trailing: string;
}

export interface Card {
  key_fact: string;
  well: CardLine[];
}

export interface Problem {
  severity: "error" | "warning";
  code: string;
  params: Json;
  message: string;
  pointer: string;
  node: string | null;
}

/** One reference that a step's config makes; `kind` is null while it leads nowhere. */
export interface CheckedReference {
  pointer: string;
  /** Such as `form.customer`. */
  path: string;
  kind: Kind | null;
  /** May be empty and has no default. */
  optional?: boolean;
}

/** When runs begin by themselves, as `engine::schedule` writes it. */
export type Schedule =
  | { rule: "every"; minutes: number }
  | { rule: "cron"; expression: string }
  | { rule: "days"; days: ScheduleDays; at: string };

export type ScheduleDays =
  | { days: "every" | "business" | "last_of_month" }
  | { days: "weekly"; weekdays: string[] }
  | { days: "monthly"; day: number }
  | { days: "nth_weekday"; nth: string; weekday: string };

/** What the server knows of one step of an unsaved document. */
export interface CheckedNode {
  title: string;
  summary: string;
  /** Unknown types have none. */
  family: Family | null;
  icon: string;
  surface: Surface;
  effect: Effect | null;
  /** Empty while the config cannot be read. */
  ports: Port[];
  output: Kind;
  card: Card;
  trigger: "form" | "webhook" | "schedule" | "call" | null;
  /** Of a schedule whose settings are sound. */
  schedule?: Schedule | null;
  /** The next moments of a schedule. */
  next?: string[];
  /** It waits for a call of its link, which earlier steps read as `run.links.<id>`. */
  is_called_back: boolean;
  readable: string[];
  references: CheckedReference[];
  /** Set of steps that hold others: the list they go through, the kind of one entry, and what may be read when everything inside has ended. */
  inside?: { list: string; item: Kind; readable: string[] } | null;
  /** Set of steps that look at the entries of a list: that list, and the kind of one entry. */
  entries?: { list: string; item: Kind } | null;
}

export interface Checked {
  problems: Problem[];
  nodes: Record<string, CheckedNode>;
}

/** JSON Schema as the catalogue uses it: schemars' output with our `x-` hints. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: Json;
  const?: Json;
  enum?: Json[];
  format?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  "x-widget"?: string;
  "x-labels"?: Record<string, string>;
  "x-label"?: string;
  /** `inside`: it reads one entry of the step's list, and what lies in the step. `entry`: it reads one entry of the list that the step looks at. */
  "x-scope"?: string;
  "x-group"?: string;
  "x-order"?: number;
  /** Matters only while the settings beside it have these values. */
  "x-when"?: Record<string, Json>;
  /** Its names are those of something else: the typed fields of the document, the columns of the table, or what the workflow takes, that the named setting chooses, or what the named setting asks. */
  "x-keys"?: { document_fields?: string; form_fields?: string; table_columns?: string; workflow_fields?: string };
}

/** One entry of the catalogue (`GET /api/node-types`). */
export interface NodeType {
  type: string;
  version: number;
  title: string;
  summary: string;
  family: Family;
  icon: string;
  effect: Effect;
  surface: Surface;
  schema: Schema;
  ports: Port[];
  /** A sensible first config; the editor falls back to the schema's defaults. */
  config?: JsonObject;
  trigger?: string | null;
  timeout_ms?: number;
  retry?: Retry | null;
}
