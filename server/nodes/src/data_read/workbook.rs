//! Excel workbooks (Office Open XML, ECMA-376). What is packed is counted before anything is unpacked, and cells are read one by one: a
//! small file can claim a sheet of billions.

use std::{
    collections::HashSet,
    io::{Cursor, Read, copy, sink},
};

use calamine::{DataRef, ExcelDateTime, Reader, Sheet, SheetType, SheetVisible, Xlsx, XlsxError};
use engine::{node::NodeError, value::is_currency};
use jiff::civil::{DateTime, date};
use rust_decimal::Decimal;
use zip::ZipArchive;

use super::rows::{Cell, MAX_HEADINGS, Take};

/// Most bytes of everything in a workbook once it is unpacked.
const MAX_UNPACKED: u64 = 200 * 1024 * 1024;
const MAX_UNPACKED_MB: usize = 200;
/// Most bytes of its cells once they are read: a text that is stored once can stand in every cell.
const MAX_CELLS: usize = 100 * 1024 * 1024;
/// Most parts of a workbook.
const MAX_PARTS: usize = 2000;
/// Digits that Excel keeps of a number.
const EXACT_DIGITS: usize = 15;

/// Reads the sheet that is called so, or the first one.
pub(super) fn read(
    bytes: &[u8],
    sheet: &str,
    heading_row: u64,
    rows: &mut dyn Take,
) -> Result<(), NodeError> {
    let mut book = Book::open(bytes)?;
    let name = book.named(sheet)?;
    book.read(&name, heading_row, rows)
}

/// A workbook that does not unpack to too much.
pub(super) struct Book<'b>(Xlsx<Cursor<&'b [u8]>>);

impl<'b> Book<'b> {
    pub(super) fn open(bytes: &'b [u8]) -> Result<Self, NodeError> {
        check_size(bytes)?;
        let book = Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
        Ok(Self(book))
    }

    /// The sheet that is called so, whatever its capitals; the first one without a name. Hidden ones are found, but not told of.
    pub(super) fn named(&self, name: &str) -> Result<String, NodeError> {
        let sheets = self.0.sheet_names();
        let wanted = name.trim().to_lowercase();
        let found = sheets
            .iter()
            .find(|name| wanted.is_empty() || name.trim().to_lowercase() == wanted);
        found.cloned().ok_or_else(|| no_sheet(name, &self.seen()))
    }

    /// The sheets that people see, in the workbook's order; all of them if that is none.
    pub(super) fn seen(&self) -> Vec<String> {
        let sheets = self.0.sheets_metadata().iter();
        let (seen, hidden): (Vec<&Sheet>, Vec<&Sheet>) = sheets
            .filter(|sheet| sheet.typ == SheetType::WorkSheet)
            .partition(|sheet| sheet.visible == SheetVisible::Visible);
        let told = if seen.is_empty() { hidden } else { seen };
        let mut names: Vec<String> = told.into_iter().map(|sheet| sheet.name.clone()).collect();
        // Excel writes no name twice; of a file that has one twice only the first can be read.
        let mut known = HashSet::new();
        names.retain(|name| known.insert(name.clone()));
        names
    }

    /// The first of these sheets that holds anything; the first one if none does.
    pub(super) fn first_filled(&mut self, names: &[String]) -> Result<String, NodeError> {
        for name in names {
            let mut cells = self
                .0
                .worksheet_cells_reader(name)
                .map_err(|error| unreadable(&error))?;
            while let Some(cell) = cells.next_cell().map_err(|error| unreadable(&error))? {
                if !cell_of(cell.get_value(), None).is_empty() {
                    return Ok(name.clone());
                }
            }
        }
        names.first().cloned().ok_or_else(|| no_sheet("", names))
    }

    pub(super) fn read(
        &mut self,
        name: &str,
        heading_row: u64,
        rows: &mut dyn Take,
    ) -> Result<(), NodeError> {
        let mut cells = self
            .0
            .worksheet_cells_reader(name)
            .map_err(|error| unreadable(&error))?;
        let currencies: Vec<Option<String>> = cells
            .styles()
            .iter()
            .map(|style| currency_of(&style.number_format.as_ref()?.format_code))
            .collect();
        let mut table = Table {
            heading_row,
            rows,
            has_headings: false,
            number: 0,
            cells: Vec::new(),
            left: MAX_CELLS,
        };
        while let Some((cell, style)) = cells
            .next_cell_with_style_id()
            .map_err(|error| unreadable(&error))?
        {
            table.weigh(text_bytes(cell.get_value()))?;
            let (row, column) = cell.get_position();
            let currency = currencies.get(style).cloned().flatten();
            table.cell(
                u64::from(row) + 1,
                column as usize,
                cell_of(cell.get_value(), currency),
            )?;
        }
        table.end()
    }
}

/// Cells as they come, gathered into rows.
struct Table<'a> {
    heading_row: u64,
    rows: &'a mut dyn Take,
    has_headings: bool,
    number: u64,
    cells: Vec<Cell>,
    /// Bytes that may still be read.
    left: usize,
}

impl Table<'_> {
    fn weigh(&mut self, bytes: usize) -> Result<(), NodeError> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| unpacks_too_large(MAX_CELLS / 1_048_576))?;
        Ok(())
    }

    fn cell(&mut self, row: u64, column: usize, cell: Cell) -> Result<(), NodeError> {
        if row != self.number {
            self.end_row()?;
            self.number = row;
        }
        // What stands further to the right has no heading, because there are not so many.
        if cell.is_empty() || (column > MAX_HEADINGS && self.has_headings) {
            return Ok(());
        }
        let column = column.min(MAX_HEADINGS);
        if self.cells.len() <= column {
            self.cells.resize(column + 1, Cell::Empty);
        }
        self.cells[column] = cell;
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), NodeError> {
        let cells = std::mem::take(&mut self.cells);
        self.weigh(cells.len() * size_of::<Cell>())?;
        if self.number == self.heading_row {
            let headings: Vec<String> = cells
                .into_iter()
                .map(|cell| match cell {
                    Cell::Text(text) => text,
                    Cell::Number(number, _) => number.normalize().to_string(),
                    Cell::Moment(moment) => moment.date().to_string(),
                    Cell::Empty | Cell::YesNo(_) | Cell::Fault(_) | Cell::Json(_) => String::new(),
                })
                .collect();
            self.has_headings = true;
            return self.rows.head(&headings);
        }
        if self.number > self.heading_row && !cells.is_empty() {
            if !self.has_headings {
                return self.rows.head(&[]);
            }
            return self.rows.row(self.number, &cells);
        }
        Ok(())
    }

    fn end(mut self) -> Result<(), NodeError> {
        self.end_row()?;
        if self.has_headings {
            Ok(())
        } else {
            self.rows.head(&[])
        }
    }
}

/// First what the file says of its parts, then what they really are.
fn check_size(bytes: &[u8]) -> Result<(), NodeError> {
    let broken = |error: &dyn std::fmt::Display| not_a_workbook(error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if archive.len() > MAX_PARTS {
        return Err(unpacks_too_large(MAX_UNPACKED_MB));
    }
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| broken(&error))?;
        left = left
            .checked_sub(part.size())
            .ok_or_else(|| unpacks_too_large(MAX_UNPACKED_MB))?;
    }
    let mut left = MAX_UNPACKED;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| broken(&error))?;
        let size = copy(&mut part.take(left + 1), &mut sink()).map_err(|error| broken(&error))?;
        left = left
            .checked_sub(size)
            .ok_or_else(|| unpacks_too_large(MAX_UNPACKED_MB))?;
    }
    Ok(())
}

fn cell_of(value: &DataRef<'_>, currency: Option<String>) -> Cell {
    match value {
        DataRef::Int(number) => Cell::Number((*number).into(), currency),
        DataRef::Float(number) => match decimal(*number) {
            Some(number) => Cell::Number(number, currency),
            None => Cell::Fault(number.to_string()),
        },
        DataRef::String(text) | DataRef::DurationIso(text) => Cell::Text(text.clone()),
        DataRef::SharedString(text) => Cell::Text((*text).to_owned()),
        DataRef::Bool(yes) => Cell::YesNo(*yes),
        DataRef::DateTime(moment) => match civil(moment) {
            Some(moment) => Cell::Moment(moment),
            None => Cell::Fault(moment.as_f64().to_string()),
        },
        DataRef::DateTimeIso(text) => match text.parse() {
            Ok(moment) => Cell::Moment(moment),
            Err(_) => Cell::Text(text.clone()),
        },
        DataRef::Error(fault) => Cell::Fault(fault.to_string()),
        DataRef::Empty => Cell::Empty,
    }
}

/// The number that Excel shows: it keeps 15 digits, and what binary floating point has beyond them is noise.
fn decimal(number: f64) -> Option<Decimal> {
    let text = format!("{number:.*e}", EXACT_DIGITS - 1);
    Decimal::from_scientific(&text)
        .ok()
        .map(|number| number.normalize())
}

/// To the second, as Excel counts; a time alone lies on the day before the first.
fn civil(moment: &ExcelDateTime) -> Option<DateTime> {
    if moment.is_duration() && !(0.0..1.0).contains(&moment.as_f64()) {
        return None;
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let small = |number: u8| i8::try_from(number).ok();
    let day = date(1, 1, 1)
        .with()
        .year(i16::try_from(year).ok()?)
        .month(small(month)?)
        .day(small(day)?)
        .build()
        .ok()?;
    let time = jiff::civil::Time::new(
        small(hour)?,
        small(minute)?,
        small(second)?,
        i32::from(milli) * 1_000_000,
    );
    Some(day.to_datetime(time.ok()?))
}

/// The currency that a number format names by its code: `#,##0.00 [$USD]`.
fn currency_of(format: &str) -> Option<String> {
    let (_, rest) = format.split_once("[$")?;
    let code = rest.split(['-', ']']).next()?.trim();
    is_currency(code).then(|| code.to_owned())
}

fn not_a_workbook(reason: String) -> NodeError {
    let message = format!("The file is not an Excel workbook that can be read: {reason}.");
    NodeError::failed("not_a_workbook", message).with("reason", reason)
}

fn unreadable(error: &XlsxError) -> NodeError {
    not_a_workbook(error.to_string())
}

/// Of a text, before it is copied.
fn text_bytes(value: &DataRef<'_>) -> usize {
    match value {
        DataRef::String(text) | DataRef::DurationIso(text) | DataRef::DateTimeIso(text) => {
            text.len()
        }
        DataRef::SharedString(text) => text.len(),
        _ => 0,
    }
}

fn unpacks_too_large(most_mb: usize) -> NodeError {
    NodeError::failed(
        "unpacks_too_large",
        format!("The file was not opened, because it unpacks to more than {most_mb} MB."),
    )
    .with("most_mb", most_mb)
}

fn no_sheet(sheet: &str, sheets: &[String]) -> NodeError {
    let sheets = sheets.join(", ");
    NodeError::failed(
        "no_sheet",
        format!("The workbook has no sheet \u{201c}{sheet}\u{201d}. It has: {sheets}."),
    )
    .with("sheet", sheet)
    .with("sheets", sheets)
}
