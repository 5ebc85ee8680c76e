//! Access keys for programs: `fwk_` and 256 random bits, shown once, stored as SHA-256.

use engine::ids::MemberId;
use jiff::Timestamp;
use uuid::Uuid;

use super::{fresh_token, token_hash};
use crate::{Result, Scope, Store, StoreError, fresh_id};

const PREFIX: &str = "fwk_";

#[derive(Clone, Debug)]
pub struct AccessKey {
    pub id: Uuid,
    pub name: String,
    /// First characters, so that people recognise it.
    pub prefix: String,
    /// Name of the person who made it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// The key itself, this once.
#[derive(Clone, Debug)]
pub struct NewAccessKey {
    pub id: Uuid,
    pub key: String,
}

/// Keys that still work, newest first.
pub async fn access_keys(store: &Store, scope: &Scope) -> Result<Vec<AccessKey>> {
    Ok(sqlx::query!(
        r#"select k.id, k.name, k.prefix, m.name as created_by, k.created_at as "created_at: jiff_sqlx::Timestamp",
                  k.last_used_at as "last_used_at: jiff_sqlx::Timestamp"
           from access_key k join member m on m.id = k.created_by
           where k.workspace_id = $1 and k.revoked_at is null order by k.created_at desc limit 500"#,
        scope.workspace().as_uuid()
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| AccessKey {
        id: row.id,
        name: row.name,
        prefix: row.prefix,
        created_by: row.created_by,
        created_at: row.created_at.to_jiff(),
        last_used_at: row.last_used_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
    .collect())
}

pub async fn create_access_key(store: &Store, scope: &Scope, name: &str) -> Result<NewAccessKey> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(StoreError::invalid(
            "name_invalid",
            "/name",
            "A name has 1 to 100 characters.",
        ));
    }
    let member = scope.member().ok_or(StoreError::NotFound("member"))?;
    let key = format!("{PREFIX}{}", fresh_token());
    let id: Uuid = fresh_id();
    sqlx::query!(
        "insert into access_key (id, workspace_id, name, prefix, hash, created_by) values ($1, $2, $3, $4, $5, $6)",
        id,
        scope.workspace().as_uuid(),
        name,
        &key[..PREFIX.len() + 6],
        token_hash(&key),
        MemberId::as_uuid(member)
    )
    .execute(&store.pool)
    .await?;
    Ok(NewAccessKey { id, key })
}

/// Ends a key at once.
pub async fn revoke_access_key(store: &Store, scope: &Scope, id: Uuid) -> Result<()> {
    let revoked = sqlx::query!(
        "update access_key set revoked_at = now() where workspace_id = $1 and id = $2 and revoked_at is null",
        scope.workspace().as_uuid(),
        id
    )
    .execute(&store.pool)
    .await?;
    if revoked.rows_affected() == 0 {
        return Err(StoreError::NotFound("access key"));
    }
    Ok(())
}

/// What a key opens; unknown and revoked ones open nothing.
pub async fn check_access_key(store: &Store, key: &str) -> Result<Option<Scope>> {
    if !key.starts_with(PREFIX) {
        return Ok(None);
    }
    let Some(row) = sqlx::query!(
        r#"select id, workspace_id, coalesce(last_used_at < now() - interval '1 minute', true) as "stale!"
           from access_key where hash = $1 and revoked_at is null"#,
        token_hash(key)
    )
    .fetch_optional(&store.pool)
    .await?
    else {
        return Ok(None);
    };
    if row.stale {
        sqlx::query!(
            "update access_key set last_used_at = now() where id = $1",
            row.id
        )
        .execute(&store.pool)
        .await?;
    }
    Ok(Some(Scope::new(row.workspace_id.into(), None)))
}
