//! The firm's record of a workspace; every run keeps its own copy.

use engine::{firm::Firm, value::FileRef};
use serde_json::Value as Json;

use crate::{Result, Scope, Store, StoreError, schedule};

pub async fn get(store: &Store, scope: &Scope) -> Result<Firm> {
    let record = sqlx::query_scalar!(
        "select record from firm where workspace_id = $1",
        scope.workspace().as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?;
    match record {
        Some(record) => Ok(serde_json::from_value(record)?),
        None => Ok(Firm::default()),
    }
}

/// Replaces the record but for the logo; the workspace goes by the firm's name.
pub async fn put(store: &Store, scope: &Scope, firm: &Firm) -> Result<Firm> {
    let mut record = serde_json::to_value(firm)?;
    if let Some(fields) = record.as_object_mut() {
        fields.remove("logo");
    }
    let mut transaction = store.pool.begin().await?;
    let record = sqlx::query_scalar!(
        r#"insert into firm (workspace_id, record) values ($1, $2)
           on conflict on constraint firm_pkey do update
               set record = excluded.record || jsonb_build_object('logo', firm.record -> 'logo'), changed_at = now()
           returning record"#,
        scope.workspace().as_uuid(),
        record
    )
    .fetch_one(&mut *transaction)
    .await?;
    let name: String = firm.name.trim().chars().take(200).collect();
    if !name.is_empty() {
        sqlx::query!(
            "update workspace set name = $2 where id = $1",
            scope.workspace().as_uuid(),
            name
        )
        .execute(&mut *transaction)
        .await?;
    }
    schedule::holidays_changed(&mut transaction, scope).await?;
    transaction.commit().await?;
    Ok(serde_json::from_value(record)?)
}

/// Sets or removes the logo.
pub async fn set_logo(store: &Store, scope: &Scope, logo: Option<&FileRef>) -> Result<Firm> {
    let logo = logo.map_or(Ok(Json::Null), serde_json::to_value)?;
    let record = sqlx::query_scalar!(
        "update firm set record = record || jsonb_build_object('logo', $2::jsonb), changed_at = now()
         where workspace_id = $1 returning record",
        scope.workspace().as_uuid(),
        logo
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("firm"))?;
    Ok(serde_json::from_value(record)?)
}
