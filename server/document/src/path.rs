//! Paths: what vector shapes are made of, in points from the shape's top left corner.

use std::f32::consts::TAU;

/// Distance of the control points that makes four cubics a circle to within 0.03 %, in radii.
const QUARTER: f32 = 0.552_284_8;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Segment {
    Move(f32, f32),
    Line(f32, f32),
    Curve([f32; 6]),
    Close,
}

impl Segment {
    pub(crate) fn scaled(self, sx: f32, sy: f32) -> Self {
        match self {
            Self::Move(x, y) => Self::Move(x * sx, y * sy),
            Self::Line(x, y) => Self::Line(x * sx, y * sy),
            Self::Curve([a, b, c, d, e, f]) => {
                Self::Curve([a * sx, b * sy, c * sx, d * sy, e * sx, f * sy])
            }
            Self::Close => Self::Close,
        }
    }
}

pub(crate) fn rectangle(x: f32, y: f32, w: f32, h: f32) -> [Segment; 5] {
    [
        Segment::Move(x, y),
        Segment::Line(x + w, y),
        Segment::Line(x + w, y + h),
        Segment::Line(x, y + h),
        Segment::Close,
    ]
}

pub(crate) fn circle(x: f32, y: f32, r: f32) -> [Segment; 6] {
    let k = r * QUARTER;
    [
        Segment::Move(x + r, y),
        Segment::Curve([x + r, y + k, x + k, y + r, x, y + r]),
        Segment::Curve([x - k, y + r, x - r, y + k, x - r, y]),
        Segment::Curve([x - r, y - k, x - k, y - r, x, y - r]),
        Segment::Curve([x + k, y - r, x + r, y - k, x + r, y]),
        Segment::Close,
    ]
}

/// A rectangle with round corners; square ones where `radius` is 0.
pub(crate) fn rounded(width: f32, height: f32, radius: f32) -> Vec<Segment> {
    let r = radius.min(width / 2.0).min(height / 2.0);
    if r <= 0.0 {
        return rectangle(0.0, 0.0, width, height).into();
    }
    let k = r * (1.0 - QUARTER);
    vec![
        Segment::Move(r, 0.0),
        Segment::Line(width - r, 0.0),
        Segment::Curve([width - k, 0.0, width, k, width, r]),
        Segment::Line(width, height - r),
        Segment::Curve([width, height - k, width - k, height, width - r, height]),
        Segment::Line(r, height),
        Segment::Curve([k, height, 0.0, height - k, 0.0, height - r]),
        Segment::Line(0.0, r),
        Segment::Curve([0.0, k, k, 0.0, r, 0.0]),
        Segment::Close,
    ]
}

/// A slice of a circle around `x`, `y`, from one share of the round to another, clockwise from the top.
pub(crate) fn slice((x, y): (f32, f32), r: f32, from: f32, to: f32) -> Vec<Segment> {
    let step = (to - from) / 4.0;
    // Distance of the control points for a quarter of the slice.
    let k = r * 4.0 / 3.0 * (step * TAU / 4.0).tan();
    let edge = |turn: f32| {
        let (sin, cos) = (turn * TAU).sin_cos();
        ((x + r * sin, y - r * cos), (k * cos, k * sin))
    };
    let ((left, top), _) = edge(from);
    let mut segments = vec![Segment::Move(x, y), Segment::Line(left, top)];
    for quarter in [0.0, 1.0, 2.0, 3.0] {
        let ((ax, ay), (adx, ady)) = edge(from + step * quarter);
        let ((bx, by), (bdx, bdy)) = edge(from + step * (quarter + 1.0));
        segments.push(Segment::Curve([
            ax + adx,
            ay + ady,
            bx - bdx,
            by - bdy,
            bx,
            by,
        ]));
    }
    segments.push(Segment::Close);
    segments
}

/// The dark ones of modules given row by row, each `module` wide and high; those side by side are one rectangle.
pub(crate) fn modules(dark: &[bool], columns: usize, module: (f32, f32)) -> Vec<Segment> {
    let (width, height) = module;
    let mut segments = Vec::new();
    for (row, line) in dark.chunks(columns.max(1)).enumerate() {
        let mut column = 0;
        for run in line.chunk_by(|one, other| one == other) {
            if run[0] {
                segments.extend(rectangle(
                    column as f32 * width,
                    row as f32 * height,
                    run.len() as f32 * width,
                    height,
                ));
            }
            column += run.len();
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dark_modules_side_by_side_are_one_rectangle() {
        let dark = [true, true, false, false, true, true];
        let expected = [rectangle(0.0, 0.0, 4.0, 3.0), rectangle(2.0, 3.0, 4.0, 3.0)];
        assert_eq!(modules(&dark, 3, (2.0, 3.0)), expected.concat());
    }

    #[test]
    fn a_slice_runs_clockwise_from_the_top() {
        let near = |found: f32, wanted: f32| (found - wanted).abs() < 0.01;
        let quarter = slice((10.0, 10.0), 8.0, 0.0, 0.25);
        let Segment::Line(x, y) = quarter[1] else {
            panic!("{quarter:?}");
        };
        assert!(near(x, 10.0) && near(y, 2.0), "{quarter:?}");
        let Segment::Curve([.., x, y]) = quarter[5] else {
            panic!("{quarter:?}");
        };
        assert!(near(x, 18.0) && near(y, 10.0), "{quarter:?}");
        // In its middle it is as far from the centre as at its ends.
        let Segment::Curve([.., x, y]) = quarter[3] else {
            panic!("{quarter:?}");
        };
        assert!(near((x - 10.0).hypot(y - 10.0), 8.0), "{quarter:?}");
    }

    #[test]
    fn corners_are_round_only_where_there_is_a_radius() {
        assert_eq!(rounded(4.0, 2.0, 0.0), rectangle(0.0, 0.0, 4.0, 2.0));
        // A radius too large for the box makes its short sides half circles.
        assert_eq!(rounded(4.0, 2.0, 9.0)[0], Segment::Move(1.0, 0.0));
    }
}
