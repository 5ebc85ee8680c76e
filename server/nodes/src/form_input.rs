//! `form_input`: a public form starts the run. What it asks is `engine::form::Form`; `api` renders it and validates answers before a run
//! exists, so that here they are only handed on.

use async_trait::async_trait;
use engine::{
    check::Problem,
    form::Form,
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface, Trigger,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Ask somebody through a form on the web; every answer starts a run.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct FormInput(Form);

#[async_trait]
impl Node for FormInput {
    const TYPE: &'static str = "form_input";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Form",
            family: Family::Asked,
            icon: "clipboard-list",
            effect: Effect::Pure,
            surface: Surface::Form,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        self.0.kind()
    }

    fn card(&self) -> Card {
        Card {
            key_fact: self.0.title.clone(),
            well: self
                .0
                .fields
                .iter()
                .take(4)
                .map(|field| CardLine {
                    text: field.label.clone(),
                    trailing: String::new(),
                })
                .collect(),
        }
    }

    fn trigger(&self) -> Option<Trigger> {
        Some(Trigger::Form(self.0.clone()))
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        self.0.check(context.resources)
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        Ok(Outcome::Done(Done::out(context.step().kept.clone())))
    }
}
