//! Batches: a run for each row of a file. The rows are stored in one commit with the batch; what begins, stops and retries their runs bit
//! by bit is in `advance`. What a row means was decided by whoever read the file.

mod advance;
mod documents;

use engine::ids::{ArtifactId, BatchId, MemberId, RunId, VersionId, WorkflowId};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use sqlx::{PgConnection, types::Json as SqlJson};

use crate::{
    Result, Scope, Store, StoreError, artifact,
    error::OnConstraint as _,
    events::{Event, Events},
    fresh_id, storable,
};

pub use advance::advance;
pub use documents::{Paper, documents};

/// Most rows of a batch.
pub const MAX_ROWS: usize = 5_000;
/// Most batches of a workspace that are not finished.
const MAX_UNFINISHED: i64 = 50;
/// Rows written by one statement.
const WRITTEN_AT_ONCE: usize = 500;

/// A batch to be stored.
#[derive(Clone, Debug)]
pub struct NewBatch {
    pub workflow: WorkflowId,
    pub version: VersionId,
    pub trigger_node: String,
    /// The uploaded file; it stays with the batch.
    pub file: ArtifactId,
    /// No: it may hold private values, and goes when every row has begun.
    pub keep_file: bool,
    /// In the file's order.
    pub rows: Vec<NewRow>,
}

/// One row of the file.
#[derive(Clone, Debug)]
pub struct NewRow {
    /// As a spreadsheet numbers it.
    pub number: u32,
    pub title: String,
    pub content: Content,
}

/// What becomes of a row.
#[derive(Clone, Debug)]
pub enum Content {
    /// What the trigger takes, checked.
    Input(Json),
    /// Why no run begins.
    LeftOut(Json),
}

/// How many rows are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub ready: i64,
    pub begun: i64,
    pub succeeded: i64,
    pub failed: i64,
    pub cancelled: i64,
    pub left_out: i64,
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
    /// `ready`, `left_out`, or that of its run.
    pub state: String,
    /// The newest one of its chain of retries, while it is kept.
    pub run: Option<RunId>,
    /// Why the run failed.
    pub error: Option<Json>,
    /// It is to be tried again.
    pub retry: bool,
    pub problems: Option<Json>,
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

/// Stores the batch with all of its rows; nothing has begun, and nothing can be lost, when it returns.
pub async fn create(store: &Store, scope: &Scope, new: NewBatch) -> Result<BatchId> {
    check(&new)?;
    let id: BatchId = fresh_id();
    let mut transaction = store.pool.begin().await?;
    // Two that come at once must not both pass the limit.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 5)) as locked",
        scope.workspace().to_string()
    )
    .fetch_one(&mut *transaction)
    .await?;
    let unfinished = sqlx::query_scalar!(
        r#"select count(*) as "count!" from batch where workspace_id = $1 and state <> 'finished'"#,
        scope.workspace().as_uuid()
    )
    .fetch_one(&mut *transaction)
    .await?;
    if unfinished >= MAX_UNFINISHED {
        return Err(StoreError::conflict(
            "batch_many_unfinished",
            format!(
                "{MAX_UNFINISHED} batches are not finished yet, which is the most. Wait for one of them, or resume those that were stopped."
            ),
        ));
    }
    let name = keep_file(&mut transaction, scope, new.file).await?;
    let rows = i32::try_from(new.rows.len()).unwrap_or(i32::MAX);
    sqlx::query!(
        "insert into batch (id, workspace_id, workflow_id, version_id, trigger_node, name, file_id, keep_file, row_count, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id.as_uuid(),
        scope.workspace().as_uuid(),
        new.workflow.as_uuid(),
        new.version.as_uuid(),
        new.trigger_node,
        name,
        new.file.as_uuid(),
        new.keep_file,
        rows,
        scope.member().map(MemberId::as_uuid),
    )
    .execute(&mut *transaction)
    .await
    .on_constraint("batch_workflow_fkey", || StoreError::NotFound("workflow"))?;
    for rows in new.rows.chunks(WRITTEN_AT_ONCE) {
        insert_rows(&mut transaction, scope, id, rows).await?;
    }
    transaction.commit().await?;
    tell(&store.events, scope, id, new.workflow);
    Ok(id)
}

fn check(new: &NewBatch) -> Result<()> {
    if new.rows.is_empty() || new.rows.len() > MAX_ROWS {
        return Err(StoreError::invalid(
            "batch_row_count",
            "/file",
            format!("A batch has between 1 and {MAX_ROWS} rows."),
        ));
    }
    let clean = new.rows.iter().all(|row| {
        storable::text(&row.title)
            && match &row.content {
                Content::Input(json) | Content::LeftOut(json) => storable::json(json),
            }
    });
    if !clean {
        return Err(StoreError::invalid(
            "nul_character",
            "/file",
            "The text contains a NUL character (U+0000), which cannot be stored. Remove it.",
        ));
    }
    Ok(())
}

/// The upload becomes a file of the workspace, which nothing removes by itself; its name.
async fn keep_file(
    connection: &mut PgConnection,
    scope: &Scope,
    file: ArtifactId,
) -> Result<String> {
    let name = sqlx::query_scalar!(
        "update artifact set upload_session = null
         where workspace_id = $1 and id = $2 and run_id is null and upload_session is not null and deleted_at is null
         returning name",
        scope.workspace().as_uuid(),
        file.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    name.ok_or_else(|| {
        StoreError::invalid(
            "batch_file_gone",
            "/file",
            "The file is no longer there: files are kept for a day before a batch is started, and for one batch each. Choose it again.",
        )
    })
}

async fn insert_rows(
    connection: &mut PgConnection,
    scope: &Scope,
    batch: BatchId,
    rows: &[NewRow],
) -> Result<()> {
    let rows: Vec<Json> = rows
        .iter()
        .map(|row| match &row.content {
            Content::Input(input) => {
                json!({"number": row.number, "title": row.title, "state": "ready", "input": input})
            }
            Content::LeftOut(problems) => {
                json!({"number": row.number, "title": row.title, "state": "left_out", "problems": problems})
            }
        })
        .collect();
    sqlx::query!(
        "insert into batch_row (batch_id, workspace_id, number, title, state, input, problems)
         select $1, $2, number, left(title, 200), state, input, problems
         from json_to_recordset($3::json) r (number integer, title text, state text, input jsonb, problems jsonb)",
        batch.as_uuid(),
        scope.workspace().as_uuid(),
        SqlJson(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
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
                  counts.cancelled as "cancelled!", counts.left_out as "left_out!",
                  b.created_at as "created_at: jiff_sqlx::Timestamp", member.name as "created_by?",
                  b.finished_at as "finished_at: jiff_sqlx::Timestamp"
           from batch b join workflow w on w.id = b.workflow_id join version on version.id = b.version_id
                left join member on member.id = b.created_by
                cross join lateral (
                    select count(*) filter (where r.state = 'ready') as ready, count(*) filter (where r.state = 'begun') as begun,
                           count(*) filter (where r.state = 'succeeded') as succeeded, count(*) filter (where r.state = 'failed') as failed,
                           count(*) filter (where r.state = 'cancelled') as cancelled,
                           count(*) filter (where r.state = 'left_out') as left_out
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

/// Tries every row again whose run failed or was stopped; how many those are.
pub async fn retry_failed(store: &Store, scope: &Scope, id: BatchId) -> Result<u64> {
    let mut transaction = store.pool.begin().await?;
    let batch = sqlx::query!(
        "select state, workflow_id from batch where workspace_id = $1 and id = $2 for update",
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("batch"))?;
    if batch.state == "stopped" {
        return Err(stopped());
    }
    let rows = sqlx::query!(
        "update batch_row set retry = true, problems = null
         where batch_id = $1 and state in ('failed', 'cancelled') and exists (select from run where run.id = batch_row.run_id)",
        id.as_uuid(),
    )
    .execute(&mut *transaction)
    .await?
    .rows_affected();
    if rows > 0 {
        sqlx::query!(
            "update batch set state = 'running', finished_at = null where id = $1",
            id.as_uuid()
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    tell(&store.events, scope, id, batch.workflow_id.into());
    Ok(rows)
}

fn stopped() -> StoreError {
    StoreError::conflict(
        "batch_stopped",
        "This batch is stopped. Resume it first, then try the failed rows again.",
    )
}

/// A retry of a row's run takes its place, inside the transaction that makes it and holds the chain of retries. With `asked` only one that
/// the row still asks for, as another process may have made it, and of a batch that was not stopped meanwhile. The batch is locked before its row, as everywhere.
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
        return Err(stopped());
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

/// Says why nothing was changed, if nothing was: the batch is in no state for it.
async fn changed(
    store: &Store,
    scope: &Scope,
    id: BatchId,
    workflow: Option<uuid::Uuid>,
) -> Result<()> {
    if let Some(workflow) = workflow {
        tell(&store.events, scope, id, workflow.into());
        return Ok(());
    }
    get(store, scope, id).await.map(drop)
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
