//! What an author can get wrong in a form: names, choices, limits, and computed values that read what is not there.

use std::collections::HashSet;

use serde_json::json;

use super::{ChoicesFrom, ComputedField, FieldKind, Form, FormField, MOST_FILE_BYTES, MOST_ROWS};
use crate::{
    check::Problem,
    expression::Template,
    graph::Resources,
    kind::{ChoiceOption, Kind, MAX_MONEY_DECIMALS, is_name},
    value::parse_decimal,
};

const MOST_FIELDS: usize = 100;
const MOST_OPTIONS: usize = 500;
/// What computed values read besides the answers.
const CONSTANTS: [&str; 3] = ["firm", "now", "today"];

impl Form {
    /// Every problem, with JSON pointers into the form.
    pub fn check(&self, resources: &dyn Resources) -> Vec<Problem> {
        let mut check = Check {
            resources,
            problems: Vec::new(),
        };
        if self.fields.is_empty() {
            check.error("", "form_empty", "The form asks nothing. Add a question.");
        }
        let mut known: HashSet<&str> = CONSTANTS.into();
        check.fields(&self.fields, "/fields", &mut known);
        for (index, computed) in self.computed.iter().enumerate() {
            check.computed(computed, &format!("/computed/{index}"), &mut known);
        }
        check.problems
    }
}

struct Check<'r> {
    resources: &'r dyn Resources,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn error(&mut self, at: &str, code: &str, message: &str) {
        self.problems
            .push(Problem::error(code, json!({}), message).at(at));
    }

    fn fields<'a>(&mut self, fields: &'a [FormField], at: &str, known: &mut HashSet<&'a str>) {
        if fields.len() > MOST_FIELDS {
            self.error(
                at,
                "form_too_many_fields",
                &format!("A form asks at most {MOST_FIELDS} questions."),
            );
        }
        for (index, field) in fields.iter().enumerate() {
            let at = format!("{at}/{index}");
            self.name(&field.name, &at, known);
            if field.label.trim().is_empty() {
                self.error(
                    &format!("{at}/label"),
                    "form_label_missing",
                    "Write the question that people read.",
                );
            }
            self.kind(&field.kind, &at, known);
        }
    }

    fn name<'a>(&mut self, name: &'a str, at: &str, known: &mut HashSet<&'a str>) {
        let at = format!("{at}/name");
        if !is_name(name) || name == "row" {
            let message = "Use small letters, digits and underscores, beginning with a letter; \"row\" is taken.";
            self.error(&at, "form_name_invalid", message);
        } else if !known.insert(name) {
            self.error(
                &at,
                "form_name_taken",
                &format!("\"{name}\" is used twice. Give one of them another name."),
            );
        }
    }

    fn kind<'a>(&mut self, kind: &'a FieldKind, at: &str, known: &HashSet<&'a str>) {
        match kind {
            FieldKind::Text { max_length } | FieldKind::LongText { max_length } => {
                if *max_length == Some(0) {
                    self.error(
                        &format!("{at}/max_length"),
                        "form_limit_invalid",
                        "The longest answer must have room for a character.",
                    );
                }
            }
            FieldKind::Number { min, max, decimals } => {
                self.number(min.as_deref(), max.as_deref(), *decimals, at);
            }
            FieldKind::Money { currency, decimals } => {
                if decimals.is_some_and(|decimals| decimals > MAX_MONEY_DECIMALS) {
                    self.error(
                        &format!("{at}/decimals"),
                        "form_money_decimals",
                        "An amount has at most 6 decimals.",
                    );
                }

                if currency
                    .as_deref()
                    .is_some_and(|code| !crate::value::is_currency(code))
                {
                    self.error(
                        &format!("{at}/currency"),
                        "form_currency_invalid",
                        "Use a currency's three letters, such as EUR.",
                    );
                }
            }
            FieldKind::Date { min, max } => {
                if min.zip(*max).is_some_and(|(min, max)| min > max) {
                    self.error(
                        &format!("{at}/max"),
                        "form_limits_crossed",
                        "The latest day lies before the earliest.",
                    );
                }
            }
            FieldKind::Select {
                options,
                choices_from: Some(from),
            } => self.choices_from(options, from, at),
            FieldKind::Select {
                options,
                choices_from: None,
            }
            | FieldKind::MultiSelect { options, .. } => {
                let mut values = HashSet::new();
                if options.is_empty() || options.len() > MOST_OPTIONS {
                    let message = format!("Give between 1 and {MOST_OPTIONS} choices.");
                    self.error(&format!("{at}/options"), "form_options_count", &message);
                }
                for (index, option) in options.iter().enumerate() {
                    if option.value.trim().is_empty() || !values.insert(&option.value) {
                        let message = "Every choice needs a value of its own.";
                        self.error(
                            &format!("{at}/options/{index}"),
                            "form_option_invalid",
                            message,
                        );
                    }
                }
            }
            FieldKind::File { max_bytes, .. } => {
                if max_bytes.is_some_and(|max| max == 0 || max > MOST_FILE_BYTES) {
                    let message = format!(
                        "A file may have up to {} MB.",
                        MOST_FILE_BYTES / 1024 / 1024
                    );
                    self.error(&format!("{at}/max_bytes"), "form_limit_invalid", &message);
                }
            }
            FieldKind::Rows {
                columns,
                computed,
                min_rows,
                max_rows,
            } => {
                self.rows(columns, computed, at, known);
                if max_rows.is_some_and(|max| {
                    max == 0 || max > MOST_ROWS || min_rows.is_some_and(|min| min > max)
                }) {
                    let message = format!(
                        "Rows go from the fewest to the most, and to {MOST_ROWS} at the outside."
                    );
                    self.error(&format!("{at}/max_rows"), "form_limit_invalid", &message);
                }
            }
            FieldKind::Email | FieldKind::Phone | FieldKind::Checkbox => {}
        }
    }

    fn choices_from(&mut self, options: &[ChoiceOption], from: &ChoicesFrom, at: &str) {
        if !options.is_empty() {
            self.error(
                &format!("{at}/options"),
                "form_options_twice",
                "The choices come from a table; remove the ones written here.",
            );
        }
        let columns = from
            .table
            .parse()
            .ok()
            .and_then(|id| self.resources.table_columns(id));
        let Some(columns) = columns else {
            self.error(
                &format!("{at}/choices_from/table"),
                "table_missing",
                "The table does not exist any more. Choose another one.",
            );
            return;
        };
        let at = format!("{at}/choices_from/column");
        match columns.iter().find(|column| column.name == from.column) {
            Some(column) if matches!(column.kind, Kind::Text { .. } | Kind::Choice { .. }) => {}
            Some(_) => self.error(
                &at,
                "form_choices_column",
                "Choices are texts. Take them from a column of texts.",
            ),
            None => {
                let params = json!({"column": from.column});
                let message = format!("The table has no column \u{201c}{}\u{201d}.", from.column);
                self.problems
                    .push(Problem::error("table_column_missing", params, message).at(&at));
            }
        }
    }

    fn number(&mut self, min: Option<&str>, max: Option<&str>, decimals: Option<u32>, at: &str) {
        for (name, limit) in [("min", min), ("max", max)] {
            if limit.is_some_and(|limit| parse_decimal(limit).is_none()) {
                self.error(
                    &format!("{at}/{name}"),
                    "form_limit_invalid",
                    "Write the limit as a number such as 12.5.",
                );
            }
        }
        if min
            .and_then(parse_decimal)
            .zip(max.and_then(parse_decimal))
            .is_some_and(|(min, max)| min > max)
        {
            self.error(
                &format!("{at}/max"),
                "form_limits_crossed",
                "The largest number lies below the smallest.",
            );
        }
        if decimals.is_some_and(|decimals| decimals > 10) {
            self.error(
                &format!("{at}/decimals"),
                "form_limit_invalid",
                "A number has at most 10 decimals.",
            );
        }
    }

    fn rows<'a>(
        &mut self,
        columns: &'a [FormField],
        computed: &'a [ComputedField],
        at: &str,
        known: &HashSet<&'a str>,
    ) {
        if columns.is_empty() {
            self.error(
                &format!("{at}/columns"),
                "form_empty",
                "Rows need at least one column.",
            );
        }
        for (index, column) in columns.iter().enumerate() {
            if matches!(
                column.kind,
                FieldKind::Rows { .. } | FieldKind::File { .. } | FieldKind::MultiSelect { .. }
            ) {
                let message = "A column takes one short answer; ask this outside the rows.";
                self.error(
                    &format!("{at}/columns/{index}/kind"),
                    "form_column_kind",
                    message,
                );
            }
        }
        // Cells are read as `row.amount`, so their names are their own.
        let mut names = HashSet::new();
        self.fields(columns, &format!("{at}/columns"), &mut names);
        let mut readable: HashSet<&str> = known.clone();
        readable.insert("row");
        for (index, cell) in computed.iter().enumerate() {
            let at = format!("{at}/computed/{index}");
            self.references(&cell.value, &at, &readable);
            self.name(&cell.name, &at, &mut names);
        }
    }

    fn computed<'a>(
        &mut self,
        computed: &'a ComputedField,
        at: &str,
        known: &mut HashSet<&'a str>,
    ) {
        self.references(&computed.value, at, known);
        self.name(&computed.name, at, known);
    }

    fn references(&mut self, template: &Template, at: &str, known: &HashSet<&str>) {
        let at = format!("{at}/value");
        match template.references() {
            Ok(references) => {
                for reference in references {
                    let first = reference.path.first().map_or("", String::as_str);
                    if !known.contains(first) {
                        let params = json!({"name": first});
                        let message = format!("There is no answer \"{first}\" before this value.");
                        self.problems.push(
                            Problem::error("form_reference_unknown", params, message).at(&at),
                        );
                    }
                }
            }
            Err(error) => self.error(&at, error.code(), &error.to_string()),
        }
    }
}
