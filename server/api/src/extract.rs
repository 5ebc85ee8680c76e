//! Extractors whose rejections are problems: JSON bodies (type, size, depth, NUL), path ids and queries.

use std::time::Duration;

use axum::{
    body::BodyDataStream,
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::error::ApiError;

/// Largest JSON body.
const MAX_JSON_BYTES: usize = 4 * 1024 * 1024;
/// Of a body that is too large, this much more is read, and for this long.
const MAX_DRAINED: usize = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// A JSON body. 415 without `application/json`, 413 above the route's limit, 400 when it is not JSON, 422 when it does not fit.
pub(crate) struct Body<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        if !is_json(&request) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the body as application/json.",
            ));
        }
        let bytes = raw_body(request, MAX_JSON_BYTES).await?;
        parse(&bytes).map(Self)
    }
}

/// The body as it came, at most `limit` bytes. What is larger is read on for a while and dropped: a client that is still writing
/// would see a broken connection instead of the answer.
pub(crate) async fn raw_body(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let cut = |_| ApiError::bad_request("body_unreadable", "The body did not arrive completely.");
    let mut pieces = request.into_body().into_data_stream();
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(cut)?;
        if body.len() + piece.len() > limit {
            drop(body);
            drain(&mut pieces).await;
            return Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!("The body is larger than the {limit} bytes that this address takes."),
            ));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// Reads on for a while and drops what comes.
pub(crate) async fn drain(pieces: &mut BodyDataStream) {
    let drained = async {
        let mut left = MAX_DRAINED;
        while let Some(Ok(piece)) = pieces.next().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME, drained).await;
}

fn is_json(request: &Request) -> bool {
    let Some(value) = request.headers().get(header::CONTENT_TYPE) else {
        return false;
    };
    let Ok(text) = value.to_str() else {
        return false;
    };
    let media_type = text.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    // serde_json refuses more than 128 levels by itself.
    let json: Json = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::bad_request("malformed_json", format!("The body is not JSON: {error}."))
    })?;
    refuse_nul(&json, &mut String::new())?;
    serde_path_to_error::deserialize(json).map_err(|error| {
        let pointer = pointer(error.path());
        ApiError::invalid(
            "wrong_value",
            &pointer,
            format!("This value does not fit: {}.", error.inner()),
        )
    })
}

/// Postgres cannot hold U+0000 in text or jsonb, so it is refused where it comes in.
pub(crate) fn refuse_nul(json: &Json, pointer: &mut String) -> Result<(), ApiError> {
    let depth = pointer.len();
    match json {
        Json::String(text) if text.contains('\0') => Err(ApiError::invalid(
            "nul_character",
            pointer,
            "Text must not contain the character U+0000.",
        )),
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                refuse_nul(item, pointer)?;
                pointer.truncate(depth);
            }
            Ok(())
        }
        Json::Object(fields) => {
            for (name, value) in fields {
                if name.contains('\0') {
                    return Err(ApiError::invalid(
                        "nul_character",
                        pointer,
                        "Names must not contain the character U+0000.",
                    ));
                }
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                refuse_nul(value, pointer)?;
                pointer.truncate(depth);
            }
            Ok(())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Ok(()),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Path parameters; what does not parse names nothing, so it is a 404.
pub(crate) struct Path<T>(pub T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| ApiError::not_found("thing"))
    }
}

/// The query string.
pub(crate) struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|error| {
                ApiError::bad_request("wrong_query", format!("{}.", error.body_text()))
            })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only parsed")]
        items: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only parsed")]
        name: String,
    }

    #[test]
    fn refusals_name_the_place() {
        fn check(body: &str, status: u16, pointer: &str) {
            let error = parse::<Outer>(body.as_bytes()).unwrap_err();
            assert_eq!(error.status().as_u16(), status, "{body}");
            if status == 422 {
                assert!(
                    format!("{error:?}").contains(&format!("pointer: {pointer:?}")),
                    "{error:?}"
                );
            }
        }
        assert!(parse::<Outer>(br#"{"items": [{"name": "a"}]}"#).is_ok());
        check("{", 400, "");
        check("", 400, "");
        check(r#"{"items": "\ud800"}"#, 400, "");
        check(&"[".repeat(200), 400, "");
        check(r#"{"items": [{"name": "a\u0000b"}]}"#, 422, "/items/0/name");
        check(r#"{"items": [{"name": 5}]}"#, 422, "/items/0/name");
        check(r#"{"items": [{"nam": "a"}]}"#, 422, "/items/0/nam");
        check(r#"{"a\u0000": 1}"#, 422, "");
    }
}
