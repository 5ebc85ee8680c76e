//! The firm's record: what stands on every document about the people who use Formwork.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::Body,
    openapi::FirmSchema,
};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_firm, write_firm))
        .routes(routes!(read_logo, write_logo, remove_logo))
}

/// The record; every field may be empty.
#[utoipa::path(get, path = "/firm", tag = "firm", responses((status = 200, body = FirmSchema)))]
async fn read_firm(State(_app): State<App>, _caller: Caller) -> Result<Json<Value>> {
    Err(ApiError::not_built())
}

/// Replaces the record. The logo is set on its own address and stays.
#[utoipa::path(put, path = "/firm", tag = "firm", request_body = FirmSchema, responses((status = 200, body = FirmSchema)))]
async fn write_firm(
    State(_app): State<App>,
    _caller: Caller,
    Body(_body): Body<Value>,
) -> Result<Json<Value>> {
    Err(ApiError::not_built())
}

/// The logo's bytes.
#[utoipa::path(get, path = "/firm/logo", tag = "firm", responses((status = 200, content_type = "image/png")))]
async fn read_logo(State(_app): State<App>, _caller: Caller) -> Result<Response> {
    Err(ApiError::not_built())
}

/// Sets the logo: PNG, JPEG or WebP by its bytes, at most 2 MB.
#[utoipa::path(put, path = "/firm/logo", tag = "firm", request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = FirmSchema)))]
async fn write_logo(
    State(_app): State<App>,
    _caller: Caller,
    _headers: HeaderMap,
    _bytes: Bytes,
) -> Result<Json<Value>> {
    Err(ApiError::not_built())
}

/// Removes the logo.
#[utoipa::path(delete, path = "/firm/logo", tag = "firm", responses((status = 204)))]
async fn remove_logo(State(_app): State<App>, _caller: Caller) -> Result<StatusCode> {
    Err(ApiError::not_built())
}
