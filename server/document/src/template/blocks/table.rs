//! Tables bound to a list.

use super::{Align, ColumnWidth};
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
    typography::Direction,
};

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
    pub(crate) direction: Option<Direction>,
}

impl Table {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
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
                width: ColumnWidth::read(reader, &mut column, ColumnWidth::Fraction(1.0)),
                align: Align::read(reader, &mut column),
                bold: column.flag(reader, "bold", false),
                direction: Direction::read(reader, &mut column),
            });
            column.done(reader);
        }
        let totals = read_totals(reader, object, columns.len());
        Self {
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
}

/// Rows of texts, one a column.
fn read_totals(reader: &mut Reader, object: &mut Object<'_>, columns: usize) -> Vec<Vec<Leaf>> {
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
        if cells.len() > columns {
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
    totals
}
