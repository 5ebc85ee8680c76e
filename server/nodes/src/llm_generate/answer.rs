//! What the model wrote: whether it is what was asked for, whether it fits on the page, and the one request for less.

use engine::{
    kind::{Field, Kind},
    node::{
        Done, GenerationResult, Message, NodeContext, NodeError, Outcome, Role, StepError, Wait,
        WaitOn, Warning,
    },
    value::Value,
};
use serde_json::json;

use super::{LlmGenerate, Mode, asked::Asked, ending, measure, prompt};
use crate::values::misfit;

/// What a model wrote, fit for a page.
struct Answer {
    value: Value,
    warnings: Vec<Warning>,
    /// Of its texts, as far as a document prints them.
    too_long: Vec<measure::Excess>,
}

impl Answer {
    /// How many letters are too many in all.
    fn excess(&self) -> usize {
        self.too_long.iter().map(|excess| excess.letters).sum()
    }

    fn done(self) -> Outcome {
        let mut done = Done::out(self.value.to_json());
        done.warnings = self.warnings;
        let told = self.too_long.iter().map(measure::Excess::warning);
        done.warnings.extend(told);
        Outcome::Done(done)
    }
}

impl LlmGenerate {
    /// The step ends with the first answer, unless it is too long for the document: then the model is asked once more.
    pub(super) async fn first(
        &self,
        context: &dyn NodeContext,
        result: &GenerationResult,
    ) -> Result<Outcome, NodeError> {
        let asked = self.asked(context).await?;
        let answer = self.answer(result, &asked.fields)?;
        let answer = measured(context, &asked, answer).await?;
        if answer.too_long.is_empty() {
            return Ok(answer.done());
        }
        let language = prompt::language(&self.language, &context.step().locale);
        let mut request = self.request(context, &asked.fields)?;
        request.round = 1;
        request.messages.push(Message {
            role: Role::Assistant,
            content: result.text.clone(),
        });
        request.messages.push(Message {
            role: Role::User,
            content: match (&asked.place, answer.too_long.as_slice()) {
                (Some(_), [excess]) => measure::words_for_text(excess, &language),
                (_, too_long) => measure::words(too_long, &language),
            },
        });
        Ok(Outcome::Wait(Wait {
            on: WaitOn::Generation(Box::new(request)),
            until: None,
            // Whatever becomes of the second request, there is an answer.
            kept: json!(result),
        }))
    }

    /// The step ends with the better of two answers.
    pub(super) async fn second(
        &self,
        context: &dyn NodeContext,
        first: &GenerationResult,
        outcome: Result<GenerationResult, NodeError>,
    ) -> Result<Outcome, NodeError> {
        let asked = self.asked(context).await?;
        let first = self.answer(first, &asked.fields)?;
        let mut first = measured(context, &asked, first).await?;
        let answer = match outcome.and_then(|result| self.answer(&result, &asked.fields)) {
            Ok(second) => {
                let second = measured(context, &asked, second).await?;
                if second.excess() < first.excess() {
                    second
                } else {
                    first
                }
            }
            Err(
                NodeError::Config(error)
                | NodeError::Failed(error)
                | NodeError::Retryable { error, .. },
            ) => {
                first.warnings.push(unused(&error));
                first
            }
            Err(NodeError::Cancelled) => return Err(NodeError::Cancelled),
        };
        Ok(answer.done())
    }

    fn answer(&self, result: &GenerationResult, fields: &[Field]) -> Result<Answer, NodeError> {
        let (kind, values) = match (self.mode, &result.values) {
            (Mode::Text, Some(values)) => (self.text_kind(), values.clone()),
            (Mode::Text, None) => (self.text_kind(), json!({"text": result.text})),
            (Mode::Fields, values) => {
                let fields = fields.to_vec();
                (Kind::Record { fields }, values.clone().unwrap_or_default())
            }
        };
        let mut value = Value::from_json(&values, &kind).map_err(|mismatches| {
            let first = mismatches.first().map_or(String::new(), |mismatch| {
                format!(" {} {}.", mismatch.pointer, mismatch.message)
            });
            let error = NodeError::retryable(
                "wrong_output",
                format!("What the model filled in does not fit.{first}"),
            );
            mismatches.into_iter().take(1).fold(error, misfit)
        })?;
        let cut = ending::tidy(&mut value, &kind);
        if let Some(pointer) = ending::blank(&value, &kind) {
            return Err(NodeError::retryable(
                "nothing_written",
                format!("The model wrote nothing for {pointer}."),
            )
            .with("place", pointer));
        }
        let mut warnings: Vec<Warning> = cut
            .into_iter()
            .map(|pointer| {
                Warning::new(
                    "text_cut",
                    "The text reached its greatest length and was ended with its last whole sentence.",
                )
                .at(pointer)
            })
            .collect();
        if result.finish_reason == "length" {
            let cut = Warning::new(
                "text_cut",
                "The model reached its limit before it was done.",
            );
            warnings.push(cut.at("/max_tokens"));
        }
        Ok(Answer {
            value,
            warnings,
            too_long: Vec::new(),
        })
    }
}

/// The answer, and which of its texts the document has too few lines for.
async fn measured(
    context: &dyn NodeContext,
    asked: &Asked,
    mut answer: Answer,
) -> Result<Answer, NodeError> {
    if let (Some(template), Value::Record(values)) = (&asked.document, &answer.value) {
        match measure::too_long(context, template, asked.place.as_deref(), values).await? {
            Ok(too_long) => answer.too_long = too_long,
            Err(error) => answer.warnings.push(measure::unmeasured(&error)),
        }
    }
    Ok(answer)
}

/// Why the first answer is taken, although it is too long.
fn unused(error: &StepError) -> Warning {
    let message = format!(
        "The model was asked for shorter texts, and its first answer is taken all the same: {}",
        error.message
    );
    Warning::new("second_answer_unused", message).with("error", json!(error))
}
