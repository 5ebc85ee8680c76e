//! What the process is told, by arguments and environment. The only module of this crate that reads the environment.

use std::path::PathBuf;

/// The small model for tests: `FORMWORK_TEST_MODEL`, else the file in the cache's models folder.
pub fn test_model() -> Option<PathBuf> {
    let path = match env("FORMWORK_TEST_MODEL") {
        Some(path) => PathBuf::from(path),
        None => cache_folder()?.join("smollm2-135m-instruct-q4_1.gguf"),
    };
    path.is_file().then_some(path)
}

/// `$XDG_CACHE_HOME/formwork/models`.
fn cache_folder() -> Option<PathBuf> {
    let base = env("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    Some(base.join("formwork/models"))
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
