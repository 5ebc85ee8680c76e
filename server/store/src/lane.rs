//! One connection for statements that follow each other.

use std::time::{Duration, Instant};

use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tokio::sync::{Mutex, MutexGuard};

use crate::Result;

/// After so long without a statement the pool is to find out whether the other end is still there.
const QUIET: Duration = Duration::from_secs(1);

/// After so long the pool may renew it.
const KEPT: Duration = Duration::from_mins(1);

/// Where one after the other works with the same connection, a pool's only one. The pool asks every connection that comes back whether it
/// lives, which costs as much as a short statement: as long as there is work it does not come back.
pub(crate) struct Lane {
    pool: PgPool,
    idle: Mutex<Option<Idle>>,
}

struct Idle {
    connection: PoolConnection<Postgres>,
    taken: Instant,
    since: Instant,
}

/// The connection, while nobody else has it. What is dropped without `keep` goes back to the pool: nobody knows what it was in the middle of.
pub(crate) struct Turn<'a> {
    pub(crate) connection: PoolConnection<Postgres>,
    taken: Instant,
    lane: MutexGuard<'a, Option<Idle>>,
}

impl Lane {
    /// `pool` has one connection, and nobody else asks it for that.
    pub(crate) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            idle: Mutex::default(),
        }
    }

    /// Waits for its turn.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>> {
        let mut lane = self.idle.lock().await;
        let kept = lane.take().filter(|idle| {
            idle.since.elapsed() < QUIET && idle.taken.elapsed() < KEPT && !self.pool.is_closed()
        });
        let (connection, taken) = match kept {
            Some(idle) => (idle.connection, idle.taken),
            None => (self.pool.acquire().await?, Instant::now()),
        };
        Ok(Turn {
            connection,
            taken,
            lane,
        })
    }

    /// Ends the connection, when what is under way has ended.
    pub(crate) async fn close(&self) {
        // Whoever has the turn would keep it, and the pool waits for it.
        let closed = self.pool.close();
        drop(self.idle.lock().await.take());
        closed.await;
    }
}

impl Turn<'_> {
    /// All is done: the next one gets the connection.
    pub(crate) fn keep(mut self) {
        *self.lane = Some(Idle {
            connection: self.connection,
            taken: self.taken,
            since: Instant::now(),
        });
    }
}
