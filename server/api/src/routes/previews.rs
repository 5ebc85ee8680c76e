//! Pages drawn from an unsaved template and given values, on a bounded pool with a deadline. It never runs a node.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::runs::WarningOut;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Body,
    openapi::FieldSchema,
};

/// One of `document_id` and `template` is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewIn {
    pub document_id: Option<Uuid>,
    #[schema(value_type = Option<Object>)]
    pub template: Option<Value>,
    /// By field name; absent ones are shown as missing.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    pub values: Value,
    pub locale: Option<String>,
    pub currency: Option<String>,
    pub time_zone: Option<String>,
    /// Names the editor: its newest request cancels the one before.
    #[schema(max_length = 100)]
    pub editor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PreviewOut {
    pub pages: Vec<PageOut>,
    pub warnings: Vec<WarningOut>,
    #[schema(value_type = Vec<FieldSchema>)]
    pub fields: Value,
    pub took_ms: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PageOut {
    pub width_mm: f64,
    pub height_mm: f64,
    pub svg: String,
    pub boxes: Vec<BoxOut>,
}

/// Where a block, or one value inside it, lies on the page.
#[derive(Debug, Serialize, ToSchema)]
pub struct BoxOut {
    /// Block id.
    pub block: String,
    /// JSON pointer of the block in the template.
    pub path: String,
    pub x_mm: f64,
    pub y_mm: f64,
    pub width_mm: f64,
    pub height_mm: f64,
    /// The field whose value it shows.
    pub origin: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(preview_document))
}

/// Draws the pages; 409 `superseded` when the same editor asked again meanwhile.
#[utoipa::path(post, path = "/documents/preview", tag = "documents", request_body = PreviewIn,
    responses((status = 200, body = PreviewOut)))]
async fn preview_document(
    State(_app): State<App>,
    _caller: Caller,
    Body(_body): Body<PreviewIn>,
) -> Result<Json<PreviewOut>> {
    Err(ApiError::not_built())
}
