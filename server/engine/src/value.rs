//! Typed values and their JSON form: a decimal is a string `"7420.00"`, money `{"amount": "7420.00", "currency": "EUR"}`, a JSON
//! number is only ever an integer below 2^53, and `f64` touches no amount.

use indexmap::IndexMap;
use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::{
    ids::ArtifactId,
    kind::{Field, Kind},
};

/// The largest whole number JSON carries exactly everywhere: 2^53 - 1.
pub const MAX_INTEGER: i64 = (1 << 53) - 1;

/// Deepest nesting of lists and records that is read from JSON.
pub const MAX_DEPTH: usize = 64;

/// Content type of a file that says where what another file shows comes from. It is named after that file (`FileRef::map_name`), goes with
/// it, and is no file to people: lists of files leave it out.
pub const PAGE_MAP: &str = "application/vnd.formwork.page-map";

/// One value as expressions and documents see it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Empty,
    Text(String),
    Integer(i64),
    Decimal(Decimal),
    Money(Money),
    Date(Date),
    Time(Time),
    /// UTC.
    Instant(Timestamp),
    YesNo(bool),
    List(Vec<Value>),
    Record(Record),
    File(FileRef),
}

/// Named values in their declared order.
pub type Record = IndexMap<String, Value>;

/// An amount in one currency; arithmetic across currencies is an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    pub amount: Decimal,
    /// ISO 4217, upper case.
    pub currency: String,
}

/// A file by reference; the bytes are read through `NodeContext::artifacts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    pub id: ArtifactId,
    pub name: String,
    pub content_type: String,
    pub size_bytes: u64,
}

impl Money {
    /// The amount as it is, with no fewer decimals than its currency has; how many fit where it has more than that and `decimals`.
    pub fn exact(amount: Decimal, currency: &str, decimals: Option<u8>) -> Result<Self, u32> {
        let most = money_decimals(currency, decimals);
        let mut amount = amount.normalize();
        if amount.scale() > most {
            return Err(most);
        }
        amount.rescale(amount.scale().max(currency_decimals(currency)));
        Ok(Self {
            amount,
            currency: currency.to_owned(),
        })
    }
}

impl FileRef {
    /// Name of the file that says where what this one shows comes from.
    pub fn map_name(&self) -> String {
        format!("{}.map", self.id)
    }
}

/// One place where a JSON value does not fit its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Mismatch {
    /// JSON pointer from the value's root; empty for the root itself.
    pub pointer: String,
    /// `missing`, `wrong_kind`, `too_long`, `not_an_option`, `too_few`, `too_many`, `too_many_decimals`, `not_a_date`, `bad_text`,
    /// `too_deep`; of cells also `two_dates` or `other_currency`.
    pub code: String,
    pub message: String,
}

impl Value {
    /// Reads the JSON form of `kind`; every mismatch, not only the first. Names that a record's kind does not declare are left out.
    pub fn from_json(json: &Json, kind: &Kind) -> Result<Self, Vec<Mismatch>> {
        let mut reader = Reader::default();
        let value = reader.read(json, kind, 0);
        if reader.problems.is_empty() {
            Ok(value)
        } else {
            Err(reader.problems)
        }
    }

    /// Reads the JSON form of `kind` as it comes into a document: amounts are rounded where their kind does not say how many decimals
    /// they have.
    pub fn payable_from_json(json: &Json, kind: &Kind) -> Result<Self, Vec<Mismatch>> {
        // An amount in JSON has its own currency.
        let value = Self::from_json(json, kind)?;
        value.convert(kind, "").map_err(|mismatch| vec![mismatch])
    }

    /// Reads JSON of no known kind: whole numbers stay integers, other numbers become decimals, texts stay texts.
    pub fn from_any_json(json: &Json) -> Result<Self, Vec<Mismatch>> {
        Self::from_json(json, &Kind::Any)
    }

    /// The form that is stored, sent and shown to callers.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Empty => Json::Null,
            Self::Text(text) => Json::String(text.clone()),
            Self::Integer(number) => json!(number),
            Self::Decimal(number) => Json::String(number.to_string()),
            Self::Money(money) => {
                json!({"amount": money.amount.to_string(), "currency": money.currency})
            }
            Self::Date(date) => Json::String(date.to_string()),
            Self::Time(time) => Json::String(time.to_string()),
            Self::Instant(instant) => Json::String(instant.to_string()),
            Self::YesNo(yes) => Json::Bool(*yes),
            Self::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Record(record) => record_to_json(record),
            Self::File(file) => json!({
                "id": file.id,
                "name": file.name,
                "content_type": file.content_type,
                "size_bytes": file.size_bytes,
            }),
        }
    }

    /// What people read when a value has the wrong kind, such as `a date`.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Empty => "an empty value",
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Decimal(_) => "a number",
            Self::Money(_) => "an amount of money",
            Self::Date(_) => "a date",
            Self::Time(_) => "a time",
            Self::Instant(_) => "a point in time",
            Self::YesNo(_) => "a yes or no",
            Self::List(_) => "a list",
            Self::Record(_) => "a record",
            Self::File(_) => "a file",
        }
    }

    /// Nothing to show: empty, a text of blanks, a list or record without entries.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Record(record) => record.is_empty(),
            Self::Integer(_)
            | Self::Decimal(_)
            | Self::Money(_)
            | Self::Date(_)
            | Self::Time(_)
            | Self::Instant(_)
            | Self::YesNo(_)
            | Self::File(_) => false,
        }
    }

    /// Fits this value to `kind`, as when an expression's result becomes a declared field: a whole number becomes a decimal, a text
    /// that reads as a number or a date becomes one, and anything with a plain text form becomes text. Money is rounded to its
    /// currency's decimals, half away from zero, so that what is stored, shown and added up further is one amount; where its kind says
    /// how many decimals it has, it is never rounded, and more of them are a mismatch.
    pub fn convert(self, kind: &Kind, currency: &str) -> Result<Self, Mismatch> {
        convert(self, kind, currency)
    }
}

/// The JSON form of a record.
pub fn record_to_json(record: &Record) -> Json {
    Json::Object(
        record
            .iter()
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect::<Map<_, _>>(),
    )
}

/// Reads a decimal written with a point, without exponent, grouping or blanks: `-12.50`. At most 28 digits.
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || digits.len() > 30 {
        return None;
    }
    Decimal::from_str_exact(text).ok()
}

/// An amount that can be paid, with exactly the currency's decimals; or a price with up to `decimals`, where there are so many.
fn fitted(amount: Decimal, currency: &str, decimals: Option<u8>) -> Result<Value, Mismatch> {
    let amount = match decimals {
        None => crate::format::round(amount, currency_decimals(currency)),
        Some(_) => amount,
    };
    Money::exact(amount, currency, decimals)
        .map(Value::Money)
        .map_err(|most| too_many_decimals(currency, decimals, most))
}

/// What is wrong with an amount of more decimals than fit.
pub fn too_many_decimals(currency: &str, decimals: Option<u8>, most: u32) -> Mismatch {
    let message = if decimals.is_some() {
        format!("has more than {most} decimals")
    } else {
        format!("has more decimals than {currency} has")
    };
    Mismatch {
        pointer: String::new(),
        code: "too_many_decimals".into(),
        message,
    }
}

/// Three upper-case letters, the shape of ISO 4217 codes.
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// How many decimals amounts of a currency have (ISO 4217 minor units).
pub fn currency_decimals(code: &str) -> u32 {
    match code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// How many decimals amounts of a currency may have where their kind allows some.
pub fn money_decimals(currency: &str, decimals: Option<u8>) -> u32 {
    currency_decimals(currency).max(decimals.map_or(0, u32::from))
}

#[derive(Default)]
struct Reader {
    pointer: String,
    problems: Vec<Mismatch>,
}

impl Reader {
    fn read(&mut self, json: &Json, kind: &Kind, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return self.wrong("too_deep", format!("nested deeper than {MAX_DEPTH} levels"));
        }
        match (kind, json) {
            (Kind::Any, _) => self.read_any(json, depth),
            (_, Json::Null) => self.wrong("missing", "is not filled in"),
            (Kind::Text { max_length }, Json::String(text)) => self.read_text(text, *max_length),
            (Kind::Integer, Json::Number(number)) => match whole(number) {
                Some(number) => Value::Integer(number),
                None => self.wrong("wrong_kind", "is not a whole number below 2^53"),
            },
            (Kind::Decimal, Json::String(text)) => match parse_decimal(text) {
                Some(number) => Value::Decimal(number),
                None => self.wrong("wrong_kind", "is not a number such as \"12.50\""),
            },
            (Kind::Decimal, Json::Number(number)) if whole(number).is_some() => {
                Value::Decimal(whole(number).map(Decimal::from).unwrap_or_default())
            }
            (Kind::Money { decimals }, Json::Object(_)) => match money(json) {
                Some(money) => self.read_money(money, *decimals),
                None => self.wrong(
                    "wrong_kind",
                    "is not an amount such as {\"amount\": \"12.50\", \"currency\": \"EUR\"}",
                ),
            },
            (Kind::Date, Json::String(text)) => match text.parse() {
                Ok(date) => Value::Date(date),
                Err(_) => self.wrong("not_a_date", "is not a date such as \"2026-11-23\""),
            },
            (Kind::Time, Json::String(text)) => match text.parse() {
                Ok(time) => Value::Time(time),
                Err(_) => self.wrong("not_a_date", "is not a time such as \"14:30\""),
            },
            (Kind::Instant, Json::String(text)) => match text.parse() {
                Ok(instant) => Value::Instant(instant),
                Err(_) => self.wrong(
                    "not_a_date",
                    "is not a point in time such as \"2026-11-23T14:30:00Z\"",
                ),
            },
            (Kind::YesNo, Json::Bool(yes)) => Value::YesNo(*yes),
            (Kind::Choice { options }, Json::String(text)) => {
                if options.iter().any(|option| option.value == *text) {
                    Value::Text(text.clone())
                } else {
                    self.wrong("not_an_option", "is not one of the options")
                }
            }
            (
                Kind::List {
                    item,
                    min_items,
                    max_items,
                },
                Json::Array(items),
            ) => {
                self.count(items.len(), *min_items, *max_items);
                Value::List(
                    items
                        .iter()
                        .enumerate()
                        .map(|(index, json)| {
                            self.below(&index.to_string(), |reader| {
                                reader.read(json, item, depth + 1)
                            })
                        })
                        .collect(),
                )
            }
            (Kind::Record { fields }, Json::Object(object)) => {
                self.read_record(fields, object, depth)
            }
            (Kind::File, Json::Object(_)) => match serde_json::from_value(json.clone()) {
                Ok(file) => Value::File(file),
                Err(_) => self.wrong("wrong_kind", "is not a file"),
            },
            (
                Kind::Text { .. }
                | Kind::Integer
                | Kind::Decimal
                | Kind::Money { .. }
                | Kind::Date
                | Kind::Time
                | Kind::Instant
                | Kind::YesNo
                | Kind::Choice { .. }
                | Kind::List { .. }
                | Kind::Record { .. }
                | Kind::File,
                _,
            ) => self.wrong("wrong_kind", format!("is not {}", kind.noun())),
        }
    }

    fn read_record(&mut self, fields: &[Field], object: &Map<String, Json>, depth: usize) -> Value {
        let mut record = Record::with_capacity(fields.len());
        for field in fields {
            let json = object.get(&field.name).unwrap_or(&Json::Null);
            let value = if field.optional && json.is_null() {
                Value::Empty
            } else {
                self.below(&field.name, |reader| {
                    reader.read(json, &field.kind, depth + 1)
                })
            };
            record.insert(field.name.clone(), value);
        }
        Value::Record(record)
    }

    fn read_money(&mut self, money: Money, decimals: Option<u8>) -> Value {
        let most = money_decimals(&money.currency, decimals);
        if decimals.is_some() && money.amount.normalize().scale() > most {
            let mismatch = too_many_decimals(&money.currency, decimals, most);
            return self.wrong(&mismatch.code, mismatch.message);
        }
        Value::Money(money)
    }

    fn read_text(&mut self, text: &str, max_length: Option<u32>) -> Value {
        if text.contains('\0') {
            return self.wrong("bad_text", "holds a NUL character");
        }
        if let Some(most) = max_length {
            let length = text.chars().count();
            if length > most as usize {
                return self.wrong(
                    "too_long",
                    format!("has {length} characters, at most {most} fit"),
                );
            }
        }
        Value::Text(text.to_owned())
    }

    fn read_any(&mut self, json: &Json, depth: usize) -> Value {
        match json {
            Json::Null => Value::Empty,
            Json::Bool(yes) => Value::YesNo(*yes),
            Json::Number(number) => match whole(number) {
                Some(number) => Value::Integer(number),
                // The number's own text, so that 0.1 stays 0.1; an exponent is read, too.
                None => match Decimal::from_scientific(&number.to_string())
                    .ok()
                    .or_else(|| parse_decimal(&number.to_string()))
                {
                    Some(number) => Value::Decimal(number),
                    None => self.wrong("wrong_kind", "is a number beyond 28 digits"),
                },
            },
            Json::String(text) => self.read_text(text, None),
            Json::Array(items) => Value::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, json)| {
                        self.below(&index.to_string(), |reader| {
                            reader.read(json, &Kind::Any, depth + 1)
                        })
                    })
                    .collect(),
            ),
            Json::Object(object) => Value::Record(
                object
                    .iter()
                    .map(|(name, json)| {
                        let value =
                            self.below(name, |reader| reader.read(json, &Kind::Any, depth + 1));
                        (name.clone(), value)
                    })
                    .collect(),
            ),
        }
    }

    fn count(&mut self, length: usize, min: Option<u32>, max: Option<u32>) {
        if let Some(least) = min
            && length < least as usize
        {
            self.wrong(
                "too_few",
                format!("has {length} entries, at least {least} are needed"),
            );
        }
        if let Some(most) = max
            && length > most as usize
        {
            self.wrong(
                "too_many",
                format!("has {length} entries, at most {most} fit"),
            );
        }
    }

    fn below<T>(&mut self, segment: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escape_pointer(segment));
        let result = read(self);
        self.pointer.truncate(length);
        result
    }

    fn wrong(&mut self, code: &str, message: impl Into<String>) -> Value {
        self.problems.push(Mismatch {
            pointer: self.pointer.clone(),
            code: code.into(),
            message: message.into(),
        });
        Value::Empty
    }
}

/// One segment of a JSON pointer (RFC 6901, section 3).
pub fn escape_pointer(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().filter(|number| number.abs() <= MAX_INTEGER)
}

fn money(json: &Json) -> Option<Money> {
    let object = json.as_object()?;
    let currency = object.get("currency")?.as_str()?;
    let amount = parse_decimal(object.get("amount")?.as_str()?)?;
    (object.len() == 2 && is_currency(currency)).then(|| Money {
        amount,
        currency: currency.to_owned(),
    })
}

#[expect(clippy::too_many_lines, reason = "one arm for each kind")]
fn convert(value: Value, kind: &Kind, currency: &str) -> Result<Value, Mismatch> {
    let wrong = |value: &Value| Mismatch {
        pointer: String::new(),
        code: "wrong_kind".into(),
        message: format!("{} is not {}", value.kind_name(), kind.noun()),
    };
    Ok(match (kind, value) {
        (Kind::Any, value) => value,
        (_, Value::Empty) => Value::Empty,
        (Kind::Text { max_length }, value) => {
            let text = plain_text(&value).ok_or_else(|| wrong(&value))?;
            if let Some(most) = max_length
                && text.chars().count() > *most as usize
            {
                return Err(Mismatch {
                    pointer: String::new(),
                    code: "too_long".into(),
                    message: format!("is longer than {most} characters"),
                });
            }
            Value::Text(text)
        }
        (Kind::Integer, Value::Decimal(number)) if number.is_integer() => number
            .trunc()
            .to_string()
            .parse()
            .ok()
            .filter(|number: &i64| number.abs() <= MAX_INTEGER)
            .map(Value::Integer)
            .ok_or_else(|| wrong(&Value::Decimal(number)))?,
        (Kind::Integer, Value::Text(text)) => match text.trim().parse::<i64>() {
            Ok(number) if number.abs() <= MAX_INTEGER => Value::Integer(number),
            Ok(_) | Err(_) => return Err(wrong(&Value::Text(text))),
        },
        (Kind::Decimal, Value::Integer(number)) => Value::Decimal(number.into()),
        (Kind::Decimal, Value::Text(text)) => match parse_decimal(text.trim()) {
            Some(number) => Value::Decimal(number),
            None => return Err(wrong(&Value::Text(text))),
        },
        (Kind::Money { decimals }, Value::Integer(number)) => {
            fitted(number.into(), currency, *decimals)?
        }
        (Kind::Money { decimals }, Value::Decimal(amount)) => fitted(amount, currency, *decimals)?,
        (Kind::Money { decimals }, Value::Money(money)) => {
            fitted(money.amount, &money.currency, *decimals)?
        }
        (Kind::Money { decimals }, Value::Text(text)) => match parse_decimal(text.trim()) {
            Some(amount) => fitted(amount, currency, *decimals)?,
            None => return Err(wrong(&Value::Text(text))),
        },
        (Kind::Money { decimals }, Value::Record(record)) => {
            match money(&record_to_json(&record)) {
                Some(money) => fitted(money.amount, &money.currency, *decimals)?,
                None => return Err(wrong(&Value::Record(record))),
            }
        }
        (Kind::Date, Value::Text(text)) => match text.trim().parse() {
            Ok(date) => Value::Date(date),
            Err(_) => return Err(wrong(&Value::Text(text))),
        },
        (Kind::Time, Value::Text(text)) => match text.trim().parse() {
            Ok(time) => Value::Time(time),
            Err(_) => return Err(wrong(&Value::Text(text))),
        },
        (Kind::Instant, Value::Text(text)) => match text.trim().parse() {
            Ok(instant) => Value::Instant(instant),
            Err(_) => return Err(wrong(&Value::Text(text))),
        },
        (Kind::Choice { options }, Value::Text(text)) => {
            if options.iter().any(|option| option.value == text) {
                Value::Text(text)
            } else {
                return Err(Mismatch {
                    pointer: String::new(),
                    code: "not_an_option".into(),
                    message: format!("{text:?} is not one of the options"),
                });
            }
        }
        (Kind::List { item, .. }, Value::List(items)) => Value::List(
            items
                .into_iter()
                .enumerate()
                .map(|(index, value)| {
                    convert(value, item, currency).map_err(|error| error.under(&index.to_string()))
                })
                .collect::<Result<_, _>>()?,
        ),
        (Kind::Record { fields }, Value::Record(mut record)) => {
            let mut converted = Record::with_capacity(fields.len());
            for field in fields {
                let value = record.shift_remove(&field.name).unwrap_or(Value::Empty);
                let value = convert(value, &field.kind, currency)
                    .map_err(|error| error.under(&field.name))?;
                converted.insert(field.name.clone(), value);
            }
            Value::Record(converted)
        }
        (
            Kind::Integer
            | Kind::Decimal
            | Kind::Money { .. }
            | Kind::Date
            | Kind::Time
            | Kind::Instant
            | Kind::YesNo
            | Kind::Choice { .. }
            | Kind::List { .. }
            | Kind::Record { .. }
            | Kind::File,
            value,
        ) => match (kind, &value) {
            (Kind::Integer, Value::Integer(_))
            | (Kind::Decimal, Value::Decimal(_))
            | (Kind::Date, Value::Date(_))
            | (Kind::Time, Value::Time(_))
            | (Kind::Instant, Value::Instant(_))
            | (Kind::YesNo, Value::YesNo(_))
            | (Kind::File, Value::File(_)) => value,
            _ => return Err(wrong(&value)),
        },
    })
}

/// The unlocalised text of a value that has one.
fn plain_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        Value::Money(money) => format!("{} {}", money.amount, money.currency),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Instant(instant) => instant.to_string(),
        Value::Empty | Value::YesNo(_) | Value::List(_) | Value::Record(_) | Value::File(_) => {
            return None;
        }
    })
}

impl Mismatch {
    fn under(mut self, segment: &str) -> Self {
        self.pointer = format!("/{}{}", escape_pointer(segment), self.pointer);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "test values are written in place"
    )]
    fn round_trip(json: Json, kind: &Kind) {
        let value = Value::from_json(&json, kind).expect("the value fits its kind");
        assert_eq!(value.to_json(), json);
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "test values are written in place"
    )]
    fn check(json: Json, kind: &Kind, expected: &[(&str, &str)]) {
        let problems = Value::from_json(&json, kind).expect_err("the value does not fit its kind");
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
            .collect();
        assert_eq!(found, expected);
    }

    fn field(name: &str, kind: Kind, optional: bool) -> Field {
        Field {
            name: name.into(),
            title: String::new(),
            kind,
            optional,
        }
    }

    #[test]
    fn every_kind_survives_its_json_form() {
        round_trip(json!("Ünï"), &Kind::text());
        round_trip(json!(-7), &Kind::Integer);
        round_trip(json!("7420.00"), &Kind::Decimal);
        round_trip(
            json!({"amount": "-0.10", "currency": "EUR"}),
            &Kind::money(),
        );
        round_trip(json!("2026-11-23"), &Kind::Date);
        round_trip(json!("14:30:00"), &Kind::Time);
        round_trip(json!("2026-11-23T14:30:00Z"), &Kind::Instant);
        round_trip(json!(true), &Kind::YesNo);
        round_trip(
            json!([{"name": "a", "note": null}]),
            &Kind::rows(vec![
                field("name", Kind::text(), false),
                field("note", Kind::text(), true),
            ]),
        );
        round_trip(
            json!({"id": "018f4f5e-0000-7000-8000-000000000000", "name": "a.pdf", "content_type": "application/pdf", "size_bytes": 3}),
            &Kind::File,
        );
    }

    #[test]
    fn every_mismatch_is_told_with_its_place() {
        let kind = Kind::rows(vec![
            field("n", Kind::Integer, false),
            field(
                "t",
                Kind::Text {
                    max_length: Some(2),
                },
                false,
            ),
        ]);
        check(
            json!([{"n": 1.5, "t": "abc"}, {"t": "ab"}]),
            &kind,
            &[
                ("/0/n", "wrong_kind"),
                ("/0/t", "too_long"),
                ("/1/n", "missing"),
            ],
        );
        check(
            json!(9_007_199_254_740_992_i64),
            &Kind::Integer,
            &[("", "wrong_kind")],
        );
        check(json!(1.5), &Kind::Decimal, &[("", "wrong_kind")]);
        check(json!("1e3"), &Kind::Decimal, &[("", "wrong_kind")]);
        check(json!("a\u{0}"), &Kind::text(), &[("", "bad_text")]);
        check(
            json!({"amount": 1, "currency": "EUR"}),
            &Kind::money(),
            &[("", "wrong_kind")],
        );
        check(
            json!({"amount": "1", "currency": "eur"}),
            &Kind::money(),
            &[("", "wrong_kind")],
        );
    }

    #[test]
    fn foreign_numbers_keep_their_decimal_text() {
        let value = Value::from_any_json(&json!([0.1, 3, -2.5])).expect("numbers");
        assert_eq!(value.to_json(), json!(["0.1", 3, "-2.5"]),);
    }

    #[test]
    fn results_convert_to_declared_kinds() {
        let convert = |json: Json, kind: &Kind| {
            Value::from_any_json(&json)
                .expect("any")
                .convert(kind, "EUR")
                .map(|value| value.to_json())
        };
        assert_eq!(convert(json!(3), &Kind::Decimal), Ok(json!("3")));
        assert_eq!(
            convert(json!("3.50"), &Kind::money()),
            Ok(json!({"amount": "3.50", "currency": "EUR"}))
        );
        assert_eq!(
            convert(json!("2026-02-30"), &Kind::Date).map_err(|e| e.code),
            Err("wrong_kind".into())
        );
        assert_eq!(convert(json!(2), &Kind::text()), Ok(json!("2")));
        assert_eq!(convert(json!(null), &Kind::money()), Ok(json!(null)));
        // Read without knowing its kind it is a record.
        assert_eq!(
            convert(json!({"amount": "3.5", "currency": "USD"}), &Kind::money()),
            Ok(json!({"amount": "3.50", "currency": "USD"}))
        );
        assert_eq!(
            convert(json!({"amount": "3.5"}), &Kind::money()).map_err(|e| e.code),
            Err("wrong_kind".into())
        );
    }

    #[test]
    fn prices_keep_the_decimals_that_their_kind_has() {
        let convert = |json: Json, decimals: Option<u8>, currency: &str| {
            let value = Value::from_any_json(&json).expect("any");
            let converted = value.convert(&Kind::Money { decimals }, currency);
            converted
                .map(|value| value.to_json()["amount"].clone())
                .map_err(|mismatch| (mismatch.code, mismatch.message))
        };
        // What can be paid is rounded, as it always was.
        assert_eq!(convert(json!("0.0834"), None, "EUR"), Ok(json!("0.08")));
        assert_eq!(
            convert(json!("0.0834"), Some(4), "EUR"),
            Ok(json!("0.0834"))
        );
        assert_eq!(convert(json!("0.5"), Some(4), "EUR"), Ok(json!("0.50")));
        assert_eq!(convert(json!("0.5000"), Some(4), "EUR"), Ok(json!("0.50")));
        assert_eq!(convert(json!(7), Some(4), "JPY"), Ok(json!("7")));
        // No fewer than the currency's own.
        assert_eq!(convert(json!("1.25"), Some(0), "EUR"), Ok(json!("1.25")));
        let refused = |message: &str| Err(("too_many_decimals".to_owned(), message.to_owned()));
        assert_eq!(
            convert(json!("0.08345"), Some(4), "EUR"),
            refused("has more than 4 decimals")
        );
        assert_eq!(
            convert(
                json!({"amount": "0.08345", "currency": "USD"}),
                Some(4),
                "EUR"
            ),
            refused("has more than 4 decimals")
        );
    }

    #[test]
    fn amounts_that_are_sent_have_no_more_decimals_than_their_kind() {
        let price = Kind::Money { decimals: Some(4) };
        round_trip(json!({"amount": "0.0834", "currency": "EUR"}), &price);
        check(
            json!({"amount": "0.08345", "currency": "EUR"}),
            &price,
            &[("", "too_many_decimals")],
        );
        // Without a number of decimals nothing is refused, and a document has what can be paid.
        let fine = json!({"amount": "0.0834", "currency": "EUR"});
        round_trip(fine.clone(), &Kind::money());
        let paid = Value::payable_from_json(&fine, &Kind::money()).expect("an amount");
        assert_eq!(paid.to_json(), json!({"amount": "0.08", "currency": "EUR"}));
        let priced = Value::payable_from_json(&fine, &price).expect("a price");
        assert_eq!(priced.to_json(), fine);
    }
}
