//! One-time links that let a person join the workspace.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Page, members::RoleWire};
use crate::{
    App,
    auth::{Caller, ClientAddress},
    error::Result,
    extract::{Body, Path},
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationIn {
    pub role: RoleWire,
}

/// The link is shown once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationCreatedOut {
    pub id: String,
    pub url: String,
    pub role: RoleWire,
    pub expires_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationRowOut {
    /// To withdraw the link; it cannot be used to join.
    pub id: String,
    pub role: RoleWire,
    /// Name of the person who made the link.
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What the invited person sees.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationOut {
    /// Name of the workspace.
    pub workspace: String,
    pub role: RoleWire,
    pub expires_at: Timestamp,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitationAcceptIn {
    #[schema(max_length = 200)]
    pub name: String,
    #[schema(max_length = 254)]
    pub email: String,
    /// 12 to 200 characters.
    #[schema(min_length = 12, max_length = 200)]
    pub password: String,
    pub locale: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_invitations, create_invitation))
        .routes(routes!(withdraw_invitation))
        .routes(routes!(read_invitation, accept_invitation))
}

/// Links that nobody has used yet.
#[utoipa::path(get, path = "/invitations", tag = "account", responses((status = 200, body = Page<InvitationRowOut>)))]
async fn list_invitations(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<InvitationRowOut>>> {
    let open = store::account::invitations(&app.store, &caller.scope).await?;
    Ok(Json(Page::complete(
        open.into_iter()
            .map(|row| InvitationRowOut {
                id: row.id,
                role: row.role.into(),
                created_by: row.created_by,
                created_at: row.created_at,
                expires_at: row.expires_at,
            })
            .collect(),
    )))
}

/// Makes a one-time link, good for seven days.
#[utoipa::path(post, path = "/invitations", tag = "account", request_body = InvitationIn,
    responses((status = 201, body = InvitationCreatedOut)))]
async fn create_invitation(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<InvitationIn>,
) -> Result<(StatusCode, Json<InvitationCreatedOut>)> {
    let made = store::account::invite(&app.store, &caller.scope, body.role.into()).await?;
    Ok((
        StatusCode::CREATED,
        Json(InvitationCreatedOut {
            id: made.id,
            url: app.config.absolute(&format!("/invitation/{}", made.token)),
            role: body.role,
            expires_at: made.expires_at,
        }),
    ))
}

/// Makes a link useless that nobody has used yet.
#[utoipa::path(delete, path = "/members/invitations/{id}", tag = "account", params(("id" = String, Path)),
    responses((status = 204)))]
async fn withdraw_invitation(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    store::account::withdraw_invitation(&app.store, &caller.scope, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the link is for; needs no sign-in.
#[utoipa::path(get, path = "/invitations/{token}", tag = "account", params(("token" = String, Path)),
    responses((status = 200, body = InvitationOut)))]
async fn read_invitation(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Json<InvitationOut>> {
    let found = store::account::invitation(&app.store, &token).await?;
    Ok(Json(InvitationOut {
        workspace: found.workspace,
        role: found.role.into(),
        expires_at: found.expires_at,
    }))
}

/// Uses the link: makes the account and signs in.
#[utoipa::path(post, path = "/invitations/{token}", tag = "account", params(("token" = String, Path)),
    request_body = InvitationAcceptIn, responses((status = 201, body = super::session::SessionOut)))]
async fn accept_invitation(
    State(app): State<App>,
    address: ClientAddress,
    Path(token): Path<String>,
    Body(body): Body<InvitationAcceptIn>,
) -> Result<Response> {
    app.sign_in_limits.take(&token, address.0)?;
    let person = store::account::NewPerson {
        name: body.name,
        email: body.email,
        password: body.password,
        locale: body.locale,
    };
    let member = store::account::accept_invitation(&app.store, &token, person).await?;
    super::session::signed_in(&app, member, StatusCode::CREATED).await
}
