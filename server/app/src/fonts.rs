//! Reads font files from the machine's folders for the document crate, which does no IO.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Families beyond the bundled ones, by the beginning of their file names: everything else on a desktop machine would only cost
/// memory. Regular and bold are enough for documents.
const WANTED: &[&str] = &[
    "NotoSansCJK-Regular",
    "NotoSansCJK-Bold",
    "NotoSansThai-",
    "NotoSansDevanagari-",
    "NotoSansHebrew-",
    "NotoColorEmoji",
];
const LARGEST_BYTES: u64 = 64 * 1024 * 1024;
const DEEPEST: usize = 5;

/// The wanted files' bytes, in the order of `WANTED`.
pub fn load(folders: &[PathBuf]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for folder in folders {
        walk(folder, DEEPEST, &mut found);
    }
    found.sort();
    found.dedup_by(|one, other| one.file_name() == other.file_name());
    let rank = |path: &Path| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        WANTED.iter().position(|wanted| name.starts_with(wanted))
    };
    let mut ranked: Vec<(usize, PathBuf)> = found
        .into_iter()
        .filter_map(|path| Some((rank(&path)?, path)))
        .collect();
    ranked.sort();
    ranked
        .iter()
        .filter_map(|(_, path)| fs::read(path).ok())
        .collect()
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(data) = fs::metadata(&path) else {
            continue;
        };
        let is_font = path.extension().is_some_and(|extension| {
            ["ttf", "otf", "ttc"]
                .iter()
                .any(|known| extension.eq_ignore_ascii_case(known))
        });
        if data.is_dir() && depth > 0 {
            walk(&path, depth - 1, found);
        } else if is_font && data.len() <= LARGEST_BYTES {
            found.push(path);
        }
    }
}
