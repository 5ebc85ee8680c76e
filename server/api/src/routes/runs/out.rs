//! What is told of runs and their steps.

use engine::{
    ids::RunId,
    node::{StepError, Warning},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{line::Waiting, run::RunItem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    openapi::{KindSchema, WorkflowSchema},
    routes::artifacts::ArtifactOut,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RunState {
    Queued,
    Running,
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
}

impl RunState {
    pub(in crate::routes) fn parse(state: &str) -> Self {
        match state {
            "running" => Self::Running,
            "waiting" => Self::Waiting,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            _ => Self::Queued,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepState {
    Pending,
    Ready,
    Running,
    Waiting,
    Retryable,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

/// A stable slug and one to three short sentences.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct StepErrorOut {
    pub code: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[schema(value_type = Object)]
    pub params: Value,
}

impl StepErrorOut {
    /// From `engine::node::StepError` as it is stored.
    pub(in crate::routes) fn from_json(error: &Value) -> Self {
        let text = |name: &str| {
            error
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            code: text("code"),
            message: text("message"),
            params: error.get("params").cloned().unwrap_or_else(|| json!({})),
        }
    }
}

impl From<StepError> for StepErrorOut {
    fn from(error: StepError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            params: Value::Object(error.params),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunRowOut {
    pub id: Uuid,
    pub title: String,
    pub state: RunState,
    /// `form`, `webhook`, `api`, `manual`, `schedule`, `call`, `failure`, `batch` or `trial`.
    pub source: String,
    pub trial: bool,
    /// It is not over, and its workflow or everything is paused.
    pub paused: bool,
    /// While it waits in line.
    pub line: Option<LineOut>,
    pub workflow: RunWorkflowOut,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub error: Option<StepErrorOut>,
    pub retry_of: Option<Uuid>,
}

impl From<RunItem> for RunRowOut {
    fn from(item: RunItem) -> Self {
        Self {
            id: item.id.as_uuid(),
            title: item.title,
            state: RunState::parse(&item.state),
            source: item.source,
            trial: item.trial,
            paused: item.paused,
            line: item.line.map(LineOut::from),
            workflow: RunWorkflowOut {
                id: item.workflow.as_uuid(),
                name: item.workflow_name,
                version: item.version,
            },
            created_at: item.created_at,
            started_at: item.started_at,
            finished_at: item.finished_at,
            error: item.error.as_ref().map(StepErrorOut::from_json),
            retry_of: item.retry_of.map(RunId::as_uuid),
        }
    }
}

/// A run waits because its workflow lets only so many go at the same time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LineOut {
    /// Runs that wait before it; at most 1,000 are counted.
    pub ahead: i64,
    /// How many go at the same time; null: the limit was lifted, and it begins in a moment.
    pub runs: Option<i32>,
    /// What they are counted by, such as a customer's name; null: all runs of the workflow together.
    pub key: Option<String>,
    /// What they are counted by could not be told of what was handed in; it waits with those without a value.
    pub key_failed: bool,
}

impl From<Waiting> for LineOut {
    fn from(waiting: Waiting) -> Self {
        Self {
            ahead: waiting.ahead,
            runs: waiting.runs,
            key: waiting.key,
            key_failed: waiting.key_failed,
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RunWorkflowOut {
    pub id: Uuid,
    pub name: String,
    /// Number of the version that runs; null for drafts.
    pub version: Option<i32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunOut {
    pub id: Uuid,
    pub title: String,
    pub state: RunState,
    pub source: String,
    pub trial: bool,
    /// It is not over, and its workflow or everything is paused.
    pub paused: bool,
    /// While it waits in line.
    pub line: Option<LineOut>,
    pub workflow: RunWorkflowOut,
    #[schema(value_type = Object)]
    pub input: Value,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// When its private values were hidden; null: they are there, or it has none.
    pub masked_at: Option<Timestamp>,
    pub error: Option<StepErrorOut>,
    /// For what it waits, in words.
    pub waits: Vec<WaitOut>,
    pub retry_of: Option<Uuid>,
    /// The run whose step called it.
    pub called_by: Option<CalledByOut>,
    /// The row of a file that it is for.
    pub batch: Option<RunBatchOut>,
    /// How many invoices it made that can be taken back; `GET /api/runs/{id}/invoices` tells which.
    pub invoices: usize,
    /// The workflow document that ran.
    #[schema(value_type = WorkflowSchema)]
    pub document: Value,
    pub steps: Vec<StepOut>,
    pub artifacts: Vec<ArtifactOut>,
    pub deliveries: Vec<RunDeliveryOut>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalledByOut {
    pub run: Uuid,
    pub title: String,
    /// Name of its workflow.
    pub workflow: String,
    pub node: String,
    pub item_path: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunBatchOut {
    pub id: Uuid,
    /// Of the file.
    pub name: String,
    /// As a spreadsheet numbers it.
    pub row: i32,
}

/// The run that a step called.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CalledOut {
    pub run: Uuid,
    pub title: String,
    pub state: RunState,
    pub workflow: RunWorkflowOut,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WaitOut {
    /// `model`, `delivery`, `call`, `signal`, `callback`, `time`, `retry` or `executor`.
    pub on: String,
    /// In words.
    pub text: String,
    pub until: Option<Timestamp>,
    pub model: Option<String>,
    /// Place in that model's queue, from 1.
    pub place: Option<i64>,
    /// Whose decision it waits for; empty for other waits, and where every member may decide.
    pub asked: Vec<String>,
    /// The page on which the signed-in member decides; null when they may not.
    pub answer_url: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StepOut {
    pub node: String,
    /// Empty outside `for_each`.
    pub item_path: String,
    pub name: String,
    /// Its type, as `/api/node-types` lists it; empty when the document has no such step any more.
    #[serde(rename = "type")]
    pub node_type: String,
    /// English title of its type.
    pub title: String,
    pub family: String,
    pub icon: String,
    pub state: StepState,
    /// Ports that fired.
    pub ports: Vec<String>,
    /// What it read, by path.
    #[schema(value_type = Object)]
    pub input: Value,
    #[schema(value_type = Option<Value>)]
    pub output: Option<Value>,
    #[schema(value_type = Option<KindSchema>)]
    pub output_kind: Option<Value>,
    pub error: Option<StepErrorOut>,
    pub warnings: Vec<WarningOut>,
    pub waits: Option<WaitOut>,
    pub called: Option<CalledOut>,
    pub attempts: Vec<AttemptOut>,
    pub generations: Vec<GenerationOut>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct WarningOut {
    pub code: String,
    /// English text; other languages are made from `code` and `params`.
    pub message: String,
    #[schema(value_type = Object)]
    pub params: Value,
    pub location: String,
}

impl From<Warning> for WarningOut {
    fn from(warning: Warning) -> Self {
        Self {
            code: warning.code,
            message: warning.message,
            params: Value::Object(warning.params),
            location: warning.location,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptOut {
    pub attempt: i32,
    /// `running`, `succeeded`, `failed` or `retryable`.
    pub state: String,
    pub error: Option<StepErrorOut>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// Host of the process that ran it.
    pub worker: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GenerationOut {
    pub id: Uuid,
    pub attempt: i32,
    pub round: i32,
    pub model: Option<String>,
    /// `ready`, `running`, `succeeded`, `failed` or `cancelled`.
    pub state: String,
    /// What the model was given.
    pub messages: Vec<MessageOut>,
    /// What it has written so far.
    pub text: String,
    /// Claim number; text of an older claim is dropped.
    pub fence: i64,
    /// Newest piece of text in `text`, of this claim.
    pub seq: i32,
    pub usage: Option<UsageOut>,
    /// As text: 64 bits do not fit a JSON number.
    pub seed: Option<String>,
    pub tokens_per_second: Option<f64>,
    pub error: Option<StepErrorOut>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MessageOut {
    /// `system`, `user` or `assistant`.
    pub role: String,
    pub content: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageOut {
    pub prompt_tokens: u32,
    pub output_tokens: u32,
    pub forced_tokens: u32,
    pub cached_tokens: u32,
    pub prompt_ms: u64,
    pub output_ms: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunDeliveryOut {
    pub id: Uuid,
    pub state: String,
    /// Name of the endpoint; empty for mails.
    pub endpoint: String,
    /// Whom a mail goes to, copies included.
    pub recipients: Vec<String>,
    pub attempts: i32,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunResultOut {
    pub id: Uuid,
    pub state: RunState,
    /// Outputs of the last steps, by step id.
    #[schema(value_type = Object)]
    pub output: Value,
    pub error: Option<StepErrorOut>,
    pub artifacts: Vec<ArtifactOut>,
}
