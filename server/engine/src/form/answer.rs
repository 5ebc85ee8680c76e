//! Reads one answer: what a person typed or a program sent becomes a typed value, or the one problem it has.

use std::{
    cell::OnceCell,
    collections::{HashMap, HashSet},
};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value as Json, json};

use super::{
    FieldKind, FormField, Setting, Source,
    number::{self, Fault},
};
use crate::{
    check::Problem,
    format::decimal_mark,
    kind::ChoiceOption,
    value::{self, Money, Value, parse_decimal},
};

/// Longest answers where the author sets no limit.
pub const MAX_TEXT: u32 = 1_000;
pub const MAX_LONG_TEXT: u32 = 20_000;
/// Largest file where the author sets no limit, and where they do.
pub const MAX_FILE_BYTES: u64 = 10 * 1024 * 1024;
pub const MOST_FILE_BYTES: u64 = 50 * 1024 * 1024;
const MAX_EMAIL: usize = 254;

/// The answer's value; `Empty` where nothing was given. Rows are read by their caller.
pub(super) fn read(
    field: &FormField,
    answer: &Json,
    setting: &Setting<'_>,
) -> Result<Value, Problem> {
    if is_blank(answer) && !matches!(field.kind, FieldKind::Checkbox) {
        return if field.required {
            Err(required(field))
        } else if matches!(field.kind, FieldKind::MultiSelect { .. }) {
            Ok(Value::List(Vec::new()))
        } else {
            Ok(Value::Empty)
        };
    }
    match &field.kind {
        FieldKind::Text { max_length } => {
            let text = line(text(field, answer)?);
            short_enough(field, &text, max_length.unwrap_or(MAX_TEXT))?;
            non_empty(field, text)
        }
        FieldKind::LongText { max_length } => {
            let text = paragraphs(text(field, answer)?);
            short_enough(field, &text, max_length.unwrap_or(MAX_LONG_TEXT))?;
            non_empty(field, text)
        }
        FieldKind::Email => {
            let text = line(text(field, answer)?);
            if is_email(&text) {
                Ok(Value::Text(text))
            } else {
                Err(problem(
                    field,
                    "email",
                    json!({}),
                    "is no e-mail address such as name@example.com",
                ))
            }
        }
        FieldKind::Phone => {
            let text = line(text(field, answer)?);
            if is_phone(&text) {
                Ok(Value::Text(text))
            } else {
                Err(problem(
                    field,
                    "phone",
                    json!({}),
                    "is no telephone number such as +49 451 123456",
                ))
            }
        }
        FieldKind::Number { min, max, decimals } => {
            let limits = Limits {
                min: min.as_deref(),
                max: max.as_deref(),
                decimals: decimals.unwrap_or(10),
            };
            read_number(field, answer, setting, &limits)
        }
        FieldKind::Money { currency, decimals } => {
            let currency = currency.as_deref().unwrap_or(setting.currency);
            read_money(field, answer, setting, (currency, *decimals))
        }
        FieldKind::Date { min, max } => read_date(field, answer, *min, *max),
        FieldKind::Select {
            options,
            choices_from: None,
        } => choice(field, answer, options).map(Value::Text),
        FieldKind::Select {
            options,
            choices_from: Some(_),
        } => RowChoices::of(options).read(field, answer),
        FieldKind::MultiSelect { options, max } => read_choices(field, answer, options, *max),
        FieldKind::Checkbox => read_checkbox(field, answer),
        FieldKind::File { accept, max_bytes } => {
            read_file(field, answer, setting, accept, *max_bytes)
        }
        FieldKind::Rows { .. } => Err(wrong_kind(field)),
    }
}

/// Nothing was answered: absent, blank, or only blank entries.
pub fn is_blank(answer: &Json) -> bool {
    match answer {
        Json::Null => true,
        Json::String(text) => text.trim().is_empty(),
        Json::Array(items) => items.iter().all(is_blank),
        Json::Object(entries) => entries.values().all(is_blank),
        Json::Bool(yes) => !yes,
        Json::Number(_) => false,
    }
}

pub(super) fn problem(field: &FormField, code: &str, mut params: Json, message: &str) -> Problem {
    let label = if field.label.is_empty() {
        &field.name
    } else {
        &field.label
    };
    if let Json::Object(params) = &mut params {
        params.insert("label".into(), json!(label));
    }
    Problem::error(code, params, format!("\"{label}\" {message}"))
}

pub(super) fn required(field: &FormField) -> Problem {
    problem(field, "required", json!({}), "must be answered")
}

pub(super) fn wrong_kind(field: &FormField) -> Problem {
    problem(
        field,
        "wrong_kind",
        json!({}),
        "has an answer of the wrong kind",
    )
}

fn text<'a>(field: &FormField, answer: &'a Json) -> Result<&'a str, Problem> {
    answer.as_str().ok_or_else(|| wrong_kind(field))
}

fn non_empty(field: &FormField, text: String) -> Result<Value, Problem> {
    match (text.is_empty(), field.required) {
        (false, _) => Ok(Value::Text(text)),
        (true, false) => Ok(Value::Empty),
        (true, true) => Err(required(field)),
    }
}

/// One line without control characters, which a person can neither see nor want.
fn line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    text.trim().to_owned()
}

/// Lines end with `\n`; other control characters than the tabulator go.
fn paragraphs(text: &str) -> String {
    let text = text
        .replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let text: String = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect();
    text.trim().to_owned()
}

fn short_enough(field: &FormField, text: &str, max: u32) -> Result<(), Problem> {
    let length = text.chars().count();
    if length <= max as usize {
        return Ok(());
    }
    let message = format!("is {length} characters long; at most {max} fit");
    Err(problem(
        field,
        "too_long",
        json!({"max": max, "length": length}),
        &message,
    ))
}

/// What mail servers can deliver to, without quoted oddities: one `@`, dots between words, a name with a dot behind.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let word = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.contains("..")
    };
    let local_fits = local
        .chars()
        .all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c));
    let domain_fits = domain.contains('.')
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
    text.len() <= MAX_EMAIL && local.len() <= 64 && word(local) && local_fits && domain_fits
}

fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let rest = text.strip_prefix('+').unwrap_or(text);
    (5..=20).contains(&digits)
        && text.len() <= 40
        && rest
            .chars()
            .all(|c| c.is_ascii_digit() || " -./()".contains(c))
}

struct Limits<'a> {
    min: Option<&'a str>,
    max: Option<&'a str>,
    decimals: u32,
}

fn read_number(
    field: &FormField,
    answer: &Json,
    setting: &Setting<'_>,
    limits: &Limits<'_>,
) -> Result<Value, Problem> {
    let number = match (answer, setting.source) {
        (Json::Number(number), _) => number.as_i64().map(Decimal::from).ok_or(Fault::Unreadable),
        // A rate may be typed with its sign.
        (Json::String(text), Source::Person) => {
            let text = text.trim();
            let text = text.strip_suffix(['%', '％']).unwrap_or(text);
            number::read(text, decimal_mark(setting.locale))
        }
        (Json::String(text), Source::Program) => parse_decimal(text).ok_or(Fault::Unreadable),
        _ => return Err(wrong_kind(field)),
    };
    let number = number.map_err(|fault| number_fault(field, fault))?;
    if number.normalize().scale() > limits.decimals {
        return Err(too_many_decimals(field, limits.decimals));
    }
    if let Some(min) = limits
        .min
        .filter(|min| parse_decimal(min).is_some_and(|min| number < min))
    {
        let message = format!("must be {min} or more");
        return Err(problem(field, "number_min", json!({"min": min}), &message));
    }
    if let Some(max) = limits
        .max
        .filter(|max| parse_decimal(max).is_some_and(|max| number > max))
    {
        let message = format!("must be {max} or less");
        return Err(problem(field, "number_max", json!({"max": max}), &message));
    }
    if limits.decimals > 0 {
        return Ok(Value::Decimal(number));
    }
    // 15 digits before the mark always fit.
    number
        .normalize()
        .to_string()
        .parse()
        .map(Value::Integer)
        .map_err(|_| number_fault(field, Fault::TooLong))
}

fn read_money(
    field: &FormField,
    answer: &Json,
    setting: &Setting<'_>,
    (currency, decimals): (&str, Option<u8>),
) -> Result<Value, Problem> {
    let other_currency = || {
        let message = format!("must be an amount in {currency}");
        problem(
            field,
            "money_currency",
            json!({"currency": currency}),
            &message,
        )
    };
    let amount = match answer {
        Json::Number(number) => number.as_i64().map(Decimal::from).ok_or(Fault::Unreadable),
        Json::String(text) => match setting.source {
            Source::Person => number::read_money(text, decimal_mark(setting.locale), currency),
            Source::Program => parse_decimal(text).ok_or(Fault::Unreadable),
        },
        Json::Object(entries) => {
            let fits = entries
                .keys()
                .all(|key| key == "amount" || key == "currency");
            if !fits || entries.get("currency").and_then(Json::as_str) != Some(currency) {
                return Err(other_currency());
            }
            let amount = entries
                .get("amount")
                .and_then(Json::as_str)
                .and_then(parse_decimal);
            amount.ok_or(Fault::Unreadable)
        }
        Json::Null | Json::Bool(_) | Json::Array(_) => return Err(wrong_kind(field)),
    };
    let amount = match amount {
        Ok(amount) => amount,
        Err(Fault::OtherCurrency) => return Err(other_currency()),
        Err(fault) => return Err(number_fault(field, fault)),
    };
    Money::exact(amount, currency, decimals)
        .map(Value::Money)
        .map_err(|most| too_many_decimals(field, most))
}

fn number_fault(field: &FormField, fault: Fault) -> Problem {
    match fault {
        Fault::TooLong => problem(
            field,
            "number_too_long",
            json!({}),
            "has more digits than fit",
        ),
        Fault::Unreadable | Fault::OtherCurrency => {
            problem(field, "number", json!({}), "is no number such as 1234.56")
        }
    }
}

fn too_many_decimals(field: &FormField, decimals: u32) -> Problem {
    let message = match decimals {
        0 => "must be a whole number".to_owned(),
        1 => "may have one decimal".to_owned(),
        _ => format!("may have at most {decimals} decimals"),
    };
    problem(
        field,
        "number_decimals",
        json!({"decimals": decimals}),
        &message,
    )
}

fn read_date(
    field: &FormField,
    answer: &Json,
    min: Option<Date>,
    max: Option<Date>,
) -> Result<Value, Problem> {
    let text = line(text(field, answer)?);
    let date = parse_date(&text)
        .ok_or_else(|| problem(field, "date", json!({}), "is no date such as 2027-03-08"))?;
    if let Some(min) = min.filter(|min| date < *min) {
        let message = format!("must be {min} or later");
        return Err(problem(
            field,
            "date_min",
            json!({"min": min.to_string()}),
            &message,
        ));
    }
    if let Some(max) = max.filter(|max| date > *max) {
        let message = format!("must be {max} or earlier");
        return Err(problem(
            field,
            "date_max",
            json!({"max": max.to_string()}),
            &message,
        ));
    }
    Ok(Value::Date(date))
}

/// `2027-03-08`, `2027/3/8`, `2027年3月8日`, `8.3.2027`. Never `3/8/2027`, which means two days.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    let text = text.replace(['年', '月', '/'], "-");
    let text = text.strip_suffix('日').unwrap_or(&text);
    let (mark, day_first) = if text.contains('.') {
        ('.', true)
    } else {
        ('-', false)
    };
    let parts: Vec<&str> = text.split(mark).map(str::trim).collect();
    let [first, month, last] = parts.as_slice() else {
        return None;
    };
    let (year, day) = if day_first {
        (last, first)
    } else {
        (first, last)
    };
    let digits = |part: &str, most: usize| {
        !part.is_empty() && part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if year.len() != 4 || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn choice(field: &FormField, answer: &Json, options: &[ChoiceOption]) -> Result<String, Problem> {
    let answer = answer.as_str().ok_or_else(|| wrong_kind(field))?;
    if options.iter().any(|option| option.value == answer) {
        return Ok(answer.to_owned());
    }
    Err(problem(
        field,
        "choice",
        json!({}),
        "has an answer that is not one of its choices",
    ))
}

/// Rows of a table to choose from, prepared once for all answers that choose from them.
pub(super) struct RowChoices<'a> {
    options: &'a [ChoiceOption],
    exact: OnceCell<HashSet<&'a str>>,
    /// The only one of those that differ in capitals alone.
    alike: OnceCell<HashMap<String, Option<&'a str>>>,
}

impl<'a> RowChoices<'a> {
    pub(super) fn of(options: &'a [ChoiceOption]) -> Self {
        Self {
            options,
            exact: OnceCell::new(),
            alike: OnceCell::new(),
        }
    }

    /// People may have typed it: a long list is an input with suggestions, and capitals do not matter to them.
    pub(super) fn read(&self, field: &FormField, answer: &Json) -> Result<Value, Problem> {
        let typed = line(text(field, answer)?);
        let values = || self.options.iter().map(|option| option.value.as_str());
        if self
            .exact
            .get_or_init(|| values().collect())
            .contains(typed.as_str())
        {
            return Ok(Value::Text(typed));
        }
        let alike = self.alike.get_or_init(|| {
            let mut alike = HashMap::new();
            for value in values() {
                alike
                    .entry(value.trim().to_lowercase())
                    .and_modify(|only| *only = None)
                    .or_insert(Some(value));
            }
            alike
        });
        match alike.get(&typed.to_lowercase()) {
            Some(Some(only)) => Ok(Value::Text((*only).to_owned())),
            Some(None) | None => Err(problem(
                field,
                "choice_gone",
                json!({"answer": crate::table::told(&typed)}),
                "has an answer that is not, or no longer, on the list; choose another one",
            )),
        }
    }
}

fn read_choices(
    field: &FormField,
    answer: &Json,
    options: &[ChoiceOption],
    max: Option<u32>,
) -> Result<Value, Problem> {
    let single;
    let answers = match answer {
        Json::Array(answers) => answers,
        Json::String(_) => {
            single = vec![answer.clone()];
            &single
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
            return Err(wrong_kind(field));
        }
    };
    let mut chosen: Vec<String> = Vec::new();
    for answer in answers.iter().filter(|answer| !is_blank(answer)) {
        let value = choice(field, answer, options)?;
        if !chosen.contains(&value) {
            chosen.push(value);
        }
    }
    if let Some(max) = max.filter(|max| chosen.len() > *max as usize) {
        let message = format!("may have at most {max} choices");
        return Err(problem(field, "choices_max", json!({"max": max}), &message));
    }
    Ok(Value::List(chosen.into_iter().map(Value::Text).collect()))
}

fn read_checkbox(field: &FormField, answer: &Json) -> Result<Value, Problem> {
    let yes = match answer {
        Json::Null => false,
        Json::Bool(yes) => *yes,
        Json::String(text) => match text.trim() {
            "on" | "true" | "1" | "yes" => true,
            "" | "off" | "false" | "0" | "no" => false,
            _ => return Err(wrong_kind(field)),
        },
        Json::Number(_) | Json::Array(_) | Json::Object(_) => return Err(wrong_kind(field)),
    };
    if field.required && !yes {
        return Err(problem(field, "must_agree", json!({}), "must be ticked"));
    }
    Ok(Value::YesNo(yes))
}

/// A file is named by the id the server gave it; everything else about it comes from the server.
fn read_file(
    field: &FormField,
    answer: &Json,
    setting: &Setting<'_>,
    accept: &[String],
    max_bytes: Option<u64>,
) -> Result<Value, Problem> {
    let id = match answer {
        Json::String(id) => Some(id.as_str()),
        Json::Object(entries) => id_of(entries),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    };
    let file = id.and_then(setting.files).ok_or_else(|| {
        problem(
            field,
            "file_gone",
            json!({}),
            "has a file that is no longer here; choose it again",
        )
    })?;
    if !accepts(accept, &file.content_type) {
        let params = json!({"accept": accept.join(", "), "content_type": file.content_type});
        return Err(problem(
            field,
            "file_type",
            params,
            "has a file of a type that is not taken here",
        ));
    }
    let max = max_bytes.unwrap_or(MAX_FILE_BYTES).min(MOST_FILE_BYTES);
    if file.size_bytes > max {
        let params = json!({"max_bytes": max, "size_bytes": file.size_bytes});
        return Err(problem(
            field,
            "file_size",
            params,
            "has a file that is too large",
        ));
    }
    Ok(Value::File(file))
}

fn id_of(entries: &Map<String, Json>) -> Option<&str> {
    entries.get("id").and_then(Json::as_str)
}

/// Whether a media type is on a list such as `image/*, application/pdf`; an empty list takes all that is stored at all.
pub fn accepts(accept: &[String], content_type: &str) -> bool {
    accept.is_empty()
        || accept.iter().any(|accepted| {
            accepted.eq_ignore_ascii_case(content_type)
                || accepted
                    .strip_suffix('*')
                    .is_some_and(|family| content_type.starts_with(family))
        })
}

/// A pointer's next segment.
pub(super) fn pointer(prefix: &str, segment: &str) -> String {
    format!("{prefix}/{}", value::escape_pointer(segment))
}
