//! Pictures.

use std::sync::Arc;

use base64::Engine as _;

use super::Align;
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
};

#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) source: ImageSource,
    /// Millimetres at most; the picture keeps its proportions.
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) align: Align,
    /// For those who do not see the picture; blank only where it is decoration.
    pub(crate) alt: Leaf,
    pub(crate) decorative: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum ImageSource {
    /// An expression that gives a file.
    File(Leaf),
    Embedded(Arc<Vec<u8>>),
    /// The address of a picture on the web.
    Web(Leaf),
}

impl Image {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let file = object.optional_leaf(reader, "source");
        let pointer = format!("{}/data", object.pointer);
        let web = object.optional_leaf(reader, "url");
        let embedded = object.child("data").and_then(|json| {
            let bytes = json
                .as_str()
                .filter(|text| text.len() <= 2_000_000)
                .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
            if bytes.is_none() {
                reader.problem(
                    &pointer,
                    "image_data",
                    "must be base64 of a PNG, JPEG, WebP or SVG of at most 1.5 MB",
                );
            }
            bytes
        });
        let source = match (file, embedded, web) {
            (Some(leaf), None, None) => ImageSource::File(leaf),
            (None, Some(bytes), None) => ImageSource::Embedded(bytes.into()),
            (None, None, Some(leaf)) => ImageSource::Web(leaf),
            (file, ..) => {
                reader.problem(
                    &object.pointer,
                    "image_source",
                    "needs one of `source`, `data` and `url`",
                );
                ImageSource::File(file.unwrap_or_default())
            }
        };
        let alt = object.leaf(reader, "alt");
        let decorative = object.flag(reader, "decorative", false);
        if decorative && !alt.is_blank() {
            reader.problem(
                &object.pointer,
                "image_alt",
                "has `alt` and is `decorative`: only one of them is possible",
            );
        }
        Self {
            source,
            width: object.number(reader, "width", 1.0..=400.0, 40.0),
            height: object.number(reader, "height", 1.0..=400.0, 40.0),
            align: Align::read(reader, object),
            alt,
            decorative,
        }
    }
}
