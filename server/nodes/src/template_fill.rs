//! `template_fill`: text with values in it, for messages, mails and prompts. It makes no document; that is `pdf_render`.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    kind::Kind,
    node::{
        Card, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::values::excerpt;

/// Write a text with values from earlier steps in it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateFill {
    /// The text; values from earlier steps fill its gaps.
    #[serde(default)]
    template: Template,
}

#[async_trait]
impl Node for TemplateFill {
    const TYPE: &'static str = "template_fill";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Text with values",
            family: Family::Computed,
            icon: "text-cursor-input",
            effect: Effect::Pure,
            surface: Surface::Text,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([("text", "Text", Kind::text())])
    }

    fn card(&self) -> Card {
        Card {
            key_fact: String::new(),
            well: excerpt(&self.template),
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        if self.template.0.trim().is_empty() {
            return vec![
                Problem::error("text_missing", json!({}), "Write the text of this step.")
                    .at("/template"),
            ];
        }
        Vec::new()
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let text = context.render(&self.template)?;
        Ok(Outcome::Done(Done::out(json!({"text": text}))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeContext, done};

    #[test]
    fn gaps_are_filled_and_a_missing_value_is_an_error() {
        let context = FakeContext::new(&json!({"form": {"name": "Ms Müller", "note": null}}));
        let fill = |template: &str| done::<TemplateFill>(json!({"template": template}), &context);
        assert_eq!(
            fill("Dear {{ form.name }},").expect("a text").output,
            json!({"text": "Dear Ms Müller,"})
        );
        let error = fill("{{ form.note }} x").expect_err("an error");
        assert!(matches!(error, NodeError::Failed(error) if error.code == "expression_empty"));
    }
}
