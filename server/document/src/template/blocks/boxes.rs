//! Blocks that hold others: beside each other in columns, or together in a box.

use serde_json::{Value as Json, json};

use super::{Block, read_inner};
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
    shapes::{self, Background},
    typography::Direction,
};

#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) cells: Vec<Cell>,
    /// Millimetres.
    pub(crate) gap: f32,
}

#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) width: ColumnWidth,
    pub(crate) blocks: Vec<Block>,
    pub(crate) middle: bool,
    pub(crate) direction: Option<Direction>,
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
pub(crate) struct BoxBlock {
    pub(crate) blocks: Vec<Block>,
    pub(crate) fill: Option<Leaf>,
    pub(crate) border: Option<Leaf>,
    pub(crate) padding: f32,
    pub(crate) radius: f32,
    pub(crate) min_height: f32,
    /// Reaches the page's edges: left and right, and the top where it stands first on the page.
    pub(crate) bleed: bool,
    pub(crate) background: Option<Background>,
}

impl Columns {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>, depth: usize) -> Self {
        let mut cells = Vec::new();
        let list = object.list(reader, "columns");
        if list.is_empty() || list.len() > 8 {
            reader.problem_with(
                &format!("{}/columns", object.pointer),
                "columns",
                json!({"most": 8}),
                "has 1 to 8 columns",
            );
        }
        for (json, pointer) in list {
            let Some(mut cell) = reader.object(json, &pointer) else {
                continue;
            };
            let width = ColumnWidth::read(reader, &mut cell, ColumnWidth::Fraction(1.0));
            let middle = cell.choice(reader, "vertical", &["top", "middle"], "top") == "middle";
            let direction = Direction::read(reader, &mut cell);
            let blocks = read_inner(reader, &mut cell, "blocks", depth);
            cell.done(reader);
            cells.push(Cell {
                width,
                blocks,
                middle,
                direction,
            });
        }
        Self {
            cells,
            gap: object.number(reader, "gap", 0.0..=100.0, 6.0),
        }
    }
}

impl BoxBlock {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>, depth: usize) -> Self {
        let pointer = format!("{}/background", object.pointer);
        Self {
            blocks: read_inner(reader, object, "blocks", depth),
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
}

impl ColumnWidth {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>, default: Self) -> Self {
        match object.peek("width") {
            None => default,
            Some(Json::String(_)) => {
                match object.text(reader, "width").unwrap_or_default().as_str() {
                    "auto" => Self::Auto,
                    text => match text
                        .strip_suffix("fr")
                        .and_then(|number| number.parse::<f32>().ok())
                    {
                        Some(share) if (0.01..=1000.0).contains(&share) => Self::Fraction(share),
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
                }
            }
            Some(_) => object
                .optional_number(reader, "width", 1.0..=400.0)
                .map_or(default, Self::Fixed),
        }
    }
}
