//! Outgoing messages and what receivers answered.

use axum::{Json, extract::State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, artifacts::ArtifactOut};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Path, Query},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    Due,
    Sending,
    Retrying,
    Delivered,
    GivenUp,
    Stopped,
    /// Of a trial run, not sent.
    Held,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryRowOut {
    pub id: Uuid,
    pub state: DeliveryState,
    pub run: DeliveryRunOut,
    pub endpoint: DeliveryEndpointOut,
    /// Such as `document.ready`.
    pub message_type: String,
    pub attempts: i32,
    /// Status or error of the newest attempt.
    pub last_answer: Option<String>,
    /// When it is tried next.
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryRunOut {
    pub id: Uuid,
    pub title: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryEndpointOut {
    pub id: Uuid,
    pub name: String,
    pub url: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryOut {
    pub id: Uuid,
    pub state: DeliveryState,
    pub run: DeliveryRunOut,
    pub endpoint: DeliveryEndpointOut,
    pub message_type: String,
    /// What is sent; links are made anew for every attempt.
    #[schema(value_type = Object)]
    pub message: Value,
    pub files: Vec<ArtifactOut>,
    pub due_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    /// Newest first.
    pub attempts: Vec<DeliveryAttemptOut>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryAttemptOut {
    pub attempt: i32,
    pub started_at: Timestamp,
    pub took_ms: Option<i32>,
    pub status: Option<i32>,
    /// First part of the answer.
    pub answer: Option<String>,
    pub error: Option<String>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    pub state: Option<DeliveryState>,
    pub endpoint: Option<Uuid>,
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

/// Deliveries, newest first.
#[utoipa::path(get, path = "/deliveries", tag = "deliveries", params(DeliveriesQuery),
    responses((status = 200, body = Page<DeliveryRowOut>)))]
async fn list_deliveries(
    State(_app): State<App>,
    _caller: Caller,
    Query(_query): Query<DeliveriesQuery>,
) -> Result<Json<Page<DeliveryRowOut>>> {
    Err(ApiError::not_built())
}

/// One delivery with all attempts.
#[utoipa::path(get, path = "/deliveries/{id}", tag = "deliveries", params(("id" = Uuid, Path)),
    responses((status = 200, body = DeliveryOut)))]
async fn read_delivery(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<DeliveryOut>> {
    Err(ApiError::not_built())
}

/// Sends it again now: same file, same delivery number.
#[utoipa::path(post, path = "/deliveries/{id}/send-again", tag = "deliveries", params(("id" = Uuid, Path)),
    responses((status = 200, body = DeliveryOut)))]
async fn send_delivery_again(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<DeliveryOut>> {
    Err(ApiError::not_built())
}

/// Stops trying.
#[utoipa::path(post, path = "/deliveries/{id}/stop", tag = "deliveries", params(("id" = Uuid, Path)),
    responses((status = 200, body = DeliveryOut)))]
async fn stop_delivery(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<DeliveryOut>> {
    Err(ApiError::not_built())
}
