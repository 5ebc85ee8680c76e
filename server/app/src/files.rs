//! Whether the folder of the files is the one that belongs to the database, for commands that start nothing: both have the same id, as
//! `store::artifact::check_folder` sees to.

use std::{fs, path::Path};

use store::{artifact::MARKER, database};

/// What the folder is to the database.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// Neither has an id: nothing was kept so far.
    New,
    Ours,
    /// It has no id, and should have this one.
    Missing {
        id: String,
    },
    /// It has an id that is not the database's, which may have none.
    Foreign {
        id: Option<String>,
        found: String,
    },
}

/// Compares what the database and the folder say.
pub(crate) async fn look(database_url: &str, folder: &Path) -> store::Result<Folder> {
    let known = database::folder(database_url).await?;
    Ok(match (known, marker(folder)) {
        (Some((id, _)), Some(found)) if found == id => Folder::Ours,
        (known, Some(found)) => Folder::Foreign {
            id: known.map(|(id, _)| id),
            found,
        },
        (Some((id, true)), None) => Folder::Missing { id },
        (Some((_, false)) | None, None) => Folder::New,
    })
}

/// The id that a folder says it has.
pub(crate) fn marker(folder: &Path) -> Option<String> {
    let found = fs::read_to_string(folder.join(MARKER)).ok()?;
    Some(found.trim().to_owned())
}
