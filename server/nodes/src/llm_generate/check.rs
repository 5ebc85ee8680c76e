//! What is wrong with how the step is set up.

use engine::{
    check::Problem,
    document_field::{DocumentField, is_words},
    kind::Kind,
    node::OutputContext,
};
use serde_json::json;

use super::{LlmGenerate, Mode};
use crate::{values::field_computed, webhook_input::check_fields};

impl LlmGenerate {
    pub(super) fn problems(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.instruction.0.trim().is_empty() {
            problems.push(
                Problem::error(
                    "instruction_missing",
                    json!({}),
                    "Say what the model should write.",
                )
                .at("/instruction"),
            );
        }
        let document = self
            .document
            .and_then(|id| context.resources.document_fields(id));
        if self.document.is_some() && document.is_none() {
            problems.push(
                Problem::error(
                    "document_gone",
                    json!({}),
                    "The document no longer exists. Choose another.",
                )
                .at("/document"),
            );
        }
        if self.mode == Mode::Text {
            let misplaced = document.and_then(|declared| self.misplaced(&declared));
            problems.extend(misplaced.map(|problem| problem.at("/document_field")));
            return problems;
        }
        if self.only_if_empty.is_some() {
            problems.push(
                Problem::warning(
                    "not_used",
                    json!({}),
                    "A given text is used only when the model writes one text.",
                )
                .at("/only_if_empty"),
            );
        }
        if let Some(declared) = &document {
            for (index, name) in self.document_fields.iter().enumerate() {
                let found = declared.iter().find(|other| other.field.name == *name);
                if found.is_some_and(DocumentField::is_computed) {
                    let problem = field_computed(name).at(format!("/document_fields/{index}"));
                    problems.push(problem);
                } else if found.is_none() {
                    let problem = not_declared(name).at(format!("/document_fields/{index}"));
                    problems.push(problem);
                }
            }
        }
        problems.extend(check_fields(&self.output_fields, "/output_fields"));
        let fields = self.fields(document);
        if fields.is_empty() {
            problems.push(
                Problem::error(
                    "no_fields",
                    json!({}),
                    "Add a field for the model to fill in.",
                )
                .at("/output_fields"),
            );
        }
        for field in &fields {
            if !is_words(&field.kind) {
                problems.push(
                    Problem::error(
                        "field_not_writable",
                        json!({"field": field.name, "kind": field.kind.noun()}),
                        format!(
                            "A model never fills in {}: take \u{201c}{}\u{201d} from an answer or compute it.",
                            field.kind.noun(),
                            field.name
                        ),
                    )
                    .at("/output_fields"),
                );
            }
            if has_endless_text(&field.kind) {
                problems.push(
                    Problem::warning(
                        "text_without_limit",
                        json!({"field": field.name}),
                        format!(
                            "\u{201c}{}\u{201d} has no greatest length, so the model may write too much for its place.",
                            field.name
                        ),
                    )
                    .at("/output_fields"),
                );
            }
        }
        problems
    }

    /// Why one text is not measured in the document, although one is chosen.
    fn misplaced(&self, document: &[DocumentField]) -> Option<Problem> {
        let Some(name) = self.place() else {
            return Some(Problem::warning(
                "no_document_field",
                json!({}),
                "Choose the field of the document that the text is for, so that its lines are counted.",
            ));
        };
        let found = document.iter().find(|other| other.field.name == name);
        match found {
            None => Some(not_declared(name)),
            Some(found) if found.is_computed() => Some(field_computed(name)),
            Some(found) if !matches!(found.field.kind, Kind::Text { .. }) => Some(Problem::error(
                "field_no_text",
                json!({"field": name}),
                format!(
                    "\u{201c}{name}\u{201d} is not a text. Choose a field of the document that is one."
                ),
            )),
            Some(_) => None,
        }
    }
}

fn not_declared(name: &str) -> Problem {
    Problem::error(
        "field_not_declared",
        json!({"field": name}),
        format!("The document has no field \u{201c}{name}\u{201d}."),
    )
}

fn has_endless_text(kind: &Kind) -> bool {
    match kind {
        Kind::Text { max_length } => max_length.is_none(),
        Kind::List { item, .. } => has_endless_text(item),
        Kind::Record { fields } => fields.iter().any(|field| has_endless_text(&field.kind)),
        Kind::Integer
        | Kind::Decimal
        | Kind::Money { .. }
        | Kind::Date
        | Kind::Time
        | Kind::Instant
        | Kind::YesNo
        | Kind::Choice { .. }
        | Kind::File
        | Kind::Any => false,
    }
}
