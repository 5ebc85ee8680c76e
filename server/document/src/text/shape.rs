//! Shaping: fonts, directions and glyphs by parley, whatever the width of the lines will be.

use std::{borrow::Cow, ops::Range, rc::Rc, sync::Arc};

use parley::{
    BaseDirection, FontFamily, FontFamilyName, FontFeatures, FontStyle, FontWeight, Layout,
    LineHeight, OverflowWrap, TextStyle, WordBreak,
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
    /// May hold other texts, too; they stand before this one and behind it.
    pub(super) layout: Rc<Layout<u32>>,
    pub(super) first_line: usize,
    /// The layout's text, as it is drawn, which part of it this one is, and where the spans are in that.
    pub(super) drawn: Arc<str>,
    pub(super) part: Range<usize>,
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
            layout: Rc::new(layout),
            first_line: 0,
            part: 0..text.len(),
            drawn: text.into(),
            ranges,
            missing,
            divides,
            broken_at: f32::MAX,
            endings: vec![Ending::Paragraph; lines],
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.drawn[self.part.clone()]
    }

    /// A range of the layout's text, in this one.
    pub(super) fn within(&self, range: &Range<usize>) -> Range<usize> {
        let place = |at: usize| at.saturating_sub(self.part.start).min(self.part.len());
        place(range.start)..place(range.end)
    }

    /// A range of this one, in the layout's text.
    pub(super) fn without(&self, range: &Range<usize>) -> Range<usize> {
        self.part.start + range.start..self.part.start + range.end
    }

    /// Whether other texts stand in its layout, so that its lines cannot be broken again.
    pub(super) fn is_shared(&self) -> bool {
        self.part.len() < self.drawn.len()
    }

    /// Whether it can be set at a width without being shaped again.
    pub(crate) fn serves(&self, width: f32) -> bool {
        !self.is_shared() || self.broken_at.to_bits() == self.wanted(width.max(1.0)).to_bits()
    }

    /// For which width its layout has its lines if it gets this one: what fits has the lines that it was shaped with.
    pub(super) fn wanted(&self, width: f32) -> f32 {
        if self.full_width <= width {
            f32::MAX
        } else {
            width
        }
    }

    /// How many lines it takes at a width.
    pub(crate) fn count_lines(&mut self, spans: &[Span], look: &Look, width: f32) -> usize {
        break_lines(self, spans, look, width);
        self.endings.len()
    }

    /// How many letters stand behind so many lines.
    pub(crate) fn letters_behind(&self, lines: usize) -> usize {
        self.text()[self.end(lines)..]
            .chars()
            .filter(|letter| *letter != SOFT_HYPHEN)
            .count()
    }

    /// Where so many lines end.
    fn end(&self, lines: usize) -> usize {
        let last = lines
            .checked_sub(1)
            .and_then(|last| self.layout.get(self.first_line + last))
            .map(|line| self.within(&line.text_range()).end);
        last.unwrap_or(0)
    }

    /// Places at which a text of so many lines may be cut, the last one first: ends of words, never within a number.
    pub(crate) fn cuts(&self, lines: usize) -> Vec<usize> {
        let (start, end) = (self.end(lines.saturating_sub(1)), self.end(lines));
        let text = self.text();
        let rest = &text[start..];
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
        cuts.retain(|cut| *cut > 0 && !within_number(text, *cut));
        cuts.reverse();
        cuts
    }

    /// The spans up to a cut, with dots that tell of it.
    pub(crate) fn cut(&self, spans: &[Span], cut: usize) -> Vec<Span> {
        let drawn = self.text();
        let kept = drawn[..cut].trim_end_matches(leads_on).len();
        let mut found: Vec<Span> = spans
            .iter()
            .zip(&self.ranges)
            .filter(|(_, range)| range.start < kept)
            .map(|(span, range)| {
                let text = &drawn[range.start..range.end.min(kept)];
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
        letter == '\n' || is_invisible(letter) || setting.covers(letter)
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
pub(super) fn undrawn(layout: &Layout<u32>, text: &str) -> Vec<Range<usize>> {
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
    let shaper = &mut *setting.shaper;
    let mut families = |language| shaper.families(&look.font, language, is_plain(text));
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
        .style_run_builder(&mut shaper.fonts, text, 1.0, false);
    builder.set_base_direction(direction(text, look, setting.right_to_left));
    // The first style says how high a line is at least.
    let paragraph = style(look, &families, divides);
    let first = builder.push_style(paragraph.clone());
    for (index, ((span, range), own)) in spans.iter().zip(ranges).zip(&own).enumerate() {
        if range.is_empty() {
            continue;
        }
        let mut style = TextStyle {
            brush: u32::try_from(index).unwrap_or(0),
            ..paragraph.clone()
        };
        if let Some((language, families)) = own {
            style.locale = Some(*language);
            style.font_family = FontFamily::List(Cow::Borrowed(families));
        }
        if let Some(bold) = span.bold {
            style.font_weight = weight(bold);
        }
        if let Some(italic) = span.italic {
            style.font_style = slant(italic);
        }
        let number = if style == paragraph {
            first
        } else {
            builder.push_style(style)
        };
        builder.push_style_run(number, range.clone());
    }
    let mut layout = Layout::default();
    builder.build_into(&mut layout, text);
    layout.break_all_lines(None);
    layout
}

/// A look as parley has it.
pub(super) fn style<'a>(
    look: &Look,
    families: &'a [FontFamilyName<'a>],
    divides: bool,
) -> TextStyle<'a, 'a, u32> {
    TextStyle {
        font_family: FontFamily::List(Cow::Borrowed(families)),
        font_size: look.size,
        font_weight: weight(look.bold),
        font_style: slant(look.italic),
        font_features: if look.tabular {
            FontFeatures::Source(Cow::Borrowed("'tnum'"))
        } else {
            FontFeatures::empty()
        },
        locale: Some(look.language),
        line_height: LineHeight::FontSizeRelative(look.line_height),
        letter_spacing: if look.tracking == 0.0 {
            0.0
        } else {
            look.size * look.tracking / 1000.0
        },
        // Where words are divided, what is longer than a line is torn only after that.
        overflow_wrap: if divides {
            OverflowWrap::Normal
        } else {
            OverflowWrap::Anywhere
        },
        // Korean has blanks between its words; Chinese and Japanese go on wherever their marks allow it, by the strict rules, parley's
        // default.
        word_break: if look.language.language() == "ko" {
            WordBreak::KeepAll
        } else {
            WordBreak::Normal
        },
        ..TextStyle::default()
    }
}

fn weight(bold: bool) -> FontWeight {
    if bold {
        FontWeight::SEMI_BOLD
    } else {
        FontWeight::NORMAL
    }
}

fn slant(italic: bool) -> FontStyle {
    if italic {
        FontStyle::Italic
    } else {
        FontStyle::Normal
    }
}

/// Nothing but the letters of ASCII.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// How a text runs in a document.
pub(super) fn direction(text: &str, look: &Look, right_to_left: bool) -> BaseDirection {
    match look.direction {
        None if right_to_left => BaseDirection::Rtl,
        None | Some(Direction::Auto) => own_direction(text),
        Some(Direction::LeftToRight) => BaseDirection::Ltr,
        Some(Direction::RightToLeft) => BaseDirection::Rtl,
    }
}

/// First strong letter decides, as Unicode's rule P2 says.
fn own_direction(text: &str) -> BaseDirection {
    for letter in text.chars() {
        match unicode_bidi::bidi_class(letter) {
            unicode_bidi::BidiClass::L => return BaseDirection::Ltr,
            unicode_bidi::BidiClass::R | unicode_bidi::BidiClass::AL => return BaseDirection::Rtl,
            _ => {}
        }
    }
    BaseDirection::Ltr
}
