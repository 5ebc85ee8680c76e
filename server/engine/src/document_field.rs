//! The typed fields that a document template declares: the one declaration that forms, models, checks and the page go by.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    expression::Template,
    kind::{Field, Kind},
};

/// One field of a document: `{"name": "intro", "kind": "text", "max_lines": 3, "overflow": "shrink", "source": "written"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentField {
    #[serde(flatten)]
    pub field: Field,
    /// Most lines of a text where nothing else is printed beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lines: Option<u16>,
    /// What becomes of a text of more lines; all of it is printed when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Overflow>,
    /// The same of texts in the entries of a list or in a record, by their columns, such as `text` or `stops.text`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub columns: IndexMap<String, TextLines>,
    /// Who fills it in; people, and a model where it is words, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// How it is computed, of the fields before it; only of a computed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Template>,
}

/// How many lines a text in a column may take: `{"max_lines": 2, "overflow": "cut"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextLines {
    /// Most lines of a text where nothing else is printed beside it.
    pub max_lines: u16,
    /// What becomes of a text of more lines; all of it is printed when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflow: Option<Overflow>,
}

/// What becomes of a text of too many lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overflow {
    /// All of it is printed, and goes on overleaf where the page ends.
    #[default]
    NextPage,
    /// In smaller letters down to the smallest size; what is too long even then is cut.
    Shrink,
    /// At a word, with dots.
    Cut,
}

/// Who fills a field in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// People, by a form or an earlier step; never a model by itself.
    Asked,
    /// A model: words and choices alone.
    Written,
    /// The document itself.
    Computed,
}

impl DocumentField {
    /// The kind of what stands in one of its columns; `None` where it has none of that name.
    pub fn column_kind(&self, path: &str) -> Option<&Kind> {
        path.split('.').try_fold(&self.field.kind, |kind, name| {
            let mut entry = kind;
            while let Kind::List { item, .. } = entry {
                entry = item;
            }
            Some(&entry.field(name)?.kind)
        })
    }

    /// Nobody fills it in: the document computes it.
    pub fn is_computed(&self) -> bool {
        self.source == Some(Source::Computed)
    }

    /// A model fills it in where nobody says which fields it does.
    pub fn is_written(&self) -> bool {
        match self.source {
            Some(Source::Written) => true,
            Some(Source::Asked | Source::Computed) => false,
            None => is_words(&self.field.kind),
        }
    }
}

impl From<Field> for DocumentField {
    fn from(field: Field) -> Self {
        Self {
            field,
            max_lines: None,
            overflow: None,
            columns: IndexMap::new(),
            source: None,
            value: None,
        }
    }
}

/// Kinds a model may fill in: words and choices, never figures.
pub fn is_words(kind: &Kind) -> bool {
    match kind {
        Kind::Text { .. } | Kind::Choice { .. } | Kind::YesNo => true,
        Kind::List { item, .. } => is_words(item),
        Kind::Record { fields } => fields.iter().all(|field| is_words(&field.kind)),
        Kind::Integer
        | Kind::Decimal
        | Kind::Money { .. }
        | Kind::Date
        | Kind::Time
        | Kind::Instant
        | Kind::File
        | Kind::Any => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_declaration_is_a_field_with_more() {
        let check = |json: serde_json::Value, written: bool, computed: bool| {
            let field: DocumentField = serde_json::from_value(json.clone()).expect("a field");
            assert_eq!(
                (field.is_written(), field.is_computed()),
                (written, computed),
                "{json}"
            );
            let back = serde_json::to_value(&field).expect("JSON");
            assert_eq!(
                serde_json::from_value::<DocumentField>(back).ok(),
                Some(field)
            );
        };
        check(
            json!({"name": "a", "kind": "text", "max_length": 9}),
            true,
            false,
        );
        check(
            json!({"name": "a", "kind": "text", "max_lines": 3, "overflow": "shrink", "source": "written"}),
            true,
            false,
        );
        check(
            json!({"name": "a", "kind": "text", "source": "asked"}),
            false,
            false,
        );
        check(json!({"name": "a", "kind": "money"}), false, false);
        check(
            json!({"name": "a", "kind": "money", "source": "computed", "value": "{{ net }}"}),
            false,
            true,
        );
        let list = json!({"name": "a", "kind": "list", "item": {"kind": "record", "fields": [{"name": "b", "kind": "date"}]}});
        check(list, false, false);
        check(days(), true, false);
    }

    fn days() -> serde_json::Value {
        let text = json!({"name": "text", "kind": "text"});
        let stops =
            json!({"name": "stops", "kind": "list", "item": {"kind": "record", "fields": [text]}});
        json!({"name": "days", "kind": "list", "item": {"kind": "record", "fields": [text, stops]},
            "columns": {"text": {"max_lines": 3}, "stops.text": {"max_lines": 1, "overflow": "cut"}}})
    }

    #[test]
    fn a_column_is_found_by_its_path() {
        let field: DocumentField = serde_json::from_value(days()).expect("a field");
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(field.column_kind(path).map(Kind::noun), expected, "{path}");
        };
        check("text", Some("a text"));
        check("stops.text", Some("a text"));
        check("stops", Some("a list"));
        check("stops.title", None);
        check("text.text", None);
        check("", None);
    }
}
