//! A firm's own table: typed columns, and rows of cells in the JSON form of their kinds. It reads what people type or paste into a
//! cell with the form's validator, and tells what a change of the columns does to rows. It stores nothing.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::{
    check::Problem,
    form::{FieldKind, FormField, Setting, Source, Width},
    kind::{ChoiceOption, Field, Kind, is_name},
    private::Keeping,
    value::{MAX_INTEGER, Record, Value, escape_pointer, is_currency},
};

/// Most tables of a workspace.
pub const MAX_TABLES: usize = 50;
/// Most columns of a table.
pub const MAX_COLUMNS: usize = 40;
/// Most rows of a table.
pub const MAX_ROWS: usize = 20_000;
/// Longest text of a cell, in characters.
pub const MAX_TEXT: u32 = 2_000;
/// Longest cell that rows are recognised by, in characters: it is looked for by an index, whose keys are short.
const MAX_NAME: usize = 500;
/// Largest row, in bytes of its JSON form.
pub const MAX_ROW_BYTES: usize = 32 * 1024;
/// Most choices of a column.
const MAX_OPTIONS: usize = 500;
/// Longest title of a column.
const MAX_TITLE: usize = 100;
/// Most characters of a cell that a problem repeats.
const MAX_TOLD: usize = 60;

/// The cells of one row by the name of their column; every column is there.
pub type Cells = Map<String, Json>;

/// One typed column: `{"name": "price", "title": "Price", "kind": "money", "currency": "EUR", "optional": true}`. Its name is its
/// stable id, which expressions read; the title is what people read and rename.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    #[serde(flatten)]
    pub field: Field,
    /// Of an amount: what its figures are in (ISO 4217).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// The columns of a table, and by which of them people recognise a row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    pub columns: Vec<Column>,
    /// A text column whose filled cells all differ, however they are capitalised: a choice by it names one row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_column: Option<String>,
}

/// A table embedded in an export: `{"columns": [...], "name_column": "name", "rows": [{"name": "Adler", ...}]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    pub columns: Vec<Column>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_column: Option<String>,
    #[serde(default)]
    pub rows: Vec<Cells>,
}

/// What a change of the columns takes from the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Name and title of the column.
    pub column: String,
    pub title: String,
    /// The column itself goes.
    pub removed: bool,
    /// Filled cells whose content goes.
    pub cells: usize,
    /// The first of them.
    pub example: String,
}

impl Layout {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.field.name == name)
    }

    /// The columns as kinds know them.
    pub fn fields(&self) -> Vec<Field> {
        let fields = self.columns.iter().map(|column| column.field.clone());
        fields.collect()
    }

    /// Every problem, with JSON pointers into the layout.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.columns.is_empty() || self.columns.len() > MAX_COLUMNS {
            problems.push(
                Problem::error(
                    "table_column_count",
                    json!({"most": MAX_COLUMNS}),
                    format!("A table has between 1 and {MAX_COLUMNS} columns."),
                )
                .at("/columns"),
            );
        }
        let (mut names, mut titles) = (HashSet::new(), HashSet::new());
        for (index, column) in self.columns.iter().enumerate() {
            let at = format!("/columns/{index}");
            let field = &column.field;
            if !is_name(&field.name) || !names.insert(field.name.as_str()) {
                problems.push(
                    Problem::error(
                        "table_column_name",
                        json!({"name": field.name}),
                        "Every column needs a short name of its own in small letters, digits and _.",
                    )
                    .at(format!("{at}/name")),
                );
            }
            let title = field.title.trim().to_lowercase();
            let length = title.chars().count();
            if length == 0 || length > MAX_TITLE || !titles.insert(title) {
                problems.push(
                    Problem::error(
                        "table_column_title",
                        json!({"title": field.title, "most": MAX_TITLE}),
                        format!(
                            "Every column needs a title of its own with at most {MAX_TITLE} characters."
                        ),
                    )
                    .at(format!("{at}/title")),
                );
            }
            problems.extend(column.problem().map(|problem| problem.at(at)));
        }
        if let Some(name) = &self.name_column
            && !self
                .column(name)
                .is_some_and(|column| matches!(column.field.kind, Kind::Text { .. }))
        {
            problems.push(
                Problem::error(
                    "table_name_column",
                    json!({"name": name}),
                    "Rows are recognised by a text column.",
                )
                .at("/name_column"),
            );
        }
        problems
    }

    /// Reads a whole row; what is not given is empty. Pointers begin with the column's name.
    pub fn read_row(
        &self,
        given: &Map<String, Json>,
        setting: &Setting<'_>,
    ) -> Result<Cells, Vec<Problem>> {
        let mut problems = self.unknown(given);
        let mut cells = Cells::new();
        for column in &self.columns {
            let name = &column.field.name;
            match self.read(column, given.get(name).unwrap_or(&Json::Null), setting) {
                Ok(cell) => {
                    cells.insert(name.clone(), cell);
                }
                Err(problem) => problems.push(*problem),
            }
        }
        finish(cells, problems)
    }

    /// Reads some cells of a row.
    pub fn read_cells(
        &self,
        given: &Map<String, Json>,
        setting: &Setting<'_>,
    ) -> Result<Cells, Vec<Problem>> {
        let mut problems = self.unknown(given);
        let mut cells = Cells::new();
        for (name, cell) in given {
            let column = self.column(name);
            match column.map(|column| self.read(column, cell, setting)) {
                Some(Ok(cell)) => {
                    cells.insert(name.clone(), cell);
                }
                Some(Err(problem)) => problems.push(*problem),
                None => {}
            }
        }
        finish(cells, problems)
    }

    fn read(
        &self,
        column: &Column,
        cell: &Json,
        setting: &Setting<'_>,
    ) -> Result<Json, Box<Problem>> {
        let name = &column.field.name;
        let cell = column.read(cell, setting)?;
        if self.name_column.as_ref() == Some(name) && is_long_name(&cell) {
            let label = &column.field.title;
            let problem = Problem::error(
                "row_name_too_long",
                json!({"label": label, "most": MAX_NAME}),
                format!(
                    "\"{label}\" has more than {MAX_NAME} characters, which are the most where rows are recognised by it"
                ),
            );
            return Err(Box::new(problem.at(format!("/{name}"))));
        }
        Ok(cell)
    }

    fn unknown(&self, given: &Map<String, Json>) -> Vec<Problem> {
        given
            .keys()
            .filter(|name| self.column(name).is_none())
            .map(|name| {
                Problem::error(
                    "table_column_unknown",
                    json!({"name": name}),
                    format!("The table has no column \u{201c}{name}\u{201d}."),
                )
                .at(format!("/{}", escape_pointer(name)))
            })
            .collect()
    }

    /// What people recognise the row by, made alike so that it can be compared.
    pub fn key(&self, cells: &Cells) -> Option<String> {
        let name = cells.get(self.name_column.as_ref()?)?.as_str()?;
        let key = name.trim().to_lowercase();
        (!key.is_empty()).then_some(key)
    }

    /// What the row is called in messages.
    pub fn title_of(&self, cells: &Cells) -> String {
        let name = self.name_column.as_ref();
        let name = name.and_then(|name| cells.get(name)?.as_str());
        name.unwrap_or_default().to_owned()
    }

    /// Rows of this layout as rows of another one, and what that loses. Cells keep their columns by name; where a column has another
    /// kind, its cells are read anew, and are empty where they cannot be.
    pub fn convert(
        &self,
        to: &Self,
        rows: &mut [Cells],
        setting: &Setting<'_>,
    ) -> (Vec<Loss>, Vec<Problem>) {
        let mut losses: Vec<Loss> = Vec::new();
        for column in &self.columns {
            let name = &column.field.name;
            let other = to.column(name);
            let mut loss = Loss {
                column: name.clone(),
                title: column.field.title.clone(),
                removed: other.is_none(),
                cells: 0,
                example: String::new(),
            };
            for cells in rows.iter_mut() {
                let before = cells.get(name).cloned().unwrap_or(Json::Null);
                let after =
                    other.map_or(Json::Null, |other| column.recast(&before, other, setting));
                if !before.is_null() && after.is_null() {
                    loss.cells += 1;
                    if loss.example.is_empty() {
                        loss.example = told(&column.text(&before));
                    }
                }
                cells.insert(name.clone(), after);
            }
            if loss.cells > 0 {
                losses.push(loss);
            }
        }
        for cells in rows.iter_mut() {
            *cells = to
                .columns
                .iter()
                .map(|column| {
                    let name = &column.field.name;
                    (name.clone(), cells.get(name).cloned().unwrap_or_default())
                })
                .collect();
        }
        let mut problems = to.gaps(rows);
        problems.extend(to.long_names(rows));
        (losses, problems)
    }

    /// Cells too long for rows to be recognised by them.
    fn long_names(&self, rows: &[Cells]) -> Option<Problem> {
        let column = self.column(self.name_column.as_deref()?)?;
        let name = &column.field.name;
        let long = rows.iter().filter(|cells| is_long_name(&cells[name]));
        let count = long.count();
        let title = &column.field.title;
        let problem = || {
            Problem::error(
                "row_names_too_long",
                json!({"title": title, "rows": count, "most": MAX_NAME}),
                format!(
                    "{count} rows have more than {MAX_NAME} characters in \u{201c}{title}\u{201d}, which are the most where rows are recognised by it."
                ),
            )
            .at("/name_column")
        };
        (count > 0).then(problem)
    }

    /// Columns that must be filled in, with how many rows have no value there.
    fn gaps(&self, rows: &[Cells]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let name = &column.field.name;
            let gaps = rows.iter().filter(|cells| cells[name].is_null()).count();
            if !column.field.optional && gaps > 0 {
                problems.push(
                    Problem::error(
                        "table_column_gaps",
                        json!({"title": column.field.title, "rows": gaps}),
                        format!(
                            "{gaps} rows have no value in \u{201c}{}\u{201d}. Fill them in first, or let the column be empty.",
                            column.field.title
                        ),
                    )
                    .at(format!("/columns/{index}/optional")),
                );
            }
        }
        problems
    }
}

impl Column {
    fn problem(&self) -> Option<Problem> {
        match &self.field.kind {
            Kind::Text { max_length } => max_length
                .is_some_and(|most| most == 0 || most > MAX_TEXT)
                .then(|| {
                    Problem::error(
                        "table_column_length",
                        json!({"most": MAX_TEXT}),
                        format!("A text has at most {MAX_TEXT} characters."),
                    )
                }),
            Kind::Money { .. } => (!self.currency.as_deref().is_some_and(is_currency)).then(|| {
                Problem::error(
                    "table_column_currency",
                    json!({}),
                    "Amounts need a currency's three letters, such as EUR.",
                )
            }),
            Kind::Choice { options } => {
                let mut values = HashSet::new();
                let sound = options.iter().all(|option| {
                    !option.value.trim().is_empty() && values.insert(option.value.to_lowercase())
                });
                (!sound || options.is_empty() || options.len() > MAX_OPTIONS).then(|| {
                    Problem::error(
                        "table_column_options",
                        json!({"most": MAX_OPTIONS}),
                        format!("Give between 1 and {MAX_OPTIONS} choices that differ."),
                    )
                })
            }
            Kind::Integer | Kind::Decimal | Kind::Date | Kind::YesNo => None,
            Kind::Time
            | Kind::Instant
            | Kind::List { .. }
            | Kind::Record { .. }
            | Kind::File
            | Kind::Any => Some(Problem::error(
                "table_column_kind",
                json!({"kind": self.field.kind.noun()}),
                "A column holds text, numbers, amounts, dates, yes or no, or one of several choices.",
            )),
        }
    }

    /// A cell as somebody typed it (`Source::Person`: a text in the setting's language) or a program sent it (the JSON form).
    pub fn read(&self, cell: &Json, setting: &Setting<'_>) -> Result<Json, Box<Problem>> {
        let at = format!("/{}", self.field.name);
        let read = match (&self.field.kind, cell, setting.source) {
            (_, Json::Null, _) => self.question().read(cell, setting),
            (Kind::YesNo, Json::Bool(yes), _) => Ok(Value::YesNo(*yes)),
            (Kind::YesNo, Json::String(text), Source::Person) => match yes_or_no(text) {
                Some(yes) => Ok(yes),
                None => Err(self.unreadable()),
            },
            (Kind::YesNo, _, _) => Err(self.unreadable()),
            (Kind::Choice { options }, Json::String(text), Source::Person) => {
                let text = text.trim();
                let by_value = options.iter().find(|option| same(&option.value, text));
                let by_title = |option: &&ChoiceOption| {
                    same(option.title.as_deref().unwrap_or_default(), text)
                };
                let meant = by_value.or_else(|| options.iter().find(by_title));
                let cell = meant.map_or_else(|| json!(text), |option| json!(option.value));
                self.question().read(&cell, setting)
            }
            _ => self.question().read(cell, setting),
        };
        match read {
            Ok(Value::Integer(number)) if number.abs() > MAX_INTEGER => {
                let label = &self.field.title;
                let message = format!("\"{label}\" has more digits than fit");
                let problem = Problem::error("number_too_long", json!({"label": label}), message);
                Err(Box::new(problem.at(at)))
            }
            Ok(Value::Empty) if !self.field.optional => Err(Box::new(self.missing().at(at))),
            Ok(value) => Ok(value.to_json()),
            Err(problem) => Err(Box::new(problem.at(at))),
        }
    }

    fn missing(&self) -> Problem {
        let label = &self.field.title;
        Problem::error(
            "required",
            json!({"label": label}),
            format!("\"{label}\" must be answered"),
        )
    }

    fn unreadable(&self) -> Problem {
        let label = &self.field.title;
        Problem::error(
            "table_yes_no",
            json!({"label": label}),
            format!("\"{label}\" is neither yes nor no"),
        )
    }

    /// The question of a form that is answered like this cell.
    fn question(&self) -> FormField {
        let kind = match &self.field.kind {
            Kind::Integer => FieldKind::Number {
                min: None,
                max: None,
                decimals: Some(0),
            },
            Kind::Decimal => FieldKind::Number {
                min: None,
                max: None,
                decimals: None,
            },
            Kind::Money { decimals } => FieldKind::Money {
                currency: self.currency.clone(),
                decimals: *decimals,
            },
            Kind::Date => FieldKind::Date {
                min: None,
                max: None,
            },
            Kind::Choice { options } => FieldKind::Select {
                options: options.clone(),
                choices_from: None,
            },
            Kind::Text { max_length } => FieldKind::LongText {
                max_length: Some(max_length.unwrap_or(MAX_TEXT)),
            },
            // No column has another kind (`check`), and yes or no is read by its own words.
            Kind::YesNo
            | Kind::Time
            | Kind::Instant
            | Kind::List { .. }
            | Kind::Record { .. }
            | Kind::File
            | Kind::Any => FieldKind::LongText {
                max_length: Some(MAX_TEXT),
            },
        };
        FormField {
            name: self.field.name.clone(),
            label: self.field.title.clone(),
            help: String::new(),
            required: !self.field.optional,
            width: Width::Full,
            section: String::new(),
            store: Keeping::Keep,
            kind,
        }
    }

    /// The cell's content in another column; empty where it has none there.
    fn recast(&self, cell: &Json, to: &Self, setting: &Setting<'_>) -> Json {
        if cell.is_null() {
            return Json::Null;
        }
        let optional = Field {
            optional: true,
            ..to.field.clone()
        };
        let to = Self {
            field: optional,
            currency: to.currency.clone(),
        };
        // Figures of another currency keep their value: it is the firm that says what they are in.
        let figure = match (&self.field.kind, &to.field.kind) {
            (Kind::Money { .. }, Kind::Money { .. } | Kind::Decimal | Kind::Integer) => {
                cell.get("amount")
            }
            (Kind::Integer | Kind::Decimal, _) => Some(cell),
            _ => None,
        };
        let source = match (&self.field.kind, &to.field.kind) {
            // A text was typed by somebody; everything else has a form of its own.
            (Kind::Text { .. } | Kind::Choice { .. }, _)
            | (_, Kind::YesNo | Kind::Choice { .. }) => Source::Person,
            _ => Source::Program,
        };
        let given = match (figure, &to.field.kind) {
            (Some(figure), Kind::Money { .. } | Kind::Decimal | Kind::Integer) => figure.clone(),
            _ if self.field.kind == to.field.kind => cell.clone(),
            _ => json!(self.text(cell)),
        };
        let setting = Setting { source, ..*setting };
        to.read(&given, &setting).unwrap_or_default()
    }

    /// The cell as plain text that no language changes.
    pub fn text(&self, cell: &Json) -> String {
        match cell {
            Json::Null => String::new(),
            Json::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            Json::String(text) => text.clone(),
            Json::Object(money) => {
                let part = |name: &str| money.get(name).and_then(Json::as_str).unwrap_or_default();
                format!("{} {}", part("amount"), part("currency"))
            }
            Json::Number(_) | Json::Array(_) => cell.to_string(),
        }
    }
}

/// As much of a cell's content as a message repeats.
pub fn told(text: &str) -> String {
    if text.chars().count() <= MAX_TOLD {
        return text.to_owned();
    }
    let start: String = text.chars().take(MAX_TOLD).collect();
    format!("{start}\u{2026}")
}

/// What a setting needs that reads cells: they know no files and compute nothing.
pub fn setting<'a>(
    source: Source,
    locale: &'a str,
    currency: &'a str,
    constants: &'a Record,
) -> Setting<'a> {
    Setting {
        source,
        locale,
        time_zone: "UTC",
        currency,
        constants,
        files: &|_| None,
    }
}

fn finish(cells: Cells, mut problems: Vec<Problem>) -> Result<Cells, Vec<Problem>> {
    if problems.is_empty() && size_bytes(&cells) > MAX_ROW_BYTES {
        problems.push(too_large());
    }
    if problems.is_empty() {
        Ok(cells)
    } else {
        Err(problems)
    }
}

/// Size of a row as it is stored.
pub fn size_bytes(cells: &Cells) -> usize {
    serde_json::to_string(cells).map_or(0, |text| text.len())
}

fn is_long_name(cell: &Json) -> bool {
    cell.as_str()
        .is_some_and(|name| name.chars().count() > MAX_NAME)
}

fn too_large() -> Problem {
    Problem::error(
        "table_row_size",
        json!({"most": MAX_ROW_BYTES}),
        format!("A row has at most {} kB.", MAX_ROW_BYTES / 1024),
    )
}

fn same(a: &str, b: &str) -> bool {
    !a.is_empty() && a.to_lowercase() == b.to_lowercase()
}

/// Yes or no as people write it in lists; blank is neither.
fn yes_or_no(text: &str) -> Option<Value> {
    Some(match text.trim().to_lowercase().as_str() {
        "" => Value::Empty,
        "yes" | "y" | "true" | "1" | "x" | "✓" | "✔" | "on" | "ja" | "j" | "wahr" | "oui" | "o"
        | "vrai" | "sí" | "si" | "sì" | "verdadero" | "vero" | "sim" | "是" | "对" | "有" => {
            Value::YesNo(true)
        }
        "no" | "n" | "false" | "0" | "-" | "off" | "nein" | "falsch" | "non" | "faux" | "falso"
        | "não" | "否" | "不" | "无" => Value::YesNo(false),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
