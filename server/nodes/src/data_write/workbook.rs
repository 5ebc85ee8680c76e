//! An Excel workbook with typed cells. A number that Excel's 15 digits cannot hold is written as text, so that no amount changes; the time of
//! creation is the step's own, so that the same step writes the same bytes.

use std::cmp::{max, min};

use engine::{
    format::Formats,
    node::{NodeError, StepInfo},
    value::{Money, Value, currency_decimals},
};
use jiff::civil::{Date, DateTime, Time};
use rust_decimal::Decimal;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::table::{Table, not_a_cell, text};
use crate::{delimited::Numbers, entries::of_entry};

/// Digits that Excel keeps of a number.
const EXACT_DIGITS: usize = 15;
/// Longest text in a cell, in UTF-16 code units (Excel's own limit).
const MAX_TEXT: usize = 32_767;
/// Narrowest and widest column, in letters.
const WIDTHS: (usize, usize) = (8, 60);
/// Built-in formats of Office Open XML (ECMA-376, 18.8.30): the reader's own short date, and that with the time.
const SHORT_DATE: u8 = 14;
const DATE_AND_TIME: u8 = 22;

pub(super) fn write(table: &Table, sheet: &str, step: &StepInfo) -> Result<Vec<u8>, NodeError> {
    let mut book = Workbook::new();
    let created = ExcelDateTime::from_timestamp(step.now.as_second()).map_err(failed)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let page = book.add_worksheet();
    page.set_name(sheet_name(sheet)).map_err(failed)?;
    page.set_freeze_panes(1, 0).map_err(failed)?;
    let formats = step.formats();
    let bold = Format::new().set_bold();
    let mut widths = vec![WIDTHS.0; table.headings.len()];
    for (column, heading) in (0_u16..).zip(&table.headings) {
        page.write_string_with_format(0, column, heading, &bold)
            .map_err(failed)?;
        widen(&mut widths, column, heading);
    }
    for (row, values) in (1_u32..).zip(&table.rows) {
        for ((column, heading), value) in (0_u16..).zip(&table.headings).zip(values) {
            let cell = Cell {
                value,
                formats: &formats,
                place: (i64::from(row), heading),
            };
            let shown = cell.shown()?;
            cell.write(page, row, column, &shown)?;
            widen(&mut widths, column, &shown);
        }
    }
    for (column, width) in (0_u16..).zip(widths) {
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        page.set_column_width(column, f64::from(width) + 2.0)
            .map_err(failed)?;
    }
    book.save_to_buffer().map_err(failed)
}

fn widen(widths: &mut [usize], column: u16, shown: &str) {
    if let Some(width) = widths.get_mut(usize::from(column)) {
        let longest = shown.lines().map(letters).max().unwrap_or_default();
        *width = max(*width, min(longest, WIDTHS.1));
    }
}

/// Letters of other scripts are twice as wide.
fn letters(line: &str) -> usize {
    line.chars()
        .map(|letter| 1 + usize::from(letter > '\u{2e7f}'))
        .sum()
}

struct Cell<'a> {
    value: &'a Value,
    formats: &'a Formats,
    place: (i64, &'a str),
}

impl Cell<'_> {
    /// About what a reader sees of it; it says how wide the column is.
    fn shown(&self) -> Result<String, NodeError> {
        Ok(match self.value {
            // A workbook says itself what is text: nothing is guarded.
            Value::Text(text) => text.clone(),
            Value::File(file) => file.name.clone(),
            Value::Money(money) => self.formats.money_in_full(money),
            Value::Record(_) => return Err(not_a_cell(self.value, self.place)),
            Value::Empty
            | Value::Integer(_)
            | Value::Decimal(_)
            | Value::Date(_)
            | Value::Time(_)
            | Value::Instant(_)
            | Value::YesNo(_)
            | Value::List(_) => text(self.value, self.formats, Numbers::Language, self.place)?,
        })
    }

    fn write(
        &self,
        page: &mut Worksheet,
        row: u32,
        column: u16,
        shown: &str,
    ) -> Result<(), NodeError> {
        let plain = |page: &mut Worksheet| {
            page.write_string(row, column, shown).map_err(failed)?;
            Ok(())
        };
        match self.value {
            Value::Empty => return Ok(()),
            Value::Integer(number) => {
                return self.number(page, (row, column), (*number).into(), "0");
            }
            Value::Decimal(number) => {
                let format = with_decimals("0", number.scale());
                return self.number(page, (row, column), *number, &format);
            }
            Value::Money(money) => {
                let format = self.money_format(money);
                return self.number(page, (row, column), money.amount, &format);
            }
            Value::YesNo(yes) => page.write_boolean(row, column, *yes),
            Value::Date(date) => match excel_date(*date) {
                Some(date) => {
                    let format = Format::new().set_num_format_index(SHORT_DATE);
                    page.write_datetime_with_format(row, column, &date, &format)
                }
                // Excel's calendar begins in 1900.
                None => return plain(page),
            },
            Value::Time(time) => {
                let format = Format::new().set_num_format("hh:mm:ss");
                let time = excel_time(*time).map_err(failed)?;
                page.write_datetime_with_format(row, column, &time, &format)
            }
            Value::Instant(instant) => {
                let zone = self.formats.time_zone.clone();
                match excel_moment(instant.to_zoned(zone).datetime()) {
                    Some(moment) => {
                        let format = Format::new().set_num_format_index(DATE_AND_TIME);
                        page.write_datetime_with_format(row, column, &moment, &format)
                    }
                    None => return plain(page),
                }
            }
            Value::Text(_) | Value::List(_) | Value::File(_) | Value::Record(_) => {
                if shown.encode_utf16().count() > MAX_TEXT {
                    return Err(self.too_long());
                }
                return plain(page);
            }
        }
        .map_err(failed)?;
        Ok(())
    }

    /// A number where Excel keeps all of its digits, else its text.
    fn number(
        &self,
        page: &mut Worksheet,
        (row, column): (u32, u16),
        number: Decimal,
        format: &str,
    ) -> Result<(), NodeError> {
        let digits = number.normalize().mantissa().unsigned_abs().to_string();
        let written = match number.to_string().parse::<f64>() {
            Ok(float) if digits.len() <= EXACT_DIGITS => {
                let format = Format::new().set_num_format(format);
                page.write_number_with_format(row, column, float, &format)
            }
            _ => {
                let exact = text(self.value, self.formats, Numbers::Language, self.place)?;
                page.write_string(row, column, exact)
            }
        };
        written.map_err(failed)?;
        Ok(())
    }

    /// The currency where its language has it. One that is not the workflow's stands with its code, by which reading knows it.
    fn money_format(&self, money: &Money) -> String {
        let decimals = max(
            currency_decimals(&money.currency),
            money.amount.normalize().scale(),
        );
        let number = with_decimals("#,##0", decimals);
        if money.currency != self.formats.currency {
            return format!("{number}\\ [${}]", money.currency);
        }
        let one = self.formats.money(&Money {
            amount: Decimal::ONE,
            currency: money.currency.clone(),
        });
        // A spreadsheet sees to the direction itself.
        let one = one.replace(['\u{200e}', '\u{200f}'], "");
        let is_digit = |letter: char| letter.is_ascii_digit();
        let before = one.split(is_digit).next().unwrap_or_default();
        let after = one.rsplit(is_digit).next().unwrap_or_default();
        let sign = |sign: &str| {
            let symbol = sign.trim();
            let gap = if symbol == sign { "" } else { "\\ " };
            (format!("[${symbol}]"), gap)
        };
        match (before, after) {
            ("", "") => number,
            ("", after) => {
                let (symbol, gap) = sign(after);
                format!("{number}{gap}{symbol}")
            }
            (before, _) => {
                let (symbol, gap) = sign(before);
                format!("{symbol}{gap}{number}")
            }
        }
    }

    fn too_long(&self) -> NodeError {
        let (number, heading) = self.place;
        let message = format!(
            "\u{201c}{heading}\u{201d} has more than {MAX_TEXT} letters, which are the most in a cell. Write a CSV or JSON file."
        );
        let error = NodeError::failed("cell_too_long", message);
        of_entry(
            error.with("heading", heading).with("most", MAX_TEXT),
            number,
        )
    }
}

fn with_decimals(whole: &str, decimals: u32) -> String {
    let point = if decimals == 0 { "" } else { "." };
    format!("{whole}{point}{}", "0".repeat(decimals as usize))
}

fn excel_date(date: Date) -> Option<ExcelDateTime> {
    let year = u16::try_from(date.year()).ok()?;
    let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    ExcelDateTime::from_ymd(year, month, day).ok()
}

fn excel_time(time: Time) -> Result<ExcelDateTime, XlsxError> {
    let hour = u16::from(time.hour().unsigned_abs());
    let minute = time.minute().unsigned_abs();
    ExcelDateTime::from_hms(hour, minute, f64::from(time.second()))
}

fn excel_moment(moment: DateTime) -> Option<ExcelDateTime> {
    let time = moment.time();
    let hour = u16::from(time.hour().unsigned_abs());
    let minute = time.minute().unsigned_abs();
    excel_date(moment.date())?
        .and_hms(hour, minute, f64::from(time.second()))
        .ok()
}

/// A name that Excel takes: without the letters that it keeps for references, at most 31 characters.
fn sheet_name(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|letter| match letter {
            '[' | ']' | ':' | '*' | '?' | '/' | '\\' => '-',
            letter if letter.is_control() => ' ',
            letter => letter,
        })
        .collect();
    let name = clean.trim_matches(|letter| letter == '\'' || letter == ' ');
    let mut short: String = name.chars().take(31).collect();
    while short.encode_utf16().count() > 31 {
        short.pop();
    }
    if short.is_empty() {
        "Data".into()
    } else {
        short
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
fn failed(error: XlsxError) -> NodeError {
    NodeError::failed("not_written", format!("The file was not written: {error}."))
        .with("reason", error.to_string())
}
