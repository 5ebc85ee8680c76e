//! What orders the page: rules and space, blocks that keep together, repeat or are shown only sometimes.

use super::{Block, read_inner};
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
};

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) colour: Leaf,
    /// Points.
    pub(crate) thickness: f32,
}

#[derive(Clone, Debug)]
pub(crate) struct Spacer {
    /// Millimetres.
    pub(crate) height: f32,
}

#[derive(Clone, Debug)]
pub(crate) struct KeepTogether {
    pub(crate) blocks: Vec<Block>,
}

#[derive(Clone, Debug)]
pub(crate) struct Repeat {
    pub(crate) list: Leaf,
    pub(crate) blocks: Vec<Block>,
    /// Shown where the list has no items.
    pub(crate) empty: Option<Leaf>,
}

#[derive(Clone, Debug)]
pub(crate) struct If {
    pub(crate) when: Leaf,
    pub(crate) then: Vec<Block>,
    pub(crate) otherwise: Vec<Block>,
}

impl Rule {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        Self {
            colour: object
                .optional_leaf(reader, "colour")
                .unwrap_or_else(|| Leaf::literal("line")),
            thickness: object.number(reader, "thickness", 0.1..=20.0, 0.6),
        }
    }
}

impl Spacer {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        Self {
            height: object.number(reader, "height", 0.0..=400.0, 5.0),
        }
    }
}

impl KeepTogether {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>, depth: usize) -> Self {
        Self {
            blocks: read_inner(reader, object, "blocks", depth),
        }
    }
}

impl Repeat {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>, depth: usize) -> Self {
        let list = object.required_leaf(reader, "list");
        let blocks = reader.for_each(&list, |reader| read_inner(reader, object, "blocks", depth));
        Self {
            list,
            blocks,
            empty: object.optional_leaf(reader, "empty"),
        }
    }
}

impl If {
    /// `when` is the block's common member, which this kind keeps for itself.
    pub(super) fn read(
        reader: &mut Reader,
        object: &mut Object<'_>,
        when: Option<&Leaf>,
        depth: usize,
    ) -> Self {
        if when.is_none() {
            let pointer = format!("{}/when", object.pointer);
            reader.missing(&pointer);
        }
        Self {
            when: when.cloned().unwrap_or_default(),
            then: read_inner(reader, object, "blocks", depth),
            otherwise: read_inner(reader, object, "otherwise", depth),
        }
    }
}
