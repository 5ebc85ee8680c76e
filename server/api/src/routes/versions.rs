//! Published versions: immutable, with the document templates they pin.

use axum::{Json, extract::State, http::StatusCode};
use engine::{check::Problem, ids::WorkflowId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::workflow::{Draft, Pin, Pins, Version};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Page;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path},
    openapi::WorkflowSchema,
    workflow_document::{Resources, check, parse, private, schedules},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LiveVersionOut {
    pub number: i32,
    pub published_at: Timestamp,
    /// Name of the person.
    pub published_by: Option<String>,
    pub note: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionOut {
    pub id: Uuid,
    pub number: i32,
    pub published_at: Timestamp,
    pub published_by: Option<String>,
    pub note: String,
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
    /// The template versions it was published with.
    pub documents: Vec<PinnedOut>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PinnedOut {
    pub document: Uuid,
    pub name: String,
    /// Number of the template's version.
    pub number: i32,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishIn {
    /// The draft revision that the person looked at.
    pub base_revision: i64,
    /// What changed, in words.
    #[serde(default)]
    #[schema(max_length = 2000, required = false)]
    pub note: String,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(publish_workflow))
        .routes(routes!(list_versions))
        .routes(routes!(read_version))
}

/// Publishes the draft: 422 with every problem if there are errors, 409 if the draft moved on.
#[utoipa::path(post, path = "/workflows/{id}/publish", tag = "workflows", params(("id" = Uuid, Path)),
    request_body = PublishIn, responses((status = 201, body = VersionOut)))]
async fn publish_workflow(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<PublishIn>,
) -> Result<(StatusCode, Json<VersionOut>)> {
    let id = WorkflowId(id);
    let draft = store::workflow::get(&app.store, &caller.scope, id)
        .await?
        .draft;
    if draft.revision != body.base_revision {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "draft_changed",
            "The draft changed meanwhile. Look at it and publish again.",
        )
        .current(json!({
            "revision": draft.revision,
            "changed_by": draft.changed_by,
            "changed_at": draft.changed_at,
        })));
    }
    let version = publish(&app, &caller, id, &draft, &body.note).await?;
    Ok((StatusCode::CREATED, Json(version.into())))
}

/// Makes a version of a draft, with what it names pinned; 422 with every problem if there are errors.
pub(super) async fn publish(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    draft: &Draft,
    note: &str,
) -> Result<Version> {
    let (store, scope) = (&app.store, &caller.scope);
    let workflow = parse(&draft.document)?;
    let resources = Resources::read(store, scope, &app.catalogue, &workflow, Some(id)).await?;
    let checked = check(&workflow, &app.catalogue, &resources);
    let errors: Vec<Problem> = checked
        .problems
        .into_iter()
        .filter(Problem::is_error)
        .collect();
    if !errors.is_empty() {
        return Err(ApiError::from_problems(
            "The workflow has problems that must be solved before it is published.",
            errors,
        ));
    }
    let templates = resources.templates.iter();
    let tables = resources.tables.iter();
    let pins = Pins {
        documents: templates
            .map(|template| Pin {
                document: template.id,
                version: template.version,
            })
            .collect(),
        tables: tables
            .map(|table| (table.id, table.layout.fields()))
            .collect(),
        series: resources.series.iter().map(|(id, _)| *id).collect(),
        offer: checked.offer,
        calls: resources.calls(),
        schedules: schedules(&app.catalogue, &workflow),
        time_zone: workflow.time_zone.clone(),
        private: private(&app.catalogue, &workflow),
        lines: checked.lines,
    };
    Ok(store::workflow::publish(store, scope, id, draft.revision, note, &pins).await?)
}

/// All versions, newest first.
#[utoipa::path(get, path = "/workflows/{id}/versions", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = Page<LiveVersionOut>)))]
async fn list_versions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Page<LiveVersionOut>>> {
    let rows = store::workflow::versions(&app.store, &caller.scope, WorkflowId(id)).await?;
    Ok(Json(Page::all(rows)))
}

/// One version with its document.
#[utoipa::path(get, path = "/workflows/{id}/versions/{number}", tag = "workflows",
    params(("id" = Uuid, Path), ("number" = i32, Path)), responses((status = 200, body = VersionOut)))]
async fn read_version(
    State(app): State<App>,
    caller: Caller,
    Path((id, number)): Path<(Uuid, i32)>,
) -> Result<Json<VersionOut>> {
    let version =
        store::workflow::version(&app.store, &caller.scope, WorkflowId(id), number).await?;
    Ok(Json(version.into()))
}

impl From<Version> for LiveVersionOut {
    fn from(version: Version) -> Self {
        Self {
            number: version.number,
            published_at: version.published_at,
            published_by: version.published_by,
            note: version.note,
        }
    }
}

impl From<Version> for VersionOut {
    fn from(version: Version) -> Self {
        Self {
            id: version.id.as_uuid(),
            number: version.number,
            published_at: version.published_at,
            published_by: version.published_by,
            note: version.note,
            document: version.document,
            documents: version
                .documents
                .into_iter()
                .map(|(document, name, number)| PinnedOut {
                    document: document.as_uuid(),
                    name,
                    number,
                })
                .collect(),
        }
    }
}
