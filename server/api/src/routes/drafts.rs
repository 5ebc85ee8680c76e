//! Drafts: saved against a base revision, checked, with an append-only history.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Page;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path, Query},
    openapi::{CheckedNodeSchema, WorkflowSchema},
};

#[derive(Debug, Serialize, ToSchema)]
pub struct DraftOut {
    pub revision: i64,
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
    pub changed_at: Timestamp,
    /// Name of the person.
    pub changed_by: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftIn {
    /// The revision this document was made from.
    pub base_revision: i64,
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DraftSavedOut {
    pub revision: i64,
    pub changed_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DraftRevisionOut {
    pub revision: i64,
    pub changed_at: Timestamp,
    pub changed_by: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
}

/// Everything the editor draws of a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckOut {
    pub problems: Vec<crate::error::ProblemOut>,
    /// By node id.
    #[schema(value_type = std::collections::HashMap<String, CheckedNodeSchema>)]
    pub nodes: Value,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RevisionsQuery {
    /// `next` of the page before.
    after: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(save_draft))
        .routes(routes!(list_revisions))
        .routes(routes!(read_revision))
        .routes(routes!(check_draft))
}

/// Saves the draft as a new revision; 409 `draft_changed` with the current one when the base is stale.
#[utoipa::path(put, path = "/workflows/{id}/draft", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = DraftIn, responses((status = 200, body = DraftSavedOut)))]
async fn save_draft(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Body(_body): Body<DraftIn>,
) -> Result<Json<DraftSavedOut>> {
    Err(ApiError::not_built())
}

/// The draft's history, newest first.
#[utoipa::path(get, path = "/workflows/{id}/draft/revisions", tag = "workflows", params(("id" = Uuid, Path), RevisionsQuery),
    responses((status = 200, body = Page<DraftRevisionOut>)))]
async fn list_revisions(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Query(_query): Query<RevisionsQuery>,
) -> Result<Json<Page<DraftRevisionOut>>> {
    Err(ApiError::not_built())
}

/// One revision with its document.
#[utoipa::path(get, path = "/workflows/{id}/draft/revisions/{revision}", tag = "workflows",
    params(("id" = Uuid, Path), ("revision" = i64, Path)), responses((status = 200, body = DraftOut)))]
async fn read_revision(
    State(_app): State<App>,
    _caller: Caller,
    Path((_id, _revision)): Path<(Uuid, i64)>,
) -> Result<Json<DraftOut>> {
    Err(ApiError::not_built())
}

/// Checks an unsaved document: every problem, and what every step is, reads and puts out.
#[utoipa::path(post, path = "/workflows/{id}/check", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = CheckIn, responses((status = 200, body = CheckOut)))]
async fn check_draft(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Body(_body): Body<CheckIn>,
) -> Result<Json<CheckOut>> {
    Err(ApiError::not_built())
}
