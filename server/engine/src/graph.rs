//! A document compiled against the catalogue: nodes in order with what they are, what they may read and where they lead. Compiling
//! tells every problem of the structure; `check` adds those of expressions and settings.

mod adjacency;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexMap;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value as Json, json};

use crate::{
    catalogue::{BoundNode, Catalogue},
    check::{Problem, close_match},
    firm::Firm,
    ids::{DocumentId, RunId},
    kind::{Field, Kind, MAX_NAME, is_name, is_node_id},
    node::{Description, Effect, OutputContext, Port, Trigger},
    schema,
    value::{Mismatch, Record, Value, escape_pointer, is_currency},
    workflow::{Edge, FORMAT, Node, OnError, Retry, Workflow},
};

use adjacency::{Arc, Knowledge, Set};

/// Most nodes in one document.
pub const MAX_NODES: usize = 500;
/// Most edges in one document.
pub const MAX_EDGES: usize = 2000;
/// The way that `on_error: branch` adds.
pub const ERROR_PORT: &str = "error";

/// The document templates a workflow may name.
pub trait Documents {
    /// The typed fields a template declares; `None` when there is no such template.
    fn fields(&self, id: DocumentId) -> Option<Vec<Field>>;
}

/// No templates at all.
impl Documents for () {
    fn fields(&self, _id: DocumentId) -> Option<Vec<Field>> {
        None
    }
}

impl<S: std::hash::BuildHasher> Documents for HashMap<DocumentId, Vec<Field>, S> {
    fn fields(&self, id: DocumentId) -> Option<Vec<Field>> {
        self.get(&id).cloned()
    }
}

impl Documents for BTreeMap<DocumentId, Vec<Field>> {
    fn fields(&self, id: DocumentId) -> Option<Vec<Field>> {
        self.get(&id).cloned()
    }
}

/// A document that can run.
pub struct Plan {
    pub name: String,
    pub locale: String,
    pub time_zone: TimeZone,
    pub currency: String,
    /// In topological order, ties in document order.
    nodes: IndexMap<String, PlanNode>,
    edges: Vec<Edge>,
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
    pub retry: Option<Retry>,
    pub on_error: OnError,
    /// Of one attempt.
    pub timeout_ms: u64,
    pub trigger: Option<Trigger>,
    /// Ids of the nodes it may read, nearest last.
    pub ancestors: Vec<String>,
    /// Indexes into `Plan::edges`.
    incoming: Vec<usize>,
    outgoing: Vec<usize>,
    readings: BTreeMap<String, Reading>,
}

/// How a node sees the output of an ancestor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// It has succeeded.
    Output,
    /// It has failed into its `error` way.
    Error,
    /// It may have been skipped, or have failed.
    Maybe,
}

/// What a run knows besides its steps' outputs.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    pub firm: &'a Firm,
    pub run: RunFacts,
    /// The instant stored with the segment's head.
    pub now: Timestamp,
    /// Inside a container: the entry and its number from 0.
    pub item: Option<(Value, i64)>,
}

/// What expressions read as `run`.
#[derive(Clone, Debug)]
pub struct RunFacts {
    pub id: RunId,
    pub started_at: Timestamp,
    pub trial: bool,
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
        Value::from_json(output, &self.output).map(drop)
    }
}

/// Kind of what the `error` way carries.
pub fn error_kind() -> Kind {
    Kind::record([
        ("code", "Code", Kind::text()),
        ("message", "Message", Kind::text()),
        ("attempts", "Tries", Kind::Integer),
        ("node", "Step", Kind::text()),
    ])
}

/// Kinds of what every expression may read besides earlier nodes.
pub fn common_scope() -> Vec<Field> {
    let fields = [
        ("firm", "Firm", Firm::kind()),
        (
            "run",
            "Run",
            Kind::record([
                ("id", "Run id", Kind::text()),
                ("started_at", "Started at", Kind::Instant),
                ("trial", "Trial run", Kind::YesNo),
            ]),
        ),
        ("now", "Now", Kind::Instant),
        ("today", "Today", Kind::Date),
    ];
    match Kind::record(fields) {
        Kind::Record { fields } => fields,
        _ => Vec::new(),
    }
}

/// The values of `common_scope`.
pub fn common_values(context: &Context<'_>, time_zone: &TimeZone) -> Record {
    let today = context.now.to_zoned(time_zone.clone()).date();
    let run = Record::from_iter([
        ("id".to_owned(), Value::Text(context.run.id.to_string())),
        (
            "started_at".to_owned(),
            Value::Instant(context.run.started_at),
        ),
        ("trial".to_owned(), Value::YesNo(context.run.trial)),
    ]);
    let mut values = Record::from_iter([
        ("firm".to_owned(), context.firm.to_value()),
        ("run".to_owned(), Value::Record(run)),
        ("now".to_owned(), Value::Instant(context.now)),
        ("today".to_owned(), Value::Date(today)),
    ]);
    if let Some((item, index)) = &context.item {
        values.insert("item".into(), item.clone());
        values.insert("index".into(), Value::Integer(*index));
    }
    values
}

impl Plan {
    /// The plan, if the structure allows one, and every problem of the structure. A missing trigger or an unreachable node is told
    /// but stops no trial run.
    pub fn compile(
        workflow: &Workflow,
        catalogue: &Catalogue,
        documents: &dyn Documents,
    ) -> (Option<Self>, Vec<Problem>) {
        let draft = Draft::new(workflow, catalogue, documents);
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

    pub fn triggers(&self) -> impl Iterator<Item = &PlanNode> {
        self.nodes.values().filter(|node| node.trigger.is_some())
    }

    pub fn incoming(&self, node: &PlanNode) -> impl Iterator<Item = &Edge> {
        node.incoming.iter().map(|&index| &self.edges[index])
    }

    pub fn outgoing(&self, node: &PlanNode) -> impl Iterator<Item = &Edge> {
        node.outgoing.iter().map(|&index| &self.edges[index])
    }

    /// Kinds of everything a node may read.
    pub fn scope(&self, node: &PlanNode) -> Kind {
        let mut fields: Vec<Field> = node
            .ancestors
            .iter()
            .filter_map(|id| Some((self.nodes.get(id)?, *node.readings.get(id)?)))
            .map(|(ancestor, reading)| reading.field(ancestor.seen()))
            .collect();
        fields.extend(common_scope());
        Kind::Record { fields }
    }

    /// Everything a node may read: the stored outputs of its ancestors (a failed step's is `{code, message, attempts, node}`), typed
    /// as its scope says, and the context. What has not run is empty.
    pub fn values(
        &self,
        node: &PlanNode,
        outputs: &BTreeMap<String, Json>,
        context: &Context<'_>,
    ) -> Record {
        let mut values = Record::with_capacity(node.ancestors.len() + 6);
        for id in &node.ancestors {
            let (Some(ancestor), Some(reading)) = (self.nodes.get(id), node.readings.get(id))
            else {
                continue;
            };
            let json = outputs.get(id).unwrap_or(&Json::Null);
            let value = match reading {
                Reading::Error => Value::from_json(json, &error_kind()),
                Reading::Output | Reading::Maybe => Value::from_json(json, &ancestor.output),
            };
            // A failed step's error does not have the output's kind: to those who cannot know whether it failed, it is empty.
            values.insert(id.clone(), value.unwrap_or(Value::Empty));
        }
        values.extend(common_values(context, &self.time_zone));
        values
    }
}

/// What a reader needs to know of a node.
#[derive(Clone, Copy)]
struct Seen<'a> {
    id: &'a str,
    name: &'a str,
    output: &'a Kind,
    on_error: OnError,
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

impl Reading {
    fn field(self, seen: Seen<'_>) -> Field {
        let (kind, optional) = match self {
            Self::Output => (seen.output.clone(), seen.on_error == OnError::Continue),
            Self::Error => (error_kind(), false),
            Self::Maybe => (seen.output.clone(), true),
        };
        Field {
            name: seen.id.to_owned(),
            title: seen.name.to_owned(),
            kind,
            optional,
        }
    }
}

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
    pub(crate) output: Kind,
    pub(crate) trigger: Option<Trigger>,
}

impl Draft {
    pub(crate) fn new(
        workflow: &Workflow,
        catalogue: &Catalogue,
        documents: &dyn Documents,
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
            nodes.push(bound);
        }
        let mut draft = Self {
            problems,
            order: None,
            arcs: Vec::new(),
            edges: Vec::new(),
            knowledge: Vec::new(),
            time_zone,
            sound,
            nodes,
        };
        draft.connect(workflow);
        draft.sort();
        draft.infer_outputs(documents);
        draft.check_reach();
        draft
    }

    /// Nodes a node may read, in document order.
    pub(crate) fn readable(&self, index: usize) -> Vec<usize> {
        let Some(knowledge) = self.knowledge.get(index) else {
            return Vec::new();
        };
        self.in_order()
            .filter(|&other| knowledge.ancestors.contains(other))
            .collect()
    }

    /// Kinds of everything a node may read.
    pub(crate) fn scope(&self, index: usize) -> Kind {
        let mut fields: Vec<Field> = self
            .readable(index)
            .into_iter()
            .map(|other| self.reading(index, other).field(self.nodes[other].seen()))
            .collect();
        fields.extend(common_scope());
        Kind::Record { fields }
    }

    /// Kinds of everything a node may read, by name.
    pub(crate) fn inputs(&self, index: usize) -> IndexMap<String, Kind> {
        match self.scope(index) {
            Kind::Record { fields } => fields
                .into_iter()
                .map(|field| (field.name, field.kind))
                .collect(),
            _ => IndexMap::new(),
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

    fn reading(&self, reader: usize, other: usize) -> Reading {
        let knowledge = &self.knowledge[reader];
        if knowledge.succeeded.contains(other) {
            Reading::Output
        } else if knowledge.failed.contains(other) {
            Reading::Error
        } else {
            Reading::Maybe
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
                    .at(pointer)
                    .of(&edge.to),
                );
                self.sound = false;
            }
            let on_failure = source.on_error == OnError::Branch && edge.port == ERROR_PORT;
            self.arcs.push(Arc {
                from,
                to,
                on_failure,
            });
            self.edges.push(edge.clone());
        }
    }

    fn sort(&mut self) {
        let size = self.nodes.len();
        match adjacency::order(size, &self.arcs) {
            Ok(order) => {
                self.knowledge = adjacency::knowledge(size, &self.arcs, &order);
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

    fn infer_outputs(&mut self, documents: &dyn Documents) {
        let order: Vec<usize> = self.in_order().collect();
        for index in order {
            let inputs = self.inputs(index);
            let node = &self.nodes[index];
            let Some(bound) = &node.bound else { continue };
            let output = bound.output(&OutputContext {
                inputs: &inputs,
                document_fields: &|id| documents.fields(id),
            });
            self.nodes[index].output = output;
        }
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
        let reached: Set = adjacency::reachable(self.nodes.len(), &self.arcs, triggers.into_iter());
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

    fn into_plan(self, workflow: &Workflow) -> Option<Plan> {
        if !self.sound {
            return None;
        }
        let order = self.order.clone()?;
        let ancestors: Vec<Vec<(String, Reading)>> = (0..self.nodes.len())
            .map(|index| {
                self.readable(index)
                    .into_iter()
                    .map(|other| (self.nodes[other].id.clone(), self.reading(index, other)))
                    .collect()
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
            let node = PlanNode {
                id: draft.id.clone(),
                name: draft.name,
                node_type: document.node_type.clone(),
                version: document.version,
                node: draft.bound?,
                output: draft.output,
                ports: draft.ports,
                retry: document.retry.or(description.retry),
                on_error: draft.on_error,
                timeout_ms: document.timeout_ms.unwrap_or(description.timeout_ms),
                trigger: draft.trigger,
                ancestors: ancestors[index].iter().map(|(id, _)| id.clone()).collect(),
                incoming: edges_at(|arc| arc.to),
                outgoing: edges_at(|arc| arc.from),
                readings: ancestors[index].iter().cloned().collect(),
                description,
            };
            nodes.insert(draft.id, node);
        }
        Some(Plan {
            name: workflow.name.clone(),
            locale: workflow.locale.clone(),
            time_zone: self.time_zone,
            currency: workflow.currency.clone(),
            nodes,
            edges: self.edges,
        })
    }
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

fn check_head(workflow: &Workflow, problems: &mut Vec<Problem>) -> TimeZone {
    if workflow.format != FORMAT {
        problems.push(
            Problem::error(
                "unknown_format",
                json!({"format": workflow.format, "known": FORMAT}),
                format!(
                    "This build reads \u{201c}{FORMAT}\u{201d}, not \u{201c}{}\u{201d}.",
                    workflow.format
                ),
            )
            .at("/format"),
        );
    }
    let name = workflow.name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        problems.push(
            Problem::error(
                "bad_workflow_name",
                json!({"most": 200}),
                "Give the workflow a name of at most 200 characters.",
            )
            .at("/name"),
        );
    }
    if !is_currency(&workflow.currency) {
        problems.push(
            Problem::error(
                "unknown_currency",
                json!({"currency": workflow.currency}),
                format!(
                    "\u{201c}{}\u{201d} is not a currency. Write three capital letters such as EUR.",
                    workflow.currency
                ),
            )
            .at("/currency"),
        );
    }
    if !is_locale(&workflow.locale) {
        problems.push(
            Problem::error(
                "unknown_locale",
                json!({"locale": workflow.locale}),
                format!(
                    "\u{201c}{}\u{201d} is not a language. Write a tag such as en, de or zh-CN.",
                    workflow.locale
                ),
            )
            .at("/locale"),
        );
    }
    TimeZone::get(&workflow.time_zone).unwrap_or_else(|_| {
        problems.push(
            Problem::error(
                "unknown_time_zone",
                json!({"time_zone": workflow.time_zone}),
                format!(
                    "\u{201c}{}\u{201d} is not a time zone. Write one such as Europe/Berlin.",
                    workflow.time_zone
                ),
            )
            .at("/time_zone"),
        );
        TimeZone::UTC
    })
}

/// The shape of a BCP 47 tag: a language of two or three letters, then parts of one to eight letters or digits.
fn is_locale(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    (2..=3).contains(&language.len())
        && tag.len() <= 35
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

fn check_limits(workflow: &Workflow, problems: &mut Vec<Problem>) -> bool {
    let mut within = true;
    for (count, most, code, pointer, what) in [
        (
            workflow.nodes.len(),
            MAX_NODES,
            "too_many_nodes",
            "/nodes",
            "steps",
        ),
        (
            workflow.edges.len(),
            MAX_EDGES,
            "too_many_edges",
            "/edges",
            "connections",
        ),
    ] {
        if count > most {
            within = false;
            problems.push(
                Problem::error(
                    code,
                    json!({"count": count, "most": most}),
                    format!("A workflow has at most {most} {what}; this one has {count}."),
                )
                .at(pointer),
            );
        }
    }
    within
}

fn check_node(
    node: &Node,
    pointer: &str,
    seen: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> bool {
    let before = problems.len();
    let mut add = |code: &str, params: Json, message: String, field: &str| {
        problems.push(
            Problem::error(code, params, message)
                .at(format!("{pointer}/{field}"))
                .of(&node.id),
        );
    };
    if is_name(&node.id) && !is_node_id(&node.id) {
        add(
            "reserved_id",
            json!({"id": node.id}),
            format!(
                "\u{201c}{}\u{201d} has a meaning of its own. Choose another id.",
                node.id
            ),
            "id",
        );
    } else if !is_node_id(&node.id) {
        add(
            "bad_id",
            json!({"id": node.id, "most": MAX_NAME}),
            "An id has small letters, digits and _, begins with a letter and has at most 64 characters.".into(),
            "id",
        );
    }
    if !seen.insert(node.id.clone()) {
        add(
            "duplicate_id",
            json!({"id": node.id}),
            format!("Two steps have the id \u{201c}{}\u{201d}.", node.id),
            "id",
        );
    }
    if let Some(parent) = &node.parent {
        add(
            "unknown_parent",
            json!({"parent": parent}),
            format!("\u{201c}{parent}\u{201d} is no step that can hold other steps."),
            "parent",
        );
    }
    if let Some(retry) = &node.retry
        && !((1..=20).contains(&retry.max_attempts)
            && (1..=10).contains(&retry.factor)
            && retry.first_ms <= retry.max_ms
            && retry.max_ms <= 86_400_000)
    {
        add(
            "bad_retry",
            json!({}),
            "Tries lie between 1 and 20, the factor between 1 and 10, and pauses grow to at most a day.".into(),
            "retry",
        );
    }
    if let Some(timeout) = node.timeout_ms
        && !(100..=3_600_000).contains(&timeout)
    {
        add(
            "bad_timeout",
            json!({"least": 100, "most": 3_600_000}),
            "A time limit lies between 0.1 second and an hour.".into(),
            "timeout_ms",
        );
    }
    if node.name.chars().count() > 200 {
        add(
            "long_name",
            json!({"most": 200}),
            "A step's name has at most 200 characters.".into(),
            "name",
        );
    }
    problems.len() == before
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
        output: Kind::Any,
        trigger: None,
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
            if node.on_error == OnError::Branch {
                draft.ports.push(Port {
                    name: ERROR_PORT.into(),
                    title: "Error".into(),
                });
            }
            draft.trigger = bound.trigger();
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

/// Reads a workflow document: every problem of its shape, with pointers, before serde has its say.
pub fn parse(json: &Json) -> Result<Workflow, Vec<Problem>> {
    let schema = schemars::schema_for!(Workflow).to_value();
    let problems = schema::problems(&schema, json);
    if !problems.is_empty() {
        return Err(problems);
    }
    let parsed: Result<Workflow, _> = serde_json::from_value(json.clone());
    let workflow = parsed.map_err(|error| {
        vec![Problem::error(
            "workflow_invalid",
            json!({"reason": error.to_string()}),
            format!("The workflow cannot be read: {error}."),
        )]
    })?;
    match find_nul(json, &mut String::new()) {
        None => Ok(workflow),
        Some(pointer) => Err(vec![
            Problem::error(
                "bad_text",
                json!({}),
                "A text holds a NUL character, which cannot be stored.",
            )
            .at(pointer),
        ]),
    }
}

fn find_nul(json: &Json, pointer: &mut String) -> Option<String> {
    let length = pointer.len();
    match json {
        Json::String(text) => text.contains('\0').then(|| pointer.clone()),
        Json::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            pointer.truncate(length);
            pointer.push('/');
            pointer.push_str(&index.to_string());
            find_nul(item, pointer)
        }),
        Json::Object(object) => object.iter().find_map(|(name, item)| {
            pointer.truncate(length);
            if name.contains('\0') {
                return Some(pointer.clone());
            }
            pointer.push('/');
            pointer.push_str(&escape_pointer(name));
            find_nul(item, pointer)
        }),
        Json::Null | Json::Bool(_) | Json::Number(_) => None,
    }
}
