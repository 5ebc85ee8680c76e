//! Lines to sign on.

use std::sync::Arc;

use super::Layouter;
use crate::{
    context::DocumentError,
    display::{Item, MM, Stroke, TagId},
    path::Segment,
    strip::{Decor, Strip},
    template::{Align, Leaf, Signature},
    text::Look,
};

/// Space between the two lines, and between a line and what stands below it, in millimetres.
const GAP: f32 = 8.0;
const LABEL_GAP: f32 = 0.8;

/// Length of the line for place and date, as a share of the other's.
const DATE_SHARE: f32 = 0.6;

impl Layouter<'_> {
    pub(super) fn signature(
        &mut self,
        block: &Signature,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let (share, gap) = match &block.date {
            Some(_) => (DATE_SHARE, GAP * MM),
            None => (0.0, 0.0),
        };
        let own = (block.width * MM).min((width - gap).max(1.0) / (1.0 + share));
        let before = own * share + gap;
        let start = match block.align {
            Align::Start => 0.0,
            Align::Center => (width - before - own) / 2.0,
            Align::End => width - before - own,
        };
        let look = self.body_look(None);
        let small = Look {
            size: look.size * 0.86,
            ..self.muted_look()
        };
        let height = block.height * MM;
        let mut cells = Vec::new();
        if let Some(date) = &block.date {
            let texts = [(date, &small)];
            let cell = self.signed(&texts, (own * share, height), mark, parent)?;
            cells.push((start, own * share, cell));
        }
        let mut texts: Vec<(&Leaf, &Look)> = Vec::new();
        texts.extend(block.name.as_ref().map(|name| (name, &look)));
        texts.push((&block.label, &small));
        let cell = self.signed(&texts, (own, height), mark, parent)?;
        cells.push((start + before, own, cell));
        Ok(vec![self.row(cells, width, 0.0, Decor::default())])
    }

    /// A line with room above it and texts below it.
    fn signed(
        &mut self,
        texts: &[(&Leaf, &Look)],
        (length, height): (f32, f32),
        mark: u32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let thickness = 0.6;
        let line = Item::Path {
            segments: Arc::new(vec![Segment::Move(0.0, 0.0), Segment::Line(length, 0.0)]),
            fill: None,
            stroke: Some(Stroke {
                colour: self.colours.text,
                width: thickness,
                dash: None,
                round: false,
            }),
            tag: 0,
        };
        let parts = vec![(0.0, height - thickness / 2.0, line)];
        let mut strips = self.figure(0, parts, (length, height), Align::Start, length);
        strips.push(Strip::space(LABEL_GAP * MM));
        for (leaf, look) in texts {
            strips.append(&mut self.simple(leaf, look, length, ("P", parent), mark)?);
        }
        Ok(strips)
    }
}
