//! `merge`: several ways become one again, with the value of the way that arrived.

use async_trait::async_trait;
use engine::{
    check::Problem,
    kind::{ChoiceOption, Field, Kind},
    node::{
        Card, Description, Done, Effect, Family, Join, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Bring several ways together and go on with the values of the one that arrived.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Merge {
    /// Whether all ways are waited for, or the first one is enough.
    #[serde(default)]
    waits_for: WaitsFor,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"all": "All ways that are taken", "first": "The first way that arrives"}))]
enum WaitsFor {
    #[default]
    All,
    First,
}

#[async_trait]
impl Node for Merge {
    const TYPE: &'static str = "merge";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Merge",
            family: Family::Computed,
            icon: "git-merge",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn join(&self) -> Join {
        match self.waits_for {
            WaitsFor::All => Join::All,
            WaitsFor::First => Join::First,
        }
    }

    fn output(&self, context: &OutputContext<'_>) -> Kind {
        let options = context.sources.iter().map(|source| ChoiceOption {
            value: source.name.clone(),
            title: Some(source.title.clone()),
        });
        let kinds: Vec<&Kind> = context.sources.iter().map(|source| &source.kind).collect();
        let same = kinds.windows(2).all(|pair| pair[0] == pair[1]);
        let kind = kinds.first().filter(|_| same).copied().cloned();
        Kind::Record {
            fields: vec![
                Field {
                    name: "from".into(),
                    title: "Step it came from".into(),
                    kind: Kind::Choice {
                        options: options.collect(),
                    },
                    optional: false,
                },
                Field {
                    name: "value".into(),
                    title: "What it put out".into(),
                    kind: kind.unwrap_or(Kind::Any),
                    optional: context.sources.iter().any(|source| source.optional),
                },
            ],
        }
    }

    fn card(&self) -> Card {
        Card::default()
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        if context.sources.len() < 2 {
            return vec![Problem::warning(
                "nothing_to_merge",
                json!({}),
                "Lead at least two ways into this step.",
            )];
        }
        Vec::new()
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let Some(from) = context.step().arrived.first() else {
            return Err(NodeError::failed("nothing_arrived", "No way led here."));
        };
        let value = context.arrived(from);
        Ok(Outcome::Done(Done::out(
            json!({"from": from, "value": value.to_json()}),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeContext, done};

    #[test]
    fn the_first_way_in_the_order_of_the_connections_gives_the_value() {
        let mut context = FakeContext::new(&json!({"a": {"text": "one"}, "b": {"text": "two"}}));
        context.step.arrived = vec!["b".into(), "a".into()];
        let done = done::<Merge>(json!({}), &context).expect("a value");
        assert_eq!(done.output, json!({"from": "b", "value": {"text": "two"}}));
    }
}
