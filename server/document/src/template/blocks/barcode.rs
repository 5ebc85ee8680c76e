//! Barcodes.

use super::Align;
use crate::{
    barcode::Symbology,
    template::{
        leaf::Leaf,
        read::{Object, Reader},
    },
};

#[derive(Clone, Debug)]
pub(crate) struct Barcode {
    pub(crate) symbology: Symbology,
    pub(crate) content: Leaf,
    /// Width of the narrowest bar, in millimetres.
    pub(crate) module: f32,
    /// Of the bars, in millimetres.
    pub(crate) height: f32,
    /// The content is written below the bars, too.
    pub(crate) text: bool,
    pub(crate) align: Align,
    pub(crate) alt: Leaf,
}

impl Barcode {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let symbology = match object
            .choice(reader, "symbology", &["code128", "ean13"], "code128")
            .as_str()
        {
            "ean13" => Symbology::Ean13,
            _ => Symbology::Code128,
        };
        Self {
            symbology,
            content: object.required_leaf(reader, "content"),
            module: object.number(reader, "module", symbology.least_module()..=1.0, 0.33),
            height: object.number(reader, "height", 5.0..=100.0, 15.0),
            text: object.flag(reader, "text", true),
            align: Align::read(reader, object),
            alt: object.leaf(reader, "alt"),
        }
    }
}
