//! `POST /c/{token}/{step}`: another program answers a run that waits for it, by a link that earlier steps have given to it. One call
//! counts; the same one again gets the same answer.

use std::time::Duration;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{graph, ids::RunId, kind::Field, workflow::Workflow};
use serde_json::{Value as JsonValue, json};
use store::{Scope, link, run};

use super::{Public, hooks::Call, hooks::check, limits::Act, uploads::too_many};
use crate::{App, client::ClientAddress, error::ApiError};

/// Whoever is faster than the run is held for so long, and then asked to come back.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(250);
const COME_BACK_SECONDS: &str = "10";

/// What a link leads to.
struct Awaited {
    scope: Scope,
    run: RunId,
    node: String,
    fields: Vec<Field>,
    currency: String,
}

/// `POST /c/{token}/{step}`.
pub(crate) async fn receive(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path((token, node)): Path<(String, String)>,
    address: ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("address");
    let (scope, run) = link::open_callback(&app.store, &node, &token).await?;
    let detail = run::get(&app.store, &scope, run).await?;
    public
        .limits
        .take(Act::Hook, address.0, detail.item.workflow)
        .map_err(too_many)?;
    let workflow = graph::parse(&detail.document).map_err(|_| unknown())?;
    let fields = fields(&app, &workflow, &node).ok_or_else(unknown)?;
    let awaited = Awaited {
        scope,
        run,
        node,
        fields,
        currency: workflow.currency,
    };
    let call = Call::read(request).await?;
    let body = check(&call.body, &awaited.fields, &awaited.currency)?;
    awaited.take(&app, &body).await
}

/// What the step takes; `None` when it is not called back.
fn fields(app: &App, workflow: &Workflow, id: &str) -> Option<Vec<Field>> {
    let node = workflow.nodes.iter().find(|node| node.id == id)?;
    let known = app.catalogue.get(&node.node_type, node.version)?;
    known.bind(&node.config).ok()?.callback()
}

impl Awaited {
    async fn take(&self, app: &App, body: &JsonValue) -> Result<Response, ApiError> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = self.settled(app, body).await? {
                return Ok(answer);
            }
            if tokio::time::Instant::now() >= deadline {
                let early = ApiError::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "callback_early",
                    "The run does not wait for this yet. Call again in a moment.",
                );
                return Err(early.header(header::RETRY_AFTER, COME_BACK_SECONDS));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The answer as far as there is one: `None` while the step has not begun to wait, or has not ended yet.
    async fn settled(&self, app: &App, body: &JsonValue) -> Result<Option<Response>, ApiError> {
        let store = &app.store;
        let needs = |node: &str| node == self.node;
        let steps = run::steps_with(store, &self.scope, self.run, needs).await?;
        let step = steps
            .iter()
            .find(|step| step.node == self.node && step.item_path.is_empty());
        let over = || {
            ApiError::new(
                StatusCode::GONE,
                "callback_over",
                "The run does not wait for this any more. Nothing was taken.",
            )
        };
        let Some(step) = step else {
            let standing = run::standing(store, &self.scope, self.run).await?;
            return if standing.finished {
                Err(over())
            } else {
                Ok(None)
            };
        };
        match step.state.as_str() {
            "waiting" => {
                let first = run::signal(store, &self.scope, self.run, &self.node, body).await?;
                Ok(first.then(taken))
            }
            "succeeded" if step.output.as_ref() == Some(body) => Ok(Some(taken())),
            "succeeded" if step.output.is_some() => Err(ApiError::new(
                StatusCode::CONFLICT,
                "callback_used",
                "This link was called before, with other values. One call counts.",
            )),
            "succeeded" | "failed" | "cancelled" | "skipped" => Err(over()),
            _ => Ok(None),
        }
    }
}

fn taken() -> Response {
    Json(json!({"taken": true})).into_response()
}
