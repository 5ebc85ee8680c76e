//! Lines of glyphs: aligned or spread over their width, with their hyphens, and with what readers take from them.

use std::{ops::Range, sync::Arc};

use parley::{GlyphRun, LineMetrics, PositionedLayoutItem};

use super::{
    Line, Look, Paragraph, SOFT_HYPHEN, Setting, Span,
    breaks::{Ending, break_lines},
    hyphen::{self, Hyphen},
    is_invisible,
    shape::Shaped,
    within_number,
};
use crate::{
    display::{Cluster, Glyph, Glyphs, Item, Letters, ReadAs, Source, TagId},
    template::{Align, Direction},
};

/// Shares of the size of letters: how far below their baseline a line under them is, how far above it one through them, and how thick.
const UNDERLINE: f32 = 0.12;
const STRIKE: f32 = 0.28;
const THICKNESS: f32 = 0.06;

/// Glyphs of one font and span while their line is put together.
struct Part {
    x: f32,
    width: f32,
    /// Of the blanks that hang over at the end of the line.
    hanging: f32,
    baseline: f32,
    span: usize,
    glyphs: Glyphs,
    /// Where each cluster begins in the text.
    starts: Vec<usize>,
}

/// Breaks the text at a width and places its glyphs.
pub(crate) fn place(
    setting: &mut Setting<'_>,
    shaped: &mut Shaped,
    spans: &[Span],
    look: &Look,
    width: f32,
    (tag, mark): (TagId, u32),
) -> Paragraph {
    break_lines(shaped, spans, look, width);
    let mut paragraph = Paragraph {
        lines: Vec::with_capacity(shaped.endings.len()),
        missing: shaped.missing.clone(),
        overflow: false,
        number_cut: false,
        glyphs: 0,
    };
    let text = shaped.text();
    // Where a word that went on from a line before is said to its end.
    let mut said = 0;
    for (number, ending) in shaped.endings.iter().enumerate() {
        let Some(line) = shaped.layout.get(shaped.first_line + number) else {
            break;
        };
        let metrics = *line.metrics();
        let range = shaped.within(&line.text_range());
        // Lines that share a layout are equally high: each stands as it would in one of its own.
        let level = shaped
            .layout
            .get(number)
            .map_or(metrics, |line| *line.metrics());
        let mut parts: Vec<Part> = glyph_runs(&line)
            .map(|run| collect(setting.used, &run, shaped, &level, (spans, look, tag)))
            .collect();
        let mut used = metrics.advance - metrics.hanging_advance;
        if *ending == Ending::Divided {
            used += draw_hyphen(&mut parts, &line, hyphen::place(text, &range));
        }
        // Parley puts the blanks at the end of a line that runs from right to left before it.
        let blanks = if shaped.layout.is_rtl() {
            metrics.hanging_advance
        } else {
            if let Some(last) = parts.last_mut() {
                last.hanging = metrics.hanging_advance.min(last.width);
            }
            0.0
        };
        let free = width - used;
        let spread = look.justify && *ending != Ending::Paragraph && free > 0.0;
        let gaps = if spread {
            gaps(&parts, range.start + text[range.clone()].trim_end().len())
        } else {
            Vec::new()
        };
        let count = gaps.iter().filter(|gap| **gap).count();
        if count > 0 {
            shift(&mut parts, -blanks, &gaps, free / count as f32);
        } else {
            let start = start(setting, shaped, look, free);
            shift(&mut parts, start - blanks, &[], 0.0);
        }
        said = read_whole(&mut parts, text, &range, *ending, said);
        paragraph.number_cut |= *ending == Ending::Torn && within_number(text, range.end);
        paragraph.overflow |= used > width + 0.5;
        paragraph.glyphs += parts
            .iter()
            .map(|part| part.glyphs.glyphs.len())
            .sum::<usize>();
        paragraph.lines.push(Line {
            height: metrics.line_height,
            items: items(parts, (spans, &shaped.ranges), metrics.line_height, mark),
        });
    }
    paragraph
}

fn glyph_runs<'a>(line: &parley::Line<'a, u32>) -> impl Iterator<Item = GlyphRun<'a, u32>> {
    line.items().filter_map(|item| match item {
        PositionedLayoutItem::GlyphRun(run) => Some(run),
        PositionedLayoutItem::InlineBox(_) => None,
    })
}

/// Where a line with so much room left begins.
fn start(setting: &Setting<'_>, shaped: &Shaped, look: &Look, free: f32) -> f32 {
    let is_rtl = shaped.layout.is_rtl();
    if free <= 0.0 {
        return if is_rtl { free } else { 0.0 };
    }
    // By the document's direction, not the paragraph's: an Arabic cell in a German invoice stays in its column.
    let from_right = match look.direction {
        None => setting.right_to_left,
        Some(Direction::Auto) => is_rtl,
        Some(Direction::LeftToRight) => false,
        Some(Direction::RightToLeft) => true,
    };
    match (look.align, from_right) {
        (Align::Center, _) => free / 2.0,
        (Align::Start, false) | (Align::End, true) => 0.0,
        (Align::Start, true) | (Align::End, false) => free,
    }
}

fn collect(
    used: &mut Vec<parley::FontData>,
    run: &GlyphRun<'_, u32>,
    shaped: &Shaped,
    level: &LineMetrics,
    (spans, look, tag): (&[Span], &Look, TagId),
) -> Part {
    let font = run.run().font();
    let index = used
        .iter()
        .position(|known| known.data.id() == font.data.id() && known.index == font.index)
        .unwrap_or_else(|| {
            used.push(font.clone());
            used.len() - 1
        });
    let number = usize::try_from(run.style().brush)
        .unwrap_or(0)
        .min(spans.len() - 1);
    let span = &spans[number];
    let text = shaped.text();
    let (baseline, top) = (level.baseline, level.block_min_coord);
    // Clusters in logical order; one without glyphs belongs to the ligature before it.
    let mut clusters: Vec<(Range<usize>, usize)> = Vec::with_capacity(run.run().text_range().len());
    for cluster in run.run().clusters() {
        if cluster.style_index() != run.style_index() {
            continue;
        }
        let count = cluster.glyphs().count();
        let range = shaped.within(&cluster.text_range());
        match clusters.last_mut() {
            Some((before, _)) if count == 0 => before.end = range.end,
            _ => clusters.push((range, count)),
        }
    }
    let start = clusters
        .first()
        .map_or(usize::MAX, |(range, _)| range.start);
    if run.run().is_rtl() {
        clusters.reverse();
    }
    let mut part = Part {
        x: run.offset(),
        width: run.advance(),
        hanging: 0.0,
        baseline: baseline - top,
        span: number,
        glyphs: Glyphs {
            font: index,
            size: run.run().font_size(),
            colour: span.colour.unwrap_or(look.colour),
            tag: if span.tag == 0 { tag } else { span.tag },
            extent: (0.0, 0.0),
            start,
            right_to_left: run.run().is_rtl(),
            glyphs: Vec::with_capacity(clusters.len()),
            clusters: Vec::with_capacity(clusters.len()),
            read_as: Vec::new(),
            height: 0.0,
            mark: 0,
            source: None,
            origin: None,
        },
        starts: Vec::with_capacity(clusters.len()),
    };
    let mut x = run.offset();
    let mut drawn = run.glyphs();
    for (range, count) in clusters {
        let letters = text.get(range.clone()).unwrap_or_default();
        let invisible = letters
            .chars()
            .all(|letter| letter == '\n' || is_invisible(letter));
        let first = part.glyphs.glyphs.len();
        for glyph in drawn.by_ref().take(count) {
            let id = u16::try_from(glyph.id).unwrap_or(0);
            if id != 0 && !invisible {
                part.glyphs.glyphs.push(Glyph {
                    id,
                    x: glyph.x + x,
                    y: glyph.y + baseline - top,
                });
            }
            x += glyph.advance;
        }
        let said = if letters.contains(SOFT_HYPHEN) {
            letters.replace(SOFT_HYPHEN, "").as_str().into()
        } else {
            Letters::new(&shaped.drawn, &shaped.without(&range))
        };
        part.group(range.start, first, said);
    }
    part
}

impl Part {
    /// Makes a cluster of the glyphs from `first` on, if there are any.
    fn group(&mut self, start: usize, first: usize, text: Letters) {
        let count = self.glyphs.glyphs.len() - first;
        if count > 0 {
            self.starts.push(start);
            self.glyphs.clusters.push(Cluster {
                first: u32::try_from(first).unwrap_or(0),
                count: u32::try_from(count).unwrap_or(0),
                text,
            });
        }
    }
}

/// Draws the hyphen of a divided word behind the line's last letter and gives its width.
fn draw_hyphen(parts: &mut [Part], line: &parley::Line<'_, u32>, place: usize) -> f32 {
    let last = glyph_runs(line)
        .enumerate()
        .filter(|(_, run)| hyphen::follows(run.run(), place))
        .last();
    let Some((index, run)) = last else {
        return 0.0;
    };
    let Some(hyphen) = Hyphen::of(run.run()) else {
        return 0.0;
    };
    let part = &mut parts[index];
    let start = part.starts.last().copied().unwrap_or(place);
    let first = part.glyphs.glyphs.len();
    part.glyphs.glyphs.push(Glyph {
        id: hyphen.glyph,
        x: part.x + part.width,
        y: run.baseline() - line.metrics().block_min_coord,
    });
    part.group(start, first, SOFT_HYPHEN.to_string().as_str().into());
    part.width += hyphen.width;
    shift(&mut parts[index + 1..], hyphen.width, &[], 0.0);
    hyphen.width
}

/// Moves the parts of a line, each one also by the gaps that are added behind clusters before it.
fn shift(parts: &mut [Part], start: f32, gaps: &[bool], gap: f32) {
    let mut shift = start;
    let mut gaps = gaps.iter();
    for part in parts {
        part.x += shift;
        let before = shift;
        let Glyphs {
            clusters, glyphs, ..
        } = &mut part.glyphs;
        for cluster in clusters.iter() {
            let first = cluster.first as usize;
            for glyph in &mut glyphs[first..first + cluster.count as usize] {
                glyph.x += shift;
            }
            if gaps.next() == Some(&true) {
                shift += gap;
            }
        }
        part.width += shift - before;
    }
}

/// Whether a line that is spread gets wider behind each of its clusters: at blanks, and between Chinese and Japanese letters. What stands
/// from `end` on are the blanks that hang over.
fn gaps(parts: &[Part], end: usize) -> Vec<bool> {
    let clusters: Vec<(usize, &str)> = parts
        .iter()
        .flat_map(|part| {
            let texts = part.glyphs.clusters.iter().map(|cluster| &*cluster.text);
            part.starts.iter().copied().zip(texts)
        })
        .collect();
    let is_blank = |text: &str| matches!(text, " " | "\u{a0}");
    let mut gaps: Vec<bool> = clusters
        .windows(2)
        .map(|pair| {
            let [(start, text), (next, following)] = [pair[0], pair[1]];
            let close = text.chars().next_back().is_some_and(is_east_asian)
                || following.chars().next().is_some_and(is_east_asian);
            start < end && next < end && (is_blank(text) || (close && !is_blank(following)))
        })
        .collect();
    gaps.push(false);
    gaps
}

/// Letters and marks that stand side by side without blanks between words.
fn is_east_asian(letter: char) -> bool {
    matches!(
        letter,
        '\u{2e80}'..='\u{312f}'
            | '\u{3190}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe4f}'
            | '\u{ff00}'..='\u{ffef}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

/// Has a divided word read as a whole where it begins, and as nothing where it goes on (ISO 32000-1, 14.9.4). Gives how far the text is
/// said with this line.
fn read_whole(
    parts: &mut [Part],
    text: &str,
    line: &Range<usize>,
    ending: Ending,
    said: usize,
) -> usize {
    if said > line.start {
        read_as(parts, &(line.start..said), "");
    }
    if ending != Ending::Divided || said >= line.end {
        return said;
    }
    let word = word_at(text, line.end);
    let start = word.start.max(line.start);
    let whole = text[start..word.end].replace(SOFT_HYPHEN, "");
    read_as(parts, &(start..line.end), &whole);
    word.end
}

/// The word around a place within it, with the marks that stand at it.
fn word_at(text: &str, place: usize) -> Range<usize> {
    let belongs = |letter: char| !letter.is_whitespace() && !is_east_asian(letter);
    let (before, after) = text.split_at(place);
    let start = before.trim_end_matches(belongs).len();
    let end = place + after.len() - after.trim_start_matches(belongs).len();
    start..end
}

fn read_as(parts: &mut [Part], range: &Range<usize>, text: &str) {
    let mut text: Arc<str> = text.into();
    for part in parts {
        let inside = |start: &usize| range.contains(start);
        let first = part.starts.iter().position(inside);
        let last = part.starts.iter().rposition(inside);
        if let (Some(first), Some(last)) = (first, last) {
            let end = last + 1;
            part.glyphs.read_as.push(ReadAs {
                clusters: first..end,
                text: std::mem::replace(&mut text, "".into()),
            });
        }
    }
}

/// Which piece of the template a part shows; `range` is where its span is in the paragraph.
fn source_of(part: &Part, span: &Span, range: &Range<usize>) -> Option<Source> {
    let source = span.source.as_ref()?;
    if !source.is_literal {
        return Some(source.clone());
    }
    let texts = part.starts.iter().zip(&part.glyphs.clusters);
    let drawn = texts.filter(|(_, cluster)| !cluster.text.contains(SOFT_HYPHEN));
    let (first, last) = drawn.fold((usize::MAX, 0), |(first, last), (start, cluster)| {
        (first.min(*start), last.max(start + cluster.text.len()))
    });
    let inside = |at: usize| at.saturating_sub(range.start);
    let found = source.part(&(inside(first)..inside(last)));
    (!found.bytes.is_empty()).then_some(found)
}

fn items(
    parts: Vec<Part>,
    (spans, ranges): (&[Span], &[Range<usize>]),
    height: f32,
    mark: u32,
) -> Vec<(f32, f32, Item)> {
    let mut items = Vec::new();
    for part in parts {
        let source = source_of(&part, &spans[part.span], &ranges[part.span]);
        let Part {
            x,
            width,
            hanging,
            baseline,
            span,
            mut glyphs,
            ..
        } = part;
        let span = &spans[span];
        let (size, colour) = (glyphs.size, glyphs.colour);
        if !glyphs.glyphs.is_empty() {
            glyphs.extent = (x, x + width);
            glyphs.height = height;
            glyphs.mark = mark;
            glyphs.source = source;
            glyphs.origin.clone_from(&span.origin);
            items.push((0.0, 0.0, Item::Glyphs(Arc::new(glyphs))));
        }
        let lines = [(span.underline, UNDERLINE), (span.strike, -STRIKE)];
        for (_, below) in lines.into_iter().filter(|(drawn, _)| *drawn) {
            let line = Item::Rect {
                width: width - hanging,
                height: size * THICKNESS,
                fill: colour,
            };
            items.push((x, baseline + size * below, line));
        }
        if let Some(url) = &span.link {
            let link = Item::Link {
                width,
                height,
                url: url.clone(),
                tag: span.tag,
            };
            items.push((x, 0.0, link));
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_around_its_division() {
        let text = "a (Donau\u{ad}dampf, 5)";
        let place = text.find("dampf").expect("in the text");
        assert_eq!(&text[word_at(text, place)], "(Donau\u{ad}dampf,");
        assert_eq!(word_at("a b", 2), 2..3);
    }

    #[test]
    fn letters_without_blanks_are_known() {
        assert!("感谢、「カな々Ａ".chars().all(is_east_asian));
        assert!(!"aΩЖא한 -–".chars().any(is_east_asian));
    }
}
