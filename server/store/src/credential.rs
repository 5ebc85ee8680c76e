//! Secrets that outgoing requests use, sealed. Only the client that sends a request opens one; nothing shows it again.

use engine::ids::CredentialId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Result, Scope, Store, StoreError,
    error::OnConstraint as _,
    fresh_id,
    seal::{self, Owner},
};

/// What a request carries; stored as sealed JSON.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Secret {
    /// `Authorization: Bearer …`
    Bearer { token: String },
    /// `Authorization: Basic …`
    Basic { user: String, password: String },
    /// A header of one's own.
    Header { name: String, value: String },
    /// What callers of an inbound webhook sign with; nothing sends it.
    Signing { secret: String },
}

impl Secret {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bearer { .. } => "bearer",
            Self::Basic { .. } => "basic",
            Self::Header { .. } => "header",
            Self::Signing { .. } => "signing",
        }
    }
}

/// A credential without its secret.
#[derive(Clone, Debug)]
pub struct Credential {
    pub id: CredentialId,
    pub name: String,
    pub kind: String,
    pub created_at: Timestamp,
}

/// All credentials by name.
pub async fn list(store: &Store, scope: &Scope) -> Result<Vec<Credential>> {
    Ok(sqlx::query!(
        r#"select id, name, kind, created_at as "created_at: jiff_sqlx::Timestamp" from credential
           where workspace_id = $1 and deleted_at is null order by lower(name), id limit 500"#,
        scope.workspace().as_uuid()
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| Credential {
        id: row.id.into(),
        name: row.name,
        kind: row.kind,
        created_at: row.created_at.to_jiff(),
    })
    .collect())
}

/// Seals and stores a secret.
pub async fn create(
    store: &Store,
    scope: &Scope,
    name: &str,
    secret: &Secret,
) -> Result<Credential> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(StoreError::invalid(
            "name_invalid",
            "/name",
            "A name has 1 to 100 characters.",
        ));
    }
    let id: CredentialId = fresh_id();
    let mut transaction = store.pool.begin().await?;
    let key = seal::data_key(&mut transaction, &store.sealer, scope.workspace()).await?;
    let owner = Owner {
        workspace: scope.workspace(),
        id: id.as_uuid(),
        version: 1,
    };
    let created_at = sqlx::query_scalar!(
        r#"insert into credential (id, workspace_id, name, kind, sealed) values ($1, $2, $3, $4, $5)
           returning created_at as "created_at: jiff_sqlx::Timestamp""#,
        id.as_uuid(),
        scope.workspace().as_uuid(),
        name,
        secret.kind(),
        key.seal(&owner, &serde_json::to_vec(secret)?)
    )
    .fetch_one(&mut *transaction)
    .await
    .on_constraint("credential_name_unique", || {
        StoreError::invalid(
            "name_taken",
            "/name",
            "Another credential has this name. Choose a different one.",
        )
    })?;
    transaction.commit().await?;
    Ok(Credential {
        id,
        name: name.to_owned(),
        kind: secret.kind().to_owned(),
        created_at: created_at.to_jiff(),
    })
}

/// Forgets a secret for good.
pub async fn delete(store: &Store, scope: &Scope, id: CredentialId) -> Result<()> {
    let deleted = sqlx::query!(
        "update credential set deleted_at = now(), sealed = ''
         where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .execute(&store.pool)
    .await?;
    if deleted.rows_affected() == 0 {
        return Err(StoreError::NotFound("credential"));
    }
    Ok(())
}

/// The secret, for the client that sends a request.
pub async fn open(store: &Store, scope: &Scope, id: CredentialId) -> Result<Secret> {
    let mut connection = store.pool.acquire().await?;
    let row = sqlx::query!(
        "select version, sealed from credential where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(StoreError::NotFound("credential"))?;
    let key = seal::data_key(&mut connection, &store.sealer, scope.workspace()).await?;
    let owner = Owner {
        workspace: scope.workspace(),
        id: id.as_uuid(),
        version: row.version,
    };
    Ok(serde_json::from_slice(&key.open(&owner, &row.sealed)?)?)
}
