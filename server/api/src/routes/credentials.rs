//! Secrets that outgoing requests use. They go in and never come out.

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
    error::{ApiError, Result},
    extract::{Body, Path},
};

#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialOut {
    pub id: Uuid,
    pub name: String,
    /// `bearer`, `basic` or `header`.
    pub kind: String,
    pub created_at: Timestamp,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialIn {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    pub secret: SecretIn,
}

/// What the request carries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretIn {
    /// `Authorization: Bearer …`
    Bearer { token: String },
    /// `Authorization: Basic …`
    Basic { username: String, password: String },
    /// A header of one's own.
    Header { header: String, value: String },
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_credentials, create_credential))
        .routes(routes!(delete_credential))
}

/// All credentials, without their secrets.
#[utoipa::path(get, path = "/credentials", tag = "credentials", responses((status = 200, body = Page<CredentialOut>)))]
async fn list_credentials(
    State(_app): State<App>,
    _caller: Caller,
) -> Result<Json<Page<CredentialOut>>> {
    Err(ApiError::not_built())
}

/// Stores a secret, sealed.
#[utoipa::path(post, path = "/credentials", tag = "credentials", request_body = CredentialIn,
    responses((status = 201, body = CredentialOut)))]
async fn create_credential(
    State(_app): State<App>,
    _caller: Caller,
    Body(_body): Body<CredentialIn>,
) -> Result<(StatusCode, Json<CredentialOut>)> {
    Err(ApiError::not_built())
}

/// Forgets a secret; steps that use it fail from then on and say why.
#[utoipa::path(delete, path = "/credentials/{id}", tag = "credentials", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_credential(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
) -> Result<StatusCode> {
    Err(ApiError::not_built())
}
