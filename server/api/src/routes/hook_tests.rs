//! The address of an inbound webhook, and listening for a test call of it.

use axum::{Json, extract::State, http::StatusCode};
use engine::{
    foreign,
    ids::WorkflowId,
    kind::{Field, Kind},
    node::{Proof, Trigger, Webhook},
    workflow::Node,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Path,
    workflow_document::triggers,
};

/// What is known of a webhook step of the draft.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HookTestOut {
    /// Where the other program sends to.
    pub url: String,
    /// Null while nobody listens.
    pub listening_until: Option<Timestamp>,
    pub received_at: Option<Timestamp>,
    /// The message, with names as they are written here.
    #[schema(value_type = Option<Object>)]
    pub sample: Option<Value>,
    /// The values that it holds, as the step declares them.
    #[schema(value_type = Vec<Object>)]
    pub fields: Vec<Field>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_hook_test, start_hook_test, stop_hook_test))
}

/// The step's address, and what a test call brought.
#[utoipa::path(get, path = "/workflows/{id}/hook-tests/{name}", tag = "workflows",
    params(("id" = Uuid, Path), ("name" = String, Path, description = "id of the step")),
    responses((status = 200, body = HookTestOut)))]
async fn read_hook_test(
    State(app): State<App>,
    caller: Caller,
    Path((id, node)): Path<(Uuid, String)>,
) -> Result<Json<HookTestOut>> {
    Ok(Json(out(&app, &caller, WorkflowId(id), &node).await?))
}

/// Listens ten minutes for the next call; what came before is forgotten.
#[utoipa::path(post, path = "/workflows/{id}/hook-tests/{name}", tag = "workflows",
    params(("id" = Uuid, Path), ("name" = String, Path, description = "id of the step")),
    responses((status = 200, body = HookTestOut)))]
async fn start_hook_test(
    State(app): State<App>,
    caller: Caller,
    Path((id, node)): Path<(Uuid, String)>,
) -> Result<Json<HookTestOut>> {
    let id = WorkflowId(id);
    webhook(&app, &caller, id, &node).await?;
    store::hook_test::start(&app.store, &caller.scope, id, &node).await?;
    Ok(Json(out(&app, &caller, id, &node).await?))
}

/// Listens no more, and forgets what came.
#[utoipa::path(delete, path = "/workflows/{id}/hook-tests/{name}", tag = "workflows",
    params(("id" = Uuid, Path), ("name" = String, Path, description = "id of the step")), responses((status = 204)))]
async fn stop_hook_test(
    State(app): State<App>,
    caller: Caller,
    Path((id, node)): Path<(Uuid, String)>,
) -> Result<StatusCode> {
    store::hook_test::stop(&app.store, &caller.scope, WorkflowId(id), &node).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn out(app: &App, caller: &Caller, id: WorkflowId, node: &str) -> Result<HookTestOut> {
    let (webhook, slug, currency) = webhook(app, caller, id, node).await?;
    let public = app.config.public_url.as_str();
    let url = if webhook.proof == Proof::None {
        store::link::open_hook_url(public, &slug)
    } else {
        store::link::hook_url(&app.store.sealer, public, &slug, id, node)?
    };
    let test = store::hook_test::get(&app.store, &caller.scope, id, node).await?;
    let body = test.as_ref().and_then(|test| test.body.as_ref());
    let fields = body
        .and_then(Value::as_object)
        .map(foreign::fields_of)
        .unwrap_or_default();
    let kind = Kind::Record { fields };
    let sample = body.map(|body| foreign::adopt(body, &kind, &currency));
    let Kind::Record { fields } = kind else {
        return Err(ApiError::not_found("step"));
    };
    Ok(HookTestOut {
        url,
        listening_until: test
            .as_ref()
            .filter(|test| test.body.is_none() && test.until > Timestamp::now())
            .map(|test| test.until),
        received_at: test.as_ref().and_then(|test| test.received_at),
        sample,
        fields,
    })
}

/// The step as the draft has it, the workflow's address and currency.
async fn webhook(
    app: &App,
    caller: &Caller,
    id: WorkflowId,
    node: &str,
) -> Result<(Webhook, String, String)> {
    let workflow = store::workflow::get(&app.store, &caller.scope, id).await?;
    let document = workflow.draft.document;
    let nodes: Vec<Node> = document
        .get("nodes")
        .and_then(|nodes| serde_json::from_value(nodes.clone()).ok())
        .unwrap_or_default();
    let currency = document.get("currency").and_then(Value::as_str);
    triggers(&app.catalogue, &nodes)
        .into_iter()
        .find_map(|(id, trigger)| match trigger {
            Trigger::Webhook(webhook) if id == node => Some(webhook),
            Trigger::Webhook(_) | Trigger::Form(_) | Trigger::Schedule(_) | Trigger::Call(_) => {
                None
            }
        })
        .map(|webhook| (webhook, workflow.slug, currency.unwrap_or("EUR").to_owned()))
        .ok_or_else(|| ApiError::not_found("step"))
}
