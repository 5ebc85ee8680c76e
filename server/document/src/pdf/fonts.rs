//! Fonts of a document, cut to its glyphs. Text extraction maps a glyph to one text; where a glyph stands for another one, the drawing
//! code writes the text beside it (`ActualText`). Every glyph has a text, as ISO 19005-3, 6.2.11.7.2 and ISO 14289-1, 7.21.7 want it.

use std::collections::{BTreeMap, BTreeSet};

use printpdf::{Codepoint, ParsedFont};
use sha2::{Digest as _, Sha256};
use skrifa::{
    FontRef, GlyphId, MetadataProvider,
    instance::{LocationRef, Size},
    string::StringId,
};
use subsetter::GlyphRemapper;

use super::{Failure, Result, go_on};
use crate::display::{Display, Item};

pub(super) struct Face {
    pub(super) parsed: ParsedFont,
    /// Name in the file: a tag made from the subset's bytes, then the font's own name.
    pub(super) name: String,
    remapper: GlyphRemapper,
    /// By original glyph: text and width in thousandths, as the PDF's `/W` has it.
    glyphs: BTreeMap<u16, (String, f32)>,
    /// A glyph without width that is never seen, for letters that have no glyph of their own.
    pub(super) carrier: Option<u16>,
}

impl Face {
    pub(super) fn text(&self, glyph: u16) -> &str {
        self.glyphs.get(&glyph).map_or("", |(text, _)| text)
    }

    /// Of all glyphs.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.glyphs.values().map(|(text, _)| text.as_str())
    }

    /// All glyphs as a page shows them, with their texts.
    pub(super) fn codes(&self) -> Vec<Codepoint> {
        let glyphs = self.glyphs.iter();
        glyphs
            .map(|(glyph, (text, _))| Codepoint::with_cid(self.cid(*glyph).0, 0.0, text.clone()))
            .collect()
    }

    /// Glyph in the subset and its width.
    pub(super) fn cid(&self, glyph: u16) -> (u16, f32) {
        (
            self.remapper.get(glyph).unwrap_or(0),
            self.glyphs.get(&glyph).map_or(0.0, |(_, width)| *width),
        )
    }
}

/// The fonts in use by their index in the display list.
pub(super) fn faces(
    display: &Display,
    stopped: &dyn Fn() -> bool,
) -> Result<BTreeMap<usize, Face>, Failure> {
    let mut used: BTreeMap<usize, BTreeMap<u16, Says>> = BTreeMap::new();
    let mut carried: BTreeSet<usize> = BTreeSet::new();
    for placed in display.items() {
        let Item::Glyphs(run) = &placed.item else {
            continue;
        };
        let pictograms = &display.pictograms;
        if pictograms.fonts.contains(&run.font) {
            used.entry(pictograms.silent).or_default();
            carried.insert(pictograms.silent);
            continue;
        }
        let glyphs = used.entry(run.font).or_default();
        for cluster in &run.clusters {
            if run.turned(cluster) {
                carried.insert(run.font);
            }
            let mut letters = cluster.text.chars();
            for index in cluster.first..cluster.first + cluster.count {
                let says = glyphs.entry(run.glyphs[index as usize].id).or_default();
                let letter = letters.next().filter(|letter| !is_barred(*letter));
                if cluster.count > 1 {
                    says.part = says.part.or(letter);
                } else if says.whole.is_empty() && !cluster.text.contains(is_barred) {
                    says.whole.push_str(&cluster.text);
                }
            }
        }
    }
    let mut faces = BTreeMap::new();
    for (index, glyphs) in used {
        let Some(data) = display.fonts.get(index) else {
            continue;
        };
        go_on(stopped)?;
        let glyphs = glyphs
            .into_iter()
            .map(|(glyph, says)| (glyph, says.text()))
            .collect();
        faces.insert(index, face(data, glyphs, carried.contains(&index))?);
    }
    Ok(faces)
}

/// Whether letters of a font file can be written into a PDF.
pub(crate) fn can_embed(bytes: &[u8]) -> bool {
    let Ok(font) = FontRef::new(bytes) else {
        return false;
    };
    let glyphs = font.charmap().mappings().take(64);
    let used = glyphs
        .filter_map(|(_, glyph)| Some((u16::try_from(glyph.to_u32()).ok()?, "x".to_owned())))
        .collect();
    let data = parley::FontData::new(bytes.to_vec().into(), 0);
    face(&data, used, false).is_ok()
}

/// What a glyph stands for.
#[derive(Default)]
struct Says {
    /// The text of a cluster that is this glyph alone.
    whole: String,
    /// Its letter in a cluster of several glyphs, for readers that know no `ActualText`.
    part: Option<char>,
}

impl Says {
    fn text(self) -> String {
        if self.whole.is_empty() {
            self.part.unwrap_or(JOINED).to_string()
        } else {
            self.whole
        }
    }
}

/// Letters that no glyph may say.
fn is_barred(letter: char) -> bool {
    matches!(letter, '\0' | '\u{feff}' | '\u{fffe}')
}

fn face(data: &parley::FontData, mut used: BTreeMap<u16, String>, carried: bool) -> Result<Face> {
    let bytes = data.data.data();
    let font = FontRef::from_index(bytes, data.index).map_err(|error| error.to_string())?;
    let carrier = carried.then(|| carrier(&font)).flatten();
    if let Some(glyph) = carrier {
        used.insert(glyph, SILENT.to_string());
    }
    let remapper = GlyphRemapper::new_from_glyphs_sorted(&used.keys().copied().collect::<Vec<_>>());
    let subset =
        subsetter::subset(bytes, data.index, &remapper).map_err(|error| format!("{error:?}"))?;
    let parsed = ParsedFont::from_bytes(&subset, 0, &mut Vec::new())
        .ok_or("a font subset cannot be read")?;
    let units = font
        .metrics(Size::unscaled(), LocationRef::default())
        .units_per_em;
    let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
    let glyphs = used
        .into_iter()
        .map(|(glyph, text)| {
            let width = metrics.advance_width(GlyphId::from(glyph)).unwrap_or(0.0);
            // Cut off as the PDF writer cuts it, so that both pens agree.
            let width = (width * 1000.0 / f32::from(units)).trunc();
            (glyph, (text, width))
        })
        .collect();
    let own: String = font
        .localized_strings(StringId::POSTSCRIPT_NAME)
        .english_or_first()
        .map(|name| {
            name.chars()
                .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
                .collect()
        })
        .unwrap_or_default();
    let own = if own.is_empty() {
        "Font".to_owned()
    } else {
        own
    };
    let tag: String = Sha256::digest(&subset)
        .iter()
        .take(6)
        .map(|byte| char::from(b'A' + byte % 26))
        .collect();
    Ok(Face {
        parsed,
        name: format!("{tag}+{own}"),
        remapper,
        glyphs,
        carrier,
    })
}

/// What a glyph says that belongs to the letter of another one: nothing.
const JOINED: char = '\u{2060}';

/// What a carrier says to readers that know no `ActualText`: nothing, in a letter that they count as right-to-left.
const SILENT: char = '\u{200f}';

/// The joiner, or what else has no width; some fonts draw a picture of it.
fn carrier(font: &FontRef<'_>) -> Option<u16> {
    let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
    ['\u{200d}', '\u{200c}', '\u{200b}']
        .into_iter()
        .filter_map(|letter| font.charmap().map(letter))
        .find(|glyph| metrics.advance_width(*glyph) == Some(0.0))
        .and_then(|glyph| u16::try_from(glyph.to_u32()).ok())
}
