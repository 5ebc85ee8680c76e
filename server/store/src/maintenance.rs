//! What has to happen now and then, in any process and safely in several at once: partitions ahead of time, expired rows, and rows of
//! processes that did not say goodbye.

use uuid::Uuid;

use crate::{
    Result, Store, account, artifact, batch, generation, hook_test, line, rendering, retention,
    series, worker, workflow,
};

/// Months of partitions kept ready.
const MONTHS_AHEAD: i32 = 2;

/// Tables that are partitioned by a UUIDv7.
const PARTITIONED: [&str; 5] = ["run", "step", "attempt", "delivery", "delivery_attempt"];

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    pub partitions: i64,
    pub trial_runs: u64,
    pub idempotency_keys: u64,
    /// Runs that stood in line though it was their turn.
    pub admitted: u64,
    /// What workspaces keep no longer.
    pub cleaned: retention::Cleaned,
}

/// One pass over what is quick: a few statements when there is nothing to do. What fails does not keep the rest from being done; the
/// first failure is told.
pub async fn pass(store: &Store) -> Result<Pass> {
    let partitions = make_partitions(store).await;
    let trial_runs = remove_trial_runs(store).await;
    let idempotency_keys = remove_idempotency_keys(store).await;
    let workers = worker::remove_lost(store).await;
    let chunks = generation::delete_old_chunks(store).await;
    let uploads = artifact::purge_uploads(store).await;
    let numbers = series::void_abandoned(store).await;
    let tests = hook_test::remove_old(store).await;
    let resets = account::remove_password_resets(store).await;
    let admitted = line::pass(store).await;
    let cleaned = retention::clean(store).await;
    let batches = batch::clean(store, retention::DEFAULT_RUN_DAYS).await;
    let renderings = rendering::remove_old(store).await;
    workers?;
    chunks?;
    uploads?;
    numbers?;
    tests?;
    resets?;
    batches?;
    renderings?;
    Ok(Pass {
        partitions: partitions?,
        trial_runs: trial_runs?,
        idempotency_keys: idempotency_keys?,
        admitted: admitted?,
        cleaned: cleaned?,
    })
}

/// What takes longer and is needed once a day: old revisions of drafts, bytes that no row names any more, and partitions of past months
/// that hold nothing.
pub async fn daily(store: &Store) -> Result<()> {
    let revisions = workflow::thin_out_revisions(store).await;
    let files = artifact::sweep(store).await;
    let partitions = retention::drop_empty_partitions(store).await;
    revisions?;
    files?;
    partitions?;
    Ok(())
}

/// Partitions for the months ahead; a program that was off for long calls it before it accepts anything. Only one process at a time
/// makes them; the others find them made.
pub async fn make_partitions(store: &Store) -> Result<i64> {
    let tables: Vec<String> = PARTITIONED.map(str::to_owned).to_vec();
    let mut transaction = store.pool.begin().await?;
    let mine = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtext('formwork partitions')) as "mine!""#
    )
    .fetch_one(&mut *transaction)
    .await?;
    if !mine {
        return Ok(0);
    }
    let made = sqlx::query_scalar!(
        r#"select coalesce(sum(ensure_partitions(parent, $2)), 0) as "made!" from unnest($1::text[]) parent"#,
        &tables,
        MONTHS_AHEAD,
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(made)
}

/// Trial runs live for a day. The bytes of their files and large values go with the sweep of the file store.
async fn remove_trial_runs(store: &Store) -> Result<u64> {
    let mut transaction = store.pool.begin().await?;
    let removed = sqlx::query!(
        "with expired as materialized (
             select id from run where trial and expires_at < now() order by expires_at limit 500 for update skip locked)
         delete from run using expired where run.id = expired.id
         returning run.id, run.workspace_id"
    )
    .fetch_all(&mut *transaction)
    .await?;
    if removed.is_empty() {
        return Ok(0);
    }
    let (gone, workspaces): (Vec<Uuid>, Vec<Uuid>) = removed
        .into_iter()
        .map(|run| (run.id, run.workspace_id))
        .unzip();
    sqlx::query!("delete from queue_entry where run_id = any($1)", &gone)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("delete from step where run_id = any($1)", &gone)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("delete from answer where run_id = any($1)", &gone)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("delete from approval where run_id = any($1)", &gone)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("delete from attempt where run_id = any($1)", &gone)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!("delete from generation where run_id = any($1)", &gone)
        .execute(&mut *transaction)
        .await?;
    sqlx::query!(
        "delete from delivery where run_id = any($1) and state = 'held'",
        &gone
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "delete from artifact a using unnest($1::uuid[], $2::uuid[]) gone (workspace_id, run_id)
         where a.workspace_id = gone.workspace_id and a.run_id = gone.run_id",
        &workspaces,
        &gone
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(gone.len() as u64)
}

async fn remove_idempotency_keys(store: &Store) -> Result<u64> {
    let done = sqlx::query!("delete from idempotency_key where expires_at < now()")
        .execute(&store.pool)
        .await?;
    Ok(done.rows_affected())
}
