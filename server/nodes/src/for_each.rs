//! `for_each`: the steps inside run once for each entry of a list. Which entries are worked on when is `engine::run`'s business; here
//! is what goes in and what comes out.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::{self, Template},
    kind::Kind,
    node::{
        Card, CardLine, Container, Description, Done, Effect, Event, Family, ItemEnd, MAX_ITEMS,
        Node, NodeContext, NodeError, Outcome, OutputContext, StepError, Surface, Wait, WaitOn,
        Warning,
    },
    value::{Record, Value},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{entries::entries_of, values::field};

/// Run the steps inside once for each entry of a list, such as the rows of a form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForEach {
    /// The list whose entries are gone through, in its order.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    list: Template,
    /// What is kept of each entry; when empty, what the last step inside puts out.
    #[serde(default)]
    #[schemars(title = "Result of an entry", extend("x-widget" = "value", "x-scope" = "inside"))]
    result: Option<Template>,
    /// How many entries are worked on at once.
    #[serde(default = "one")]
    #[schemars(title = "Entries at once", range(min = 1, max = 20))]
    concurrency: u32,
    /// What happens when an entry fails.
    #[serde(default)]
    #[schemars(title = "When an entry fails")]
    on_item_error: OnItemError,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"stop": "This step fails", "skip": "Leave it out", "collect": "Go on and list the failures"}))]
enum OnItemError {
    #[default]
    Stop,
    Skip,
    Collect,
}

fn one() -> u32 {
    1
}

impl ForEach {
    /// The template that each entry's result is made with; without one it is the output of the last step.
    fn result(&self) -> Option<&Template> {
        self.result
            .as_ref()
            .filter(|result| !result.0.trim().is_empty())
    }

    /// Kind of one result, and whether it may be empty.
    fn result_kind(&self, context: &OutputContext<'_>) -> Option<(Kind, bool)> {
        let inside = context.inside?;
        match self.result() {
            Some(result) => Some((expression::infer(result, &inside.scope, true).0, false)),
            None => {
                let last = inside.last.as_ref()?;
                Some((last.kind.clone(), last.optional))
            }
        }
    }

    fn result_of(
        &self,
        context: &dyn NodeContext,
        number: usize,
        values: &Record,
        last: Value,
    ) -> Result<Json, NodeError> {
        let result = match self.result() {
            Some(result) => result.evaluate_in(values, &context.step().formats())?,
            None => last,
        };
        if result == Value::Empty {
            return Err(NodeError::failed(
                "entry_without_result",
                format!("Entry {number} has no result: the last step inside did not run. Say what is kept of an entry."),
            )
            .with("number", number));
        }
        Ok(result.to_json())
    }
}

fn failed(number: usize, error: &StepError, node: &str) -> NodeError {
    NodeError::failed(
        "entry_failed",
        format!("Entry {number} failed: {}", error.message),
    )
    .with("number", number)
    .with("node", node)
    .with("error", json!(error))
}

fn failure_kind() -> Kind {
    Kind::record([
        ("number", "Number", Kind::Integer),
        ("code", "Code", Kind::text()),
        ("message", "Message", Kind::text()),
        ("node", "Step", Kind::text()),
    ])
}

#[async_trait]
impl Node for ForEach {
    const TYPE: &'static str = "for_each";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "For each",
            family: Family::Computed,
            icon: "repeat",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn container(&self) -> Option<Container> {
        Some(Container {
            list: self.list.clone(),
            concurrency: self.concurrency,
            stops: self.on_item_error == OnItemError::Stop,
        })
    }

    fn output(&self, context: &OutputContext<'_>) -> Kind {
        let (result, _) = self.result_kind(context).unwrap_or((Kind::Any, true));
        let mut fields = vec![
            field("results", "Results", Kind::list(result)),
            field("count", "Number of results", Kind::Integer),
        ];
        if self.on_item_error == OnItemError::Collect {
            fields.push(field("failed", "Failures", Kind::list(failure_kind())));
        }
        Kind::Record { fields }
    }

    fn card(&self) -> Card {
        Card {
            key_fact: String::new(),
            well: vec![CardLine {
                text: self.list.0.clone(),
                trailing: String::new(),
            }],
        }
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let scope = Kind::Record {
            fields: context
                .inputs
                .iter()
                .map(|(name, kind)| field(name, "", kind.clone()))
                .collect(),
        };
        let (list, _) = expression::infer(&self.list, &scope, true);
        if self.list.0.trim().is_empty() {
            let message = "Choose the list that is gone through.";
            problems.push(Problem::error("no_list", json!({}), message).at("/list"));
        } else if !matches!(list, Kind::List { .. } | Kind::Any) {
            problems.push(
                Problem::error(
                    "not_a_list",
                    json!({"kind": list}),
                    format!("This is {}, not a list.", list.noun()),
                )
                .at("/list"),
            );
        }
        if context.inside.is_some_and(|inside| inside.is_empty) {
            problems.push(Problem::warning(
                "nothing_inside",
                json!({}),
                "Nothing is inside this step yet.",
            ));
        } else if self
            .result_kind(context)
            .is_none_or(|(_, optional)| optional)
        {
            problems.push(
                Problem::error(
                    "no_result",
                    json!({}),
                    "Say what is kept of each entry: no step inside is always the last one.",
                )
                .at("/result"),
            );
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let items = entries_of(context, &self.list, MAX_ITEMS)?;
        Ok(Outcome::Wait(Wait {
            on: WaitOn::Items(items.iter().map(Value::to_json).collect()),
            until: None,
            kept: Json::Null,
        }))
    }

    async fn resume(&self, context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        if !matches!(event, Event::Items) {
            return Err(NodeError::unexpected_event());
        }
        let mut results = Vec::new();
        let mut failures = Vec::new();
        let mut warnings = Vec::new();
        // Where a failure stops everything, entries that were called off have no result either: the failure is what is told.
        let mut without_result = None;
        for index in 0.. {
            let Some(end) = context.item_end(index) else {
                break;
            };
            let number = index + 1;
            let (error, node) = match end {
                ItemEnd::Done { values, last } => {
                    match self.result_of(context, number, &values, last) {
                        Ok(result) => results.push(result),
                        Err(error) => without_result = without_result.or(Some(error)),
                    }
                    continue;
                }
                ItemEnd::Failed { error, node } => (error, node),
            };
            match self.on_item_error {
                OnItemError::Stop => return Err(failed(number, &error, &node)),
                OnItemError::Skip => {
                    let message = format!("Entry {number} was left out: {}", error.message);
                    let warning = Warning::new("entry_left_out", message);
                    warnings.push(warning.with("number", number).with("error", json!(error)));
                }
                OnItemError::Collect => failures.push(json!({
                    "number": number, "code": error.code, "message": error.message, "node": node,
                })),
            }
        }
        if let Some(error) = without_result {
            return Err(error);
        }
        let mut output = json!({"count": results.len(), "results": results});
        if self.on_item_error == OnItemError::Collect {
            output["failed"] = Json::Array(failures);
        }
        Ok(Outcome::Done(Done {
            warnings,
            ..Done::out(output)
        }))
    }
}

#[cfg(test)]
mod tests {
    use engine::{check::check, graph};

    use super::*;

    #[test]
    fn a_result_counts_on_no_step_that_may_not_have_run() {
        let codes = |on_error: &str| -> Vec<String> {
            let workflow = graph::parse(&json!({
                "format": "formwork/1", "name": "Each", "locale": "en", "time_zone": "UTC", "currency": "EUR",
                "nodes": [
                    {"id": "hook", "type": "webhook_input", "version": 1, "name": "Hook", "config": {"fields": [
                        {"name": "names", "title": "Names", "kind": "list", "item": {"kind": "text"}}]}},
                    {"id": "each", "type": "for_each", "version": 1, "name": "Each",
                     "config": {"list": "{{ hook.names }}", "result": "{{ text.text }}"}},
                    {"id": "way", "type": "branch", "version": 1, "name": "Way", "parent": "each", "config": {"ways": [
                        {"name": "ada", "rules": [{"value": "{{ item }}", "operator": "is", "operand": "Ada"}]}]}},
                    {"id": "halt", "type": "stop", "version": 1, "name": "Halt", "parent": "each", "on_error": on_error,
                     "config": {"ends": "with_error", "message": "No Ada"}},
                    {"id": "text", "type": "template_fill", "version": 1, "name": "Text", "parent": "each",
                     "config": {"template": "{{ item }}"}},
                ],
                "edges": [
                    {"from": "hook", "port": "out", "to": "each"},
                    {"from": "way", "port": "ada", "to": "halt"},
                    {"from": "way", "port": "otherwise", "to": "text"},
                ],
            }))
            .expect("a readable workflow");
            let problems = check(&workflow, &crate::catalogue(), &()).problems;
            problems.into_iter().map(|problem| problem.code).collect()
        };
        // Where the stop ends the run, whoever comes to the end has the text; where it may fail and go on, nobody knows.
        assert_eq!(codes("stop"), [""; 0]);
        assert_eq!(codes("continue"), ["default_missing"]);
    }
}
