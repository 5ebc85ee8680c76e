//! A node's whole world, made of the store and the guarded client. Secrets it used are remembered, so that they can be taken out of
//! whatever the node says afterwards.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use engine::{
    call::{Callee, check_depth},
    firm::Firm,
    graph::{Outputs, RunFacts},
    ids::{CredentialId, DocumentId, TableId, WorkflowId},
    kind::Kind,
    node::{
        HttpRequest, HttpResponse, ItemEnd, NodeContext, NodeError, PinnedDocument, Services,
        StepError, StepInfo, TableRows,
    },
    value::{FileRef, Record, Value},
};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use store::{
    Store, StoreError, artifact,
    call::{self, Found},
    credential::{self, Secret},
    events::Event,
    font,
    run::RunRecord,
    table,
};
use tokio_util::sync::CancellationToken;

use crate::{backoff, program::Program};

/// Longest wait for the answer to a request; the step's own time limit ends it before, unless somebody raised that one.
const MAX_HTTP_TIME: Duration = Duration::from_mins(10);

/// Largest answer to a request.
const MAX_HTTP_BYTES: usize = 10 * 1024 * 1024;

/// What replaces a secret.
const REDACTED: &str = "[secret]";

pub(crate) struct Context {
    pub(crate) step: StepInfo,
    pub(crate) values: Record,
    pub(crate) outputs: Arc<Outputs>,
    pub(crate) firm: Arc<Firm>,
    pub(crate) facts: RunFacts,
    pub(crate) services: Services,
    pub(crate) store: Store,
    pub(crate) outbound: outbound::Client,
    pub(crate) run: Arc<RunRecord>,
    pub(crate) program: Arc<Program>,
    pub(crate) cancelled: CancellationToken,
    /// Values that must never be stored.
    pub(crate) secrets: Mutex<Vec<String>>,
}

#[async_trait]
impl NodeContext for Context {
    fn step(&self) -> &StepInfo {
        &self.step
    }

    fn values(&self) -> &Record {
        &self.values
    }

    fn scope(&self) -> Kind {
        let node = self.program.plan.node(&self.step.node);
        node.map_or(Kind::Any, |node| self.program.plan.scope(node))
    }

    fn services(&self) -> &Services {
        &self.services
    }

    async fn document(&self, id: DocumentId) -> Result<PinnedDocument, NodeError> {
        self.program.documents.get(&id).cloned().ok_or_else(|| {
            NodeError::config(
                "document_missing",
                "The page that this step fills does not exist any more. Choose another one.",
            )
        })
    }

    async fn table(&self, id: TableId, named: &[&str]) -> Result<TableRows, NodeError> {
        let gone = || {
            NodeError::config(
                "table_missing",
                "The table that this step looks into does not exist any more. Choose another one.",
            )
        };
        let known = self.program.tables.get(&id).ok_or_else(gone)?;
        match table::shared(&self.store, &self.run.scope, id).await {
            Ok(now) => known.fit(&now, named),
            Err(StoreError::NotFound(_)) => Err(gone()),
            Err(error) => Err(from_store(&error)),
        }
    }

    async fn callee(&self, id: WorkflowId) -> Result<Callee, NodeError> {
        check_depth(self.run.depth).map_err(NodeError::Failed)?;
        let found = call::callee(&self.store, &self.run.scope, id).await;
        match found.map_err(|error| from_store(&error))? {
            Found::Callee(callee) => Ok(*callee),
            Found::Gone => Err(NodeError::config(
                "call_gone",
                "The workflow that this step calls does not exist any more. Choose another one.",
            )),
            Found::Off(name) => Err(NodeError::config(
                "call_off",
                format!("\u{201c}{name}\u{201d} is switched off or was never published."),
            )
            .with("workflow", name)),
            Found::WithoutTrigger(name) => Err(NodeError::config(
                "call_without_trigger",
                format!(
                    "\u{201c}{name}\u{201d} cannot be called: nothing in it begins with a call."
                ),
            )
            .with("workflow", name)),
        }
    }

    fn arrived(&self, from: &str) -> Value {
        let path = &self.step.item_path;
        self.program.plan.carried(from, path, &self.outputs)
    }

    fn item_end(&self, index: usize) -> Option<ItemEnd> {
        let plan = &self.program.plan;
        let context = engine::graph::Context {
            firm: &self.firm,
            run: self.facts.clone(),
            now: self.step.now,
        };
        let (node, path) = (plan.node(&self.step.node)?, &self.step.item_path);
        plan.item_end(node, path, index, &self.outputs, &context)
    }

    async fn fonts(&self, families: &[String]) -> Result<Vec<Vec<u8>>, NodeError> {
        let found = font::of_families(&self.store, &self.run.scope, families).await;
        let files = found.map_err(|error| from_store(&error))?;
        Ok(files.into_iter().map(Into::into).collect())
    }

    async fn read_artifact(&self, file: &FileRef) -> Result<Vec<u8>, NodeError> {
        match artifact::read(&self.store, &self.run.scope, file.id).await {
            Ok(bytes) => Ok(bytes.into()),
            Err(error @ (StoreError::NotFound(_) | StoreError::Damaged(_))) => {
                tracing::warn!(run.id = %self.run.id, %error, "a file of a run is gone");
                let message = format!("The file \u{201c}{}\u{201d} is no longer there.", file.name);
                Err(NodeError::failed("file_missing", message).with("file", file.name.as_str()))
            }
            Err(error) => Err(from_store(&error)),
        }
    }

    async fn write_artifact(
        &self,
        name: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<FileRef, NodeError> {
        if bytes.len() > artifact::MAX_BYTES {
            return Err(NodeError::failed(
                "file_too_large",
                format!(
                    "The file has {} bytes; {} are the most.",
                    bytes.len(),
                    artifact::MAX_BYTES
                ),
            )
            .with("bytes", bytes.len())
            .with("most", artifact::MAX_BYTES));
        }
        let new = artifact::New {
            run: Some(self.run.id),
            name,
            content_type,
            bytes: bytes.into(),
        };
        artifact::create(&self.store, &self.run.scope, new)
            .await
            .map_err(|error| from_store(&error))
    }

    async fn http(&self, request: HttpRequest) -> Result<HttpResponse, NodeError> {
        let mut headers = request.headers;
        if let Some(id) = request.credential {
            self.add_credential(id, &mut headers).await?;
        }
        let sent = self
            .outbound
            .send(outbound::Request {
                method: request.method,
                url: request.url,
                headers,
                body: request.body.into(),
                timeout: request
                    .timeout
                    .map_or(MAX_HTTP_TIME, |wanted| wanted.min(MAX_HTTP_TIME)),
                max_bytes: MAX_HTTP_BYTES,
                cut: false,
            })
            .await;
        match sent {
            Ok(answer) => Ok(HttpResponse {
                status: answer.status,
                headers: answer.headers,
                body: answer.body.into(),
            }),
            Err(error) => {
                let told = unanswered(&error, format!("The request failed: {error}."));
                Err(if error.is_retryable() {
                    NodeError::Retryable {
                        error: told,
                        after_ms: None,
                    }
                } else {
                    NodeError::Failed(told)
                })
            }
        }
    }

    fn cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }

    fn progress(&self, text: &str) {
        self.store.events.publish(Event {
            workspace: self.run.scope.workspace(),
            topic: format!("run:{}", self.run.id),
            kind: "step.changed".into(),
            data: json!({
                "node": self.step.node, "item_path": self.step.item_path, "state": "running",
                "progress": self.redact_text(text),
            }),
        });
    }
}

impl Context {
    async fn add_credential(
        &self,
        id: CredentialId,
        headers: &mut Vec<(String, String)>,
    ) -> Result<(), NodeError> {
        let secret = match credential::open(&self.store, &self.run.scope, id).await {
            Ok(secret) => secret,
            Err(StoreError::NotFound(_)) => {
                return Err(NodeError::config(
                    "credential_missing",
                    "The credential of this step does not exist any more. Choose another one.",
                ));
            }
            Err(error) => return Err(from_store(&error)),
        };
        let (name, value) = match secret {
            Secret::Bearer { token } => {
                self.keep_out(&token);
                ("authorization".to_owned(), format!("Bearer {token}"))
            }
            Secret::Basic { user, password } => {
                let encoded = BASE64.encode(format!("{user}:{password}"));
                self.keep_out(&password);
                self.keep_out(&encoded);
                ("authorization".to_owned(), format!("Basic {encoded}"))
            }
            Secret::Header { name, value } => {
                self.keep_out(&value);
                (name, value)
            }
            Secret::Signing { .. } => {
                return Err(NodeError::config(
                    "credential_for_signing",
                    "This credential checks signatures of inbound webhooks. Choose one that signs in.",
                ));
            }
        };
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        headers.push((name, value));
        Ok(())
    }

    fn keep_out(&self, secret: &str) {
        // Replacing very short texts would garble everything and protect nothing.
        if secret.len() >= 4 {
            self.secrets
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(secret.to_owned());
        }
    }

    pub(crate) fn redact_text(&self, text: &str) -> String {
        redact(
            &self.secrets.lock().unwrap_or_else(PoisonError::into_inner),
            text,
        )
    }

    pub(crate) fn redact_json(&self, json: &mut Json) {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if !secrets.is_empty() {
            redact_within(&secrets, json);
        }
    }

    pub(crate) fn redact_error(&self, error: NodeError) -> NodeError {
        error.map(|mut error| {
            error.message = self.redact_text(&error.message);
            let params = error.params.values_mut();
            params.for_each(|value| self.redact_json(value));
            error
        })
    }
}

fn redact(secrets: &[String], text: &str) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| {
        text.replace(secret.as_str(), REDACTED)
    })
}

fn redact_within(secrets: &[String], json: &mut Json) {
    match json {
        Json::String(text) => *text = redact(secrets, text),
        Json::Array(items) => items
            .iter_mut()
            .for_each(|item| redact_within(secrets, item)),
        Json::Object(fields) => fields
            .values_mut()
            .for_each(|item| redact_within(secrets, item)),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

/// What the store could not do may work in a moment; the details are for the log.
pub(crate) fn from_store(error: &StoreError) -> NodeError {
    tracing::warn!(%error, "a step could not reach the store");
    let told = StepError::new(
        "storage_unavailable",
        "The file store or the database did not answer. See the server's log.",
    );
    if error.is_transient() || matches!(error, StoreError::Files(_)) {
        NodeError::Retryable {
            error: told,
            after_ms: None,
        }
    } else {
        NodeError::Failed(told)
    }
}

/// Whether `from_store` told it.
pub(crate) fn is_from_store(error: &StepError) -> bool {
    error.code == "storage_unavailable"
}

/// Why the guarded client has no answer, with what its text shows.
pub(crate) fn unanswered(error: &outbound::Error, message: String) -> StepError {
    let told = StepError::new(error.code(), message);
    match error {
        outbound::Error::Invalid(reason)
        | outbound::Error::Refused(reason)
        | outbound::Error::Unreachable(reason) => told.with("reason", reason.as_str()),
        outbound::Error::TimedOut(limit) => told.with("seconds", limit.as_secs_f64()),
        outbound::Error::TooLarge(most) => told.with("most", *most),
    }
}

/// When a receiver or server wants to be asked again.
pub(crate) fn asked_ms(answer: &outbound::Response, now: Timestamp) -> Option<u64> {
    backoff::retry_after_ms(answer.header("retry-after"), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_every_text() {
        let mut json =
            json!({"a": ["Bearer s3cret-token", 1], "b": {"c": "x s3cret-token y s3cret-token"}});
        redact_within(&["s3cret-token".into()], &mut json);
        assert_eq!(
            json,
            json!({"a": ["Bearer [secret]", 1], "b": {"c": "x [secret] y [secret]"}})
        );
    }
}
