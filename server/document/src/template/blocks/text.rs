//! Headings and paragraphs.

use parley::Language;

use super::Align;
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
    typography::{LineLimit, read_language},
};

#[derive(Clone, Debug)]
pub(crate) struct Heading {
    pub(crate) level: u8,
    pub(crate) runs: Vec<Run>,
    pub(crate) style: TextStyle,
}

#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) runs: Vec<Run>,
    pub(crate) style: TextStyle,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TextStyle {
    pub(crate) size: Option<f32>,
    pub(crate) colour: Option<Leaf>,
    pub(crate) bold: Option<bool>,
    pub(crate) italic: bool,
    pub(crate) serif: Option<bool>,
    pub(crate) align: Align,
    /// Lines reach from side to side.
    pub(crate) justify: bool,
    pub(crate) line_height: Option<f32>,
    /// In thousandths of an em.
    pub(crate) tracking: f32,
    /// Digits of equal width.
    pub(crate) tabular: bool,
    pub(crate) hyphenate: Option<bool>,
    pub(crate) orphans: Option<usize>,
    pub(crate) widows: Option<usize>,
    pub(crate) limit: Option<LineLimit>,
}

/// Inline text with its own look.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) text: Leaf,
    pub(crate) bold: Option<bool>,
    pub(crate) italic: Option<bool>,
    pub(crate) colour: Option<Leaf>,
    pub(crate) language: Option<Language>,
    pub(crate) link: Option<Leaf>,
}

impl Heading {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        Self {
            level: match object.choice_number(reader, "level") {
                2 => 2,
                3 => 3,
                _ => 1,
            },
            runs: read_runs(reader, object),
            style: TextStyle::read(reader, object),
        }
    }
}

impl Text {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        Self {
            runs: read_runs(reader, object),
            style: TextStyle::read(reader, object),
        }
    }
}

impl TextStyle {
    fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let aligns = ["start", "center", "end", "justify"];
        let align = object.choice(reader, "align", &aligns, "start");
        Self {
            size: object.optional_number(reader, "size", 4.0..=100.0),
            colour: object.optional_leaf(reader, "colour"),
            bold: object.optional_flag(reader, "bold"),
            italic: object.flag(reader, "italic", false),
            serif: match object
                .choice(reader, "font", &["sans", "serif", ""], "")
                .as_str()
            {
                "serif" => Some(true),
                "sans" => Some(false),
                _ => None,
            },
            align: Align::named(&align),
            justify: align == "justify",
            line_height: object.optional_number(reader, "line_height", 0.8..=4.0),
            tracking: object.number(reader, "tracking", -100.0..=1000.0, 0.0),
            tabular: object.flag(reader, "tabular", false),
            hyphenate: object.optional_flag(reader, "hyphenate"),
            orphans: object.count(reader, "orphans", 1..=20),
            widows: object.count(reader, "widows", 1..=20),
            limit: LineLimit::read(reader, object),
        }
    }
}

/// Either `text` or `runs`.
fn read_runs(reader: &mut Reader, object: &mut Object<'_>) -> Vec<Run> {
    let text = object.leaf(reader, "text");
    let mut runs: Vec<Run> = Vec::new();
    for (json, pointer) in object.list(reader, "runs") {
        let Some(mut run) = reader.object(json, &pointer) else {
            continue;
        };
        runs.push(Run {
            text: run.leaf(reader, "text"),
            bold: run.optional_flag(reader, "bold"),
            italic: run.optional_flag(reader, "italic"),
            colour: run.optional_leaf(reader, "colour"),
            language: read_language(reader, &mut run),
            link: run.optional_leaf(reader, "link"),
        });
        run.done(reader);
    }
    if !text.source.is_empty() && !runs.is_empty() {
        reader.problem(
            &object.pointer,
            "text_twice",
            "has `text` and `runs`: only one of them is possible",
        );
    }
    if runs.is_empty() {
        runs.push(Run {
            text,
            bold: None,
            italic: None,
            colour: None,
            language: None,
            link: None,
        });
    }
    runs
}
