//! Receivers of signed webhooks. Secrets (`whsec_…`, Standard Webhooks) are sealed and handed out once; after a rotation the old one
//! signs as well for a day.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::{ids::EndpointId, node::Attach};
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    Result, Scope, Store, StoreError, fresh_id,
    seal::{self, Owner},
};

#[derive(Clone, Debug)]
pub struct Endpoint {
    pub id: EndpointId,
    pub name: String,
    pub url: String,
    pub attach: Attach,
    pub disabled_at: Option<Timestamp>,
    /// `gone` or `person`.
    pub disabled_reason: Option<String>,
    pub created_at: Timestamp,
}

/// What to change; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub name: Option<String>,
    pub url: Option<String>,
    pub attach: Option<Attach>,
    pub disabled: Option<bool>,
}

struct Row {
    id: uuid::Uuid,
    name: String,
    url: String,
    attach: String,
    disabled_at: Option<jiff_sqlx::Timestamp>,
    disabled_reason: Option<String>,
    created_at: Timestamp,
}

impl From<Row> for Endpoint {
    fn from(row: Row) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            url: row.url,
            attach: if row.attach == "inline" {
                Attach::Inline
            } else {
                Attach::Link
            },
            disabled_at: row.disabled_at.map(jiff_sqlx::Timestamp::to_jiff),
            disabled_reason: row.disabled_reason,
            created_at: row.created_at,
        }
    }
}

fn attach_name(attach: Attach) -> &'static str {
    match attach {
        Attach::Link => "link",
        Attach::Inline => "inline",
    }
}

/// All receivers, oldest first.
pub async fn list(store: &Store, scope: &Scope) -> Result<Vec<Endpoint>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, name, url, attach, disabled_at as "disabled_at: jiff_sqlx::Timestamp", disabled_reason,
                  created_at as "created_at: jiff_sqlx::Timestamp"
           from endpoint where workspace_id = $1 and deleted_at is null order by created_at, id limit 500"#,
        scope.workspace().as_uuid()
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows.into_iter().map(Endpoint::from).collect())
}

pub async fn get(store: &Store, scope: &Scope, id: EndpointId) -> Result<Endpoint> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, name, url, attach, disabled_at as "disabled_at: jiff_sqlx::Timestamp", disabled_reason,
                  created_at as "created_at: jiff_sqlx::Timestamp"
           from endpoint where workspace_id = $1 and id = $2 and deleted_at is null"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("endpoint"))?;
    Ok(row.into())
}

/// Adds a receiver; the second value is its secret, this once.
pub async fn create(
    store: &Store,
    scope: &Scope,
    name: &str,
    url: &str,
    attach: Attach,
) -> Result<(Endpoint, String)> {
    let name = clean_name(name)?;
    let id: EndpointId = fresh_id();
    let secret = fresh_secret();
    let mut transaction = store.pool.begin().await?;
    let sealed = seal_secret(store, &mut transaction, scope, id, 1, &secret).await?;
    sqlx::query!(
        "insert into endpoint (id, workspace_id, name, url, sealed_secret, attach) values ($1, $2, $3, $4, $5, $6)",
        id.as_uuid(),
        scope.workspace().as_uuid(),
        name,
        url,
        sealed,
        attach_name(attach)
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok((get(store, scope, id).await?, secret))
}

pub async fn change(
    store: &Store,
    scope: &Scope,
    id: EndpointId,
    change: Change,
) -> Result<Endpoint> {
    let name = change.name.as_deref().map(clean_name).transpose()?;
    let changed = sqlx::query!(
        "update endpoint set name = coalesce($3, name), url = coalesce($4, url), attach = coalesce($5, attach),
                disabled_at = case when $6::boolean is null then disabled_at when $6 then coalesce(disabled_at, now()) end,
                disabled_reason = case when $6::boolean is null then disabled_reason
                                       when $6 then coalesce(disabled_reason, 'person') end
         where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        name,
        change.url,
        change.attach.map(attach_name),
        change.disabled
    )
    .execute(&store.pool)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::NotFound("endpoint"));
    }
    get(store, scope, id).await
}

/// Forgets a receiver; its deliveries stay to be seen.
pub async fn delete(store: &Store, scope: &Scope, id: EndpointId) -> Result<()> {
    let deleted = sqlx::query!(
        "update endpoint set deleted_at = now() where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .execute(&store.pool)
    .await?;
    if deleted.rows_affected() == 0 {
        return Err(StoreError::NotFound("endpoint"));
    }
    Ok(())
}

/// A new secret; the old one signs as well until the returned instant.
pub async fn rotate_secret(
    store: &Store,
    scope: &Scope,
    id: EndpointId,
) -> Result<(String, Timestamp)> {
    let mut transaction = store.pool.begin().await?;
    let version = sqlx::query_scalar!(
        "select secret_version from endpoint
         where workspace_id = $1 and id = $2 and deleted_at is null for update",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("endpoint"))?;
    let secret = fresh_secret();
    let sealed = seal_secret(store, &mut transaction, scope, id, version + 1, &secret).await?;
    let until = sqlx::query_scalar!(
        r#"update endpoint set sealed_old_secret = sealed_secret, old_secret_until = now() + interval '24 hours',
                  sealed_secret = $3, secret_version = secret_version + 1
           where workspace_id = $1 and id = $2
           returning old_secret_until as "until!: jiff_sqlx::Timestamp""#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        sealed
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok((secret, until.to_jiff()))
}

async fn seal_secret(
    store: &Store,
    connection: &mut PgConnection,
    scope: &Scope,
    id: EndpointId,
    version: i32,
    secret: &str,
) -> Result<Vec<u8>> {
    let key = seal::data_key(connection, &store.sealer, scope.workspace()).await?;
    let owner = Owner {
        workspace: scope.workspace(),
        id: id.as_uuid(),
        version,
    };
    Ok(key.seal(&owner, secret.as_bytes()))
}

fn fresh_secret() -> String {
    format!("whsec_{}", STANDARD.encode(rand::random::<[u8; 32]>()))
}

fn clean_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 {
        return Err(StoreError::invalid(
            "name_invalid",
            "/name",
            "A name has 1 to 100 characters.",
        ));
    }
    Ok(name.to_owned())
}
