//! What stands within a paragraph: words and values with looks of their own.

use parley::Language;
use serde_json::Value as Json;

use crate::template::{
    format::Format,
    leaf::Leaf,
    read::{Object, Reader},
    typography::read_language,
};

/// Words, or a value, with a look of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) text: Leaf,
    /// How it is written, where it is one value.
    pub(crate) format: Option<Format>,
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

    /// Either `text`, or `value` with its `format`.
    fn read(reader: &mut Reader, json: &Json, pointer: &str) -> Option<Self> {
        let mut object = reader.object(json, pointer)?;
        let (text, format) = if object.peek("value").is_some() {
            read_value(reader, &mut object)
        } else {
            (object.leaf(reader, "text"), None)
        };
        let run = Self {
            text,
            format,
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

/// One value, and how it is written.
fn read_value(reader: &mut Reader, object: &mut Object<'_>) -> (Leaf, Option<Format>) {
    let value = object.required_leaf(reader, "value");
    let format = Format::read(reader, object, &value);
    if format.is_none() && !value.is_blank() && !value.is_value() {
        reader.problem(
            &value.pointer,
            "no_value",
            "must be one value such as {{ total }}",
        );
    }
    (value, format)
}
