//! `branch`: the first way whose rules hold is taken. Rules are structured and compared by kind in Rust, never as expressions.

use async_trait::async_trait;
use engine::{
    check::Problem,
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Port, Surface,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::{
    rules::{Match, OTHERWISE, Rule, check_ways, choice_of, otherwise_title, ports, title_of},
    values::named,
};

/// Go different ways, depending on values of earlier steps.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Branch {
    /// The ways, tried from the top; the first whose rules hold is taken.
    #[serde(default)]
    #[schemars(extend("x-widget" = "rules"))]
    ways: Vec<Way>,
    /// What the way is called that is taken when no rule holds.
    #[serde(default = "otherwise_title")]
    otherwise: String,
}

/// One way out with its rules.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Way {
    /// Short name of the way, in small letters.
    name: String,
    /// What people read on the connection.
    #[serde(default)]
    title: String,
    /// Whether all rules must hold, or one is enough.
    #[serde(default, rename = "match")]
    #[schemars(title = "Rules that must hold")]
    mode: Match,
    /// Each compares one value.
    #[serde(default)]
    rules: Vec<Rule>,
}

impl Way {
    fn title(&self) -> &str {
        title_of(&self.title, &self.name)
    }

    fn holds(&self, context: &dyn NodeContext) -> Result<bool, NodeError> {
        for rule in &self.rules {
            let holds = rule
                .holds(context)
                .map_err(|error| named(error, self.title()))?;
            match (self.mode, holds) {
                (Match::All, false) => return Ok(false),
                (Match::Any, true) => return Ok(true),
                (Match::All, true) | (Match::Any, false) => {}
            }
        }
        Ok(matches!(self.mode, Match::All) && !self.rules.is_empty())
    }
}

#[async_trait]
impl Node for Branch {
    const TYPE: &'static str = "branch";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Branch",
            family: Family::Computed,
            icon: "split",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn ports(&self) -> Vec<Port> {
        let ways = self.ways.iter().map(|way| (way.name.as_str(), way.title()));
        ports(ways, &self.otherwise)
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([("way", "Way", choice_of(self.ports()))])
    }

    fn card(&self) -> Card {
        let mut well: Vec<CardLine> = self
            .ways
            .iter()
            .take(4)
            .map(|way| CardLine {
                text: way.rules.first().map_or(String::new(), Rule::text),
                trailing: way.title().to_owned(),
            })
            .collect();
        well.push(CardLine {
            text: String::new(),
            trailing: self.otherwise.clone(),
        });
        Card {
            key_fact: String::new(),
            well,
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let names: Vec<&str> = self.ways.iter().map(|way| way.name.as_str()).collect();
        let mut problems = check_ways(&names, "/ways");
        for (index, way) in self.ways.iter().enumerate() {
            let at = format!("/ways/{index}");
            if way.rules.is_empty() {
                problems.push(
                    Problem::error(
                        "way_without_rule",
                        json!({"way": way.title()}),
                        format!("The way \u{201c}{}\u{201d} has no rule.", way.title()),
                    )
                    .at(format!("{at}/rules")),
                );
            }
            for (number, rule) in way.rules.iter().enumerate() {
                if !rule.is_complete() {
                    problems.push(
                        Problem::error(
                            "rule_incomplete",
                            json!({"way": way.title()}),
                            format!("A rule of \u{201c}{}\u{201d} is not complete.", way.title()),
                        )
                        .at(format!("{at}/rules/{number}")),
                    );
                }
            }
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let mut taken = OTHERWISE;
        for way in &self.ways {
            if way.holds(context)? {
                taken = &way.name;
                break;
            }
        }
        Ok(Outcome::Done(Done {
            ports: vec![taken.to_owned()],
            output: json!({"way": taken}),
            ..Done::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::testing::{FakeContext, done};

    #[test]
    fn the_first_way_that_holds_is_taken() {
        let config = json!({"ways": [
            {"name": "big", "title": "Big", "match": "all", "rules": [
                {"value": "{{ form.total }}", "operator": "greater", "operand": "100"},
                {"value": "{{ form.country }}", "operator": "is", "operand": "DE"},
            ]},
            {"name": "any_way", "match": "any", "rules": [
                {"value": "{{ form.total }}", "operator": "greater", "operand": "100"},
                {"value": "{{ form.note }}", "operator": "is_filled"},
            ]},
        ]});
        let check = |values: Json, way: &str| {
            let context = FakeContext::new(&json!({"form": values}));
            let done = done::<Branch>(config.clone(), &context).expect("a way");
            assert_eq!(done.ports, [way]);
            assert_eq!(done.output, json!({"way": way}));
        };
        check(json!({"total": 150, "country": "de", "note": null}), "big");
        check(
            json!({"total": 150, "country": "FR", "note": null}),
            "any_way",
        );
        check(
            json!({"total": 50, "country": "DE", "note": "x"}),
            "any_way",
        );
        check(
            json!({"total": 50, "country": "DE", "note": null}),
            "otherwise",
        );
    }
}
