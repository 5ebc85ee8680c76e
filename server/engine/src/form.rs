//! A form as its author declares it, and the one validator of what people submit; `api` renders it and the web edits it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{expression::Template, kind::ChoiceOption};

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
    #[serde(flatten)]
    pub kind: FieldKind,
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
    },
    Date {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<jiff::civil::Date>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<jiff::civil::Date>,
    },
    Select {
        options: Vec<ChoiceOption>,
    },
    MultiSelect {
        options: Vec<ChoiceOption>,
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

/// A value the server computes: `{"name": "total", "label": "Total", "kind": "money", "value": "{{ sum(...) }}"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComputedField {
    pub name: String,
    pub label: String,
    /// Reads the form's answers by their names (and `row` inside rows).
    pub value: Template,
    /// Its kind, for display and for later steps.
    #[serde(flatten)]
    pub kind: crate::kind::Kind,
}
