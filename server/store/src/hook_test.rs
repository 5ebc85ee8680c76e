//! Listening for a test call of an inbound webhook: the next message to its address is kept, so that its values and a sample can be
//! taken from it. Drafts listen, too.

use engine::ids::WorkflowId;
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{Result, Scope, Store, StoreError};

/// How long is listened.
const LISTEN_MINUTES: i32 = 10;

/// What was asked for and what came.
#[derive(Clone, Debug)]
pub struct HookTest {
    pub until: Timestamp,
    /// The body of the first call.
    pub body: Option<Json>,
    pub received_at: Option<Timestamp>,
}

/// A step that is listened at.
#[derive(Clone, Debug)]
pub struct Listening {
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub node: String,
    /// The draft, which says how callers prove themselves.
    pub document: Json,
}

/// Listens from now on; what came before is forgotten.
pub async fn start(store: &Store, scope: &Scope, workflow: WorkflowId, node: &str) -> Result<()> {
    let made = sqlx::query!(
        "insert into hook_test (workflow_id, node, workspace_id, until)
         select id, $3, workspace_id, now() + make_interval(mins => $4) from workflow
         where workspace_id = $1 and id = $2 and deleted_at is null
         on conflict (workflow_id, node) do update set until = excluded.until, body = null, received_at = null",
        scope.workspace().as_uuid(),
        workflow.as_uuid(),
        node,
        LISTEN_MINUTES,
    )
    .execute(&store.pool)
    .await?;
    if made.rows_affected() == 0 {
        return Err(StoreError::NotFound("workflow"));
    }
    Ok(())
}

pub async fn get(
    store: &Store,
    scope: &Scope,
    workflow: WorkflowId,
    node: &str,
) -> Result<Option<HookTest>> {
    let row = sqlx::query!(
        r#"select until as "until: jiff_sqlx::Timestamp", body, received_at as "received_at: jiff_sqlx::Timestamp"
           from hook_test where workspace_id = $1 and workflow_id = $2 and node = $3"#,
        scope.workspace().as_uuid(),
        workflow.as_uuid(),
        node,
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(row.map(|row| HookTest {
        until: row.until.to_jiff(),
        body: row.body,
        received_at: row.received_at.map(jiff_sqlx::Timestamp::to_jiff),
    }))
}

/// Listens no more, and forgets what came.
pub async fn stop(store: &Store, scope: &Scope, workflow: WorkflowId, node: &str) -> Result<()> {
    sqlx::query!(
        "delete from hook_test where workspace_id = $1 and workflow_id = $2 and node = $3",
        scope.workspace().as_uuid(),
        workflow.as_uuid(),
        node,
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// The steps under this address that wait for a call.
pub async fn listening(store: &Store, slug: &str) -> Result<Vec<Listening>> {
    let rows = sqlx::query!(
        "select w.id, w.workspace_id, t.node, d.document
         from workflow w join hook_test t on t.workflow_id = w.id join draft d on d.workflow_id = w.id
         where w.slug = $1 and w.deleted_at is null and t.until > now() and t.body is null",
        slug,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Listening {
            scope: Scope::new(row.workspace_id.into(), None),
            workflow: row.id.into(),
            node: row.node,
            document: row.document,
        })
        .collect())
}

/// Whether the call was kept: another one may have been first, or nobody listens any more.
pub async fn capture(store: &Store, test: &Listening, body: &Json) -> Result<bool> {
    let kept = sqlx::query!(
        "update hook_test set body = $4::text::json, received_at = now()
         where workspace_id = $1 and workflow_id = $2 and node = $3 and until > now() and body is null",
        test.scope.workspace().as_uuid(),
        test.workflow.as_uuid(),
        test.node,
        // Bound as JSON it would be `jsonb`, which sorts its keys.
        body.to_string(),
    )
    .execute(&store.pool)
    .await?;
    Ok(kept.rows_affected() > 0)
}

pub(crate) async fn remove_old(store: &Store) -> Result<u64> {
    let done = sqlx::query!("delete from hook_test where until < now() - interval '1 day'")
        .execute(&store.pool)
        .await?;
    Ok(done.rows_affected())
}
