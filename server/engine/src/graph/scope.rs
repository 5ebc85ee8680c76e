//! What a node may read: kinds before the run, values in it.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value as Json;

use super::{Context, Plan, PlanNode};
use crate::{
    firm::Firm,
    kind::{Field, Kind},
    node::{ItemEnd, StepError},
    run::{StepKey, paths},
    value::{Record, Value},
    workflow::OnError,
};

/// What has come of a run's steps: stored outputs (a failed step's is its error), and the entries that containers go through.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    succeeded: BTreeMap<StepKey, Arc<Json>>,
    failed: BTreeMap<StepKey, Json>,
    items: BTreeMap<StepKey, Vec<Json>>,
}

impl Outputs {
    /// A step has succeeded.
    pub fn succeeded(&mut self, key: StepKey, output: Arc<Json>) {
        self.succeeded.insert(key, output);
    }

    /// A step has failed; `error` is `{code, message, attempts, node}`.
    pub fn failed(&mut self, key: StepKey, error: Json) {
        self.failed.insert(key, error);
    }

    /// A container goes through these entries.
    pub fn expanded(&mut self, key: StepKey, items: Vec<Json>) {
        self.items.insert(key, items);
    }

    /// What a reader at `path` sees of a node.
    fn of(&self, node: &PlanNode, path: &str, reading: Reading) -> Value {
        let key = StepKey {
            node: node.id.clone(),
            item_path: paths::upper(path, node.depth).to_owned(),
        };
        let (found, kind) = match reading {
            Reading::Error => (self.failed.get(&key), &error_kind()),
            Reading::Output | Reading::Maybe => {
                let output = self.succeeded.get(&key);
                (output.map(Arc::as_ref), &node.output)
            }
        };
        Value::from_json(found.unwrap_or(&Json::Null), kind).unwrap_or(Value::Empty)
    }
}

/// How a node sees the output of an ancestor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// It has succeeded.
    Output,
    /// It has failed into its `error` way.
    Error,
    /// It may have been skipped, or have failed.
    Maybe,
}

/// What a reader needs to know of a node.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) output: &'a Kind,
    pub(super) on_error: OnError,
}

impl Reading {
    pub(super) fn field(self, seen: Seen<'_>) -> Field {
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

/// Of a container: what may be read of one entry when everything inside has ended.
#[derive(Clone, Debug)]
pub(super) struct InnerPlan {
    /// Kind of one entry.
    pub(super) item: Kind,
    /// The nodes that its config reads, and the last one inside; nearest last.
    pub(super) readings: Vec<(String, Reading)>,
    /// The only last node inside.
    pub(super) last: Option<String>,
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

/// Kinds of what every expression may read besides earlier nodes; `callbacks` are the nodes with a link: (id, name).
pub fn common_scope<'a>(callbacks: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Field> {
    let links: Vec<Field> = callbacks
        .map(|(id, name)| Field {
            name: id.to_owned(),
            title: name.to_owned(),
            kind: Kind::text(),
            optional: false,
        })
        .collect();
    let mut run = vec![
        ("id", "Run id", Kind::text()),
        ("started_at", "Started at", Kind::Instant),
        ("trial", "Trial run", Kind::YesNo),
    ];
    if !links.is_empty() {
        run.push(("links", "Links", Kind::Record { fields: links }));
    }
    let run = Kind::Record {
        fields: run.into_iter().map(always).collect(),
    };
    let fields = [
        ("firm", "Firm", Firm::kind()),
        ("run", "Run", run),
        ("now", "Now", Kind::Instant),
        ("today", "Today", Kind::Date),
    ];
    fields.into_iter().map(always).collect()
}

/// A field that is always there.
fn always((name, title, kind): (&str, &str, Kind)) -> Field {
    Field {
        name: name.to_owned(),
        title: title.to_owned(),
        kind,
        optional: false,
    }
}

/// Kinds of what the nodes inside containers read besides; (id, name, kind of an entry), the innermost container first. The entry of each is
/// read under its id, the closest by its short names: that of the innermost container, or of a list that the node itself looks at.
pub(super) fn item_scope<'a>(
    own: Option<&Kind>,
    containers: impl Iterator<Item = (&'a str, &'a str, &'a Kind)>,
) -> Vec<Field> {
    let entry = |item: &Kind| {
        Kind::record([
            ("item", "Entry", item.clone()),
            ("index", "Number, from 0", Kind::Integer),
        ])
    };
    let mut closest = own.map(entry);
    let mut fields = Vec::new();
    for (id, name, item) in containers {
        let kind = entry(item);
        closest.get_or_insert_with(|| kind.clone());
        fields.push(Field {
            name: id.to_owned(),
            title: name.to_owned(),
            kind,
            optional: false,
        });
    }
    if let Some(Kind::Record { fields: entry }) = closest {
        fields.extend(entry);
    }
    fields
}

impl Plan {
    /// Kinds of everything that a node's config reads.
    pub fn scope(&self, node: &PlanNode) -> Kind {
        let mut fields: Vec<Field> = node
            .readings
            .iter()
            .filter_map(|(id, reading)| Some(reading.field(self.nodes.get(id)?.seen())))
            .collect();
        fields.extend(item_scope(
            None,
            self.containers(node).filter_map(|container| {
                let inner = container.inner.as_ref()?;
                Some((container.id.as_str(), container.name.as_str(), &inner.item))
            }),
        ));
        fields.extend(common_scope(self.callbacks()));
        Kind::Record { fields }
    }

    /// Everything that a step's config reads: the stored outputs of its node's ancestors that it names (a failed step's is
    /// `{code, message, attempts, node}`), typed as its scope says, the entry it works on, and the context. What has not run is empty.
    pub fn values(
        &self,
        node: &PlanNode,
        item_path: &str,
        outputs: &Outputs,
        context: &Context<'_>,
    ) -> Record {
        let mut values = self.read(&node.readings, item_path, outputs);
        self.add_items(&mut values, node.parent.as_deref(), item_path, outputs);
        values.extend(self.common_values(context));
        values
    }

    /// How an entry of a container's step ended; `None` when there is no such entry. The entry's steps have all ended.
    pub fn item_end(
        &self,
        container: &PlanNode,
        item_path: &str,
        index: usize,
        outputs: &Outputs,
        context: &Context<'_>,
    ) -> Option<ItemEnd> {
        let inner = container.inner.as_ref()?;
        let key = StepKey {
            node: container.id.clone(),
            item_path: item_path.to_owned(),
        };
        outputs.items.get(&key)?.get(index)?;
        let path = paths::below(item_path, index);
        let uncaught = self
            .inside(Some(&container.id))
            .filter(|node| node.on_error == OnError::Stop)
            .find_map(|node| {
                let key = StepKey {
                    node: node.id.clone(),
                    item_path: path.clone(),
                };
                Some((node, outputs.failed.get(&key)?))
            });
        if let Some((node, error)) = uncaught {
            let text = |name| error.get(name).and_then(Json::as_str).unwrap_or_default();
            let params = error.get("params").and_then(Json::as_object);
            let error = StepError {
                code: text("code").to_owned(),
                message: text("message").to_owned(),
                params: params.cloned().unwrap_or_default(),
            };
            let node = node.id.clone();
            return Some(ItemEnd::Failed { error, node });
        }
        let mut values = self.read(&inner.readings, &path, outputs);
        let last = inner.last.as_ref().and_then(|id| values.get(id)).cloned();
        self.add_items(&mut values, Some(&container.id), &path, outputs);
        values.extend(self.common_values(context));
        Some(ItemEnd::Done {
            values,
            last: last.unwrap_or(Value::Empty),
        })
    }

    /// What the ways out of a node carry in one entry: its output, or its error where that has a way of its own.
    pub fn carried(&self, node: &str, item_path: &str, outputs: &Outputs) -> Value {
        let Some(node) = self.nodes.get(node) else {
            return Value::Empty;
        };
        match outputs.of(node, item_path, Reading::Output) {
            Value::Empty if node.on_error == OnError::Branch => {
                outputs.of(node, item_path, Reading::Error)
            }
            value => value,
        }
    }

    fn read(&self, readings: &[(String, Reading)], path: &str, outputs: &Outputs) -> Record {
        readings
            .iter()
            .filter_map(|(id, reading)| {
                let ancestor = self.nodes.get(id)?;
                Some((id.clone(), outputs.of(ancestor, path, *reading)))
            })
            .collect()
    }

    fn add_items(
        &self,
        values: &mut Record,
        innermost: Option<&str>,
        path: &str,
        outputs: &Outputs,
    ) {
        let mut path = path;
        let mut next = innermost.and_then(|id| self.nodes.get(id));
        while let (Some(container), Some((above, index))) = (next, paths::split(path)) {
            let key = StepKey {
                node: container.id.clone(),
                item_path: above.to_owned(),
            };
            let json = outputs.items.get(&key).and_then(|items| items.get(index));
            let item = match (json, &container.inner) {
                (Some(json), Some(inner)) => {
                    Value::from_json(json, &inner.item).unwrap_or(Value::Empty)
                }
                _ => Value::Empty,
            };
            let index = Value::Integer(i64::try_from(index).unwrap_or(i64::MAX));
            let entry = [("item".to_owned(), item), ("index".to_owned(), index)];
            if innermost == Some(container.id.as_str()) {
                values.extend(entry.clone());
            }
            // The innermost one, too: a node that looks at a list of its own takes the short names.
            let entry = Value::Record(Record::from_iter(entry));
            values.insert(container.id.clone(), entry);
            path = above;
            next = container.parent.as_ref().and_then(|id| self.nodes.get(id));
        }
    }

    /// The values of `common_scope`.
    fn common_values(&self, context: &Context<'_>) -> Record {
        let today = context.now.to_zoned(self.time_zone.clone()).date();
        let links = context.run.links.iter();
        let links = links.map(|(node, link)| (node.clone(), Value::Text(link.clone())));
        let mut run = Record::from_iter([
            ("id".to_owned(), Value::Text(context.run.id.to_string())),
            (
                "started_at".to_owned(),
                Value::Instant(context.run.started_at),
            ),
            ("trial".to_owned(), Value::YesNo(context.run.trial)),
        ]);
        if !context.run.links.is_empty() {
            run.insert("links".to_owned(), Value::Record(links.collect()));
        }
        Record::from_iter([
            ("firm".to_owned(), context.firm.to_value()),
            ("run".to_owned(), Value::Record(run)),
            ("now".to_owned(), Value::Instant(context.now)),
            ("today".to_owned(), Value::Date(today)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{
        graph::RunFacts,
        ids::RunId,
        testing::{catalogue, workflow},
    };

    fn names(values: &Record) -> Vec<&str> {
        values.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_step_is_given_what_its_config_names() {
        let nodes = [
            ("s", json!({})),
            ("one", json!({"config": {"text": "{{ s.name }}"}})),
            ("two", json!({"config": {"text": "nothing before it"}})),
            (
                "h",
                json!({"config": {"list": "{{ s.names }}", "result": "{{ two.text }}"}}),
            ),
            ("other", json!({"parent": "h"})),
            ("inner", json!({"parent": "h"})),
        ];
        let edges = [
            ("s", "out", "one"),
            ("one", "out", "two"),
            ("two", "out", "h"),
            ("other", "out", "inner"),
        ];
        let (plan, problems) = Plan::compile(&workflow(&nodes, &edges), &catalogue(), &());
        let plan = plan.unwrap_or_else(|| panic!("{problems:#?}"));
        let firm = Firm::default();
        let context = Context {
            firm: &firm,
            run: RunFacts {
                id: RunId::from(uuid::Uuid::nil()),
                started_at: Timestamp::UNIX_EPOCH,
                trial: false,
                links: BTreeMap::new(),
            },
            now: Timestamp::UNIX_EPOCH,
        };
        let mut outputs = Outputs::default();
        for id in ["one", "two"] {
            outputs.succeeded(StepKey::of(id), Arc::new(json!({"text": id})));
        }
        outputs.succeeded(
            StepKey::of("s"),
            Arc::new(json!({"name": "Ada", "names": ["x"]})),
        );
        outputs.expanded(StepKey::of("h"), vec![json!("x")]);
        let common = ["firm", "run", "now", "today"];
        for (id, named) in [("one", &["s"][..]), ("two", &[]), ("h", &["s", "two"])] {
            let node = plan.node(id).expect("a node");
            let values = plan.values(node, "", &outputs, &context);
            assert_eq!(names(&values), [named, &common].concat(), "{id}");
        }
        let node = plan.node("h").expect("a node");
        let Some(ItemEnd::Done { values, last }) = plan.item_end(node, "", 0, &outputs, &context)
        else {
            panic!("the entry has ended");
        };
        assert!(values.contains_key("two") && values.contains_key("inner"));
        assert!(!values.contains_key("one") && !values.contains_key("other"));
        assert_eq!(last, values["inner"]);
    }
}
