//! `data_read`: a file of data becomes a typed list. Columns are declared, so that what is read is known before the first run; a cell that
//! does not fit is an error with its place, never a guess.

mod delimited;
mod json;
mod rows;
mod sheet;
mod workbook;

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    form::Typed,
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
    value::Value,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::sheet::read_sheet;

use self::rows::{Rows, heading};
use crate::{
    delimited::{Delimiter, Numbers},
    values::{field, file_to_read, no_file},
    webhook_input::check_fields,
};

/// Largest file that is read.
const MAX_BYTES: u64 = 20 * 1024 * 1024;
/// Most columns that are declared.
const MAX_COLUMNS: usize = 200;
/// How the file of an old Excel begins, and that of a protected one.
const OLE: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const ZIP: [u8; 4] = *b"PK\x03\x04";

/// Read a CSV, Excel or JSON file into a list whose values later steps use.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataRead {
    /// The file, such as an answer of the form; or a text with its content.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    file: Template,
    /// The columns to read, each found by its heading.
    #[serde(default)]
    #[schemars(extend("x-widget" = "output_fields"))]
    columns: Vec<Field>,
    /// What kind of file it is.
    #[serde(default)]
    format: Format,
    /// Name of the sheet in an Excel file; the first one when empty.
    #[serde(default)]
    #[schemars(length(max = 31), extend("x-group" = "advanced", "x-when" = {"format": ["auto", "excel"]}))]
    sheet: String,
    /// The row with the headings.
    #[serde(default = "first")]
    #[schemars(title = "Headings in row", range(min = 1, max = 100), extend("x-group" = "advanced", "x-when" = {"format": ["auto", "csv", "excel"]}))]
    heading_row: u32,
    /// What stands between the cells of a CSV file.
    #[serde(default)]
    #[schemars(extend("x-group" = "advanced", "x-when" = {"format": ["auto", "csv"]}))]
    delimiter: Delimiter,
    /// How the letters of a CSV file are stored.
    #[serde(default)]
    #[schemars(title = "Letters", extend("x-group" = "advanced", "x-when" = {"format": ["auto", "csv"]}))]
    encoding: Encoding,
    /// How numbers are written in the file.
    #[serde(default)]
    #[schemars(extend("x-group" = "advanced"))]
    numbers: Numbers,
    /// Where the list is in a JSON file, such as "orders"; not needed when it is the only one.
    #[serde(default)]
    #[schemars(title = "List in the file", length(max = 200), extend("x-group" = "advanced", "x-when" = {"format": ["auto", "json"]}))]
    list: String,
}

fn first() -> u32 {
    1
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"auto": "Found out by itself", "csv": "CSV", "excel": "Excel (.xlsx)", "json": "JSON"}))]
enum Format {
    #[default]
    Auto,
    Csv,
    Excel,
    Json,
}

/// The encodings that spreadsheets write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "auto": "Found out by itself", "utf8": "UTF-8", "windows_1252": "Western European (Windows-1252)",
    "windows_1250": "Central European (Windows-1250)", "gb18030": "Chinese (GB 18030)"
}))]
enum Encoding {
    #[default]
    Auto,
    Utf8,
    #[serde(rename = "windows_1252")]
    Western,
    #[serde(rename = "windows_1250")]
    Central,
    Gb18030,
}

impl Format {
    /// What the bytes say; the setting where somebody knows better.
    fn of(self, bytes: &[u8]) -> Self {
        match self {
            Self::Auto if bytes.starts_with(&ZIP) => Self::Excel,
            Self::Auto => {
                let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
                let begins = text.iter().find(|byte| !byte.is_ascii_whitespace());
                match begins {
                    Some(b'[' | b'{') => Self::Json,
                    _ => Self::Csv,
                }
            }
            Self::Csv | Self::Excel | Self::Json => self,
        }
    }
}

impl DataRead {
    /// The bytes of the file, or of the text that is its content.
    async fn bytes(&self, context: &dyn NodeContext) -> Result<Vec<u8>, NodeError> {
        let value = context.evaluate(&self.file)?;
        if let Value::Text(text) = value {
            return if text.trim().is_empty() {
                Err(no_file())
            } else {
                Ok(text.into_bytes())
            };
        }
        let file = file_to_read(value, MAX_BYTES)?.ok_or_else(no_file)?;
        let bytes = context.read_artifact(&file).await?;
        if is_old_workbook(&bytes) {
            return Err(old_workbook(&file.name));
        }
        Ok(bytes)
    }

    fn read(&self, context: &dyn NodeContext, bytes: &[u8]) -> Result<Done, NodeError> {
        let step = context.step();
        let typed = Typed::new(step.formats(), self.numbers == Numbers::Point);
        let mut rows = Rows::new(&self.columns, typed);
        let heading_row = u64::from(self.heading_row);
        match self.format.of(bytes) {
            Format::Csv | Format::Auto => {
                let text = delimited::text(bytes, self.encoding, &step.locale)?;
                delimited::read(&text, self.delimiter, heading_row, &mut rows)?;
            }
            Format::Excel => workbook::read(bytes, &self.sheet, heading_row, &mut rows)?,
            Format::Json => {
                let text = delimited::text(bytes, Encoding::Utf8, &step.locale)?;
                json::read(&text, &self.list, &mut rows)?;
            }
        }
        rows.done()
    }

    fn check_columns(&self) -> Vec<Problem> {
        let mut problems = check_fields(&self.columns, "/columns");
        if self.columns.is_empty() || self.columns.len() > MAX_COLUMNS {
            problems.push(
                Problem::error(
                    "bad_column_count",
                    json!({"most": MAX_COLUMNS}),
                    format!("Name between 1 and {MAX_COLUMNS} columns."),
                )
                .at("/columns"),
            );
        }
        for (index, column) in self.columns.iter().enumerate() {
            let at = format!("/columns/{index}");
            let same = |other: &Field| heading(title(other)) == heading(title(column));
            if self.columns[..index].iter().any(same) {
                problems.push(
                    Problem::error(
                        "duplicate_heading",
                        json!({"heading": title(column)}),
                        format!(
                            "Two columns have the heading \u{201c}{}\u{201d}.",
                            title(column)
                        ),
                    )
                    .at(&at),
                );
            }
            let is_nested = matches!(
                column.kind,
                Kind::List { .. } | Kind::Record { .. } | Kind::File
            );
            if is_nested && !matches!(self.format, Format::Json) {
                problems.push(
                    Problem::error(
                        "column_not_a_cell",
                        json!({"heading": title(column)}),
                        format!(
                            "\u{201c}{}\u{201d} has no place in a cell; only JSON files hold such values.",
                            title(column)
                        ),
                    )
                    .at(at),
                );
            }
        }
        problems
    }
}

/// The heading of a column.
fn title(column: &Field) -> &str {
    match column.title.trim() {
        "" => &column.name,
        title => title,
    }
}

fn is_old_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(&OLE)
}

fn old_workbook(name: &str) -> NodeError {
    let message = format!(
        "\u{201c}{name}\u{201d} is an old Excel file (.xls) or has a password. Save it as .xlsx without one."
    );
    NodeError::failed("old_workbook", message).with("file", name)
}

#[async_trait]
impl Node for DataRead {
    const TYPE: &'static str = "data_read";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Read a data file",
            family: Family::Computed,
            icon: "file-input",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 60_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Record {
            fields: vec![
                field("rows", "Rows", Kind::rows(self.columns.clone())),
                field("count", "Number of rows", Kind::Integer),
            ],
        }
    }

    fn card(&self) -> Card {
        let mut well = vec![CardLine {
            text: self.file.0.clone(),
            trailing: String::new(),
        }];
        well.extend(self.columns.iter().take(3).map(|column| CardLine {
            text: title(column).to_owned(),
            trailing: String::new(),
        }));
        Card {
            key_fact: String::new(),
            well,
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = self.check_columns();
        if self.file.0.trim().is_empty() {
            let message = "Choose the file that is read.";
            problems.push(Problem::error("file_not_chosen", json!({}), message).at("/file"));
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let bytes = self.bytes(context).await?;
        Ok(Outcome::Done(self.read(context, &bytes)?))
    }
}

#[cfg(test)]
mod tests;
