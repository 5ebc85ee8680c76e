//! `approval_ask`: people decide whether and how the run goes on. The question is a row of the segment's own commit; who may answer, the
//! pages on which they do, and that only the first answer counts are the business of `store` and `api`.

use async_trait::async_trait;
use engine::{
    approval::{ApprovalRequest, Asked, Decision, MAX_ASKED, Shown, ShownFile, Verdict, starting},
    check::Problem,
    expression::Template,
    form::{FieldKind, Form, FormField},
    ids::MemberId,
    kind::{ChoiceOption, Field, Kind},
    mail::Mailbox,
    node::{
        Card, CardLine, Description, Done, Effect, Event, Family, Node, NodeContext, NodeError,
        Outcome, OutputContext, Port, Surface, Wait, WaitOn,
    },
    value::{FileRef, Record, Value, record_to_json},
};
use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    email_send::people,
    values::{field, files, fit, named},
};

/// Longest time to answer.
const MOST_DAYS: u32 = 366;

/// Most files that are shown.
const MAX_FILES: usize = 20;

/// Most named values that are shown.
const MAX_SHOWN: usize = 50;

/// Longest heading, in characters; the rest is cut.
const MAX_TITLE_CHARS: usize = 200;

/// Longest text and named value, in bytes.
const MAX_TEXT_BYTES: usize = 20_000;

/// How a page is kept beside its PDF, for eyes.
const PICTURE: &str = "image/svg+xml";

const EXPIRED: &str = "expired";

/// Ask people to approve or refuse before the run goes on; they may correct values.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalAsk {
    /// Who decides.
    #[serde(default)]
    #[schemars(title = "Asks")]
    who: Who,
    /// The members who may decide; the first answer counts.
    #[serde(default)]
    #[schemars(extend("x-widget" = "members", "x-when" = {"who": "members"}))]
    members: Vec<MemberId>,
    /// People outside, one address a line. Each gets a link by mail.
    #[serde(default)]
    #[schemars(title = "Also by e-mail", extend("x-widget" = "list", "x-empty" = true))]
    addresses: Vec<Template>,
    /// What is to be decided, in a few words.
    #[serde(default)]
    #[schemars(title = "Question")]
    title: Template,
    /// What people should know before they decide.
    #[serde(default)]
    #[schemars(extend("x-empty" = true))]
    text: Template,
    /// Values that people see, such as the total.
    #[serde(default)]
    #[schemars(title = "Shows values", extend("x-widget" = "key_value", "x-empty" = true))]
    shown: IndexMap<String, Template>,
    /// Files that people see, such as the finished document.
    #[serde(default)]
    #[schemars(title = "Shows files", extend("x-widget" = "list", "x-empty" = true))]
    files: Vec<Template>,
    /// Values that people may correct before they approve.
    #[serde(default)]
    #[schemars(title = "May be corrected", extend("x-widget" = "form_fields"))]
    fields: Vec<FormField>,
    /// What stands in these values at first.
    #[serde(default)]
    #[schemars(title = "At first", extend("x-widget" = "key_value", "x-keys" = {"form_fields": "fields"}, "x-empty" = true))]
    starts: IndexMap<String, Template>,
    /// How long there is to answer.
    #[serde(default = "seven")]
    #[schemars(title = "Open for", range(min = 1, max = 8784))]
    expires_after: u32,
    /// What is counted.
    #[serde(default)]
    unit: Unit,
    /// Whoever refuses has to say why.
    #[serde(default)]
    #[schemars(title = "Reason for refusing")]
    reason_needed: bool,
    /// Whoever started the run may not decide on it.
    #[serde(default)]
    #[schemars(title = "By somebody else")]
    not_starter: bool,
    /// Addresses that count as whoever started it, such as that of the form.
    #[serde(default)]
    #[schemars(title = "Started by", extend("x-widget" = "list", "x-empty" = true, "x-when" = {"not_starter": true}))]
    starter: Vec<Template>,
    /// Members are told by mail as well.
    #[serde(default = "yes")]
    #[schemars(title = "Mail to members", extend("x-group" = "advanced"))]
    by_mail: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"members": "Some members", "everybody": "All members", "outside": "Only people outside"}))]
enum Who {
    #[default]
    Members,
    Everybody,
    Outside,
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

fn yes() -> bool {
    true
}

impl ApprovalAsk {
    fn hours(&self) -> u32 {
        match self.unit {
            Unit::Hours => self.expires_after,
            Unit::Days => self.expires_after.saturating_mul(24),
        }
    }

    fn form(&self) -> Form {
        Form {
            fields: self.fields.clone(),
            ..Form::default()
        }
    }

    /// What stands in a field at first, if anything is said about that.
    fn start(&self, name: &str) -> Option<&Template> {
        self.starts
            .get(name)
            .filter(|template| !template.0.trim().is_empty())
    }

    /// The corrected values. What nothing stands in at first is empty on the ways that correct nothing.
    fn values_kind(&self) -> Kind {
        let fields = self.fields.iter().map(|asked| Field {
            optional: !asked.required || self.start(&asked.name).is_none(),
            ..starting(asked)
        });
        Kind::Record {
            fields: fields.collect(),
        }
    }

    fn request(&self, context: &dyn NodeContext) -> Result<ApprovalRequest, NodeError> {
        let step = context.step();
        let title = context
            .render(&self.title)
            .map_err(|error| named(error, "Question"))?;
        let text = context
            .render(&self.text)
            .map_err(|error| named(error, "Text"))?;
        let expires_at = step
            .now
            .checked_add(SignedDuration::from_hours(self.hours().into()))
            .map_err(|_| {
                NodeError::failed("approval_too_long", "An answer is awaited for too long.")
            })?;
        Ok(ApprovalRequest {
            title: engine::mail::one_line(&title)
                .chars()
                .take(MAX_TITLE_CHARS)
                .collect(),
            text: not_too_long(text, "Text")?,
            asked: self.asked(context)?,
            shown: self.shown(context)?,
            files: self.files(context)?,
            fields: self.fields.clone(),
            values: self.values(context)?,
            reason_needed: self.reason_needed,
            locale: step.locale.clone(),
            time_zone: step.time_zone.clone(),
            currency: step.currency.clone(),
            expires_at,
        })
    }

    fn asked(&self, context: &dyn NodeContext) -> Result<Asked, NodeError> {
        let mut addresses: Vec<Mailbox> = Vec::new();
        for mailbox in people(context, &self.addresses, "Also by e-mail")? {
            let same = |other: &Mailbox| other.address.eq_ignore_ascii_case(&mailbox.address);
            if !addresses.iter().any(same) {
                addresses.push(mailbox);
            }
        }
        if addresses.len() > MAX_ASKED {
            return Err(NodeError::failed(
                "approval_too_many",
                format!("At most {MAX_ASKED} people are asked by e-mail."),
            )
            .with("most", MAX_ASKED));
        }
        let starters = if self.not_starter {
            people(context, &self.starter, "Started by")?
        } else {
            Vec::new()
        };
        Ok(Asked {
            everybody: self.who == Who::Everybody,
            members: match self.who {
                Who::Members => self.members.clone(),
                Who::Everybody | Who::Outside => Vec::new(),
            },
            addresses,
            by_mail: self.by_mail,
            not_starter: self.not_starter,
            barred: starters
                .into_iter()
                .map(|starter| starter.address.to_lowercase())
                .collect(),
        })
    }

    fn shown(&self, context: &dyn NodeContext) -> Result<Vec<Shown>, NodeError> {
        let mut shown = Vec::new();
        for (label, template) in &self.shown {
            // A value that is empty is not shown; a text with a hole that is empty is refused, as everywhere.
            if template.is_single() && is_empty(context, template, label)? {
                continue;
            }
            let text = context
                .render(template)
                .map_err(|error| named(error, label))?;
            if !text.trim().is_empty() {
                shown.push(Shown {
                    label: label.clone(),
                    text: not_too_long(text, label)?,
                });
            }
        }
        Ok(shown)
    }

    fn files(&self, context: &dyn NodeContext) -> Result<Vec<ShownFile>, NodeError> {
        let mut found = Vec::new();
        for template in &self.files {
            found.extend(files(context.evaluate(template)?)?);
        }
        if found.len() > MAX_FILES {
            return Err(NodeError::failed(
                "approval_too_many_files",
                format!("At most {MAX_FILES} files are shown."),
            )
            .with("most", MAX_FILES));
        }
        let pictured = |file: FileRef| ShownFile {
            picture: context
                .values()
                .values()
                .find_map(|value| picture(value, &file)),
            file,
        };
        Ok(found.into_iter().map(pictured).collect())
    }

    fn values(&self, context: &dyn NodeContext) -> Result<Json, NodeError> {
        let mut values = Record::with_capacity(self.fields.len());
        for asked in &self.fields {
            let template = self.start(&asked.name);
            let value = match template {
                Some(template) => context
                    .evaluate(template)
                    .map_err(|error| named(error, &asked.label))?,
                None => Value::Empty,
            };
            let place = Field {
                optional: !asked.required || template.is_none(),
                ..starting(asked)
            };
            values.insert(
                asked.name.clone(),
                fit(value, &place, &context.step().currency)?,
            );
        }
        Ok(record_to_json(&values))
    }

    fn check_people(&self) -> Vec<Problem> {
        let filled = |template: &Template| !template.0.trim().is_empty();
        let mut problems = Vec::new();
        let nobody = match self.who {
            Who::Members => self.members.is_empty(),
            Who::Everybody => false,
            Who::Outside => true,
        };
        if nobody && !self.addresses.iter().any(filled) {
            let message = "Say who decides: choose members, or write an address.";
            let place = if self.who == Who::Outside {
                "/addresses"
            } else {
                "/members"
            };
            problems.push(Problem::error("approval_nobody", json!({}), message).at(place));
        }
        if self.members.len() > MAX_ASKED {
            let message = format!("At most {MAX_ASKED} members are asked by name.");
            let problem = Problem::error("approval_too_many", json!({"most": MAX_ASKED}), message);
            problems.push(problem.at("/members"));
        }
        for (place, templates) in [("addresses", &self.addresses), ("starter", &self.starter)] {
            for (index, template) in templates.iter().enumerate() {
                // What holds values is known when it runs.
                if !filled(template) || template.0.contains("{{") || template.0.contains("{%") {
                    continue;
                }
                if let Err(error) = Mailbox::parse(&template.0) {
                    let problem = Problem::error(
                        "bad_address",
                        json!({"address": error.0}),
                        format!("{error}."),
                    );
                    problems.push(problem.at(format!("/{place}/{index}")));
                }
            }
        }
        problems
    }

    fn check_fields(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.fields.is_empty() {
            problems.extend(self.form().check(context.resources));
        }
        for (index, asked) in self.fields.iter().enumerate() {
            if matches!(asked.kind, FieldKind::File { .. } | FieldKind::Rows { .. }) {
                let message = "Only single values can be corrected, not files and not tables.";
                problems.push(
                    Problem::error("approval_field_kind", json!({}), message)
                        .at(format!("/fields/{index}")),
                );
            }
        }
        for name in self.starts.keys() {
            if !self.fields.iter().any(|asked| asked.name == *name) {
                let message = format!(
                    "\u{201c}{name}\u{201d} is none of the values that may be corrected. Remove it."
                );
                problems.push(
                    Problem::error("approval_start_unknown", json!({"name": name}), message)
                        .at(format!("/starts/{}", engine::value::escape_pointer(name))),
                );
            }
        }
        problems
    }
}

/// The picture that was made beside a file: a sibling in the record that holds the file.
fn picture(value: &Value, file: &FileRef) -> Option<FileRef> {
    match value {
        Value::Record(record) => {
            let holds = |value: &&Value| matches!(value, Value::File(other) if other.id == file.id);
            let here = record.values().any(|value| holds(&value));
            let beside = record.values().find_map(|value| match value {
                Value::File(other) if other.content_type == PICTURE && other.id != file.id => {
                    Some(other.clone())
                }
                _ => None,
            });
            beside
                .filter(|_| here)
                .or_else(|| record.values().find_map(|value| picture(value, file)))
        }
        Value::List(items) => items.iter().find_map(|value| picture(value, file)),
        _ => None,
    }
}

fn not_too_long(text: String, place: &str) -> Result<String, NodeError> {
    if text.len() <= MAX_TEXT_BYTES {
        return Ok(text);
    }
    let error = NodeError::failed(
        "approval_text_too_long",
        format!(
            "The text has {} bytes; {MAX_TEXT_BYTES} are the most. Show the rest as a file.",
            text.len()
        ),
    );
    let error = error.with("bytes", text.len()).with("most", MAX_TEXT_BYTES);
    Err(named(error, place))
}

fn output(decision: &str, verdict: Option<&Verdict>, values: &Json) -> Json {
    json!({
        "decision": decision,
        "by": verdict.map(|verdict| &verdict.by),
        "at": verdict.map(|verdict| verdict.at),
        "comment": verdict.map(|verdict| &verdict.comment).filter(|comment| !comment.is_empty()),
        "values": values,
    })
}

fn done(port: &str, output: Json) -> Outcome {
    Outcome::Done(Done {
        ports: vec![port.into()],
        output,
        ..Done::default()
    })
}

#[async_trait]
impl Node for ApprovalAsk {
    const TYPE: &'static str = "approval_ask";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Ask for approval",
            family: Family::Asked,
            icon: "user-check",
            effect: Effect::Stored,
            surface: Surface::None,
            timeout_ms: 30_000,
            retry: None,
        }
    }

    fn ports(&self) -> Vec<Port> {
        let ways = [
            (Decision::Approved.as_str(), "Approved"),
            (Decision::Refused.as_str(), "Refused"),
            (EXPIRED, "Expired"),
        ];
        ways.map(|(name, title)| Port {
            name: name.into(),
            title: title.into(),
        })
        .into()
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        let option = |value: &str| ChoiceOption {
            value: value.into(),
            title: None,
        };
        let decisions = [
            Decision::Approved.as_str(),
            Decision::Refused.as_str(),
            EXPIRED,
        ];
        let maybe = |name: &str, title: &str, kind: Kind| Field {
            optional: true,
            ..field(name, title, kind)
        };
        Kind::Record {
            fields: vec![
                field(
                    "decision",
                    "Decision",
                    Kind::Choice {
                        options: decisions.map(option).into(),
                    },
                ),
                maybe("by", "Decided by", Kind::text()),
                maybe("at", "Decided at", Kind::Instant),
                maybe("comment", "Comment", Kind::text()),
                field("values", "Corrected values", self.values_kind()),
            ],
        }
    }

    fn card(&self) -> Card {
        let lines = self.shown.iter().take(3).map(|(label, value)| CardLine {
            text: label.clone(),
            trailing: value.0.clone(),
        });
        Card {
            key_fact: self.title.0.clone(),
            well: lines.collect(),
        }
    }

    fn sends_mail(&self) -> bool {
        self.addresses
            .iter()
            .any(|template| !template.0.trim().is_empty())
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = self.check_people();
        if self.title.0.trim().is_empty() {
            let message = "Write the question that people decide on.";
            problems.push(Problem::error("approval_title", json!({}), message).at("/title"));
        }
        if self.hours() == 0 || self.hours() > MOST_DAYS * 24 {
            let message = format!("People have 1 hour to {MOST_DAYS} days to answer.");
            let problem = Problem::error("approval_time", json!({"most": MOST_DAYS}), message);
            problems.push(problem.at("/expires_after"));
        }
        if self.shown.len() > MAX_SHOWN {
            let message = format!("At most {MAX_SHOWN} values are shown.");
            let problem = Problem::error(
                "approval_shows_too_much",
                json!({"most": MAX_SHOWN}),
                message,
            );
            problems.push(problem.at("/shown"));
        }
        problems.extend(self.check_fields(context));
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let request = self.request(context)?;
        // Whoever tries a workflow out wants to see what comes after it, and nobody is disturbed.
        if context.step().trial {
            let verdict = Verdict {
                decision: Decision::Approved,
                by: "Sample".into(),
                at: context.step().now,
                comment: String::new(),
                values: request.values,
            };
            let port = verdict.decision.as_str();
            return Ok(done(port, output(port, Some(&verdict), &verdict.values)));
        }
        let until: Timestamp = request.expires_at;
        Ok(Outcome::Wait(Wait {
            kept: request.values.clone(),
            on: WaitOn::Approval(Box::new(request)),
            until: Some(until),
        }))
    }

    async fn resume(&self, context: &dyn NodeContext, event: Event) -> Result<Outcome, NodeError> {
        match event {
            Event::Signal(json) => {
                let verdict: Verdict =
                    serde_json::from_value(json).map_err(|_| NodeError::unexpected_event())?;
                let port = verdict.decision.as_str();
                Ok(done(port, output(port, Some(&verdict), &verdict.values)))
            }
            Event::TimedOut => Ok(done(EXPIRED, output(EXPIRED, None, &context.step().kept))),
            Event::Generation(_) | Event::Delivery(_) | Event::Call(_) | Event::Items => {
                Err(NodeError::unexpected_event())
            }
        }
    }
}

fn is_empty(
    context: &dyn NodeContext,
    template: &Template,
    label: &str,
) -> Result<bool, NodeError> {
    let value = context
        .evaluate(template)
        .map_err(|error| named(error, label))?;
    Ok(value == Value::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeContext, node, now};

    fn config() -> Json {
        json!({
            "who": "everybody", "addresses": ["{{ form.boss }}", "BOSS@example.com", "{{ form.none }}"], "title": "Approve {{ form.total }}?",
            "shown": {"Total": "{{ form.total }}", "Nothing": "{{ form.none }}"},
            "files": ["{{ pdf.file }}"], "not_starter": true, "starter": ["{{ form.email }}"],
            "fields": [
                {"name": "discount", "label": "Discount", "kind": "number", "required": true},
                {"name": "note", "label": "Note", "kind": "text", "required": true},
            ],
            "starts": {"discount": "{{ form.discount }}"},
        })
    }

    fn file(id: u128, content_type: &str) -> Value {
        Value::File(FileRef {
            id: engine::ids::ArtifactId(uuid::Uuid::from_u128(id)),
            name: "a".into(),
            content_type: content_type.into(),
            size_bytes: 1,
        })
    }

    fn context() -> FakeContext {
        let mut context = FakeContext::new(&json!({"form": {
            "boss": "Boss <boss@example.com>", "email": "Anna@Example.com", "total": "12", "discount": "0.5", "none": null,
        }}));
        let made = [
            ("file".to_owned(), file(1, "application/pdf")),
            ("picture".to_owned(), file(2, PICTURE)),
        ];
        let record = Value::Record(made.into_iter().collect());
        context.values.insert("pdf".into(), record);
        context
    }

    fn asked(config: Json, context: &FakeContext) -> (ApprovalRequest, Wait) {
        let node: ApprovalAsk = node(config);
        match now(node.run(context)) {
            Ok(Outcome::Wait(wait)) => match &wait.on {
                WaitOn::Approval(request) => ((**request).clone(), wait),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_shown_is_frozen_with_the_question() {
        let context = context();
        let (request, wait) = asked(config(), &context);
        assert_eq!(request.title, "Approve 12?");
        assert_eq!(request.asked.addresses.len(), 1, "each address once");
        assert_eq!(request.asked.barred, ["anna@example.com"]);
        assert_eq!(
            request.shown,
            [Shown {
                label: "Total".into(),
                text: "12".into()
            }]
        );
        let picture = request.files[0].picture.as_ref().expect("a picture");
        assert_eq!(picture.content_type, PICTURE);
        assert_eq!(request.values, json!({"discount": "0.5", "note": null}));
        let end: Timestamp = "2026-11-30T12:00:00Z".parse().expect("an instant");
        assert_eq!((request.expires_at, wait.until), (end, Some(end)));
    }

    #[test]
    fn each_answer_has_its_way() {
        let node: ApprovalAsk = node(config());
        let mut context = context();
        context.step.kept = json!({"discount": "0.5", "note": null});
        let resume = |event: Event| match now(node.resume(&context, event)) {
            Ok(Outcome::Done(done)) => (done.ports, done.output),
            other => panic!("{other:?}"),
        };
        let (ports, output) = resume(Event::Signal(json!({
            "decision": "approved", "by": "Boss", "at": "2026-11-24T12:00:00Z", "values": {"discount": "1", "note": "n"},
        })));
        assert_eq!(ports, ["approved"]);
        assert_eq!(
            output,
            json!({"decision": "approved", "by": "Boss", "at": "2026-11-24T12:00:00Z", "comment": null,
                   "values": {"discount": "1", "note": "n"}})
        );
        let (ports, output) = resume(Event::TimedOut);
        assert_eq!(ports, ["expired"]);
        assert_eq!(output["values"], json!({"discount": "0.5", "note": null}));
        let kind = node.values_kind();
        for values in [&output["values"], &json!({"discount": "1", "note": "n"})] {
            assert!(Value::from_json(values, &kind).is_ok(), "{values}");
        }
    }

    #[test]
    fn a_trial_is_approved_at_once() {
        let node: ApprovalAsk = node(config());
        let mut context = context();
        context.step.trial = true;
        let Ok(Outcome::Done(done)) = now(node.run(&context)) else {
            panic!("it goes on");
        };
        assert_eq!(done.ports, ["approved"]);
        assert_eq!(done.output["values"]["discount"], json!("0.5"));
    }

    #[test]
    fn the_editor_is_told_of_what_is_missing() {
        let codes = |config: Json| -> Vec<String> {
            let inputs = IndexMap::new();
            let context = OutputContext {
                inputs: &inputs,
                resources: &(),
                sources: &[],
                inside: None,
                entry: None,
            };
            let problems = node::<ApprovalAsk>(config).check(&context).into_iter();
            problems
                .map(|problem| format!("{} {}", problem.code, problem.pointer))
                .collect()
        };
        assert_eq!(
            codes(json!({})),
            ["approval_nobody /members", "approval_title /title"]
        );
        assert_eq!(
            codes(
                json!({"who": "outside", "title": "A", "addresses": ["nobody"], "expires_after": 367,
                       "fields": [{"name": "photo", "label": "Photo", "kind": "file"}], "starts": {"other": "1"}})
            ),
            [
                "bad_address /addresses/0",
                "approval_time /expires_after",
                "approval_field_kind /fields/0",
                "approval_start_unknown /starts/other"
            ]
        );
    }
}
