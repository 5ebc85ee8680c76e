//! JSON as other programs write it: their names and numbers are brought into ours, and the fields of a body are told from a sample.

use std::{borrow::Cow, collections::HashMap, ops::Range};

use heck::{ToSnakeCase as _, ToTitleCase as _};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use crate::kind::{Field, Kind, is_name};

/// Most fields told from one sample, at every level.
const MAX_FIELDS: usize = 100;
/// Entries of a list that are looked at.
const MAX_ENTRIES: usize = 50;
/// Deeper values stay as they come.
const MAX_DEPTH: usize = 6;
/// Whole numbers of JSON are exact below this.
const EXACT: i64 = 1 << 53;

/// How we call what another program calls `key`, such as `order_id` for `orderId`; `None` where nothing is left of it.
pub fn name_of(key: &str) -> Option<String> {
    let name = key.to_snake_case();
    is_name(&name).then_some(name)
}

/// The body with our names and in the JSON form of the kinds that are expected: a field is found by its name, or else by what its name
/// would be here; numbers become texts where decimals are expected, and get the workflow's currency where money is. What does not fit
/// stays as it is, to be refused with a reason.
pub fn adopt(json: &Json, kind: &Kind, currency: &str) -> Json {
    match (json, kind) {
        (Json::Object(body), Kind::Record { fields }) => {
            let named = by_name(body);
            let mut adopted = Map::new();
            for field in fields {
                if let Some(value) = named.get(&field.name) {
                    adopted.insert(field.name.clone(), adopt(value, &field.kind, currency));
                }
            }
            Json::Object(adopted)
        }
        (Json::Array(items), Kind::List { item, .. }) => items
            .iter()
            .map(|entry| adopt(entry, item, currency))
            .collect(),
        (Json::Number(number), Kind::Decimal) => json!(plain(number)),
        (Json::Number(number), Kind::Money { .. }) => {
            json!({"amount": plain(number), "currency": currency})
        }
        (Json::String(amount), Kind::Money { .. }) => {
            json!({"amount": amount, "currency": currency})
        }
        _ => json.clone(),
    }
}

/// The values by their names here; what has such a name already comes before what would get it.
fn by_name(body: &Map<String, Json>) -> HashMap<String, &Json> {
    let mut named = HashMap::with_capacity(body.len());
    for (key, value) in body.iter().filter(|(key, _)| is_name(key)) {
        named.insert(key.clone(), value);
    }
    for (key, value) in body {
        if let Some(name) = name_of(key) {
            named.entry(name).or_insert(value);
        }
    }
    named
}

/// Without a power of ten, as decimals are written here; JSON writers use one for small and large numbers.
fn plain(number: &serde_json::Number) -> String {
    let text = number.to_string();
    if !text.contains(['e', 'E']) {
        return text;
    }
    Decimal::from_scientific(&text).map_or(text, |decimal| decimal.normalize().to_string())
}

/// A number of the text that would be another one when it was read: with more digits than binary numbers keep (IEEE 754, double
/// precision). What a program prints of such a number itself, such as 0.30000000000000004, stays as it is. `text` is well-formed JSON.
pub fn inexact_number(text: &str) -> Option<&str> {
    next_inexact(text, 0).map(|place| &text[place])
}

/// The text with every such number as a text, so that it is read as it came.
pub fn with_exact_numbers(text: &str) -> Cow<'_, str> {
    let mut exact = String::new();
    let mut done = 0;
    while let Some(place) = next_inexact(text, done) {
        exact.push_str(&text[done..place.start]);
        exact.push('"');
        exact.push_str(&text[place.clone()]);
        exact.push('"');
        done = place.end;
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    exact.push_str(&text[done..]);
    Cow::Owned(exact)
}

/// Where the first such number is, from a place on that is outside of texts.
fn next_inexact(text: &str, from: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let rest = &text[at..];
                let end = rest
                    .find(|letter: char| !matches!(letter, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
                    .unwrap_or(rest.len());
                if !is_exact(&rest[..end]) {
                    return Some(at..at + end);
                }
                at += end;
            }
            _ => at += 1,
        }
    }
    None
}

/// Whether the number is the same when it was read as JSON and written again. Whole numbers of 64 bits do not become binary ones.
fn is_exact(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    serde_json::from_str::<f64>(number)
        .is_ok_and(|read| digits_of(number) == digits_of(&format!("{read:e}")))
}

/// The digits of a number from the first to the last that is not zero, and the power of ten of the last one.
fn digits_of(number: &str) -> Option<(String, i64)> {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some((String::new(), 0));
    }
    let dropped = i64::try_from(digits.len() - kept.len()).ok()?;
    let power: i64 = power.parse().ok()?;
    let last = power
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(dropped)?;
    Some((kept.trim_start_matches('0').to_owned(), last))
}

/// The fields of a body, as its sample has them. What the sample leaves empty may be empty.
pub fn fields_of(sample: &Map<String, Json>) -> Vec<Field> {
    fields_within(&[sample], 0)
}

fn fields_within(samples: &[&Map<String, Json>], depth: usize) -> Vec<Field> {
    let named: Vec<_> = samples.iter().map(|sample| by_name(sample)).collect();
    let mut fields: Vec<Field> = Vec::new();
    for key in samples.iter().flat_map(|sample| sample.keys()) {
        if fields.len() >= MAX_FIELDS {
            break;
        }
        let Some(name) = name_of(key) else { continue };
        if fields.iter().any(|field| field.name == name) {
            continue;
        }
        let values: Vec<&Json> = named
            .iter()
            .filter_map(|sample| sample.get(&name).copied())
            .filter(|value| !value.is_null())
            .collect();
        fields.push(Field {
            title: key.to_title_case(),
            kind: kind_of(&values, depth + 1),
            optional: values.len() < samples.len(),
            name,
        });
    }
    fields
}

/// The one kind that all these values have.
fn kind_of(values: &[&Json], depth: usize) -> Kind {
    let all = |fits: fn(&Json) -> bool| values.iter().all(|value| fits(value));
    if values.is_empty() {
        return Kind::text();
    }
    if depth > MAX_DEPTH {
        return Kind::Any;
    }
    if all(Json::is_boolean) {
        return Kind::YesNo;
    }
    if all(|value| value.as_i64().is_some_and(|number| number.abs() < EXACT)) {
        return Kind::Integer;
    }
    if all(Json::is_number) {
        return Kind::Decimal;
    }
    if all(Json::is_string) {
        return kind_of_texts(values);
    }
    if all(is_money) {
        return Kind::money();
    }
    if all(Json::is_object) {
        let records: Vec<_> = values
            .iter()
            .filter_map(|value| value.as_object())
            .collect();
        return Kind::Record {
            fields: fields_within(&records, depth),
        };
    }
    if all(Json::is_array) {
        let entries: Vec<&Json> = values
            .iter()
            .filter_map(|value| value.as_array())
            .flatten()
            .take(MAX_ENTRIES)
            .collect();
        let some_empty = entries.iter().any(|entry| entry.is_null());
        return Kind::list(if entries.is_empty() || some_empty {
            Kind::Any
        } else {
            kind_of(&entries, depth + 1)
        });
    }
    Kind::Any
}

fn kind_of_texts(values: &[&Json]) -> Kind {
    let all = |fits: fn(&str) -> bool| values.iter().filter_map(|value| value.as_str()).all(fits);
    if all(|text| text.len() == 10 && text.parse::<Date>().is_ok()) {
        Kind::Date
    } else if all(|text| text.parse::<Timestamp>().is_ok()) {
        Kind::Instant
    } else {
        Kind::text()
    }
}

fn is_money(json: &Json) -> bool {
    let text = |name: &str| json.get(name).and_then(Json::as_str);
    let only = json.as_object().is_some_and(|fields| fields.len() == 2);
    only && text("amount").is_some_and(|amount| amount.parse::<Decimal>().is_ok())
        && text("currency").is_some_and(|code| code.len() == 3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::value::Value;

    fn json_value() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            (-1_000_000i32..1_000_000).prop_map(|cents| json!(f64::from(cents) / 100.0)),
            "[a-z ]{0,6}".prop_map(Json::from),
            Just(json!("2027-03-08")),
            Just(json!({"amount": "1.20", "currency": "EUR"})),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                proptest::collection::hash_map("[a-zA-Z_]{1,6}", inner, 0..5)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    fn object(json: Json) -> Map<String, Json> {
        match json {
            Json::Object(object) => object,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn names_become_ours() {
        let check = |key: &str, expected: Option<&str>| {
            assert_eq!(name_of(key).as_deref(), expected, "{key}");
        };
        check("orderId", Some("order_id"));
        check("Order-No.", Some("order_no"));
        check("HTTPStatus", Some("http_status"));
        check("total", Some("total"));
        check("订单", None);
        check("1st", None);
        check("", None);
    }

    #[test]
    fn the_fields_of_a_sample_are_told() {
        let sample = object(json!({
            "orderId": 17, "total": 12.5, "paid": true, "due": "2027-03-08", "createdAt": "2027-03-08T10:00:00Z",
            "deposit": {"amount": "5.00", "currency": "EUR"}, "note": null, "tags": [],
            "customer": {"firstName": "Ada"}, "lines": [{"sku": "A"}, {"sku": "B", "qty": 2}],
        }));
        let told: Vec<Json> = fields_of(&sample)
            .iter()
            .map(|field| json!(field))
            .collect();
        let expected = json!([
            {"name": "order_id", "title": "Order Id", "kind": "integer", "optional": false},
            {"name": "total", "title": "Total", "kind": "decimal", "optional": false},
            {"name": "paid", "title": "Paid", "kind": "yes_no", "optional": false},
            {"name": "due", "title": "Due", "kind": "date", "optional": false},
            {"name": "created_at", "title": "Created At", "kind": "instant", "optional": false},
            {"name": "deposit", "title": "Deposit", "kind": "money", "optional": false},
            {"name": "note", "title": "Note", "kind": "text", "optional": true},
            {"name": "tags", "title": "Tags", "kind": "list", "item": {"kind": "any"}, "optional": false},
            {"name": "customer", "title": "Customer", "kind": "record", "optional": false, "fields": [
                {"name": "first_name", "title": "First Name", "kind": "text", "optional": false}]},
            {"name": "lines", "title": "Lines", "kind": "list", "optional": false, "item": {"kind": "record", "fields": [
                {"name": "sku", "title": "Sku", "kind": "text", "optional": false},
                {"name": "qty", "title": "Qty", "kind": "integer", "optional": true}]}},
        ]);
        for (told, expected) in told.iter().zip(expected.as_array().expect("fields")) {
            assert_eq!(told, expected);
        }
        assert_eq!(told.len(), 10);
    }

    #[test]
    fn numbers_that_would_change_are_found() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(inexact_number(text), expected, "{text}");
        };
        check(
            r#"{"a": 12.5, "b": [0.1, -3, 1e3, 9007199254740993]}"#,
            None,
        );
        check(
            r#"{"a": 123456789012345.00, "b": 0.000123456789012345}"#,
            None,
        );
        check("[0.30000000000000004, -1.5e-7, 0.0, 1E3, 100.0]", None);
        check(r#"{"a": 0.10000000000000001}"#, Some("0.10000000000000001"));
        check("[1, 12345678901234567.89]", Some("12345678901234567.89"));
        check("123456789012345678901", Some("123456789012345678901"));
        check(
            r#"{"1.2345678901234567": "9.87654321098765432 \\\" 1.2345678901234567"}"#,
            None,
        );
        check(
            r#""é \\", -1.23456789012345678e5"#,
            Some("-1.23456789012345678e5"),
        );
    }

    #[test]
    fn a_body_is_read_whatever_its_names_look_like() {
        let kind: Kind = serde_json::from_value(json!({"kind": "record", "fields": [
            {"name": "order_id", "kind": "text"}, {"name": "total", "kind": "money"},
            {"name": "lines", "kind": "list", "item": {"kind": "record", "fields": [{"name": "unit_price", "kind": "decimal"}]}}]}))
        .expect("a kind");
        let body = json!({"orderId": "A", "Total": 12.5, "lines": [{"unitPrice": 0.1, "more": 1}]});
        let expected = json!({"order_id": "A", "total": {"amount": "12.5", "currency": "EUR"}, "lines": [{"unit_price": "0.1"}]});
        assert_eq!(adopt(&body, &kind, "EUR"), expected);
    }

    #[test]
    fn numbers_with_a_power_of_ten_are_decimals() {
        let check = |text: &str, expected: &str| {
            let number: Json = serde_json::from_str(text).expect("a number");
            let adopted = adopt(&number, &Kind::Decimal, "EUR");
            assert_eq!(adopted, json!(expected), "{text}");
            assert!(Value::from_json(&adopted, &Kind::Decimal).is_ok(), "{text}");
        };
        check("1e-6", "0.000001");
        check("1.5E-7", "0.00000015");
        check("1e20", "100000000000000000000");
        check("12.50", "12.5");
        let money = adopt(&json!(1e-6), &Kind::money(), "EUR");
        assert_eq!(money["amount"], "0.000001");
    }

    #[test]
    fn a_name_that_is_ours_already_comes_first() {
        let kind: Kind = serde_json::from_value(
            json!({"kind": "record", "fields": [{"name": "order_id", "kind": "integer"}]}),
        )
        .expect("a kind");
        let body = json!({"orderId": 1, "order_id": 2, "ORDER-ID": 3});
        assert_eq!(adopt(&body, &kind, "EUR"), json!({"order_id": 2}));
        let body = json!({"orderId": 1, "ORDER-ID": 3});
        let first = body.as_object().and_then(|body| body.values().next());
        assert_eq!(Some(&adopt(&body, &kind, "EUR")["order_id"]), first);
    }

    proptest! {
        /// Whatever is sent once as a sample is taken when it comes again.
        #[test]
        fn a_sample_fits_its_own_fields(sample in json_value()) {
            let Json::Object(sample) = sample else { return Ok(()) };
            let kind = Kind::Record { fields: fields_of(&sample) };
            let adopted = adopt(&Json::Object(sample), &kind, "EUR");
            prop_assert!(Value::from_json(&adopted, &kind).is_ok(), "{adopted} {kind:?}");
        }

        /// JavaScript, Python and others write the shortest digits that are read as the same number.
        #[test]
        fn what_programs_print_of_a_number_is_exact(bits in any::<u64>()) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let printed = format!("[{number:?}]");
            prop_assert_eq!(inexact_number(&printed), None);
        }
    }
}
