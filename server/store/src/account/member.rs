//! The people of a workspace.

use engine::ids::MemberId;
use jiff::Timestamp;

use super::{Role, Workspace, clean_locale, clean_name};
use crate::{Result, Scope, Store, StoreError};

#[derive(Clone, Debug)]
pub struct Member {
    pub id: MemberId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub locale: String,
    /// By mail.
    pub told_of_failures: bool,
    pub created_at: Timestamp,
}

/// What to change; absent fields stay.
#[derive(Clone, Debug, Default)]
pub struct MemberChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    pub locale: Option<String>,
    pub told_of_failures: Option<bool>,
}

struct Row {
    id: uuid::Uuid,
    name: String,
    email: String,
    role: String,
    locale: String,
    told_of_failures: bool,
    created_at: Timestamp,
}

impl Row {
    fn into_member(self) -> Result<Member> {
        Ok(Member {
            id: self.id.into(),
            name: self.name,
            email: self.email,
            role: Role::parse(&self.role)?,
            locale: self.locale,
            told_of_failures: self.told_of_failures,
            created_at: self.created_at,
        })
    }
}

/// A person with their workspace.
pub async fn member_with_workspace(store: &Store, id: MemberId) -> Result<(Member, Workspace)> {
    let row = sqlx::query!(
        r#"select m.id, m.name, m.email, m.role, m.locale, m.told_of_failures, m.created_at as "created_at: jiff_sqlx::Timestamp",
                  w.id as workspace_id, w.name as workspace_name,
                  exists (select from mail_server s where s.workspace_id = w.id and s.removed_at is null) as "sends_mail!"
           from member m join workspace w on w.id = m.workspace_id
           where m.id = $1 and m.removed_at is null"#,
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("member"))?;
    let member = Member {
        id: row.id.into(),
        name: row.name,
        email: row.email,
        role: Role::parse(&row.role)?,
        locale: row.locale,
        told_of_failures: row.told_of_failures,
        created_at: row.created_at.to_jiff(),
    };
    let workspace = Workspace {
        id: row.workspace_id.into(),
        name: row.workspace_name,
        sends_mail: row.sends_mail,
    };
    Ok((member, workspace))
}

/// Everybody, oldest first.
pub async fn members(store: &Store, scope: &Scope) -> Result<Vec<Member>> {
    sqlx::query_as!(
        Row,
        r#"select id, name, email, role, locale, told_of_failures, created_at as "created_at: jiff_sqlx::Timestamp"
           from member where workspace_id = $1 and removed_at is null order by created_at, id"#,
        scope.workspace().as_uuid()
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(Row::into_member)
    .collect()
}

/// Changes name, language or role; the last owner stays one.
pub async fn change_member(
    store: &Store,
    scope: &Scope,
    id: MemberId,
    change: MemberChange,
) -> Result<Member> {
    let name = change.name.as_deref().map(clean_name).transpose()?;
    let locale = change.locale.as_deref().map(clean_locale).transpose()?;
    let mut transaction = store.pool.begin().await?;
    if change.role == Some(Role::Member) {
        keep_an_owner(&mut transaction, scope, id).await?;
    }
    let row = sqlx::query_as!(
        Row,
        r#"update member set name = coalesce($3, name), locale = coalesce($4, locale), role = coalesce($5, role),
                  told_of_failures = coalesce($6, told_of_failures)
           where workspace_id = $1 and id = $2 and removed_at is null
           returning id, name, email, role, locale, told_of_failures, created_at as "created_at: jiff_sqlx::Timestamp""#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        name,
        locale,
        change.role.map(Role::as_str),
        change.told_of_failures,
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("member"))?;
    transaction.commit().await?;
    row.into_member()
}

/// Removes a person; sessions and access keys end in the same commit.
pub async fn remove_member(store: &Store, scope: &Scope, id: MemberId) -> Result<()> {
    let mut transaction = store.pool.begin().await?;
    keep_an_owner(&mut transaction, scope, id).await?;
    let removed = sqlx::query!(
        "update member set removed_at = now() where workspace_id = $1 and id = $2 and removed_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .execute(&mut *transaction)
    .await?;
    if removed.rows_affected() == 0 {
        return Err(StoreError::NotFound("member"));
    }
    sqlx::query!("delete from session where member_id = $1", id.as_uuid())
        .execute(&mut *transaction)
        .await?;
    sqlx::query!(
        "update access_key set revoked_at = now()
         where workspace_id = $1 and created_by = $2 and revoked_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Locks the owners, so that two changes at once cannot take the last two away.
async fn keep_an_owner(
    connection: &mut sqlx::PgConnection,
    scope: &Scope,
    leaving: MemberId,
) -> Result<()> {
    let owners = sqlx::query_scalar!(
        "select id from member where workspace_id = $1 and role = 'owner' and removed_at is null
         order by id for update",
        scope.workspace().as_uuid()
    )
    .fetch_all(connection)
    .await?;
    if owners == [leaving.as_uuid()] {
        return Err(StoreError::conflict(
            "last_owner",
            "A workspace has at least one owner. Make somebody else an owner first.",
        ));
    }
    Ok(())
}
