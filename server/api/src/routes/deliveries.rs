//! Outgoing messages and what receivers answered.

use std::time::Duration;

use axum::{Json, extract::State};
use engine::{
    ids::{DeliveryId, EndpointId},
    node::StepError,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    Scope,
    delivery::{Channel, DeliveryItem, Filter},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, artifacts::ArtifactOut, cursor, endpoints::AttachWire, runs::out::StepErrorOut};
use crate::{
    App,
    auth::Caller,
    error::Result,
    extract::{Path, Query},
    workflow_document::slug,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    Due,
    Sending,
    Retrying,
    Delivered,
    GivenUp,
    Stopped,
    /// Of a trial run, not sent.
    Held,
}

/// How it travels: to an endpoint, or through the mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeliveryChannel)]
pub(crate) enum ChannelWire {
    Webhook,
    Mail,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryRowOut {
    pub id: Uuid,
    pub state: DeliveryState,
    /// None for test messages and mails of the program itself.
    pub run: Option<DeliveryRunOut>,
    /// The run's title.
    pub title: Option<String>,
    pub channel: ChannelWire,
    /// None for mails.
    pub endpoint: Option<DeliveryEndpointOut>,
    /// Whom a mail goes to, copies included.
    pub recipients: Vec<String>,
    /// Such as `document.ready`.
    pub message_type: String,
    pub attempts: i32,
    /// HTTP or SMTP status of the newest attempt.
    pub last_status: Option<i32>,
    pub last_error: Option<String>,
    /// When it is tried next.
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryRunOut {
    pub id: Uuid,
    pub title: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryEndpointOut {
    pub id: Uuid,
    pub name: String,
    /// Only with one delivery.
    pub url: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryOut {
    pub id: Uuid,
    pub state: DeliveryState,
    pub run: Option<DeliveryRunOut>,
    pub channel: ChannelWire,
    /// None for mails.
    pub endpoint: Option<DeliveryEndpointOut>,
    /// Whom a mail goes to, copies included.
    pub recipients: Vec<String>,
    pub message_type: String,
    /// What is sent; links are made anew for every attempt.
    #[schema(value_type = Object)]
    pub message: Value,
    pub files: Vec<ArtifactOut>,
    pub attach: AttachWire,
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// Newest first.
    pub attempts: Vec<DeliveryAttemptOut>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryAttemptOut {
    pub attempt: i32,
    pub started_at: Timestamp,
    pub took_ms: Option<i64>,
    pub status: Option<i32>,
    /// First part of the answer.
    pub answer_head: Option<String>,
    pub error: Option<StepErrorOut>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveriesQuery {
    pub state: Option<DeliveryState>,
    pub endpoint: Option<Uuid>,
    pub channel: Option<ChannelWire>,
    /// `next` of the page before.
    pub after: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(read_delivery))
        .routes(routes!(send_delivery_again))
        .routes(routes!(stop_delivery))
}

/// Deliveries, newest first; those that a trial run holds back only with `state=held`.
#[utoipa::path(get, path = "/deliveries", tag = "deliveries", params(DeliveriesQuery),
    responses((status = 200, body = Page<DeliveryRowOut>)))]
async fn list_deliveries(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<Page<DeliveryRowOut>>> {
    let filter = Filter {
        state: query.state.map(|state| slug(&state)),
        endpoint: query.endpoint.map(EndpointId),
        channel: query.channel.map(Channel::from),
        run: None,
        after: cursor(query.after.as_deref())?.map(DeliveryId),
        limit: PAGE + 1,
    };
    let rows = store::delivery::list(&app.store, &caller.scope, &filter).await?;
    Ok(Json(Page::cut(
        rows.into_iter().map(DeliveryRowOut::from).collect(),
        PAGE,
        |row| row.id.to_string(),
    )))
}

/// One delivery with all attempts.
#[utoipa::path(get, path = "/deliveries/{id}", tag = "deliveries", params(("id" = Uuid, Path)),
    responses((status = 200, body = DeliveryOut)))]
async fn read_delivery(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<DeliveryOut>> {
    Ok(Json(delivery_out(&app, &caller, DeliveryId(id)).await?))
}

async fn delivery_out(app: &App, caller: &Caller, id: DeliveryId) -> Result<DeliveryOut> {
    let delivery = store::delivery::get(&app.store, &caller.scope, id).await?;
    let attempts = store::delivery::attempts(&app.store, &caller.scope, id).await?;
    let mut attempts: Vec<DeliveryAttemptOut> = attempts
        .into_iter()
        .map(|attempt| DeliveryAttemptOut {
            attempt: attempt.attempt,
            started_at: attempt.started_at,
            took_ms: Some(attempt.took_ms),
            status: attempt.status,
            answer_head: attempt.answer_head,
            error: attempt.error.as_ref().map(StepErrorOut::from_json),
        })
        .collect();
    attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.attempt));
    let row = DeliveryRowOut::from(delivery.item);
    Ok(DeliveryOut {
        channel: row.channel,
        endpoint: row.endpoint.map(|endpoint| DeliveryEndpointOut {
            url: Some(delivery.url),
            ..endpoint
        }),
        recipients: row.recipients,
        id: row.id,
        state: row.state,
        run: row.run,
        message_type: row.message_type,
        message: delivery.message,
        files: delivery
            .artifacts
            .into_iter()
            .map(ArtifactOut::new)
            .collect(),
        attach: if delivery.attach == "inline" {
            AttachWire::Inline
        } else {
            AttachWire::Link
        },
        due_at: row.due_at,
        created_at: row.created_at,
        finished_at: row.finished_at,
        attempts,
    })
}

/// Sends it again now: same file, same delivery number.
#[utoipa::path(post, path = "/deliveries/{id}/send-again", tag = "deliveries", params(("id" = Uuid, Path)),
    responses((status = 200, body = DeliveryOut)))]
async fn send_delivery_again(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<DeliveryOut>> {
    store::delivery::send_again(&app.store, &caller.scope, DeliveryId(id)).await?;
    Ok(Json(delivery_out(&app, &caller, DeliveryId(id)).await?))
}

/// Stops trying.
#[utoipa::path(post, path = "/deliveries/{id}/stop", tag = "deliveries", params(("id" = Uuid, Path)),
    responses((status = 200, body = DeliveryOut)))]
async fn stop_delivery(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<DeliveryOut>> {
    store::delivery::stop(&app.store, &caller.scope, DeliveryId(id)).await?;
    Ok(Json(delivery_out(&app, &caller, DeliveryId(id)).await?))
}

const PAGE: i64 = 50;

/// How a receiver took a test message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryTestOut {
    pub delivered: bool,
    pub status: Option<i32>,
    pub took_ms: Option<i64>,
    /// First part of the answer.
    pub answer_head: Option<String>,
    pub error: Option<StepErrorOut>,
}

/// How long a person waits for the answer to a test message.
const TEST_WAIT: Duration = Duration::from_secs(20);
const TEST_LOOK: Duration = Duration::from_millis(250);

/// What came of the first try of a test message.
pub(super) async fn first_attempt(
    app: &App,
    scope: &Scope,
    delivery: DeliveryId,
) -> Result<DeliveryTestOut> {
    let store = &app.store;
    let mut changes = store.events.subscribe();
    let until = tokio::time::Instant::now() + TEST_WAIT;
    loop {
        let attempts = store::delivery::attempts(store, scope, delivery).await?;
        if let Some(attempt) = attempts.into_iter().next() {
            return Ok(DeliveryTestOut {
                delivered: attempt
                    .status
                    .is_some_and(|status| (200..300).contains(&status)),
                status: attempt.status,
                took_ms: Some(attempt.took_ms),
                answer_head: attempt.answer_head,
                error: attempt.error.as_ref().map(StepErrorOut::from_json),
            });
        }
        if tokio::time::Instant::now() >= until {
            let error = StepError::new(
                "no_answer_yet",
                "There is no answer yet. The message stays on its way; look under Deliveries.",
            );
            return Ok(DeliveryTestOut {
                delivered: false,
                status: None,
                took_ms: None,
                answer_head: None,
                error: Some(error.into()),
            });
        }
        // A change of any delivery, or the next look.
        let _ = tokio::time::timeout(TEST_LOOK, changes.recv()).await;
    }
}

impl From<Channel> for ChannelWire {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Webhook => Self::Webhook,
            Channel::Mail => Self::Mail,
        }
    }
}

impl From<ChannelWire> for Channel {
    fn from(channel: ChannelWire) -> Self {
        match channel {
            ChannelWire::Webhook => Self::Webhook,
            ChannelWire::Mail => Self::Mail,
        }
    }
}

impl DeliveryState {
    pub(super) fn parse(state: &str) -> Self {
        match state {
            "sending" => Self::Sending,
            "retrying" => Self::Retrying,
            "delivered" => Self::Delivered,
            "given_up" => Self::GivenUp,
            "stopped" => Self::Stopped,
            "held" => Self::Held,
            _ => Self::Due,
        }
    }
}

impl From<DeliveryItem> for DeliveryRowOut {
    fn from(item: DeliveryItem) -> Self {
        let last_error = item
            .error
            .as_ref()
            .map(|error| StepErrorOut::from_json(error).message);
        Self {
            id: item.id.as_uuid(),
            state: DeliveryState::parse(&item.state),
            run: item.run.map(|run| DeliveryRunOut {
                id: run.as_uuid(),
                title: item.run_title.clone().unwrap_or_default(),
            }),
            title: item.run_title,
            channel: item.channel.into(),
            endpoint: item.endpoint.map(|id| DeliveryEndpointOut {
                id: id.as_uuid(),
                name: item.endpoint_name,
                url: None,
            }),
            recipients: item.recipients,
            message_type: item.message_type,
            attempts: item.attempts,
            last_status: item.last_status,
            last_error,
            due_at: item.finished_at.is_none().then_some(item.due_at),
            created_at: item.created_at,
            finished_at: item.finished_at,
        }
    }
}
