//! The models folder: which file is used, what it hashes to. A hash once computed is kept beside the file, so that a gigabyte is
//! not read twice.

use std::{
    fs::{self, File},
    io::{Read, Write as _},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use sha2::{Digest, Sha256};

use crate::known::{KNOWN, Known};

/// A file with the name requests ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// Set when the file's name is one of the known ones.
    pub known: Option<&'static Known>,
}

impl Found {
    /// A file that the user names.
    pub fn at(path: PathBuf) -> Self {
        let known = KNOWN
            .iter()
            .find(|known| path.file_name().is_some_and(|name| name == known.file));
        Self { path, known }
    }

    /// The known name, else the file's own without its ending.
    pub fn name(&self) -> String {
        match self.known {
            Some(known) => known.name.into(),
            None => self.path.file_stem().map_or_else(
                || "model".into(),
                |stem| stem.to_string_lossy().to_lowercase(),
            ),
        }
    }

    pub fn title(&self) -> String {
        match self.known {
            Some(known) => known.title.into(),
            None => self.name(),
        }
    }
}

/// The known file in the folder that comes first in the list; other GGUF files only when there is none.
pub fn find(folder: &Path) -> Option<Found> {
    let known = KNOWN
        .iter()
        .map(|known| (known, folder.join(known.file)))
        .find(|(_, path)| path.is_file());
    if let Some((known, path)) = known {
        return Some(Found {
            path,
            known: Some(known),
        });
    }
    let mut others: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "gguf"))
        .collect();
    others.sort();
    others.into_iter().next().map(Found::at)
}

/// The file's SHA-256 in hex; from the note beside it when the file has not changed since.
pub fn sha256(path: &Path) -> std::io::Result<String> {
    let about = fs::metadata(path)?;
    let changed = about
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    let stamp = format!("{} {changed}", about.len());
    let note = path.with_added_extension("sha256");
    if let Ok(text) = fs::read_to_string(&note)
        && let Some((hash, of)) = text.trim_end().split_once(' ')
        && of == stamp
        && hash.len() == 64
    {
        return Ok(hash.to_owned());
    }
    let hash = hash_file(path)?;
    // Only a saving: a folder that cannot be written is fine.
    if let Ok(mut file) = File::create(&note) {
        let _ = writeln!(file, "{hash} {stamp}");
    }
    Ok(hash)
}

fn hash_file(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..count]);
    }
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_files_come_before_others_and_hashes_follow_the_file() {
        let folder = std::env::temp_dir().join(format!("formwork-folder-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(&folder).expect("a folder");
        assert_eq!(find(&folder), None);
        assert_eq!(find(&folder.join("absent")), None);
        let other = folder.join("My-Own.gguf");
        fs::write(&other, "one").expect("written");
        fs::write(folder.join("notes.txt"), "no model").expect("written");
        assert_eq!(find(&folder).expect("found").name(), "my-own");
        let small = &KNOWN[2];
        fs::write(folder.join(small.file), "x").expect("written");
        assert_eq!(find(&folder).expect("found").name(), small.name);

        let one = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
        assert_eq!(sha256(&other).expect("hashed"), one);
        assert_eq!(sha256(&other).expect("from the note"), one);
        fs::write(&other, "another").expect("written");
        assert_ne!(sha256(&other).expect("hashed again"), one);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
