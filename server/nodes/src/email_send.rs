//! `email_send`: a mail to people, with files. It is a delivery like a webhook's, a row of the segment's own commit; the words are plain
//! text here, and what it looks like, the server and trying again are the executor's.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    kind::Kind,
    mail::{
        MAX_ATTACHED_BYTES, MAX_RECIPIENTS, MAX_SUBJECT_CHARS, MAX_TEXT_BYTES, Mail, Mailbox,
        one_line,
    },
    node::{
        Attach, Card, CardLine, DeliveryRequest, Description, Done, Effect, Family, Node,
        NodeContext, NodeError, Outcome, OutputContext, Receiver, Stored, Surface,
    },
    value::{FileRef, Value},
    workflow::Retry,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::values::{field, files_to_send, named};

/// What receivers of deliveries read as the kind of message; the executor writes mails of this kind.
const MESSAGE_TYPE: &str = "mail.message";

/// Write to people by e-mail, with files if you like.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailSend {
    /// Who receives it: one address a line, such as the customer's.
    #[serde(default)]
    #[schemars(extend("x-widget" = "list"))]
    to: Vec<Template>,
    /// Who receives a copy that everybody sees.
    #[serde(default)]
    #[schemars(title = "Copy to", extend("x-widget" = "list", "x-group" = "advanced"))]
    cc: Vec<Template>,
    /// Who receives a copy that the others do not see.
    #[serde(default)]
    #[schemars(title = "Hidden copy to", extend("x-widget" = "list", "x-group" = "advanced"))]
    bcc: Vec<Template>,
    /// What stands above the mail.
    #[serde(default)]
    subject: Template,
    /// The mail itself. An empty line begins a new paragraph.
    #[serde(default)]
    text: Template,
    /// The files that go with it.
    #[serde(default)]
    #[schemars(extend("x-widget" = "list", "x-empty" = true))]
    files: Vec<Template>,
    /// How files travel.
    #[serde(default = "attached")]
    #[schemars(title = "Files travel", extend("x-labels" = {"link": "As a link that expires", "inline": "Attached to the mail"}))]
    attach: Attach,
    /// Where answers go. Empty: as in the mail settings.
    #[serde(default)]
    #[schemars(title = "Answers to", extend("x-widget" = "value", "x-empty" = true, "x-group" = "advanced"))]
    reply_to: Option<Template>,
}

fn attached() -> Attach {
    Attach::Inline
}

impl EmailSend {
    fn mail(&self, context: &dyn NodeContext) -> Result<Mail, NodeError> {
        let to = people(context, &self.to, "To")?;
        let cc = people(context, &self.cc, "Copy to")?;
        let bcc = people(context, &self.bcc, "Hidden copy to")?;
        let everybody = to.len() + cc.len() + bcc.len();
        if to.is_empty() {
            return Err(NodeError::failed(
                "recipient_missing",
                "Nobody is named who receives the mail. Fill in an address, or give its value a default.",
            ));
        }
        if everybody > MAX_RECIPIENTS {
            return Err(NodeError::failed(
                "too_many_recipients",
                format!("The mail goes to {everybody} people; {MAX_RECIPIENTS} are the most."),
            )
            .with("count", everybody)
            .with("most", MAX_RECIPIENTS));
        }
        let subject = context
            .render(&self.subject)
            .map_err(|error| named(error, "Subject"))?;
        let text = context
            .render(&self.text)
            .map_err(|error| named(error, "Text"))?;
        if text.len() > MAX_TEXT_BYTES {
            return Err(NodeError::failed(
                "mail_too_long",
                format!(
                    "The text has {} bytes; {MAX_TEXT_BYTES} are the most. Send the rest as a file.",
                    text.len()
                ),
            )
            .with("bytes", text.len())
            .with("most", MAX_TEXT_BYTES));
        }
        let reply_to = match &self.reply_to {
            Some(template) => people(context, std::slice::from_ref(template), "Answers to")?
                .into_iter()
                .next(),
            None => None,
        };
        Ok(Mail {
            to,
            cc,
            bcc,
            reply_to,
            // A value with a line break must not become a header of its own.
            subject: one_line(&subject).chars().take(MAX_SUBJECT_CHARS).collect(),
            text,
            locale: context.step().locale.clone(),
        })
    }

    fn files(&self, context: &dyn NodeContext) -> Result<Vec<FileRef>, NodeError> {
        let found = files_to_send(context, &self.files)?;
        let bytes: u64 = found.iter().map(|file| file.size_bytes).sum();
        if self.attach == Attach::Inline && bytes > MAX_ATTACHED_BYTES {
            return Err(NodeError::failed(
                "files_too_large",
                format!(
                    "The files have {bytes} bytes; at most {MAX_ATTACHED_BYTES} travel inside of a message. Send them as links."
                ),
            )
            .with("bytes", bytes)
            .with("most", MAX_ATTACHED_BYTES));
        }
        Ok(found)
    }
}

/// The people in values: an address, or a list of them; empty entries are left out.
pub(crate) fn people(
    context: &dyn NodeContext,
    templates: &[Template],
    place: &str,
) -> Result<Vec<Mailbox>, NodeError> {
    let mut found = Vec::new();
    for template in templates {
        let value = context
            .evaluate(template)
            .map_err(|error| named(error, place))?;
        collect(value, &mut found).map_err(|error| named(error, place))?;
    }
    Ok(found)
}

fn collect(value: Value, found: &mut Vec<Mailbox>) -> Result<(), NodeError> {
    match value {
        Value::Empty => Ok(()),
        Value::Text(text) if text.trim().is_empty() => Ok(()),
        Value::Text(text) => {
            let mailbox = Mailbox::parse(&text).map_err(|error| {
                NodeError::failed("bad_address", format!("{error}.")).with("address", error.0)
            })?;
            found.push(mailbox);
            Ok(())
        }
        Value::List(items) => items.into_iter().try_for_each(|item| collect(item, found)),
        other => {
            let kind = other.kind_name();
            let message = format!("Expected an e-mail address, found {kind}.");
            Err(NodeError::failed("not_an_address", message).with("kind", kind))
        }
    }
}

#[async_trait]
impl Node for EmailSend {
    const TYPE: &'static str = "email_send";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Send by e-mail",
            family: Family::Sent,
            icon: "mail",
            effect: Effect::Stored,
            surface: Surface::Message,
            timeout_ms: 30_000,
            retry: Some(Retry {
                max_attempts: 5,
                first_ms: 500,
                factor: 2,
                max_ms: 10_000,
            }),
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Record {
            fields: vec![
                field("sent", "Sent", Kind::YesNo),
                field("recipients", "Recipients", Kind::Integer),
            ],
        }
    }

    fn card(&self) -> Card {
        Card {
            key_fact: self.subject.0.clone(),
            well: self
                .to
                .iter()
                .take(2)
                .map(|to| CardLine {
                    text: to.0.clone(),
                    trailing: String::new(),
                })
                .collect(),
        }
    }

    fn sends_mail(&self) -> bool {
        true
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let filled = |template: &Template| !template.0.trim().is_empty();
        if !self.to.iter().any(filled) {
            problems.push(
                Problem::error("recipient_missing", json!({}), "Say who receives the mail.")
                    .at("/to"),
            );
        }
        if !filled(&self.subject) {
            problems.push(
                Problem::error(
                    "subject_missing",
                    json!({}),
                    "Write the subject of the mail.",
                )
                .at("/subject"),
            );
        }
        if !filled(&self.text) {
            problems.push(
                Problem::error("text_missing", json!({}), "Write the text of this step.")
                    .at("/text"),
            );
        }
        let reply_to: Vec<Template> = self.reply_to.iter().cloned().collect();
        for (place, templates) in [
            ("to", &self.to),
            ("cc", &self.cc),
            ("bcc", &self.bcc),
            ("reply_to", &reply_to),
        ] {
            for (index, template) in templates.iter().enumerate() {
                // What holds values is known when it runs.
                if !filled(template) || template.0.contains("{{") || template.0.contains("{%") {
                    continue;
                }
                if let Err(error) = Mailbox::parse(&template.0) {
                    let pointer = if place == "reply_to" {
                        "/reply_to".to_owned()
                    } else {
                        format!("/{place}/{index}")
                    };
                    problems.push(
                        Problem::error(
                            "bad_address",
                            json!({"address": error.0}),
                            format!("{error}."),
                        )
                        .at(pointer),
                    );
                }
            }
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let mail = self.mail(context)?;
        let recipients = mail.to.len() + mail.cc.len() + mail.bcc.len();
        let request = DeliveryRequest {
            receiver: Receiver::Mail,
            message_type: MESSAGE_TYPE.into(),
            values: json!(mail),
            artifacts: self.files(context)?,
            attach: self.attach,
        };
        Ok(Outcome::Done(Done {
            stored: vec![Stored::Delivery(request)],
            ..Done::out(json!({"sent": true, "recipients": recipients}))
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;
    use crate::testing::{FakeContext, done, node};

    fn context(address: &str) -> FakeContext {
        let mut context = FakeContext::new(&json!({
            "form": {"email": address, "subject": "Invoice\r\nBcc: evil@example.com", "all": ["a@example.com", "b@example.com"]}
        }));
        let file = Value::File(FileRef {
            id: engine::ids::ArtifactId(uuid::Uuid::from_u128(9)),
            name: "a.pdf".into(),
            content_type: "application/pdf".into(),
            size_bytes: 3,
        });
        context.values.insert("pdf".into(), file);
        context
    }

    fn config() -> Json {
        json!({
            "to": ["{{ form.email }}"], "cc": ["Office <office@example.com>"], "subject": "{{ form.subject }}",
            "text": "Dear customer", "files": ["{{ pdf }}"],
        })
    }

    fn code(error: NodeError) -> String {
        match error {
            NodeError::Config(error) | NodeError::Failed(error) => error.code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_mail_is_a_delivery_with_frozen_values() {
        let context = context("Anna Huber <anna@example.com>");
        let done = done::<EmailSend>(config(), &context).expect("stored");
        let [Stored::Delivery(delivery)] = done.stored.as_slice() else {
            panic!("one delivery");
        };
        assert_eq!(
            (delivery.receiver, delivery.attach, delivery.artifacts.len()),
            (Receiver::Mail, Attach::Inline, 1)
        );
        assert_eq!(
            delivery.values,
            json!({
                "to": [{"name": "Anna Huber", "address": "anna@example.com"}],
                "cc": [{"name": "Office", "address": "office@example.com"}],
                "subject": "Invoice Bcc: evil@example.com", "text": "Dear customer", "locale": "en",
            })
        );
        assert_eq!(done.output, json!({"sent": true, "recipients": 2}));
    }

    #[test]
    fn a_value_cannot_add_receivers_or_headers() {
        for hostile in [
            "anna@example.com, evil@example.com",
            "anna@example.com\r\nBcc: evil@example.com",
            "anna@example.com\nevil@example.com",
            "nobody",
        ] {
            let error = done::<EmailSend>(config(), &context(hostile)).expect_err(hostile);
            assert_eq!(code(error), "bad_address", "{hostile}");
        }
        let error = done::<EmailSend>(config(), &context(" ")).expect_err("nobody");
        assert_eq!(code(error), "recipient_missing");
    }

    #[test]
    fn lists_are_people_and_there_is_a_most() {
        let mut config = config();
        config["to"] = json!(["{{ form.all }}"]);
        let done_well = done::<EmailSend>(config.clone(), &context("x@example.com")).expect("sent");
        assert_eq!(done_well.output["recipients"], json!(3));
        config["bcc"] = json!(vec!["x@example.com"; 48]);
        let error = done::<EmailSend>(config, &context("x@example.com")).expect_err("too many");
        assert_eq!(code(error), "too_many_recipients");
    }

    #[test]
    fn the_editor_is_told_of_what_is_missing_or_wrong() {
        let codes = |config: Json| -> Vec<String> {
            let inputs = indexmap::IndexMap::new();
            let context = OutputContext {
                inputs: &inputs,
                resources: &(),
                sources: &[],
                inside: None,
                entry: None,
            };
            let problems = node::<EmailSend>(config).check(&context);
            problems
                .into_iter()
                .map(|problem| format!("{} {}", problem.code, problem.pointer))
                .collect()
        };
        assert_eq!(
            codes(json!({})),
            [
                "recipient_missing /to",
                "subject_missing /subject",
                "text_missing /text"
            ]
        );
        assert_eq!(
            codes(
                json!({"to": ["{{ form.email }}", "nobody"], "subject": "a", "text": "b", "reply_to": "x"})
            ),
            ["bad_address /to/1", "bad_address /reply_to"]
        );
    }
}
