//! Workflows as resources: list, make, rename, switch on and off, copy, export, delete.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, drafts::DraftOut, versions::LiveVersionOut};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path},
    openapi::WorkflowSchema,
};

/// `draft`: never published; `live`: its form is open; `off`: closed by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkflowState {
    Draft,
    Live,
    Off,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowRowOut {
    pub id: Uuid,
    pub name: String,
    pub slug: String,
    pub state: WorkflowState,
    /// Number of the live version.
    pub version: Option<i32>,
    pub steps: Vec<StepIconOut>,
    pub last_run: Option<LastRunOut>,
    /// The last 14 days, oldest first, in the firm's time zone.
    pub days: Vec<DayOut>,
    /// Runs ever, trial runs left out.
    pub runs: i64,
    pub changed_at: Timestamp,
    /// Name of the person.
    pub changed_by: Option<String>,
    /// Address of the public form, when the workflow has one.
    pub form_url: Option<String>,
}

/// One step in small: its name, colour and icon.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepIconOut {
    pub name: String,
    /// `asked`, `written`, `computed`, `made`, `sent` or `looked`.
    pub family: String,
    /// A lucide icon name.
    pub icon: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LastRunOut {
    pub id: Uuid,
    pub state: String,
    pub created_at: Timestamp,
    pub title: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DayOut {
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    pub succeeded: i64,
    pub failed: i64,
}

/// From a shipped example, from a document (an import), or empty.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowIn {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// Name of a shipped example.
    pub example: Option<String>,
    #[schema(value_type = Option<WorkflowSchema>)]
    pub document: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowOut {
    pub id: Uuid,
    pub name: String,
    pub slug: String,
    pub state: WorkflowState,
    /// Address of the public form, when the live version or the draft has one.
    pub form_url: Option<String>,
    pub hook_urls: Vec<HookOut>,
    pub live_version: Option<LiveVersionOut>,
    pub draft: DraftOut,
    pub created_at: Timestamp,
}

/// Address of an inbound webhook; whoever knows it can start runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct HookOut {
    pub node: String,
    pub url: String,
}

/// What to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowPatch {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// `[a-z0-9]` words joined by `-`; old links end.
    #[schema(max_length = 80)]
    pub slug: Option<String>,
    /// `live` or `off`, once published.
    pub state: Option<WorkflowState>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_workflows, create_workflow))
        .routes(routes!(read_workflow, change_workflow, delete_workflow))
        .routes(routes!(restore_workflow))
        .routes(routes!(duplicate_workflow))
        .routes(routes!(export_workflow))
}

/// All workflows, newest change first.
#[utoipa::path(get, path = "/workflows", tag = "workflows", responses((status = 200, body = Page<WorkflowRowOut>)))]
async fn list_workflows(
    State(_app): State<App>,
    _caller: Caller,
) -> Result<Json<Page<WorkflowRowOut>>> {
    Err(ApiError::not_built())
}

/// Makes a workflow with its first draft.
#[utoipa::path(post, path = "/workflows", tag = "workflows", request_body = WorkflowIn,
    responses((status = 201, body = WorkflowOut)))]
async fn create_workflow(
    State(_app): State<App>,
    _caller: Caller,
    Body(_body): Body<WorkflowIn>,
) -> Result<(StatusCode, Json<WorkflowOut>)> {
    Err(ApiError::not_built())
}

/// One workflow with its draft.
#[utoipa::path(get, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = WorkflowOut)))]
async fn read_workflow(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<WorkflowOut>> {
    Err(ApiError::not_built())
}

/// Renames, gives another address, switches off or on.
#[utoipa::path(patch, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = WorkflowPatch, responses((status = 200, body = WorkflowOut)))]
async fn change_workflow(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Body(_body): Body<WorkflowPatch>,
) -> Result<Json<WorkflowOut>> {
    Err(ApiError::not_built())
}

/// Deletes a workflow; its form closes at once. `restore` undoes it.
#[utoipa::path(delete, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_workflow(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<StatusCode> {
    Err(ApiError::not_built())
}

/// Undoes a deletion.
#[utoipa::path(post, path = "/workflows/{id}/restore", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = WorkflowOut)))]
async fn restore_workflow(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<WorkflowOut>> {
    Err(ApiError::not_built())
}

/// Copies the draft into a new workflow, with documents of its own.
#[utoipa::path(post, path = "/workflows/{id}/duplicate", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 201, body = WorkflowOut)))]
async fn duplicate_workflow(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<(StatusCode, Json<WorkflowOut>)> {
    Err(ApiError::not_built())
}

/// The draft as one file, documents embedded.
#[utoipa::path(get, path = "/workflows/{id}/export", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = WorkflowSchema)))]
async fn export_workflow(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Response> {
    Err(ApiError::not_built())
}
