//! A document on its way to a plan: bound to its node types, connected, ordered, its kinds inferred, every problem told.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{
    ERROR_PORT, MAX_DEPTH, MAX_EDGES, MAX_NODES, Plan, PlanNode, Resources,
    adjacency::{self, Arc, Carries, Facts, Knowledge, Set},
    scope::{InnerPlan, Reading, Seen, common_scope, item_scope},
    shape::{check_head, check_limits, check_node},
};
use crate::{
    call::{Offer, either},
    catalogue::{BoundNode, Catalogue},
    check::{Problem, close_match},
    expression::{self, Template},
    kind::{Field, Kind},
    node::{Container, Description, Inside, Join, OutputContext, Port, Proof, Trigger},
    workflow::{Edge, Limits, Node, OnError, Workflow},
};

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

/// What a node type is told of a node's surroundings.
pub(crate) struct Around {
    pub(crate) inputs: IndexMap<String, Kind>,
    sources: Vec<Field>,
    pub(crate) inside: Option<Inside>,
    /// What the settings for one entry of the node's list read.
    pub(crate) entry: Option<Kind>,
}

impl Around {
    pub(crate) fn context<'a>(&'a self, resources: &'a dyn Resources) -> OutputContext<'a> {
        OutputContext {
            inputs: &self.inputs,
            resources,
            sources: &self.sources,
            inside: self.inside.as_ref(),
            entry: self.entry.as_ref(),
        }
    }
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

    /// Nodes a node may read, in running order.
    pub(crate) fn readable(&self, index: usize) -> Vec<usize> {
        self.knowledge
            .get(index)
            .map_or(Vec::new(), |known| self.ancestors(known))
    }

    /// Nodes that may be read of one entry of a container when everything inside has ended.
    pub(crate) fn readable_inside(&self, container: usize) -> Vec<usize> {
        self.ends
            .get(&container)
            .map_or(Vec::new(), |known| self.ancestors(known))
    }

    fn ancestors(&self, known: &Knowledge) -> Vec<usize> {
        self.in_order()
            .filter(|&other| known.ancestors.contains(other))
            .collect()
    }

    /// Kinds of everything a node may read.
    pub(crate) fn scope(&self, index: usize) -> Kind {
        Kind::Record {
            fields: self.fields(index),
        }
    }

    fn fields(&self, index: usize) -> Vec<Field> {
        let readings = self.readings(self.knowledge.get(index));
        self.fields_of(readings, None, self.nodes[index].parent)
    }

    /// `own` is the kind of one entry of a list that the node itself looks at.
    fn fields_of(
        &self,
        readings: Vec<(usize, Reading)>,
        own: Option<&Kind>,
        innermost: Option<usize>,
    ) -> Vec<Field> {
        let mut fields: Vec<Field> = readings
            .into_iter()
            .map(|(other, reading)| reading.field(self.nodes[other].seen()))
            .collect();
        let containers = self.containers(innermost).map(|index| {
            let node = &self.nodes[index];
            (node.id.as_str(), node.name.as_str(), &node.item)
        });
        fields.extend(item_scope(own, containers));
        let links = self.nodes.iter().filter(|node| {
            let bound = node.bound.as_ref();
            node.parent.is_none() && bound.is_some_and(|bound| bound.callback().is_some())
        });
        fields.extend(common_scope(
            links.map(|node| (node.id.as_str(), node.name.as_str())),
        ));
        fields
    }

    /// This container and those around it, outwards.
    fn containers(&self, innermost: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(innermost, |&index| self.nodes[index].parent)
    }

    pub(crate) fn around(&self, index: usize) -> Around {
        Around {
            inputs: self
                .fields(index)
                .into_iter()
                .map(|field| (field.name, field.kind))
                .collect(),
            sources: self.sources(index),
            inside: self.nodes[index]
                .container
                .is_some()
                .then(|| self.inside(index)),
            entry: self.entry_scope(index),
        }
    }

    /// Kind of one entry of the list that a node looks at.
    pub(crate) fn entry(&self, index: usize) -> Option<Kind> {
        let list = self.nodes[index].bound.as_ref()?.entries()?;
        Some(self.entry_of(list, index))
    }

    fn entry_of(&self, list: &Template, index: usize) -> Kind {
        match expression::infer(list, &self.scope(index), true).0 {
            Kind::List { item, .. } => *item,
            _ => Kind::Any,
        }
    }

    /// What a node may read, and one entry of its list; entries of containers around it are read under their ids.
    fn entry_scope(&self, index: usize) -> Option<Kind> {
        let item = self.entry(index)?;
        let readings = self.readings(self.knowledge.get(index));
        let fields = self.fields_of(readings, Some(&item), self.nodes[index].parent);
        Some(Kind::Record { fields })
    }

    /// What leads into a node and what it carries, in the order of the edges.
    fn sources(&self, index: usize) -> Vec<Field> {
        let mut sources: Vec<Field> = Vec::new();
        for arc in self.arcs.iter().filter(|arc| arc.to == index) {
            let reading = match arc.carries {
                Carries::Output => Reading::Output,
                Carries::Error => Reading::Error,
                Carries::Nothing => Reading::Maybe,
            };
            let source = reading.field(self.nodes[arc.from].seen());
            match sources.iter_mut().find(|other| other.name == source.name) {
                // Its output or its error, whichever comes.
                Some(other) if other.kind != source.kind => other.kind = Kind::Any,
                Some(_) => {}
                None => sources.push(source),
            }
        }
        sources
    }

    fn inside(&self, container: usize) -> Inside {
        let readings = self.readings(self.ends.get(&container));
        let last = self.last(container).and_then(|last| {
            let (_, reading) = readings.iter().find(|(other, _)| *other == last)?;
            Some(reading.field(self.nodes[last].seen()))
        });
        Inside {
            scope: Kind::Record {
                fields: self.fields_of(readings, None, Some(container)),
            },
            last,
            is_empty: !self.nodes.iter().any(|node| node.parent == Some(container)),
        }
    }

    /// The only node inside that leads nowhere.
    fn last(&self, container: usize) -> Option<usize> {
        let mut last = self.nodes.iter().enumerate().filter(|(index, node)| {
            node.parent == Some(container) && !self.arcs.iter().any(|arc| arc.from == *index)
        });
        match (last.next(), last.next()) {
            (Some((only, _)), None) => Some(only),
            _ => None,
        }
    }

    pub(crate) fn in_order(&self) -> impl Iterator<Item = usize> + '_ {
        let fallback = if self.order.is_some() {
            0..0
        } else {
            0..self.nodes.len()
        };
        self.order.iter().flatten().copied().chain(fallback)
    }

    fn readings(&self, known: Option<&Knowledge>) -> Vec<(usize, Reading)> {
        let Some(known) = known else {
            return Vec::new();
        };
        let reading = |other| {
            if known.succeeded.contains(other) {
                Reading::Output
            } else if known.failed.contains(other) {
                Reading::Error
            } else {
                Reading::Maybe
            }
        };
        self.ancestors(known)
            .into_iter()
            .map(|other| (other, reading(other)))
            .collect()
    }

    /// Puts nodes into their containers.
    fn nest(&mut self, workflow: &Workflow) {
        for (index, node) in workflow.nodes.iter().take(self.nodes.len()).enumerate() {
            let Some(parent) = &node.parent else { continue };
            let found = self
                .nodes
                .iter()
                .position(|other| other.id == *parent && other.container.is_some());
            let problem = match found {
                None => Some(Problem::error(
                    "unknown_parent",
                    json!({"parent": parent}),
                    format!("\u{201c}{parent}\u{201d} is no step that can hold other steps."),
                )),
                Some(_) if self.nodes[index].trigger.is_some() => Some(Problem::error(
                    "trigger_inside",
                    json!({"node": node.id}),
                    "What starts a run cannot lie inside another step.",
                )),
                Some(parent) => {
                    let in_itself = self.containers(Some(parent)).any(|other| other == index);
                    if !in_itself {
                        self.nodes[index].parent = Some(parent);
                    }
                    in_itself.then(too_deep)
                }
            };
            self.misplaced(index, problem);
        }
        for index in 0..self.nodes.len() {
            let depth = self.containers(self.nodes[index].parent).count();
            self.misplaced(index, (depth > MAX_DEPTH).then(too_deep));
        }
    }

    fn misplaced(&mut self, index: usize, problem: Option<Problem>) {
        if let Some(problem) = problem {
            self.sound = false;
            let problem = problem.at(format!("/nodes/{index}/parent"));
            self.problems.push(problem.of(&self.nodes[index].id));
        }
    }

    fn connect(&mut self, workflow: &Workflow) {
        let index_of: HashMap<&str, usize> = self
            .nodes
            .iter()
            .enumerate()
            .rev()
            .map(|(index, node)| (node.id.as_str(), index))
            .collect();
        let mut seen = BTreeSet::new();
        for (number, edge) in workflow.edges.iter().take(MAX_EDGES).enumerate() {
            let pointer = format!("/edges/{number}");
            let mut found = |id: &str, end: &str| {
                let index = index_of.get(id).copied();
                if index.is_none() {
                    let close = close_match(id, index_of.keys().copied());
                    self.problems.push(
                        Problem::error(
                            "edge_without_node",
                            json!({"node": id, "close": close}),
                            format!("The connection leads to a step \u{201c}{id}\u{201d} that does not exist. Remove the connection."),
                        )
                        .at(format!("{pointer}/{end}")),
                    );
                    self.sound = false;
                }
                index
            };
            let (Some(from), Some(to)) = (found(&edge.from, "from"), found(&edge.to, "to")) else {
                continue;
            };
            if !seen.insert((from, edge.port.clone(), to)) {
                self.problems.push(
                    Problem::error(
                        "duplicate_edge",
                        json!({"from": edge.from, "to": edge.to}),
                        "The same connection exists twice. Remove one of them.",
                    )
                    .at(pointer)
                    .of(&edge.from),
                );
                self.sound = false;
                continue;
            }
            let (source, target) = (&self.nodes[from], &self.nodes[to]);
            if source.bound.is_some() && !source.ports.iter().any(|port| port.name == edge.port) {
                let names = source.ports.iter().map(|port| port.name.as_str());
                self.problems.push(
                    Problem::error(
                        "edge_without_port",
                        json!({"node": source.id, "port": edge.port, "close": close_match(&edge.port, names)}),
                        format!(
                            "\u{201c}{}\u{201d} has no way \u{201c}{}\u{201d}. Connect another way or remove the connection.",
                            source.name, edge.port
                        ),
                    )
                    .at(format!("{pointer}/port"))
                    .of(&edge.from),
                );
                self.sound = false;
            }
            if target.trigger.is_some() {
                self.problems.push(
                    Problem::error(
                        "edge_into_trigger",
                        json!({"node": target.id}),
                        format!(
                            "Nothing can come before \u{201c}{}\u{201d}, because runs begin there.",
                            target.name
                        ),
                    )
                    .at(pointer.clone())
                    .of(&edge.to),
                );
                self.sound = false;
            }
            if source.parent != target.parent {
                self.problems.push(
                    Problem::error(
                        "edge_crosses",
                        json!({"from": edge.from, "to": edge.to}),
                        format!(
                            "The connection from \u{201c}{}\u{201d} to \u{201c}{}\u{201d} leads into or out of a step that holds others. Remove it.",
                            source.name, target.name
                        ),
                    )
                    .at(pointer)
                    .of(&edge.from),
                );
                self.sound = false;
                continue;
            }
            let arc = self.arc(from, &edge.port, to);
            self.arcs.push(arc);
            self.edges.push(edge.clone());
        }
    }

    fn arc(&self, from: usize, port: &str, to: usize) -> Arc {
        let source = &self.nodes[from];
        let branches = source.on_error == OnError::Branch;
        let on_failure = branches && port == ERROR_PORT;
        let carries = if on_failure {
            Carries::Error
        } else if source.empty_ports.iter().any(|name| name == port) {
            Carries::Nothing
        } else {
            Carries::Output
        };
        Arc {
            from,
            to,
            carries,
            always: !on_failure && source.ports.len() == 1 + usize::from(branches),
        }
    }

    /// Edges, and that containers come before what is in them, and that before what comes after the containers.
    fn precedence(&self) -> Vec<Arc> {
        let arc = |from, to| Arc {
            from,
            to,
            carries: Carries::Output,
            always: false,
        };
        let mut arcs = self.arcs.clone();
        for (index, node) in self.nodes.iter().enumerate() {
            for container in self.containers(node.parent) {
                arcs.push(arc(container, index));
                let after = self.arcs.iter().filter(|arc| arc.from == container);
                arcs.extend(after.map(|after| arc(index, after.to)));
            }
        }
        arcs
    }

    /// The ways inside a container that lead nowhere: its end waits for all of them.
    fn last_ways(&self, container: usize) -> Vec<Arc> {
        let mut last = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if node.parent != Some(container) {
                continue;
            }
            if node.ports.is_empty() && node.on_error == OnError::Continue {
                // It ends the run, unless it fails: then the end is reached without it.
                last.push(Arc {
                    from: index,
                    to: container,
                    carries: Carries::Error,
                    always: false,
                });
            }
            for port in &node.ports {
                let leads_on = self
                    .edges
                    .iter()
                    .any(|edge| edge.from == node.id && edge.port == port.name);
                if !leads_on {
                    last.push(self.arc(index, &port.name, container));
                }
            }
        }
        last
    }

    fn sort(&mut self) {
        let size = self.nodes.len();
        let facts: Vec<Facts> = self
            .nodes
            .iter()
            .map(|node| Facts {
                container: node.parent,
                first: node.join == Join::First,
                branches_off: node.on_error == OnError::Branch
                    || node
                        .ports
                        .iter()
                        .any(|port| node.empty_ports.contains(&port.name)),
            })
            .collect();
        match adjacency::order(size, &self.precedence()) {
            Ok(order) => {
                let known = adjacency::knowledge(size, &self.arcs, &order, &facts);
                let containers = (0..size).filter(|&index| self.nodes[index].container.is_some());
                self.ends = containers
                    .map(|index| {
                        let last = self.last_ways(index);
                        let end =
                            adjacency::at_end(&known, index, &last, &self.arcs, &order, &facts);
                        (index, end)
                    })
                    .collect();
                self.knowledge = known;
                self.order = Some(order);
            }
            Err(cycle) => {
                let first = cycle.first().copied().unwrap_or(0);
                let ids: Vec<&str> = cycle
                    .iter()
                    .map(|&index| self.nodes[index].id.as_str())
                    .collect();
                let mut names: Vec<&str> = cycle
                    .iter()
                    .map(|&index| self.nodes[index].name.as_str())
                    .collect();
                names.extend(names.first().copied());
                let problem = Problem::error(
                    "cycle",
                    json!({"nodes": ids}),
                    format!(
                        "The steps go round in a circle: {}. Remove one of these connections.",
                        names.join(" \u{2192} ")
                    ),
                )
                .at(self.nodes[first].pointer.clone())
                .of(&self.nodes[first].id);
                self.problems.push(problem);
                self.sound = false;
            }
        }
    }

    fn infer_outputs(&mut self, resources: &dyn Resources) {
        let order: Vec<usize> = self.in_order().collect();
        self.infer_inside(None, &order, resources);
    }

    /// What a container puts out depends on what is inside, and that on the kind of its entries.
    fn infer_inside(
        &mut self,
        container: Option<usize>,
        order: &[usize],
        resources: &dyn Resources,
    ) {
        for &index in order {
            if self.nodes[index].parent != container {
                continue;
            }
            if let Some(held) = &self.nodes[index].container {
                self.nodes[index].item = self.entry_of(&held.list, index);
                self.infer_inside(Some(index), order, resources);
            }
            let around = self.around(index);
            let Some(bound) = &self.nodes[index].bound else {
                continue;
            };
            let output = bound.output(&around.context(resources));
            self.nodes[index].output = output;
        }
    }

    /// Inbound webhooks that ask for no proof share one address, which leads to one of them only; all others have addresses of their own.
    fn check_open_hooks(&mut self, triggers: &[usize]) {
        let open = triggers.iter().copied().filter(|&index| {
            matches!(&self.nodes[index].trigger, Some(Trigger::Webhook(hook)) if hook.proof == Proof::None)
        });
        let others: Vec<usize> = open.skip(1).collect();
        for index in others {
            let node = &self.nodes[index];
            let problem = Problem::error(
                "hook_open_twice",
                json!({"node": node.id}),
                "Another inbound webhook asks for no proof, too, and has the same address. Only one of them can be called.",
            );
            let problem = problem.at(format!("{}/config/proof", node.pointer));
            self.problems.push(problem.of(&node.id));
        }
    }

    /// A call begins at one step only.
    fn check_call_triggers(&mut self, triggers: &[usize]) {
        let called = triggers
            .iter()
            .copied()
            .filter(|&index| matches!(&self.nodes[index].trigger, Some(Trigger::Call(_))));
        let others: Vec<usize> = called.skip(1).collect();
        for index in others {
            let node = &self.nodes[index];
            let problem = Problem::error(
                "call_trigger_twice",
                json!({"node": node.id}),
                "Another step lets workflows call this one, too. Keep one of them.",
            );
            let problem = problem.at(node.pointer.clone());
            self.problems.push(problem.of(&node.id));
        }
    }

    /// What the workflow offers to those who call it; `None`: nothing begins with a call.
    pub(crate) fn offer(&self, resources: &dyn Resources) -> Option<Offer> {
        let (trigger, fields) = self.nodes.iter().find_map(|node| {
            let Some(Trigger::Call(fields)) = &node.trigger else {
                return None;
            };
            Some((node.id.clone(), fields.clone()))
        })?;
        let answers = self.nodes.iter().enumerate().filter_map(|(index, node)| {
            let around = self.around(index);
            node.bound.as_ref()?.answer(&around.context(resources))
        });
        Some(Offer {
            trigger,
            fields,
            answer: answers.reduce(either),
        })
    }

    /// What the steps that begin runs put out. A run begins at one of them: of several each may be empty.
    pub(crate) fn trigger_fields(&self) -> Vec<Field> {
        let triggers: Vec<&DraftNode> = self
            .nodes
            .iter()
            .filter(|node| node.trigger.is_some())
            .collect();
        let reading = match triggers.len() {
            1 => Reading::Output,
            _ => Reading::Maybe,
        };
        triggers
            .iter()
            .map(|node| reading.field(node.seen()))
            .collect()
    }

    fn check_reach(&mut self) {
        let triggers: Vec<usize> = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.trigger.is_some())
            .map(|(index, _)| index)
            .collect();
        if triggers.is_empty() {
            self.problems.push(
                Problem::error(
                    "no_trigger",
                    json!({}),
                    "Nothing starts this workflow. Add a form or an inbound webhook.",
                )
                .at("/nodes"),
            );
            return;
        }
        self.check_open_hooks(&triggers);
        self.check_call_triggers(&triggers);
        let reached: Set =
            adjacency::reachable(self.nodes.len(), &self.precedence(), triggers.into_iter());
        for (index, node) in self.nodes.iter().enumerate() {
            if !reached.contains(index) {
                self.problems.push(
                    Problem::warning(
                        "unreachable",
                        json!({"node": node.id}),
                        format!(
                            "\u{201c}{}\u{201d} never runs, because nothing leads to it.",
                            node.name
                        ),
                    )
                    .at(node.pointer.clone())
                    .of(&node.id),
                );
            }
        }
    }

    pub(super) fn into_plan(self, workflow: &Workflow) -> Option<Plan> {
        if !self.sound {
            return None;
        }
        let order = self.order.clone()?;
        let named = |readings: Vec<(usize, Reading)>| -> Vec<(String, Reading)> {
            readings
                .into_iter()
                .map(|(other, reading)| (self.nodes[other].id.clone(), reading))
                .collect()
        };
        let mut surroundings: Vec<Surroundings> = (0..self.nodes.len())
            .map(|index| {
                let node = &self.nodes[index];
                Surroundings {
                    readings: named(self.readings(self.knowledge.get(index))),
                    before: self
                        .in_order()
                        .filter(|&other| {
                            self.knowledge
                                .get(index)
                                .is_some_and(|known| known.before.contains(other))
                        })
                        .map(|other| self.nodes[other].id.clone())
                        .collect(),
                    parent: node.parent.map(|parent| self.nodes[parent].id.clone()),
                    depth: self.containers(node.parent).count(),
                    inner: node.container.is_some().then(|| InnerPlan {
                        item: node.item.clone(),
                        readings: named(self.readings(self.ends.get(&index))),
                        last: self.last(index).map(|last| self.nodes[last].id.clone()),
                    }),
                }
            })
            .collect();
        let mut drafts: Vec<Option<DraftNode>> = self.nodes.into_iter().map(Some).collect();
        let mut nodes = IndexMap::with_capacity(drafts.len());
        for index in order {
            let draft = drafts.get_mut(index)?.take()?;
            let document = workflow.nodes.get(index)?;
            let description = draft.description?;
            let edges_at = |pick: fn(&Arc) -> usize| {
                self.arcs
                    .iter()
                    .enumerate()
                    .filter(|(_, arc)| pick(arc) == index)
                    .map(|(number, _)| number)
                    .collect()
            };
            let around = std::mem::take(surroundings.get_mut(index)?);
            let may_be_limited = draft.trigger.is_none() && draft.container.is_none();
            let node = PlanNode {
                id: draft.id.clone(),
                name: draft.name,
                node_type: document.node_type.clone(),
                version: document.version,
                node: draft.bound?,
                output: draft.output,
                ports: draft.ports,
                empty_ports: draft.empty_ports,
                retry: document.retry.or(description.retry),
                on_error: draft.on_error,
                timeout_ms: document.timeout_ms.unwrap_or(description.timeout_ms),
                limits: document
                    .limits
                    .filter(|_| may_be_limited)
                    .unwrap_or_default(),
                trigger: draft.trigger,
                join: draft.join,
                container: draft.container,
                parent: around.parent,
                depth: around.depth,
                incoming: edges_at(|arc| arc.to),
                outgoing: edges_at(|arc| arc.from),
                readings: around.readings,
                before: around.before,
                inner: around.inner,
                description,
            };
            nodes.insert(draft.id, node);
        }
        let mut levels: HashMap<Option<String>, Vec<usize>> = HashMap::new();
        for (index, node) in nodes.values().enumerate() {
            levels.entry(node.parent.clone()).or_default().push(index);
        }
        Some(Plan {
            name: workflow.name.clone(),
            locale: workflow.locale.clone(),
            time_zone: self.time_zone,
            currency: workflow.currency.clone(),
            nodes,
            edges: self.edges,
            levels,
        })
    }
}

/// What begins a run begins at once, how long the steps inside another take is told of each of them, and silence says nothing of a step
/// that reports no progress.
fn misplaced_limits(node: &Node, bound: &DraftNode) -> Option<Problem> {
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

fn too_deep() -> Problem {
    Problem::error(
        "nested_too_deep",
        json!({"most": MAX_DEPTH}),
        format!("Steps lie in each other at most {MAX_DEPTH} deep, and none in itself."),
    )
}

/// What a plan keeps of a node's place in the graph.
#[derive(Default)]
struct Surroundings {
    readings: Vec<(String, Reading)>,
    before: BTreeSet<String>,
    parent: Option<String>,
    depth: usize,
    inner: Option<InnerPlan>,
}

impl DraftNode {
    pub(crate) fn name(&self) -> &str {
        &self.name
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

fn bind(
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
