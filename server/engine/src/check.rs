//! Checks of an unsaved or saved document: every problem, never only the first, each with a JSON pointer.

mod titles;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    call::{Offer, check_on_failure},
    catalogue::Catalogue,
    concurrency::{Lines, check_concurrency},
    expression::{self, Template},
    graph::{Draft, DraftNode, Resources},
    kind::Kind,
    node::{Card, Effect, Family, Port, Surface, Trigger},
    schedule::Schedule,
    schema,
    workflow::Workflow,
};

/// Most templates of one document that are read; a larger one is refused.
const MAX_TEMPLATES: usize = 5000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Blocks publishing.
    Error,
    Warning,
}

/// One problem. The text people read is made from `code` and `params` in their language; `message` is the English of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    pub severity: Severity,
    /// Stable slug.
    pub code: String,
    pub params: Json,
    pub message: String,
    /// JSON pointer into the document.
    pub pointer: String,
    /// The step it concerns.
    pub node: Option<String>,
}

impl Problem {
    pub fn error(code: &str, params: Json, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code: code.into(),
            params,
            message: message.into(),
            pointer: String::new(),
            node: None,
        }
    }

    pub fn warning(code: &str, params: Json, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, params, message)
        }
    }

    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    #[must_use]
    pub fn of(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }

    /// The same problem seen from further outside.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// What `POST /api/workflows/{id}/check` answers.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// Errors and warnings in document order.
    pub problems: Vec<Problem>,
    /// By id, in the order in which the steps run; in document order while there is a cycle.
    pub nodes: IndexMap<String, CheckedNode>,
    /// What it offers to workflows that call it.
    pub offer: Option<Offer>,
    /// How many of its runs go at the same time.
    #[serde(skip)]
    pub lines: Option<Lines>,
}

/// One step as the editor draws it; what is not known, because its type or config is wrong, is empty.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedNode {
    pub title: String,
    pub summary: String,
    pub family: Option<Family>,
    pub icon: String,
    pub surface: Surface,
    pub effect: Option<Effect>,
    pub ports: Vec<Port>,
    /// What it puts out.
    pub output: Kind,
    pub card: Card,
    /// `form`, `webhook`, `schedule` or `call`.
    pub trigger: Option<&'static str>,
    /// Of a schedule whose settings are sound.
    pub schedule: Option<Schedule>,
    /// It waits for a call of its link, which earlier steps read as `run.links.<id>`.
    pub is_called_back: bool,
    /// Ids of the steps whose outputs it may read, in running order.
    pub readable: Vec<String>,
    /// Every value it reads.
    pub references: Vec<CheckedReference>,
    /// Set of steps that hold others.
    pub inside: Option<CheckedInside>,
    /// Set of steps that look at the entries of a list.
    pub entries: Option<CheckedEntries>,
}

/// What lies inside a step that holds others, as its own settings for one entry may read it.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedInside {
    /// The setting whose list is gone through.
    pub list: Template,
    /// Kind of one entry.
    pub item: Kind,
    /// Ids of steps, in running order.
    pub readable: Vec<String>,
}

/// The list whose entries a step looks at.
#[derive(Clone, Debug, Serialize)]
pub struct CheckedEntries {
    pub list: Template,
    /// Kind of one entry.
    pub item: Kind,
}

/// One value that a setting reads.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckedReference {
    /// JSON pointer of the setting in the document.
    pub pointer: String,
    /// Such as `form.customer`.
    pub path: String,
    /// Byte range in the setting's text.
    pub span: [usize; 2],
    /// The value's kind; `None` when it cannot be read here.
    pub kind: Option<Kind>,
    /// May be empty and has no default.
    pub optional: bool,
}

impl Checked {
    /// No error, so that the document may be published.
    pub fn is_publishable(&self) -> bool {
        !self.problems.iter().any(Problem::is_error)
    }
}

/// Checks a whole document. The same document gives the same answer in the same order.
pub fn check(workflow: &Workflow, catalogue: &Catalogue, resources: &dyn Resources) -> Checked {
    let mut draft = Draft::new(workflow, catalogue, resources);
    let mut problems = std::mem::take(&mut draft.problems);
    problems.extend(check_on_failure(workflow, resources));
    problems.extend(check_concurrency(workflow, &draft));
    let mut checked = BTreeMap::new();
    let mut templates_left = MAX_TEMPLATES;
    for (index, node) in draft.nodes.iter().enumerate() {
        let Some(document) = workflow.nodes.get(index) else {
            continue;
        };
        let scope = draft.scope(index);
        let entry = catalogue.get(&document.node_type, document.version);
        let mut references = Vec::new();
        let mut entries = None;
        if let Some(bound) = &node.bound {
            let around = draft.around(index);
            let prefix = format!("{}/config", node.pointer);
            problems.extend(
                bound
                    .check(&around.context(resources))
                    .into_iter()
                    .map(|problem| problem.under(&prefix).of(&node.id)),
            );
            if node.parent.is_some() && bound.callback().is_some() {
                let message = "A step that is called back cannot lie inside of another one: one link would lead to every entry.";
                let problem = Problem::error("callback_inside", json!({}), message);
                problems.push(problem.at(node.pointer.clone()).of(&node.id));
            }
            entries = bound.entries().map(|list| CheckedEntries {
                list: list.clone(),
                item: draft.entry(index).unwrap_or(Kind::Any),
            });
            // A trigger has nothing before it: its templates read its own answers, and it checks them itself.
            if let (None, Some(entry)) = (&node.trigger, entry) {
                let mut reader = TemplateReader {
                    node,
                    scope: &scope,
                    inside: around.inside.as_ref().map(|inside| &inside.scope),
                    entry: around.entry.as_ref(),
                    draft: &draft,
                    left: &mut templates_left,
                    references: Vec::new(),
                    problems: Vec::new(),
                };
                reader.read(&entry.schema, &document.config);
                problems.append(&mut reader.problems);
                references = reader.references;
            }
        }
        let ids = |readable: Vec<usize>| {
            readable
                .into_iter()
                .map(|other| draft.nodes[other].id.clone())
                .collect()
        };
        let mut drawn = node_of(node, entry, ids(draft.readable(index)), references);
        drawn.inside = node.container.as_ref().map(|held| CheckedInside {
            list: held.list.clone(),
            item: node.item.clone(),
            readable: ids(draft.readable_inside(index)),
        });
        drawn.entries = entries;
        checked.insert(index, drawn);
    }
    if templates_left == 0 {
        problems.push(
            Problem::error(
                "too_many_templates",
                json!({"most": MAX_TEMPLATES}),
                format!("A workflow has at most {MAX_TEMPLATES} settings with values in them."),
            )
            .at("/nodes"),
        );
    }
    sort(&mut problems);
    let nodes = draft
        .in_order()
        .filter_map(|index| Some((draft.nodes[index].id.clone(), checked.remove(&index)?)))
        .collect();
    Checked {
        problems,
        nodes,
        offer: draft.offer(resources),
        lines: Lines::of(workflow, &draft),
    }
}

fn node_of(
    node: &DraftNode,
    entry: Option<&crate::catalogue::NodeType>,
    readable: Vec<String>,
    references: Vec<CheckedReference>,
) -> CheckedNode {
    let description = node.description.as_ref();
    CheckedNode {
        title: description.map_or(String::new(), |description| description.title.to_owned()),
        summary: entry.map_or(String::new(), |entry| entry.summary.clone()),
        family: description.map(|description| description.family),
        icon: description.map_or(String::new(), |description| description.icon.to_owned()),
        surface: description.map_or(Surface::None, |description| description.surface),
        effect: description.map(|description| description.effect),
        ports: node.ports.clone(),
        output: node.output.clone(),
        card: node
            .bound
            .as_ref()
            .map(|bound| bound.card())
            .unwrap_or_default(),
        trigger: node.trigger.as_ref().map(|trigger| match trigger {
            Trigger::Form(_) => "form",
            Trigger::Webhook(_) => "webhook",
            Trigger::Schedule(_) => "schedule",
            Trigger::Call(_) => "call",
        }),
        schedule: match &node.trigger {
            Some(Trigger::Schedule(schedule)) => schedule.clone(),
            Some(Trigger::Form(_) | Trigger::Webhook(_) | Trigger::Call(_)) | None => None,
        },
        is_called_back: node.is_called_back(),
        readable,
        references,
        inside: None,
        entries: None,
    }
}

/// In document order: by the numbers and names in the pointer, errors before warnings at the same place.
fn sort(problems: &mut [Problem]) {
    problems.sort_by_cached_key(|problem| {
        let place: Vec<(u64, String)> = problem
            .pointer
            .split('/')
            .map(|segment| match segment.parse() {
                Ok(number) => (number, String::new()),
                Err(_) => (0, segment.to_owned()),
            })
            .collect();
        (place, !problem.is_error())
    });
}

/// Finds the templates of one node's config by its schema, and reads them.
struct TemplateReader<'a> {
    node: &'a DraftNode,
    scope: &'a Kind,
    /// What a container's settings for one entry read.
    inside: Option<&'a Kind>,
    /// What the settings for one entry of the node's list read.
    entry: Option<&'a Kind>,
    draft: &'a Draft,
    left: &'a mut usize,
    references: Vec<CheckedReference>,
    problems: Vec<Problem>,
}

impl TemplateReader<'_> {
    fn read(&mut self, schema: &Json, config: &Json) {
        let mut templates: IndexMap<String, &str> = IndexMap::new();
        let mut may_be_empty: Vec<String> = Vec::new();
        let mut scopes: Vec<(String, &Kind)> = Vec::new();
        schema::walk(schema, config, &mut |pointer, schema, json| {
            let scope = match schema.get("x-scope").and_then(Json::as_str) {
                Some("inside") => self.inside,
                Some("entry") => self.entry,
                _ => None,
            };
            scopes.extend(scope.map(|scope| (pointer.to_owned(), scope)));
            if schema.get("x-empty") == Some(&Json::Bool(true)) {
                may_be_empty.push(pointer.to_owned());
            }
            let widget = schema.get("x-widget").and_then(Json::as_str);
            if let (Some("template" | "value"), Json::String(text)) = (widget, json) {
                templates.insert(pointer.to_owned(), text);
            }
        });
        for (pointer, text) in templates {
            if *self.left == 0 {
                return;
            }
            *self.left -= 1;
            let lies_in =
                |place: &String| pointer == *place || pointer.starts_with(&format!("{place}/"));
            let accepts_empty = may_be_empty.iter().any(lies_in);
            let at = format!("{}/config{pointer}", self.node.pointer);
            let scope = scopes.iter().rev().find(|(place, _)| lies_in(place));
            let scope = scope.map_or(self.scope, |(_, scope)| *scope);
            self.read_one(&Template(text.to_owned()), scope, &at, accepts_empty);
        }
    }

    fn read_one(&mut self, template: &Template, scope: &Kind, at: &str, accepts_empty: bool) {
        let (_, found) = expression::infer(template, scope, accepts_empty);
        for problem in found {
            let problem = self.explain(problem, scope);
            self.problems.push(problem.at(at).of(&self.node.id));
        }
        for reference in template.references().unwrap_or_default() {
            let field = resolve(scope, &reference.path);
            // A name that a `for` or `set` made is no reference to a step; unknown ones are kept, marked.
            self.references.push(CheckedReference {
                pointer: at.to_owned(),
                path: reference.path.join("."),
                span: [reference.span.start, reference.span.end],
                optional: !reference.guarded
                    && field.as_ref().is_some_and(|(_, optional)| *optional),
                kind: field.map(|(kind, _)| kind),
            });
        }
    }

    /// An unknown name that is another step's says why it cannot be read.
    fn explain(&self, problem: Problem, scope: &Kind) -> Problem {
        if problem.code != "unknown_reference" {
            return problem;
        }
        let first = problem
            .params
            .get("path")
            .and_then(Json::as_str)
            .and_then(|path| path.split('.').next())
            .unwrap_or_default()
            .to_owned();
        let is_known = scope.field(&first).is_some();
        let other = self.draft.nodes.iter().find(|other| other.id == first);
        match other {
            Some(other) if !is_known => Problem::error(
                "reference_not_before",
                problem.params,
                if other.id == self.node.id {
                    "A step cannot read its own output.".to_owned()
                } else {
                    format!(
                        "\u{201c}{}\u{201d} does not come before this step, so its values cannot be read here.",
                        other.name()
                    )
                },
            ),
            _ => problem,
        }
    }
}

/// The kind behind a path, and whether it may be empty.
fn resolve(scope: &Kind, path: &[String]) -> Option<(Kind, bool)> {
    let mut kind = scope.clone();
    let mut optional = false;
    for name in path {
        if matches!(kind, Kind::Any) {
            return Some((Kind::Any, optional));
        }
        match (kind.field(name), &kind, name.as_str()) {
            (Some(field), _, _) => {
                optional |= field.optional;
                kind = field.kind.clone();
            }
            (None, Kind::Money { .. }, "amount") => kind = Kind::Decimal,
            (None, Kind::Money { .. }, "currency")
            | (None, Kind::File, "name" | "content_type") => {
                kind = Kind::text();
            }
            (None, Kind::Date, "year" | "month" | "day") => kind = Kind::Integer,
            _ => return None,
        }
    }
    Some((kind, optional))
}

/// The known name that a mistyped one most likely means: at most a third of its letters differ.
pub fn close_match<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count().max(3)) / 3;
    known
        .map(|candidate| (distance(name, candidate, most), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two names, a swap of neighbours counting as one (optimal string alignment); beyond `most` any larger number.
fn distance(a: &str, b: &str, most: usize) -> usize {
    let a: Vec<char> = a.chars().take(crate::kind::MAX_NAME + 1).collect();
    let b: Vec<char> = b.chars().take(crate::kind::MAX_NAME + 1).collect();
    if a.len().abs_diff(b.len()) > most {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut cost = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
