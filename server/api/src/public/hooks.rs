//! `POST /hooks/{slug}/{token}`: another program starts a run by sending JSON to an address that proves itself.

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use engine::{
    kind::{Field, Kind},
    value::{Mismatch, Value},
};
use serde_json::{Value as JsonValue, json};
use store::{
    link,
    queue::{self, Accept},
};

use super::{Public, answers::media_type, limits::Act, uploads::too_many};
use crate::{
    App,
    client::ClientAddress,
    error::{ApiError, ProblemOut},
    extract::{raw_body, refuse_nul},
};

const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_KEY_CHARS: usize = 200;

pub(crate) async fn receive(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path((slug, token)): Path<(String, String)>,
    address: ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::not_found("address");
    let workflow = link::workflow(&app.store, &slug)
        .await
        .map_err(|_| unknown())?;
    let published = public.kept.get(&app, &workflow).await?;
    let mut hook = None;
    for (node, webhook) in &published.hooks {
        if link::opens_hook(&app.store.sealer, workflow.id, node, &token)? {
            hook = Some((node, webhook));
        }
    }
    // Without the token nobody learns whether the workflow exists, or is off.
    let (node, webhook) = hook.ok_or_else(unknown)?;
    if !workflow.live {
        return Err(ApiError::new(
            StatusCode::GONE,
            "workflow_off",
            "This workflow is turned off; nothing was started.",
        ));
    }
    public
        .limits
        .take(Act::Hook, address.0, workflow.id)
        .map_err(too_many)?;
    if media_type(&request).as_deref() != Some("application/json") {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send the body as application/json.",
        ));
    }
    let key = idempotency_key(request.headers())?;
    let body = raw_body(request, MAX_BODY_BYTES).await?;
    let body: JsonValue = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request("malformed_json", format!("The body is not JSON: {error}."))
    })?;
    refuse_nul(&body, &mut String::new())?;
    let input = check(&body, &webhook.fields)?;
    let mut accept = Accept::new(
        workflow.id,
        workflow.version,
        node,
        queue::Source::Webhook,
        input,
    );
    accept.idempotency = key.map(|key| (format!("hook:{}:{node}", workflow.id), key));
    accept.title = published.workflow.name.clone();
    let accepted = queue::submit(&app.store, app.local.as_ref(), &workflow.scope, accept).await?;
    let status_url = link::run_url(
        &app.store.sealer,
        app.config.public_url.as_str(),
        accepted.run_id,
    )?;
    Ok((
        StatusCode::ACCEPTED,
        Json(json!({"run_id": accepted.run_id, "status_url": status_url})),
    )
        .into_response())
}

/// The sender's own name of this message: `Idempotency-Key`, or the id of Standard Webhooks.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = ["idempotency-key", "webhook-id"]
        .iter()
        .find_map(|name| headers.get(*name))
    else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.chars().count() <= MAX_KEY_CHARS => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(ApiError::bad_request(
            "bad_idempotency_key",
            format!(
                "The idempotency key must have between 1 and {MAX_KEY_CHARS} visible characters."
            ),
        )),
    }
}

/// The declared values of the body, or every problem with it.
fn check(body: &JsonValue, fields: &[Field]) -> Result<JsonValue, ApiError> {
    let kind = if fields.is_empty() {
        Kind::Any
    } else {
        Kind::Record {
            fields: fields.to_vec(),
        }
    };
    if !body.is_object() {
        return Err(ApiError::invalid(
            "wrong_kind",
            "",
            "The body must be a JSON object.",
        ));
    }
    let value = Value::from_json(body, &kind).map_err(|mismatches| {
        ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid",
            "The body does not fit what this address takes.",
        )
        .problems(mismatches.into_iter().map(problem).collect())
    })?;
    Ok(value.to_json())
}

fn problem(mismatch: Mismatch) -> ProblemOut {
    ProblemOut::from(
        engine::check::Problem::error(&mismatch.code, json!({}), mismatch.message)
            .at(mismatch.pointer),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_checked_whole() {
        let fields: Vec<Field> = serde_json::from_value(json!([
            {"name": "order", "kind": "text"}, {"name": "total", "kind": "money"}
        ]))
        .unwrap();
        let good =
            json!({"order": "A-1", "total": {"amount": "12.50", "currency": "EUR"}, "extra": 1});
        assert_eq!(check(&good, &fields).unwrap()["total"]["amount"], "12.50");
        assert!(check(&good, &fields).unwrap().get("extra").is_none());
        assert!(check(&json!({"order": 5, "total": "12"}), &fields).is_err());
        assert!(check(&json!([1]), &fields).is_err());
    }

    #[test]
    fn keys_are_of_reasonable_length() {
        let mut headers = HeaderMap::new();
        assert_eq!(idempotency_key(&headers).unwrap(), None);
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        assert_eq!(idempotency_key(&headers).unwrap().as_deref(), Some("msg_1"));
        headers.insert("idempotency-key", "x".repeat(300).parse().unwrap());
        assert!(idempotency_key(&headers).is_err());
    }
}
