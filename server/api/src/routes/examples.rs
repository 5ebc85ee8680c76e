//! The gallery of shipped workflows.

use axum::{Json, extract::State, response::Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Page, workflows::StepIconOut};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Path,
    openapi::WorkflowSchema,
};

#[derive(Debug, Serialize, ToSchema)]
pub struct ExampleOut {
    pub name: String,
    pub title: String,
    /// The first lines of its form, or of its first step.
    pub summary: String,
    /// A step asks a model.
    pub needs_model: bool,
    pub steps: Vec<StepIconOut>,
    /// Address of the first page, drawn with the first sample.
    pub page_url: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_examples))
        .routes(routes!(read_example))
        .routes(routes!(draw_example))
}

/// All shipped examples.
#[utoipa::path(get, path = "/examples", tag = "examples", responses((status = 200, body = Page<ExampleOut>)))]
async fn list_examples(State(_app): State<App>, _caller: Caller) -> Result<Json<Page<ExampleOut>>> {
    Err(ApiError::not_built())
}

/// One example as it is shipped, documents embedded.
#[utoipa::path(get, path = "/examples/{name}", tag = "examples", params(("name" = String, Path)),
    responses((status = 200, body = WorkflowSchema)))]
async fn read_example(
    State(_app): State<App>,
    _caller: Caller,
    Path(_name): Path<String>,
) -> Result<Json<Value>> {
    Err(ApiError::not_built())
}

/// The example's first page with its first sample, as SVG.
#[utoipa::path(get, path = "/examples/{name}/page.svg", tag = "examples", params(("name" = String, Path)),
    responses((status = 200, content_type = "image/svg+xml", body = String)))]
async fn draw_example(
    State(_app): State<App>,
    _caller: Caller,
    Path(_name): Path<String>,
) -> Result<Response> {
    Err(ApiError::not_built())
}
