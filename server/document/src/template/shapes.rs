//! Vector pictures behind a box: paths in the syntax of SVG (M L H V C S Q Z, absolute and relative), circles and rectangles, each
//! with one fill. Parsed once into absolute cubic segments.

use serde_json::{Value as Json, json};

use super::{leaf::Leaf, read::Reader};
use crate::path::{Segment, circle, rectangle};

const MAX_SEGMENTS: usize = 5_000;

#[derive(Clone, Debug)]
pub(crate) struct Background {
    /// Size of the drawing's own coordinates, scaled to cover the box.
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) shapes: Vec<Shape>,
}

#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) fill: Leaf,
    pub(crate) segments: Vec<Segment>,
}

pub(super) fn read(reader: &mut Reader, json: &Json, pointer: &str) -> Option<Background> {
    let mut object = reader.object(json, pointer)?;
    let width = object.number(reader, "width", 1.0..=10_000.0, 100.0);
    let height = object.number(reader, "height", 1.0..=10_000.0, 100.0);
    let mut shapes = Vec::new();
    let mut total = 0;
    for (json, pointer) in object.list(reader, "shapes") {
        let Some(mut shape) = reader.object(json, &pointer) else {
            continue;
        };
        let fill = shape.required_leaf(reader, "fill");
        let mut segments = Vec::new();
        if let Some(path) = shape.text(reader, "path") {
            match parse_path(&path) {
                Ok(found) => segments = found,
                Err(message) => {
                    let params = json!({ "reason": message });
                    reader.problem_with(&format!("{pointer}/path"), "path", params, message);
                }
            }
        }
        let mut values = |key| -> Option<Vec<f32>> {
            let list = shape.list(reader, key);
            let numbers: Vec<f32> = list
                .iter()
                .filter_map(|(json, _)| json.as_f64())
                .map(|number| {
                    #[expect(clippy::cast_possible_truncation, reason = "clamped right here")]
                    {
                        number.clamp(-10_000.0, 10_000.0) as f32
                    }
                })
                .collect();
            (!numbers.is_empty()).then_some(numbers)
        };
        let round = values("circle");
        let rect = values("rect");
        match round.as_deref() {
            Some([x, y, r]) => segments.extend(circle(*x, *y, *r)),
            Some(_) => reader.problem(
                &format!("{pointer}/circle"),
                "circle",
                "a circle is [x, y, radius]",
            ),
            None => {}
        }
        match rect.as_deref() {
            Some([x, y, w, h]) => segments.extend(rectangle(*x, *y, *w, *h)),
            Some(_) => reader.problem(
                &format!("{pointer}/rect"),
                "rectangle",
                "a rectangle is [x, y, width, height]",
            ),
            None => {}
        }
        shape.done(reader);
        total += segments.len();
        shapes.push(Shape { fill, segments });
    }
    if total > MAX_SEGMENTS {
        let message = format!("a drawing has at most {MAX_SEGMENTS} segments");
        let params = json!({"most": MAX_SEGMENTS});
        reader.problem_with(pointer, "too_many_segments", params, message);
    }
    object.done(reader);
    Some(Background {
        width,
        height,
        shapes,
    })
}

fn parse_path(path: &str) -> Result<Vec<Segment>, String> {
    let mut tokens = Tokens { rest: path };
    let mut segments = Vec::new();
    let (mut x, mut y, mut start) = (0.0_f32, 0.0_f32, (0.0, 0.0));
    let mut control: Option<(f32, f32)> = None;
    let mut command = None;
    while let Some(next) = tokens.command_or(command)? {
        command = Some(match next {
            'M' => 'L',
            'm' => 'l',
            other => other,
        });
        let (dx, dy) = if next.is_ascii_lowercase() {
            (x, y)
        } else {
            (0.0, 0.0)
        };
        let mut last_control = None;
        match next.to_ascii_uppercase() {
            'M' => {
                (x, y) = (tokens.number()? + dx, tokens.number()? + dy);
                start = (x, y);
                segments.push(Segment::Move(x, y));
            }
            'L' => {
                (x, y) = (tokens.number()? + dx, tokens.number()? + dy);
                segments.push(Segment::Line(x, y));
            }
            'H' => {
                x = tokens.number()? + dx;
                segments.push(Segment::Line(x, y));
            }
            'V' => {
                y = tokens.number()? + dy;
                segments.push(Segment::Line(x, y));
            }
            'C' | 'S' => {
                let (ax, ay) = if next.eq_ignore_ascii_case(&'S') {
                    control.map_or((x, y), |(cx, cy)| (2.0 * x - cx, 2.0 * y - cy))
                } else {
                    (tokens.number()? + dx, tokens.number()? + dy)
                };
                let (bx, by) = (tokens.number()? + dx, tokens.number()? + dy);
                (x, y) = (tokens.number()? + dx, tokens.number()? + dy);
                last_control = Some((bx, by));
                segments.push(Segment::Curve([ax, ay, bx, by, x, y]));
            }
            'Q' => {
                let (qx, qy) = (tokens.number()? + dx, tokens.number()? + dy);
                let (ex, ey) = (tokens.number()? + dx, tokens.number()? + dy);
                let third = |from: f32, to: f32| from + 2.0 / 3.0 * (to - from);
                segments.push(Segment::Curve([
                    third(x, qx),
                    third(y, qy),
                    third(ex, qx),
                    third(ey, qy),
                    ex,
                    ey,
                ]));
                (x, y) = (ex, ey);
            }
            'Z' => {
                (x, y) = start;
                segments.push(Segment::Close);
                command = None;
            }
            _ => return Err(format!("`{next}` is not a path command known here")),
        }
        control = last_control;
        if segments.len() > MAX_SEGMENTS {
            return Err(format!("a drawing has at most {MAX_SEGMENTS} segments"));
        }
    }
    if !matches!(segments.first(), None | Some(Segment::Move(..))) {
        return Err("a path begins with M".into());
    }
    Ok(segments)
}

struct Tokens<'a> {
    rest: &'a str,
}

impl Tokens<'_> {
    fn skip(&mut self) {
        self.rest = self
            .rest
            .trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ',');
    }

    fn command_or(&mut self, previous: Option<char>) -> Result<Option<char>, String> {
        self.skip();
        match self.rest.chars().next() {
            None => Ok(None),
            Some(letter) if letter.is_ascii_alphabetic() => {
                self.rest = &self.rest[1..];
                Ok(Some(letter))
            }
            Some(_) => previous
                .map(Some)
                .ok_or_else(|| "a path command is missing".into()),
        }
    }

    fn number(&mut self) -> Result<f32, String> {
        self.skip();
        let mut seen_point = false;
        let end = self
            .rest
            .char_indices()
            .find(|(index, letter)| match letter {
                '+' | '-' => *index > 0,
                '.' => std::mem::replace(&mut seen_point, true),
                digit => !digit.is_ascii_digit(),
            })
            .map_or(self.rest.len(), |(index, _)| index);
        let (text, rest) = self.rest.split_at(end);
        let number: f32 = text
            .parse()
            .map_err(|_| "a number is missing in the path".to_owned())?;
        self.rest = rest;
        if number.abs() > 100_000.0 {
            return Err("a number in the path is too large".into());
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<&[Segment], &str>) {
        let found = parse_path(path);
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn reads_paths() {
        use Segment::{Close, Curve, Line, Move};
        check("", Ok(&[]));
        check(
            "M1 2l3-1h2z",
            Ok(&[Move(1.0, 2.0), Line(4.0, 1.0), Line(6.0, 1.0), Close]),
        );
        check("M0,0 10,10", Ok(&[Move(0.0, 0.0), Line(10.0, 10.0)]));
        check(
            "M0 0C1 1 2 2 3 3",
            Ok(&[Move(0.0, 0.0), Curve([1.0, 1.0, 2.0, 2.0, 3.0, 3.0])]),
        );
        check("M0 0 A1", Err("`A` is not a path command known here"));
        check("1 2", Err("a path command is missing"));
        check("L1 2", Err("a path begins with M"));
    }
}
