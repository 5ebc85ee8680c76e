//! Fonts of a document, cut to its glyphs. Text extraction maps a glyph to one text; where a glyph stands for another one, the drawing
//! code writes the text beside it (`ActualText`). Every glyph has a text, as ISO 19005-3, 6.2.11.7.2 and ISO 14289-1, 7.21.7 want it.

use std::collections::BTreeMap;

use printpdf::{Codepoint, ParsedFont};
use sha2::{Digest as _, Sha256};
use skrifa::{
    FontRef, GlyphId, MetadataProvider,
    instance::{LocationRef, Size},
    string::StringId,
};
use subsetter::GlyphRemapper;

use super::{Failure, Result, go_on};
use crate::display::{Cluster, Display, Glyphs, Item};

pub(super) struct Face {
    pub(super) parsed: ParsedFont,
    /// Name in the file: a tag made from the subset's bytes, then the font's own name.
    pub(super) name: String,
    glyphs: Vec<Coded>,
    /// By glyph of the font: its place in `glyphs`.
    places: Vec<u16>,
    /// A glyph without width that is never seen, for letters that have no glyph of their own.
    pub(super) carrier: Option<u16>,
}

/// A glyph as the file has it.
pub(super) struct Coded {
    pub(super) code: u16,
    /// In thousandths, as the PDF's `/W` has it.
    pub(super) width: f32,
    pub(super) text: String,
}

impl Face {
    /// A glyph that the document has.
    pub(super) fn glyph(&self, glyph: u16) -> Option<&Coded> {
        let place = self.places.get(usize::from(glyph))?;
        self.glyphs.get(usize::from(*place))
    }

    /// Of all glyphs.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.glyphs.iter().map(|glyph| glyph.text.as_str())
    }

    /// All glyphs as a page shows them, with their texts.
    pub(super) fn codes(&self) -> Vec<Codepoint> {
        let glyphs = self.glyphs.iter();
        glyphs
            .map(|coded| Codepoint::with_cid(coded.code, 0.0, coded.text.clone()))
            .collect()
    }
}

/// The fonts in use by their index in the display list.
pub(super) fn faces(
    display: &Display,
    stopped: &dyn Fn() -> bool,
) -> Result<BTreeMap<usize, Face>, Failure> {
    let mut used: BTreeMap<usize, Used> = BTreeMap::new();
    for placed in display.items() {
        let Item::Glyphs(run) = &placed.item else {
            continue;
        };
        let pictograms = &display.pictograms;
        if pictograms.fonts.contains(&run.font) {
            used.entry(pictograms.silent).or_default().carried = true;
            continue;
        }
        let used = used.entry(run.font).or_default();
        for cluster in &run.clusters {
            used.carried |= run.turned(cluster);
            used.say(run, cluster);
        }
    }
    let mut faces = BTreeMap::new();
    for (index, used) in used {
        let Some(data) = display.fonts.get(index) else {
            continue;
        };
        go_on(stopped)?;
        faces.insert(index, face(data, used)?);
    }
    Ok(faces)
}

/// Glyphs of a font that a document has.
#[derive(Default)]
struct Used {
    /// By glyph: one more than its place in `glyphs`, or 0.
    places: Vec<u16>,
    glyphs: Vec<(u16, Says)>,
    /// Whether letters are to be carried that have no glyph of their own.
    carried: bool,
}

impl Used {
    fn says(&mut self, glyph: u16) -> &mut Says {
        let index = usize::from(glyph);
        if index >= self.places.len() {
            self.places.resize(index + 1, 0);
        }
        let place = &mut self.places[index];
        if *place == 0 {
            self.glyphs.push((glyph, Says::default()));
            *place = u16::try_from(self.glyphs.len()).unwrap_or(u16::MAX);
        }
        &mut self.glyphs[usize::from(*place) - 1].1
    }

    fn say(&mut self, run: &Glyphs, cluster: &Cluster) {
        let first = cluster.first as usize;
        let glyphs = &run.glyphs[first..first + cluster.count as usize];
        if let [only] = glyphs {
            let says = self.says(only.id);
            if says.whole.is_empty() && !cluster.text.contains(is_barred) {
                says.whole.push_str(&cluster.text);
            }
            return;
        }
        let mut letters = cluster.text.chars();
        for glyph in glyphs {
            let letter = letters.next().filter(|letter| !is_barred(*letter));
            let says = self.says(glyph.id);
            says.part = says.part.or(letter);
        }
    }
}

/// Whether letters of a font file can be written into a PDF.
pub(crate) fn can_embed(bytes: &[u8]) -> bool {
    let Ok(font) = FontRef::new(bytes) else {
        return false;
    };
    let mut used = Used::default();
    for (_, glyph) in font.charmap().mappings().take(64) {
        if let Ok(glyph) = u16::try_from(glyph.to_u32()) {
            used.says(glyph).whole = String::from("x");
        }
    }
    let data = parley::FontData::new(bytes.to_vec().into(), 0);
    face(&data, used).is_ok()
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

fn face(data: &parley::FontData, mut used: Used) -> Result<Face> {
    let bytes = data.data.data();
    let font = FontRef::from_index(bytes, data.index).map_err(|error| error.to_string())?;
    let carrier = used.carried.then(|| carrier(&font)).flatten();
    if let Some(glyph) = carrier {
        used.says(glyph).whole = SILENT.to_string();
    }
    let Used {
        mut places,
        mut glyphs,
        ..
    } = used;
    glyphs.sort_unstable_by_key(|(glyph, _)| *glyph);
    let ids: Vec<u16> = glyphs.iter().map(|(glyph, _)| *glyph).collect();
    let remapper = GlyphRemapper::new_from_glyphs_sorted(&ids);
    let subset =
        subsetter::subset(bytes, data.index, &remapper).map_err(|error| format!("{error:?}"))?;
    let parsed = ParsedFont::from_bytes(&subset, 0, &mut Vec::new())
        .ok_or("a font subset cannot be read")?;
    let units = font
        .metrics(Size::unscaled(), LocationRef::default())
        .units_per_em;
    let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
    places.fill(u16::MAX);
    let coded = |(place, (glyph, says)): (u16, (u16, Says))| {
        places[usize::from(glyph)] = place;
        let width = metrics.advance_width(GlyphId::from(glyph)).unwrap_or(0.0);
        Coded {
            code: remapper.get(glyph).unwrap_or(0),
            // Cut off as the PDF writer cuts it, so that both pens agree.
            width: (width * 1000.0 / f32::from(units)).trunc(),
            text: says.text(),
        }
    };
    let glyphs = (0..).zip(glyphs).map(coded).collect();
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
        glyphs,
        places,
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
