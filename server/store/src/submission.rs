//! What people and callers handed in, kept as they were accepted. The run that comes of it is made in the same commit.

use engine::ids::{RunId, SubmissionId, WorkflowId};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{Result, Scope, Store, StoreError};

/// A stored submission.
#[derive(Clone, Debug)]
pub struct Submission {
    pub id: SubmissionId,
    pub workflow: WorkflowId,
    pub run: RunId,
    pub input: Json,
    pub created_at: Timestamp,
}

/// The submission with this id, if it was accepted.
pub async fn find(store: &Store, scope: &Scope, id: SubmissionId) -> Result<Option<Submission>> {
    let row = sqlx::query!(
        r#"select id, workflow_id, run_id, input, created_at as "created_at: jiff_sqlx::Timestamp"
           from submission where workspace_id = $1 and id = $2"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(row.map(|row| Submission {
        id: row.id.into(),
        workflow: row.workflow_id.into(),
        run: row.run_id.into(),
        input: row.input,
        created_at: row.created_at.to_jiff(),
    }))
}

/// The submission with this id; an error when there is none.
pub async fn get(store: &Store, scope: &Scope, id: SubmissionId) -> Result<Submission> {
    find(store, scope, id)
        .await?
        .ok_or(StoreError::NotFound("submission"))
}
