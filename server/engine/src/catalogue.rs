//! The list of node types, erased to what the engine, the executor and the editor need; `main` builds it from `nodes`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use crate::{
    check::Problem,
    expression::Template,
    ids::{SeriesId, WorkflowId},
    kind::{Field, Kind},
    node::{
        Card, Container, Description, Event, Join, Node, NodeContext, NodeError, Outcome,
        OutputContext, Port, Trigger,
    },
    schema,
};

/// A node type without its Rust type.
#[derive(Clone, Debug)]
pub struct NodeType {
    pub node_type: &'static str,
    pub version: u32,
    pub description: Description,
    /// What it does, in one sentence.
    pub summary: String,
    /// JSON Schema of the config, subschemas inlined, every property titled.
    pub schema: Json,
    bind: fn(&Json) -> Result<Box<dyn BoundNode>, serde_json::Error>,
}

/// A node with its config, ready to be asked and run.
#[async_trait]
pub trait BoundNode: Send + Sync {
    fn ports(&self) -> Vec<Port>;
    fn output(&self, context: &OutputContext<'_>) -> Kind;
    fn card(&self) -> Card;
    fn trigger(&self) -> Option<Trigger>;
    fn empty_ports(&self) -> Vec<String>;
    fn join(&self) -> Join;
    fn container(&self) -> Option<Container>;
    fn series(&self) -> Option<SeriesId>;
    fn calls(&self) -> Option<WorkflowId>;
    fn credit_notes(&self) -> Option<WorkflowId>;
    fn takes_back(&self) -> bool;
    fn answer(&self, context: &OutputContext<'_>) -> Option<Kind>;
    fn entries(&self) -> Option<&Template>;
    fn reports_progress(&self) -> bool;
    fn callback(&self) -> Option<Vec<Field>>;
    fn sends_mail(&self) -> bool;
    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem>;
    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError>;
    async fn resume(&self, context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError>;
}

struct Bound<N>(N);

#[async_trait]
impl<N: Node> BoundNode for Bound<N> {
    fn ports(&self) -> Vec<Port> {
        self.0.ports()
    }
    fn output(&self, context: &OutputContext<'_>) -> Kind {
        self.0.output(context)
    }
    fn card(&self) -> Card {
        self.0.card()
    }
    fn trigger(&self) -> Option<Trigger> {
        self.0.trigger()
    }
    fn empty_ports(&self) -> Vec<String> {
        self.0.empty_ports()
    }
    fn join(&self) -> Join {
        self.0.join()
    }
    fn container(&self) -> Option<Container> {
        self.0.container()
    }
    fn series(&self) -> Option<SeriesId> {
        self.0.series()
    }
    fn calls(&self) -> Option<WorkflowId> {
        self.0.calls()
    }
    fn credit_notes(&self) -> Option<WorkflowId> {
        self.0.credit_notes()
    }
    fn takes_back(&self) -> bool {
        self.0.takes_back()
    }
    fn answer(&self, context: &OutputContext<'_>) -> Option<Kind> {
        self.0.answer(context)
    }
    fn entries(&self) -> Option<&Template> {
        self.0.entries()
    }

    fn reports_progress(&self) -> bool {
        self.0.reports_progress()
    }

    fn callback(&self) -> Option<Vec<Field>> {
        self.0.callback()
    }

    fn sends_mail(&self) -> bool {
        self.0.sends_mail()
    }
    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        self.0.check(context)
    }
    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        self.0.run(context).await
    }
    async fn resume(&self, context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        self.0.resume(context, event).await
    }
}

impl NodeType {
    pub fn of<N: Node>() -> Self {
        let mut schema = SchemaSettings::draft2020_12()
            .with(|settings| {
                settings.inline_subschemas = true;
                settings.meta_schema = None;
            })
            .into_generator()
            .into_root_schema_for::<N>()
            .to_value();
        let summary = schema
            .get("description")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned();
        add_titles(&mut schema);
        Self {
            node_type: N::TYPE,
            version: N::VERSION,
            description: N::describe(),
            summary,
            schema,
            bind: |config| {
                let node = N::deserialize(config)?;
                Ok(Box::new(Bound(node)))
            },
        }
    }

    /// Every problem of a config's shape, with pointers from the config's root.
    pub fn check_config(&self, config: &Json) -> Vec<Problem> {
        let problems = schema::problems(&self.schema, config);
        if !problems.is_empty() {
            return problems;
        }
        // What only the Rust type can tell, such as a number that does not fit.
        match (self.bind)(config) {
            Ok(_) => Vec::new(),
            Err(error) => vec![invalid(&error)],
        }
    }

    /// The node, or every problem of its config.
    pub fn bind(&self, config: &Json) -> Result<Box<dyn BoundNode>, Vec<Problem>> {
        let problems = schema::problems(&self.schema, config);
        if !problems.is_empty() {
            return Err(problems);
        }
        (self.bind)(config).map_err(|error| vec![invalid(&error)])
    }

    fn json(&self, messages: Option<&Messages>) -> Json {
        let description = &self.description;
        let say = |key: &str, english: &str| {
            messages
                .and_then(|messages| messages.get(self.node_type, key))
                .unwrap_or(english)
                .to_owned()
        };
        let mut schema = self.schema.clone();
        if let Some(messages) = messages {
            for (pointer, key) in message_places(&self.schema) {
                let text = messages.get(self.node_type, &key);
                if let (Some(text), Some(place)) = (text, schema.pointer_mut(&pointer)) {
                    *place = json!(text);
                }
            }
        }
        prune(&mut schema);
        let definitions = schema
            .as_object_mut()
            .and_then(|schema| schema.shift_remove("$defs"));
        // What is left may still point into the definitions; else nobody needs them.
        if let (true, Some(schema), Some(definitions)) = (
            schema.to_string().contains("\"$ref\""),
            schema.as_object_mut(),
            definitions,
        ) {
            schema.insert("$defs".into(), definitions);
        }
        json!({
            "type": self.node_type,
            "version": self.version,
            "title": say("title", description.title),
            "summary": say("summary", &self.summary),
            "family": description.family,
            "icon": description.icon,
            "effect": description.effect,
            "surface": description.surface,
            "timeout_ms": description.timeout_ms,
            "retry": description.retry,
            "schema": schema,
        })
    }

    /// Every text of this type that people read, by message key: `title`, `summary`, `template.label`, `template.help`,
    /// `rules.operator.options.is`, …
    pub fn texts(&self) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::from([
            ("title".to_owned(), self.description.title.to_owned()),
            ("summary".to_owned(), self.summary.clone()),
        ]);
        for (pointer, key) in message_places(&self.schema) {
            if let Some(text) = self.schema.pointer(&pointer).and_then(Json::as_str) {
                texts.insert(key, text.to_owned());
            }
        }
        texts
    }
}

fn invalid(error: &serde_json::Error) -> Problem {
    Problem::error(
        "config_invalid",
        json!({"reason": error.to_string()}),
        format!("The settings cannot be read: {error}."),
    )
}

/// Texts of one language by `<node type>.<key>`, with `any.<key>` as what all types share.
#[derive(Clone, Debug, Default)]
pub struct Messages(BTreeMap<String, String>);

impl Messages {
    pub fn new(texts: BTreeMap<String, String>) -> Self {
        Self(texts)
    }

    pub fn get(&self, node_type: &str, key: &str) -> Option<&str> {
        self.0
            .get(&format!("{node_type}.{key}"))
            .or_else(|| self.0.get(&format!("any.{key}")))
            .map(String::as_str)
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// All node types this build can run.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    types: BTreeMap<(String, u32), NodeType>,
    messages: BTreeMap<String, Messages>,
}

impl Catalogue {
    /// Of two entries with the same type and version the later counts.
    pub fn new(types: Vec<NodeType>) -> Self {
        Self {
            types: types
                .into_iter()
                .map(|entry| ((entry.node_type.to_owned(), entry.version), entry))
                .collect(),
            messages: BTreeMap::new(),
        }
    }

    /// Adds one more type, such as a test's own.
    #[must_use]
    pub fn with(mut self, entry: NodeType) -> Self {
        self.types
            .insert((entry.node_type.to_owned(), entry.version), entry);
        self
    }

    /// Adds the texts of a language (BCP 47).
    #[must_use]
    pub fn with_messages(mut self, language: &str, messages: Messages) -> Self {
        self.messages.insert(language.to_owned(), messages);
        self
    }

    pub fn get(&self, node_type: &str, version: u32) -> Option<&NodeType> {
        self.types.get(&(node_type.to_owned(), version))
    }

    /// The newest version of a type.
    pub fn newest(&self, node_type: &str) -> Option<&NodeType> {
        self.types
            .range((node_type.to_owned(), 0)..=(node_type.to_owned(), u32::MAX))
            .next_back()
            .map(|(_, entry)| entry)
    }

    /// By type and version.
    pub fn iter(&self) -> impl Iterator<Item = &NodeType> {
        self.types.values()
    }

    /// The texts of a language; `zh` and `zh-Hans-CN` find `zh-CN`. `None`: English it is.
    pub fn messages(&self, language: &str) -> Option<&Messages> {
        self.messages.get(language).or_else(|| {
            let primary = |tag: &str| tag.split(['-', '_']).next().map(str::to_ascii_lowercase);
            self.messages
                .iter()
                .find(|(tag, _)| primary(tag) == primary(language))
                .map(|(_, messages)| messages)
        })
    }

    /// What `GET /api/node-types` answers: the newest version of every type, texts in `language` where there are some, else in English.
    pub fn json(&self, language: &str) -> Json {
        let messages = self.messages(language);
        let newest = self.types.values().filter(|entry| {
            self.newest(entry.node_type)
                .is_some_and(|newest| newest.version == entry.version)
        });
        Json::Array(newest.map(|entry| entry.json(messages)).collect())
    }

    /// Changes when any type, version or schema does; same in every process of one build (FNV-1a, 64 bit).
    pub fn hash(&self) -> String {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for entry in self.types.values() {
            for byte in entry.json(None).to_string().bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        format!("{hash:016x}")
    }
}

/// Titles each property after its name, so that the editor and translators find a label everywhere.
fn add_titles(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            if let Some(Json::Object(properties)) = object.get_mut("properties") {
                for (name, property) in properties.iter_mut() {
                    if let Json::Bool(true) = property {
                        *property = Json::Object(Map::new());
                    }
                    if let Json::Object(property) = property
                        && !property.contains_key("const")
                    {
                        let title = property.get("title").and_then(Json::as_str);
                        // An inlined type's own title is its Rust name, which nobody should read.
                        if title.is_none_or(|title| {
                            title.starts_with(char::is_uppercase)
                                && !title.contains(' ')
                                && title.chars().skip(1).any(char::is_uppercase)
                        }) {
                            property.insert("title".into(), json!(humanise(name)));
                        }
                    }
                }
            }
            for value in object.values_mut() {
                add_titles(value);
            }
        }
        Json::Array(items) => {
            for item in items {
                add_titles(item);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// Controls that are whole editors with words of their own; what lies below them is never drawn from the schema.
const WHOLE_EDITORS: [&str; 3] = ["form_fields", "computed_fields", "output_fields"];

fn is_whole_editor(schema: &Map<String, Json>) -> bool {
    schema
        .get("x-widget")
        .and_then(Json::as_str)
        .is_some_and(|widget| WHOLE_EDITORS.contains(&widget))
}

/// Leaves out the entries of whole editors: kinds nest, and written out they are most of the catalogue.
fn prune(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            if is_whole_editor(object) {
                object.shift_remove("items");
            }
            object.values_mut().for_each(prune);
        }
        Json::Array(items) => items.iter_mut().for_each(prune),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// `file_name` becomes `File name`.
fn humanise(name: &str) -> String {
    let mut text = name.replace('_', " ");
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Pointers to every text of a schema that people read, with the key translators know it by. Nested properties are keyed by their
/// path of property names, so that the same field in two alternatives is translated once.
fn message_places(schema: &Json) -> Vec<(String, String)> {
    let mut places = Vec::new();
    find_places(schema, "", "", &mut places);
    places
}

fn find_places(schema: &Json, pointer: &str, key: &str, places: &mut Vec<(String, String)>) {
    let Some(object) = schema.as_object() else {
        return;
    };
    if !key.is_empty() {
        if object.get("title").is_some_and(Json::is_string) {
            places.push((format!("{pointer}/title"), format!("{key}.label")));
        }
        if object.get("description").is_some_and(Json::is_string) && !pointer.contains("/oneOf/") {
            places.push((format!("{pointer}/description"), format!("{key}.help")));
        }
        if let Some(labels) = object.get("x-labels").and_then(Json::as_object) {
            for value in labels.keys() {
                places.push((
                    format!("{pointer}/x-labels/{}", crate::value::escape_pointer(value)),
                    format!("{key}.options.{value}"),
                ));
            }
        }
    }
    if is_whole_editor(object) {
        return;
    }
    if let Some(properties) = object.get("properties").and_then(Json::as_object) {
        for (name, property) in properties {
            let below = if key.is_empty() {
                name.clone()
            } else {
                format!("{key}.{name}")
            };
            find_places(
                property,
                &format!("{pointer}/properties/{name}"),
                &below,
                places,
            );
        }
    }
    // Entries of a list and of a map have no name of their own; their own titles are Rust names.
    for keyword in ["items", "additionalProperties"] {
        if let Some(below) = object.get(keyword) {
            find_nested(below, &format!("{pointer}/{keyword}"), key, places);
        }
    }
    for keyword in ["oneOf", "anyOf"] {
        for (index, below) in object
            .get(keyword)
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            find_nested(below, &format!("{pointer}/{keyword}/{index}"), key, places);
        }
    }
}

fn find_nested(schema: &Json, pointer: &str, key: &str, places: &mut Vec<(String, String)>) {
    let Some(object) = schema.as_object() else {
        return;
    };
    let mut inner = object.clone();
    inner.remove("title");
    inner.remove("description");
    find_places(&Json::Object(inner), pointer, key, places);
}
