//! `switch`: one value is held against several cases; the first that fits is taken, or every one.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Port, Surface,
    },
    value::Value,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    rules::{
        OTHERWISE, Operator, check_ways, choice_of, compare, otherwise_title, ports, title_of,
    },
    values::named,
};

/// Go one or several ways, depending on one value.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Switch {
    /// The value to look at.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    value: Template,
    /// Whether the first case that fits is taken, or all of them.
    #[serde(default)]
    takes: Takes,
    /// What the value is held against, from the top.
    #[serde(default)]
    cases: Vec<Case>,
    /// What the way is called that is taken when no case fits.
    #[serde(default = "otherwise_title")]
    otherwise: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"first": "The first case that fits", "all": "Every case that fits"}))]
enum Takes {
    #[default]
    First,
    All,
}

/// One way out.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Short name of the way, in small letters.
    name: String,
    /// What people read on the connection.
    #[serde(default)]
    title: String,
    /// How it is compared.
    #[serde(default)]
    operator: Operator,
    /// What it is compared with; not needed for "is empty" and "is filled in".
    #[serde(default)]
    #[schemars(title = "Compared with", extend("x-empty" = true))]
    operand: Option<Template>,
}

impl Case {
    fn title(&self) -> &str {
        title_of(&self.title, &self.name)
    }

    fn fits(&self, value: &Value, context: &dyn NodeContext) -> Result<bool, NodeError> {
        let operand = match (&self.operand, self.operator.needs_operand()) {
            (Some(template), true) => context.evaluate(template)?,
            (None, true) | (_, false) => Value::Empty,
        };
        compare(value, self.operator, &operand)
    }
}

#[async_trait]
impl Node for Switch {
    const TYPE: &'static str = "switch";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Switch",
            family: Family::Computed,
            icon: "shuffle",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn ports(&self) -> Vec<Port> {
        let cases = self.cases.iter();
        let ways = cases.map(|case| (case.name.as_str(), case.title()));
        ports(ways, &self.otherwise)
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        let ways = Kind::List {
            item: Box::new(choice_of(self.ports())),
            min_items: Some(1),
            max_items: None,
        };
        Kind::record([("ways", "Ways", ways)])
    }

    fn card(&self) -> Card {
        let mut well: Vec<CardLine> = self
            .cases
            .iter()
            .take(4)
            .map(|case| {
                let operand = case.operand.as_ref().map_or("", |operand| &operand.0);
                CardLine {
                    text: format!("{} {operand}", case.operator.symbol())
                        .trim()
                        .to_owned(),
                    trailing: case.title().to_owned(),
                }
            })
            .collect();
        well.push(CardLine {
            text: String::new(),
            trailing: self.otherwise.clone(),
        });
        Card {
            key_fact: self.value.0.clone(),
            well,
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let names: Vec<&str> = self.cases.iter().map(|case| case.name.as_str()).collect();
        let mut problems = check_ways(&names, "/cases");
        if self.value.0.trim().is_empty() {
            problems.push(
                Problem::error(
                    "switch_without_value",
                    json!({}),
                    "Choose the value that decides.",
                )
                .at("/value"),
            );
        }
        for (index, case) in self.cases.iter().enumerate() {
            let operand = case
                .operand
                .as_ref()
                .is_some_and(|operand| !operand.0.is_empty());
            if case.operator.needs_operand() && !operand {
                problems.push(
                    Problem::error(
                        "rule_incomplete",
                        json!({"way": case.title()}),
                        format!(
                            "A rule of \u{201c}{}\u{201d} is not complete.",
                            case.title()
                        ),
                    )
                    .at(format!("/cases/{index}/operand")),
                );
            }
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let value = context.evaluate(&self.value)?;
        let mut ways: Vec<String> = Vec::new();
        for case in &self.cases {
            let fits = case
                .fits(&value, context)
                .map_err(|error| named(error, case.title()))?;
            if fits {
                ways.push(case.name.clone());
                if self.takes == Takes::First {
                    break;
                }
            }
        }
        if ways.is_empty() {
            ways.push(OTHERWISE.into());
        }
        Ok(Outcome::Done(Done {
            output: json!({"ways": ways}),
            ports: ways,
            ..Done::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::testing::{FakeContext, done};

    fn config(takes: &str) -> Json {
        json!({"value": "{{ form.total }}", "takes": takes, "cases": [
            {"name": "big", "title": "Big", "operator": "at_least", "operand": "100"},
            {"name": "huge", "operator": "at_least", "operand": "{{ form.limit }}"},
            {"name": "none", "operator": "is_empty"},
        ]})
    }

    #[test]
    fn the_first_case_that_fits_is_taken_or_every_one() {
        let check = |takes: &str, total: Json, ways: &[&str]| {
            let context = FakeContext::new(&json!({"form": {"total": total, "limit": 1000}}));
            let done = done::<Switch>(config(takes), &context).expect("ways");
            assert_eq!(done.ports, ways);
            assert_eq!(done.output, json!({"ways": ways}));
        };
        check("first", json!(5000), &["big"]);
        check("all", json!(5000), &["big", "huge"]);
        check("all", json!(100), &["big"]);
        check("all", json!(99), &["otherwise"]);
        check("first", json!(null), &["none"]);
    }

    #[test]
    fn an_error_names_the_case() {
        let context = FakeContext::new(&json!({"form": {"total": "many", "limit": true}}));
        let error = done::<Switch>(config("all"), &context).expect_err("an error");
        assert!(error.to_string().contains("huge"), "{error}");
    }
}
