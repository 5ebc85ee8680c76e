//! Storing a batch with all of its rows, in one commit. What a row means was decided by whoever read the file.

use engine::ids::{ArtifactId, BatchId, MemberId, VersionId, WorkflowId};
use serde_json::{Value as Json, json};
use sqlx::PgConnection;

use super::{MAX_ROWS, tell};
use crate::{
    Result, Scope, Store, StoreError, error::OnConstraint as _, fresh_id, records::Records,
    storable,
};

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
                "{MAX_UNFINISHED} batches are not finished yet, which is the most. Wait for one of them, resume those that were stopped, or discard what has not begun of them."
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
        Records(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
