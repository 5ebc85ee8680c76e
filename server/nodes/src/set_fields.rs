//! `set_fields`: named values computed from earlier ones. Each keeps the kind it is declared with.

use async_trait::async_trait;
use engine::{
    check::Problem,
    form::ComputedField,
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
    value::{Record, record_to_json},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    values::{fit, named},
    webhook_input::check_fields,
};

/// Compute values once, such as a total or a due date, and use them in later steps.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetFields {
    /// The values to compute, each from values of earlier steps.
    #[serde(default)]
    #[schemars(extend("x-widget" = "computed_fields"))]
    fields: Vec<ComputedField>,
}

impl SetFields {
    fn declared(&self) -> Vec<Field> {
        self.fields
            .iter()
            .map(|field| Field {
                name: field.name.clone(),
                title: field.label.clone(),
                kind: field.kind.clone(),
                optional: false,
            })
            .collect()
    }
}

#[async_trait]
impl Node for SetFields {
    const TYPE: &'static str = "set_fields";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Compute values",
            family: Family::Computed,
            icon: "sigma",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Record {
            fields: self.declared(),
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
                    text: field.label.clone(),
                    trailing: field.value.0.clone(),
                })
                .collect(),
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = check_fields(&self.declared(), "/fields");
        if self.fields.is_empty() {
            problems.push(
                Problem::warning(
                    "nothing_computed",
                    json!({}),
                    "This step computes nothing yet.",
                )
                .at("/fields"),
            );
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let currency = &context.step().currency;
        let mut record = Record::with_capacity(self.fields.len());
        for (computed, field) in self.fields.iter().zip(self.declared()) {
            let value = context
                .evaluate(&computed.value)
                .map_err(|error| named(error, &computed.label))?;
            record.insert(computed.name.clone(), fit(value, &field, currency)?);
        }
        Ok(Outcome::Done(Done::out(record_to_json(&record))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeContext, done};

    #[test]
    fn values_keep_their_declared_kind() {
        let context =
            FakeContext::new(&json!({"form": {"qty": 3, "price": "0.10"}, "empty": null}));
        let config = json!({"fields": [
            {"name": "net", "label": "Net", "kind": "money", "value": "{{ form.qty * 0.105 }}"},
            {"name": "due", "label": "Due", "kind": "date", "value": "2026-11-23"},
            {"name": "title", "label": "Title", "kind": "text", "value": "No. {{ form.qty }}"},
        ]});
        let done = done::<SetFields>(config, &context).expect("values");
        assert_eq!(
            done.output,
            json!({"net": {"amount": "0.32", "currency": "EUR"}, "due": "2026-11-23", "title": "No. 3"})
        );
    }

    #[test]
    fn an_error_names_the_value() {
        let context = FakeContext::new(&json!({"empty": null}));
        for (value, part) in [
            ("{{ empty }}", "“Total” is empty"),
            ("{{ nothing }}", "“Total”: there is no nothing"),
            ("abc", "“Total”: a text is not an amount of money"),
        ] {
            let config = json!({"fields": [{"name": "total", "label": "Total", "kind": "money", "value": value}]});
            let error = done::<SetFields>(config, &context).expect_err("an error");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
