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
