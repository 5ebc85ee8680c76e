//! JSON: an array of objects, or an object with such a list inside.

use std::collections::HashMap;

use engine::{
    foreign::inexact_number,
    form::Typed,
    kind::{Field, Kind},
    node::{NodeError, StepError},
    value::{Mismatch, Value},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json};

use super::{
    rows::{Cell, MAX_HEADINGS, Rows, heading, mismatch, too_many_columns},
    title,
};

/// Most digits of a number that an error repeats.
const MAX_TOLD: usize = 60;

pub(super) fn read(text: &str, list: &str, rows: &mut Rows<'_>) -> Result<(), NodeError> {
    let text = text.trim_start_matches('\u{feff}');
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let message = format!("The file is not JSON: {error}.");
        NodeError::failed("not_json", message).with("reason", error.to_string())
    })?;
    // Said before a cell is looked at: what the reader made of such a number may have fewer digits again.
    if let Some(number) = inexact_number(text) {
        let number: String = number.chars().take(MAX_TOLD).collect();
        let message = format!(
            "The number {number} has more digits than a JSON number keeps. Let the file have it as a text."
        );
        return Err(NodeError::failed("inexact_number", message).with("number", number));
    }
    for (number, entry) in (1_u64..).zip(find(&json, list)?) {
        let Json::Object(entry) = entry else {
            let message = format!("Row {number} is not a group of named values.");
            rows.add(StepError::new("row_not_a_record", message).with("row", number));
            continue;
        };
        if entry.len() > MAX_HEADINGS {
            return Err(too_many_columns(entry.len()));
        }
        let columns = rows.columns();
        let is_named = |column: &Field| entry.contains_key(&column.name);
        let by_heading = if columns.iter().all(is_named) {
            HashMap::new()
        } else {
            by_heading(entry)
        };
        let cells: Vec<Cell> = columns
            .iter()
            .map(|column| {
                let like = |text: &str| by_heading.get(&heading(text)).copied();
                let found = entry
                    .get(&column.name)
                    .or_else(|| like(title(column)))
                    .or_else(|| like(&column.name));
                found.map_or(Cell::Empty, |json| Cell::Json(json.clone()))
            })
            .collect();
        rows.record(number, &cells)?;
    }
    Ok(())
}

/// The values by their names as they are compared; the first of those that are alike.
fn by_heading(entry: &Map<String, Json>) -> HashMap<String, &Json> {
    let mut found = HashMap::with_capacity(entry.len());
    for (name, json) in entry {
        found.entry(heading(name)).or_insert(json);
    }
    found
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

/// Numbers that a JSON reader would change were refused (`inexact_number`).
fn exact(number: &serde_json::Number) -> Result<Decimal, Mismatch> {
    let text = number.to_string();
    Decimal::from_scientific(&text)
        .ok()
        .or_else(|| engine::value::parse_decimal(&text))
        .ok_or_else(|| mismatch("too_long", "has more digits than fit"))
}
