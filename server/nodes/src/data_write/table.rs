//! Headings and rows of a list, and how a value stands in a cell of text.

use engine::{
    format::Formats,
    kind::{Field, Kind},
    node::NodeError,
    value::Value,
};
use indexmap::IndexSet;
use jiff::tz::Offset;

use crate::{
    delimited::{Numbers, guard},
    entries::{Entries, of_entry},
};

/// The heading above entries that are single values.
const SINGLE: &str = "Value";
/// Most columns of a file, as many as can be set up by hand: every row has a cell for each.
const MAX_COLUMNS: usize = 200;

pub(super) struct Table {
    pub(super) headings: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Table {
    /// All values of the entries, in their declared order; of entries whose kind is not known, in the order in which names appear.
    pub(super) fn of_all(entries: &Entries, item: &Kind) -> Result<Self, NodeError> {
        let names: Vec<(String, String)> = if let Kind::Record { fields } = item {
            let named = |field: &Field| (field.name.clone(), heading_of(field).to_owned());
            fields.iter().map(named).collect()
        } else {
            let mut found: IndexSet<&str> = IndexSet::new();
            for name in entries.items().flat_map(names_of) {
                found.insert(name);
                // Many more are not counted, only refused.
                if found.len() > MAX_COLUMNS {
                    break;
                }
            }
            let named = |name: &str| (name.to_owned(), name.to_owned());
            found.into_iter().map(named).collect()
        };
        if names.len() > MAX_COLUMNS {
            let message = format!(
                "The entries have more than {MAX_COLUMNS} different values, which are the most columns of a file. Choose the columns."
            );
            return Err(NodeError::failed("too_many_values", message).with("most", MAX_COLUMNS));
        }
        if names.is_empty() {
            return Ok(Self {
                headings: vec![SINGLE.to_owned()],
                rows: entries.items().map(|item| vec![item.clone()]).collect(),
            });
        }
        let rows = entries.items().map(|item| {
            let value = |(name, _): &(String, String)| match item {
                Value::Record(record) => record.get(name).cloned().unwrap_or(Value::Empty),
                other => other.clone(),
            };
            names.iter().map(value).collect()
        });
        Ok(Self {
            rows: rows.collect(),
            headings: names.into_iter().map(|(_, heading)| heading).collect(),
        })
    }

    /// Headings with the values below them.
    pub(super) fn of_columns(columns: Vec<(String, Vec<Value>)>) -> Self {
        let height = columns.first().map_or(0, |(_, values)| values.len());
        let mut rows: Vec<Vec<Value>> = vec![Vec::with_capacity(columns.len()); height];
        let mut headings = Vec::with_capacity(columns.len());
        for (heading, values) in columns {
            headings.push(heading);
            for (row, value) in rows.iter_mut().zip(values) {
                row.push(value);
            }
        }
        Self { headings, rows }
    }
}

fn names_of(item: &Value) -> impl Iterator<Item = &str> {
    let record = match item {
        Value::Record(record) => Some(record),
        _ => None,
    };
    record
        .into_iter()
        .flat_map(|record| record.keys().map(String::as_str))
}

pub(super) fn heading_of(field: &Field) -> &str {
    match field.title.trim() {
        "" => &field.name,
        title => title,
    }
}

/// Whether values of a kind stand in one cell.
pub(super) fn is_cell(kind: &Kind) -> bool {
    match kind {
        Kind::Record { .. } => false,
        Kind::List { item, .. } => !matches!(**item, Kind::Record { .. } | Kind::List { .. }),
        Kind::Text { .. }
        | Kind::Integer
        | Kind::Decimal
        | Kind::Money { .. }
        | Kind::Date
        | Kind::Time
        | Kind::Instant
        | Kind::YesNo
        | Kind::Choice { .. }
        | Kind::File
        | Kind::Any => true,
    }
}

/// A value as text that reading gives back: numbers in the language, dates as ISO 8601 has them. `place` is the row and the heading.
pub(super) fn text(
    value: &Value,
    formats: &Formats,
    numbers: Numbers,
    place: (i64, &str),
) -> Result<String, NodeError> {
    let number = |number| match numbers {
        Numbers::Language => formats.plain_number(number),
        Numbers::Point => number.to_string(),
    };
    Ok(match value {
        Value::Empty => String::new(),
        Value::Text(text) => guard(text.clone()),
        Value::File(file) => guard(file.name.clone()),
        Value::Integer(number) => number.to_string(),
        Value::Decimal(decimal) => number(*decimal),
        Value::Money(money) if money.currency == formats.currency => number(money.amount),
        Value::Money(money) => format!("{} {}", number(money.amount), money.currency),
        Value::Date(date) => date.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Instant(instant) => {
            let zone: Offset = formats.time_zone.to_offset(*instant);
            instant.display_with_offset(zone).to_string()
        }
        Value::YesNo(yes) => match numbers {
            Numbers::Language => formats.yes_no(*yes).to_owned(),
            Numbers::Point => yes.to_string(),
        },
        Value::List(items) => {
            let parts: Vec<String> = items
                .iter()
                .map(|item| text(item, formats, numbers, place))
                .collect::<Result<_, _>>()?;
            guard(parts.join(", "))
        }
        Value::Record(_) => return Err(not_a_cell(value, place)),
    })
}

/// A value that has no place in a cell.
pub(super) fn not_a_cell(value: &Value, (number, heading): (i64, &str)) -> NodeError {
    let kind = value.kind_name();
    let message = format!(
        "\u{201c}{heading}\u{201d} is {kind}, which has no place in a cell. Choose one of its values."
    );
    let error = NodeError::failed("not_a_cell", message);
    of_entry(error.with("heading", heading).with("kind", kind), number)
}
