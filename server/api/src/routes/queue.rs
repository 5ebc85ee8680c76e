//! The queue of the workspace: how it stands, and its pause.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, auth::Caller, error::Result, extract::Body};

/// How the queue stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueueOut {
    /// Since when nothing is begun in any workflow; null while it goes on.
    pub paused_at: Option<Timestamp>,
    /// Name of the person.
    pub paused_by: Option<String>,
    /// Steps that are due and that nobody works on; counted up to 10,000.
    pub due: i64,
    /// Steps that are being worked on.
    pub under_way: i64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueuePatch {
    /// `true`: what is handed in is stored and waits; steps under way are finished.
    pub paused: bool,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_queue, change_queue))
}

/// How the queue stands.
#[utoipa::path(get, path = "/queue", tag = "runs", responses((status = 200, body = QueueOut)))]
async fn read_queue(State(app): State<App>, caller: Caller) -> Result<Json<QueueOut>> {
    Ok(Json(queue_out(&app, &caller).await?))
}

/// Pauses all workflows, or lets them go on.
#[utoipa::path(patch, path = "/queue", tag = "runs", request_body = QueuePatch, responses((status = 200, body = QueueOut)))]
async fn change_queue(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<QueuePatch>,
) -> Result<Json<QueueOut>> {
    store::queue::set_paused(&app.store, &caller.scope, body.paused).await?;
    Ok(Json(queue_out(&app, &caller).await?))
}

async fn queue_out(app: &App, caller: &Caller) -> Result<QueueOut> {
    let standing = store::queue::standing(&app.store, &caller.scope).await?;
    Ok(QueueOut {
        paused_at: standing.paused_at,
        paused_by: standing.paused_by,
        due: standing.due,
        under_way: standing.under_way,
    })
}
