//! Runs: start, watch, stop, try again.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, artifacts::ArtifactOut};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path, Query},
    openapi::{KindSchema, WorkflowSchema},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    Queued,
    Running,
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Pending,
    Ready,
    Running,
    Waiting,
    Retryable,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

/// A stable slug and one to three short sentences.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepErrorOut {
    pub code: String,
    pub message: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RunRowOut {
    pub id: Uuid,
    pub title: String,
    pub state: RunState,
    /// `form`, `webhook`, `api`, `manual` or `trial`.
    pub source: String,
    pub trial: bool,
    pub workflow: RunWorkflowOut,
    /// Name of the step it is at, or that failed.
    pub step: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub error: Option<StepErrorOut>,
    /// Newest file, if any.
    pub artifact: Option<ArtifactOut>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RunWorkflowOut {
    pub id: Uuid,
    pub name: String,
    /// Number of the version that runs; null for drafts.
    pub version: Option<i32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RunOut {
    pub id: Uuid,
    pub title: String,
    pub state: RunState,
    pub source: String,
    pub trial: bool,
    pub workflow: RunWorkflowOut,
    #[schema(value_type = Object)]
    pub input: Value,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub error: Option<StepErrorOut>,
    /// For what it waits, in words.
    pub waits: Vec<WaitOut>,
    pub retry_of: Option<Uuid>,
    /// The workflow document that ran.
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
    pub steps: Vec<StepOut>,
    pub artifacts: Vec<ArtifactOut>,
    pub deliveries: Vec<RunDeliveryOut>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WaitOut {
    /// `model`, `delivery`, `signal`, `time`, `retry` or `executor`.
    pub on: String,
    /// In words.
    pub text: String,
    pub until: Option<Timestamp>,
    pub model: Option<String>,
    /// Place in that model's queue, from 1.
    pub place: Option<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct StepOut {
    pub node: String,
    /// Empty outside `for_each`.
    pub item_path: String,
    pub name: String,
    /// Title of its type.
    pub title: String,
    pub family: String,
    pub icon: String,
    pub state: StepState,
    /// Ports that fired.
    pub ports: Vec<String>,
    /// What it read, by path.
    #[schema(value_type = Object)]
    pub input: Value,
    #[schema(value_type = Option<Value>)]
    pub output: Option<Value>,
    #[schema(value_type = Option<KindSchema>)]
    pub output_kind: Option<Value>,
    pub error: Option<StepErrorOut>,
    pub warnings: Vec<WarningOut>,
    pub waits: Option<WaitOut>,
    pub attempts: Vec<AttemptOut>,
    pub generations: Vec<GenerationOut>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WarningOut {
    pub code: String,
    pub message: String,
    pub location: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptOut {
    pub attempt: i32,
    /// `running`, `succeeded`, `failed` or `retryable`.
    pub state: String,
    pub error: Option<StepErrorOut>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// Host of the process that ran it.
    pub worker: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct GenerationOut {
    pub id: Uuid,
    pub attempt: i32,
    pub round: i32,
    pub model: Option<String>,
    /// `ready`, `running`, `succeeded`, `failed` or `cancelled`.
    pub state: String,
    /// What the model was given.
    pub messages: Vec<MessageOut>,
    /// What it has written so far.
    pub text: String,
    pub usage: Option<UsageOut>,
    /// As text: 64 bits do not fit a JSON number.
    pub seed: Option<String>,
    pub tokens_per_second: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct MessageOut {
    /// `system`, `user` or `assistant`.
    pub role: String,
    pub content: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UsageOut {
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    pub forced_tokens: u32,
    pub cached_tokens: u32,
    pub prompt_ms: u64,
    pub output_ms: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RunDeliveryOut {
    pub id: Uuid,
    pub state: String,
    /// Name of the endpoint.
    pub endpoint: String,
    pub attempts: i32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RunResultOut {
    pub state: RunState,
    /// Outputs of the last steps, by step id.
    #[schema(value_type = Object)]
    pub output: Value,
    pub artifacts: Vec<ArtifactOut>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunIn {
    /// Values for the trigger, by field name.
    #[schema(value_type = Object)]
    pub input: Value,
    /// Id of the trigger step, when the workflow has several.
    pub trigger: Option<String>,
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// Answer when the run has ended, at most after this time (25,000).
    #[schema(maximum = 25000)]
    pub wait_ms: Option<u64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrialRunIn {
    /// The draft's revision.
    pub revision: i64,
    #[schema(value_type = Object)]
    pub input: Value,
    /// Stop after this step.
    pub until_node: Option<String>,
    /// Outputs to take instead of running these steps, by step id.
    #[schema(value_type = Option<Object>)]
    pub pinned: Option<Value>,
    /// Let messages go out.
    #[serde(default)]
    #[schema(required = false)]
    pub really_send: bool,
}

/// An ended run is never reopened: this makes a new one on the same version.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryIn {
    /// Steps before it keep their results.
    pub from_node: Option<String>,
    /// Other values for the trigger.
    #[schema(value_type = Option<Object>)]
    pub input: Option<Value>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunsQuery {
    pub state: Option<RunState>,
    pub workflow: Option<Uuid>,
    /// Trial runs are left out unless `true`.
    pub trial: Option<bool>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// Text in title or input.
    pub q: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WaitQuery {
    /// At most 25,000; that is also the default.
    #[param(maximum = 25000)]
    pub wait_ms: Option<u64>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start_run))
        .routes(routes!(start_trial_run))
        .routes(routes!(list_runs))
        .routes(routes!(read_run))
        .routes(routes!(stop_run))
        .routes(routes!(retry_run))
        .routes(routes!(wait_for_run))
        .routes(routes!(read_result))
}

/// Starts a run of the live version. Stored before the answer; the same `Idempotency-Key` gives the same run for 24 hours.
#[utoipa::path(post, path = "/workflows/{id}/runs", tag = "runs",
    params(("id" = Uuid, Path), ("idempotency-key" = Option<String>, Header, description = "1 to 200 characters")),
    request_body = RunIn, responses((status = 202, body = RunOut), (status = 200, body = RunOut)))]
async fn start_run(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    _headers: HeaderMap,
    Body(_body): Body<RunIn>,
) -> Result<Response> {
    Err(ApiError::not_built())
}

/// Runs the draft with a sample; effects are held back.
#[utoipa::path(post, path = "/workflows/{id}/trial-runs", tag = "runs", params(("id" = Uuid, Path)),
    request_body = TrialRunIn, responses((status = 202, body = RunOut)))]
async fn start_trial_run(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Body(_body): Body<TrialRunIn>,
) -> Result<(StatusCode, Json<RunOut>)> {
    Err(ApiError::not_built())
}

/// Runs, newest first.
#[utoipa::path(get, path = "/runs", tag = "runs", params(RunsQuery), responses((status = 200, body = Page<RunRowOut>)))]
async fn list_runs(
    State(_app): State<App>,
    _caller: Caller,
    Query(_query): Query<RunsQuery>,
) -> Result<Json<Page<RunRowOut>>> {
    Err(ApiError::not_built())
}

/// One run with every step.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = Uuid, Path)), responses((status = 200, body = RunOut)))]
async fn read_run(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<RunOut>> {
    Err(ApiError::not_built())
}

/// Stops a run at once; an ended run stays as it is.
#[utoipa::path(post, path = "/runs/{id}/stop", tag = "runs", params(("id" = Uuid, Path)), responses((status = 200, body = RunOut)))]
async fn stop_run(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<RunOut>> {
    Err(ApiError::not_built())
}

/// Makes a new run from an ended one.
#[utoipa::path(post, path = "/runs/{id}/retry", tag = "runs", params(("id" = Uuid, Path)),
    request_body = RetryIn, responses((status = 202, body = RunOut)))]
async fn retry_run(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Body(_body): Body<RetryIn>,
) -> Result<(StatusCode, Json<RunOut>)> {
    Err(ApiError::not_built())
}

/// Waits until the run has ended or the time is over, then gives its state.
#[utoipa::path(get, path = "/runs/{id}/wait", tag = "runs", params(("id" = Uuid, Path), WaitQuery),
    responses((status = 200, body = RunResultOut), (status = 202, body = RunResultOut)))]
async fn wait_for_run(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Query(_query): Query<WaitQuery>,
) -> Result<(StatusCode, Json<RunResultOut>)> {
    Err(ApiError::not_built())
}

/// State, outputs of the last steps and files.
#[utoipa::path(get, path = "/runs/{id}/result", tag = "runs", params(("id" = Uuid, Path)),
    responses((status = 200, body = RunResultOut)))]
async fn read_result(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<RunResultOut>> {
    Err(ApiError::not_built())
}
