//! Processes that work on this database: they register, say that they are alive and go. The rows tell people what runs where and
//! processes whether they are alone.

use engine::ids::WorkerId;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{Result, Store, fresh_id};

/// A process that was not seen for this long counts as gone.
pub const SEEN_WITHIN_MS: i64 = 30_000;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Everything.
    Run,
    /// Serves people.
    Serve,
    /// Runs steps.
    Work,
    /// Holds models.
    Model,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Serve => "serve",
            Self::Work => "work",
            Self::Model => "model",
        }
    }
}

/// A process as people see it.
#[derive(Clone, Debug, Serialize)]
pub struct Worker {
    pub id: WorkerId,
    pub kind: String,
    pub host: String,
    pub info: Json,
    pub started_at: Timestamp,
    pub seen_at: Timestamp,
}

/// Makes the process known.
pub async fn register(store: &Store, kind: Kind, host: &str, info: &Json) -> Result<WorkerId> {
    let id: WorkerId = fresh_id();
    sqlx::query!(
        "insert into worker (id, kind, host, info) values ($1, $2, $3, $4)",
        id.as_uuid(),
        kind.name(),
        host,
        info,
    )
    .execute(&store.pool)
    .await?;
    Ok(id)
}

/// Says that the process is alive; a row that maintenance removed meanwhile comes back. Learns whether there are others.
pub async fn heartbeat(
    store: &Store,
    worker: WorkerId,
    kind: Kind,
    host: &str,
    info: &Json,
) -> Result<()> {
    let others = sqlx::query!(
        r#"with seen as (
               insert into worker (id, kind, host, info) values ($1, $2, $3, $4)
               on conflict (id) do update set seen_at = now(), info = excluded.info)
           select coalesce(bool_or(kind <> 'model'), false) as "processes!", coalesce(bool_or(kind = 'model'), false) as "models!"
           from worker where id <> $1 and seen_at > now() - $5::bigint * interval '1 millisecond'"#,
        worker.as_uuid(),
        kind.name(),
        host,
        info,
        SEEN_WITHIN_MS,
    )
    .fetch_one(&store.pool)
    .await?;
    store.events.set_others(others.processes, others.models);
    Ok(())
}

/// An orderly goodbye.
pub async fn remove(store: &Store, worker: WorkerId) -> Result<()> {
    sqlx::query!("delete from worker where id = $1", worker.as_uuid())
        .execute(&store.pool)
        .await?;
    Ok(())
}

/// Processes seen lately, oldest first.
pub async fn list(store: &Store) -> Result<Vec<Worker>> {
    let rows = sqlx::query!(
        r#"select id, kind, host, info, started_at as "started_at: jiff_sqlx::Timestamp", seen_at as "seen_at: jiff_sqlx::Timestamp"
           from worker where seen_at > now() - $1::bigint * interval '1 millisecond' order by started_at"#,
        SEEN_WITHIN_MS,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Worker {
            id: row.id.into(),
            kind: row.kind,
            host: row.host,
            info: row.info,
            started_at: row.started_at.to_jiff(),
            seen_at: row.seen_at.to_jiff(),
        })
        .collect())
}

/// Forgets processes that did not say goodbye; their leases run out by themselves.
pub async fn remove_lost(store: &Store) -> Result<u64> {
    let done = sqlx::query!("delete from worker where seen_at < now() - interval '10 minutes'")
        .execute(&store.pool)
        .await?;
    Ok(done.rows_affected())
}
