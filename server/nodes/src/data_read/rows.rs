//! Rows of typed values made of cells, and every cell that does not fit with its place.

use engine::{
    form::Typed,
    kind::{Field, Kind},
    node::{Done, NodeError, StepError, Warning},
    value::{Mismatch, Money, Record, Value, too_many_decimals},
};
use jiff::civil::DateTime;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::title;
use crate::entries::MAX_ENTRIES;

/// Most headings of a file.
pub(super) const MAX_HEADINGS: usize = 1000;
/// Most cells that an error lists; what is beyond is counted.
const MAX_FAULTS: usize = 50;
/// Longest content of a cell that an error repeats, in letters.
const EXCERPT: usize = 60;

/// Who takes the rows of a sheet as they come.
pub(super) trait Take {
    fn head(&mut self, headings: &[String]) -> Result<(), NodeError>;
    /// A row that is not blank; it counts from 1, as spreadsheets count.
    fn row(&mut self, number: u64, cells: &[Cell]) -> Result<(), NodeError>;
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    /// With the currency that its format names.
    Number(Decimal, Option<String>),
    Moment(DateTime),
    YesNo(bool),
    /// An error of the spreadsheet, or what cannot be a value.
    Fault(String),
    Json(Json),
}

impl Cell {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Empty | Self::Json(Json::Null) => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Number(..)
            | Self::Moment(_)
            | Self::YesNo(_)
            | Self::Fault(_)
            | Self::Json(_) => false,
        }
    }

    fn content(&self) -> String {
        let text = match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Fault(text) => text.clone(),
            Self::Number(number, _) => number.to_string(),
            Self::Moment(moment) => moment.to_string(),
            Self::YesNo(yes) => yes.to_string(),
            Self::Json(json) => json.to_string(),
        };
        let mut letters = text.trim().chars();
        let excerpt: String = letters.by_ref().take(EXCERPT).collect();
        if letters.next().is_some() {
            format!("{excerpt}\u{2026}")
        } else {
            excerpt
        }
    }
}

/// A heading as it is compared: without regard to case, to blanks around and to whether words are joined by blanks or by `_`.
pub(super) fn heading(text: &str) -> String {
    let text = text.to_lowercase().replace('_', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) struct Rows<'a> {
    columns: &'a [Field],
    typed: Typed,
    /// Where each column stands in the file; nothing before the headings are known.
    places: Option<Vec<Option<usize>>>,
    read: Vec<Json>,
    faults: Vec<StepError>,
    /// Faults beyond those that are listed.
    more: usize,
    warnings: Vec<Warning>,
}

impl Take for Rows<'_> {
    fn head(&mut self, headings: &[String]) -> Result<(), NodeError> {
        self.head(headings)
    }

    fn row(&mut self, number: u64, cells: &[Cell]) -> Result<(), NodeError> {
        self.row(number, cells)
    }
}

impl<'a> Rows<'a> {
    pub(super) fn new(columns: &'a [Field], typed: Typed) -> Self {
        Self {
            columns,
            typed,
            places: None,
            read: Vec::new(),
            faults: Vec::new(),
            more: 0,
            warnings: Vec::new(),
        }
    }

    pub(super) fn columns(&self) -> &'a [Field] {
        self.columns
    }

    /// How many of the columns these headings name.
    pub(super) fn known<'b>(&self, headings: impl Iterator<Item = &'b str>) -> usize {
        let headings: Vec<String> = headings.map(heading).collect();
        let is_known = |column: &&Field| places(column, &headings).next().is_some();
        self.columns.iter().filter(is_known).count()
    }

    /// Finds the columns by their headings.
    pub(super) fn head(&mut self, headings: &[String]) -> Result<(), NodeError> {
        if headings.len() > MAX_HEADINGS {
            return Err(too_many_columns(headings.len()));
        }
        let compared: Vec<String> = headings.iter().map(|text| heading(text)).collect();
        let mut found = Vec::with_capacity(self.columns.len());
        let mut missing = Vec::new();
        for column in self.columns {
            let mut places = places(column, &compared);
            let place = places.next();
            if let (Some(first), Some(second)) = (place, places.next()) {
                return Err(twice(title(column), first, second));
            }
            match place {
                None if column.optional => {
                    let message = format!(
                        "The file has no column \u{201c}{}\u{201d}; its values are empty.",
                        title(column)
                    );
                    let warning = Warning::new("column_left_empty", message);
                    self.warnings.push(warning.with("column", title(column)));
                }
                None => missing.push(title(column)),
                Some(_) => {}
            }
            found.push(place);
        }
        if !missing.is_empty() {
            return Err(columns_missing(&missing, headings));
        }
        self.places = Some(found);
        Ok(())
    }

    /// Reads a row that is not blank; it counts from 1, as spreadsheets count.
    pub(super) fn row(&mut self, number: u64, cells: &[Cell]) -> Result<(), NodeError> {
        let places = self.places.clone().unwrap_or_default();
        let cells = places.into_iter().map(|place| {
            let cell = place.and_then(|place| cells.get(place));
            cell.cloned().unwrap_or(Cell::Empty)
        });
        let cells: Vec<Cell> = cells.collect();
        self.record(number, &cells)
    }

    /// Reads a row whose cells stand in the order of the columns.
    pub(super) fn record(&mut self, number: u64, cells: &[Cell]) -> Result<(), NodeError> {
        if self.read.len() == MAX_ENTRIES {
            let message =
                format!("The file has more than {MAX_ENTRIES} rows. Split it into several files.");
            return Err(NodeError::failed("too_many_rows", message).with("most", MAX_ENTRIES));
        }
        let mut record = Record::with_capacity(self.columns.len());
        for (column, cell) in self.columns.iter().zip(cells) {
            let value = self.value(cell, column);
            let value = match value {
                Ok(Value::Empty) if !column.optional => {
                    self.add(cell_missing(number, column));
                    continue;
                }
                Ok(value) => value,
                Err(mismatch) => {
                    self.add(cell_unreadable(number, column, cell, &mismatch));
                    continue;
                }
            };
            record.insert(column.name.clone(), value);
        }
        self.read.push(Value::Record(record).to_json());
        Ok(())
    }

    fn value(&self, cell: &Cell, column: &Field) -> Result<Value, Mismatch> {
        let kind = &column.kind;
        match cell {
            Cell::Empty => Ok(Value::Empty),
            Cell::Text(text) => self.typed.read(text, kind),
            Cell::Number(number, currency) => {
                let value = self.typed.number_as(*number, kind)?;
                match (value, currency, kind) {
                    (Value::Money(money), Some(currency), Kind::Money { decimals }) => {
                        in_currency(money.amount, currency, *decimals)
                    }
                    (value, _, _) => Ok(value),
                }
            }
            Cell::Moment(moment) => self.typed.moment_as(*moment, kind),
            Cell::YesNo(yes) => Value::YesNo(*yes).convert(kind, ""),
            Cell::Fault(_) => Err(mismatch("cell_fault", "is an error of the spreadsheet")),
            Cell::Json(json) => super::json::value(json, kind, &self.typed),
        }
    }

    /// Something that is wrong with a row.
    pub(super) fn add(&mut self, fault: StepError) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// The list, or everything that does not fit.
    pub(super) fn done(self) -> Result<Done, NodeError> {
        if self.faults.is_empty() {
            let output = json!({"count": self.read.len(), "rows": self.read});
            return Ok(Done {
                warnings: self.warnings,
                ..Done::out(output)
            });
        }
        let count = self.faults.len() + self.more;
        let mut told: Vec<&str> = self
            .faults
            .iter()
            .map(|fault| fault.message.as_str())
            .collect();
        let rest = format!("And {} more.", self.more);
        if self.more > 0 {
            told.push(&rest);
        }
        Err(NodeError::failed(
            "cells_do_not_fit",
            format!(
                "The file was not read. {} Correct the file, or the columns of this step.",
                told.join(" ")
            ),
        )
        .with("count", count)
        .with("more", self.more)
        .with("cells", json!(self.faults)))
    }
}

/// Where a column is, by its title or its name.
fn places<'a>(column: &Field, headings: &'a [String]) -> impl Iterator<Item = usize> + 'a {
    let (title, name) = (heading(title(column)), heading(&column.name));
    // A title that is there counts alone, so that a column called like another's name is no second one.
    let by_title = headings.contains(&title);
    headings
        .iter()
        .enumerate()
        .filter(move |(_, known)| {
            !known.is_empty() && (**known == title || (!by_title && **known == name))
        })
        .map(|(place, _)| place)
}

/// An amount whose format names another currency.
fn in_currency(amount: Decimal, currency: &str, decimals: Option<u8>) -> Result<Value, Mismatch> {
    Money::exact(amount, currency, decimals)
        .map(Value::Money)
        .map_err(|most| too_many_decimals(currency, decimals, most))
}

pub(super) fn mismatch(code: &str, message: &str) -> Mismatch {
    Mismatch {
        pointer: String::new(),
        code: code.into(),
        message: message.into(),
    }
}

pub(super) fn too_many_columns(count: usize) -> NodeError {
    let message = format!("The file has {count} columns; {MAX_HEADINGS} are the most.");
    NodeError::failed("too_many_columns", message)
        .with("count", count)
        .with("most", MAX_HEADINGS)
}

fn cell_missing(row: u64, column: &Field) -> StepError {
    let column = title(column);
    let message = format!("Row {row}, \u{201c}{column}\u{201d} is empty.");
    StepError::new("cell_missing", message)
        .with("row", row)
        .with("column", column)
}

fn cell_unreadable(row: u64, column: &Field, cell: &Cell, mismatch: &Mismatch) -> StepError {
    let (name, content, noun) = (title(column), cell.content(), column.kind.noun());
    let reason = &mismatch.message;
    let message = format!(
        "Row {row}, \u{201c}{name}\u{201d}: \u{201c}{content}\u{201d} {reason}; {noun} is expected."
    );
    StepError::new("cell_unreadable", message)
        .with("row", row)
        .with("column", name)
        .with("content", content)
        .with("mismatch", mismatch.code.as_str())
        .with("kind", noun)
}

fn twice(column: &str, first: usize, second: usize) -> NodeError {
    let (first, second) = (first + 1, second + 1);
    NodeError::failed(
        "column_twice",
        format!(
            "The file has the column \u{201c}{column}\u{201d} twice, as column {first} and {second}. Rename one of them."
        ),
    )
    .with("column", column)
    .with("first", first)
    .with("second", second)
}

fn columns_missing(missing: &[&str], headings: &[String]) -> NodeError {
    let found: Vec<&str> = headings
        .iter()
        .map(|heading| heading.trim())
        .filter(|heading| !heading.is_empty())
        .take(50)
        .collect();
    let (missing, found) = (missing.join(", "), found.join(", "));
    let told = if found.is_empty() { "nothing" } else { &found };
    NodeError::failed(
        "columns_missing",
        format!(
            "The file has no column: {missing}. Its headings are: {told}. Correct the headings, or say in which row they are."
        ),
    )
    .with("missing", missing)
    .with("found", found)
}
