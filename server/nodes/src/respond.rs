//! `respond`: answers the program or the workflow that called and waits. The answer is part of the segment's commit; whoever still waits then gets it,
//! and where nobody waits it changes nothing.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::{self, Template},
    kind::Kind,
    node::{
        Answer, AnswerBody, Card, CardLine, Description, Done, Effect, Family, Node, NodeContext,
        NodeError, Outcome, OutputContext, Stored, Surface,
    },
    value::record_to_json,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::values::{evaluate_all, excerpt, field, files};

/// Largest answer of values or text; larger things are files.
const MAX_BYTES: usize = 1024 * 1024;

/// Answer the program or the workflow that called this one and waits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Respond {
    /// What the answer is made of.
    #[serde(default)]
    #[schemars(title = "Answers with")]
    with: With,
    /// The values that are sent back, as JSON.
    #[serde(default)]
    #[schemars(extend("x-widget" = "key_value", "x-when" = {"with": "values"}))]
    values: IndexMap<String, Template>,
    /// The text that is sent back.
    #[serde(default)]
    #[schemars(extend("x-widget" = "template", "x-when" = {"with": "text"}))]
    text: Template,
    /// The file that is sent back, such as the finished page.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true, "x-when" = {"with": "file"}))]
    file: Template,
    /// HTTP status of the answer; 200 says that all is well.
    #[serde(default = "ok")]
    #[schemars(range(min = 200, max = 599), extend("x-group" = "advanced"))]
    status: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"values": "Values", "text": "Text", "file": "A file"}))]
enum With {
    #[default]
    Values,
    Text,
    File,
}

fn ok() -> u16 {
    200
}

impl Respond {
    fn body(&self, context: &dyn NodeContext) -> Result<AnswerBody, NodeError> {
        let body = match self.with {
            With::Values => {
                AnswerBody::Values(record_to_json(&evaluate_all(context, &self.values)?))
            }
            With::Text => AnswerBody::Text(context.render(&self.text)?),
            With::File => {
                let mut found = files(context.evaluate(&self.file)?)?;
                match (found.pop(), found.is_empty()) {
                    (Some(file), true) => AnswerBody::File(file),
                    (None, _) => {
                        return Err(NodeError::failed(
                            "no_file_to_answer",
                            "There is no file to answer with.",
                        ));
                    }
                    (Some(_), false) => {
                        return Err(NodeError::failed(
                            "too_many_files",
                            "At most 1 file fits into an answer.",
                        )
                        .with("most", 1));
                    }
                }
            }
        };
        let bytes = match &body {
            AnswerBody::Values(values) => values.to_string().len(),
            AnswerBody::Text(text) => text.len(),
            AnswerBody::File(_) => 0,
        };
        if bytes > MAX_BYTES {
            return Err(NodeError::failed(
                "answer_too_large",
                format!(
                    "The answer has {bytes} bytes; {MAX_BYTES} are the most. Answer with a file."
                ),
            )
            .with("bytes", bytes)
            .with("most", MAX_BYTES));
        }
        Ok(body)
    }
}

#[async_trait]
impl Node for Respond {
    const TYPE: &'static str = "respond";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Answer the caller",
            family: Family::Sent,
            icon: "reply",
            effect: Effect::Stored,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([("status", "Status", Kind::Integer)])
    }

    fn card(&self) -> Card {
        let well = match self.with {
            With::Values => self
                .values
                .iter()
                .take(3)
                .map(|(name, value)| CardLine {
                    text: name.clone(),
                    trailing: value.0.clone(),
                })
                .collect(),
            With::Text => excerpt(&self.text),
            With::File => excerpt(&self.file),
        };
        Card {
            key_fact: if self.status == 200 {
                String::new()
            } else {
                self.status.to_string()
            },
            well,
        }
    }

    fn answer(&self, context: &OutputContext<'_>) -> Option<Kind> {
        let inputs = context.inputs.iter();
        let scope = Kind::Record {
            fields: inputs
                .map(|(name, kind)| field(name, "", kind.clone()))
                .collect(),
        };
        let values = self.values.iter().map(|(name, value)| {
            let (kind, _) = expression::infer(value, &scope, true);
            field(name, "", kind)
        });
        Some(match self.with {
            With::Values => Kind::Record {
                fields: values.collect(),
            },
            With::Text => Kind::text(),
            With::File => Kind::File,
        })
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.with == With::File && self.file.0.trim().is_empty() {
            let message = "Choose the file that is sent back.";
            problems.push(Problem::error("answer_without_file", json!({}), message).at("/file"));
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let answer = Answer {
            status: self.status,
            body: self.body(context)?,
        };
        Ok(Outcome::Done(Done {
            stored: vec![Stored::Answer(answer)],
            ..Done::out(json!({"status": self.status}))
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::testing::{FakeContext, done};

    fn answered(config: Json) -> Result<Answer, NodeError> {
        let mut context = FakeContext::new(
            &json!({"form": {"no": "R-1", "none": null, "long": "x".repeat(MAX_BYTES + 1)}}),
        );
        let file = engine::value::Value::File(engine::value::FileRef {
            id: engine::ids::ArtifactId(uuid::Uuid::from_u128(9)),
            name: "a.pdf".into(),
            content_type: "application/pdf".into(),
            size_bytes: 3,
        });
        context.values.insert("pdf".into(), file);
        let done = done::<Respond>(config, &context)?;
        match done.stored.as_slice() {
            [Stored::Answer(answer)] => Ok(answer.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_is_values_text_or_a_file() {
        let values = answered(json!({"values": {"number": "{{ form.no }}"}, "status": 201}));
        let expected = AnswerBody::Values(json!({"number": "R-1"}));
        assert_eq!(
            values.expect("values"),
            Answer {
                status: 201,
                body: expected
            }
        );
        let text = answered(json!({"with": "text", "text": "No. {{ form.no }}"})).expect("text");
        assert_eq!(text.body, AnswerBody::Text("No. R-1".into()));
        let file = answered(json!({"with": "file", "file": "{{ pdf }}"})).expect("a file");
        assert!(matches!(file.body, AnswerBody::File(file) if file.name == "a.pdf"));
    }

    #[test]
    fn what_cannot_be_answered_is_said() {
        let code = |config: Json| match answered(config) {
            Err(NodeError::Failed(error)) => error.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            code(json!({"with": "file", "file": "{{ form.none }}"})),
            "no_file_to_answer"
        );
        assert_eq!(
            code(json!({"with": "file", "file": "{{ [pdf, pdf] }}"})),
            "too_many_files"
        );
        assert_eq!(
            code(json!({"with": "text", "text": "{{ form.long }}"})),
            "answer_too_large"
        );
    }
}
