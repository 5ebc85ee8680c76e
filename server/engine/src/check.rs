//! Checks of an unsaved or saved document: every problem, never only the first, each with a JSON pointer.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Blocks publishing.
    Error,
    Warning,
}

/// One problem. The text people read is made from `code` and `params` in their language; `message` is the English of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    pub severity: Severity,
    /// Stable slug.
    pub code: String,
    pub params: Json,
    pub message: String,
    /// JSON pointer into the document.
    pub pointer: String,
    /// The step it concerns.
    pub node: Option<String>,
}
