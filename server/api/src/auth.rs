//! Proof of who calls (session cookie or access key), protection against requests forged by other sites, and the one place that
//! compares a caller with the access table.

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::Response,
};
use axum_extra::extract::cookie::Cookie;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use engine::ids::MemberId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use store::{Scope, account::Role};
use subtle::ConstantTimeEq as _;

use crate::{
    App, Config,
    access::{self, Access},
    error::{ApiError, Result},
};

pub(crate) use crate::client::ClientAddress;

const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
const SESSION_DAYS: i64 = 30;

/// Who makes the request; handlers of everything but `Anyone` routes can ask for it.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub scope: Scope,
    who: Who,
}

#[derive(Clone, Debug)]
enum Who {
    Person {
        member: MemberId,
        role: Role,
        csrf_token: String,
    },
    Key,
}

impl Caller {
    /// The signed-in person; none behind an access key.
    pub(crate) fn member(&self) -> Option<MemberId> {
        match &self.who {
            Who::Person { member, .. } => Some(*member),
            Who::Key => None,
        }
    }

    pub(crate) fn is_owner(&self) -> bool {
        match &self.who {
            Who::Person { role, .. } => *role == Role::Owner,
            Who::Key => false,
        }
    }

    pub(crate) fn csrf_token(&self) -> Option<String> {
        match &self.who {
            Who::Person { csrf_token, .. } => Some(csrf_token.clone()),
            Who::Key => None,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(ApiError::unauthorized)
    }
}

/// Lets a request through when the access table says so.
pub(crate) async fn authorise(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned())
        .unwrap_or_default();
    let path = path.strip_prefix("/api").unwrap_or(&path);
    let Some(access) = access::of(request.method(), path) else {
        return Err(ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address does not know that method.",
        )
        .header(header::ALLOW, &access::methods(path).join(", ")));
    };
    if access == Access::Anyone {
        refuse_cross_site(request.method(), request.headers())?;
        return Ok(next.run(request).await);
    }
    let caller = identify(&app, request.method(), request.headers()).await?;
    let allowed = match access {
        Access::Anyone | Access::Signed => true,
        Access::Person => caller.member().is_some(),
        Access::Owner => caller.is_owner(),
    };
    if !allowed {
        return Err(if caller.member().is_none() {
            ApiError::forbidden(
                "person_needed",
                "Only people can do this, not access keys. Sign in.",
            )
        } else {
            ApiError::forbidden("owner_needed", "Only owners can do this.")
        });
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Who sends these headers, if their proof holds.
pub(crate) async fn identify(app: &App, method: &Method, headers: &HeaderMap) -> Result<Caller> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let key = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim());
        let scope = match key {
            Some(key) => store::account::check_access_key(&app.store, key).await?,
            None => None,
        };
        return scope
            .map(|scope| Caller {
                scope,
                who: Who::Key,
            })
            .ok_or_else(ApiError::unauthorized);
    }
    let token = session_cookie(headers, &app.config).ok_or_else(ApiError::unauthorized)?;
    let session = store::account::check_session(&app.store, &token)
        .await?
        .ok_or_else(ApiError::unauthorized)?;
    let csrf_token = csrf_token(&token);
    if !is_safe(method) {
        refuse_cross_site(method, headers)?;
        let sent = headers
            .get(&CSRF_HEADER)
            .map_or(&[][..], HeaderValue::as_bytes);
        if !bool::from(sent.ct_eq(csrf_token.as_bytes())) {
            return Err(ApiError::forbidden(
                "csrf_token",
                "The request lacks the token of this session. Load the page again.",
            ));
        }
    }
    Ok(Caller {
        scope: session.scope,
        who: Who::Person {
            member: session.member,
            role: session.role,
            csrf_token,
        },
    })
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Browsers say where a request comes from; programs send neither header and hold no cookie.
pub(crate) fn refuse_cross_site(method: &Method, headers: &HeaderMap) -> Result<()> {
    if is_safe(method) {
        return Ok(());
    }
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let same = match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => match text(header::ORIGIN) {
            // A proxy may change the scheme, so only the host is compared.
            Some(origin) => {
                let host = origin.split_once("://").map(|(_, host)| host);
                host.is_some() && host == text(header::HOST)
            }
            None => true,
        },
    };
    if same {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "cross_site",
        "The request comes from another site.",
    ))
}

/// Bound to the session: whoever cannot read the cookie cannot make it.
pub(crate) fn csrf_token(session_token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(session_token.as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(b"csrf");
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

fn cookie_name(config: &Config) -> &'static str {
    if config.is_https() {
        "__Host-formwork"
    } else {
        "formwork"
    }
}

pub(crate) fn session_cookie(headers: &HeaderMap, config: &Config) -> Option<String> {
    cookie(headers, cookie_name(config))
}

/// The value of a cookie.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(std::result::Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}

/// A header that sets the session cookie.
pub(crate) fn set_cookie(config: &Config, token: &str) -> [(HeaderName, String); 1] {
    let secure = if config.is_https() { "; Secure" } else { "" };
    let seconds = SESSION_DAYS * 24 * 60 * 60;
    [(
        header::SET_COOKIE,
        format!(
            "{}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}",
            cookie_name(config)
        ),
    )]
}

/// A header that removes the session cookie.
pub(crate) fn clear_cookie(config: &Config) -> [(HeaderName, String); 1] {
    let secure = if config.is_https() { "; Secure" } else { "" };
    [(
        header::SET_COOKIE,
        format!(
            "{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}",
            cookie_name(config)
        ),
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sites_are_refused() {
        fn check(headers: &[(&'static str, &'static str)], allowed: bool) {
            let map = headers
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect();
            assert_eq!(
                refuse_cross_site(&Method::POST, &map).is_ok(),
                allowed,
                "{headers:?}"
            );
            assert!(refuse_cross_site(&Method::GET, &map).is_ok());
        }
        check(&[], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(
            &[
                ("origin", "http://a.example:8080"),
                ("host", "a.example:8080"),
            ],
            true,
        );
        check(
            &[("origin", "https://a.example"), ("host", "a.example")],
            true,
        );
        check(
            &[("origin", "https://b.example"), ("host", "a.example")],
            false,
        );
        check(&[("origin", "null"), ("host", "a.example")], false);
    }
}
