//! The pause of a whole workspace: nothing of it is claimed until somebody resumes. That of one workflow is a field of the workflow.
//! What runs at this moment finishes its step; what is stored to be sent is sent.

use engine::ids::MemberId;
use jiff::Timestamp;

use super::wake;
use crate::{Result, Scope, Store, events::Event};

/// Most entries that are counted; more is "many" to people.
const MOST_COUNTED: i64 = 10_000;

/// How the queue of a workspace stands.
#[derive(Clone, Debug)]
pub struct Standing {
    pub paused_at: Option<Timestamp>,
    /// Name of the person.
    pub paused_by: Option<String>,
    /// Steps that are due and that nobody works on; at most 10,000 are counted.
    pub due: i64,
    /// Steps that are being worked on.
    pub under_way: i64,
}

pub async fn standing(store: &Store, scope: &Scope) -> Result<Standing> {
    let row = sqlx::query!(
        r#"select workspace.paused_at as "paused_at: jiff_sqlx::Timestamp", member.name as "paused_by?",
                  (select count(*) from (select from queue_entry where workspace_id = $1 and lease_owner is null and due_at <= now()
                                         limit $2) due) as "due!",
                  (select count(*) from queue_entry where workspace_id = $1 and lease_owner is not null) as "under_way!"
           from workspace left join member on member.id = workspace.paused_by where workspace.id = $1"#,
        scope.workspace().as_uuid(),
        MOST_COUNTED,
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(Standing {
        paused_at: row.paused_at.map(jiff_sqlx::Timestamp::to_jiff),
        paused_by: row.paused_by,
        due: row.due,
        under_way: row.under_way,
    })
}

/// Pauses or resumes the workspace; what is so already stays as it is.
pub async fn set(store: &Store, scope: &Scope, paused: bool) -> Result<()> {
    sqlx::query!(
        "update workspace set paused_at = case when $2 then now() end, paused_by = case when $2 then $3::uuid end
         where id = $1 and (paused_at is null) = $2",
        scope.workspace().as_uuid(),
        paused,
        scope.member().map(MemberId::as_uuid),
    )
    .execute(&store.pool)
    .await?;
    store.events.publish(Event {
        workspace: scope.workspace(),
        topic: "runs".into(),
        kind: "queue.changed".into(),
        data: serde_json::json!({ "paused": paused }),
    });
    if !paused {
        wake(store);
    }
    Ok(())
}
