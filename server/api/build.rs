//! Lists the shipped workflows and documents, and what they are called and say in other languages, so that no source file names one.

use std::{env, fs, path::Path};

fn main() {
    let folder =
        Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../workflows");
    embed(&folder, "examples.rs");
    embed(&folder.join("messages"), "example_messages.rs");
    let documents = folder.join("templates");
    embed(&documents, "document_examples.rs");
    embed(&documents.join("messages"), "document_example_messages.rs");
}

/// Writes `(name, text)` of every JSON file of a folder as an array.
fn embed(folder: &Path, out: &str) {
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut files: Vec<_> = fs::read_dir(folder)
        .map(|entries| {
            entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .collect()
        })
        .unwrap_or_default();
    files.retain(|path: &std::path::PathBuf| path.extension().is_some_and(|kind| kind == "json"));
    files.sort();
    let rows: String = files
        .iter()
        .map(|path| {
            println!("cargo:rerun-if-changed={}", path.display());
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let path = path.canonicalize().unwrap_or_else(|_| path.clone());
            format!("({name:?}, include_str!({:?})),", path.to_string_lossy())
        })
        .collect();
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join(out);
    fs::write(out, format!("&[{rows}]")).expect("OUT_DIR is writable");
}
