//! Node types of the tests: a trigger, and steps that behave as their config says. What ran is written into a ledger, so that a test can
//! see what was repeated.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use engine::{
    catalogue::{Catalogue, NodeType},
    form::Form,
    ids::EndpointId,
    kind::Kind,
    node::{
        Attach, Card, DeliveryRequest, Description, Done, Effect, Event, Family, Node, NodeContext,
        NodeError, Outcome, OutputContext, Port, Receiver, Stored, Surface, Trigger, Wait, WaitOn,
    },
    workflow::Retry,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

/// What ran: (node, attempt, idempotency key).
#[derive(Default)]
pub struct Ledger(Mutex<Vec<(String, u32, String)>>);

impl Ledger {
    pub fn entries(&self) -> Vec<(String, u32, String)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How often a node ran.
    pub fn count(&self, node: &str) -> usize {
        self.entries()
            .iter()
            .filter(|(name, _, _)| name == node)
            .count()
    }

    /// How many different idempotency keys there were.
    pub fn keys(&self) -> usize {
        let entries = self.entries();
        let keys: BTreeSet<&str> = entries.iter().map(|(_, _, key)| key.as_str()).collect();
        keys.len()
    }

    fn add(&self, context: &dyn NodeContext) {
        let step = context.step();
        let entry = (
            step.node.clone(),
            step.attempt,
            step.idempotency_key.clone(),
        );
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    }
}

/// Steps with `gate` wait here until the test lets them through.
pub struct Gate(pub Semaphore);

/// Counts steps that stand at the gate.
#[derive(Default)]
pub struct Arrived(pub tokio::sync::Notify);

/// The test's node types.
pub fn catalogue() -> Catalogue {
    Catalogue::new(vec![
        NodeType::of::<Start>(),
        NodeType::of::<Light>(),
        NodeType::of::<Outside>(),
        NodeType::of::<Deliver>(),
        NodeType::of::<Signal>(),
    ])
}

fn describe(title: &'static str, effect: Effect) -> Description {
    Description {
        title,
        family: Family::Computed,
        icon: "circle",
        effect,
        surface: Surface::None,
        timeout_ms: 5_000,
        retry: match effect {
            Effect::Pure => None,
            Effect::Stored | Effect::Outside => Some(Retry {
                max_attempts: 3,
                first_ms: 1,
                factor: 1,
                max_ms: 1,
            }),
        },
    }
}

/// Begins a run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Start {}

#[async_trait]
impl Node for Start {
    const TYPE: &'static str = "t_start";
    const VERSION: u32 = 1;
    fn describe() -> Description {
        describe("Start", Effect::Pure)
    }
    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Any
    }
    fn card(&self) -> Card {
        Card::default()
    }
    fn trigger(&self) -> Option<Trigger> {
        Some(Trigger::Form(Form::default()))
    }
    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(context.step().kept.clone())))
    }
}

/// How a step behaves.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Behaviour {
    /// `fail`, `retryable`, `panic`, `hang`, `gate`, `nul`, `large`, `too_large`; empty: succeeds.
    does: String,
    /// Fails (retryably) this often before it succeeds.
    fails: u32,
    /// Extra ways; the step fires `fires`.
    ways: Vec<String>,
    /// The way it fires.
    fires: String,
}

impl Behaviour {
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

    async fn behave(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        if let Some(ledger) = context.services().get::<Ledger>() {
            ledger.add(context);
        }
        if context.step().attempt <= self.fails {
            return Err(NodeError::retryable("not_yet", "not yet"));
        }
        match self.does.as_str() {
            "fail" => return Err(NodeError::failed("refused", "no")),
            "retryable" => return Err(NodeError::retryable("later", "later")),
            "panic" => panic!("a step that panics on purpose"),
            "hang" => std::future::pending::<()>().await,
            "gate" => {
                if let Some(arrived) = context.services().get::<Arrived>() {
                    arrived.0.notify_one();
                }
                if let Some(gate) = context.services().get::<Gate>() {
                    gate.0.acquire().await.expect("the gate stays").forget();
                }
            }
            _ => {}
        }
        let output = match self.does.as_str() {
            "nul" => json!("a\0b"),
            "large" => json!("a".repeat(1024 * 1024)),
            "too_large" => json!("a".repeat(5 * 1024 * 1024)),
            _ => json!({ "by": context.step().node, "now": context.step().now }),
        };
        let ports = if self.fires.is_empty() {
            vec!["out".to_owned()]
        } else {
            vec![self.fires.clone()]
        };
        Ok(Outcome::Done(Done {
            ports,
            output,
            ..Done::default()
        }))
    }
}

/// A step that behaves as its config says.
macro_rules! behaving {
    ($name:ident, $type:literal, $effect:ident) => {
        #[derive(Deserialize, JsonSchema)]
        #[serde(transparent)]
        struct $name(Behaviour);

        #[async_trait]
        impl Node for $name {
            const TYPE: &'static str = $type;
            const VERSION: u32 = 1;
            fn describe() -> Description {
                describe(stringify!($name), Effect::$effect)
            }
            fn ports(&self) -> Vec<Port> {
                self.0.ports()
            }
            fn output(&self, _context: &OutputContext<'_>) -> Kind {
                Kind::Any
            }
            fn card(&self) -> Card {
                Card::default()
            }
            async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
                self.0.behave(context).await
            }
        }
    };
}

behaving!(Light, "t_light", Pure);
behaving!(Outside, "t_outside", Outside);

/// Sends a message.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Deliver {
    /// Where to.
    endpoint: EndpointId,
    /// Waits for the receipt.
    #[serde(default)]
    wait: bool,
    /// Makes a file and sends it along.
    #[serde(default)]
    file: bool,
    /// The file travels inside.
    #[serde(default)]
    inline: bool,
}

#[async_trait]
impl Node for Deliver {
    const TYPE: &'static str = "t_deliver";
    const VERSION: u32 = 1;
    fn describe() -> Description {
        describe("Deliver", Effect::Stored)
    }
    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Any
    }
    fn card(&self) -> Card {
        Card::default()
    }
    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let mut artifacts = Vec::new();
        if self.file {
            artifacts.push(
                context
                    .write_artifact("letter.txt", "text/plain", b"Dear reader".to_vec())
                    .await?,
            );
        }
        let request = DeliveryRequest {
            receiver: Receiver::Endpoint(self.endpoint),
            message_type: "document.ready".into(),
            values: json!({ "total": "12.00" }),
            artifacts,
            attach: if self.inline {
                Attach::Inline
            } else {
                Attach::Link
            },
        };
        Ok(if self.wait {
            Outcome::Wait(Wait {
                on: WaitOn::Delivery(request),
                until: None,
                kept: json!({ "kept": 1 }),
            })
        } else {
            Outcome::Done(Done {
                stored: vec![Stored::Delivery(request)],
                ..Done::out(json!({ "sent": true }))
            })
        })
    }
    async fn resume(&self, context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        match event {
            Event::Delivery(Ok(answer)) => Ok(Outcome::Done(Done::out(
                json!({ "answer": answer, "kept": context.step().kept }),
            ))),
            Event::Delivery(Err(error)) => Err(NodeError::Failed(error)),
            Event::Signal(_)
            | Event::Generation(_)
            | Event::Call(_)
            | Event::Items
            | Event::TimedOut => Err(NodeError::unexpected_event()),
        }
    }
}

/// Waits for a signal.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Signal {
    /// At most so long, in seconds.
    #[serde(default)]
    seconds: Option<i64>,
}

#[async_trait]
impl Node for Signal {
    const TYPE: &'static str = "t_signal";
    const VERSION: u32 = 1;
    fn describe() -> Description {
        describe("Signal", Effect::Stored)
    }
    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Any
    }
    fn card(&self) -> Card {
        Card::default()
    }
    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let until = self
            .seconds
            .map(|seconds| context.step().now + jiff::SignedDuration::from_secs(seconds));
        Ok(Outcome::Wait(Wait {
            on: WaitOn::Signal,
            until,
            kept: json!({ "asked": true }),
        }))
    }
    async fn resume(&self, _context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(match event {
            Event::Signal(answer) => json!({ "answer": answer }),
            Event::TimedOut => json!({ "answer": null }),
            Event::Generation(_) | Event::Delivery(_) | Event::Call(_) | Event::Items => {
                return Err(NodeError::unexpected_event());
            }
        })))
    }
}

/// What the test's steps use, with a gate that is shut.
pub fn services() -> (engine::node::Services, Arc<Ledger>, Arc<Gate>, Arc<Arrived>) {
    let (ledger, gate, arrived) = (
        Arc::new(Ledger::default()),
        Arc::new(Gate(Semaphore::new(0))),
        Arc::new(Arrived::default()),
    );
    let services = engine::node::Services::default()
        .with(ledger.clone())
        .with(gate.clone())
        .with(arrived.clone());
    (services, ledger, gate, arrived)
}
