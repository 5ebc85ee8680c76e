//! Kinds: the types of values, known before the first run. A kind is what a form asks, what a node puts out, what a document's
//! typed field takes and what the editor shows on a chip; it maps to JSON Schema for models and for the API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type of one value. JSON form: `{"kind": "text"}`, `{"kind": "list", "item": {"kind": "record", "fields": [...]}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    Text {
        /// Longest text, in characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_length: Option<u32>,
    },
    Integer,
    Decimal,
    Money,
    Date,
    Time,
    Instant,
    YesNo,
    Choice {
        options: Vec<ChoiceOption>,
    },
    List {
        item: Box<Kind>,
        /// Fewest and most entries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_items: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_items: Option<u32>,
    },
    Record {
        fields: Vec<Field>,
    },
    File,
    /// Not known before the run, such as the body of an HTTP answer.
    Any,
}

/// One possible answer of a choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceOption {
    /// What is stored.
    pub value: String,
    /// What people read; the value itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// A named, typed place: `{"name": "total", "title": "Total", "kind": "money", "optional": false}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// `[a-z][a-z0-9_]*`, at most 64 characters.
    pub name: String,
    /// What people read; the name itself when empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(flatten)]
    pub kind: Kind,
    /// May be empty, so that references to it demand a default.
    #[serde(default)]
    pub optional: bool,
}

impl Kind {
    /// Text without a limit.
    pub fn text() -> Self {
        Self::Text { max_length: None }
    }

    /// A list of records.
    pub fn rows(fields: Vec<Field>) -> Self {
        Self::List {
            item: Box::new(Self::Record { fields }),
            min_items: None,
            max_items: None,
        }
    }
}
