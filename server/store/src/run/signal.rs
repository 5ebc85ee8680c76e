//! Answering steps that wait for a signal.

use engine::ids::RunId;
use serde_json::Value as Json;
use sqlx::PgConnection;

use crate::{Result, Scope, Store, StoreError, queue, storable};

/// Answers a step that waits for a signal. `false`: it does not wait any more.
pub async fn signal(
    store: &Store,
    scope: &Scope,
    run: RunId,
    node: &str,
    payload: &Json,
) -> Result<bool> {
    if !storable::json(payload) {
        return Err(StoreError::invalid(
            "nul_character",
            "",
            "The answer contains a NUL character, which cannot be stored.",
        ));
    }
    let mut transaction = store.pool.begin().await?;
    sqlx::query!(
        "select id from run where id = $1 and workspace_id = $2 for update",
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    if !signal_waiting(&mut transaction, run, node, "", payload).await? {
        return Ok(false);
    }
    transaction.commit().await?;
    queue::wake(store);
    Ok(true)
}

/// The same in the caller's transaction, which holds the run row's lock and wakes executors afterwards.
pub(crate) async fn signal_waiting(
    connection: &mut PgConnection,
    run: RunId,
    node: &str,
    item_path: &str,
    payload: &Json,
) -> Result<bool> {
    let waits = sqlx::query!(
        "select node from step where run_id = $1 and node = $2 and item_path = $3 and state = 'waiting' and waits_on = 'signal'",
        run.as_uuid(),
        node,
        item_path,
    )
    .fetch_optional(&mut *connection)
    .await?
    .is_some();
    if !waits || !queue::ready_waiting(connection, run, node, item_path).await? {
        return Ok(false);
    }
    sqlx::query!(
        "update step set signal = $4 where run_id = $1 and node = $2 and item_path = $3",
        run.as_uuid(),
        node,
        item_path,
        payload,
    )
    .execute(connection)
    .await?;
    Ok(true)
}
