//! Setting a new password without the old one, by a link that goes to the account's address. The link's token is an id with its MAC;
//! what is stored opens nothing.

use engine::{ids::MemberId, mail::Mailbox};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::password;
use crate::{Result, Scope, Store, StoreError, delivery, fresh_id, link};

/// How long the link works.
const LIFETIME: SignedDuration = SignedDuration::from_mins(60);

/// Most links an hour for one account; whoever asks more often gets none.
const MAX_AN_HOUR: i64 = 3;

/// The mail's kind, as its delivery names it.
pub const PASSWORD_RESET: &str = "mail.password_reset";

/// Sends a link to the account with this address. Nothing is sent, and nobody is told, when there is no such account, its workspace
/// has no mail server, or too many links were sent already.
pub async fn request_password_reset(store: &Store, email: &str, now: Timestamp) -> Result<()> {
    let member = sqlx::query!(
        r#"select id, workspace_id, name, email, locale,
                  (select count(*) from password_reset r where r.member_id = member.id and r.created_at > now() - interval '1 hour') as "sent!"
           from member where lower(email) = lower($1) and removed_at is null"#,
        email.trim()
    )
    .fetch_optional(&store.pool)
    .await?;
    let Some(member) = member.filter(|member| member.sent < MAX_AN_HOUR) else {
        return Ok(());
    };
    let id = fresh_id::<uuid::Uuid>();
    sqlx::query!(
        "insert into password_reset (id, member_id, expires_at) values ($1, $2, now() + $3::bigint * interval '1 second')",
        id,
        member.id,
        LIFETIME.as_secs(),
    )
    .execute(&store.pool)
    .await?;
    let to = Mailbox {
        name: member.name,
        address: member.email,
    };
    let values =
        json!({ "to": [to], "locale": member.locale, "reset": id, "expires_at": now + LIFETIME });
    let scope = Scope::new(member.workspace_id.into(), None);
    delivery::write_mail(store, &scope, PASSWORD_RESET, values, now).await?;
    Ok(())
}

/// The address of the account that a link is for; `NotFound` when it was not made here, was used, or its time is over.
pub async fn password_reset(store: &Store, token: &str) -> Result<String> {
    let id = link::open_reset_token(&store.sealer, token)?;
    sqlx::query_scalar!(
        "select m.email from password_reset r join member m on m.id = r.member_id
         where r.id = $1 and r.used_at is null and r.expires_at > now() and m.removed_at is null",
        id
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("link"))
}

/// Sets the new password. The link, the account's other links and all its sessions end in the same commit.
pub async fn reset_password(store: &Store, token: &str, password: &str) -> Result<MemberId> {
    // Before the slow hash: strangers without a link cost nothing.
    let email = password_reset(store, token).await?;
    password::check_strength(password, &email)?;
    let hash = password::hash(store, password).await?;
    let id = link::open_reset_token(&store.sealer, token)?;
    let mut transaction = store.pool.begin().await?;
    let member = sqlx::query_scalar!(
        "update password_reset set used_at = now() where id = $1 and used_at is null and expires_at > now() returning member_id",
        id
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("link"))?;
    let changed = sqlx::query!(
        "update member set password_hash = $2 where id = $1 and removed_at is null",
        member,
        hash
    )
    .execute(&mut *transaction)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::NotFound("link"));
    }
    sqlx::query!(
        "update password_reset set used_at = now() where member_id = $1 and used_at is null",
        member
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!("delete from session where member_id = $1", member)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(member.into())
}

/// Forgets links that ended a week ago.
pub async fn remove_password_resets(store: &Store) -> Result<u64> {
    Ok(
        sqlx::query!("delete from password_reset where expires_at < now() - interval '7 days'")
            .execute(&store.pool)
            .await?
            .rows_affected(),
    )
}
