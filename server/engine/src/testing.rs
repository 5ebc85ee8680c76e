//! A node type for the engine's own tests: as many ways as its config says, and it reads what its config says.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    catalogue::{Catalogue, NodeType},
    expression::Template,
    kind::Kind,
    node::{
        Card, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Port, Surface, Trigger, Webhook,
    },
    workflow::Workflow,
};

/// A step that tests use.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plain {
    /// The ways out.
    #[serde(default)]
    ways: Vec<String>,
    /// A text.
    #[serde(default)]
    #[expect(dead_code, reason = "only its schema and what it reads are used")]
    text: Template,
    /// May be empty.
    #[serde(default)]
    #[schemars(extend("x-empty" = true))]
    #[expect(dead_code, reason = "only its schema and what it reads are used")]
    maybe: Template,
}

/// A step that starts a run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {}

fn description(title: &'static str) -> Description {
    Description {
        title,
        family: Family::Computed,
        icon: "circle",
        effect: Effect::Pure,
        surface: Surface::None,
        timeout_ms: 1000,
        retry: None,
    }
}

#[async_trait]
impl Node for Plain {
    const TYPE: &'static str = "plain";
    const VERSION: u32 = 1;
    fn describe() -> Description {
        description("Plain")
    }
    fn ports(&self) -> Vec<Port> {
        if self.ways.is_empty() {
            return vec![Port::out()];
        }
        self.ways
            .iter()
            .map(|name| Port {
                name: name.clone(),
                title: name.clone(),
            })
            .collect()
    }
    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([("text", "Text", Kind::text())])
    }
    fn card(&self) -> Card {
        Card::default()
    }
    async fn run(&self, _context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(json!({"text": ""}))))
    }
}

#[async_trait]
impl Node for Start {
    const TYPE: &'static str = "start";
    const VERSION: u32 = 1;
    fn describe() -> Description {
        description("Start")
    }
    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([("name", "Name", Kind::text())])
    }
    fn card(&self) -> Card {
        Card::default()
    }
    fn trigger(&self) -> Option<Trigger> {
        Some(Trigger::Webhook(Webhook { fields: Vec::new() }))
    }
    async fn run(&self, _context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(json!({"name": ""}))))
    }
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::new(vec![NodeType::of::<Plain>(), NodeType::of::<Start>()])
}

/// `nodes`: (id, rest of the node); `edges`: (from, port, to). The node `s` is a `start`.
pub(crate) fn workflow(nodes: &[(&str, Json)], edges: &[(&str, &str, &str)]) -> Workflow {
    let nodes: Vec<Json> = nodes
        .iter()
        .map(|(id, rest)| {
            let node_type = if id.starts_with('s') {
                "start"
            } else {
                "plain"
            };
            let mut node =
                json!({"id": id, "type": node_type, "version": 1, "name": id, "config": {}});
            if let (Some(node), Some(rest)) = (node.as_object_mut(), rest.as_object()) {
                node.extend(rest.clone());
            }
            node
        })
        .collect();
    let edges: Vec<Json> = edges
        .iter()
        .map(|(from, port, to)| json!({"from": from, "port": port, "to": to}))
        .collect();
    serde_json::from_value(json!({
        "format": "formwork/1", "name": "Test", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": nodes, "edges": edges,
    }))
    .expect("a workflow")
}
