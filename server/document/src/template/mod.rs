//! The document template as stored: a tree of blocks in JSON (`formwork-document/1`). Lengths are millimetres, type sizes points,
//! colours `#rrggbb` or a theme name (`accent`, `text`, `muted`, `line`, `fill`); expressions stand only in leaf texts. One that says its
//! `language` is in it wherever it is filled in.

mod blocks;
mod extras;
mod format;
mod leaf;
mod names;
mod page;
mod read;
mod shapes;
mod texts;
mod typography;

use std::sync::Arc;

use engine::{
    check::Problem,
    document_field::{DocumentField, Source, is_words},
    kind::{Field, Kind},
    value::{Record, Value, escape_pointer},
};
use serde_json::{Value as Json, json};

pub(crate) use blocks::{
    Address, Aggregate, Align, Barcode, Block, BlockKind, BoxBlock, Chart, ChartKind, Column,
    ColumnWidth, Columns, Day, Grouping, Heading, If, Image, ImageSource, KeepTogether, KeyValue,
    List, MAX_LISTS, Markdown, Pair, Passage, Payment, Plan, Qr, QrContent, Repeat, Rule, Run,
    Separation, Signature, SwissBill, Table, Text, TextStyle, TotalLine, Totals,
};
pub(crate) use engine::document_field::Overflow;
pub(crate) use extras::{Enclosure, Extras, FileOrigin, FileSource};
pub(crate) use format::{Format, FormatKind};
pub(crate) use leaf::{Leaf, Part, Reads};
pub(crate) use page::{LEAST_ROOM, Page};
pub use texts::{texts, translate};
pub(crate) use typography::{Direction, LineLimit};

use crate::{fonts::SANS, map::ComputedOrigin};
use names::Reading;
use page::read_page;
use read::Reader;
use typography::read_font;

/// The format this build reads and writes.
pub const FORMAT: &str = "formwork-document/1";

/// Most blocks one template may hold.
pub const MAX_BLOCKS: usize = 2_000;

/// Deepest nesting of blocks.
pub const MAX_DEPTH: usize = 64;

/// A checked template.
#[derive(Clone, Debug)]
pub struct Template {
    /// Of its words, and so of its formats; `None`: whoever fills it in says one.
    pub(crate) language: Option<String>,
    pub(crate) title: Leaf,
    pub(crate) page: Page,
    pub(crate) theme: Theme,
    pub(crate) fields: Vec<DocumentField>,
    pub(crate) computed: Vec<Computed>,
    pub(crate) sample: Record,
    pub(crate) header: Furniture,
    pub(crate) footer: Furniture,
    pub(crate) blocks: Vec<Block>,
    pub(crate) extras: Extras,
    /// Families that it names and that are not built in.
    pub(crate) fonts: Vec<Arc<str>>,
    readings: Vec<Reading>,
}

/// A field that the document computes, with its place among the fields.
#[derive(Clone, Debug)]
pub(crate) struct Computed {
    pub(crate) index: usize,
    pub(crate) value: Leaf,
}

/// Colours may hold values such as `{{ firm.colour }}`.
#[derive(Clone, Debug)]
pub(crate) struct Theme {
    pub(crate) accent: Leaf,
    pub(crate) text: Leaf,
    pub(crate) muted: Leaf,
    pub(crate) line: Leaf,
    pub(crate) fill: Leaf,
    /// Names of families.
    pub(crate) font: Arc<str>,
    pub(crate) heading_font: Arc<str>,
    pub(crate) size: f32,
    pub(crate) line_height: f32,
    /// Space after a block, in millimetres.
    pub(crate) gap: f32,
    /// Words of texts are divided at the ends of lines; headings never are by themselves.
    pub(crate) hyphenate: bool,
    /// Fewest lines of a text at the foot of a page, and at the head of the next one.
    pub(crate) orphans: usize,
    pub(crate) widows: usize,
}

/// What repeats at the top or the bottom of the pages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Furniture {
    pub(crate) first: Option<Vec<Block>>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) gap: f32,
    /// An expression in it may read the page's number, so that it is not the same on all pages.
    pub(crate) counts_pages: bool,
}

impl Furniture {
    /// What this page shows, counted from 0.
    pub(crate) fn on(&self, page: usize) -> &[Block] {
        match &self.first {
            Some(first) if page == 0 => first,
            _ => &self.blocks,
        }
    }
}

impl Template {
    /// Reads a template; on failure every problem, not only the first, each with its JSON pointer.
    pub fn parse(json: &Json) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::default();
        let template = read_template(&mut reader, json);
        let fonts = std::mem::take(&mut reader.fonts);
        let (problems, readings) = reader.finish();
        match template {
            Some(template) if problems.is_empty() => Ok(Self {
                fonts,
                readings,
                ..template
            }),
            _ => Err(problems),
        }
    }

    /// The typed fields: the one declaration of what the document takes and computes.
    pub fn declared(&self) -> &[DocumentField] {
        &self.fields
    }

    /// The fields that the document takes: all but those that it computes.
    pub fn fields(&self) -> Vec<Field> {
        let declared = self.fields.iter();
        let taken = declared.filter(|declared| !declared.is_computed());
        taken.map(|declared| declared.field.clone()).collect()
    }

    /// What the fields that the document computes are made of.
    pub(crate) fn computed_origins(&self) -> Vec<ComputedOrigin> {
        let computed = self.computed.iter().map(|computed| {
            let reads = computed.value.reads.as_ref();
            ComputedOrigin {
                name: self.fields[computed.index].field.name.clone(),
                expression: computed.value.source.clone(),
                reads: reads.map_or_else(Vec::new, |reads| reads.paths.clone()),
            }
        });
        computed.collect()
    }

    /// The lines that a text may take which is the value at this path and nothing else, such as `intro` or `days.2.text`.
    pub(crate) fn limit_at(&self, path: &str) -> Option<LineLimit> {
        let (root, below) = path.split_once('.').unwrap_or((path, ""));
        let mut fields = self.fields.iter();
        let declared = fields.find(|declared| declared.field.name == root)?;
        let (lines, overflow) = if below.is_empty() {
            (declared.max_lines?, declared.overflow)
        } else {
            let is_name = |name: &&str| !name.starts_with(|letter: char| letter.is_ascii_digit());
            let names: Vec<&str> = below.split('.').filter(is_name).collect();
            let limit = declared.columns.get(&names.join("."))?;
            (limit.max_lines, limit.overflow)
        };
        Some(LineLimit {
            lines: lines.into(),
            overflow: overflow.unwrap_or_default(),
            min_size: None,
        })
    }

    /// Whether texts in entries of lists are limited at all.
    pub(crate) fn limits_columns(&self) -> bool {
        let mut fields = self.fields.iter();
        fields.any(|declared| !declared.columns.is_empty())
    }

    /// Values that show what the document looks like when nobody has filled it in yet; not every field has one.
    pub fn sample(&self) -> &Record {
        &self.sample
    }
}

fn read_template(reader: &mut Reader, json: &Json) -> Option<Template> {
    let mut root = reader.object(json, "")?;
    let format = root.text(reader, "format").unwrap_or_default();
    if format != FORMAT {
        let message = format!("the format must be \"{FORMAT}\"");
        let params = json!({"format": FORMAT});
        reader.problem_with("/format", "document_format", params, message);
    }
    let language = format::read_language(reader, &mut root);
    let title = root.leaf(reader, "title");
    let page = read_page(reader, root.child("page"));
    let theme = read_theme(reader, root.child("theme"));
    let (fields, computed) = read_fields(reader, root.child("fields"));
    let sample = read_sample(reader, root.child("sample"), &fields);
    let header = read_furniture(reader, root.child("header"), "/header");
    let footer = read_furniture(reader, root.child("footer"), "/footer");
    let blocks = blocks::read_list(reader, root.child("blocks"), "/blocks", 0);
    for edge in [&header, &footer] {
        for list in edge.first.iter().chain([&edge.blocks]) {
            let why = "must not stand in the head or the foot of pages";
            blocks::check_bills(reader, list, Some(why));
        }
    }
    let other_paper = (!page.is_upright_a4()).then_some("needs A4 paper that is held upright");
    blocks::check_bills(reader, &blocks, other_paper);
    let extras = Extras::read(reader, &mut root);
    root.done(reader);
    reader.check_ids();
    Some(Template {
        language,
        title,
        page,
        theme,
        fields,
        computed,
        sample,
        header,
        footer,
        blocks,
        extras,
        fonts: Vec::new(),
        readings: Vec::new(),
    })
}

fn read_theme(reader: &mut Reader, json: Option<&Json>) -> Theme {
    let empty = Json::Object(serde_json::Map::new());
    let mut object = reader
        .object(json.unwrap_or(&empty), "/theme")
        .unwrap_or_default();
    let mut colour = |reader: &mut Reader, name: &'static str, default: &str| {
        let leaf = object.leaf(reader, name);
        if leaf.is_blank() {
            Leaf::literal(default)
        } else {
            leaf
        }
    };
    let accent = colour(reader, "accent", "#2b47c9");
    let text = colour(reader, "text", "#1c1b19");
    let muted = colour(reader, "muted", "#6e6b64");
    let line = colour(reader, "line", "#dedcd6");
    let fill = colour(reader, "fill", "#f4f3f0");
    let theme = Theme {
        accent,
        text,
        muted,
        line,
        fill,
        font: read_font(reader, &mut object, "font").unwrap_or_else(|| SANS.into()),
        heading_font: read_font(reader, &mut object, "heading_font").unwrap_or_else(|| SANS.into()),
        size: object.number(reader, "size", 5.0..=24.0, 9.5),
        line_height: object.number(reader, "line_height", 1.0..=3.0, 1.45),
        gap: object.number(reader, "gap", 0.0..=30.0, 3.0),
        hyphenate: object.flag(reader, "hyphenate", false),
        orphans: object.count(reader, "orphans", 1..=20).unwrap_or(2),
        widows: object.count(reader, "widows", 1..=20).unwrap_or(2),
    };
    object.done(reader);
    theme
}

fn read_fields(reader: &mut Reader, json: Option<&Json>) -> (Vec<DocumentField>, Vec<Computed>) {
    let mut fields: Vec<DocumentField> = Vec::new();
    let mut computed = Vec::new();
    let Some(json) = json else {
        return (fields, computed);
    };
    let Some(items) = json.as_array() else {
        reader.wrong_type("/fields", "a list");
        return (fields, computed);
    };
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("/fields/{index}");
        let declared = match serde_json::from_value::<DocumentField>(item.clone()) {
            Ok(declared) => declared,
            Err(error) => {
                let reason = error.to_string();
                reader.problem_with(&pointer, "field", json!({ "reason": reason }), reason);
                continue;
            }
        };
        let name = &declared.field.name;
        if !is_name(name) {
            reader.problem(
                &pointer,
                "field_name",
                "a field's name is made of a-z, 0-9 and _, begins with a letter and has at most 64 characters",
            );
        } else if OWN_NAMES.contains(&name.as_str()) {
            let message = format!("`{name}` has a meaning of its own");
            reader.problem_with(
                &pointer,
                "field_name_taken",
                json!({ "name": name }),
                message,
            );
        } else if fields.iter().any(|other| other.field.name == *name) {
            let message = format!("`{name}` is declared twice");
            reader.problem_with(&pointer, "field_twice", json!({ "name": name }), message);
        } else {
            check_declaration(reader, &declared, &pointer);
            if let Some(value) = &declared.value {
                let value = Leaf::parse(reader, value.0.clone(), format!("{pointer}/value"));
                computed.push(Computed {
                    index: fields.len(),
                    value,
                });
            }
            fields.push(declared);
        }
    }
    (fields, computed)
}

/// Names that every document has.
const OWN_NAMES: [&str; 8] = [
    "firm", "today", "now", "item", "index", "page", "pages", "run",
];

/// What a field says of itself fits together.
fn check_declaration(reader: &mut Reader, declared: &DocumentField, pointer: &str) {
    let mut wrong = |member: &str, code: &str, params: Json, message: String| {
        reader.problem_with(&format!("{pointer}/{member}"), code, params, message);
    };
    let kind = &declared.field.kind;
    match (declared.max_lines, declared.overflow) {
        (Some(_), _) if !matches!(kind, Kind::Text { .. }) => {
            let message = format!("only a text has lines, and this is {}", kind.noun());
            wrong(
                "max_lines",
                "no_lines",
                json!({"kind": kind.noun()}),
                message,
            );
        }
        (Some(lines), _) if !(1..=500).contains(&lines) => {
            let message = "must be a whole number from 1 to 500".into();
            let params = json!({"least": 1, "most": 500, "whole": "whole"});
            wrong("max_lines", "out_of_range", params, message);
        }
        (None, Some(_)) => {
            let message = "must be filled in, because `overflow` is about it".into();
            wrong("max_lines", "missing", json!({"why": "overflow"}), message);
        }
        _ => {}
    }
    for (path, lines) in &declared.columns {
        let member = format!("columns/{}", escape_pointer(path));
        match declared.column_kind(path) {
            None => {
                let message = format!("the field has no column `{path}`");
                wrong(&member, "column_unknown", json!({ "name": path }), message);
            }
            Some(Kind::Text { .. }) => {}
            Some(other) => {
                let message = format!("only a text has lines, and this is {}", other.noun());
                wrong(&member, "no_lines", json!({"kind": other.noun()}), message);
            }
        }
        if !(1..=500).contains(&lines.max_lines) {
            let message = "must be a whole number from 1 to 500".into();
            let params = json!({"least": 1, "most": 500, "whole": "whole"});
            let member = format!("{member}/max_lines");
            wrong(&member, "out_of_range", params, message);
        }
    }
    match (declared.source, &declared.value) {
        (Some(Source::Computed), None) => {
            let message = "must say how it is computed".into();
            wrong("value", "missing", json!({"why": "computed"}), message);
        }
        (Some(Source::Asked | Source::Written) | None, Some(_)) => {
            let message = "must be \"computed\", because the field has a `value`".into();
            wrong("source", "field_source", json!({"kind": null}), message);
        }
        (Some(Source::Written), None) if !is_words(kind) => {
            let message = format!("a model never fills in {}", kind.noun());
            let params = json!({"kind": kind.noun()});
            wrong("source", "field_source", params, message);
        }
        _ => {}
    }
}

fn read_sample(reader: &mut Reader, json: Option<&Json>, fields: &[DocumentField]) -> Record {
    let mut sample = Record::new();
    let Some(json) = json else { return sample };
    let Some(values) = json.as_object() else {
        reader.wrong_type("/sample", "an object");
        return sample;
    };
    for (name, json) in values {
        let pointer = format!("/sample/{name}");
        let mut taken = fields.iter().filter(|declared| !declared.is_computed());
        let Some(declared) = taken.find(|declared| declared.field.name == *name) else {
            let message = format!("`{name}` is no field that this document takes");
            reader.problem_with(&pointer, "sample_unknown", json!({ "name": name }), message);
            continue;
        };
        match Value::payable_from_json(json, &declared.field.kind) {
            Ok(value) => {
                sample.insert(name.clone(), value);
            }
            Err(_) => {
                let message = format!("is not what `{name}` takes");
                reader.problem_with(&pointer, "sample_value", json!({ "name": name }), message);
            }
        }
    }
    sample
}

fn read_furniture(reader: &mut Reader, json: Option<&Json>, pointer: &str) -> Furniture {
    let Some(json) = json else {
        return Furniture::default();
    };
    let Some(mut object) = reader.object(json, pointer) else {
        return Furniture::default();
    };
    reader.counts_pages = false;
    let first = object
        .child("first")
        .map(|json| blocks::read_list(reader, Some(json), &format!("{pointer}/first"), 0));
    let blocks = blocks::read_list(
        reader,
        object.child("blocks"),
        &format!("{pointer}/blocks"),
        0,
    );
    let gap = object.number(reader, "gap", 0.0..=60.0, 6.0);
    object.done(reader);
    Furniture {
        first,
        blocks,
        gap,
        counts_pages: reader.counts_pages,
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
