//! Workflows: the resource with its address and state, the draft with its revisions, and the published versions.

mod draft;
mod list;
mod pin;
mod slug;
mod version;

use engine::ids::{MemberId, WorkflowId};
use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

pub use draft::{
    Draft, RevisionItem, SaveDraft, draft_revision, draft_revisions, save_draft, thin_out_revisions,
};
pub use list::{Day, LastRun, WorkflowItem, list};
pub use pin::{Pin, Pins};
pub use version::{Published, Version, live, publish, version, versions};

use crate::{
    Result, Scope, Store, StoreError,
    document::{self, NewDocument},
    events::Event,
    fresh_id, queue, schedule,
    table::{self, NewTable},
};

/// One workflow with its draft and what is live.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub id: WorkflowId,
    pub name: String,
    pub slug: String,
    /// `draft`, `live` or `off`.
    pub state: String,
    /// Since when none of its steps is begun; what is handed in is stored all the same.
    pub paused_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub draft: Draft,
    pub live: Option<Version>,
}

/// A workflow to be made, with the templates and tables its document names by id.
#[derive(Clone, Debug)]
pub struct NewWorkflow {
    pub name: String,
    /// Name of the shipped example that it is made of.
    pub example: Option<String>,
    pub document: Json,
    pub documents: Vec<NewDocument>,
    pub tables: Vec<NewTable>,
}

/// What to change; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub slug: Option<String>,
    /// `live` or `off`.
    pub state: Option<String>,
    pub paused: Option<bool>,
}

/// Makes the workflow, its first draft, its templates and its tables in one commit.
pub async fn create(store: &Store, scope: &Scope, new: NewWorkflow) -> Result<WorkflowId> {
    let name = clean_name(&new.name)?;
    let id: WorkflowId = fresh_id();
    let mut transaction = store.pool.begin().await?;
    for template in &new.documents {
        document::insert(&mut transaction, scope, template).await?;
    }
    for new in &new.tables {
        table::insert_beside(&mut transaction, scope, new).await?;
    }
    let mut made = false;
    for slug in slug::candidates(&name, &Uuid::now_v7().simple().to_string()) {
        let inserted = sqlx::query!(
            "insert into workflow (id, workspace_id, name, slug, changed_by, example) values ($1, $2, $3, $4, $5, $6)
             on conflict on constraint workflow_slug_unique do nothing",
            id.as_uuid(),
            scope.workspace().as_uuid(),
            name,
            slug,
            scope.member().map(MemberId::as_uuid),
            new.example,
        )
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 1 {
            made = true;
            break;
        }
    }
    if !made {
        return Err(StoreError::conflict(
            "slug_taken",
            "No free address was found for this name. Try again.",
        ));
    }
    draft::insert_first(&mut transaction, scope, id, &new.document).await?;
    transaction.commit().await?;
    for made in &new.tables {
        table::tell(store, scope, made.id, 1);
    }
    Ok(id)
}

/// One workflow; deleted ones are not found.
pub async fn get(store: &Store, scope: &Scope, id: WorkflowId) -> Result<Workflow> {
    let row = sqlx::query!(
        r#"select w.id, w.name, w.slug, w.state, w.paused_at as "paused_at: jiff_sqlx::Timestamp", w.created_at as "created_at: jiff_sqlx::Timestamp", w.live_version_id,
                  d.revision, d.document, d.changed_at as "changed_at: jiff_sqlx::Timestamp", m.name as "changed_by?"
           from workflow w join draft d on d.workflow_id = w.id left join member m on m.id = d.changed_by
           where w.workspace_id = $1 and w.id = $2 and w.deleted_at is null"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("workflow"))?;
    let live = match row.live_version_id {
        Some(version) => Some(version::by_id(store, scope, version).await?),
        None => None,
    };
    Ok(Workflow {
        id,
        name: row.name,
        slug: row.slug,
        state: row.state,
        paused_at: row.paused_at.map(jiff_sqlx::Timestamp::to_jiff),
        created_at: row.created_at.to_jiff(),
        draft: Draft {
            revision: row.revision,
            document: row.document,
            changed_at: row.changed_at.to_jiff(),
            changed_by: row.changed_by,
        },
        live,
    })
}

/// The oldest live workflow that was made of this example and offers its callers what it did when it was first published.
pub async fn of_example(store: &Store, scope: &Scope, example: &str) -> Result<Option<WorkflowId>> {
    let id = sqlx::query_scalar!(
        "select w.id from workflow w join version live on live.id = w.live_version_id
                join version oldest on oldest.workflow_id = w.id and oldest.number = 1
         where w.workspace_id = $1 and w.example = $2 and w.state = 'live' and w.deleted_at is null and live.offer = oldest.offer
         order by w.id limit 1",
        scope.workspace().as_uuid(),
        example,
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(id.map(WorkflowId::from))
}

/// Renames, moves to another address, opens or closes, pauses or resumes.
pub async fn change(store: &Store, scope: &Scope, id: WorkflowId, change: Change) -> Result<()> {
    let name = change.name.as_deref().map(clean_name).transpose()?;
    if let Some(slug) = &change.slug {
        slug::check(slug)?;
    }
    let state = match change.state.as_deref() {
        None => None,
        Some(state @ ("live" | "off")) => Some(state),
        Some(_) => {
            return Err(StoreError::invalid(
                "state_invalid",
                "/state",
                "A workflow is switched to live or off.",
            ));
        }
    };
    let mut transaction = store.pool.begin().await?;
    let changed = sqlx::query!(
        "update workflow set name = coalesce($3, name), slug = coalesce($4, slug), state = coalesce($5, state),
                paused_at = case $7::boolean when true then coalesce(paused_at, now()) when false then null else paused_at end,
                paused_by = case $7::boolean when true then coalesce(paused_by, $6) when false then null else paused_by end,
                changed_at = now(), changed_by = $6
         where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        name,
        change.slug,
        state,
        scope.member().map(MemberId::as_uuid),
        change.paused
    )
    .execute(&mut *transaction)
    .await
    .map_err(|error| {
        let constraint = error.as_database_error().and_then(|cause| cause.constraint());
        match constraint {
            Some("workflow_slug_unique") => StoreError::invalid(
                "slug_taken",
                "/slug",
                "Another workflow has this address.",
            ),
            Some("workflow_published_has_version") => StoreError::conflict(
                "not_published",
                "This workflow was never published. Publish it first.",
            ),
            _ => error.into(),
        }
    })?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::NotFound("workflow"));
    }
    if state.is_some() {
        schedule::follow(&mut transaction, scope, id).await?;
    }
    transaction.commit().await?;
    if change.paused == Some(false) {
        queue::wake(store);
    }
    tell(store, scope, id, "workflow.changed");
    Ok(())
}

/// Deletes; the form closes at once, runs and versions stay until they are purged.
pub async fn delete(store: &Store, scope: &Scope, id: WorkflowId) -> Result<()> {
    set_deleted(store, scope, id, true).await
}

/// Undoes a deletion.
pub async fn restore(store: &Store, scope: &Scope, id: WorkflowId) -> Result<()> {
    set_deleted(store, scope, id, false).await
}

async fn set_deleted(store: &Store, scope: &Scope, id: WorkflowId, deleted: bool) -> Result<()> {
    let mut transaction = store.pool.begin().await?;
    let changed = sqlx::query!(
        "update workflow set deleted_at = case when $3 then now() end
         where workspace_id = $1 and id = $2 and (deleted_at is null) = $3",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        deleted
    )
    .execute(&mut *transaction)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::NotFound("workflow"));
    }
    schedule::follow(&mut transaction, scope, id).await?;
    transaction.commit().await?;
    tell(store, scope, id, "workflow.changed");
    Ok(())
}

fn tell(store: &Store, scope: &Scope, id: WorkflowId, kind: &str) {
    store.events.publish(Event {
        workspace: scope.workspace(),
        topic: format!("workflow:{id}"),
        kind: kind.into(),
        data: serde_json::json!({"workflow": id}),
    });
}

fn clean_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(StoreError::invalid(
            "name_invalid",
            "/name",
            "A name has 1 to 200 characters.",
        ));
    }
    Ok(name.to_owned())
}
