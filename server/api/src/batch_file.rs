//! A file whose rows become runs: its columns are matched with what the trigger takes, and every row is read by the form's validator. It
//! stores nothing and begins nothing.

mod targets;

use engine::{
    check::Problem,
    form::{Form, Setting, Source},
    kind::{Field, Kind},
    node::{StepError, Trigger},
    sheet::{Sheet, SheetRow},
    table::told,
    value::{Record, Value, record_to_json},
};
use serde_json::{Map, Value as Json, json};
use store::batch::MAX_ROWS;

use crate::{
    public::run_title,
    table_csv::{self, Records},
};
pub(crate) use targets::Target;
use targets::{Leaf, Path, answer, is_named_alike, is_written_alike, leaves, of_question};

/// Largest file.
pub(crate) const MAX_BYTES: usize = table_csv::MAX_BYTES;
/// Most problems that are listed; all are counted.
pub(crate) const MAX_PROBLEMS: usize = 1_000;

/// Reads a sheet of a workbook: name and bytes of the file, the sheet if one was chosen, language, most rows.
pub type SheetReader = fn(&str, &[u8], Option<&str>, &str, usize) -> Result<Sheet, StepError>;

/// Where the rows begin their runs.
pub(crate) struct Reader<'a> {
    pub(crate) trigger: &'a Trigger,
    /// What a run is called that has no title of its own.
    pub(crate) workflow_name: &'a str,
    /// Language in which the file is written.
    pub(crate) locale: &'a str,
    /// Of the workflow.
    pub(crate) workflow_locale: &'a str,
    pub(crate) time_zone: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) constants: &'a Record,
}

/// A file as it was understood.
#[derive(Default)]
pub(crate) struct File {
    /// Of a text.
    pub(crate) encoding: Option<&'static str>,
    pub(crate) delimiter: Option<char>,
    /// Of a workbook, the one that was read and those that people see.
    pub(crate) sheet: Option<String>,
    pub(crate) sheets: Vec<String>,
    /// Why nothing can be made of that sheet; another one may do.
    problem: Option<Problem>,
    pub(crate) headings: Vec<String>,
    /// Rows of blank cells, which become no runs.
    pub(crate) blank_rows: usize,
    lines: Vec<Line>,
}

/// A row of the file that is not blank.
struct Line {
    /// As a spreadsheet numbers it.
    number: u32,
    cells: Vec<String>,
    /// Places of cells that hold no value, in a workbook.
    faults: Vec<usize>,
}

/// A row that was read.
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) title: String,
    /// What the trigger takes, or every problem.
    pub(crate) input: Result<Json, Vec<Problem>>,
}

/// What the file gives with these columns.
pub(crate) struct Reading {
    /// What is wrong with the columns; nothing of the rows is known then.
    pub(crate) problems: Vec<Problem>,
    pub(crate) rows: Vec<Row>,
}

impl File {
    /// The rows of the file, of a workbook those of the sheet that was chosen, or why it is none.
    pub(crate) fn read(
        name: &str,
        bytes: &[u8],
        sheet: Option<&str>,
        locale: &str,
        read_sheet: SheetReader,
    ) -> Result<Self, Problem> {
        if is_workbook(bytes) {
            let read = read_sheet(name, bytes, sheet, locale, MAX_ROWS).map_err(problem_of)?;
            let mut file = Self {
                sheet: Some(read.name),
                sheets: read.names,
                ..Self::default()
            };
            if let Err(problem) = file.fill(read.rows) {
                file.headings.clear();
                file.lines.clear();
                file.problem = Some(problem);
            }
            return Ok(file);
        }
        let records = Records::read(bytes).map_err(|problem| match problem.code.as_str() {
            "table_row_count" => too_many_rows(),
            _ => problem,
        })?;
        let mut file = Self {
            encoding: Some(records.encoding),
            delimiter: Some(records.delimiter),
            ..Self::default()
        };
        let lines = records.lines.into_iter().map(|(number, cells)| SheetRow {
            number,
            cells,
            faults: Vec::new(),
        });
        file.fill(lines)?;
        Ok(file)
    }

    /// Takes the headings and the rows below them that are not blank.
    fn fill(&mut self, lines: impl IntoIterator<Item = SheetRow>) -> Result<(), Problem> {
        let mut lines = lines.into_iter();
        self.headings = lines.next().map(|line| line.cells).unwrap_or_default();
        if self.headings.is_empty() {
            let message = "The first row of the sheet must hold the names of the columns.";
            return Err(Problem::error("no_heading_row", json!({}), message));
        }
        if self.headings.len() > table_csv::MAX_HEADINGS {
            return Err(table_csv::too_wide(self.headings.len()));
        }
        for line in lines {
            if line.cells.iter().all(|cell| cell.trim().is_empty()) {
                self.blank_rows += 1;
            } else {
                self.lines.push(Line {
                    number: u32::try_from(line.number).map_err(|_| too_many_rows())?,
                    cells: line.cells,
                    faults: line.faults,
                });
            }
        }
        if self.lines.len() > MAX_ROWS {
            return Err(too_many_rows());
        }
        if self.lines.is_empty() {
            let message = "The file has no rows below the names of its columns.";
            return Err(Problem::error("batch_no_rows", json!({}), message));
        }
        Ok(())
    }

    pub(crate) fn row_count(&self) -> usize {
        self.lines.len()
    }

    /// The first rows with their numbers, whatever their columns fill.
    pub(crate) fn first(&self, most: usize) -> impl Iterator<Item = (u32, &[String])> {
        let lines = self.lines.iter().take(most);
        lines.map(|line| (line.number, line.cells.as_slice()))
    }
}

/// Office Open XML, or what Excel wrote before.
pub(crate) fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0])
}

/// About the same value, or one inside it.
fn is_below(problem: &Problem, above: &Problem) -> bool {
    let rest = problem.pointer.strip_prefix(&above.pointer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn problem_of(error: StepError) -> Problem {
    Problem::error(&error.code, Json::Object(error.params), error.message)
}

fn too_many_rows() -> Problem {
    Problem::error(
        "batch_row_count",
        json!({"most": MAX_ROWS}),
        format!("A batch has at most {MAX_ROWS} rows. Split the file into several."),
    )
}

impl Reader<'_> {
    /// What cells can fill, in the trigger's order; nothing for a schedule.
    pub(crate) fn targets(&self) -> Vec<Target> {
        match self.trigger {
            Trigger::Form(form) => form.fields.iter().map(of_question).collect(),
            Trigger::Webhook(_) | Trigger::Call(_) => {
                let leaves = leaves(self.fields(), &Path::default());
                leaves.iter().map(Leaf::target).collect()
            }
            Trigger::Schedule(_) => Vec::new(),
        }
    }

    /// Which column fills what: by name, however it is written.
    pub(crate) fn suggest(&self, headings: &[String]) -> Vec<Option<String>> {
        let targets = self.targets();
        let mut left: Vec<&Target> = targets.iter().filter(|target| target.is_cell).collect();
        let mut suggested = vec![None; headings.len()];
        // What is written alike comes before what only sounds alike.
        for alike in [is_written_alike, is_named_alike] {
            for (heading, place) in headings.iter().zip(&mut suggested) {
                if place.is_none()
                    && let Some(found) = left.iter().position(|target| alike(heading, target))
                {
                    *place = Some(left.remove(found).name.clone());
                }
            }
        }
        suggested
    }

    /// Reads every row with these columns, one for each heading.
    pub(crate) fn read(&self, file: &File, columns: &[Option<String>]) -> Reading {
        let problems = self.check(file, columns);
        if !problems.is_empty() {
            return Reading {
                problems,
                rows: Vec::new(),
            };
        }
        let rows = file.lines.iter().map(|line| self.row(file, line, columns));
        Reading {
            problems,
            rows: rows.collect(),
        }
    }

    fn row(&self, file: &File, line: &Line, columns: &[Option<String>]) -> Row {
        let given = columns.iter().zip(&line.cells);
        let given: Vec<(&str, &str)> = given
            .filter_map(|(column, cell)| Some((column.as_deref()?, cell.trim())))
            .filter(|(_, cell)| !cell.is_empty())
            .collect();
        let mut read = match self.trigger {
            Trigger::Form(form) => self.read_answers(form, &given),
            Trigger::Webhook(_) | Trigger::Call(_) | Trigger::Schedule(_) => {
                self.read_fields(&given)
            }
        };
        let faults = self.faults(line, columns);
        if !faults.is_empty() {
            let mut problems = read.err().unwrap_or_default();
            // What is wrong with the text of an error is no second problem.
            problems.retain(|problem| !faults.iter().any(|fault| is_below(problem, fault)));
            problems.extend(faults);
            read = Err(problems);
        }
        let mut beyond = line.cells.iter().skip(columns.len());
        if beyond.any(|cell| !cell.trim().is_empty()) {
            let message = "This line has more cells than the first one.";
            let mut problems = read.err().unwrap_or_default();
            problems.push(Problem::error("csv_too_many_cells", json!({}), message));
            read = Err(problems);
        }
        let (title, input) = match read {
            Ok((title, input)) => (title, Ok(input)),
            Err(problems) => {
                let told = |problem| self.tell(problem, line, columns, file);
                (String::new(), Err(problems.into_iter().map(told).collect()))
            }
        };
        Row {
            number: line.number,
            title: if title.is_empty() {
                self.title(&given)
            } else {
                title
            },
            input,
        }
    }

    /// A problem for each cell without a value in a column that is used.
    fn faults(&self, line: &Line, columns: &[Option<String>]) -> Vec<Problem> {
        if line.faults.is_empty() {
            return Vec::new();
        }
        let targets = self.targets();
        let names = line.faults.iter().filter_map(|place| columns.get(*place));
        let faults = names.flatten().map(|name| {
            let target = targets.iter().find(|target| target.name == *name);
            let label = target.map_or(name, |target| &target.title);
            let message = format!(
                "\"{label}\": the cell holds an error of the spreadsheet, such as #N/A or #REF!, and no value. Correct it, and choose the file again."
            );
            let at = format!("/{}", name.replace('.', "/"));
            Problem::error("batch_cell_fault", json!({"label": label}), message).at(at)
        });
        faults.collect()
    }

    /// What is wrong with the columns whatever the rows hold.
    fn check(&self, file: &File, columns: &[Option<String>]) -> Vec<Problem> {
        if let Some(problem) = &file.problem {
            return vec![problem.clone()];
        }
        if columns.len() != file.headings.len() {
            let message =
                "The file has other columns than those that were matched. Look at it again.";
            return vec![Problem::error("batch_columns", json!({}), message).at("/columns")];
        }
        let targets = self.targets();
        let mut problems = Vec::new();
        for (index, name) in columns.iter().enumerate() {
            let Some(name) = name else { continue };
            let at = format!("/columns/{index}");
            if !targets
                .iter()
                .any(|target| target.is_cell && target.name == *name)
            {
                let message = format!("Nothing that a cell could fill is called \"{name}\".");
                let params = json!({"name": name});
                problems.push(Problem::error("batch_field_unknown", params, message).at(&at));
            }
            if columns[..index].iter().flatten().any(|other| other == name) {
                let label = targets
                    .iter()
                    .find(|target| target.name == *name)
                    .map_or(name, |target| &target.title);
                let message = format!("Two columns fill \"{label}\".");
                let params = json!({"label": label});
                problems.push(Problem::error("batch_field_twice", params, message).at(at));
            }
        }
        for target in targets.iter().filter(|target| target.is_required) {
            let label = &target.title;
            if !target.is_cell {
                let message = format!(
                    "\"{label}\" must be answered, and what it takes has no place in a cell, so this workflow cannot run for rows of a file."
                );
                problems.push(Problem::error(
                    "batch_field_no_cell",
                    json!({"label": label}),
                    message,
                ));
            } else if !columns.iter().flatten().any(|name| *name == target.name) {
                let message = format!("\"{label}\" must be answered, and no column fills it.");
                problems.push(Problem::error(
                    "batch_field_missing",
                    json!({"label": label}),
                    message,
                ));
            }
        }
        if problems.is_empty() && columns.iter().all(Option::is_none) {
            let message = "No column of the file is used. Say what at least one of them fills.";
            problems.push(Problem::error("batch_no_columns", json!({}), message));
        }
        problems
    }

    /// Adds where it is: the row, the heading of the column, and what stands there.
    fn tell(
        &self,
        mut problem: Problem,
        line: &Line,
        columns: &[Option<String>],
        file: &File,
    ) -> Problem {
        let name = problem.pointer.trim_start_matches('/').replace('/', ".");
        let is_it = |column: &Option<String>| {
            column.as_ref().is_some_and(|column| {
                name == *column
                    || name
                        .strip_prefix(column)
                        .is_some_and(|rest| rest.starts_with('.'))
            })
        };
        let place = columns.iter().position(is_it);
        let heading = place.and_then(|place| file.headings.get(place));
        let content = place.and_then(|place| line.cells.get(place));
        if let Some(params) = problem.params.as_object_mut() {
            params.insert("row".into(), json!(line.number));
            params.insert(
                "column".into(),
                json!(heading.map_or("", |heading| heading.as_str())),
            );
            let content = content.map_or("", |content| content.as_str());
            // What is not kept as long as the run is not repeated where it would be.
            if self.trigger.private().is_empty() {
                params.insert("content".into(), json!(told(content)));
            } else {
                params.remove("answer");
            }
        }
        problem
    }

    /// The title of the run and its input.
    fn read_answers(
        &self,
        form: &Form,
        given: &[(&str, &str)],
    ) -> Result<(String, Json), Vec<Problem>> {
        let typed = self.setting(Source::Person, self.locale);
        let answers: Map<String, Json> = given
            .iter()
            .map(|(name, cell)| {
                let question = form.fields.iter().find(|field| field.name == *name);
                let answer = question.map_or_else(|| json!(cell), |one| answer(one, cell, &typed));
                ((*name).to_owned(), answer)
            })
            .collect();
        let record = form.submit(&Json::Object(answers), &typed)?;
        // Once more as a program sends it: what is computed is written in the workflow's language, not in the file's.
        let sent = self.setting(Source::Program, self.workflow_locale);
        let record = form.submit(&record_to_json(&record), &sent)?;
        Ok((run_title(form, &record), record_to_json(&record)))
    }

    fn read_fields(&self, given: &[(&str, &str)]) -> Result<(String, Json), Vec<Problem>> {
        let typed = self.setting(Source::Person, self.locale);
        let (mut input, mut problems) = (Map::new(), Vec::new());
        for leaf in leaves(self.fields(), &Path::default()) {
            let cell = given.iter().find(|(name, _)| *name == leaf.name());
            match cell.map(|(_, cell)| leaf.read(cell, self.currency, &typed)) {
                Some(Ok(value)) => leaf.put(&mut input, value),
                Some(Err(problem)) => problems.push(problem),
                None if leaf.is_required => problems.push(leaf.missing()),
                None => {}
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let kind = Kind::Record {
            fields: self.fields().to_vec(),
        };
        let value = Value::from_json(&Json::Object(input), &kind).map_err(|mismatches| {
            let problems = mismatches.into_iter().map(|mismatch| {
                Problem::error("value_kind", json!({}), mismatch.to_string()).at(mismatch.pointer)
            });
            problems.collect::<Vec<_>>()
        })?;
        let title = match self.title(given) {
            title if title.is_empty() => self.workflow_name.to_owned(),
            title => title,
        };
        Ok((title, value.to_json()))
    }

    /// What a row is called that has no title of its own: its first cell, unless that may be what is not kept as long as the run.
    fn title(&self, given: &[(&str, &str)]) -> String {
        let first = given.first().map_or("", |(_, cell)| cell);
        if self.trigger.private().is_empty() {
            first.to_owned()
        } else {
            String::new()
        }
    }

    /// Of a webhook or a call.
    fn fields(&self) -> &[Field] {
        match self.trigger {
            Trigger::Webhook(webhook) => &webhook.fields,
            Trigger::Call(fields) => fields,
            Trigger::Form(_) | Trigger::Schedule(_) => &[],
        }
    }

    fn setting<'s>(&'s self, source: Source, locale: &'s str) -> Setting<'s> {
        Setting {
            source,
            locale,
            time_zone: self.time_zone,
            currency: self.currency,
            constants: self.constants,
            files: &|_| None,
        }
    }
}

impl Reading {
    /// The first problems of rows.
    pub(crate) fn told(&self) -> impl Iterator<Item = &Problem> {
        let refused = self.rows.iter().filter_map(|row| row.input.as_ref().err());
        refused.flatten().take(MAX_PROBLEMS)
    }

    pub(crate) fn problem_count(&self) -> usize {
        let refused = self.rows.iter().filter_map(|row| row.input.as_ref().err());
        refused.map(Vec::len).sum()
    }

    /// Numbers of the rows with problems.
    pub(crate) fn bad_rows(&self) -> Vec<u32> {
        let bad = self.rows.iter().filter(|row| row.input.is_err());
        bad.map(|row| row.number).collect()
    }
}

#[cfg(test)]
mod tests;
