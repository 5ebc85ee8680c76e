//! Document templates with append-only versions.

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
    openapi::FieldSchema,
};

#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentRowOut {
    pub id: Uuid,
    pub name: String,
    /// Newest version.
    pub version: i32,
    /// Names of the workflows whose draft uses it.
    pub used_by: Vec<DocumentUseOut>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentUseOut {
    pub id: Uuid,
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentOut {
    pub id: Uuid,
    pub name: String,
    pub version: i32,
    #[schema(value_type = Object)]
    pub template: Value,
    /// The template's typed fields.
    #[schema(value_type = Vec<FieldSchema>)]
    pub fields: Value,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentIn {
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    #[schema(value_type = Object)]
    pub template: Value,
}

/// A new version; 409 `document_changed` when the base is stale.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentUpdateIn {
    pub base_version: i32,
    #[schema(value_type = Object)]
    pub template: Value,
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentVersionOut {
    pub number: i32,
    pub created_at: Timestamp,
    /// Name of the person.
    pub created_by: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_documents, create_document))
        .routes(routes!(read_document, write_document, delete_document))
        .routes(routes!(list_document_versions))
        .routes(routes!(read_document_version))
}

/// All document templates, newest change first.
#[utoipa::path(get, path = "/documents", tag = "documents", responses((status = 200, body = Page<DocumentRowOut>)))]
async fn list_documents(
    State(_app): State<App>,
    _caller: Caller,
) -> Result<Json<Page<DocumentRowOut>>> {
    Err(ApiError::not_built())
}

/// Makes a template with its first version.
#[utoipa::path(post, path = "/documents", tag = "documents", request_body = DocumentIn,
    responses((status = 201, body = DocumentOut)))]
async fn create_document(
    State(_app): State<App>,
    _caller: Caller,
    Body(_body): Body<DocumentIn>,
) -> Result<(StatusCode, Json<DocumentOut>)> {
    Err(ApiError::not_built())
}

/// The newest version.
#[utoipa::path(get, path = "/documents/{id}", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 200, body = DocumentOut)))]
async fn read_document(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<DocumentOut>> {
    Err(ApiError::not_built())
}

/// Appends a version. Published workflows keep theirs until they are published again.
#[utoipa::path(put, path = "/documents/{id}", tag = "documents", params(("id" = Uuid, Path)),
    request_body = DocumentUpdateIn, responses((status = 200, body = DocumentOut)))]
async fn write_document(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Body(_body): Body<DocumentUpdateIn>,
) -> Result<Json<DocumentOut>> {
    Err(ApiError::not_built())
}

/// Deletes a template that no draft uses; published versions keep theirs.
#[utoipa::path(delete, path = "/documents/{id}", tag = "documents", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_document(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<StatusCode> {
    Err(ApiError::not_built())
}

/// All versions, newest first.
#[utoipa::path(get, path = "/documents/{id}/versions", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 200, body = Page<DocumentVersionOut>)))]
async fn list_document_versions(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<Page<DocumentVersionOut>>> {
    Err(ApiError::not_built())
}

/// One version.
#[utoipa::path(get, path = "/documents/{id}/versions/{number}", tag = "documents",
    params(("id" = Uuid, Path), ("number" = i32, Path)), responses((status = 200, body = DocumentOut)))]
async fn read_document_version(
    State(_app): State<App>,
    _caller: Caller,
    Path((_id, _number)): Path<(Uuid, i32)>,
) -> Result<Json<DocumentOut>> {
    Err(ApiError::not_built())
}
