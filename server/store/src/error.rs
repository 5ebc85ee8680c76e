//! The store's one error: its variants say what the caller can do about it. Constraint names are mapped where the statement runs.

use engine::{check::Problem, node::StepError};
use sqlx::migrate::MigrateError;

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such thing in this workspace.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The stored state changed since the caller read it; it must read again.
    #[error("{message}")]
    Conflict {
        /// Stable slug, such as `draft_changed`.
        code: &'static str,
        message: String,
    },
    /// The caller's values cannot be stored; they must change them.
    #[error("{message}")]
    Invalid {
        /// Stable slug, such as `email_taken`.
        code: &'static str,
        message: String,
        /// JSON pointer into what the caller sent.
        pointer: String,
    },
    /// A workflow document with errors, all of them.
    #[error("the workflow has problems")]
    Problems(Vec<Problem>),
    /// What a step did cannot be committed, now or later: it has failed of this.
    #[error("{0}")]
    Step(StepError),
    /// This process has no master key, or the key does not fit the stored secret.
    #[error("{0}")]
    Key(&'static str),
    /// The file is not in the artifact store, or its disk refuses.
    #[error("the file store failed: {0}")]
    Files(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A stored row does not parse: the program or the data is wrong.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The database does not answer; trying again in a moment may work.
    #[error("the database does not answer: {0}")]
    Unavailable(#[source] sqlx::Error),
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    #[error("{}", migration(.0))]
    Migrate(#[from] MigrateError),
}

pub type Result<T, E = StoreError> = std::result::Result<T, E>;

impl StoreError {
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            message: message.into(),
        }
    }

    /// Whether the same statement may work later: the database did not answer, or had no room, or two statements met. What it refused
    /// for good (values, constraints) is not.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Database(error) => match error.as_database_error() {
                // Classes 08 connection, 40 rollback, 53 resources, 55 object state, 57 operator, 58 system; 25P03: this process stood
                // still in a transaction.
                Some(cause) => cause.code().is_some_and(|code| {
                    ["08", "25P03", "40", "53", "55", "57", "58"]
                        .iter()
                        .any(|class| code.starts_with(class))
                }),
                None => !matches!(
                    error,
                    sqlx::Error::Encode(_)
                        | sqlx::Error::Decode(_)
                        | sqlx::Error::ColumnDecode { .. }
                ),
            },
            Self::NotFound(_)
            | Self::Conflict { .. }
            | Self::Invalid { .. }
            | Self::Problems(_)
            | Self::Step(_)
            | Self::Key(_)
            | Self::Files(_)
            | Self::Damaged(_)
            | Self::Migrate(_) => false,
        }
    }

    /// Whether the statement met another one's lock and did not want to wait (`nowait`).
    pub(crate) fn is_locked(&self) -> bool {
        matches!(self, Self::Database(error)
            if error.as_database_error().is_some_and(|cause| cause.code().is_some_and(|code| code == "55P03")))
    }

    /// Whether a row was there and could not be read: its neighbours may be.
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(
            self,
            Self::Database(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))
        )
    }

    pub fn invalid(code: &'static str, pointer: &str, message: impl Into<String>) -> Self {
        Self::Invalid {
            code,
            message: message.into(),
            pointer: pointer.into(),
        }
    }
}

fn migration(error: &MigrateError) -> String {
    match error {
        MigrateError::VersionMissing(version) => format!(
            "the database was made by a newer Formwork (this program does not know its migration {version}); start that version, or restore an older backup into an empty FORMWORK_DATA_DIR."
        ),
        MigrateError::VersionMismatch(version) => format!(
            "the database was made by another build of Formwork (its migration {version} differs); start that build, or begin with an empty FORMWORK_DATA_DIR or database."
        ),
        other => format!(
            "the database could not be brought to this version ({other}); the step that failed left nothing behind: remove its cause and start again, or start the version before."
        ),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => {
                Self::Unavailable(error)
            }
            error => Self::Database(error),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

/// Maps a violated constraint to what it means; any other database error stays one.
pub(crate) trait OnConstraint<T> {
    fn on_constraint(self, name: &str, meaning: impl FnOnce() -> StoreError) -> Result<T>;
}

impl<T> OnConstraint<T> for Result<T, sqlx::Error> {
    fn on_constraint(self, name: &str, meaning: impl FnOnce() -> StoreError) -> Result<T> {
        self.map_err(|error| match error.as_database_error() {
            Some(cause) if cause.constraint() == Some(name) => meaning(),
            _ => error.into(),
        })
    }
}
