//! Published versions: immutable, with the document templates they pin.

use axum::{Json, extract::State, http::StatusCode};
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
    extract::{Body, Path},
    openapi::WorkflowSchema,
};

#[derive(Debug, Serialize, ToSchema)]
pub struct LiveVersionOut {
    pub number: i32,
    pub published_at: Timestamp,
    /// Name of the person.
    pub published_by: Option<String>,
    pub note: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VersionOut {
    pub id: Uuid,
    pub number: i32,
    pub published_at: Timestamp,
    pub published_by: Option<String>,
    pub note: String,
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
    /// The template versions it was published with.
    pub documents: Vec<PinnedOut>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PinnedOut {
    pub document: Uuid,
    pub name: String,
    /// Number of the template's version.
    pub number: i32,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishIn {
    /// The draft revision that the person looked at.
    pub base_revision: i64,
    /// What changed, in words.
    #[serde(default)]
    #[schema(max_length = 2000, required = false)]
    pub note: String,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(publish_workflow))
        .routes(routes!(list_versions))
        .routes(routes!(read_version))
}

/// Publishes the draft: 422 with every problem if there are errors, 409 if the draft moved on.
#[utoipa::path(post, path = "/workflows/{id}/publish", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = PublishIn, responses((status = 201, body = VersionOut)))]
async fn publish_workflow(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Body(_body): Body<PublishIn>,
) -> Result<(StatusCode, Json<VersionOut>)> {
    Err(ApiError::not_built())
}

/// All versions, newest first.
#[utoipa::path(get, path = "/workflows/{id}/versions", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = Page<LiveVersionOut>)))]
async fn list_versions(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<Page<LiveVersionOut>>> {
    Err(ApiError::not_built())
}

/// One version with its document.
#[utoipa::path(get, path = "/workflows/{id}/versions/{number}", tag = "workflows",
    params(("id" = Uuid, Path), ("number" = i32, Path)), responses((status = 200, body = VersionOut)))]
async fn read_version(
    State(_app): State<App>,
    _caller: Caller,
    Path((_id, _number)): Path<(Uuid, i32)>,
) -> Result<Json<VersionOut>> {
    Err(ApiError::not_built())
}
