//! Texts of several paragraphs and lists, one below the other.

use std::cmp::Ordering;

use super::Layouter;
use crate::{
    context::DocumentError,
    display::TagId,
    strip::{Body, Strip},
    template::{Align, LineLimit, List, Passage},
    text::{Look, Span},
};

/// Space before a paragraph, before one below a heading, and before an item of a list: shares of a line.
const BEFORE_PARAGRAPH: f32 = 0.6;
const BELOW_HEADING: f32 = 0.25;
const BEFORE_ITEM: f32 = 0.25;

/// How far the items of a list are set in at least, and how far their labels stand from them: shares of the size of letters.
const INDENT: f32 = 1.6;
const LABEL_GAP: f32 = 0.5;

/// A paragraph with its values filled in.
#[derive(Clone)]
pub(super) struct Filled {
    pub(super) spans: Vec<Span>,
    pub(super) look: Look,
    /// Size of its letters as a share of the text's.
    pub(super) scale: f32,
    pub(super) tag: TagId,
    /// Space above it.
    before: f32,
    /// From the side at which lines begin.
    indent: f32,
    labels: Vec<Label>,
    heading: bool,
}

/// What stands before an item of a list.
#[derive(Clone)]
struct Label {
    text: String,
    /// Lists that its own lies in.
    depth: usize,
    tag: TagId,
    width: f32,
    /// Where it ends, from the side at which lines begin.
    end: f32,
}

impl Filled {
    pub(super) fn new(spans: Vec<Span>, look: Look, tag: TagId) -> Self {
        Self {
            spans,
            look,
            scale: 1.0,
            tag,
            before: 0.0,
            indent: 0.0,
            labels: Vec::new(),
            heading: false,
        }
    }

    /// What it has of a width.
    pub(super) fn room(&self, width: f32) -> f32 {
        (width - self.indent).max(1.0)
    }

    /// In letters of another size of the text.
    pub(super) fn resized(&self, size: f32) -> Self {
        let mut other = self.clone();
        other.look.size = size * self.scale;
        other
    }
}

/// Whether nothing of it would be seen.
pub(super) fn is_blank(spans: &[Span]) -> bool {
    spans.iter().all(|span| span.text.trim().is_empty())
}

/// Paragraphs while they are put one below the other.
pub(super) struct Passages {
    pub(super) paragraphs: Vec<Filled>,
    parent: TagId,
    /// Outermost first.
    lists: Vec<OpenList>,
    /// Of items that have no paragraph yet.
    labels: Vec<Label>,
}

struct OpenList {
    tag: TagId,
    /// Of the next item; `None`: bullets.
    number: Option<u64>,
    /// Where its paragraphs begin, and those of its last item.
    first: usize,
    item: usize,
    /// What its last item holds is below this.
    body: TagId,
}

impl Passages {
    pub(super) fn new(parent: TagId) -> Self {
        Self {
            paragraphs: Vec::new(),
            parent,
            lists: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// What comes next is below this in the structure tree.
    pub(super) fn parent(&self) -> TagId {
        self.lists.last().map_or(self.parent, |list| list.body)
    }

    /// How many lists are open.
    pub(super) fn depth(&self) -> usize {
        self.lists.len()
    }

    /// Puts a paragraph below the others, if anything of it would be seen.
    pub(super) fn push(&mut self, paragraph: Filled) {
        self.add(paragraph, false);
    }

    pub(super) fn push_heading(&mut self, paragraph: Filled) {
        self.add(paragraph, true);
    }

    fn add(&mut self, mut paragraph: Filled, heading: bool) {
        if is_blank(&paragraph.spans) {
            return;
        }
        paragraph.labels = std::mem::take(&mut self.labels);
        paragraph.heading = heading;
        let line = paragraph.look.size * paragraph.look.line_height;
        paragraph.before = line
            * match self.paragraphs.last() {
                None => 0.0,
                Some(above) if above.heading => BELOW_HEADING,
                Some(_) if !paragraph.labels.is_empty() => BEFORE_ITEM,
                Some(_) => BEFORE_PARAGRAPH,
            };
        self.paragraphs.push(paragraph);
    }

    /// Ends an item: one that shows nothing has no label and no number.
    pub(super) fn close_item(&mut self) {
        let depth = self.lists.len();
        let Some(list) = self.lists.last_mut() else {
            return;
        };
        if self.paragraphs.len() == list.item {
            self.labels.retain(|label| label.depth < depth);
        } else if let Some(number) = &mut list.number {
            *number = number.saturating_add(1);
        }
    }

    /// Ends a list: sets in what is in it.
    pub(super) fn close_list(&mut self, look: &Look) {
        let depth = self.lists.len();
        let Some(list) = self.lists.pop() else {
            return;
        };
        let paragraphs = &mut self.paragraphs[list.first..];
        let labels = paragraphs.iter().flat_map(|paragraph| &paragraph.labels);
        let gap = look.size * LABEL_GAP;
        let indent = labels
            .filter(|label| label.depth == depth)
            .map(|label| label.width + gap)
            .fold(look.size * INDENT, f32::max);
        for paragraph in paragraphs {
            paragraph.indent += indent;
            for label in &mut paragraph.labels {
                match label.depth.cmp(&depth) {
                    Ordering::Equal => label.end = indent - gap,
                    Ordering::Greater => label.end += indent,
                    Ordering::Less => {}
                }
            }
        }
    }
}

impl Layouter<'_> {
    pub(super) fn passages(
        &mut self,
        passages: &[Passage],
        look: &Look,
        into: &mut Passages,
        mark: u32,
    ) -> Result<(), DocumentError> {
        for passage in passages {
            match passage {
                Passage::Paragraph(runs) => {
                    let tag = self.tag("P", into.parent());
                    let spans = self.run_spans(runs, tag, mark)?;
                    into.push(Filled::new(spans, look.clone(), tag));
                }
                Passage::List(List { start, items }) => {
                    self.open_list(into, *start);
                    for item in items {
                        self.open_item(into, look)?;
                        self.passages(item, look, into, mark)?;
                        into.close_item();
                    }
                    into.close_list(look);
                }
            }
        }
        Ok(())
    }

    pub(super) fn open_list(&mut self, into: &mut Passages, start: Option<u64>) {
        let tag = self.tag("L", into.parent());
        if tag != 0 {
            let numbering = if start.is_some() { "Decimal" } else { "Disc" };
            self.tags[tag as usize].numbering = Some(numbering);
        }
        let first = into.paragraphs.len();
        into.lists.push(OpenList {
            tag,
            number: start,
            first,
            item: first,
            body: tag,
        });
    }

    pub(super) fn open_item(
        &mut self,
        into: &mut Passages,
        look: &Look,
    ) -> Result<(), DocumentError> {
        self.count_block()?;
        let depth = into.lists.len();
        let Some(list) = into.lists.last_mut() else {
            return Ok(());
        };
        let item = self.tag("LI", list.tag);
        let tag = self.tag("Lbl", item);
        list.body = self.tag("LBody", item);
        list.item = into.paragraphs.len();
        let text = match list.number {
            Some(number) => format!("{number}."),
            None if depth.is_multiple_of(2) => "–".to_owned(),
            None => "•".to_owned(),
        };
        let width = self.natural_width(&[Span::plain(text.as_str())], &of_label(look))?;
        into.labels.push(Label {
            text,
            depth,
            tag,
            width,
            end: 0.0,
        });
        Ok(())
    }

    /// Paragraphs to strips, within the limit of lines.
    pub(super) fn paragraphs(
        &mut self,
        paragraphs: Vec<Filled>,
        size: f32,
        limit: Option<&LineLimit>,
        width: f32,
        mark: u32,
    ) -> Result<Vec<Strip>, DocumentError> {
        // All of them are one text, and all are shaped at once where their lines are limited.
        let texts: Vec<&[Span]> = paragraphs
            .iter()
            .map(|paragraph| paragraph.spans.as_slice())
            .collect();
        self.check_lengths(&texts)?;
        let paragraphs = match limit {
            Some(limit) if !paragraphs.is_empty() => {
                self.limited(paragraphs, size, limit, width, mark)?
            }
            _ => paragraphs,
        };
        let mut strips: Vec<Strip> = Vec::new();
        for paragraph in &paragraphs {
            if paragraph.before > 0.0 {
                strips.push(Strip {
                    keep_next: strips.last().is_some_and(|strip| strip.keep_next),
                    ..Strip::space(paragraph.before)
                });
            }
            let (spans, look) = (&paragraph.spans, &paragraph.look);
            let room = paragraph.room(width);
            let mut lines = self.lines(spans, look, room, paragraph.tag, mark)?;
            if !self.right_to_left() && paragraph.indent > 0.0 {
                for line in &mut lines {
                    if let Body::Items(items) = &mut line.body {
                        items.iter_mut().for_each(|(x, ..)| *x += paragraph.indent);
                    }
                }
            }
            if let Some(first) = lines.first_mut() {
                self.label(paragraph, first, width, mark)?;
            }
            if paragraph.heading {
                lines.iter_mut().for_each(|line| line.keep_next = true);
            }
            strips.append(&mut lines);
        }
        // Below one at the end is nothing of this text.
        if let Some(last) = strips.last_mut()
            && paragraphs.last().is_some_and(|paragraph| paragraph.heading)
        {
            last.keep_next = false;
        }
        Ok(strips)
    }

    /// Puts the labels of an item before its first line.
    fn label(
        &mut self,
        paragraph: &Filled,
        line: &mut Strip,
        width: f32,
        mark: u32,
    ) -> Result<(), DocumentError> {
        let Body::Items(items) = &mut line.body else {
            return Ok(());
        };
        let look = of_label(&paragraph.look);
        let mut found = Vec::new();
        for label in &paragraph.labels {
            let spans = [Span::plain(label.text.as_str())];
            let own = self.natural_width(&spans, &look)?;
            let x = if self.right_to_left() {
                width - label.end
            } else {
                label.end - own
            };
            let (_, drawn) = self.caption(&spans, &look, own + 0.1, label.tag, mark)?;
            found.extend(drawn.into_iter().map(|(left, y, item)| (x + left, y, item)));
        }
        found.append(items);
        *items = found;
        Ok(())
    }
}

/// A label stands upright beside its item.
fn of_label(look: &Look) -> Look {
    Look {
        italic: false,
        align: Align::Start,
        justify: false,
        ..look.clone()
    }
}
