//! How one attempt ends well: what it puts out and stores, or for what it waits.

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{StepError, Warning};
use crate::{
    approval::ApprovalRequest,
    call::{CallRequest, Called},
    ids::{EndpointId, SeriesId},
    value::FileRef,
};

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
