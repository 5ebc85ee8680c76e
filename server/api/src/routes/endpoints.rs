//! Receivers of signed webhooks.

use axum::{Json, extract::State, http::StatusCode};
use engine::{ids::EndpointId, node::Attach};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    Page,
    deliveries::{DeliveryTestOut, first_attempt},
};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointOut {
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
pub(crate) enum AttachWire {
    #[default]
    Link,
    Inline,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EndpointIn {
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
pub(crate) struct EndpointPatch {
    pub name: Option<String>,
    pub url: Option<String>,
    pub attach: Option<AttachWire>,
    /// `true` turns it off, `false` on again.
    pub disabled: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointCreatedOut {
    pub endpoint: EndpointOut,
    /// `whsec_…`, for checking signatures; never shown again.
    pub secret: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointSecretOut {
    /// The new secret; never shown again.
    pub secret: String,
    /// Until then messages are signed with the old secret as well.
    pub old_secret_until: Timestamp,
}

impl From<store::endpoint::Endpoint> for EndpointOut {
    fn from(endpoint: store::endpoint::Endpoint) -> Self {
        Self {
            id: endpoint.id.as_uuid(),
            name: endpoint.name,
            url: endpoint.url,
            attach: endpoint.attach.into(),
            disabled_at: endpoint.disabled_at,
            disabled_reason: endpoint.disabled_reason,
            created_at: endpoint.created_at,
        }
    }
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
async fn list_endpoints(State(app): State<App>, caller: Caller) -> Result<Json<Page<EndpointOut>>> {
    let rows = store::endpoint::list(&app.store, &caller.scope).await?;
    Ok(Json(Page::all(rows)))
}

/// Adds a receiver and shows its signing secret this once.
#[utoipa::path(post, path = "/endpoints", tag = "endpoints", request_body = EndpointIn,
    responses((status = 201, body = EndpointCreatedOut)))]
async fn create_endpoint(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<EndpointIn>,
) -> Result<(StatusCode, Json<EndpointCreatedOut>)> {
    check_url(&body.url)?;
    let (endpoint, secret) = store::endpoint::create(
        &app.store,
        &caller.scope,
        &body.name,
        &body.url,
        body.attach.into(),
    )
    .await?;
    let created = EndpointCreatedOut {
        endpoint: endpoint.into(),
        secret,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// One receiver.
#[utoipa::path(get, path = "/endpoints/{id}", tag = "endpoints", params(("id" = Uuid, Path)),
    responses((status = 200, body = EndpointOut)))]
async fn read_endpoint(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<EndpointOut>> {
    let endpoint = store::endpoint::get(&app.store, &caller.scope, EndpointId(id)).await?;
    Ok(Json(endpoint.into()))
}

/// Changes a receiver.
#[utoipa::path(patch, path = "/endpoints/{id}", tag = "endpoints", params(("id" = Uuid, Path)),
    request_body = EndpointPatch, responses((status = 200, body = EndpointOut)))]
async fn change_endpoint(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<EndpointPatch>,
) -> Result<Json<EndpointOut>> {
    if let Some(url) = &body.url {
        check_url(url)?;
    }
    let change = store::endpoint::Change {
        name: body.name,
        url: body.url,
        attach: body.attach.map(Attach::from),
        disabled: body.disabled,
    };
    let endpoint =
        store::endpoint::change(&app.store, &caller.scope, EndpointId(id), change).await?;
    Ok(Json(endpoint.into()))
}

/// Removes a receiver; its deliveries stay to be seen.
#[utoipa::path(delete, path = "/endpoints/{id}", tag = "endpoints", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_endpoint(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    store::endpoint::delete(&app.store, &caller.scope, EndpointId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new signing secret; the old one signs as well for 24 hours.
#[utoipa::path(post, path = "/endpoints/{id}/secret", tag = "endpoints", params(("id" = Uuid, Path)),
    responses((status = 200, body = EndpointSecretOut)))]
async fn rotate_endpoint_secret(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<EndpointSecretOut>> {
    let (secret, old_secret_until) =
        store::endpoint::rotate_secret(&app.store, &caller.scope, EndpointId(id)).await?;
    Ok(Json(EndpointSecretOut {
        secret,
        old_secret_until,
    }))
}

/// Sends a signed test message now.
#[utoipa::path(post, path = "/endpoints/{id}/test", tag = "endpoints", params(("id" = Uuid, Path)),
    responses((status = 200, body = DeliveryTestOut)))]
async fn test_endpoint(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<DeliveryTestOut>> {
    let (store, scope) = (&app.store, &caller.scope);
    let delivery = store::delivery::test(store, scope, EndpointId(id), Timestamp::now()).await?;
    Ok(Json(first_attempt(&app, scope, delivery).await?))
}

fn check_url(url: &str) -> Result<()> {
    let wrong = |message: &str| Err(ApiError::invalid("url_invalid", "/url", message));
    if url.len() > 2000 {
        return wrong("An address has at most 2,000 characters.");
    }
    let Ok(parsed) = url::Url::parse(url) else {
        return wrong("This is not a full address such as https://example.com/hook.");
    };
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_none() {
        return wrong("An address begins with https:// or http:// and has a host.");
    }
    if !parsed.username().is_empty() || parsed.password().is_some() || parsed.fragment().is_some() {
        return wrong("An address must not hold a user name, a password or a fragment.");
    }
    Ok(())
}
