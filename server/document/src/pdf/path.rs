//! Vector paths as operations.

use printpdf::{
    Line, LineCapStyle, LineDashPattern, LineJoinStyle, LinePoint, Op, PaintMode, Point, Polygon,
    PolygonRing, Pt, WindingOrder,
};

use super::{Page, colour};
use crate::{
    display::{Rgb, Stroke},
    path::Segment,
};

impl Page<'_> {
    pub(super) fn path(
        &mut self,
        segments: &[Segment],
        fill: Option<Rgb>,
        stroke: Option<Stroke>,
        (x, y): (f32, f32),
    ) {
        let lines = self.lines(segments, x, y);
        if lines.is_empty() {
            return;
        }
        if let Some(fill) = fill {
            self.fill(fill);
            let ring = |line: &Line| PolygonRing {
                points: line.points.clone(),
            };
            self.ops.push(Op::DrawPolygon {
                polygon: Polygon {
                    rings: lines.iter().map(ring).collect(),
                    mode: PaintMode::Fill,
                    winding_order: WindingOrder::NonZero,
                },
            });
        }
        if let Some(stroke) = stroke {
            self.stroke(stroke);
            self.ops
                .extend(lines.into_iter().map(|line| Op::DrawLine { line }));
        }
    }

    /// The parts of a path, each begun by a move.
    fn lines(&self, segments: &[Segment], x: f32, y: f32) -> Vec<Line> {
        let height = self.display.height;
        let point = |a: f32, b: f32, bezier: bool| LinePoint {
            p: Point {
                x: Pt(x + a),
                y: Pt(height - y - b),
            },
            bezier,
        };
        let mut lines: Vec<Line> = Vec::new();
        for segment in segments {
            match (segment, lines.last_mut()) {
                (Segment::Move(a, b), _) => lines.push(Line {
                    points: vec![point(*a, *b, false)],
                    is_closed: false,
                }),
                (Segment::Line(a, b), Some(line)) => line.points.push(point(*a, *b, false)),
                (Segment::Curve([a, b, c, d, e, f]), Some(line)) => line.points.extend([
                    point(*a, *b, true),
                    point(*c, *d, true),
                    point(*e, *f, false),
                ]),
                (Segment::Close, Some(line)) => line.is_closed = true,
                (Segment::Line(..) | Segment::Curve(_) | Segment::Close, None) => {}
            }
        }
        lines
    }

    fn stroke(&mut self, stroke: Stroke) {
        if self.stroke == Some(stroke) {
            return;
        }
        self.stroke = Some(stroke);
        let (cap, join) = if stroke.round {
            (LineCapStyle::Round, LineJoinStyle::Round)
        } else {
            (LineCapStyle::Butt, LineJoinStyle::Miter)
        };
        let dash = stroke
            .dash
            .map_or_else(LineDashPattern::solid, |(dash, gap)| {
                LineDashPattern::new(0.0, &[dash, gap])
            });
        self.ops.extend([
            Op::SetOutlineColor {
                col: colour(stroke.colour),
            },
            Op::SetOutlineThickness {
                pt: Pt(stroke.width),
            },
            Op::SetLineDashPattern { dash },
            Op::SetLineCapStyle { cap },
            Op::SetLineJoinStyle { join },
        ]);
    }
}
