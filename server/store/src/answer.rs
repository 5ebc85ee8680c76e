//! What a step answered to the caller that waits for its run. The first answer of a run counts.

use engine::{ids::RunId, node::Answer};
use serde_json::{Value as Json, json};
use sqlx::{PgConnection, types::Json as SqlJson};

use crate::{Result, Scope, Store};

/// Stores answers of different runs at once.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    answers: &[(Scope, RunId, &Answer)],
) -> Result<()> {
    if answers.is_empty() {
        return Ok(());
    }
    let rows: Vec<Json> = answers
        .iter()
        .map(|(scope, run, answer)| {
            json!({"run_id": run, "workspace_id": scope.workspace(), "answer": answer})
        })
        .collect();
    sqlx::query!(
        "insert into answer (run_id, workspace_id, answer)
         select run_id, workspace_id, answer from json_to_recordset($1::json) a (run_id uuid, workspace_id uuid, answer jsonb)
         on conflict (run_id) do nothing",
        SqlJson(&rows) as _,
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
