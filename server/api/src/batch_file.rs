//! A file whose rows become runs: its columns are matched with what the trigger takes, and every row is read by the form's validator. It
//! stores nothing and begins nothing.

mod targets;

use engine::{
    check::Problem,
    form::{Form, Setting, Source},
    kind::{Field, Kind},
    node::{StepError, Trigger},
    sheet::SheetRow,
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

/// Reads a workbook's first sheet: name and bytes of the file, language, most rows.
pub type SheetReader = fn(&str, &[u8], &str, usize) -> Result<Vec<SheetRow>, StepError>;

/// Where the rows begin their runs.
pub(crate) struct Reader<'a> {
    pub(crate) trigger: &'a Trigger,
    /// What a run is called that has no title of its own.
    pub(crate) workflow_name: &'a str,
    /// Language in which the file is written.
    pub(crate) locale: &'a str,
    /// Of the workflow.
    pub(crate) workflow_locale: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) constants: &'a Record,
}

/// A file as it was understood.
#[derive(Default)]
pub(crate) struct File {
    /// Of a text.
    pub(crate) encoding: Option<&'static str>,
    pub(crate) delimiter: Option<char>,
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
    /// The rows of the file, or why it is none.
    pub(crate) fn read(
        name: &str,
        bytes: &[u8],
        locale: &str,
        read_sheet: SheetReader,
    ) -> Result<Self, Problem> {
        let is_workbook = is_workbook(bytes);
        let (encoding, delimiter, lines) = if is_workbook {
            let lines = read_sheet(name, bytes, locale, MAX_ROWS);
            (None, None, lines.map_err(problem_of)?)
        } else {
            let records = Records::read(bytes).map_err(|problem| match problem.code.as_str() {
                "table_row_count" => too_many_rows(),
                _ => problem,
            })?;
            let lines = records.lines.into_iter().map(|(number, cells)| SheetRow {
                number,
                cells,
                faults: Vec::new(),
            });
            let (encoding, delimiter) = (records.encoding, records.delimiter);
            (Some(encoding), Some(delimiter), lines.collect())
        };
        let mut lines = lines.into_iter();
        let headings = lines.next().map(|line| line.cells).unwrap_or_default();
        if headings.len() > table_csv::MAX_HEADINGS {
            return Err(table_csv::too_wide(headings.len()));
        }
        let mut file = Self {
            encoding,
            delimiter,
            headings,
            ..Self::default()
        };
        for line in lines {
            if line.cells.iter().all(|cell| cell.trim().is_empty()) {
                file.blank_rows += 1;
            } else {
                file.lines.push(Line {
                    number: u32::try_from(line.number).map_err(|_| too_many_rows())?,
                    cells: line.cells,
                    faults: line.faults,
                });
            }
        }
        if file.lines.len() > MAX_ROWS {
            return Err(too_many_rows());
        }
        if file.lines.is_empty() {
            return Err(Problem::error(
                "batch_no_rows",
                json!({}),
                "The file has no rows below the names of its columns.",
            ));
        }
        Ok(file)
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
mod tests {
    use engine::node::Webhook;

    use super::*;

    fn reader<'a>(trigger: &'a Trigger, constants: &'a Record, locale: &'a str) -> Reader<'a> {
        Reader {
            trigger,
            workflow_name: "Invoices",
            locale,
            workflow_locale: "en",
            currency: "EUR",
            constants,
        }
    }

    fn no_sheets(_: &str, _: &[u8], _: &str, _: usize) -> Result<Vec<SheetRow>, StepError> {
        panic!("no workbook")
    }

    fn file(text: &str) -> File {
        File::read("f.csv", text.as_bytes(), "en", no_sheets).expect("a file")
    }

    fn form(fields: &Json) -> Trigger {
        let form = json!({"title": "Invoice", "fields": fields});
        Trigger::Form(serde_json::from_value(form).expect("a form"))
    }

    fn booking() -> Trigger {
        form(&json!([
            {"name": "guest", "label": "Name of the guest", "kind": "text", "required": true},
            {"name": "total", "label": "Total", "kind": "money", "required": true},
            {"name": "arrival", "label": "Arrival", "kind": "date"},
            {"name": "agreed", "label": "Agreed", "kind": "checkbox"},
            {"name": "room", "label": "Room", "kind": "select", "options": [{"value": "d", "title": "Double"}, {"value": "s"}]},
            {"name": "extras", "label": "Extras", "kind": "multi_select", "options": [{"value": "sauna"}, {"value": "bed, small"}]},
            {"name": "photo", "label": "Photo", "kind": "file"},
        ]))
    }

    #[test]
    fn columns_are_found_whatever_their_spelling() {
        let constants = Record::new();
        let trigger = booking();
        let reader = reader(&trigger, &constants, "en");
        let check = |headings: &[&str], expected: &[Option<&str>]| {
            let headings: Vec<String> = headings.iter().map(|text| (*text).to_owned()).collect();
            let found = reader.suggest(&headings);
            let found: Vec<Option<&str>> = found.iter().map(Option::as_deref).collect();
            assert_eq!(found, expected, "{headings:?}");
        };
        check(
            &["name_of_the-guest", " TOTAL "],
            &[Some("guest"), Some("total")],
        );
        check(&["Guest", "nameOfTheGuest"], &[Some("guest"), None]);
        check(&["Photo", "Note"], &[None, None]);
    }

    #[test]
    fn every_row_is_read_as_people_write() {
        let constants = Record::new();
        let trigger = booking();
        let reader = reader(&trigger, &constants, "de");
        let file = file(
            "Guest;Total;Arrival;Agreed;Room;Extras\nKrön;1.234,50 €;8.3.2027;ja;double;sauna, bed\n\nMay;7;;;S;bed, small\n;x;soon;vielleicht;;\n",
        );
        let columns = reader.suggest(&file.headings);
        let reading = reader.read(&file, &columns);
        assert!(reading.problems.is_empty(), "{:?}", reading.problems);
        assert_eq!(reading.bad_rows(), [2, 5]);
        let told: Vec<_> = reading
            .told()
            .map(|one| {
                (
                    one.code.as_str(),
                    one.params["row"].as_u64(),
                    one.params["column"].as_str(),
                )
            })
            .collect();
        assert_eq!(told[0], ("choice", Some(2), Some("Extras")));
        assert!(told.contains(&("required", Some(5), Some("Guest"))));
        assert!(told.contains(&("date", Some(5), Some("Arrival"))));
        let input = reading.rows[1].input.as_ref().expect("a sound row");
        assert_eq!(
            *input,
            json!({"guest": "May", "total": {"amount": "7.00", "currency": "EUR"}, "arrival": null, "agreed": false, "room": "s",
                   "extras": ["bed, small"], "photo": null})
        );
    }

    #[test]
    fn an_error_of_the_spreadsheet_is_a_problem_of_its_row() {
        fn sheet(_: &str, _: &[u8], _: &str, _: usize) -> Result<Vec<SheetRow>, StepError> {
            let row = |number, cells: [&str; 3], faults| SheetRow {
                number,
                cells: cells.map(str::to_owned).to_vec(),
                faults,
            };
            Ok(vec![
                row(1, ["Guest", "Total", "Note"], vec![]),
                row(2, ["#N/A", "#REF!", "#N/A"], vec![0, 1, 2]),
                row(3, ["#N/A", "7", "#N/A"], vec![2]),
            ])
        }
        let constants = Record::new();
        let trigger = booking();
        let reader = reader(&trigger, &constants, "en");
        let file = File::read("f.xlsx", b"PK\x03\x04", "en", sheet).expect("a file");
        let reading = reader.read(&file, &reader.suggest(&file.headings));
        let told: Vec<_> = reading
            .told()
            .map(|one| {
                (
                    one.code.as_str(),
                    &one.params["column"],
                    &one.params["content"],
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("batch_cell_fault", &json!("Guest"), &json!("#N/A")),
                ("batch_cell_fault", &json!("Total"), &json!("#REF!")),
            ]
        );
        // A text is one, and a column that fills nothing is not looked at.
        assert_eq!(reading.bad_rows(), [2]);
    }

    #[test]
    fn columns_that_do_not_do_are_told_before_rows_are_read() {
        let constants = Record::new();
        let trigger = form(&json!([
            {"name": "a", "label": "A", "kind": "text", "required": true},
            {"name": "b", "label": "B", "kind": "file", "required": true},
        ]));
        let reader = reader(&trigger, &constants, "en");
        let file = file("x;y\n1;2\n");
        let check = |columns: [Option<&str>; 2], expected: &[&str]| {
            let columns: Vec<_> = columns.iter().map(|one| one.map(str::to_owned)).collect();
            let reading = reader.read(&file, &columns);
            let codes: Vec<_> = reading
                .problems
                .iter()
                .map(|one| one.code.as_str())
                .collect();
            assert_eq!(codes, expected);
        };
        check(
            [None, None],
            &["batch_field_missing", "batch_field_no_cell"],
        );
        check(
            [Some("a"), Some("a")],
            &["batch_field_twice", "batch_field_no_cell"],
        );
        check(
            [Some("a"), Some("b")],
            &["batch_field_unknown", "batch_field_no_cell"],
        );
    }

    #[test]
    fn records_are_filled_by_what_lies_in_them() {
        let constants = Record::new();
        let fields = serde_json::from_value(json!([
            {"name": "order_id", "title": "Order", "kind": "integer"},
            {"name": "customer", "title": "Customer", "kind": "record", "optional": true, "fields": [
                {"name": "city", "title": "City", "kind": "text"}]},
            {"name": "lines", "title": "Lines", "kind": "list", "item": {"kind": "text"}, "optional": true},
        ]))
        .expect("fields");
        let trigger = Trigger::Webhook(Webhook {
            fields,
            ..Webhook::default()
        });
        let reader = reader(&trigger, &constants, "en");
        let file = file("orderId;customer.city;Lines\n7;Bern;a\n8;;\nx;;\n");
        let columns = reader.suggest(&file.headings);
        assert_eq!(
            columns,
            [
                Some("order_id".to_owned()),
                Some("customer.city".to_owned()),
                None
            ]
        );
        let reading = reader.read(&file, &columns);
        let inputs: Vec<_> = reading
            .rows
            .iter()
            .map(|row| row.input.as_ref().ok())
            .collect();
        assert_eq!(inputs[0].expect("a row")["customer"]["city"], "Bern");
        assert_eq!(inputs[1].expect("a row")["order_id"], 8);
        assert_eq!(reading.bad_rows(), [4]);
        let told = reading.told().next().expect("a problem");
        assert_eq!(
            (told.code.as_str(), told.params["content"].as_str()),
            ("number", Some("x"))
        );
    }

    #[test]
    fn a_file_has_no_more_rows_than_a_batch() {
        let read = |rows: usize| {
            let text = format!("a\n{}", "1\n".repeat(rows));
            File::read("f.csv", text.as_bytes(), "en", no_sheets).map(|file| file.row_count())
        };
        assert_eq!(read(MAX_ROWS).expect("a file"), MAX_ROWS);
        for (rows, code) in [
            (MAX_ROWS + 1, "batch_row_count"),
            (25_000, "batch_row_count"),
            (0, "batch_no_rows"),
        ] {
            assert_eq!(read(rows).expect_err("refused").code, code);
        }
    }
}
