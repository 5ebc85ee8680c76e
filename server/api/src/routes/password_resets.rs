//! A new password for somebody who forgot theirs, by a link in a mail. Whether an account exists is told to nobody.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::session::{SessionOut, signed_in};
use crate::{
    App,
    auth::ClientAddress,
    error::Result,
    extract::{Body, Path},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordResetIn {
    /// Of the account.
    #[schema(max_length = 254)]
    pub email: String,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct PasswordResetOut {
    /// Of the account that the link is for.
    pub email: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPasswordIn {
    #[schema(min_length = 12, max_length = 200)]
    pub password: String,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(request_password_reset))
        .routes(routes!(read_password_reset, reset_password))
}

/// Sends a link to the account's address, good once and for an hour. The answer is the same whether there is an account or not.
#[utoipa::path(post, path = "/password-resets", tag = "account", request_body = PasswordResetIn, responses((status = 202)))]
async fn request_password_reset(
    State(app): State<App>,
    address: ClientAddress,
    Body(body): Body<PasswordResetIn>,
) -> Result<StatusCode> {
    app.sign_in_limits
        .take(&format!("reset {}", body.email), address.0)?;
    // Not waited for: how long it takes would tell whether the account exists.
    tokio::spawn(async move {
        let asked =
            store::account::request_password_reset(&app.store, &body.email, Timestamp::now());
        if let Err(error) = asked.await {
            tracing::error!(%error, "a mail with a link to a new password could not be written");
        }
    });
    Ok(StatusCode::ACCEPTED)
}

/// Which account a link is for.
#[utoipa::path(get, path = "/password-resets/{token}", tag = "account", params(("token" = String, Path)),
    responses((status = 200, body = PasswordResetOut)))]
async fn read_password_reset(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Json<PasswordResetOut>> {
    let email = store::account::password_reset(&app.store, &token).await?;
    Ok(Json(PasswordResetOut { email }))
}

/// Uses the link: sets the password, ends all sessions of the account and signs in.
#[utoipa::path(post, path = "/password-resets/{token}", tag = "account", params(("token" = String, Path)),
    request_body = NewPasswordIn, responses((status = 200, body = SessionOut)))]
async fn reset_password(
    State(app): State<App>,
    address: ClientAddress,
    Path(token): Path<String>,
    Body(body): Body<NewPasswordIn>,
) -> Result<Response> {
    app.sign_in_limits.take(&token, address.0)?;
    let member = store::account::reset_password(&app.store, &token, &body.password).await?;
    signed_in(&app, member, StatusCode::OK).await
}
