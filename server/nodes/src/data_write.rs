//! `data_write`: a list becomes a file that spreadsheets and programs read. Values keep their kinds as far as the format has them; an amount
//! that the format would change is written as text.

mod table;
mod workbook;

use async_trait::async_trait;
use csv::{Terminator, WriterBuilder};
use engine::{
    check::Problem,
    expression::Template,
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
    value::Value,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use self::table::{Table, is_cell, text};
use crate::{
    delimited::{Delimiter, Numbers},
    entries::{Entries, check_list, entry_scope, item_kind, kind_of, own_name, own_title},
    list_filter::incomplete,
    values::{field, file_name},
};

/// Write a list into an Excel, CSV or JSON file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataWrite {
    /// The list; each entry becomes a row.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    list: Template,
    /// What kind of file is written.
    #[serde(default)]
    format: Format,
    /// The columns; without any, all values of the entries.
    #[serde(default)]
    #[schemars(length(max = 200), extend("x-scope" = "entry"))]
    columns: Vec<Column>,
    /// Name of the file; its ending is added when it is missing.
    #[serde(default = "default_name")]
    file_name: Template,
    /// Name of the sheet.
    #[serde(default)]
    #[schemars(length(max = 31), extend("x-group" = "advanced", "x-when" = {"format": "excel"}))]
    sheet: String,
    /// What stands between the cells.
    #[serde(default)]
    #[schemars(extend("x-group" = "advanced", "x-when" = {"format": "csv"}))]
    delimiter: Delimiter,
    /// How numbers are written.
    #[serde(default)]
    #[schemars(extend("x-group" = "advanced", "x-when" = {"format": "csv"}))]
    numbers: Numbers,
}

fn default_name() -> Template {
    Template("data".into())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"excel": "Excel (.xlsx)", "csv": "CSV", "json": "JSON"}))]
enum Format {
    #[default]
    Excel,
    Csv,
    Json,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::Excel => "xlsx",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Excel => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv",
            Self::Json => "application/json",
        }
    }
}

/// A column and what stands in it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Column {
    /// What stands above it; when empty, what the value is called.
    #[serde(default)]
    #[schemars(length(max = 200))]
    heading: String,
    /// The value of each entry.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    value: Template,
}

impl Column {
    fn heading(&self, scope: &Kind) -> String {
        match self.heading.trim() {
            "" => own_title(&self.value, scope)
                .or_else(|| own_name(&self.value))
                .unwrap_or_default(),
            given => given.to_owned(),
        }
    }
}

impl DataWrite {
    fn table(&self, context: &dyn NodeContext, entries: &mut Entries) -> Result<Table, NodeError> {
        let scope = entry_scope(context, &self.list);
        if self.columns.is_empty() {
            let item = scope.field("item").map(|field| &field.kind);
            return Table::of_all(entries, item.unwrap_or(&Kind::Any));
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let values = entries.column(context, &column.value)?;
            columns.push((column.heading(&scope), values));
        }
        Ok(Table::of_columns(columns))
    }

    fn csv(&self, context: &dyn NodeContext, table: &Table) -> Result<Vec<u8>, NodeError> {
        let step = context.step();
        let formats = step.formats();
        // Spreadsheets take a file without a byte order mark for one in their country's old encoding.
        let mut bytes = "\u{feff}".as_bytes().to_vec();
        let mut writer = WriterBuilder::new()
            .delimiter(self.delimiter.for_writing(&step.locale))
            .terminator(Terminator::CRLF)
            .from_writer(&mut bytes);
        let failed = |error: csv::Error| {
            NodeError::failed("not_written", format!("The file was not written: {error}."))
                .with("reason", error.to_string())
        };
        let headings = table.headings.iter().cloned();
        writer
            .write_record(headings.map(crate::delimited::guard))
            .map_err(failed)?;
        for (number, row) in (1_i64..).zip(&table.rows) {
            let cells: Vec<String> = row
                .iter()
                .zip(&table.headings)
                .map(|(value, heading)| text(value, &formats, self.numbers, (number, heading)))
                .collect::<Result<_, _>>()?;
            writer.write_record(cells).map_err(failed)?;
        }
        writer.flush().map_err(|error| failed(error.into()))?;
        drop(writer);
        Ok(bytes)
    }

    fn check_columns(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let scope = context.entry.unwrap_or(&Kind::Any);
        let mut problems = Vec::new();
        let misfit = |heading: &str, at: &str| {
            Problem::error(
                "column_not_a_cell",
                json!({"heading": heading}),
                format!(
                    "\u{201c}{heading}\u{201d} has no place in a cell; only JSON files hold such values."
                ),
            )
            .at(at)
        };
        let has_cells = self.format != Format::Json;
        for (index, column) in self.columns.iter().enumerate() {
            let at = format!("/columns/{index}/value");
            if column.value.0.trim().is_empty() {
                problems.push(incomplete(&at));
            } else if has_cells && !is_cell(&kind_of(&column.value, scope).0) {
                problems.push(misfit(&column.heading(scope), &at));
            }
            if column.heading(scope).is_empty() {
                let message = "Give the column a heading.";
                let problem = Problem::error("no_heading", json!({}), message);
                problems.push(problem.at(format!("/columns/{index}/heading")));
            }
        }
        if let (true, true, Kind::Record { fields }) =
            (self.columns.is_empty(), has_cells, item_kind(context))
        {
            let nested = fields.iter().filter(|field| !is_cell(&field.kind));
            problems.extend(nested.map(|field| misfit(table::heading_of(field), "/columns")));
        }
        problems
    }

    /// A safe name with the ending of the format, once.
    fn name(&self, text: &str) -> String {
        let ending = self.format.ending();
        let name = file_name(text);
        let stem = match name.rsplit_once('.') {
            Some((stem, given)) if given.eq_ignore_ascii_case(ending) => stem,
            _ => &name,
        };
        let stem = match stem.trim() {
            "" => "data",
            stem => stem,
        };
        format!("{stem}.{ending}")
    }
}

fn json(table: &Table) -> Vec<u8> {
    let rows = table.rows.iter().map(|row| {
        let values = table.headings.iter().cloned();
        let object: Map<String, Json> = values.zip(row.iter().map(Value::to_json)).collect();
        Json::Object(object)
    });
    let mut text = format!("{:#}", Json::Array(rows.collect()));
    text.push('\n');
    text.into_bytes()
}

#[async_trait]
impl Node for DataWrite {
    const TYPE: &'static str = "data_write";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Write a data file",
            family: Family::Made,
            icon: "file-spreadsheet",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 60_000,
            retry: None,
        }
    }

    fn entries(&self) -> Option<&Template> {
        Some(&self.list)
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::Record {
            fields: vec![
                field("file", "Data file", Kind::File),
                field("count", "Number of rows", Kind::Integer),
            ],
        }
    }

    fn card(&self) -> Card {
        Card {
            key_fact: String::new(),
            well: vec![CardLine {
                text: self.file_name.0.clone(),
                trailing: String::new(),
            }],
        }
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = check_list(&self.list, context);
        problems.extend(self.check_columns(context));
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let mut entries = Entries::of(context, &self.list)?;
        let bytes = match self.format {
            Format::Json if self.columns.is_empty() => {
                let all: Vec<Json> = entries.items().map(Value::to_json).collect();
                format!("{:#}\n", Json::Array(all)).into_bytes()
            }
            Format::Json => json(&self.table(context, &mut entries)?),
            Format::Csv => self.csv(context, &self.table(context, &mut entries)?)?,
            Format::Excel => workbook::write(
                &self.table(context, &mut entries)?,
                &self.sheet,
                context.step(),
            )?,
        };
        let name = self.name(&context.render(&self.file_name)?);
        let file = context
            .write_artifact(&name, self.format.content_type(), bytes)
            .await?;
        Ok(Outcome::Done(Done::out(json!({
            "file": Value::File(file).to_json(),
            "count": entries.len(),
        }))))
    }
}

#[cfg(test)]
mod tests;
