//! Pictures: PNG, JPEG and WebP to what a page shows, with their size looked at before anything is decoded. Photographs stay JPEG, so
//! that a page with one does not weigh tens of megabytes; what a camera wrote beside the picture (place, time) is left out.

use std::{io::Cursor, sync::Arc};

use image::{
    DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits,
    codecs::jpeg::JpegEncoder,
};

use crate::display::{Picture, Pixels};

/// Longest side in pixels; more is scaled down, no printer shows the difference.
const LONGEST: u32 = 3_000;

/// Where a photograph written anew cannot be told from the original.
const JPEG_QUALITY: u8 = 90;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PictureError {
    /// Not a picture this program reads, or a broken one.
    Unreadable,
    /// It has too many pixels.
    TooLarge,
    /// It takes more memory than there is for it.
    NoRoom,
    /// A drawing with too many parts.
    Complex,
    /// The caller's deadline or a stop.
    Stopped,
}

/// What a picture may take while it is decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) pixels: u64,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) picture: Picture,
    /// Of the file.
    pub(crate) pixels: u64,
}

/// Cannot be stopped: how long it takes is bounded by the room.
pub(crate) fn decode(bytes: &[u8], room: Room) -> Result<Decoded, PictureError> {
    let reader = || {
        ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|_| PictureError::Unreadable)
    };
    let (width, height) = reader()?
        .into_dimensions()
        .map_err(|_| PictureError::Unreadable)?;
    if width == 0 || height == 0 {
        return Err(PictureError::Unreadable);
    }
    let pixels_in_file = u64::from(width) * u64::from(height);
    if pixels_in_file > room.pixels {
        return Err(PictureError::TooLarge);
    }
    let mut reader = reader()?;
    let format = reader.format();
    let mut limits = Limits::default();
    limits.max_alloc = Some(room.bytes);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unread)?;
    if decoder.total_bytes() > room.bytes {
        return Err(PictureError::NoRoom);
    }
    // A telephone held upright writes the picture lying, with a note beside it.
    let orientation = decoder.orientation();
    let mut image = DynamicImage::from_decoder(decoder).map_err(unread)?;
    // First, so that only a small one is turned, which takes as much again.
    if width.max(height) > LONGEST {
        image = image.thumbnail(LONGEST, LONGEST);
    }
    if let Ok(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    let (width, height) = (image.width(), image.height());
    let pixels = if format == Some(ImageFormat::Jpeg) {
        photograph(image).ok_or(PictureError::Unreadable)?
    } else {
        Pixels::Rgba(Arc::new(image.into_rgba8().into_raw()))
    };
    let picture = Picture {
        width,
        height,
        pixels,
    };
    Ok(Decoded {
        picture,
        pixels: pixels_in_file,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "as errors are mapped")]
fn unread(error: ImageError) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::NoRoom,
        _ => PictureError::Unreadable,
    }
}

fn photograph(image: DynamicImage) -> Option<Pixels> {
    let gray = !image.color().has_color();
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
    if gray {
        image.into_luma8().write_with_encoder(encoder).ok()?;
    } else {
        image.into_rgb8().write_with_encoder(encoder).ok()?;
    }
    Some(Pixels::Jpeg {
        bytes: Arc::new(bytes),
        gray,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(pixels: u64) -> Room {
        Room {
            pixels,
            bytes: u64::MAX,
        }
    }

    #[test]
    fn refuses_what_is_no_picture_or_too_large() {
        let width = |bytes: &[u8], room: Room| decode(bytes, room).map(|found| found.picture.width);
        assert_eq!(width(b"hello", room(100)), Err(PictureError::Unreadable));
        let mut png = Cursor::new(Vec::new());
        image::RgbaImage::new(20, 20)
            .write_to(&mut png, ImageFormat::Png)
            .expect("a png");
        let png = png.get_ref();
        assert_eq!(width(png, room(399)), Err(PictureError::TooLarge));
        assert_eq!(width(png, room(400)), Ok(20));
        let narrow = Room {
            bytes: 1_599,
            ..room(400)
        };
        assert_eq!(width(png, narrow), Err(PictureError::NoRoom));
    }

    /// A JPEG with an EXIF block that says "turn me by a quarter", as telephones write them.
    fn lying_photograph(width: u32, height: u32) -> Vec<u8> {
        let mut jpeg = Vec::new();
        image::RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([(x * 7).to_le_bytes()[0], (y * 5).to_le_bytes()[0], 90])
        })
        .write_with_encoder(JpegEncoder::new(&mut jpeg))
        .expect("a JPEG");
        let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08".to_vec();
        // One entry: orientation (0x0112), a short, one of it, 6.
        exif.extend(b"\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
        let length = u16::try_from(exif.len() + 2).expect("short").to_be_bytes();
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1];
        bytes.extend(length);
        bytes.extend(&exif);
        bytes.extend(&jpeg[2..]);
        bytes
    }

    #[test]
    fn a_photograph_stands_upright_stays_small_and_tells_nothing_else() {
        let picture = decode(&lying_photograph(600, 400), room(1_000_000)).expect("a picture");
        let picture = picture.picture;
        assert_eq!((picture.width, picture.height), (400, 600));
        let Pixels::Jpeg { bytes, gray: false } = picture.pixels else {
            panic!("a JPEG in colour");
        };
        assert!(bytes.len() < 600 * 400 / 2, "{}", bytes.len());
        assert!(!bytes.windows(4).any(|part| part == b"Exif"));
        let large = decode(&lying_photograph(4_000, 200), room(1_000_000)).expect("a picture");
        assert_eq!(large.pixels, 800_000);
        let large = large.picture;
        assert_eq!((large.width, large.height), (150, 3_000));
    }
}
