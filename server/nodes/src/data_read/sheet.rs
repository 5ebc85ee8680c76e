//! A sheet of a workbook as rows of texts, written as people of a language type them, for those who read typed values of texts
//! themselves. It knows no columns.

use engine::{
    format::decimal_mark,
    node::{NodeError, StepError},
    sheet::{Sheet, SheetRow},
};
use jiff::civil::{DateTime, Time};
use rust_decimal::Decimal;

use super::{
    is_old_workbook, old_workbook,
    rows::{Cell, Take},
    workbook::Book,
};

/// The sheet that is called so; without a name the first one that people see and that is not empty. Of its rows below the headings it has
/// `most` and one, so that whoever asks sees that there are more.
pub fn read_sheet(
    name: &str,
    bytes: &[u8],
    sheet: Option<&str>,
    locale: &str,
    most: usize,
) -> Result<Sheet, StepError> {
    if is_old_workbook(bytes) {
        return Err(error_of(old_workbook(name)));
    }
    read(bytes, sheet, locale, most).map_err(error_of)
}

fn read(bytes: &[u8], sheet: Option<&str>, locale: &str, most: usize) -> Result<Sheet, NodeError> {
    let mut book = Book::open(bytes)?;
    let names = book.seen();
    let name = match sheet {
        Some(sheet) => book.named(sheet)?,
        None => book.first_filled(&names)?,
    };
    let mut texts = Texts {
        mark: decimal_mark(locale),
        most,
        is_done: false,
        rows: Vec::new(),
    };
    match book.read(&name, 1, &mut texts) {
        Err(error) if !texts.is_done => Err(error),
        Ok(()) | Err(_) => Ok(Sheet {
            name,
            names,
            rows: texts.rows,
        }),
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
    /// Nothing more is wanted.
    is_done: bool,
    rows: Vec<SheetRow>,
}

impl Take for Texts {
    fn head(&mut self, headings: &[String]) -> Result<(), NodeError> {
        if headings.is_empty() {
            self.is_done = true;
            return Err(NodeError::Cancelled);
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
            self.is_done = true;
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
