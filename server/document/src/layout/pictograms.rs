//! Letters that are pictures, such as emoji: a PDF knows no fonts of them, so each glyph in use becomes a picture of the document.

use std::collections::{BTreeMap, BTreeSet};

use parley::FontData;
use skrifa::{
    FontRef, GlyphId, MetadataProvider,
    bitmap::{BitmapData, BitmapStrikes, Origin},
    instance::{LocationRef, Size},
};

use super::{Layouter, layers, limit};
use crate::{
    context::{DocumentError, LimitKind},
    display::{Item, Pictogram, Pixels, Placed},
    fonts::{has_layers, has_outlines, has_pictures},
    picture::{Decoded, PictureError, Room, decode},
};

/// A picture reaches no further from its letter, in ems.
const FARTHEST: f32 = 4.0;

impl Layouter<'_> {
    /// Takes the pictures of all such letters from their fonts.
    pub(crate) fn take_pictograms<'a>(
        &mut self,
        drawn: impl Iterator<Item = &'a Placed>,
    ) -> Result<(), DocumentError> {
        let fonts: BTreeSet<usize> = (0..self.used.len())
            .filter(|font| is_pictorial(&self.used[*font]))
            .collect();
        if fonts.is_empty() {
            return Ok(());
        }
        let mut undrawn = Vec::new();
        for ((font, glyph), (text, times)) in glyphs(drawn, &fonts) {
            self.check_stop()?;
            match pictogram(&self.used[font], glyph, self.picture_room()) {
                Ok((Decoded { picture, pixels }, place)) => {
                    self.pixels += pixels;
                    if let Pixels::Drawing(shapes) = &picture.pixels {
                        // As many as are written.
                        let segments = shapes.iter().map(|shape| shape.segments.len());
                        self.count_glyphs(segments.sum::<usize>() * times)?;
                    }
                    self.spend_picture(&picture)?;
                    self.pictures.push(picture);
                    let image = self.pictures.len() - 1;
                    let drawn = Pictogram { image, ..place };
                    self.pictograms.glyphs.insert((font, glyph), drawn);
                }
                Err(PictureError::TooLarge) => {
                    return Err(limit(LimitKind::Pixels, self.limits.max_pixels));
                }
                Err(PictureError::NoRoom) => return Err(self.no_room()),
                Err(PictureError::Stopped) => return Err(DocumentError::Stopped),
                Err(PictureError::Unreadable | PictureError::Complex) => {
                    undrawn.extend(text.chars());
                }
            }
        }
        self.tell_missing(&undrawn, 0);
        let silent = self.fonts.silent();
        let known = self
            .used
            .iter()
            .position(|known| known.data.id() == silent.data.id() && known.index == silent.index);
        self.pictograms.silent = known.unwrap_or_else(|| {
            self.used.push(silent);
            self.used.len() - 1
        });
        self.pictograms.fonts = fonts;
        Ok(())
    }
}

fn is_pictorial(data: &FontData) -> bool {
    FontRef::from_index(data.data.data(), data.index)
        .is_ok_and(|font| has_layers(&font) || (has_pictures(&font) && !has_outlines(&font)))
}

/// Each glyph of some fonts, with what it stands for and how often it is there.
fn glyphs<'a>(
    drawn: impl Iterator<Item = &'a Placed>,
    fonts: &BTreeSet<usize>,
) -> BTreeMap<(usize, u16), (&'a str, usize)> {
    let mut found = BTreeMap::new();
    for placed in drawn {
        let Item::Glyphs(run) = &placed.item else {
            continue;
        };
        if !fonts.contains(&run.font) {
            continue;
        }
        for cluster in &run.clusters {
            for index in cluster.first..cluster.first + cluster.count {
                let glyph = run.glyphs[index as usize].id;
                let known = found
                    .entry((run.font, glyph))
                    .or_insert((&*cluster.text, 0));
                known.1 += 1;
            }
        }
    }
    found
}

/// The largest picture that the font has of a glyph, and where it stands.
fn pictogram(
    data: &FontData,
    glyph: u16,
    room: Room,
) -> Result<(Decoded, Pictogram), PictureError> {
    let font =
        FontRef::from_index(data.data.data(), data.index).map_err(|_| PictureError::Unreadable)?;
    if has_layers(&font) {
        let (picture, place) =
            layers::drawing(&font, GlyphId::from(glyph)).ok_or(PictureError::Unreadable)?;
        return Ok((Decoded { picture, pixels: 0 }, place));
    }
    let found = BitmapStrikes::new(&font)
        .glyph_for_size(Size::unscaled(), GlyphId::from(glyph))
        .ok_or(PictureError::Unreadable)?;
    let BitmapData::Png(bytes) = found.data else {
        return Err(PictureError::Unreadable);
    };
    let units = font
        .metrics(Size::unscaled(), LocationRef::default())
        .units_per_em;
    let units = f32::from(units.max(1));
    let (ppem_x, ppem_y) = (found.ppem_x.max(1.0), found.ppem_y.max(1.0));
    let (width, height) = (found.width as f32 / ppem_x, found.height as f32 / ppem_y);
    let left = found.bearing_x / units + found.inner_bearing_x / ppem_x;
    // Upwards, of the side that the font tells of.
    let side = found.bearing_y / units + found.inner_bearing_y / ppem_y;
    let top = match found.placement_origin {
        Origin::TopLeft => -side,
        Origin::BottomLeft => -side - height,
    };
    if [left, top, width, height]
        .iter()
        .any(|length| !length.is_finite() || length.abs() > FARTHEST)
    {
        return Err(PictureError::Unreadable);
    }
    let place = Pictogram {
        image: 0,
        left,
        top,
        width,
        height,
    };
    Ok((decode(bytes, room)?, place))
}
