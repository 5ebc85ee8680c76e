//! The ticket of an open form, kept in a cookie of its own: a reload, a second tab and a restart of the server go on with the same
//! submission, so that sending it from all of them is one run. It proves nothing about who somebody is.

use axum::http::HeaderMap;
use engine::ids::SubmissionId;
use jiff::{SignedDuration, Timestamp};
use store::link::{self, PublicWorkflow};

use crate::{App, Config, auth, error::ApiError};

/// Files that were handed in live for a day, so a ticket is not taken up again shortly before.
const LIFETIME: SignedDuration = SignedDuration::from_hours(20);

/// A ticket that this visitor has not sent yet.
pub(super) async fn open(
    app: &App,
    workflow: &PublicWorkflow,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Option<(SubmissionId, String)>, ApiError> {
    let Some(ticket) = auth::cookie(headers, &name(&app.config, &workflow.slug)) else {
        return Ok(None);
    };
    let Some(id) = link::open_form_ticket(&app.store.sealer, workflow.id, &ticket)? else {
        return Ok(None);
    };
    if now.duration_since(link::opened_at(id)) > LIFETIME {
        return Ok(None);
    }
    let sent = store::submission::find(&app.store, &workflow.scope, id).await?;
    Ok(sent.is_none().then_some((id, ticket)))
}

/// The value of a header that keeps the ticket.
pub(super) fn cookie(config: &Config, slug: &str, ticket: &str) -> String {
    header(config, slug, ticket, LIFETIME.as_secs())
}

/// The value of a header that drops the ticket: it was sent.
pub(super) fn used(config: &Config, slug: &str) -> String {
    header(config, slug, "", 0)
}

fn header(config: &Config, slug: &str, ticket: &str, seconds: i64) -> String {
    let secure = if config.is_https() { "; Secure" } else { "" };
    let name = name(config, slug);
    format!("{name}={ticket}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
}

/// Of one form; `__Host-` cookies have the path `/`, so the form is in the name.
fn name(config: &Config, slug: &str) -> String {
    let prefix = if config.is_https() { "__Host-" } else { "" };
    format!("{prefix}form-{slug}")
}
