//! Pictures: PNG, JPEG and WebP to pixels, with their size looked at before anything is decoded.

use std::{io::Cursor, sync::Arc};

use image::{ImageReader, Limits};

use crate::display::Picture;

/// Longest side in pixels; more is scaled down, no printer shows the difference.
const LONGEST: u32 = 3_000;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PictureError {
    /// Not a picture this program reads, or a broken one.
    Unreadable,
    TooLarge,
}

pub(crate) fn decode(bytes: &[u8], max_pixels: u64) -> Result<Picture, PictureError> {
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
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(PictureError::TooLarge);
    }
    let mut reader = reader()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(max_pixels.saturating_mul(8));
    reader.limits(limits);
    let mut image = reader.decode().map_err(|_| PictureError::Unreadable)?;
    if width.max(height) > LONGEST {
        image = image.thumbnail(LONGEST, LONGEST);
    }
    let rgba = image.into_rgba8();
    Ok(Picture {
        width: rgba.width(),
        height: rgba.height(),
        pixels: Arc::new(rgba.into_raw()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_picture_or_too_large() {
        assert_eq!(
            decode(b"hello", 100).map(|p| p.width),
            Err(PictureError::Unreadable)
        );
        let mut png = Cursor::new(Vec::new());
        image::RgbaImage::new(20, 20)
            .write_to(&mut png, image::ImageFormat::Png)
            .expect("a png");
        assert_eq!(
            decode(png.get_ref(), 399).map(|p| p.width),
            Err(PictureError::TooLarge)
        );
        assert_eq!(decode(png.get_ref(), 400).map(|p| p.width), Ok(20));
    }
}
