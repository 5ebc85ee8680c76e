//! Markdown, as models write it: a safe subset of Markdown's common specification. Pictures and HTML are never followed: what stands there is printed as words.

use std::{ops::Range, sync::Arc};

use engine::node::Warning;
use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

use super::{
    Layouter,
    rich::{Filled, Passages, is_blank},
};
use crate::{
    context::DocumentError,
    display::{Origin, Source, TagId},
    scope::clean,
    strip::Strip,
    template::{MAX_LISTS, Markdown},
    text::{Look, Span},
};

/// Where links may lead: what a model writes, no person has chosen.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

impl Layouter<'_> {
    pub(super) fn markdown(
        &mut self,
        block: &Markdown,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let look = self.styled(self.body_look(None), &block.style, mark)?;
        let spans = self.spans(&block.text, mark)?;
        self.check_length(&spans)?;
        let mut source = String::new();
        let mut pieces = Vec::with_capacity(spans.len());
        for span in spans {
            let start = source.len();
            source.push_str(&span.text);
            pieces.push((start..source.len(), span));
        }
        let mut reading = Reading {
            pieces: &pieces,
            look: &look,
            mark,
            passages: Passages::new(parent),
            deeper: 0,
            spans: Vec::new(),
            paragraph: None,
            heading: None,
            bold: 0,
            italic: 0,
            link: None,
            layouter: self,
        };
        for (event, place) in Parser::new_ext(&source, Options::empty()).into_offset_iter() {
            reading.event(event, &place)?;
        }
        let paragraphs = reading.passages.paragraphs;
        let field = self.limit_of(&block.text);
        let limit = block.style.limit.as_ref().or(field.as_ref());
        self.paragraphs(paragraphs, look.size, limit, width, mark)
    }
}

/// What is read so far.
struct Reading<'l, 'a> {
    layouter: &'l mut Layouter<'a>,
    look: &'l Look,
    mark: u32,
    /// What the text is put together of, with their places in it.
    pieces: &'l [(Range<usize>, Span)],
    passages: Passages,
    /// Lists around that are deeper than lists can be; their items belong to the deepest one that can.
    deeper: usize,
    /// The paragraph under way: its spans, its tag once it has one, and its level if it is a heading.
    spans: Vec<Span>,
    paragraph: Option<TagId>,
    heading: Option<HeadingLevel>,
    /// How often either is on.
    bold: usize,
    italic: usize,
    link: Option<(Arc<str>, TagId)>,
}

impl Reading<'_, '_> {
    fn event(&mut self, event: Event<'_>, place: &Range<usize>) -> Result<(), DocumentError> {
        match event {
            Event::Start(tag) => self.start(tag)?,
            Event::End(tag) => self.end(tag)?,
            Event::Html(text) | Event::InlineHtml(text) => {
                let message =
                    "HTML in a Markdown text is not followed: it is printed as it is written";
                self.tell(Warning::new("markdown_html", message));
                self.say(&text, place);
            }
            Event::SoftBreak => self.say(" ", place),
            Event::HardBreak => self.say("\n", place),
            Event::Rule => self.flush()?,
            Event::Text(text)
            | Event::Code(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.say(&text, place),
            Event::TaskListMarker(_) => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: Tag<'_>) -> Result<(), DocumentError> {
        match tag {
            Tag::Strong => self.bold += 1,
            Tag::Emphasis => self.italic += 1,
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => self.open_link(link_type, &dest_url),
            Tag::Image { .. } => {
                let message =
                    "a picture in a Markdown text is not fetched: its description is printed";
                self.tell(Warning::new("markdown_image", message));
            }
            Tag::Heading { level, .. } => {
                self.flush()?;
                self.heading = Some(level);
            }
            Tag::List(start) => {
                self.flush()?;
                if self.passages.depth() < MAX_LISTS {
                    self.layouter.open_list(&mut self.passages, start);
                } else {
                    self.deeper += 1;
                }
            }
            Tag::Item => {
                self.flush()?;
                if self.deeper > 0 {
                    self.passages.close_item();
                }
                self.layouter.open_item(&mut self.passages, self.look)?;
            }
            _ => self.flush()?,
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), DocumentError> {
        match tag {
            TagEnd::Strong => self.bold = self.bold.saturating_sub(1),
            TagEnd::Emphasis => self.italic = self.italic.saturating_sub(1),
            TagEnd::Link => self.link = None,
            TagEnd::Image => {}
            TagEnd::List(_) => {
                self.flush()?;
                if self.deeper > 0 {
                    self.deeper -= 1;
                } else {
                    self.passages.close_list(self.look);
                }
            }
            TagEnd::Item => {
                self.flush()?;
                if self.deeper == 0 {
                    self.passages.close_item();
                }
            }
            _ => self.flush()?,
        }
        Ok(())
    }

    fn tell(&mut self, warning: Warning) {
        self.layouter.notice(warning, self.mark);
    }

    fn open_link(&mut self, link_type: LinkType, address: &str) {
        let mut url = clean(address);
        if link_type == LinkType::Email {
            url.insert_str(0, "mailto:");
        }
        if let Some(url) = self.layouter.address(&url, &SCHEMES, self.mark) {
            let paragraph = self.tag();
            let tag = self.layouter.tag("Link", paragraph);
            self.link = Some((url, tag));
        }
    }

    /// Of the paragraph under way.
    fn tag(&mut self) -> TagId {
        if let Some(tag) = self.paragraph {
            return tag;
        }
        let role = match self.heading {
            None => "P",
            Some(_) => ["H1", "H2", "H3", "H4", "H5", "H6"][self.level() - 1],
        };
        let tag = self.layouter.tag(role, self.passages.parent());
        self.paragraph = Some(tag);
        tag
    }

    /// Of a heading under way, below the one above the block.
    fn level(&self) -> usize {
        let own = self.heading.map_or(1, |level| level as usize);
        (self.layouter.level + own).min(6)
    }

    /// Words at a place of the text, each part of them with the piece that says it.
    fn say(&mut self, words: &str, place: &Range<usize>) {
        let pieces = self.pieces;
        let first = pieces.partition_point(|(own, _)| own.end <= place.start);
        // Otherwise they are written in another way than they read, as an entity is.
        let is_verbatim = words.len() == place.len();
        let mut rest = words;
        let mut at = place.start;
        for (own, piece) in &pieces[first..] {
            if rest.is_empty() {
                return;
            }
            let mut end = place.end;
            if is_verbatim {
                end = end.min(own.end);
            }
            let (said, left) = match rest.split_at_checked(end - at) {
                Some(parts) if is_verbatim => parts,
                Some(_) | None => (rest, ""),
            };
            let source = piece.source.as_ref().map(|source| Source {
                is_literal: source.is_literal && is_verbatim,
                ..source.part(&(at - own.start..end - own.start))
            });
            if !said.is_empty() {
                self.add(said, piece.origin.clone(), source);
            }
            (rest, at) = (left, end);
        }
        if !rest.is_empty() {
            self.add(rest, None, None);
        }
    }

    fn add(&mut self, text: &str, origin: Option<Arc<Origin>>, source: Option<Source>) {
        // An entity may stand for a letter that disguises.
        let text = clean(text);
        let (bold, italic) = (
            (self.bold > 0).then_some(true),
            (self.italic > 0).then_some(true),
        );
        let tag = self.link.as_ref().map_or(0, |(_, tag)| *tag);
        let link = self.link.as_ref().map(|(url, _)| url.clone());
        self.tag();
        if let Some(last) = self.spans.last_mut()
            && (last.bold, last.italic, last.tag) == (bold, italic, tag)
            && last.link == link
            && let Some(joined) = joined(last.source.as_ref(), source.as_ref())
        {
            last.text.push_str(&text);
            last.source = Some(joined);
            return;
        }
        self.spans.push(Span {
            text,
            bold,
            italic,
            colour: link.as_ref().map(|_| self.layouter.colours.accent),
            link,
            tag,
            origin,
            source,
            ..Span::default()
        });
    }

    /// Ends the paragraph under way.
    fn flush(&mut self) -> Result<(), DocumentError> {
        let mut spans = std::mem::take(&mut self.spans);
        let (heading, level) = (self.heading.is_some(), self.level());
        let tag = self.paragraph.take();
        self.heading = None;
        self.link = None;
        if let Some(last) = spans.last_mut() {
            last.text.truncate(last.text.trim_end().len());
        }
        let Some(tag) = tag else {
            return Ok(());
        };
        self.layouter.count_block()?;
        if !heading {
            self.passages
                .push(Filled::new(spans, self.look.clone(), tag));
            return Ok(());
        }
        if !is_blank(&spans) {
            self.layouter.note_heading(tag, &spans);
        }
        let (look, scale) = self.heading_look(level);
        let mut heading = Filled::new(spans, look, tag);
        heading.scale = scale;
        self.passages.push_heading(heading);
        Ok(())
    }

    /// As headings of the document look, in the measure of this text; and how much larger its letters are.
    fn heading_look(&self, level: usize) -> (Look, f32) {
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        let own = self.layouter.heading_look(level);
        let scale = own.size / self.layouter.template.theme.size;
        let look = Look {
            size: self.look.size * scale,
            colour: self.look.colour,
            align: self.look.align,
            ..own
        };
        (look, scale)
    }
}

/// Where words stand in the template that follow one another in one piece of it.
fn joined(one: Option<&Source>, next: Option<&Source>) -> Option<Source> {
    let (one, next) = (one?, next?);
    if one == next && !one.is_literal {
        return Some(one.clone());
    }
    let follow = one.is_literal && next.is_literal && one.bytes.end == next.bytes.start;
    (follow && one.leaf == next.leaf).then(|| Source {
        bytes: one.bytes.start..next.bytes.end,
        ..one.clone()
    })
}
