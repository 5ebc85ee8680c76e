//! The shipped workflows, embedded when the server is built (`build.rs` lists the folder). One that says the name of a shipped document
//! in the place of a template has that document, in its own language.

use std::{collections::HashMap, sync::Arc};

use engine::{catalogue::Catalogue, graph, workflow::Workflow};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::document_examples::DocumentGallery;

/// (name, JSON) of every file in `workflows/`.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// (language, JSON) of every file in `workflows/messages/`.
const MESSAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/example_messages.rs"));

/// All examples that this build's node types can run.
pub(crate) struct Gallery {
    examples: Vec<Arc<Example>>,
    /// By language and name of the example.
    messages: HashMap<&'static str, HashMap<String, Card>>,
}

/// What people read before they choose an example, which itself stays in its own language.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Card {
    pub title: String,
    pub summary: String,
}

/// One shipped workflow.
pub(crate) struct Example {
    pub name: &'static str,
    pub json: Json,
    pub workflow: Workflow,
}

impl Gallery {
    pub(crate) fn new(catalogue: &Catalogue, documents: &DocumentGallery) -> Self {
        let known = |workflow: &Workflow| {
            workflow
                .nodes
                .iter()
                .all(|node| catalogue.get(&node.node_type, node.version).is_some())
        };
        let mut examples: Vec<_> = SHIPPED
            .iter()
            .filter_map(|(name, text)| {
                let mut json: Json = serde_json::from_str(text).ok()?;
                embed(&mut json, documents);
                let workflow = graph::parse(&json).ok()?;
                known(&workflow).then(|| {
                    Arc::new(Example {
                        name,
                        json,
                        workflow,
                    })
                })
            })
            .collect();
        // What makes a page is what people look for first.
        examples.sort_by_key(|example| example.workflow.documents.is_empty());
        Self {
            messages: MESSAGES
                .iter()
                .filter_map(|(language, text)| Some((*language, serde_json::from_str(text).ok()?)))
                .collect(),
            examples,
        }
    }

    /// The example's card in a language that the gallery speaks.
    pub(crate) fn card(&self, language: &str, name: &str) -> Option<Card> {
        self.messages.get(language)?.get(name).cloned()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Example>> {
        self.examples.iter()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Arc<Example>> {
        self.examples.iter().find(|example| example.name == name)
    }
}

/// Puts shipped documents where their names stand.
fn embed(workflow: &mut Json, gallery: &DocumentGallery) {
    let locale = workflow["locale"].as_str().unwrap_or_default().to_owned();
    let documents = workflow.get_mut("documents").and_then(Json::as_object_mut);
    for document in documents.into_iter().flat_map(serde_json::Map::values_mut) {
        let named = document.as_str().and_then(|name| gallery.find(name));
        if let Some(shipped) = named.and_then(|example| example.closest(&locale)) {
            *document = shipped.template.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_names_every_example() {
        for (language, text) in MESSAGES {
            let cards: HashMap<String, Card> = serde_json::from_str(text).unwrap();
            for (name, _) in SHIPPED {
                assert!(cards.contains_key(*name), "{language} lacks {name}");
            }
            assert_eq!(cards.len(), SHIPPED.len(), "{language}");
        }
    }

    #[test]
    fn every_shipped_file_is_a_workflow() {
        assert!(!SHIPPED.is_empty());
        let documents = DocumentGallery::new();
        for (name, text) in SHIPPED {
            let mut json: Json = serde_json::from_str(text).unwrap();
            embed(&mut json, &documents);
            if let Err(problems) = graph::parse(&json) {
                panic!("{name}: {problems:?}");
            }
        }
    }
}
