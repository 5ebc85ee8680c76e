//! What happens to batches bit by bit: rows begin, rows are tried again, runs are stopped. Every executor does it, when its `feeder` says
//! so; a batch is locked while its rows begin, and a row's run is stored in the commit that says so, so that a death between loses and
//! doubles none.

use engine::ids::{ArtifactId, BatchId, RunId, VersionId};
use serde_json::{Value as Json, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{feeder::Open, forget_file, tell};
use crate::{
    Result, Scope, Store, StoreError, artifact,
    queue::{self, Accept, Source},
    run::{self, Retry},
};

/// Most rows that one pass begins, tries again or stops.
const AT_ONCE: i64 = 25;
/// No row begins while so many runs of its batch are queued, running or waiting for a model.
const UNDER_WAY: i64 = 50;

/// One look at a batch; whether anything has changed.
pub(super) async fn take_further(store: &Store, open: &Open) -> Result<bool> {
    let mut has_changed = false;
    if open.signs.stops_runs {
        has_changed |= stop_runs(store, open).await?;
    }
    if open.signs.retries {
        has_changed |= retry(store, open).await?;
    }
    let mut transaction = store.pool.begin().await?;
    let Some(batch) = lock(&mut transaction, open.id).await? else {
        return Ok(has_changed);
    };
    has_changed |= settle(&mut transaction, open.id).await?;
    let mut asked = Vec::new();
    if open.signs.begins && batch.state == "running" && batch.is_live {
        asked = begin(&mut transaction, open, &batch).await?;
    }
    let (is_over, removed) = wind_up(&mut transaction, &open.scope, open.id).await?;
    transaction.commit().await?;
    queue::tell(&store.events, &asked);
    has_changed |= is_over || !asked.is_empty();
    if has_changed {
        tell(&store.events, &open.scope, open.id, open.workflow);
    }
    if let Some(hash) = removed {
        artifact::remove_unnamed(store, open.scope.workspace(), &[hash]).await;
    }
    Ok(has_changed)
}

/// A batch, locked until the end of the transaction.
struct Locked {
    version: VersionId,
    trigger_node: String,
    state: String,
    /// Its workflow is on.
    is_live: bool,
}

/// The workflow is locked, too: whoever switches it off waits for nothing here, because nothing here waits.
async fn lock(connection: &mut PgConnection, batch: BatchId) -> Result<Option<Locked>> {
    let row = sqlx::query!(
        r#"select b.version_id, b.trigger_node, b.state,
                  (w.state = 'live' and w.deleted_at is null) as "is_live!"
           from batch b join workflow w on w.id = b.workflow_id
           where b.id = $1 and b.state <> 'finished' for update of b skip locked for key share of w skip locked"#,
        batch.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Locked {
        version: row.version_id.into(),
        trigger_node: row.trigger_node,
        state: row.state,
        is_live: row.is_live,
    }))
}

/// Writes down what became of runs that are over. One that is kept no longer cannot be asked any more, and counts as stopped.
async fn settle(connection: &mut PgConnection, batch: BatchId) -> Result<bool> {
    let done = sqlx::query!(
        "update batch_row r set state = coalesce(over.state, 'cancelled')
         from (select begun.number, begun.run_id, run.state from batch_row begun left join run on run.id = begun.run_id
               where begun.batch_id = $1 and begun.state = 'begun' and (run.id is null or run.finished_at is not null)) over
         where r.batch_id = $1 and r.number = over.number and r.state = 'begun' and r.run_id = over.run_id",
        batch.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// How many more runs of the batch may begin now.
async fn room(connection: &mut PgConnection, batch: BatchId) -> Result<i64> {
    let under_way = sqlx::query_scalar!(
        r#"select count(*) as "count!" from batch_row r join run on run.id = r.run_id
           where r.batch_id = $1 and r.state = 'begun'
             and (run.state <> 'waiting' or exists (select from generation g where g.run_id = run.id and g.finished_at is null))"#,
        batch.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok((UNDER_WAY - under_way).clamp(0, AT_ONCE))
}

/// Accepts the runs of the next rows, as many as may be under way.
async fn begin(
    connection: &mut PgConnection,
    open: &Open,
    batch: &Locked,
) -> Result<Vec<(Scope, Accept)>> {
    let room = room(connection, open.id).await?;
    let rows = sqlx::query!(
        r#"select number, title, input as "input!" from batch_row
           where batch_id = $1 and state = 'ready' order by number limit $2"#,
        open.id.as_uuid(),
        room,
    )
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = Vec::with_capacity(rows.len());
    let mut begun: Vec<(i32, RunId)> = Vec::with_capacity(rows.len());
    for row in rows {
        let mut new = Accept::new(
            open.workflow,
            batch.version,
            &batch.trigger_node,
            Source::Batch,
            row.input,
        );
        new.title = row.title;
        new.idempotency = Some((key_scope(open.id), row.number.to_string()));
        begun.push((row.number, new.run));
        asked.push((open.scope, new));
    }
    queue::accept_within(connection, &mut asked).await?;
    // Of a row whose run is there already that one counts.
    for (number, run) in &mut begun {
        if !asked.iter().any(|(_, new)| new.run == *run) {
            *run = known_run(connection, open, *number).await?;
        }
    }
    let numbers: Vec<i32> = begun.iter().map(|(number, _)| *number).collect();
    let runs: Vec<Uuid> = begun.iter().map(|(_, run)| run.as_uuid()).collect();
    sqlx::query!(
        "update batch_row r set state = 'begun', run_id = begun.run, input = null, title = ''
         from unnest($2::integer[], $3::uuid[]) begun (number, run) where r.batch_id = $1 and r.number = begun.number",
        open.id.as_uuid(),
        &numbers,
        &runs,
    )
    .execute(connection)
    .await?;
    Ok(asked)
}

fn key_scope(batch: BatchId) -> String {
    format!("batch:{batch}")
}

async fn known_run(connection: &mut PgConnection, open: &Open, number: i32) -> Result<RunId> {
    let run = sqlx::query_scalar!(
        "select run_id from idempotency_key where workspace_id = $1 and scope = $2 and key = $3",
        open.scope.workspace().as_uuid(),
        key_scope(open.id),
        number.to_string(),
    )
    .fetch_one(connection)
    .await?;
    Ok(run.into())
}

/// What follows when rows have begun or are given up, of a batch that is locked: the file may go, and the batch may be over. Whether it is, and
/// the hash under which the file's bytes are, which go after the commit.
pub(super) async fn wind_up(
    connection: &mut PgConnection,
    scope: &Scope,
    batch: BatchId,
) -> Result<(bool, Option<Vec<u8>>)> {
    let removed = forget_private_file(connection, scope, batch).await?;
    Ok((finish(connection, batch).await?, removed))
}

/// What may hold private values is kept only as long as a row of it has not begun.
async fn forget_private_file(
    connection: &mut PgConnection,
    scope: &Scope,
    batch: BatchId,
) -> Result<Option<Vec<u8>>> {
    let file = sqlx::query_scalar!(
        r#"update batch set file_id = null from batch old
           where batch.id = $1 and old.id = $1 and not old.keep_file and old.file_id is not null
             and not exists (select from batch_row r where r.batch_id = $1 and r.state = 'ready')
           returning old.file_id as "file_id!""#,
        batch.as_uuid(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    forget_file(connection, scope, file.map(ArtifactId::from)).await
}

/// It is over when every row is, and none is to be tried again.
async fn finish(connection: &mut PgConnection, batch: BatchId) -> Result<bool> {
    let done = sqlx::query!(
        "update batch set state = 'finished', stop_runs = false, finished_at = now()
         where id = $1 and state <> 'finished'
           and not exists (select from batch_row r where r.batch_id = $1 and r.state in ('ready', 'begun'))
           and not exists (select from batch_row r where r.batch_id = $1 and r.retry)",
        batch.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Tries the next rows again. The retry itself takes the row over, in its own commit.
async fn retry(store: &Store, open: &Open) -> Result<bool> {
    let room = room(&mut *store.pool.acquire().await?, open.id).await?;
    let rows = sqlx::query!(
        r#"select number, run_id as "run_id!" from batch_row where batch_id = $1 and retry order by number limit $2"#,
        open.id.as_uuid(),
        room,
    )
    .fetch_all(&store.pool)
    .await?;
    let mut has_changed = false;
    for row in rows {
        let again = Retry {
            unattended: true,
            ..Retry::default()
        };
        match run::retry(store, &open.scope, row.run_id.into(), again).await {
            // Another process was quicker.
            Ok(_)
            | Err(StoreError::Conflict {
                code: "retry_under_way",
                ..
            }) => {}
            // Its rows go on asking; they are tried again when it is resumed.
            Err(StoreError::Conflict {
                code: "batch_stopped",
                ..
            }) => break,
            // What it keeps cannot be reached now: it goes on asking.
            Err(error @ StoreError::Files(_)) => {
                tracing::warn!(batch.id = %open.id, row.number, %error, "a row could not be tried again; it is tried later");
                continue;
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                let problems = refused(&error);
                sqlx::query!(
                    "update batch_row set retry = false, problems = $3 where batch_id = $1 and number = $2 and retry",
                    open.id.as_uuid(),
                    row.number,
                    problems,
                )
                .execute(&store.pool)
                .await?;
            }
        }
        has_changed = true;
    }
    Ok(has_changed)
}

/// Why a row cannot be tried again, in the form of `engine::check::Problem`.
fn refused(error: &StoreError) -> Json {
    let (code, message) = match error {
        StoreError::Conflict { code, message } | StoreError::Invalid { code, message, .. } => {
            ((*code).to_owned(), message.clone())
        }
        other => ("retry_refused".to_owned(), other.to_string()),
    };
    json!([{ "severity": "error", "code": code, "params": {}, "message": message, "pointer": "", "node": null }])
}

/// Stops the next unfinished runs; when there are none left, that is done.
async fn stop_runs(store: &Store, open: &Open) -> Result<bool> {
    let runs = sqlx::query_scalar!(
        r#"select run.id as "id!" from batch_row r join run on run.id = r.run_id
           where r.batch_id = $1 and r.state = 'begun' and run.finished_at is null order by run.id limit $2"#,
        open.id.as_uuid(),
        AT_ONCE,
    )
    .fetch_all(&store.pool)
    .await?;
    if runs.is_empty() {
        sqlx::query!(
            "update batch set stop_runs = false where id = $1 and stop_runs",
            open.id.as_uuid()
        )
        .execute(&store.pool)
        .await?;
        return Ok(true);
    }
    for id in runs {
        match run::stop(store, &open.scope, id.into()).await {
            Ok(_) | Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
