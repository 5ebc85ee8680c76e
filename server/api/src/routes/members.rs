//! The people of the workspace.

use axum::{Json, extract::State, http::StatusCode};
use engine::ids::MemberId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::account::{Member, Role};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::Page;
use crate::{
    App,
    auth::Caller,
    error::{ApiError, Result},
    extract::{Body, Path},
};

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberOut {
    pub id: Uuid,
    pub name: String,
    pub email: String,
    pub role: RoleWire,
    pub locale: String,
    /// Gets a mail when runs fail.
    pub told_of_failures: bool,
    pub created_at: Timestamp,
}

/// Owners also manage people, keys, the firm and where results go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
pub(crate) enum RoleWire {
    Owner,
    Member,
}

/// What to change; absent fields stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberPatch {
    pub name: Option<String>,
    /// Only owners.
    pub role: Option<RoleWire>,
    pub locale: Option<String>,
    /// Only about oneself.
    pub told_of_failures: Option<bool>,
}

impl From<Role> for RoleWire {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Member => Self::Member,
        }
    }
}

impl From<RoleWire> for Role {
    fn from(role: RoleWire) -> Self {
        match role {
            RoleWire::Owner => Self::Owner,
            RoleWire::Member => Self::Member,
        }
    }
}

impl From<Member> for MemberOut {
    fn from(member: Member) -> Self {
        Self {
            id: member.id.as_uuid(),
            name: member.name,
            email: member.email,
            role: member.role.into(),
            locale: member.locale,
            told_of_failures: member.told_of_failures,
            created_at: member.created_at,
        }
    }
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_members))
        .routes(routes!(change_member, remove_member))
}

/// Everybody in the workspace.
#[utoipa::path(get, path = "/members", tag = "account", responses((status = 200, body = Page<MemberOut>)))]
async fn list_members(State(app): State<App>, caller: Caller) -> Result<Json<Page<MemberOut>>> {
    let members = store::account::members(&app.store, &caller.scope).await?;
    Ok(Json(Page::all(members)))
}

/// Changes a person; everybody may change their own name, language and mails.
#[utoipa::path(patch, path = "/members/{id}", tag = "account", params(("id" = Uuid, Path)), request_body = MemberPatch,
    responses((status = 200, body = MemberOut)))]
async fn change_member(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<MemberPatch>,
) -> Result<Json<MemberOut>> {
    let own = caller.member() == Some(MemberId(id));
    if !caller.is_owner() && (!own || body.role.is_some()) {
        return Err(ApiError::forbidden(
            "owner_needed",
            "Only owners can change other people and roles.",
        ));
    }
    if !own && body.told_of_failures.is_some() {
        return Err(ApiError::forbidden(
            "own_choice",
            "Everybody chooses for themselves which mails they get.",
        ));
    }
    let change = store::account::MemberChange {
        name: body.name,
        role: body.role.map(Role::from),
        locale: body.locale,
        told_of_failures: body.told_of_failures,
    };
    let member =
        store::account::change_member(&app.store, &caller.scope, MemberId(id), change).await?;
    Ok(Json(member.into()))
}

/// Removes a person, with all sessions; the last owner stays.
#[utoipa::path(delete, path = "/members/{id}", tag = "account", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    store::account::remove_member(&app.store, &caller.scope, MemberId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
