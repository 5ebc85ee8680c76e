/* What the API sends and takes, by its own names. */

export type Family = "asked" | "written" | "computed" | "made" | "sent" | "looked";
export type RunState = "queued" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";
export type StepState =
  | "pending"
  | "ready"
  | "running"
  | "waiting"
  | "retryable"
  | "succeeded"
  | "failed"
  | "cancelled"
  | "skipped";
export type DeliveryState = "due" | "sending" | "retrying" | "delivered" | "given_up" | "stopped" | "held";

export interface FieldProblem {
  pointer: string;
  code: string;
  message: string;
  params?: Record<string, unknown>;
}

/** RFC 9457 problem details as the server writes them. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  instance?: string;
  problems?: FieldProblem[];
  [more: string]: unknown;
}

export interface List<T> {
  items: T[];
  next?: string | null;
}

export interface Member {
  id: string;
  name: string;
  email: string;
  role: "owner" | "member";
  locale: string;
  created_at?: string;
}

export interface Session {
  member: Member;
  workspace: { id: string; name: string };
  csrf_token: string;
  server: { version: string; public_url: string };
}

export interface Invitation {
  id?: string;
  role: "owner" | "member";
  expires_at: string;
  created_at?: string;
  created_by?: string | null;
  used_at?: string | null;
}

export interface InvitationMade {
  url: string;
  expires_at: string;
}

export interface AccessKey {
  id: string;
  name: string;
  prefix?: string;
  created_at: string;
  created_by?: string | null;
  last_used_at?: string | null;
  revoked_at?: string | null;
}

export interface AccessKeyMade {
  id: string;
  name: string;
  key: string;
}

export interface Firm {
  name: string;
  address: string[];
  country: string;
  tax_id: string;
  email: string;
  phone: string;
  website: string;
  iban: string;
  bic: string;
  bank: string;
  logo?: { id: string; name: string; content_type: string } | null;
  currency: string;
  time_zone: string;
  locale: string;
  tax_rate: string;
  prices: "net" | "gross";
  colour: string;
}

export interface Endpoint {
  id: string;
  name: string;
  url: string;
  attach: boolean;
  disabled_at?: string | null;
  disabled_reason?: string | null;
  created_at: string;
}

export interface EndpointSecret extends Partial<Endpoint> {
  secret: string;
}

export interface EndpointTest {
  delivered?: boolean;
  status?: number | null;
  answer_head?: string | null;
  error?: string | StepError | null;
  took_ms?: number;
}

export interface Credential {
  id: string;
  name: string;
  kind: string;
  created_at: string;
}

export interface StepIcon {
  name: string;
  family: Family;
  icon: string;
}

export interface Day {
  date: string;
  succeeded: number;
  failed: number;
}

export interface WorkflowItem {
  id: string;
  name: string;
  slug: string;
  state: "draft" | "live" | "off";
  version: number | null;
  /** The draft differs from the live version. */
  changed?: boolean;
  steps: StepIcon[];
  last_run: { id: string; state: RunState; created_at: string; title: string | null; now?: string | null } | null;
  days: Day[];
  runs: number;
  changed_at: string;
  changed_by: string | null;
  form_url: string | null;
}

export interface Version {
  number: number;
  published_at: string;
  published_by: string | null;
  note: string | null;
}

export interface WorkflowNode {
  id: string;
  type: string;
  version: number;
  name: string;
  parent?: string | null;
  config: Record<string, unknown>;
  position?: { x: number; y: number };
  retry?: Record<string, unknown> | null;
  on_error?: "stop" | "continue" | "branch" | null;
  timeout_ms?: number | null;
}

export interface WorkflowEdge {
  from: string;
  port: string;
  to: string;
}

export interface Sample {
  name: string;
  input: Record<string, unknown>;
}

export interface WorkflowDocument {
  format: string;
  name: string;
  locale: string;
  time_zone: string;
  currency: string;
  nodes: WorkflowNode[];
  edges: WorkflowEdge[];
  samples: Sample[];
  documents?: Record<string, unknown>;
  [more: string]: unknown;
}

export interface WorkflowDetail {
  id: string;
  name: string;
  slug: string;
  state: "draft" | "live" | "off";
  form_url: string | null;
  hook_urls: Record<string, string> | string[] | null;
  live_version: Version | null;
  draft: { revision: number; document: WorkflowDocument; changed_at: string; changed_by: string | null };
}

export interface Example {
  name: string;
  title: string;
  summary: string;
  needs_model: boolean;
  steps: StepIcon[];
}

/** `engine::check::Checked`: what the server knows of an unsaved draft. */
export interface Checked {
  problems: (FieldProblem & { severity?: "error" | "warning"; node?: string })[];
  nodes: Record<string, CheckedNode>;
}

export interface Kind {
  kind?: string;
  [more: string]: unknown;
}

export interface CheckedNode {
  title: string;
  summary: string;
  family: Family;
  icon: string;
  surface: "form" | "page" | "text" | "message" | "none";
  effect: "pure" | "stored" | "outside";
  ports: { name: string; title?: string }[];
  output: Kind;
  card: unknown;
  trigger: string | null;
  readable: string[];
  references: { pointer: string; path: string; kind?: Kind; problem?: string }[];
}

export interface NodeTypeInfo {
  type: string;
  version: number;
  title: string;
  summary: string;
  family: Family;
  icon: string;
  effect: string;
  surface: string;
  schema: Record<string, unknown>;
  trigger?: string | null;
  [more: string]: unknown;
}

export interface RunItem {
  id: string;
  title: string | null;
  state: RunState;
  source: "form" | "webhook" | "api" | "manual" | "trial" | string;
  trial: boolean;
  workflow: { id: string; name: string; version: number | null };
  now?: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  error: StepError | null;
  artifacts?: Artifact[];
}

/** Three parts: what happened, why, what to do. */
export interface StepError {
  code: string;
  message: string;
  why?: string | null;
  fix?: string | null;
  details?: unknown;
  node?: string;
  [more: string]: unknown;
}

export interface Artifact {
  id: string;
  name: string;
  content_type: string;
  size_bytes: number;
  url: string;
}

export interface Attempt {
  attempt: number;
  state: string;
  error: StepError | null;
  started_at: string;
  finished_at: string | null;
  worker?: string | null;
}

export interface Generation {
  id: string;
  attempt: number;
  round: number;
  model: string | null;
  state: "ready" | "running" | "succeeded" | "failed" | "cancelled";
  messages?: { role: string; content: string }[];
  text: string;
  fence?: number;
  seq?: number;
  usage: { prompt_tokens?: number; completion_tokens?: number; [more: string]: unknown } | null;
  seed: number | string | null;
  tokens_per_second: number | null;
  created_at?: string | null;
  started_at?: string | null;
  finished_at?: string | null;
}

export interface RunStep {
  node: string;
  item_path: string;
  name: string;
  title: string;
  family: Family;
  icon: string;
  state: StepState;
  ports: string[] | null;
  input: unknown;
  output: unknown;
  output_kind?: Kind | null;
  error: StepError | null;
  warnings: (string | { message: string })[];
  waits: { on: string; text?: string; until?: string | null; model?: string; place?: number | null } | null;
  attempts: Attempt[];
  generations: Generation[];
  started_at: string | null;
  finished_at: string | null;
}

export interface RunDetail extends RunItem {
  input: unknown;
  waits: { on: string; text?: string; until?: string | null } | null;
  retry_of: string | null;
  document: WorkflowDocument | null;
  steps: RunStep[];
  artifacts: Artifact[];
  deliveries: { id: string; state: DeliveryState; endpoint: string | null; attempts: number }[];
}

export interface DeliveryItem {
  id: string;
  state: DeliveryState;
  title: string | null;
  endpoint: { id: string; name: string; url: string } | null;
  run: { id: string; title: string | null; workflow?: { id: string; name: string } } | null;
  attempts: number;
  max_attempts?: number;
  due_at: string | null;
  last_status?: number | null;
  last_error?: string | null;
  created_at: string;
  finished_at: string | null;
}

export interface DeliveryAttempt {
  attempt: number;
  started_at: string;
  took_ms: number | null;
  status: number | null;
  answer_head: string | null;
  error: string | StepError | null;
}

export interface DeliveryDetail extends Omit<DeliveryItem, "attempts"> {
  attempts: DeliveryAttempt[];
  message: Record<string, unknown>;
  attach: boolean;
}

export interface DocumentItem {
  id: string;
  name: string;
  latest_number: number;
  created_at: string;
  changed_at?: string;
  used_by?: number;
}

export interface DocumentDetail extends DocumentItem {
  template: Record<string, unknown>;
}

export interface PreviewPage {
  width_mm: number;
  height_mm: number;
  svg: string;
  boxes: {
    block: string;
    path?: string | null;
    x_mm: number;
    y_mm: number;
    width_mm: number;
    height_mm: number;
    origin?: string | null;
  }[];
}

export interface Preview {
  pages: PreviewPage[];
  warnings: (string | { message: string; pointer?: string; code?: string })[];
  fields: Record<string, unknown>[];
  took_ms: number;
}

export interface Model {
  name: string;
  title: string;
  state: "ready" | "loading" | "downloading" | "missing" | "failed" | "asleep";
  size_bytes: number;
  done_bytes: number;
  bytes_per_second: number | null;
  seconds_left: number | null;
  error: string | StepError | null;
  tokens_per_second: number | null;
  memory_bytes: number | null;
  licence?: string | null;
  summary?: string | null;
}

export interface ModelList {
  items: Model[];
  default: string | null;
}

/** One event of the server's stream. */
export interface LiveEvent {
  topic: string;
  kind: string;
  [more: string]: unknown;
}
