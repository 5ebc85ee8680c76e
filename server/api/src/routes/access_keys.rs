//! Access keys for programs: shown once, stored as a hash, revocable.

use axum::{Json, extract::State, http::StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Page;
use crate::{
    App,
    auth::Caller,
    error::Result,
    extract::{Body, Path},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccessKeyOut {
    pub id: Uuid,
    pub name: String,
    /// The key's first characters.
    pub prefix: String,
    /// Name of the person who made it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessKeyIn {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccessKeyCreatedOut {
    pub id: Uuid,
    pub name: String,
    /// `fwk_…`; never shown again.
    pub key: String,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_access_keys, create_access_key))
        .routes(routes!(revoke_access_key))
}

/// Keys that still work.
#[utoipa::path(get, path = "/access-keys", tag = "account", responses((status = 200, body = Page<AccessKeyOut>)))]
async fn list_access_keys(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<AccessKeyOut>>> {
    let keys = store::account::access_keys(&app.store, &caller.scope).await?;
    Ok(Json(Page::complete(
        keys.into_iter()
            .map(|key| AccessKeyOut {
                id: key.id,
                name: key.name,
                prefix: key.prefix,
                created_by: key.created_by,
                created_at: key.created_at,
                last_used_at: key.last_used_at,
            })
            .collect(),
    )))
}

/// Makes a key and shows it this once.
#[utoipa::path(post, path = "/access-keys", tag = "account", request_body = AccessKeyIn,
    responses((status = 201, body = AccessKeyCreatedOut)))]
async fn create_access_key(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<AccessKeyIn>,
) -> Result<(StatusCode, Json<AccessKeyCreatedOut>)> {
    let made = store::account::create_access_key(&app.store, &caller.scope, &body.name).await?;
    Ok((
        StatusCode::CREATED,
        Json(AccessKeyCreatedOut {
            id: made.id,
            name: body.name,
            key: made.key,
        }),
    ))
}

/// Ends a key at once.
#[utoipa::path(delete, path = "/access-keys/{id}", tag = "account", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn revoke_access_key(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    store::account::revoke_access_key(&app.store, &caller.scope, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
