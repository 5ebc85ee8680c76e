//! Workflows that the steps of others call: the gallery's files name each other as the gallery does, drafts name workflows by id.

use std::collections::HashMap;

use engine::{catalogue::Catalogue, ids::WorkflowId, workflow::Workflow};

use super::{WORKFLOW, rename, settings};

/// What the steps call, each once.
pub(crate) fn called_names(catalogue: &Catalogue, workflow: &Workflow) -> Vec<String> {
    let nodes = workflow.nodes.iter();
    let mut names: Vec<String> = nodes
        .flat_map(|node| settings(catalogue, node, WORKFLOW))
        .map(|(_, name)| name)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Lets the steps call these instead; what is not among them stays and becomes a problem of the check.
pub(crate) fn rename_called(
    catalogue: &Catalogue,
    workflow: &mut Workflow,
    ids: &HashMap<String, WorkflowId>,
) {
    rename(catalogue, workflow, WORKFLOW, |name| {
        ids.get(name).map(ToString::to_string)
    });
}
