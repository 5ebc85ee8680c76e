//! What goes on beside the runs: leases are extended and taken back, the house is kept, and what begins by its time is begun.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use store::{
    batch::Feeder, failure_notice, generation, maintenance, private, queue, schedule, worker,
};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::{Inner, about};

/// Between two rounds of the slow part of maintenance.
const DAY: Duration = Duration::from_hours(24);

/// Ends by itself when the executor stops; leases are extended until it is idle.
pub(crate) fn start(inner: &Arc<Inner>) {
    tokio::spawn(heartbeat(inner.clone()));
    tokio::spawn(rescue(inner.clone()));
    tokio::spawn(tell_failures(inner.clone()));
    tokio::spawn(hide_private(inner.clone()));
    tokio::spawn(maintain(inner.clone()));
    tokio::spawn(begin_scheduled(inner.clone()));
    tokio::spawn(advance_batches(inner.clone()));
    tokio::spawn(notice_ends(inner.clone()));
}

/// Extends the leases of everything that is being worked on, in one statement.
async fn heartbeat(inner: Arc<Inner>) {
    let config = &inner.config;
    loop {
        tokio::select! {
            () = inner.idle.cancelled() => return,
            () = tokio::time::sleep(config.heartbeat) => {}
        }
        let held = inner.held.all();
        if !held.is_empty() {
            match queue::heartbeat(&config.store, inner.holder(), &held).await {
                Ok(alive) => inner.held.keep(&held, &alive),
                Err(error) => tracing::warn!(%error, "leases could not be extended"),
            }
        }
        if let Err(error) = worker::heartbeat(
            &config.store,
            inner.worker,
            config.kind,
            &config.host,
            &about(),
        )
        .await
        {
            tracing::warn!(%error, "this process could not say that it is alive");
        }
    }
}

async fn rescue(inner: Arc<Inner>) {
    while !inner.pause(inner.config.rescue).await {
        if let Err(error) = queue::rescue(&inner.config.store).await {
            tracing::warn!(%error, "leases of lost workers could not be taken back");
        }
        if let Err(error) = generation::fail_silent(&inner.config.store).await {
            tracing::warn!(%error, "models that are silent could not be looked for");
        }
    }
}

/// Writes the mails about failed runs that are due.
async fn tell_failures(inner: Arc<Inner>) {
    while !inner.pause(inner.config.rescue).await {
        let now = (inner.config.clock)();
        if let Err(error) = failure_notice::tell(&inner.config.store, now).await {
            tracing::warn!(%error, "members could not be told of failed runs");
        }
    }
}

/// Hides private values of runs whose time is over.
async fn hide_private(inner: Arc<Inner>) {
    while !inner.pause(inner.config.rescue).await {
        if let Err(error) = private::hide(&inner.config.store).await {
            tracing::warn!(%error, "private values could not be hidden; it is tried again later");
        }
    }
}

async fn maintain(inner: Arc<Inner>) {
    let store = &inner.config.store;
    let mut day: Option<Instant> = None;
    loop {
        let mut done = maintenance::pass(store).await.map(drop);
        if day.is_none_or(|since| since.elapsed() >= DAY) {
            day = Some(Instant::now());
            done = done.and(maintenance::daily(store).await);
        }
        if let Err(error) = done {
            inner.put_off("maintenance did not get through", &error);
        }
        if inner.pause(inner.config.maintain).await {
            return;
        }
    }
}

/// Begins the runs of schedules when they are due: whichever process comes first does it.
async fn begin_scheduled(inner: Arc<Inner>) {
    let store = &inner.config.store;
    loop {
        let next = match schedule::begin_due(store).await {
            Ok(next) => next.unwrap_or(inner.config.schedules),
            Err(error) => {
                inner.put_off("scheduled runs could not be begun", &error);
                inner.config.schedules
            }
        };
        // What another process has at this moment is due already: there is no need to ask all the time.
        let wait = next.clamp(
            inner.config.poll,
            inner.config.schedules.max(inner.config.poll),
        );
        if inner.pause(wait).await {
            return;
        }
    }
}

/// Takes batches further, bit by bit: a file of thousands of rows must not stand before anybody's form. What is begun wakes the queue.
async fn advance_batches(inner: Arc<Inner>) {
    let config = &inner.config;
    let mut feeder = Feeder::default();
    let mut ended = config.store.events.ended();
    loop {
        let mut over = Vec::new();
        loop {
            match ended.try_recv() {
                Ok(run) => over.push(run),
                // Some were missed: nothing that is known counts any more.
                Err(TryRecvError::Lagged(_)) => feeder = Feeder::default(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let wait = match feeder.pass(&config.store, &over).await {
            Ok(true) => config.batches,
            Ok(false) => config.batches * 2,
            Err(error) => {
                inner.put_off("batches could not be looked at", &error);
                config.schedules
            }
        };
        if inner.pause(wait).await {
            return;
        }
    }
}

/// Work on a run that is over stops at once; the commit would be dropped anyway.
async fn notice_ends(inner: Arc<Inner>) {
    let mut ended = inner.config.store.events.ended();
    loop {
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            run = ended.recv() => match run {
                Ok(run) => inner.held.end(run),
                // The fence still drops what was missed here.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
