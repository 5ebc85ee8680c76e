//! Mails to members who want to know that runs fail: failures are counted by workflow in the commit that ends the run, and told at
//! most once an hour. What the mail says is the sender's business.

use engine::{ids::RunId, ids::WorkflowId, mail::Mailbox};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use sqlx::PgConnection;

use crate::{Result, Scope, Store, delivery};

/// The mail's kind, as its delivery names it.
pub const RUN_FAILED: &str = "mail.run_failed";

/// Workflows told of in one pass.
const BATCH: i64 = 20;

/// Counts failures for those whom somebody wants to hear of and can be told. `failed` in the order of workflows, so that commits do
/// not wait for each other in a circle.
pub(crate) async fn count(
    connection: &mut PgConnection,
    failed: &[(WorkflowId, RunId)],
) -> Result<()> {
    for (workflow, run) in failed {
        sqlx::query!(
            "insert into failure_notice (workflow_id, workspace_id, failures, last_run_id)
             select w.id, w.workspace_id, 1, $2 from workflow w
             where w.id = $1
               and exists (select from mail_server s where s.workspace_id = w.workspace_id and s.removed_at is null)
               and exists (select from member m where m.workspace_id = w.workspace_id and m.told_of_failures and m.removed_at is null)
             on conflict (workflow_id) do update set failures = failure_notice.failures + 1, last_run_id = excluded.last_run_id",
            workflow.as_uuid(),
            run.as_uuid(),
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Writes the mails that are due. A workflow is told of when its last mail is an hour old; what failed meanwhile is counted in it.
pub async fn tell(store: &Store, now: Timestamp) -> Result<usize> {
    let mut transaction = store.pool.begin().await?;
    let due = sqlx::query!(
        r#"select n.workflow_id, n.workspace_id, n.failures, n.last_run_id, w.name, coalesce(run.title, '') as "title!"
           from failure_notice n join workflow w on w.id = n.workflow_id left join run on run.id = n.last_run_id
           where n.failures > 0 and (n.told_at is null or n.told_at <= now() - interval '1 hour')
           order by n.workflow_id limit $1 for update of n skip locked"#,
        BATCH
    )
    .fetch_all(&mut *transaction)
    .await?;
    for row in &due {
        let scope = Scope::new(row.workspace_id.into(), None);
        let members = sqlx::query!(
            "select name, email, locale from member
             where workspace_id = $1 and told_of_failures and removed_at is null order by id",
            row.workspace_id
        )
        .fetch_all(&mut *transaction)
        .await?;
        let mails: Vec<Json> = members
            .into_iter()
            .map(|member| {
                let to = Mailbox {
                    name: member.name,
                    address: member.email,
                };
                json!({
                    "to": [to], "locale": member.locale, "workflow": row.name, "run": row.last_run_id, "title": row.title,
                    "others": row.failures - 1,
                })
            })
            .collect();
        delivery::insert_mails(&mut transaction, &scope, RUN_FAILED, &mails, now).await?;
        sqlx::query!(
            "update failure_notice set failures = 0, told_at = now() where workflow_id = $1",
            row.workflow_id
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    if !due.is_empty() {
        store.events.wake(crate::events::Wake::Deliveries);
    }
    Ok(due.len())
}
