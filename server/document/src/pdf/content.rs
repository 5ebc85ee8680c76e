//! The operators of a page (ISO 32000-1, annex A) as bytes at once: printpdf makes an object of every glyph and every number before it
//! writes them. Glyphs side by side are one text, and a number has the digits that can be seen.

use super::{
    metadata::text_string,
    syntax::{units, write, write_byte, write_integer, write_name, write_real, write_units},
};
use crate::{
    display::{Rgb, Stroke},
    path::Segment,
};

/// Digits behind the point: of lengths in points, of shares of a colour or a gray, and of what others are multiplied with.
const LENGTH: u32 = 2;
const SHARE: u32 = 3;
const FACTOR: u32 = 6;
/// Of lengths, in a point.
const UNIT: u64 = 10_u64.pow(LENGTH);

/// How what lies between the lines of a path is painted.
#[derive(Clone, Copy)]
pub(super) enum Fill {
    NonZero,
    EvenOdd,
}

#[derive(Default)]
pub(super) struct Content {
    bytes: Vec<u8>,
    /// What letters are set in at this place.
    font: Option<(usize, f32)>,
    /// Where the line of letters begins, in units.
    line: (i64, i64),
    letters: Letters,
}

/// Of the text that is being shown.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Letters {
    #[default]
    None,
    /// Within brackets.
    Codes,
    /// Behind a shift.
    Shifted,
}

impl Content {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn save(&mut self) {
        self.operator("q");
    }

    /// What was set since the state was saved is no more.
    pub(super) fn restore(&mut self) {
        self.font = None;
        self.operator("Q");
    }

    /// Takes a graphics state from the resources.
    pub(super) fn state(&mut self, name: &str) {
        self.name(name);
        self.operator("gs");
    }

    pub(super) fn transform(&mut self, matrix: [f32; 6]) {
        for (place, number) in matrix.into_iter().enumerate() {
            let digits = if place < 4 { FACTOR } else { LENGTH };
            self.number(number, digits);
        }
        self.operator("cm");
    }

    pub(super) fn fill(&mut self, colour: Rgb) {
        self.colour(colour, "rg");
    }

    pub(super) fn stroke(&mut self, stroke: &Stroke) {
        self.colour(stroke.colour, "RG");
        self.lengths(&[stroke.width], "w");
        self.bytes.push(b'[');
        if let Some((dash, gap)) = stroke.dash {
            self.number(dash, LENGTH);
            self.number(gap, LENGTH);
        }
        self.bytes.push(b']');
        self.operator("0 d");
        let ends = if stroke.round { "1 J 1 j" } else { "0 J 0 j" };
        self.operator(ends);
    }

    pub(super) fn rectangle(&mut self, x: f32, y: f32, width: f32, height: f32) {
        self.lengths(&[x, y, width, height], "re");
        self.operator("f");
    }

    /// Nothing is seen outside of it until the state is restored.
    pub(super) fn clip(&mut self, x: f32, y: f32, width: f32, height: f32) {
        self.lengths(&[x, y, width, height], "re");
        self.operator("W n");
    }

    /// The lines of a path, from a corner and down from there. Nothing before its first move counts.
    pub(super) fn path(
        &mut self,
        segments: &[Segment],
        (x, y): (f32, f32),
        fill: Option<Fill>,
        stroked: bool,
    ) {
        let painted = match (fill, stroked) {
            (Some(Fill::NonZero), false) => "f",
            (Some(Fill::EvenOdd), false) => "f*",
            (Some(Fill::NonZero), true) => "B",
            (Some(Fill::EvenOdd), true) => "B*",
            (None, true) => "S",
            (None, false) => return,
        };
        let begins = |segment: &Segment| matches!(segment, Segment::Move(..));
        let Some(first) = segments.iter().position(begins) else {
            return;
        };
        for segment in &segments[first..] {
            match *segment {
                Segment::Move(a, b) => self.lengths(&[x + a, y - b], "m"),
                Segment::Line(a, b) => self.lengths(&[x + a, y - b], "l"),
                Segment::Curve([a, b, c, d, e, f]) => {
                    self.lengths(&[x + a, y - b, x + c, y - d, x + e, y - f], "c");
                }
                Segment::Close => self.operator("h"),
            }
        }
        self.operator(painted);
    }

    /// Draws what the resources call so, within a matrix.
    pub(super) fn draw(&mut self, name: &str, matrix: Option<[f32; 6]>) {
        match matrix {
            Some(matrix) => {
                self.save();
                self.transform(matrix);
                self.name(name);
                self.operator("Do Q");
            }
            None => {
                self.name(name);
                self.operator("Do");
            }
        }
    }

    /// Opens what belongs to an element of the structure.
    pub(super) fn begin_tagged(&mut self, role: &str, mcid: i64) {
        write_name(&mut self.bytes, role.as_bytes());
        self.bytes.extend_from_slice(b"<</MCID ");
        write_integer(&mut self.bytes, mcid);
        self.operator(">>BDC");
    }

    /// Opens what belongs to none, with what it is in the words of ISO 32000-1, 14.8.2.2.
    pub(super) fn begin_artifact(&mut self, kind: &str) {
        self.bytes.extend_from_slice(b"/Artifact");
        if kind.is_empty() {
            self.operator(" BMC");
        } else {
            self.bytes.extend_from_slice(b"<<");
            self.bytes.extend_from_slice(kind.as_bytes());
            self.operator(">>BDC");
        }
    }

    /// Opens what is read as a text, whatever is drawn.
    pub(super) fn begin_text(&mut self, text: &str) {
        self.show();
        self.bytes.extend_from_slice(b"/Span<</ActualText");
        write(&mut self.bytes, &text_string(text));
        self.operator(">>BDC");
    }

    /// Closes what was opened last.
    pub(super) fn end(&mut self) {
        self.show();
        self.operator("EMC");
    }

    pub(super) fn begin_letters(&mut self, font: usize, size: f32) {
        self.operator("BT");
        self.line = (0, 0);
        if self.font != Some((font, size)) {
            self.font = Some((font, size));
            self.bytes.extend_from_slice(b"/T");
            write_integer(&mut self.bytes, i64::try_from(font).unwrap_or(i64::MAX));
            self.bytes.push(b' ');
            self.lengths(&[size], "Tf");
        }
    }

    pub(super) fn end_letters(&mut self) {
        self.show();
        self.operator("ET");
    }

    /// Where the next letter is.
    pub(super) fn place(&mut self, x: f32, y: f32) {
        self.show();
        let (x, y) = (units(x, UNIT), units(y, UNIT));
        // From the beginning of the last line.
        for way in [x.saturating_sub(self.line.0), y.saturating_sub(self.line.1)] {
            write_units(&mut self.bytes, way, UNIT);
            self.bytes.push(b' ');
        }
        self.operator("Td");
        self.line = (x, y);
    }

    /// Whether the letters from here on are drawn, or only read.
    pub(super) fn visible(&mut self, visible: bool) {
        self.show();
        self.operator(if visible { "0 Tr" } else { "3 Tr" });
    }

    /// Moves the next letter back by thousandths of the size.
    pub(super) fn shift(&mut self, thousandths: f32) {
        match self.letters {
            Letters::None => self.bytes.push(b'['),
            Letters::Codes => self.bytes.push(b')'),
            Letters::Shifted => self.bytes.push(b' '),
        }
        write_real(&mut self.bytes, thousandths, 0);
        self.letters = Letters::Shifted;
    }

    pub(super) fn glyph(&mut self, code: u16) {
        match self.letters {
            Letters::None => self.bytes.extend_from_slice(b"[("),
            Letters::Shifted => self.bytes.push(b'('),
            Letters::Codes => {}
        }
        for byte in code.to_be_bytes() {
            write_byte(&mut self.bytes, byte);
        }
        self.letters = Letters::Codes;
    }

    /// Ends the text that is being shown, if there is one.
    fn show(&mut self) {
        match std::mem::take(&mut self.letters) {
            Letters::None => {}
            Letters::Codes => self.operator(")]TJ"),
            Letters::Shifted => self.operator("]TJ"),
        }
    }

    fn operator(&mut self, operator: &str) {
        self.bytes.extend_from_slice(operator.as_bytes());
        self.bytes.push(b'\n');
    }

    fn name(&mut self, name: &str) {
        write_name(&mut self.bytes, name.as_bytes());
        self.bytes.push(b' ');
    }

    fn lengths(&mut self, lengths: &[f32], operator: &str) {
        for length in lengths {
            self.number(*length, LENGTH);
        }
        self.operator(operator);
    }

    fn colour(&mut self, colour: Rgb, operator: &str) {
        for part in [colour.0, colour.1, colour.2] {
            self.number(f32::from(part) / 255.0, SHARE);
        }
        self.operator(operator);
    }

    /// A number and a blank.
    fn number(&mut self, number: f32, digits: u32) {
        write_real(&mut self.bytes, number, digits);
        self.bytes.push(b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(write: impl FnOnce(&mut Content)) -> String {
        let mut content = Content::default();
        write(&mut content);
        let bytes = content.into_bytes();
        let letters: String = bytes.into_iter().map(char::from).collect();
        letters.replace('\n', "; ")
    }

    #[test]
    fn numbers_have_the_digits_that_can_be_seen() {
        let check = |number: f32, expected: &str| {
            let written = said(|content| content.lengths(&[number], "w"));
            assert_eq!(written, format!("{expected} w; "), "{number}");
        };
        check(0.0, "0");
        check(-0.0, "0");
        check(12.0, "12");
        check(-12.5, "-12.5");
        check(0.05, "0.05");
        check(595.275_6, "595.28");
        check(-0.004, "0");
        check(0.006, "0.01");
        check(f32::NAN, "0");
        check(1e9, "1000000000");
        assert!(!said(|content| content.lengths(&[f32::NEG_INFINITY], "w")).is_empty());
    }

    #[test]
    fn glyphs_side_by_side_are_one_text_and_a_font_is_named_once() {
        let line = |content: &mut Content| {
            content.begin_letters(0, 9.5);
            content.place(10.0, 20.25);
            content.glyph(1);
            content.glyph(0xab28);
            content.shift(-12.0);
            content.glyph(0x0d02);
            content.place(10.5, 8.25);
            content.glyph(2);
            content.end_letters();
        };
        let shown =
            "10 20.25 Td; [(\0\u{1}\u{ab}\\()-12(\\r\u{2})]TJ; 0.5 -12 Td; [(\0\u{2})]TJ; ET; ";
        let twice = said(|content| {
            line(content);
            line(content);
        });
        assert_eq!(twice, format!("BT; /T0 9.5 Tf; {shown}BT; {shown}"));
        let restored = said(|content| {
            line(content);
            content.restore();
            line(content);
        });
        assert_eq!(restored.matches("Tf").count(), 2);
    }

    #[test]
    fn a_path_is_written_once_and_filled_and_stroked() {
        let segments = [
            Segment::Line(9.0, 9.0),
            Segment::Move(1.0, 2.0),
            Segment::Curve([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
            Segment::Close,
        ];
        let path =
            |fill, stroked| said(|content| content.path(&segments, (10.0, 100.0), fill, stroked));
        let lines = "11 98 m; 10 99 12 97 14 95 c; h; ";
        assert_eq!(path(Some(Fill::EvenOdd), true), format!("{lines}B*; "));
        assert_eq!(path(None, true), format!("{lines}S; "));
        assert_eq!(path(None, false), "");
    }
}
