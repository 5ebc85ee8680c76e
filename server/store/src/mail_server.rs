//! The workspace's mail server. Its password is sealed, bound to the workspace and a version that grows with every change, and comes
//! out only for senders. Whether a mail arrives is not known here.

use engine::mail::Mailbox;
use jiff::Timestamp;

use crate::{
    Result, Scope, Store, StoreError,
    seal::{self, Owner},
};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    Tls,
    StartTls,
    None,
}

impl Encryption {
    fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        match text {
            "tls" => Ok(Self::Tls),
            "starttls" => Ok(Self::StartTls),
            "none" => Ok(Self::None),
            other => Err(StoreError::Damaged(format!("encryption {other}"))),
        }
    }
}

/// The settings without the password.
#[derive(Clone, Debug, PartialEq)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    /// Empty: no signing in.
    pub user: String,
    pub has_password: bool,
    pub sender: Mailbox,
    pub reply_to: Option<Mailbox>,
    pub changed_at: Timestamp,
}

/// What an owner sets.
#[derive(Clone, Debug)]
pub struct Settings {
    pub host: String,
    pub port: u16,
    pub encryption: Encryption,
    pub user: String,
    pub password: Password,
    pub sender: Mailbox,
    pub reply_to: Option<Mailbox>,
}

/// What becomes of the stored password.
#[derive(Clone)]
pub enum Password {
    Keep,
    None,
    New(String),
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::None => "None",
            Self::New(_) => "New",
        })
    }
}

/// The settings; `None` while there are none.
pub async fn get(store: &Store, scope: &Scope) -> Result<Option<MailServer>> {
    let row = sqlx::query!(
        r#"select host, port, encryption, user_name, sealed_password is not null as "has_password!", sender_name, sender_address,
                  reply_to, changed_at as "changed_at: jiff_sqlx::Timestamp"
           from mail_server where workspace_id = $1 and removed_at is null"#,
        scope.workspace().as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?;
    row.map(|row| {
        Ok(MailServer {
            host: row.host,
            port: port(row.port)?,
            encryption: Encryption::parse(&row.encryption)?,
            user: row.user_name,
            has_password: row.has_password,
            sender: Mailbox {
                name: row.sender_name,
                address: row.sender_address,
            },
            reply_to: Mailbox::parse(&row.reply_to).ok(),
            changed_at: row.changed_at.to_jiff(),
        })
    })
    .transpose()
}

/// Whether mail can be sent at all.
pub async fn is_set(store: &Store, scope: &Scope) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from mail_server where workspace_id = $1 and removed_at is null) as "is_set!""#,
        scope.workspace().as_uuid()
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Sets the server. A kept password stays only while host and user stay: it must not be sent to another server.
pub async fn put(store: &Store, scope: &Scope, new: &Settings) -> Result<MailServer> {
    let mut transaction = store.pool.begin().await?;
    let before = sqlx::query!(
        "select host, user_name, sealed_password, password_version, removed_at is not null as \"removed!\"
         from mail_server where workspace_id = $1 for update",
        scope.workspace().as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let version = before.as_ref().map_or(1, |row| row.password_version);
    let (sealed, version) = match &new.password {
        Password::None => (None, version),
        Password::New(password) => {
            let key = seal::data_key(&mut transaction, &store.sealer, scope.workspace()).await?;
            let owner = owner(scope, version + 1);
            (Some(key.seal(&owner, password.as_bytes())), version + 1)
        }
        Password::Keep => match before {
            Some(row) if !row.removed && row.host == new.host && row.user_name == new.user => {
                (row.sealed_password, version)
            }
            Some(row) if row.sealed_password.is_some() && !row.removed => {
                return Err(StoreError::invalid(
                    "password_needed",
                    "/password",
                    "The server or the user changed. Enter the password again.",
                ));
            }
            Some(_) | None => (None, version),
        },
    };
    sqlx::query!(
        "insert into mail_server (workspace_id, host, port, encryption, user_name, sealed_password, password_version, sender_name,
                                  sender_address, reply_to)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (workspace_id) do update set host = $2, port = $3, encryption = $4, user_name = $5, sealed_password = $6,
                password_version = $7, sender_name = $8, sender_address = $9, reply_to = $10, changed_at = now(), removed_at = null",
        scope.workspace().as_uuid(),
        new.host,
        i32::from(new.port),
        new.encryption.as_str(),
        new.user,
        sealed,
        version,
        new.sender.name,
        new.sender.address,
        new.reply_to.as_ref().map(ToString::to_string).unwrap_or_default(),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    get(store, scope)
        .await?
        .ok_or(StoreError::NotFound("mail server"))
}

/// Forgets server and password; mails that are under way are given up and say why.
pub async fn remove(store: &Store, scope: &Scope) -> Result<()> {
    sqlx::query!(
        "update mail_server set removed_at = now(), sealed_password = null where workspace_id = $1 and removed_at is null",
        scope.workspace().as_uuid()
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// The password, for a sender.
pub async fn password(store: &Store, scope: &Scope) -> Result<Option<String>> {
    let mut connection = store.pool.acquire().await?;
    let row = sqlx::query!(
        "select sealed_password, password_version from mail_server where workspace_id = $1 and removed_at is null",
        scope.workspace().as_uuid()
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(StoreError::NotFound("mail server"))?;
    let Some(sealed) = row.sealed_password else {
        return Ok(None);
    };
    let key = seal::data_key(&mut connection, &store.sealer, scope.workspace()).await?;
    let plain = key.open(&owner(scope, row.password_version), &sealed)?;
    String::from_utf8(plain)
        .map(Some)
        .map_err(|_| StoreError::Damaged("the mail server's password is not text".into()))
}

fn owner(scope: &Scope, version: i32) -> Owner {
    Owner {
        workspace: scope.workspace(),
        id: scope.workspace().as_uuid(),
        version,
    }
}

fn port(stored: i32) -> Result<u16> {
    u16::try_from(stored).map_err(|_| StoreError::Damaged(format!("port {stored}")))
}
