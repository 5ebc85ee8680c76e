//! The shipped workflows, embedded when the server is built (`build.rs` lists the folder), and their pages, drawn once.

use std::sync::{Arc, OnceLock};

use engine::{catalogue::Catalogue, graph, workflow::Workflow};
use serde_json::Value as Json;

/// (name, JSON) of every file in `workflows/`.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// All examples that this build's node types can run.
pub(crate) struct Gallery(Vec<Arc<Example>>);

/// One shipped workflow.
pub(crate) struct Example {
    pub name: &'static str,
    pub json: Json,
    pub workflow: Workflow,
    /// First page with the first sample, once drawn.
    pub page: OnceLock<String>,
}

impl Gallery {
    pub(crate) fn new(catalogue: &Catalogue) -> Self {
        let known = |workflow: &Workflow| {
            workflow
                .nodes
                .iter()
                .all(|node| catalogue.get(&node.node_type, node.version).is_some())
        };
        Self(
            SHIPPED
                .iter()
                .filter_map(|(name, text)| {
                    let json: Json = serde_json::from_str(text).ok()?;
                    let workflow = graph::parse(&json).ok()?;
                    known(&workflow).then(|| {
                        Arc::new(Example {
                            name,
                            json,
                            workflow,
                            page: OnceLock::new(),
                        })
                    })
                })
                .collect(),
        )
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Example>> {
        self.0.iter()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Example>> {
        self.0.iter().find(|example| example.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_is_a_workflow() {
        assert!(!SHIPPED.is_empty());
        for (name, text) in SHIPPED {
            let json: Json = serde_json::from_str(text).unwrap();
            if let Err(problems) = graph::parse(&json) {
                panic!("{name}: {problems:?}");
            }
        }
    }
}
