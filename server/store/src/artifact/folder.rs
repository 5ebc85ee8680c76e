//! Which folder has the bytes of the database: both have the same id. A disk that is not mounted leaves an empty folder in its place, and
//! whatever is looked for there would be lost for good; so what needs files waits until the folder is there.

use futures_util::TryStreamExt as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _, path::Path as ObjectPath};
use uuid::Uuid;

use super::files;
use crate::{Result, Store};

/// Name of the file with the id.
pub const MARKER: &str = "installation";

/// The artifact folder is not the one that belongs to the database.
#[derive(Debug, thiserror::Error)]
enum NotIt {
    #[error(
        "the folder {folder} is not the one with this installation's files: its file \"installation\" is missing. Mount the disk that has them, or share the folder with this machine. If the files are lost for good, write {id} into {folder}/installation; what needed them then fails"
    )]
    Missing { folder: String, id: Uuid },
    #[error(
        "the folder {folder} belongs to another installation: its file \"installation\" has {found} instead of {id}. Set the folder or the database right. If they do belong together, write {id} into {folder}/installation"
    )]
    Other {
        folder: String,
        id: Uuid,
        found: String,
    },
}

/// An error while the folder is not the one with this database's files. The first time it is marked as that, unless it is empty and
/// should not be.
pub async fn check_folder(store: &Store) -> Result<()> {
    let (id, marked) = known(store).await?;
    let folder = store.artifacts.folder.display().to_string();
    match marker(store).await? {
        Some(found) if found == id.to_string() => {}
        Some(found) => return Err(files(NotIt::Other { folder, id, found })),
        None => {
            if marked || has_lost_all(store).await? {
                return Err(files(NotIt::Missing { folder, id }));
            }
            let text = id.to_string();
            let marker = ObjectPath::from(MARKER);
            let put = store.artifacts.bytes.put(&marker, text.into()).await;
            put.map_err(files)?;
        }
    }
    if !marked {
        sqlx::query!("update artifact_folder set marked = true")
            .execute(&store.pool)
            .await?;
    }
    // Another task may have been faster.
    let _ = store.artifacts.marked_as.set(id);
    Ok(())
}

/// The id, and whether the folder was marked with it; that stays so.
async fn known(store: &Store) -> Result<(Uuid, bool)> {
    if let Some(id) = store.artifacts.marked_as.get() {
        return Ok((*id, true));
    }
    let row = sqlx::query!("select id, marked from artifact_folder")
        .fetch_one(&store.pool)
        .await?;
    Ok((row.id, row.marked))
}

/// What the folder says of itself.
async fn marker(store: &Store) -> Result<Option<String>> {
    let found = match store.artifacts.bytes.get(&ObjectPath::from(MARKER)).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(files(error)),
    };
    let bytes = found.bytes().await.map_err(files)?;
    Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned()))
}

/// It has not one file, and the database names some.
async fn has_lost_all(store: &Store) -> Result<bool> {
    let names_any = sqlx::query_scalar!(
        r#"select exists (select from artifact where deleted_at is null)
               or exists (select from step where output_sha256 is not null) as "any!""#
    )
    .fetch_one(&store.pool)
    .await?;
    if !names_any {
        return Ok(false);
    }
    let mut listed = store.artifacts.bytes.list(None);
    Ok(listed.try_next().await.map_err(files)?.is_none())
}
