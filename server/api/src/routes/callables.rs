//! Workflows that others may call: what they take and what they answer with.

use axum::{Json, extract::State};
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

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_callable_workflows))
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
