//! Receivers of signed webhooks.

use axum::{Json, extract::State, http::StatusCode};
use engine::{ids::EndpointId, node::Attach};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Page;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path},
};

#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointOut {
    pub id: Uuid,
    pub name: String,
    pub url: String,
    pub attach: AttachWire,
    pub disabled_at: Option<Timestamp>,
    /// `gone` (the receiver answered 410) or `person`.
    pub disabled_reason: Option<String>,
    pub created_at: Timestamp,
}

/// How files travel: as a signed link that expires, or inside the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Attach)]
pub enum AttachWire {
    #[default]
    Link,
    Inline,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointIn {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `https://…` or `http://…`.
    #[schema(max_length = 2000)]
    pub url: String,
    #[serde(default)]
    #[schema(required = false)]
    pub attach: AttachWire,
}

/// What to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointPatch {
    pub name: Option<String>,
    pub url: Option<String>,
    pub attach: Option<AttachWire>,
    /// `true` turns it off, `false` on again.
    pub disabled: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointCreatedOut {
    pub endpoint: EndpointOut,
    /// `whsec_…`, for checking signatures; never shown again.
    pub secret: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointSecretOut {
    /// The new secret; never shown again.
    pub secret: String,
    /// Until then messages are signed with the old secret as well.
    pub old_secret_until: Timestamp,
}

/// How the receiver took a test message.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointTestOut {
    pub delivered: bool,
    pub status: Option<u16>,
    pub took_ms: u64,
    /// First part of the answer.
    pub answer: Option<String>,
    pub error: Option<String>,
}

impl From<Attach> for AttachWire {
    fn from(attach: Attach) -> Self {
        match attach {
            Attach::Link => Self::Link,
            Attach::Inline => Self::Inline,
        }
    }
}

impl From<AttachWire> for Attach {
    fn from(attach: AttachWire) -> Self {
        match attach {
            AttachWire::Link => Self::Link,
            AttachWire::Inline => Self::Inline,
        }
    }
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_endpoints, create_endpoint))
        .routes(routes!(read_endpoint, change_endpoint, delete_endpoint))
        .routes(routes!(rotate_endpoint_secret))
        .routes(routes!(test_endpoint))
}

/// All receivers.
#[utoipa::path(get, path = "/endpoints", tag = "endpoints", responses((status = 200, body = Page<EndpointOut>)))]
async fn list_endpoints(
    State(_app): State<App>,
    _caller: Caller,
) -> Result<Json<Page<EndpointOut>>> {
    Err(ApiError::not_built())
}

/// Adds a receiver and shows its signing secret this once.
#[utoipa::path(post, path = "/endpoints", tag = "endpoints", request_body = EndpointIn,
    responses((status = 201, body = EndpointCreatedOut)))]
async fn create_endpoint(
    State(_app): State<App>,
    _caller: Caller,
    Body(_body): Body<EndpointIn>,
) -> Result<(StatusCode, Json<EndpointCreatedOut>)> {
    Err(ApiError::not_built())
}

/// One receiver.
#[utoipa::path(get, path = "/endpoints/{id}", tag = "endpoints", params(("id" = Uuid, Path)),
    responses((status = 200, body = EndpointOut)))]
async fn read_endpoint(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<EndpointOut>> {
    Err(ApiError::not_built())
}

/// Changes a receiver.
#[utoipa::path(patch, path = "/endpoints/{id}", tag = "endpoints", params(("id" = Uuid, Path)),
    request_body = EndpointPatch, responses((status = 200, body = EndpointOut)))]
async fn change_endpoint(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Body(_body): Body<EndpointPatch>,
) -> Result<Json<EndpointOut>> {
    Err(ApiError::not_built())
}

/// Removes a receiver; its deliveries stay to be seen.
#[utoipa::path(delete, path = "/endpoints/{id}", tag = "endpoints", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_endpoint(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<StatusCode> {
    Err(ApiError::not_built())
}

/// Makes a new signing secret; the old one signs as well for 24 hours.
#[utoipa::path(post, path = "/endpoints/{id}/secret", tag = "endpoints", params(("id" = Uuid, Path)),
    responses((status = 200, body = EndpointSecretOut)))]
async fn rotate_endpoint_secret(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<EndpointSecretOut>> {
    Err(ApiError::not_built())
}

/// Sends a signed test message now.
#[utoipa::path(post, path = "/endpoints/{id}/test", tag = "endpoints", params(("id" = Uuid, Path)),
    responses((status = 200, body = EndpointTestOut)))]
async fn test_endpoint(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<Json<EndpointTestOut>> {
    let _ = EndpointId(_id);
    Err(ApiError::not_built())
}
