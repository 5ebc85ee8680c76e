//! What a font file holds, and whether a document may be set in it.

use std::sync::Arc;

use parley::fontique::Blob;
use skrifa::{
    FontRef, MetadataProvider,
    instance::{LocationRef, Size},
    metrics::Metrics,
    raw::{FileRef, TableProvider as _, types::Tag},
    string::StringId,
};

use super::BUNDLED_FAMILIES;
use crate::pdf;

/// The bytes of a font file, in memory or mapped from the disk.
pub type FontBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Font files of the machine beyond the bundled ones.
pub trait FontFiles: Send + Sync {
    /// Files whose letters stand in for those that the bundled fonts lack (CJK, emoji), most wanted first. Asked once at most, when a
    /// text first needs one.
    fn fallbacks(&self) -> Vec<FontBytes>;

    /// Files with the faces of a family, by its name whatever the case of its letters.
    fn family(&self, name: &str) -> Vec<FontBytes>;

    /// Names of all families.
    fn families(&self) -> Vec<String>;
}

impl FontFiles for Vec<FontBytes> {
    fn fallbacks(&self) -> Vec<FontBytes> {
        self.clone()
    }

    fn family(&self, name: &str) -> Vec<FontBytes> {
        let has = |bytes: &&FontBytes| {
            let families = font_families((***bytes).as_ref());
            families.iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        self.iter().filter(has).cloned().collect()
    }

    fn families(&self) -> Vec<String> {
        self.iter()
            .flat_map(|bytes| font_families((**bytes).as_ref()))
            .collect()
    }
}

/// One face, as its file tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FontFace {
    /// What a template names it by.
    pub family: String,
    /// 1 to 1000; 400 is regular, 700 bold.
    pub weight: u16,
    pub italic: bool,
}

/// Why a file is no font for documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FontError {
    #[error("the file is compressed for the web (WOFF); convert it to TTF or OTF")]
    Web,
    #[error("the file holds several fonts (TTC); extract the one that you need")]
    Collection,
    #[error("the file is not a TTF or OTF font that can be read")]
    Unreadable,
    #[error("the font has no name, no letters or no outlines")]
    Incomplete,
    #[error("the font is variable; use a file for each of its styles")]
    Variable,
    #[error("the font has colours of its own; use its plain version")]
    Coloured,
    #[error("the font may not be embedded in documents, as its maker says in it")]
    Restricted,
    #[error("a font of this name is built in; nothing needs to be uploaded")]
    Bundled,
}

impl FontError {
    /// Stable slug.
    pub fn code(self) -> &'static str {
        match self {
            Self::Web => "font_web",
            Self::Collection => "font_collection",
            Self::Unreadable => "font_unreadable",
            Self::Incomplete => "font_incomplete",
            Self::Variable => "font_variable",
            Self::Coloured => "font_coloured",
            Self::Restricted => "font_restricted",
            Self::Bundled => "font_bundled",
        }
    }
}

impl FontFace {
    /// Reads a file that somebody wants documents set in: one font, with outlines, that may be embedded and cut to the letters in use
    /// (`fsType` of the OpenType specification, table OS/2).
    pub fn read(bytes: &[u8]) -> Result<Self, FontError> {
        if bytes.starts_with(b"wOF") {
            return Err(FontError::Web);
        }
        let font = match FileRef::new(bytes) {
            Ok(FileRef::Font(font)) => font,
            Ok(FileRef::Collection(_)) => return Err(FontError::Collection),
            Err(_) => return Err(FontError::Unreadable),
        };
        let os2 = font.os2().map_err(|_| FontError::Incomplete)?;
        let family = family(&font).ok_or(FontError::Incomplete)?;
        if !has_outlines(&font) || !can_be_set(&font) {
            return Err(FontError::Incomplete);
        }
        if is_variable(&font) {
            return Err(FontError::Variable);
        }
        if has_layers(&font) || has_pictures(&font) {
            return Err(FontError::Coloured);
        }
        if !may_be_embedded(os2.fs_type()) {
            return Err(FontError::Restricted);
        }
        if !pdf::can_embed(bytes) {
            return Err(FontError::Unreadable);
        }
        if BUNDLED_FAMILIES
            .iter()
            .any(|own| own.eq_ignore_ascii_case(&family))
        {
            return Err(FontError::Bundled);
        }
        Ok(Self {
            family,
            weight: os2.us_weight_class().clamp(1, 1000),
            // ITALIC and OBLIQUE of `fsSelection`.
            italic: os2.fs_selection().bits() & 0x201 != 0,
        })
    }
}

/// Families of the faces in a file; none where it is no font.
pub fn font_families(bytes: &[u8]) -> Vec<String> {
    let Ok(file) = FileRef::new(bytes) else {
        return Vec::new();
    };
    let mut families: Vec<String> = Vec::new();
    for font in file.fonts().flatten() {
        if let Some(family) = family(&font)
            && !families.contains(&family)
        {
            families.push(family);
        }
    }
    families
}

/// Whether letters of the file can be drawn: as outlines or as pictures, and of one style only. A PDF holds no variable fonts.
pub(super) fn is_drawable(blob: &Blob<u8>) -> bool {
    let Ok(file) = FileRef::new(blob.data()) else {
        return false;
    };
    let first = file.fonts().next();
    first.is_some_and(|font| {
        font.is_ok_and(|font| !is_variable(&font) && (has_outlines(&font) || has_pictures(&font)))
    })
}

pub(crate) fn has_outlines(font: &FontRef<'_>) -> bool {
    has_table(font, *b"glyf") || has_table(font, *b"CFF ")
}

/// Pictures in PNG, one for each glyph.
pub(crate) fn has_pictures(font: &FontRef<'_>) -> bool {
    has_table(font, *b"CBDT") || has_table(font, *b"sbix")
}

/// Outlines in coloured layers (COLR), beneath which there is often nothing.
pub(crate) fn has_layers(font: &FontRef<'_>) -> bool {
    has_table(font, *b"COLR") && !has_pictures(font)
}

fn has_table(font: &FontRef<'_>, tag: [u8; 4]) -> bool {
    font.data_for_tag(Tag::new(&tag)).is_some()
}

fn is_variable(font: &FontRef<'_>) -> bool {
    has_table(font, *b"fvar")
}

/// As the text engine finds it, so that both mean the same family.
fn family(font: &FontRef<'_>) -> Option<String> {
    [StringId::TYPOGRAPHIC_FAMILY_NAME, StringId::FAMILY_NAME]
        .into_iter()
        .find_map(|id| font.localized_strings(id).english_or_first())
        .map(|name| name.chars().collect::<String>())
        .filter(|name| {
            let length = name.chars().count();
            (1..=100).contains(&length) && !name.chars().any(char::is_control)
        })
}

/// Letters, and sizes that lines can be made of.
fn can_be_set(font: &FontRef<'_>) -> bool {
    let Metrics {
        units_per_em,
        ascent,
        descent,
        ..
    } = font.metrics(Size::unscaled(), LocationRef::default());
    let em = f32::from(units_per_em);
    let tall = |size: f32| size.is_finite() && size.abs() <= em * 4.0;
    (16..=16_384).contains(&units_per_em)
        && tall(ascent)
        && tall(descent)
        && ascent - descent > 0.0
        && font.charmap().mappings().next().is_some()
}

/// Installable, print and preview, or editable; not restricted, and neither "no subsetting" nor "bitmaps only".
fn may_be_embedded(fs_type: u16) -> bool {
    let usage = fs_type & 0xf;
    (usage == 0 || usage & 0xc != 0) && fs_type & 0x300 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTER: &[u8] = include_bytes!("../../fonts/Inter-Regular.ttf");

    /// The font under another name of the same length, with another `fsType`.
    fn altered(fs_type: u16) -> Vec<u8> {
        let mut bytes = INTER.to_vec();
        let names: [[&[u8]; 2]; 2] = [
            [b"Inter", b"Outer"],
            [b"\0I\0n\0t\0e\0r", b"\0O\0u\0t\0e\0r"],
        ];
        for [from, to] in names {
            let mut at = 0;
            while let Some(found) = bytes[at..]
                .windows(from.len())
                .position(|part| part == from)
            {
                bytes[at + found..at + found + from.len()].copy_from_slice(to);
                at += found + from.len();
            }
        }
        let offset = {
            let font = FontRef::new(&bytes).expect("a font");
            let records = font.table_directory().table_records();
            let os2 = records
                .iter()
                .find(|record| record.tag() == Tag::new(b"OS/2"));
            os2.expect("a table").offset() as usize
        };
        bytes[offset + 8..offset + 10].copy_from_slice(&fs_type.to_be_bytes());
        bytes
    }

    #[test]
    fn a_font_is_taken_if_documents_may_hold_it() {
        let face = FontFace::read(&altered(0)).expect("a font");
        assert_eq!(
            (face.family.as_str(), face.weight, face.italic),
            ("Outer", 400, false)
        );
        assert!(FontFace::read(&altered(0x4)).is_ok(), "print and preview");
        assert!(FontFace::read(&altered(0x8)).is_ok(), "editable");
        for refused in [0x2, 0x100, 0x104, 0x200] {
            assert_eq!(
                FontFace::read(&altered(refused)),
                Err(FontError::Restricted),
                "{refused:x}"
            );
        }
    }

    #[test]
    fn what_is_no_font_for_documents_is_refused() {
        let check = |bytes: &[u8], expected| assert_eq!(FontFace::read(bytes), Err(expected));
        check(INTER, FontError::Bundled);
        check(b"wOF2\0\x01\0\0", FontError::Web);
        check(b"ttcf\0\x01\0\0\0\0\0\0", FontError::Collection);
        check(b"%PDF-1.7", FontError::Unreadable);
        check(b"", FontError::Unreadable);
        // Cut off at any place it is never read beyond its end.
        let font = altered(0);
        for length in (0..font.len()).step_by(4_999) {
            let _ = FontFace::read(&font[..length]);
        }
    }
}
