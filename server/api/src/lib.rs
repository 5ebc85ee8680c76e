//! HTTP: the JSON API, public forms, inbound webhooks, events and the static web. It never runs a node.

mod access;
mod assets;
mod auth;
mod batch_file;
mod batch_papers;
mod client;
mod document_examples;
mod edge;
mod error;
mod events;
mod examples;
mod extract;
mod incoming;
mod limits;
mod openapi;
mod preview;
mod public;
mod rendering;
mod replay;
mod routes;
mod serve;
mod state;
mod table_csv;
mod web_pictures;
mod workflow_document;

use std::sync::Arc;

use axum::{
    Router,
    http::header,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::Value as Json;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate as _},
    },
};
use utoipa_axum::router::OpenApiRouter;

pub use access::{Access, TABLE as ACCESS};
pub use batch_file::SheetReader;
pub use error::ApiError;
pub use serve::{Silence, Stopping, serve};
pub use state::{App, Config, Shared, State};

/// Everything the server answers.
pub fn router(state: State) -> Router {
    let app = Shared::new(state);
    let (api, described) = described().split_for_parts();
    let document = Arc::new(openapi::document(described));
    let for_root = document.clone();
    let api = api
        .route(
            "/api/openapi.json",
            get(move || async move { axum::Json(document) }),
        )
        .route("/api/events", get(events::serve))
        .route_layer(from_fn_with_state(app.clone(), auth::authorise));
    Router::new()
        .merge(api)
        .merge(public::router())
        .route(
            "/openapi.json",
            get(move || async move { axum::Json(for_root) }),
        )
        .route("/healthz", get(healthz))
        .route("/api", get(unknown).fallback(unknown))
        .route("/api/{*rest}", get(unknown).fallback(unknown))
        .fallback(assets::serve)
        .layer(CatchPanicLayer::custom(edge::panicked))
        .layer(from_fn_with_state(app.clone(), edge::edge))
        .layer(compression())
        .with_state(app)
}

/// The OpenAPI document, for `formwork openapi` and the snapshot.
pub fn openapi() -> Json {
    openapi::document(described().into_openapi())
}

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::new().nest("/api", routes::router())
}

async fn healthz(axum::extract::State(app): axum::extract::State<App>) -> Response {
    match app.store.ping().await {
        Ok(()) => ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

async fn unknown() -> ApiError {
    ApiError::not_found("address")
}

/// Text is compressed; what is packed already is not.
fn compression() -> CompressionLayer<impl tower_http::compression::Predicate> {
    CompressionLayer::new().compress_when(
        DefaultPredicate::new()
            .and(NotForContentType::const_new("application/pdf"))
            .and(NotForContentType::const_new("application/octet-stream"))
            .and(NotForContentType::const_new("application/zip"))
            .and(NotForContentType::const_new("font/"))
            .and(NotForContentType::const_new("text/event-stream")),
    )
}
