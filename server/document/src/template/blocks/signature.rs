//! Lines to sign on.

use super::Align;
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
};

#[derive(Clone, Debug)]
pub(crate) struct Signature {
    /// Below the line: as what the person signs.
    pub(crate) label: Leaf,
    /// Above the label: who signs.
    pub(crate) name: Option<Leaf>,
    /// Label of a shorter line before the other one, for place and date.
    pub(crate) date: Option<Leaf>,
    /// Length of the line, in millimetres.
    pub(crate) width: f32,
    /// Room above the line, in millimetres.
    pub(crate) height: f32,
    pub(crate) align: Align,
}

impl Signature {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        Self {
            label: object.required_leaf(reader, "label"),
            name: object.optional_leaf(reader, "name"),
            date: object.optional_leaf(reader, "date"),
            width: object.number(reader, "width", 20.0..=200.0, 70.0),
            height: object.number(reader, "height", 5.0..=60.0, 14.0),
            align: Align::read(reader, object),
        }
    }
}
