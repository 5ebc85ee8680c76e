//! The leases this process holds, each with a way to tell its work to stop.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use engine::ids::RunId;
use store::queue::Lease;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(crate) struct Held(Mutex<HashMap<Key, (Lease, CancellationToken)>>);

type Key = (RunId, i64);

/// A lease while it is worked on. Dropped, also by a panic, it is not extended any more.
pub(crate) struct Hold<'a> {
    held: &'a Held,
    key: Key,
    token: CancellationToken,
}

impl Hold<'_> {
    /// Cancelled when the lease is lost or the run is over.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.held.lock().remove(&self.key);
    }
}

impl Held {
    pub(crate) fn add(&self, lease: &Lease) -> Hold<'_> {
        let (key, token) = ((lease.run, lease.fence), CancellationToken::new());
        self.lock().insert(key, (lease.clone(), token.clone()));
        Hold {
            held: self,
            key,
            token,
        }
    }

    pub(crate) fn all(&self) -> Vec<Lease> {
        self.lock()
            .values()
            .map(|(lease, _)| lease.clone())
            .collect()
    }

    /// Stops the work on leases that a heartbeat did not find any more. A lease taken since the heartbeat began is not in `asked`.
    pub(crate) fn keep(&self, asked: &[Lease], alive: &[Key]) {
        let held = self.lock();
        for lease in asked {
            let key = (lease.run, lease.fence);
            if !alive.contains(&key)
                && let Some((_, token)) = held.get(&key)
            {
                token.cancel();
            }
        }
    }

    /// Stops the work on a run that is over.
    pub(crate) fn end(&self, run: RunId) {
        for ((held, _), (_, token)) in self.lock().iter() {
            if *held == run {
                token.cancel();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, (Lease, CancellationToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
