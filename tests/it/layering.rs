//! The layers of the architecture as a test: who may depend on whom, and which crate alone may use which library.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value as Json;

/// Crate -> workspace crates it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("document", &["engine"]),
    ("einvoice", &["engine"]),
    ("outbound", &[]),
    ("nodes", &["engine", "document", "einvoice"]),
    ("store", &["engine"]),
    ("executor", &["engine", "store", "outbound"]),
    ("api", &["engine", "document", "store", "outbound"]),
    (
        "app",
        &[
            "engine", "document", "outbound", "nodes", "store", "executor", "api",
        ],
    ),
    ("model-worker", &["engine", "store", "outbound"]),
];

/// Library -> the only crates that may use it.
const OWNERS: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("axum", &["api"]),
    ("reqwest", &["outbound"]),
    ("lettre", &["outbound"]),
    ("candle-core", &["model-worker"]),
    ("candle-nn", &["model-worker"]),
    ("candle-transformers", &["model-worker"]),
    ("tokenizers", &["model-worker"]),
    ("llguidance", &["model-worker"]),
    ("printpdf", &["document"]),
    ("parley", &["document"]),
    ("lopdf", &["document"]),
    ("en16931", &["einvoice"]),
    // It finds the XML within a PDF, too.
    ("en16931-formats", &["document", "einvoice"]),
    ("minijinja", &["engine", "document", "api", "model-worker"]),
];

/// Crates that must stay free of IO.
const PURE: &[&str] = &["engine", "document", "einvoice", "nodes"];
const IO: &[&str] = &["tokio", "sqlx", "reqwest", "axum", "object_store", "rand"];

/// Names of shipped files that are words of the program, too: a filter, a part of an address, a parameter. Where one of them is told to those
/// who have the examples, it is a name.
const WORDS: &[&str] = &["credit-note", "invoice", "letter"];

#[test]
fn crates_depend_only_downwards() {
    let dependencies = dependencies();
    let mut wrong = Vec::new();
    for (name, allowed) in EDGES {
        let Some(used) = dependencies.get(*name) else {
            panic!("the crate {name} is gone")
        };
        for dependency in used {
            let ours = EDGES.iter().any(|(other, _)| other == dependency);
            if ours && !allowed.contains(&dependency.as_str()) {
                wrong.push(format!("{name} may not depend on {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_library_has_one_owner() {
    let mut wrong = Vec::new();
    for (name, used) in dependencies()
        .iter()
        .filter(|(name, _)| *name != "formwork-tests")
    {
        for (library, owners) in OWNERS {
            if used.iter().any(|dependency| dependency == library)
                && !owners.contains(&name.as_str())
            {
                wrong.push(format!("{name} may not use {library}; only {owners:?} may"));
            }
        }
        if PURE.contains(&name.as_str()) {
            wrong.extend(
                used.iter()
                    .filter(|used| IO.contains(&used.as_str()))
                    .map(|io| format!("{name} is pure and may not use {io}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A NOTIFY in a transaction makes the commits of the whole database wait for each other; so one statement notifies, in none.
#[test]
fn one_statement_notifies_and_stands_by_itself() {
    let files = |folder: &str, suffix: &'static str| {
        let folder = std::fs::read_dir(format!("{}/../{folder}", env!("CARGO_MANIFEST_DIR")));
        let paths = folder
            .expect("the folder")
            .map(|file| file.expect("a file").path());
        let paths = paths.filter(move |path| path.extension().is_some_and(|found| found == suffix));
        paths.map(|path| std::fs::read_to_string(path).expect("a text"))
    };
    let mut notifying: Vec<String> = files("migrations", "sql").collect();
    for described in files("server/store/.sqlx", "json") {
        let described: Json = serde_json::from_str(&described).expect("JSON");
        let statement = described["query"].as_str().expect("a statement");
        notifying.push(statement.into());
    }
    notifying.retain(|statement| statement.to_lowercase().contains("notify"));
    assert_eq!(
        notifying,
        ["select pg_notify($1, payload) from unnest($2::text[]) payload"]
    );
}

/// What is shipped is found in its folders when the server is built, so it changes, comes and goes without the program.
#[test]
fn no_source_names_what_is_shipped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let names: BTreeSet<String> = ["workflows", "workflows/templates"]
        .into_iter()
        .flat_map(|folder| entries(&root.join(folder)))
        .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let mut sources = Vec::new();
    for folder in ["server", "web/src"] {
        collect_sources(&root.join(folder), &mut sources);
    }
    assert!(names.len() > 10, "{names:?}");
    assert!(sources.len() > 100, "{sources:?}");
    let mut wrong = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).expect("a text");
        let code = text.split("\n#[cfg(test)]\nmod tests {").next();
        let mut before = "";
        for (number, line) in code.unwrap_or_default().lines().enumerate() {
            let named = names.iter().filter(|name| is_named(before, line, name));
            wrong.extend(named.map(|name| {
                let number = number + 1;
                format!("{}:{number} names {name}", path.display())
            }));
            before = line;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn names_of_what_is_shipped_are_told_from_words() {
    for (line, name, expected) in [
        ("gallery.find(\"packing-list\")", "packing-list", true),
        ("import a from '../workflows/quote.json';", "quote", true),
        ("{ example: `invoice` }", "invoice", true),
        ("\"invoice\" => invoice_amounts(value),", "invoice", false),
        ("/// An example, such as `quote`.", "quote", false),
        ("let quoted = \"unquote\";", "quote", false),
    ] {
        assert_eq!(is_named("", line, name), expected, "{line}");
    }
    assert!(is_named("examples.find(", "\"invoice\",", "invoice"));
}

/// Whether a line of code names a shipped file.
fn is_named(before: &str, line: &str, name: &str) -> bool {
    let line = line.trim();
    if line.starts_with("//") {
        return false;
    }
    let is_quoted = ['"', '\'', '`']
        .iter()
        .any(|mark| line.contains(&format!("{mark}{name}{mark}")));
    let of_examples = [before, line]
        .iter()
        .any(|text| text.to_lowercase().contains("example"));
    let is_word = WORDS.contains(&name) && !of_examples;
    line.contains(&format!("/{name}.json")) || (is_quoted && !is_word)
}

/// The Rust and TypeScript files in a folder, but for tests and examples.
fn collect_sources(folder: &Path, found: &mut Vec<PathBuf>) {
    const OTHERS: [&str; 5] = ["examples", "fuzz", "node_modules", "target", "tests"];
    for path in entries(folder) {
        let stem = path.file_stem().unwrap_or_default();
        let stem = stem.to_string_lossy().into_owned();
        if path.is_dir() {
            if !OTHERS.contains(&stem.as_str()) {
                collect_sources(&path, found);
            }
            continue;
        }
        let is_source = path
            .extension()
            .is_some_and(|kind| ["rs", "ts", "tsx"].iter().any(|known| kind == *known));
        let is_test = stem.ends_with("tests") || stem.ends_with(".test") || stem == "testing";
        if is_source && !is_test {
            found.push(path);
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// Crate -> its normal dependencies, read from `cargo metadata`.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = std::process::Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo metadata");
    let metadata: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let used = package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter();
            let used = used.filter(|dependency| dependency["kind"].is_null());
            let names = used
                .filter_map(|dependency| dependency["name"].as_str())
                .map(str::to_owned)
                .collect();
            (
                package["name"].as_str().unwrap_or_default().to_owned(),
                names,
            )
        })
        .collect()
}
