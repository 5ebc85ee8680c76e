//! Charts of a list.

use serde_json::json;

use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
};

/// Most series of one chart: more shades are not told apart.
const MAX_SERIES: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) kind: ChartKind,
    pub(crate) rows: Leaf,
    /// What a row is called: below its bars, or beside its share of a pie.
    pub(crate) label: Leaf,
    pub(crate) series: Vec<Series>,
    /// Bars of one row stand on each other instead of side by side.
    pub(crate) stacked: bool,
    /// Of the drawing without what is written around it, in millimetres.
    pub(crate) height: f32,
    pub(crate) size: Option<f32>,
    /// What the chart shows, read out before its figures.
    pub(crate) alt: Leaf,
    /// Shown where the list has no items.
    pub(crate) empty: Leaf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChartKind {
    Bar,
    Line,
    Pie,
}

/// One value of each row.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: Leaf,
    pub(crate) value: Leaf,
    pub(crate) colour: Option<Leaf>,
}

impl Chart {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let kind = match object
            .choice(reader, "kind", &["bar", "line", "pie"], "bar")
            .as_str()
        {
            "line" => ChartKind::Line,
            "pie" => ChartKind::Pie,
            _ => ChartKind::Bar,
        };
        let rows = object.required_leaf(reader, "rows");
        let label = reader.for_each(&rows, |reader| object.required_leaf(reader, "label"));
        let series = Series::read_list(reader, object, &rows);
        let most = match kind {
            ChartKind::Bar | ChartKind::Line => MAX_SERIES,
            ChartKind::Pie => 1,
        };
        if series.is_empty() || series.len() > most {
            let message = match kind {
                ChartKind::Bar | ChartKind::Line => format!("has 1 to {most} series"),
                ChartKind::Pie => "a pie has one series".into(),
            };
            let pointer = format!("{}/series", object.pointer);
            reader.problem_with(&pointer, "series", json!({ "most": most }), message);
        }
        let stacked = object.flag(reader, "stacked", false);
        if stacked && kind != ChartKind::Bar {
            let pointer = format!("{}/stacked", object.pointer);
            reader.problem(&pointer, "stacked", "is only possible for bars");
        }
        Self {
            kind,
            rows,
            label,
            series,
            stacked,
            height: object.number(reader, "height", 20.0..=250.0, 60.0),
            size: object.optional_number(reader, "size", 4.0..=100.0),
            alt: object.leaf(reader, "alt"),
            empty: object
                .optional_leaf(reader, "empty")
                .unwrap_or_else(|| Leaf::literal("No items")),
        }
    }
}

impl Series {
    fn read_list(reader: &mut Reader, object: &mut Object<'_>, rows: &Leaf) -> Vec<Self> {
        let list = object.list(reader, "series");
        let several = list.len() > 1;
        let mut found = Vec::new();
        for (json, pointer) in list {
            let Some(mut series) = reader.object(json, &pointer) else {
                continue;
            };
            found.push(Self {
                name: if several {
                    series.required_leaf(reader, "name")
                } else {
                    series.leaf(reader, "name")
                },
                value: reader.for_each(rows, |reader| series.required_leaf(reader, "value")),
                colour: series.optional_leaf(reader, "colour"),
            });
            series.done(reader);
        }
        found
    }
}
