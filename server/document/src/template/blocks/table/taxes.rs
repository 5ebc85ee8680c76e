//! The table of an invoice's taxes: a row for each rate with what is taxed, the tax and both together, and why there is none. It is a
//! table like any other, over what the filter `invoice` calls `taxes`, so only its texts and its look are the template's.

use super::{Aggregate, Column, Format, FormatKind, Table, TableLook};
use crate::template::{
    blocks::{Align, ColumnWidth},
    leaf::Leaf,
    read::{Object, Reader},
};

/// Member with the heading, its default, the value, and its format.
const COLUMNS: [(&str, &str, &str, FormatKind); 4] = [
    (
        "rate",
        "VAT",
        "{{ item.rate }}",
        FormatKind::Percent { decimals: None },
    ),
    ("net", "Net", "{{ item.net }}", FormatKind::Amount),
    ("tax", "Tax", "{{ item.tax }}", FormatKind::Amount),
    (
        "gross",
        "Gross",
        "{{ item.net + item.tax }}",
        FormatKind::Amount,
    ),
];

pub(in crate::template::blocks) fn read_taxes(
    reader: &mut Reader,
    object: &mut Object<'_>,
) -> Table {
    let rows = object.required_leaf(reader, "taxes");
    let pointer = format!("{}/headings", object.pointer);
    let mut headings = match object.child("headings") {
        Some(json) => reader.object(json, &pointer).unwrap_or_default(),
        None => Object::default(),
    };
    let mut columns = Vec::with_capacity(COLUMNS.len());
    for (name, default, value, kind) in COLUMNS {
        let is_rate = matches!(kind, FormatKind::Percent { .. });
        let (value, reason) = reader.for_each(&rows, |reader| {
            let mut own = |source: &str| Leaf::made(reader, source, &object.pointer);
            let reason = is_rate.then(|| own("{{ item.reason | default('') }}"));
            (own(value), reason)
        });
        columns.push(Column {
            heading: headings
                .optional_leaf(reader, name)
                .unwrap_or_else(|| Leaf::literal(default)),
            value,
            format: Some(Format::new(kind)),
            total: (!is_rate).then_some(Aggregate::Sum),
            detail: reason,
            width: if is_rate {
                ColumnWidth::Fraction(1.0)
            } else {
                ColumnWidth::Auto
            },
            align: if is_rate { Align::Start } else { Align::End },
            decimal: false,
            bold: false,
            direction: None,
        });
    }
    headings.done(reader);
    Table {
        rows,
        columns,
        group: None,
        total_label: object.optional_leaf(reader, "total_label"),
        totals: Vec::new(),
        look: TableLook::read(reader, object),
        repeat_heading: true,
        split_rows: false,
        keep_first: 1,
        hide_empty: true,
        empty: Leaf::default(),
        size: object.optional_number(reader, "size", 4.0..=100.0),
    }
}
