//! Runs: start, watch, stop, try again.

pub(super) mod credit_note;
pub(super) mod input;
mod origins;
pub(super) mod out;

use std::{ops::RangeInclusive, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    check::Problem,
    graph::Plan,
    ids::{DocumentId, RunId, WorkflowId},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::Value;
use store::{
    queue::{self, Accept, Source as RunSource, Trial, What},
    run::{Filter, Until},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Page, cursor,
    run_view::{result_out, run_out},
};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path, Query},
    replay,
    workflow_document::{Resources, parse, slug},
};

use input::{Input, read_input};
use out::{RunOut, RunResultOut, RunRowOut, RunState};

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
    /// Text in title, input, the workflow's name, or a number that the run drew.
    pub q: Option<String>,
    /// Runs of versions that print this document.
    pub document: Option<Uuid>,
    /// The first day on which they may have been accepted, where the firm is.
    #[param(value_type = Option<String>, format = Date)]
    pub from: Option<Date>,
    /// The last of these days.
    #[param(value_type = Option<String>, format = Date)]
    pub until: Option<Date>,
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
        .merge(credit_note::router())
        .merge(origins::router())
}

/// Starts a run of the live version and gives what it has come to. Stored before the answer; the same `Idempotency-Key` gives the same
/// run for 72 hours, whatever comes with it, and `Idempotent-Replayed: true` says so.
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
    accept.idempotency = replay::key(&headers)?.map(|key| (format!("api:{workflow}"), key));
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
    let answer = (status, [(header::LOCATION, place)], result).into_response();
    Ok(replay::mark(answer, accepted.already))
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
    let (from, before) = between(&app, &caller, query.from, query.until).await?;
    let filter = Filter {
        state: query.state.map(|state| slug(&state)),
        error: query.error,
        workflow: query.workflow.map(WorkflowId),
        trial: query.trial.unwrap_or(false),
        text: query
            .q
            .map(|text| text.trim().chars().take(200).collect::<String>())
            .filter(|text| !text.is_empty()),
        document: query.document.map(DocumentId),
        from,
        before,
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

/// When the first day begins, and when the last one is over, where the firm is.
async fn between(
    app: &App,
    caller: &Caller,
    first: Option<Date>,
    last: Option<Date>,
) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    if first.is_none() && last.is_none() {
        return Ok((None, None));
    }
    for day in [first, last].into_iter().flatten() {
        if !YEARS.contains(&day.year()) {
            return Err(wrong_day());
        }
    }
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let zone = TimeZone::get(&firm.time_zone).map_err(ApiError::internal)?;
    let begins = |day: Date| {
        let begin = day.to_zoned(zone.clone()).map_err(|_| wrong_day())?;
        Ok::<_, ApiError>(begin.timestamp())
    };
    let next = last.map(|day| day.tomorrow().map_err(|_| wrong_day()));
    Ok((
        first.map(begins).transpose()?,
        next.transpose()?.map(begins).transpose()?,
    ))
}

fn wrong_day() -> ApiError {
    ApiError::bad_request(
        "wrong_query",
        format!(
            "`from` and `until` take days of the years {} to {}.",
            YEARS.start(),
            YEARS.end()
        ),
    )
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
/// Of days that are asked for: what both our calendar and the database's can tell.
const YEARS: RangeInclusive<i16> = 1970..=9_998;
