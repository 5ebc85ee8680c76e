//! Sessions on the server: a random token in the cookie, its hash here, an idle and an absolute limit.

use engine::ids::MemberId;

use super::{Role, fresh_token, password, token_hash};
use crate::{Result, Scope, Store, StoreError};

/// Who a session belongs to.
#[derive(Clone, Debug)]
pub struct Session {
    pub scope: Scope,
    pub member: MemberId,
    pub role: Role,
}

/// The account whose e-mail and password these are.
pub async fn check_password(
    store: &Store,
    email: &str,
    password: &str,
) -> Result<Option<MemberId>> {
    let row = sqlx::query!(
        "select id, password_hash from member where lower(email) = lower($1) and removed_at is null",
        email.trim()
    )
    .fetch_optional(&store.pool)
    .await?;
    let (id, hash) = row.map(|row| (row.id, row.password_hash)).unzip();
    let fits = password::verify(store, password, hash).await?;
    Ok(id.filter(|_| fits).map(MemberId))
}

/// A fresh session, good for 30 days and 24 idle hours; returns the cookie's token.
pub async fn begin_session(store: &Store, member: MemberId) -> Result<String> {
    let token = fresh_token();
    sqlx::query!(
        "insert into session (token_hash, member_id, expires_at)
         select $1, id, now() + interval '30 days' from member where id = $2 and removed_at is null",
        token_hash(&token),
        member.as_uuid()
    )
    .execute(&store.pool)
    .await?;
    // A good moment to forget the dead ones of this person.
    sqlx::query!(
        "delete from session
         where member_id = $1 and (expires_at < now() or seen_at < now() - interval '24 hours')",
        member.as_uuid()
    )
    .execute(&store.pool)
    .await?;
    Ok(token)
}

/// The session behind a cookie, if it still lives.
pub async fn check_session(store: &Store, token: &str) -> Result<Option<Session>> {
    let hash = token_hash(token);
    let Some(row) = sqlx::query!(
        r#"select m.id, m.workspace_id, m.role, s.seen_at < now() - interval '1 minute' as "stale!"
           from session s join member m on m.id = s.member_id
           where s.token_hash = $1 and s.expires_at > now() and s.seen_at > now() - interval '24 hours'
             and m.removed_at is null"#,
        hash
    )
    .fetch_optional(&store.pool)
    .await?
    else {
        return Ok(None);
    };
    if row.stale {
        sqlx::query!(
            "update session set seen_at = now() where token_hash = $1",
            hash
        )
        .execute(&store.pool)
        .await?;
    }
    Ok(Some(Session {
        scope: Scope::new(row.workspace_id.into(), Some(row.id.into())),
        member: row.id.into(),
        role: Role::parse(&row.role)?,
    }))
}

/// Ends a session; an unknown one has ended already.
pub async fn end_session(store: &Store, token: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from session where token_hash = $1",
        token_hash(token)
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}
