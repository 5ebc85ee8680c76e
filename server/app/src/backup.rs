//! `formwork backup`: database, artifact bytes and a manifest with checksums in one tar file; `formwork restore` puts them back into
//! an empty installation. The master key is deliberately not in it: with the file alone no secret can be opened.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _},
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::files::{self, Folder};

const FORMAT: &str = "formwork-backup/1";
const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "database.dump";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: String,
    pub made_at: String,
    /// The program's version.
    pub version: String,
    pub files: Vec<Entry>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    pub size_bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// What a backup is made from or restored into.
pub struct Place<'a> {
    pub database_url: &'a str,
    /// Folder with `pg_dump` and `pg_restore`.
    pub binaries: &'a Path,
    pub artifact_dir: &'a Path,
}

/// Writes `file`; an existing one is only replaced when the new one is whole.
pub async fn write(place: &Place<'_>, file: &Path, made_at: String) -> anyhow::Result<Manifest> {
    expect_files(place).await?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let scratch = tempfile::tempdir_in(folder)
        .with_context(|| format!("{} cannot be written", folder.display()))?;
    let dump = scratch.path().join(DATABASE);
    // The dump comes first: artifact bytes are written before their rows, so every row in it has its bytes.
    run(
        Command::new(place.binaries.join("pg_dump"))
            .args(["--format=custom", "--no-owner", "--file"])
            .arg(&dump)
            .arg("--dbname")
            .arg(place.database_url),
        "pg_dump",
    )?;

    let unfinished = scratch.path().join("backup.tar");
    let mut archive = tar::Builder::new(File::create(&unfinished)?);
    let mut files = vec![append(&mut archive, &dump, DATABASE)?];
    fs::remove_file(&dump)?;
    for path in walk(place.artifact_dir)? {
        let name = format!(
            "artifacts/{}",
            path.strip_prefix(place.artifact_dir)?.display()
        );
        match append(&mut archive, &path, &name) {
            Ok(entry) => files.push(entry),
            // Its time was up between the listing and now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        }
    }
    let manifest = Manifest {
        format: FORMAT.into(),
        made_at,
        version: env!("CARGO_PKG_VERSION").into(),
        files,
    };
    let text = serde_json::to_vec_pretty(&manifest)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o600);
    header.set_cksum();
    archive.append_data(&mut header, MANIFEST, text.as_slice())?;
    archive.into_inner()?.sync_all()?;
    fs::rename(&unfinished, file)?;
    Ok(manifest)
}

/// A backup without the files would look as whole as one with them.
async fn expect_files(place: &Place<'_>) -> anyhow::Result<()> {
    match files::look(place.database_url, place.artifact_dir).await? {
        Folder::New | Folder::Ours => Ok(()),
        Folder::Missing { .. } | Folder::Foreign { .. } => bail!(
            "the folder {} is not the one with this installation's files, so nothing was backed up; mount the disk that has them.",
            place.artifact_dir.display()
        ),
    }
}

/// A folder that another installation keeps its files in would not be that one's any more. A restore that was cut off is gone on with.
fn expect_room(place: &Place<'_>, file: &Path) -> anyhow::Result<()> {
    let Some(found) = files::marker(place.artifact_dir) else {
        return Ok(());
    };
    let own = marker_in(file)
        .with_context(|| format!("{} is not a whole Formwork backup", file.display()))?;
    if own.as_ref() == Some(&found) {
        return Ok(());
    }
    bail!(
        "the folder {} belongs to another installation (its file \"installation\" has {found}), so nothing was restored; set FORMWORK_DATA_DIR to a new folder, or move that installation's files away.",
        place.artifact_dir.display()
    );
}

/// The id of the folder that a backup was made of.
fn marker_in(file: &Path) -> io::Result<Option<String>> {
    let wanted = Path::new("artifacts").join(store::artifact::MARKER);
    for entry in tar::Archive::new(File::open(file)?).entries_with_seek()? {
        let mut entry = entry?;
        if entry.path()? == wanted {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return Ok(Some(text.trim().to_owned()));
        }
    }
    Ok(None)
}

/// Restores into an empty database and artifact folder; nothing is touched before every checksum has been compared.
pub async fn restore(place: &Place<'_>, file: &Path) -> anyhow::Result<Manifest> {
    if !store::database::is_empty(place.database_url).await? {
        bail!(
            "this installation already holds data, and a restore never overwrites any; set FORMWORK_DATA_DIR to a new folder, or DATABASE_URL to an empty database."
        );
    }
    expect_room(place, file)?;
    // Beside their final place, on a disk that must have room for them anyway.
    fs::create_dir_all(place.artifact_dir)?;
    let scratch = tempfile::tempdir_in(place.artifact_dir.parent().unwrap_or(place.artifact_dir))?;
    let source = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    unpack(source, scratch.path())
        .with_context(|| format!("{} is not a whole Formwork backup", file.display()))?;
    let text = fs::read(scratch.path().join(MANIFEST)).with_context(|| {
        format!(
            "{} is not a whole Formwork backup: it has no manifest",
            file.display()
        )
    })?;
    let manifest: Manifest = serde_json::from_slice(&text)?;
    if manifest.format != FORMAT {
        bail!(
            "the backup has the format {}, and this program reads {FORMAT}; restore it with the version that made it.",
            manifest.format
        );
    }
    for entry in &manifest.files {
        if !Path::new(&entry.name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            bail!(
                "the backup names the file {}, which leads out of its folder.",
                entry.name
            );
        }
        let (size_bytes, sha256) = File::open(scratch.path().join(&entry.name))
            .and_then(|mut file| digest(&mut file))
            .with_context(|| format!("{} is missing in the backup", entry.name))?;
        if (size_bytes, &sha256) != (entry.size_bytes, &entry.sha256) {
            bail!(
                "{} in the backup is damaged: its checksum differs; nothing was restored.",
                entry.name
            );
        }
    }
    run(
        Command::new(place.binaries.join("pg_restore"))
            .args([
                "--no-owner",
                "--exit-on-error",
                "--single-transaction",
                "--dbname",
                place.database_url,
            ])
            .arg(scratch.path().join(DATABASE)),
        "pg_restore",
    )?;
    for entry in &manifest.files {
        let Some(name) = entry.name.strip_prefix("artifacts/") else {
            continue;
        };
        let target = place.artifact_dir.join(name);
        fs::create_dir_all(target.parent().unwrap_or(place.artifact_dir))?;
        fs::rename(scratch.path().join(&entry.name), &target)?;
    }
    Ok(manifest)
}

/// Only plain files inside the folder: neither links nor names that lead out of it.
fn unpack(source: File, folder: &Path) -> anyhow::Result<()> {
    for entry in tar::Archive::new(source).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() || !entry.unpack_in(folder)? {
            bail!("it holds something else than the files of a backup");
        }
    }
    Ok(())
}

fn run(command: &mut Command, program: &str) -> anyhow::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} could not be started"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{program} failed: {}",
            text.lines()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("it said nothing")
        );
    }
    Ok(())
}

fn append(archive: &mut tar::Builder<File>, path: &Path, name: &str) -> io::Result<Entry> {
    let mut file = File::open(path)?;
    let (size_bytes, sha256) = digest(&mut file)?;
    file.rewind()?;
    archive.append_file(name, &mut file)?;
    Ok(Entry {
        name: name.into(),
        size_bytes,
        sha256,
    })
}

fn digest(file: &mut File) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            let hex = hash
                .finalize()
                .iter()
                .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
            return Ok((size, hex));
        }
        hash.update(&block[..read]);
        size += read as u64;
    }
}

fn walk(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // The artifact store writes beside the final place, under a name with a number sign; no row knows such a file.
            let unfinished = entry.file_name().to_string_lossy().contains('#');
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            } else if !unfinished {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
