//! How a value is written, where that is chosen rather than typed as a filter of an expression.

use engine::{format::Formats, value::is_currency};
use jiff::civil::date;

use super::{
    leaf::Leaf,
    read::{Object, Reader},
};

/// Longest pattern of a date, in bytes.
const MAX_PATTERN: usize = 100;

#[derive(Clone, Debug)]
pub(crate) struct Format {
    pub(crate) kind: FormatKind,
    /// That it is written in; without it the document's.
    pub(crate) language: Option<String>,
    /// Printed where there is no value; without it that is a warning.
    pub(crate) empty: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FormatKind {
    /// As a bare `{{ }}` writes it.
    Text,
    /// With its currency; a plain number is in this one, or in the document's.
    Money {
        currency: Option<String>,
    },
    /// Without a currency, with the decimals of its own.
    Amount,
    Number {
        decimals: Option<u32>,
    },
    Percent {
        decimals: Option<u32>,
    },
    /// `long`, `medium`, `short`, `weekday`, `day_month`, `month`, `iso`, or a pattern such as `%d. %B`.
    Date {
        style: String,
    },
    /// Hours and minutes.
    Time,
}

impl Format {
    pub(super) fn new(kind: FormatKind) -> Self {
        Self {
            kind,
            language: None,
            empty: None,
        }
    }

    /// The member `format` of an object, for `value`, which must be one `{{ }}`: only then it has a kind.
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>, value: &Leaf) -> Option<Self> {
        let pointer = format!("{}/format", object.pointer);
        let mut format = reader.object(object.child("format")?, &pointer)?;
        if format.peek("kind").is_none() {
            reader.missing(&format!("{pointer}/kind"));
        }
        let kinds = [
            "text", "money", "amount", "number", "percent", "date", "time",
        ];
        let kind = match format.choice(reader, "kind", &kinds, "text").as_str() {
            "money" => FormatKind::Money {
                currency: read_currency(reader, &mut format),
            },
            "amount" => FormatKind::Amount,
            "number" => FormatKind::Number {
                decimals: read_decimals(reader, &mut format),
            },
            "percent" => FormatKind::Percent {
                decimals: read_decimals(reader, &mut format),
            },
            "date" => FormatKind::Date {
                style: read_style(reader, &mut format),
            },
            "time" => FormatKind::Time,
            _ => FormatKind::Text,
        };
        let language = read_language(reader, &mut format);
        let empty = format.text(reader, "empty");
        format.done(reader);
        if !value.is_value() {
            let message = "needs a value that is one {{ }}, with nothing beside it";
            reader.problem(&pointer, "format", message);
        }
        Some(Self {
            kind,
            language,
            empty,
        })
    }
}

/// One that values can be written in.
pub(super) fn read_language(reader: &mut Reader, object: &mut Object<'_>) -> Option<String> {
    let language = object.text(reader, "language")?;
    if Formats::default().in_language(&language).is_none() {
        reader.problem(
            &format!("{}/language", object.pointer),
            "language",
            "must be a language such as \"de\" or \"pt-BR\"",
        );
    }
    Some(language)
}

fn read_currency(reader: &mut Reader, format: &mut Object<'_>) -> Option<String> {
    let currency = format.text(reader, "currency")?;
    if !is_currency(&currency) {
        reader.problem(
            &format!("{}/currency", format.pointer),
            "currency",
            "must be a currency such as \"EUR\"",
        );
    }
    Some(currency)
}

fn read_decimals(reader: &mut Reader, format: &mut Object<'_>) -> Option<u32> {
    let decimals = format.count(reader, "decimals", 0..=10)?;
    u32::try_from(decimals).ok()
}

fn read_style(reader: &mut Reader, format: &mut Object<'_>) -> String {
    let style = format
        .text(reader, "style")
        .unwrap_or_else(|| "long".into());
    let (formats, day) = (Formats::default(), date(2027, 3, 8));
    let is_pattern = || {
        style.contains('%')
            && style.len() <= MAX_PATTERN
            && formats.date_pattern(day, &style).is_some()
    };
    if formats.date(day, &style).is_none() && !is_pattern() {
        reader.problem(
            &format!("{}/style", format.pointer),
            "date_style",
            "must be long, medium, short, weekday, day_month, month, iso, or a pattern such as \"%d. %B\"",
        );
    }
    style
}
