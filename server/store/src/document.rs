//! Document templates: resources with append-only versions, a draft to edit and samples to look at. Publishing a workflow pins versions; a
//! workflow's draft uses the newest, never a template's draft: what is tried is what would be published.

mod draft;
mod sample;

use engine::ids::{DocumentId, DocumentVersionId, MemberId, WorkflowId};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use sqlx::PgConnection;

pub use draft::{Draft, PublishDraft, draft, duplicate, publish_draft, restore, save_draft};
pub use sample::{Sample, add_sample, change_sample, remove_sample, sample, samples};

use crate::{Result, Scope, Store, StoreError, events::Event, fresh_id};

/// One template in the list.
#[derive(Clone, Debug)]
pub struct DocumentItem {
    pub id: DocumentId,
    pub name: String,
    pub number: i32,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// Its draft has changes that are not published.
    pub changed: bool,
    /// Workflows whose draft or live version uses it.
    pub used_by: Vec<(WorkflowId, String)>,
}

/// One version of a template.
#[derive(Clone, Debug)]
pub struct Document {
    pub id: DocumentId,
    pub name: String,
    pub version: DocumentVersionId,
    pub number: i32,
    pub template: Json,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct VersionItem {
    pub number: i32,
    pub created_at: Timestamp,
    /// Name of the person.
    pub created_by: Option<String>,
}

/// A template to be stored.
#[derive(Clone, Debug)]
pub struct NewDocument {
    pub id: DocumentId,
    pub name: String,
    pub template: Json,
}

/// How a deletion ended.
#[derive(Clone, Debug)]
pub enum Deletion {
    Deleted,
    /// Nothing was deleted: these workflows use it in their draft or their live version.
    Used(Vec<(WorkflowId, String)>),
}

/// All templates, newest change first.
pub async fn list(store: &Store, scope: &Scope) -> Result<Vec<DocumentItem>> {
    Ok(sqlx::query!(
        r#"select d.id, d.name, d.latest_number, d.created_at as "created_at: jiff_sqlx::Timestamp",
                  d.changed_at as "changed_at: jiff_sqlx::Timestamp",
                  exists (select from document_draft w where w.document_id = d.id and not w.published) as "changed!",
                  coalesce(u.ids, '{}') as "ids!: Vec<uuid::Uuid>", coalesce(u.names, '{}') as "names!: Vec<String>"
           from document d
           left join lateral (
               select array_agg(w.id order by w.name, w.id) as ids, array_agg(w.name order by w.name, w.id) as names
               from workflow w join draft on draft.workflow_id = w.id
               where w.workspace_id = d.workspace_id and w.deleted_at is null
                 and (draft.document::text like '%"' || d.id::text || '"%'
                      or exists (select from version_document p where p.version_id = w.live_version_id and p.document_id = d.id))
           ) u on true
           where d.workspace_id = $1 and d.deleted_at is null
           order by d.changed_at desc, d.id desc limit 500"#,
        scope.workspace().as_uuid()
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| DocumentItem {
        id: row.id.into(),
        name: row.name,
        number: row.latest_number,
        created_at: row.created_at.to_jiff(),
        changed_at: row.changed_at.to_jiff(),
        changed: row.changed,
        used_by: row
            .ids
            .into_iter()
            .map(WorkflowId)
            .zip(row.names)
            .collect(),
    })
    .collect())
}

/// Stores a template with its first version.
pub async fn create(store: &Store, scope: &Scope, new: NewDocument) -> Result<Document> {
    let id = new.id;
    let mut transaction = store.pool.begin().await?;
    insert(&mut transaction, scope, &new).await?;
    transaction.commit().await?;
    get(store, scope, id).await
}

pub(crate) async fn insert(
    connection: &mut PgConnection,
    scope: &Scope,
    new: &NewDocument,
) -> Result<()> {
    let name = clean_name(&new.name)?;
    sqlx::query!(
        "insert into document (id, workspace_id, name, latest_number) values ($1, $2, $3, 1)",
        new.id.as_uuid(),
        scope.workspace().as_uuid(),
        name
    )
    .execute(&mut *connection)
    .await?;
    insert_version(connection, scope, new.id, 1, &new.template).await
}

async fn insert_version(
    connection: &mut PgConnection,
    scope: &Scope,
    id: DocumentId,
    number: i32,
    template: &Json,
) -> Result<()> {
    let version: DocumentVersionId = fresh_id();
    sqlx::query!(
        "insert into document_version (id, workspace_id, document_id, number, template, created_by)
         values ($1, $2, $3, $4, $5, $6)",
        version.as_uuid(),
        scope.workspace().as_uuid(),
        id.as_uuid(),
        number,
        template,
        scope.member().map(MemberId::as_uuid)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A workflow whose draft names it, the one that changed last.
pub async fn user_of(store: &Store, scope: &Scope, id: DocumentId) -> Result<Option<WorkflowId>> {
    Ok(sqlx::query_scalar!(
        r#"select w.id from draft join workflow w on w.id = draft.workflow_id
           where draft.workspace_id = $1 and w.deleted_at is null and draft.document::text like '%"' || $2::text || '"%'
           order by draft.changed_at desc limit 1"#,
        scope.workspace().as_uuid(),
        id.to_string()
    )
    .fetch_optional(&store.pool)
    .await?
    .map(WorkflowId))
}

/// The newest version.
pub async fn get(store: &Store, scope: &Scope, id: DocumentId) -> Result<Document> {
    read(store, scope, id, None).await
}

/// One version by its number.
pub async fn version(
    store: &Store,
    scope: &Scope,
    id: DocumentId,
    number: i32,
) -> Result<Document> {
    read(store, scope, id, Some(number)).await
}

async fn read(
    store: &Store,
    scope: &Scope,
    id: DocumentId,
    number: Option<i32>,
) -> Result<Document> {
    let row = sqlx::query!(
        r#"select d.id, d.name, v.id as version_id, v.number, v.template,
                  d.created_at as "created_at: jiff_sqlx::Timestamp", v.created_at as "changed_at: jiff_sqlx::Timestamp"
           from document d join document_version v on v.document_id = d.id and v.number = coalesce($3, d.latest_number)
           where d.workspace_id = $1 and d.id = $2 and d.deleted_at is null"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        number
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("document"))?;
    Ok(Document {
        id: row.id.into(),
        name: row.name,
        version: row.version_id.into(),
        number: row.number,
        template: row.template,
        created_at: row.created_at.to_jiff(),
        changed_at: row.changed_at.to_jiff(),
    })
}

/// The newest versions of several templates; unknown ids are left out.
pub async fn newest(store: &Store, scope: &Scope, ids: &[DocumentId]) -> Result<Vec<Document>> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    Ok(sqlx::query!(
        r#"select d.id, d.name, v.id as version_id, v.number, v.template,
                  d.created_at as "created_at: jiff_sqlx::Timestamp", v.created_at as "changed_at: jiff_sqlx::Timestamp"
           from document d join document_version v on v.document_id = d.id and v.number = d.latest_number
           where d.workspace_id = $1 and d.id = any($2) and d.deleted_at is null order by d.id"#,
        scope.workspace().as_uuid(),
        &ids
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| Document {
        id: row.id.into(),
        name: row.name,
        version: row.version_id.into(),
        number: row.number,
        template: row.template,
        created_at: row.created_at.to_jiff(),
        changed_at: row.changed_at.to_jiff(),
    })
    .collect())
}

/// Appends a version on top of `base`; `document_changed` when somebody else did meanwhile.
pub async fn put(
    store: &Store,
    scope: &Scope,
    id: DocumentId,
    base: i32,
    template: &Json,
    name: Option<&str>,
) -> Result<Document> {
    let name = name.map(clean_name).transpose()?;
    let mut transaction = store.pool.begin().await?;
    let latest = sqlx::query_scalar!(
        "select latest_number from document where workspace_id = $1 and id = $2 and deleted_at is null for update",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("document"))?;
    if latest != base {
        return Err(StoreError::conflict(
            "document_changed",
            format!("Somebody saved version {latest} meanwhile."),
        ));
    }
    insert_version(&mut transaction, scope, id, base + 1, template).await?;
    sqlx::query!(
        "update document set latest_number = $3, name = coalesce($4, name), changed_at = now()
         where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        base + 1,
        name
    )
    .execute(&mut *transaction)
    .await?;
    draft::follow(&mut transaction, scope, id, base + 1, template).await?;
    transaction.commit().await?;
    get(store, scope, id).await
}

/// Gives a template another name.
pub async fn rename(store: &Store, scope: &Scope, id: DocumentId, name: &str) -> Result<()> {
    let name = clean_name(name)?;
    let renamed = sqlx::query!(
        "update document set name = $3, changed_at = now() where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        name
    )
    .execute(&store.pool)
    .await?;
    if renamed.rows_affected() == 0 {
        return Err(StoreError::NotFound("document"));
    }
    tell(store, scope, id, "document.renamed");
    Ok(())
}

/// Deletes a template that no draft and no live version uses.
pub async fn delete(store: &Store, scope: &Scope, id: DocumentId) -> Result<Deletion> {
    let mut transaction = store.pool.begin().await?;
    // Held before its users are looked for: whoever publishes meanwhile is seen, or finds it deleted.
    sqlx::query!(
        "select id from document where workspace_id = $1 and id = $2 and deleted_at is null for no key update",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("document"))?;
    let users = users(&mut transaction, scope, id).await?;
    if !users.is_empty() {
        return Ok(Deletion::Used(users));
    }
    sqlx::query!(
        "update document set deleted_at = now() where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    tell(store, scope, id, "document.deleted");
    Ok(Deletion::Deleted)
}

/// Workflows whose draft or live version uses it, by name.
async fn users(
    connection: &mut PgConnection,
    scope: &Scope,
    id: DocumentId,
) -> Result<Vec<(WorkflowId, String)>> {
    Ok(sqlx::query!(
        r#"select w.id, w.name from workflow w join draft on draft.workflow_id = w.id
           where w.workspace_id = $1 and w.deleted_at is null
             and (draft.document::text like '%"' || $2::uuid::text || '"%'
                  or exists (select from version_document p where p.version_id = w.live_version_id and p.document_id = $2))
           order by w.name, w.id"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| (WorkflowId(row.id), row.name))
    .collect())
}

/// All versions, newest first.
pub async fn versions(store: &Store, scope: &Scope, id: DocumentId) -> Result<Vec<VersionItem>> {
    let rows = sqlx::query!(
        r#"select v.number, v.created_at as "created_at: jiff_sqlx::Timestamp", m.name as "name?"
           from document_version v
           join document d on d.id = v.document_id and d.deleted_at is null
           left join member m on m.id = v.created_by
           where v.workspace_id = $1 and v.document_id = $2 order by v.number desc limit 500"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_all(&store.pool)
    .await?;
    if rows.is_empty() {
        return Err(StoreError::NotFound("document"));
    }
    Ok(rows
        .into_iter()
        .map(|row| VersionItem {
            number: row.number,
            created_at: row.created_at.to_jiff(),
            created_by: row.name,
        })
        .collect())
}

fn tell(store: &Store, scope: &Scope, id: DocumentId, kind: &str) {
    store.events.publish(Event {
        workspace: scope.workspace(),
        topic: format!("document:{id}"),
        kind: kind.into(),
        data: json!({"document": id}),
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
