//! `stop`: the run ends here, whatever else is still under way.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Port, Surface,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// End the run here, well or with an error. What has not ended is called off.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    /// How the run ends.
    #[serde(default)]
    #[schemars(title = "The run")]
    ends: Ends,
    /// What people read in the run about why it ended.
    #[serde(default)]
    #[schemars(title = "Reason", extend("x-widget" = "template"))]
    message: Template,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"well": "Ends well", "with_error": "Fails"}))]
enum Ends {
    #[default]
    Well,
    WithError,
}

#[async_trait]
impl Node for Stop {
    const TYPE: &'static str = "stop";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Stop",
            family: Family::Computed,
            icon: "circle-dot",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn ports(&self) -> Vec<Port> {
        Vec::new()
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([("message", "Reason", Kind::text())])
    }

    fn card(&self) -> Card {
        Card {
            key_fact: String::new(),
            well: vec![CardLine {
                text: self.message.0.clone(),
                trailing: String::new(),
            }],
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        if self.ends == Ends::WithError && self.message.0.trim().is_empty() {
            let message = "Say why the run fails.";
            return vec![Problem::error("no_reason", json!({}), message).at("/message")];
        }
        Vec::new()
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let message = context.render(&self.message)?;
        match self.ends {
            Ends::Well => Ok(Outcome::End(Done {
                output: json!({"message": message}),
                ..Done::default()
            })),
            Ends::WithError => {
                Err(NodeError::failed("stopped_here", message.as_str()).with("reason", message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeContext, node, now};

    #[test]
    fn it_ends_the_run_well_or_with_its_reason() {
        let context = FakeContext::new(&json!({"form": {"name": "Ada"}}));
        let stop: Stop = node(json!({"message": "{{ form.name }} withdrew"}));
        match now(stop.run(&context)).expect("an end") {
            Outcome::End(done) => assert_eq!(done.output, json!({"message": "Ada withdrew"})),
            other => panic!("{other:?}"),
        }
        let stop: Stop = node(json!({"ends": "with_error", "message": "No room"}));
        let error = now(stop.run(&context)).expect_err("an error");
        assert_eq!(error.to_string(), "No room");
    }
}
