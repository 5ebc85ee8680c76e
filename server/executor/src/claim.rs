//! Looks for what is due and works on it in free slots.

use std::sync::Arc;

use store::{
    events::Wake,
    queue::{self, Lease, Turn},
};

use crate::{Inner, work::give_back};

/// Most entries claimed at once.
const BATCH: usize = 64;

/// Looks for due entries whenever there are free slots.
pub(crate) async fn claim(inner: Arc<Inner>) {
    let store = &inner.config.store;
    let mut woken = store.events.woken(Wake::Queue);
    let mut turn = Turn::default();
    loop {
        woken.borrow_and_update();
        let first = tokio::select! {
            biased;
            () = inner.stopping.cancelled() => return,
            permit = inner.slots.clone().acquire_owned() => match permit {
                Ok(permit) => permit,
                Err(_) => return,
            },
        };
        let mut permits = vec![first];
        while permits.len() < BATCH
            && let Ok(permit) = inner.slots.clone().try_acquire_owned()
        {
            permits.push(permit);
        }
        let wanted = permits.len();
        let claimed = queue::claim(
            store,
            inner.holder(),
            &mut turn,
            i64::try_from(wanted).unwrap_or(1),
            inner.config.claim_form,
        )
        .await;
        let claimed = claimed.unwrap_or_else(|error| {
            tracing::warn!(%error, "entries could not be claimed");
            Vec::new()
        });
        // What was asked for before the stop is not begun after it.
        if inner.is_stopping() {
            let leases: Vec<Lease> = claimed.into_iter().map(|entry| entry.lease).collect();
            give_back(&inner, &leases).await;
            return;
        }
        // One of several workflows gives no more than its share, even where the others have less than theirs.
        let mut workflows = claimed.iter().map(|entry| entry.run.workflow);
        let first = workflows.next();
        let more = claimed.len() == wanted || workflows.any(|workflow| Some(workflow) != first);
        for (permit, entry) in permits.drain(..).zip(claimed) {
            drop(inner.spawn(Box::new(permit), entry));
        }
        if more {
            continue;
        }
        tokio::select! {
            () = inner.stopping.cancelled() => return,
            _ = woken.changed() => {}
            () = tokio::time::sleep(inner.config.poll) => {}
        }
    }
}

/// Works on entries that lost their worker repeatedly, one at a time: whatever dies with this process then is not one of them.
pub(crate) async fn try_suspects(inner: Arc<Inner>) {
    while !inner.pause(inner.config.rescue).await {
        while !inner.is_stopping() {
            let permit = tokio::select! {
                biased;
                () = inner.stopping.cancelled() => return,
                permit = inner.slots.clone().acquire_owned() => match permit {
                    Ok(permit) => permit,
                    Err(_) => return,
                },
            };
            match queue::claim_suspect(&inner.config.store, inner.holder(), inner.config.claim_form)
                .await
            {
                Ok(Some(entry)) if inner.is_stopping() => give_back(&inner, &[entry.lease]).await,
                // A panic is told where it happens; the lease runs out.
                Ok(Some(entry)) => drop(inner.spawn(Box::new(permit), entry).await),
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "entries that lost their workers could not be claimed");
                    break;
                }
            }
        }
    }
}
