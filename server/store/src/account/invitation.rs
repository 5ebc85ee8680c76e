//! One-time links: the first owner's set-up link and invitations into a workspace.

use engine::{
    firm::Firm,
    ids::{MemberId, WorkspaceId},
};
use jiff::Timestamp;
use sqlx::PgConnection;

use super::{
    NewPerson, Role, clean_email, clean_locale, clean_name, fresh_token, password, token_hash,
};
use crate::{Result, Scope, Store, StoreError, error::OnConstraint as _, fresh_id};

/// Key of the advisory lock under which the first owner is made.
const SET_UP_LOCK: i64 = 0x666f_726d_0001;

/// A link that nobody has used yet.
#[derive(Clone, Debug)]
pub struct OpenInvitation {
    /// Names the link without being it.
    pub id: String,
    pub role: Role,
    /// Name of the person who made it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The token goes into the link and is not stored.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    pub id: String,
    pub token: String,
    pub expires_at: Timestamp,
}

/// What the invited person sees before joining.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Name of the workspace.
    pub workspace: String,
    pub role: Role,
    pub expires_at: Timestamp,
}

/// Whether nobody has an account yet.
pub async fn owner_needed(store: &Store) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from member where removed_at is null) as "found!""#
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(!found)
}

/// A fresh token for the set-up link, good for seven days, if there is no owner yet. Links of earlier starts stay good.
pub async fn setup_token(store: &Store) -> Result<Option<String>> {
    if !owner_needed(store).await? {
        return Ok(None);
    }
    sqlx::query!("delete from invitation where workspace_id is null and expires_at < now()")
        .execute(&store.pool)
        .await?;
    let token = fresh_token();
    sqlx::query!(
        "insert into invitation (token_hash, role, expires_at) values ($1, 'owner', now() + interval '7 days')",
        token_hash(&token)
    )
    .execute(&store.pool)
    .await?;
    Ok(Some(token))
}

/// Makes the workspace and its owner with a set-up token.
pub async fn set_up(store: &Store, token: &str, person: NewPerson) -> Result<MemberId> {
    // Before the slow hash: strangers without a link cost nothing.
    let open = sqlx::query_scalar!(
        r#"select exists (select from invitation where token_hash = $1 and workspace_id is null and used_at is null
                          and expires_at > now()) as "open!""#,
        token_hash(token)
    )
    .fetch_one(&store.pool)
    .await?;
    if !open {
        return Err(wrong_link());
    }
    let person = Prepared::new(store, person).await?;
    let mut transaction = store.pool.begin().await?;
    let known = sqlx::query_scalar!(
        "update invitation set used_at = now()
         where token_hash = $1 and workspace_id is null and used_at is null and expires_at > now()
         returning role",
        token_hash(token)
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if known.is_none() {
        return Err(wrong_link());
    }
    let member = first_owner(&mut transaction, &person).await?;
    transaction.commit().await?;
    member.ok_or_else(|| {
        StoreError::conflict(
            "already_set_up",
            "This installation has its owner. Sign in.",
        )
    })
}

/// Unattended set-up: makes the owner if nobody has an account yet; true if it did.
pub async fn ensure_owner(store: &Store, email: &str, password: &str) -> Result<bool> {
    if !owner_needed(store).await? {
        return Ok(false);
    }
    let name = email.split('@').next().unwrap_or(email).to_owned();
    let person = NewPerson {
        name,
        email: email.to_owned(),
        password: password.to_owned(),
        locale: None,
    };
    let person = Prepared::new(store, person).await?;
    let mut transaction = store.pool.begin().await?;
    let member = first_owner(&mut transaction, &person).await?;
    transaction.commit().await?;
    Ok(member.is_some())
}

/// `None` when somebody was faster.
async fn first_owner(connection: &mut PgConnection, person: &Prepared) -> Result<Option<MemberId>> {
    sqlx::query!("select pg_advisory_xact_lock($1)", SET_UP_LOCK)
        .execute(&mut *connection)
        .await?;
    let taken = sqlx::query_scalar!(
        r#"select exists (select from member where removed_at is null) as "taken!""#
    )
    .fetch_one(&mut *connection)
    .await?;
    if taken {
        return Ok(None);
    }
    let workspace: WorkspaceId = fresh_id();
    sqlx::query!(
        "insert into workspace (id, name) values ($1, 'Formwork')",
        workspace.as_uuid()
    )
    .execute(&mut *connection)
    .await?;
    let firm = Firm {
        locale: person.locale.clone(),
        ..Firm::default()
    };
    sqlx::query!(
        "insert into firm (workspace_id, record) values ($1, $2)",
        workspace.as_uuid(),
        serde_json::to_value(&firm)?
    )
    .execute(&mut *connection)
    .await?;
    let member = insert_member(connection, workspace, Role::Owner, person).await?;
    sqlx::query!("delete from invitation where workspace_id is null")
        .execute(connection)
        .await?;
    Ok(Some(member))
}

/// Links of this workspace that still work, newest first.
pub async fn invitations(store: &Store, scope: &Scope) -> Result<Vec<OpenInvitation>> {
    sqlx::query!(
        r#"select encode(i.token_hash, 'hex') as "id!", i.role, m.name, i.created_at as "created_at: jiff_sqlx::Timestamp",
                  i.expires_at as "expires_at: jiff_sqlx::Timestamp"
           from invitation i join member m on m.id = i.created_by
           where i.workspace_id = $1 and i.used_at is null and i.expires_at > now()
           order by i.created_at desc limit 100"#,
        scope.workspace().as_uuid()
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| {
        Ok(OpenInvitation {
            id: row.id,
            role: Role::parse(&row.role)?,
            created_by: row.name,
            created_at: row.created_at.to_jiff(),
            expires_at: row.expires_at.to_jiff(),
        })
    })
    .collect()
}

/// A link into this workspace, good once and for seven days.
pub async fn invite(store: &Store, scope: &Scope, role: Role) -> Result<NewInvitation> {
    let token = fresh_token();
    let row = sqlx::query!(
        r#"insert into invitation (token_hash, workspace_id, role, created_by, expires_at)
           values ($1, $2, $3, $4, now() + interval '7 days')
           returning encode(token_hash, 'hex') as "id!", expires_at as "expires_at: jiff_sqlx::Timestamp""#,
        token_hash(&token),
        scope.workspace().as_uuid(),
        role.as_str(),
        scope.member().map(MemberId::as_uuid)
    )
    .fetch_one(&store.pool)
    .await?;
    Ok(NewInvitation {
        id: row.id,
        token,
        expires_at: row.expires_at.to_jiff(),
    })
}

/// Makes a link useless before anybody uses it.
pub async fn withdraw_invitation(store: &Store, scope: &Scope, id: &str) -> Result<()> {
    let withdrawn = sqlx::query!(
        "delete from invitation where encode(token_hash, 'hex') = $1 and workspace_id = $2 and used_at is null",
        id,
        scope.workspace().as_uuid()
    )
    .execute(&store.pool)
    .await?;
    if withdrawn.rows_affected() == 0 {
        return Err(StoreError::NotFound("invitation"));
    }
    Ok(())
}

/// What a link is for, while it works.
pub async fn invitation(store: &Store, token: &str) -> Result<Invitation> {
    let row = sqlx::query!(
        r#"select w.name, i.role, i.expires_at as "expires_at: jiff_sqlx::Timestamp"
           from invitation i join workspace w on w.id = i.workspace_id
           where i.token_hash = $1 and i.used_at is null and i.expires_at > now()"#,
        token_hash(token)
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("invitation"))?;
    Ok(Invitation {
        workspace: row.name,
        role: Role::parse(&row.role)?,
        expires_at: row.expires_at.to_jiff(),
    })
}

/// Uses a link and makes the account in one commit.
pub async fn accept_invitation(store: &Store, token: &str, person: NewPerson) -> Result<MemberId> {
    // Before the slow hash: strangers without a link cost nothing.
    invitation(store, token).await?;
    let person = Prepared::new(store, person).await?;
    let mut transaction = store.pool.begin().await?;
    let row = sqlx::query!(
        r#"update invitation set used_at = now()
           where token_hash = $1 and workspace_id is not null and used_at is null and expires_at > now()
           returning workspace_id as "workspace_id!", role"#,
        token_hash(token)
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("invitation"))?;
    let member = insert_member(
        &mut transaction,
        row.workspace_id.into(),
        Role::parse(&row.role)?,
        &person,
    )
    .await?;
    transaction.commit().await?;
    Ok(member)
}

/// Checked, with the slow hash done before any transaction begins.
struct Prepared {
    name: String,
    email: String,
    hash: String,
    locale: String,
}

impl Prepared {
    async fn new(store: &Store, person: NewPerson) -> Result<Self> {
        let email = clean_email(&person.email)?;
        password::check_strength(&person.password, &email)?;
        Ok(Self {
            name: clean_name(&person.name)?,
            locale: clean_locale(person.locale.as_deref().unwrap_or("en"))?,
            hash: password::hash(store, &person.password).await?,
            email,
        })
    }
}

async fn insert_member(
    connection: &mut PgConnection,
    workspace: WorkspaceId,
    role: Role,
    person: &Prepared,
) -> Result<MemberId> {
    let id: MemberId = fresh_id();
    sqlx::query!(
        "insert into member (id, workspace_id, email, name, role, password_hash, locale)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id.as_uuid(),
        workspace.as_uuid(),
        person.email,
        person.name,
        role.as_str(),
        person.hash,
        person.locale
    )
    .execute(connection)
    .await
    .on_constraint("member_email_unique", || {
        StoreError::invalid(
            "email_taken",
            "/email",
            "This e-mail address has an account already. Sign in with it.",
        )
    })?;
    Ok(id)
}

fn wrong_link() -> StoreError {
    StoreError::invalid(
        "setup_link",
        "/token",
        "This set-up link is used or too old. Start the server again: it prints a new one.",
    )
}
