//! The leases this process holds, each with a way to tell its work to stop.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use engine::ids::RunId;
use store::queue::Lease;
use tokio_util::sync::CancellationToken;

#[derive(Default)]
pub(crate) struct Held(Mutex<HashMap<(RunId, i64), (Lease, CancellationToken)>>);

impl Held {
    /// The token is cancelled when the lease is lost or the run is over.
    pub(crate) fn add(&self, lease: &Lease) -> CancellationToken {
        let token = CancellationToken::new();
        self.lock()
            .insert((lease.run, lease.fence), (lease.clone(), token.clone()));
        token
    }

    pub(crate) fn remove(&self, lease: &Lease) {
        self.lock().remove(&(lease.run, lease.fence));
    }

    pub(crate) fn all(&self) -> Vec<Lease> {
        self.lock()
            .values()
            .map(|(lease, _)| lease.clone())
            .collect()
    }

    /// Stops the work on leases that a heartbeat did not find any more. A lease taken since the heartbeat began is not in `asked`.
    pub(crate) fn keep(&self, asked: &[Lease], alive: &[(RunId, i64)]) {
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

    fn lock(&self) -> MutexGuard<'_, HashMap<(RunId, i64), (Lease, CancellationToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
