//! `/f/{slug}/compute`: totals of what is typed so far. The only arithmetic is on the server.

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::{form::Source, format::decimal_mark, value::Value};
use serde::Deserialize;
use serde_json::{Value as JsonValue, json};

use super::{
    Public,
    answers::{MAX_TEXT_BYTES, media_type},
    limits::Act,
    published::constants,
    uploads::{closed, too_many},
    view::{display, is_doubtful},
    visit::Visit,
};
use crate::{App, client::ClientAddress, error::ApiError, extract::raw_body};

/// What the script asks for live totals.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComputeIn {
    /// The tree of typed texts.
    answers: JsonValue,
    #[serde(default)]
    lang: Option<String>,
}

/// `POST /f/{slug}/compute`: totals of what is typed so far; the only arithmetic is here.
pub(crate) async fn totals(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path(slug): Path<String>,
    address: ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    if media_type(&request).as_deref() != Some("application/json") {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send the answers as application/json.",
        ));
    }
    let headers = request.headers().clone();
    let body = raw_body(request, MAX_TEXT_BYTES).await?;
    let sent: ComputeIn = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(
            "malformed_json",
            format!("The answers cannot be read: {error}."),
        )
    })?;
    let visit = Visit::open(&app, &public, &slug, sent.lang, &headers)
        .await
        .map_err(|_| ApiError::not_found("form"))?;
    let (_, form) = visit.form().ok_or_else(closed)?;
    public
        .limits
        .take(Act::Compute, address.0, visit.workflow.id)
        .map_err(too_many)?;
    let constants = constants(&visit.firm, &visit.published.zone(), visit.now);
    let setting = visit.setting(Source::Person, &constants, &|_| None);
    let mark = decimal_mark(setting.locale);
    let draft = form.draft(&sent.answers, &setting);
    let mut computed = serde_json::Map::new();
    let mut understood = serde_json::Map::new();
    for (pointer, value) in &draft.values {
        let text = display(value, setting.locale);
        match sent.answers.pointer(pointer) {
            Some(JsonValue::String(typed))
                if matches!(
                    value,
                    Value::Decimal(_) | Value::Integer(_) | Value::Money(_)
                ) =>
            {
                if is_doubtful(typed, mark) {
                    understood.insert(pointer.clone(), json!(text));
                }
            }
            Some(_) => {}
            None => {
                computed.insert(
                    pointer.clone(),
                    json!({"value": value.to_json(), "text": text}),
                );
            }
        }
    }
    Ok(Json(json!({"computed": computed, "understood": understood})).into_response())
}
