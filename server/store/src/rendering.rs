//! PDFs that are made of a template without a run. What is asked for is stored first, so that any process can go on with it; what came of
//! it is kept as long as runs of the workspace are, and its file by the rules for files of runs.

use bytes::Bytes;
use engine::{
    check::Problem,
    ids::{ArtifactId, DocumentId, DocumentVersionId, RenderingId, RunId},
    node::Warning,
};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    Result, Scope, Store, StoreError,
    artifact::{self, New},
    fresh_id,
    queue::IDEMPOTENCY_HOURS,
    retention,
};

/// A document that takes this many processes with it is given up.
const MOST_TRIES: i16 = 3;

/// Removed in one pass; the next one goes on.
const BATCH: i64 = 500;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewRendering {
    pub document: DocumentId,
    pub version: DocumentVersionId,
    /// Of everything that was asked for.
    pub asked_sha256: [u8; 32],
    /// What the PDF is made of besides the template.
    pub input: Json,
    pub file_name: String,
    /// The same key stands for the same request for 72 hours.
    pub key: Option<String>,
}

/// The answer to `accept`.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    pub id: RenderingId,
    /// The key was known: this is the earlier one.
    pub already: bool,
}

/// What a process that makes the PDF needs.
#[derive(Clone, Debug)]
pub struct Work {
    pub template: Json,
    pub input: Json,
    pub file_name: String,
    /// What the document takes for now, whoever makes it and when.
    pub created_at: Timestamp,
}

/// A PDF that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub bytes: Bytes,
    pub page_count: i32,
    pub warnings: Vec<Warning>,
}

/// How it stands.
#[derive(Clone, Debug)]
pub struct Rendering {
    pub id: RenderingId,
    pub document: DocumentId,
    /// Number of the template's version.
    pub version: i32,
    pub file: Option<ArtifactId>,
    pub page_count: Option<i32>,
    pub warnings: Vec<Warning>,
    /// Why there is no PDF.
    pub problems: Vec<Problem>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Stores what is asked for. `idempotency_key_reused` when the key came with another request.
pub async fn accept(store: &Store, scope: &Scope, new: NewRendering) -> Result<Accepted> {
    let id: RenderingId = fresh_id();
    let mut transaction = store.pool.begin().await?;
    if let Some(key) = &new.key {
        let key_scope = key_scope(new.document);
        // A second request waits here until the first one has committed.
        let mine = sqlx::query_scalar!(
            "insert into idempotency_key (workspace_id, scope, key, run_id, expires_at)
             values ($1, $2, $3, $4, now() + make_interval(hours => $5))
             on conflict (workspace_id, scope, key) do update
                 set run_id = excluded.run_id, expires_at = excluded.expires_at where idempotency_key.expires_at < now()
             returning run_id",
            scope.workspace().as_uuid(),
            key_scope,
            key,
            id.as_uuid(),
            IDEMPOTENCY_HOURS,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if mine.is_none() {
            drop(transaction);
            let earlier = known(store, scope, new.document, key, &new.asked_sha256).await?;
            return Ok(Accepted {
                id: earlier.ok_or(StoreError::NotFound("rendering"))?,
                already: true,
            });
        }
    }
    sqlx::query!(
        "insert into rendering (id, workspace_id, document_id, document_version_id, asked_sha256, input, file_name)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id.as_uuid(),
        scope.workspace().as_uuid(),
        new.document.as_uuid(),
        new.version.as_uuid(),
        new.asked_sha256.as_slice(),
        new.input,
        new.file_name,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Accepted { id, already: false })
}

/// The one that a key began, which stands for it as long as the key does, whatever became of the document.
/// `idempotency_key_reused` when the key came with another request.
pub async fn known(
    store: &Store,
    scope: &Scope,
    document: DocumentId,
    key: &str,
    asked_sha256: &[u8; 32],
) -> Result<Option<RenderingId>> {
    let found = sqlx::query!(
        r#"select r.id, (r.asked_sha256 = $4) as "same!" from idempotency_key k
           join rendering r on r.workspace_id = k.workspace_id and r.id = k.run_id
           where k.workspace_id = $1 and k.scope = $2 and k.key = $3 and k.expires_at >= now()"#,
        scope.workspace().as_uuid(),
        key_scope(document),
        key,
        asked_sha256.as_slice(),
    )
    .fetch_optional(&store.pool)
    .await?;
    match found {
        None => Ok(None),
        Some(found) if found.same => Ok(Some(found.id.into())),
        Some(_) => Err(StoreError::conflict(
            "idempotency_key_reused",
            "This Idempotency-Key came with another request before. Nothing was made. Send a new key with a new request.",
        )),
    }
}

/// Keys of one document are those of no other.
fn key_scope(document: DocumentId) -> String {
    format!("render:{document}")
}

/// Takes the work over for 90 seconds (see `hold`), unless it is done or somebody is at it.
pub async fn begin(store: &Store, scope: &Scope, id: RenderingId) -> Result<Option<Work>> {
    let row = sqlx::query!(
        r#"update rendering r set tries = r.tries + 1, leased_until = now() + interval '90 seconds'
           from document_version v
           where r.workspace_id = $1 and r.id = $2 and v.id = r.document_version_id and r.finished_at is null
             and (r.leased_until is null or r.leased_until < now()) and r.tries < $3
           returning v.template, r.input as "input!", r.file_name, r.created_at as "created_at: jiff_sqlx::Timestamp""#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        MOST_TRIES,
    )
    .fetch_optional(&store.pool)
    .await?;
    let Some(row) = row else {
        give_up(store, scope, id).await?;
        return Ok(None);
    };
    Ok(Some(Work {
        template: row.template,
        input: row.input,
        file_name: row.file_name,
        created_at: row.created_at.to_jiff(),
    }))
}

/// Ends one whose every process was lost.
async fn give_up(store: &Store, scope: &Scope, id: RenderingId) -> Result<()> {
    let problem = Problem::error(
        "rendering_lost",
        json!({"tries": MOST_TRIES}),
        format!(
            "The PDF was not made: the process that made it ended, {MOST_TRIES} times. The server's log may say why."
        ),
    );
    sqlx::query!(
        "update rendering set finished_at = now(), input = null, leased_until = null, problems = $3
         where workspace_id = $1 and id = $2 and finished_at is null and leased_until < now() and tries >= $4",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        json!([problem]),
        MOST_TRIES,
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Keeps the work for 90 more seconds.
pub async fn hold(store: &Store, scope: &Scope, id: RenderingId) -> Result<()> {
    sqlx::query!(
        "update rendering set leased_until = now() + interval '90 seconds'
         where workspace_id = $1 and id = $2 and finished_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Leaves the work to others: what was needed for it could not be reached, which is no try.
pub async fn let_go(store: &Store, scope: &Scope, id: RenderingId) -> Result<()> {
    sqlx::query!(
        "update rendering set leased_until = null, tries = greatest(tries - 1, 0)
         where workspace_id = $1 and id = $2 and finished_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Keeps the PDF. Who makes it again gets the same file: its name and its bytes are the same.
pub async fn made(
    store: &Store,
    scope: &Scope,
    id: RenderingId,
    file_name: &str,
    made: Made,
) -> Result<()> {
    // The rules for files of runs find it by the id of what made it.
    let run = Some(RunId(id.as_uuid()));
    let new = New {
        run,
        name: file_name,
        content_type: "application/pdf",
        bytes: made.bytes,
    };
    let file = artifact::create(store, scope, new).await?;
    sqlx::query!(
        "update rendering set finished_at = now(), input = null, leased_until = null,
             artifact_id = $3, page_count = $4, warnings = $5
         where workspace_id = $1 and id = $2 and finished_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        file.id.as_uuid(),
        made.page_count,
        json!(made.warnings),
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// There will be no PDF.
pub async fn failed(
    store: &Store,
    scope: &Scope,
    id: RenderingId,
    problems: &[Problem],
) -> Result<()> {
    sqlx::query!(
        "update rendering set finished_at = now(), input = null, leased_until = null, problems = $3
         where workspace_id = $1 and id = $2 and finished_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        json!(problems),
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

pub async fn get(store: &Store, scope: &Scope, id: RenderingId) -> Result<Rendering> {
    let row = sqlx::query!(
        r#"select r.id, r.document_id, v.number, r.artifact_id, r.page_count, r.warnings, r.problems,
                  r.created_at as "created_at: jiff_sqlx::Timestamp", r.finished_at as "finished_at: jiff_sqlx::Timestamp"
           from rendering r join document_version v on v.id = r.document_version_id
           where r.workspace_id = $1 and r.id = $2"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("rendering"))?;
    Ok(Rendering {
        id: row.id.into(),
        document: row.document_id.into(),
        version: row.number,
        file: row.artifact_id.map(ArtifactId),
        page_count: row.page_count,
        warnings: row
            .warnings
            .map_or_else(|| Ok(Vec::new()), serde_json::from_value)?,
        problems: row
            .problems
            .map_or_else(|| Ok(Vec::new()), serde_json::from_value)?,
        created_at: row.created_at.to_jiff(),
        finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// Forgets those that are older than the workspace keeps runs, with their files, whose bytes go with the sweep of the file store;
/// maintenance calls it.
pub(crate) async fn remove_old(store: &Store) -> Result<u64> {
    let mut transaction = store.pool.begin().await?;
    let removed = sqlx::query!(
        "with due as materialized (
             select r.id from rendering r left join retention k on k.workspace_id = r.workspace_id
             where r.id < uuid_floor(now() - make_interval(days => case when k.workspace_id is null then $1 else k.run_days end))
             order by r.id limit $2 for update of r skip locked)
         delete from rendering using due where rendering.id = due.id
         returning rendering.id, rendering.workspace_id",
        retention::DEFAULT_RUN_DAYS,
        BATCH,
    )
    .fetch_all(&mut *transaction)
    .await?;
    if removed.is_empty() {
        return Ok(0);
    }
    let (gone, workspaces): (Vec<Uuid>, Vec<Uuid>) = removed
        .into_iter()
        .map(|row| (row.id, row.workspace_id))
        .unzip();
    sqlx::query!(
        "delete from artifact a using unnest($1::uuid[], $2::uuid[]) gone (workspace_id, made_by)
         where a.workspace_id = gone.workspace_id and a.run_id = gone.made_by",
        &workspaces,
        &gone,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(gone.len() as u64)
}
