//! `call_input`: another workflow starts the run with a call. What the call brings is checked by the step that calls; here it is only
//! handed on.

use async_trait::async_trait;
use engine::{
    check::Problem,
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface, Trigger,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::webhook_input::check_fields;

/// Let other workflows call this one with values.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallInput {
    /// The values that the calling workflow hands over.
    #[serde(default)]
    #[schemars(extend("x-widget" = "output_fields"))]
    fields: Vec<Field>,
}

#[async_trait]
impl Node for CallInput {
    const TYPE: &'static str = "call_input";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Call by a workflow",
            family: Family::Asked,
            icon: "inbox",
            effect: Effect::Pure,
            surface: Surface::None,
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
        let fields = self.fields.iter().take(4);
        Card {
            key_fact: String::new(),
            well: fields
                .map(|field| CardLine {
                    text: title(field).to_owned(),
                    trailing: String::new(),
                })
                .collect(),
        }
    }

    fn trigger(&self) -> Option<Trigger> {
        Some(Trigger::Call(self.fields.clone()))
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        check_fields(&self.fields, "/fields")
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(context.step().kept.clone())))
    }
}

/// What people read of a field.
pub(crate) fn title(field: &Field) -> &str {
    if field.title.is_empty() {
        &field.name
    } else {
        &field.title
    }
}

#[cfg(test)]
mod tests {
    use engine::{call::Offer, check::check, graph};
    use serde_json::{Value as Json, json};

    use super::*;

    fn node(id: &str, node_type: &str, config: &Json) -> Json {
        json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config})
    }

    fn checked(nodes: &[Json], edges: &[(&str, &str, &str)]) -> (Option<Offer>, Vec<String>) {
        let edges = edges.iter();
        let edges: Vec<Json> = edges
            .map(|(from, port, to)| json!({"from": from, "port": port, "to": to}))
            .collect();
        let workflow = graph::parse(&json!({
            "format": "formwork/1", "name": "Price", "locale": "en", "time_zone": "UTC", "currency": "EUR",
            "nodes": nodes, "edges": edges,
        }))
        .expect("a readable workflow");
        let checked = check(&workflow, &crate::catalogue(), &());
        let codes = checked.problems.into_iter().map(|problem| problem.code);
        (checked.offer, codes.collect())
    }

    #[test]
    fn a_workflow_offers_what_it_takes_and_what_its_answers_have_in_common() {
        let days = json!({"fields": [{"name": "days", "title": "Days", "kind": "integer"}]});
        let called = node("called", "call_input", &days);
        let long = json!({"ways": [{"name": "long", "title": "Long", "rules": [
            {"value": "{{ called.days }}", "operator": "greater", "operand": "10"}]}]});
        let total = "{{ called.days * 3 }}";
        let nodes = [
            called.clone(),
            node("check", "branch", &long),
            node("short", "respond", &json!({"values": {"total": total}})),
            node(
                "much",
                "respond",
                &json!({"values": {"total": total, "note": "Long"}}),
            ),
        ];
        let edges = [
            ("called", "out", "check"),
            ("check", "otherwise", "short"),
            ("check", "long", "much"),
        ];
        let (offer, problems) = checked(&nodes, &edges);
        assert_eq!(problems, [""; 0]);
        let offer = offer.expect("an offer");
        assert_eq!(offer.trigger, "called");
        assert_eq!(offer.fields[0].name, "days");
        let answer = offer.answer.expect("an answer");
        let field = |name: &str| answer.field(name).expect("a field").clone();
        assert_eq!(field("total").kind, Kind::Integer);
        assert!(!field("total").optional && field("note").optional);
        // One who answers nobody offers no answer; without a call there is no offer.
        assert_eq!(
            checked(std::slice::from_ref(&called), &[])
                .0
                .expect("an offer")
                .answer,
            None
        );
        let hook = node("hook", "webhook_input", &json!({}));
        assert_eq!(checked(&[hook], &[]).0, None);
        let (_, problems) = checked(&[called, node("again", "call_input", &days)], &[]);
        assert_eq!(problems, ["call_trigger_twice"]);
    }
}
