//! Shapes as segments of paths, in the units of the picture.

use roxmltree::Node;
use svgtypes::{
    Length, LengthUnit, PathParser, PathSegment, PointsParser, SimplePathSegment,
    SimplifyingPathParser, Transform,
};

use crate::{path::Segment, picture::PictureError};

/// Nothing reaches further.
const FARTHEST: f64 = 100_000.0;

/// Distance of the control points that makes four cubics a circle, in radii.
const QUARTER: f64 = 0.552_284_8;

/// The segments of an element; none where its numbers make no shape.
pub(super) fn segments(
    node: Node<'_, '_>,
    name: &str,
    size: (f64, f64),
    place: Transform,
    most: usize,
) -> Result<Vec<Segment>, PictureError> {
    let diagonal = size.0.hypot(size.1) / std::f64::consts::SQRT_2;
    let number = |key: &str, of: f64| node.attribute(key).and_then(|text| length(text, of));
    let x = |key: &str| number(key, size.0).unwrap_or(0.0);
    let y = |key: &str| number(key, size.1).unwrap_or(0.0);
    let mut pen = Pen {
        place,
        most,
        segments: Vec::new(),
        outcome: Ok(()),
        is_lost: false,
        at: (0.0, 0.0),
    };
    match name {
        "path" => path(&mut pen, node.attribute("d").unwrap_or_default()),
        "rect" => {
            let (rx, ry) = (number("rx", size.0), number("ry", size.1));
            let (rx, ry) = (rx.or(ry).unwrap_or(0.0), ry.or(rx).unwrap_or(0.0));
            rectangle(&mut pen, [x("x"), y("y"), x("width"), y("height"), rx, ry]);
        }
        "circle" => {
            let r = number("r", diagonal).unwrap_or(0.0);
            ellipse(&mut pen, [x("cx"), y("cy"), r, r]);
        }
        "ellipse" => ellipse(&mut pen, [x("cx"), y("cy"), x("rx"), y("ry")]),
        "line" => {
            pen.start(x("x1"), y("y1"));
            pen.line(x("x2"), y("y2"));
        }
        "polyline" | "polygon" => {
            let points = node.attribute("points").unwrap_or_default();
            for (index, (x, y)) in PointsParser::from(points).enumerate() {
                if index == 0 {
                    pen.start(x, y);
                } else {
                    pen.line(x, y);
                }
                if pen.outcome.is_err() {
                    break;
                }
            }
            if name == "polygon" {
                pen.close();
            }
        }
        _ => {}
    }
    pen.outcome?;
    if pen.is_lost {
        return Ok(Vec::new());
    }
    Ok(pen.segments)
}

/// A length in the drawing's own units; shares are of `whole`.
pub(super) fn length(text: &str, whole: f64) -> Option<f64> {
    let Length { number, unit } = text.trim().parse().ok()?;
    let factor = match unit {
        LengthUnit::None | LengthUnit::Px => 1.0,
        LengthUnit::Em | LengthUnit::Pc => 16.0,
        LengthUnit::Ex => 8.0,
        LengthUnit::In => 96.0,
        LengthUnit::Cm => 96.0 / 2.54,
        LengthUnit::Mm => 96.0 / 25.4,
        LengthUnit::Pt => 4.0 / 3.0,
        LengthUnit::Percent => whole / 100.0,
    };
    let length = number * factor;
    length.is_finite().then_some(length)
}

/// The place of something that is placed within something else.
pub(super) fn within(outer: Transform, own: Transform) -> Transform {
    Transform::new(
        outer.a * own.a + outer.c * own.b,
        outer.b * own.a + outer.d * own.b,
        outer.a * own.c + outer.c * own.d,
        outer.b * own.c + outer.d * own.d,
        outer.a * own.e + outer.c * own.f + outer.e,
        outer.b * own.e + outer.d * own.f + outer.f,
    )
}

/// By how much lengths grow.
pub(super) fn growth(place: Transform) -> f64 {
    (place.a * place.d - place.b * place.c).abs().sqrt()
}

fn path(pen: &mut Pen, data: &str) {
    // An arc of a radius without bounds would be made of curves without end.
    let segments = PathParser::from(data).map_while(Result::ok);
    if !segments.flat_map(numbers).all(is_sound) {
        pen.is_lost = true;
        return;
    }
    for segment in SimplifyingPathParser::from(data) {
        // A path is drawn up to its first mistake (SVG 2, 9.5.4).
        let Ok(segment) = segment else {
            return;
        };
        match segment {
            SimplePathSegment::MoveTo { x, y } => pen.start(x, y),
            SimplePathSegment::LineTo { x, y } => pen.line(x, y),
            SimplePathSegment::CurveTo {
                x1,
                y1,
                x2,
                y2,
                x,
                y,
            } => pen.curve([x1, y1, x2, y2, x, y]),
            SimplePathSegment::Quadratic { x1, y1, x, y } => pen.quadratic(x1, y1, x, y),
            SimplePathSegment::ClosePath => pen.close(),
        }
        if pen.outcome.is_err() {
            return;
        }
    }
}

/// The numbers of a segment, as they are written.
fn numbers(segment: PathSegment) -> Vec<f64> {
    match segment {
        PathSegment::MoveTo { x, y, .. }
        | PathSegment::LineTo { x, y, .. }
        | PathSegment::SmoothQuadratic { x, y, .. } => vec![x, y],
        PathSegment::HorizontalLineTo { x, .. } => vec![x],
        PathSegment::VerticalLineTo { y, .. } => vec![y],
        PathSegment::CurveTo {
            x1,
            y1,
            x2,
            y2,
            x,
            y,
            ..
        } => vec![x1, y1, x2, y2, x, y],
        PathSegment::SmoothCurveTo { x2, y2, x, y, .. } => vec![x2, y2, x, y],
        PathSegment::Quadratic { x1, y1, x, y, .. } => vec![x1, y1, x, y],
        PathSegment::EllipticalArc {
            rx,
            ry,
            x_axis_rotation,
            x,
            y,
            ..
        } => vec![rx, ry, x_axis_rotation, x, y],
        PathSegment::ClosePath { .. } => Vec::new(),
    }
}

/// Neither without bounds nor so small that its square is nothing.
fn is_sound(number: f64) -> bool {
    number == 0.0 || (1e-30..=1e6).contains(&number.abs())
}

fn rectangle(pen: &mut Pen, [x, y, width, height, rx, ry]: [f64; 6]) {
    if !(width > 0.0 && height > 0.0) {
        return;
    }
    let (rx, ry) = (rx.clamp(0.0, width / 2.0), ry.clamp(0.0, height / 2.0));
    let (right, bottom) = (x + width, y + height);
    if rx == 0.0 || ry == 0.0 {
        pen.start(x, y);
        pen.line(right, y);
        pen.line(right, bottom);
        pen.line(x, bottom);
        return pen.close();
    }
    let (kx, ky) = (rx * (1.0 - QUARTER), ry * (1.0 - QUARTER));
    pen.start(x + rx, y);
    pen.line(right - rx, y);
    pen.curve([right - kx, y, right, y + ky, right, y + ry]);
    pen.line(right, bottom - ry);
    pen.curve([right, bottom - ky, right - kx, bottom, right - rx, bottom]);
    pen.line(x + rx, bottom);
    pen.curve([x + kx, bottom, x, bottom - ky, x, bottom - ry]);
    pen.line(x, y + ry);
    pen.curve([x, y + ky, x + kx, y, x + rx, y]);
    pen.close();
}

fn ellipse(pen: &mut Pen, [x, y, rx, ry]: [f64; 4]) {
    if !(rx > 0.0 && ry > 0.0) {
        return;
    }
    let (kx, ky) = (rx * QUARTER, ry * QUARTER);
    pen.start(x + rx, y);
    pen.curve([x + rx, y + ky, x + kx, y + ry, x, y + ry]);
    pen.curve([x - kx, y + ry, x - rx, y + ky, x - rx, y]);
    pen.curve([x - rx, y - ky, x - kx, y - ry, x, y - ry]);
    pen.curve([x + kx, y - ry, x + rx, y - ky, x + rx, y]);
    pen.close();
}

/// Draws in the drawing's own units and writes in those of the picture.
struct Pen {
    place: Transform,
    most: usize,
    segments: Vec<Segment>,
    outcome: Result<(), PictureError>,
    /// A point is no number, or nowhere near the picture.
    is_lost: bool,
    /// Where it is, for curves with one control point.
    at: (f64, f64),
}

impl Pen {
    fn start(&mut self, x: f64, y: f64) {
        self.at = (x, y);
        let (x, y) = self.point(x, y);
        self.push(Segment::Move(x, y));
    }

    fn line(&mut self, x: f64, y: f64) {
        self.at = (x, y);
        let (x, y) = self.point(x, y);
        self.push(Segment::Line(x, y));
    }

    fn curve(&mut self, [x1, y1, x2, y2, x, y]: [f64; 6]) {
        self.at = (x, y);
        let (first, second, end) = (self.point(x1, y1), self.point(x2, y2), self.point(x, y));
        self.push(Segment::Curve([
            first.0, first.1, second.0, second.1, end.0, end.1,
        ]));
    }

    fn quadratic(&mut self, x1: f64, y1: f64, x: f64, y: f64) {
        let third = |from: f64, to: f64| from + 2.0 / 3.0 * (to - from);
        let (fx, fy) = self.at;
        self.curve([
            third(fx, x1),
            third(fy, y1),
            third(x, x1),
            third(y, y1),
            x,
            y,
        ]);
    }

    fn close(&mut self) {
        if !self.segments.is_empty() {
            self.push(Segment::Close);
        }
    }

    fn push(&mut self, segment: Segment) {
        if self.segments.len() == self.most {
            self.outcome = Err(PictureError::Complex);
        } else {
            self.segments.push(segment);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "bounded right here")]
    fn point(&mut self, x: f64, y: f64) -> (f32, f32) {
        let Transform { a, b, c, d, e, f } = self.place;
        let (x, y) = (a * x + c * y + e, b * x + d * y + f);
        if x.abs() <= FARTHEST && y.abs() <= FARTHEST {
            (x as f32, y as f32)
        } else {
            self.is_lost = true;
            (0.0, 0.0)
        }
    }
}
