//! Headings and texts: runs as lines.

use std::sync::Arc;

use engine::node::Warning;

use super::{
    Layouter, items, limit,
    rich::{Filled, Passages, is_blank},
    shortened,
};
use crate::{
    context::{DocumentError, LimitKind},
    display::{Item, TagId},
    strip::Strip,
    template::{Heading, Leaf, LineLimit, Passage, Run, Text, TextStyle},
    text::{self, Look, Setting, Shaped, Span},
};

/// Items with their places.
type Items = Vec<(f32, f32, Item)>;

impl Layouter<'_> {
    pub(super) fn heading(
        &mut self,
        block: &Heading,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let role = match block.level {
            2 => "H2",
            3 => "H3",
            _ => "H1",
        };
        let look = self.styled(self.heading_look(block.level), &block.style, mark)?;
        let tag = self.tag(role, parent);
        let spans = self.run_spans(&block.runs, tag, mark)?;
        if is_blank(&spans) {
            return Ok(Vec::new());
        }
        self.note_heading(tag, &spans);
        if !self.furniture {
            self.level = block.level.into();
        }
        let (size, limit) = (look.size, block.style.limit.as_ref());
        let heading = Filled::new(spans, look, tag);
        self.paragraphs(vec![heading], size, limit, width, mark)
    }

    pub(super) fn text(
        &mut self,
        block: &Text,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let look = self.styled(self.body_look(None), &block.style, mark)?;
        let mut passages = Passages::new(parent);
        self.passages(&block.passages, &look, &mut passages, mark)?;
        let limit = match block.passages.as_slice() {
            [Passage::Paragraph(runs)] => self.limit(&block.style, runs),
            _ => block.style.limit.clone(),
        };
        self.paragraphs(passages.paragraphs, look.size, limit.as_ref(), width, mark)
    }

    /// The lines that a text may take: as the block says, or else the field that is all of it.
    fn limit(&self, style: &TextStyle, runs: &[Run]) -> Option<LineLimit> {
        match (&style.limit, runs) {
            (None, [only]) => self.limit_of(&only.text),
            (own, _) => own.clone(),
        }
    }

    /// Keeps the words of a heading for the outline.
    pub(super) fn note_heading(&mut self, tag: TagId, spans: &[Span]) {
        if !self.furniture {
            let text = spans.iter().map(|span| span.text.as_str()).collect();
            self.headings.push((tag, text));
        }
    }

    /// A look as a block has it.
    pub(super) fn styled(
        &mut self,
        mut look: Look,
        style: &TextStyle,
        mark: u32,
    ) -> Result<Look, DocumentError> {
        look.size = style.size.unwrap_or(look.size);
        look.bold = style.bold.unwrap_or(look.bold);
        look.italic |= style.italic;
        if let Some(font) = &style.font {
            look.font = font.clone();
        }
        look.line_height = style.line_height.unwrap_or(look.line_height);
        look.align = style.align;
        // As wide as it is by itself, where only that is asked.
        look.justify = style.justify && !self.measuring;
        look.tabular |= style.tabular;
        look.hyphenate = style.hyphenate.unwrap_or(look.hyphenate);
        look.orphans = style.orphans.unwrap_or(look.orphans);
        look.widows = style.widows.unwrap_or(look.widows);
        if style.tracking != 0.0 {
            look.tracking = style.tracking;
        }
        if let Some(colour) = &style.colour {
            look.colour = self.colour(colour, mark)?;
        }
        Ok(look)
    }

    /// Runs with their values filled in, below the tag of their paragraph.
    pub(super) fn run_spans(
        &mut self,
        runs: &[Run],
        tag: TagId,
        mark: u32,
    ) -> Result<Vec<Span>, DocumentError> {
        let mut spans: Vec<Span> = Vec::new();
        for run in runs {
            let colour = match &run.colour {
                Some(leaf) => Some(self.colour(leaf, mark)?),
                None => None,
            };
            let link = match &run.link {
                Some(leaf) => self.link(leaf, mark)?,
                None => None,
            };
            let language = run.language.filter(|own| *own != self.language);
            let own_tag = match (&link, language) {
                (Some(_), _) => self.tag("Link", tag),
                (None, Some(_)) => self.tag("Span", tag),
                (None, None) => 0,
            };
            if let (Some(language), 1..) = (language, own_tag) {
                self.tags[own_tag as usize].language = language;
            }
            for span in self.value_spans(&run.text, run.format.as_ref(), mark)? {
                spans.push(Span {
                    bold: run.bold,
                    italic: run.italic,
                    underline: run.underline,
                    strike: run.strike,
                    colour: colour.or_else(|| link.as_ref().map(|_| self.colours.accent)),
                    language,
                    link: link.clone(),
                    tag: own_tag,
                    ..span
                });
            }
        }
        Ok(spans)
    }

    /// One leaf as a paragraph.
    pub(super) fn simple(
        &mut self,
        leaf: &Leaf,
        look: &Look,
        width: f32,
        (role, parent): (&'static str, TagId),
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let spans = self.spans(leaf, mark)?;
        let tag = self.tag(role, parent);
        self.lines(&spans, look, width, tag, mark)
    }

    pub(super) fn spans(&mut self, leaf: &Leaf, mark: u32) -> Result<Vec<Span>, DocumentError> {
        let pieces = self.pieces(leaf, mark)?;
        Ok(pieces
            .into_iter()
            .map(|piece| Span {
                text: piece.text,
                origin: Some(piece.origin),
                source: piece.source,
                ..Span::default()
            })
            .collect())
    }

    /// Spans to strips, one a line; never too few of them alone at the foot or the head of a page.
    pub(super) fn lines(
        &mut self,
        spans: &[Span],
        look: &Look,
        width: f32,
        tag: TagId,
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let paragraph = self.set(spans, look, width, tag, mark)?;
        Ok(strips(paragraph, look))
    }

    /// The same for a text that was shaped together with others.
    pub(super) fn shaped_lines(
        &mut self,
        (spans, mut shaped): (&[Span], Shaped),
        look: &Look,
        width: f32,
        tag: TagId,
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        let paragraph = self.placed((spans, &mut shaped), look, width, tag, mark)?;
        Ok(strips(paragraph, look))
    }

    /// A text within a drawing: its height, and its items from its top left corner.
    pub(super) fn caption(
        &mut self,
        spans: &[Span],
        look: &Look,
        width: f32,
        tag: TagId,
        mark: u32,
    ) -> Result<(f32, Items), DocumentError> {
        let paragraph = self.set(spans, look, width, tag, mark)?;
        let mut height = 0.0;
        let mut items = Vec::new();
        for line in paragraph.lines {
            let line_items = line.items.into_iter();
            items.extend(line_items.map(|(x, y, item)| (x, height + y, item)));
            height += line.height;
        }
        Ok((height, items))
    }

    fn set(
        &mut self,
        spans: &[Span],
        look: &Look,
        width: f32,
        tag: TagId,
        mark: u32,
    ) -> Result<text::Paragraph, DocumentError> {
        let mut shaped = self.shaped(spans, look)?;
        let paragraph = self.placed((spans, &mut shaped), look, width, tag, mark)?;
        if self.measuring {
            self.measured.keep(spans, look, shaped);
        }
        Ok(paragraph)
    }

    fn placed(
        &mut self,
        (spans, shaped): (&[Span], &mut Shaped),
        look: &Look,
        width: f32,
        tag: TagId,
        mark: u32,
    ) -> Result<text::Paragraph, DocumentError> {
        let mut setting = self.setting();
        let paragraph = text::place(&mut setting, shaped, spans, look, width, (tag, mark));
        self.count_glyphs(paragraph.glyphs)?;
        self.spend_paragraph(&paragraph)?;
        self.tell_missing(&paragraph.missing, mark);
        if paragraph.number_cut {
            let message = "a number does not fit into its line and goes on in the next";
            self.notice(Warning::new("number_cut", message), mark);
        }
        if paragraph.overflow {
            let message = "a text is wider than its place";
            self.notice(Warning::new("text_overflow", message), mark);
        }
        Ok(paragraph)
    }

    pub(super) fn tell_missing(&mut self, missing: &[char], mark: u32) {
        if missing.is_empty() {
            return;
        }
        let letters: Vec<String> = missing
            .iter()
            .take(8)
            .map(|letter| format!("{letter} (U+{:04X})", u32::from(*letter)))
            .collect();
        let letters = letters.join(", ");
        let message = format!("no font here can draw {letters}");
        self.notice(
            Warning::new("missing_glyph", message).with("letters", letters),
            mark,
        );
    }

    /// A text that is too long is not even measured.
    pub(super) fn check_length(&self, spans: &[Span]) -> Result<(), DocumentError> {
        self.check_lengths(&[spans])
    }

    /// The same for one that has several paragraphs.
    pub(super) fn check_lengths(&self, paragraphs: &[&[Span]]) -> Result<(), DocumentError> {
        self.check_stop()?;
        let most = self.limits.max_text_length;
        let texts = || paragraphs.iter().copied().flatten().map(|span| &span.text);
        // Bytes first: they are known without counting.
        let bytes: usize = texts().map(String::len).sum();
        let letters = || -> usize { texts().map(|text| text.chars().count()).sum() };
        if bytes > most && letters() > most {
            return Err(limit(LimitKind::TextLength, most as u64));
        }
        Ok(())
    }

    pub(super) fn natural_width(
        &mut self,
        spans: &[Span],
        look: &Look,
    ) -> Result<f32, DocumentError> {
        self.check_length(spans)?;
        if let Some(width) = self.measured.again(spans, look) {
            return Ok(width);
        }
        let shaped = Shaped::new(&mut self.setting(), spans, look);
        let width = shaped.width;
        self.measured.keep(spans, look, shaped);
        Ok(width)
    }

    /// As it was shaped to be measured, or now.
    pub(super) fn shaped(&mut self, spans: &[Span], look: &Look) -> Result<Shaped, DocumentError> {
        self.check_length(spans)?;
        if let Some(shaped) = self.measured.take(spans, look) {
            return Ok(shaped);
        }
        Ok(Shaped::new(&mut self.setting(), spans, look))
    }

    pub(super) fn setting(&mut self) -> Setting<'_> {
        Setting {
            fonts: self.fonts,
            shaper: &mut self.shaper,
            used: &mut self.used,
            right_to_left: self.template.page.right_to_left,
        }
    }

    /// Only web, mail and phone addresses become links.
    fn link(&mut self, leaf: &Leaf, mark: u32) -> Result<Option<Arc<str>>, DocumentError> {
        let url = self.plain(leaf, mark)?;
        let schemes = ["https://", "http://", "mailto:", "tel:"];
        Ok(self.address(&url, &schemes, mark))
    }

    /// The address of a link; `None`, and a warning, for one that leads elsewhere.
    pub(super) fn address(&mut self, url: &str, schemes: &[&str], mark: u32) -> Option<Arc<str>> {
        let url = url.trim();
        if url.is_empty() {
            return None;
        }
        let safe = schemes.iter().any(|scheme| {
            url.get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        });
        if !safe
            || url.len() > 2_000
            || url
                .chars()
                .any(|letter| letter.is_whitespace() || letter.is_control())
        {
            let url = shortened(url);
            let message = format!("`{url}` is not a web, mail or phone address");
            self.notice(Warning::new("link", message).with("url", url), mark);
            return None;
        }
        Some(url.into())
    }
}

/// One strip a line.
fn strips(paragraph: text::Paragraph, look: &Look) -> Vec<Strip> {
    let count = paragraph.lines.len();
    paragraph
        .lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| Strip {
            keep_next: index + 1 < count
                && (index + 1 < look.orphans || index + look.widows >= count),
            ..items(line.height, line.items)
        })
        .collect()
}
