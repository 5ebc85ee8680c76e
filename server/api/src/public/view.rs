//! A form as its template draws it: every question with its typed text, its problem and what was understood, and the totals.

use std::collections::HashMap;

use engine::{
    expression::Template,
    form::{
        ChoicesFrom, ComputedField, Draft, FieldKind, Form, FormField, MAX_ROWS, MOST_ROWS, Width,
        is_blank,
    },
    format::decimal_mark,
    value::{FileRef, Record, Value},
};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{answers::max_bytes, language::Language, uploads::size_text};

/// Spare rows at the end of a table, for those without JavaScript.
const SPARE_ROWS: usize = 3;
const FIRST_ROWS: usize = 3;
/// More parts than this are no help above a form.
const MOST_STEPS: usize = 5;
/// Longer lists are typed into, with suggestions: nobody looks through them, and in rows each cell would carry the whole list.
const MOST_OPTIONS: usize = 500;
const MOST_OPTIONS_IN_ROWS: usize = 50;
/// Most suggestions; what is not among them can be typed all the same.
const MOST_SUGGESTED: usize = 2_000;
/// The control of a long list.
const SUGGEST: &str = "suggest";

/// What a form's view is made of.
pub(crate) struct Look<'a> {
    pub(crate) form: &'a Form,
    pub(crate) language: Language,
    /// How numbers and dates are written.
    pub(crate) locale: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) answers: &'a Json,
    pub(crate) draft: &'a Draft,
    /// Shown problems, by pointer; none while somebody still fills in.
    pub(crate) errors: &'a HashMap<String, String>,
    pub(crate) files: &'a [FileRef],
    /// More spare rows than usual, by name.
    pub(crate) more_rows: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct FormView {
    /// The parts of the form by name, when there are several.
    steps: Vec<Step>,
    pub(crate) sections: Vec<Section>,
    pub(crate) totals: Vec<Total>,
    /// What long lists suggest; one serves every question that chooses from it.
    lists: Vec<ListView>,
    pub(crate) has_files: bool,
    pub(crate) has_rows: bool,
    pub(crate) decimal_mark: char,
}

#[derive(Serialize)]
struct ListView {
    id: String,
    choices: Vec<String>,
}

#[derive(Serialize)]
struct Step {
    id: String,
    title: String,
}

#[derive(Serialize)]
pub(crate) struct Section {
    id: String,
    title: String,
    fields: Vec<FieldView>,
}

#[derive(Serialize)]
pub(crate) struct Total {
    label: String,
    pointer: String,
    display: String,
    last: bool,
}

/// One question; `kind` picks the control.
#[derive(Serialize)]
pub(crate) struct FieldView {
    kind: &'static str,
    name: String,
    id: String,
    pointer: String,
    label: String,
    help: String,
    hint: String,
    required: bool,
    width: Width,
    value: String,
    error: String,
    understood: String,
    currency: String,
    inputmode: &'static str,
    autocomplete: &'static str,
    min: String,
    max: String,
    options: Vec<OptionView>,
    /// Id of the list that suggests what to type.
    list: String,
    /// For the script's checks.
    rules: String,
    file: Option<FileView>,
    accept: String,
    rows: Vec<RowView>,
    blank_row: Option<Box<RowView>>,
    columns: Vec<ColumnView>,
    max_rows: u32,
}

#[derive(Serialize)]
struct OptionView {
    value: String,
    title: String,
    chosen: bool,
}

/// A file that was handed in.
#[derive(Serialize)]
pub(crate) struct FileView {
    id: String,
    text: String,
    remove: String,
}

#[derive(Serialize)]
struct RowView {
    number: String,
    label: String,
    remove: String,
    copy: String,
    move_label: String,
    error: String,
    cells: Vec<FieldView>,
    computed: Vec<Total>,
}

#[derive(Serialize)]
struct ColumnView {
    label: String,
    kind: &'static str,
    computed: bool,
}

impl Look<'_> {
    /// Everything handed in under this ticket, for questions that name it.
    pub(crate) fn uploads(&self) -> Vec<FileView> {
        let view = |file: &FileRef| FileView {
            id: file.id.to_string(),
            text: self.language.text(
                "form.file_kept",
                &json!({"name": file.name, "size": size_text(file.size_bytes)}),
            ),
            remove: self
                .language
                .text("form.file_remove", &json!({"name": file.name})),
        };
        self.files.iter().map(view).collect()
    }
}

impl FormView {
    pub(crate) fn new(form: &Form, look: &Look<'_>) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for field in &form.fields {
            if sections.is_empty() || !field.section.is_empty() {
                sections.push(Section {
                    id: format!("part-{}", sections.len() + 1),
                    title: field.section.clone(),
                    fields: Vec::new(),
                });
            }
            let answer = look.answers.get(&field.name).unwrap_or(&Json::Null);
            let view = FieldView::new(field, answer, "", look);
            if let Some(section) = sections.last_mut() {
                section.fields.push(view);
            }
        }
        let last = form.computed.len();
        let totals = form.computed.iter().enumerate();
        let named = sections.iter().filter(|section| !section.title.is_empty());
        let steps: Vec<Step> = named
            .map(|section| Step {
                id: section.id.clone(),
                title: section.title.clone(),
            })
            .collect();
        Self {
            steps: if (2..=MOST_STEPS).contains(&steps.len()) {
                steps
            } else {
                Vec::new()
            },
            totals: totals
                .map(|(index, computed)| Total::new(computed, "", index + 1 == last, look))
                .collect(),
            has_files: form
                .fields
                .iter()
                .any(|field| matches!(field.kind, FieldKind::File { .. })),
            has_rows: form
                .fields
                .iter()
                .any(|field| matches!(field.kind, FieldKind::Rows { .. })),
            decimal_mark: decimal_mark(look.locale),
            lists: lists(form),
            sections,
        }
    }
}

impl Total {
    fn new(computed: &ComputedField, at: &str, last: bool, look: &Look<'_>) -> Self {
        let pointer = format!("{at}/{}", computed.name);
        let display = look
            .draft
            .values
            .get(&pointer)
            .map(|value| display(value, look.locale));
        Self {
            label: computed.label.clone(),
            display: display
                .unwrap_or_else(|| look.language.text("form.not_yet_short", &json!({}))),
            pointer,
            last,
        }
    }
}

impl FieldView {
    fn new(field: &FormField, answer: &Json, at: &str, look: &Look<'_>) -> Self {
        let pointer = format!("{at}/{}", field.name);
        let dotted = pointer.trim_start_matches('/').replace('/', ".");
        let (inputmode, autocomplete) = hints(field);
        let typed = match answer {
            Json::String(text) => text.clone(),
            Json::Bool(true) => "on".to_owned(),
            _ => String::new(),
        };
        let mut view = Self {
            kind: kind_name(&field.kind),
            id: format!("f-{}", dotted.replace('.', "-")),
            name: dotted,
            label: field.label.clone(),
            help: field.help.clone(),
            hint: String::new(),
            required: field.required,
            width: field.width,
            value: typed,
            error: look.errors.get(&pointer).cloned().unwrap_or_default(),
            understood: understood(field, answer, look.draft.values.get(&pointer), look),
            currency: String::new(),
            inputmode,
            autocomplete,
            min: String::new(),
            max: String::new(),
            options: Vec::new(),
            list: String::new(),
            rules: rules(field, look.currency),
            file: None,
            accept: String::new(),
            rows: Vec::new(),
            blank_row: None,
            columns: Vec::new(),
            max_rows: 0,
            pointer,
        };
        match &field.kind {
            FieldKind::Money { currency, .. } => {
                let currency = currency.as_deref().unwrap_or(look.currency);
                view.currency = sign(currency).into();
            }
            FieldKind::Date { min, max } => {
                view.min = min.map(|date| date.to_string()).unwrap_or_default();
                view.max = max.map(|date| date.to_string()).unwrap_or_default();
            }
            FieldKind::Select {
                options,
                choices_from: Some(from),
            } if is_long(options.len(), !at.is_empty()) => {
                view.kind = SUGGEST;
                view.list = list_id(look.form, from);
            }
            FieldKind::Select { options, .. } | FieldKind::MultiSelect { options, .. } => {
                let chosen = |value: &str| match answer {
                    Json::String(text) => text == value,
                    Json::Array(values) => values.iter().any(|other| other == value),
                    _ => false,
                };
                view.options = options
                    .iter()
                    .map(|option| OptionView {
                        chosen: chosen(&option.value),
                        title: option.title.clone().unwrap_or_else(|| option.value.clone()),
                        value: option.value.clone(),
                    })
                    .collect();
                if options.is_empty() {
                    view.hint = look.language.text("form.no_choices", &json!({}));
                }
                if let FieldKind::MultiSelect { max: Some(max), .. } = &field.kind {
                    view.hint = look.language.text("form.up_to", &json!({"max": max}));
                }
            }
            FieldKind::File { accept, .. } => view.file_parts(field, accept, answer, look),
            FieldKind::Rows {
                columns,
                computed,
                max_rows,
                ..
            } => {
                view.max_rows = max_rows.unwrap_or(MAX_ROWS).min(MOST_ROWS);
                view.row_parts(columns, computed, answer, look);
            }
            FieldKind::Text { .. }
            | FieldKind::LongText { .. }
            | FieldKind::Email
            | FieldKind::Phone
            | FieldKind::Number { .. }
            | FieldKind::Checkbox => {}
        }
        view
    }

    fn file_parts(&mut self, field: &FormField, accept: &[String], answer: &Json, look: &Look<'_>) {
        let size = size_text(max_bytes(field));
        let types: Vec<&str> = accept.iter().map(|accepted| type_name(accepted)).collect();
        self.accept = accept.join(",");
        self.hint = if types.is_empty() {
            look.language
                .text("form.file_limit", &json!({"size": size}))
        } else {
            look.language.text(
                "form.file_types",
                &json!({"size": size, "types": types.join(", ")}),
            )
        };
        let id = answer.as_str().unwrap_or_default();
        self.file = look.uploads().into_iter().find(|file| file.id == id);
    }

    fn row_parts(
        &mut self,
        columns: &[FormField],
        computed: &[ComputedField],
        answer: &Json,
        look: &Look<'_>,
    ) {
        let none = Vec::new();
        let given = answer.as_array().unwrap_or(&none);
        let filled = given
            .iter()
            .rposition(|row| !is_blank(row))
            .map_or(0, |last| last + 1);
        let more = look.more_rows == Some(self.name.as_str());
        let spare = if more {
            given.len().saturating_sub(filled) + SPARE_ROWS
        } else {
            1
        };
        let count = (filled + spare)
            .max(FIRST_ROWS)
            .min(self.max_rows as usize)
            .max(filled);
        let row = |index: &str, row: &Json| {
            let at = format!("{}/{index}", self.pointer);
            let number = index
                .parse::<usize>()
                .map_or_else(|_| index.to_owned(), |index| (index + 1).to_string());
            let text = |key| look.language.text(key, &json!({"number": number}));
            RowView {
                label: text("form.row"),
                remove: text("form.remove_row"),
                copy: text("form.copy_row"),
                move_label: text("form.move_row"),
                error: look.errors.get(&at).cloned().unwrap_or_default(),
                cells: columns
                    .iter()
                    .map(|column| {
                        FieldView::new(
                            column,
                            row.get(&column.name).unwrap_or(&Json::Null),
                            &at,
                            look,
                        )
                    })
                    .collect(),
                computed: computed
                    .iter()
                    .map(|cell| Total::new(cell, &at, false, look))
                    .collect(),
                number: index.to_owned(),
            }
        };
        let rows = (0..count)
            .map(|index| row(&index.to_string(), given.get(index).unwrap_or(&Json::Null)))
            .collect();
        let blank = row("__row__", &Json::Null);
        self.rows = rows;
        self.blank_row = Some(Box::new(blank));
        let asked = columns.iter().map(|column| ColumnView {
            label: column.label.clone(),
            kind: kind_name(&column.kind),
            computed: false,
        });
        let cells = computed.iter().map(|cell| ColumnView {
            label: cell.label.clone(),
            kind: "money",
            computed: true,
        });
        self.columns = asked.chain(cells).collect();
    }
}

fn is_long(options: usize, in_rows: bool) -> bool {
    options
        > if in_rows {
            MOST_OPTIONS_IN_ROWS
        } else {
            MOST_OPTIONS
        }
}

fn list_id(form: &Form, from: &ChoicesFrom) -> String {
    let known = form.choices_from();
    let number = known.iter().position(|other| *other == from).unwrap_or(0);
    format!("list-{}", number + 1)
}

/// The lists that questions of this form are typed into from.
fn lists(form: &Form) -> Vec<ListView> {
    let mut found: Vec<ListView> = Vec::new();
    let mut add = |field: &FormField, in_rows: bool| {
        if let FieldKind::Select {
            options,
            choices_from: Some(from),
        } = &field.kind
            && is_long(options.len(), in_rows)
        {
            let id = list_id(form, from);
            if !found.iter().any(|list| list.id == id) {
                let choices = options.iter().take(MOST_SUGGESTED);
                found.push(ListView {
                    id,
                    choices: choices.map(|option| option.value.clone()).collect(),
                });
            }
        }
    };
    for field in &form.fields {
        add(field, false);
        if let FieldKind::Rows { columns, .. } = &field.kind {
            columns.iter().for_each(|column| add(column, true));
        }
    }
    found
}

/// A value as people of this language write it.
pub(crate) fn display(value: &Value, locale: &str) -> String {
    let values = Record::from_iter([("value".to_owned(), value.clone())]);
    Template("{{ value | default(\"\") }}".to_owned())
        .render(&values, locale)
        .unwrap_or_default()
}

/// What a typed number was read as, when the text alone leaves a doubt.
fn understood(field: &FormField, answer: &Json, value: Option<&Value>, look: &Look<'_>) -> String {
    let (Some(typed), Some(value)) = (answer.as_str(), value) else {
        return String::new();
    };
    if !matches!(
        field.kind,
        FieldKind::Number { .. } | FieldKind::Money { .. }
    ) || !is_doubtful(typed, decimal_mark(look.locale))
    {
        return String::new();
    }
    look.language.text(
        "form.understood",
        &json!({"value": display(value, look.locale)}),
    )
}

/// Whether a number as it is typed could be read in two ways: its marks are not those of the page, or a single one may part
/// thousands.
pub(crate) fn is_doubtful(typed: &str, decimal: char) -> bool {
    let text = typed.trim();
    let marks: Vec<(usize, char)> = text
        .char_indices()
        .filter(|(_, letter)| matches!(letter, '.' | ',' | '．' | '，'))
        .collect();
    match marks.as_slice() {
        [] => false,
        [(at, mark)] => {
            let after = &text[at + mark.len_utf8()..];
            let digits = after.chars().take_while(char::is_ascii_digit).count();
            *mark != decimal || digits == 3
        }
        [.., (_, last)] => {
            let mixed = marks.iter().any(|(_, mark)| mark != last);
            // Several equal marks part thousands.
            (*last == decimal) != mixed
        }
    }
}

fn kind_name(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::Text { .. } => "text",
        FieldKind::LongText { .. } => "long_text",
        FieldKind::Email => "email",
        FieldKind::Phone => "phone",
        FieldKind::Number { .. } => "number",
        FieldKind::Money { .. } => "money",
        FieldKind::Date { .. } => "date",
        FieldKind::Select { .. } => "select",
        FieldKind::MultiSelect { .. } => "multi_select",
        FieldKind::Checkbox => "checkbox",
        FieldKind::File { .. } => "file",
        FieldKind::Rows { .. } => "rows",
    }
}

/// Keyboard and autofill, from the kind and from names that everybody uses.
fn hints(field: &FormField) -> (&'static str, &'static str) {
    match &field.kind {
        FieldKind::Email => ("email", "email"),
        FieldKind::Phone => ("tel", "tel"),
        FieldKind::Number {
            decimals: Some(0),
            min,
            ..
        } if min.as_deref().is_some_and(|min| !min.starts_with('-')) => ("numeric", "off"),
        FieldKind::Number { .. } | FieldKind::Money { .. } => ("decimal", "off"),
        FieldKind::Text { .. } => {
            let autocomplete = match field.name.as_str() {
                "name" | "full_name" | "customer" | "guest" | "contact" => "name",
                "first_name" => "given-name",
                "last_name" => "family-name",
                "company" | "organisation" | "organization" => "organization",
                "street" | "address_line" => "address-line1",
                "postcode" | "postal_code" | "zip" => "postal-code",
                "city" | "town" => "address-level2",
                "country" => "country-name",
                _ => "on",
            };
            ("text", autocomplete)
        }
        FieldKind::LongText { .. } if field.name.contains("address") => ("text", "street-address"),
        _ => ("text", "off"),
    }
}

/// The question as the script's checks read it: the same JSON as in the workflow, without what only the page needs.
fn rules(field: &FormField, currency: &str) -> String {
    let mut rules = serde_json::to_value(field).unwrap_or_default();
    if let Some(rules) = rules.as_object_mut() {
        for name in [
            "help",
            "options",
            "choices_from",
            "columns",
            "computed",
            "width",
            "section",
        ] {
            rules.remove(name);
        }
        if matches!(field.kind, FieldKind::Money { currency: None, .. }) {
            rules.insert("currency".into(), json!(currency));
        }
    }
    rules.to_string()
}

fn sign(currency: &str) -> &str {
    match currency {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "JPY" | "CNY" => "¥",
        other => other,
    }
}

fn type_name(accepted: &str) -> &str {
    match accepted {
        "application/pdf" => "PDF",
        "image/*" => "PNG, JPEG, WebP",
        "image/png" => "PNG",
        "image/jpeg" => "JPEG",
        "text/csv" => "CSV",
        "text/plain" => "TXT",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::public::page::{Frame, Script, render};

    fn draw(answers: &Json, errors: &[(&str, &str)]) -> String {
        let form: Form = serde_json::from_value(json!({"title": "Invoice", "fields": [
            {"name": "guest", "label": "Guest <b>", "kind": "text", "required": true, "help": "Who \"pays\""},
            {"name": "text", "label": "Text", "kind": "long_text"}, {"name": "mail", "label": "Mail", "kind": "email", "width": "half"},
            {"name": "phone", "label": "Phone", "kind": "phone"}, {"name": "days", "label": "Days", "kind": "number", "decimals": 0},
            {"name": "due", "label": "Due", "kind": "date", "min": "2027-01-01"},
            {"name": "where", "label": "Where", "kind": "select", "section": "Trip", "options": [{"value": "a", "title": "A"}]},
            {"name": "likes", "label": "Likes", "kind": "multi_select", "max": 2, "options": [{"value": "x"}, {"value": "y"}]},
            {"name": "agree", "label": "Agree", "kind": "checkbox", "required": true},
            {"name": "photo", "label": "Photo", "kind": "file", "accept": ["image/*"]},
            {"name": "items", "label": "Items", "kind": "rows", "columns": [
                {"name": "what", "label": "What", "kind": "text"}, {"name": "price", "label": "Price", "kind": "money"}],
             "computed": [{"name": "twice", "label": "Twice", "kind": "money", "value": "{{ row.price * 2 }}"}]}
        ], "computed": [{"name": "total", "label": "Total", "kind": "money", "value": "{{ items[0].twice }}"}]}))
        .unwrap();
        let constants = Record::new();
        let setting = engine::form::Setting {
            source: engine::form::Source::Person,
            locale: "en",
            time_zone: "UTC",
            currency: "EUR",
            constants: &constants,
            files: &|_| None,
        };
        let draft = form.draft(answers, &setting);
        let errors = errors
            .iter()
            .map(|(at, text)| ((*at).to_owned(), (*text).to_owned()))
            .collect();
        let look = Look {
            form: &form,
            language: Language::English,
            locale: "en",
            currency: "EUR",
            answers,
            draft: &draft,
            errors: &errors,
            files: &[],
            more_rows: None,
        };
        let frame = Frame::new(
            Language::English,
            &engine::firm::Firm::default(),
            "Invoice",
            "/f/x",
            Script::Form,
        );
        let content = json!({
            "title": form.title, "intro": "", "submit": "Send", "action": "/f/x", "base": "/f/x", "ticket": "t",
            "form": FormView::new(&form, &look), "summary": [{"text": "s", "href": "#f-guest"}], "general": ["g"],
            "first_result": null, "slug": "x", "version": "v", "least_open_ms": 1000, "texts": "{}", "uploads": "[]",
        });
        // The escape of a slash is harmless and hard to read.
        render("form.html", &frame, content)
            .unwrap()
            .replace("&#x2f;", "/")
    }

    #[test]
    fn every_question_is_labelled_and_nothing_typed_gets_out() {
        let hostile = "\"><script>alert(1)</script>";
        let answers = json!({"guest": hostile, "text": "</textarea><script>", "items": [{"what": hostile, "price": "1,50"}]});
        let html = draw(&answers, &[("/guest", "Fill in <b>")]);
        assert!(
            !html.contains("<script>alert") && !html.contains("</textarea><script>"),
            "{html}"
        );
        assert!(!html.contains(" style=") && !html.contains("onclick"));
        let ids: Vec<&str> = html
            .split(" for=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(ids.len() > 10);
        for id in ids {
            assert!(html.contains(&format!(" id=\"{id}\"")), "no {id}");
        }
        assert!(html.contains("aria-invalid=\"true\"") && html.contains("f-guest-error"));
        assert!(html.contains("Read as €1.50"), "{html}");
        assert!(html.contains("data-computed=\"/items/0/twice\">€3.00"));
        assert!(html.contains("data-computed=\"/total\">€3.00"));
    }

    #[test]
    fn only_what_can_be_read_in_two_ways_is_doubtful() {
        fn check(typed: &str, decimal: char, expected: bool) {
            assert_eq!(is_doubtful(typed, decimal), expected, "{typed} {decimal}");
        }
        check("12", '.', false);
        check("-12 %", '.', false);
        check("1'000", '.', false);
        check("12.50", '.', false);
        check("12,50", '.', true);
        check("12,50", ',', false);
        check("1.234", '.', true);
        check("1.234", ',', true);
        check("1,234.50", '.', false);
        check("1.234,50", '.', true);
        check("1,234,567", '.', false);
        check("1.234.567", '.', true);
    }

    #[test]
    fn spare_rows_are_there_without_a_script() {
        let html = draw(&json!({}), &[]);
        assert!(html.contains("name=\"items.2.what\""));
        assert!(!html.contains("name=\"items.3.what\""));
        assert!(html.contains("name=\"items.__row__.what\""));
    }
}
