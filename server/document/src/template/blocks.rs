//! The kinds of blocks and how each is read. A block's common members: `id`, `type`, `name` (for people), `when` (shown only if the
//! expression is true), `before` and `after` (space, mm), `keep_with_next`, `break_before`.

use base64::Engine as _;
use serde_json::Value as Json;

use super::{
    MAX_DEPTH,
    leaf::Leaf,
    read::{Object, Reader},
    shapes::{self, Background},
};

#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) id: String,
    pub(crate) pointer: String,
    pub(crate) when: Option<Leaf>,
    pub(crate) before: f32,
    pub(crate) after: Option<f32>,
    pub(crate) keep_with_next: bool,
    pub(crate) break_before: bool,
    pub(crate) kind: BlockKind,
}

#[derive(Clone, Debug)]
pub(crate) enum BlockKind {
    Heading {
        level: u8,
        runs: Vec<Run>,
        style: TextStyle,
    },
    Text {
        runs: Vec<Run>,
        style: TextStyle,
    },
    KeyValue(KeyValue),
    Image {
        source: ImageSource,
        width: f32,
        height: f32,
        align: Align,
        alt: Leaf,
    },
    Columns {
        cells: Vec<Cell>,
        gap: f32,
    },
    Box {
        blocks: Vec<Block>,
        style: BoxStyle,
    },
    Table(Box<Table>),
    Totals {
        lines: Vec<TotalLine>,
        width: f32,
        size: Option<f32>,
    },
    Qr {
        content: QrContent,
        size: f32,
        align: Align,
        alt: Leaf,
    },
    Rule {
        colour: Leaf,
        thickness: f32,
    },
    Spacer {
        height: f32,
    },
    PageBreak,
    KeepTogether {
        blocks: Vec<Block>,
    },
    Repeat {
        list: Leaf,
        blocks: Vec<Block>,
        empty: Option<Leaf>,
    },
    If {
        then: Vec<Block>,
        otherwise: Vec<Block>,
        when: Leaf,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Align {
    #[default]
    Start,
    Center,
    End,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TextStyle {
    pub(crate) size: Option<f32>,
    pub(crate) colour: Option<Leaf>,
    pub(crate) bold: Option<bool>,
    pub(crate) italic: bool,
    pub(crate) serif: Option<bool>,
    pub(crate) align: Align,
    pub(crate) line_height: Option<f32>,
    /// In thousandths of an em.
    pub(crate) tracking: f32,
}

/// Inline text with its own look.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) text: Leaf,
    pub(crate) bold: Option<bool>,
    pub(crate) italic: Option<bool>,
    pub(crate) colour: Option<Leaf>,
    pub(crate) link: Option<Leaf>,
}

#[derive(Clone, Debug)]
pub(crate) struct KeyValue {
    pub(crate) pairs: Vec<Pair>,
    /// Labels above values in this many columns; 0 is one pair a line.
    pub(crate) columns: usize,
    pub(crate) label_width: Option<f32>,
    pub(crate) align: Align,
    pub(crate) size: Option<f32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) label: Leaf,
    pub(crate) value: Leaf,
    pub(crate) strong: bool,
    pub(crate) when: Option<Leaf>,
}

#[derive(Clone, Debug)]
pub(crate) enum ImageSource {
    /// An expression that gives a file.
    File(Leaf),
    Embedded(std::sync::Arc<Vec<u8>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) width: ColumnWidth,
    pub(crate) blocks: Vec<Block>,
    pub(crate) middle: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ColumnWidth {
    /// As wide as its content.
    Auto,
    /// Millimetres.
    Fixed(f32),
    /// Share of what is left.
    Fraction(f32),
}

#[derive(Clone, Debug)]
pub(crate) struct BoxStyle {
    pub(crate) fill: Option<Leaf>,
    pub(crate) border: Option<Leaf>,
    pub(crate) padding: f32,
    pub(crate) radius: f32,
    pub(crate) min_height: f32,
    /// Reaches the page's edges: left and right, and the top where it stands first on the page.
    pub(crate) bleed: bool,
    pub(crate) background: Option<Background>,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the editor")]
pub(crate) struct Table {
    pub(crate) rows: Leaf,
    pub(crate) columns: Vec<Column>,
    pub(crate) zebra: bool,
    pub(crate) lines: bool,
    pub(crate) repeat_heading: bool,
    pub(crate) hide_empty: bool,
    pub(crate) empty: Leaf,
    pub(crate) size: Option<f32>,
    /// Rows after the list, one text a column.
    pub(crate) totals: Vec<Vec<Leaf>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) heading: Leaf,
    pub(crate) value: Leaf,
    /// A second, smaller line under the value.
    pub(crate) detail: Option<Leaf>,
    pub(crate) width: ColumnWidth,
    pub(crate) align: Align,
    pub(crate) bold: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct TotalLine {
    pub(crate) label: Leaf,
    pub(crate) value: Leaf,
    pub(crate) strong: bool,
    /// One line for each item of a list.
    pub(crate) each: Option<Leaf>,
    pub(crate) when: Option<Leaf>,
}

#[derive(Clone, Debug)]
pub(crate) enum QrContent {
    Text(Leaf),
    Payment(Box<Payment>),
}

/// A SEPA credit transfer (EPC069-12).
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) name: Leaf,
    pub(crate) iban: Leaf,
    pub(crate) bic: Option<Leaf>,
    pub(crate) amount: Leaf,
    pub(crate) reference: Leaf,
}

pub(super) fn read_list(
    reader: &mut Reader,
    json: Option<&Json>,
    pointer: &str,
    depth: usize,
) -> Vec<Block> {
    let Some(json) = json else { return Vec::new() };
    let Some(items) = json.as_array() else {
        reader.problem(pointer, "wrong_type", "must be a list of blocks");
        return Vec::new();
    };
    if depth > MAX_DEPTH {
        reader.problem(
            pointer,
            "too_deep",
            format!("blocks are nested deeper than {MAX_DEPTH} levels"),
        );
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
    let Some(kind) = read_kind(reader, &mut object, &kind_name, when.as_ref(), depth) else {
        reader.problem(
            &format!("{pointer}/type"),
            "unknown_block",
            format!("`{kind_name}` is not a kind of block"),
        );
        return None;
    };
    object.done(reader);
    let when = if matches!(kind, BlockKind::If { .. }) {
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
    let pointer = object.pointer.clone();
    let nested = |reader: &mut Reader, object: &mut Object<'_>, key: &'static str| {
        read_list(
            reader,
            object.child(key),
            &format!("{pointer}/{key}"),
            depth + 1,
        )
    };
    Some(match name {
        "heading" => BlockKind::Heading {
            level: match object.choice_number(reader, "level") {
                2 => 2,
                3 => 3,
                _ => 1,
            },
            runs: read_runs(reader, object),
            style: read_style(reader, object),
        },
        "text" => BlockKind::Text {
            runs: read_runs(reader, object),
            style: read_style(reader, object),
        },
        "key_value" => BlockKind::KeyValue(read_key_value(reader, object)),
        "image" => read_image(reader, object),
        "columns" => BlockKind::Columns {
            cells: read_cells(reader, object, depth),
            gap: object.number(reader, "gap", 0.0..=100.0, 6.0),
        },
        "box" => BlockKind::Box {
            blocks: nested(reader, object, "blocks"),
            style: read_box(reader, object),
        },
        "table" => BlockKind::Table(Box::new(read_table(reader, object))),
        "totals" => BlockKind::Totals {
            lines: read_totals(reader, object),
            width: object.number(reader, "width", 20.0..=400.0, 75.0),
            size: object.optional_number(reader, "size", 4.0..=100.0),
        },
        "qr" => read_qr(reader, object),
        "rule" => BlockKind::Rule {
            colour: object
                .optional_leaf(reader, "colour")
                .unwrap_or_else(|| Leaf::literal("line")),
            thickness: object.number(reader, "thickness", 0.1..=20.0, 0.6),
        },
        "spacer" => BlockKind::Spacer {
            height: object.number(reader, "height", 0.0..=400.0, 5.0),
        },
        "page_break" => BlockKind::PageBreak,
        "keep_together" => BlockKind::KeepTogether {
            blocks: nested(reader, object, "blocks"),
        },
        "repeat" => BlockKind::Repeat {
            list: object.required_leaf(reader, "list"),
            blocks: nested(reader, object, "blocks"),
            empty: object.optional_leaf(reader, "empty"),
        },
        "if" => {
            if when.is_none() {
                reader.problem(&format!("{pointer}/when"), "missing", "must be filled in");
            }
            BlockKind::If {
                when: when.cloned().unwrap_or_default(),
                then: nested(reader, object, "blocks"),
                otherwise: nested(reader, object, "otherwise"),
            }
        }
        _ => return None,
    })
}

fn read_align(reader: &mut Reader, object: &mut Object<'_>) -> Align {
    match object
        .choice(reader, "align", &["start", "center", "end"], "start")
        .as_str()
    {
        "center" => Align::Center,
        "end" => Align::End,
        _ => Align::Start,
    }
}

fn read_style(reader: &mut Reader, object: &mut Object<'_>) -> TextStyle {
    TextStyle {
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
        align: read_align(reader, object),
        line_height: object.optional_number(reader, "line_height", 0.8..=4.0),
        tracking: object.number(reader, "tracking", -100.0..=1000.0, 0.0),
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
            link: None,
        });
    }
    runs
}

fn read_key_value(reader: &mut Reader, object: &mut Object<'_>) -> KeyValue {
    let mut pairs = Vec::new();
    for (json, pointer) in object.list(reader, "items") {
        let Some(mut pair) = reader.object(json, &pointer) else {
            continue;
        };
        pairs.push(Pair {
            label: pair.leaf(reader, "label"),
            value: pair.leaf(reader, "value"),
            strong: pair.flag(reader, "strong", false),
            when: pair.optional_leaf(reader, "when"),
        });
        pair.done(reader);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 8"
    )]
    let columns = object.number(reader, "columns", 0.0..=8.0, 0.0) as usize;
    KeyValue {
        pairs,
        columns,
        label_width: object.optional_number(reader, "label_width", 5.0..=150.0),
        align: read_align(reader, object),
        size: object.optional_number(reader, "size", 4.0..=100.0),
    }
}

fn read_image(reader: &mut Reader, object: &mut Object<'_>) -> BlockKind {
    let file = object.optional_leaf(reader, "source");
    let pointer = format!("{}/data", object.pointer);
    let embedded = object.child("data").and_then(|json| {
        let bytes = json
            .as_str()
            .filter(|text| text.len() <= 2_000_000)
            .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
        if bytes.is_none() {
            reader.problem(
                &pointer,
                "image_data",
                "must be base64 of a PNG or JPEG of at most 1.5 MB",
            );
        }
        bytes
    });
    let source = match (file, embedded) {
        (Some(leaf), None) => ImageSource::File(leaf),
        (None, Some(bytes)) => ImageSource::Embedded(bytes.into()),
        (file, _) => {
            reader.problem(
                &object.pointer,
                "image_source",
                "needs either `source` or `data`",
            );
            ImageSource::File(file.unwrap_or_default())
        }
    };
    BlockKind::Image {
        source,
        width: object.number(reader, "width", 1.0..=400.0, 40.0),
        height: object.number(reader, "height", 1.0..=400.0, 40.0),
        align: read_align(reader, object),
        alt: object.leaf(reader, "alt"),
    }
}

fn read_width(reader: &mut Reader, object: &mut Object<'_>, default: ColumnWidth) -> ColumnWidth {
    match object.peek("width") {
        None => default,
        Some(Json::String(_)) => match object.text(reader, "width").unwrap_or_default().as_str() {
            "auto" => ColumnWidth::Auto,
            text => match text
                .strip_suffix("fr")
                .and_then(|number| number.parse::<f32>().ok())
            {
                Some(share) if (0.01..=1000.0).contains(&share) => ColumnWidth::Fraction(share),
                _ => {
                    let pointer = format!("{}/width", object.pointer);
                    reader.problem(
                        &pointer,
                        "width",
                        "must be millimetres, \"auto\" or a share such as \"2fr\"",
                    );
                    default
                }
            },
        },
        Some(_) => object
            .optional_number(reader, "width", 1.0..=400.0)
            .map_or(default, ColumnWidth::Fixed),
    }
}

fn read_cells(reader: &mut Reader, object: &mut Object<'_>, depth: usize) -> Vec<Cell> {
    let mut cells = Vec::new();
    let list = object.list(reader, "columns");
    if list.is_empty() || list.len() > 8 {
        reader.problem(
            &format!("{}/columns", object.pointer),
            "columns",
            "has 1 to 8 columns",
        );
    }
    for (json, pointer) in list {
        let Some(mut cell) = reader.object(json, &pointer) else {
            continue;
        };
        let width = read_width(reader, &mut cell, ColumnWidth::Fraction(1.0));
        let middle = cell.choice(reader, "vertical", &["top", "middle"], "top") == "middle";
        let blocks = read_list(
            reader,
            cell.child("blocks"),
            &format!("{pointer}/blocks"),
            depth + 1,
        );
        cell.done(reader);
        cells.push(Cell {
            width,
            blocks,
            middle,
        });
    }
    cells
}

fn read_box(reader: &mut Reader, object: &mut Object<'_>) -> BoxStyle {
    let pointer = format!("{}/background", object.pointer);
    BoxStyle {
        fill: object.optional_leaf(reader, "fill"),
        border: object.optional_leaf(reader, "border"),
        padding: object.number(reader, "padding", 0.0..=60.0, 4.0),
        radius: object.number(reader, "radius", 0.0..=30.0, 0.0),
        min_height: object.number(reader, "min_height", 0.0..=400.0, 0.0),
        bleed: object.flag(reader, "bleed", false),
        background: object
            .child("background")
            .and_then(|json| shapes::read(reader, json, &pointer)),
    }
}

fn read_table(reader: &mut Reader, object: &mut Object<'_>) -> Table {
    let rows = object.required_leaf(reader, "rows");
    let mut columns = Vec::new();
    let list = object.list(reader, "columns");
    if list.is_empty() || list.len() > 20 {
        reader.problem(
            &format!("{}/columns", object.pointer),
            "columns",
            "has 1 to 20 columns",
        );
    }
    for (json, pointer) in list {
        let Some(mut column) = reader.object(json, &pointer) else {
            continue;
        };
        columns.push(Column {
            heading: column.leaf(reader, "heading"),
            value: column.leaf(reader, "value"),
            detail: column.optional_leaf(reader, "detail"),
            width: read_width(reader, &mut column, ColumnWidth::Fraction(1.0)),
            align: read_align(reader, &mut column),
            bold: column.flag(reader, "bold", false),
        });
        column.done(reader);
    }
    let mut totals = Vec::new();
    for (json, pointer) in object.list(reader, "totals") {
        let Some(cells) = json.as_array() else {
            reader.problem(
                &pointer,
                "wrong_type",
                "must be a list of texts, one a column",
            );
            continue;
        };
        if cells.len() > columns.len() {
            reader.problem(
                &pointer,
                "columns",
                "has more texts than the table has columns",
            );
        }
        totals.push(
            cells
                .iter()
                .enumerate()
                .map(|(index, json)| {
                    let pointer = format!("{pointer}/{index}");
                    if !json.is_string() {
                        reader.problem(&pointer, "wrong_type", "must be a text");
                    }
                    Leaf::parse(reader, json.as_str().unwrap_or_default().into(), pointer)
                })
                .collect(),
        );
    }
    Table {
        rows,
        columns,
        zebra: object.flag(reader, "zebra", false),
        lines: object.flag(reader, "lines", true),
        repeat_heading: object.flag(reader, "repeat_heading", true),
        hide_empty: object.flag(reader, "hide_empty", false),
        empty: object
            .optional_leaf(reader, "empty")
            .unwrap_or_else(|| Leaf::literal("No items")),
        size: object.optional_number(reader, "size", 4.0..=100.0),
        totals,
    }
}

fn read_totals(reader: &mut Reader, object: &mut Object<'_>) -> Vec<TotalLine> {
    let mut lines = Vec::new();
    for (json, pointer) in object.list(reader, "lines") {
        let Some(mut line) = reader.object(json, &pointer) else {
            continue;
        };
        lines.push(TotalLine {
            label: line.leaf(reader, "label"),
            value: line.leaf(reader, "value"),
            strong: line.flag(reader, "strong", false),
            each: line.optional_leaf(reader, "each"),
            when: line.optional_leaf(reader, "when"),
        });
        line.done(reader);
    }
    lines
}

fn read_qr(reader: &mut Reader, object: &mut Object<'_>) -> BlockKind {
    let text = object.optional_leaf(reader, "content");
    let pointer = format!("{}/payment", object.pointer);
    let payment = object.child("payment").and_then(|json| {
        let mut payment = reader.object(json, &pointer)?;
        let found = Payment {
            name: payment.required_leaf(reader, "name"),
            iban: payment.required_leaf(reader, "iban"),
            bic: payment.optional_leaf(reader, "bic"),
            amount: payment.required_leaf(reader, "amount"),
            reference: payment.leaf(reader, "reference"),
        };
        payment.done(reader);
        Some(found)
    });
    let content = match (text, payment) {
        (Some(text), None) => QrContent::Text(text),
        (None, Some(payment)) => QrContent::Payment(Box::new(payment)),
        _ => {
            reader.problem(
                &object.pointer,
                "qr_content",
                "needs either `content` or `payment`",
            );
            QrContent::Text(Leaf::default())
        }
    };
    BlockKind::Qr {
        content,
        size: object.number(reader, "size", 8.0..=150.0, 26.0),
        align: read_align(reader, object),
        alt: object.leaf(reader, "alt"),
    }
}
