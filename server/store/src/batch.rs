//! Batches: a run for each row of a file. `create` stores the rows in one commit with the batch, `feeder` and `advance` begin, stop and retry
//! their runs bit by bit, `control` is what people ask of a batch, `view` and `documents` what they see of it. What a retry and the end of its time
//! do to a batch is here.

mod advance;
mod control;
mod create;
mod documents;
mod feeder;
mod view;

use engine::ids::{ArtifactId, BatchId, RunId, WorkflowId};
use serde_json::json;
use sqlx::PgConnection;

use crate::{
    Result, Scope, Store, StoreError, artifact,
    events::{Event, Events},
};

pub use control::{Asked, discard, resume, retry_failed, stop};
pub use create::{Content, NewBatch, NewRow, create};
pub use documents::{Paper, documents};
pub use feeder::Feeder;
pub use view::{Batch, BatchRow, Counts, RowFilter, RunBatch, get, list, of_run, rows};

/// Most rows of a batch.
pub const MAX_ROWS: usize = 5_000;

/// A retry of a row's run takes its place, inside the transaction that makes it and holds the chain of retries. With `asked` only one that
/// the row still asks for, as another process may have made it, and of a batch that was not stopped meanwhile. The batch is locked before its
/// row, as everywhere.
pub(crate) async fn take_over(
    connection: &mut PgConnection,
    old: RunId,
    new: RunId,
    asked: bool,
) -> Result<()> {
    let batch = sqlx::query!(
        "select batch.id, batch.state from batch_row r join run on run.id = r.run_id join batch on batch.id = r.batch_id
         where run.first_run = (select first_run from run where id = $1) for update of batch",
        old.as_uuid(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    // Read once the batch is held: what became of the row may have been written down meanwhile.
    let row = sqlx::query!(
        "select r.batch_id, r.number, r.run_id, r.retry from batch_row r join run on run.id = r.run_id
         where r.batch_id = $2 and run.first_run = (select first_run from run where id = $1)",
        old.as_uuid(),
        batch.as_ref().map(|batch| batch.id),
    )
    .fetch_optional(&mut *connection)
    .await?;
    if asked
        && !row
            .as_ref()
            .is_some_and(|row| row.retry && row.run_id == Some(old.as_uuid()))
    {
        return Err(StoreError::conflict(
            "retry_under_way",
            "Another retry of this run was begun already.",
        ));
    }
    if asked && batch.is_some_and(|batch| batch.state == "stopped") {
        return Err(control::stopped());
    }
    let Some(row) = row else { return Ok(()) };
    sqlx::query!(
        "update batch set state = 'running', finished_at = null where id = $1 and state = 'finished'",
        row.batch_id,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update batch_row set run_id = $3, state = 'begun', retry = false, problems = null where batch_id = $1 and number = $2",
        row.batch_id,
        row.number,
        new.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes batches as old as the runs that their workflow keeps no longer, with their files, when no run of theirs is left and none can begin.
pub(crate) async fn clean(store: &Store, default_days: i32) -> Result<u64> {
    let mut transaction = store.pool.begin().await?;
    let gone = sqlx::query!(
        r#"with due as materialized (
               select b.id from batch b join workflow w on w.id = b.workflow_id
                    left join retention k on k.workspace_id = b.workspace_id
               where (b.state <> 'running' or w.deleted_at is not null)
                 and b.created_at < now() - make_interval(days => coalesce(w.run_days,
                         case when k.workspace_id is null then $1 else k.run_days end))
                 and not exists (select from batch_row r join run on run.id = r.run_id where r.batch_id = b.id)
                 and (w.deleted_at is not null or not exists (select from batch_row r where r.batch_id = b.id and r.state = 'ready'))
               order by b.id limit 20 for update of b skip locked)
           delete from batch using due where batch.id = due.id returning batch.workspace_id, batch.file_id"#,
        default_days,
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut bytes = Vec::new();
    for batch in &gone {
        let scope = Scope::new(batch.workspace_id.into(), None);
        let hash = forget_file(
            &mut transaction,
            &scope,
            batch.file_id.map(ArtifactId::from),
        )
        .await?;
        bytes.extend(hash.map(|hash| (scope.workspace(), hash)));
    }
    transaction.commit().await?;
    for (workspace, hash) in bytes {
        artifact::remove_unnamed(store, workspace, &[hash]).await;
    }
    Ok(gone.len() as u64)
}

/// Removes the file's row; the hash under which its bytes are, which go after the commit.
async fn forget_file(
    connection: &mut PgConnection,
    scope: &Scope,
    file: Option<ArtifactId>,
) -> Result<Option<Vec<u8>>> {
    let Some(file) = file else { return Ok(None) };
    let hash = sqlx::query_scalar!(
        "delete from artifact where workspace_id = $1 and id = $2 and run_id is null returning sha256",
        scope.workspace().as_uuid(),
        file.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(hash)
}

/// Tells who watches. Call it after the commit.
fn tell(events: &Events, scope: &Scope, batch: BatchId, workflow: WorkflowId) {
    events.publish(Event {
        workspace: scope.workspace(),
        topic: "batches".into(),
        kind: "batch.changed".into(),
        data: json!({ "batch": batch, "workflow": workflow }),
    });
}
