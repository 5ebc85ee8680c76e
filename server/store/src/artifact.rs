//! Files that were made or received: their rows, and their bytes in a folder (or any object store) under the name of their hash,
//! beside large values that steps put out (`output`). Bytes are written before the row, whole or not at all, and looked for after it; a row
//! never points at nothing.

mod folder;

use std::{
    collections::HashMap,
    ops::Range,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use engine::{
    ids::{ArtifactId, RunId, WorkspaceId},
    value::FileRef,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use jiff::Timestamp;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, local::LocalFileSystem,
    path::Path as ObjectPath,
};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, Scope, Store, StoreError};

pub use folder::{MARKER, check_folder};

/// Largest file Formwork keeps.
pub const MAX_BYTES: usize = 100 * 1024 * 1024;
/// Uploads that no submission adopted are kept this long.
const FREE_UPLOAD_HOURS: i32 = 24;
/// Bytes younger than this may still be waiting for their row.
const SWEEP_AGE: Duration = Duration::from_hours(24);
/// What the sweep sets aside before it looks a second time.
const TRASH: &str = "trash";

/// Where the bytes are.
#[derive(Clone)]
pub struct ArtifactStore {
    bytes: Arc<dyn ObjectStore>,
    /// As people know it.
    folder: Arc<Path>,
    /// The id of the folder, once it is known to be the right one.
    marked_as: Arc<OnceLock<Uuid>>,
}

impl ArtifactStore {
    /// Makes the folder when absent. Every write is synced to the disk, file and folder, before it counts.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(files)?;
        let local = LocalFileSystem::new_with_prefix(folder).map_err(files)?;
        Ok(Self {
            bytes: Arc::new(local.with_fsync(true)),
            folder: folder.into(),
            marked_as: Arc::default(),
        })
    }
}

/// A stored file.
#[derive(Clone, Debug)]
pub struct Artifact {
    pub file: FileRef,
    pub run: Option<RunId>,
    pub sha256: [u8; 32],
    pub created_at: Timestamp,
}

/// A file to store.
pub struct New<'a> {
    /// `None`: a file of the workspace itself, such as its logo.
    pub run: Option<RunId>,
    pub name: &'a str,
    pub content_type: &'a str,
    pub bytes: Bytes,
}

/// Stores a file. Under a run the id derives from run, name and bytes, so that a step that runs again gets the same file.
pub async fn create(store: &Store, scope: &Scope, new: New<'_>) -> Result<FileRef> {
    let name = clean_name(new.name);
    let sha256 = put(store, scope, &new.bytes).await?;
    let id = new.run.map_or_else(Uuid::now_v7, |run| {
        Uuid::new_v5(
            &run.as_uuid(),
            &[sha256.as_slice(), name.as_bytes()].concat(),
        )
    });
    let file = file(id, name, new.content_type, new.bytes.len());
    sqlx::query!(
        "insert into artifact (id, workspace_id, run_id, name, content_type, size_bytes, sha256)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (id) do nothing",
        id,
        scope.workspace().as_uuid(),
        new.run.map(RunId::as_uuid),
        file.name,
        file.content_type,
        size(file.size_bytes),
        sha256.as_slice(),
    )
    .execute(&store.pool)
    .await?;
    keep(store, scope, &sha256, &new.bytes).await?;
    Ok(file)
}

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
pub async fn adopt(
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

/// The row of a file.
pub async fn get(store: &Store, scope: &Scope, id: ArtifactId) -> Result<Artifact> {
    sqlx::query_as!(
        Row,
        r#"select id, run_id, name, content_type, size_bytes, sha256, created_at as "created_at: jiff_sqlx::Timestamp"
           from artifact where workspace_id = $1 and id = $2 and deleted_at is null"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("file"))?
    .artifact()
}

/// The rows of several files; those that are gone are not among them.
pub(crate) async fn get_all(
    store: &Store,
    scope: &Scope,
    ids: &[Uuid],
) -> Result<HashMap<ArtifactId, Artifact>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, run_id, name, content_type, size_bytes, sha256, created_at as "created_at: jiff_sqlx::Timestamp"
           from artifact where workspace_id = $1 and id = any($2) and deleted_at is null"#,
        scope.workspace().as_uuid(),
        ids,
    )
    .fetch_all(&store.pool)
    .await?;
    let files = rows.into_iter().map(Row::artifact);
    files
        .map(|file| file.map(|file| (file.file.id, file)))
        .collect()
}

/// The files of a run, oldest first.
pub async fn of_run(store: &Store, scope: &Scope, run: RunId) -> Result<Vec<Artifact>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, run_id, name, content_type, size_bytes, sha256, created_at as "created_at: jiff_sqlx::Timestamp"
           from artifact where workspace_id = $1 and run_id = $2 and deleted_at is null order by created_at, id"#,
        scope.workspace().as_uuid(),
        run.as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter().map(Row::artifact).collect()
}

/// Which of these files are kept no longer.
pub async fn removed(store: &Store, scope: &Scope, ids: &[ArtifactId]) -> Result<Vec<ArtifactId>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query_scalar!(
        "select id from artifact where workspace_id = $1 and id = any($2) and deleted_at is not null",
        scope.workspace().as_uuid(),
        &ids,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows.into_iter().map(ArtifactId::from).collect())
}

/// Bytes by their hash, all of them in memory; `None`: they are lost. Where they lie aside at this moment, somebody may be about to put
/// them back.
pub(crate) async fn fetch(
    store: &Store,
    scope: &Scope,
    sha256: &[u8; 32],
) -> Result<Option<Bytes>> {
    let place = place(scope, sha256);
    let aside = aside(scope.workspace().as_uuid(), sha256);
    for place in [&place, &aside, &place] {
        match store.artifacts.bytes.get(place).await {
            Ok(found) => return found.bytes().await.map(Some).map_err(files),
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(files(error)),
        }
    }
    check_folder(store).await?;
    Ok(None)
}

/// The whole file in memory; its length is known from the row. `Damaged`: its bytes are lost.
pub async fn read(store: &Store, scope: &Scope, id: ArtifactId) -> Result<Bytes> {
    let artifact = get(store, scope, id).await?;
    let bytes = fetch(store, scope, &artifact.sha256).await?;
    bytes.ok_or_else(|| lost(&artifact))
}

fn lost(artifact: &Artifact) -> StoreError {
    let (id, hash) = (artifact.file.id, hex(&artifact.sha256));
    StoreError::Damaged(format!(
        "the bytes {hash} of file {id} are not in the file store"
    ))
}

/// The bytes of `range` (all when `None`), piece by piece. `Damaged`: they are lost.
pub async fn stream(
    store: &Store,
    scope: &Scope,
    artifact: &Artifact,
    range: Option<Range<u64>>,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let options = GetOptions {
        range: range.map(GetRange::Bounded),
        ..GetOptions::default()
    };
    let place = place(scope, &artifact.sha256);
    match store.artifacts.bytes.get_opts(&place, options).await {
        Ok(found) => Ok(found.into_stream().map_err(files).boxed()),
        Err(object_store::Error::NotFound { .. }) => {
            check_folder(store).await?;
            Err(lost(artifact))
        }
        Err(error) => Err(files(error)),
    }
}

/// Forgets uploads that no submission adopted within a day; maintenance calls it.
pub async fn purge_uploads(store: &Store) -> Result<u64> {
    let done = sqlx::query!(
        "delete from artifact where run_id is null and upload_session is not null
         and created_at < now() - make_interval(hours => $1)",
        FREE_UPLOAD_HOURS,
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes bytes older than a day that no row names; maintenance calls it.
pub async fn sweep(store: &Store) -> Result<u64> {
    // What another database names would be nobody's here.
    check_folder(store).await?;
    let mut removed = empty_trash(store).await?;
    let horizon = Timestamp::now() - SWEEP_AGE;
    let mut listed = store.artifacts.bytes.list(None);
    while let Some(object) = listed.try_next().await.map_err(files)? {
        if let Some((workspace, sha256)) = parse_place(&object.location)
            && object.last_modified.timestamp() <= horizon.as_second()
            && remove_bytes(store, workspace, &sha256).await?
        {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Deletes the bytes of rows that are gone at once, unless others name them. What fails or dies here is left to the sweep.
pub(crate) async fn remove_unnamed(store: &Store, workspace: WorkspaceId, hashes: &[Vec<u8>]) {
    for sha256 in hashes {
        let Ok(sha256) = <[u8; 32]>::try_from(sha256.as_slice()) else {
            continue;
        };
        if let Err(error) = remove_bytes(store, workspace.as_uuid(), &sha256).await {
            tracing::warn!(%error, "the bytes of a removed file could not be deleted; they go with the next sweep");
        }
    }
}

/// Whether nothing named the bytes. They are first set aside and looked up again: whoever stores the same file at this moment has either
/// stored its row by then, or looks for the bytes afterwards and writes them again.
async fn remove_bytes(store: &Store, workspace: Uuid, sha256: &[u8; 32]) -> Result<bool> {
    if has_row(store, workspace, sha256).await? {
        return Ok(false);
    }
    let aside = aside(workspace, sha256);
    let place = place_in(workspace, sha256);
    unless_gone(store.artifacts.bytes.rename(&place, &aside).await)?;
    throw_away(store, workspace, sha256, &aside).await
}

/// What a process that died had set aside.
async fn empty_trash(store: &Store) -> Result<u64> {
    let mut removed = 0;
    let mut listed = store.artifacts.bytes.list(Some(&ObjectPath::from(TRASH)));
    while let Some(object) = listed.try_next().await.map_err(files)? {
        if let Some((workspace, sha256)) = parse_trash(&object.location)
            && throw_away(store, workspace, &sha256, &object.location).await?
        {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Deletes what was set aside, or puts it back when a row names it by now.
async fn throw_away(
    store: &Store,
    workspace: Uuid,
    sha256: &[u8; 32],
    aside: &ObjectPath,
) -> Result<bool> {
    let bytes = &store.artifacts.bytes;
    if has_row(store, workspace, sha256).await? {
        let place = place_in(workspace, sha256);
        unless_gone(bytes.rename(aside, &place).await)?;
        return Ok(false);
    }
    unless_gone(bytes.delete(aside).await)?;
    Ok(true)
}

/// Another process may have been here first.
fn unless_gone(done: object_store::Result<()>) -> Result<()> {
    match done {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(files(error)),
    }
}

/// A name for people that is harmless as a file name and in a header: no separators, no control or direction-changing
/// characters, no leading dots, at most 120 characters with its ending kept.
pub fn clean_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '-',
            c => c,
        })
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .collect();
    let name = name.trim().trim_start_matches('.').trim();
    if name.is_empty() {
        return "file".into();
    }
    let (stem, ending) = match name.rfind('.') {
        Some(dot) if name.len() - dot <= 12 && dot > 0 => name.split_at(dot),
        _ => (name, ""),
    };
    let room = 120 - ending.chars().count();
    stem.chars().take(room).chain(ending.chars()).collect()
}

/// Characters that change how their neighbours read without being seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

struct Row {
    id: Uuid,
    run_id: Option<Uuid>,
    name: String,
    content_type: String,
    size_bytes: i64,
    sha256: Vec<u8>,
    created_at: jiff_sqlx::Timestamp,
}

impl Row {
    fn artifact(self) -> Result<Artifact> {
        let sha256 = self
            .sha256
            .try_into()
            .map_err(|_| StoreError::Damaged(format!("the hash of file {}", self.id)))?;
        Ok(Artifact {
            file: FileRef {
                id: self.id.into(),
                name: self.name,
                content_type: self.content_type,
                size_bytes: u64::try_from(self.size_bytes).unwrap_or(0),
            },
            run: self.run_id.map(RunId::from),
            sha256,
            created_at: self.created_at.to_jiff(),
        })
    }
}

/// Writes the bytes whole or not at all and returns their hash. The same bytes are written again on purpose: a fresh date
/// keeps them from the sweep until their row is there. Then `keep` them.
pub(crate) async fn put(store: &Store, scope: &Scope, bytes: &Bytes) -> Result<[u8; 32]> {
    if bytes.len() > MAX_BYTES {
        return Err(StoreError::invalid(
            "file_too_large",
            "",
            format!("a file may have at most {} MB", MAX_BYTES / 1024 / 1024),
        ));
    }
    // Below a disk that is mounted later nobody would find it.
    check_folder(store).await?;
    let sha256: [u8; 32] = Sha256::digest(bytes).into();
    store
        .artifacts
        .bytes
        .put(&place(scope, &sha256), bytes.clone().into())
        .await
        .map_err(files)?;
    Ok(sha256)
}

/// Writes bytes again whose row is stored by now, if they were removed before it was.
pub(crate) async fn keep(
    store: &Store,
    scope: &Scope,
    sha256: &[u8; 32],
    bytes: &Bytes,
) -> Result<()> {
    match store.artifacts.bytes.head(&place(scope, sha256)).await {
        Ok(_) => Ok(()),
        Err(object_store::Error::NotFound { .. }) => put(store, scope, bytes).await.map(|_| ()),
        Err(error) => Err(files(error)),
    }
}

/// A file's row, or that of a step whose output they are.
async fn has_row(store: &Store, workspace: Uuid, sha256: &[u8; 32]) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from artifact where workspace_id = $1 and sha256 = $2 and deleted_at is null)
               or exists (select from step where workspace_id = $1 and output_sha256 = $2) as "exists!""#,
        workspace,
        sha256.as_slice(),
    )
    .fetch_one(&store.pool)
    .await?)
}

fn file(id: Uuid, name: String, content_type: &str, length: usize) -> FileRef {
    FileRef {
        id: id.into(),
        name,
        content_type: content_type.into(),
        size_bytes: length as u64,
    }
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn place(scope: &Scope, sha256: &[u8; 32]) -> ObjectPath {
    place_in(scope.workspace().as_uuid(), sha256)
}

fn place_in(workspace: Uuid, sha256: &[u8; 32]) -> ObjectPath {
    let digits = hex(sha256);
    ObjectPath::from_iter([&workspace.to_string(), &digits[..2], &digits])
}

fn aside(workspace: Uuid, sha256: &[u8; 32]) -> ObjectPath {
    ObjectPath::from_iter([TRASH, &workspace.to_string(), &hex(sha256)])
}

fn parse_place(path: &ObjectPath) -> Option<(Uuid, [u8; 32])> {
    let mut parts = path.parts();
    let workspace = parts.next()?.as_ref().parse().ok()?;
    Some((workspace, parse_hash(parts.nth(1)?.as_ref())?))
}

fn parse_trash(path: &ObjectPath) -> Option<(Uuid, [u8; 32])> {
    let mut parts = path.parts().skip(1);
    let workspace = parts.next()?.as_ref().parse().ok()?;
    Some((workspace, parse_hash(parts.next()?.as_ref())?))
}

fn parse_hash(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut sha256 = [0; 32];
    for (byte, pair) in sha256.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(sha256)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn files(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Files(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_harmless_and_stay_readable() {
        fn check(input: &str, expected: &str) {
            assert_eq!(clean_name(input), expected, "{input:?}");
        }
        check("invoice-NR-2027-0184.pdf", "invoice-NR-2027-0184.pdf");
        check("../../etc/passwd", "-..-etc-passwd");
        check("C:\\secret\\x.png", "C--secret-x.png");
        check("ev\u{202e}gpj.exe", "evgpj.exe");
        check("a\0b\r\nc.txt", "abc.txt");
        check("...", "file");
        check("  ", "file");
        check("Rechnung Müller 发票.pdf", "Rechnung Müller 发票.pdf");
        let long = format!("{}.pdf", "x".repeat(300));
        assert_eq!(clean_name(&long).chars().count(), 120);
        assert!(clean_name(&long).ends_with(".pdf"));
    }

    #[test]
    fn places_are_read_back_and_others_are_left_alone() {
        let path = ObjectPath::from(format!("{}/ab/{}", Uuid::nil(), "ab".repeat(32)));
        assert_eq!(parse_place(&path), Some((Uuid::nil(), [0xab; 32])));
        assert_eq!(parse_place(&ObjectPath::from("trash/x/y")), None);
        let aside = ObjectPath::from(format!("{TRASH}/{}/{}", Uuid::nil(), "ab".repeat(32)));
        assert_eq!(parse_trash(&aside), Some((Uuid::nil(), [0xab; 32])));
        assert_eq!(parse_place(&aside), None);
        assert_eq!(parse_place(&ObjectPath::from("lost+found")), None);
    }
}
