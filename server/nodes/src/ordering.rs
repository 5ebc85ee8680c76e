//! The order of values of one kind, texts as the workflow's language sorts them: what `list_filter` sorts by and `list_group` finds the
//! least and the greatest by.

use std::cmp::Ordering;

use engine::{kind::Kind, node::NodeError, value::Value};
use icu_collator::{
    CollatorBorrowed, CollatorPreferences, options::CollatorOptions,
    preferences::CollationNumericOrdering,
};
use icu_locale_core::Locale;
use rust_decimal::Decimal;

use crate::{entries::of_entry, values::capital};

/// Whether values of a kind have an order.
pub(crate) fn is_ordered(kind: &Kind) -> bool {
    match kind {
        Kind::Text { .. }
        | Kind::Integer
        | Kind::Decimal
        | Kind::Money { .. }
        | Kind::Date
        | Kind::Time
        | Kind::Instant
        | Kind::YesNo
        | Kind::Choice { .. }
        | Kind::Any => true,
        Kind::List { .. } | Kind::Record { .. } | Kind::File => false,
    }
}

/// Empty values have an order only among the others, which whoever sorts decides.
pub(crate) fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Empty) || matches!(value, Value::Text(text) if text.trim().is_empty())
}

/// Orders values of one language.
pub(crate) struct Sorter {
    collator: CollatorBorrowed<'static>,
}

impl Sorter {
    /// Digits in texts count as numbers: `No. 9` comes before `No. 10`. A language that is not known sorts as Unicode's root does.
    pub(crate) fn new(locale: &str) -> Result<Self, NodeError> {
        let locale = Locale::try_from_str(locale).unwrap_or(Locale::UNKNOWN);
        let mut preferences = CollatorPreferences::from(&locale);
        preferences.numeric_ordering = Some(CollationNumericOrdering::True);
        let collator = CollatorBorrowed::try_new(preferences, CollatorOptions::default()).map_err(
            |error| {
                NodeError::failed(
                    "no_order_of_letters",
                    format!("The order of the language's letters is not known: {error}."),
                )
                .with("reason", error.to_string())
            },
        )?;
        Ok(Self { collator })
    }

    /// The order of two values that `comparable` has let pass; of others, none is before the other.
    pub(crate) fn compare(&self, a: &Value, b: &Value) -> Ordering {
        match (a, b) {
            (Value::Text(a), Value::Text(b)) => self.collator.compare(a, b),
            (Value::Money(a), Value::Money(b)) => a.amount.cmp(&b.amount),
            (Value::Date(a), Value::Date(b)) => a.cmp(b),
            (Value::Time(a), Value::Time(b)) => a.cmp(b),
            (Value::Instant(a), Value::Instant(b)) => a.cmp(b),
            (Value::YesNo(a), Value::YesNo(b)) => a.cmp(b),
            _ => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => Ordering::Equal,
            },
        }
    }
}

/// All values are of one kind that has an order, amounts of one currency; else the error names the first entry that is not. The values
/// come with the numbers of their entries.
pub(crate) fn comparable<'a>(
    values: impl Iterator<Item = (i64, &'a Value)>,
) -> Result<(), NodeError> {
    let mut first: Option<&Value> = None;
    for (number, value) in values {
        if is_empty(value) {
            continue;
        }
        let fault = match first {
            None => {
                first = Some(value);
                (!has_order(value)).then(|| not_ordered(value))
            }
            Some(first) => difference(first, value),
        };
        if let Some(error) = fault {
            return Err(of_entry(error, number));
        }
    }
    Ok(())
}

fn has_order(value: &Value) -> bool {
    match value {
        Value::Text(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Money(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Instant(_)
        | Value::YesNo(_) => true,
        Value::Empty | Value::List(_) | Value::Record(_) | Value::File(_) => false,
    }
}

/// Why a value has no order beside another one that has.
fn difference(first: &Value, value: &Value) -> Option<NodeError> {
    match (first, value) {
        (Value::Money(a), Value::Money(b)) if a.currency != b.currency => {
            let message = format!("{} cannot be compared with {}.", b.currency, a.currency);
            let error = NodeError::failed("mixed_currencies", message);
            Some(
                error
                    .with("currency", b.currency.as_str())
                    .with("other", a.currency.as_str()),
            )
        }
        (Value::Money(_), Value::Money(_))
        | (Value::Text(_), Value::Text(_))
        | (Value::Date(_), Value::Date(_))
        | (Value::Time(_), Value::Time(_))
        | (Value::Instant(_), Value::Instant(_))
        | (Value::YesNo(_), Value::YesNo(_)) => None,
        _ if number(first).is_some() && number(value).is_some() => None,
        _ if !has_order(value) => Some(not_ordered(value)),
        _ => {
            let (kind, other) = (value.kind_name(), first.kind_name());
            let message = format!("{} cannot be compared with {other}.", capital(kind));
            let error = NodeError::failed("not_comparable", message);
            Some(error.with("kind", kind).with("other", other))
        }
    }
}

fn not_ordered(value: &Value) -> NodeError {
    let kind = value.kind_name();
    NodeError::failed("not_ordered", format!("{} has no order.", capital(kind))).with("kind", kind)
}

pub(crate) fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Decimal(number) => Some(*number),
        Value::Empty
        | Value::Text(_)
        | Value::Money(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Instant(_)
        | Value::YesNo(_)
        | Value::List(_)
        | Value::Record(_)
        | Value::File(_) => None,
    }
}

/// The same text for several values that are the same to people, as `identity` has it.
pub(crate) fn identities<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    serde_json::Value::Array(values.map(identity).collect()).to_string()
}

/// The same for values that are the same to people: numbers by what they say, texts without regard to case and to blanks around them.
fn identity(value: &Value) -> serde_json::Value {
    use serde_json::json;
    match value {
        _ if is_empty(value) => json!(null),
        Value::Text(text) => json!(["text", text.trim().to_lowercase()]),
        Value::Integer(number) => json!(["number", number.to_string()]),
        Value::Decimal(number) => json!(["number", number.normalize().to_string()]),
        Value::Money(money) => {
            json!([
                "money",
                money.amount.normalize().to_string(),
                money.currency
            ])
        }
        Value::Date(date) => json!(["date", date.to_string()]),
        Value::Time(time) => json!(["time", time.to_string()]),
        Value::Instant(instant) => json!(["instant", instant.to_string()]),
        Value::YesNo(yes) => json!(["yes_no", yes]),
        Value::File(file) => json!(["file", file.id]),
        Value::List(items) => {
            json!(["list", items.iter().map(identity).collect::<Vec<_>>()])
        }
        Value::Record(record) => {
            let parts: Vec<_> = record
                .iter()
                .map(|(name, value)| json!([name, identity(value)]))
                .collect();
            json!(["record", parts])
        }
        Value::Empty => json!(null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(locale: &str, texts: &[&str]) -> Vec<String> {
        let sorter = Sorter::new(locale).expect("a language");
        let mut values: Vec<Value> = texts
            .iter()
            .map(|text| Value::Text((*text).to_owned()))
            .collect();
        comparable((1..).zip(&values)).expect("texts");
        values.sort_by(|a, b| sorter.compare(a, b));
        values
            .into_iter()
            .map(|value| match value {
                Value::Text(text) => text,
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn texts_sort_as_their_language_does() {
        assert_eq!(
            sorted("de", &["Zoo", "Äpfel", "apfel", "Öl", "Ofen"]),
            ["apfel", "Äpfel", "Ofen", "Öl", "Zoo"]
        );
        assert_eq!(
            sorted("sv", &["Zoo", "Äpple", "Ask"]),
            ["Ask", "Zoo", "Äpple"]
        );
        // By pinyin: Beijing, Guangzhou, Shanghai.
        assert_eq!(
            sorted("zh-CN", &["上海", "北京", "广州"]),
            ["北京", "广州", "上海"]
        );
        assert_eq!(sorted("en", &["No. 10", "No. 9"]), ["No. 9", "No. 10"]);
        assert_eq!(sorted("not a language", &["b", "a"]), ["a", "b"]);
    }

    #[test]
    fn what_has_no_common_order_is_named_with_its_entry() {
        let check = |values: &[Value], message: &str| {
            let error = comparable((1..).zip(values)).expect_err("no order");
            assert_eq!(error.to_string(), message);
        };
        let money = |currency: &str| {
            Value::Money(engine::value::Money {
                amount: Decimal::ONE,
                currency: currency.into(),
            })
        };
        check(
            &[Value::Empty, money("EUR"), money("USD")],
            "Entry 3: USD cannot be compared with EUR.",
        );
        check(
            &[Value::Integer(1), Value::Text("1".into())],
            "Entry 2: A text cannot be compared with a whole number.",
        );
        check(&[Value::List(Vec::new())], "Entry 1: A list has no order.");
    }

    #[test]
    fn values_that_people_call_the_same_are_the_same() {
        let decimal = |text: &str| Value::Decimal(text.parse().expect("a number"));
        assert_eq!(identity(&Value::Integer(1)), identity(&decimal("1.00")));
        let text = |text: &str| identity(&Value::Text(text.into()));
        assert_eq!(text("ACME "), text("acme"));
        assert_eq!(text("  "), identity(&Value::Empty));
        assert_ne!(text("1"), identity(&Value::Integer(1)));
    }
}
