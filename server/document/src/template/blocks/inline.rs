//! What stands within a paragraph: words and values with looks of their own.

use engine::value::is_currency;
use parley::Language;
use serde_json::Value as Json;

use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
    typography::read_language,
};

/// Longest pattern of a date, in bytes, as expressions take it.
const MAX_PATTERN: usize = 100;

/// Words, or a value, with a look of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) text: Leaf,
    /// Printed in place of an empty value; `None` tells that it is missing.
    pub(crate) empty: Option<String>,
    pub(crate) bold: Option<bool>,
    pub(crate) italic: Option<bool>,
    pub(crate) underline: bool,
    pub(crate) strike: bool,
    pub(crate) colour: Option<Leaf>,
    pub(crate) language: Option<Language>,
    pub(crate) link: Option<Leaf>,
}

impl Run {
    fn plain(text: Leaf) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }

    /// Either `text`, or `value` with `format` and `empty`.
    fn read(reader: &mut Reader, json: &Json, pointer: &str) -> Option<Self> {
        let mut object = reader.object(json, pointer)?;
        let is_value = object.peek("value").is_some();
        let text = if is_value {
            read_value(reader, &mut object)
        } else {
            object.leaf(reader, "text")
        };
        let empty = if is_value {
            object.text(reader, "empty")
        } else {
            None
        };
        let run = Self {
            text,
            empty,
            bold: object.optional_flag(reader, "bold"),
            italic: object.optional_flag(reader, "italic"),
            underline: object.flag(reader, "underline", false),
            strike: object.flag(reader, "strike", false),
            colour: object.optional_leaf(reader, "colour"),
            language: read_language(reader, &mut object),
            link: object.optional_leaf(reader, "link"),
        };
        object.done(reader);
        Some(run)
    }
}

/// Either `text` or `runs`.
pub(super) fn read_runs(reader: &mut Reader, object: &mut Object<'_>) -> Vec<Run> {
    let text = object.leaf(reader, "text");
    let runs: Vec<Run> = object
        .list(reader, "runs")
        .into_iter()
        .filter_map(|(json, pointer)| Run::read(reader, json, &pointer))
        .collect();
    if !text.source.is_empty() && !runs.is_empty() {
        reader.problem(
            &object.pointer,
            "text_twice",
            "has `text` and `runs`: only one of them is possible",
        );
    }
    if runs.is_empty() {
        vec![Run::plain(text)]
    } else {
        runs
    }
}

/// One value, written as `format` says.
fn read_value(reader: &mut Reader, object: &mut Object<'_>) -> Leaf {
    let value = object.required_leaf(reader, "value");
    let filter = object
        .child("format")
        .and_then(|json| read_format(reader, json, &format!("{}/format", object.pointer)));
    let Some(inner) = value.single() else {
        // A blank one, and one that cannot be read, are told already.
        if !value.is_blank() && (value.program.is_some() || !value.source.contains("{{")) {
            reader.problem(
                &value.pointer,
                "no_value",
                "must be one value such as {{ total }}",
            );
        }
        return value;
    };
    let Some(filter) = filter else {
        return value;
    };
    let source = format!("{{{{ ({inner}) | {filter} }}}}");
    value.with(reader, source)
}

/// The filter that writes a value so.
fn read_format(reader: &mut Reader, json: &Json, pointer: &str) -> Option<String> {
    let mut format = reader.object(json, pointer)?;
    let kinds = ["number", "percent", "money", "amount", "date", "time"];
    let kind = format.choice(reader, "type", &kinds, "");
    if format.peek("type").is_none() {
        reader.problem(&format!("{pointer}/type"), "missing", "must be filled in");
    }
    let mut arguments = Vec::new();
    match kind.as_str() {
        "number" | "percent" => {
            if let Some(decimals) = format.count(reader, "decimals", 0..=10) {
                arguments.push(format!("decimals={decimals}"));
            }
        }
        "money" => match format.text(reader, "currency") {
            Some(currency) if is_currency(&currency) => {
                arguments.push(format!("currency=\"{currency}\""));
            }
            Some(_) => reader.problem(
                &format!("{pointer}/currency"),
                "currency",
                "must be a currency such as EUR",
            ),
            None => {}
        },
        "date" => arguments.extend(read_date_style(reader, &mut format)),
        _ => {}
    }
    if ["number", "percent", "money", "date"].contains(&kind.as_str())
        && let Some(language) = read_language(reader, &mut format)
    {
        arguments.push(format!("locale=\"{language}\""));
    }
    format.done(reader);
    match (kind.is_empty(), arguments.is_empty()) {
        (true, _) => None,
        (false, true) => Some(kind),
        (false, false) => Some(format!("{kind}({})", arguments.join(", "))),
    }
}

/// Either `style` or `pattern`.
fn read_date_style(reader: &mut Reader, format: &mut Object<'_>) -> Option<String> {
    let styles = [
        "long",
        "medium",
        "short",
        "weekday",
        "day_month",
        "month",
        "iso",
    ];
    let style = format.choice(reader, "style", &styles, "long");
    let Some(pattern) = format.text(reader, "pattern") else {
        return Some(format!("style=\"{style}\""));
    };
    let sound = pattern.contains('%')
        && pattern.len() <= MAX_PATTERN
        && !pattern.contains(['"', '\\', '{', '}'])
        && !pattern.contains(char::is_control);
    if !sound {
        reader.problem(
            &format!("{}/pattern", format.pointer),
            "date_pattern",
            format!("must be a pattern such as \"%d.%m.%Y\" of at most {MAX_PATTERN} bytes, without quotes, braces and backslashes"),
        );
        return None;
    }
    Some(format!("style=\"{pattern}\""))
}
