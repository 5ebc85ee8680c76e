//! A context for the nodes' own tests: values in, requests and files kept in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use engine::{
    call::{Callee, Offer},
    ids::{ArtifactId, DocumentId, DocumentVersionId, RunId, TableId, VersionId, WorkflowId},
    kind::Kind,
    node::{
        Done, HttpRequest, HttpResponse, Node, NodeContext, NodeError, Outcome, PinnedDocument,
        Services, StepInfo, TableRows,
    },
    value::{FileRef, Record, Value},
    workflow::DocumentWarnings,
};
use serde_json::Value as Json;
use uuid::Uuid;

pub(crate) struct FakeContext {
    pub(crate) step: StepInfo,
    pub(crate) values: Record,
    pub(crate) scope: Kind,
    pub(crate) services: Services,
    pub(crate) template: Json,
    pub(crate) table: TableRows,
    pub(crate) answer: Mutex<Option<Result<HttpResponse, NodeError>>>,
    pub(crate) requests: Mutex<Vec<HttpRequest>>,
    pub(crate) files: Mutex<Vec<(String, Vec<u8>)>>,
}

impl FakeContext {
    /// Values of no declared kind, under the names of earlier steps.
    pub(crate) fn new(values: &Json) -> Self {
        let values = match Value::from_any_json(values).expect("values") {
            Value::Record(record) => record,
            _ => Record::new(),
        };
        Self {
            step: StepInfo {
                run: RunId(Uuid::from_u128(1)),
                node: "here".into(),
                item_path: String::new(),
                attempt: 1,
                trial: false,
                now: "2026-11-23T12:00:00Z".parse().expect("an instant"),
                locale: "en".into(),
                time_zone: "Europe/Berlin".into(),
                currency: "EUR".into(),
                document_warnings: DocumentWarnings::Warn,
                idempotency_key: "key-1".into(),
                seed: 7,
                kept: Json::Null,
                arrived: Vec::new(),
            },
            values,
            scope: Kind::Record { fields: Vec::new() },
            services: Services::default(),
            template: Json::Null,
            table: TableRows::default(),
            answer: Mutex::new(None),
            requests: Mutex::new(Vec::new()),
            files: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn answering(self, status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        *self.answer.lock().expect("lock") = Some(Ok(HttpResponse {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }));
        self
    }
}

#[async_trait]
impl NodeContext for FakeContext {
    fn step(&self) -> &StepInfo {
        &self.step
    }
    fn values(&self) -> &Record {
        &self.values
    }
    fn scope(&self) -> Kind {
        self.scope.clone()
    }
    fn services(&self) -> &Services {
        &self.services
    }
    async fn document(&self, id: DocumentId) -> Result<PinnedDocument, NodeError> {
        Ok(PinnedDocument {
            id,
            version: DocumentVersionId(Uuid::from_u128(2)),
            name: "Letter".into(),
            template: self.template.clone(),
        })
    }
    async fn table(&self, _id: TableId, _named: &[&str]) -> Result<TableRows, NodeError> {
        Ok(self.table.clone())
    }
    async fn callee(&self, id: WorkflowId) -> Result<Callee, NodeError> {
        Ok(Callee {
            workflow: id,
            name: "Price".into(),
            version: VersionId(Uuid::from_u128(4)),
            number: 1,
            offer: Offer {
                trigger: "called".into(),
                fields: vec![crate::values::field("days", "Days", Kind::Integer)],
                answer: Some(Kind::Any),
            },
        })
    }
    async fn read_artifact(&self, file: &FileRef) -> Result<Vec<u8>, NodeError> {
        let files = self.files.lock().expect("lock");
        let found = files.iter().rev().find(|(name, _)| *name == file.name);
        found
            .map(|(_, bytes)| bytes.clone())
            .ok_or_else(|| NodeError::failed("gone", format!("no {}", file.name)))
    }
    async fn write_artifact(
        &self,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<FileRef, NodeError> {
        let size_bytes = bytes.len() as u64;
        self.files
            .lock()
            .expect("lock")
            .push((name.to_owned(), bytes));
        Ok(FileRef {
            id: ArtifactId(Uuid::from_u128(3)),
            name: name.to_owned(),
            content_type: content_type.to_owned(),
            size_bytes,
        })
    }
    async fn http(&self, request: HttpRequest) -> Result<HttpResponse, NodeError> {
        self.requests.lock().expect("lock").push(request);
        self.answer
            .lock()
            .expect("lock")
            .take()
            .unwrap_or_else(|| Err(NodeError::retryable("no_answer", "nobody answered")))
    }
    fn cancelled(&self) -> bool {
        false
    }
    fn progress(&self, _text: &str) {}
}

/// A node from its config.
pub(crate) fn node<N: Node>(config: Json) -> N {
    serde_json::from_value(config).expect("the config is readable")
}

/// Drives a future that never waits for anything outside.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the node waits for something outside"),
    }
}

/// Runs a node that must come to an end at once.
pub(crate) fn done<N: Node>(config: Json, context: &FakeContext) -> Result<Done, NodeError> {
    match now(node::<N>(config).run(context))? {
        Outcome::Done(done) => Ok(done),
        other => panic!("the node does not end by itself: {other:?}"),
    }
}
