//! Files that were made or received: their rows, and their bytes in a folder (or any object store) under the name of their hash,
//! beside large values that steps put out (`output`). Bytes are written before the row, whole or not at all, and looked for after it; a row
//! never points at nothing.

mod folder;
mod name;
mod place;
mod spool;
mod sweep;
mod upload;

use std::{
    collections::HashMap,
    ops::Range,
    path::Path,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use engine::{
    ids::{ArtifactId, RunId},
    value::{FileRef, PAGE_MAP},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use jiff::Timestamp;
use object_store::{
    GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt as _, local::LocalFileSystem,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{Result, Scope, Store, StoreError};

pub use folder::{MARKER, check_folder};
pub use name::clean_name;
pub(crate) use place::hex;
pub use spool::Spool;
pub(crate) use sweep::remove_unnamed;
pub use sweep::sweep;
pub use upload::{UploadQuota, copy_uploads, create_upload, remove_upload, uploads};
pub(crate) use upload::{adopt, purge_uploads};

use place::{aside, place};

/// Largest file Formwork keeps.
pub const MAX_BYTES: usize = 100 * 1024 * 1024;

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

/// The page map of a file; `None` where it has none, or one that is kept no longer.
pub async fn page_map(store: &Store, scope: &Scope, of: &Artifact) -> Result<Option<Bytes>> {
    let Some(run) = of.run else {
        return Ok(None);
    };
    let sha256 = sqlx::query_scalar!(
        "select sha256 from artifact
         where workspace_id = $1 and run_id = $2 and name = $3 and content_type = $4 and deleted_at is null
         order by created_at desc, id limit 1",
        scope.workspace().as_uuid(),
        run.as_uuid(),
        of.file.map_name(),
        PAGE_MAP,
    )
    .fetch_optional(&store.pool)
    .await?;
    match sha256.map(<[u8; 32]>::try_from) {
        Some(Ok(sha256)) => fetch(store, scope, &sha256).await,
        Some(Err(_)) => Err(StoreError::Damaged(format!(
            "the hash of the page map of file {}",
            of.file.id
        ))),
        None => Ok(None),
    }
}

/// The files of a run, oldest first, without page maps.
pub async fn of_run(store: &Store, scope: &Scope, run: RunId) -> Result<Vec<Artifact>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, run_id, name, content_type, size_bytes, sha256, created_at as "created_at: jiff_sqlx::Timestamp"
           from artifact where workspace_id = $1 and run_id = $2 and content_type <> $3 and deleted_at is null
           order by created_at, id"#,
        scope.workspace().as_uuid(),
        run.as_uuid(),
        PAGE_MAP,
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

/// Bytes by their hash, all of them in memory; `None`: they are lost.
pub(crate) async fn fetch(
    store: &Store,
    scope: &Scope,
    sha256: &[u8; 32],
) -> Result<Option<Bytes>> {
    match find(store, scope, sha256, GetOptions::default()).await? {
        Some(found) => found.bytes().await.map(Some).map_err(files),
        None => Ok(None),
    }
}

/// The bytes wherever they lie; `None`: they are lost. Where they lie aside at this moment, somebody may be about to put them back.
async fn find(
    store: &Store,
    scope: &Scope,
    sha256: &[u8; 32],
    options: GetOptions,
) -> Result<Option<GetResult>> {
    let place = place(scope, sha256);
    let aside = aside(scope.workspace().as_uuid(), sha256);
    for place in [&place, &aside, &place] {
        match store.artifacts.bytes.get_opts(place, options.clone()).await {
            Ok(found) => return Ok(Some(found)),
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
    let found = find(store, scope, &artifact.sha256, options).await?;
    let found = found.ok_or_else(|| lost(artifact))?;
    Ok(found.into_stream().map_err(files).boxed())
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

fn files(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Files(Box::new(error))
}
