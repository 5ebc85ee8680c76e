//! One request from claim to commit: text for whoever watches, a lease that is renewed, a look every half second whether it is still
//! wanted. Every write is fenced: a request that was stopped or given to another process is dropped without a trace.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use engine::node::{GenerationResult, StepError};
use store::{
    Store, StoreError,
    generation::{self, Claimed, Fenced, Finish},
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::backend::{Control, Engine, Failure, Request};

/// Text is handed on this often.
const TEXT_EVERY: Duration = Duration::from_millis(150);
/// Without text, the store is asked this often whether the request is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How the work on a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Stored, or of no interest any more.
    Settled,
    /// Given back, because this process stops.
    Released,
    /// The model's thread is gone; its lease runs out, and another process takes over.
    Broken,
}

/// A point at which a test lets this process die as if by kill -9: `after_claim`, `effect_done` or `committed`, and `:<nth passage>`.
pub struct Faults {
    point: String,
    nth: u64,
    passed: AtomicU64,
}

impl Faults {
    pub fn new(armed: Option<&str>) -> Self {
        let (point, nth) = armed
            .map(|text| text.split_once(':').unwrap_or((text, "1")))
            .unwrap_or_default();
        Self {
            point: point.into(),
            nth: nth.parse().unwrap_or(1),
            passed: AtomicU64::new(0),
        }
    }

    pub fn pass(&self, point: &str) {
        if self.point == point && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.nth {
            std::process::abort();
        }
    }
}

/// Answers one request and stores how it ended.
pub async fn work(
    store: &Store,
    engine: &Engine,
    claimed: &Claimed,
    lease_ms: i64,
    faults: &Faults,
    stop: &CancellationToken,
) -> Ended {
    let deadline = Instant::now().checked_add(Duration::from_millis(claimed.timeout_ms));
    let (sender, mut texts) = mpsc::channel(256);
    let control = Control::new(sender, deadline);
    let request = Request {
        workspace: claimed.workspace,
        generation: claimed.request.clone(),
    };
    let mut answer = engine.submit(request, control.clone());
    let mut watcher = Watcher {
        store,
        claimed,
        lease_ms,
        pending: String::new(),
        seq: 0,
        looked: Instant::now(),
        renewed: Instant::now(),
    };
    let mut tick = interval(TEXT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut unwanted, mut stopping) = (false, false);
    let answer = loop {
        tokio::select! {
            answer = &mut answer => break answer,
            Some(text) = texts.recv() => watcher.pending.push_str(&text),
            _ = tick.tick() => {
                if !unwanted && watcher.tick().await == Fenced::Stale {
                    unwanted = true;
                    control.cancel();
                }
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                control.cancel();
            }
        }
    };
    let Ok(answer) = answer else {
        tracing::error!(generation = %claimed.id, "the model's thread ended while it worked");
        return Ended::Broken;
    };
    faults.pass("effect_done");
    let ended = match answer {
        Ok(result) => settle(lease_ms, || finish(store, claimed, &result)).await,
        Err(Failure::Cancelled) if unwanted => Ended::Settled,
        Err(Failure::Cancelled) => {
            settle(lease_ms, || async {
                generation::release(store, claimed).await.map(drop)
            })
            .await;
            Ended::Released
        }
        Err(Failure::Deadline) => {
            let seconds = claimed.timeout_ms / 1000;
            let error = StepError::new(
                "model_timed_out",
                format!(
                    "The model did not answer within {seconds} seconds. Allow the step more time, ask for less text, or choose a smaller model."
                ),
            )
            .with("seconds", seconds);
            settle(lease_ms, || fail(store, claimed, &error)).await
        }
        Err(Failure::Failed(error)) => settle(lease_ms, || fail(store, claimed, &error)).await,
    };
    faults.pass("committed");
    ended
}

async fn finish(
    store: &Store,
    claimed: &Claimed,
    result: &GenerationResult,
) -> Result<(), StoreError> {
    match generation::finish(store, claimed, result).await? {
        Finish::Done => tracing::info!(
            generation = %claimed.id, run.id = %claimed.run, step.id = %claimed.node,
            prompt_tokens = result.usage.prompt_tokens, cached_tokens = result.usage.cached_tokens,
            output_tokens = result.usage.output_tokens, prompt_ms = result.usage.prompt_ms, output_ms = result.usage.output_ms,
            "a text is written"
        ),
        Finish::Stale => {
            tracing::info!(generation = %claimed.id, "the text is not wanted any more");
        }
        Finish::Refused(error) => {
            tracing::error!(generation = %claimed.id, code = %error.code, "an output that breaks its schema was refused");
            fail(store, claimed, &error).await?;
        }
    }
    Ok(())
}

async fn fail(store: &Store, claimed: &Claimed, error: &StepError) -> Result<(), StoreError> {
    generation::fail(store, claimed, error).await.map(drop)
}

/// Tries a commit until it succeeds or the lease has surely run out: then another process does the work again.
async fn settle<F: Future<Output = Result<(), StoreError>>>(
    lease_ms: i64,
    commit: impl Fn() -> F,
) -> Ended {
    let until = Instant::now() + Duration::from_millis(u64::try_from(lease_ms).unwrap_or(0));
    let mut pause = Duration::from_millis(100);
    while let Err(error) = commit().await {
        tracing::warn!(%error, "an answer could not be stored yet");
        if Instant::now() >= until {
            break;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(3));
    }
    Ended::Settled
}

/// What has to happen while the model writes.
struct Watcher<'a> {
    store: &'a Store,
    claimed: &'a Claimed,
    lease_ms: i64,
    pending: String,
    seq: i32,
    looked: Instant,
    renewed: Instant,
}

impl Watcher<'_> {
    /// `Stale`: nobody wants it any more. A database that does not answer is no reason to stop: the fence decides in the end.
    async fn tick(&mut self) -> Fenced {
        let third = Duration::from_millis(u64::try_from(self.lease_ms / 3).unwrap_or(0));
        let result = if self.renewed.elapsed() >= third {
            self.renewed = Instant::now();
            generation::renew(self.store, self.claimed, self.lease_ms).await
        } else if !self.pending.is_empty() {
            let text = std::mem::take(&mut self.pending);
            let seq = self.seq;
            self.seq += 1;
            self.looked = Instant::now();
            generation::append_chunk(self.store, self.claimed, seq, &text).await
        } else if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            generation::held(self.store, self.claimed).await
        } else {
            return Fenced::Done;
        };
        result.unwrap_or_else(|error| {
            tracing::warn!(%error, "the state of a request could not be read");
            Fenced::Done
        })
    }
}
