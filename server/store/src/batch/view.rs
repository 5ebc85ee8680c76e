//! Batches and their rows as people see them. It changes nothing.

use engine::ids::{ArtifactId, BatchId, RunId, WorkflowId};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{Result, Scope, Store, StoreError};

/// How many rows are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub ready: i64,
    pub begun: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub left_out: i64,
    pub discarded: i64,
}

/// A batch as people see it.
#[derive(Clone, Debug)]
pub struct Batch {
    pub id: BatchId,
    pub workflow: WorkflowId,
    pub workflow_name: String,
    /// Number of the version.
    pub version: i32,
    pub name: String,
    pub file: Option<ArtifactId>,
    /// `running`, `stopped` or `finished`.
    pub state: String,
    /// Its unfinished runs are being stopped.
    pub is_stopping_runs: bool,
    /// No row begins while its workflow is off or deleted.
    pub is_off: bool,
    /// What has begun goes on later: the workflow or the whole workspace is paused.
    pub is_paused: bool,
    pub counts: Counts,
    pub created_at: Timestamp,
    pub created_by: Option<String>,
    pub finished_at: Option<Timestamp>,
}

/// A row as people see it.
#[derive(Clone, Debug)]
pub struct BatchRow {
    pub number: i32,
    pub title: String,
    /// `ready`, `left_out`, `discarded`, or that of its run.
    pub state: String,
    /// The newest one of its chain of retries, while it is kept.
    pub run: Option<RunId>,
    /// Why the run failed.
    pub error: Option<Json>,
    /// It is to be tried again.
    pub retry: bool,
    pub problems: Option<Json>,
}

/// The row that a run is for.
#[derive(Clone, Debug)]
pub struct RunBatch {
    pub id: BatchId,
    /// Of the file.
    pub name: String,
    /// The row's.
    pub number: i32,
}

/// Which rows a list shows.
#[derive(Clone, Debug, Default)]
pub struct RowFilter {
    /// A state; `unfinished`: ready or begun.
    pub state: Option<String>,
    /// Behind this row.
    pub after: Option<i32>,
    pub limit: i64,
}

/// The batches of a workflow, newest first.
pub async fn list(
    store: &Store,
    scope: &Scope,
    workflow: WorkflowId,
    after: Option<BatchId>,
    limit: i64,
) -> Result<Vec<Batch>> {
    select(
        store,
        scope,
        Wanted {
            workflow: Some(workflow),
            after,
            ..Wanted::default()
        },
        limit,
    )
    .await
}

/// One batch.
pub async fn get(store: &Store, scope: &Scope, id: BatchId) -> Result<Batch> {
    let wanted = Wanted {
        id: Some(id),
        ..Wanted::default()
    };
    let mut found = select(store, scope, wanted, 1).await?;
    found.pop().ok_or(StoreError::NotFound("batch"))
}

#[derive(Default)]
struct Wanted {
    id: Option<BatchId>,
    workflow: Option<WorkflowId>,
    after: Option<BatchId>,
}

async fn select(store: &Store, scope: &Scope, wanted: Wanted, limit: i64) -> Result<Vec<Batch>> {
    let rows = sqlx::query!(
        r#"select b.id, b.workflow_id, w.name as workflow_name, version.number, b.name, b.file_id, b.state, b.stop_runs,
                  (w.state <> 'live' or w.deleted_at is not null) as "is_off!",
                  exists (select from paused_workflow p where p.id = b.workflow_id) as "is_paused!",
                  counts.ready as "ready!", counts.begun as "begun!", counts.succeeded as "succeeded!", counts.failed as "failed!",
                  counts.cancelled as "cancelled!", counts.left_out as "left_out!", counts.discarded as "discarded!",
                  b.created_at as "created_at: jiff_sqlx::Timestamp", member.name as "created_by?",
                  b.finished_at as "finished_at: jiff_sqlx::Timestamp"
           from batch b join workflow w on w.id = b.workflow_id join version on version.id = b.version_id
                left join member on member.id = b.created_by
                cross join lateral (
                    select count(*) filter (where r.state = 'ready') as ready, count(*) filter (where r.state = 'begun') as begun,
                           count(*) filter (where r.state = 'succeeded') as succeeded, count(*) filter (where r.state = 'failed') as failed,
                           count(*) filter (where r.state = 'cancelled') as cancelled,
                           count(*) filter (where r.state = 'left_out') as left_out,
                           count(*) filter (where r.state = 'discarded') as discarded
                    from batch_row r where r.batch_id = b.id) counts
           where b.workspace_id = $1 and ($2::uuid is null or b.id = $2) and ($3::uuid is null or b.workflow_id = $3)
             and ($4::uuid is null or b.id < $4)
           order by b.id desc limit $5"#,
        scope.workspace().as_uuid(),
        wanted.id.map(BatchId::as_uuid),
        wanted.workflow.map(WorkflowId::as_uuid),
        wanted.after.map(BatchId::as_uuid),
        limit,
    )
    .fetch_all(&store.pool)
    .await?;
    let batches = rows.into_iter().map(|row| Batch {
        id: row.id.into(),
        workflow: row.workflow_id.into(),
        workflow_name: row.workflow_name,
        version: row.number,
        name: row.name,
        file: row.file_id.map(ArtifactId::from),
        state: row.state,
        is_stopping_runs: row.stop_runs,
        is_off: row.is_off,
        is_paused: row.is_paused,
        counts: Counts {
            ready: row.ready,
            begun: row.begun,
            succeeded: row.succeeded,
            failed: row.failed,
            cancelled: row.cancelled,
            left_out: row.left_out,
            discarded: row.discarded,
        },
        created_at: row.created_at.to_jiff(),
        created_by: row.created_by,
        finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
    });
    Ok(batches.collect())
}

/// Its rows in the file's order.
pub async fn rows(
    store: &Store,
    scope: &Scope,
    batch: BatchId,
    filter: &RowFilter,
) -> Result<Vec<BatchRow>> {
    let rows = sqlx::query!(
        r#"select r.number, coalesce(nullif(run.title, ''), r.title) as "title!", r.retry, r.problems, run.id as "run?",
                  run.error as "error?",
                  case when r.state <> 'begun' then r.state
                       when run.state in ('queued', 'waiting') and exists (
                           select from queue_entry q where q.run_id = run.id and q.lease_owner is not null) then 'running'
                       else coalesce(run.state, 'cancelled') end as "state!"
           from batch_row r left join run on run.id = r.run_id
           where r.workspace_id = $1 and r.batch_id = $2 and ($3::integer is null or r.number > $3)
             and ($4::text is null or r.state = $4 or ($4 = 'unfinished' and r.state in ('ready', 'begun')))
           order by r.number limit $5"#,
        scope.workspace().as_uuid(),
        batch.as_uuid(),
        filter.after,
        filter.state,
        filter.limit,
    )
    .fetch_all(&store.pool)
    .await?;
    let rows = rows.into_iter().map(|row| BatchRow {
        number: row.number,
        title: row.title,
        state: row.state,
        run: row.run.map(RunId::from),
        error: row.error,
        retry: row.retry,
        problems: row.problems,
    });
    Ok(rows.collect())
}

/// The row that a chain of retries is for, by its first run.
pub async fn of_run(store: &Store, scope: &Scope, first_run: RunId) -> Result<Option<RunBatch>> {
    let row = sqlx::query!(
        "select batch.id, batch.name, r.number from run join batch_row r on r.run_id = run.id join batch on batch.id = r.batch_id
         where batch.workspace_id = $1 and run.first_run = $2",
        scope.workspace().as_uuid(),
        first_run.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(row.map(|row| RunBatch {
        id: row.id.into(),
        name: row.name,
        number: row.number,
    }))
}
