//! Shaping: fonts, directions and glyphs by parley, whatever the width of the lines will be.

use std::{borrow::Cow, ops::Range};

use parley::{
    BaseDirection, FontFamily, FontFeatures, FontStyle, FontWeight, Layout, LineHeight,
    OverflowWrap, StyleProperty, WordBreak,
};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    Look, SOFT_HYPHEN, Setting, Span,
    breaks::{Ending, break_lines},
    is_invisible, within_number,
};
use crate::template::Direction;

/// Drawn in place of what no font here can draw.
const REPLACEMENT: char = '\u{fffd}';

/// A text with its glyphs, which can be broken into lines again and again.
#[derive(Clone)]
pub(crate) struct Shaped {
    pub(super) layout: Layout<u32>,
    /// As it is drawn, and where the spans are in it.
    pub(super) text: String,
    pub(super) ranges: Vec<Range<usize>>,
    /// Letters no font can draw.
    pub(crate) missing: Vec<char>,
    /// Of the widest line where only the text's own line breaks count, without the blanks at its end and with them.
    pub(crate) width: f32,
    pub(super) full_width: f32,
    /// Words may be divided, by their language or where the text says so.
    pub(super) divides: bool,
    /// For which width the layout has lines now, and how they end.
    pub(super) broken_at: f32,
    pub(super) endings: Vec<Ending>,
}

impl Shaped {
    pub(crate) fn new(setting: &mut Setting<'_>, spans: &[Span], look: &Look) -> Self {
        let mut text = String::new();
        let mut missing = Vec::new();
        let mut ranges = Vec::with_capacity(spans.len());
        for span in spans {
            let start = text.len();
            push_drawable(setting, &span.text, &mut text, &mut missing);
            ranges.push(start..text.len());
        }
        let divides = look.hyphenate || text.contains(SOFT_HYPHEN);
        let mut layout = Layout::default();
        if !text.is_empty() {
            layout = shape(setting, &text, spans, &ranges, look, divides);
            // Each letter has a font, but not every cluster has one that draws it whole, such as a mark on a foreign base.
            let undrawn = undrawn(&layout, &text);
            if !undrawn.is_empty() {
                (text, ranges) = replaced(&text, &ranges, &undrawn, &mut missing);
                layout = shape(setting, &text, spans, &ranges, look, divides);
            }
        }
        let lines = layout.len();
        Self {
            width: layout.width(),
            full_width: layout.full_width(),
            layout,
            text,
            ranges,
            missing,
            divides,
            broken_at: f32::MAX,
            endings: vec![Ending::Paragraph; lines],
        }
    }

    /// How many lines it takes at a width.
    pub(crate) fn count_lines(&mut self, spans: &[Span], look: &Look, width: f32) -> usize {
        break_lines(self, spans, look, width);
        self.endings.len()
    }

    /// How many letters stand behind so many lines.
    pub(crate) fn letters_behind(&self, lines: usize) -> usize {
        self.text[self.end(lines)..]
            .chars()
            .filter(|letter| *letter != SOFT_HYPHEN)
            .count()
    }

    /// Where so many lines end.
    fn end(&self, lines: usize) -> usize {
        let last = lines
            .checked_sub(1)
            .and_then(|last| self.layout.get(last))
            .map(|line| line.text_range().end);
        last.unwrap_or(0)
    }

    /// Places at which a text of so many lines may be cut, the last one first: ends of words, never within a number.
    pub(crate) fn cuts(&self, lines: usize) -> Vec<usize> {
        let (start, end) = (self.end(lines.saturating_sub(1)), self.end(lines));
        let rest = &self.text[start..];
        let mut cuts: Vec<usize> = rest
            .split_word_bound_indices()
            .map(|(at, word)| start + at + word.len())
            .take_while(|cut| *cut <= end)
            .collect();
        if cuts.is_empty() {
            // One word is longer than the line.
            let letters = rest.grapheme_indices(true);
            cuts.extend(
                letters
                    .map(|(at, letter)| start + at + letter.len())
                    .take_while(|cut| *cut <= end),
            );
        }
        cuts.insert(0, start);
        cuts.retain(|cut| *cut > 0 && !within_number(&self.text, *cut));
        cuts.reverse();
        cuts
    }

    /// The spans up to a cut, with dots that tell of it.
    pub(crate) fn cut(&self, spans: &[Span], cut: usize) -> Vec<Span> {
        let kept = self.text[..cut].trim_end_matches(leads_on).len();
        let mut found: Vec<Span> = spans
            .iter()
            .zip(&self.ranges)
            .filter(|(_, range)| range.start < kept)
            .map(|(span, range)| {
                let text = &self.text[range.start..range.end.min(kept)];
                let source = span.source.as_ref();
                Span {
                    text: text.to_owned(),
                    source: source.map(|source| source.part(&(0..text.len()))),
                    ..span.clone()
                }
            })
            .collect();
        match found.last_mut() {
            Some(last) => last.text.push('…'),
            None => found.push(Span::plain("…")),
        }
        found
    }
}

/// What nothing ends with before dots.
fn leads_on(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            SOFT_HYPHEN
                | '.'
                | ','
                | ';'
                | ':'
                | '-'
                | '–'
                | '—'
                | '('
                | '['
                | '、'
                | '。'
                | '，'
                | '；'
                | '：'
                | '（'
        )
}

/// Appends a text, with one replacement for each cluster that holds a letter no font has.
fn push_drawable(
    setting: &mut Setting<'_>,
    text: &str,
    drawable: &mut String,
    missing: &mut Vec<char>,
) {
    let known = |setting: &mut Setting<'_>, letter: char| {
        letter == '\n' || is_invisible(letter) || setting.fonts.cover(setting.shaper, letter)
    };
    if text.chars().all(|letter| known(setting, letter)) {
        drawable.push_str(text);
        return;
    }
    for cluster in text.graphemes(true) {
        let unknown: Vec<char> = cluster
            .chars()
            .filter(|letter| !known(setting, *letter))
            .collect();
        if unknown.is_empty() {
            drawable.push_str(cluster);
        } else {
            drawable.push(REPLACEMENT);
            note(missing, unknown);
        }
    }
}

/// Byte ranges of the clusters that came out as a font's "no such glyph".
fn undrawn(layout: &Layout<u32>, text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for run in layout.lines().flat_map(|line| line.runs()) {
        for cluster in run.clusters() {
            let range = cluster.text_range();
            let letters = text.get(range.clone()).unwrap_or_default();
            let invisible = letters
                .chars()
                .all(|letter| letter == '\n' || is_invisible(letter));
            if !invisible && letters != "\u{fffd}" && cluster.glyphs().any(|glyph| glyph.id == 0) {
                found.push(range);
            }
        }
    }
    found.sort_by_key(|range| range.start);
    found
}

/// The text with a replacement for each of `undrawn`, and where the spans are then.
fn replaced(
    text: &str,
    spans: &[Range<usize>],
    undrawn: &[Range<usize>],
    missing: &mut Vec<char>,
) -> (String, Vec<Range<usize>>) {
    let mut drawable = String::with_capacity(text.len());
    let mut ranges = Vec::with_capacity(spans.len());
    for span in spans {
        let start = drawable.len();
        let mut at = span.start;
        for hole in undrawn
            .iter()
            .filter(|hole| span.contains(&hole.start) && hole.start >= span.start)
        {
            if hole.start < at {
                continue;
            }
            drawable.push_str(text.get(at..hole.start).unwrap_or_default());
            drawable.push(REPLACEMENT);
            at = hole.end.min(span.end);
            note(missing, text[hole.clone()].chars());
        }
        drawable.push_str(text.get(at..span.end).unwrap_or_default());
        ranges.push(start..drawable.len());
    }
    (drawable, ranges)
}

fn note(missing: &mut Vec<char>, letters: impl IntoIterator<Item = char>) {
    for letter in letters {
        if !missing.contains(&letter) && !is_invisible(letter) {
            missing.push(letter);
        }
    }
}

/// The layout with one line a paragraph, however wide.
fn shape(
    setting: &mut Setting<'_>,
    text: &str,
    spans: &[Span],
    ranges: &[Range<usize>],
    look: &Look,
    divides: bool,
) -> Layout<u32> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let shaper = &mut *setting.shaper;
    let mut families = |language| shaper.families(&look.font, language, is_plain);
    let own: Vec<_> = spans
        .iter()
        .map(|span| {
            let language = span.language?;
            Some((language, families(language)))
        })
        .collect();
    let families = families(look.language);
    let mut builder = shaper
        .layouts
        .ranged_builder(&mut shaper.fonts, text, 1.0, false);
    builder.set_base_direction(match look.direction {
        None if setting.right_to_left => BaseDirection::Rtl,
        None | Some(Direction::Auto) => direction(text),
        Some(Direction::LeftToRight) => BaseDirection::Ltr,
        Some(Direction::RightToLeft) => BaseDirection::Rtl,
    });
    builder.push_default(FontFamily::List(Cow::Borrowed(&families)));
    builder.push_default(StyleProperty::FontSize(look.size));
    builder.push_default(StyleProperty::Brush(0));
    builder.push_default(StyleProperty::Locale(Some(look.language)));
    builder.push_default(LineHeight::FontSizeRelative(look.line_height));
    // Where words are divided, what is longer than a line is torn only after that.
    builder.push_default(StyleProperty::OverflowWrap(if divides {
        OverflowWrap::Normal
    } else {
        OverflowWrap::Anywhere
    }));
    // Korean has blanks between its words; Chinese and Japanese go on wherever their marks allow it, by the strict rules, parley's default.
    if look.language.language() == "ko" {
        builder.push_default(StyleProperty::WordBreak(WordBreak::KeepAll));
    }
    if look.tracking != 0.0 {
        builder.push_default(StyleProperty::LetterSpacing(
            look.size * look.tracking / 1000.0,
        ));
    }
    if look.tabular {
        builder.push_default(StyleProperty::FontFeatures(FontFeatures::Source(
            Cow::Borrowed("'tnum'"),
        )));
    }
    if look.bold {
        builder.push_default(StyleProperty::FontWeight(FontWeight::SEMI_BOLD));
    }
    if look.italic {
        builder.push_default(StyleProperty::FontStyle(FontStyle::Italic));
    }
    for (index, ((span, range), own)) in spans.iter().zip(ranges).zip(&own).enumerate() {
        if range.is_empty() {
            continue;
        }
        builder.push(
            StyleProperty::Brush(u32::try_from(index).unwrap_or(0)),
            range.clone(),
        );
        if let Some((language, families)) = own {
            builder.push(StyleProperty::Locale(Some(*language)), range.clone());
            let families = FontFamily::List(Cow::Borrowed(families));
            builder.push(StyleProperty::FontFamily(families), range.clone());
        }
        if let Some(bold) = span.bold {
            let weight = if bold {
                FontWeight::SEMI_BOLD
            } else {
                FontWeight::NORMAL
            };
            builder.push(StyleProperty::FontWeight(weight), range.clone());
        }
        if let Some(italic) = span.italic {
            let style = if italic {
                FontStyle::Italic
            } else {
                FontStyle::Normal
            };
            builder.push(StyleProperty::FontStyle(style), range.clone());
        }
    }
    let mut layout = builder.build(text);
    layout.break_all_lines(None);
    layout
}

/// First strong letter decides, as Unicode's rule P2 says.
fn direction(text: &str) -> BaseDirection {
    for letter in text.chars() {
        match unicode_bidi::bidi_class(letter) {
            unicode_bidi::BidiClass::L => return BaseDirection::Ltr,
            unicode_bidi::BidiClass::R | unicode_bidi::BidiClass::AL => return BaseDirection::Rtl,
            _ => {}
        }
    }
    BaseDirection::Ltr
}
