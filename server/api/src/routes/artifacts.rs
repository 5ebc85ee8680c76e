//! Files made and received, for people who are signed in.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Path, Query},
};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ArtifactOut {
    pub id: Uuid,
    pub name: String,
    pub content_type: String,
    pub size_bytes: i64,
    /// For people who are signed in.
    pub url: String,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ArtifactQuery {
    /// `1`: as a file to keep; otherwise shown when it is safe to show.
    download: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_artifact))
}

/// The bytes; understands `Range`.
#[utoipa::path(get, path = "/artifacts/{id}", tag = "runs", params(("id" = Uuid, Path), ArtifactQuery),
    responses((status = 200, content_type = "application/octet-stream"), (status = 206, content_type = "application/octet-stream")))]
async fn read_artifact(
    State(_app): State<App>,
    _caller: Caller,
    Path(_id): Path<Uuid>,
    Query(_query): Query<ArtifactQuery>,
    _headers: HeaderMap,
) -> Result<Response> {
    Err(ApiError::not_built())
}
