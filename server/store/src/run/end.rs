//! Ending runs and steps before their time.

use engine::ids::RunId;
use sqlx::PgConnection;

use crate::{Result, Scope, Store, StoreError, approval, call, generation, line, queue};

/// Ends a run at once, and with it the runs that it called: entries, unfinished steps, waits and requests to models go in one commit, and
/// with them every fence. A step of another run that waits for it goes on, and fails. Stored deliveries still go out. `false`: it was over already.
pub async fn stop(store: &Store, scope: &Scope, run: RunId) -> Result<bool> {
    let row = sqlx::query!(
        "select parent_run from run where id = $1 and workspace_id = $2",
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    let mut family = vec![run];
    family.extend(row.parent_run.map(RunId::from));
    let (mut transaction, mut stopped) = loop {
        let mut transaction = store.pool.begin().await?;
        match call::lock(&mut transaction, &family, &[run]).await? {
            Some(called) => break (transaction, called),
            None => transaction.rollback().await?,
        }
    };
    let open = sqlx::query_scalar!(
        r#"select finished_at is null as "open!" from run where id = $1"#,
        run.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if open != Some(true) {
        return Ok(false);
    }
    stopped.push(run);
    let ended = call::end(&mut transaction, &stopped).await?;
    let readied = call::ready_callers(&mut transaction, &[run]).await?;
    let left = call::limited(&ended);
    let admitted = line::advance(&mut transaction, Vec::new(), &left).await?;
    transaction.commit().await?;
    call::tell(store, &ended);
    line::tell(&store.events, &admitted);
    if readied {
        queue::wake(store);
    }
    Ok(true)
}

/// Deletes the entries and cancels the unfinished steps, waits and requests of runs whose rows the caller has locked. Gives those whose
/// questions to people were withdrawn.
pub(crate) async fn end_open(connection: &mut PgConnection, runs: &[RunId]) -> Result<Vec<RunId>> {
    let ids: Vec<_> = runs.iter().map(|id| id.as_uuid()).collect();
    // Entries first: a run that moves on by itself is held up by its entry alone (`Rows::move_on_alone`). A head that was never committed has
    // no step row yet; people must still see that it was stopped.
    sqlx::query!(
        "with gone as (
             delete from queue_entry where run_id = any($1) returning run_id, node, item_path, workspace_id, lease_owner)
         insert into step (run_id, node, item_path, workspace_id, state, worker_id, finished_at)
         select run_id, node, item_path, workspace_id, 'cancelled', lease_owner, now() from gone
         on conflict (run_id, node, item_path) do nothing",
        &ids
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update step set state = 'cancelled', finished_at = now(), wait_until = null
         where run_id = any($1) and state in ('ready', 'running', 'retryable', 'waiting')",
        &ids
    )
    .execute(&mut *connection)
    .await?;
    for run in runs {
        generation::cancel_for_run(connection, *run).await?;
    }
    approval::withdraw(connection, &ids).await
}

/// Deletes the entry of one step and calls it off, in the caller's transaction; the caller holds the run row's lock. `true`: it asked
/// people, and does not any more.
pub(crate) async fn end_step(
    connection: &mut PgConnection,
    run: RunId,
    node: &str,
    item_path: &str,
) -> Result<bool> {
    sqlx::query!(
        "delete from queue_entry where run_id = $1 and node = $2 and item_path = $3",
        run.as_uuid(),
        node,
        item_path,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update step set state = 'cancelled', finished_at = now(), wait_until = null
         where run_id = $1 and node = $2 and item_path = $3 and state in ('ready', 'running', 'retryable', 'waiting')",
        run.as_uuid(),
        node,
        item_path,
    )
    .execute(&mut *connection)
    .await?;
    generation::cancel_for_step(connection, run, node, item_path).await?;
    approval::close(connection, run, node, item_path, false).await
}
