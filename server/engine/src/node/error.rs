//! What is told of an attempt: warnings, and how it ended badly.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::expression::ExpressionError;

/// Something people should see that stops nothing, such as a missing glyph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable slug.
    pub code: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Json>,
    /// Where: a block id, a JSON pointer, a page; empty when it concerns the whole step.
    #[serde(default)]
    pub location: String,
}

impl Warning {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            params: Map::new(),
            location: String::new(),
        }
    }

    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = location.into();
        self
    }

    /// A value that the text shows.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }
}

/// How one attempt ended badly.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NodeError {
    /// The user must change something.
    #[error("{0}")]
    Config(StepError),
    /// Trying again gives the same.
    #[error("{0}")]
    Failed(StepError),
    /// Trying again may work; `after_ms` from a `Retry-After`.
    #[error("{error}")]
    Retryable {
        error: StepError,
        after_ms: Option<u64>,
    },
    #[error("stopped")]
    Cancelled,
}

impl NodeError {
    pub fn config(code: &str, message: impl Into<String>) -> Self {
        Self::Config(StepError::new(code, message))
    }
    pub fn failed(code: &str, message: impl Into<String>) -> Self {
        Self::Failed(StepError::new(code, message))
    }
    /// The step was woken by something it does not wait for.
    pub fn unexpected_event() -> Self {
        Self::failed(
            "unexpected_event",
            "The step was woken by something it does not wait for.",
        )
    }
    pub fn retryable(code: &str, message: impl Into<String>) -> Self {
        Self::Retryable {
            error: StepError::new(code, message),
            after_ms: None,
        }
    }

    /// A value that the text shows.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<Json>) -> Self {
        self.map(|error| error.with(name, value))
    }

    /// The same kind of end with another error.
    #[must_use]
    pub fn map(self, change: impl FnOnce(StepError) -> StepError) -> Self {
        match self {
            Self::Config(error) => Self::Config(change(error)),
            Self::Failed(error) => Self::Failed(change(error)),
            Self::Retryable { error, after_ms } => Self::Retryable {
                error: change(error),
                after_ms,
            },
            Self::Cancelled => Self::Cancelled,
        }
    }
}

impl From<ExpressionError> for NodeError {
    fn from(error: ExpressionError) -> Self {
        let reason = error.to_string();
        let told = Self::failed(error.code(), reason.as_str());
        match error {
            ExpressionError::Syntax { .. }
            | ExpressionError::Evaluation { .. }
            | ExpressionError::Unknown { .. } => told.with("reason", reason),
            ExpressionError::Empty { path } => told.with("path", path),
            ExpressionError::Fuel => told,
        }
    }
}

/// What is stored and shown of an error: a stable slug and one to three short sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    pub code: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Json>,
}

impl StepError {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            params: Map::new(),
        }
    }

    /// A value that the text shows.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
