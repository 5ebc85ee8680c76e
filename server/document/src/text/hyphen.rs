//! Where words may be divided, by the rules of their language, and the hyphen that is drawn there.

use std::ops::{Range, RangeInclusive};

use hypher::Lang;
use parley::{Language, Run};
use skrifa::{
    FontRef, GlyphId, MetadataProvider,
    instance::{LocationRef, Size},
};

use super::SOFT_HYPHEN;

/// Letters of the shortest word that is divided, and of the longest: beyond it nothing is a word.
const WORD: RangeInclusive<usize> = 5..=80;

/// The hyphen of a font.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hyphen {
    pub(super) glyph: u16,
    pub(super) width: f32,
}

impl Hyphen {
    /// As the run would draw it; `None` where its font has none or its script uses none.
    pub(super) fn of(run: &Run<'_, u32>) -> Option<Self> {
        if run.is_rtl() {
            return None;
        }
        let data = run.font();
        let font = FontRef::from_index(data.data.data(), data.index).ok()?;
        let charmap = font.charmap();
        let glyph: GlyphId = ['\u{2010}', '-']
            .into_iter()
            .find_map(|letter| charmap.map(letter))?;
        let width = font
            .glyph_metrics(Size::new(run.font_size()), LocationRef::default())
            .advance_width(glyph)?;
        Some(Self {
            glyph: u16::try_from(glyph.to_u32()).ok()?,
            width,
        })
    }
}

/// Where the letters of a divided line end; its soft hyphen may have come from another font.
pub(super) fn place(text: &str, line: &Range<usize>) -> usize {
    let letters = text.get(line.clone()).unwrap_or_default();
    line.start + letters.trim_end_matches(SOFT_HYPHEN).len()
}

/// Whether a hyphen at a place follows a letter of the run.
pub(super) fn follows(run: &Run<'_, u32>, place: usize) -> bool {
    let range = run.text_range();
    range.start < place && place <= range.end
}

/// Bytes from the beginning of a word to each place where it may be divided.
pub(super) fn points(word: &str, language: Language) -> Vec<usize> {
    let lang = <[u8; 2]>::try_from(language.language().as_bytes())
        .ok()
        .and_then(Lang::from_iso);
    let Some(lang) = lang else {
        return Vec::new();
    };
    if !word.chars().all(char::is_alphabetic) || !WORD.contains(&word.chars().count()) {
        return Vec::new();
    }
    let mut end = 0;
    let mut points: Vec<usize> = hypher::hyphenate(word, lang)
        .map(|syllable| {
            end += syllable.len();
            end
        })
        .collect();
    // The last syllable ends with the word.
    points.pop();
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(language: &str, word: &str, expected: &str) {
        let points = points(word, Language::parse(language).expect("a language"));
        let mut divided = word.to_owned();
        for point in points.into_iter().rev() {
            divided.insert(point, '-');
        }
        assert_eq!(divided, expected);
    }

    #[test]
    fn words_are_divided_as_their_language_has_it() {
        check("en", "extensive", "ex-ten-sive");
        check("en-GB", "wonderful", "won-der-ful");
        check("de", "Silbentrennung", "Sil-ben-tren-nung");
        check("de-CH", "Straßenbahn", "Stra-ßen-bahn");
        check("fr", "introduction", "in-tro-duc-tion");
        // Too short, no word, no rules.
        check("en", "over", "over");
        check("en", "A4-Format7", "A4-Format7");
        check("zh", "extensive", "extensive");
        check("de", &"a".repeat(100), &"a".repeat(100));
    }
}
