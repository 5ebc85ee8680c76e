//! What steps put out that is too large for its row goes to the file store before its segment goes to the committer, on the thread that
//! worked on it: a disk that is slow or full holds up nobody else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::node::Effect;
use store::{Store, StoreError, output};
use tokio_util::sync::CancellationToken;

use super::{Done, Known};
use crate::{
    Inner,
    context::from_store,
    step::{Came, Within},
    work::put_off,
};

/// How long a segment is held that costs nothing but time to do again.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between the first two tries; each is followed by one twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Writes the large values of a segment. While the file store does not take them they are held, under a lease that goes on, and tried
/// again. Then the entry is put off, and its steps are done again: not one of them reached outside. A step that did has failed this time,
/// which its run tells, and its own rule says whether there is another try; under the same idempotency key, as every try is made. `None`:
/// there is nothing to commit.
pub(crate) async fn put(
    inner: &Inner,
    known: &Known,
    mut done: Done,
    cancelled: &CancellationToken,
) -> Option<Done> {
    let store = &inner.config.store;
    let patience = if done.reached_outside() {
        inner.config.holds_results
    } else {
        PATIENCE
    };
    let (since, mut pause) = (Instant::now(), FIRST_PAUSE);
    let error = loop {
        let Err(error) = done.put_large(store).await else {
            return Some(done);
        };
        if cancelled.is_cancelled() {
            return None;
        }
        if since.elapsed() >= patience || inner.is_stopping() {
            break error;
        }
        tracing::warn!(run.id = %known.run.id, step.id = %known.lease.node, %error, "a large value could not be written; trying again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    if done.reached_outside() {
        tracing::error!(run.id = %known.run.id, step.id = %known.lease.node, %error, "what a step brought from outside could not be written, and is lost");
        return Some(done.without_result(&error));
    }
    tracing::warn!(run.id = %known.run.id, step.id = %known.lease.node, %error, "large values of a run could not be written; it is tried again later");
    put_off(inner, &known.lease).await;
    None
}

impl Done {
    /// A step of this segment reached outside, and is then alone in it.
    fn reached_outside(&self) -> bool {
        let plan = &self.program.plan;
        let attempts = self.attempts.iter();
        let mut nodes = attempts.filter_map(|attempt| plan.node(&attempt.key.node));
        nodes.any(|node| node.effect() == Effect::Outside)
    }

    /// Writes what is not written yet.
    async fn put_large(&mut self, store: &Store) -> Result<(), StoreError> {
        let scope = self.run.scope;
        for attempt in &mut self.attempts {
            if let Came::Succeeded { output, large, .. } = &mut attempt.came
                && large.is_none()
            {
                *large = output::put(store, scope, output).await?.map(Arc::new);
            }
        }
        Ok(())
    }

    /// The values that were written.
    pub(crate) fn large(&self) -> Vec<Arc<output::Large>> {
        let attempts = self.attempts.iter();
        let large = attempts.filter_map(|attempt| match &attempt.came {
            Came::Succeeded { large, .. } => large.clone(),
            Came::Waits { .. }
            | Came::Again { .. }
            | Came::Later
            | Came::Failed { .. }
            | Came::Dropped => None,
        });
        large.collect()
    }

    /// The same segment, in which what could not be written never came out.
    fn without_result(mut self, error: &StoreError) -> Self {
        for attempt in &mut self.attempts {
            if let Some(node) = self.program.plan.node(&attempt.key.node) {
                attempt.came = Within::failed(node, attempt.number, from_store(error));
            }
        }
        self
    }
}
