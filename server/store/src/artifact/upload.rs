//! Files that are handed in before there is a run.

use engine::{
    ids::{ArtifactId, RunId},
    value::FileRef,
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Artifact, New, Row, clean_name, file, keep, put, size};
use crate::{Result, Scope, Store, StoreError};

/// Uploads that no submission adopted are kept this long.
const FREE_UPLOAD_HOURS: i32 = 24;

/// How much one form ticket may hand in before it submits.
#[derive(Clone, Copy, Debug)]
pub struct UploadQuota {
    pub files: i64,
    pub bytes: i64,
}

/// Stores what a visitor hands in before there is a run; `session` is the form ticket.
pub async fn create_upload(
    store: &Store,
    scope: &Scope,
    session: Uuid,
    new: New<'_>,
    quota: UploadQuota,
) -> Result<FileRef> {
    let sha256 = put(store, scope, &new.bytes).await?;
    let file = file(
        Uuid::now_v7(),
        clean_name(new.name),
        new.content_type,
        new.bytes.len(),
    );
    let mut transaction = store.pool.begin().await?;
    // Uploads of one ticket come one after another, or two at once could both pass the quota.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 3)) as locked",
        session.to_string()
    )
    .fetch_one(&mut *transaction)
    .await?;
    let used = sqlx::query!(
        r#"select count(*) as "files!", coalesce(sum(size_bytes), 0)::bigint as "bytes!" from artifact
           where workspace_id = $1 and upload_session = $2 and run_id is null and deleted_at is null"#,
        scope.workspace().as_uuid(),
        session,
    )
    .fetch_one(&mut *transaction)
    .await?;
    if used.files >= quota.files || used.bytes + size(file.size_bytes) > quota.bytes {
        return Err(StoreError::invalid(
            "upload_quota",
            "",
            "this form has taken as many files as it can; remove one, or send fewer",
        ));
    }
    sqlx::query!(
        "insert into artifact (id, workspace_id, upload_session, name, content_type, size_bytes, sha256)
         values ($1, $2, $3, $4, $5, $6, $7)",
        file.id.as_uuid(),
        scope.workspace().as_uuid(),
        session,
        file.name,
        file.content_type,
        size(file.size_bytes),
        sha256.as_slice(),
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    keep(store, scope, &sha256, &new.bytes).await?;
    Ok(file)
}

/// The files that one form ticket handed in, adopted or not.
pub async fn uploads(store: &Store, scope: &Scope, session: Uuid) -> Result<Vec<Artifact>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, run_id, name, content_type, size_bytes, sha256, created_at as "created_at: jiff_sqlx::Timestamp"
           from artifact where workspace_id = $1 and upload_session = $2 and deleted_at is null order by created_at, id"#,
        scope.workspace().as_uuid(),
        session,
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter().map(Row::artifact).collect()
}

/// Gives the files of one ticket to another, for a form that is sent a second time with other answers. Returns (old, new) ids.
pub async fn copy_uploads(
    store: &Store,
    scope: &Scope,
    from: Uuid,
    to: Uuid,
) -> Result<Vec<(ArtifactId, FileRef)>> {
    let mut copies = Vec::new();
    for artifact in uploads(store, scope, from).await? {
        let id = Uuid::now_v7();
        // Whoever deletes the file at this moment is waited for, or waits and finds its copy.
        let done = sqlx::query!(
            "insert into artifact (id, workspace_id, upload_session, name, content_type, size_bytes, sha256)
             select $3, workspace_id, $4, name, content_type, size_bytes, sha256 from artifact
             where workspace_id = $1 and id = $2 and deleted_at is null for share",
            scope.workspace().as_uuid(),
            artifact.file.id.as_uuid(),
            id,
            to,
        )
        .execute(&store.pool)
        .await?;
        if done.rows_affected() == 0 {
            continue;
        }
        copies.push((
            artifact.file.id,
            FileRef {
                id: id.into(),
                ..artifact.file
            },
        ));
    }
    Ok(copies)
}

/// Takes an upload back before it was submitted.
pub async fn remove_upload(
    store: &Store,
    scope: &Scope,
    session: Uuid,
    id: ArtifactId,
) -> Result<()> {
    sqlx::query!(
        "delete from artifact where workspace_id = $1 and upload_session = $2 and id = $3 and run_id is null",
        scope.workspace().as_uuid(),
        session,
        id.as_uuid(),
    )
    .execute(&store.pool)
    .await?;
    Ok(())
}

/// Makes uploads the files of the run that was just accepted, inside its transaction.
pub(crate) async fn adopt(
    connection: &mut PgConnection,
    scope: &Scope,
    run: RunId,
    uploads: &[ArtifactId],
) -> Result<()> {
    if uploads.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<Uuid> = uploads.iter().map(|id| id.as_uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    let done = sqlx::query!(
        "update artifact set run_id = $2
         where workspace_id = $1 and id = any($3) and run_id is null and upload_session is not null and deleted_at is null",
        scope.workspace().as_uuid(),
        run.as_uuid(),
        &ids,
    )
    .execute(connection)
    .await?;
    if done.rows_affected() == ids.len() as u64 {
        return Ok(());
    }
    Err(StoreError::invalid(
        "upload_gone",
        "",
        "a file is no longer there; files are kept for a day before the form is sent, so choose it again",
    ))
}

/// Forgets uploads that no submission adopted within a day; maintenance calls it.
pub(crate) async fn purge_uploads(store: &Store) -> Result<u64> {
    let done = sqlx::query!(
        "delete from artifact where run_id is null and upload_session is not null
         and created_at < now() - make_interval(hours => $1)",
        FREE_UPLOAD_HOURS,
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected())
}
