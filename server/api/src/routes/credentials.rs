//! Secrets that outgoing requests use. They go in and never come out.

use axum::{Json, extract::State, http::StatusCode};
use engine::ids::CredentialId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::credential::{Credential, Secret};
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
pub(crate) struct CredentialOut {
    pub id: Uuid,
    pub name: String,
    /// `bearer`, `basic`, `header` or `signing`.
    pub kind: String,
    pub created_at: Timestamp,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialIn {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    pub secret: SecretIn,
}

/// What the request carries.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SecretIn {
    /// `Authorization: Bearer …`
    Bearer { token: String },
    /// `Authorization: Basic …`
    Basic { username: String, password: String },
    /// A header of one's own.
    Header { header: String, value: String },
    /// What callers of an inbound webhook sign with.
    Signing { secret: String },
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_credentials, create_credential))
        .routes(routes!(delete_credential))
}

/// All credentials, without their secrets.
#[utoipa::path(get, path = "/credentials", tag = "credentials", responses((status = 200, body = Page<CredentialOut>)))]
async fn list_credentials(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Page<CredentialOut>>> {
    let rows = store::credential::list(&app.store, &caller.scope).await?;
    Ok(Json(Page::all(rows)))
}

/// Stores a secret, sealed.
#[utoipa::path(post, path = "/credentials", tag = "credentials", request_body = CredentialIn,
    responses((status = 201, body = CredentialOut)))]
async fn create_credential(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CredentialIn>,
) -> Result<(StatusCode, Json<CredentialOut>)> {
    let secret = body.secret.checked()?;
    let made = store::credential::create(&app.store, &caller.scope, &body.name, &secret).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Forgets a secret; steps that use it fail from then on and say why.
#[utoipa::path(delete, path = "/credentials/{id}", tag = "credentials", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_credential(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    store::credential::delete(&app.store, &caller.scope, CredentialId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl SecretIn {
    /// Refuses what no HTTP header can carry.
    fn checked(self) -> Result<Secret> {
        let fits = |pointer: &str, text: &str| {
            let ok = !text.is_empty()
                && text.len() <= 8000
                && text.bytes().all(|b| (0x20..0x7f).contains(&b) || b >= 0x80);
            if ok {
                Ok(())
            } else {
                Err(ApiError::invalid(
                    "secret_invalid",
                    pointer,
                    "This has 1 to 8,000 characters and no line breaks.",
                ))
            }
        };
        Ok(match self {
            Self::Bearer { token } => {
                fits("/secret/token", &token)?;
                Secret::Bearer { token }
            }
            Self::Basic { username, password } => {
                fits("/secret/username", &username)?;
                fits("/secret/password", &password)?;
                Secret::Basic {
                    user: username,
                    password,
                }
            }
            Self::Header { header, value } => {
                if axum::http::HeaderName::from_bytes(header.as_bytes()).is_err() {
                    return Err(ApiError::invalid(
                        "header_invalid",
                        "/secret/header",
                        "This is not the name of a header.",
                    ));
                }
                fits("/secret/value", &value)?;
                Secret::Header {
                    name: header,
                    value,
                }
            }
            Self::Signing { secret } => {
                fits("/secret/secret", &secret)?;
                signs(&secret)?;
                Secret::Signing { secret }
            }
        })
    }
}

/// Refuses a secret that is nothing but its usual beginning, or blanks: anybody could sign with it.
fn signs(secret: &str) -> Result<()> {
    let key = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = key.trim_end_matches('=');
    if key.trim().is_empty() {
        return Err(ApiError::invalid(
            "signing_secret_invalid",
            "/secret/secret",
            "This is no secret. Copy the whole of it from the program that signs.",
        ));
    }
    Ok(())
}

impl From<Credential> for CredentialOut {
    fn from(credential: Credential) -> Self {
        Self {
            id: credential.id.as_uuid(),
            name: credential.name,
            kind: credential.kind,
            created_at: credential.created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_signs_is_more_than_its_beginning() {
        let check = |secret: &str, expected: bool| {
            let secret = SecretIn::Signing {
                secret: secret.into(),
            };
            assert_eq!(secret.checked().is_ok(), expected);
        };
        check("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", true);
        check("It's a Secret to Everybody", true);
        for empty in ["", " ", "whsec_", "whsec_  ", "whsec_=="] {
            check(empty, false);
        }
    }
}
