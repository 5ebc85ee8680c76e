//! Works on claimed entries: a segment, its commit, and what follows from it.

use std::sync::Arc;

use engine::{firm::Firm, node::StepError};
use store::{
    StoreError, output,
    queue::{self, ClaimedEntry, Lease},
    run,
    segment::{Committed, RunWrite, Writes},
};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::{
    Inner,
    commit::Failure,
    fault::Point,
    program::Unusable,
    segment::{self, Done, Known, large},
};

/// Works on an entry and on what follows from it, until another takes over or nothing follows.
pub(crate) async fn work(inner: &Arc<Inner>, entry: ClaimedEntry) {
    let mut next = Some(entry);
    while let Some(entry) = next.take() {
        inner.config.faults.pass(Point::AfterClaim);
        let hold = inner.held.add(&entry.lease);
        next = one(inner, entry, hold.token()).await;
    }
}

/// One segment and its commit; the head it goes on with, if there is one.
async fn one(
    inner: &Arc<Inner>,
    entry: ClaimedEntry,
    token: &CancellationToken,
) -> Option<ClaimedEntry> {
    let store = &inner.config.store;
    let entry = whole(inner, entry).await?;
    let run = entry.run.clone();
    let program = match inner.programs.get(store, &run).await {
        Ok(program) => program,
        Err(Unusable::Broken(error)) => {
            fail_unusable(inner, &entry, &error).await;
            return None;
        }
        Err(Unusable::Store(error @ StoreError::NotFound(_))) => {
            let error = StepError::new(
                "workflow_missing",
                format!("What this run runs is gone ({error})."),
            )
            .with("reason", error.to_string());
            fail_unusable(inner, &entry, &error).await;
            return None;
        }
        Err(Unusable::Store(error)) => {
            tracing::warn!(run.id = %run.id, %error, "a run's workflow could not be read; it is tried again later");
            put_off(inner, &entry.lease).await;
            return None;
        }
    };
    let firm: Firm = match serde_json::from_value(run.firm.clone()) {
        Ok(firm) => firm,
        Err(error) => {
            let error = StepError::new(
                "firm_unreadable",
                format!("The firm's record of this run cannot be read: {error}."),
            )
            .with("reason", error.to_string());
            fail_unusable(inner, &entry, &error).await;
            return None;
        }
    };
    if program.plan.node(&entry.lease.node).is_none() {
        let error = StepError::new(
            "step_missing",
            format!(
                "The workflow of this run has no step \u{201c}{}\u{201d}.",
                entry.lease.node
            ),
        )
        .with("step", entry.lease.node.as_str());
        fail_unusable(inner, &entry, &error).await;
        return None;
    }
    if let Some(damage) = entry.steps.iter().find_map(|step| step.damage.as_deref()) {
        let error = StepError::new(
            "value_damaged",
            format!("What a step before has put out cannot be read any more: {damage}."),
        )
        .with("reason", damage);
        fail_unusable(inner, &entry, &error).await;
        return None;
    }
    let known = Known::new(entry, program, Arc::new(firm));
    let done = known.run(inner, token).await?;
    let done = large::put(inner, &known, done, token).await?;
    let writes = done.writes(&known.rows);
    // A head for each successor that a free slot can take; the others are for whoever comes.
    let mut permits: Vec<OwnedSemaphorePermit> = Vec::new();
    let mut heads = 0;
    if !inner.is_stopping() {
        let most = writes.heads.iter().filter(|head| head.leased).count();
        while permits.len() + 1 < most
            && let Ok(permit) = inner.slots.clone().try_acquire_owned()
        {
            permits.push(permit);
        }
        heads = 1 + permits.len();
    }
    let (writes, leases) = commit(inner, &known, done, writes, heads).await?;
    follow(inner, known, writes, leases, permits).await
}

/// The entry with whole values in place of stand-ins. They are read here, under its lease and in its slot: what is slow or cannot be read
/// holds up no claim, and so nobody else. `None`: the file store does not give them now.
async fn whole(inner: &Inner, mut entry: ClaimedEntry) -> Option<ClaimedEntry> {
    let store = &inner.config.store;
    let (scope, id) = (entry.run.scope, entry.run.id);
    let Err(error) = run::whole(store, &scope, id, &mut entry.steps).await else {
        return Some(entry);
    };
    tracing::warn!(run.id = %id, %error, "values of a run could not be read; it is tried again later");
    put_off(inner, &entry.lease).await;
    None
}

/// Lets an entry come back in a while: as things are, nobody can go on with it.
pub(crate) async fn put_off(inner: &Inner, lease: &Lease) {
    if let Err(error) = queue::put_off(&inner.config.store, inner.worker, lease).await {
        tracing::warn!(run.id = %lease.run, %error, "an entry could not be put off; its lease runs out by itself");
    }
}

/// Hands a segment to the committer; rows that the database refuses become a failed step.
async fn commit(
    inner: &Arc<Inner>,
    known: &Known,
    done: Done,
    writes: Writes,
    heads: usize,
) -> Option<(Writes, Vec<Lease>)> {
    let (instead, large) = (done.unstorable(), done.large());
    let segment = known.segment(done, writes, heads);
    let answer = match inner.committer.commit(segment).await {
        Err(Failure::Refused(error)) => {
            tracing::error!(run.id = %known.run.id, step.id = %known.lease.node, %error, "the results of a step cannot be stored");
            let instead = instead.because(&error);
            let writes = instead.writes(&known.rows);
            let segment = known.segment(instead, writes, heads);
            inner.committer.commit(segment).await
        }
        answer => answer,
    };
    // Also where nobody knows whether it was committed.
    for large in large {
        output::keep(&inner.config.store, &large).await;
    }
    match answer {
        Ok(Committed::Done { writes, leases }) => Some((Arc::unwrap_or_clone(writes), leases)),
        Ok(Committed::Stale) => {
            tracing::info!(run.id = %known.run.id, step.id = %known.lease.node, "a segment was dropped: stopped, or taken over");
            None
        }
        Err(failure) => {
            tracing::error!(run.id = %known.run.id, ?failure, "a segment was not committed; its lease runs out and it is run again");
            None
        }
    }
}

/// Goes on with the first leased head and starts the others in the slots that were kept for them.
async fn follow(
    inner: &Arc<Inner>,
    known: Known,
    writes: Writes,
    mut leases: Vec<Lease>,
    permits: Vec<OwnedSemaphorePermit>,
) -> Option<ClaimedEntry> {
    if leases.is_empty() {
        return None;
    }
    // The rows come back in any order; the plan's order decides what is kept.
    let place = |lease: &Lease| {
        writes
            .heads
            .iter()
            .position(|head| head.node == lease.node && head.item_path == lease.item_path)
    };
    leases.sort_by_key(|lease| place(lease));
    let run = known.run.clone();
    if known.solo && writes.heads.len() == 1 && leases.len() == 1 {
        let runs = known.runs || writes.run.as_ref().is_some_and(RunWrite::runs);
        let steps = known.after(writes);
        // A retry goes on beside a step that this segment left waiting: somebody else may end that wait.
        if queue::is_alone(&steps, &leases[0]) {
            return Some(ClaimedEntry {
                lease: leases.pop()?,
                run,
                steps,
                solo: true,
                runs,
            });
        }
    }
    let loaded = queue::load(&inner.config.store, inner.worker, leases.clone()).await;
    let mut entries = match loaded {
        Ok(entries) => entries.into_iter(),
        Err(error) => {
            tracing::warn!(run.id = %run.id, %error, "what follows could not be read; it is given back");
            give_back(inner, &leases).await;
            return None;
        }
    };
    let first = entries.next();
    for (entry, permit) in entries.zip(permits) {
        drop(inner.spawn(Box::new(permit), entry));
    }
    first
}

/// So that others need not wait until leases run out, which would also count as a lost worker.
pub(crate) async fn give_back(inner: &Inner, leases: &[Lease]) {
    if leases.is_empty() {
        return;
    }
    if let Err(error) = queue::release(&inner.config.store, inner.worker, leases).await {
        tracing::warn!(%error, "leases could not be given back; they run out by themselves");
    }
}

/// The run fails without its workflow: there is no plan to ask.
async fn fail_unusable(inner: &Arc<Inner>, entry: &ClaimedEntry, error: &StepError) {
    tracing::error!(run.id = %entry.run.id, code = error.code, "a run cannot run");
    let segment = segment::unusable(entry, inner.holder(), error);
    if let Err(failure) = inner.committer.commit(segment).await {
        tracing::error!(run.id = %entry.run.id, ?failure, "the failure of a run could not be stored");
    }
}
