//! Settings of the workspace itself.

use crate::{Result, Scope, Store, StoreError};

/// The model that requests without one use; `None`: the first ready one.
pub async fn default_model(store: &Store, scope: &Scope) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "select default_model from workspace where id = $1",
        scope.workspace().as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .flatten())
}

/// Chooses among the models this installation knows.
pub async fn set_default_model(store: &Store, scope: &Scope, name: &str) -> Result<()> {
    let changed = sqlx::query!(
        "update workspace set default_model = $2 where id = $1 and exists (select from model where model.name = $2)",
        scope.workspace().as_uuid(),
        name
    )
    .execute(&store.pool)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::invalid(
            "model_unknown",
            "/default",
            "There is no such model here.",
        ));
    }
    Ok(())
}
