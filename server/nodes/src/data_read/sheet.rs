//! The first sheet of a workbook as rows of texts, written as people of a language type them, for those who read typed values of texts
//! themselves. It knows no columns.

use engine::{
    form::decimal_mark,
    node::{NodeError, StepError},
    sheet::SheetRow,
};
use jiff::civil::{DateTime, Time};
use rust_decimal::Decimal;

use super::{
    is_old_workbook, old_workbook,
    rows::{Cell, Take},
    workbook,
};

/// The rows of the first sheet, whose first row holds the headings; of those below `most` and one, so that whoever asks sees that there are
/// more.
pub fn read_sheet(
    name: &str,
    bytes: &[u8],
    locale: &str,
    most: usize,
) -> Result<Vec<SheetRow>, StepError> {
    if is_old_workbook(bytes) {
        return Err(error_of(old_workbook(name)));
    }
    let mut texts = Texts {
        mark: decimal_mark(locale),
        most,
        is_full: false,
        rows: Vec::new(),
    };
    match workbook::read(bytes, "", 1, &mut texts) {
        Err(error) if !texts.is_full => Err(error_of(error)),
        Ok(()) | Err(_) => Ok(texts.rows),
    }
}

fn error_of(error: NodeError) -> StepError {
    match error {
        NodeError::Config(error)
        | NodeError::Failed(error)
        | NodeError::Retryable { error, .. } => error,
        NodeError::Cancelled => StepError::new("not_a_workbook", "Reading the file was stopped."),
    }
}

struct Texts {
    mark: char,
    most: usize,
    /// More is not wanted.
    is_full: bool,
    rows: Vec<SheetRow>,
}

impl Take for Texts {
    fn head(&mut self, headings: &[String]) -> Result<(), NodeError> {
        if headings.is_empty() {
            return Err(NodeError::failed(
                "no_heading_row",
                "The first row of the first sheet must hold the names of the columns.",
            ));
        }
        self.rows.push(SheetRow {
            number: 1,
            cells: headings.to_vec(),
            faults: Vec::new(),
        });
        Ok(())
    }

    fn row(&mut self, number: u64, cells: &[Cell]) -> Result<(), NodeError> {
        let texts = cells.iter().map(|cell| text(cell, self.mark));
        let places = (0..cells.len()).filter(|place| matches!(cells[*place], Cell::Fault(_)));
        self.rows.push(SheetRow {
            number,
            cells: texts.collect(),
            faults: places.collect(),
        });
        if self.rows.len() > self.most + 1 {
            self.is_full = true;
            return Err(NodeError::Cancelled);
        }
        Ok(())
    }
}

fn text(cell: &Cell, mark: char) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) | Cell::Fault(text) => text.clone(),
        Cell::Number(number, None) => figure(*number, mark),
        Cell::Number(number, Some(currency)) => format!("{} {currency}", figure(*number, mark)),
        Cell::Moment(moment) => moment_text(*moment),
        Cell::YesNo(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Cell::Json(json) => json.to_string(),
    }
}

/// A point would group thousands where the comma is the decimal mark.
fn figure(number: Decimal, mark: char) -> String {
    number
        .normalize()
        .to_string()
        .replace('.', &mark.to_string())
}

fn moment_text(moment: DateTime) -> String {
    if moment.time() == Time::midnight() {
        moment.date().to_string()
    } else {
        moment.to_string().replace('T', " ")
    }
}
