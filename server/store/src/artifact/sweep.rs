//! Bytes that no row names go.

use std::time::Duration;

use engine::ids::WorkspaceId;
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use object_store::{ObjectStore as _, ObjectStoreExt as _, path::Path as ObjectPath};
use uuid::Uuid;

use super::{
    check_folder, files,
    place::{TRASH, aside, parse_place, parse_trash, place_in},
};
use crate::{Result, Store};

/// Bytes younger than this may still be waiting for their row.
const SWEEP_AGE: Duration = Duration::from_hours(24);

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
