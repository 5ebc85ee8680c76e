//! `llm_generate`: a model writes a text, or fills in typed fields. The request is a row of the segment's commit; a model worker answers
//! it, and is asked once more where the document has too few lines for the answer. Numbers, dates and amounts never come from a model: such
//! fields are refused.

mod answer;
mod asked;
mod check;
mod ending;
mod measure;
mod prompt;

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    ids::DocumentId,
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Event, Family, Node, NodeContext, NodeError,
        Outcome, OutputContext, StepError, Surface, Wait, WaitOn,
    },
    value::Value,
    workflow::Retry,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::values::excerpt;

/// Let a model write a text, or fill in what a document needs.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LlmGenerate {
    /// The model that writes. Without a choice it is the workspace's own.
    #[serde(default)]
    #[schemars(extend("x-widget" = "model"))]
    model: Option<String>,
    /// Say what to write in your own words. Values of earlier steps may stand in it.
    #[serde(default)]
    #[schemars(title = "What should it write?")]
    instruction: Template,
    /// It writes one text or fills in several fields.
    #[serde(default)]
    #[schemars(title = "Writes")]
    mode: Mode,
    /// Choose the document that this is written for.
    #[serde(default)]
    #[schemars(extend("x-widget" = "document"))]
    document: Option<DocumentId>,
    /// If the text has too many lines for this field, the model is asked once more.
    #[serde(default)]
    #[schemars(title = "Field of the document", extend(
        "x-widget" = "document_field", "x-keys" = {"document_fields": "document"}, "x-when" = {"mode": "text"}
    ))]
    document_field: Option<String>,
    /// The model fills in these fields. Without a choice it is all that it may write.
    #[serde(default)]
    #[schemars(title = "What it fills in", extend(
        "x-widget" = "document_fields", "x-keys" = {"document_fields": "document"}, "x-when" = {"mode": "fields"}
    ))]
    document_fields: Vec<String>,
    /// The model fills in these fields, too.
    #[serde(default)]
    #[schemars(title = "Further fields", extend("x-widget" = "output_fields", "x-when" = {"mode": "fields"}))]
    output_fields: Vec<Field>,
    /// Each list gets so many entries, such as one for each day of a trip.
    #[serde(default)]
    #[schemars(title = "Entries", extend("x-widget" = "value", "x-empty" = true, "x-when" = {"mode": "fields"}))]
    entries: Option<Template>,
    /// A text that stands here is used as it is. The model writes when it is empty.
    #[serde(default)]
    #[schemars(title = "Given text", extend("x-widget" = "value", "x-empty" = true, "x-when" = {"mode": "text"}))]
    only_if_empty: Option<Template>,
    /// The model writes in this language. When empty, it is the workflow's.
    #[serde(default)]
    #[schemars(length(max = 60), extend("x-group" = "advanced"))]
    language: String,
    /// Say how it should sound, such as "friendly and brief".
    #[serde(default)]
    #[schemars(length(max = 200), extend("x-group" = "advanced"))]
    tone: String,
    /// The text has at most so many characters.
    #[serde(default)]
    #[schemars(title = "Longest text", range(min = 1, max = 20000), extend("x-group" = "advanced", "x-when" = {"mode": "text"}))]
    max_length: Option<u32>,
    /// The model stops after so many tokens at the latest.
    #[serde(default = "default_tokens")]
    #[schemars(title = "Token limit", range(min = 1, max = 8192), extend("x-group" = "advanced"))]
    max_tokens: u32,
    /// At 0 it always writes the same. At 1 it writes freely.
    #[serde(default = "default_temperature")]
    #[schemars(title = "Freedom", range(min = 0.0, max = 2.0), extend("x-group" = "advanced"))]
    temperature: f32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"text": "One text", "fields": "Several fields"}))]
enum Mode {
    #[default]
    Text,
    Fields,
}

fn default_tokens() -> u32 {
    600
}

fn default_temperature() -> f32 {
    0.7
}

#[async_trait]
impl Node for LlmGenerate {
    const TYPE: &'static str = "llm_generate";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Write with a model",
            family: Family::Written,
            icon: "pen-line",
            effect: Effect::Stored,
            surface: Surface::Text,
            timeout_ms: 600_000,
            retry: Some(Retry {
                max_attempts: 3,
                first_ms: 2_000,
                factor: 2,
                max_ms: 60_000,
            }),
        }
    }

    fn output(&self, context: &OutputContext<'_>) -> Kind {
        match self.mode {
            Mode::Text => Kind::record([(
                "text",
                "Text",
                Kind::Text {
                    // A given text may be longer than what the model is held to.
                    max_length: self.max_length.filter(|_| self.only_if_empty.is_none()),
                },
            )]),
            Mode::Fields => Kind::Record {
                fields: self.fields(
                    self.document
                        .and_then(|id| context.resources.document_fields(id)),
                ),
            },
        }
    }

    fn reports_progress(&self) -> bool {
        true
    }

    fn card(&self) -> Card {
        let well = match self.mode {
            Mode::Text => excerpt(&self.instruction),
            Mode::Fields => self
                .document_fields
                .iter()
                .map(String::as_str)
                .chain(self.output_fields.iter().map(label))
                .take(4)
                .map(|name| CardLine {
                    text: name.to_owned(),
                    trailing: String::new(),
                })
                .collect(),
        };
        Card {
            key_fact: self.model.clone().unwrap_or_default(),
            well,
        }
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        self.problems(context)
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        if let (Mode::Text, Some(given)) = (self.mode, &self.only_if_empty) {
            let given = context.evaluate(given)?;
            if !given.is_blank() {
                let text = match given {
                    Value::Text(text) => text,
                    other => {
                        let kind = other.kind_name();
                        let message = format!("The given text is {kind}. It must be a text.");
                        return Err(NodeError::failed("given_no_text", message).with("kind", kind));
                    }
                };
                return Ok(Outcome::Done(Done::out(json!({"text": text}))));
            }
        }
        let asked = self.asked(context).await?;
        let request = self.request(context, &asked.fields)?;
        Ok(Outcome::Wait(Wait {
            on: WaitOn::Generation(Box::new(request)),
            until: None,
            kept: Json::Null,
        }))
    }

    async fn resume(&self, context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        let outcome = match event {
            Event::Generation(outcome) => outcome,
            Event::TimedOut => Err(StepError::new(
                "model_too_slow",
                "The model took longer than the time limit of this step.",
            )),
            Event::Signal(_) | Event::Delivery(_) | Event::Call(_) | Event::Items => {
                return Err(NodeError::unexpected_event());
            }
        };
        let outcome = outcome.map_err(|error| NodeError::Retryable {
            error,
            after_ms: None,
        });
        match serde_json::from_value(context.step().kept.clone()) {
            Ok(first) => self.second(context, &first, outcome).await,
            // Nothing is kept before the second request.
            Err(_) => self.first(context, &outcome?).await,
        }
    }
}

fn label(field: &Field) -> &str {
    if field.title.is_empty() {
        &field.name
    } else {
        &field.title
    }
}

#[cfg(test)]
mod tests;
