//! Kinds: the types of values, known before the first run. A kind is what a form asks, what a node puts out, what a document's
//! typed field takes and what the editor shows on a chip; it maps to JSON Schema for models and for the API.

mod fit;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::{Map, Value as Json, json};

pub use fit::Misfit;

/// Longest name of a field, node or way.
pub const MAX_NAME: usize = 64;

/// Most decimals that a kind of money may have beyond its currency's.
pub const MAX_MONEY_DECIMALS: u8 = 6;

/// Names that expressions give a meaning of their own, so that no node can be called so.
pub const RESERVED_IDS: [&str; 7] = ["firm", "run", "item", "index", "now", "today", "row"];

/// `[a-z][a-z0-9_]*`, at most 64 characters.
pub fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A name that a node may have.
pub fn is_node_id(text: &str) -> bool {
    is_name(text) && !RESERVED_IDS.contains(&text)
}

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
    Money {
        /// Most decimals of an amount, where that is more than its currency has: unit prices have up to 4, or 6.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "money_decimals"
        )]
        #[schemars(range(max = MAX_MONEY_DECIMALS))]
        decimals: Option<u8>,
    },
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

    /// Money with the decimals of its currency.
    pub fn money() -> Self {
        Self::Money { decimals: None }
    }

    /// A list without limits.
    pub fn list(item: Self) -> Self {
        Self::List {
            item: Box::new(item),
            min_items: None,
            max_items: None,
        }
    }

    /// A record of fields that are always there: `[(name, title, kind)]`.
    pub fn record<const N: usize>(fields: [(&str, &str, Self); N]) -> Self {
        Self::Record {
            fields: fields
                .into_iter()
                .map(|(name, title, kind)| Field {
                    name: name.into(),
                    title: title.into(),
                    kind,
                    optional: false,
                })
                .collect(),
        }
    }

    /// The field of a record.
    pub fn field(&self, name: &str) -> Option<&Field> {
        match self {
            Self::Record { fields } => fields.iter().find(|field| field.name == name),
            Self::Text { .. }
            | Self::Integer
            | Self::Decimal
            | Self::Money { .. }
            | Self::Date
            | Self::Time
            | Self::Instant
            | Self::YesNo
            | Self::Choice { .. }
            | Self::List { .. }
            | Self::File
            | Self::Any => None,
        }
    }

    /// What people read, such as `a date`.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Text { .. } => "a text",
            Self::Integer => "a whole number",
            Self::Decimal => "a number",
            Self::Money { .. } => "an amount of money",
            Self::Date => "a date",
            Self::Time => "a time",
            Self::Instant => "a point in time",
            Self::YesNo => "a yes or no",
            Self::Choice { .. } => "one of the options",
            Self::List { .. } => "a list",
            Self::Record { .. } => "a record",
            Self::File => "a file",
            Self::Any => "a value",
        }
    }

    /// JSON Schema (draft 2020-12) of the JSON form: what a model must put out and what callers may send.
    pub fn json_schema(&self) -> Json {
        match self {
            Self::Text { max_length } => {
                let mut schema = json!({"type": "string"});
                if let (Some(most), Some(object)) = (max_length, schema.as_object_mut()) {
                    object.insert("maxLength".into(), json!(most));
                }
                schema
            }
            Self::Integer => json!({
                "type": "integer",
                "minimum": -crate::value::MAX_INTEGER,
                "maximum": crate::value::MAX_INTEGER,
            }),
            Self::Decimal => decimal_schema(),
            Self::Money { .. } => json!({
                "type": "object",
                "properties": {
                    "amount": decimal_schema(),
                    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
                },
                "required": ["amount", "currency"],
                "additionalProperties": false,
            }),
            Self::Date => json!({"type": "string", "format": "date"}),
            Self::Time => json!({"type": "string", "format": "time"}),
            Self::Instant => json!({"type": "string", "format": "date-time"}),
            Self::YesNo => json!({"type": "boolean"}),
            Self::Choice { options } => {
                let values: Vec<_> = options.iter().map(|option| &option.value).collect();
                json!({"type": "string", "enum": values})
            }
            Self::List {
                item,
                min_items,
                max_items,
            } => {
                let mut schema = Map::new();
                schema.insert("type".into(), json!("array"));
                schema.insert("items".into(), item.json_schema());
                if let Some(least) = min_items {
                    schema.insert("minItems".into(), json!(least));
                }
                if let Some(most) = max_items {
                    schema.insert("maxItems".into(), json!(most));
                }
                Json::Object(schema)
            }
            Self::Record { fields } => record_schema(fields),
            Self::File => json!({
                "type": "object",
                "properties": {
                    "id": {"type": "string", "format": "uuid"},
                    "name": {"type": "string"},
                    "content_type": {"type": "string"},
                    "size_bytes": {"type": "integer", "minimum": 0},
                },
                "required": ["id", "name", "content_type", "size_bytes"],
            }),
            Self::Any => json!(true),
        }
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

fn money_decimals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let decimals = Option::<u8>::deserialize(deserializer)?;
    match decimals {
        Some(decimals) if decimals > MAX_MONEY_DECIMALS => Err(D::Error::custom(format!(
            "amounts of money have at most {MAX_MONEY_DECIMALS} decimals"
        ))),
        decimals => Ok(decimals),
    }
}

fn decimal_schema() -> Json {
    json!({"type": "string", "pattern": r"^-?[0-9]{1,20}(\.[0-9]{1,8})?$"})
}

fn record_schema(fields: &[Field]) -> Json {
    let mut properties = Map::new();
    for field in fields {
        let mut schema = field.kind.json_schema();
        if field.optional {
            schema = json!({"anyOf": [schema, {"type": "null"}]});
        }
        if let (false, Some(object)) = (field.title.is_empty(), schema.as_object_mut()) {
            object.insert("title".into(), json!(field.title));
        }
        properties.insert(field.name.clone(), schema);
    }
    // Optional fields are required to be present, too: `null` says "empty", a missing name says nothing.
    let required: Vec<_> = fields.iter().map(|field| &field.name).collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words() {
        for (text, good) in [
            ("form", true),
            ("day_2", true),
            ("", false),
            ("2day", false),
            ("Form", false),
            ("f-m", false),
            ("über", false),
        ] {
            assert_eq!(is_name(text), good, "{text}");
        }
        assert!(!is_name(&"a".repeat(65)));
        assert!(!is_node_id("firm"));
    }

    #[test]
    fn money_says_its_decimals_only_where_it_has_more() {
        let plain: Kind = serde_json::from_value(json!({"kind": "money"})).expect("a kind");
        assert_eq!(plain, Kind::money());
        assert_eq!(
            serde_json::to_value(&plain).ok(),
            Some(json!({"kind": "money"}))
        );
        let price = json!({"name": "price", "kind": "money", "decimals": 4, "optional": false});
        let field: Field = serde_json::from_value(price.clone()).expect("a field");
        assert_eq!(field.kind, Kind::Money { decimals: Some(4) });
        assert_eq!(serde_json::to_value(&field).ok(), Some(price));
        let beyond = json!({"kind": "money", "decimals": 7});
        assert!(serde_json::from_value::<Kind>(beyond).is_err());
    }

    #[test]
    fn a_record_demands_every_field_and_no_other() {
        let kind = Kind::Record {
            fields: vec![Field {
                name: "days".into(),
                title: "Days".into(),
                kind: Kind::List {
                    item: Box::new(Kind::Text {
                        max_length: Some(9),
                    }),
                    min_items: Some(1),
                    max_items: Some(3),
                },
                optional: false,
            }],
        };
        assert_eq!(
            kind.json_schema(),
            json!({
                "type": "object",
                "properties": {"days": {
                    "type": "array", "items": {"type": "string", "maxLength": 9},
                    "minItems": 1, "maxItems": 3, "title": "Days",
                }},
                "required": ["days"],
                "additionalProperties": false,
            })
        );
    }
}
