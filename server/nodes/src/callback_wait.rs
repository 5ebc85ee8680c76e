//! `callback_wait`: the run waits until another program calls a link that earlier steps have given to it (`run.links.<id of this step>`).
//! `api` opens the link, checks the body against the declared fields and sees to it that one call counts.

use async_trait::async_trait;
use engine::{
    check::Problem,
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Event, Family, Node, NodeContext, NodeError,
        Outcome, OutputContext, Port, Surface, Wait, WaitOn,
    },
    value::Value,
};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::webhook_input::check_sent_fields;

/// Longest time to call back.
const MOST_DAYS: u32 = 366;

const CALLED: &str = "called";
const EXPIRED: &str = "expired";

/// Wait until another program calls a link back, and read what it sends.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallbackWait {
    /// The values that the other program sends.
    #[serde(default)]
    #[schemars(extend("x-widget" = "output_fields"))]
    fields: Vec<Field>,
    /// How long there is to call back.
    #[serde(default = "seven")]
    #[schemars(title = "Open for", range(min = 1, max = 8784))]
    expires_after: u32,
    /// What is counted.
    #[serde(default)]
    unit: Unit,
    /// What a trial takes for the answer, as JSON.
    #[serde(default)]
    #[schemars(title = "Sample of an answer", extend("x-widget" = "textarea", "x-group" = "advanced"))]
    sample: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"hours": "Hours", "days": "Days"}))]
enum Unit {
    Hours,
    #[default]
    Days,
}

fn seven() -> u32 {
    7
}

impl CallbackWait {
    fn hours(&self) -> u32 {
        match self.unit {
            Unit::Hours => self.expires_after,
            Unit::Days => self.expires_after.saturating_mul(24),
        }
    }

    fn kind(&self) -> Kind {
        Kind::Record {
            fields: self.fields.clone(),
        }
    }

    /// The answer that a trial takes; `None`: the sample does not fit.
    fn sampled(&self) -> Option<Json> {
        let text = self.sample.trim();
        let json = if text.is_empty() {
            json!({})
        } else {
            serde_json::from_str(text).ok()?
        };
        Value::from_json(&json, &self.kind())
            .ok()
            .map(|value| value.to_json())
    }
}

fn called(output: Json) -> Outcome {
    Outcome::Done(Done {
        ports: vec![CALLED.into()],
        output,
        ..Done::default()
    })
}

#[async_trait]
impl Node for CallbackWait {
    const TYPE: &'static str = "callback_wait";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Wait for a callback",
            family: Family::Asked,
            icon: "webhook",
            effect: Effect::Stored,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn ports(&self) -> Vec<Port> {
        [(CALLED, "Called"), (EXPIRED, "Expired")]
            .map(|(name, title)| Port {
                name: name.into(),
                title: title.into(),
            })
            .into()
    }

    fn empty_ports(&self) -> Vec<String> {
        vec![EXPIRED.into()]
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        self.kind()
    }

    fn card(&self) -> Card {
        let lines = self.fields.iter().take(4).map(|field| CardLine {
            text: if field.title.is_empty() {
                field.name.clone()
            } else {
                field.title.clone()
            },
            trailing: String::new(),
        });
        Card {
            key_fact: String::new(),
            well: lines.collect(),
        }
    }

    fn callback(&self) -> Option<Vec<Field>> {
        Some(self.fields.clone())
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = check_sent_fields(&self.fields, "/fields");
        if self.hours() == 0 || self.hours() > MOST_DAYS * 24 {
            let message = format!("A callback is awaited for 1 hour to {MOST_DAYS} days.");
            let problem = Problem::error("callback_time", json!({"most": MOST_DAYS}), message);
            problems.push(problem.at("/expires_after"));
        }
        if self.sampled().is_none() {
            let message = "The sample is no JSON object with these values, so a trial run cannot go on from here.";
            problems.push(Problem::warning("callback_sample", json!({}), message).at("/sample"));
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        // Nobody calls a trial back.
        if context.step().trial {
            return self.sampled().map(called).ok_or_else(|| {
                NodeError::config(
                    "callback_sample",
                    "A trial run is not called back. Write a sample of an answer with all its values.",
                )
            });
        }
        let until = context
            .step()
            .now
            .checked_add(SignedDuration::from_hours(self.hours().into()))
            .map_err(|_| {
                NodeError::failed("callback_too_long", "A callback is awaited for too long.")
            })?;
        Ok(Outcome::Wait(Wait {
            on: WaitOn::Signal,
            until: Some(until),
            kept: Json::Null,
        }))
    }

    async fn resume(&self, _context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        match event {
            Event::Signal(body) => Ok(called(body)),
            Event::TimedOut => Ok(Outcome::Done(Done {
                ports: vec![EXPIRED.into()],
                ..Done::default()
            })),
            Event::Generation(_) | Event::Delivery(_) | Event::Call(_) | Event::Items => {
                Err(NodeError::unexpected_event())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeContext, node, now};

    fn config() -> Json {
        json!({"fields": [{"name": "paid", "kind": "yes_no"}], "expires_after": 2, "unit": "hours", "sample": "{\"paid\": true}"})
    }

    #[test]
    fn it_waits_and_goes_on_with_what_was_sent() {
        let node: CallbackWait = node(config());
        let context = FakeContext::new(&json!({}));
        let Ok(Outcome::Wait(wait)) = now(node.run(&context)) else {
            panic!("it waits");
        };
        assert!(matches!(wait.on, WaitOn::Signal));
        let end = "2026-11-23T14:00:00Z".parse().expect("an instant");
        assert_eq!(wait.until, Some(end));
        let resume = |event: Event| match now(node.resume(&context, event)) {
            Ok(Outcome::Done(done)) => (done.ports, done.output),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            resume(Event::Signal(json!({"paid": false}))),
            (vec![CALLED.to_owned()], json!({"paid": false}))
        );
        assert_eq!(
            resume(Event::TimedOut),
            (vec![EXPIRED.to_owned()], Json::Null)
        );
    }

    #[test]
    fn a_trial_takes_the_sample() {
        let mut context = FakeContext::new(&json!({}));
        context.step.trial = true;
        let done = crate::testing::done::<CallbackWait>(config(), &context).expect("goes on");
        assert_eq!(
            (done.ports, done.output),
            (vec![CALLED.to_owned()], json!({"paid": true}))
        );
        let mut config = config();
        config["sample"] = json!("");
        let error = crate::testing::done::<CallbackWait>(config, &context).expect_err("no sample");
        assert!(matches!(error, NodeError::Config(error) if error.code == "callback_sample"));
    }
}
