//! What anybody may open: forms, results, questions to people, signed file links and inbound webhooks. Pages are made on the server, work without
//! JavaScript and carry no inline code; nobody here is ever signed in, the only cookie is the ticket of an open form.

mod answers;
mod approvals;
mod arriving;
mod asset;
mod callbacks;
mod colour;
mod compute;
mod files;
mod forms;
mod hooks;
mod language;
mod limits;
mod page;
mod proof;
mod published;
mod results;
mod story;
mod ticket;
mod uploads;
mod view;
mod visit;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    routing::{delete, get, post},
};

pub(crate) use files::{disposition, send as send_file};
pub(crate) use forms::title as run_title;

use crate::App;

/// A form with all its files, which lie on the disk; each form's own limit is lower.
const MAX_FORM_BYTES: usize = 110 * 1024 * 1024;

/// What public pages share within a process.
#[derive(Clone, Default)]
pub(crate) struct Public {
    kept: Arc<published::Kept>,
    limits: Arc<limits::Limits>,
}

/// The public routes.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/f/{slug}", get(forms::show).post(forms::submit))
        .route("/f/{slug}/compute", post(compute::totals))
        .route("/f/{slug}/uploads", post(uploads::upload))
        .route("/f/{slug}/uploads/{id}", delete(uploads::remove))
        .route("/r/{token}", get(results::show))
        .route("/r/{token}/events", get(results::events))
        .route("/r/{token}/document", get(results::document))
        .route("/a/{id}", get(files::show))
        .route(
            "/approve/{token}",
            get(approvals::show).post(approvals::decide),
        )
        .route("/approve/{token}/file", get(approvals::file))
        .route("/c/{token}/{step}", post(callbacks::receive))
        .route("/hooks/{slug}", post(hooks::receive_open))
        .route("/hooks/{slug}/{token}", post(hooks::receive))
        .route("/assets-public/{name}", get(asset::serve))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(Extension(Public::default()))
}
