//! `webhook_deliver`: values and files go to an endpoint. The delivery is a row of the segment's own commit; sending, signing and trying
//! again are the executor's.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    ids::EndpointId,
    kind::{Field, Kind},
    node::{
        Attach, Card, CardLine, DeliveryRequest, Description, Done, Effect, Event, Family, Node,
        NodeContext, NodeError, Outcome, OutputContext, Receiver, Stored, Surface, Wait, WaitOn,
        Warning,
    },
    value::record_to_json,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::values::{evaluate_all, field, files_to_send};

/// Send values and files to another program through a signed webhook.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookDeliver {
    /// Who receives it.
    #[serde(default)]
    #[schemars(extend("x-widget" = "endpoint"))]
    endpoint: Option<EndpointId>,
    /// The values that are sent.
    #[serde(default)]
    #[schemars(extend("x-widget" = "key_value"))]
    values: IndexMap<String, Template>,
    /// The files that are sent.
    #[serde(default)]
    #[schemars(extend("x-widget" = "list", "x-empty" = true))]
    files: Vec<Template>,
    /// How files travel.
    #[serde(default)]
    #[schemars(title = "Files travel", extend("x-labels" = {"link": "As a link that expires", "inline": "Inside the message"}))]
    attach: Attach,
    /// Wait until the receiver has answered, and fail if it never does.
    #[serde(default)]
    wait_for_receipt: bool,
    /// What the receiver reads as the kind of message.
    #[serde(default = "default_type")]
    #[schemars(title = "Kind of message", extend("x-group" = "advanced"))]
    message_type: String,
}

fn default_type() -> String {
    "document.ready".into()
}

impl WebhookDeliver {
    fn request(&self, context: &dyn NodeContext) -> Result<Option<DeliveryRequest>, NodeError> {
        let Some(endpoint) = self.endpoint else {
            return Ok(None);
        };
        Ok(Some(DeliveryRequest {
            receiver: Receiver::Endpoint(endpoint),
            message_type: self.message_type.clone(),
            values: record_to_json(&evaluate_all(context, &self.values)?),
            artifacts: files_to_send(context, &self.files)?,
            attach: self.attach,
        }))
    }
}

#[async_trait]
impl Node for WebhookDeliver {
    const TYPE: &'static str = "webhook_deliver";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Send by webhook",
            family: Family::Sent,
            icon: "send",
            effect: Effect::Stored,
            surface: Surface::Message,
            timeout_ms: 30_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Record {
            fields: vec![
                field("sent", "Sent", Kind::YesNo),
                field("received", "Received", Kind::YesNo),
                Field {
                    optional: true,
                    ..field("status", "Answer's status", Kind::Integer)
                },
            ],
        }
    }

    fn card(&self) -> Card {
        Card {
            key_fact: String::new(),
            well: self
                .files
                .iter()
                .take(2)
                .map(|file| CardLine {
                    text: file.0.clone(),
                    trailing: String::new(),
                })
                .collect(),
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.endpoint.is_none() {
            problems.push(
                Problem::warning(
                    "no_endpoint",
                    json!({}),
                    "No endpoint is chosen, so nothing is sent.",
                )
                .at("/endpoint"),
            );
        }
        let parts: Vec<&str> = self.message_type.split('.').collect();
        let good = self.message_type.len() <= 100
            && parts.iter().all(|part| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            });
        if !good {
            problems.push(
                Problem::error(
                    "bad_message_type",
                    json!({}),
                    "A kind of message has letters, digits, _ and points, such as document.ready.",
                )
                .at("/message_type"),
            );
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let Some(request) = self.request(context)? else {
            return Ok(Outcome::Done(Done {
                warnings: vec![
                    Warning::new("no_endpoint", "No endpoint is chosen, so nothing was sent.")
                        .at("/endpoint"),
                ],
                ..Done::out(json!({"sent": false, "received": false, "status": null}))
            }));
        };
        // A held delivery is never received: waiting for it would never end.
        if self.wait_for_receipt && !context.step().trial {
            return Ok(Outcome::Wait(Wait {
                on: WaitOn::Delivery(request),
                until: None,
                kept: json!(null),
            }));
        }
        Ok(Outcome::Done(Done {
            stored: vec![Stored::Delivery(request)],
            ..Done::out(json!({"sent": true, "received": false, "status": null}))
        }))
    }

    async fn resume(&self, _context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        match event {
            Event::Delivery(Ok(answer)) => {
                let status = answer.get("status").filter(|status| status.is_u64());
                Ok(Outcome::Done(Done::out(
                    json!({"sent": true, "received": true, "status": status}),
                )))
            }
            // The delivery's own tries are over; a new delivery would only repeat them.
            Event::Delivery(Err(error)) => Err(NodeError::Failed(error)),
            Event::TimedOut => Err(NodeError::failed(
                "no_receipt",
                "The receiver has not answered in time.",
            )),
            Event::Signal(_) | Event::Generation(_) | Event::Call(_) | Event::Items => {
                Err(NodeError::unexpected_event())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::testing::{FakeContext, done, node, now};

    const ENDPOINT: &str = "018f4f5e-0000-7000-8000-000000000001";

    fn context() -> FakeContext {
        let mut context = FakeContext::new(&json!({"form": {"no": "R-1"}}));
        let file = engine::value::Value::File(engine::value::FileRef {
            id: engine::ids::ArtifactId(uuid::Uuid::from_u128(9)),
            name: "a.pdf".into(),
            content_type: "application/pdf".into(),
            size_bytes: 3,
        });
        context.values.insert("pdf".into(), file);
        context
    }

    fn config(wait: bool) -> Json {
        json!({"endpoint": ENDPOINT, "values": {"number": "{{ form.no }}"}, "files": ["{{ pdf }}"], "wait_for_receipt": wait})
    }

    #[test]
    fn the_delivery_is_stored_with_frozen_values() {
        let done = done::<WebhookDeliver>(config(false), &context()).expect("stored");
        let [Stored::Delivery(delivery)] = done.stored.as_slice() else {
            panic!("one delivery");
        };
        assert_eq!(delivery.values, json!({"number": "R-1"}));
        assert_eq!(delivery.message_type, "document.ready");
        assert_eq!(delivery.artifacts.len(), 1);
        assert_eq!(done.output["sent"], json!(true));
    }

    #[test]
    fn without_an_endpoint_nothing_is_sent_and_that_is_said() {
        let done = done::<WebhookDeliver>(json!({}), &context()).expect("skipped");
        assert!(done.stored.is_empty());
        assert_eq!(done.warnings[0].code, "no_endpoint");
    }

    #[test]
    fn waiting_for_the_receipt_ends_with_the_answer() {
        let node: WebhookDeliver = node(config(true));
        let context = context();
        let Ok(Outcome::Wait(wait)) = now(node.run(&context)) else {
            panic!("waits");
        };
        assert!(matches!(wait.on, WaitOn::Delivery(_)));
        let Ok(Outcome::Done(done)) =
            now(node.resume(&context, Event::Delivery(Ok(json!({"status": 202})))))
        else {
            panic!("is done");
        };
        assert_eq!(
            done.output,
            json!({"sent": true, "received": true, "status": 202})
        );
    }
}
