//! Document templates with append-only versions.

use axum::{Json, extract::State, http::StatusCode};
use document::Template;
use engine::{
    check::Problem,
    ids::{DocumentId, WorkflowId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::document::{Deletion, NewDocument};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, document_examples::spoken};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path},
    openapi::DocumentFieldSchema,
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentRowOut {
    pub id: Uuid,
    pub name: String,
    /// Newest version.
    pub version: i32,
    /// Its draft has changes that are not published.
    pub changed: bool,
    /// Workflows whose draft or live version uses it.
    pub(crate) used_by: Vec<WorkflowUseOut>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkflowUseOut {
    pub id: Uuid,
    pub name: String,
}

impl From<(WorkflowId, String)> for WorkflowUseOut {
    fn from((id, name): (WorkflowId, String)) -> Self {
        Self {
            id: id.as_uuid(),
            name,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentOut {
    pub id: Uuid,
    pub name: String,
    pub version: i32,
    #[schema(value_type = Object)]
    pub template: Value,
    /// The template's typed fields.
    #[schema(value_type = Vec<DocumentFieldSchema>)]
    pub fields: Value,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

/// A template, or a shipped document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentIn {
    /// Needed beside a template; a shipped document has a title.
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub template: Option<Value>,
    /// Name of a shipped document.
    pub example: Option<String>,
    /// Of the shipped document; the firm's when absent.
    pub language: Option<String>,
}

/// A new version; 409 `document_changed` when the base is stale.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentUpdateIn {
    pub base_version: i32,
    #[schema(value_type = Object)]
    pub template: Value,
    #[schema(min_length = 1, max_length = 200)]
    pub name: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentPatch {
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentVersionOut {
    pub number: i32,
    pub created_at: Timestamp,
    /// Name of the person.
    pub created_by: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_documents, create_document))
        .routes(routes!(
            read_document,
            write_document,
            change_document,
            delete_document
        ))
        .routes(routes!(list_document_versions))
        .routes(routes!(read_document_version))
}

/// All document templates, newest change first.
#[utoipa::path(get, path = "/documents", tag = "documents", responses((status = 200, body = Page<DocumentRowOut>)))]
async fn list_documents(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<DocumentRowOut>>> {
    let rows = store::document::list(&app.store, &caller.scope).await?;
    Ok(Json(Page::all(rows)))
}

/// Makes a template with its first version.
#[utoipa::path(post, path = "/documents", tag = "documents", request_body = DocumentIn,
    responses((status = 201, body = DocumentOut)))]
async fn create_document(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<DocumentIn>,
) -> Result<(StatusCode, Json<DocumentOut>)> {
    let (title, template) = match (body.example, body.template) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid(
                "two_sources",
                "/template",
                "Send the name of an example or a template, not both.",
            ));
        }
        (Some(name), None) => {
            let (title, template) = shipped(&app, &caller, &name, body.language.as_deref()).await?;
            (Some(title), template)
        }
        (None, Some(_)) if body.language.is_some() => {
            return Err(ApiError::invalid(
                "example_language",
                "/language",
                "A template says its language itself. Name one only beside an example.",
            ));
        }
        (None, Some(template)) => (None, template),
        (None, None) => {
            return Err(ApiError::invalid(
                "template_missing",
                "/template",
                "Send a template, or the name of an example.",
            ));
        }
    };
    let name = body.name.or(title).ok_or_else(|| {
        let message = "A name must not be empty or too long.";
        ApiError::invalid("name_invalid", "/name", message)
    })?;
    sound_template(&template)?;
    let new = NewDocument {
        id: store::fresh_id(),
        name,
        template,
    };
    let made = store::document::create(&app.store, &caller.scope, new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Title and template of a shipped document.
async fn shipped(
    app: &App,
    caller: &Caller,
    name: &str,
    language: Option<&str>,
) -> Result<(String, Value)> {
    let example = app.documents.find(name).ok_or_else(|| {
        ApiError::invalid("example_unknown", "/example", "There is no such example.")
    })?;
    let firm = store::firm::get(&app.store, &caller.scope).await?;
    let translation = spoken(example, language, &firm.locale)?;
    Ok((translation.title.clone(), translation.template.clone()))
}

/// The newest version.
#[utoipa::path(get, path = "/documents/{id}", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 200, body = DocumentOut)))]
async fn read_document(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<DocumentOut>> {
    let document = store::document::get(&app.store, &caller.scope, DocumentId(id)).await?;
    Ok(Json(document.into()))
}

/// Appends a version. Published workflows keep theirs until they are published again.
#[utoipa::path(put, path = "/documents/{id}", tag = "documents", params(("id" = Uuid, Path)),
    request_body = DocumentUpdateIn, responses((status = 200, body = DocumentOut)))]
async fn write_document(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<DocumentUpdateIn>,
) -> Result<Json<DocumentOut>> {
    sound_template(&body.template)?;
    let document = store::document::put(
        &app.store,
        &caller.scope,
        DocumentId(id),
        body.base_version,
        &body.template,
        body.name.as_deref(),
    )
    .await?;
    Ok(Json(document.into()))
}

/// Renames a template; its versions and its draft stay as they are.
#[utoipa::path(patch, path = "/documents/{id}", tag = "documents", params(("id" = Uuid, Path)),
    request_body = DocumentPatch, responses((status = 200, body = DocumentOut)))]
async fn change_document(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<DocumentPatch>,
) -> Result<Json<DocumentOut>> {
    let (store, scope, id) = (&app.store, &caller.scope, DocumentId(id));
    store::document::rename(store, scope, id, &body.name).await?;
    let document = store::document::get(store, scope, id).await?;
    Ok(Json(document.into()))
}

/// Deletes a template; 409 `document_used` with the workflows whose draft or live version uses it.
#[utoipa::path(delete, path = "/documents/{id}", tag = "documents", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_document(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    match store::document::delete(&app.store, &caller.scope, DocumentId(id)).await? {
        Deletion::Deleted => Ok(StatusCode::NO_CONTENT),
        Deletion::Used(users) => Err(document_used(users)),
    }
}

fn document_used(users: Vec<(WorkflowId, String)>) -> ApiError {
    let users: Vec<WorkflowUseOut> = users.into_iter().map(WorkflowUseOut::from).collect();
    let names: Vec<String> = users
        .iter()
        .map(|user| format!("\"{}\"", user.name))
        .collect();
    let detail = format!(
        "It is used by {}. Choose another document there first, and publish it.",
        names.join(", ")
    );
    ApiError::new(StatusCode::CONFLICT, "document_used", detail)
        .current(json!({ "used_by": users }))
}

/// All versions, newest first.
#[utoipa::path(get, path = "/documents/{id}/versions", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 200, body = Page<DocumentVersionOut>)))]
async fn list_document_versions(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Page<DocumentVersionOut>>> {
    let rows = store::document::versions(&app.store, &caller.scope, DocumentId(id)).await?;
    Ok(Json(Page::all(rows)))
}

/// One version.
#[utoipa::path(get, path = "/documents/{id}/versions/{number}", tag = "documents",
    params(("id" = Uuid, Path), ("number" = i32, Path)), responses((status = 200, body = DocumentOut)))]
async fn read_document_version(
    State(app): State<App>,
    caller: Caller,
    Path((id, number)): Path<(Uuid, i32)>,
) -> Result<Json<DocumentOut>> {
    let document =
        store::document::version(&app.store, &caller.scope, DocumentId(id), number).await?;
    Ok(Json(document.into()))
}

/// A template that can be drawn; every problem is told.
pub(super) fn parse_template(template: &Value) -> Result<Template> {
    Template::parse(template).map_err(not_sound)
}

/// Versions are made only of templates that can be drawn and whose names are all known.
pub(super) fn sound_template(template: &Value) -> Result<()> {
    let problems = problems(template);
    if problems.is_empty() {
        Ok(())
    } else {
        Err(not_sound(problems))
    }
}

/// What must be solved before a version is made.
pub(super) fn problems(template: &Value) -> Vec<Problem> {
    match Template::parse(template) {
        Ok(template) => template.check(),
        Err(problems) => problems,
    }
}

fn not_sound(problems: Vec<Problem>) -> ApiError {
    let problems = problems
        .into_iter()
        .map(|problem| problem.under("/template"))
        .collect();
    ApiError::from_problems("This is not a document.", problems)
}

impl From<store::document::DocumentItem> for DocumentRowOut {
    fn from(row: store::document::DocumentItem) -> Self {
        Self {
            id: row.id.as_uuid(),
            name: row.name,
            version: row.number,
            changed: row.changed,
            used_by: row.used_by.into_iter().map(WorkflowUseOut::from).collect(),
            created_at: row.created_at,
            changed_at: row.changed_at,
        }
    }
}

impl From<store::document::Document> for DocumentOut {
    fn from(document: store::document::Document) -> Self {
        let fields = Template::parse(&document.template)
            .map(|template| template.declared().to_vec())
            .unwrap_or_default();
        Self {
            id: document.id.as_uuid(),
            name: document.name,
            version: document.number,
            template: document.template,
            fields: json!(fields),
            created_at: document.created_at,
            changed_at: document.changed_at,
        }
    }
}

impl From<store::document::VersionItem> for DocumentVersionOut {
    fn from(version: store::document::VersionItem) -> Self {
        Self {
            number: version.number,
            created_at: version.created_at,
            created_by: version.created_by,
        }
    }
}
