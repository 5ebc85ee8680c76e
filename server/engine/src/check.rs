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

impl Problem {
    pub fn error(code: &str, params: Json, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            params,
            message: message.into(),
            pointer: String::new(),
            node: None,
        }
    }

    pub fn warning(code: &str, params: Json, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, params, message)
        }
    }

    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    #[must_use]
    pub fn of(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }

    /// The same problem seen from further outside.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The known name that a mistyped one most likely means: at most a third of its letters differ.
pub fn close_match<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count().max(3)) / 3;
    known
        .map(|candidate| (distance(name, candidate, most), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two names, a swap of neighbours counting as one (optimal string alignment); beyond `most` any larger number.
fn distance(a: &str, b: &str, most: usize) -> usize {
    let a: Vec<char> = a.chars().take(crate::kind::MAX_NAME + 1).collect();
    let b: Vec<char> = b.chars().take(crate::kind::MAX_NAME + 1).collect();
    if a.len().abs_diff(b.len()) > most {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut cost = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_found() {
        let check = |name: &str, expected: Option<&str>| {
            let known = ["customer", "total", "days"];
            assert_eq!(close_match(name, known.into_iter()), expected, "{name}");
        };
        check("custmer", Some("customer"));
        check("cusotmer", Some("customer"));
        check("totl", Some("total"));
        check("dyas", Some("days"));
        check("country", None);
        check("", None);
    }
}
