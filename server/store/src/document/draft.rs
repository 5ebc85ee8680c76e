//! Drafts of templates: one row that every save replaces against a base revision. Versions are their history.

use engine::ids::{DocumentId, MemberId};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use sqlx::PgConnection;

use super::{Document, NewDocument, get, insert, insert_version, version};
use crate::{
    Result, Scope, Store, StoreError,
    events::Event,
    fresh_id,
    workflow::{RevisionItem, SaveDraft},
};

#[derive(Clone, Debug)]
pub struct Draft {
    /// 0: nobody has saved one yet; it is the newest version.
    pub revision: i64,
    /// Number of the version that it was made from.
    pub base: i32,
    pub template: Json,
    /// It is what that version says.
    pub published: bool,
    pub changed_at: Timestamp,
    /// Name of the person.
    pub changed_by: Option<String>,
}

/// How publishing ended.
#[derive(Clone, Debug)]
pub enum PublishDraft {
    Published(Document),
    /// Nothing was made: this is the draft now.
    Stale(RevisionItem),
}

/// The draft, or the newest version where there is none.
pub async fn draft(store: &Store, scope: &Scope, id: DocumentId) -> Result<Draft> {
    let row = sqlx::query!(
        r#"select coalesce(w.revision, 0) as "revision!", coalesce(w.base_number, d.latest_number) as "base!",
                  coalesce(w.template, v.template) as "template!", coalesce(w.published, true) as "published!",
                  coalesce(w.changed_at, v.created_at) as "changed_at!: jiff_sqlx::Timestamp", m.name as "changed_by?"
           from document d join document_version v on v.document_id = d.id and v.number = d.latest_number
           left join document_draft w on w.document_id = d.id
           left join member m on m.id = case when w.document_id is null then v.created_by else w.changed_by end
           where d.workspace_id = $1 and d.id = $2 and d.deleted_at is null"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("document"))?;
    Ok(Draft {
        revision: row.revision,
        base: row.base,
        template: row.template,
        published: row.published,
        changed_at: row.changed_at.to_jiff(),
        changed_by: row.changed_by,
    })
}

/// Saves on top of the revision `on`. `base` says that the template was made from that version by now, as when somebody has looked at a
/// version that others made meanwhile.
pub async fn save_draft(
    store: &Store,
    scope: &Scope,
    id: DocumentId,
    on: i64,
    base: Option<i32>,
    template: &Json,
) -> Result<SaveDraft> {
    let mut transaction = store.pool.begin().await?;
    let held = hold(&mut transaction, scope, id).await?;
    if held.now.revision != on {
        return Ok(SaveDraft::Stale(held.now));
    }
    let base = base.or(held.base).unwrap_or(held.latest);
    if !(1..=held.latest).contains(&base) {
        return Err(StoreError::invalid(
            "version_unknown",
            "/base_version",
            format!("This document has the versions 1 to {}.", held.latest),
        ));
    }
    let row = Row {
        revision: on + 1,
        base,
        template,
        published: false,
    };
    let changed_at = write(&mut transaction, scope, id, &row).await?;
    transaction.commit().await?;
    tell(store, scope, id, row.revision);
    Ok(SaveDraft::Saved {
        revision: row.revision,
        changed_at,
    })
}

/// Makes the draft what a version says, on top of the revision `on`; of the newest version, nothing is left to be published.
pub async fn restore(
    store: &Store,
    scope: &Scope,
    id: DocumentId,
    number: i32,
    on: i64,
) -> Result<SaveDraft> {
    let restored = version(store, scope, id, number).await?;
    let mut transaction = store.pool.begin().await?;
    let held = hold(&mut transaction, scope, id).await?;
    if held.now.revision != on {
        return Ok(SaveDraft::Stale(held.now));
    }
    let row = Row {
        revision: on + 1,
        base: held.latest,
        template: &restored.template,
        published: number == held.latest,
    };
    let changed_at = write(&mut transaction, scope, id, &row).await?;
    transaction.commit().await?;
    tell(store, scope, id, row.revision);
    Ok(SaveDraft::Saved {
        revision: row.revision,
        changed_at,
    })
}

/// Makes a version of the revision `on`, whose template can be drawn. `document_changed` when others made a version since it was begun.
pub async fn publish_draft(
    store: &Store,
    scope: &Scope,
    id: DocumentId,
    on: i64,
) -> Result<PublishDraft> {
    let mut transaction = store.pool.begin().await?;
    let held = hold(&mut transaction, scope, id).await?;
    if held.now.revision != on {
        return Ok(PublishDraft::Stale(held.now));
    }
    let draft = sqlx::query!(
        "select base_number, template from document_draft where workspace_id = $1 and document_id = $2 and not published",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or_else(|| {
        StoreError::conflict(
            "nothing_to_publish",
            format!("Nothing was changed since version {}.", held.latest),
        )
    })?;
    if draft.base_number != held.latest {
        return Err(StoreError::conflict(
            "document_changed",
            format!(
                "Somebody saved version {} meanwhile; this draft was made from version {}.",
                held.latest, draft.base_number
            ),
        ));
    }
    let number = held.latest + 1;
    insert_version(&mut transaction, scope, id, number, &draft.template).await?;
    sqlx::query!(
        "update document set latest_number = $3, changed_at = now() where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        number
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "update document_draft set base_number = $3, published = true where workspace_id = $1 and document_id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        number
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(PublishDraft::Published(get(store, scope, id).await?))
}

/// Copies the newest version, what was changed since then, and the samples into a new document; its id.
pub async fn duplicate(store: &Store, scope: &Scope, id: DocumentId) -> Result<DocumentId> {
    let document = get(store, scope, id).await?;
    let shortened: String = document.name.chars().take(190).collect();
    let new = NewDocument {
        id: fresh_id(),
        name: format!("{shortened} (copy)"),
        template: document.template,
    };
    let member = scope.member().map(MemberId::as_uuid);
    let mut transaction = store.pool.begin().await?;
    insert(&mut transaction, scope, &new).await?;
    sqlx::query!(
        "insert into document_draft (document_id, workspace_id, revision, base_number, template, published, changed_by)
         select $3, workspace_id, 1, 1, template, false, $4 from document_draft
         where workspace_id = $1 and document_id = $2 and not published",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        new.id.as_uuid(),
        member
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "insert into document_sample (id, workspace_id, document_id, name, input, changed_by)
         select gen_random_uuid(), workspace_id, $3, name, input, $4 from document_sample
         where workspace_id = $1 and document_id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        new.id.as_uuid(),
        member
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(new.id)
}

/// A draft without changes of its own follows a version that was made beside it.
pub(super) async fn follow(
    connection: &mut PgConnection,
    scope: &Scope,
    id: DocumentId,
    number: i32,
    template: &Json,
) -> Result<()> {
    sqlx::query!(
        "update document_draft set revision = revision + 1, base_number = $3, template = $4, changed_at = now(), changed_by = $5
         where workspace_id = $1 and document_id = $2 and published",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        number,
        template,
        scope.member().map(MemberId::as_uuid)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A document whose drafts and versions nobody else changes for now.
struct Held {
    latest: i32,
    base: Option<i32>,
    now: RevisionItem,
}

async fn hold(connection: &mut PgConnection, scope: &Scope, id: DocumentId) -> Result<Held> {
    // The draft is read when the document is held: a statement that waits for the lock would see the one of before.
    let latest = sqlx::query_scalar!(
        "select latest_number from document where workspace_id = $1 and id = $2 and deleted_at is null for no key update",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(StoreError::NotFound("document"))?;
    let row = sqlx::query!(
        r#"select w.revision as "revision?", w.base_number as "base?", m.name as "changed_by?",
                  coalesce(w.changed_at, d.changed_at) as "changed_at!: jiff_sqlx::Timestamp"
           from document d left join document_draft w on w.document_id = d.id left join member m on m.id = w.changed_by
           where d.workspace_id = $1 and d.id = $2"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    Ok(Held {
        latest,
        base: row.base,
        now: RevisionItem {
            revision: row.revision.unwrap_or(0),
            changed_at: row.changed_at.to_jiff(),
            changed_by: row.changed_by,
        },
    })
}

/// The draft as it is to be.
struct Row<'a> {
    revision: i64,
    base: i32,
    template: &'a Json,
    published: bool,
}

async fn write(
    connection: &mut PgConnection,
    scope: &Scope,
    id: DocumentId,
    row: &Row<'_>,
) -> Result<Timestamp> {
    let changed_at = sqlx::query_scalar!(
        r#"insert into document_draft (document_id, workspace_id, revision, base_number, template, published, changed_by)
           values ($2, $1, $3, $4, $5, $6, $7)
           on conflict on constraint document_draft_pkey do update
               set revision = excluded.revision, base_number = excluded.base_number, template = excluded.template,
                   published = excluded.published, changed_at = now(), changed_by = excluded.changed_by
           returning changed_at as "changed_at: jiff_sqlx::Timestamp""#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        row.revision,
        row.base,
        row.template,
        row.published,
        scope.member().map(MemberId::as_uuid)
    )
    .fetch_one(connection)
    .await?;
    Ok(changed_at.to_jiff())
}

fn tell(store: &Store, scope: &Scope, id: DocumentId, revision: i64) {
    store.events.publish(Event {
        workspace: scope.workspace(),
        topic: format!("document:{id}"),
        kind: "draft.changed".into(),
        data: json!({"document": id, "revision": revision}),
    });
}
