//! The catalogue of node types, from which the web draws palette and inspector.

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Deserialize;
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
pub struct NodeTypesQuery {
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
    State(_app): State<App>,
    _caller: Caller,
    _headers: HeaderMap,
    Query(_query): Query<NodeTypesQuery>,
) -> Result<Response> {
    Err(ApiError::not_built())
}
