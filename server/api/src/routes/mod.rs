//! The JSON API under `/api`, one file a resource. `access.rs` says who may call what.

mod access_keys;
mod approvals;
mod artifacts;
mod batch_starts;
mod batches;
mod callables;
mod credentials;
mod deliveries;
mod document_drafts;
mod document_examples;
mod document_render;
mod document_samples;
mod documents;
mod drafts;
mod endpoints;
mod examples;
mod firm;
mod fonts;
mod hook_tests;
mod invitations;
mod mail;
mod members;
mod models;
mod node_types;
mod password_resets;
mod previews;
mod queue;
mod retention;
mod run_view;
mod runs;
mod series;
mod session;
mod setup;
mod tables;
mod versions;
mod workflows;

pub(crate) use workflows::StepIconOut;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::{App, error::Result};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    /// Pass it as `after` to get the next page; null at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A list short enough to come whole.
    fn complete(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// `items` holds one more than a page when there is another page.
    fn cut(mut items: Vec<T>, page: i64, cursor: impl Fn(&T) -> String) -> Self {
        let page = usize::try_from(page).unwrap_or(usize::MAX);
        let more = items.len() > page;
        items.truncate(page);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }

    fn all<R: Into<T>>(rows: Vec<R>) -> Self {
        Self::complete(rows.into_iter().map(Into::into).collect())
    }
}

/// Lists are paged by the id of their last row.
fn cursor(after: Option<&str>) -> Result<Option<Uuid>> {
    after
        .map(|text| text.parse().map_err(|_| drafts::wrong_cursor()))
        .transpose()
}

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(access_keys::router())
        .merge(approvals::router())
        .merge(artifacts::router())
        .merge(batch_starts::router())
        .merge(batches::router())
        .merge(callables::router())
        .merge(credentials::router())
        .merge(deliveries::router())
        .merge(document_drafts::router())
        .merge(document_examples::router())
        .merge(document_render::router())
        .merge(document_samples::router())
        .merge(documents::router())
        .merge(drafts::router())
        .merge(endpoints::router())
        .merge(examples::router())
        .merge(firm::router())
        .merge(fonts::router())
        .merge(hook_tests::router())
        .merge(invitations::router())
        .merge(mail::router())
        .merge(members::router())
        .merge(models::router())
        .merge(node_types::router())
        .merge(password_resets::router())
        .merge(previews::router())
        .merge(queue::router())
        .merge(retention::router())
        .merge(runs::router())
        .merge(series::router())
        .merge(session::router())
        .merge(setup::router())
        .merge(tables::router())
        .merge(versions::router())
        .merge(workflows::router())
}
