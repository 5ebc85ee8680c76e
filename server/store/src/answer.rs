//! What a step answered to the caller that waits for its run. The first answer of a run counts.

use engine::{ids::RunId, node::Answer};
use sqlx::PgConnection;

use crate::{Result, Scope, Store};

pub(crate) async fn insert(
    connection: &mut PgConnection,
    scope: &Scope,
    run: RunId,
    answer: &Answer,
) -> Result<()> {
    sqlx::query!(
        "insert into answer (run_id, workspace_id, answer) values ($1, $2, $3) on conflict (run_id) do nothing",
        run.as_uuid(),
        scope.workspace().as_uuid(),
        serde_json::to_value(answer)?,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn of_run(store: &Store, scope: &Scope, run: RunId) -> Result<Option<Answer>> {
    let answer = sqlx::query_scalar!(
        "select answer from answer where run_id = $1 and workspace_id = $2",
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(answer.map(serde_json::from_value).transpose()?)
}
