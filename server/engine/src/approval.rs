//! What people are asked to decide, as it is frozen when it is stored, and what they say. Who may answer, and that only the first answer
//! counts, is kept by `store`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    form::{Form, FormField},
    ids::{ArtifactId, MemberId},
    kind::{Field, Kind},
    mail::Mailbox,
    private::{MASK, veil},
    value::{FileRef, Money, Record, Value},
};

/// Most characters of the words that go with a decision.
pub const MAX_COMMENT_CHARS: usize = 2000;

/// Most people who are asked by name or address.
pub const MAX_ASKED: usize = 50;

/// A question to people, with everything that they are shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    pub title: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    pub asked: Asked,
    #[serde(default)]
    pub shown: Vec<Shown>,
    #[serde(default)]
    pub files: Vec<ShownFile>,
    /// What may be changed before approving; neither files nor rows.
    #[serde(default)]
    pub fields: Vec<FormField>,
    /// What these fields hold now, in the JSON form of their kinds.
    pub values: Json,
    /// Whoever refuses has to say why.
    pub reason_needed: bool,
    /// How values are written, where nothing better is known of whoever reads them.
    pub locale: String,
    pub time_zone: String,
    pub currency: String,
    pub expires_at: Timestamp,
}

/// Whose decision it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Every member of the workspace may decide.
    pub everybody: bool,
    pub members: Vec<MemberId>,
    /// People outside; each gets a link of their own.
    pub addresses: Vec<Mailbox>,
    /// Members are told by mail as well, where there is a mail server.
    pub by_mail: bool,
    /// Whoever started the run may not decide.
    pub not_starter: bool,
    /// Nor may those with these addresses.
    pub barred: Vec<String>,
}

/// A named value as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub label: String,
    pub text: String,
}

/// A file, with a picture of its first page if there is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFile {
    pub file: FileRef,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<FileRef>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approved,
    Refused,
}

impl Decision {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}

/// What somebody decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub decision: Decision,
    /// A name, or an address where no name is known.
    pub by: String,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The fields' values, in the JSON form of their kinds; as they were asked unless it was approved.
    pub values: Json,
}

impl Verdict {
    /// What was decided and when stays, and which member decided.
    pub fn veil(&mut self, by_member: bool) {
        if !by_member {
            MASK.clone_into(&mut self.by);
        }
        if !self.comment.is_empty() {
            MASK.clone_into(&mut self.comment);
        }
        // Nobody corrects a file.
        veil(&mut self.values, &[]);
    }
}

impl ApprovalRequest {
    /// Hides what was shown, since it may hold what is private, and whom it was sent to. Files have a retention of their own, but not the
    /// `private` ones.
    pub fn veil(&mut self, private: &[ArtifactId]) {
        MASK.clone_into(&mut self.title);
        self.text.clear();
        for shown in &mut self.shown {
            MASK.clone_into(&mut shown.text);
        }
        self.files.retain(|shown| {
            let mut files = std::iter::once(&shown.file).chain(&shown.picture);
            !files.any(|file| private.contains(&file.id))
        });
        veil(&mut self.values, private);
        self.asked.addresses.clear();
        self.asked.barred.clear();
    }

    /// What may be changed, as a form.
    pub fn form(&self) -> Form {
        Form {
            fields: self.fields.clone(),
            ..Form::default()
        }
    }

    /// The fields' values as somebody would have typed them into a page of this language.
    pub fn typed(&self, locale: &str) -> Json {
        let mark = crate::format::decimal_mark(locale);
        let kind = Kind::Record {
            fields: self.fields.iter().map(starting).collect(),
        };
        let record = match Value::from_json(&self.values, &kind) {
            Ok(Value::Record(record)) => record,
            Ok(_) | Err(_) => Record::new(),
        };
        let typed = record
            .into_iter()
            .map(|(name, value)| (name, typed(&value, mark)));
        Json::Object(typed.collect())
    }
}

/// The field as it is before anybody has looked at it: what has to be filled in may still be empty.
pub fn starting(field: &FormField) -> Field {
    Field {
        name: field.name.clone(),
        title: field.label.clone(),
        kind: field.output_kind(),
        optional: true,
    }
}

fn typed(value: &Value, mark: char) -> Json {
    let number = |text: String| Json::String(text.replace('.', &mark.to_string()));
    match value {
        Value::Empty | Value::Record(_) | Value::File(_) => Json::Null,
        Value::Text(text) => Json::String(text.clone()),
        Value::Integer(whole) => number(whole.to_string()),
        Value::Decimal(decimal)
        | Value::Money(Money {
            amount: decimal, ..
        }) => number(decimal.to_string()),
        Value::Date(date) => Json::String(date.to_string()),
        Value::Time(time) => Json::String(time.to_string()),
        Value::Instant(instant) => Json::String(instant.to_string()),
        Value::YesNo(yes) => Json::Bool(*yes),
        Value::List(items) => Json::Array(items.iter().map(|item| typed(item, mark)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::form::{Setting, Source};

    fn request(fields: &Json, values: &Json) -> ApprovalRequest {
        serde_json::from_value(json!({
            "title": "T", "asked": {"everybody": true, "members": [], "addresses": [], "by_mail": false, "not_starter": false, "barred": []},
            "fields": fields, "values": values, "reason_needed": false, "locale": "de", "time_zone": "UTC", "currency": "EUR",
            "expires_at": "2026-11-30T12:00:00Z",
        }))
        .expect("a request")
    }

    #[test]
    fn what_is_filled_in_reads_back_as_it_was() {
        let values = json!({
            "net": {"amount": "1234.50", "currency": "EUR"}, "share": "0.5", "count": 3, "due": "2026-12-24", "rush": true,
            "likes": ["a"], "note": null, "title": "1.5",
        });
        let fields = json!([
            {"name": "net", "label": "Net", "kind": "money", "required": true},
            {"name": "share", "label": "Share", "kind": "number"},
            {"name": "count", "label": "Count", "kind": "number", "decimals": 0},
            {"name": "due", "label": "Due", "kind": "date"},
            {"name": "rush", "label": "Rush", "kind": "checkbox"},
            {"name": "likes", "label": "Likes", "kind": "multi_select", "options": [{"value": "a"}, {"value": "b"}]},
            {"name": "note", "label": "Note", "kind": "text"},
            {"name": "title", "label": "Title", "kind": "text"},
        ]);
        let request = request(&fields, &values);
        for locale in ["de", "en", "zh-CN"] {
            let setting = Setting {
                source: Source::Person,
                locale,
                time_zone: "UTC",
                currency: "EUR",
                constants: &Record::new(),
                files: &|_| None,
            };
            let read = request.form().submit(&request.typed(locale), &setting);
            let read = read.unwrap_or_else(|problems| panic!("{locale}: {problems:?}"));
            assert_eq!(
                crate::value::record_to_json(&read),
                values,
                "{locale}: {}",
                request.typed(locale)
            );
        }
    }
}
