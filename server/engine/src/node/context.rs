//! What a node has while it runs: who it is, what it may read, and what it may ask for.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::{NodeError, StepError};
use crate::{
    call::Callee,
    expression::Template,
    format::Formats,
    ids::{CredentialId, DocumentId, DocumentVersionId, RunId, TableId, WorkflowId},
    kind::{Field, Kind},
    value::{FileRef, Record, Value},
    workflow::DocumentWarnings,
};

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

    /// Files of fonts that the workspace has of these families; what it has not is left out.
    async fn fonts(&self, _families: &[String]) -> Result<Vec<Vec<u8>>, NodeError> {
        Ok(Vec::new())
    }

    async fn read_artifact(&self, file: &FileRef) -> Result<Vec<u8>, NodeError>;

    /// Stores bytes under the run; the same bytes give the same artifact when a step runs again.
    async fn write_artifact(
        &self,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<FileRef, NodeError>;

    /// Goes through the guard, which bounds the answer, too; a credential is added by the client and never seen by the node.
    async fn http(&self, request: HttpRequest) -> Result<HttpResponse, NodeError>;

    fn cancelled(&self) -> bool;

    /// One line people read while the step runs.
    fn progress(&self, text: &str);
}

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
    /// What the workflow does about warnings of a document.
    pub document_warnings: DocumentWarnings,
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
    /// Longest wait for the whole answer; the guard's own where it is shorter.
    pub timeout: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}
