//! `webhook_input`: another program starts the run by posting JSON. `api` checks the body against the declared fields before a run
//! exists; here it is only handed on.

use async_trait::async_trait;
use engine::{
    check::Problem,
    ids::CredentialId,
    kind::{Field, Kind, is_name},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Proof, Surface, Trigger, Webhook,
    },
    private::{Keeping, Private},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// Let another program start a run by sending JSON to an address.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookInput {
    /// The values that the other program sends.
    #[serde(default)]
    #[schemars(extend("x-widget" = "output_fields"))]
    fields: Vec<Field>,
    /// How the other program proves that it may call.
    #[serde(default)]
    #[schemars(title = "Proof")]
    proof: Proof,
    /// The secret that both sides know.
    #[serde(default)]
    #[schemars(extend("x-widget" = "credential", "x-when" = {"proof": ["bearer", "basic", "header", "standard_webhooks", "github", "stripe"]}))]
    credential: Option<CredentialId>,
    /// When the other program gets its answer.
    #[serde(default)]
    #[schemars(title = "Answers")]
    answer: AnswerWhen,
    /// Values that do not stay as long as the run.
    #[serde(default)]
    #[schemars(extend("x-group" = "advanced"))]
    private: Vec<PrivateValue>,
}

#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PrivateValue {
    /// The value's name.
    name: String,
    /// How long it stays.
    #[schemars(title = "Stays")]
    store: Keeping,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"at_once": "At once, with a link to the run", "when_done": "When the run has its answer, or is over"}))]
enum AnswerWhen {
    #[default]
    AtOnce,
    WhenDone,
}

#[async_trait]
impl Node for WebhookInput {
    const TYPE: &'static str = "webhook_input";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Inbound webhook",
            family: Family::Asked,
            icon: "webhook",
            effect: Effect::Pure,
            surface: Surface::Message,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Record {
            fields: self.fields.clone(),
        }
    }

    fn card(&self) -> Card {
        Card {
            key_fact: String::new(),
            well: self
                .fields
                .iter()
                .take(4)
                .map(|field| CardLine {
                    text: if field.title.is_empty() {
                        field.name.clone()
                    } else {
                        field.title.clone()
                    },
                    trailing: String::new(),
                })
                .collect(),
        }
    }

    fn trigger(&self) -> Option<Trigger> {
        Some(Trigger::Webhook(Webhook {
            fields: self.fields.clone(),
            proof: self.proof,
            credential: self.credential,
            waits: self.answer == AnswerWhen::WhenDone,
            private: Private::new(
                self.private
                    .iter()
                    .map(|value| (value.name.clone(), value.store)),
            ),
        }))
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = check_sent_fields(&self.fields, "/fields");
        if self.proof.credential().is_some() && self.credential.is_none() {
            let message = "Choose the credential that callers prove themselves with.";
            problems.push(Problem::error("no_credential", json!({}), message).at("/credential"));
        }
        for (index, value) in self.private.iter().enumerate() {
            if !self.fields.iter().any(|field| field.name == value.name) {
                let message = format!("No value has the name \u{201c}{}\u{201d}.", value.name);
                let params = json!({"name": value.name});
                problems.push(
                    Problem::error("private_unknown", params, message)
                        .at(format!("/private/{index}/name")),
                );
            }
        }
        if self.proof == Proof::None {
            let message = "Anybody who learns the address can start runs.";
            problems.push(Problem::warning("hook_open", json!({}), message).at("/proof"));
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(context.step().kept.clone())))
    }
}

/// Names that expressions cannot read, and names that occur twice.
pub(crate) fn check_fields(fields: &[Field], pointer: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let at = format!("{pointer}/{index}/name");
        if !is_name(&field.name) {
            problems.push(
                Problem::error(
                    "bad_field_name",
                    json!({"name": field.name}),
                    "A value's name has small letters, digits and _ and begins with a letter.",
                )
                .at(&at),
            );
        }
        if fields[..index].iter().any(|other| other.name == field.name) {
            problems.push(
                Problem::error(
                    "duplicate_field",
                    json!({"name": field.name}),
                    format!("Two values have the name \u{201c}{}\u{201d}.", field.name),
                )
                .at(&at),
            );
        }
        let (nested, below) = match &field.kind {
            Kind::Record { fields } => (Some(fields), "fields"),
            Kind::List { item, .. } => match item.as_ref() {
                Kind::Record { fields } => (Some(fields), "item/fields"),
                _ => (None, ""),
            },
            _ => (None, ""),
        };
        if let Some(nested) = nested {
            problems.extend(check_fields(nested, &format!("{pointer}/{index}/{below}")));
        }
    }
    problems
}

/// The same of values that other programs send. A file is none of them: the ids of those that are kept here are nobody's business, and what
/// lies elsewhere has an address.
pub(crate) fn check_sent_fields(fields: &[Field], pointer: &str) -> Vec<Problem> {
    let mut problems = check_fields(fields, pointer);
    for (index, field) in fields.iter().enumerate() {
        if has_file(&field.kind) {
            let message = format!(
                "\u{201c}{}\u{201d} cannot be a file: other programs send its address as a text, and a request fetches it.",
                field.name
            );
            let params = json!({"name": field.name});
            let problem = Problem::error("file_from_outside", params, message);
            problems.push(problem.at(format!("{pointer}/{index}/kind")));
        }
    }
    problems
}

fn has_file(kind: &Kind) -> bool {
    match kind {
        Kind::File => true,
        Kind::List { item, .. } => has_file(item),
        Kind::Record { fields } => fields.iter().any(|field| has_file(&field.kind)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use engine::workflow::Workflow;

    use super::*;

    #[test]
    fn other_programs_send_no_files() {
        let fields: Vec<Field> = serde_json::from_value(json!([
            {"name": "order", "kind": "text"},
            {"name": "papers", "kind": "list", "item": {"kind": "record", "fields": [{"name": "copy", "kind": "file"}]}},
        ]))
        .expect("fields");
        let problems = check_sent_fields(&fields, "/fields");
        let told: Vec<_> = problems
            .iter()
            .map(|problem| (problem.code.as_str(), problem.pointer.as_str()))
            .collect();
        assert_eq!(told, [("file_from_outside", "/fields/1/kind")]);
        assert!(check_fields(&fields, "/fields").is_empty());
    }

    #[test]
    fn two_that_ask_for_no_proof_have_one_address() {
        let codes = |first: &str, second: &str| {
            let node = |id: &str, proof: &str| json!({"id": id, "type": "webhook_input", "version": 1, "name": id, "config": {"proof": proof}});
            let workflow: Workflow = serde_json::from_value(json!({
                "format": "formwork/1", "name": "n", "locale": "en", "time_zone": "UTC", "currency": "EUR",
                "nodes": [node("a", first), node("b", second)], "edges": []}))
            .expect("a workflow");
            let checked = engine::check::check(&workflow, &crate::catalogue(), &());
            let errors = checked.problems.into_iter().filter(Problem::is_error);
            errors
                .map(|problem| (problem.pointer, problem.code))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            codes("none", "none"),
            [(
                "/nodes/1/config/proof".to_owned(),
                "hook_open_twice".to_owned()
            )]
        );
        // The secret in the address says which of them is meant.
        assert!(codes("address", "address").is_empty());
        assert!(codes("none", "address").is_empty());
    }
}
