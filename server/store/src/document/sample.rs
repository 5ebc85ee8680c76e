//! Named values to look at a template with, kept beside it.

use engine::ids::{DocumentId, DocumentSampleId, MemberId};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{Result, Scope, Store, StoreError, error::OnConstraint as _, fresh_id};

/// Of one document.
const MOST_SAMPLES: i64 = 50;
/// Bytes of JSON of one sample.
const MOST_BYTES: usize = 512 * 1024;

#[derive(Clone, Debug)]
pub struct Sample {
    pub id: DocumentSampleId,
    pub name: String,
    /// By field name.
    pub values: Json,
    pub changed_at: Timestamp,
    /// Name of the person.
    pub changed_by: Option<String>,
}

/// All samples of a document, by name.
pub async fn samples(store: &Store, scope: &Scope, document: DocumentId) -> Result<Vec<Sample>> {
    Ok(sqlx::query!(
        r#"select s.id, s.name, s.input, s.changed_at as "changed_at: jiff_sqlx::Timestamp", m.name as "changed_by?"
           from document_sample s join document d on d.id = s.document_id and d.deleted_at is null
           left join member m on m.id = s.changed_by
           where s.workspace_id = $1 and s.document_id = $2 order by lower(s.name)"#,
        scope.workspace().as_uuid(),
        document.as_uuid()
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| Sample {
        id: row.id.into(),
        name: row.name,
        values: row.input,
        changed_at: row.changed_at.to_jiff(),
        changed_by: row.changed_by,
    })
    .collect())
}

/// One of them.
pub async fn sample(
    store: &Store,
    scope: &Scope,
    document: DocumentId,
    id: DocumentSampleId,
) -> Result<Sample> {
    let all = samples(store, scope, document).await?;
    let mut found = all.into_iter().filter(|sample| sample.id == id);
    found.next().ok_or(StoreError::NotFound("sample"))
}

/// Keeps one more; 50 are the most.
pub async fn add_sample(
    store: &Store,
    scope: &Scope,
    document: DocumentId,
    name: &str,
    values: &Json,
) -> Result<DocumentSampleId> {
    let name = check(name, values)?;
    let id: DocumentSampleId = fresh_id();
    let mut transaction = store.pool.begin().await?;
    // Two that come at once could both be the last one.
    sqlx::query!(
        "select id from document where workspace_id = $1 and id = $2 and deleted_at is null for no key update",
        scope.workspace().as_uuid(),
        document.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("document"))?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from document_sample where workspace_id = $1 and document_id = $2"#,
        scope.workspace().as_uuid(),
        document.as_uuid()
    )
    .fetch_one(&mut *transaction)
    .await?;
    if count >= MOST_SAMPLES {
        return Err(StoreError::conflict(
            "samples_many",
            format!("A document has at most {MOST_SAMPLES} samples. Delete one first."),
        ));
    }
    sqlx::query!(
        "insert into document_sample (id, workspace_id, document_id, name, input, changed_by) values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        scope.workspace().as_uuid(),
        document.as_uuid(),
        name,
        values,
        scope.member().map(MemberId::as_uuid)
    )
    .execute(&mut *transaction)
    .await
    .on_constraint("document_sample_name_unique", name_taken)?;
    transaction.commit().await?;
    Ok(id)
}

/// Replaces name and values.
pub async fn change_sample(
    store: &Store,
    scope: &Scope,
    (document, id): (DocumentId, DocumentSampleId),
    name: &str,
    values: &Json,
) -> Result<()> {
    let name = check(name, values)?;
    let changed = sqlx::query!(
        "update document_sample s set name = $4, input = $5, changed_at = now(), changed_by = $6
         from document d
         where s.workspace_id = $1 and s.document_id = $2 and s.id = $3 and d.id = s.document_id and d.deleted_at is null",
        scope.workspace().as_uuid(),
        document.as_uuid(),
        id.as_uuid(),
        name,
        values,
        scope.member().map(MemberId::as_uuid)
    )
    .execute(&store.pool)
    .await
    .on_constraint("document_sample_name_unique", name_taken)?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::NotFound("sample"));
    }
    Ok(())
}

pub async fn remove_sample(
    store: &Store,
    scope: &Scope,
    document: DocumentId,
    id: DocumentSampleId,
) -> Result<()> {
    let removed = sqlx::query!(
        "delete from document_sample where workspace_id = $1 and document_id = $2 and id = $3",
        scope.workspace().as_uuid(),
        document.as_uuid(),
        id.as_uuid()
    )
    .execute(&store.pool)
    .await?;
    if removed.rows_affected() == 0 {
        return Err(StoreError::NotFound("sample"));
    }
    Ok(())
}

fn name_taken() -> StoreError {
    StoreError::conflict(
        "sample_name_taken",
        "This document has a sample of this name already.",
    )
}

fn check<'a>(name: &'a str, values: &Json) -> Result<&'a str> {
    let name = name.trim();
    if !(1..=100).contains(&name.chars().count()) {
        return Err(StoreError::invalid(
            "sample_name",
            "/name",
            "The name of a sample has 1 to 100 characters.",
        ));
    }
    if !values.is_object() {
        return Err(StoreError::invalid(
            "wrong_value",
            "/values",
            "Values are an object by field name.",
        ));
    }
    if values.to_string().len() > MOST_BYTES {
        return Err(StoreError::invalid(
            "sample_large",
            "/values",
            format!(
                "The values of a sample have at most {} KB as JSON.",
                MOST_BYTES / 1024
            ),
        ));
    }
    Ok(name)
}
