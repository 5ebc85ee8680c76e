//! Texts to lines: a text is shaped once, by parley, then broken at the width it gets, and its glyphs are placed with the letters they
//! stand for.

mod breaks;
mod hyphen;
mod measured;
mod place;
mod shape;
mod together;

use std::sync::Arc;

use parley::Language;

use crate::{
    display::{Item, Origin, Rgb, Source, TagId},
    fonts::{Fonts, Shaper},
    template::{Align, Direction},
};

pub(crate) use measured::Measured;
pub(crate) use place::place;
pub(crate) use shape::Shaped;
pub(crate) use together::together;

/// Where a word may be divided; seen only where it is.
const SOFT_HYPHEN: char = '\u{ad}';

/// How a paragraph looks and is set, everything resolved.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one switch of a font or of the setting"
)]
pub(crate) struct Look {
    pub(crate) size: f32,
    /// Name of the family.
    pub(crate) font: Arc<str>,
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) colour: Rgb,
    pub(crate) line_height: f32,
    pub(crate) align: Align,
    /// Lines reach from side to side, all but the last of a paragraph.
    pub(crate) justify: bool,
    pub(crate) tracking: f32,
    /// Digits of equal width, for columns of amounts.
    pub(crate) tabular: bool,
    /// Words are divided by the rules of their language.
    pub(crate) hyphenate: bool,
    pub(crate) language: Language,
    /// `None` is as the document runs.
    pub(crate) direction: Option<Direction>,
    /// Fewest lines that stand at the foot of a page, and at the head of the next one.
    pub(crate) orphans: usize,
    pub(crate) widows: usize,
}

/// Part of a paragraph with its own look, language, link or origin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) bold: Option<bool>,
    pub(crate) italic: Option<bool>,
    pub(crate) underline: bool,
    pub(crate) strike: bool,
    pub(crate) colour: Option<Rgb>,
    pub(crate) language: Option<Language>,
    pub(crate) link: Option<Arc<str>>,
    /// Its own in the structure tree; 0 is the paragraph's.
    pub(crate) tag: TagId,
    pub(crate) origin: Option<Arc<Origin>>,
    pub(crate) source: Option<Source>,
}

impl Span {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

/// One line, its items with places relative to its top left corner.
pub(crate) struct Line {
    pub(crate) height: f32,
    pub(crate) items: Vec<(f32, f32, Item)>,
}

pub(crate) struct Paragraph {
    pub(crate) lines: Vec<Line>,
    /// Letters no font can draw.
    pub(crate) missing: Vec<char>,
    /// A line is wider than it may be.
    pub(crate) overflow: bool,
    /// A line ends within a number, which then reads as two.
    pub(crate) number_cut: bool,
    pub(crate) glyphs: usize,
}

/// What shaping needs from the document.
pub(crate) struct Setting<'a> {
    pub(crate) fonts: &'a Fonts,
    pub(crate) shaper: &'a mut Shaper,
    /// Fonts used so far; an index into it is a font in the display list.
    pub(crate) used: &'a mut Vec<parley::FontData>,
    pub(crate) right_to_left: bool,
}

impl Setting<'_> {
    /// Whether some font here has a letter.
    fn covers(&mut self, letter: char) -> bool {
        self.fonts.cover(self.shaper, letter)
    }
}

/// Digits on both sides of a place, with at most one mark between.
fn within_number(text: &str, place: usize) -> bool {
    let digit = |letter: char| letter.is_ascii_digit();
    let mark = |letter: char| matches!(letter, '.' | ',' | '\u{a0}' | '\u{202f}' | '\'');
    let (before, after) = text.split_at(place);
    before.trim_end_matches(mark).ends_with(digit)
        && after.trim_start_matches(mark).starts_with(digit)
}

/// Letters that steer and are never drawn.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        SOFT_HYPHEN | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{34f}' | '\u{61c}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str, expected: bool) {
        assert_eq!(
            within_number(&format!("{before}{after}"), before.len()),
            expected
        );
    }

    #[test]
    fn numbers_are_known() {
        check("1,", "234", true);
        check("1\u{a0}", "234", true);
        check("12", "34", true);
        check("12 ", "34", false);
        check("a", "1", false);
        check("1.", "", false);
    }
}
