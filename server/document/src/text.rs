//! Texts to lines: shaping, bidi, line breaking and font fallback by parley, then glyphs with the letters they stand for.

use std::{borrow::Cow, ops::Range, sync::Arc};

use parley::{
    Alignment, AlignmentOptions, BaseDirection, BreakReason, FontFamily, FontFeatures, FontStyle,
    FontWeight, Layout, LineHeight, OverflowWrap, PositionedLayoutItem, StyleProperty,
};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::{
    display::{Cluster, Glyph, Glyphs, Item, Rgb, TagId},
    fonts::{Fonts, Shaper},
    template::Align,
};

/// How a paragraph looks, everything resolved.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one switch of a font"
)]
pub(crate) struct Look {
    pub(crate) size: f32,
    pub(crate) serif: bool,
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) colour: Rgb,
    pub(crate) line_height: f32,
    pub(crate) align: Align,
    pub(crate) tracking: f32,
    /// Digits of equal width, for columns of amounts.
    pub(crate) tabular: bool,
}

/// Part of a paragraph with its own look, link or origin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) bold: Option<bool>,
    pub(crate) italic: Option<bool>,
    pub(crate) colour: Option<Rgb>,
    pub(crate) link: Option<Arc<str>>,
    pub(crate) link_tag: TagId,
    pub(crate) origin: Option<Arc<str>>,
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
    /// Width of the widest line.
    pub(crate) width: f32,
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
    pub(crate) locale: &'a str,
    pub(crate) right_to_left: bool,
}

/// Drawn in place of what no font here can draw.
const REPLACEMENT: char = '\u{fffd}';

pub(crate) fn set(
    setting: &mut Setting<'_>,
    spans: &[Span],
    look: &Look,
    width: f32,
    tag: TagId,
    mark: u32,
) -> Paragraph {
    let mut paragraph = Paragraph {
        lines: Vec::new(),
        width: 0.0,
        missing: Vec::new(),
        overflow: false,
        number_cut: false,
        glyphs: 0,
    };
    let mut text = String::new();
    let mut ranges = Vec::with_capacity(spans.len());
    for span in spans {
        let start = text.len();
        push_drawable(setting, &span.text, &mut text, &mut paragraph.missing);
        ranges.push(start..text.len());
    }
    if text.is_empty() {
        return paragraph;
    }
    let mut layout = shape(setting, &text, spans, &ranges, look, width);
    // Each letter has a font, but not every cluster has one that draws it whole, such as a mark on a foreign base.
    let undrawn = undrawn(&layout, &text);
    if !undrawn.is_empty() {
        (text, ranges) = replaced(&text, &ranges, &undrawn, &mut paragraph.missing);
        layout = shape(setting, &text, spans, &ranges, look, width);
    }
    for line in layout.lines() {
        let metrics = line.metrics();
        let top = metrics.block_min_coord;
        let mut items = Vec::new();
        for item in line.items() {
            let PositionedLayoutItem::GlyphRun(run) = item else {
                continue;
            };
            let span = &spans[usize::try_from(run.style().brush)
                .unwrap_or(0)
                .min(spans.len() - 1)];
            let glyphs = collect(setting.used, &run, &text, top, span, look, tag);
            paragraph.glyphs += glyphs.glyphs.len();
            let (x, width) = (run.offset(), run.advance());
            if let Some(origin) = &span.origin {
                items.push((
                    x,
                    0.0,
                    Item::Value {
                        width,
                        height: metrics.line_height,
                        mark,
                        origin: origin.clone(),
                    },
                ));
            }
            if !glyphs.glyphs.is_empty() {
                items.push((0.0, 0.0, Item::Glyphs(Arc::new(glyphs))));
            }
            if let Some(url) = &span.link {
                items.push((
                    x,
                    0.0,
                    Item::Link {
                        width,
                        height: metrics.line_height,
                        url: url.clone(),
                        tag: span.link_tag,
                    },
                ));
            }
        }
        if line.break_reason() == BreakReason::Emergency {
            paragraph.number_cut |= within_number(&text, line.text_range().end);
        }
        let used = metrics.advance - metrics.hanging_advance;
        paragraph.width = paragraph.width.max(used);
        paragraph.overflow |= used > width + 0.5;
        paragraph.lines.push(Line {
            height: metrics.line_height,
            items,
        });
    }
    paragraph
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

/// Width of the text on one line.
pub(crate) fn natural_width(setting: &mut Setting<'_>, spans: &[Span], look: &Look) -> f32 {
    set(setting, spans, look, 1.0e6, 0, 0).width
}

fn shape(
    setting: &mut Setting<'_>,
    text: &str,
    spans: &[Span],
    ranges: &[Range<usize>],
    look: &Look,
    width: f32,
) -> Layout<u32> {
    let families = setting.shaper.families(look.serif, setting.locale);
    let shaper = &mut *setting.shaper;
    let mut builder = shaper
        .layouts
        .ranged_builder(&mut shaper.fonts, text, 1.0, false);
    builder.set_base_direction(if setting.right_to_left {
        BaseDirection::Rtl
    } else {
        direction(text)
    });
    builder.push_default(FontFamily::List(Cow::Borrowed(&families)));
    builder.push_default(StyleProperty::FontSize(look.size));
    builder.push_default(StyleProperty::Brush(0));
    builder.push_default(LineHeight::FontSizeRelative(look.line_height));
    builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
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
    for (index, (span, range)) in spans.iter().zip(ranges).enumerate() {
        if range.is_empty() {
            continue;
        }
        builder.push(
            StyleProperty::Brush(u32::try_from(index).unwrap_or(0)),
            range.clone(),
        );
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
    layout.break_all_lines(Some(width.max(1.0)));
    // Alignment by the document's direction, not the paragraph's: an Arabic cell in a German invoice stays in its column.
    let alignment = match (look.align, setting.right_to_left) {
        (Align::Center, _) => Alignment::Center,
        (Align::Start, false) | (Align::End, true) => Alignment::Left,
        (Align::Start, true) | (Align::End, false) => Alignment::Right,
    };
    layout.align(alignment, AlignmentOptions::default());
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

fn collect(
    used: &mut Vec<parley::FontData>,
    run: &parley::GlyphRun<'_, u32>,
    text: &str,
    top: f32,
    span: &Span,
    look: &Look,
    tag: TagId,
) -> Glyphs {
    let font = run.run().font();
    let index = used
        .iter()
        .position(|known| known.data.id() == font.data.id() && known.index == font.index)
        .unwrap_or_else(|| {
            used.push(font.clone());
            used.len() - 1
        });
    // Clusters in logical order; one without glyphs belongs to the ligature before it.
    let mut clusters: Vec<(usize, String)> = Vec::new();
    let mut start = usize::MAX;
    for cluster in run.run().clusters() {
        if cluster.style_index() != run.style_index() {
            continue;
        }
        start = start.min(cluster.text_range().start);
        let count = cluster.glyphs().count();
        let letters = text.get(cluster.text_range()).unwrap_or_default();
        match clusters.last_mut() {
            Some((_, before)) if count == 0 => before.push_str(letters),
            _ => clusters.push((count, letters.to_owned())),
        }
    }
    if run.run().is_rtl() {
        clusters.reverse();
    }
    let mut found = Glyphs {
        font: index,
        size: run.run().font_size(),
        colour: span.colour.unwrap_or(look.colour),
        tag: if span.link.is_some() {
            span.link_tag
        } else {
            tag
        },
        extent: (run.offset(), run.offset() + run.advance()),
        start,
        right_to_left: run.run().is_rtl(),
        glyphs: Vec::new(),
        clusters: Vec::new(),
    };
    let mut positioned = run.positioned_glyphs();
    for (count, letters) in clusters {
        let first = found.glyphs.len();
        for glyph in positioned.by_ref().take(count) {
            let id = u16::try_from(glyph.id).unwrap_or(0);
            let invisible = letters
                .chars()
                .all(|letter| letter == '\n' || is_invisible(letter));
            if id != 0 && !invisible {
                found.glyphs.push(Glyph {
                    id,
                    x: glyph.x,
                    y: glyph.y - top,
                });
            }
        }
        let count = found.glyphs.len() - first;
        if count > 0 {
            found.clusters.push(Cluster {
                first: u32::try_from(first).unwrap_or(0),
                count: u32::try_from(count).unwrap_or(0),
                text: letters.into(),
            });
        }
    }
    found
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
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{34f}' | '\u{61c}'
    )
}
