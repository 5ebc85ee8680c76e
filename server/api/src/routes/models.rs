//! The models of this installation and how they are.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Body,
};

#[derive(Debug, Serialize, ToSchema)]
pub struct ModelsOut {
    pub items: Vec<ModelOut>,
    /// Name of the model that steps without one use.
    pub default: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ModelOut {
    pub name: String,
    pub title: String,
    /// `ready`, `loading`, `downloading`, `missing` or `failed`.
    pub state: String,
    pub size_bytes: Option<i64>,
    pub done_bytes: Option<i64>,
    pub bytes_per_second: Option<i64>,
    pub seconds_left: Option<i64>,
    pub error: Option<String>,
    /// Measured here.
    pub tokens_per_second: Option<f64>,
    pub memory_bytes: Option<i64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsPatch {
    /// Name of the model that steps without one use.
    pub default: String,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_models, change_models))
}

/// All models.
#[utoipa::path(get, path = "/models", tag = "models", responses((status = 200, body = ModelsOut)))]
async fn list_models(State(_app): State<App>, _caller: Caller) -> Result<Json<ModelsOut>> {
    Err(ApiError::not_built())
}

/// Chooses the default model.
#[utoipa::path(patch, path = "/models", tag = "models", request_body = ModelsPatch, responses((status = 200, body = ModelsOut)))]
async fn change_models(
    State(_app): State<App>,
    _caller: Caller,
    Body(_body): Body<ModelsPatch>,
) -> Result<Json<ModelsOut>> {
    Err(ApiError::not_built())
}
