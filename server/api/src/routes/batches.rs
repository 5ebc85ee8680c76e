//! Batches: a run for each row of a file. How far they are, what can be done with them, and what they have made; `batch_starts` begins them.

use axum::{
    Json,
    body::Body as HttpBody,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use engine::ids::{BatchId, RunId, WorkflowId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::batch::{self, Batch, BatchRow, Paper, RowFilter};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, cursor, drafts::wrong_cursor, runs::out::StepErrorOut};
use crate::{
    App,
    auth::Caller,
    batch_papers::{MAX_BOUND_BYTES, bytes_of, is_pdf},
    error::{ApiError, ProblemOut, Result},
    extract::{Body, Path, Query},
    public::disposition,
    workflow_document::slug,
};

/// Batches of one page.
const PAGE: i64 = 20;
/// Rows of one page.
const ROWS: i64 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BatchState {
    Running,
    Stopped,
    Finished,
}

/// How many rows are in which state.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchCountsOut {
    /// Not begun.
    pub ready: i64,
    /// Begun and not over.
    pub begun: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub left_out: i64,
    /// Given up before they had begun.
    pub discarded: i64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchOut {
    pub id: Uuid,
    pub workflow: BatchWorkflowOut,
    /// Of the file.
    pub name: String,
    /// Address of the file; null when it is not kept any more.
    pub file_url: Option<String>,
    #[schema(inline)]
    pub state: BatchState,
    /// Runs that had begun are being stopped.
    pub stopping_runs: bool,
    /// No row begins, because the workflow is off or deleted.
    pub off: bool,
    /// What has begun waits, because the workflow or everything is paused.
    pub paused: bool,
    pub counts: BatchCountsOut,
    pub created_at: Timestamp,
    /// Name of the person.
    pub created_by: Option<String>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchWorkflowOut {
    pub id: Uuid,
    pub name: String,
    /// Number of the version that all rows run.
    pub version: i32,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchRowOut {
    /// As a spreadsheet numbers it.
    pub number: i32,
    pub title: String,
    /// `ready`, `left_out`, `discarded`, or the state of its run.
    pub state: String,
    /// The newest one, while it is kept.
    pub run: Option<Uuid>,
    /// Why the run failed.
    pub error: Option<StepErrorOut>,
    /// It is to be tried again.
    pub retry: bool,
    /// Why it was left out, or cannot be tried again.
    #[schema(value_type = Vec<ProblemOut>)]
    pub problems: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchDocumentsOut {
    pub count: usize,
    pub size_bytes: u64,
    pub pdf_count: usize,
    pub pdf_bytes: u64,
    /// Most bytes of PDFs that are bound as one.
    pub most_pdf_bytes: u64,
}

/// What becomes of the rows that failed or were stopped.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchRetryOut {
    /// Tried again.
    pub retried: u64,
    /// Left, because their runs are not kept any more.
    pub gone: u64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchStopIn {
    /// Stop those that have begun, too.
    pub runs: bool,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchesQuery {
    /// `next` of the page before.
    after: Option<String>,
}

/// Which rows a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BatchRowState {
    /// Not begun, or not over.
    Unfinished,
    Succeeded,
    Failed,
    Cancelled,
    LeftOut,
    Discarded,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchRowsQuery {
    #[param(inline)]
    state: Option<BatchRowState>,
    /// `next` of the page before.
    after: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchZipQuery {
    /// Only whether the ZIP can be had: 204, or the reason why not.
    check: Option<bool>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_batches))
        .routes(routes!(read_batch))
        .routes(routes!(list_batch_rows))
        .routes(routes!(stop_batch))
        .routes(routes!(resume_batch))
        .routes(routes!(discard_batch))
        .routes(routes!(retry_batch))
        .routes(routes!(count_batch_documents))
        .routes(routes!(zip_batch_documents))
        .routes(routes!(bind_batch_documents))
}

/// The batches of a workflow, newest first.
#[utoipa::path(get, path = "/workflows/{id}/batches", tag = "batches", params(("id" = Uuid, Path), BatchesQuery),
    responses((status = 200, body = Page<BatchOut>)))]
async fn list_batches(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<BatchesQuery>,
) -> Result<Json<Page<BatchOut>>> {
    let after = cursor(query.after.as_deref())?.map(BatchId);
    let workflow = store::workflow::get(&app.store, &caller.scope, WorkflowId(id)).await?;
    let found = batch::list(&app.store, &caller.scope, workflow.id, after, PAGE + 1).await?;
    let rows = found.into_iter().map(BatchOut::from).collect();
    Ok(Json(Page::cut(rows, PAGE, |row: &BatchOut| {
        row.id.to_string()
    })))
}

/// One batch, without its rows.
#[utoipa::path(get, path = "/batches/{id}", tag = "batches", params(("id" = Uuid, Path)),
    responses((status = 200, body = BatchOut)))]
async fn read_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<BatchOut>> {
    Ok(Json(
        batch::get(&app.store, &caller.scope, BatchId(id))
            .await?
            .into(),
    ))
}

/// Its rows in the file's order.
#[utoipa::path(get, path = "/batches/{id}/rows", tag = "batches", params(("id" = Uuid, Path), BatchRowsQuery),
    responses((status = 200, body = Page<BatchRowOut>)))]
async fn list_batch_rows(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<BatchRowsQuery>,
) -> Result<Json<Page<BatchRowOut>>> {
    let after = query.after.map(|text| text.parse()).transpose();
    let filter = RowFilter {
        state: query.state.map(|state| slug(&state)),
        after: after.map_err(|_| wrong_cursor())?,
        limit: ROWS + 1,
    };
    batch::get(&app.store, &caller.scope, BatchId(id)).await?;
    let rows = batch::rows(&app.store, &caller.scope, BatchId(id), &filter).await?;
    let rows = rows.into_iter().map(BatchRowOut::from).collect();
    Ok(Json(Page::cut(rows, ROWS, |row: &BatchRowOut| {
        row.number.to_string()
    })))
}

/// Begins no further row; a finished batch stays as it is.
#[utoipa::path(post, path = "/batches/{id}/stop", tag = "batches", params(("id" = Uuid, Path)),
    request_body = BatchStopIn, responses((status = 200, body = BatchOut)))]
async fn stop_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<BatchStopIn>,
) -> Result<Json<BatchOut>> {
    batch::stop(&app.store, &caller.scope, BatchId(id), body.runs).await?;
    read_batch(State(app), caller, Path(id)).await
}

/// Goes on with the rows that have not begun.
#[utoipa::path(post, path = "/batches/{id}/resume", tag = "batches", params(("id" = Uuid, Path)),
    responses((status = 200, body = BatchOut)))]
async fn resume_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<BatchOut>> {
    batch::resume(&app.store, &caller.scope, BatchId(id)).await?;
    read_batch(State(app), caller, Path(id)).await
}

/// Gives up the rows of a stopped batch that have not begun; it ends with those that have. 409 `batch_not_stopped` while it is under way.
#[utoipa::path(post, path = "/batches/{id}/discard", tag = "batches", params(("id" = Uuid, Path)),
    responses((status = 200, body = BatchOut)))]
async fn discard_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<BatchOut>> {
    batch::discard(&app.store, &caller.scope, BatchId(id)).await?;
    read_batch(State(app), caller, Path(id)).await
}

/// Tries every row again whose run failed or was stopped, one after the other; 409 `batch_nothing_to_retry` where none can be.
#[utoipa::path(post, path = "/batches/{id}/retry", tag = "batches", params(("id" = Uuid, Path)),
    responses((status = 200, body = BatchRetryOut)))]
async fn retry_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<BatchRetryOut>> {
    let asked = batch::retry_failed(&app.store, &caller.scope, BatchId(id)).await?;
    Ok(Json(BatchRetryOut {
        retried: asked.retried,
        gone: asked.gone,
    }))
}

/// How many documents the rows that succeeded have made.
#[utoipa::path(get, path = "/batches/{id}/documents", tag = "batches", params(("id" = Uuid, Path)),
    responses((status = 200, body = BatchDocumentsOut)))]
async fn count_batch_documents(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<BatchDocumentsOut>> {
    batch::get(&app.store, &caller.scope, BatchId(id)).await?;
    let papers = batch::documents(&app.store, &caller.scope, BatchId(id)).await?;
    let pdfs = || papers.iter().filter(|paper| is_pdf(paper));
    Ok(Json(BatchDocumentsOut {
        count: papers.len(),
        size_bytes: bytes_of(papers.iter()),
        pdf_count: pdfs().count(),
        pdf_bytes: bytes_of(pdfs()),
        most_pdf_bytes: MAX_BOUND_BYTES,
    }))
}

/// All documents as a ZIP, each named by its row, its run and itself.
#[utoipa::path(get, path = "/batches/{id}/documents.zip", tag = "batches", params(("id" = Uuid, Path), BatchZipQuery),
    responses((status = 200, content_type = "application/zip"), (status = 204)))]
async fn zip_batch_documents(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<BatchZipQuery>,
) -> Result<Response> {
    let (found, papers) = papers(&app, &caller, BatchId(id)).await?;
    if query.check == Some(true) {
        app.papers.check()?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let name = format!("{}.zip", stem(&found.name));
    let body = app.papers.zip(app.store.clone(), caller.scope, papers)?;
    Ok(download(&name, "application/zip", body))
}

/// All PDFs as one, in the order of the rows, each under a bookmark; 100 MB are the most. It has no tags and is no PDF/A.
#[utoipa::path(get, path = "/batches/{id}/documents.pdf", tag = "batches", params(("id" = Uuid, Path)),
    responses((status = 200, content_type = "application/pdf")))]
async fn bind_batch_documents(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response> {
    let (found, papers) = papers(&app, &caller, BatchId(id)).await?;
    let pdfs: Vec<Paper> = papers.into_iter().filter(is_pdf).collect();
    if pdfs.is_empty() {
        return Err(no_documents());
    }
    if bytes_of(pdfs.iter()) > MAX_BOUND_BYTES {
        let most = MAX_BOUND_BYTES / 1024 / 1024;
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "batch_pdfs_too_large",
            format!(
                "These PDFs have more than {most} MB together, which are the most in one PDF. Take the ZIP instead."
            ),
        ));
    }
    let (store, scope) = (app.store.clone(), caller.scope);
    let stem = stem(&found.name).to_owned();
    let name = format!("{stem}.pdf");
    let bytes = app.papers.bind(store, scope, pdfs, stem).await?;
    Ok(download(&name, "application/pdf", bytes.into()))
}

/// The batch and its documents, if there are any.
async fn papers(app: &App, caller: &Caller, id: BatchId) -> Result<(Batch, Vec<Paper>)> {
    let found = batch::get(&app.store, &caller.scope, id).await?;
    let papers = batch::documents(&app.store, &caller.scope, id).await?;
    if papers.is_empty() {
        return Err(no_documents());
    }
    Ok((found, papers))
}

fn no_documents() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "batch_no_documents",
        "No row of this batch has made a document yet.",
    )
}

fn download(name: &str, content_type: &'static str, body: HttpBody) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(name, false)),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    (headers, body).into_response()
}

/// The name of a file without its ending.
fn stem(name: &str) -> &str {
    match name.rfind('.') {
        Some(dot) if dot > 0 => &name[..dot],
        _ => name,
    }
}

impl From<Batch> for BatchOut {
    fn from(batch: Batch) -> Self {
        Self {
            id: batch.id.as_uuid(),
            workflow: BatchWorkflowOut {
                id: batch.workflow.as_uuid(),
                name: batch.workflow_name,
                version: batch.version,
            },
            name: batch.name,
            file_url: batch
                .file
                .map(|file| format!("/api/artifacts/{file}?download=1")),
            state: match batch.state.as_str() {
                "stopped" => BatchState::Stopped,
                "finished" => BatchState::Finished,
                _ => BatchState::Running,
            },
            stopping_runs: batch.is_stopping_runs,
            off: batch.is_off,
            paused: batch.is_paused,
            counts: BatchCountsOut {
                ready: batch.counts.ready,
                begun: batch.counts.begun,
                succeeded: batch.counts.succeeded,
                failed: batch.counts.failed,
                cancelled: batch.counts.cancelled,
                left_out: batch.counts.left_out,
                discarded: batch.counts.discarded,
            },
            created_at: batch.created_at,
            created_by: batch.created_by,
            finished_at: batch.finished_at,
        }
    }
}

impl From<BatchRow> for BatchRowOut {
    fn from(row: BatchRow) -> Self {
        Self {
            number: row.number,
            title: row.title,
            state: row.state,
            run: row.run.map(RunId::as_uuid),
            error: row.error.as_ref().map(StepErrorOut::from_json),
            retry: row.retry,
            problems: row.problems.unwrap_or_else(|| json!([])),
        }
    }
}
