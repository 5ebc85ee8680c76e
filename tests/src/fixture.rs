//! Databases as earlier releases left them, for tests of upgrades. How the newest one is made: `tests/examples/release`.

use std::path::PathBuf;

/// The master key of the fixtures; it opens nothing else.
pub const KEY: &str = "66697874757265732066697874757265732066697874757265732066697874ff";

/// What the fixture's credential carries.
pub const TOKEN: &str = "a token that nobody takes";

/// `tests/fixtures/<name>.sql.gz`.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/{name}.sql.gz"))
}
