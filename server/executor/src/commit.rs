//! Group commit: segments that are ready while a commit is under way go into the next one together. One that cannot be stored fails
//! alone; a panic or a lost connection fails none, their leases run out and others take over.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use store::{
    Store, StoreError, gather,
    segment::{self, Committed, Segment},
};
use tokio::sync::{mpsc, oneshot};

use crate::fault::{Faults, Point};

/// Most segments in one transaction.
const GROUP: usize = 100;

/// Tries of a commit while the database does not answer; together well below a lease.
const TRIES: u32 = 6;

/// A segment on its way into the database.
struct Job {
    segment: Segment,
    answer: oneshot::Sender<Result<Committed, Failure>>,
}

/// Why a segment was not committed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database refuses these rows, now and later.
    Refused(StoreError),
    /// The database did not answer: the lease runs out and somebody takes over.
    Lost,
}

/// Where segments are handed in.
#[derive(Clone)]
pub(crate) struct Committer(Arc<Shared>);

struct Shared {
    store: Store,
    faults: Faults,
    jobs: mpsc::UnboundedSender<Job>,
    /// What waits, for whoever commits next; `None` while somebody does.
    waiting: Mutex<Option<Waiting>>,
}

/// What has been handed in and is not committed yet.
struct Waiting {
    jobs: mpsc::UnboundedReceiver<Job>,
    /// Second heads of runs in the group before.
    later: Vec<Job>,
}

impl Committer {
    pub(crate) fn new(store: Store, faults: Faults) -> Self {
        let (sender, jobs) = mpsc::unbounded_channel();
        let later = Vec::new();
        Self(Arc::new(Shared {
            store,
            faults,
            jobs: sender,
            waiting: Mutex::new(Some(Waiting { jobs, later })),
        }))
    }

    /// Who hands in something while nobody commits does it itself: on a system at rest no other thread has to be woken for it.
    pub(crate) async fn commit(&self, segment: Segment) -> Result<Committed, Failure> {
        let (answer, answered) = oneshot::channel();
        self.0
            .jobs
            .send(Job { segment, answer })
            .map_err(|_| Failure::Lost)?;
        self.take_turn().await;
        answered.await.unwrap_or(Err(Failure::Lost))
    }

    /// Commits what waits, unless somebody does.
    async fn take_turn(&self) {
        let Some(waiting) = self.0.lock().take() else {
            return;
        };
        let mut turn = Turn {
            committer: self,
            waiting: Some(waiting),
        };
        turn.commit().await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn to commit; it ends when it is dropped. What was handed in meanwhile is a task's then: who committed for others goes on with its
/// own run.
struct Turn<'a> {
    committer: &'a Committer,
    waiting: Option<Waiting>,
}

impl Turn<'_> {
    async fn commit(&mut self) {
        let Some(waiting) = &mut self.waiting else {
            return;
        };
        let mut group = std::mem::take(&mut waiting.later);
        gather(&mut waiting.jobs, &mut group, GROUP).await;
        // Two heads of one run settle one after the other: the second must see what the first wrote.
        let mut runs = HashSet::new();
        let (group, later): (Vec<Job>, Vec<Job>) = group
            .into_iter()
            .partition(|job| runs.insert(job.segment.lease.run));
        waiting.later = later;
        // What others wait for goes first: it is committed in one statement.
        let (plain, others): (Vec<Job>, Vec<Job>) =
            group.into_iter().partition(|job| job.segment.is_plain());
        let Shared { store, faults, .. } = &*self.committer.0;
        for group in [plain, others] {
            if !group.is_empty() {
                commit_group(store, faults, group).await;
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(waiting) = self.waiting.take() else {
            return;
        };
        // Under the lock: who hands in something now finds either the turn free or what was handed in seen here.
        let mut free = self.committer.0.lock();
        let is_done = waiting.later.is_empty() && waiting.jobs.is_empty();
        *free = Some(waiting);
        drop(free);
        if !is_done {
            let committer = self.committer.clone();
            tokio::spawn(async move { committer.take_turn().await });
        }
    }
}

async fn commit_group(store: &Store, faults: &Faults, group: Vec<Job>) {
    let (segments, answers): (Vec<Segment>, Vec<_>) = group
        .into_iter()
        .map(|job| (job.segment, job.answer))
        .unzip();
    faults.pass(Point::EffectDone);
    match attempt(store, faults, &segments).await {
        Ok(results) => {
            for (answer, result) in answers.into_iter().zip(results) {
                let _ = answer.send(Ok(result));
            }
        }
        Err(error) => {
            if segments.len() > 1 {
                tracing::warn!(
                    segments = segments.len(),
                    error,
                    "a group of segments could not be committed; one by one now"
                );
            }
            for (answer, segment) in answers.into_iter().zip(segments) {
                let _ = answer.send(commit_one(store, faults, segment).await);
            }
        }
    }
}

async fn commit_one(
    store: &Store,
    faults: &Faults,
    segment: Segment,
) -> Result<Committed, Failure> {
    let run = segment.lease.run;
    let alone = [segment];
    let mut pause = Duration::from_millis(50);
    for _ in 0..TRIES {
        match guarded(store, faults, &alone).await {
            Some(Ok(mut results)) => return results.pop().ok_or(Failure::Lost),
            Some(Err(error)) if error.is_transient() => {
                tracing::warn!(run.id = %run, %error, "a segment could not be committed; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            Some(Err(error)) => return Err(Failure::Refused(error)),
            None => return Err(Failure::Lost),
        }
    }
    Err(Failure::Lost)
}

async fn attempt(
    store: &Store,
    faults: &Faults,
    segments: &[Segment],
) -> Result<Vec<Committed>, String> {
    match guarded(store, faults, segments).await {
        Some(Ok(results)) => Ok(results),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the commit panicked".into()),
    }
}

/// `None`: the commit panicked.
async fn guarded(
    store: &Store,
    faults: &Faults,
    segments: &[Segment],
) -> Option<store::Result<Vec<Committed>>> {
    let committed = || faults.pass(Point::Committed);
    let result = AssertUnwindSafe(async {
        faults.pass(Point::CommitPanics);
        segment::commit(store, segments, &committed).await
    })
    .catch_unwind()
    .await;
    if result.is_err() {
        tracing::error!("a commit panicked; its segments are run again elsewhere");
    }
    result.ok()
}
