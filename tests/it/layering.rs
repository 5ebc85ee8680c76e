//! The layers of the architecture as a test: who may depend on whom, and which crate alone may use which library.

use std::collections::BTreeMap;

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
