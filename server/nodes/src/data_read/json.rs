//! JSON: an array of objects, or an object with such a list inside.

use engine::{
    form::Typed,
    kind::Kind,
    node::{NodeError, StepError},
    value::{Mismatch, Value},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::{
    rows::{Cell, Rows, heading, mismatch},
    title,
};

/// Digits that a JSON number surely kept.
const EXACT_DIGITS: usize = 15;

pub(super) fn read(text: &str, list: &str, rows: &mut Rows<'_>) -> Result<(), NodeError> {
    let text = text.trim_start_matches('\u{feff}');
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let message = format!("The file is not JSON: {error}.");
        NodeError::failed("not_json", message).with("reason", error.to_string())
    })?;
    for (number, entry) in (1_u64..).zip(find(&json, list)?) {
        let Json::Object(entry) = entry else {
            let message = format!("Row {number} is not a group of named values.");
            rows.add(StepError::new("row_not_a_record", message).with("row", number));
            continue;
        };
        let cells: Vec<Cell> = rows
            .columns()
            .iter()
            .map(|column| {
                let found = entry.get(&column.name).or_else(|| {
                    by_heading(entry, title(column)).or_else(|| by_heading(entry, &column.name))
                });
                found.map_or(Cell::Empty, |json| Cell::Json(json.clone()))
            })
            .collect();
        rows.record(number, &cells)?;
    }
    Ok(())
}

fn by_heading<'a>(entry: &'a Map<String, Json>, wanted: &str) -> Option<&'a Json> {
    let wanted = heading(wanted);
    let mut found = entry.iter().filter(|(name, _)| heading(name) == wanted);
    found.next().map(|(_, json)| json)
}

/// The list by its path, or the only one there is.
fn find<'a>(json: &'a Json, path: &str) -> Result<&'a [Json], NodeError> {
    let mut at = json;
    for name in path
        .split('.')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        at = at.get(name).ok_or_else(|| no_list(json))?;
    }
    match at {
        Json::Array(entries) => Ok(entries),
        Json::Object(object) => {
            let mut lists = object.values().filter_map(Json::as_array);
            match (lists.next(), lists.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(no_list(json)),
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Err(no_list(json)),
    }
}

fn no_list(json: &Json) -> NodeError {
    let object = json.as_object();
    let names: Vec<&str> = object
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
        .take(20)
        .collect();
    let names = names.join(", ");
    NodeError::failed(
        "no_list_inside",
        format!("The list was not found in the file. It holds: {names}. Say where the list is."),
    )
    .with("names", names)
}

/// In our own JSON form, or as other programs write it: numbers as JSON numbers, everything as text.
pub(super) fn value(json: &Json, kind: &Kind, typed: &Typed) -> Result<Value, Mismatch> {
    if json.is_null() {
        return Ok(Value::Empty);
    }
    let fault = match Value::from_json(json, kind) {
        Ok(value) if !matches!(kind, Kind::Any) => return Ok(value),
        Ok(_) => mismatch("wrong_kind", "is not a value"),
        Err(faults) => faults
            .into_iter()
            .next()
            .unwrap_or_else(|| mismatch("wrong_kind", "does not fit")),
    };
    match json {
        Json::String(text) => typed.read(text, kind),
        Json::Number(number) => exact(number).and_then(|number| typed.number_as(number, kind)),
        Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
            if matches!(kind, Kind::Any) {
                Value::from_any_json(json).map_err(|_| fault)
            } else {
                Err(fault)
            }
        }
    }
}

/// A JSON number goes through binary floating point; one with more digits than that keeps may have been another.
fn exact(number: &serde_json::Number) -> Result<Decimal, Mismatch> {
    let text = number.to_string();
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = digits.bytes().filter(u8::is_ascii_digit).count();
    if number.is_f64() && digits > EXACT_DIGITS + 1 {
        return Err(mismatch(
            "too_many_digits",
            "has more digits than a JSON number keeps; send it as a text",
        ));
    }
    Decimal::from_scientific(&text)
        .ok()
        .or_else(|| engine::value::parse_decimal(&text))
        .ok_or_else(|| mismatch("too_long", "has more digits than fit"))
}
