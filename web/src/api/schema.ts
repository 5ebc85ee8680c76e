/*
 * The API's paths in the shape that openapi-fetch reads. Written by hand from the API's contract until
 * the server's OpenAPI snapshot is committed; `npm run api` then replaces it by a generated file.
 */
import type {
  AccessKey,
  AccessKeyMade,
  Checked,
  Credential,
  DeliveryDetail,
  DeliveryItem,
  DocumentDetail,
  DocumentItem,
  Endpoint,
  EndpointSecret,
  EndpointTest,
  Example,
  Firm,
  Invitation,
  InvitationMade,
  List,
  Member,
  ModelList,
  NodeTypeInfo,
  Preview,
  Problem,
  RunDetail,
  RunItem,
  Session,
  Version,
  WorkflowDetail,
  WorkflowDocument,
  WorkflowItem,
} from "./types";

type Params = { query?: Record<string, unknown>; path?: Record<string, string>; body?: unknown };

/** One operation: what it answers, and which path, query and body it takes. */
type Op<Out, P extends Params = object> = {
  parameters: { query?: P extends { query?: infer Q } ? Q : never; header?: never; cookie?: never } & (P extends { path: infer X }
    ? { path: X }
    : { path?: never });
  responses: {
    200: { headers: Record<string, unknown>; content: { "application/json": Out } };
    default: { headers: Record<string, unknown>; content: { "application/problem+json": Problem } };
  };
} & (P extends { body: infer B } ? { requestBody: { content: { "application/json": B } } } : { requestBody?: never });

type Id = { path: { id: string } };

export interface paths {
  "/api/setup": {
    get: Op<{ owner_needed: boolean }>;
    post: Op<Session, { body: { token: string; name: string; email: string; password: string; locale: string } }>;
  };
  "/api/session": {
    get: Op<Session>;
    post: Op<Session, { body: { email: string; password: string } }>;
    delete: Op<void>;
  };
  "/api/members": { get: Op<List<Member>> };
  "/api/members/{id}": {
    patch: Op<Member, Id & { body: { name?: string; locale?: string; role?: string } }>;
    delete: Op<void, Id>;
  };
  "/api/invitations": {
    get: Op<List<Invitation>>;
    post: Op<InvitationMade, { body: { role: "owner" | "member" } }>;
  };
  "/api/invitations/{token}": {
    get: Op<{ workspace: string; role: string; expires_at: string }, { path: { token: string } }>;
    post: Op<Session, { path: { token: string }; body: { name: string; email: string; password: string; locale?: string } }>;
  };
  "/api/access-keys": { get: Op<List<AccessKey>>; post: Op<AccessKeyMade, { body: { name: string } }> };
  "/api/access-keys/{id}": { delete: Op<void, Id> };
  "/api/firm": { get: Op<Firm>; put: Op<Firm, { body: Firm }> };
  "/api/firm/logo": { delete: Op<void> };
  "/api/endpoints": {
    get: Op<List<Endpoint>>;
    post: Op<EndpointSecret, { body: { name: string; url: string; attach: boolean } }>;
  };
  "/api/endpoints/{id}": {
    get: Op<Endpoint, Id>;
    patch: Op<Endpoint, Id & { body: { name?: string; url?: string; attach?: boolean; disabled?: boolean } }>;
    delete: Op<void, Id>;
  };
  "/api/endpoints/{id}/secret": { post: Op<EndpointSecret, Id> };
  "/api/endpoints/{id}/test": { post: Op<EndpointTest, Id> };
  "/api/credentials": {
    get: Op<List<Credential>>;
    post: Op<Credential, { body: { name: string; kind: string; value: unknown } }>;
  };
  "/api/credentials/{id}": { delete: Op<void, Id> };
  "/api/workflows": {
    get: Op<List<WorkflowItem>, { query?: { after?: string; q?: string } }>;
    post: Op<WorkflowDetail, { body: { name?: string; example?: string; document?: WorkflowDocument } }>;
  };
  "/api/workflows/{id}": {
    get: Op<WorkflowDetail, Id>;
    patch: Op<WorkflowDetail, Id & { body: { name?: string; slug?: string; state?: "live" | "off" } }>;
    delete: Op<void, Id>;
  };
  "/api/workflows/{id}/duplicate": { post: Op<WorkflowDetail, Id> };
  "/api/workflows/{id}/export": { get: Op<WorkflowDocument, Id> };
  "/api/workflows/{id}/draft": {
    put: Op<
      { revision: number; changed_at: string },
      Id & { body: { base_revision: number; document: WorkflowDocument } }
    >;
  };
  "/api/workflows/{id}/check": { post: Op<Checked, Id & { body: { document: WorkflowDocument } }> };
  "/api/workflows/{id}/publish": { post: Op<Version, Id & { body: { base_revision: number; note?: string } }> };
  "/api/workflows/{id}/versions": { get: Op<List<Version>, Id> };
  "/api/workflows/{id}/versions/{n}": {
    get: Op<Version & { document: WorkflowDocument }, { path: { id: string; n: string } }>;
  };
  "/api/workflows/{id}/runs": {
    post: Op<RunItem, Id & { body: { input: unknown; trigger?: string; title?: string; wait_ms?: number } }>;
  };
  "/api/workflows/{id}/trial-runs": {
    post: Op<
      RunItem,
      Id & {
        body: {
          revision: number;
          input: unknown;
          until_node?: string;
          pinned?: Record<string, unknown>;
          really_send?: boolean;
        };
      }
    >;
  };
  "/api/examples": { get: Op<Example[] | List<Example>> };
  "/api/examples/{name}": { get: Op<WorkflowDocument, { path: { name: string } }> };
  "/api/node-types": { get: Op<NodeTypeInfo[] | List<NodeTypeInfo>, { query?: { lang?: string } }> };
  "/api/runs": {
    get: Op<
      List<RunItem>,
      { query?: { state?: string; workflow?: string; trial?: boolean; after?: string; q?: string } }
    >;
  };
  "/api/runs/{id}": { get: Op<RunDetail, Id> };
  "/api/runs/{id}/stop": { post: Op<RunItem, Id> };
  "/api/runs/{id}/retry": { post: Op<RunItem, Id & { body: { from_node?: string; input?: unknown } }> };
  "/api/deliveries": {
    get: Op<List<DeliveryItem>, { query?: { state?: string; endpoint?: string; after?: string } }>;
  };
  "/api/deliveries/{id}": { get: Op<DeliveryDetail, Id> };
  "/api/deliveries/{id}/send-again": { post: Op<DeliveryItem, Id> };
  "/api/deliveries/{id}/stop": { post: Op<DeliveryItem, Id> };
  "/api/documents": {
    get: Op<List<DocumentItem>>;
    post: Op<DocumentDetail, { body: { name: string; template: unknown } }>;
  };
  "/api/documents/{id}": {
    get: Op<DocumentDetail, Id>;
    put: Op<DocumentDetail, Id & { body: { base_version: number; template: unknown; name?: string } }>;
    delete: Op<void, Id>;
  };
  "/api/documents/preview": {
    post: Op<
      Preview,
      {
        body: {
          document_id?: string;
          template?: unknown;
          values?: Record<string, unknown>;
          locale?: string;
          currency?: string;
          time_zone?: string;
        };
      }
    >;
  };
  "/api/models": { get: Op<ModelList> };
}
