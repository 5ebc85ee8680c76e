//! What steps put out, where it is large: the value lies in the file store as JSON, under the name of its hash, and the step's row keeps
//! the hash and, in the value's place, which files it names. Bytes are written before the row and looked for after it, as those of files
//! are: whoever writes steps puts their large values there before the commit, and looks for them after it. Whoever reads steps gets whole values.

use std::{collections::BTreeSet, io};

use bytes::Bytes;
use engine::{
    ids::{ArtifactId, RunId, WorkspaceId},
    private::files_in,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::{Result, Scope, Store, StoreError, artifact};

/// Largest output, in bytes of JSON, that lies in its row: a row is rewritten, logged and copied as a whole.
const MOST_IN_ROW: usize = 256 * 1024;

/// Values that are fetched at once.
const AT_ONCE: usize = 4;

/// A large value that lies in the file store by now, while its row does not name it yet.
#[derive(Debug)]
pub struct Large {
    scope: Scope,
    sha256: [u8; 32],
    bytes: Bytes,
    /// What its row holds instead: statements look for the files that an output names.
    pub(crate) stand_in: Json,
}

impl Large {
    /// As Postgres reads `bytea`.
    pub(crate) fn hash(&self) -> String {
        format!("\\x{}", artifact::hex(&self.sha256))
    }
}

/// Writes a value that is too large for its row; `None`: it is not. `keep` it once the row is there. It waits for the disk, so nobody calls it
/// who holds a lock.
pub async fn put(store: &Store, scope: Scope, output: &Json) -> Result<Option<Large>> {
    if fits(output) {
        return Ok(None);
    }
    let bytes = Bytes::from(serde_json::to_vec(output)?);
    let sha256 = artifact::put(store, &scope, &bytes).await?;
    let files: BTreeSet<ArtifactId> = files_in(output).into_iter().map(|file| file.id).collect();
    Ok(Some(Large {
        scope,
        sha256,
        bytes,
        stand_in: json!({ "files": files }),
    }))
}

/// Writes a value again whose row is there by now, if it was removed before. The row cannot be taken back any more: a failure is told.
pub async fn keep(store: &Store, large: &Large) {
    let kept = artifact::keep(store, &large.scope, &large.sha256, &large.bytes).await;
    if let Err(error) = kept {
        let sha256 = artifact::hex(&large.sha256);
        tracing::error!(%error, sha256, "a large value could not be looked for in the file store");
    }
}

/// A row whose value lies in the file store.
pub(crate) struct Kept {
    index: usize,
    workspace: WorkspaceId,
    run: RunId,
    node: String,
    item_path: String,
    sha256: Vec<u8>,
}

impl Kept {
    /// `index` says which of the rows that were read it is; `None`: its value lies in the row.
    pub(crate) fn of(
        index: usize,
        workspace: WorkspaceId,
        run: RunId,
        (node, item_path): (&str, &str),
        sha256: Option<&[u8]>,
    ) -> Option<Self> {
        Some(Self {
            index,
            workspace,
            run,
            node: node.to_owned(),
            item_path: item_path.to_owned(),
            sha256: sha256?.to_owned(),
        })
    }
}

/// The whole values of rows, in any order. Of one that is lost, because it is not there or not what was written, it is said why.
pub(crate) async fn whole(
    store: &Store,
    kept: Vec<Kept>,
) -> Result<Vec<(usize, Result<Json, String>)>> {
    stream::iter(kept)
        .map(|kept| read(store.clone(), kept))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn read(store: Store, kept: Kept) -> Result<(usize, Result<Json, String>)> {
    match value(&store, &kept).await {
        Ok(value) => Ok((kept.index, Ok(value))),
        Err(StoreError::Damaged(what)) => Ok((kept.index, Err(what))),
        Err(error) => Err(error),
    }
}

async fn value(store: &Store, kept: &Kept) -> Result<Json> {
    let damaged = |what: &str| {
        let (run, hash) = (kept.run, artifact::hex(&kept.sha256));
        let step = format!("{} {}", kept.node, kept.item_path);
        let step = step.trim_end();
        StoreError::Damaged(format!(
            "the output of step {step} of run {run}: the bytes {hash} in the file store {what}"
        ))
    };
    let sha256 = <[u8; 32]>::try_from(kept.sha256.as_slice())
        .map_err(|_| damaged("have an impossible name"))?;
    let scope = Scope::new(kept.workspace, None);
    let bytes = artifact::fetch(store, &scope, &sha256)
        .await?
        .ok_or_else(|| damaged("are not there"))?;
    let found: [u8; 32] = Sha256::digest(&bytes).into();
    if found != sha256 {
        return Err(damaged("are not those that were written"));
    }
    serde_json::from_slice(&bytes).map_err(|error| damaged(&format!("do not parse: {error}")))
}

/// Whether it lies in its row.
fn fits(output: &Json) -> bool {
    serde_json::to_writer(Room(MOST_IN_ROW), output).is_ok()
}

/// Takes so many bytes and keeps none of them: to see that a value is small costs no memory.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_its_row_is_counted_as_json() {
        // Two quotation marks belong to it.
        assert!(fits(&json!("x".repeat(MOST_IN_ROW - 2))));
        assert!(!fits(&json!("x".repeat(MOST_IN_ROW - 1))));
        assert!(!fits(&json!("\n".repeat(MOST_IN_ROW / 2))));
    }
}
