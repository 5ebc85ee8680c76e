//! Headings and texts.

use std::sync::Arc;

use serde_json::json;

use super::{
    Align,
    inline::{Run, read_runs},
};
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
    typography::{LineLimit, read_font},
};

/// Deepest nesting of lists.
pub(crate) const MAX_LISTS: usize = 3;

#[derive(Clone, Debug)]
pub(crate) struct Heading {
    pub(crate) level: u8,
    pub(crate) runs: Vec<Run>,
    pub(crate) style: TextStyle,
}

#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) passages: Vec<Passage>,
    pub(crate) style: TextStyle,
}

/// A text in Markdown.
#[derive(Clone, Debug)]
pub(crate) struct Markdown {
    pub(crate) text: Leaf,
    pub(crate) style: TextStyle,
}

/// A part of a text that stands below the one before.
#[derive(Clone, Debug)]
pub(crate) enum Passage {
    Paragraph(Vec<Run>),
    List(List),
}

#[derive(Clone, Debug)]
pub(crate) struct List {
    /// Number of the first item; `None`: bullets.
    pub(crate) start: Option<u64>,
    pub(crate) items: Vec<Vec<Passage>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TextStyle {
    pub(crate) size: Option<f32>,
    pub(crate) colour: Option<Leaf>,
    pub(crate) bold: Option<bool>,
    pub(crate) italic: bool,
    /// Name of the family.
    pub(crate) font: Option<Arc<str>>,
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
    /// One paragraph, or `content`.
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let runs = read_runs(reader, object);
        let passages = if object.peek("content").is_none() {
            vec![Passage::Paragraph(runs)]
        } else {
            if object.peek("text").is_some() || object.peek("runs").is_some() {
                reader.problem(
                    &object.pointer,
                    "text_twice",
                    "has `content` beside `text` or `runs`: only one of them is possible",
                );
            }
            read_content(reader, object, 0)
        };
        Self {
            passages,
            style: TextStyle::read(reader, object),
        }
    }
}

impl Markdown {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        Self {
            text: object.required_leaf(reader, "text"),
            style: TextStyle::read(reader, object),
        }
    }
}

/// Paragraphs and lists, within so many lists.
fn read_content(reader: &mut Reader, object: &mut Object<'_>, depth: usize) -> Vec<Passage> {
    let mut passages = Vec::new();
    for (json, pointer) in object.list(reader, "content") {
        let Some(mut passage) = reader.object(json, &pointer) else {
            continue;
        };
        let kinds = ["paragraph", "list"];
        if passage.choice(reader, "type", &kinds, "paragraph") == "list" {
            passages.push(Passage::List(read_items(reader, &mut passage, depth + 1)));
        } else {
            passages.push(Passage::Paragraph(read_runs(reader, &mut passage)));
        }
        passage.done(reader);
    }
    passages
}

fn read_items(reader: &mut Reader, list: &mut Object<'_>, depth: usize) -> List {
    let ordered = list.flag(reader, "ordered", false);
    let start = if ordered {
        Some(list.count(reader, "start", 0..=9_999).unwrap_or(1) as u64)
    } else {
        None
    };
    let items = list.list(reader, "items");
    if depth > MAX_LISTS {
        let message = format!("lists are nested deeper than {MAX_LISTS} levels");
        let params = json!({"most": MAX_LISTS});
        reader.problem_with(&list.pointer, "list_too_deep", params, message);
        return List {
            start,
            items: Vec::new(),
        };
    }
    let items = items
        .into_iter()
        .filter_map(|(json, pointer)| {
            let mut item = reader.object(json, &pointer)?;
            let content = read_content(reader, &mut item, depth);
            item.done(reader);
            Some(content)
        })
        .collect();
    List { start, items }
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
            font: read_font(reader, object, "font"),
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
