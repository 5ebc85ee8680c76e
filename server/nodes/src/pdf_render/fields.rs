//! What is filled in for the fields of the document: checked before a run, as far as it is known then, and made in it.

use engine::{
    check::Problem,
    document_field::DocumentField,
    expression,
    kind::{Field, Kind, Misfit},
    node::{NodeContext, NodeError, OutputContext},
    value::{Mismatch, Record, Value},
};
use serde_json::json;

use super::PdfRender;
use crate::values::{field, field_computed, fit, named};

/// Which one it is does not matter to whether a text is an amount.
const ANY_CURRENCY: &str = "EUR";

impl PdfRender {
    /// Fields that nobody fills in, values that do not fit, and those for fields that take none.
    pub(super) fn check_values(
        &self,
        context: &OutputContext<'_>,
        declared: &[DocumentField],
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        let taken = declared.iter().filter(|declared| !declared.is_computed());
        for field in taken.map(|declared| &declared.field) {
            let filled = self
                .values
                .get(&field.name)
                .is_some_and(|template| !template.0.trim().is_empty());
            if !filled && !field.optional {
                let title = titled(field);
                problems.push(
                    Problem::error(
                        "field_not_filled",
                        json!({"field": field.name, "title": title}),
                        format!("The document needs \u{201c}{title}\u{201d}. Choose its value."),
                    )
                    .at(format!("/values/{}", field.name)),
                );
            }
        }
        problems.extend(self.misfits(context, declared));
        for name in self.values.keys() {
            let found = declared.iter().find(|other| other.field.name == *name);
            if found.is_some_and(DocumentField::is_computed) {
                problems.push(field_computed(name).at(format!("/values/{name}")));
            } else if found.is_none() {
                problems.push(
                    Problem::warning(
                        "field_not_declared",
                        json!({"field": name}),
                        format!("The document has no field \u{201c}{name}\u{201d}. Its value is not used."),
                    )
                    .at(format!("/values/{name}")),
                );
            }
        }
        problems
    }

    /// Values that are of another kind than their fields, as far as that is known before a run.
    fn misfits(&self, context: &OutputContext<'_>, declared: &[DocumentField]) -> Vec<Problem> {
        let scope = Kind::Record {
            fields: context
                .inputs
                .iter()
                .map(|(name, kind)| field(name, "", kind.clone()))
                .collect(),
        };
        let taken = declared.iter().filter(|declared| !declared.is_computed());
        taken
            .filter_map(|declared| {
                let template = self.values.get(&declared.field.name)?;
                if template.0.trim().is_empty() {
                    return None;
                }
                // A text without values is what it is.
                if !template.0.contains('{') {
                    let value = Value::Text(template.0.clone());
                    let mismatch = value.convert(&declared.field.kind, ANY_CURRENCY).err()?;
                    return Some(unfit(&declared.field, &mismatch));
                }
                let (kind, _) = expression::infer(template, &scope, true);
                let misfit = kind.misfit(&declared.field.kind)?;
                Some(misfit_of(&declared.field, &misfit))
            })
            .collect()
    }

    /// What the document's fields hold, and the names of those that should hold something and do not: the page is made all the same.
    pub(super) fn fill(
        &self,
        context: &dyn NodeContext,
        template: &document::Template,
    ) -> Result<(Record, Vec<String>), NodeError> {
        let mut record = Record::new();
        let mut missing = Vec::new();
        for field in template.fields() {
            let title = titled(&field);
            let value = match self.values.get(&field.name) {
                Some(expression) => context
                    .evaluate(expression)
                    .map_err(|error| named(error, title))?,
                None => Value::Empty,
            };
            // An optional field that somebody cleared is empty, not a text of blanks.
            let value = if field.optional && value.is_blank() && !matches!(value, Value::List(_)) {
                Value::Empty
            } else {
                value
            };
            if value == Value::Empty && !field.optional {
                missing.push(field.name.clone());
            } else {
                let value = fit(value, &field, &context.step().currency)?;
                record.insert(field.name.clone(), value);
            }
        }
        Ok((record, missing))
    }
}

/// A text that was written for a field and is none of its values.
fn unfit(field: &Field, mismatch: &Mismatch) -> Problem {
    let title = titled(field);
    Problem::error(
        "field_text_unfit",
        json!({"field": field.name, "title": title, "mismatch": mismatch.code, "other": field.kind.noun()}),
        format!(
            "\u{201c}{title}\u{201d} takes {}. What is written here {}.",
            field.kind.noun(),
            mismatch.message
        ),
    )
    .at(format!("/values/{}", field.name))
}

/// What is filled in for a field is not of its kind: the step will fail, or may.
fn misfit_of(field: &Field, misfit: &Misfit<'_>) -> Problem {
    let title = titled(field);
    let wanted = misfit.wanted.noun();
    let place = misfit.path.join(".");
    let within = if place.is_empty() {
        format!("\u{201c}{title}\u{201d}")
    } else {
        format!("\u{201c}{title}\u{201d} ({place})")
    };
    let params = |kind: Option<&str>| {
        let place = misfit.path.first().map(|_| place.as_str());
        json!({"field": field.name, "title": title, "place": place, "kind": kind, "other": wanted})
    };
    if let (Some(Kind::Money { .. } | Kind::Decimal), Kind::Money { decimals }) =
        (misfit.found, misfit.wanted)
    {
        let params = json!({"field": field.name, "title": title, "place": misfit.path.first().map(|_| &place), "most": decimals});
        let problem = match decimals {
            Some(most) => Problem::warning(
                "field_decimals_doubtful",
                params,
                format!(
                    "{within} takes amounts of at most {most} decimals, and this may have more: the step fails when it has. Round it."
                ),
            ),
            None => Problem::warning(
                "field_decimals_lost",
                params,
                format!(
                    "{within} takes amounts with the decimals of their currency, and this has more: it is rounded. Let the field have more decimals."
                ),
            ),
        };
        return problem.at(format!("/values/{}", field.name));
    }
    let problem = match misfit.found.map(Kind::noun) {
        None => Problem::warning(
            "field_value_lacks",
            params(None),
            format!("{within} takes {wanted}, and what is filled in has nothing of that name."),
        ),
        Some(kind) if misfit.is_certain => Problem::error(
            "field_kind_differs",
            params(Some(kind)),
            format!("{within} takes {wanted}, and this is {kind}."),
        ),
        Some(kind) => Problem::warning(
            "field_kind_doubtful",
            params(Some(kind)),
            format!(
                "{within} takes {wanted}, and this is {kind}: the step fails when it is not {wanted}."
            ),
        ),
    };
    problem.at(format!("/values/{}", field.name))
}

/// What people call a field.
fn titled(field: &Field) -> &str {
    if field.title.is_empty() {
        &field.name
    } else {
        &field.title
    }
}
