//! Line breaks. Where no word may be divided, parley breaks greedily and is done. Where one may, lines are filled here from the pieces
//! between parley's own break opportunities, so that the hyphen has its room, and parley is told how many letters each line takes.

use std::{ops::Range, rc::Rc};

use parley::{BreakReason, Layout, Line, Run};

use super::{
    Look, SOFT_HYPHEN, Span,
    hyphen::{self, Hyphen},
    shape::Shaped,
};

/// Divided words at the ends of so many lines below one another, and no more.
const MOST_IN_A_ROW: usize = 3;

/// Widths that were added up in another order differ by less.
const ROUNDING: f32 = 0.25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The paragraph ends, or the text breaks the line itself.
    Paragraph,
    Wrapped,
    /// Within a word, with a hyphen.
    Divided,
    /// Anywhere, because nothing else fits.
    Torn,
}

/// Gives the layout its lines for a width; what shares its layout with others keeps those that it has.
pub(super) fn break_lines(shaped: &mut Shaped, spans: &[Span], look: &Look, width: f32) {
    let width = width.max(1.0);
    if shaped.drawn.is_empty() || shaped.is_shared() {
        return;
    }
    let wanted = shaped.wanted(width);
    if shaped.broken_at.to_bits() == wanted.to_bits() {
        return;
    }
    shaped.broken_at = wanted;
    let text = shaped.drawn.clone();
    let layout = Rc::make_mut(&mut shaped.layout);
    if shaped.divides && wanted < f32::MAX {
        let lines = Filling::new(layout, &text, spans, (look, width)).fill();
        apply(layout, &lines, width);
        shaped.endings = lines.into_iter().map(|line| line.ending).collect();
        // One each, whatever happens.
        shaped.endings.resize(layout.len(), Ending::Paragraph);
    } else {
        layout.break_all_lines(Some(wanted));
        shaped.endings = layout.lines().map(|line| Ending::of(&line)).collect();
    }
}

impl Ending {
    pub(super) fn of(line: &Line<'_, u32>) -> Self {
        match line.break_reason() {
            BreakReason::None | BreakReason::Explicit => Self::Paragraph,
            BreakReason::Regular => Self::Wrapped,
            BreakReason::Emergency => Self::Torn,
        }
    }
}

/// A line before parley knows of it.
#[derive(Clone, Copy, Debug)]
struct Filled {
    letters: u32,
    ending: Ending,
}

fn apply(layout: &mut Layout<u32>, lines: &[Filled], width: f32) {
    let width = width + ROUNDING;
    let mut breaker = layout.break_lines();
    breaker.state_mut().set_layout_max_advance(width);
    breaker.state_mut().set_line_max_advance(width);
    for line in lines {
        match line.ending {
            Ending::Paragraph => {
                breaker.break_next();
            }
            Ending::Wrapped | Ending::Divided | Ending::Torn => {
                breaker.break_next_with_length(line.letters);
            }
        }
    }
    breaker.break_remaining(width);
}

/// What stands between two opportunities to break the line.
struct Piece {
    /// The layout's line that holds it, or held all of it before its beginning went to a line.
    line: usize,
    text: Range<usize>,
    letters: u32,
    /// Without the blanks at its end, and with them.
    ink: f32,
    advance: f32,
    ends_paragraph: bool,
    /// Of the hyphen that is drawn where a line ends with it.
    soft_hyphen: Option<Hyphen>,
    /// Found when it does not fit; those before `next` are gone.
    edges: Option<Vec<Edge>>,
    next: usize,
    /// Where it begins now, as its edges count.
    start: f32,
}

/// A place within a piece where glyphs can be parted.
#[derive(Clone, Copy, Debug)]
struct Edge {
    at: usize,
    x: f32,
    /// Drawn where a word is divided here; `None` where it must not be.
    hyphen: Option<Hyphen>,
}

struct Filling<'a> {
    layout: &'a Layout<u32>,
    text: &'a str,
    spans: &'a [Span],
    look: &'a Look,
    width: f32,
    pieces: Vec<Piece>,
    lines: Vec<Filled>,
    /// Lines that end with a divided word, up to the last one.
    in_a_row: usize,
}

impl<'a> Filling<'a> {
    fn new(
        layout: &'a mut Layout<u32>,
        text: &'a str,
        spans: &'a [Span],
        (look, width): (&'a Look, f32),
    ) -> Self {
        // Parley keeps its opportunities to itself, but lines without width break at every one of them.
        layout.break_all_lines(Some(0.0));
        let layout = &*layout;
        let pieces = layout
            .lines()
            .enumerate()
            .map(|(number, line)| Piece::new(number, &line, text))
            .collect();
        Self {
            layout,
            text,
            spans,
            look,
            width,
            pieces,
            lines: Vec::new(),
            in_a_row: 0,
        }
    }

    fn fill(mut self) -> Vec<Filled> {
        let mut next = 0;
        while next < self.pieces.len() {
            next = self.line(next);
        }
        self.lines
    }

    /// Fills one line and gives the piece that the next one begins with.
    fn line(&mut self, first: usize) -> usize {
        let (mut x, mut letters) = (0.0_f32, 0);
        // Where the line may end as far as it is filled.
        let mut last: Option<(usize, Filled)> = None;
        let mut next = first;
        while let Some(piece) = self.pieces.get(next) {
            if x + piece.ink > self.width {
                if let Some(part) = self.divide(next, self.width - x) {
                    return self.end(next, letters + part, Ending::Divided);
                }
                if let Some((next, line)) = last {
                    return self.end(next, line.letters, line.ending);
                }
                // Soft hyphens stand before it, and none has room for a hyphen.
                if letters > 0 {
                    return self.end(next, letters, Ending::Torn);
                }
                if let Some(part) = self.tear(next) {
                    return self.end(next, part, Ending::Torn);
                }
            }
            let piece = &self.pieces[next];
            x += piece.advance;
            letters += piece.letters;
            next += 1;
            if piece.ends_paragraph {
                return self.end(next, letters, Ending::Paragraph);
            }
            let ending = match piece.soft_hyphen {
                None => Ending::Wrapped,
                Some(hyphen) if x + hyphen.width <= self.width => Ending::Divided,
                Some(_) => continue,
            };
            last = Some((next, Filled { letters, ending }));
        }
        self.end(next, letters, Ending::Paragraph)
    }

    fn end(&mut self, next: usize, letters: u32, ending: Ending) -> usize {
        self.in_a_row = if ending == Ending::Divided {
            self.in_a_row + 1
        } else {
            0
        };
        self.lines.push(Filled { letters, ending });
        next
    }

    /// Takes the longest part of a word that fits with its hyphen, and gives its letters.
    fn divide(&mut self, piece: usize, room: f32) -> Option<u32> {
        let own = &self.pieces[piece];
        if self.in_a_row >= MOST_IN_A_ROW && own.ink <= self.width {
            return None;
        }
        let start = own.start;
        let (first, edges) = self.edges(piece);
        let fitting = edges.partition_point(|edge| edge.x - start <= room);
        let edge = edges[..fitting].iter().rposition(|edge| {
            edge.hyphen
                .is_some_and(|hyphen| edge.x - start + hyphen.width <= room)
        })?;
        Some(self.take(piece, first + edge))
    }

    /// Takes as much as fits into a line, but something; `None` where glyphs cannot be parted.
    fn tear(&mut self, piece: usize) -> Option<u32> {
        let (start, width) = (self.pieces[piece].start, self.width);
        let (first, edges) = self.edges(piece);
        let fitting = edges.partition_point(|edge| edge.x - start <= width);
        let edge = first + fitting.saturating_sub(1);
        (!edges.is_empty()).then(|| self.take(piece, edge))
    }

    /// Cuts the beginning of a piece off at one of its edges.
    fn take(&mut self, piece: usize, edge: usize) -> u32 {
        let text = self.text;
        let piece = &mut self.pieces[piece];
        let Some(Edge { at, x, .. }) = piece
            .edges
            .as_ref()
            .and_then(|edges| edges.get(edge).copied())
        else {
            return 0;
        };
        let letters = count(&text[piece.text.start..at]);
        piece.letters -= letters;
        piece.text.start = at;
        piece.ink -= x - piece.start;
        piece.advance -= x - piece.start;
        piece.start = x;
        piece.next = edge + 1;
        letters
    }

    /// The edges that are left of a piece, and the number of the first one.
    fn edges(&mut self, piece: usize) -> (usize, &[Edge]) {
        if self.pieces[piece].edges.is_none() {
            let edges = self.find_edges(&self.pieces[piece]);
            self.pieces[piece].edges = Some(edges);
        }
        let piece = &self.pieces[piece];
        let edges = piece.edges.as_deref().unwrap_or_default();
        (piece.next, edges.get(piece.next..).unwrap_or_default())
    }

    fn find_edges(&self, piece: &Piece) -> Vec<Edge> {
        let Some(line) = self.layout.get(piece.line) else {
            return Vec::new();
        };
        let runs = in_reading_order(&line);
        let points = self.points(piece, &runs);
        let mut x = 0.0;
        let mut edges = Vec::new();
        // A hyphen looks like the letter before it.
        let mut before: Option<Hyphen> = None;
        for run in runs {
            let own = if points.is_empty() {
                None
            } else {
                Hyphen::of(&run)
            };
            for cluster in run.clusters() {
                let at = cluster.text_range().start;
                if at > piece.text.start && !cluster.is_ligature_continuation() {
                    let hyphen = before.filter(|_| points.contains(&at));
                    edges.push(Edge { at, x, hyphen });
                }
                x += cluster.advance();
                before = own;
            }
        }
        edges
    }

    /// Where the word in a piece may be divided. Where the text itself says where, it alone does.
    fn points(&self, piece: &Piece, runs: &[Run<'_, u32>]) -> Vec<usize> {
        let letters = &self.text[piece.text.clone()];
        let own =
            letters.contains(SOFT_HYPHEN) || self.text[..piece.text.start].ends_with(SOFT_HYPHEN);
        if own || !self.look.hyphenate {
            return Vec::new();
        }
        let foreign = |letter: char| !letter.is_alphabetic();
        let word = letters.trim_matches(foreign);
        let start = piece.text.start + letters.len() - letters.trim_start_matches(foreign).len();
        let span = runs
            .iter()
            .find(|run| run.text_range().contains(&start))
            .and_then(|run| {
                run.clusters()
                    .find(|cluster| cluster.text_range().contains(&start))
            })
            .and_then(|cluster| self.spans.get(cluster.style().brush as usize));
        let language = span
            .and_then(|span| span.language)
            .unwrap_or(self.look.language);
        hyphen::points(word, language)
            .into_iter()
            .map(|point| start + point)
            .collect()
    }
}

impl Piece {
    fn new(number: usize, line: &Line<'_, u32>, text: &str) -> Self {
        let range = line.text_range();
        let letters = text.get(range.clone()).unwrap_or_default();
        let metrics = line.metrics();
        let soft_hyphen = if letters.ends_with(SOFT_HYPHEN) {
            let end = hyphen::place(text, &range);
            let last = line.runs().find(|run| hyphen::follows(run, end));
            last.as_ref().and_then(Hyphen::of)
        } else {
            None
        };
        Self {
            line: number,
            letters: count(letters),
            ink: metrics.advance - metrics.hanging_advance,
            advance: metrics.advance,
            ends_paragraph: line.break_reason() == BreakReason::Explicit,
            soft_hyphen,
            text: range,
            edges: None,
            next: 0,
            start: 0.0,
        }
    }
}

/// Parley gives them from left to right.
fn in_reading_order<'a>(line: &Line<'a, u32>) -> Vec<Run<'a, u32>> {
    let mut runs: Vec<Run<'a, u32>> = line.runs().collect();
    runs.sort_by_key(|run| run.text_range().start);
    runs
}

/// As parley counts.
fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}
