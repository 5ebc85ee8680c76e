//! What people do with a batch that was stored: stop it, resume it, discard what has not begun, try its failed rows again. Each is one commit;
//! what follows from it for runs is done by `advance`.

use engine::ids::{BatchId, WorkflowId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{advance::wind_up, get, tell};
use crate::{Result, Scope, Store, StoreError, artifact};

/// No further row begins; with `runs` those that have begun are stopped, too.
pub async fn stop(store: &Store, scope: &Scope, id: BatchId, runs: bool) -> Result<()> {
    let done = sqlx::query_scalar!(
        "update batch set state = 'stopped', stop_runs = stop_runs or $3
         where workspace_id = $1 and id = $2 and state <> 'finished' returning workflow_id",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        runs,
    )
    .fetch_optional(&store.pool)
    .await?;
    changed(store, scope, id, done).await
}

/// Goes on with the rows that have not begun.
pub async fn resume(store: &Store, scope: &Scope, id: BatchId) -> Result<()> {
    let done = sqlx::query_scalar!(
        "update batch set state = 'running', stop_runs = false
         where workspace_id = $1 and id = $2 and state = 'stopped' returning workflow_id",
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?;
    changed(store, scope, id, done).await
}

/// Gives the rows of a stopped batch up that have not begun, and those that wait to be tried again; it ends with what is under way. No row is
/// beginning meanwhile: whoever begins some holds the batch, too.
pub async fn discard(store: &Store, scope: &Scope, id: BatchId) -> Result<()> {
    let mut transaction = store.pool.begin().await?;
    let batch = lock(&mut transaction, scope, id).await?;
    if batch.state == "finished" {
        return Ok(());
    }
    if batch.state != "stopped" {
        return Err(StoreError::conflict(
            "batch_not_stopped",
            "This batch is under way. Stop it first, then discard what has not begun.",
        ));
    }
    sqlx::query!(
        "update batch_row set state = case state when 'ready' then 'discarded' else state end, input = null, retry = false
         where batch_id = $1 and (state = 'ready' or retry)",
        id.as_uuid(),
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update batch set state = 'running' where id = $1",
        id.as_uuid()
    )
    .execute(&mut *transaction)
    .await?;
    let (_, removed) = wind_up(&mut transaction, scope, id).await?;
    transaction.commit().await?;
    tell(&store.events, scope, id, batch.workflow);
    if let Some(hash) = removed {
        artifact::remove_unnamed(store, scope.workspace(), &[hash]).await;
    }
    Ok(())
}

/// What becomes of rows that failed or were stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Rows that are tried again.
    pub retried: u64,
    /// Rows whose runs are not kept any more.
    pub gone: u64,
}

/// Tries every row again whose run failed or was stopped, as far as runs are kept; a conflict if none is.
pub async fn retry_failed(store: &Store, scope: &Scope, id: BatchId) -> Result<Asked> {
    let mut transaction = store.pool.begin().await?;
    let batch = lock(&mut transaction, scope, id).await?;
    if batch.state == "stopped" {
        return Err(stopped());
    }
    let retried = sqlx::query!(
        "update batch_row set retry = true, problems = null
         where batch_id = $1 and state in ('failed', 'cancelled') and exists (select from run where run.id = batch_row.run_id)",
        id.as_uuid(),
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    // All that have a run are marked.
    let gone = sqlx::query_scalar!(
        r#"select count(*) as "count!" from batch_row where batch_id = $1 and state in ('failed', 'cancelled') and not retry"#,
        id.as_uuid(),
    )
    .fetch_one(&mut *transaction)
    .await?;
    if retried == 0 {
        let message = match gone {
            0 => "No row of this batch failed or was stopped.".to_owned(),
            gone => {
                format!(
                    "The runs of the rows that failed or were stopped ({gone}) are not kept any more."
                )
            }
        };
        return Err(StoreError::conflict("batch_nothing_to_retry", message));
    }
    sqlx::query!(
        "update batch set state = 'running', finished_at = null where id = $1",
        id.as_uuid()
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    tell(&store.events, scope, id, batch.workflow);
    Ok(Asked {
        retried,
        gone: u64::try_from(gone).unwrap_or_default(),
    })
}

pub(super) fn stopped() -> StoreError {
    StoreError::conflict(
        "batch_stopped",
        "This batch is stopped. Resume it first, then try the failed rows again.",
    )
}

/// A batch, locked until the end of the transaction.
struct Locked {
    state: String,
    workflow: WorkflowId,
}

async fn lock(connection: &mut PgConnection, scope: &Scope, id: BatchId) -> Result<Locked> {
    let row = sqlx::query!(
        "select state, workflow_id from batch where workspace_id = $1 and id = $2 for update",
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?
    .ok_or(StoreError::NotFound("batch"))?;
    Ok(Locked {
        state: row.state,
        workflow: row.workflow_id.into(),
    })
}

/// Says why nothing was changed, if nothing was: the batch is in no state for it.
async fn changed(store: &Store, scope: &Scope, id: BatchId, workflow: Option<Uuid>) -> Result<()> {
    if let Some(workflow) = workflow {
        tell(&store.events, scope, id, workflow.into());
        return Ok(());
    }
    get(store, scope, id).await.map(drop)
}
