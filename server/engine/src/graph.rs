//! A document compiled against the catalogue: nodes in order with what they are, what they may read and where they lead. Compiling
//! tells every problem of the structure; `check` adds those of expressions and settings.

mod adjacency;
mod draft;
mod scope;
mod shape;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexMap;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value as Json;

use crate::{
    call::Callable,
    catalogue::{BoundNode, Catalogue},
    check::Problem,
    document_field::DocumentField,
    firm::Firm,
    ids::{DocumentId, RunId, TableId, WorkflowId},
    kind::{Field, Kind},
    node::{Container, Description, Effect, Join, Port, Trigger},
    value::{Mismatch, Value},
    workflow::{DocumentWarnings, Edge, Limits, OnError, Retry, Workflow},
};

use scope::{InnerPlan, Reading, Seen};

pub(crate) use draft::{Draft, DraftNode};
pub use scope::{Outputs, common_scope, error_kind};
pub use shape::parse;

/// Most nodes in one document.
pub const MAX_NODES: usize = 500;
/// Most edges in one document.
pub const MAX_EDGES: usize = 2000;
/// How deep containers may lie in each other.
pub const MAX_DEPTH: usize = 4;
/// The way that `on_error: branch` adds.
pub const ERROR_PORT: &str = "error";

/// The workspace's own things that a workflow may name by id.
pub trait Resources {
    /// The typed fields a document template declares; `None` when there is no such template.
    fn document_fields(&self, id: DocumentId) -> Option<Vec<DocumentField>>;

    /// The columns of a table; `None` when there is no such table.
    fn table_columns(&self, _id: TableId) -> Option<Vec<Field>> {
        None
    }

    /// A workflow that may be called; `None` when there is no such workflow.
    fn callable(&self, _id: WorkflowId) -> Option<Callable> {
        None
    }
}

/// None at all.
impl Resources for () {
    fn document_fields(&self, _id: DocumentId) -> Option<Vec<DocumentField>> {
        None
    }
}

impl<S: std::hash::BuildHasher> Resources for HashMap<DocumentId, Vec<DocumentField>, S> {
    fn document_fields(&self, id: DocumentId) -> Option<Vec<DocumentField>> {
        self.get(&id).cloned()
    }
}

impl Resources for BTreeMap<DocumentId, Vec<DocumentField>> {
    fn document_fields(&self, id: DocumentId) -> Option<Vec<DocumentField>> {
        self.get(&id).cloned()
    }
}

/// What a workflow names, read beforehand.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Typed fields of document templates.
    pub documents: HashMap<DocumentId, Vec<DocumentField>>,
    /// Columns of tables.
    pub tables: HashMap<TableId, Vec<Field>>,
    /// Workflows that it calls.
    pub workflows: HashMap<WorkflowId, Callable>,
}

impl Resources for Named {
    fn document_fields(&self, id: DocumentId) -> Option<Vec<DocumentField>> {
        self.documents.get(&id).cloned()
    }

    fn table_columns(&self, id: TableId) -> Option<Vec<Field>> {
        self.tables.get(&id).cloned()
    }

    fn callable(&self, id: WorkflowId) -> Option<Callable> {
        self.workflows.get(&id).cloned()
    }
}

/// A document that can run.
pub struct Plan {
    pub name: String,
    pub locale: String,
    pub time_zone: TimeZone,
    pub currency: String,
    pub document_warnings: DocumentWarnings,
    /// In topological order, ties in document order.
    nodes: IndexMap<String, PlanNode>,
    edges: Vec<Edge>,
    /// Indexes into `nodes` by the container they lie in; `None`: in none.
    levels: HashMap<Option<String>, Vec<usize>>,
}

/// One node of a plan.
pub struct PlanNode {
    pub id: String,
    pub name: String,
    pub node_type: String,
    pub version: u32,
    pub node: Box<dyn BoundNode>,
    pub description: Description,
    /// What the node puts out when it succeeds.
    pub output: Kind,
    /// The node's own ways and, with `on_error: branch`, `error`.
    pub ports: Vec<Port>,
    /// Ways that carry nothing.
    empty_ports: Vec<String>,
    pub retry: Option<Retry>,
    pub on_error: OnError,
    /// Of one attempt.
    pub timeout_ms: u64,
    pub limits: Limits,
    pub trigger: Option<Trigger>,
    pub join: Join,
    pub container: Option<Container>,
    /// The container it lies in.
    pub parent: Option<String>,
    /// Containers around it.
    depth: usize,
    /// Indexes into `Plan::edges`.
    incoming: Vec<usize>,
    outgoing: Vec<usize>,
    /// The nodes that its config reads, nearest last.
    readings: Vec<(String, Reading)>,
    /// Everything that an edge path leads from.
    before: BTreeSet<String>,
    /// Of a container.
    inner: Option<InnerPlan>,
}

/// What a run knows besides its steps' outputs.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub firm: &'a Firm,
    pub run: RunFacts,
    /// The instant stored with the segment's head.
    pub now: Timestamp,
}

/// What expressions read as `run`.
#[derive(Clone, Debug)]
pub struct RunFacts {
    pub id: RunId,
    pub started_at: Timestamp,
    pub trial: bool,
    /// By node, of those that wait for a call.
    pub links: BTreeMap<String, String>,
}

impl PlanNode {
    pub fn effect(&self) -> Effect {
        self.description.effect
    }

    /// The ways that fire when the node's own code does not choose: all but `error`.
    pub fn normal_ports(&self) -> impl Iterator<Item = &str> {
        let branches = self.on_error == OnError::Branch;
        self.ports
            .iter()
            .map(|port| port.name.as_str())
            .filter(move |name| !(branches && *name == ERROR_PORT))
    }

    /// Whether an output may be stored: it has the declared kind and the fired ways exist.
    pub fn check_output(&self, ports: &[String], output: &Json) -> Result<(), Vec<Mismatch>> {
        if let Some(unknown) = ports
            .iter()
            .find(|name| !self.ports.iter().any(|port| port.name == **name))
        {
            return Err(vec![Mismatch {
                pointer: String::new(),
                code: "unknown_port".into(),
                message: format!("there is no way \u{201c}{unknown}\u{201d}"),
            }]);
        }
        let carries_nothing =
            !ports.is_empty() && ports.iter().all(|name| self.empty_ports.contains(name));
        if carries_nothing && output.is_null() {
            return Ok(());
        }
        Value::from_json(output, &self.output).map(drop)
    }
}

impl Plan {
    /// The plan, if the structure allows one, and every problem of the structure. A missing trigger or an unreachable node is told
    /// but stops no trial run.
    pub fn compile(
        workflow: &Workflow,
        catalogue: &Catalogue,
        resources: &dyn Resources,
    ) -> (Option<Self>, Vec<Problem>) {
        let draft = Draft::new(workflow, catalogue, resources);
        let problems = draft.problems.clone();
        (draft.into_plan(workflow), problems)
    }

    /// In topological order.
    pub fn nodes(&self) -> impl Iterator<Item = &PlanNode> {
        self.nodes.values()
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn node(&self, id: &str) -> Option<&PlanNode> {
        self.nodes.get(id)
    }

    /// Nodes that wait for a call of their link: (id, name). What lies in a container has none, as one link would lead to every entry.
    pub fn callbacks(&self) -> impl Iterator<Item = (&str, &str)> {
        self.nodes()
            .filter(|node| node.parent.is_none() && node.node.callback().is_some())
            .map(|node| (node.id.as_str(), node.name.as_str()))
    }

    /// Some node draws numbers of a series.
    pub fn draws_numbers(&self) -> bool {
        self.nodes().any(|node| node.node.series().is_some())
    }

    /// Some node calls another workflow.
    pub fn calls(&self) -> bool {
        self.nodes().any(|node| node.node.calls().is_some())
    }

    pub fn triggers(&self) -> impl Iterator<Item = &PlanNode> {
        self.nodes.values().filter(|node| node.trigger.is_some())
    }

    pub fn incoming(&self, node: &PlanNode) -> impl Iterator<Item = &Edge> {
        node.incoming.iter().map(|&index| &self.edges[index])
    }

    pub fn outgoing(&self, node: &PlanNode) -> impl Iterator<Item = &Edge> {
        node.outgoing.iter().map(|&index| &self.edges[index])
    }

    /// Places in topological order of the nodes that a node's edges lead to.
    pub(crate) fn successors(&self, node: &PlanNode) -> impl Iterator<Item = usize> {
        self.outgoing(node)
            .filter_map(|edge| self.nodes.get_index_of(&edge.to))
    }

    pub(crate) fn at(&self, place: usize) -> Option<&PlanNode> {
        self.nodes.get_index(place).map(|(_, node)| node)
    }

    /// The nodes directly in a container, or in none, in topological order.
    pub fn inside(&self, container: Option<&str>) -> impl Iterator<Item = &PlanNode> {
        self.levels
            .get(&container.map(str::to_owned))
            .into_iter()
            .flatten()
            .filter_map(|&index| self.nodes.get_index(index).map(|(_, node)| node))
    }

    /// The containers around a node, the innermost first.
    pub fn containers(&self, node: &PlanNode) -> impl Iterator<Item = &PlanNode> {
        let parent = |node: &PlanNode| self.nodes.get(node.parent.as_ref()?);
        std::iter::successors(parent(node), move |container| parent(container))
    }

    /// Whether a trial run up to `until` needs a node: it is that node, comes before it, holds it, or lies in something needed.
    pub(crate) fn is_needed(&self, node: &PlanNode, until: &PlanNode) -> bool {
        node.id == until.id
            || until.before.contains(&node.id)
            || self.is_in(until, node)
            || node.parent.as_ref().is_some_and(|parent| {
                self.nodes.get(parent).is_some_and(|parent| {
                    !self.is_in(until, parent) && self.is_needed(parent, until)
                })
            })
    }

    /// Whether a node lies in a container, directly or deeper.
    pub(crate) fn is_in(&self, node: &PlanNode, container: &PlanNode) -> bool {
        self.containers(node).any(|other| other.id == container.id)
    }
}

impl PlanNode {
    fn seen(&self) -> Seen<'_> {
        Seen {
            id: &self.id,
            name: &self.name,
            output: &self.output,
            on_error: self.on_error,
        }
    }
}
