//! A form as its author declares it, and the one validator of what people submit; `api` renders it and the web edits it.

mod answer;
mod check;
mod number;
mod submission;
mod typed;
#[cfg(test)]
mod vectors;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use answer::{MAX_FILE_BYTES, MAX_LONG_TEXT, MAX_TEXT, MOST_FILE_BYTES, accepts, is_blank};
pub use submission::{Draft, MAX_ROWS, MOST_ROWS};
pub use typed::Typed;

use crate::{
    check::Problem,
    expression::Template,
    kind::{ChoiceOption, Field, Kind},
    private::{Keeping, Private},
    value::{FileRef, Record, Value},
};

/// What a form asks; the config of `form_input` is one of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Heading of the form.
    pub title: String,
    /// A short text below the heading.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("x-widget" = "textarea"))]
    pub intro: String,
    /// What the form asks.
    #[schemars(extend("x-widget" = "form_fields"))]
    pub fields: Vec<FormField>,
    /// Values the server computes from the answers and shows below them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-widget" = "computed_fields"))]
    pub computed: Vec<ComputedField>,
    /// Text of the button; the language's own when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub submit_label: String,
    /// The form answers "closed" after this date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_on: Option<jiff::civil::Date>,
}

/// One question. JSON: `{"name": "guest", "label": "Guest", "kind": "text", "required": true, "max_length": 80}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FormField {
    /// `[a-z][a-z0-9_]*`; the value's name in the step's output.
    pub name: String,
    /// The question.
    pub label: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    #[serde(default)]
    pub required: bool,
    /// How much of the line it takes on a wide screen.
    #[serde(default, skip_serializing_if = "Width::is_full")]
    pub width: Width,
    /// Begins a part of the form with this heading.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub section: String,
    /// How long the answer stays in the history.
    #[serde(default, skip_serializing_if = "Keeping::is_keep")]
    pub store: Keeping,
    #[serde(flatten)]
    pub kind: FieldKind,
}

/// How much of the line a question takes on a wide screen; on a phone each has its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Width {
    #[default]
    Full,
    Half,
    Third,
}

impl Width {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's skip_serializing_if hands out a reference"
    )]
    fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

/// The kinds of answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FieldKind {
    Text {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_length: Option<u32>,
    },
    LongText {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_length: Option<u32>,
    },
    Email,
    Phone,
    /// A decimal; `decimals: 0` makes it an integer.
    Number {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decimals: Option<u32>,
    },
    Money {
        /// ISO 4217; the workflow's currency when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<String>,
        /// Most decimals, where that is more than the currency has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decimals: Option<u8>,
    },
    Date {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<jiff::civil::Date>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<jiff::civil::Date>,
    },
    Select {
        #[serde(default)]
        options: Vec<ChoiceOption>,
        /// The choices are rows of a table, as they are when somebody answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choices_from: Option<ChoicesFrom>,
    },
    MultiSelect {
        options: Vec<ChoiceOption>,
        /// Most choices.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u32>,
    },
    Checkbox,
    File {
        /// Media types such as `image/png` or `image/*`; any of the sniffable safe ones when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accept: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_bytes: Option<u64>,
    },
    Rows {
        columns: Vec<FormField>,
        /// Computed cells; expressions read the row's own answers as `row`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        computed: Vec<ComputedField>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_rows: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_rows: Option<u32>,
    },
}

/// A table's column as choices: what its cells hold, each once, in the table's order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoicesFrom {
    /// Id of the table; where tables are embedded the local name of one.
    #[schemars(extend("x-widget" = "table"))]
    pub table: String,
    /// A column of texts.
    #[schemars(extend("x-widget" = "table_column", "x-keys" = {"table_columns": "table"}))]
    pub column: String,
}

/// A value the server computes: `{"name": "total", "label": "Total", "kind": "money", "value": "{{ sum(...) }}"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComputedField {
    pub name: String,
    pub label: String,
    /// Reads the form's answers by their names (and `row` inside rows).
    pub value: Template,
    /// Its kind, for display and for later steps.
    #[serde(flatten)]
    pub kind: Kind,
}

/// Who answers, which decides how answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Texts as typed into a page of the setting's language; questions that are not asked are passed over.
    Person,
    /// The JSON form of `engine::kind`; unknown names are problems.
    Program,
}

/// What reading a submission needs to know besides the form.
pub struct Setting<'a> {
    pub source: Source,
    /// BCP 47 tag of the page; decides what a lone decimal mark means.
    pub locale: &'a str,
    /// IANA name, of the workflow; in what is computed instants are told in it.
    pub time_zone: &'a str,
    /// ISO 4217, of the workflow; in what is computed plain numbers shown as money are in it.
    pub currency: &'a str,
    /// What computed values may read besides the answers: `firm`, `today`, `now`.
    pub constants: &'a Record,
    /// The file behind an id, if this visitor may use it.
    pub files: &'a dyn Fn(&str) -> Option<FileRef>,
}

impl Form {
    /// The columns that questions take their choices from, each once.
    pub fn choices_from(&self) -> Vec<&ChoicesFrom> {
        let mut found = Vec::new();
        collect_choices(&self.fields, &mut found);
        found
    }

    /// The form with the choices that `read` finds in tables. A column that is not there offers nothing, so nothing can be chosen.
    #[must_use]
    pub fn with_choices(&self, read: &dyn Fn(&ChoicesFrom) -> Option<Vec<String>>) -> Self {
        let mut form = self.clone();
        fill_choices(&mut form.fields, read);
        form
    }

    /// The answers that are not kept as long as the run, and what is computed from them.
    pub fn private(&self) -> Private {
        let own = self.fields.iter();
        let mut found: HashMap<String, Keeping> =
            own.map(|field| (field.name.clone(), field.store)).collect();
        for field in &self.fields {
            if let FieldKind::Rows {
                columns, computed, ..
            } = &field.kind
            {
                let mut cells: HashMap<String, Keeping> = columns
                    .iter()
                    .map(|column| (column.name.clone(), column.store))
                    .collect();
                for cell in computed {
                    let keeping = cell.keeping(|path| match path {
                        [row, name, ..] if row == "row" => cells.get(name).copied(),
                        // The whole row, or an answer beside the rows.
                        [row] if row == "row" => cells.values().max().copied(),
                        [name, ..] => found.get(name).copied(),
                        [] => None,
                    });
                    cells.insert(cell.name.clone(), keeping);
                }
                let cells = cells.into_iter();
                found.extend(
                    cells.map(|(name, keeping)| (format!("{}.{name}", field.name), keeping)),
                );
            }
        }
        for computed in &self.computed {
            let keeping = computed.keeping(|path| {
                let name = path.first()?;
                let inside = format!("{name}.");
                let read = found
                    .iter()
                    .filter(|(known, _)| *known == name || known.starts_with(&inside));
                read.map(|(_, keeping)| *keeping).max()
            });
            found.insert(computed.name.clone(), keeping);
        }
        Private::new(found)
    }

    /// The record that later steps read.
    pub fn kind(&self) -> Kind {
        Kind::Record {
            fields: fields(&self.fields, &self.computed),
        }
    }
}

impl ComputedField {
    /// It is kept no longer than what it reads.
    fn keeping(&self, read: impl Fn(&[String]) -> Option<Keeping>) -> Keeping {
        let references = self.value.references().unwrap_or_default();
        let read = references.iter().filter_map(|one| read(&one.path));
        read.max().unwrap_or_default()
    }
}

fn collect_choices<'a>(fields: &'a [FormField], found: &mut Vec<&'a ChoicesFrom>) {
    for field in fields {
        match &field.kind {
            FieldKind::Select {
                choices_from: Some(from),
                ..
            } if !found.contains(&from) => found.push(from),
            FieldKind::Rows { columns, .. } => collect_choices(columns, found),
            _ => {}
        }
    }
}

fn fill_choices(fields: &mut [FormField], read: &dyn Fn(&ChoicesFrom) -> Option<Vec<String>>) {
    for field in fields {
        match &mut field.kind {
            FieldKind::Select {
                options,
                choices_from: Some(from),
            } => {
                let choices = read(from).unwrap_or_default().into_iter();
                *options = choices
                    .map(|value| ChoiceOption { value, title: None })
                    .collect();
            }
            FieldKind::Rows { columns, .. } => fill_choices(columns, read),
            _ => {}
        }
    }
}

fn fields(asked: &[FormField], computed: &[ComputedField]) -> Vec<Field> {
    let asked = asked.iter().map(|field| Field {
        name: field.name.clone(),
        title: field.label.clone(),
        kind: field.output_kind(),
        optional: !field.required && !field.is_never_empty(),
    });
    let computed = computed.iter().map(|field| Field {
        name: field.name.clone(),
        title: field.label.clone(),
        kind: field.kind.clone(),
        optional: false,
    });
    asked.chain(computed).collect()
}

impl FormField {
    /// Reads one answer; rows are read with their form.
    pub fn read(&self, answer: &Json, setting: &Setting<'_>) -> Result<Value, Problem> {
        answer::read(self, answer, setting)
    }

    /// The kind of its value in the step's output.
    pub fn output_kind(&self) -> Kind {
        match &self.kind {
            FieldKind::Text { max_length } => Kind::Text {
                max_length: Some(max_length.unwrap_or(MAX_TEXT)),
            },
            FieldKind::LongText { max_length } => Kind::Text {
                max_length: Some(max_length.unwrap_or(MAX_LONG_TEXT)),
            },
            FieldKind::Number {
                decimals: Some(0), ..
            } => Kind::Integer,
            FieldKind::Number { .. } => Kind::Decimal,
            FieldKind::Money { decimals, .. } => Kind::Money {
                decimals: *decimals,
            },
            FieldKind::Date { .. } => Kind::Date,
            // Which rows can be chosen is known only when somebody answers.
            FieldKind::Email
            | FieldKind::Phone
            | FieldKind::Select {
                choices_from: Some(_),
                ..
            } => Kind::text(),
            FieldKind::Select {
                options,
                choices_from: None,
            } => Kind::Choice {
                options: options.clone(),
            },
            FieldKind::MultiSelect { options, max } => Kind::List {
                item: Box::new(Kind::Choice {
                    options: options.clone(),
                }),
                min_items: None,
                max_items: *max,
            },
            FieldKind::Checkbox => Kind::YesNo,
            FieldKind::File { .. } => Kind::File,
            FieldKind::Rows {
                columns,
                computed,
                min_rows,
                max_rows,
            } => Kind::List {
                item: Box::new(Kind::Record {
                    fields: fields(columns, computed),
                }),
                min_items: *min_rows,
                max_items: Some(max_rows.unwrap_or(MAX_ROWS).min(MOST_ROWS)),
            },
        }
    }

    /// Unanswered it is still a value: no, or an empty list.
    fn is_never_empty(&self) -> bool {
        matches!(
            self.kind,
            FieldKind::Checkbox | FieldKind::MultiSelect { .. } | FieldKind::Rows { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_computed_from_a_private_answer_is_private() {
        let form: Form = serde_json::from_value(json!({
            "title": "Trip",
            "fields": [
                {"name": "who", "label": "Who", "kind": "text"},
                {"name": "iban", "label": "IBAN", "kind": "text", "store": "mask"},
                {"name": "guests", "label": "Guests", "kind": "rows", "columns": [
                    {"name": "name", "label": "Name", "kind": "text"},
                    {"name": "passport", "label": "Passport", "kind": "text", "store": "never"},
                ], "computed": [
                    {"name": "line", "label": "Line", "kind": "text", "value": "{{ row.name }} {{ row.passport }}"},
                    {"name": "greeting", "label": "Greeting", "kind": "text", "value": "Dear {{ row.name }}"},
                ]},
            ],
            "computed": [
                {"name": "account", "label": "Account", "kind": "text", "value": "to {{ iban }}"},
                {"name": "again", "label": "Again", "kind": "text", "value": "{{ account }}"},
                {"name": "count", "label": "Count", "kind": "integer", "value": "{{ guests | length }}"},
                {"name": "hello", "label": "Hello", "kind": "text", "value": "Hello {{ who }}"},
            ],
        }))
        .expect("a form");
        assert_eq!(
            serde_json::to_value(form.private()).expect("JSON"),
            json!({
                "iban": "mask", "guests.passport": "never", "guests.line": "never", "account": "mask", "again": "mask",
                "count": "never",
            })
        );
    }
}
