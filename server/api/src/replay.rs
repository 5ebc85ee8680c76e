//! Messages that came before under the same idempotency key: they begin nothing, whatever they say, and their answers tell so.

use axum::{http::HeaderValue, response::Response};

/// Set on answers that are those of an earlier message.
const REPLAYED: &str = "idempotent-replayed";

/// Says in the answer whether it is that of an earlier message; senders that only look for success need not know.
pub(crate) fn mark(mut response: Response, already: bool) -> Response {
    if already {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
