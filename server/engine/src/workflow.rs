//! The workflow document exactly as it is stored, exported and shipped (`format` = "formwork/1").

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{expression::Template, ids::WorkflowId, series::Series};

/// The document format this build reads and writes.
pub const FORMAT: &str = "formwork/1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    pub format: String,
    pub name: String,
    /// BCP 47 tag of the form's and document's language.
    pub locale: String,
    /// IANA zone that turns now into today.
    pub time_zone: String,
    /// ISO 4217.
    pub currency: String,
    #[serde(default)]
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub edges: Vec<Edge>,
    #[serde(default)]
    pub samples: Vec<Sample>,
    /// The workflow that is run when a run of this one fails; it is called with the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<WorkflowId>,
    /// How many of its runs go at the same time; absent: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// What warnings about a document do to the step that makes it.
    #[serde(default, skip_serializing_if = "DocumentWarnings::is_warn")]
    pub document_warnings: DocumentWarnings,
    /// Embedded document templates by local name; only in exports and in `workflows/`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub documents: IndexMap<String, Json>,
    /// Embedded series of numbers by local name; only in exports and in `workflows/`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub series: IndexMap<String, Series>,
    /// Embedded tables by local name; only in exports and in `workflows/`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub tables: IndexMap<String, Json>,
}

impl Workflow {
    /// An example becomes a firm's own: its currency, in samples too, where the figures stay, and its clock.
    pub fn adopt(&mut self, currency: &str, time_zone: &str) {
        let from = std::mem::replace(&mut self.currency, currency.to_owned());
        time_zone.clone_into(&mut self.time_zone);
        let amounts = self.samples.iter_mut().map(|sample| &mut sample.input);
        for amounts in amounts.chain(self.tables.values_mut()) {
            change_currency(amounts, &from, currency);
        }
    }
}

fn change_currency(value: &mut Json, from: &str, to: &str) {
    match value {
        Json::Array(items) => items
            .iter_mut()
            .for_each(|item| change_currency(item, from, to)),
        Json::Object(fields) => {
            let money = fields.len() == 2 && fields.contains_key("amount");
            // A table's column of amounts says what its figures are in.
            let column = fields.get("kind").is_some_and(|kind| kind == "money");
            match fields.get_mut("currency") {
                Some(Json::String(currency)) if (money || column) && currency == from => {
                    to.clone_into(currency);
                }
                _ => fields
                    .values_mut()
                    .for_each(|item| change_currency(item, from, to)),
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// `[a-z][a-z0-9_]*`; expressions read the node's output under it.
    pub id: String,
    #[serde(rename = "type")]
    pub node_type: String,
    pub version: u32,
    pub name: String,
    /// The container this node lies in.
    #[serde(default)]
    pub parent: Option<String>,
    #[serde(default)]
    pub config: Json,
    #[serde(default)]
    pub position: Position,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    #[serde(default, skip_serializing_if = "OnError::is_stop")]
    pub on_error: OnError,
    /// Bounds one attempt's running time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// Bounds of a step besides that of one attempt. They go on while its workflow is paused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// From when it is ready until somebody takes it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// From when it is ready until it ends, attempts, pauses and waits included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<u64>,
    /// From one sign of progress to the next, while it is worked on; only where a step reports progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<u64>,
}

/// Further runs wait in line until one of those that go has ended. Trial runs do not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concurrency {
    /// Most runs at the same time, from 1 to 100.
    pub runs: u32,
    /// Counted for each value of this alone; it reads what the run begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Template>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    pub x: f32,
    pub y: f32,
}

/// Exponential pauses with full jitter: `random(0 ..= min(max_ms, first_ms * factor^(attempt-1)))`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    pub max_attempts: u32,
    pub first_ms: u64,
    pub factor: u32,
    pub max_ms: u64,
}

/// What a step's failure does to its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The run fails at once.
    #[default]
    Stop,
    /// The normal ports fire with `empty`.
    Continue,
    /// Only the added port `error` fires with `{code, message, attempts, node}`.
    Branch,
}

impl OnError {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's skip_serializing_if hands out a reference"
    )]
    fn is_stop(&self) -> bool {
        *self == Self::Stop
    }
}

/// What warnings about a document do to the step that makes it: letters without a font, texts that are too long, missing values, …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentWarnings {
    /// The document is made all the same, and the run shows them.
    #[default]
    Warn,
    /// The step fails and tells them: such a document goes nowhere.
    Stop,
}

impl DocumentWarnings {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's skip_serializing_if hands out a reference"
    )]
    fn is_warn(&self) -> bool {
        *self == Self::Warn
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    pub from: String,
    pub port: String,
    pub to: String,
}

/// A named example input that feeds the editor and trial runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    pub name: String,
    pub input: Json,
}
