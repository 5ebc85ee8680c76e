//! What a step answered to the caller that waits for its run. The first answer of a run counts.

use engine::{ids::RunId, node::Answer};

use crate::{Result, Scope, Store};

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
