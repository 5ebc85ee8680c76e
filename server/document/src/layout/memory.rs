//! What a document takes of memory, added up while it is laid out: a few lines of a template can ask for more than any machine has. What
//! is counted stays until the file is written; what is let go sooner is bounded where it is made.

use super::{Layouter, limit};
use crate::{
    context::{DocumentError, LimitKind, MB},
    display::{Item, Picture, Pixels},
    path::Segment,
    strip::{Body, Strip},
    template::{Block, BlockKind},
    text::Paragraph,
};

/// A block or a cell: its strips and its ground.
pub(super) const BLOCK: usize = 350;
/// An element of the structure, here and in the file.
pub(super) const TAG: usize = 750;
/// A strip of a block that is a part of others: its place in each of them.
const MARK: usize = 24;
/// A line, letters of one font on it, each letter, and what else stands there.
const LINE: usize = 200;
const RUN: usize = 350;
const GLYPH: usize = 80;
const ITEM: usize = 100;

impl Layouter<'_> {
    /// Counts what something takes.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), DocumentError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.limits.max_bytes {
            return Err(self.no_room());
        }
        Ok(())
    }

    /// The same where nothing can be refused: whoever spends next is.
    pub(super) fn owe(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn no_room(&self) -> DocumentError {
        limit(LimitKind::Memory, (self.limits.max_bytes / MB) as u64)
    }

    /// What is left.
    pub(super) fn room(&self) -> usize {
        self.limits.max_bytes.saturating_sub(self.bytes)
    }

    /// A block's names, which every instance of it has.
    pub(super) fn spend_mark(&mut self, block: &Block) -> Result<(), DocumentError> {
        self.spend(block.id.len() + block.pointer.len())
    }

    pub(super) fn spend_paragraph(&mut self, paragraph: &Paragraph) -> Result<(), DocumentError> {
        let items = paragraph.lines.iter().flat_map(|line| &line.items);
        let items = items.map(|(.., item)| match item {
            Item::Glyphs(_) => RUN,
            Item::Rect { .. }
            | Item::Path { .. }
            | Item::Image { .. }
            | Item::Link { .. }
            | Item::Figure { .. }
            | Item::Value { .. } => ITEM,
        });
        let items: usize = items.sum();
        self.spend(paragraph.lines.len() * LINE + items + paragraph.glyphs * GLYPH)
    }

    pub(super) fn spend_picture(&mut self, picture: &Picture) -> Result<(), DocumentError> {
        self.spend(match &picture.pixels {
            // What they are in the file, twice while it is written.
            Pixels::Rgba(pixels) => pixels.len() + pixels.len() / 2,
            Pixels::Jpeg { bytes, .. } => 3 * bytes.len(),
            Pixels::Drawing(shapes) => shapes
                .iter()
                .map(|shape| size_of_val(shape) + size_of_val(shape.segments.as_slice()))
                .sum(),
        })
    }

    /// What a block draws beside letters, such as the modules of a code; blocks within it were counted as they were laid out.
    pub(super) fn spend_drawn(
        &mut self,
        kind: &BlockKind,
        strips: &[Strip],
    ) -> Result<(), DocumentError> {
        let holds_blocks = matches!(
            kind,
            BlockKind::Columns(_)
                | BlockKind::Box(_)
                | BlockKind::KeepTogether(_)
                | BlockKind::Repeat(_)
                | BlockKind::If(_)
        );
        let drawn = |strip: &Strip| -> usize {
            let Body::Items(items) = &strip.body else {
                return 0;
            };
            let paths = items.iter().filter_map(|(.., item)| match item {
                Item::Path { segments, .. } => Some(ITEM + segments.len() * size_of::<Segment>()),
                Item::Glyphs(_)
                | Item::Rect { .. }
                | Item::Image { .. }
                | Item::Link { .. }
                | Item::Figure { .. }
                | Item::Value { .. } => None,
            });
            paths.sum()
        };
        let paths: usize = if holds_blocks {
            0
        } else {
            strips.iter().map(drawn).sum()
        };
        self.spend(paths + strips.len() * MARK)
    }
}
