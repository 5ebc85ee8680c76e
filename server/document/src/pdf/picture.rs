//! Pictures as objects of the file. A photograph stays the JPEG that it is; pixels are compressed row by row, so that a large picture is
//! in memory only once, and what does not shine through has no mask.

use printpdf::{DictItem, ExternalStream, ExternalXObject, Px, XObject};

use super::{Result, deflate::Deflate};
use crate::display::{Picture, Pixels};

/// `None` for a drawing, which is a part of its pages.
pub(super) fn object(picture: &Picture, deflate: &mut Deflate) -> Result<Option<XObject>> {
    let stream = match &picture.pixels {
        Pixels::Drawing(_) => return Ok(None),
        Pixels::Jpeg { bytes, gray } => {
            let space = if *gray { "DeviceGray" } else { "DeviceRGB" };
            stream(picture, space, "DCTDecode", bytes.to_vec())
        }
        Pixels::Rgba(pixels) => {
            let colours = plane(picture, pixels, deflate, |pixel| &pixel[..3])?;
            let mut stream = stream(picture, "DeviceRGB", "FlateDecode", colours);
            if pixels.chunks_exact(4).any(|pixel| pixel[3] < 255) {
                let mask = plane(picture, pixels, deflate, |pixel| &pixel[3..])?;
                let mask = self::stream(picture, "DeviceGray", "FlateDecode", mask);
                let mask = DictItem::Stream { stream: mask };
                stream.dict.insert("SMask".into(), mask);
            }
            stream
        }
    };
    Ok(Some(XObject::External(ExternalXObject {
        stream,
        width: Some(Px(picture.width as usize)),
        height: Some(Px(picture.height as usize)),
        dpi: Some(72.0),
    })))
}

/// One byte a pixel for each of its colours.
fn stream(picture: &Picture, space: &str, filter: &str, content: Vec<u8>) -> ExternalStream {
    let name = |text: &str| DictItem::Name(text.as_bytes().to_vec());
    let entries = [
        ("Type", name("XObject")),
        ("Subtype", name("Image")),
        ("Width", DictItem::Int(picture.width.into())),
        ("Height", DictItem::Int(picture.height.into())),
        ("ColorSpace", name(space)),
        ("BitsPerComponent", DictItem::Int(8)),
        ("Filter", name(filter)),
    ];
    ExternalStream {
        dict: entries
            .into_iter()
            .map(|(key, item)| (key.into(), item))
            .collect(),
        content,
        compress: false,
    }
}

/// A part of each pixel, compressed.
fn plane(
    picture: &Picture,
    pixels: &[u8],
    deflate: &mut Deflate,
    part: impl Fn(&[u8]) -> &[u8],
) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    let mut row = Vec::new();
    for line in pixels.chunks(4 * picture.width.max(1) as usize) {
        row.clear();
        for pixel in line.chunks_exact(4) {
            row.extend_from_slice(part(pixel));
        }
        deflate.add(&row, &mut packed)?;
    }
    deflate.end(&mut packed)?;
    Ok(packed)
}
