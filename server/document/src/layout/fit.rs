//! Texts that may take only so many lines: how much is too much, and what becomes of it.

use engine::node::Warning;

use super::Layouter;
use crate::{
    context::DocumentError,
    display::TagId,
    strip::Strip,
    template::{LineLimit, Overflow},
    text::{Look, Shaped, Span},
};

/// Points by which letters get smaller.
const STEP: f32 = 0.5;

/// The smallest size where the template gives none: a share of the text's own, but what can still be read.
const SMALLEST_SHARE: f32 = 0.8;
const SMALLEST: f32 = 6.0;

impl Layouter<'_> {
    /// Spans to strips, as `lines` does it, within the limit.
    pub(super) fn limited(
        &mut self,
        spans: &[Span],
        look: &Look,
        limit: &LineLimit,
        width: f32,
        (tag, mark): (TagId, u32),
    ) -> Result<Vec<Strip>, DocumentError> {
        let mut shaped = self.shaped(spans, look)?;
        let lines = shaped.count_lines(spans, look, width);
        if lines <= limit.lines {
            self.measured.keep(spans, look, shaped);
            return self.lines(spans, look, width, tag, mark);
        }
        // What is left of a text that is cut has its replacements already.
        self.tell_missing(&shaped.missing, mark);
        let excess = Excess {
            lines,
            most: limit.lines,
            letters: shaped.letters_behind(limit.lines),
        };
        let smallest = Look {
            size: limit
                .min_size
                .unwrap_or((look.size * SMALLEST_SHARE).max(SMALLEST))
                .min(look.size),
            ..look.clone()
        };
        match limit.overflow {
            Overflow::NextPage => {
                self.notice(excess.warning("text_runs_on", "all of it is printed"), mark);
                self.measured.keep(spans, look, shaped);
                self.lines(spans, look, width, tag, mark)
            }
            Overflow::Cut => {
                let cut = self.cut(spans, look, &mut shaped, limit.lines, width)?;
                let warning = excess.warning("text_shortened", "its end is left out");
                self.notice(warning, mark);
                self.lines(&cut, look, width, tag, mark)
            }
            Overflow::Shrink => {
                if let Some(look) = self.smaller(spans, look, &smallest, limit.lines, width)? {
                    let size = (f64::from(look.size) * 10.0).round() / 10.0;
                    let outcome = format!("it is printed in {size} points");
                    let warning = excess.warning("text_shrunk", &outcome);
                    self.notice(warning.with("size", size), mark);
                    return self.lines(spans, &look, width, tag, mark);
                }
                let mut shaped = self.shaped(spans, &smallest)?;
                let cut = self.cut(spans, &smallest, &mut shaped, limit.lines, width)?;
                let warning = excess.warning("text_shortened", "its end is left out");
                self.notice(warning, mark);
                self.lines(&cut, &smallest, width, tag, mark)
            }
        }
    }

    /// The look with the largest letters in which the text has few enough lines; `None` where it has too many in the smallest.
    fn smaller(
        &mut self,
        spans: &[Span],
        look: &Look,
        smallest: &Look,
        lines: usize,
        width: f32,
    ) -> Result<Option<Look>, DocumentError> {
        if !self.fits(spans, smallest, lines, width)? {
            return Ok(None);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 200 steps"
        )]
        let steps = ((look.size - smallest.size) / STEP).ceil().max(1.0) as u16;
        let at = |step: u16| Look {
            size: (look.size - f32::from(step) * STEP).max(smallest.size),
            ..look.clone()
        };
        // Too many lines at the first, few enough at the second.
        let (mut large, mut small) = (0, steps);
        while small - large > 1 {
            let middle = large.midpoint(small);
            if self.fits(spans, &at(middle), lines, width)? {
                small = middle;
            } else {
                large = middle;
            }
        }
        Ok(Some(at(small)))
    }

    fn fits(
        &mut self,
        spans: &[Span],
        look: &Look,
        lines: usize,
        width: f32,
    ) -> Result<bool, DocumentError> {
        let mut shaped = self.shaped(spans, look)?;
        let fits = shaped.count_lines(spans, look, width) <= lines;
        if fits {
            self.measured.keep(spans, look, shaped);
        }
        Ok(fits)
    }

    /// As much of the spans as has few enough lines, with dots at its end.
    fn cut(
        &mut self,
        spans: &[Span],
        look: &Look,
        shaped: &mut Shaped,
        lines: usize,
        width: f32,
    ) -> Result<Vec<Span>, DocumentError> {
        shaped.count_lines(spans, look, width);
        for place in shaped.cuts(lines) {
            let cut = shaped.cut(spans, place);
            if self.fits(&cut, look, lines, width)? {
                return Ok(cut);
            }
        }
        Ok(vec![Span::plain("…")])
    }
}

/// By how much a text is too long, measured in the size that it should have.
struct Excess {
    lines: usize,
    most: usize,
    /// Those in the lines that are too many.
    letters: usize,
}

impl Excess {
    fn warning(&self, code: &str, outcome: &str) -> Warning {
        let (lines, most, letters) = (self.lines, self.most, self.letters);
        let message = format!(
            "the text takes {lines} lines and may take {most}: it is about {letters} letters too long, and {outcome}"
        );
        Warning::new(code, message)
            .with("lines", lines)
            .with("max_lines", most)
            .with("excess_lines", lines - most)
            .with("excess_letters", letters)
    }
}
