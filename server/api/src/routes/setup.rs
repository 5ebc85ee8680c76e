//! First start: the owner's account, through the one-time link that the terminal shows.

use axum::{extract::State, http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, error::Result, extract::Body};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SetupOut {
    /// Nobody has an account yet.
    pub owner_needed: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupIn {
    /// From the link in the terminal.
    pub token: String,
    #[schema(max_length = 200)]
    pub name: String,
    #[schema(max_length = 254)]
    pub email: String,
    /// 12 to 200 characters.
    #[schema(min_length = 12, max_length = 200)]
    pub password: String,
    /// Language of the interface, such as `en` or `zh-CN`.
    pub locale: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read_setup, create_owner))
}

/// Whether the first account is still to be made.
#[utoipa::path(get, path = "/setup", tag = "account", responses((status = 200, body = SetupOut)))]
async fn read_setup(State(app): State<App>) -> Result<axum::Json<SetupOut>> {
    let owner_needed = store::account::owner_needed(&app.store).await?;
    Ok(axum::Json(SetupOut { owner_needed }))
}

/// Makes the workspace and its owner, and signs in.
#[utoipa::path(post, path = "/setup", tag = "account", request_body = SetupIn,
    responses((status = 201, body = super::session::SessionOut)))]
async fn create_owner(State(app): State<App>, Body(body): Body<SetupIn>) -> Result<Response> {
    let person = store::account::NewPerson {
        name: body.name,
        email: body.email,
        password: body.password,
        locale: body.locale,
    };
    let member = store::account::set_up(&app.store, &body.token, person).await?;
    super::session::signed_in(&app, member, StatusCode::CREATED).await
}
