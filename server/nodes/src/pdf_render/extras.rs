//! What goes with the pages of a document and is no page of its own: the files for it, and what is told when it cannot be had. A password
//! never comes by here: it stays within the layout.

use std::{collections::HashMap, sync::Arc};

use document::{DocumentError, LimitKind, MAX_FILE_BYTES};
use engine::{
    ids::ArtifactId,
    node::{NodeContext, NodeError, StepError},
    value::FileRef,
};

use crate::values::capital;

/// The bytes of the files. One that is gone is left out: without it there is no PDF, and the error names it.
pub(super) async fn files(
    context: &dyn NodeContext,
    wanted: Vec<FileRef>,
    document: &str,
) -> Result<HashMap<ArtifactId, Arc<Vec<u8>>>, NodeError> {
    let bytes: u64 = wanted.iter().map(|file| file.size_bytes).sum();
    if bytes > MAX_FILE_BYTES {
        let error = DocumentError::Limit {
            kind: LimitKind::FileBytes,
            max: MAX_FILE_BYTES,
        };
        return Err(super::failed(&error, document));
    }
    let mut found = HashMap::new();
    for file in wanted {
        match context.read_artifact(&file).await {
            Ok(bytes) => {
                found.insert(file.id, Arc::new(bytes));
            }
            Err(NodeError::Failed(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// What happened, why, and what to do.
pub(super) fn failed(error: &DocumentError, what: &str) -> StepError {
    let why = capital(&error.to_string());
    let told = |todo: &str| StepError::new(error.code(), format!("{what} {why}. {todo}"));
    match error {
        DocumentError::File { place, name, fault } => told("Use another file.")
            .with("place", place.member())
            .with("name", name.as_str())
            .with("fault", fault.code()),
        DocumentError::Password(fault) => {
            told("Give the document another one.").with("fault", fault.code())
        }
        DocumentError::EInvoice(obstacle) => {
            told("Take it out of the document, or send the e-invoice as a file.")
                .with("obstacle", obstacle.code())
        }
        DocumentError::Limit { .. }
        | DocumentError::Stopped
        | DocumentError::Expression { .. }
        | DocumentError::Attachment(_)
        | DocumentError::Internal(_) => StepError::new(error.code(), format!("{what} {why}.")),
    }
}
