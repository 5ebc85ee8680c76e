//! The kinds of blocks and how each is read: a file for each family, a line for each kind here. A block's common members: `id`, `type`,
//! `name` (for people), `when` (shown only if the expression is true), `before` and `after` (space, mm), `keep_with_next`,
//! `break_before`, `language` and `direction` (of its texts and of those of the blocks in it).

mod barcode;
mod bill;
mod boxes;
mod chart;
mod flow;
mod inline;
mod pairs;
mod picture;
mod plan;
mod qr;
mod signature;
mod table;
mod text;

use parley::Language;
use serde_json::{Value as Json, json};

use super::{
    MAX_DEPTH,
    leaf::Leaf,
    read::{Object, Reader},
    typography::{Direction, read_language},
};

pub(crate) use barcode::Barcode;
pub(crate) use bill::{Address, Separation, SwissBill};
pub(crate) use boxes::{BoxBlock, ColumnWidth, Columns};
pub(crate) use chart::{Chart, ChartKind};
pub(crate) use flow::{If, KeepTogether, Repeat, Rule, Spacer};
pub(crate) use inline::Run;
pub(crate) use pairs::{KeyValue, Pair, TotalLine, Totals};
pub(crate) use picture::{Image, ImageSource};
pub(crate) use plan::{Day, Plan};
pub(crate) use qr::{Payment, Qr, QrContent};
pub(crate) use signature::Signature;
pub(crate) use table::{Aggregate, Column, Grouping, Table};
pub(crate) use text::{Heading, List, MAX_LISTS, Markdown, Passage, Text, TextStyle};

#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) id: String,
    pub(crate) pointer: String,
    pub(crate) when: Option<Leaf>,
    pub(crate) before: f32,
    pub(crate) after: Option<f32>,
    pub(crate) keep_with_next: bool,
    pub(crate) break_before: bool,
    pub(crate) language: Option<Language>,
    pub(crate) direction: Option<Direction>,
    pub(crate) kind: BlockKind,
}

#[derive(Clone, Debug)]
pub(crate) enum BlockKind {
    Heading(Heading),
    Text(Text),
    Markdown(Markdown),
    KeyValue(KeyValue),
    Image(Image),
    Columns(Columns),
    Box(BoxBlock),
    Table(Box<Table>),
    Totals(Totals),
    Qr(Qr),
    Barcode(Barcode),
    SwissBill(Box<SwissBill>),
    Plan(Box<Plan>),
    Signature(Signature),
    Chart(Box<Chart>),
    Rule(Rule),
    Spacer(Spacer),
    PageBreak,
    KeepTogether(KeepTogether),
    Repeat(Repeat),
    If(If),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Align {
    #[default]
    Start,
    Center,
    End,
}

impl Align {
    fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        Self::named(&object.choice(reader, "align", &["start", "center", "end"], "start"))
    }

    fn named(name: &str) -> Self {
        match name {
            "center" => Self::Center,
            "end" => Self::End,
            _ => Self::Start,
        }
    }
}

pub(super) fn read_list(
    reader: &mut Reader,
    json: Option<&Json>,
    pointer: &str,
    depth: usize,
) -> Vec<Block> {
    let Some(json) = json else { return Vec::new() };
    let Some(items) = json.as_array() else {
        reader.wrong_type(pointer, "a list of blocks");
        return Vec::new();
    };
    if depth > MAX_DEPTH {
        let message = format!("blocks are nested deeper than {MAX_DEPTH} levels");
        reader.problem_with(pointer, "too_deep", json!({"most": MAX_DEPTH}), message);
        return Vec::new();
    }
    items
        .iter()
        .enumerate()
        .filter_map(|(index, json)| read_block(reader, json, format!("{pointer}/{index}"), depth))
        .collect()
}

fn read_block(reader: &mut Reader, json: &Json, pointer: String, depth: usize) -> Option<Block> {
    let mut object = reader.object(json, &pointer)?;
    let id = object.text(reader, "id").unwrap_or_default();
    if id.is_empty() || id.len() > 64 {
        reader.problem(
            &format!("{pointer}/id"),
            "block_id",
            "a block needs an id of at most 64 bytes",
        );
    }
    reader.block_id(&id, &format!("{pointer}/id"));
    object.text(reader, "name");
    let kind_name = object.text(reader, "type").unwrap_or_default();
    let when = object.optional_leaf(reader, "when");
    let before = object.number(reader, "before", 0.0..=200.0, 0.0);
    let after = object.optional_number(reader, "after", 0.0..=200.0);
    let keep_with_next = object.flag(reader, "keep_with_next", kind_name == "heading");
    let break_before = object.flag(reader, "break_before", false);
    let language = read_language(reader, &mut object);
    let direction = Direction::read(reader, &mut object);
    let Some(kind) = read_kind(reader, &mut object, &kind_name, when.as_ref(), depth) else {
        let message = format!("`{kind_name}` is not a kind of block");
        let params = json!({ "type": kind_name });
        reader.problem_with(&format!("{pointer}/type"), "unknown_block", params, message);
        return None;
    };
    object.done(reader);
    let when = if matches!(kind, BlockKind::If(_)) {
        None
    } else {
        when
    };
    Some(Block {
        id,
        pointer,
        when,
        before,
        after,
        keep_with_next,
        break_before,
        language,
        direction,
        kind,
    })
}

fn read_kind(
    reader: &mut Reader,
    object: &mut Object<'_>,
    name: &str,
    when: Option<&Leaf>,
    depth: usize,
) -> Option<BlockKind> {
    Some(match name {
        "heading" => BlockKind::Heading(Heading::read(reader, object)),
        "text" => BlockKind::Text(Text::read(reader, object)),
        "markdown" => BlockKind::Markdown(Markdown::read(reader, object)),
        "key_value" => BlockKind::KeyValue(KeyValue::read(reader, object)),
        "image" => BlockKind::Image(Image::read(reader, object)),
        "columns" => BlockKind::Columns(Columns::read(reader, object, depth)),
        "box" => BlockKind::Box(BoxBlock::read(reader, object, depth)),
        "table" => BlockKind::Table(Box::new(Table::read(reader, object))),
        "tax_table" => BlockKind::Table(Box::new(table::read_taxes(reader, object))),
        "totals" => BlockKind::Totals(Totals::read(reader, object)),
        "qr" => BlockKind::Qr(Qr::read(reader, object)),
        "barcode" => BlockKind::Barcode(Barcode::read(reader, object)),
        "swiss_bill" => BlockKind::SwissBill(Box::new(SwissBill::read(reader, object))),
        "plan" => BlockKind::Plan(Box::new(Plan::read(reader, object))),
        "chart" => BlockKind::Chart(Box::new(Chart::read(reader, object))),
        "signature" => BlockKind::Signature(Signature::read(reader, object)),
        "rule" => BlockKind::Rule(Rule::read(reader, object)),
        "spacer" => BlockKind::Spacer(Spacer::read(reader, object)),
        "page_break" => BlockKind::PageBreak,
        "keep_together" => BlockKind::KeepTogether(KeepTogether::read(reader, object, depth)),
        "repeat" => BlockKind::Repeat(Repeat::read(reader, object, depth)),
        "if" => BlockKind::If(If::read(reader, object, when, depth)),
        _ => return None,
    })
}

/// A Swiss bill has its place at the foot of its paper, so nothing holds it that has a place of its own; `forbidden` says why there may be
/// none here.
pub(super) fn check_bills(reader: &mut Reader, blocks: &[Block], forbidden: Option<&'static str>) {
    let within = forbidden.or(Some(
        "must not stand within a box, columns or what keeps together",
    ));
    for block in blocks {
        match &block.kind {
            BlockKind::SwissBill(_) => {
                if let Some(why) = forbidden {
                    reader.problem(&block.pointer, "bill_place", why);
                }
            }
            BlockKind::Columns(own) => {
                for cell in &own.cells {
                    check_bills(reader, &cell.blocks, within);
                }
            }
            BlockKind::Box(own) => check_bills(reader, &own.blocks, within),
            BlockKind::KeepTogether(own) => check_bills(reader, &own.blocks, within),
            BlockKind::Repeat(own) => check_bills(reader, &own.blocks, forbidden),
            BlockKind::If(own) => {
                check_bills(reader, &own.then, forbidden);
                check_bills(reader, &own.otherwise, forbidden);
            }
            BlockKind::Heading(_)
            | BlockKind::Text(_)
            | BlockKind::Markdown(_)
            | BlockKind::KeyValue(_)
            | BlockKind::Image(_)
            | BlockKind::Table(_)
            | BlockKind::Totals(_)
            | BlockKind::Qr(_)
            | BlockKind::Barcode(_)
            | BlockKind::Plan(_)
            | BlockKind::Signature(_)
            | BlockKind::Chart(_)
            | BlockKind::Rule(_)
            | BlockKind::Spacer(_)
            | BlockKind::PageBreak => {}
        }
    }
}

/// The blocks that a block holds under `key`.
fn read_inner(
    reader: &mut Reader,
    object: &mut Object<'_>,
    key: &'static str,
    depth: usize,
) -> Vec<Block> {
    let pointer = format!("{}/{key}", object.pointer);
    read_list(reader, object.child(key), &pointer, depth + 1)
}
