//! The catalogue of node types, from which the web draws palette and inspector.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Query,
    openapi::NodeTypeSchema,
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NodeTypesQuery {
    /// Language of titles and help texts, such as `en` or `zh-CN`.
    lang: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_node_types))
}

/// Every node type with its config schema; has an `ETag`.
#[utoipa::path(get, path = "/node-types", tag = "workflows", params(NodeTypesQuery),
    responses((status = 200, body = Vec<NodeTypeSchema>), (status = 304)))]
async fn list_node_types(
    State(app): State<App>,
    _caller: Caller,
    headers: HeaderMap,
    Query(query): Query<NodeTypesQuery>,
) -> Result<Response> {
    let language = query.lang.as_deref().unwrap_or("en");
    let language: String = language.chars().take(35).collect();
    let body = serde_json::to_vec(&app.catalogue.json(&language)).map_err(ApiError::internal)?;
    let hash = Sha256::digest(&body);
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&hash[..12]));
    let cache = [
        (header::ETAG, tag.as_str()),
        (header::CACHE_CONTROL, "private, no-cache"),
    ];
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        // Compression makes a strong tag weak on its way.
        .is_some_and(|sent| {
            sent.split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag)
        });
    if known {
        return Ok((StatusCode::NOT_MODIFIED, cache).into_response());
    }
    Ok((cache, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}
