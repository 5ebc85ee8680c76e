//! Drafts: saved against a base revision, checked, with an append-only history.

use axum::{Json, extract::State, http::StatusCode};
use engine::{graph, ids::WorkflowId, schedule::Calendar};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::workflow::{Draft, RevisionItem, SaveDraft};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Page;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, ProblemOut, Result},
    extract::{Body, Path, Query},
    openapi::{CheckedNodeSchema, WorkflowSchema},
    workflow_document::{Resources, check, parse, schedules},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DraftOut {
    pub revision: i64,
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
    pub changed_at: Timestamp,
    /// Name of the person.
    pub changed_by: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DraftIn {
    /// The revision this document was made from.
    pub base_revision: i64,
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DraftSavedOut {
    pub revision: i64,
    pub changed_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DraftRevisionOut {
    pub revision: i64,
    pub changed_at: Timestamp,
    pub changed_by: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckIn {
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CheckQuery {
    /// Language of the titles that step types give to ways and values, such as `en` or `zh-CN`.
    lang: Option<String>,
}

/// Everything the editor draws of a document.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckOut {
    pub problems: Vec<ProblemOut>,
    /// By node id.
    #[schema(value_type = std::collections::HashMap<String, CheckedNodeSchema>)]
    pub nodes: Value,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevisionsQuery {
    /// `next` of the page before.
    after: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(save_draft))
        .routes(routes!(list_revisions))
        .routes(routes!(read_revision))
        .routes(routes!(check_draft))
}

/// Saves the draft as a new revision; 409 `draft_changed` with the current one when the base is stale.
#[utoipa::path(put, path = "/workflows/{id}/draft", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = DraftIn, responses((status = 200, body = DraftSavedOut)))]
async fn save_draft(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<DraftIn>,
) -> Result<Json<DraftSavedOut>> {
    let workflow = parse(&body.document)?;
    if !workflow.documents.is_empty() {
        return Err(ApiError::invalid(
            "documents_embedded",
            "/document/documents",
            "A draft names its documents by id. Import the file to make documents of them.",
        ));
    }
    if !workflow.tables.is_empty() {
        return Err(ApiError::invalid(
            "tables_embedded",
            "/document/tables",
            "A draft names its tables by id. Import the file to make tables of them.",
        ));
    }
    // Stored as the engine understands it, so that every reader sees the same.
    let document = serde_json::to_value(&workflow).map_err(ApiError::internal)?;
    let saved = store::workflow::save_draft(
        &app.store,
        &caller.scope,
        WorkflowId(id),
        body.base_revision,
        &document,
    )
    .await?;
    match saved {
        SaveDraft::Saved {
            revision,
            changed_at,
        } => Ok(Json(DraftSavedOut {
            revision,
            changed_at,
        })),
        SaveDraft::Stale(current) => Err(draft_changed(&current)),
    }
}

/// The draft's history, newest first.
#[utoipa::path(get, path = "/workflows/{id}/draft/revisions", tag = "workflows", params(("id" = Uuid, Path), RevisionsQuery),
    responses((status = 200, body = Page<DraftRevisionOut>)))]
async fn list_revisions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<RevisionsQuery>,
) -> Result<Json<Page<DraftRevisionOut>>> {
    let before = match query.after.as_deref() {
        Some(text) => Some(text.parse::<i64>().map_err(|_| wrong_cursor())?),
        None => None,
    };
    let rows = store::workflow::draft_revisions(
        &app.store,
        &caller.scope,
        WorkflowId(id),
        before,
        PAGE + 1,
    )
    .await?;
    Ok(Json(Page::cut(
        rows.into_iter().map(DraftRevisionOut::from).collect(),
        PAGE,
        |row| row.revision.to_string(),
    )))
}

/// One revision with its document.
#[utoipa::path(get, path = "/workflows/{id}/draft/revisions/{revision}", tag = "workflows",
    params(("id" = Uuid, Path), ("revision" = i64, Path)), responses((status = 200, body = DraftOut)))]
async fn read_revision(
    State(app): State<App>,
    caller: Caller,
    Path((id, revision)): Path<(Uuid, i64)>,
) -> Result<Json<DraftOut>> {
    let draft =
        store::workflow::draft_revision(&app.store, &caller.scope, WorkflowId(id), revision)
            .await?;
    Ok(Json(draft.into()))
}

/// Checks an unsaved document: every problem, and what every step is, reads and puts out.
#[utoipa::path(post, path = "/workflows/{id}/check", tag = "workflows", params(("id" = Uuid, Path), CheckQuery),
    request_body = CheckIn, responses((status = 200, body = CheckOut)))]
async fn check_draft(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<CheckQuery>,
    Body(body): Body<CheckIn>,
) -> Result<Json<CheckOut>> {
    let workflow = match graph::parse(&body.document) {
        Ok(workflow) => workflow,
        // The editor shows them like any other problem.
        Err(problems) => {
            return Ok(Json(CheckOut {
                problems: problems.into_iter().map(ProblemOut::from).collect(),
                nodes: serde_json::json!({}),
            }));
        }
    };
    let (store, scope, id) = (&app.store, &caller.scope, Some(WorkflowId(id)));
    let resources = Resources::read(store, scope, &app.catalogue, &workflow, id).await?;
    let mut checked = check(&workflow, &app.catalogue, &resources);
    let language = query.lang.as_deref().unwrap_or("en");
    if let Some(messages) = app.catalogue.messages(language) {
        for node in &workflow.nodes {
            if let Some(checked) = checked.nodes.get_mut(&node.id) {
                checked.retitle(&node.node_type, messages);
            }
        }
    }
    let mut nodes = serde_json::to_value(&checked.nodes).map_err(ApiError::internal)?;
    let schedules = schedules(&app.catalogue, &workflow);
    if !schedules.is_empty() {
        let holidays = store::firm::get(&app.store, &caller.scope).await?.holidays;
        let calendar = Calendar::of(&workflow.time_zone, holidays);
        for (node, schedule) in schedules {
            let next = schedule.rule.next_n(&calendar, Timestamp::now(), AHEAD);
            if let Some(checked) = nodes.get_mut(&node) {
                checked["next"] = serde_json::json!(next);
            }
        }
    }
    Ok(Json(CheckOut {
        problems: checked.problems.into_iter().map(ProblemOut::from).collect(),
        nodes,
    }))
}

const PAGE: i64 = 50;

/// Moments of a schedule that the editor shows.
const AHEAD: usize = 3;

pub(super) fn draft_changed(current: &RevisionItem) -> ApiError {
    let who = current.changed_by.as_deref().unwrap_or("Somebody");
    ApiError::new(
        StatusCode::CONFLICT,
        "draft_changed",
        format!("{who} changed this draft meanwhile. Nothing was overwritten."),
    )
    .current(serde_json::json!({
        "revision": current.revision,
        "changed_by": current.changed_by,
        "changed_at": current.changed_at,
    }))
}

pub(super) fn wrong_cursor() -> ApiError {
    ApiError::bad_request("wrong_cursor", "\"after\" is not from the page before.")
}

impl From<Draft> for DraftOut {
    fn from(draft: Draft) -> Self {
        Self {
            revision: draft.revision,
            document: draft.document,
            changed_at: draft.changed_at,
            changed_by: draft.changed_by,
        }
    }
}

impl From<RevisionItem> for DraftRevisionOut {
    fn from(row: RevisionItem) -> Self {
        Self {
            revision: row.revision,
            changed_at: row.changed_at,
            changed_by: row.changed_by,
        }
    }
}
