//! Batches: a run for each row of a file. The file is handed in, looked at as often as its columns change, and started when every row is
//! sound or left out on purpose.

use axum::{
    Json,
    body::Body as HttpBody,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use engine::{
    check::Problem,
    ids::{ArtifactId, BatchId, RunId, WorkflowId},
    node::Trigger,
    value::Record,
    workflow::Workflow,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{
    artifact::{self, New, UploadQuota},
    batch::{self, Batch, BatchRow, Content, NewBatch, NewRow, Paper, RowFilter},
    workflow::Published,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Page, cursor,
    drafts::wrong_cursor,
    runs::{StepErrorOut, constants},
};
use crate::{
    App,
    auth::Caller,
    batch_file::{self, File, Reader, Reading, Target},
    batch_papers::{MAX_BOUND_BYTES, bytes_of, is_pdf},
    error::{ApiError, ProblemOut, Result},
    extract::{Body, Path, Query, raw_body},
    public::disposition,
    workflow_document::{choices, parse, slug, triggers},
};

/// Batches of one page.
const PAGE: i64 = 20;
/// Rows of one page.
const ROWS: i64 = 200;
/// Rows of a file that are shown before they begin.
const SHOWN: usize = 20;
/// What a text file is stored as, and a workbook.
const CSV: &str = "text/csv";
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

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
    /// `ready`, `left_out`, or the state of its run.
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

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchFileOut {
    /// Name it when the file is looked at and started; it is kept for a day.
    pub file: Uuid,
    pub name: String,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BatchFileQuery {
    /// Of the file.
    name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchPreviewIn {
    pub file: Uuid,
    /// Language in which the file's numbers and dates are written.
    pub locale: String,
    /// Id of the step at which runs begin; the first that takes values when absent.
    pub trigger: Option<String>,
    /// What each column of the file fills; null: nothing. Suggested when absent.
    pub columns: Option<Vec<Option<String>>>,
}

/// What a file holds, and every problem with it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchPreviewOut {
    /// Number of the version that the rows were checked with.
    pub version: i32,
    pub trigger: String,
    pub triggers: Vec<BatchTriggerOut>,
    pub fields: Vec<BatchFieldOut>,
    /// Null of a workbook, as is the delimiter.
    pub encoding: Option<String>,
    pub delimiter: Option<String>,
    pub headings: Vec<BatchHeadingOut>,
    pub row_count: usize,
    /// Rows without content, which become no runs.
    pub blank_rows: usize,
    /// The first rows.
    pub sample: Vec<BatchSampleOut>,
    /// What is wrong with the columns; no row was read while there is one.
    pub column_problems: Vec<ProblemOut>,
    /// The first 1,000 of rows; `params` say `row`, `column` and `content`.
    pub problems: Vec<ProblemOut>,
    pub problem_count: usize,
    /// Numbers of all rows with problems.
    pub bad_rows: Vec<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchTriggerOut {
    pub id: String,
    pub name: String,
}

/// What a cell can fill.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchFieldOut {
    pub name: String,
    pub title: String,
    /// Of the question or the value.
    pub kind: String,
    pub required: bool,
    /// What it takes has no place in a cell.
    pub no_cell: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchHeadingOut {
    pub text: String,
    /// What the column fills.
    pub field: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchSampleOut {
    pub number: u32,
    pub cells: Vec<String>,
    pub bad: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchIn {
    pub file: Uuid,
    pub locale: String,
    pub trigger: String,
    pub columns: Vec<Option<String>>,
    /// The version that the rows were looked at with; 409 `batch_version_changed` when another one is live.
    pub version: i32,
    /// Rows that begin no run; every row with problems has to be among them.
    #[serde(default)]
    #[schema(required = false)]
    pub leave_out: Vec<u32>,
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

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(upload_batch_file))
        .routes(routes!(preview_batch))
        .routes(routes!(list_batches, start_batch))
        .routes(routes!(read_batch))
        .routes(routes!(list_batch_rows))
        .routes(routes!(stop_batch))
        .routes(routes!(resume_batch))
        .routes(routes!(retry_batch))
        .routes(routes!(count_batch_documents))
        .routes(routes!(zip_batch_documents))
        .routes(routes!(bind_batch_documents))
}

/// Takes a CSV file or an Excel workbook of at most 10 MB and 5,000 rows, to be looked at and started.
#[utoipa::path(post, path = "/workflows/{id}/batch-files", tag = "batches", params(("id" = Uuid, Path), BatchFileQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"), responses((status = 201, body = BatchFileOut)))]
async fn upload_batch_file(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<BatchFileQuery>,
    request: Request,
) -> Result<(StatusCode, Json<BatchFileOut>)> {
    store::workflow::live(&app.store, &caller.scope, WorkflowId(id)).await?;
    let bytes = raw_body(request, batch_file::MAX_BYTES).await?;
    let content_type = if batch_file::is_workbook(&bytes) {
        WORKBOOK
    } else {
        CSV
    };
    let quota = UploadQuota {
        files: 1,
        bytes: i64::try_from(batch_file::MAX_BYTES).unwrap_or(i64::MAX),
    };
    let new = New {
        run: None,
        name: &query.name,
        content_type,
        bytes,
    };
    let session = store::fresh_id();
    let file = artifact::create_upload(&app.store, &caller.scope, session, new, quota).await?;
    let out = BatchFileOut {
        file: file.id.as_uuid(),
        name: file.name,
    };
    Ok((StatusCode::CREATED, Json(out)))
}

/// Tells what the file holds and what is wrong with its rows; nothing begins.
#[utoipa::path(post, path = "/workflows/{id}/batches/preview", tag = "batches", params(("id" = Uuid, Path)),
    request_body = BatchPreviewIn, responses((status = 200, body = BatchPreviewOut)))]
async fn preview_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<BatchPreviewIn>,
) -> Result<Json<BatchPreviewOut>> {
    let start = Start::read(&app, &caller, WorkflowId(id), body.trigger.as_deref()).await?;
    let file = FileIn::read(&app, &caller, body.file, body.locale).await?;
    let out = blocking(move || {
        let reader = start.reader(&file.locale);
        let read = file.rows(&app)?;
        let columns = body
            .columns
            .unwrap_or_else(|| reader.suggest(&read.headings));
        let reading = reader.read(&read, &columns);
        Ok(preview_out(
            &start,
            &reader.targets(),
            read,
            columns,
            &reading,
        ))
    });
    Ok(Json(out.await?.map_err(unreadable)?))
}

/// Stores every row, to begin one after the other; 422 while a row that is not left out has a problem. Answered when it is stored.
#[utoipa::path(post, path = "/workflows/{id}/batches", tag = "batches", params(("id" = Uuid, Path)),
    request_body = BatchIn, responses((status = 201, body = BatchOut)))]
async fn start_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<BatchIn>,
) -> Result<(StatusCode, Json<BatchOut>)> {
    let workflow = WorkflowId(id);
    let start = Start::read(&app, &caller, workflow, Some(&body.trigger)).await?;
    if start.live.state != "live" {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "workflow_off",
            "This workflow is switched off. Switch it on to start runs.",
        ));
    }
    if start.live.number != body.version {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "batch_version_changed",
            "The workflow was published since you looked at these rows. Look at them again.",
        ));
    }
    let file = FileIn::read(&app, &caller, body.file, body.locale).await?;
    let (version, keep_file) = (start.live.version, start.trigger.private().is_empty());
    let rows = {
        let app = app.clone();
        blocking(move || {
            let read = file.rows(&app)?;
            let reading = start.reader(&file.locale).read(&read, &body.columns);
            Ok(rows_of(reading, &body.leave_out))
        })
    };
    let rows = rows.await?.map_err(unreadable)?.map_err(|problems| {
        ApiError::from_problems(
            "Some rows cannot begin. Nothing was started; mend the file, or leave those rows out.",
            problems,
        )
    })?;
    let new = NewBatch {
        workflow,
        version,
        trigger_node: body.trigger,
        file: ArtifactId(body.file),
        keep_file,
        rows,
    };
    let made = batch::create(&app.store, &caller.scope, new).await?;
    let out = batch::get(&app.store, &caller.scope, made).await?;
    Ok((StatusCode::CREATED, Json(out.into())))
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

/// Tries every row again whose run failed or was stopped, one after the other.
#[utoipa::path(post, path = "/batches/{id}/retry", tag = "batches", params(("id" = Uuid, Path)),
    responses((status = 200, body = BatchOut)))]
async fn retry_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<BatchOut>> {
    batch::retry_failed(&app.store, &caller.scope, BatchId(id)).await?;
    read_batch(State(app), caller, Path(id)).await
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
#[utoipa::path(get, path = "/batches/{id}/documents.zip", tag = "batches", params(("id" = Uuid, Path)),
    responses((status = 200, content_type = "application/zip")))]
async fn zip_batch_documents(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response> {
    let (found, papers) = papers(&app, &caller, BatchId(id)).await?;
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

/// Where the rows of a file would begin.
struct Start {
    live: Published,
    document: Workflow,
    node: String,
    trigger: Trigger,
    /// Every step at which rows can begin, with its name.
    triggers: Vec<(String, String)>,
    constants: Record,
}

impl Start {
    async fn read(
        app: &App,
        caller: &Caller,
        workflow: WorkflowId,
        node: Option<&str>,
    ) -> Result<Self> {
        let live = store::workflow::live(&app.store, &caller.scope, workflow).await?;
        let document = parse(&live.document)?;
        let fillable: Vec<(String, Trigger)> = triggers(&app.catalogue, &document.nodes)
            .into_iter()
            .filter(|(_, trigger)| !matches!(trigger, Trigger::Schedule(_)))
            .collect();
        let named = |id: &String| {
            let node = document.nodes.iter().find(|node| node.id == *id);
            node.map_or_else(String::new, |node| node.name.clone())
        };
        let names = fillable.iter().map(|(id, _)| (id.clone(), named(id)));
        let names: Vec<(String, String)> = names.collect();
        let mut found = fillable.into_iter();
        let chosen = match node {
            Some(node) => found.find(|(id, _)| id == node),
            None => found.next(),
        };
        let Some((node, trigger)) = chosen else {
            return Err(ApiError::invalid(
                "batch_no_trigger",
                "/trigger",
                "No step of this workflow takes values that rows of a file could give.",
            ));
        };
        let trigger = match trigger {
            Trigger::Form(form) => Trigger::Form(choices(&app.store, &caller.scope, &form).await?),
            other => other,
        };
        let firm = store::firm::get(&app.store, &caller.scope).await?;
        Ok(Self {
            constants: constants(&firm, &document.time_zone),
            live,
            document,
            node,
            trigger,
            triggers: names,
        })
    }

    fn reader<'a>(&'a self, locale: &'a str) -> Reader<'a> {
        Reader {
            trigger: &self.trigger,
            workflow_name: &self.document.name,
            locale,
            workflow_locale: &self.document.locale,
            currency: &self.document.currency,
            constants: &self.constants,
        }
    }
}

/// A file that was handed in, and its language.
struct FileIn {
    name: String,
    bytes: bytes::Bytes,
    locale: String,
}

impl FileIn {
    async fn read(app: &App, caller: &Caller, id: Uuid, locale: String) -> Result<Self> {
        let found = artifact::get(&app.store, &caller.scope, ArtifactId(id)).await?;
        if found.file.size_bytes > batch_file::MAX_BYTES as u64 {
            return Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The file is larger than the 10 MB that a batch takes.",
            ));
        }
        Ok(Self {
            bytes: artifact::read(&app.store, &caller.scope, ArtifactId(id)).await?,
            name: found.file.name,
            locale,
        })
    }

    fn rows(&self, app: &App) -> std::result::Result<File, Problem> {
        File::read(&self.name, &self.bytes, &self.locale, app.read_sheet)
    }
}

/// The rows to store, or every problem that stands in their way.
fn rows_of(reading: Reading, leave_out: &[u32]) -> std::result::Result<Vec<NewRow>, Vec<Problem>> {
    let mut problems = reading.problems;
    let mut rows = Vec::with_capacity(reading.rows.len());
    let mut begins = false;
    for row in reading.rows {
        let is_left_out = leave_out.contains(&row.number);
        let content = match row.input {
            Ok(input) if !is_left_out => {
                begins = true;
                Content::Input(input)
            }
            Ok(_) => Content::LeftOut(json!([])),
            Err(found) if is_left_out => Content::LeftOut(json!(found)),
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        rows.push(NewRow {
            number: row.number,
            title: row.title,
            content,
        });
    }
    if problems.is_empty() && !begins {
        problems.push(Problem::error(
            "batch_all_left_out",
            json!({}),
            "Every row is left out, so nothing would begin.",
        ));
    }
    if problems.is_empty() {
        Ok(rows)
    } else {
        problems.truncate(1_000);
        Err(problems)
    }
}

fn preview_out(
    start: &Start,
    targets: &[Target],
    file: File,
    columns: Vec<Option<String>>,
    reading: &Reading,
) -> BatchPreviewOut {
    let triggers = start.triggers.iter().cloned();
    let fields = targets.iter().map(|target| BatchFieldOut {
        name: target.name.clone(),
        title: target.title.clone(),
        kind: target.kind.clone(),
        required: target.is_required,
        no_cell: !target.is_cell,
    });
    let bad_rows = reading.bad_rows();
    let sample = file.first(SHOWN).map(|(number, cells)| BatchSampleOut {
        number,
        cells: cells.to_vec(),
        bad: bad_rows.contains(&number),
    });
    let sample = sample.collect();
    let column_problems = reading.problems.iter().cloned();
    BatchPreviewOut {
        version: start.live.number,
        trigger: start.node.clone(),
        triggers: triggers
            .map(|(id, name)| BatchTriggerOut { id, name })
            .collect(),
        fields: fields.collect(),
        encoding: file.encoding.map(str::to_owned),
        delimiter: file.delimiter.map(String::from),
        row_count: file.row_count(),
        blank_rows: file.blank_rows,
        headings: file
            .headings
            .into_iter()
            .zip(columns.into_iter().chain(std::iter::repeat(None)))
            .map(|(text, field)| BatchHeadingOut { text, field })
            .collect(),
        sample,
        column_problems: column_problems.map(ProblemOut::from).collect(),
        problems: reading.told().cloned().map(ProblemOut::from).collect(),
        problem_count: reading.problem_count(),
        bad_rows,
    }
}

/// Files can be long, and reading one must not hold up other requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, Problem> + Send + 'static,
) -> Result<std::result::Result<T, Problem>> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)
}

fn unreadable(problem: Problem) -> ApiError {
    ApiError::from_problems("This file cannot be read.", vec![problem])
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
