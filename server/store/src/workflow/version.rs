//! Published versions: immutable copies of a draft with the template versions they were checked with.

use engine::ids::{DocumentId, MemberId, VersionId, WorkflowId};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::pin::{Pins, pin};
use crate::{Result, Scope, Store, StoreError, fresh_id, line, schedule};

#[derive(Clone, Debug)]
pub struct Version {
    pub id: VersionId,
    pub number: i32,
    pub document: Json,
    pub note: String,
    pub published_at: Timestamp,
    /// Name of the person.
    pub published_by: Option<String>,
    /// (template, its name, number of its version).
    pub documents: Vec<(DocumentId, String, i32)>,
}

/// What runs start from.
#[derive(Clone, Debug)]
pub struct Published {
    pub version: VersionId,
    pub number: i32,
    pub document: Json,
    /// `live` or `off`.
    pub state: String,
}

/// Publishes the draft if it still is at `base`, with the templates that were checked. The caller has checked the document.
pub async fn publish(
    store: &Store,
    scope: &Scope,
    id: WorkflowId,
    base: i64,
    note: &str,
    pins: &Pins,
) -> Result<Version> {
    let note = note.trim();
    if note.chars().count() > 2000 {
        return Err(StoreError::invalid(
            "note_long",
            "/note",
            "A note has at most 2,000 characters.",
        ));
    }
    let version: VersionId = fresh_id();
    let member = scope.member().map(MemberId::as_uuid);
    let mut transaction = store.pool.begin().await?;
    let revision = sqlx::query_scalar!(
        "select d.revision from draft d join workflow w on w.id = d.workflow_id
         where d.workspace_id = $1 and d.workflow_id = $2 and w.deleted_at is null for update of d, w",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("workflow"))?;
    if revision != base {
        return Err(StoreError::conflict(
            "draft_changed",
            "The draft changed meanwhile. Look at it and publish again.",
        ));
    }
    sqlx::query!(
        "insert into version (id, workspace_id, workflow_id, number, document, note, published_by, offer, private,
                              concurrency)
         select $1, d.workspace_id, d.workflow_id,
                coalesce((select max(number) from version where workflow_id = d.workflow_id), 0) + 1, d.document, $3, $4, $5, $6, $7
         from draft d where d.workflow_id = $2",
        version.as_uuid(),
        id.as_uuid(),
        note,
        member,
        pins.offer.as_ref().map(|offer| json!(offer)),
        (!pins.private.is_empty()).then(|| json!(pins.private)),
        pins.lines.as_ref().map(|lines| json!(lines)),
    )
    .execute(&mut *transaction)
    .await?;
    pin(&mut transaction, scope, version, pins).await?;
    sqlx::query!(
        "update workflow set state = 'live', live_version_id = $3, changed_at = now(), changed_by = $4
         where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        version.as_uuid(),
        member
    )
    .execute(&mut *transaction)
    .await?;
    schedule::replace(
        &mut transaction,
        scope,
        id,
        &pins.schedules,
        &pins.time_zone,
    )
    .await?;
    transaction.commit().await?;
    super::tell(store, scope, id, "workflow.changed");
    // The new limit counts for those who wait already. It is published whatever comes of that: maintenance looks for them, too.
    if let Err(error) = line::catch_up(store, Some(id)).await {
        tracing::warn!(workflow.id = %id, %error, "runs in line could not be admitted after a publication; it is tried again later");
    }
    by_id(store, scope, version.as_uuid()).await
}

/// All versions, newest first, without pins.
pub async fn versions(store: &Store, scope: &Scope, id: WorkflowId) -> Result<Vec<Version>> {
    Ok(sqlx::query!(
        r#"select v.id, v.number, v.note, v.published_at as "published_at: jiff_sqlx::Timestamp", m.name as "published_by?"
           from version v left join member m on m.id = v.published_by
           where v.workspace_id = $1 and v.workflow_id = $2 order by v.number desc limit 500"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| Version {
        id: row.id.into(),
        number: row.number,
        document: Json::Null,
        note: row.note,
        published_at: row.published_at.to_jiff(),
        published_by: row.published_by,
        documents: Vec::new(),
    })
    .collect())
}

/// One version with its document and pins.
pub async fn version(store: &Store, scope: &Scope, id: WorkflowId, number: i32) -> Result<Version> {
    let version = sqlx::query_scalar!(
        "select id from version where workspace_id = $1 and workflow_id = $2 and number = $3",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        number
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("version"))?;
    by_id(store, scope, version).await
}

pub(super) async fn by_id(store: &Store, scope: &Scope, id: Uuid) -> Result<Version> {
    let row = sqlx::query!(
        r#"select v.id, v.number, v.document, v.note, v.published_at as "published_at: jiff_sqlx::Timestamp",
                  m.name as "published_by?"
           from version v left join member m on m.id = v.published_by where v.workspace_id = $1 and v.id = $2"#,
        scope.workspace().as_uuid(),
        id
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("version"))?;
    let documents = sqlx::query!(
        "select d.id, d.name, v.number from version_document p
         join document d on d.id = p.document_id join document_version v on v.id = p.document_version_id
         where p.workspace_id = $1 and p.version_id = $2 order by d.name",
        scope.workspace().as_uuid(),
        id
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(Version {
        id: row.id.into(),
        number: row.number,
        document: row.document,
        note: row.note,
        published_at: row.published_at.to_jiff(),
        published_by: row.published_by,
        documents: documents
            .into_iter()
            .map(|row| (row.id.into(), row.name, row.number))
            .collect(),
    })
}

/// The version that runs start from.
pub async fn live(store: &Store, scope: &Scope, id: WorkflowId) -> Result<Published> {
    let row = sqlx::query!(
        r#"select w.state, v.id as "version_id?", v.number as "number?", v.document as "document?"
           from workflow w left join version v on v.id = w.live_version_id
           where w.workspace_id = $1 and w.id = $2 and w.deleted_at is null"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("workflow"))?;
    match (row.version_id, row.number, row.document) {
        (Some(version), Some(number), Some(document)) => Ok(Published {
            version: version.into(),
            number,
            document,
            state: row.state,
        }),
        _ => Err(StoreError::conflict(
            "not_published",
            "This workflow was never published. Publish it first.",
        )),
    }
}
