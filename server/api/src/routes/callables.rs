//! Workflows that others may call: what they take and what they answer with, and who calls them.

use axum::{Json, extract::State};
use engine::ids::WorkflowId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Page;
use crate::{
    App,
    auth::Caller,
    error::Result,
    extract::Path,
    openapi::{FieldSchema, KindSchema},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallableOut {
    pub id: Uuid,
    pub name: String,
    /// What a call brings.
    #[schema(value_type = Vec<FieldSchema>)]
    pub fields: Value,
    /// Kind of the answer; null: it answers nothing.
    #[schema(value_type = Option<KindSchema>)]
    pub answer: Option<Value>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallerOut {
    pub id: Uuid,
    pub name: String,
    /// It calls only when one of its runs fails; otherwise a step of it calls.
    pub on_failure: bool,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_callable_workflows))
        .routes(routes!(list_callers))
}

/// Live workflows that begin with a call, by name; at most 500.
#[utoipa::path(get, path = "/callable-workflows", tag = "workflows", responses((status = 200, body = Page<CallableOut>)))]
async fn list_callable_workflows(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<CallableOut>>> {
    let offers = store::call::offers(&app.store, &caller.scope).await?;
    let items = offers.into_iter().map(|(id, name, offer)| CallableOut {
        id: id.as_uuid(),
        name,
        fields: json!(offer.fields),
        answer: offer.answer.map(|kind| json!(kind)),
    });
    Ok(Json(Page::complete(items.collect())))
}

/// Workflows whose published version calls this one, by name; at most 500.
#[utoipa::path(get, path = "/workflows/{id}/callers", tag = "workflows", params(("id" = Uuid, Path)),
    responses((status = 200, body = Page<CallerOut>)))]
async fn list_callers(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<Page<CallerOut>>> {
    let callers = store::call::callers(&app.store, &caller.scope, WorkflowId(id)).await?;
    Ok(Json(Page::all(callers)))
}

impl From<store::call::Caller> for CallerOut {
    fn from(caller: store::call::Caller) -> Self {
        Self {
            id: caller.workflow.as_uuid(),
            name: caller.name,
            on_failure: caller.on_failure,
        }
    }
}
