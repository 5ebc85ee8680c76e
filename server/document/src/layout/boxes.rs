//! Blocks that hold others: beside each other in columns, or together in a box.

use std::rc::Rc;

use super::Layouter;
use crate::{
    context::DocumentError,
    display::{MM, TagId},
    path::Segment,
    strip::{Backdrop, Decor, Group, GroupCell, Strip, total},
    template::{Block, BoxBlock, ColumnWidth, Columns},
};

impl Layouter<'_> {
    pub(super) fn columns(
        &mut self,
        block: &Columns,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let (cells, gap) = (&block.cells, block.gap * MM);
        let gaps = gap * (cells.len().saturating_sub(1)) as f32;
        let room = (width - gaps).max(10.0);
        let mut wanted = Vec::with_capacity(cells.len());
        for cell in cells {
            wanted.push(match cell.width {
                ColumnWidth::Auto if self.measuring => (ColumnWidth::Fraction(1.0), 0.0),
                ColumnWidth::Auto => {
                    let natural = self.measured(&cell.blocks, room)?;
                    (ColumnWidth::Auto, (natural + 1.0).min(room))
                }
                given => (given, 0.0),
            });
        }
        let widths = share_width(&wanted, room);
        let mut x = 0.0;
        let mut group = Group::default();
        let right_to_left = self.right_to_left();
        for (cell, cell_width) in cells.iter().zip(widths) {
            let outer = self.direction;
            self.direction = cell.direction.or(outer);
            let strips = self.blocks(&cell.blocks, cell_width, parent)?;
            self.direction = outer;
            group.cells.push(GroupCell {
                x: if right_to_left {
                    width - x - cell_width
                } else {
                    x
                },
                middle: cell.middle,
                strips: strips.into(),
            });
            x += cell_width + gap;
        }
        if !self.measuring {
            self.measured.clear();
        }
        if group.cells.iter().all(|cell| cell.strips.is_empty()) {
            return Ok(Vec::new());
        }
        Ok(vec![Strip::group(group)])
    }

    /// How wide blocks are by themselves within `width`: they are laid out, and nothing is kept of it.
    fn measured(&mut self, blocks: &[Block], width: f32) -> Result<f32, DocumentError> {
        let (marks, notices, headings) =
            (self.marks.len(), self.notices.len(), self.headings.len());
        let fits = self.fits.len();
        let bytes = self.bytes;
        self.measuring = true;
        let strips = self.blocks(blocks, width, 0);
        self.measuring = false;
        self.bytes = bytes;
        self.marks.truncate(marks);
        self.notices.truncate(notices);
        self.headings.truncate(headings);
        self.fits.truncate(fits);
        Ok(Strip::natural_width(&strips?))
    }

    pub(super) fn boxed(
        &mut self,
        block: &BoxBlock,
        (mark, rise): (u32, f32),
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let page = &self.template.page;
        let (left, right) = if block.bleed {
            (page.left * MM, page.right * MM)
        } else {
            (0.0, 0.0)
        };
        let padding = block.padding * MM;
        let side = if block.bleed { 0.0 } else { padding };
        let inner = (width - 2.0 * side).max(10.0);
        let strips = self.blocks(&block.blocks, inner, parent)?;
        let mut decor = Decor {
            x: -left,
            width: width + left + right,
            rise,
            radius: block.radius * MM,
            ..Decor::default()
        };
        if let Some(fill) = &block.fill {
            decor.fill = Some(self.colour(fill, mark)?);
        }
        if let Some(border) = &block.border {
            decor.border = Some(self.colour(border, mark)?);
        }
        if let Some(background) = &block.background {
            let segments = background.shapes.iter().map(|shape| shape.segments.len());
            let segments = segments.sum::<usize>();
            self.count_glyphs(segments)?;
            // As the template has them, and in the size of the box.
            self.spend(2 * segments * size_of::<Segment>())?;
            let mut shapes = Vec::with_capacity(background.shapes.len());
            for shape in &background.shapes {
                shapes.push((self.colour(&shape.fill, mark)?, shape.segments.clone()));
            }
            decor.backdrop = Some(Rc::new(Backdrop {
                width: background.width,
                height: background.height,
                shapes,
            }));
        }
        Ok(one_group(
            strips,
            decor,
            ((padding - rise).max(0.0), padding),
            side,
            (block.min_height * MM - rise).max(0.0),
        ))
    }
}

/// All strips in one box.
fn one_group(
    strips: Vec<Strip>,
    decor: Decor,
    (top, bottom): (f32, f32),
    side: f32,
    min_height: f32,
) -> Vec<Strip> {
    let plain = decor.fill.is_none() && decor.border.is_none() && min_height == 0.0;
    if strips.is_empty() && plain {
        return Vec::new();
    }
    vec![Strip::group(Group {
        top,
        bottom,
        min_height: min_height.max(if total(&strips) > 0.0 { 0.0 } else { 1.0 }),
        cells: vec![GroupCell {
            x: side,
            middle: false,
            strips: strips.into(),
        }],
        decor,
        ..Group::default()
    })]
}

/// Widths of columns; `auto` ones bring their natural width. Never wider than `width` together.
pub(super) fn share_width(wanted: &[(ColumnWidth, f32)], width: f32) -> Vec<f32> {
    let fixed: f32 = wanted
        .iter()
        .map(|(kind, natural)| match kind {
            ColumnWidth::Fixed(mm) => mm * MM,
            ColumnWidth::Auto => *natural,
            ColumnWidth::Fraction(_) => 0.0,
        })
        .sum();
    let shares: f32 = wanted
        .iter()
        .map(|(kind, _)| match kind {
            ColumnWidth::Fraction(share) => *share,
            ColumnWidth::Auto | ColumnWidth::Fixed(_) => 0.0,
        })
        .sum();
    // Shares keep at least a third; what is fixed shrinks before text has no room.
    let room_fixed = if shares > 0.0 { width * 0.67 } else { width };
    let shrink = if fixed > room_fixed {
        room_fixed / fixed
    } else {
        1.0
    };
    let left = (width - fixed * shrink).max(0.0);
    let stretch = if shares == 0.0 && fixed > 0.0 {
        width / (fixed * shrink)
    } else {
        1.0
    };
    wanted
        .iter()
        .map(|(kind, natural)| match kind {
            ColumnWidth::Fixed(mm) => mm * MM * shrink * stretch,
            ColumnWidth::Auto => natural * shrink * stretch,
            ColumnWidth::Fraction(share) => left * share / shares,
        })
        .map(|width| width.max(1.0))
        .collect()
}
