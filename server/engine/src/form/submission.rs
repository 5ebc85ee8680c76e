//! A whole submission: every answer read, rows and their computed cells, then the form's computed values, in one pass over the
//! form. The same pass serves the live totals, which leave out what cannot be computed yet.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::{
    ChoicesFrom, ComputedField, FieldKind, Form, FormField, Setting, Source,
    answer::{self, RowChoices, is_blank, pointer},
};
use crate::{
    check::Problem,
    format::Formats,
    value::{Record, Value},
};

/// Most rows where the author sets no limit, and where they do.
pub const MAX_ROWS: u32 = 1_000;
pub const MOST_ROWS: u32 = 5_000;

/// A submission while it is typed: what can be understood and computed so far.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Every value that could be read or computed, by JSON pointer as in `problems`; computed cells are at `/items/0/amount`.
    pub values: IndexMap<String, Value>,
    pub problems: Vec<Problem>,
}

impl Form {
    /// Typed values of a complete submission, computed ones included, or every problem with it.
    pub fn submit(&self, answers: &Json, setting: &Setting<'_>) -> Result<Record, Vec<Problem>> {
        let mut reading = Reading::new(setting, false);
        let record = reading.form(self, answers);
        if reading.problems.is_empty() {
            Ok(record)
        } else {
            Err(reading.problems)
        }
    }

    /// What an unfinished submission gives so far.
    pub fn draft(&self, answers: &Json, setting: &Setting<'_>) -> Draft {
        let mut reading = Reading::new(setting, true);
        reading.form(self, answers);
        Draft {
            values: reading.seen,
            problems: reading.problems,
        }
    }
}

struct Reading<'a> {
    setting: &'a Setting<'a>,
    /// How computed texts write numbers, amounts and moments.
    formats: Formats,
    /// Rows that are not complete take no part in totals.
    unfinished: bool,
    seen: IndexMap<String, Value>,
    problems: Vec<Problem>,
    /// The tables' rows that answers were chosen from so far.
    choices: Vec<(&'a ChoicesFrom, RowChoices<'a>)>,
}

impl<'a> Reading<'a> {
    fn new(setting: &'a Setting<'a>, unfinished: bool) -> Self {
        Self {
            setting,
            formats: Formats::of(setting.locale, setting.time_zone, setting.currency),
            unfinished,
            seen: IndexMap::new(),
            problems: Vec::new(),
            choices: Vec::new(),
        }
    }

    fn form(&mut self, form: &'a Form, answers: &Json) -> Record {
        let Some(given) = answers.as_object() else {
            let message = "the answers must be an object with one value for each question";
            self.problems
                .push(Problem::error("wrong_kind", json!({}), message));
            return Record::new();
        };
        if self.setting.source == Source::Program {
            // A stored submission comes back with its computed values; they are computed anew.
            let names = given
                .keys()
                .filter(|name| !form.computed.iter().any(|value| value.name == **name));
            self.refuse_unknown(names, &form.fields, "");
        }
        let mut record = Record::new();
        for field in &form.fields {
            let answer = given.get(&field.name).unwrap_or(&Json::Null);
            let at = pointer("", &field.name);
            let value = match &field.kind {
                FieldKind::Rows {
                    columns,
                    computed,
                    min_rows,
                    max_rows,
                } => {
                    let limits = (*min_rows, *max_rows);
                    self.rows(field, columns, computed, limits, answer, &at, &record)
                }
                FieldKind::Text { .. }
                | FieldKind::LongText { .. }
                | FieldKind::Email
                | FieldKind::Phone
                | FieldKind::Number { .. }
                | FieldKind::Money { .. }
                | FieldKind::Date { .. }
                | FieldKind::Select { .. }
                | FieldKind::MultiSelect { .. }
                | FieldKind::Checkbox
                | FieldKind::File { .. } => self.answer(field, answer, &at),
            };
            record.insert(field.name.clone(), value);
        }
        // Without all answers a sum would be wrong, not only unfinished.
        if (self.problems.is_empty() || self.unfinished) && !form.computed.is_empty() {
            let mut scope = self.scope(&record);
            for computed in &form.computed {
                let at = pointer("", &computed.name);
                let value = self.compute(computed, &scope, &at);
                scope.insert(computed.name.clone(), value.clone());
                record.insert(computed.name.clone(), value);
            }
        }
        record
    }

    fn answer(&mut self, field: &'a FormField, answer: &Json, at: &str) -> Value {
        let read = if let FieldKind::Select {
            options,
            choices_from: Some(from),
        } = &field.kind
            && !is_blank(answer)
        {
            let known = self.choices.iter().position(|(other, _)| *other == from);
            let place = known.unwrap_or_else(|| {
                self.choices.push((from, RowChoices::of(options)));
                self.choices.len() - 1
            });
            self.choices[place].1.read(field, answer)
        } else {
            answer::read(field, answer, self.setting)
        };
        match read {
            Ok(value) => {
                self.seen.insert(at.to_owned(), value.clone());
                value
            }
            Err(problem) => {
                self.problems.push(problem.at(at));
                Value::Empty
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one rows field, taken apart by its only caller"
    )]
    fn rows(
        &mut self,
        field: &FormField,
        columns: &'a [FormField],
        computed: &[ComputedField],
        limits: (Option<u32>, Option<u32>),
        answer: &Json,
        at: &str,
        before: &Record,
    ) -> Value {
        let none = Vec::new();
        let rows = match answer {
            Json::Array(rows) => rows,
            Json::Null => &none,
            Json::String(text) if text.trim().is_empty() => &none,
            Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
                self.problems.push(answer::wrong_kind(field).at(at));
                return Value::List(Vec::new());
            }
        };
        let max = limits.1.unwrap_or(MAX_ROWS).min(MOST_ROWS);
        // Nothing is read of what is far too much.
        if rows.len() > (max as usize).saturating_mul(2).max(100) {
            self.problems.push(too_many_rows(field, max).at(at));
            return Value::List(Vec::new());
        }
        let mut values = Vec::new();
        // Once for all rows: another table may lie before this one.
        let mut scope = self.scope(before);
        for (index, row) in rows
            .iter()
            .enumerate()
            .filter(|(_, row)| !is_spare(columns, row))
        {
            let at = format!("{at}/{index}");
            if let Some(row) = self.row(field, columns, computed, row, &at, &mut scope) {
                values.push(Value::Record(row));
            }
        }
        let filled = rows.iter().filter(|row| !is_spare(columns, row)).count();
        let min = limits.0.unwrap_or(0).max(u32::from(field.required));
        if filled < min as usize {
            let message = format!("needs at least {min} rows");
            self.problems
                .push(answer::problem(field, "rows_min", json!({"min": min}), &message).at(at));
        }
        if filled > max as usize {
            self.problems.push(too_many_rows(field, max).at(at));
        }
        Value::List(values)
    }

    /// The row's values; `None` when it is not complete. `scope` is what its computed cells read besides the row.
    fn row(
        &mut self,
        field: &FormField,
        columns: &'a [FormField],
        computed: &[ComputedField],
        row: &Json,
        at: &str,
        scope: &mut Record,
    ) -> Option<Record> {
        let Some(given) = row.as_object() else {
            self.problems.push(answer::wrong_kind(field).at(at));
            return None;
        };
        let problems = self.problems.len();
        if self.setting.source == Source::Program {
            let names = given
                .keys()
                .filter(|name| !computed.iter().any(|cell| cell.name == **name));
            self.refuse_unknown(names, columns, at);
        }
        let mut record = Record::new();
        for column in columns {
            let answer = given.get(&column.name).unwrap_or(&Json::Null);
            let value = self.answer(column, answer, &pointer(at, &column.name));
            record.insert(column.name.clone(), value);
        }
        for cell in computed {
            if self.problems.len() > problems {
                return None;
            }
            scope.insert("row".into(), Value::Record(record.clone()));
            let value = self.compute(cell, scope, &pointer(at, &cell.name));
            record.insert(cell.name.clone(), value);
        }
        (self.problems.len() == problems).then_some(record)
    }

    /// What is computed may read: what does not hang on the answers, and these.
    fn scope(&self, answers: &Record) -> Record {
        let mut scope = self.setting.constants.clone();
        scope.extend(
            answers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        scope
    }

    fn compute(&mut self, field: &ComputedField, scope: &Record, at: &str) -> Value {
        let value = field
            .value
            .evaluate_in(scope, &self.formats)
            .map_err(|error| error.to_string());
        let value = value.and_then(|value| {
            value
                .convert(&field.kind, self.setting.currency)
                .map_err(|mismatch| mismatch.message)
        });
        match value {
            Ok(value) => {
                self.seen.insert(at.to_owned(), value.clone());
                value
            }
            Err(_) if self.unfinished => Value::Empty,
            Err(reason) => {
                let label = if field.label.is_empty() {
                    &field.name
                } else {
                    &field.label
                };
                let message = format!("\"{label}\" cannot be computed: {reason}");
                let params = json!({"label": label, "reason": reason});
                self.problems
                    .push(Problem::error("not_computed", params, message).at(at));
                Value::Empty
            }
        }
    }

    fn refuse_unknown<'n>(
        &mut self,
        names: impl Iterator<Item = &'n String>,
        fields: &[FormField],
        at: &str,
    ) {
        for name in names.filter(|name| !fields.iter().any(|field| field.name == **name)) {
            let message = format!("there is no question \"{name}\"");
            self.problems.push(
                Problem::error("unknown_field", json!({"name": name}), message)
                    .at(pointer(at, name)),
            );
        }
    }
}

/// A row nobody filled in: every column that can be blank is.
fn is_spare(columns: &[FormField], row: &Json) -> bool {
    match row {
        Json::Object(given) => columns
            .iter()
            .all(|column| given.get(&column.name).is_none_or(is_blank)),
        other => is_blank(other),
    }
}

fn too_many_rows(field: &FormField, max: u32) -> Problem {
    let message = format!("takes at most {max} rows");
    answer::problem(field, "rows_max", json!({"max": max}), &message)
}
