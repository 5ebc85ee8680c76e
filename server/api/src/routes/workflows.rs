//! Workflows as resources: list, make, rename, switch on and off, copy, export, delete.

use std::collections::HashMap;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{
    ids::WorkflowId,
    node::{Proof, Trigger},
    workflow::{Node, Workflow},
};
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Page,
    drafts::DraftOut,
    series::today,
    versions::{LiveVersionOut, publish},
};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path},
    openapi::WorkflowSchema,
    workflow_document::{
        Resources, called_names, embed_documents, embed_series, embed_tables, empty,
        extract_documents, extract_series, extract_tables, parse, rename_called, slug, step_icons,
        triggers,
    },
};

/// `draft`: never published; `live`: its form is open; `off`: closed by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WorkflowState {
    Draft,
    Live,
    Off,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkflowRowOut {
    pub id: Uuid,
    pub name: String,
    pub slug: String,
    pub state: WorkflowState,
    /// Since when none of its steps is begun; what is handed in is stored and waits.
    pub paused_at: Option<Timestamp>,
    /// Number of the live version.
    pub version: Option<i32>,
    /// The draft differs from the live version.
    pub changed: bool,
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
pub(crate) struct StepIconOut {
    pub name: String,
    /// `asked`, `written`, `computed`, `made`, `sent` or `looked`.
    pub family: String,
    /// A lucide icon name.
    pub icon: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LastRunOut {
    pub id: Uuid,
    pub state: String,
    pub created_at: Timestamp,
    pub title: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DayOut {
    #[schema(value_type = String, format = Date)]
    pub date: Date,
    pub succeeded: i64,
    pub failed: i64,
}

/// From a shipped example, from a document (an import), or empty.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowIn {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// Name of a shipped example.
    pub example: Option<String>,
    #[schema(value_type = Option<WorkflowSchema>)]
    pub document: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkflowOut {
    pub id: Uuid,
    pub name: String,
    pub slug: String,
    pub state: WorkflowState,
    /// Since when none of its steps is begun; what is handed in is stored and waits.
    pub paused_at: Option<Timestamp>,
    /// Address of the public form, when the live version or the draft has one.
    pub form_url: Option<String>,
    pub hook_urls: Vec<HookOut>,
    /// Of the live version's steps that begin runs by a schedule.
    pub schedules: Vec<ScheduleOut>,
    pub live_version: Option<LiveVersionOut>,
    pub draft: DraftOut,
    pub created_at: Timestamp,
}

/// Address of an inbound webhook; whoever knows it can start runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HookOut {
    pub node: String,
    pub url: String,
}

/// When runs begin by themselves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ScheduleOut {
    pub node: String,
    /// The next three moments; none while the workflow is off.
    pub next: Vec<Timestamp>,
    /// The moment that the last run was begun for.
    pub last_at: Option<Timestamp>,
    pub last_run: Option<Uuid>,
}

/// What to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowPatch {
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    /// `[a-z0-9]` words joined by `-`; old links end.
    #[schema(max_length = 80)]
    pub slug: Option<String>,
    /// `live` or `off`, once published.
    pub state: Option<WorkflowState>,
    /// `true`: what is handed in is stored and waits; steps under way are finished.
    pub paused: Option<bool>,
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
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<WorkflowRowOut>>> {
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let zone = jiff::tz::TimeZone::get(&firm.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let today = Timestamp::now().to_zoned(zone.clone()).date();
    let zone_name = zone.iana_name().unwrap_or("UTC");
    let rows = store::workflow::list(&app.store, &caller.scope, zone_name, today).await?;
    Ok(Json(Page::complete(
        rows.into_iter().map(|row| row_out(&app, row)).collect(),
    )))
}

fn row_out(app: &App, row: store::workflow::WorkflowItem) -> WorkflowRowOut {
    let nodes: Vec<Node> = serde_json::from_value(row.nodes).unwrap_or_default();
    let has_form = triggers(&app.catalogue, &nodes)
        .iter()
        .any(|(_, trigger)| matches!(trigger, Trigger::Form(_)));
    WorkflowRowOut {
        id: row.id.as_uuid(),
        steps: step_icons(&app.catalogue, &nodes),
        form_url: has_form.then(|| app.config.absolute(&format!("/f/{}", row.slug))),
        name: row.name,
        slug: row.slug,
        state: WorkflowState::parse(&row.state),
        paused_at: row.paused_at,
        version: row.version,
        changed: row.changed,
        last_run: row.last_run.map(|run| LastRunOut {
            id: run.id.as_uuid(),
            state: run.state,
            created_at: run.created_at,
            title: run.title,
        }),
        days: row
            .days
            .into_iter()
            .map(|day| DayOut {
                date: day.date,
                succeeded: day.succeeded,
                failed: day.failed,
            })
            .collect(),
        runs: row.runs,
        changed_at: row.changed_at,
        changed_by: row.changed_by,
    }
}

/// Makes a workflow with its first draft.
#[utoipa::path(post, path = "/workflows", tag = "workflows", request_body = WorkflowIn,
    responses((status = 201, body = WorkflowOut)))]
async fn create_workflow(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<WorkflowIn>,
) -> Result<(StatusCode, Json<WorkflowOut>)> {
    let mut workflow = match (&body.example, &body.document) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "two_sources",
                "/document",
                "Send the name of an example or a document, not both.",
            ));
        }
        (Some(name), None) => from_example(&app, &caller, name).await?,
        (None, Some(document)) => parse(document)?,
        (None, None) => {
            let firm = store::firm::get(&app.store, &caller.scope).await?;
            empty(body.name.as_deref().unwrap_or("New workflow"), &firm)
        }
    };
    if let Some(name) = body.name {
        workflow.name = name;
    }
    let id = make(&app, &caller, workflow, body.example).await?;
    Ok((
        StatusCode::CREATED,
        Json(workflow_out(&app, &caller, id).await?),
    ))
}

/// A shipped example as the firm's own. Those that it calls are made with it and published, since only what is live can be called, unless
/// they are there already; who makes it at the same moment as somebody else may get them twice. Nothing but a call begins them, and they call
/// no others.
async fn from_example(app: &App, caller: &Caller, name: &str) -> Result<Workflow> {
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let shipped = |name: &str| {
        let mut workflow = app.gallery.find(name)?.workflow.clone();
        workflow.adopt(&firm.currency, &firm.time_zone);
        Some(workflow)
    };
    let mut workflow = shipped(name).ok_or_else(|| {
        ApiError::invalid("example_unknown", "/example", "There is no such example.")
    })?;
    let mut ids: HashMap<String, WorkflowId> = HashMap::new();
    for name in called_names(&app.catalogue, &workflow) {
        let Some(other) = shipped(&name) else {
            continue;
        };
        let known = store::workflow::of_example(&app.store, &caller.scope, &name).await?;
        let id = match known {
            Some(id) => id,
            None => make_live(app, caller, other, name.clone()).await?,
        };
        ids.insert(name, id);
    }
    rename_called(&app.catalogue, &mut workflow, &ids);
    Ok(workflow)
}

async fn make_live(
    app: &App,
    caller: &Caller,
    workflow: Workflow,
    example: String,
) -> Result<WorkflowId> {
    let id = make(app, caller, workflow, Some(example)).await?;
    let made = store::workflow::get(&app.store, &caller.scope, id).await?;
    publish(app, caller, id, &made.draft, "").await?;
    Ok(id)
}

/// Stores a workflow whose templates and series, and perhaps tables, are embedded; with the name of the example that it is made of.
async fn make(
    app: &App,
    caller: &Caller,
    mut workflow: Workflow,
    example: Option<String>,
) -> Result<WorkflowId> {
    let documents = extract_documents(&app.catalogue, &mut workflow)?;
    let tables = extract_tables(&app.catalogue, &mut workflow)?;
    if !workflow.series.is_empty() {
        let today = today(app, caller).await?;
        extract_series(app, &caller.scope, &mut workflow, today).await?;
    }
    let new = store::workflow::NewWorkflow {
        name: workflow.name.clone(),
        example,
        document: serde_json::to_value(&workflow).map_err(ApiError::internal)?,
        documents,
        tables,
    };
    Ok(store::workflow::create(&app.store, &caller.scope, new).await?)
}

/// One workflow with its draft.
#[utoipa::path(get, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = WorkflowOut)))]
async fn read_workflow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<WorkflowOut>> {
    Ok(Json(workflow_out(&app, &caller, WorkflowId(id)).await?))
}

async fn workflow_out(app: &App, caller: &Caller, id: WorkflowId) -> Result<WorkflowOut> {
    let workflow = store::workflow::get(&app.store, &caller.scope, id).await?;
    // What is live decides the addresses; before the first publishing, the draft says what they will be.
    let document = workflow
        .live
        .as_ref()
        .map_or(&workflow.draft.document, |live| &live.document);
    let nodes: Vec<Node> = document
        .get("nodes")
        .and_then(|nodes| serde_json::from_value(nodes.clone()).ok())
        .unwrap_or_default();
    let mut form_url = None;
    let mut hook_urls = Vec::new();
    for (node, trigger) in triggers(&app.catalogue, &nodes) {
        match trigger {
            Trigger::Form(_) => {
                form_url = Some(app.config.absolute(&format!("/f/{}", workflow.slug)));
            }
            Trigger::Webhook(webhook) => {
                let public = app.config.public_url.as_str();
                let url = if webhook.proof == Proof::None {
                    store::link::open_hook_url(public, &workflow.slug)
                } else {
                    store::link::hook_url(&app.store.sealer, public, &workflow.slug, id, &node)?
                };
                hook_urls.push(HookOut { node, url });
            }
            Trigger::Schedule(_) | Trigger::Call(_) => {}
        }
    }
    let schedules = store::schedule::planned(&app.store, &caller.scope, id)
        .await?
        .into_iter()
        .map(|planned| ScheduleOut {
            node: planned.node,
            next: planned.next,
            last_at: planned.last.map(|(at, _)| at),
            last_run: planned.last.map(|(_, run)| run.as_uuid()),
        })
        .collect();
    Ok(WorkflowOut {
        id: id.as_uuid(),
        name: workflow.name,
        slug: workflow.slug,
        state: WorkflowState::parse(&workflow.state),
        paused_at: workflow.paused_at,
        form_url,
        hook_urls,
        schedules,
        live_version: workflow.live.map(LiveVersionOut::from),
        draft: workflow.draft.into(),
        created_at: workflow.created_at,
    })
}

/// Renames, gives another address, switches off or on, pauses or resumes.
#[utoipa::path(patch, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = WorkflowPatch, responses((status = 200, body = WorkflowOut)))]
async fn change_workflow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<WorkflowPatch>,
) -> Result<Json<WorkflowOut>> {
    let change = store::workflow::Change {
        name: body.name,
        slug: body.slug,
        state: body.state.map(|state| slug(&state)),
        paused: body.paused,
    };
    store::workflow::change(&app.store, &caller.scope, WorkflowId(id), change).await?;
    Ok(Json(workflow_out(&app, &caller, WorkflowId(id)).await?))
}

/// Deletes a workflow; its form closes at once. `restore` undoes it.
#[utoipa::path(delete, path = "/workflows/{id}", tag = "workflows", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_workflow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    store::workflow::delete(&app.store, &caller.scope, WorkflowId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Undoes a deletion.
#[utoipa::path(post, path = "/workflows/{id}/restore", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = WorkflowOut)))]
async fn restore_workflow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<WorkflowOut>> {
    store::workflow::restore(&app.store, &caller.scope, WorkflowId(id)).await?;
    Ok(Json(workflow_out(&app, &caller, WorkflowId(id)).await?))
}

/// Copies the draft into a new workflow, with documents of its own and the same tables.
#[utoipa::path(post, path = "/workflows/{id}/duplicate", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 201, body = WorkflowOut)))]
async fn duplicate_workflow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<WorkflowOut>)> {
    let mut workflow = exported(&app, &caller, WorkflowId(id)).await?;
    let shortened: String = workflow.name.chars().take(190).collect();
    workflow.name = format!("{shortened} (copy)");
    let id = make(&app, &caller, workflow, None).await?;
    Ok((
        StatusCode::CREATED,
        Json(workflow_out(&app, &caller, id).await?),
    ))
}

/// The draft as one file, documents and tables embedded.
#[utoipa::path(get, path = "/workflows/{id}/export", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = WorkflowSchema)))]
async fn export_workflow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Response> {
    let mut workflow = exported(&app, &caller, WorkflowId(id)).await?;
    embed_tables(&app.store, &caller.scope, &app.catalogue, &mut workflow).await?;
    let stored = store::workflow::get(&app.store, &caller.scope, WorkflowId(id)).await?;
    let name = format!("attachment; filename=\"{}.json\"", stored.slug);
    Ok(([(header::CONTENT_DISPOSITION, name)], Json(workflow)).into_response())
}

/// The draft with its templates embedded; tables are the firm's, and stay named by id.
async fn exported(app: &App, caller: &Caller, id: WorkflowId) -> Result<Workflow> {
    let stored = store::workflow::get(&app.store, &caller.scope, id).await?;
    let mut workflow = parse(&stored.draft.document)?;
    workflow.name = stored.name;
    let (store, scope) = (&app.store, &caller.scope);
    let resources = Resources::read(store, scope, &app.catalogue, &workflow, Some(id)).await?;
    embed_documents(&app.catalogue, &mut workflow, resources.templates);
    embed_series(&app.catalogue, &mut workflow, resources.series);
    Ok(workflow)
}

impl WorkflowState {
    fn parse(state: &str) -> Self {
        match state {
            "live" => Self::Live,
            "off" => Self::Off,
            _ => Self::Draft,
        }
    }
}
