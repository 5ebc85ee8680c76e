//! Who may call what: one table, and nothing that is not in it can be called. A test walks every route of the OpenAPI document with
//! every kind of caller and expects what stands here.

use axum::http::Method;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No proof needed.
    Anyone,
    /// A signed-in person or an access key.
    Signed,
    /// A signed-in person: about themselves, or about people.
    Person,
    /// A signed-in owner.
    Owner,
}

use Access::{Anyone, Owner, Person, Signed};

/// Paths below `/api`, as in the OpenAPI document.
pub const TABLE: &[(&str, &str, Access)] = &[
    ("GET", "/access-keys", Owner),
    ("POST", "/access-keys", Owner),
    ("DELETE", "/access-keys/{id}", Owner),
    ("GET", "/approvals", Signed),
    ("GET", "/approvals/{id}", Signed),
    ("POST", "/approvals/{id}/answer", Person),
    ("GET", "/artifacts/{id}", Signed),
    ("GET", "/batches/{id}", Signed),
    ("POST", "/batches/{id}/discard", Signed),
    ("GET", "/batches/{id}/documents", Signed),
    ("GET", "/batches/{id}/documents.pdf", Signed),
    ("GET", "/batches/{id}/documents.zip", Signed),
    ("POST", "/batches/{id}/resume", Signed),
    ("POST", "/batches/{id}/retry", Signed),
    ("GET", "/batches/{id}/rows", Signed),
    ("POST", "/batches/{id}/stop", Signed),
    ("GET", "/callable-workflows", Signed),
    ("GET", "/credentials", Signed),
    ("POST", "/credentials", Owner),
    ("DELETE", "/credentials/{id}", Owner),
    ("GET", "/deliveries", Signed),
    ("GET", "/deliveries/{id}", Signed),
    ("POST", "/deliveries/{id}/send-again", Signed),
    ("POST", "/deliveries/{id}/stop", Signed),
    ("GET", "/document-examples", Signed),
    ("GET", "/document-examples/{name}/page.svg", Signed),
    ("GET", "/documents", Signed),
    ("POST", "/documents", Signed),
    ("POST", "/documents/preview", Signed),
    ("GET", "/documents/{id}", Signed),
    ("PUT", "/documents/{id}", Signed),
    ("PATCH", "/documents/{id}", Signed),
    ("DELETE", "/documents/{id}", Signed),
    ("POST", "/documents/{id}/compare", Signed),
    ("GET", "/documents/{id}/draft", Signed),
    ("PUT", "/documents/{id}/draft", Signed),
    ("POST", "/documents/{id}/duplicate", Signed),
    ("POST", "/documents/{id}/publish", Signed),
    ("POST", "/documents/{id}/render", Signed),
    ("GET", "/documents/{id}/samples", Signed),
    ("POST", "/documents/{id}/samples", Signed),
    ("POST", "/documents/{id}/samples/from-run", Signed),
    ("PUT", "/documents/{id}/samples/{sample}", Signed),
    ("DELETE", "/documents/{id}/samples/{sample}", Signed),
    ("GET", "/documents/{id}/versions", Signed),
    ("GET", "/documents/{id}/versions/{number}", Signed),
    ("POST", "/documents/{id}/versions/{number}/restore", Signed),
    ("GET", "/endpoints", Signed),
    ("POST", "/endpoints", Owner),
    ("GET", "/endpoints/{id}", Signed),
    ("PATCH", "/endpoints/{id}", Owner),
    ("DELETE", "/endpoints/{id}", Owner),
    ("POST", "/endpoints/{id}/secret", Owner),
    ("POST", "/endpoints/{id}/test", Owner),
    ("GET", "/events", Signed),
    ("GET", "/examples", Signed),
    ("GET", "/examples/{name}", Signed),
    ("GET", "/examples/{name}/page.svg", Signed),
    ("GET", "/firm", Signed),
    ("PUT", "/firm", Owner),
    ("GET", "/firm/logo", Signed),
    ("PUT", "/firm/logo", Owner),
    ("DELETE", "/firm/logo", Owner),
    ("GET", "/fonts", Signed),
    ("POST", "/fonts", Owner),
    ("DELETE", "/fonts/{id}", Owner),
    ("GET", "/invitations", Owner),
    ("POST", "/invitations", Owner),
    ("GET", "/invitations/{token}", Anyone),
    ("POST", "/invitations/{token}", Anyone),
    ("GET", "/mail", Owner),
    ("PUT", "/mail", Owner),
    ("DELETE", "/mail", Owner),
    ("POST", "/mail/test", Owner),
    ("GET", "/members", Person),
    ("PATCH", "/members/{id}", Person),
    ("DELETE", "/members/{id}", Owner),
    ("DELETE", "/members/invitations/{id}", Owner),
    ("GET", "/models", Signed),
    ("PATCH", "/models", Owner),
    ("GET", "/node-types", Signed),
    ("POST", "/numbers/{id}/settle", Signed),
    ("GET", "/openapi.json", Anyone),
    ("POST", "/password-resets", Anyone),
    ("GET", "/password-resets/{token}", Anyone),
    ("POST", "/password-resets/{token}", Anyone),
    ("GET", "/queue", Signed),
    ("PATCH", "/queue", Owner),
    ("GET", "/renderings/{id}", Signed),
    ("GET", "/retention", Owner),
    ("PUT", "/retention", Owner),
    ("GET", "/runs", Signed),
    ("GET", "/runs/{id}", Signed),
    ("GET", "/runs/{id}/credit-note", Signed),
    ("GET", "/runs/{id}/files/{file}/pages/{number}", Signed),
    ("GET", "/runs/{id}/invoices", Signed),
    ("GET", "/runs/{id}/result", Signed),
    ("POST", "/runs/{id}/retry", Signed),
    ("POST", "/runs/{id}/stop", Signed),
    ("GET", "/runs/{id}/wait", Signed),
    ("GET", "/series", Signed),
    ("POST", "/series", Owner),
    ("GET", "/series/{id}", Signed),
    ("PUT", "/series/{id}", Owner),
    ("DELETE", "/series/{id}", Owner),
    ("GET", "/series/{id}/numbers", Signed),
    ("GET", "/session", Person),
    ("POST", "/session", Anyone),
    ("DELETE", "/session", Person),
    ("GET", "/setup", Anyone),
    ("POST", "/setup", Anyone),
    ("GET", "/tables", Signed),
    ("POST", "/tables", Signed),
    ("POST", "/tables/from-file", Signed),
    ("GET", "/tables/{id}", Signed),
    ("PUT", "/tables/{id}", Signed),
    ("DELETE", "/tables/{id}", Signed),
    ("GET", "/tables/{id}/export", Signed),
    ("POST", "/tables/{id}/import", Signed),
    ("GET", "/tables/{id}/rows", Signed),
    ("POST", "/tables/{id}/rows", Signed),
    ("GET", "/workflows", Signed),
    ("POST", "/workflows", Signed),
    ("GET", "/workflows/{id}", Signed),
    ("PATCH", "/workflows/{id}", Signed),
    ("DELETE", "/workflows/{id}", Signed),
    ("POST", "/workflows/{id}/batch-files", Signed),
    ("GET", "/workflows/{id}/batches", Signed),
    ("POST", "/workflows/{id}/batches", Signed),
    ("POST", "/workflows/{id}/batches/preview", Signed),
    ("GET", "/workflows/{id}/callers", Signed),
    ("POST", "/workflows/{id}/check", Signed),
    ("PUT", "/workflows/{id}/draft", Signed),
    ("GET", "/workflows/{id}/draft/revisions", Signed),
    ("GET", "/workflows/{id}/draft/revisions/{revision}", Signed),
    ("POST", "/workflows/{id}/duplicate", Signed),
    ("GET", "/workflows/{id}/export", Signed),
    ("GET", "/workflows/{id}/hook-tests/{name}", Signed),
    ("POST", "/workflows/{id}/hook-tests/{name}", Signed),
    ("DELETE", "/workflows/{id}/hook-tests/{name}", Signed),
    ("POST", "/workflows/{id}/publish", Signed),
    ("POST", "/workflows/{id}/restore", Signed),
    ("POST", "/workflows/{id}/runs", Signed),
    ("POST", "/workflows/{id}/trial-runs", Signed),
    ("GET", "/workflows/{id}/versions", Signed),
    ("GET", "/workflows/{id}/versions/{number}", Signed),
];

/// The row of a route; `HEAD` counts as `GET`.
pub(crate) fn of(method: &Method, path: &str) -> Option<Access> {
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    TABLE
        .iter()
        .find(|(known, route, _)| *known == method && *route == path)
        .map(|(_, _, access)| *access)
}

/// The methods of a path, for the header `Allow`.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    TABLE
        .iter()
        .filter(|(_, route, _)| *route == path)
        .map(|(method, _, _)| *method)
        .collect()
}
