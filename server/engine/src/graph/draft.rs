//! A document on its way to a plan: bound to its node types, connected, ordered, its kinds inferred, every problem told. Each of these is a
//! file of its own; what they work on is here.

mod bind;
mod connect;
mod plan;
mod reading;
mod triggers;

use std::collections::{BTreeSet, HashMap};

use jiff::tz::TimeZone;

use super::{
    MAX_NODES, Resources,
    adjacency::{Arc, Knowledge},
    scope::Seen,
    shape::{check_head, check_limits, check_node},
};
use crate::{
    catalogue::{BoundNode, Catalogue},
    check::Problem,
    kind::Kind,
    node::{Container, Description, Join, Port, Trigger},
    workflow::{Edge, OnError, Workflow},
};

use bind::{bind, misplaced_limits};

/// A document as far as it can be understood, whatever is wrong with it.
pub(crate) struct Draft {
    pub(crate) problems: Vec<Problem>,
    /// One per document node, in document order.
    pub(crate) nodes: Vec<DraftNode>,
    /// Indexes into `nodes`; `None` when there is a cycle.
    order: Option<Vec<usize>>,
    arcs: Vec<Arc>,
    edges: Vec<Edge>,
    knowledge: Vec<Knowledge>,
    /// Of containers: what is known when everything inside has ended.
    ends: HashMap<usize, Knowledge>,
    time_zone: TimeZone,
    sound: bool,
}

pub(crate) struct DraftNode {
    pub(crate) id: String,
    name: String,
    on_error: OnError,
    pub(crate) pointer: String,
    pub(crate) bound: Option<Box<dyn BoundNode>>,
    pub(crate) description: Option<Description>,
    pub(crate) ports: Vec<Port>,
    /// Ways that carry nothing.
    empty_ports: Vec<String>,
    pub(crate) output: Kind,
    pub(crate) trigger: Option<Trigger>,
    join: Join,
    pub(crate) container: Option<Container>,
    /// Of a container: the kind of one entry.
    pub(crate) item: Kind,
    /// The container it lies in.
    pub(crate) parent: Option<usize>,
}

impl Draft {
    pub(crate) fn new(
        workflow: &Workflow,
        catalogue: &Catalogue,
        resources: &dyn Resources,
    ) -> Self {
        let mut problems = Vec::new();
        let time_zone = check_head(workflow, &mut problems);
        let mut sound = check_limits(workflow, &mut problems);
        let count = workflow.nodes.len().min(MAX_NODES);
        let mut seen = BTreeSet::new();
        let mut nodes = Vec::with_capacity(count);
        for (index, node) in workflow.nodes.iter().take(count).enumerate() {
            let pointer = format!("/nodes/{index}");
            sound &= check_node(node, &pointer, &mut seen, &mut problems);
            let bound = bind(node, &pointer, catalogue, &mut problems);
            sound &= bound.bound.is_some();
            problems.extend(misplaced_limits(node, &bound));
            nodes.push(bound);
        }
        let mut draft = Self {
            problems,
            order: None,
            arcs: Vec::new(),
            edges: Vec::new(),
            knowledge: Vec::new(),
            ends: HashMap::new(),
            time_zone,
            sound,
            nodes,
        };
        draft.nest(workflow);
        draft.connect(workflow);
        draft.sort();
        draft.infer_outputs(resources);
        draft.check_reach();
        draft
    }

    /// This container and those around it, outwards.
    fn containers(&self, innermost: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(innermost, |&index| self.nodes[index].parent)
    }

    pub(crate) fn in_order(&self) -> impl Iterator<Item = usize> + '_ {
        let fallback = if self.order.is_some() {
            0..0
        } else {
            0..self.nodes.len()
        };
        self.order.iter().flatten().copied().chain(fallback)
    }
}

impl DraftNode {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// It has a link of its own.
    pub(crate) fn is_called_back(&self) -> bool {
        let bound = self.bound.as_ref();
        self.parent.is_none() && bound.is_some_and(|bound| bound.callback().is_some())
    }

    fn seen(&self) -> Seen<'_> {
        Seen {
            id: &self.id,
            name: &self.name,
            output: &self.output,
            on_error: self.on_error,
        }
    }
}
