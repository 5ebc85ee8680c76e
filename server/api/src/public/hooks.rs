//! `POST /hooks/{slug}/{token}`: another program starts a run by sending JSON to an address that proves itself, and perhaps proves more.
//! It is answered at once, or when the run has its answer.

use std::time::Duration;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use engine::{
    foreign,
    ids::WorkflowId,
    kind::{Field, Kind},
    node::{Answer, AnswerBody, Proof, Trigger, Webhook},
    value::{Mismatch, Value},
    workflow::Node,
};
use jiff::Timestamp;
use serde_json::{Value as JsonValue, json};
use store::{
    Scope, StoreError,
    hook_test::Listening,
    link::{self, PublicWorkflow},
    queue::{self, Accept, Accepted},
    run::{Until, Waited, Watch},
};

use super::{
    Public, answers::media_type, files, limits::Act, proof, published::Published, story::Story,
    uploads::too_many,
};
use crate::{
    App,
    client::ClientAddress,
    error::{ApiError, ProblemOut},
    extract::{raw_body, refuse_nul},
    replay,
    workflow_document::triggers,
};

const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_KEY_CHARS: usize = 200;
/// A caller that waits is answered with a link after this.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// `POST /hooks/{slug}/{token}`.
pub(crate) async fn receive(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path((slug, token)): Path<(String, String)>,
    address: ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    take(&app, &public, &slug, Some(&token), address, request).await
}

/// `POST /hooks/{slug}`, for steps that ask for no proof at all.
pub(crate) async fn receive_open(
    State(app): State<App>,
    Extension(public): Extension<Public>,
    Path(slug): Path<String>,
    address: ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    take(&app, &public, &slug, None, address, request).await
}

/// A message as it came.
pub(super) struct Call {
    headers: HeaderMap,
    raw: Vec<u8>,
    pub(super) body: JsonValue,
}

impl Call {
    pub(super) async fn read(request: Request) -> Result<Self, ApiError> {
        if media_type(&request).as_deref() != Some("application/json") {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the body as application/json.",
            ));
        }
        let headers = request.headers().clone();
        let raw = raw_body(request, MAX_BODY_BYTES).await?.to_vec();
        let body = serde_json::from_slice(&raw).map_err(|error| {
            ApiError::bad_request("malformed_json", format!("The body is not JSON: {error}."))
        })?;
        refuse_nul(&body, &mut String::new())?;
        let changed = std::str::from_utf8(&raw)
            .ok()
            .and_then(foreign::inexact_number);
        if let Some(number) = changed {
            return Err(ApiError::invalid(
                "inexact_number",
                "",
                format!(
                    "The number {number} has too many digits to arrive unchanged. Send it as a text."
                ),
            ));
        }
        Ok(Self { headers, raw, body })
    }
}

async fn take(
    app: &App,
    public: &Public,
    slug: &str,
    token: Option<&str>,
    address: ClientAddress,
    request: Request,
) -> Result<Response, ApiError> {
    // Without the token nobody learns whether the workflow exists, or is off.
    let unknown = || ApiError::not_found("address");
    let found = match link::workflow(&app.store, slug).await {
        Ok(workflow) => Some(workflow),
        Err(StoreError::NotFound(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let mut hook = None;
    if let Some(workflow) = &found {
        let published = public.kept.get(app, workflow).await?;
        for (at, (node, webhook)) in published.hooks.iter().enumerate() {
            if opens(app, workflow.id, node, webhook, token)? {
                hook = Some((workflow, published.clone(), at));
            }
        }
    }
    let listens = found.as_ref().is_none_or(|workflow| workflow.listening);
    let test = if listens {
        listening(app, slug, token).await?
    } else {
        None
    };
    let workflow = match (&hook, &test) {
        (Some((workflow, ..)), _) => workflow.id,
        (None, Some((test, _))) => test.workflow,
        (None, None) => return Err(unknown()),
    };
    public
        .limits
        .take(Act::Hook, address.0, workflow)
        .map_err(too_many)?;
    let is_on = hook.as_ref().is_some_and(|(workflow, ..)| workflow.live);
    if test.is_none() && !is_on {
        return Err(off());
    }
    let call = Call::read(request).await?;
    let captured = match &test {
        Some((test, webhook)) => match prove(app, &test.scope, webhook, &call).await {
            Ok(()) => store::hook_test::capture(&app.store, test, &call.body).await?,
            // The draft may ask for another proof than what is live.
            Err(_) if is_on => false,
            Err(error) => return Err(error),
        },
        None => false,
    };
    match hook {
        Some((workflow, published, at)) if is_on => {
            start(app, workflow, &published, at, &call, captured).await
        }
        _ if captured => {
            Ok((StatusCode::ACCEPTED, Json(json!({"captured": true}))).into_response())
        }
        _ => Err(off()),
    }
}

fn off() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "workflow_off",
        "This workflow is turned off; nothing was started.",
    )
}

/// Whether an address leads to this step.
fn opens(
    app: &App,
    workflow: WorkflowId,
    node: &str,
    webhook: &Webhook,
    token: Option<&str>,
) -> Result<bool, ApiError> {
    Ok(match token {
        Some(token) => link::opens_hook(&app.store.sealer, workflow, node, token)?,
        None => webhook.proof == Proof::None,
    })
}

/// The step of a draft under this address that waits for a test call.
async fn listening(
    app: &App,
    slug: &str,
    token: Option<&str>,
) -> Result<Option<(Listening, Webhook)>, ApiError> {
    for test in store::hook_test::listening(&app.store, slug).await? {
        let nodes: Vec<Node> = test
            .document
            .get("nodes")
            .and_then(|nodes| serde_json::from_value(nodes.clone()).ok())
            .unwrap_or_default();
        for (node, trigger) in triggers(&app.catalogue, &nodes) {
            if let Trigger::Webhook(webhook) = trigger
                && node == test.node
                && opens(app, test.workflow, &node, &webhook, token)?
            {
                return Ok(Some((test, webhook)));
            }
        }
    }
    Ok(None)
}

/// Starts the run, and waits for it where the step says so. A message that is kept as a sample may not fit yet.
async fn start(
    app: &App,
    workflow: &PublicWorkflow,
    published: &Published,
    at: usize,
    call: &Call,
    captured: bool,
) -> Result<Response, ApiError> {
    let (node, webhook) = &published.hooks[at];
    prove(app, &workflow.scope, webhook, call).await?;
    let key = idempotency_key(&call.headers, webhook.proof, &call.body)?;
    let input = match check(&call.body, &webhook.fields, &published.workflow.currency) {
        Ok(input) => input,
        Err(_) if captured => {
            return Ok((StatusCode::ACCEPTED, Json(json!({"captured": true}))).into_response());
        }
        Err(error) => return Err(error),
    };
    let mut accept = Accept::new(
        workflow.id,
        workflow.version,
        node,
        queue::Source::Webhook,
        input,
    );
    accept.idempotency = key.map(|key| (format!("hook:{}:{node}", workflow.id), key));
    accept.title = published.workflow.name.clone();
    accept.awaited = webhook.waits;
    let watch = webhook
        .waits
        .then(|| store::run::watch(&app.store, accept.run, Until::Answered));
    let accepted = queue::submit(&app.store, app.local.as_ref(), &workflow.scope, accept).await?;
    if let Some(watch) = watch
        && let Some(answer) = answer(app, workflow, &accepted, watch, &call.headers).await?
    {
        return Ok(replay::mark(answer, accepted.already));
    }
    let status_url = link::run_url(
        &app.store.sealer,
        app.config.public_url.as_str(),
        accepted.run_id,
    )?;
    let told = Json(json!({"run_id": accepted.run_id, "status_url": status_url}));
    let answer = (StatusCode::ACCEPTED, told).into_response();
    Ok(replay::mark(answer, accepted.already))
}

/// Checks the proof that the step asks for, against the bytes as they came.
async fn prove(app: &App, scope: &Scope, webhook: &Webhook, call: &Call) -> Result<(), ApiError> {
    if webhook.proof.credential().is_none() {
        return Ok(());
    }
    let gone = || {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "credential_gone",
            "The secret that callers of this address prove themselves with was deleted. Nothing was started.",
        )
    };
    let id = webhook.credential.ok_or_else(gone)?;
    let secret = match store::credential::open(&app.store, scope, id).await {
        Ok(secret) => secret,
        Err(StoreError::NotFound(_)) => return Err(gone()),
        Err(error) => return Err(error.into()),
    };
    let now = Timestamp::now();
    proof::check(webhook.proof, &secret, &call.headers, &call.raw, now)
}

/// What the run answers, or what it came to; `None` when neither comes in time.
async fn answer(
    app: &App,
    workflow: &PublicWorkflow,
    accepted: &Accepted,
    watch: Watch,
    headers: &HeaderMap,
) -> Result<Option<Response>, ApiError> {
    let (store, scope, run) = (&app.store, &workflow.scope, accepted.run_id);
    let limit = preferred(headers).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
    let mut answer = None;
    if accepted.already {
        store::run::wait(store, scope, run, Until::Answered, limit).await?;
    } else if let Waited::Reached(known) = store::run::wait_on(store, watch, limit).await {
        answer = known;
    }
    if answer.is_none() {
        answer = store::answer::of_run(store, scope, run).await?;
    }
    if let Some(Answer { status, body }) = answer {
        let status = StatusCode::from_u16(status).map_err(ApiError::internal)?;
        let mut response = match body {
            AnswerBody::Values(values) => Json(values).into_response(),
            AnswerBody::Text(text) => text.into_response(),
            AnswerBody::File(file) => {
                let artifact = store::artifact::get(store, scope, file.id).await?;
                files::send(app, scope, &artifact, false, headers).await?
            }
        };
        if response.status() == StatusCode::OK {
            *response.status_mut() = status;
        }
        return Ok(Some(response));
    }
    let standing = store::run::standing(store, scope, run).await?;
    if !standing.finished {
        return Ok(None);
    }
    let story = Story::read(app, *scope, run).await?;
    let mut response = story.json(app, &link::run_token(&app.store.sealer, run)?);
    if standing.state != "succeeded" {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(Some(response))
}

/// How long the caller wants to wait: `Prefer: wait=<seconds>` (RFC 7240, section 4.3).
fn preferred(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|part| part.trim().strip_prefix("wait=")?.parse().ok())?;
    Some(Duration::from_secs(seconds))
}

/// The sender's own name of this message: `Idempotency-Key`, the id of Standard Webhooks, GitHub's delivery or Stripe's event.
fn idempotency_key(
    headers: &HeaderMap,
    proof: Proof,
    body: &JsonValue,
) -> Result<Option<String>, ApiError> {
    let told = ["idempotency-key", "webhook-id", "x-github-delivery"]
        .iter()
        .find_map(|name| headers.get(*name))
        .map(|value| value.to_str().unwrap_or_default());
    let event = (proof == Proof::Stripe)
        .then(|| body.get("id").and_then(JsonValue::as_str))
        .flatten();
    match told.or(event) {
        None => Ok(None),
        Some(key) if !key.is_empty() && key.chars().count() <= MAX_KEY_CHARS => {
            Ok(Some(key.to_owned()))
        }
        Some(_) => Err(ApiError::bad_request(
            "bad_idempotency_key",
            format!(
                "The idempotency key must have between 1 and {MAX_KEY_CHARS} visible characters."
            ),
        )),
    }
}

/// The declared values of the body, or every problem with it.
pub(super) fn check(
    body: &JsonValue,
    fields: &[Field],
    currency: &str,
) -> Result<JsonValue, ApiError> {
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
    let value =
        Value::from_json(&foreign::adopt(body, &kind, currency), &kind).map_err(|mismatches| {
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "The body does not fit what this address takes.",
            )
            .problems(mismatches.into_iter().map(problem).collect())
        })?;
    // Whoever learns the id of somebody else's file would get it.
    if let Value::Record(values) = &value
        && let Some((name, _)) = values.iter().find(|(_, value)| has_file(value))
    {
        return Err(ApiError::invalid(
            "wrong_kind",
            &format!("/{name}"),
            "A message cannot name a file that is kept here. Send its address as a text, and fetch it by a step.",
        ));
    }
    Ok(value.to_json())
}

fn has_file(value: &Value) -> bool {
    match value {
        Value::File(_) => true,
        Value::List(items) => items.iter().any(has_file),
        Value::Record(values) => values.values().any(has_file),
        _ => false,
    }
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
        let checked = check(&good, &fields, "EUR").unwrap();
        assert_eq!(checked["total"]["amount"], "12.50");
        assert!(checked.get("extra").is_none());
        let other = json!({"Order": "A-1", "total": "12.50"});
        assert_eq!(
            check(&other, &fields, "CHF").unwrap()["total"]["currency"],
            "CHF"
        );
        assert!(check(&json!({"order": 5, "total": "twelve"}), &fields, "EUR").is_err());
        assert!(check(&json!([1]), &fields, "EUR").is_err());
    }

    #[test]
    fn nobody_hands_in_a_file_by_its_id() {
        let fields: Vec<Field> = serde_json::from_value(json!([
            {"name": "copy", "kind": "file", "optional": true},
            {"name": "all", "kind": "list", "item": {"kind": "file"}, "optional": true},
        ]))
        .unwrap();
        let file = json!({
            "id": "018f4f5e-0000-7000-8000-000000000001", "name": "a.pdf", "content_type": "application/pdf", "size_bytes": 3,
        });
        for body in [json!({"copy": file}), json!({"all": [file]})] {
            assert!(check(&body, &fields, "EUR").is_err(), "{body}");
        }
        assert!(check(&json!({}), &fields, "EUR").is_ok());
    }

    #[test]
    fn keys_are_of_reasonable_length() {
        let key =
            |headers: &HeaderMap, proof| idempotency_key(headers, proof, &json!({"id": "evt_1"}));
        let mut headers = HeaderMap::new();
        assert_eq!(key(&headers, Proof::Address).unwrap(), None);
        assert_eq!(
            key(&headers, Proof::Stripe).unwrap().as_deref(),
            Some("evt_1")
        );
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        assert_eq!(
            key(&headers, Proof::Address).unwrap().as_deref(),
            Some("msg_1")
        );
        headers.insert("idempotency-key", "x".repeat(300).parse().unwrap());
        assert!(key(&headers, Proof::Address).is_err());
        headers.insert("idempotency-key", "\u{e9}".parse().unwrap());
        assert!(key(&headers, Proof::Address).is_err());
    }
}
