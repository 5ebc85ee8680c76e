//! What people and callers handed in, kept as they were accepted. The run that comes of it is made in the same commit.

use engine::ids::{RunId, SubmissionId, WorkflowId};
use jiff::Timestamp;
use serde_json::Value as Json;
use sqlx::PgConnection;

use crate::{Result, Scope, Store, StoreError, fresh_id};

/// One submission to store.
pub struct New<'a> {
    /// Minted with the form; fresh when `None`.
    pub id: Option<SubmissionId>,
    pub workflow: WorkflowId,
    pub run: RunId,
    /// `form`, `webhook`, `api`, `manual` or `trial`.
    pub source: &'a str,
    /// Typed answers in the JSON form of `engine::kind`.
    pub input: &'a Json,
}

/// A stored submission.
#[derive(Clone, Debug)]
pub struct Submission {
    pub id: SubmissionId,
    pub workflow: WorkflowId,
    pub run: RunId,
    pub input: Json,
    pub created_at: Timestamp,
}

/// Stores it, inside the transaction that accepts the run.
pub async fn insert(
    connection: &mut PgConnection,
    scope: &Scope,
    new: New<'_>,
) -> Result<SubmissionId> {
    let id = new.id.unwrap_or_else(fresh_id);
    sqlx::query!(
        "insert into submission (id, workspace_id, workflow_id, run_id, source, input) values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        scope.workspace().as_uuid(),
        new.workflow.as_uuid(),
        new.run.as_uuid(),
        new.source,
        new.input,
    )
    .execute(connection)
    .await?;
    Ok(id)
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
