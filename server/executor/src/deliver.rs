//! Sends deliveries, on a schedule that is data, with links made anew for every try. Webhooks are signed as Standard Webhooks asks: a
//! receiver that answers 2xx has it; a redirect is a failure; 410 turns its endpoint off. Mails are `mail`'s business.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use engine::{ids::EndpointId, node::StepError, value::FileRef};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use store::{
    artifact,
    delivery::{self, Claimed, Next, Report, To},
    events::Wake,
    link,
};
use tokio::sync::Semaphore;

use crate::{
    Inner, backoff,
    context::{asked_ms, unanswered},
    fault::Point,
    mail, signature,
};

/// A try takes at most this long.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long a try waits for the database, and between two looks.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);

/// How much of the answer people can read.
const ANSWER_HEAD_BYTES: usize = 1_000;

/// Largest sum of files inside of a message.
const MAX_INLINE_BYTES: u64 = 1024 * 1024;

/// How long a link to a file works; every try makes a new one.
pub(crate) const LINK_DAYS: i64 = 7;

/// Sends what is due until the executor stops.
pub(crate) async fn work(executor: Arc<Inner>) {
    let store = &executor.config.store;
    let slots = Arc::new(Semaphore::new(executor.config.senders));
    let share = share_of(executor.config.senders);
    let mut woken = store.events.woken(Wake::Deliveries);
    while !executor.is_stopping() {
        woken.borrow_and_update();
        let free = slots.available_permits();
        let claimed = match i64::try_from(free) {
            Ok(free) if free > 0 => delivery::claim(store, executor.holder(), free, share)
                .await
                .unwrap_or_else(|error| {
                    tracing::warn!(%error, "deliveries could not be claimed");
                    Vec::new()
                }),
            _ => Vec::new(),
        };
        let busy = !claimed.is_empty();
        for claimed in claimed {
            let Ok(permit) = slots.clone().acquire_owned().await else {
                return;
            };
            let executor = executor.clone();
            executor.clone().tasks.spawn(async move {
                send(&executor, &claimed).await;
                drop(permit);
                // There may be more than there were slots.
                executor.config.store.events.wake_here(Wake::Deliveries);
            });
        }
        if busy {
            continue;
        }
        tokio::select! {
            () = executor.stopping.cancelled() => return,
            _ = woken.changed() => {}
            () = tokio::time::sleep(executor.config.poll) => {}
        }
    }
}

/// How many of the senders one receiver may hold; the others always find one.
fn share_of(senders: usize) -> i64 {
    i64::try_from((senders * 3 / 4).max(1)).unwrap_or(1)
}

async fn send(executor: &Inner, claimed: &Claimed) {
    let started = Instant::now();
    let tried = tokio::select! {
        tried = attempt(executor, claimed) => tried,
        never = keep(executor, claimed) => match never {},
    };
    let took_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    executor.config.faults.pass(Point::EffectDone);
    let report = tried.report(executor, claimed, took_ms);
    if let Some(error) = &report.error {
        tracing::info!(delivery.id = %claimed.id, code = error.code, "a delivery did not arrive");
    }
    let mut pause = Duration::from_millis(50);
    for _ in 0..6 {
        match delivery::finish(&executor.config.store, claimed, &report).await {
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(delivery.id = %claimed.id, %error, "the result of a delivery could not be stored; trying again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
    }
}

/// Extends the lease while the try goes on, so that no second sender doubles one that is merely slow.
async fn keep(executor: &Inner, claimed: &Claimed) -> Infallible {
    loop {
        tokio::time::sleep(executor.config.heartbeat).await;
        let renewed = delivery::renew(&executor.config.store, claimed, executor.holder()).await;
        if let Err(error) = renewed {
            tracing::warn!(delivery.id = %claimed.id, %error, "the lease of a delivery could not be extended");
        }
    }
}

/// What came of one try.
pub(crate) enum Tried {
    Answered(outbound::Response),
    /// A mail server has the mail.
    Accepted(outbound::mail::Accepted),
    /// A mail server said no, for now (4xx) or for good.
    Refused {
        status: u16,
        words: String,
    },
    /// `again`: the next try may do better.
    Failed {
        error: StepError,
        again: bool,
    },
}

async fn attempt(executor: &Inner, claimed: &Claimed) -> Tried {
    // Tries end by patience or by an answer; more of them than the schedule has only lose their senders.
    if usize::try_from(claimed.tries)
        .is_ok_and(|tries| tries >= executor.config.delivery_schedule.len())
    {
        return Tried::failed(
            "sender_lost",
            "The process that sent this message was lost again and again. See the server's log.",
            false,
        );
    }
    let now = (executor.config.clock)();
    match &claimed.to {
        To::Endpoint { id, url } => post(executor, claimed, *id, url, now).await,
        To::Mail => mail::attempt(executor, claimed, now).await,
    }
}

/// Reads what a try needs, and waits for a database that is away for a moment: that is no fault of the receiver, whose next try may be
/// half an hour away.
pub(crate) async fn patiently<T, F>(mut read: impl FnMut() -> F) -> store::Result<T>
where
    F: Future<Output = store::Result<T>>,
{
    let until = Instant::now() + PATIENCE;
    loop {
        match read().await {
            Err(error) if error.is_transient() && Instant::now() < until => {
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

/// One try of a webhook.
async fn post(
    executor: &Inner,
    claimed: &Claimed,
    endpoint: EndpointId,
    url: &str,
    now: Timestamp,
) -> Tried {
    if claimed.disabled {
        return Tried::failed(
            "endpoint_disabled",
            "The endpoint is turned off. Turn it on and send the message again.",
            false,
        );
    }
    let body = match body(executor, claimed, now).await {
        Ok(body) => body,
        Err(tried) => return tried,
    };
    let store = &executor.config.store;
    let secrets = patiently(|| delivery::signing_secrets(store, &claimed.scope, endpoint)).await;
    let secrets = match secrets {
        Ok(secrets) => secrets,
        Err(error) => {
            let again = error.is_transient();
            tracing::error!(delivery.id = %claimed.id, %error, "the secret of an endpoint cannot be read");
            return Tried::failed(
                "secret_unreadable",
                "The endpoint's secret cannot be read. See the server's log.",
                again,
            );
        }
    };
    let id = claimed.id.to_string();
    let timestamp = now.as_second();
    let Some(signature) = signature::sign(&secrets, &id, timestamp, &body) else {
        return Tried::failed(
            "secret_unreadable",
            "The endpoint's secret is damaged. Make a new one.",
            false,
        );
    };
    let sent = executor
        .config
        .outbound
        .send(outbound::Request {
            method: "POST".into(),
            url: url.to_owned(),
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("webhook-id".into(), id),
                ("webhook-timestamp".into(), timestamp.to_string()),
                ("webhook-signature".into(), signature),
            ],
            body: body.into(),
            timeout: TIMEOUT,
            max_bytes: ANSWER_HEAD_BYTES,
            cut: true,
        })
        .await;
    match sent {
        Ok(answer) => Tried::Answered(answer),
        // A guard that says no today may be told otherwise by the operator tomorrow, but hammering on it helps nobody.
        Err(error) => Tried::Failed {
            again: error.is_retryable(),
            error: unanswered(&error, format!("The receiver was not reached: {error}.")),
        },
    }
}

/// The message with its files: links made for this try, or the bytes themselves.
async fn body(executor: &Inner, claimed: &Claimed, now: Timestamp) -> Result<Vec<u8>, Tried> {
    let mut message = claimed.message.clone();
    let mut artifacts = Vec::new();
    let total: u64 = claimed.artifacts.iter().map(|file| file.size_bytes).sum();
    if claimed.inline && total > MAX_INLINE_BYTES {
        return Err(Tried::gives_up(
            StepError::new(
                "files_too_large",
                format!(
                    "The files have {total} bytes; at most {MAX_INLINE_BYTES} travel inside of a message. Send them as links."
                ),
            )
            .with("bytes", total)
            .with("most", MAX_INLINE_BYTES),
        ));
    }
    for file in &claimed.artifacts {
        let described = patiently(|| describe(executor, claimed, file, now)).await;
        artifacts.push(described.map_err(|error| unreadable_file(claimed, file, &error))?);
    }
    if let Some(data) = message.get_mut("data").and_then(Json::as_object_mut)
        && (claimed.run.is_some() || !artifacts.is_empty())
    {
        data.insert("artifacts".into(), Json::Array(artifacts));
    }
    Ok(message.to_string().into_bytes())
}

pub(crate) fn unreadable_file(
    claimed: &Claimed,
    file: &FileRef,
    error: &store::StoreError,
) -> Tried {
    tracing::warn!(delivery.id = %claimed.id, %error, "a file of a delivery cannot be read");
    let again = error.is_transient() || matches!(error, store::StoreError::Files(_));
    Tried::Failed {
        error: StepError::new(
            "file_missing",
            format!("The file \u{201c}{}\u{201d} cannot be read.", file.name),
        )
        .with("file", file.name.as_str()),
        again,
    }
}

async fn describe(
    executor: &Inner,
    claimed: &Claimed,
    file: &FileRef,
    now: Timestamp,
) -> store::Result<Json> {
    let store = &executor.config.store;
    let artifact = artifact::get(store, &claimed.scope, file.id).await?;
    let mut json = json!({
        "id": file.id,
        "name": artifact.file.name,
        "content_type": artifact.file.content_type,
        "size_bytes": artifact.file.size_bytes,
        "sha256": hex(&artifact.sha256),
    });
    if claimed.inline {
        let bytes = artifact::read(store, &claimed.scope, file.id).await?;
        json["content_base64"] = json!(BASE64.encode(bytes));
    } else {
        let expires_at = now + SignedDuration::from_hours(24 * LINK_DAYS);
        json["url"] = json!(link::artifact_url(
            &store.sealer,
            &executor.config.public_url,
            file.id,
            expires_at
        )?);
        json["expires_at"] = json!(expires_at);
    }
    Ok(json)
}

impl Tried {
    pub(crate) fn failed(code: &str, message: &str, again: bool) -> Self {
        Self::Failed {
            error: StepError::new(code, message),
            again,
        }
    }

    pub(crate) fn gives_up(error: StepError) -> Self {
        Self::Failed {
            error,
            again: false,
        }
    }

    fn report(self, executor: &Inner, claimed: &Claimed, took_ms: i64) -> Report {
        let tries = usize::try_from(claimed.tries + 1).unwrap_or(usize::MAX);
        let schedule = &executor.config.delivery_schedule;
        let next = |asked_ms: Option<u64>| match backoff::delivery_ms(
            schedule,
            tries,
            asked_ms,
            rand::random(),
        ) {
            Some(ms) => Next::RetryIn {
                ms: i64::try_from(ms).unwrap_or(i64::MAX),
            },
            None => Next::GivenUp,
        };
        match self {
            Self::Answered(answer) => {
                let head = String::from_utf8_lossy(&answer.body).into_owned();
                let status = answer.status;
                let (error, next) = match status {
                    200..=299 => (None, Next::Delivered),
                    410 => (
                        Some(StepError::new(
                            "gone",
                            "The receiver says that it is gone for good (410). Its endpoint was turned off.",
                        )),
                        Next::Gone,
                    ),
                    300..=399 => (
                        Some(
                            StepError::new(
                                "redirected",
                                format!(
                                    "The receiver answered {status}. Redirects are not followed; enter its final address."
                                ),
                            )
                            .with("status", status),
                        ),
                        next(None),
                    ),
                    _ => {
                        let now = (executor.config.clock)();
                        (
                            Some(
                                StepError::new(
                                    "refused",
                                    format!("The receiver answered {status}."),
                                )
                                .with("status", status),
                            ),
                            next(asked_ms(&answer, now)),
                        )
                    }
                };
                Report {
                    took_ms,
                    status: Some(i32::from(status)),
                    answer_head: Some(head),
                    error,
                    next,
                }
            }
            Self::Accepted(accepted) => Report {
                took_ms,
                status: Some(i32::from(accepted.status)),
                answer_head: Some(accepted.words),
                error: None,
                next: Next::Delivered,
            },
            Self::Refused { status, words } => Report {
                took_ms,
                status: Some(i32::from(status)),
                error: Some(
                    StepError::new(
                        "mail_refused",
                        format!("The mail server did not take the mail. It said: {status} {words}"),
                    )
                    .with("status", status)
                    .with("reason", words.as_str()),
                ),
                answer_head: Some(words),
                next: if (400..500).contains(&status) {
                    next(None)
                } else {
                    Next::GivenUp
                },
            },
            Self::Failed { error, again } => Report {
                took_ms,
                status: None,
                answer_head: None,
                error: Some(error),
                next: if again { next(None) } else { Next::GivenUp },
            },
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
