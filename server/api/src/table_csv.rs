//! Tables as CSV files, in and out: what spreadsheets write is recognised (delimiter, encoding, the language's numbers and dates),
//! every cell that cannot be read is told, and what goes out runs no formula in a spreadsheet. It stores nothing.

use std::collections::HashSet;

use encoding_rs::{Encoding, WINDOWS_1252};
use engine::{
    check::Problem,
    form::Setting,
    format::decimal_mark,
    kind::{Field, Kind},
    table::{Cells, Column, Layout, MAX_COLUMNS, MAX_ROWS, told},
};
use serde_json::{Map, Value as Json, json};

/// Largest file.
pub(crate) const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Most problems that are listed; all are counted.
const MAX_PROBLEMS: usize = 1_000;
/// Most headings of a file; a table takes fewer columns, but files may have more than it takes.
pub(crate) const MAX_HEADINGS: usize = 200;
/// Records that show which delimiter a file has.
const SNIFFED: usize = 50;
/// Excel's, the standard's (RFC 4180), and what databases and old exports use.
const DELIMITERS: [char; 4] = [';', ',', '\t', '|'];

/// A file as it was understood.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) encoding: &'static str,
    pub(crate) delimiter: char,
    /// What stands above each column of the file, with the column it fills; `None`: its cells are not taken.
    pub(crate) headings: Vec<(String, Option<String>)>,
    /// Rows of blank cells, which are not taken.
    pub(crate) blank_rows: usize,
    /// Every row that could be read.
    pub(crate) rows: Vec<Cells>,
    /// The first ones, in order.
    pub(crate) problems: Vec<Problem>,
    pub(crate) problem_count: usize,
}

/// A file's records as texts.
pub(crate) struct Records {
    pub(crate) encoding: &'static str,
    pub(crate) delimiter: char,
    /// (line in the file, fields); the first one holds the headings.
    pub(crate) lines: Vec<(u64, Vec<String>)>,
}

impl Records {
    /// The records, or why this is no such file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        let (text, encoding) = decode(bytes);
        if text.contains('\0') {
            return Err(Problem::error(
                "csv_no_text",
                json!({}),
                "This is not a CSV file. Save the spreadsheet as CSV (UTF-8) and choose that file.",
            ));
        }
        // Lines that end in CR alone, as old programs write them: the reader counts line feeds.
        let text = if text.contains('\n') {
            text
        } else {
            text.replace('\r', "\n")
        };
        let delimiter = delimiter(&text);
        let mut records = Vec::new();
        // Rows are counted as a spreadsheet does: a cell of several lines is one row.
        let mut inside: u64 = 0;
        for record in reader(&text, delimiter).records() {
            let record = record.map_err(|error| {
                Problem::error(
                    "csv_unreadable",
                    json!({"reason": error.to_string()}),
                    format!("The file cannot be read: {error}."),
                )
            })?;
            if records.len() > MAX_ROWS {
                return Err(Problem::error(
                    "table_row_count",
                    json!({"most": MAX_ROWS}),
                    format!("A table has at most {MAX_ROWS} rows."),
                ));
            }
            if records.is_empty() && record.len() > MAX_HEADINGS {
                return Err(too_wide(record.len()));
            }
            let line = record.position().map_or(0, csv::Position::line) - inside;
            inside += record
                .iter()
                .map(|field| field.matches('\n').count() as u64)
                .sum::<u64>();
            let width = records
                .first()
                .map_or(MAX_HEADINGS, |(_, first): &(u64, Vec<String>)| first.len());
            let mut fields: Vec<String> = record
                .iter()
                .take(width)
                .map(|field| unguarded(field).to_owned())
                .collect();
            // Of what no heading stands above one cell is told.
            let beyond = record.iter().skip(width);
            fields.extend(
                beyond
                    .filter(|field| !field.trim().is_empty())
                    .take(1)
                    .map(str::to_owned),
            );
            records.push((line, fields));
        }
        if records.is_empty() {
            return Err(Problem::error(
                "csv_empty",
                json!({}),
                "The file is empty. Its first line must hold the names of the columns.",
            ));
        }
        Ok(Self {
            encoding,
            delimiter,
            lines: records,
        })
    }

    /// Rows of a table. `keys` are the names that rows have already.
    pub(crate) fn fill(
        &self,
        layout: &Layout,
        setting: &Setting<'_>,
        mut keys: HashSet<String>,
    ) -> Reading {
        let mut reading = Reading {
            encoding: self.encoding,
            delimiter: self.delimiter,
            ..Reading::default()
        };
        let columns = self.columns(layout, &mut reading);
        for (line, fields) in self.lines.iter().skip(1) {
            if fields.iter().all(|field| field.trim().is_empty()) {
                reading.blank_rows += 1;
                continue;
            }
            if let Some(extra) = fields
                .iter()
                .skip(columns.len())
                .find(|field| !field.trim().is_empty())
            {
                let message = "This line has more cells than the first one.";
                let problem = Problem::error("csv_too_many_cells", json!({}), message);
                reading.tell(problem, *line, "", extra);
            }
            let given: Map<String, Json> = columns
                .iter()
                .zip(fields)
                .filter_map(|(column, field)| Some(((*column)?.field.name.clone(), json!(field))))
                .collect();
            match layout.read_row(&given, setting) {
                Ok(cells) => {
                    if layout.key(&cells).is_some_and(|key| !keys.insert(key)) {
                        let message = "There is a row of this name already.";
                        let problem = Problem::error("row_name_taken", json!({}), message);
                        let column = layout
                            .name_column
                            .as_deref()
                            .and_then(|name| layout.column(name));
                        let title = column.map_or("", |column| &column.field.title);
                        reading.tell(problem, *line, title, &layout.title_of(&cells));
                    }
                    reading.rows.push(cells);
                }
                Err(problems) => {
                    for problem in problems {
                        let name = problem.pointer.trim_start_matches('/').to_owned();
                        let title = layout
                            .column(&name)
                            .map_or("", |column| &column.field.title);
                        let content = given.get(&name).and_then(Json::as_str).unwrap_or_default();
                        reading.tell(problem, *line, title, content);
                    }
                }
            }
        }
        reading
    }

    /// Which column each field of the file fills.
    fn columns<'l>(&self, layout: &'l Layout, reading: &mut Reading) -> Vec<Option<&'l Column>> {
        let empty = (1, Vec::new());
        let (line, headings) = self.lines.first().unwrap_or(&empty);
        let mut found: Vec<Option<&Column>> = Vec::new();
        for heading in headings {
            let alike = heading.trim().to_lowercase();
            let column = layout.columns.iter().find(|column| {
                column.field.title.trim().to_lowercase() == alike || column.field.name == alike
            });
            let twice = column.is_some_and(|column| {
                found
                    .iter()
                    .flatten()
                    .any(|other| other.field.name == column.field.name)
            });
            if twice {
                let message = "Two columns of the file have this name.";
                let problem = Problem::error("csv_heading_twice", json!({}), message);
                reading.tell(problem, *line, heading, heading);
            }
            let name = column.map(|column| column.field.name.clone());
            reading.headings.push((heading.clone(), name));
            found.push(column);
        }
        for column in &layout.columns {
            let there = found
                .iter()
                .flatten()
                .any(|other| other.field.name == column.field.name);
            if !there && !column.field.optional {
                let message = "The file has no column of this name, and it must be filled in.";
                let problem = Problem::error("csv_column_missing", json!({}), message);
                reading.tell(problem, *line, &column.field.title, "");
            }
        }
        found
    }

    /// The headings, and which kind of column would take everything below each of them; more than a table has are refused.
    pub(crate) fn guess(&self, currency: &str, setting: &Setting<'_>) -> Result<Layout, Problem> {
        let empty = (1, Vec::new());
        let (_, headings) = self.lines.first().unwrap_or(&empty);
        if headings.len() > MAX_COLUMNS {
            return Err(Problem::error(
                "table_column_count",
                json!({"most": MAX_COLUMNS}),
                format!("A table has between 1 and {MAX_COLUMNS} columns."),
            ));
        }
        let mut columns: Vec<Column> = Vec::new();
        for (index, heading) in headings.iter().enumerate() {
            let number = index + 1;
            let title = match heading.trim() {
                "" => format!("Column {number}"),
                heading => heading.chars().take(100).collect(),
            };
            let cells: Vec<&str> = self
                .lines
                .iter()
                .skip(1)
                .filter(|(_, fields)| fields.iter().any(|field| !field.trim().is_empty()))
                .map(|(_, fields)| fields.get(index).map_or("", |field| field.trim()))
                .collect();
            let column = Column {
                field: Field {
                    name: column_name(&title, number, &columns),
                    title,
                    kind: Kind::text(),
                    optional: cells.iter().any(|cell| cell.is_empty()),
                },
                currency: None,
            };
            let filled: Vec<&str> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
            columns.push(with_kind(column, &filled, currency, setting));
        }
        Ok(Layout {
            columns,
            name_column: None,
        })
    }
}

pub(crate) fn too_wide(count: usize) -> Problem {
    Problem::error(
        "csv_heading_count",
        json!({"count": count, "most": MAX_HEADINGS}),
        format!("The file has {count} columns; {MAX_HEADINGS} are the most."),
    )
}

/// The column with the first kind that takes all of its cells.
fn with_kind(column: Column, cells: &[&str], currency: &str, setting: &Setting<'_>) -> Column {
    // Numbers that are names, such as 00123 and +49 451 123456, would lose what makes them one.
    let is_name = |cell: &&str| {
        let mut letters = cell.chars();
        let first = letters.next();
        let second = letters.next();
        first == Some('+') || (first == Some('0') && second.is_some_and(|c| c.is_ascii_digit()))
    };
    if cells.is_empty() || cells.iter().any(is_name) {
        return column;
    }
    let has_sign = cells
        .iter()
        .all(|cell| cell.contains(currency) || cell.contains(['€', '$', '£', '¥', '￥']));
    let money = has_sign.then_some(Kind::money());
    let kinds = [Kind::Integer, Kind::Decimal, Kind::Date, Kind::YesNo];
    for kind in money.into_iter().chain(kinds) {
        let tried = Column {
            field: Field {
                kind: kind.clone(),
                ..column.field.clone()
            },
            currency: matches!(kind, Kind::Money { .. }).then(|| currency.to_owned()),
        };
        if cells
            .iter()
            .all(|cell| tried.read(&json!(cell), setting).is_ok())
        {
            return tried;
        }
    }
    column
}

/// A short name for a column of this title.
fn column_name(title: &str, number: usize, taken: &[Column]) -> String {
    let mut name = String::new();
    for letter in title.to_lowercase().chars().take(40) {
        if letter.is_ascii_alphanumeric() {
            name.push(letter);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_end_matches('_');
    let is_taken = taken.iter().any(|column| column.field.name == name);
    if engine::kind::is_name(name) && !is_taken {
        name.to_owned()
    } else {
        format!("column_{number}")
    }
}

impl Reading {
    /// Adds where it is: the line as a spreadsheet numbers it, the column, and what stands there.
    fn tell(&mut self, mut problem: Problem, line: u64, column: &str, content: &str) {
        self.problem_count += 1;
        if self.problems.len() == MAX_PROBLEMS {
            return;
        }
        if let Some(params) = problem.params.as_object_mut() {
            params.insert("row".into(), json!(line));
            params.insert("column".into(), json!(column));
            params.insert("content".into(), json!(told(content)));
        }
        self.problems.push(problem);
    }
}

/// The text of a file: by its byte order mark, else as UTF-8 if it is that, else as Windows writes it in western Europe.
fn decode(bytes: &[u8]) -> (String, &'static str) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..]);
        return (text.into_owned(), encoding.name());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), encoding_rs::UTF_8.name()),
        Err(_) => {
            let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
            (text.into_owned(), WINDOWS_1252.name())
        }
    }
}

/// The delimiter that cuts the first records into the same number of fields, and into the most.
fn delimiter(text: &str) -> char {
    let score = |delimiter: char| {
        let counts: Vec<usize> = reader(text, delimiter)
            .records()
            .take(SNIFFED)
            .filter_map(|record| record.ok().map(|record| record.len()))
            .collect();
        let first = counts.first().copied().unwrap_or(1);
        let alike = counts.iter().filter(|count| **count == first).count();
        (first > 1, alike * 100 / counts.len().max(1), first)
    };
    let best = DELIMITERS
        .into_iter()
        .max_by_key(|delimiter| score(*delimiter));
    best.filter(|delimiter| score(*delimiter).0).unwrap_or(',')
}

fn reader(text: &str, delimiter: char) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(u8::try_from(delimiter).unwrap_or(b','))
        .from_reader(text.as_bytes())
}

/// The table as a file that spreadsheets of this language open: with their decimal mark, and a semicolon where the comma is that.
pub(crate) fn write(layout: &Layout, rows: &[Json], locale: &str) -> Result<Vec<u8>, csv::Error> {
    let mark = decimal_mark(locale);
    // Spreadsheets read UTF-8 only with the mark in front.
    let mut bytes = "\u{feff}".as_bytes().to_vec();
    let mut writer = csv::WriterBuilder::new()
        .delimiter(if mark == ',' { b';' } else { b',' })
        .terminator(csv::Terminator::CRLF)
        .from_writer(&mut bytes);
    writer.write_record(
        layout
            .columns
            .iter()
            .map(|column| guarded(&column.field.title)),
    )?;
    for row in rows {
        let fields = layout.columns.iter().map(|column| {
            let cell = row.get(&column.field.name).unwrap_or(&Json::Null);
            field(column, cell, mark, locale)
        });
        writer.write_record(fields)?;
    }
    writer.flush()?;
    drop(writer);
    Ok(bytes)
}

fn field(column: &Column, cell: &Json, mark: char, locale: &str) -> String {
    let figure = |text: &str| text.replace('.', &mark.to_string());
    match (&column.field.kind, cell) {
        (Kind::Decimal, Json::String(text)) => figure(text),
        (Kind::Money { .. }, Json::Object(money)) => figure(
            money
                .get("amount")
                .and_then(Json::as_str)
                .unwrap_or_default(),
        ),
        (Kind::YesNo, Json::Bool(yes)) => {
            let (is, is_not) = match locale.split('-').next().unwrap_or_default() {
                "de" => ("ja", "nein"),
                "zh" => ("是", "否"),
                _ => ("yes", "no"),
            };
            if *yes { is } else { is_not }.to_owned()
        }
        (Kind::Text { .. } | Kind::Choice { .. }, Json::String(text)) => guarded(text),
        _ => column.text(cell),
    }
}

/// Letters that make a formula of a text (OWASP, "CSV Injection"), with their wide forms.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A text that no spreadsheet computes: an apostrophe stands before what would begin a formula, and before what looks guarded.
fn guarded(text: &str) -> String {
    if text.trim_start_matches('\'').starts_with(FORMULA) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Takes the guard off again, and nothing else.
fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULA) => rest,
        Some(_) | None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use engine::{form::Source, table::setting, value::Record};
    use proptest::prelude::*;

    use super::*;

    fn hotels() -> Layout {
        Layout {
            columns: serde_json::from_value(json!([
                {"name": "name", "title": "Name", "kind": "text"},
                {"name": "price", "title": "Preis", "kind": "money", "currency": "EUR", "optional": true},
                {"name": "opens", "title": "Ab", "kind": "date", "optional": true},
                {"name": "note", "title": "Note", "kind": "text", "optional": true},
                {"name": "sauna", "title": "Sauna", "kind": "yes_no", "optional": true},
                {"name": "rate", "title": "Rate", "kind": "decimal", "optional": true},
            ]))
            .expect("columns"),
            name_column: Some("name".into()),
        }
    }

    fn fill(bytes: &[u8], locale: &str, keys: &[&str]) -> Reading {
        let constants = Record::new();
        let setting = setting(Source::Person, locale, "EUR", &constants);
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let records = Records::read(bytes).expect("a file");
        records.fill(&hotels(), &setting, keys)
    }

    #[test]
    fn what_spreadsheets_write_is_recognised() {
        let check = |bytes: &[u8], locale: &str, encoding: &str, delimiter: char| {
            let reading = fill(bytes, locale, &[]);
            assert_eq!((reading.encoding, reading.delimiter), (encoding, delimiter));
            assert!(reading.problems.is_empty(), "{:?}", reading.problems);
            assert_eq!(
                json!(reading.rows),
                json!([{"name": "Krön, \"alt\"", "price": {"amount": "1234.50", "currency": "EUR"}, "opens": "2027-03-08",
                        "note": null, "sauna": true, "rate": null}])
            );
        };
        let german = "Preis;Name;Ab;Sauna\r\n1.234,50 €;\"Krön, \"\"alt\"\"\";8.3.2027;ja\r\n";
        check(german.as_bytes(), "de", "UTF-8", ';');
        check(format!("\u{feff}{german}").as_bytes(), "de", "UTF-8", ';');
        let (windows, _, _) = WINDOWS_1252.encode(german);
        check(&windows, "de", "windows-1252", ';');
        let wide: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(german.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        check(&wide, "de", "UTF-16LE", ';');
        let english =
            "name,preis,ab,sauna\n\"Krön, \"\"alt\"\"\",\"1,234.50\",2027-03-08,yes\n\n,,,\n";
        check(english.as_bytes(), "en", "UTF-8", ',');
        let tabs = "Name\tPreis\tAb\tSauna\nKrön, \"alt\"\t1234.50\t2027/3/8\tx\n";
        check(tabs.as_bytes(), "en", "UTF-8", '\t');
        let pipes = "Name|Preis|Ab|Sauna\n\"Krön, \"\"alt\"\"\"|1234.50|2027/3/8|x\n";
        check(pipes.as_bytes(), "en", "UTF-8", '|');
    }

    #[test]
    fn every_cell_that_cannot_be_read_is_told_with_its_place() {
        let file =
            "Name,Preis,Ab,Stars\nAdler,cheap,soon,5\n,1,,\nAdler,1,,\nPost,2,,,more\nkrone,1,,\n";
        let reading = fill(file.as_bytes(), "en", &["krone"]);
        let told: Vec<_> = reading
            .problems
            .iter()
            .map(|problem| {
                let params = &problem.params;
                (
                    params["row"].as_u64(),
                    params["column"].as_str(),
                    params["content"].as_str(),
                    problem.code.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (Some(2), Some("Preis"), Some("cheap"), "number"),
                (Some(2), Some("Ab"), Some("soon"), "date"),
                (Some(3), Some("Name"), Some(""), "required"),
                (Some(5), Some(""), Some("more"), "csv_too_many_cells"),
                (Some(6), Some("Name"), Some("krone"), "row_name_taken"),
            ]
        );
        assert_eq!(reading.headings[3], ("Stars".into(), None));
        assert_eq!(by_code(&reading.problems)["number"], 1);
    }

    #[test]
    fn a_file_must_name_what_must_be_filled_in() {
        let reading = fill(b"Preis,preis\n1,2\n", "en", &[]);
        let counts = by_code(&reading.problems);
        assert_eq!(
            (counts["csv_heading_twice"], counts["csv_column_missing"]),
            (1, 1)
        );
        assert_eq!(Records::read(b"").err().expect("no file").code, "csv_empty");
        assert_eq!(
            Records::read(b"PK\x03\x04\0\0")
                .err()
                .expect("no file")
                .code,
            "csv_no_text"
        );
    }

    #[test]
    fn a_file_has_no_more_columns_than_anybody_needs() {
        let constants = Record::new();
        let setting = setting(Source::Person, "en", "EUR", &constants);
        let file = |width: usize| vec!["a"; width].join(";").into_bytes();
        let read = |width: usize| Records::read(&file(width));
        assert_eq!(read(201).err().expect("too wide").code, "csv_heading_count");
        let guess = read(41).expect("a file").guess("EUR", &setting);
        assert_eq!(guess.expect_err("too wide").code, "table_column_count");
        // A line is kept as far as there are headings, and what is beyond them is told.
        let long = format!(
            "Name;Ort\nAdler{}x{}\n",
            ";".repeat(5_000),
            ";y".repeat(5_000)
        );
        let records = Records::read(long.as_bytes()).expect("a file");
        assert_eq!(records.lines[1].1, ["Adler", "", "x"]);
    }

    #[test]
    fn no_more_problems_are_listed_than_anybody_reads() {
        let mut file = String::from("Name,Preis\n");
        (0..1_500).for_each(|number| file.push_str(&format!("H{number},x\n")));
        let reading = fill(file.as_bytes(), "en", &[]);
        assert_eq!(
            (reading.problems.len(), reading.problem_count),
            (MAX_PROBLEMS, 1_500)
        );
    }

    #[test]
    fn nothing_that_goes_out_is_a_formula() {
        let row = json!({"name": "=HYPERLINK(1)", "note": "'@x", "price": {"amount": "-5.00", "currency": "EUR"}, "sauna": false});
        let file =
            String::from_utf8(write(&hotels(), &[row], "de").expect("a file")).expect("a text");
        let line = file.lines().nth(1).expect("a row");
        assert_eq!(line, "'=HYPERLINK(1);-5,00;;''@x;nein;");
    }

    #[test]
    fn a_files_columns_get_the_kind_that_takes_all_of_it() {
        let file = "Article,No,Price,Count,Weight,From,Sold,Phone\nA,00123,\"€ 1,200.00\",3,1.5,2027-01-02,yes,+49 451 1\nB,7,€ 2,,2,,no,\n";
        let constants = Record::new();
        let setting = setting(Source::Person, "en", "EUR", &constants);
        let layout = Records::read(file.as_bytes())
            .expect("a file")
            .guess("EUR", &setting)
            .expect("columns");
        let kinds: Vec<_> = layout
            .columns
            .iter()
            .map(|column| {
                (
                    column.field.name.as_str(),
                    column.field.kind.noun(),
                    column.field.optional,
                )
            })
            .collect();
        assert_eq!(
            kinds,
            [
                ("article", "a text", false),
                ("no", "a text", false),
                ("price", "an amount of money", false),
                ("count", "a whole number", true),
                ("weight", "a number", false),
                ("from", "a date", true),
                ("sold", "a yes or no", false),
                ("phone", "a text", true),
            ]
        );
        assert!(layout.check().is_empty());
    }

    proptest! {
        /// What was written is read back as it was, whatever the texts.
        #[test]
        fn what_goes_out_comes_in_again(
            note in "['=+@;,|\"a\n\t -]{0,12}", figure in -1_000_000_i64..1_000_000, german in any::<bool>(), yes in any::<bool>(),
        ) {
            let locale = if german { "de" } else { "en" };
            let constants = Record::new();
            let setting = setting(Source::Person, locale, "EUR", &constants);
            let given = json!({"name": "Adler", "note": note, "sauna": yes, "rate": format!("{}", rust_decimal(figure))});
            let program = Setting { source: Source::Program, ..setting };
            let row = hotels().read_row(given.as_object().expect("cells"), &program).expect("a row");
            let file = write(&hotels(), &[Json::Object(row.clone())], locale).expect("a file");
            let reading = Records::read(&file).expect("a file").fill(&hotels(), &setting, HashSet::new());
            prop_assert!(reading.problems.is_empty(), "{:?}", reading.problems);
            prop_assert_eq!(reading.rows, vec![row]);
        }

        /// Whatever is in a file: it is read, or told; never a panic.
        #[test]
        fn every_file_is_read_or_told(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let constants = Record::new();
            let setting = setting(Source::Person, "en", "EUR", &constants);
            if let Ok(records) = Records::read(&bytes) {
                records.fill(&hotels(), &setting, HashSet::new());
                let _ = records.guess("EUR", &setting);
            }
        }
    }

    fn by_code(problems: &[Problem]) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for problem in problems {
            *counts.entry(problem.code.as_str()).or_insert(0) += 1;
        }
        counts
    }

    /// Thousandths, as a decimal is written.
    fn rust_decimal(figure: i64) -> String {
        let sign = if figure < 0 { "-" } else { "" };
        format!("{sign}{}.{:03}", figure.abs() / 1000, figure.abs() % 1000)
    }
}
