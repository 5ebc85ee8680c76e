//! The outermost layer: request ids, the log line, finished problems, caught panics and the security headers of every answer.

use std::any::Any;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{App, error::ApiError};

pub(crate) async fn edge(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().simple().to_string();
    let is_api = request.uri().path().starts_with("/api/") || request.uri().path() == "/api";
    let span = tracing::info_span!("request", id, method = %request.method());
    let response = if holds_nul(
        request
            .uri()
            .path_and_query()
            .map_or("", |text| text.as_str()),
    ) {
        ApiError::bad_request(
            "nul_character",
            "An address must not contain the character U+0000.",
        )
        .into_response()
    } else {
        next.run(request).instrument(span.clone()).await
    };
    let mut response = span.in_scope(|| finish(response, is_api, &id));
    secure(response.headers_mut(), app.config.is_https(), is_api);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}

fn holds_nul(address: &str) -> bool {
    address.contains("%00")
}

fn finish(mut response: Response, is_api: bool, id: &str) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<ApiError>() {
        if let Some(cause) = problem.cause() {
            tracing::error!(cause = %chain(cause), status = problem.status().as_u16(), "request failed");
        }
        // What a handler set beside the problem, such as a cookie, stays.
        let kept = std::mem::take(response.headers_mut());
        let mut finished = problem.finish(id);
        for (name, value) in &kept {
            if !matches!(*name, header::CONTENT_LENGTH | header::CONTENT_TYPE) {
                finished.headers_mut().append(name, value.clone());
            }
        }
        return finished;
    }
    let status = response.status();
    let plain = !response.headers().contains_key(header::CONTENT_TYPE)
        || response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    if is_api && (status.is_client_error() || status.is_server_error()) && plain {
        // What the framework itself answers, such as 405 or 413.
        let mut finished = framework(status).finish(id);
        if let Some(allow) = response.headers().get(header::ALLOW) {
            finished.headers_mut().insert(header::ALLOW, allow.clone());
        }
        return finished;
    }
    response
}

fn framework(status: StatusCode) -> ApiError {
    match status {
        StatusCode::NOT_FOUND => ApiError::not_found("address"),
        StatusCode::METHOD_NOT_ALLOWED => ApiError::new(
            status,
            "method_not_allowed",
            "This address does not know that method.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
            status,
            "body_too_large",
            "The body is larger than this address takes.",
        ),
        _ => ApiError::new(status, "refused", "The request could not be read."),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// What a panicking handler answers; the panic's text goes to the log only.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    ApiError::internal(std::io::Error::other(format!("a handler panicked: {text}"))).into_response()
}

/// Every answer carries these unless its handler knows better.
fn secure(headers: &mut HeaderMap, https: bool, is_api: bool) {
    let defaults = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: forms without JavaScript would then send `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    for (name, value) in defaults {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if is_api {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    if https {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
}
