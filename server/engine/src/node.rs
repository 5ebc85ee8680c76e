//! The contract every node type fulfils: its config struct *is* the node. Nothing here runs one; the executor does, and gives it a
//! `NodeContext` that is its whole world.

mod context;
mod error;
mod outcome;
mod trigger;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    check::Problem,
    expression::Template,
    graph::Resources,
    ids::{SeriesId, WorkflowId},
    kind::{Field, Kind},
    workflow::Retry,
};

pub use context::{
    HttpRequest, HttpResponse, ItemEnd, NodeContext, PinnedDocument, Services, StepInfo, TableRows,
};
pub use error::{NodeError, StepError, Warning};
pub use outcome::{
    Answer, AnswerBody, Attach, DeliveryRequest, Done, Event, GenerationRequest, GenerationResult,
    Message, NumberRequest, Outcome, Receiver, Role, Stored, Usage, Wait, WaitOn,
};
pub use trigger::{Proof, Trigger, Webhook};

/// A node type. The implementing struct is the node's config: its doc comment is the summary people read, its fields' doc comments
/// are the help texts, `x-widget` picks the control.
#[async_trait]
pub trait Node: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Stored in documents, never renamed.
    const TYPE: &'static str;
    /// A breaking change of the config is a new version.
    const VERSION: u32;

    fn describe() -> Description;

    /// The ways out; may depend on the config.
    fn ports(&self) -> Vec<Port> {
        vec![Port::out()]
    }

    /// Ways that carry nothing: when they fire the output is empty, and whoever reads it after them must be ready for that.
    fn empty_ports(&self) -> Vec<String> {
        Vec::new()
    }

    /// What the node puts out, known before the first run.
    fn output(&self, context: &OutputContext<'_>) -> Kind;

    fn card(&self) -> Card;

    fn trigger(&self) -> Option<Trigger> {
        None
    }

    /// How the ways into the node meet.
    fn join(&self) -> Join {
        Join::All
    }

    /// Set by nodes that hold others and run them once for each entry of a list.
    fn container(&self) -> Option<Container> {
        None
    }

    /// The series whose numbers the node draws.
    fn series(&self) -> Option<SeriesId> {
        None
    }

    /// The workflow that takes an invoice of the node back, whose `number` and `date` it puts out.
    fn credit_notes(&self) -> Option<WorkflowId> {
        None
    }

    /// Whether the node takes an invoice back: then it puts out how much, as `totals.gross`, as nodes with `credit_notes` do of their invoices.
    fn takes_back(&self) -> bool {
        false
    }

    /// The workflow that the node calls.
    fn calls(&self) -> Option<WorkflowId> {
        None
    }

    /// Set by nodes that answer whoever called the workflow: what kind of answer that is.
    fn answer(&self, _context: &OutputContext<'_>) -> Option<Kind> {
        None
    }

    /// Set by nodes that look at the entries of a list one after the other: its settings with `x-scope: "entry"` read `item` and
    /// `index`.
    fn entries(&self) -> Option<&Template> {
        None
    }

    /// Says while it works how far it is, so that silence can be limited.
    fn reports_progress(&self) -> bool {
        false
    }

    /// Set by nodes that wait for a call of their link, with the fields of what is sent. The link is what expressions read as
    /// `run.links.<id of the node>`, so that earlier steps can give it to somebody.
    fn callback(&self) -> Option<Vec<Field>> {
        None
    }

    /// The node writes mails, which need a mail server.
    fn sends_mail(&self) -> bool {
        false
    }

    /// Problems beyond the schema and the expressions, which `check` finds by itself.
    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        Vec::new()
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError>;

    /// Called when what the step waited for has arrived; only for nodes that wait.
    async fn resume(
        &self,
        _context: &dyn NodeContext,
        _event: Event,
    ) -> Result<Outcome, NodeError> {
        Err(NodeError::failed(
            "unexpected_resume",
            "this step does not wait",
        ))
    }
}

/// What the palette and the engine need to know of a type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    pub title: &'static str,
    pub family: Family,
    /// A lucide icon name.
    pub icon: &'static str,
    pub effect: Effect,
    pub surface: Surface,
    /// Time limit of one attempt unless the document sets one.
    pub timeout_ms: u64,
    /// Retries unless the document sets them; `None` for pure nodes.
    pub retry: Option<Retry>,
}

/// Where a value comes from, the six colours of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    Asked,
    Written,
    Computed,
    Made,
    Sent,
    Looked,
}

/// What a crash between two commits may repeat (architecture, section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Runs again with the same result.
    Pure,
    /// Its effect is rows of the segment's own commit.
    Stored,
    /// Committed before and after, with a stable idempotency key.
    Outside,
}

/// What the middle of the editor shows for the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    Form,
    Page,
    Text,
    Message,
    None,
}

/// A way out of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Stored on edges.
    pub name: String,
    /// What people read on the wire; empty for the only way.
    pub title: String,
}

impl Port {
    /// The only way out of most nodes.
    pub fn out() -> Self {
        Self {
            name: "out".into(),
            title: String::new(),
        }
    }
}

/// What a node may look at when it tells its output kind: its ancestors' kinds and what it names by id.
pub struct OutputContext<'a> {
    /// Output kinds of the ancestors by node id, and `firm`, `run`, `now`, `today`.
    pub inputs: &'a indexmap::IndexMap<String, Kind>,
    /// What it may name by id: document templates, tables.
    pub resources: &'a dyn Resources,
    /// The nodes whose ways lead into it, with what these ways carry, in the order of the edges.
    pub sources: &'a [Field],
    /// Of a container: what lies inside.
    pub inside: Option<&'a Inside>,
    /// Of a node with `entries`: what its settings for one entry may read, a record's kind.
    pub entry: Option<&'a Kind>,
}

/// What a container may read of one entry when everything inside has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Inside {
    /// `item`, `index`, the nodes inside, and what the container itself may read.
    pub scope: Kind,
    /// The only last node inside.
    pub last: Option<Field>,
    pub is_empty: bool,
}

/// The node card: one key fact beside the type's title, and a content well of few lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Card {
    /// May hold `{{ }}`, which the editor fills with the sample's values.
    pub key_fact: String,
    pub well: Vec<CardLine>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CardLine {
    /// May hold `{{ }}`.
    pub text: String,
    /// Right-aligned, such as the name of a way.
    pub trailing: String,
}

/// How the ways into a node meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Join {
    /// Every way is settled before the node starts, and at least one fired.
    #[default]
    All,
    /// The first way that fires starts the node; later ones change nothing.
    First,
}

/// A node that holds others: they run once for each entry of the list, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Container {
    pub list: Template,
    /// Most entries worked on at once, from 1.
    pub concurrency: u32,
    /// The first entry that fails ends the others; else they go on.
    pub stops: bool,
}

/// Most entries a container goes through.
pub const MAX_ITEMS: usize = 1000;
