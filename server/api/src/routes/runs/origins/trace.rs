//! From a field of a document to who gave its value: through the settings of the step that filled the document in, to the steps that they
//! read and what those were made of. Steps are told apart by what they can do, never by their types.

use std::{collections::HashSet, iter};

use document::ComputedOrigin;
use engine::{
    catalogue::{BoundNode, Catalogue, NodeType},
    expression::Template,
    form::{FieldKind, Form},
    graph::Plan,
    kind::Kind,
    node::{Family, Trigger},
    run::paths,
    workflow::{Node, Workflow},
};
use serde_json::{Map, Value as Json};
use store::{approval::Approval, call::Child, generation::Generation, run::StepDetail};

use super::{OriginSourceOut, SourceKind};
use crate::{routes::run_view::collect_reads, workflow_document::slug};

/// Most sources of one origin, and how far they are followed.
const MAX_SOURCES: usize = 60;
const MAX_DEPTH: usize = 8;

/// What a run and its workflow say of each step.
pub(super) struct Trace<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) workflow: &'a Workflow,
    /// For what values are called.
    pub(super) plan: Option<&'a Plan>,
    pub(super) steps: &'a [StepDetail],
    /// Newest first.
    pub(super) approvals: &'a [Approval],
    pub(super) children: &'a [Child],
    pub(super) models: &'a [Generation],
    /// Fields that the document computes.
    pub(super) computed: &'a [ComputedOrigin],
    /// The step that made the document, and what it filled in for its fields.
    pub(super) node: &'a Node,
    pub(super) item_path: &'a str,
    pub(super) filled: Option<&'a Map<String, Json>>,
    pub(super) is_masked: bool,
}

/// A step.
struct Place<'a> {
    node: &'a Node,
    item_path: String,
}

impl<'a> Trace<'a> {
    /// What the values at these paths from the document's fields were made of, and whether that is not all.
    pub(super) fn sources(&self, reads: &[String]) -> (Vec<OriginSourceOut>, bool) {
        let mut walk = Walk {
            trace: self,
            found: Vec::new(),
            seen: HashSet::new(),
            is_cut: false,
        };
        for path in reads {
            walk.field(path, 0);
        }
        (walk.found, walk.is_cut)
    }

    fn known(&self, node: &Node) -> Option<&'a NodeType> {
        self.catalogue.get(&node.node_type, node.version)
    }

    fn bound(&self, node: &Node) -> Option<Box<dyn BoundNode>> {
        self.known(node)?.bind(&node.config).ok()
    }

    fn find(&self, id: &str) -> Option<&'a Node> {
        self.workflow.nodes.iter().find(|node| node.id == id)
    }

    fn parent(&self, node: &Node) -> Option<&'a Node> {
        self.find(node.parent.as_deref()?)
    }

    /// How many containers lie around a node.
    fn depth(&self, node: &Node) -> usize {
        iter::successors(self.parent(node), |container| self.parent(container)).count()
    }

    fn step(&self, place: &Place<'_>) -> Option<&'a StepDetail> {
        self.steps
            .iter()
            .find(|step| step.node == place.node.id && step.item_path == place.item_path)
    }

    /// The setting that a control of the editor belongs to.
    fn setting(&self, node: &'a Node, is_it: impl Fn(&Json) -> bool) -> Option<&'a Json> {
        let properties = self.known(node)?.schema.get("properties")?.as_object()?;
        let (name, _) = properties.iter().find(|(_, schema)| is_it(schema))?;
        node.config.get(name)
    }

    /// What a step says that it computes for one of its values.
    fn computes(&self, node: &'a Node, name: &str) -> Option<&'a str> {
        let declared = self.setting(node, |schema| schema["x-widget"] == "computed_fields")?;
        let mut declared = declared.as_array()?.iter();
        declared.find(|field| field["name"] == *name)?["value"].as_str()
    }

    /// What stands at first in a value that people may correct.
    fn start(&self, node: &'a Node, name: &str) -> Option<&'a str> {
        let starts = self.setting(node, |schema| schema["x-keys"]["form_fields"].is_string())?;
        starts[name].as_str()
    }

    /// What is kept of each entry of a container, unless that is what the last step inside puts out.
    fn kept(&self, container: &'a Node) -> Option<&'a str> {
        let kept = self.setting(container, |schema| schema["x-scope"] == "inside")?;
        kept.as_str().filter(|text| !text.trim().is_empty())
    }

    fn inside(&self, container: &'a Node) -> impl Iterator<Item = &'a Node> {
        let nodes = self.workflow.nodes.iter();
        nodes.filter(move |node| node.parent.as_deref() == Some(container.id.as_str()))
    }

    /// The only node inside that no other one comes after.
    fn last(&self, container: &'a Node) -> Option<&'a Node> {
        let leads_on = |node: &&Node| self.workflow.edges.iter().any(|edge| edge.from == node.id);
        let mut last = self.inside(container).filter(|node| !leads_on(node));
        let only = last.next()?;
        last.next().is_none().then_some(only)
    }

    /// What people call a value that a node puts out.
    fn title(&self, node: &Node, path: &[String]) -> String {
        let kind = self.plan.and_then(|plan| plan.node(&node.id));
        titles(kind.map(|node| &node.output), path)
    }
}

struct Walk<'w, 'a> {
    trace: &'w Trace<'a>,
    found: Vec<OriginSourceOut>,
    seen: HashSet<(SourceKind, Option<String>, Option<String>, String)>,
    is_cut: bool,
}

impl<'a> Walk<'_, 'a> {
    /// Adds a source; `false` where what it was made of need not be looked for.
    fn push(&mut self, source: OriginSourceOut) -> bool {
        if source.depth > MAX_DEPTH || self.found.len() >= MAX_SOURCES {
            self.is_cut = true;
            return false;
        }
        let (node, item_path) = (source.node.clone(), source.item_path.clone());
        let key = (source.kind, node, item_path, source.path.clone());
        let is_new = self.seen.insert(key);
        if is_new {
            self.found.push(source);
        }
        is_new
    }

    /// A value at a path from the document's fields.
    fn field(&mut self, path: &str, depth: usize) {
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        if let Some(kind) = own_kind(root) {
            self.push(plain(kind, path, depth));
            return;
        }
        let trace = self.trace;
        if let Some(own) = trace.computed.iter().find(|own| own.name == root) {
            let source = OriginSourceOut {
                expression: Some(own.expression.clone()),
                ..plain(SourceKind::Computed, root, depth)
            };
            if self.push(source) {
                for read in &own.reads {
                    self.field(read, depth + 1);
                }
            }
            return;
        }
        let filled = trace.filled.and_then(|filled| filled.get(root));
        let Some(text) = filled.and_then(Json::as_str) else {
            self.push(plain(SourceKind::Unknown, path, depth));
            return;
        };
        let place = Place {
            node: trace.node,
            item_path: trace.item_path.to_owned(),
        };
        let names = rest.split('.').filter(|name| !name.is_empty());
        let rest: Vec<String> = names.map(ToOwned::to_owned).collect();
        self.setting(&place, text, &rest, root, depth);
    }

    /// A value of a step's settings.
    fn setting(
        &mut self,
        place: &Place<'a>,
        text: &str,
        rest: &[String],
        name: &str,
        depth: usize,
    ) {
        let Ok(program) = Template(text.to_owned()).compile() else {
            self.push(plain(SourceKind::Unknown, name, depth));
            return;
        };
        if let Some(mut path) = program.shown() {
            path.extend_from_slice(rest);
            self.value(place, &path, depth);
            return;
        }
        let reads = program.reads();
        let source = OriginSourceOut {
            title: name.to_owned(),
            path: name.to_owned(),
            ..self.of_step(SourceKind::Setting, place, &[], depth)
        };
        if reads.is_empty() {
            let family = None;
            self.push(OriginSourceOut { family, ..source });
        } else {
            self.computed(source, text, place, &reads);
        }
    }

    /// Something that an expression made, and what that reads.
    fn computed(
        &mut self,
        source: OriginSourceOut,
        text: &str,
        place: &Place<'a>,
        reads: &[Vec<String>],
    ) {
        let depth = source.depth;
        let source = OriginSourceOut {
            kind: SourceKind::Computed,
            family: Some(slug(&Family::Computed)),
            expression: Some(text.to_owned()),
            ..source
        };
        if self.push(source) {
            for read in reads {
                self.value(place, read, depth + 1);
            }
        }
    }

    /// What a step reads at a path.
    fn value(&mut self, place: &Place<'a>, path: &[String], depth: usize) {
        let Some((root, rest)) = path.split_first() else {
            return;
        };
        // Of an entry, the container around tells; a page is nothing that steps know.
        let own =
            own_kind(root).filter(|kind| !matches!(kind, SourceKind::Entry | SourceKind::Page));
        if let Some(kind) = own {
            self.push(plain(kind, &path.join("."), depth));
            return;
        }
        let trace = self.trace;
        let (mut container, mut within) = (trace.parent(place.node), place.item_path.as_str());
        let mut is_innermost = true;
        while let (Some(around), Some((above, index))) = (container, paths::split(within)) {
            let read = match root.as_str() {
                "item" | "index" if is_innermost => path.split_first(),
                id if id == around.id => rest.split_first(),
                _ => None,
            };
            if let Some((name, rest)) = read {
                let place = Place {
                    node: around,
                    item_path: above.to_owned(),
                };
                self.entry(&place, index, name, rest, depth);
                return;
            }
            is_innermost = false;
            within = above;
            container = trace.parent(around);
        }
        match trace.find(root) {
            Some(node) => {
                let item_path = paths::upper(&place.item_path, trace.depth(node)).to_owned();
                self.output(&Place { node, item_path }, rest, depth);
            }
            None => {
                self.push(plain(SourceKind::Unknown, &path.join("."), depth));
            }
        }
    }

    /// An entry of a container's list, or a value in it.
    fn entry(
        &mut self,
        container: &Place<'a>,
        index: usize,
        name: &str,
        rest: &[String],
        depth: usize,
    ) {
        if name == "index" {
            let source = self.of_step(SourceKind::Entry, container, &[], depth);
            self.push(source);
            return;
        }
        let bound = self.trace.bound(container.node);
        let Some(own) = bound.and_then(|bound| bound.container()) else {
            self.push(plain(SourceKind::Unknown, name, depth));
            return;
        };
        let path: Vec<String> = iter::once(index.to_string())
            .chain(rest.iter().cloned())
            .collect();
        self.setting(container, &own.list.0, &path, name, depth);
    }

    /// What a step put out.
    fn output(&mut self, place: &Place<'a>, rest: &[String], depth: usize) {
        let (trace, node) = (self.trace, place.node);
        let bound = trace.bound(node);
        if let Some(trigger) = bound.as_ref().and_then(|bound| bound.trigger()) {
            self.handed_in(place, &trigger, rest, depth);
            return;
        }
        let family = trace.known(node).map(|known| known.description.family);
        let here = |node: &str, path: &str| node == place.node.id && path == place.item_path;
        let mut models = trace.models.iter();
        if let Some(model) = models.position(|one| here(&one.node, &one.item_path)) {
            let source = self.of_step(SourceKind::Written, place, rest, depth);
            self.push(OriginSourceOut {
                model: Some(model),
                ..source
            });
            return;
        }
        if family == Some(Family::Written) {
            self.unasked(place, rest, depth);
            return;
        }
        let mut approvals = trace.approvals.iter();
        let approval = approvals.find(|one| here(&one.node, &one.item_path));
        let is_value = rest.first().is_some_and(|name| name == "values");
        if let Some(approval) = approval.filter(|_| is_value) {
            self.approved(place, approval, rest, depth);
            return;
        }
        let mut children = trace.children.iter();
        if let Some(child) = children.find(|one| here(&one.node, &one.item_path)) {
            let source = self.of_step(SourceKind::Called, place, rest, depth);
            self.push(OriginSourceOut {
                run: Some(child.run.as_uuid()),
                ..source
            });
            return;
        }
        if bound.is_some_and(|bound| bound.container().is_some()) && self.result(place, rest, depth)
        {
            return;
        }
        let source = self.of_step(SourceKind::Step, place, rest, depth);
        let name = rest.first().map_or("", String::as_str);
        if let Some(text) = trace.computes(node, name) {
            let program = Template(text.to_owned()).compile();
            let reads = program.map(|program| program.reads()).unwrap_or_default();
            self.computed(source, text, place, &reads);
        } else if self.push(source) && family == Some(Family::Computed) {
            self.settings(place, depth + 1);
        }
    }

    /// Everything that the settings of a step read.
    fn settings(&mut self, place: &Place<'a>, depth: usize) {
        let mut reads: Vec<Vec<String>> = Vec::new();
        collect_reads(&place.node.config, &mut |path| reads.push(path.to_vec()));
        for read in reads {
            self.value(place, &read, depth);
        }
    }

    /// A step that asks models put it out, and no request is known.
    fn unasked(&mut self, place: &Place<'a>, rest: &[String], depth: usize) {
        if self.trace.is_masked {
            let source = self.of_step(SourceKind::Written, place, rest, depth);
            self.push(source);
            return;
        }
        let source = self.of_step(SourceKind::Given, place, rest, depth);
        let family = Some(slug(&Family::Computed));
        if self.push(OriginSourceOut { family, ..source }) {
            self.settings(place, depth + 1);
        }
    }

    /// What people were asked to approve, and could correct.
    fn approved(&mut self, place: &Place<'a>, approval: &Approval, rest: &[String], depth: usize) {
        let trace = self.trace;
        let name = rest.get(1).map_or("", String::as_str);
        let start = trace.start(place.node, name);
        let after = rest.get(2..).unwrap_or_default();
        if trace.is_masked {
            let source = self.of_step(SourceKind::Approved, place, rest, depth);
            if let (true, Some(text)) = (self.push(source), start) {
                self.setting(place, text, after, name, depth + 1);
            }
            return;
        }
        let before = &approval.request.values[name];
        let corrected = approval.verdict.as_ref();
        let corrected = corrected.filter(|verdict| verdict.values[name] != *before);
        match (corrected, start) {
            (Some(verdict), _) => {
                let source = self.of_step(SourceKind::Corrected, place, rest, depth);
                self.push(OriginSourceOut {
                    family: Some(slug(&Family::Asked)),
                    by: Some(verdict.by.clone()),
                    ..source
                });
            }
            (None, Some(text)) => self.setting(place, text, after, name, depth),
            (None, None) => {
                let source = self.of_step(SourceKind::Step, place, rest, depth);
                self.push(source);
            }
        }
    }

    /// A result of a container, of the entry that it is known to belong to; `false` where that is not known.
    fn result(&mut self, container: &Place<'a>, rest: &[String], depth: usize) -> bool {
        let trace = self.trace;
        let [name, index, rest @ ..] = rest else {
            return false;
        };
        if name != "results" {
            return false;
        }
        let (Some(step), Ok(index)) = (trace.step(container), index.parse::<usize>()) else {
            return false;
        };
        // Those that were left out are not among the results.
        let count = |json: Option<&Json>| json.and_then(Json::as_array).map(Vec::len);
        let results = step.output.as_ref().and_then(|output| output.get(name));
        let is_known = count(results).is_some() && count(results) == count(step.kept.as_ref());
        if !is_known {
            return false;
        }
        let item_path = paths::below(&container.item_path, index);
        if let Some(text) = trace.kept(container.node) {
            let Some(node) = trace.inside(container.node).next() else {
                return false;
            };
            self.setting(&Place { node, item_path }, text, rest, name, depth);
            return true;
        }
        match trace.last(container.node) {
            Some(node) => {
                self.output(&Place { node, item_path }, rest, depth);
                true
            }
            None => false,
        }
    }

    /// What the run was begun with: answers, and what the form computed of them.
    fn handed_in(&mut self, place: &Place<'a>, trigger: &Trigger, rest: &[String], depth: usize) {
        let source = self.of_step(SourceKind::Answer, place, rest, depth);
        let Trigger::Form(form) = trigger else {
            self.push(source);
            return;
        };
        let Some(text) = form_computes(form, rest) else {
            self.push(source);
            return;
        };
        let source = OriginSourceOut {
            kind: SourceKind::Computed,
            family: Some(slug(&Family::Computed)),
            expression: Some(text.to_owned()),
            ..source
        };
        if !self.push(source) {
            return;
        }
        let program = Template(text.to_owned()).compile();
        for read in program.map(|program| program.reads()).unwrap_or_default() {
            // `row` is the row that the value stands in.
            let path = match rest {
                [list, entry, ..] if read.first().is_some_and(|root| root == "row") => {
                    let mut row = vec![list.clone(), entry.clone()];
                    row.extend_from_slice(&read[1..]);
                    row
                }
                _ => read,
            };
            let name = path.first().map_or("", String::as_str);
            let is_own = form.fields.iter().any(|field| field.name == name)
                || form.computed.iter().any(|field| field.name == name);
            if is_own {
                self.output(place, &path, depth + 1);
            } else {
                self.value(place, &path, depth + 1);
            }
        }
    }

    /// A source that a step is.
    fn of_step(
        &self,
        kind: SourceKind,
        place: &Place<'_>,
        path: &[String],
        depth: usize,
    ) -> OriginSourceOut {
        let known = self.trace.known(place.node);
        let described = known.map(|known| &known.description);
        OriginSourceOut {
            family: Some(described.map_or("computed".into(), |own| slug(&own.family))),
            icon: described.map(|own| own.icon.to_owned()),
            node: Some(place.node.id.clone()),
            item_path: Some(place.item_path.clone()),
            name: Some(place.node.name.clone()),
            title: self.trace.title(place.node, path),
            ..plain(kind, &path.join("."), depth)
        }
    }
}

/// Names that are no step and no field.
fn own_kind(name: &str) -> Option<SourceKind> {
    match name {
        "firm" => Some(SourceKind::Firm),
        "today" | "now" => Some(SourceKind::Time),
        "page" | "pages" => Some(SourceKind::Page),
        "index" => Some(SourceKind::Entry),
        "run" => Some(SourceKind::Run),
        _ => None,
    }
}

/// A source that is no step.
fn plain(kind: SourceKind, path: &str, depth: usize) -> OriginSourceOut {
    OriginSourceOut {
        depth,
        kind,
        family: Some(slug(&Family::Computed)),
        icon: None,
        node: None,
        item_path: None,
        name: None,
        title: String::new(),
        path: path.to_owned(),
        expression: None,
        by: None,
        run: None,
        model: None,
    }
}

/// What a form says that it computes for a value, of a row or of the whole form.
fn form_computes<'f>(form: &'f Form, path: &[String]) -> Option<&'f str> {
    let (computed, name) = match path {
        [list, _, name, ..] => {
            let rows = form.fields.iter().find(|field| field.name == *list)?;
            let FieldKind::Rows { computed, .. } = &rows.kind else {
                return None;
            };
            (computed, name)
        }
        [name, ..] => (&form.computed, name),
        [] => return None,
    };
    let found = computed.iter().find(|field| field.name == *name)?;
    Some(&found.value.0)
}

/// What a value is called, from the outermost name to the innermost. Entries of lists are counted from one.
fn titles(kind: Option<&Kind>, path: &[String]) -> String {
    let mut kind = kind;
    let mut titles: Vec<String> = Vec::new();
    for name in path {
        let title;
        (kind, title) = match kind {
            Some(Kind::Record { fields }) => {
                let field = fields.iter().find(|field| field.name == *name);
                let title = field.map(|field| field.title.clone()).unwrap_or_default();
                (field.map(|field| &field.kind), title)
            }
            Some(Kind::List { item, .. }) => {
                let number = name.parse::<usize>();
                let title = number.map(|number| (number + 1).to_string());
                (Some(&**item), title.unwrap_or_else(|_| name.clone()))
            }
            Some(_) | None => (None, String::new()),
        };
        titles.push(if title.is_empty() {
            name.clone()
        } else {
            title
        });
    }
    titles.join(" · ")
}

#[cfg(test)]
mod tests {
    use engine::kind::Field;

    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(ToOwned::to_owned).collect()
    }

    #[test]
    fn values_are_called_as_people_call_them() {
        let row = Kind::record([("net", "Net price", Kind::money())]);
        let kind = Kind::Record {
            fields: vec![Field {
                name: "lines".into(),
                title: "Items".into(),
                kind: Kind::list(row),
                optional: false,
            }],
        };
        let check = |text: &str, expected: &str| {
            assert_eq!(titles(Some(&kind), &path(text)), expected);
        };
        check("lines.3.net", "Items · 4 · Net price");
        check("lines.*.net", "Items · * · Net price");
        check("other.name", "other · name");
        assert_eq!(titles(None, &path("a.b")), "a · b");
    }

    #[test]
    fn a_form_computes_values_of_rows_and_of_its_own() {
        let form: Form = serde_json::from_value(serde_json::json!({
            "title": "Order",
            "fields": [{"name": "lines", "label": "Items", "kind": "rows",
                "columns": [{"name": "price", "label": "Price", "kind": "money"}],
                "computed": [{"name": "net", "label": "Net", "kind": "money", "value": "{{ row.price }}"}]}],
            "computed": [{"name": "total", "label": "Total", "kind": "money", "value": "{{ sum(lines) }}"}],
        }))
        .expect("a form");
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(form_computes(&form, &path(text)), expected, "{text}");
        };
        check("total", Some("{{ sum(lines) }}"));
        check("lines.2.net", Some("{{ row.price }}"));
        check("lines.*.net", Some("{{ row.price }}"));
        check("lines.2.price", None);
        check("lines", None);
    }
}
