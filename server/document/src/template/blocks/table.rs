//! Tables bound to a list: its rows as they come or in groups, and what is added up below them.

mod taxes;

use serde_json::json;

use super::{Align, ColumnWidth};
use crate::template::{
    format::{Format, FormatKind},
    leaf::Leaf,
    read::{Object, Reader},
    typography::Direction,
};

pub(super) use taxes::read_taxes;

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) rows: Leaf,
    pub(crate) columns: Vec<Column>,
    pub(crate) group: Option<Grouping>,
    /// Begins the row of what is added up in the columns.
    pub(crate) total_label: Option<Leaf>,
    /// Rows after the list, one text a column.
    pub(crate) totals: Vec<Vec<Leaf>>,
    pub(crate) look: TableLook,
    pub(crate) repeat_heading: bool,
    /// A row goes on overleaf where it is tall; otherwise only where no page has room for it.
    pub(crate) split_rows: bool,
    /// So many rows at the beginning, of the table and of each group, stay on one page with what stands above them.
    pub(crate) keep_first: usize,
    pub(crate) hide_empty: bool,
    pub(crate) empty: Leaf,
    pub(crate) size: Option<f32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) heading: Leaf,
    pub(crate) value: Leaf,
    pub(crate) format: Option<Format>,
    /// What stands below it in a row of totals.
    pub(crate) total: Option<Aggregate>,
    /// A second, smaller line under the value.
    pub(crate) detail: Option<Leaf>,
    pub(crate) width: ColumnWidth,
    pub(crate) align: Align,
    /// Numbers stand with their decimal marks below one another.
    pub(crate) decimal: bool,
    pub(crate) bold: bool,
    pub(crate) direction: Option<Direction>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    Sum,
    Average,
    Count,
    Minimum,
    Maximum,
}

/// Rows that agree in a value stand together. In its texts `item` is `{key, items}`, as `group_by` has it.
#[derive(Clone, Debug)]
pub(crate) struct Grouping {
    pub(crate) by: Leaf,
    pub(crate) heading: Option<Leaf>,
    /// Begins the row of what is added up in the group.
    pub(crate) total_label: Option<Leaf>,
    pub(crate) keep_together: bool,
    pub(crate) new_page: bool,
}

#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the editor")]
pub(crate) struct TableLook {
    /// Every other row has a ground.
    pub(crate) zebra: bool,
    pub(crate) zebra_fill: Option<Leaf>,
    /// Below each row.
    pub(crate) lines: bool,
    /// Between columns and around the table, too.
    pub(crate) grid: bool,
    pub(crate) line_colour: Option<Leaf>,
    /// Above and below a row's texts, in millimetres.
    pub(crate) padding: Option<f32>,
    /// Between columns, in millimetres.
    pub(crate) gutter: Option<f32>,
    pub(crate) head_fill: Option<Leaf>,
    pub(crate) head_colour: Option<Leaf>,
    pub(crate) head_bold: bool,
}

impl Table {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let rows = object.required_leaf(reader, "rows");
        let mut columns = Vec::new();
        let list = object.list(reader, "columns");
        if list.is_empty() || list.len() > 20 {
            reader.problem_with(
                &format!("{}/columns", object.pointer),
                "columns",
                json!({"most": 20}),
                "has 1 to 20 columns",
            );
        }
        for (json, pointer) in list {
            if let Some(mut column) = reader.object(json, &pointer) {
                columns.push(Column::read(reader, &mut column, &rows));
                column.done(reader);
            }
        }
        let group = Grouping::read(reader, object, &rows);
        let total_label = object.optional_leaf(reader, "total_label");
        check_totals(
            reader,
            object,
            &columns,
            group.as_ref(),
            total_label.as_ref(),
        );
        let totals = read_totals(reader, object, columns.len());
        Self {
            rows,
            columns,
            group,
            total_label,
            totals,
            look: TableLook::read(reader, object),
            repeat_heading: object.flag(reader, "repeat_heading", true),
            split_rows: object.flag(reader, "split_rows", true),
            keep_first: object.count(reader, "keep_first", 1..=20).unwrap_or(1),
            hide_empty: object.flag(reader, "hide_empty", false),
            empty: object
                .optional_leaf(reader, "empty")
                .unwrap_or_else(|| Leaf::literal("No items")),
            size: object.optional_number(reader, "size", 4.0..=100.0),
        }
    }
}

impl Column {
    fn read(reader: &mut Reader, object: &mut Object<'_>, rows: &Leaf) -> Self {
        let heading = object.leaf(reader, "heading");
        let (value, detail) = reader.for_each(rows, |reader| {
            let value = object.leaf(reader, "value");
            (value, object.optional_leaf(reader, "detail"))
        });
        let format = Format::read(reader, object, &value);
        let total = Aggregate::read(reader, object);
        let is_text = format
            .as_ref()
            .is_none_or(|format| format.kind == FormatKind::Text);
        if is_text && total.is_some_and(|total| total != Aggregate::Count) {
            let pointer = format!("{}/total", object.pointer);
            let message = "needs a `format`: only then the column has numbers, amounts or dates";
            reader.problem_with(&pointer, "total", json!({"why": "format"}), message);
        }
        let aligns = ["start", "center", "end", "decimal"];
        let align = object.choice(reader, "align", &aligns, "start");
        let decimal = align == "decimal";
        Self {
            heading,
            value,
            format,
            total,
            detail,
            width: ColumnWidth::read(reader, object, ColumnWidth::Fraction(1.0)),
            align: if decimal {
                Align::End
            } else {
                Align::named(&align)
            },
            decimal,
            bold: object.flag(reader, "bold", false),
            direction: Direction::read(reader, object),
        }
    }
}

impl Aggregate {
    fn read(reader: &mut Reader, object: &mut Object<'_>) -> Option<Self> {
        let names = ["sum", "avg", "count", "min", "max", ""];
        match object.choice(reader, "total", &names, "").as_str() {
            "sum" => Some(Self::Sum),
            "avg" => Some(Self::Average),
            "count" => Some(Self::Count),
            "min" => Some(Self::Minimum),
            "max" => Some(Self::Maximum),
            _ => None,
        }
    }
}

impl Grouping {
    fn read(reader: &mut Reader, object: &mut Object<'_>, rows: &Leaf) -> Option<Self> {
        let pointer = format!("{}/group", object.pointer);
        let mut group = reader.object(object.child("group")?, &pointer)?;
        let by = reader.for_each(rows, |reader| group.required_leaf(reader, "by"));
        if !by.is_blank() && !by.is_value() {
            let message = "must be one {{ }}, such as {{ item.category }}";
            reader.problem(&format!("{pointer}/by"), "group", message);
        }
        let (heading, total_label) = reader.for_each_made(|reader| {
            let heading = group.optional_leaf(reader, "heading");
            (heading, group.optional_leaf(reader, "total_label"))
        });
        let read = Self {
            by,
            heading,
            total_label,
            keep_together: group.flag(reader, "keep_together", false),
            new_page: group.flag(reader, "new_page", false),
        };
        group.done(reader);
        Some(read)
    }
}

impl TableLook {
    fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let mut look = Self {
            zebra: object.flag(reader, "zebra", false),
            zebra_fill: object.optional_leaf(reader, "zebra_fill"),
            lines: object.flag(reader, "lines", true),
            grid: object.flag(reader, "grid", false),
            line_colour: object.optional_leaf(reader, "line_colour"),
            padding: object.optional_number(reader, "padding", 0.0..=20.0),
            gutter: object.optional_number(reader, "gutter", 0.0..=30.0),
            ..Self::default()
        };
        let pointer = format!("{}/head", object.pointer);
        if let Some(json) = object.child("head")
            && let Some(mut head) = reader.object(json, &pointer)
        {
            look.head_fill = head.optional_leaf(reader, "fill");
            look.head_colour = head.optional_leaf(reader, "colour");
            look.head_bold = head.flag(reader, "bold", false);
            head.done(reader);
        }
        look
    }
}

/// Totals stand in a row with a label, and the label stands before them.
fn check_totals(
    reader: &mut Reader,
    object: &Object<'_>,
    columns: &[Column],
    group: Option<&Grouping>,
    label: Option<&Leaf>,
) {
    let first = columns.iter().position(|column| column.total.is_some());
    let group_label = group.and_then(|group| group.total_label.as_ref());
    let is_labelled = label.is_some() || group_label.is_some();
    match first {
        Some(0) => reader.problem_with(
            &format!("{}/columns/0/total", object.pointer),
            "total",
            json!({"why": "label"}),
            "the first column has the label of the row, so nothing is added up below it",
        ),
        Some(_) if !is_labelled => reader.problem_with(
            &format!("{}/total_label", object.pointer),
            "missing",
            json!({"why": "total"}),
            "must be filled in here or in `group`, because columns are added up",
        ),
        None if is_labelled => reader.problem_with(
            &object.pointer,
            "total",
            json!({"why": "nothing"}),
            "has a row of totals, but no column is added up",
        ),
        Some(_) | None => {}
    }
}

/// Rows of texts, one a column.
fn read_totals(reader: &mut Reader, object: &mut Object<'_>, columns: usize) -> Vec<Vec<Leaf>> {
    let mut totals = Vec::new();
    for (json, pointer) in object.list(reader, "totals") {
        let Some(cells) = json.as_array() else {
            reader.wrong_type(&pointer, "a list of texts, one a column");
            continue;
        };
        if cells.len() > columns {
            reader.problem(
                &pointer,
                "too_many_texts",
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
                        reader.wrong_type(&pointer, "a text");
                    }
                    Leaf::parse(reader, json.as_str().unwrap_or_default().into(), pointer)
                })
                .collect(),
        );
    }
    totals
}
