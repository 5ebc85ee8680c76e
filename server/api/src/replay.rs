//! Messages that came before under the same idempotency key: they begin nothing, and their answers tell so.

use axum::{
    http::{HeaderMap, HeaderValue},
    response::Response,
};

use crate::error::{ApiError, Result};

/// Set on answers that are those of an earlier message.
const REPLAYED: &str = "idempotent-replayed";

/// The sender's own name of a message.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    key.to_str()
        .ok()
        .filter(|key| (1..=200).contains(&key.len()))
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            ApiError::bad_request(
                "wrong_idempotency_key",
                "An Idempotency-Key has 1 to 200 plain characters.",
            )
        })
}

/// Says in the answer whether it is that of an earlier message; senders that only look for success need not know.
pub(crate) fn mark(mut response: Response, already: bool) -> Response {
    if already {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
