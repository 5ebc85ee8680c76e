//! Which folder has the bytes of the database: both have the same id. A disk that is not mounted leaves an empty folder in its place, and
//! whatever is looked for there would be lost for good; so what needs files waits until the folder is there.

use object_store::{ObjectStore as _, ObjectStoreExt as _, path::Path as ObjectPath};
use sqlx::PgConnection;
use uuid::Uuid;

use super::files;
use crate::{Result, Store, StoreError};

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

/// An error while the folder is not the one with this database's files. The first time it is marked as that, unless it cannot be it.
pub async fn check_folder(store: &Store) -> Result<()> {
    let id = match store.artifacts.marked_as.get() {
        Some(id) => *id,
        None => known(store).await?,
    };
    match marker(store).await? {
        None => Err(missing(store, id)),
        Some(found) if found != id.to_string() => Err(other(store, id, found)),
        Some(_) => {
            // Another task may have been faster.
            let _ = store.artifacts.marked_as.set(id);
            Ok(())
        }
    }
}

/// The id with which a folder is marked.
async fn known(store: &Store) -> Result<Uuid> {
    let row = sqlx::query!("select id, marked from artifact_folder")
        .fetch_one(&store.pool)
        .await?;
    if !row.marked {
        mark(store).await?;
    }
    Ok(row.id)
}

/// Marks the folder. Who does holds the row: where two processes that start at once have a folder each, only one of both is right.
async fn mark(store: &Store) -> Result<()> {
    let mut transaction = store.pool.begin().await?;
    let row = sqlx::query!("select id, marked from artifact_folder for update")
        .fetch_one(&mut *transaction)
        .await?;
    if row.marked {
        return Ok(());
    }
    match marker(store).await? {
        Some(found) if found != row.id.to_string() => return Err(other(store, row.id, found)),
        Some(_) => {}
        None => {
            if !can_be_it(store, &mut transaction).await? {
                return Err(missing(store, row.id));
            }
            let text = row.id.to_string();
            let marker = ObjectPath::from(MARKER);
            let put = store.artifacts.bytes.put(&marker, text.into()).await;
            put.map_err(files)?;
        }
    }
    sqlx::query!("update artifact_folder set marked = true")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
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

/// Whether a folder without an id can be the one: it has files of workspaces that are here, or the database names none. It is not looked
/// through: a disk of its own has a folder that nobody may enter (`lost+found`).
async fn can_be_it(store: &Store, connection: &mut PgConnection) -> Result<bool> {
    let listed = store.artifacts.bytes.list_with_delimiter(None).await;
    let listed = listed.map_err(files)?;
    let folders = listed.common_prefixes.iter();
    let workspaces: Vec<Uuid> = folders
        .filter_map(|place| place.filename()?.parse().ok())
        .collect();
    let has = sqlx::query!(
        r#"select exists (select from workspace where id = any($1)) as "workspaces!",
                  exists (select from artifact where deleted_at is null)
                      or exists (select from step where output_sha256 is not null) as "files!""#,
        &workspaces
    )
    .fetch_one(connection)
    .await?;
    Ok(if workspaces.is_empty() {
        !has.files || !listed.objects.is_empty()
    } else {
        has.workspaces
    })
}

fn missing(store: &Store, id: Uuid) -> StoreError {
    files(NotIt::Missing {
        folder: store.artifacts.folder.display().to_string(),
        id,
    })
}

fn other(store: &Store, id: Uuid, found: String) -> StoreError {
    files(NotIt::Other {
        folder: store.artifacts.folder.display().to_string(),
        id,
        found,
    })
}
