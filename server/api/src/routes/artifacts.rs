//! Files made and received, for people who are signed in.

use axum::{extract::State, http::HeaderMap, response::Response};
use engine::{ids::ArtifactId, value::FileRef};
use serde::{Deserialize, Serialize};
use store::Scope;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    App,
    auth::Caller,
    error::Result,
    extract::{Path, Query},
    public::send_file,
};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ArtifactOut {
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
pub(crate) struct ArtifactQuery {
    /// `1`: as a file to keep; otherwise shown when it is safe to show.
    download: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_artifact))
}

/// The bytes; understands `Range`.
#[utoipa::path(get, path = "/artifacts/{id}", tag = "runs", params(("id" = Uuid, Path), ArtifactQuery),
    responses((status = 200, content_type = "*/*"), (status = 206, content_type = "*/*")))]
async fn read_artifact(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<ArtifactQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let download = query
        .download
        .is_some_and(|value| value != "0" && value != "false");
    send_artifact(&app, &caller.scope, ArtifactId(id), download, &headers).await
}

/// The bytes with `Range`, never sniffed, shown only when that is safe.
pub(super) async fn send_artifact(
    app: &App,
    scope: &Scope,
    id: ArtifactId,
    download: bool,
    headers: &HeaderMap,
) -> Result<Response> {
    let artifact = store::artifact::get(&app.store, scope, id).await?;
    send_file(app, scope, &artifact, !download, headers).await
}

impl ArtifactOut {
    pub(super) fn new(file: FileRef) -> Self {
        Self {
            id: file.id.as_uuid(),
            url: format!("/api/artifacts/{}", file.id),
            name: file.name,
            content_type: file.content_type,
            size_bytes: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
        }
    }
}
