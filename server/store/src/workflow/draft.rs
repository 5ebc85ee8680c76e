//! Drafts: one row that every save replaces against a base revision, and the append-only chain of what it was.

use engine::ids::{MemberId, WorkflowId};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use sqlx::PgConnection;

use super::Event;
use crate::{Result, Scope, Store, StoreError};

#[derive(Clone, Debug)]
pub struct Draft {
    pub revision: i64,
    pub document: Json,
    pub changed_at: Timestamp,
    /// Name of the person.
    pub changed_by: Option<String>,
}

#[derive(Clone, Debug)]
pub struct RevisionItem {
    pub revision: i64,
    pub changed_at: Timestamp,
    pub changed_by: Option<String>,
}

/// How a save ended.
#[derive(Clone, Debug)]
pub enum SaveDraft {
    Saved {
        revision: i64,
        changed_at: Timestamp,
    },
    /// Nothing was written: this is the draft now.
    Stale(RevisionItem),
}

pub(super) async fn insert_first(
    connection: &mut PgConnection,
    scope: &Scope,
    id: WorkflowId,
    document: &Json,
) -> Result<()> {
    let member = scope.member().map(MemberId::as_uuid);
    sqlx::query!(
        "insert into draft (workflow_id, workspace_id, revision, document, changed_by) values ($1, $2, 1, $3, $4)",
        id.as_uuid(),
        scope.workspace().as_uuid(),
        document,
        member
    )
    .execute(&mut *connection)
    .await?;
    append(connection, scope, id, 1, document).await?;
    Ok(())
}

async fn append(
    connection: &mut PgConnection,
    scope: &Scope,
    id: WorkflowId,
    revision: i64,
    document: &Json,
) -> Result<()> {
    sqlx::query!(
        "insert into draft_revision (workflow_id, workspace_id, revision, document, changed_by)
         values ($1, $2, $3, $4, $5)",
        id.as_uuid(),
        scope.workspace().as_uuid(),
        revision,
        document,
        scope.member().map(MemberId::as_uuid)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Saves on top of `base` and appends the revision in the same commit. A name that the document changed becomes the workflow's.
pub async fn save_draft(
    store: &Store,
    scope: &Scope,
    id: WorkflowId,
    base: i64,
    document: &Json,
) -> Result<SaveDraft> {
    let mut transaction = store.pool.begin().await?;
    let current = sqlx::query!(
        r#"select d.revision, d.document ->> 'name' as name, d.changed_at as "changed_at: jiff_sqlx::Timestamp",
                  m.name as "changed_by?"
           from draft d join workflow w on w.id = d.workflow_id left join member m on m.id = d.changed_by
           where d.workspace_id = $1 and d.workflow_id = $2 and w.deleted_at is null for update of d, w"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("workflow"))?;
    if current.revision != base {
        return Ok(SaveDraft::Stale(RevisionItem {
            revision: current.revision,
            changed_at: current.changed_at.to_jiff(),
            changed_by: current.changed_by,
        }));
    }
    let revision = base + 1;
    append(&mut transaction, scope, id, revision, document).await?;
    let member = scope.member().map(MemberId::as_uuid);
    let changed_at = sqlx::query_scalar!(
        r#"update draft set revision = $3, document = $4, changed_at = now(), changed_by = $5
           where workspace_id = $1 and workflow_id = $2
           returning changed_at as "changed_at: jiff_sqlx::Timestamp""#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        revision,
        document,
        member
    )
    .fetch_one(&mut *transaction)
    .await?;
    let name = document
        .get("name")
        .and_then(Json::as_str)
        .map(str::trim)
        .filter(|name| !name.is_empty() && name.chars().count() <= 200)
        .filter(|name| current.name.as_deref() != Some(name));
    sqlx::query!(
        "update workflow set name = coalesce($3, name), changed_at = now(), changed_by = $4
         where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        name,
        member
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    store.events.publish(Event {
        workspace: scope.workspace(),
        topic: format!("workflow:{id}"),
        kind: "draft.changed".into(),
        data: json!({"workflow": id, "revision": revision}),
    });
    Ok(SaveDraft::Saved {
        revision,
        changed_at: changed_at.to_jiff(),
    })
}

/// Up to `limit` revisions before `before`, newest first.
pub async fn draft_revisions(
    store: &Store,
    scope: &Scope,
    id: WorkflowId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<RevisionItem>> {
    Ok(sqlx::query!(
        r#"select r.revision, r.changed_at as "changed_at: jiff_sqlx::Timestamp", m.name as "changed_by?"
           from draft_revision r left join member m on m.id = r.changed_by
           where r.workspace_id = $1 and r.workflow_id = $2 and ($3::bigint is null or r.revision < $3)
           order by r.revision desc limit $4"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        before,
        limit
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| RevisionItem {
        revision: row.revision,
        changed_at: row.changed_at.to_jiff(),
        changed_by: row.changed_by,
    })
    .collect())
}

/// One revision with its document.
pub async fn draft_revision(
    store: &Store,
    scope: &Scope,
    id: WorkflowId,
    revision: i64,
) -> Result<Draft> {
    let row = sqlx::query!(
        r#"select r.revision, r.document, r.changed_at as "changed_at: jiff_sqlx::Timestamp", m.name as "changed_by?"
           from draft_revision r left join member m on m.id = r.changed_by
           where r.workspace_id = $1 and r.workflow_id = $2 and r.revision = $3"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        revision
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("revision"))?;
    Ok(Draft {
        revision: row.revision,
        document: row.document,
        changed_at: row.changed_at.to_jiff(),
        changed_by: row.changed_by,
    })
}

/// Thins the chains out: everything of the last day, one an hour of the last week, then one a day; never a revision that a trial run
/// refers to, never the newest.
pub async fn thin_out_revisions(store: &Store) -> Result<u64> {
    Ok(sqlx::query!(
        "delete from draft_revision r
         using (
             select workflow_id, revision,
                    row_number() over (
                        partition by workflow_id,
                            date_trunc(case when changed_at > now() - interval '7 days' then 'hour' else 'day' end, changed_at)
                        order by revision desc) as place
             from draft_revision where changed_at < now() - interval '1 day'
         ) old
         where r.workflow_id = old.workflow_id and r.revision = old.revision and old.place > 1
           and not exists (select from run where run.workflow_id = r.workflow_id and run.draft_revision = r.revision
                             and run.workspace_id = r.workspace_id)
           and not exists (select from draft d where d.workflow_id = r.workflow_id and d.revision = r.revision)"
    )
    .execute(&store.pool)
    .await?
    .rows_affected())
}
