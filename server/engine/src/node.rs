//! The contract every node type fulfils: its config struct *is* the node. Nothing here runs one; the executor does, and gives it a
//! `NodeContext` that is its whole world.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json};

use crate::{
    approval::ApprovalRequest,
    call::{CallRequest, Called, Callee},
    check::Problem,
    expression::{ExpressionError, Template},
    form::Form,
    format::Formats,
    graph::Resources,
    ids::{
        CredentialId, DocumentId, DocumentVersionId, EndpointId, RunId, SeriesId, TableId,
        WorkflowId,
    },
    kind::{Field, Kind},
    private::Private,
    schedule::Schedule,
    value::{FileRef, Record, Value},
    workflow::Retry,
};

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

/// How a run of the workflow can begin at this node.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    Form(Form),
    Webhook(Webhook),
    /// `None` while its settings are not sound.
    Schedule(Option<Schedule>),
    /// Another workflow calls this one with these values.
    Call(Vec<Field>),
}

/// What an inbound webhook expects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhook {
    /// The body's fields.
    pub fields: Vec<Field>,
    pub proof: Proof,
    /// What the caller proves itself with.
    pub credential: Option<CredentialId>,
    /// The caller is answered by a step or with the run's end, if that comes soon.
    pub waits: bool,
    /// Values that are not kept as long as the run.
    pub private: Private,
}

impl Trigger {
    /// What is handed in here and not kept as long as the run.
    pub fn private(&self) -> Private {
        match self {
            Self::Form(form) => form.private(),
            Self::Webhook(webhook) => webhook.private.clone(),
            Self::Schedule(_) | Self::Call(_) => Private::default(),
        }
    }
}

/// How the caller of an inbound webhook proves itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "address": "By the address, which holds a secret",
    "none": "Not at all: anybody may call",
    "bearer": "Bearer token",
    "basic": "User and password",
    "header": "Header of its own",
    "standard_webhooks": "Signature (Standard Webhooks)",
    "github": "Signature (GitHub)",
    "stripe": "Signature (Stripe)",
}))]
pub enum Proof {
    /// The secret in the address is enough; the others but `none` ask for more.
    #[default]
    Address,
    None,
    Bearer,
    Basic,
    Header,
    StandardWebhooks,
    Github,
    Stripe,
}

impl Proof {
    /// Kind of the credential that it needs.
    pub fn credential(self) -> Option<&'static str> {
        match self {
            Self::Address | Self::None => None,
            Self::Bearer => Some("bearer"),
            Self::Basic => Some("basic"),
            Self::Header => Some("header"),
            Self::StandardWebhooks | Self::Github | Self::Stripe => Some("signing"),
        }
    }
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

/// How one entry of a container ended.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemEnd {
    Done {
        /// What the steps inside may read when all of them have ended, theirs included.
        values: Record,
        /// The output of the only last step inside; empty when there are several.
        last: Value,
    },
    /// The failure that no rule inside caught, and the id of its node.
    Failed { error: StepError, node: String },
}

/// A node's whole world while it runs.
#[async_trait]
pub trait NodeContext: Send + Sync {
    fn step(&self) -> &StepInfo;

    /// Everything the node may read: ancestors by id, `firm`, `run`, `item`, `index`, `now`, `today`.
    fn values(&self) -> &Record;

    /// Kinds of all that, a record's; what is not known is left out.
    fn scope(&self) -> Kind {
        Kind::Record { fields: Vec::new() }
    }

    /// Things built once by `main`, such as the document renderer.
    fn services(&self) -> &Services;

    /// Evaluates a config template over `values`; a template that is exactly one `{{ }}` keeps its type.
    fn evaluate(&self, template: &Template) -> Result<Value, NodeError> {
        template
            .evaluate_in(self.values(), &self.step().formats())
            .map_err(NodeError::from)
    }

    /// Renders a config template to text.
    fn render(&self, template: &Template) -> Result<String, NodeError> {
        template
            .render_in(self.values(), &self.step().formats())
            .map_err(NodeError::from)
    }

    /// The document template that the workflow's version pins for this id (a draft: the newest).
    async fn document(&self, id: DocumentId) -> Result<PinnedDocument, NodeError>;

    /// The table as it is now. It may be another one a moment later, so only a node whose output is committed before anything
    /// depends on it (`Effect::Outside`) may ask. `named` are columns that the node looks at: without one of them there are no rows.
    async fn table(&self, id: TableId, named: &[&str]) -> Result<TableRows, NodeError>;

    /// What a call of this workflow runs now; an error says why it cannot be called.
    async fn callee(&self, id: WorkflowId) -> Result<Callee, NodeError>;

    /// What a way that led here carries (`StepInfo::arrived`).
    fn arrived(&self, from: &str) -> Value {
        self.values().get(from).cloned().unwrap_or(Value::Empty)
    }

    /// How an entry of this container ended; `None` for other nodes and beyond the last one.
    fn item_end(&self, _index: usize) -> Option<ItemEnd> {
        None
    }

    async fn read_artifact(&self, file: &FileRef) -> Result<Vec<u8>, NodeError>;

    /// Stores bytes under the run; the same bytes give the same artifact when a step runs again.
    async fn write_artifact(
        &self,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<FileRef, NodeError>;

    /// Goes through the guard; a credential is added by the client and never seen by the node.
    async fn http(&self, request: HttpRequest) -> Result<HttpResponse, NodeError>;

    fn cancelled(&self) -> bool;

    /// One line people read while the step runs.
    fn progress(&self, text: &str);
}

/// Who is running: identity, instant and language of one step.
#[derive(Clone, Debug)]
pub struct StepInfo {
    pub run: RunId,
    pub node: String,
    pub item_path: String,
    /// Recorded tries, from 1.
    pub attempt: u32,
    /// Effects are held and numbers are previews.
    pub trial: bool,
    /// The instant stored with the segment's head, so that a pure node sees the same time when it runs again.
    pub now: Timestamp,
    pub locale: String,
    pub time_zone: String,
    pub currency: String,
    /// Stable over attempts and restarts; derived from run, node and item path.
    pub idempotency_key: String,
    /// Derived from (run, step).
    pub seed: u64,
    /// What the node kept when it began to wait; `null` before. Of a container the list of entries.
    pub kept: Json,
    /// Ids of the nodes whose ways have led here, in the order of the edges.
    pub arrived: Vec<String>,
}

impl StepInfo {
    /// How values read in texts of this step.
    pub fn formats(&self) -> Formats {
        Formats::of(&self.locale, &self.time_zone, &self.currency)
    }
}

/// Typed bag of what `main` builds once and nodes use, such as the document renderer.
#[derive(Clone, Default)]
pub struct Services(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Services {
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, service: Arc<T>) -> Self {
        self.0.insert(TypeId::of::<T>(), service);
        self
    }

    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>()).cloned()?.downcast().ok()
    }
}

/// A document template as pinned for a run.
#[derive(Clone, Debug)]
pub struct PinnedDocument {
    pub id: DocumentId,
    pub version: DocumentVersionId,
    pub name: String,
    pub template: Json,
}

/// A table's rows as they are at this moment.
#[derive(Clone, Debug, Default)]
pub struct TableRows {
    pub name: String,
    /// As the workflow's version knows them (a draft: as they are), without those that have gone and that nothing reads.
    pub columns: Vec<Field>,
    /// In the table's order, each an object with the values of all columns that the table has now, in the JSON form of their kinds.
    pub rows: Arc<Vec<Json>>,
}

impl TableRows {
    /// A row as a step hands it on: with a value for every column, and no other.
    pub fn entry(&self, row: &Json) -> Json {
        let cell = |column: &Field| {
            let cell = row.get(&column.name).cloned();
            (column.name.clone(), cell.unwrap_or_default())
        };
        Json::Object(self.columns.iter().map(cell).collect())
    }
}

#[derive(Clone, Debug, Default)]
pub struct HttpRequest {
    /// Upper case.
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub credential: Option<CredentialId>,
    pub timeout_ms: u64,
    /// Largest answer body kept.
    pub max_bytes: u64,
}

#[derive(Clone, Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// How one attempt ended well.
#[derive(Debug)]
pub enum Outcome {
    Done(Done),
    Wait(Wait),
    /// The run ends here, well; what has not ended is called off.
    End(Done),
}

#[derive(Debug, Default)]
pub struct Done {
    /// Names of the ports that fire.
    pub ports: Vec<String>,
    /// In the JSON form of `Kind`.
    pub output: Json,
    /// Rows for the segment's own commit.
    pub stored: Vec<Stored>,
    pub warnings: Vec<Warning>,
}

impl Done {
    /// Fires the only way out.
    pub fn out(output: Json) -> Self {
        Self {
            ports: vec!["out".into()],
            output,
            ..Self::default()
        }
    }
}

/// A `stored` effect without waiting.
#[derive(Clone, Debug)]
pub enum Stored {
    Delivery(DeliveryRequest),
    /// Ends the segment: the number is drawn in its commit, and `number`, `count` and `year` of the output become what was drawn.
    Number(NumberRequest),
    /// For the caller that waits for the run; the first answer of a run counts.
    Answer(Answer),
}

/// What a waiting caller gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status, 200 to 599.
    pub status: u16,
    pub body: AnswerBody,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBody {
    /// As `application/json`.
    Values(Json),
    /// As `text/plain`.
    Text(String),
    /// The file itself.
    File(FileRef),
}

/// The next number of a series. A step draws one, whatever is tried again; a retry of its run takes it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRequest {
    pub series: SeriesId,
    /// Its year is the one that is counted in.
    pub date: Date,
}

#[derive(Debug)]
pub struct Wait {
    pub on: WaitOn,
    /// Resumes with `Event::TimedOut` at this instant.
    pub until: Option<Timestamp>,
    /// Handed back as `StepInfo::kept`.
    pub kept: Json,
}

/// What a step waits for; `Approval`, `Generation`, `Delivery` and `Call` also create the row in the segment's commit.
#[derive(Debug)]
pub enum WaitOn {
    /// The steps inside, which run for each of these entries. They are what is kept.
    Items(Vec<Json>),
    Signal,
    /// People who are asked; what they say comes as a signal, an `approval::Verdict`.
    Approval(Box<ApprovalRequest>),
    Generation(Box<GenerationRequest>),
    Delivery(DeliveryRequest),
    /// The end of a run of another workflow.
    Call(Box<CallRequest>),
    Nothing,
}

/// What ended a wait.
#[derive(Clone, Debug)]
pub enum Event {
    Signal(Json),
    Generation(Result<GenerationResult, StepError>),
    Delivery(Result<Json, StepError>),
    Call(Result<Called, StepError>),
    /// Every entry has ended; see `NodeContext::item_end`.
    Items,
    TimedOut,
}

/// One request to a model, stored as a `generation` row and claimed by a model worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GenerationRequest {
    /// `None`: the workspace's default model.
    pub model: Option<String>,
    pub messages: Vec<Message>,
    /// JSON Schema that the output cannot violate; `None` for free text.
    pub schema: Option<Json>,
    pub max_tokens: u32,
    pub temperature: f32,
    pub seed: u64,
    /// Distinguishes several requests of one attempt (the measured-excess round).
    pub round: u32,
}

/// All content is tokenised as plain text: `<|im_end|>` in a form value is five characters of text, not the end of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub content: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    System,
    User,
    Assistant,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GenerationResult {
    pub text: String,
    /// Parsed output when the request had a schema; it satisfies that schema.
    pub values: Option<Json>,
    pub usage: Usage,
    pub model: String,
    pub model_sha256: String,
    pub seed: u64,
    /// `stop` or `length`.
    pub finish_reason: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    /// Of the output, tokens the schema left no choice about.
    pub forced_tokens: u32,
    /// Of the prompt, tokens taken from the prefix cache.
    pub cached_tokens: u32,
    pub prompt_ms: u64,
    pub output_ms: u64,
}

/// One outgoing message; its values are frozen when the segment commits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryRequest {
    pub receiver: Receiver,
    /// Dot-separated, such as `document.ready`.
    pub message_type: String,
    /// Of a mail: `mail::Mail`.
    pub values: Json,
    pub artifacts: Vec<FileRef>,
    pub attach: Attach,
}

/// Where a delivery goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    /// A signed webhook.
    Endpoint(EndpointId),
    /// The people whom the values name, through the workspace's mail server.
    Mail,
}

/// How files travel with a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Attach {
    /// A signed link that expires, made anew for every attempt.
    #[default]
    Link,
    /// Inside the message: base64 in a webhook's body up to 1 MiB of files, attached to a mail up to 15 MiB.
    Inline,
}

/// Something people should see that stops nothing, such as a missing glyph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable slug.
    pub code: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Json>,
    /// Where: a block id, a JSON pointer, a page; empty when it concerns the whole step.
    #[serde(default)]
    pub location: String,
}

impl Warning {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            params: Map::new(),
            location: String::new(),
        }
    }

    #[must_use]
    pub fn at(mut self, location: impl Into<String>) -> Self {
        self.location = location.into();
        self
    }

    /// A value that the text shows.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }
}

/// How one attempt ended badly.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NodeError {
    /// The user must change something.
    #[error("{0}")]
    Config(StepError),
    /// Trying again gives the same.
    #[error("{0}")]
    Failed(StepError),
    /// Trying again may work; `after_ms` from a `Retry-After`.
    #[error("{error}")]
    Retryable {
        error: StepError,
        after_ms: Option<u64>,
    },
    #[error("stopped")]
    Cancelled,
}

impl NodeError {
    pub fn config(code: &str, message: impl Into<String>) -> Self {
        Self::Config(StepError::new(code, message))
    }
    pub fn failed(code: &str, message: impl Into<String>) -> Self {
        Self::Failed(StepError::new(code, message))
    }
    /// The step was woken by something it does not wait for.
    pub fn unexpected_event() -> Self {
        Self::failed(
            "unexpected_event",
            "The step was woken by something it does not wait for.",
        )
    }
    pub fn retryable(code: &str, message: impl Into<String>) -> Self {
        Self::Retryable {
            error: StepError::new(code, message),
            after_ms: None,
        }
    }

    /// A value that the text shows.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<Json>) -> Self {
        self.map(|error| error.with(name, value))
    }

    /// The same kind of end with another error.
    #[must_use]
    pub fn map(self, change: impl FnOnce(StepError) -> StepError) -> Self {
        match self {
            Self::Config(error) => Self::Config(change(error)),
            Self::Failed(error) => Self::Failed(change(error)),
            Self::Retryable { error, after_ms } => Self::Retryable {
                error: change(error),
                after_ms,
            },
            Self::Cancelled => Self::Cancelled,
        }
    }
}

impl From<ExpressionError> for NodeError {
    fn from(error: ExpressionError) -> Self {
        let told = Self::failed(error.code(), error.to_string());
        match error {
            ExpressionError::Syntax { message, .. } | ExpressionError::Evaluation { message } => {
                told.with("reason", message)
            }
            ExpressionError::Empty { path } => told.with("path", path),
            ExpressionError::Fuel => told,
        }
    }
}

/// What is stored and shown of an error: a stable slug and one to three short sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepError {
    pub code: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Json>,
}

impl StepError {
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            params: Map::new(),
        }
    }

    /// A value that the text shows.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }
}

impl std::fmt::Display for StepError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
