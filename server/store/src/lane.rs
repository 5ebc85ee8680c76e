//! One connection for statements that follow each other.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::timeout,
};

use crate::Result;

/// Longest wait for the database to answer a greeting.
const GREETING: Duration = Duration::from_secs(10);

/// After so long it is asked whether the other end is still there.
const QUIET: Duration = Duration::from_secs(1);

/// Where one after the other works with the same connection. A pool asks every connection that comes back whether it lives, which costs
/// as much as a short statement, and gives any of them: the one that was just used knows all it needs, another would look it up anew.
pub(crate) struct Lane {
    options: PgConnectOptions,
    idle: Mutex<Option<Idle>>,
}

struct Idle {
    connection: PgConnection,
    since: Instant,
}

/// The connection, while nobody else has it. What is dropped without `keep` is closed: nobody knows what it was in the middle of.
pub(crate) struct Turn<'a> {
    pub(crate) connection: PgConnection,
    lane: MutexGuard<'a, Option<Idle>>,
}

impl Lane {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        Self {
            options,
            idle: Mutex::default(),
        }
    }

    /// Waits for its turn.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>> {
        let mut lane = self.idle.lock().await;
        let kept = match lane.take() {
            Some(idle) => idle.alive().await,
            None => None,
        };
        let connection = match kept {
            Some(connection) => connection,
            None => within(PgConnection::connect_with(&self.options)).await?,
        };
        Ok(Turn { connection, lane })
    }

    /// Ends the connection, when what is under way has ended.
    pub(crate) async fn close(&self) {
        let idle = self.idle.lock().await.take();
        if let Some(idle) = idle {
            // Whoever ends it without a greeting is forgiven: the other end sees the same.
            let _ = idle.connection.close().await;
        }
    }
}

impl Idle {
    async fn alive(mut self) -> Option<PgConnection> {
        let is_alive = self.since.elapsed() < QUIET || within(self.connection.ping()).await.is_ok();
        is_alive.then_some(self.connection)
    }
}

impl Turn<'_> {
    /// All is done: the next one gets the connection.
    pub(crate) fn keep(mut self) {
        *self.lane = Some(Idle {
            connection: self.connection,
            since: Instant::now(),
        });
    }
}

async fn within<T>(answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(GREETING, answer)
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}
