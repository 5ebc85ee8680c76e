//! Nodes bound to their types, with their ports.

use serde_json::json;

use super::DraftNode;
use crate::{
    catalogue::Catalogue,
    check::{Problem, close_match},
    graph::ERROR_PORT,
    kind::Kind,
    node::{Join, Port},
    workflow::{Limits, Node, OnError},
};

pub(super) fn bind(
    node: &Node,
    pointer: &str,
    catalogue: &Catalogue,
    problems: &mut Vec<Problem>,
) -> DraftNode {
    let mut draft = DraftNode {
        id: node.id.clone(),
        name: if node.name.trim().is_empty() {
            node.id.clone()
        } else {
            node.name.clone()
        },
        on_error: node.on_error,
        pointer: pointer.to_owned(),
        bound: None,
        description: None,
        ports: Vec::new(),
        empty_ports: Vec::new(),
        output: Kind::Any,
        trigger: None,
        join: Join::All,
        container: None,
        item: Kind::Any,
        parent: None,
    };
    let Some(node_type) = catalogue.get(&node.node_type, node.version) else {
        problems.push(unknown_type(node, pointer, catalogue).of(&node.id));
        return draft;
    };
    draft.description = Some(node_type.description.clone());
    let empty = json!({});
    let config = if node.config.is_null() {
        &empty
    } else {
        &node.config
    };
    match node_type.bind(config) {
        Ok(bound) => {
            draft.ports = bound.ports();
            draft.empty_ports = bound.empty_ports();
            if node.on_error == OnError::Branch {
                draft.ports.push(Port {
                    name: ERROR_PORT.into(),
                    title: "Error".into(),
                });
            }
            draft.trigger = bound.trigger();
            draft.join = bound.join();
            draft.container = bound.container();
            draft.bound = Some(bound);
        }
        Err(found) => problems.extend(
            found
                .into_iter()
                .map(|problem| problem.under(&format!("{pointer}/config")).of(&node.id)),
        ),
    }
    draft
}

fn unknown_type(node: &Node, pointer: &str, catalogue: &Catalogue) -> Problem {
    if let Some(newest) = catalogue.newest(&node.node_type) {
        return Problem::error(
            "unknown_node_version",
            json!({"type": node.node_type, "version": node.version, "newest": newest.version}),
            format!(
                "This build has no version {} of \u{201c}{}\u{201d}; its newest is {}.",
                node.version, node.node_type, newest.version
            ),
        )
        .at(format!("{pointer}/version"));
    }
    let close = close_match(
        &node.node_type,
        catalogue.iter().map(|entry| entry.node_type),
    );
    Problem::error(
        "unknown_node_type",
        json!({"type": node.node_type, "close": close}),
        format!(
            "This build has no kind of step \u{201c}{}\u{201d}.",
            node.node_type
        ),
    )
    .at(format!("{pointer}/type"))
}

/// What begins a run begins at once, how long the steps inside another take is told of each of them, and silence says nothing of a step
/// that reports no progress.
pub(super) fn misplaced_limits(node: &Node, bound: &DraftNode) -> Option<Problem> {
    let limits = node.limits.filter(|limits| *limits != Limits::default())?;
    let problem = if bound.trigger.is_some() || bound.container.is_some() {
        Problem::error(
            "limits_misplaced",
            json!({"node": node.id}),
            "Limits until it begins and until it ends are for steps that neither begin a run nor hold others.",
        )
        .at(format!("{}/limits", bound.pointer))
    } else {
        let node = bound.bound.as_ref()?;
        if limits.heartbeat_ms.is_none() || node.reports_progress() {
            return None;
        }
        Problem::error(
            "heartbeat_without_progress",
            json!({"node": bound.id}),
            "This step reports no progress, so its silence cannot be limited. Remove that limit.",
        )
        .at(format!("{}/limits/heartbeat_ms", bound.pointer))
    };
    Some(problem.of(&bound.id))
}
