//! The private Postgres: a cluster of our own on a private socket, started with the program, stopped with it even when the program
//! is killed, and never reachable from the network.

mod account;
pub mod binaries;
mod cluster;

use std::path::PathBuf;

pub use account::{Account, make_folder};
pub use cluster::{Cluster, ClusterOptions};

/// Each message is one sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error(
        "Formwork needs Postgres {} or newer and found none; run `apt-get install postgresql`, or set FORMWORK_POSTGRES_DIR or DATABASE_URL.",
        binaries::OLDEST
    )]
    NotFound,
    #[error("Postgres {major} in {} is too old: Formwork needs {} or newer; install a newer one, or set FORMWORK_POSTGRES_DIR or DATABASE_URL.", dir.display(), binaries::OLDEST)]
    TooOld { major: u32, dir: PathBuf },
    #[error(
        "the database was made by Postgres {major}, but {found} is installed; run `apt-get install postgresql-{major}` or set FORMWORK_POSTGRES_DIR to it, or make a `formwork backup` where Postgres {major} is and restore it here into an empty FORMWORK_DATA_DIR."
    )]
    ClusterVersion { major: u32, found: String },
    #[error("another Formwork is running with the data folder {}; stop it first, or set FORMWORK_DATA_DIR (several processes share one database through DATABASE_URL).", dir.display())]
    InUse { dir: PathBuf },
    #[error(
        "Postgres may not run as root and the system user \"{user}\" could not be made ({reason}); run `useradd --system --home-dir /var/lib/formwork {user}`."
    )]
    NoAccount { user: &'static str, reason: String },
    #[error("the system user \"{user}\", as which the database runs, may not enter {}; set FORMWORK_DATA_DIR to a folder outside closed ones such as root's home.", dir.display())]
    Closed { user: String, dir: PathBuf },
    #[error("the folder {} cannot be used: {reason}; check its owner and rights, or set FORMWORK_DATA_DIR.", dir.display())]
    Folder { dir: PathBuf, reason: String },
    #[error("the disk of {} has {free_mb} MB left, but the database needs {needed_mb} MB to start; free some space, or set FORMWORK_DATA_DIR to another disk.", dir.display())]
    DiskFull {
        dir: PathBuf,
        free_mb: u64,
        needed_mb: u64,
    },
    #[error("the disk of {} is full; free some space, or set FORMWORK_DATA_DIR to another disk.", dir.display())]
    NoSpace { dir: PathBuf },
    #[error("{program} failed: {reason}; the whole log is in {}.", log.display())]
    Failed {
        program: &'static str,
        reason: String,
        log: PathBuf,
    },
}
