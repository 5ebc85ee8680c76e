//! Vector paths on a page.

use super::{Page, content::Fill};
use crate::{
    display::{Rgb, Shape, Stroke},
    path::Segment,
};

impl Page<'_> {
    pub(super) fn path(
        &mut self,
        segments: &[Segment],
        fill: Option<(Rgb, Fill)>,
        stroke: Option<Stroke>,
        (x, y): (f32, f32),
    ) {
        if let Some((fill, _)) = fill {
            self.fill(fill);
        }
        if let Some(stroke) = stroke {
            self.stroke(stroke);
        }
        let corner = (x, self.display.height - y);
        let rule = fill.map(|(_, rule)| rule);
        self.content.path(segments, corner, rule, stroke.is_some());
    }

    /// A drawing, of which nothing is seen outside of its place.
    pub(super) fn drawing(
        &mut self,
        shapes: &[Shape],
        (scale_x, scale_y): (f32, f32),
        (x, y): (f32, f32),
        (width, height): (f32, f32),
    ) {
        self.content.save();
        let foot = self.display.height - y - height;
        self.content.clip(x, foot, width, height);
        for shape in shapes {
            let segments: Vec<Segment> = shape
                .segments
                .iter()
                .map(|segment| segment.scaled(scale_x, scale_y))
                .collect();
            let rule = if shape.even_odd {
                Fill::EvenOdd
            } else {
                Fill::NonZero
            };
            let fill = shape.fill.map(|fill| (fill, rule));
            let stroke = shape.stroke.map(|stroke| stroke.scaled(scale_x));
            self.path(&segments, fill, stroke, (x, y));
        }
        self.restore();
    }

    fn stroke(&mut self, stroke: Stroke) {
        if self.stroke != Some(stroke) {
            self.stroke = Some(stroke);
            self.content.stroke(&stroke);
        }
    }

    /// What was set within is no more.
    pub(super) fn restore(&mut self) {
        self.content.restore();
        self.colour = None;
        self.stroke = None;
    }
}
