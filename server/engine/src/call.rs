//! Workflows that call others: what a workflow offers to those who call it, what a call asks for, and what comes back. Which version
//! runs is decided when a call is made, by the executor.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    check::Problem,
    graph::Resources,
    ids::{RunId, VersionId, WorkflowId},
    kind::{Field, Kind},
    node::{AnswerBody, StepError},
    workflow::Workflow,
};

/// How many runs lie above a called one at most.
pub const MAX_DEPTH: i16 = 5;

/// What a published workflow offers to those who call it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// The step at which called runs begin.
    pub trigger: String,
    /// What a call brings.
    pub fields: Vec<Field>,
    /// What the steps that answer answer with; `None`: there is no such step.
    pub answer: Option<Kind>,
}

/// A workflow as one that calls it sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Callable {
    pub name: String,
    /// Published and not switched off.
    pub is_live: bool,
    /// It calls the workflow that is looked at, itself or through others.
    pub calls_back: bool,
    /// `None`: nothing in it begins with a call.
    pub offer: Option<Offer>,
}

/// The version that a call runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Callee {
    pub workflow: WorkflowId,
    pub name: String,
    pub version: VersionId,
    pub number: i32,
    pub offer: Offer,
}

/// A run of another workflow, stored in the segment's commit; the step waits for its end.
#[derive(Clone, Debug)]
pub struct CallRequest {
    pub callee: Callee,
    /// Fits the fields of the offer.
    pub input: Json,
}

/// What a called run that succeeded gives back.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    pub run: RunId,
    /// Number of the version that ran.
    pub version: i32,
    pub answer: Option<AnswerBody>,
}

/// What a workflow that is to hear of a failed run is called with.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    pub run: RunId,
    /// Name of the workflow whose run failed.
    pub workflow: &'a str,
    /// Name of the step that failed.
    pub step: &'a str,
    pub code: &'a str,
    /// English.
    pub message: &'a str,
}

/// Names of what a failure brings; all of it is text.
const FAILURE_VALUES: [&str; 6] = ["run_id", "workflow", "step", "code", "message", "link"];

impl Failure<'_> {
    /// What the called workflow takes of it. The link has no host yet, which only who runs it knows.
    pub fn input(&self, offer: &Offer) -> Json {
        let values = [
            self.run.to_string(),
            self.workflow.to_owned(),
            self.step.to_owned(),
            self.code.to_owned(),
            self.message.to_owned(),
            format!("/runs/{}", self.run),
        ];
        let known = FAILURE_VALUES.into_iter().zip(values);
        let taken = known.filter(|(name, _)| {
            let field = offer.fields.iter().find(|field| field.name == *name);
            field.is_some_and(|field| takes_text(&field.kind))
        });
        Json::Object(
            taken
                .map(|(name, value)| (name.to_owned(), Json::String(value)))
                .collect(),
        )
    }
}

fn takes_text(kind: &Kind) -> bool {
    matches!(kind, Kind::Text { .. } | Kind::Any)
}

/// Whether the workflow that is to hear of failed runs can be called with them.
pub(crate) fn check_on_failure(workflow: &Workflow, resources: &dyn Resources) -> Vec<Problem> {
    let Some(id) = workflow.on_failure else {
        return Vec::new();
    };
    let wrong = |code: &str, name: &str, message: String| {
        vec![Problem::error(code, json!({"workflow": name}), message).at("/on_failure")]
    };
    let Some(other) = resources.callable(id) else {
        let message = "The workflow for failed runs does not exist any more. Choose another one.";
        return wrong("failure_gone", "", message.into());
    };
    let name = other.name.as_str();
    let offer = match other.offer {
        Some(offer) if other.is_live => offer,
        Some(_) | None => {
            let message = format!(
                "\u{201c}{name}\u{201d} cannot be run for failed runs: it is switched off, or nothing in it begins with a call."
            );
            return wrong("failure_off", name, message);
        }
    };
    let unknown = offer.fields.iter().filter(|field| {
        let is_known = FAILURE_VALUES.contains(&field.name.as_str()) && takes_text(&field.kind);
        !field.optional && !is_known
    });
    unknown
        .map(|field| {
            Problem::error(
                "failure_value_unknown",
                json!({"workflow": name, "field": field.name, "known": FAILURE_VALUES.join(", ")}),
                format!(
                    "\u{201c}{name}\u{201d} needs \u{201c}{}\u{201d}. A failed run brings only these texts: {}.",
                    field.name,
                    FAILURE_VALUES.join(", ")
                ),
            )
            .at("/on_failure")
        })
        .collect()
}

impl AnswerBody {
    /// The answer as the value of the step that called.
    pub fn into_json(self) -> Json {
        match self {
            Self::Values(values) => values,
            Self::Text(text) => Json::String(text),
            Self::File(file) => crate::value::Value::File(file).to_json(),
        }
    }
}

/// The kind of what one of several answers with: fields that not all of them have may be empty.
pub fn either(first: Kind, second: Kind) -> Kind {
    match (first, second) {
        (first, second) if first == second => first,
        (Kind::Record { fields: first }, Kind::Record { fields: second }) => {
            let mut fields: Vec<Field> = Vec::new();
            for mut field in first {
                match second.iter().find(|other| other.name == field.name) {
                    Some(other) => {
                        field.optional |= other.optional;
                        field.kind = either(field.kind, other.kind.clone());
                    }
                    None => field.optional = true,
                }
                fields.push(field);
            }
            for mut field in second {
                if !fields.iter().any(|other| other.name == field.name) {
                    field.optional = true;
                    fields.push(field);
                }
            }
            Kind::Record { fields }
        }
        _ => Kind::Any,
    }
}

/// Refuses a call of a run that has so many above it already.
pub fn check_depth(depth: i16) -> Result<(), StepError> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    let message = format!("Workflows call each other at most {MAX_DEPTH} deep.");
    Err(StepError::new("call_too_deep", message).with("most", MAX_DEPTH))
}

/// The id of the run that a step calls: the same whenever the step is repeated, of the millisecond of `at_ms`, and younger than the run that
/// calls, because runs are locked in the order of their ids.
pub fn child_id(run: RunId, node: &str, item_path: &str, at_ms: i64) -> RunId {
    let bytes = run.as_uuid().into_bytes();
    let parent_ms = bytes[..6]
        .iter()
        .fold(0_u64, |ms, byte| (ms << 8) | u64::from(*byte));
    let ms = u64::try_from(at_ms).unwrap_or(0).max(parent_ms + 1);
    let name = format!("call\0{node}\0{item_path}");
    let stable = Uuid::new_v5(&run.as_uuid(), name.as_bytes()).into_bytes();
    let mut random = [0; 10];
    random.copy_from_slice(&stable[..10]);
    RunId(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_called_run_is_younger_and_the_same_when_repeated() {
        let run = RunId(
            "018f4f5e-0000-7fff-bfff-ffffffffffff"
                .parse()
                .expect("an id"),
        );
        let at_ms = 0x018f_4f5e_0000;
        // The same millisecond, an earlier one (clocks differ) and a later one.
        for at_ms in [at_ms, at_ms - 5_000, at_ms + 5_000] {
            let child = child_id(run, "call", "3.0", at_ms);
            assert!(run < child, "{child}");
            assert_eq!(child, child_id(run, "call", "3.0", at_ms));
            assert_ne!(child, child_id(run, "call", "3.1", at_ms));
            assert_eq!(child.as_uuid().get_version_num(), 7);
        }
    }

    #[test]
    fn one_of_several_answers_has_what_all_have() {
        let sum = Kind::record([
            ("sum", "Sum", Kind::money()),
            ("note", "Note", Kind::text()),
        ]);
        let none = Kind::record([("sum", "Sum", Kind::money()), ("why", "Why", Kind::text())]);
        let both = either(sum.clone(), none);
        let optional = |name: &str| both.field(name).map(|field| field.optional);
        assert_eq!(optional("sum"), Some(false));
        assert_eq!(optional("note"), Some(true));
        assert_eq!(optional("why"), Some(true));
        assert_eq!(either(sum.clone(), Kind::File), Kind::Any);
        assert_eq!(either(sum.clone(), sum.clone()), sum);
    }
}
