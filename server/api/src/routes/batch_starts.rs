//! Starting a batch: the file is handed in, looked at as often as its columns change, and started when every row is sound or left out on
//! purpose.

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
};
use engine::{
    check::Problem,
    ids::{ArtifactId, WorkflowId},
    node::Trigger,
    value::Record,
    workflow::Workflow,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    artifact::{self, New, UploadQuota},
    batch::{self, Content, NewBatch, NewRow},
    workflow::Published,
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{batches::BatchOut, runs::input::constants};
use crate::{
    App,
    auth::Caller,
    batch_file::{self, File, MAX_PROBLEMS, Reader, Reading, Target},
    error::{ApiError, ProblemOut, Result},
    extract::{Body, Path, Query, raw_body},
    workflow_document::{choices, parse, triggers},
};

/// Rows of a file that are shown before they begin.
const SHOWN: usize = 20;
/// What a text file is stored as, and a workbook.
const CSV: &str = "text/csv";
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

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
    /// Of a workbook; the first one that people see and that is not empty when absent.
    pub sheet: Option<String>,
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
    /// The one of the workbook that was read; null of a text.
    pub sheet: Option<String>,
    /// Those of the workbook that people see.
    pub sheets: Vec<String>,
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
    /// As for looking at the rows.
    pub sheet: Option<String>,
    pub columns: Vec<Option<String>>,
    /// The version that the rows were looked at with; 409 `batch_version_changed` when another one is live.
    pub version: i32,
    /// Rows that begin no run; every row with problems has to be among them.
    #[serde(default)]
    #[schema(required = false)]
    pub leave_out: Vec<u32>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(upload_batch_file))
        .routes(routes!(preview_batch))
        .routes(routes!(start_batch))
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
    let file = FileIn::read(&app, &caller, body.file, body.sheet, body.locale).await?;
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
    let file = FileIn::read(&app, &caller, body.file, body.sheet, body.locale).await?;
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
            time_zone: &self.document.time_zone,
            currency: &self.document.currency,
            constants: &self.constants,
        }
    }
}

/// A file that was handed in, the sheet that was chosen, and its language.
struct FileIn {
    name: String,
    bytes: bytes::Bytes,
    sheet: Option<String>,
    locale: String,
}

impl FileIn {
    async fn read(
        app: &App,
        caller: &Caller,
        id: Uuid,
        sheet: Option<String>,
        locale: String,
    ) -> Result<Self> {
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
            sheet,
            locale,
        })
    }

    fn rows(&self, app: &App) -> std::result::Result<File, Problem> {
        let sheet = self.sheet.as_deref();
        let sheet = sheet.filter(|name| !name.trim().is_empty());
        File::read(&self.name, &self.bytes, sheet, &self.locale, app.read_sheet)
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
        problems.truncate(MAX_PROBLEMS);
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
        sheet: file.sheet,
        sheets: file.sheets,
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
