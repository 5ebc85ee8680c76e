//! What is told of a page that has warnings, and of a PDF that was not made.

use document::DocumentError;
use engine::node::{NodeError, StepError, Warning};
use serde_json::json;

use super::{DEADLINE, extras};
use crate::values::capital;

/// Most warnings that an error tells.
const MOST_TOLD: usize = 10;

/// The warnings of a page, and of values that are missing where nothing is printed that would tell.
pub(super) fn with_missing(mut warnings: Vec<Warning>, missing: &[String]) -> Vec<Warning> {
    for name in missing {
        let is_told = warnings.iter().any(|warning| {
            let path = warning
                .params
                .get("path")
                .and_then(serde_json::Value::as_str);
            warning.code == "value_missing"
                && path.is_some_and(|path| path.split('.').next() == Some(name.as_str()))
        });
        if !is_told {
            let message = format!("`{name}` is empty and has no default");
            warnings.push(Warning::new("value_missing", message).with("path", name.as_str()));
        }
    }
    warnings
}

/// The workflow stops at warnings: all of them, as far as people read on.
pub(super) fn stopped(warnings: &[Warning], document: &str) -> NodeError {
    let told = &warnings[..warnings.len().min(MOST_TOLD)];
    let more = warnings.len() - told.len();
    let mut said: Vec<String> = told
        .iter()
        .map(|warning| match warning.location.as_str() {
            "" => format!("{}.", capital(&warning.message)),
            block => format!("In the block \u{201c}{block}\u{201d}: {}.", warning.message),
        })
        .collect();
    if more > 0 {
        said.push(format!("And {more} more."));
    }
    let said = said.join(" ");
    NodeError::failed(
        "document_warnings",
        format!(
            "The PDF was not made from \u{201c}{document}\u{201d}, because this workflow stops at warnings. {said} Correct the document or its values, or let the workflow go on with warnings.",
        ),
    )
    .with("document", document)
    .with("warnings", json!(told))
    .with("more", more)
}

/// What happened, why, and what to do.
pub(super) fn failed(error: &DocumentError, document: &str) -> NodeError {
    let what = format!("The PDF was not made from \u{201c}{document}\u{201d}.");
    let told = match error {
        DocumentError::Limit { kind, max, block } => {
            let why = capital(&error.to_string());
            let todo = match error.code() {
                "document_too_large" => "Use fewer rows, shorter texts or smaller pictures.",
                _ => "Use fewer or smaller files.",
            };
            let message = format!("{what} {why}. {todo}");
            StepError::new(error.code(), message)
                .with("kind", kind.to_string())
                .with("most", *max)
                .with("block", (!block.is_empty()).then_some(block.as_str()))
        }
        DocumentError::Stopped => {
            let seconds = DEADLINE.as_secs();
            let message = format!(
                "{what} It takes more than {seconds} s of work. Use fewer rows or a simpler document."
            );
            StepError::new(error.code(), message).with("seconds", seconds)
        }
        DocumentError::Expression { block, message, .. } => StepError::new(
            "document_expression",
            format!(
                "{what} In the block \u{201c}{block}\u{201d}: {message}. Correct it in the document and publish again."
            ),
        )
        .with("block", block.as_str())
        .with("reason", message.as_str()),
        DocumentError::File { .. } | DocumentError::Password(_) | DocumentError::EInvoice(_) => {
            extras::failed(error, &what)
        }
        DocumentError::Attachment(reason) => {
            let why = capital(reason);
            StepError::new(error.code(), format!("{what} {why}.")).with("reason", why)
        }
        DocumentError::Internal(reason) => {
            let why = capital(&error.to_string());
            let message =
                format!("{what} {why}. This is a fault of Formwork; see the server's log.");
            StepError::new(error.code(), message).with("reason", reason.as_str())
        }
    };
    NodeError::Failed(told.with("document", document))
}
