//! Vector paths as operations.

use printpdf::{
    Line, LineCapStyle, LineDashPattern, LineJoinStyle, LinePoint, Op, PaintMode, Point, Polygon,
    PolygonRing, Pt, Rect, WindingOrder,
};

use super::{Page, colour};
use crate::{
    display::{Rgb, Shape, Stroke},
    path::Segment,
};

impl Page<'_> {
    pub(super) fn path(
        &mut self,
        segments: &[Segment],
        fill: Option<(Rgb, WindingOrder)>,
        stroke: Option<Stroke>,
        (x, y): (f32, f32),
    ) {
        let lines = self.lines(segments, x, y);
        if lines.is_empty() {
            return;
        }
        if let Some((fill, winding_order)) = fill {
            self.fill(fill);
            let ring = |line: &Line| PolygonRing {
                points: line.points.clone(),
            };
            self.ops.push(Op::DrawPolygon {
                polygon: Polygon {
                    rings: lines.iter().map(ring).collect(),
                    mode: PaintMode::Fill,
                    winding_order,
                },
            });
        }
        if let Some(stroke) = stroke {
            self.stroke(stroke);
            self.ops
                .extend(lines.into_iter().map(|line| Op::DrawLine { line }));
        }
    }

    /// A drawing, of which nothing is seen outside of its place.
    pub(super) fn drawing(
        &mut self,
        shapes: &[Shape],
        (scale_x, scale_y): (f32, f32),
        (x, y): (f32, f32),
        (width, height): (f32, f32),
    ) {
        self.ops.push(Op::SaveGraphicsState);
        self.ops.push(Op::DrawRectangle {
            rectangle: Rect {
                x: Pt(x),
                y: Pt(self.display.height - y - height),
                width: Pt(width),
                height: Pt(height),
                mode: Some(PaintMode::Clip),
                winding_order: None,
            },
        });
        for shape in shapes {
            let segments: Vec<Segment> = shape
                .segments
                .iter()
                .map(|segment| segment.scaled(scale_x, scale_y))
                .collect();
            let rule = if shape.even_odd {
                WindingOrder::EvenOdd
            } else {
                WindingOrder::NonZero
            };
            let fill = shape.fill.map(|fill| (fill, rule));
            let stroke = shape.stroke.map(|stroke| stroke.scaled(scale_x));
            self.path(&segments, fill, stroke, (x, y));
        }
        self.ops.push(Op::RestoreGraphicsState);
        // What was set within is no more.
        self.colour = None;
        self.stroke = None;
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
