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
        Card, Container, Description, Done, Effect, Family, Join, Node, NodeContext, NodeError,
        Outcome, OutputContext, Port, Surface, Trigger, Webhook,
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

/// A step that holds others.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Each {
    /// The list.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value"))]
    list: Template,
    /// Entries at once.
    #[serde(default)]
    at_once: u32,
    /// Whether the first failure ends it.
    #[serde(default)]
    stops: bool,
    /// What is kept of each entry.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-scope" = "inside"))]
    result: Template,
}

/// A step that the first way starts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct First {}

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
impl Node for Each {
    const TYPE: &'static str = "each";
    const VERSION: u32 = 1;
    fn describe() -> Description {
        description("Each")
    }
    fn container(&self) -> Option<Container> {
        Some(Container {
            list: self.list.clone(),
            concurrency: self.at_once,
            stops: self.stops,
        })
    }
    fn output(&self, context: &OutputContext<'_>) -> Kind {
        let scope = context.inside.map(|inside| &inside.scope);
        let result = scope.map_or(Kind::Any, |scope| {
            crate::expression::infer(&self.result, scope, true).0
        });
        Kind::list(result)
    }
    fn card(&self) -> Card {
        Card::default()
    }
    async fn run(&self, _context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(json!([]))))
    }
}

#[async_trait]
impl Node for First {
    const TYPE: &'static str = "first";
    const VERSION: u32 = 1;
    fn describe() -> Description {
        description("First")
    }
    fn join(&self) -> Join {
        Join::First
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
        Kind::record([
            ("name", "Name", Kind::text()),
            ("names", "Names", Kind::list(Kind::text())),
        ])
    }
    fn card(&self) -> Card {
        Card::default()
    }
    fn trigger(&self) -> Option<Trigger> {
        Some(Trigger::Webhook(Webhook::default()))
    }
    async fn run(&self, _context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(json!({"name": "", "names": []}))))
    }
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::new(vec![
        NodeType::of::<Each>(),
        NodeType::of::<First>(),
        NodeType::of::<Plain>(),
        NodeType::of::<Start>(),
    ])
}

/// `nodes`: (id, rest of the node); `edges`: (from, port, to). A node whose id begins with `s` is a `start`, with `h`
/// (holds) an `each`, with `m` (meets) a `first`.
pub(crate) fn workflow(nodes: &[(&str, Json)], edges: &[(&str, &str, &str)]) -> Workflow {
    let nodes: Vec<Json> = nodes
        .iter()
        .map(|(id, rest)| {
            let node_type = match id.chars().next() {
                Some('s') => "start",
                Some('h') => "each",
                Some('m') => "first",
                _ => "plain",
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
