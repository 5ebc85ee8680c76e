//! `workflow_call`: a run of another workflow, and what it answers. The run is stored in this segment's commit; the step waits for its end.
//! Which version runs, and how deep calls go, is the executor's business.

use async_trait::async_trait;
use engine::{
    call::{CallRequest, Called},
    check::Problem,
    expression::Template,
    ids::WorkflowId,
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Event, Family, Node, NodeContext, NodeError,
        Outcome, OutputContext, Surface, Wait, WaitOn,
    },
    value::{Record, Value, record_to_json},
    workflow::Retry,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    call_input::title,
    values::{field, fit, named},
};

/// Run another workflow with values from here and go on with its answer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowCall {
    /// The workflow that is called; it begins with a call by a workflow.
    #[serde(default)]
    #[schemars(extend("x-widget" = "workflow"))]
    workflow: Option<WorkflowId>,
    /// What the called workflow gets for each of its values.
    #[serde(default)]
    #[schemars(extend("x-widget" = "key_value", "x-keys" = {"workflow_fields": "workflow"}))]
    values: IndexMap<String, Template>,
}

impl WorkflowCall {
    fn is_filled(&self, field: &Field) -> bool {
        self.values
            .get(&field.name)
            .is_some_and(|template| !template.0.trim().is_empty())
    }

    fn check_values(&self, fields: &[Field]) -> Vec<Problem> {
        let missing = fields
            .iter()
            .filter(|field| !field.optional && !self.is_filled(field));
        let missing = missing.map(|field| {
            let title = title(field);
            Problem::error(
                "call_value_missing",
                json!({"field": field.name, "title": title}),
                format!("The called workflow needs \u{201c}{title}\u{201d}. Choose its value."),
            )
            .at(format!("/values/{}", field.name))
        });
        let known = |name: &String| fields.iter().any(|field| field.name == *name);
        let unknown = self.values.keys().filter(|name| !known(name)).map(|name| {
            Problem::warning(
                "call_value_unknown",
                json!({"field": name}),
                format!("The called workflow takes no value \u{201c}{name}\u{201d}. It is not handed over."),
            )
            .at(format!("/values/{name}"))
        });
        missing.chain(unknown).collect()
    }

    fn fill(&self, context: &dyn NodeContext, fields: &[Field]) -> Result<Json, NodeError> {
        let mut record = Record::with_capacity(fields.len());
        for field in fields {
            let value = match self.values.get(&field.name) {
                Some(template) if self.is_filled(field) => context
                    .evaluate(template)
                    .map_err(|error| named(error, title(field)))?,
                _ => Value::Empty,
            };
            // An optional value that comes to nothing is empty, not a text of blanks.
            let value = if field.optional && value.is_blank() && !matches!(value, Value::List(_)) {
                Value::Empty
            } else {
                value
            };
            let value = fit(value, field, &context.step().currency)?;
            record.insert(field.name.clone(), value);
        }
        Ok(record_to_json(&record))
    }
}

#[async_trait]
impl Node for WorkflowCall {
    const TYPE: &'static str = "workflow_call";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Call a workflow",
            family: Family::Looked,
            icon: "workflow",
            effect: Effect::Stored,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: Some(Retry {
                max_attempts: 5,
                first_ms: 500,
                factor: 2,
                max_ms: 10_000,
            }),
        }
    }

    fn output(&self, context: &OutputContext<'_>) -> Kind {
        let known = self
            .workflow
            .and_then(|id| context.resources.callable(id))
            .and_then(|callable| callable.offer);
        let answer = match known {
            Some(offer) => offer.answer.map(|kind| field("answer", "Answer", kind)),
            None => Some(Field {
                optional: true,
                ..field("answer", "Answer", Kind::Any)
            }),
        };
        let mut fields: Vec<Field> = answer.into_iter().collect();
        fields.push(field("run", "Run", Kind::text()));
        fields.push(field("version", "Version", Kind::Integer));
        Kind::Record { fields }
    }

    fn card(&self) -> Card {
        let values = self.values.iter().take(3);
        Card {
            key_fact: String::new(),
            well: values
                .map(|(name, value)| CardLine {
                    text: name.clone(),
                    trailing: value.0.clone(),
                })
                .collect(),
        }
    }

    fn calls(&self) -> Option<WorkflowId> {
        self.workflow
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let Some(workflow) = self.workflow else {
            let message = "Choose the workflow that is called.";
            return vec![Problem::error("no_workflow", json!({}), message).at("/workflow")];
        };
        let wrong = |code: &str, name: &str, message: String| {
            vec![Problem::error(code, json!({"workflow": name}), message).at("/workflow")]
        };
        let Some(callable) = context.resources.callable(workflow) else {
            let message = "This workflow does not exist any more. Choose another one.";
            return wrong("call_gone", "", message.into());
        };
        let name = callable.name.as_str();
        if callable.calls_back {
            let message = format!(
                "\u{201c}{name}\u{201d} calls this workflow, itself or through others. Calls cannot go round in a circle."
            );
            return wrong("call_circle", name, message);
        }
        if !callable.is_live {
            let message = format!(
                "\u{201c}{name}\u{201d} is switched off or was never published. Publish it first."
            );
            return wrong("call_off", name, message);
        }
        match &callable.offer {
            Some(offer) => self.check_values(&offer.fields),
            None => {
                let message = format!(
                    "\u{201c}{name}\u{201d} cannot be called: nothing in it begins with a call. Add such a step there and publish it."
                );
                wrong("call_without_trigger", name, message)
            }
        }
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let workflow = self.workflow.ok_or_else(|| {
            NodeError::config("no_workflow", "Choose the workflow that is called.")
        })?;
        let callee = context.callee(workflow).await?;
        let input = self.fill(context, &callee.offer.fields)?;
        let kept = json!({
            "workflow": callee.name, "version": callee.number, "answers": callee.offer.answer.is_some(),
        });
        Ok(Outcome::Wait(Wait {
            on: WaitOn::Call(Box::new(CallRequest { callee, input })),
            until: None,
            kept,
        }))
    }

    async fn resume(&self, context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        let Called {
            run,
            version,
            answer,
        } = match event {
            Event::Call(called) => called.map_err(NodeError::Failed)?,
            Event::Signal(_)
            | Event::Generation(_)
            | Event::Delivery(_)
            | Event::Items
            | Event::TimedOut => return Err(NodeError::unexpected_event()),
        };
        let kept = &context.step().kept;
        let name = kept["workflow"].as_str().unwrap_or_default();
        let mut output = json!({"run": run, "version": version});
        match answer {
            Some(answer) => output["answer"] = answer.into_json(),
            None if kept["answers"] == true => {
                return Err(NodeError::failed(
                    "call_unanswered",
                    format!("The called run of \u{201c}{name}\u{201d} ended without an answer."),
                )
                .with("workflow", name)
                .with("run", run.to_string()));
            }
            None => {}
        }
        Ok(Outcome::Done(Done::out(output)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use engine::{
        call::{Callable, Offer},
        graph::Named,
        ids::RunId,
        node::AnswerBody,
    };
    use uuid::Uuid;

    use super::*;
    use crate::testing::{FakeContext, node, now};

    const OTHER: &str = "018f4f5e-0000-7000-8000-000000000001";

    fn callable() -> Callable {
        Callable {
            name: "Price".into(),
            is_live: true,
            calls_back: false,
            offer: Some(Offer {
                trigger: "called".into(),
                fields: vec![field("days", "Days", Kind::Integer)],
                answer: Some(Kind::record([("total", "Total", Kind::money())])),
            }),
        }
    }

    fn asked(callable: Option<Callable>, config: Json) -> (Kind, Vec<String>) {
        let id: WorkflowId = OTHER.parse().expect("an id");
        let resources = Named {
            workflows: callable
                .map(|callable| (id, callable))
                .into_iter()
                .collect::<HashMap<_, _>>(),
            ..Named::default()
        };
        let context = OutputContext {
            inputs: &IndexMap::new(),
            resources: &resources,
            sources: &[],
            inside: None,
            entry: None,
        };
        let node: WorkflowCall = node(config);
        let problems = node.check(&context);
        let told = problems
            .into_iter()
            .map(|problem| format!("{}{}", problem.code, problem.pointer));
        (node.output(&context), told.collect())
    }

    #[test]
    fn the_called_workflow_says_what_it_takes_and_gives() {
        let filled = json!({"workflow": OTHER, "values": {"days": "{{ 3 }}"}});
        let (kind, problems) = asked(Some(callable()), filled.clone());
        assert_eq!(problems, [""; 0]);
        let answer = kind.field("answer").expect("an answer");
        assert_eq!(
            answer.kind.field("total").expect("a total").kind,
            Kind::money()
        );
        let told = |callable, config| asked(callable, config).1;
        assert_eq!(told(None, json!({})), ["no_workflow/workflow"]);
        assert_eq!(told(None, filled.clone()), ["call_gone/workflow"]);
        assert_eq!(
            told(
                Some(callable()),
                json!({"workflow": OTHER, "values": {"nights": "3"}})
            ),
            [
                "call_value_missing/values/days",
                "call_value_unknown/values/nights"
            ]
        );
        let with = |change: fn(&mut Callable)| {
            let mut callable = callable();
            change(&mut callable);
            told(Some(callable), filled.clone())
        };
        assert_eq!(with(|other| other.is_live = false), ["call_off/workflow"]);
        assert_eq!(
            with(|other| other.calls_back = true),
            ["call_circle/workflow"]
        );
        assert_eq!(
            with(|other| other.offer = None),
            ["call_without_trigger/workflow"]
        );
    }

    #[test]
    fn it_waits_for_the_run_and_gives_its_answer() {
        let context = FakeContext::new(&json!({"form": {"days": 3}}));
        let call: WorkflowCall =
            node(json!({"workflow": OTHER, "values": {"days": "{{ form.days }}"}}));
        let wait = match now(call.run(&context)).expect("a wait") {
            Outcome::Wait(wait) => wait,
            other => panic!("{other:?}"),
        };
        let WaitOn::Call(request) = wait.on else {
            panic!("{:?}", wait.on)
        };
        assert_eq!(request.input, json!({"days": 3}));
        let mut context = context;
        context.step.kept = wait.kept;
        let called = |answer| Called {
            run: RunId(Uuid::from_u128(5)),
            version: 2,
            answer,
        };
        let total = json!({"total": {"amount": "3.00", "currency": "EUR"}});
        let event = Event::Call(Ok(called(Some(AnswerBody::Values(total.clone())))));
        match now(call.resume(&context, event)).expect("an end") {
            Outcome::Done(done) => {
                assert_eq!(done.output["answer"], total);
                assert_eq!(done.output["version"], 2);
            }
            other => panic!("{other:?}"),
        }
        let event = Event::Call(Ok(called(None)));
        match now(call.resume(&context, event)) {
            Err(NodeError::Failed(error)) => assert_eq!(error.code, "call_unanswered"),
            other => panic!("{other:?}"),
        }
    }
}
