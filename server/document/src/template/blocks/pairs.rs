//! Labels with values: lists of facts and totals.

use super::Align;
use crate::template::{
    format::Format,
    leaf::Leaf,
    read::{Object, Reader},
};

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
    pub(crate) format: Option<Format>,
    pub(crate) strong: bool,
    pub(crate) when: Option<Leaf>,
}

#[derive(Clone, Debug)]
pub(crate) struct Totals {
    pub(crate) lines: Vec<TotalLine>,
    /// Millimetres.
    pub(crate) width: f32,
    pub(crate) size: Option<f32>,
}

#[derive(Clone, Debug)]
pub(crate) struct TotalLine {
    pub(crate) label: Leaf,
    pub(crate) value: Leaf,
    pub(crate) format: Option<Format>,
    pub(crate) strong: bool,
    /// One line for each item of a list.
    pub(crate) each: Option<Leaf>,
    pub(crate) when: Option<Leaf>,
}

impl KeyValue {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let mut pairs = Vec::new();
        for (json, pointer) in object.list(reader, "items") {
            let Some(mut pair) = reader.object(json, &pointer) else {
                continue;
            };
            let value = pair.leaf(reader, "value");
            pairs.push(Pair {
                label: pair.leaf(reader, "label"),
                format: Format::read(reader, &mut pair, &value),
                value,
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
        Self {
            pairs,
            columns,
            label_width: object.optional_number(reader, "label_width", 5.0..=150.0),
            align: Align::read(reader, object),
            size: object.optional_number(reader, "size", 4.0..=100.0),
        }
    }
}

impl Totals {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let mut lines = Vec::new();
        for (json, pointer) in object.list(reader, "lines") {
            let Some(mut line) = reader.object(json, &pointer) else {
                continue;
            };
            let each = line.optional_leaf(reader, "each");
            let mut texts = |reader: &mut Reader| {
                let label = line.leaf(reader, "label");
                let value = line.leaf(reader, "value");
                (label, value, line.optional_leaf(reader, "when"))
            };
            let (label, value, when) = match &each {
                Some(list) => reader.for_each(list, texts),
                None => texts(reader),
            };
            lines.push(TotalLine {
                label,
                format: Format::read(reader, &mut line, &value),
                value,
                strong: line.flag(reader, "strong", false),
                each,
                when,
            });
            line.done(reader);
        }
        Self {
            lines,
            width: object.number(reader, "width", 20.0..=400.0, 75.0),
            size: object.optional_number(reader, "size", 4.0..=100.0),
        }
    }
}
