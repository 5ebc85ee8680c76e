//! The machine's font files for the document crate, which does no IO. They are mapped, not read: of a file of 20 MB only what a text
//! needs comes into memory, and processes share it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use document::{FontBytes, FontFiles, font_families};
use fontique::{SourceCache, SourceId, SourceInfo, SourceKind};

/// Files that stand in for letters that the bundled fonts lack, by the beginning of their names. Regular and bold are enough for
/// documents; any other family a template names itself.
const WANTED: &[&str] = &[
    "NotoSansCJK-Regular",
    "NotoSansCJK-Bold",
    "NotoSerifCJK-Regular",
    "NotoSerifCJK-Bold",
    "NotoSansThai-",
    "NotoSansDevanagari-",
    "NotoSansHebrew-",
    "NotoColorEmoji",
];
const LARGEST_BYTES: u64 = 64 * 1024 * 1024;
const DEEPEST: usize = 5;
/// Files that are looked at.
const MOST: usize = 5_000;

/// Font files in folders. They are looked for when one is first needed, and then kept in mind.
pub struct Fonts {
    folders: Vec<PathBuf>,
    files: OnceLock<Vec<PathBuf>>,
    /// By the names of families in small letters: the names as they are, and the files.
    families: OnceLock<BTreeMap<String, Family>>,
}

#[derive(Default)]
struct Family {
    name: String,
    files: Vec<PathBuf>,
}

impl Fonts {
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self {
            folders,
            files: OnceLock::new(),
            families: OnceLock::new(),
        }
    }

    /// All files, each file name once: the same fonts may lie in several folders.
    fn files(&self) -> &[PathBuf] {
        self.files.get_or_init(|| {
            let mut found = Vec::new();
            for folder in &self.folders {
                walk(folder, DEEPEST, &mut found);
            }
            found.sort_by(|one, other| (one.file_name(), one).cmp(&(other.file_name(), other)));
            found.dedup_by(|one, other| one.file_name() == other.file_name());
            found
        })
    }

    fn index(&self) -> &BTreeMap<String, Family> {
        self.families.get_or_init(|| {
            let mut families: BTreeMap<String, Family> = BTreeMap::new();
            for path in self.files() {
                let Some(bytes) = map(path) else { continue };
                for name in font_families((*bytes).as_ref()) {
                    let family = families.entry(name.to_lowercase()).or_default();
                    family.name = name;
                    family.files.push(path.clone());
                }
            }
            families
        })
    }
}

impl FontFiles for Fonts {
    fn fallbacks(&self) -> Vec<FontBytes> {
        let rank = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            WANTED.iter().position(|wanted| name.starts_with(wanted))
        };
        let mut ranked: Vec<(usize, &PathBuf)> = self
            .files()
            .iter()
            .filter_map(|path| Some((rank(path)?, path)))
            .collect();
        ranked.sort();
        ranked.iter().filter_map(|(_, path)| map(path)).collect()
    }

    fn family(&self, name: &str) -> Vec<FontBytes> {
        let family = self.index().get(&name.to_lowercase());
        let files = family.map_or(&[][..], |family| family.files.as_slice());
        files.iter().filter_map(|path| map(path)).collect()
    }

    fn families(&self) -> Vec<String> {
        let families = self.index().values();
        families.map(|family| family.name.clone()).collect()
    }
}

/// The bytes of a file, which come into memory page by page as they are looked at. Whoever replaces a font replaces the file; one that is
/// cut short in place would end the process.
fn map(path: &Path) -> Option<FontBytes> {
    let source = SourceInfo::new(SourceId::new(), SourceKind::Path(path.into()));
    let (bytes, _) = SourceCache::default().get(&source)?.into_raw_parts();
    Some(bytes)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if found.len() == MOST {
            return;
        }
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
        } else if is_font && data.len() > 0 && data.len() <= LARGEST_BYTES {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_found_by_name_and_files_that_stand_in_by_rank() {
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("../document/fonts");
        let folder = tempfile::tempdir().expect("a folder");
        let inside = folder.path().join("truetype");
        fs::create_dir(&inside).expect("a folder");
        for (from, to) in [
            ("NotoSerif-Regular.ttf", "Other.ttf"),
            ("NotoSansHebrew-Regular.ttf", "NotoSansHebrew-Regular.ttf"),
            ("Inter-Regular.ttf", "NotoSansCJK-Regular.ttc"),
        ] {
            fs::copy(bundled.join(from), inside.join(to)).expect("copied");
        }
        fs::write(inside.join("broken.ttf"), b"no font").expect("written");
        fs::write(inside.join("empty.ttf"), b"").expect("written");
        let fonts = Fonts::new(vec![folder.path().into()]);
        let names = |files: Vec<FontBytes>| -> Vec<String> {
            let names = files
                .iter()
                .flat_map(|bytes| font_families((**bytes).as_ref()));
            names.collect()
        };
        assert_eq!(names(fonts.fallbacks()), ["Inter", "Noto Sans Hebrew"]);
        assert_eq!(names(fonts.family("noto SERIF")), ["Noto Serif"]);
        assert!(fonts.family("Nobody's").is_empty());
        assert_eq!(
            fonts.families(),
            ["Inter", "Noto Sans Hebrew", "Noto Serif"]
        );
    }
}
