//! Texts that may take only so many lines: how much is too much, and what becomes of it.

use engine::node::Warning;

use super::{
    Layouter,
    rich::{Filled, is_blank},
};
use crate::{
    context::{DocumentError, TextFit},
    display::TagId,
    strip::Strip,
    template::{Leaf, LineLimit, Overflow},
    text::{Look, Shaped, Span},
};

/// Points by which letters get smaller.
const STEP: f32 = 0.5;

/// The smallest size where the template gives none: a share of the text's own, but what can still be read.
const SMALLEST_SHARE: f32 = 0.8;
const SMALLEST: f32 = 6.0;

impl Layouter<'_> {
    /// The lines that a text may take which is one value and nothing else, as its field has them.
    pub(super) fn limit_of(&self, text: &Leaf) -> Option<LineLimit> {
        let path = self.scope.path(text.shown()?)?;
        self.template.limit_at(&path)
    }

    /// The same of a part of a block that is filled in for each entry of a list. What is blank has no lines.
    pub(super) fn entry_limit(&self, text: &Leaf, spans: &[Span]) -> Option<LineLimit> {
        // Nobody pays for limits that a template does not have.
        if !self.template.limits_columns() || is_blank(spans) {
            return None;
        }
        let path = text.shown().filter(|path| path.starts_with("item."));
        path.and_then(|_| self.limit_of(text))
    }

    /// The lines of one text, as many as it may take.
    pub(super) fn lines_within(
        &mut self,
        limit: Option<&LineLimit>,
        spans: &[Span],
        look: &Look,
        width: f32,
        (tag, mark): (TagId, u32),
    ) -> Result<Vec<Strip>, DocumentError> {
        if limit.is_none() {
            return self.lines(spans, look, width, tag, mark);
        }
        let text = Filled::new(spans.to_vec(), look.clone(), tag);
        self.paragraphs(vec![text], look.size, limit, width, mark)
    }

    /// The paragraphs of a text, in letters of a size, as the limit has them.
    pub(super) fn limited(
        &mut self,
        paragraphs: Vec<Filled>,
        size: f32,
        limit: &LineLimit,
        width: f32,
        mark: u32,
    ) -> Result<Vec<Filled>, DocumentError> {
        let mut lines = 0;
        let mut shaped = Vec::with_capacity(paragraphs.len());
        for paragraph in &paragraphs {
            let (spans, look) = (&paragraph.spans, &paragraph.look);
            let mut own = self.shaped(spans, look)?;
            let count = own.count_lines(spans, look, paragraph.room(width));
            lines += count;
            shaped.push((own, count));
        }
        let fit = TextFit {
            paths: paths(&paragraphs),
            lines,
            max_lines: limit.lines,
            excess_letters: letters_behind(limit.lines, &shaped),
        };
        self.fits.push(fit.clone());
        if !fit.is_too_long() {
            self.keep(&paragraphs, shaped);
            return Ok(paragraphs);
        }
        // What is left of a text that is cut has its replacements already.
        for (own, _) in &shaped {
            self.tell_missing(&own.missing, mark);
        }
        self.keep(&paragraphs, shaped);
        match limit.overflow {
            Overflow::NextPage => {
                let message = fit.message("all of it is printed");
                self.notice(fit.told(Warning::new("text_runs_on", message)), mark);
                Ok(paragraphs)
            }
            Overflow::Cut => {
                self.notice(fit.shortened(), mark);
                self.cut(paragraphs, limit.lines, width)
            }
            Overflow::Shrink => {
                let smallest = limit
                    .min_size
                    .unwrap_or((size * SMALLEST_SHARE).max(SMALLEST))
                    .min(size);
                if let Some(size) = self.smaller(&paragraphs, size, smallest, limit.lines, width)? {
                    let told = (f64::from(size) * 10.0).round() / 10.0;
                    let message = fit.message(&format!("it is printed in {told} points"));
                    let warning = Warning::new("text_shrunk", message).with("size", told);
                    self.notice(fit.told(warning), mark);
                    return Ok(resized(&paragraphs, size));
                }
                self.notice(fit.shortened(), mark);
                self.cut(resized(&paragraphs, smallest), limit.lines, width)
            }
        }
    }

    /// Keeps what was shaped until it is set.
    fn keep(&mut self, paragraphs: &[Filled], shaped: Vec<(Shaped, usize)>) {
        for (paragraph, (own, _)) in paragraphs.iter().zip(shaped) {
            self.measured.keep(&paragraph.spans, &paragraph.look, own);
        }
    }

    /// The largest size of letters in which the text has few enough lines; `None` where it has too many in the smallest.
    fn smaller(
        &mut self,
        paragraphs: &[Filled],
        size: f32,
        smallest: f32,
        lines: usize,
        width: f32,
    ) -> Result<Option<f32>, DocumentError> {
        if !self.fits(&resized(paragraphs, smallest), lines, width)? {
            return Ok(None);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 200 steps"
        )]
        let steps = ((size - smallest) / STEP).ceil().max(1.0) as u16;
        let at = |step: u16| (size - f32::from(step) * STEP).max(smallest);
        // Too many lines at the first, few enough at the second.
        let (mut large, mut small) = (0, steps);
        while small - large > 1 {
            let middle = large.midpoint(small);
            if self.fits(&resized(paragraphs, at(middle)), lines, width)? {
                small = middle;
            } else {
                large = middle;
            }
        }
        Ok(Some(at(small)))
    }

    fn fits(
        &mut self,
        paragraphs: &[Filled],
        lines: usize,
        width: f32,
    ) -> Result<bool, DocumentError> {
        let mut shaped = Vec::with_capacity(paragraphs.len());
        let mut left = lines;
        for paragraph in paragraphs {
            let (spans, look) = (&paragraph.spans, &paragraph.look);
            let mut own = self.shaped(spans, look)?;
            let count = own.count_lines(spans, look, paragraph.room(width));
            if count > left {
                return Ok(false);
            }
            left -= count;
            shaped.push((own, count));
        }
        self.keep(paragraphs, shaped);
        Ok(true)
    }

    /// As many of the paragraphs as have few enough lines, the last one cut.
    fn cut(
        &mut self,
        paragraphs: Vec<Filled>,
        lines: usize,
        width: f32,
    ) -> Result<Vec<Filled>, DocumentError> {
        let mut left = lines;
        let mut kept = Vec::new();
        for paragraph in paragraphs {
            if left == 0 {
                break;
            }
            let (spans, look) = (&paragraph.spans, &paragraph.look);
            let mut shaped = self.shaped(spans, look)?;
            let count = shaped.count_lines(spans, look, paragraph.room(width));
            if count <= left {
                left -= count;
                self.measured.keep(spans, look, shaped);
                kept.push(paragraph);
            } else {
                kept.push(self.cut_one(&paragraph, &shaped, left, width)?);
                left = 0;
            }
        }
        Ok(kept)
    }

    /// As much of a paragraph as has few enough lines, with dots at its end.
    fn cut_one(
        &mut self,
        paragraph: &Filled,
        shaped: &Shaped,
        lines: usize,
        width: f32,
    ) -> Result<Filled, DocumentError> {
        let mut cut = paragraph.clone();
        for place in shaped.cuts(lines) {
            cut.spans = shaped.cut(&paragraph.spans, place);
            if self.fits(std::slice::from_ref(&cut), lines, width)? {
                return Ok(cut);
            }
        }
        cut.spans = vec![Span::plain("…")];
        Ok(cut)
    }
}

fn resized(paragraphs: &[Filled], size: f32) -> Vec<Filled> {
    paragraphs
        .iter()
        .map(|paragraph| paragraph.resized(size))
        .collect()
}

/// How many letters stand behind so many lines.
fn letters_behind(lines: usize, shaped: &[(Shaped, usize)]) -> usize {
    let mut left = lines;
    let mut letters = 0;
    for (own, count) in shaped {
        if *count > left {
            letters += own.letters_behind(left);
        }
        left = left.saturating_sub(*count);
    }
    letters
}

/// Where the values in a text come from, each once.
fn paths(paragraphs: &[Filled]) -> Vec<String> {
    let spans = paragraphs.iter().flat_map(|paragraph| &paragraph.spans);
    let mut paths: Vec<String> = Vec::new();
    for path in spans.filter_map(|span| span.origin.as_deref()?.field()) {
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }
    paths
}

impl TextFit {
    /// The value that is too long, if it is only one.
    fn path(&self) -> Option<&str> {
        match self.paths.as_slice() {
            [path] => Some(path),
            _ => None,
        }
    }

    fn message(&self, outcome: &str) -> String {
        let what = match self.path() {
            Some(path) => format!("`{path}`"),
            None => "the text".into(),
        };
        let (lines, most, letters) = (self.lines, self.max_lines, self.excess_letters);
        format!(
            "{what} takes {lines} lines and may take {most}: it is about {letters} letters too long, and {outcome}"
        )
    }

    fn shortened(&self) -> Warning {
        let message = self.message("its end is left out");
        self.told(Warning::new("text_shortened", message))
    }

    fn told(&self, warning: Warning) -> Warning {
        warning
            .with("path", self.path().map(str::to_owned))
            .with("lines", self.lines)
            .with("max_lines", self.max_lines)
            .with("excess_lines", self.lines - self.max_lines)
            .with("excess_letters", self.excess_letters)
    }
}
