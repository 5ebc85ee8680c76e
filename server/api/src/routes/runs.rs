//! Runs: start, watch, stop, try again.

use std::{collections::HashMap, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    check::Problem,
    firm::Firm,
    form::{Setting, Source},
    graph::Plan,
    ids::{ArtifactId, RunId, WorkflowId},
    kind::Kind,
    node::{StepError, Trigger, Warning},
    schedule::{self, Calendar},
    value::{FileRef, Record, record_to_json},
    workflow::Workflow,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{
    StoreError,
    line::Waiting,
    queue::{self, Accept, Source as RunSource, Trial, What},
    run::{Filter, RunItem, Until},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Page,
    artifacts::ArtifactOut,
    cursor,
    run_view::{result_out, run_out},
};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path, Query},
    openapi::{KindSchema, WorkflowSchema},
    public::run_title,
    workflow_document::{Resources, choices, parse, slug, triggers},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunState {
    Queued,
    Running,
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepState {
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
pub(crate) struct StepErrorOut {
    pub code: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[schema(value_type = Object)]
    pub params: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunRowOut {
    pub id: Uuid,
    pub title: String,
    pub state: RunState,
    /// `form`, `webhook`, `api`, `manual`, `schedule`, `call`, `failure`, `batch` or `trial`.
    pub source: String,
    pub trial: bool,
    /// It is not over, and its workflow or everything is paused.
    pub paused: bool,
    /// While it waits in line.
    pub line: Option<LineOut>,
    pub workflow: RunWorkflowOut,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub error: Option<StepErrorOut>,
    pub retry_of: Option<Uuid>,
}

/// A run waits because its workflow lets only so many go at the same time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LineOut {
    /// Runs that wait before it; at most 1,000 are counted.
    pub ahead: i64,
    /// How many go at the same time; null: the limit was lifted, and it begins in a moment.
    pub runs: Option<i32>,
    /// What they are counted by, such as a customer's name; null: all runs of the workflow together.
    pub key: Option<String>,
    /// What they are counted by could not be told of what was handed in; it waits with those without a value.
    pub key_failed: bool,
}

impl From<Waiting> for LineOut {
    fn from(waiting: Waiting) -> Self {
        Self {
            ahead: waiting.ahead,
            runs: waiting.runs,
            key: waiting.key,
            key_failed: waiting.key_failed,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RunWorkflowOut {
    pub id: Uuid,
    pub name: String,
    /// Number of the version that runs; null for drafts.
    pub version: Option<i32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunOut {
    pub id: Uuid,
    pub title: String,
    pub state: RunState,
    pub source: String,
    pub trial: bool,
    /// It is not over, and its workflow or everything is paused.
    pub paused: bool,
    /// While it waits in line.
    pub line: Option<LineOut>,
    pub workflow: RunWorkflowOut,
    #[schema(value_type = Object)]
    pub input: Value,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// When its private values were hidden; null: they are there, or it has none.
    pub masked_at: Option<Timestamp>,
    pub error: Option<StepErrorOut>,
    /// For what it waits, in words.
    pub waits: Vec<WaitOut>,
    pub retry_of: Option<Uuid>,
    /// The run whose step called it.
    pub called_by: Option<CalledByOut>,
    /// The row of a file that it is for.
    pub batch: Option<RunBatchOut>,
    /// The workflow document that ran.
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
    pub steps: Vec<StepOut>,
    pub artifacts: Vec<ArtifactOut>,
    pub deliveries: Vec<RunDeliveryOut>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalledByOut {
    pub run: Uuid,
    pub title: String,
    /// Name of its workflow.
    pub workflow: String,
    pub node: String,
    pub item_path: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunBatchOut {
    pub id: Uuid,
    /// Of the file.
    pub name: String,
    /// As a spreadsheet numbers it.
    pub row: i32,
}

/// The run that a step called.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalledOut {
    pub run: Uuid,
    pub title: String,
    pub state: RunState,
    pub workflow: RunWorkflowOut,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WaitOut {
    /// `model`, `delivery`, `call`, `signal`, `callback`, `time`, `retry` or `executor`.
    pub on: String,
    /// In words.
    pub text: String,
    pub until: Option<Timestamp>,
    pub model: Option<String>,
    /// Place in that model's queue, from 1.
    pub place: Option<i64>,
    /// Whose decision it waits for; empty for other waits, and where every member may decide.
    pub asked: Vec<String>,
    /// The page on which the signed-in member decides; null when they may not.
    pub answer_url: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepOut {
    pub node: String,
    /// Empty outside `for_each`.
    pub item_path: String,
    pub name: String,
    /// Its type, as `/api/node-types` lists it; empty when the document has no such step any more.
    #[serde(rename = "type")]
    pub node_type: String,
    /// English title of its type.
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
    pub called: Option<CalledOut>,
    pub attempts: Vec<AttemptOut>,
    pub generations: Vec<GenerationOut>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WarningOut {
    pub code: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[schema(value_type = Object)]
    pub params: Value,
    pub location: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptOut {
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
pub(crate) struct GenerationOut {
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
    /// Claim number; text of an older claim is dropped.
    pub fence: i64,
    /// Newest piece of text in `text`, of this claim.
    pub seq: i32,
    pub usage: Option<UsageOut>,
    /// As text: 64 bits do not fit a JSON number.
    pub seed: Option<String>,
    pub tokens_per_second: Option<f64>,
    pub error: Option<StepErrorOut>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageOut {
    /// `system`, `user` or `assistant`.
    pub role: String,
    pub content: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageOut {
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    pub forced_tokens: u32,
    pub cached_tokens: u32,
    pub prompt_ms: u64,
    pub output_ms: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunDeliveryOut {
    pub id: Uuid,
    pub state: String,
    /// Name of the endpoint; empty for mails.
    pub endpoint: String,
    /// Whom a mail goes to, copies included.
    pub recipients: Vec<String>,
    pub attempts: i32,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunResultOut {
    pub id: Uuid,
    pub state: RunState,
    /// Outputs of the last steps, by step id.
    #[schema(value_type = Object)]
    pub output: Value,
    pub error: Option<StepErrorOut>,
    pub artifacts: Vec<ArtifactOut>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunIn {
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
pub(crate) struct TrialRunIn {
    /// The draft's revision.
    pub revision: i64,
    #[schema(value_type = Object)]
    pub input: Value,
    /// Id of the trigger step, when the workflow has several.
    pub trigger: Option<String>,
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
pub(crate) struct RetryIn {
    /// Steps before it keep their results.
    pub from_node: Option<String>,
    /// Other values for the trigger.
    #[schema(value_type = Option<Object>)]
    pub input: Option<Value>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RunsQuery {
    pub state: Option<RunState>,
    /// Failed runs whose error, or one that it tells of, has this code, such as `worker_lost`.
    #[param(min_length = 1, max_length = 100)]
    pub error: Option<String>,
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
pub(crate) struct WaitQuery {
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

/// Starts a run of the live version and gives what it has come to. Stored before the answer; the same `Idempotency-Key` gives the same
/// run for 72 hours.
#[utoipa::path(post, path = "/workflows/{id}/runs", tag = "runs",
    params(("id" = Uuid, Path), ("idempotency-key" = Option<String>, Header, description = "1 to 200 characters")),
    request_body = RunIn, responses((status = 202, body = RunResultOut), (status = 200, body = RunResultOut)))]
async fn start_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Body(body): Body<RunIn>,
) -> Result<Response> {
    let workflow = WorkflowId(id);
    let live = store::workflow::live(&app.store, &caller.scope, workflow).await?;
    if live.state != "live" {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "workflow_off",
            "This workflow is switched off. Switch it on to start runs.",
        ));
    }
    let document = parse(&live.document)?;
    let Input { node, json, title } = read_input(
        &app,
        &caller,
        &document,
        body.trigger.as_deref(),
        &body.input,
    )
    .await?;
    let source = match caller.member() {
        Some(_) => RunSource::Manual,
        None => RunSource::Api,
    };
    let mut accept = Accept::new(workflow, live.version, &node, source, json);
    accept.title = body.title.unwrap_or(title);
    accept.submission = Some(body.input);
    if let Some(key) = headers.get("idempotency-key") {
        let key = key
            .to_str()
            .ok()
            .filter(|key| (1..=200).contains(&key.len()))
            .ok_or_else(|| {
                ApiError::bad_request(
                    "wrong_idempotency_key",
                    "An Idempotency-Key has 1 to 200 plain characters.",
                )
            })?;
        accept.idempotency = Some((format!("api:{workflow}"), key.to_owned()));
    }
    let wait = Duration::from_millis(body.wait_ms.unwrap_or(0).min(MAX_WAIT_MS));
    accept.awaited |= !wait.is_zero();
    let watch =
        (!wait.is_zero()).then(|| store::run::watch(&app.store, accept.run, Until::Finished));
    let accepted = queue::submit(&app.store, app.local.as_ref(), &caller.scope, accept).await?;
    if accepted.already {
        let run = accepted.run_id;
        store::run::wait(&app.store, &caller.scope, run, Until::Finished, wait).await?;
    } else if let Some(watch) = watch {
        store::run::wait_on(&app.store, watch, wait).await;
    }
    let (status, result) = result_out(&app, &caller.scope, accepted.run_id).await?;
    let place = format!("/api/runs/{}", accepted.run_id);
    Ok((status, [(header::LOCATION, place)], result).into_response())
}

/// Runs the draft with a sample; effects are held back.
#[utoipa::path(post, path = "/workflows/{id}/trial-runs", tag = "runs", params(("id" = Uuid, Path)),
    request_body = TrialRunIn, responses((status = 202, body = RunOut)))]
async fn start_trial_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<TrialRunIn>,
) -> Result<(StatusCode, Json<RunOut>)> {
    let workflow = WorkflowId(id);
    let draft =
        store::workflow::draft_revision(&app.store, &caller.scope, workflow, body.revision).await?;
    let document = parse(&draft.document)?;
    let resources = Resources::read(
        &app.store,
        &caller.scope,
        &app.catalogue,
        &document,
        Some(workflow),
    )
    .await?;
    let (plan, problems) = Plan::compile(&document, &app.catalogue, &resources.named());
    if plan.is_none() {
        let errors = problems.into_iter().filter(Problem::is_error).collect();
        return Err(ApiError::from_problems(
            "The draft cannot run as it is.",
            errors,
        ));
    }
    for (pointer, node) in [("/until_node", body.until_node.as_deref())] {
        if let Some(node) = node
            && !document.nodes.iter().any(|known| known.id == node)
        {
            return Err(ApiError::invalid(
                "node_unknown",
                pointer,
                "There is no such step.",
            ));
        }
    }
    if body
        .pinned
        .as_ref()
        .is_some_and(|pinned| !pinned.is_object())
    {
        return Err(ApiError::invalid(
            "pinned_invalid",
            "/pinned",
            "Pinned outputs are an object by step id.",
        ));
    }
    let Input { node, json, title } = read_input(
        &app,
        &caller,
        &document,
        body.trigger.as_deref(),
        &body.input,
    )
    .await?;
    let accept = Accept {
        run: store::fresh_id(),
        workflow,
        what: What::Draft(body.revision),
        trigger_node: node,
        source: RunSource::Trial,
        input: json,
        submission_id: None,
        submission: Some(body.input),
        title,
        idempotency: None,
        trial: Some(Trial {
            until_node: body.until_node,
            pinned: body.pinned,
            really_send: body.really_send,
        }),
        awaited: true,
        uploads: Vec::new(),
        lease: None,
    };
    let accepted = queue::submit(&app.store, app.local.as_ref(), &caller.scope, accept).await?;
    let run = run_out(&app, &caller.scope, accepted.run_id).await?;
    Ok((StatusCode::ACCEPTED, Json(run)))
}

/// Runs, newest first.
#[utoipa::path(get, path = "/runs", tag = "runs", params(RunsQuery), responses((status = 200, body = Page<RunRowOut>)))]
async fn list_runs(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<RunsQuery>,
) -> Result<Json<Page<RunRowOut>>> {
    if let Some(code) = &query.error
        && !(1..=MAX_CODE).contains(&code.len())
    {
        return Err(ApiError::bad_request(
            "wrong_query",
            format!("`error` takes the code of an error: 1 to {MAX_CODE} characters."),
        ));
    }
    let filter = Filter {
        state: query.state.map(|state| slug(&state)),
        error: query.error,
        workflow: query.workflow.map(WorkflowId),
        trial: query.trial.unwrap_or(false),
        text: query
            .q
            .map(|text| text.trim().chars().take(200).collect::<String>())
            .filter(|text| !text.is_empty()),
        after: cursor(query.after.as_deref())?.map(RunId),
        limit: PAGE + 1,
    };
    let rows = store::run::list(&app.store, &caller.scope, &filter).await?;
    Ok(Json(Page::cut(
        rows.into_iter().map(RunRowOut::from).collect(),
        PAGE,
        |row| row.id.to_string(),
    )))
}

/// One run with every step.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs", params(("id" = Uuid, Path)), responses((status = 200, body = RunOut)))]
async fn read_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<RunOut>> {
    Ok(Json(run_out(&app, &caller.scope, RunId(id)).await?))
}

/// Stops a run at once; an ended run stays as it is.
#[utoipa::path(post, path = "/runs/{id}/stop", tag = "runs", params(("id" = Uuid, Path)), responses((status = 200, body = RunOut)))]
async fn stop_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<RunOut>> {
    store::run::stop(&app.store, &caller.scope, RunId(id)).await?;
    Ok(Json(run_out(&app, &caller.scope, RunId(id)).await?))
}

/// Makes a new run from an ended one.
#[utoipa::path(post, path = "/runs/{id}/retry", tag = "runs", params(("id" = Uuid, Path)),
    request_body = RetryIn, responses((status = 202, body = RunOut)))]
async fn retry_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<RetryIn>,
) -> Result<(StatusCode, Json<RunOut>)> {
    let input = match body.input {
        Some(input) => {
            let detail = store::run::get(&app.store, &caller.scope, RunId(id)).await?;
            let document = parse(&detail.document)?;
            let node = Some(detail.trigger_node.as_str());
            Some(
                read_input(&app, &caller, &document, node, &input)
                    .await?
                    .json,
            )
        }
        None => None,
    };
    let retry = store::run::Retry {
        from_node: body.from_node,
        input,
        unattended: false,
    };
    let run = store::run::retry(&app.store, &caller.scope, RunId(id), retry).await?;
    let run = run_out(&app, &caller.scope, run).await?;
    Ok((StatusCode::ACCEPTED, Json(run)))
}

/// Waits until the run has ended or the time is over, then gives its state.
#[utoipa::path(get, path = "/runs/{id}/wait", tag = "runs", params(("id" = Uuid, Path), WaitQuery),
    responses((status = 200, body = RunResultOut), (status = 202, body = RunResultOut)))]
async fn wait_for_run(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<WaitQuery>,
) -> Result<(StatusCode, Json<RunResultOut>)> {
    let limit = Duration::from_millis(query.wait_ms.unwrap_or(MAX_WAIT_MS).min(MAX_WAIT_MS));
    store::run::wait(&app.store, &caller.scope, RunId(id), Until::Finished, limit).await?;
    result_out(&app, &caller.scope, RunId(id)).await
}

/// State, outputs of the last steps and files.
#[utoipa::path(get, path = "/runs/{id}/result", tag = "runs", params(("id" = Uuid, Path)),
    responses((status = 200, body = RunResultOut)))]
async fn read_result(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<RunResultOut>> {
    let (_, result) = result_out(&app, &caller.scope, RunId(id)).await?;
    Ok(result)
}

const PAGE: i64 = 50;
/// Of an error's code that is asked for.
const MAX_CODE: usize = 100;
const MAX_WAIT_MS: u64 = 25_000;
/// Files that one input may name.
const MAX_FILES: usize = 50;

/// A trigger's checked input.
struct Input {
    node: String,
    /// As it is stored with the run.
    json: Value,
    /// What the run is called unless somebody says otherwise.
    title: String,
}

/// Checks what the trigger takes; every problem is told.
async fn read_input(
    app: &App,
    caller: &Caller,
    workflow: &Workflow,
    node: Option<&str>,
    input: &Value,
) -> Result<Input> {
    let triggers = triggers(&app.catalogue, &workflow.nodes);
    let found = match node {
        Some(node) => triggers.into_iter().find(|(id, _)| id == node),
        None if triggers.len() > 1 => {
            return Err(ApiError::invalid(
                "trigger_missing",
                "/trigger",
                "This workflow can begin at several steps. Name one.",
            ));
        }
        None => triggers.into_iter().next(),
    };
    let Some((node, trigger)) = found else {
        return Err(ApiError::invalid(
            "trigger_unknown",
            "/trigger",
            "This workflow has no such step to begin with.",
        ));
    };
    let checked = match trigger {
        Trigger::Form(form) => {
            let firm = store::firm::get(&app.store, &caller.scope).await?;
            let form = choices(&app.store, &caller.scope, &form).await?;
            let files = named_files(app, caller, input).await?;
            let constants = constants(&firm, &workflow.time_zone);
            let setting = Setting {
                source: Source::Program,
                locale: &workflow.locale,
                currency: &workflow.currency,
                constants: &constants,
                files: &|id| files.get(id).cloned(),
            };
            form.submit(input, &setting)
                .map(|record| (record_to_json(&record), run_title(&form, &record)))
        }
        Trigger::Webhook(webhook) => {
            let kind = Kind::Record {
                fields: webhook.fields,
            };
            of_kind(input, &kind).map(|json| (json, workflow.name.clone()))
        }
        Trigger::Call(fields) => {
            of_kind(input, &Kind::Record { fields }).map(|json| (json, workflow.name.clone()))
        }
        // Begun by a person, or without a moment of its own: the moment is now.
        Trigger::Schedule(_) if scheduled_for_nothing(input) => {
            let calendar = Calendar::of(&workflow.time_zone, Vec::new());
            let json = schedule::input(&calendar, Timestamp::now(), None);
            Ok((json, workflow.name.clone()))
        }
        Trigger::Schedule(_) => {
            of_kind(input, &schedule::input_kind()).map(|json| (json, workflow.name.clone()))
        }
    };
    let (json, title) = checked.map_err(|problems: Vec<Problem>| {
        let problems = problems
            .into_iter()
            .map(|problem| problem.under("/input"))
            .collect();
        ApiError::from_problems("The input does not fit.", problems)
    })?;
    Ok(Input { node, json, title })
}

/// The input as it is stored, if it is of this kind.
fn of_kind(input: &Value, kind: &Kind) -> std::result::Result<Value, Vec<Problem>> {
    engine::value::Value::from_json(input, kind)
        .map(|value| value.to_json())
        .map_err(|mismatches| {
            mismatches
                .into_iter()
                .map(|mismatch| {
                    Problem::error("value_kind", json!({}), mismatch.to_string())
                        .at(mismatch.pointer)
                })
                .collect()
        })
}

fn scheduled_for_nothing(input: &Value) -> bool {
    input.is_null() || input.as_object().is_some_and(serde_json::Map::is_empty)
}

/// Files of this workspace whose ids stand in the input.
async fn named_files(
    app: &App,
    caller: &Caller,
    input: &Value,
) -> Result<HashMap<String, FileRef>> {
    let mut ids = Vec::new();
    collect_ids(input, &mut ids);
    let mut files = HashMap::new();
    for (text, id) in ids.into_iter().take(MAX_FILES) {
        match store::artifact::get(&app.store, &caller.scope, ArtifactId(id)).await {
            Ok(artifact) => {
                files.insert(text, artifact.file);
            }
            Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(files)
}

fn collect_ids(json: &Value, ids: &mut Vec<(String, Uuid)>) {
    match json {
        Value::String(text) => {
            if text.len() == 36
                && let Ok(id) = text.parse()
            {
                ids.push((text.clone(), id));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        Value::Object(fields) => fields.values().for_each(|value| collect_ids(value, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What computed fields of a form may read besides the answers.
pub(super) fn constants(firm: &Firm, time_zone: &str) -> Record {
    let zone = jiff::tz::TimeZone::get(time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let now = Timestamp::now();
    Record::from([
        ("firm".to_owned(), firm.to_value()),
        ("now".to_owned(), engine::value::Value::Instant(now)),
        (
            "today".to_owned(),
            engine::value::Value::Date(now.to_zoned(zone).date()),
        ),
    ])
}

impl StepErrorOut {
    /// From `engine::node::StepError` as it is stored.
    pub(super) fn from_json(error: &Value) -> Self {
        let text = |name: &str| {
            error
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            code: text("code"),
            message: text("message"),
            params: error.get("params").cloned().unwrap_or_else(|| json!({})),
        }
    }
}

impl From<StepError> for StepErrorOut {
    fn from(error: StepError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            params: Value::Object(error.params),
        }
    }
}

impl From<Warning> for WarningOut {
    fn from(warning: Warning) -> Self {
        Self {
            code: warning.code,
            message: warning.message,
            params: Value::Object(warning.params),
            location: warning.location,
        }
    }
}

impl RunState {
    pub(super) fn parse(state: &str) -> Self {
        match state {
            "running" => Self::Running,
            "waiting" => Self::Waiting,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            _ => Self::Queued,
        }
    }
}

impl From<RunItem> for RunRowOut {
    fn from(item: RunItem) -> Self {
        Self {
            id: item.id.as_uuid(),
            title: item.title,
            state: RunState::parse(&item.state),
            source: item.source,
            trial: item.trial,
            paused: item.paused,
            line: item.line.map(LineOut::from),
            workflow: RunWorkflowOut {
                id: item.workflow.as_uuid(),
                name: item.workflow_name,
                version: item.version,
            },
            created_at: item.created_at,
            started_at: item.started_at,
            finished_at: item.finished_at,
            error: item.error.as_ref().map(StepErrorOut::from_json),
            retry_of: item.retry_of.map(RunId::as_uuid),
        }
    }
}
