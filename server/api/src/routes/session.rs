//! Signing in and out, and who one is.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use engine::ids::MemberId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::members::MemberOut;
use crate::{
    App,
    auth::{self, Caller, ClientAddress},
    error::{ApiError, Result},
    extract::Body,
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionOut {
    pub member: MemberOut,
    pub workspace: WorkspaceOut,
    /// Goes into the header `x-csrf-token` of every request that changes something.
    pub csrf_token: String,
    pub server: ServerOut,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkspaceOut {
    pub id: Uuid,
    pub name: String,
    /// A mail server is set up.
    pub sends_mail: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServerOut {
    pub version: &'static str,
    pub public_url: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInIn {
    pub email: String,
    pub password: String,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_session, sign_in, sign_out))
}

/// Who is signed in.
#[utoipa::path(get, path = "/session", tag = "account", responses((status = 200, body = SessionOut)))]
async fn read_session(State(app): State<App>, caller: Caller) -> Result<axum::Json<SessionOut>> {
    let csrf_token = caller.csrf_token().ok_or_else(ApiError::unauthorized)?;
    let member = caller.member().ok_or_else(ApiError::unauthorized)?;
    Ok(axum::Json(session_out(&app, member, csrf_token).await?))
}

/// Signs in with e-mail and password; the answer sets the session cookie.
#[utoipa::path(post, path = "/session", tag = "account", request_body = SignInIn,
    responses((status = 200, body = SessionOut)))]
async fn sign_in(
    State(app): State<App>,
    address: ClientAddress,
    headers: HeaderMap,
    Body(body): Body<SignInIn>,
) -> Result<Response> {
    app.sign_in_limits.take(&body.email, address.0)?;
    let found = store::account::check_password(&app.store, &body.email, &body.password).await?;
    let Some(member) = found else {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "wrong_password",
            "E-mail address and password do not belong together.",
        ));
    };
    app.sign_in_limits.succeeded(&body.email);
    // A fresh token at every sign-in; the old one ends, so that a planted cookie is worth nothing.
    if let Some(old) = auth::session_cookie(&headers, &app.config) {
        store::account::end_session(&app.store, &old).await?;
    }
    signed_in(&app, member, StatusCode::OK).await
}

/// Ends the session.
#[utoipa::path(delete, path = "/session", tag = "account", responses((status = 204)))]
async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response> {
    if let Some(token) = auth::session_cookie(&headers, &app.config) {
        store::account::end_session(&app.store, &token).await?;
    }
    Ok((StatusCode::NO_CONTENT, auth::clear_cookie(&app.config)).into_response())
}

/// Begins a session and answers with its cookie.
pub(super) async fn signed_in(app: &App, member: MemberId, status: StatusCode) -> Result<Response> {
    let token = store::account::begin_session(&app.store, member).await?;
    let body = session_out(app, member, auth::csrf_token(&token)).await?;
    let cookie = auth::set_cookie(&app.config, &token);
    Ok((status, cookie, axum::Json(body)).into_response())
}

async fn session_out(app: &App, member: MemberId, csrf_token: String) -> Result<SessionOut> {
    let (member, workspace) = store::account::member_with_workspace(&app.store, member).await?;
    Ok(SessionOut {
        member: member.into(),
        workspace: WorkspaceOut {
            id: workspace.id.as_uuid(),
            name: workspace.name,
            sends_mail: workspace.sends_mail,
        },
        csrf_token,
        server: ServerOut {
            version: env!("CARGO_PKG_VERSION"),
            public_url: app.config.public_url.to_string(),
        },
    })
}
