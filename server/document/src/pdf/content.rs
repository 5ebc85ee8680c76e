//! The operators of a page (ISO 32000-1, annex A) as bytes. printpdf makes an object of every glyph and every number before it writes
//! them; here glyphs side by side are one text, and a number has the digits that can be seen.

use std::{collections::BTreeMap, io::Write as _};

use printpdf::{
    Codepoint, Color, CurTransMat, LinePoint, Op, PaintMode, PdfFontHandle, TextItem, WindingOrder,
    XObject, XObjectId, XObjectTransform,
};

use super::syntax::{digit, hexadecimal, write, write_name};

/// Digits behind the point: of lengths in points, of shares of a colour, and of what others are multiplied with.
const LENGTH: u32 = 3;
const FACTOR: u32 = 6;

/// The bytes of a page; `None` where it has an operation that is not written here, so that printpdf has to write all of it.
pub(super) fn encode(ops: &[Op], pictures: &BTreeMap<XObjectId, XObject>) -> Option<Vec<u8>> {
    let mut content = Content {
        bytes: Vec::with_capacity(ops.len() * 32),
        font: None,
    };
    for op in ops {
        content.op(op, pictures)?;
    }
    Some(content.bytes)
}

struct Content<'a> {
    bytes: Vec<u8>,
    /// What letters are set in at this place.
    font: Option<(&'a str, f32)>,
}

impl<'a> Content<'a> {
    fn op(&mut self, op: &'a Op, pictures: &BTreeMap<XObjectId, XObject>) -> Option<()> {
        match op {
            Op::StartTextSection => self.operator("BT"),
            Op::EndTextSection => self.operator("ET"),
            Op::SetFont {
                font: PdfFontHandle::External(id),
                size,
            } => self.font(&id.0, size.0),
            Op::SetTextMatrix { matrix } => self.matrix(matrix.as_array(), "Tm"),
            Op::SetTextRenderingMode { mode } => self.integer(mode.id(), "Tr"),
            Op::ShowText { items } => return self.show(items),
            Op::SaveGraphicsState => self.operator("q"),
            Op::RestoreGraphicsState => {
                self.font = None;
                self.operator("Q");
            }
            Op::SetTransformationMatrix { matrix } => self.matrix(matrix.as_array(), "cm"),
            Op::LoadGraphicsState { gs } => {
                self.name(&gs.0);
                self.operator("gs");
            }
            Op::SetFillColor { col } => return self.colour(col, "rg"),
            Op::SetOutlineColor { col } => return self.colour(col, "RG"),
            Op::SetOutlineThickness { pt } => self.lengths(&[pt.0], "w"),
            Op::SetLineDashPattern { dash } => {
                self.bytes.push(b'[');
                for length in &dash.pattern {
                    self.number(*length, LENGTH);
                }
                self.bytes.push(b']');
                self.lengths(&[dash.offset], "d");
            }
            Op::SetLineCapStyle { cap } => self.integer(cap.id(), "J"),
            Op::SetLineJoinStyle { join } => self.integer(join.id(), "j"),
            Op::DrawRectangle { rectangle } => {
                let order = rectangle.winding_order.unwrap_or(WindingOrder::NonZero);
                let (x, y) = (rectangle.x.0, rectangle.y.0);
                self.lengths(&[x, y, rectangle.width.0, rectangle.height.0], "re");
                match rectangle.mode {
                    Some(PaintMode::Fill) => self.operator(order.get_fill_op()),
                    Some(PaintMode::Clip) => {
                        self.operator(order.get_clip_op());
                        self.operator("n");
                    }
                    Some(PaintMode::Stroke | PaintMode::FillStroke) | None => return None,
                }
            }
            Op::DrawPolygon { polygon } if polygon.mode == PaintMode::Fill => {
                for ring in &polygon.rings {
                    self.path(&ring.points);
                }
                self.operator("h");
                self.operator(polygon.winding_order.get_fill_op());
            }
            Op::DrawLine { line } if !line.points.is_empty() => {
                self.path(&line.points);
                if line.is_closed {
                    self.operator("h");
                }
                self.operator("S");
            }
            Op::UseXobject { id, transform } => self.picture(id, transform, pictures.get(id)),
            Op::BeginMarkedContent { tag } => {
                self.name(tag);
                self.operator("BMC");
            }
            Op::BeginMarkedContentWithProperties { tag, properties } => {
                self.name(tag);
                write(&mut self.bytes, &properties.to_lopdf());
                self.operator("BDC");
            }
            Op::EndMarkedContent => self.operator("EMC"),
            // Stands beside the content.
            Op::LinkAnnotation { .. } => {}
            _ => return None,
        }
        Some(())
    }

    fn operator(&mut self, operator: &str) {
        self.bytes.extend_from_slice(operator.as_bytes());
        self.bytes.push(b'\n');
    }

    fn name(&mut self, name: &str) {
        write_name(&mut self.bytes, name.as_bytes());
        self.bytes.push(b' ');
    }

    fn integer(&mut self, number: i64, operator: &str) {
        let _ = write!(self.bytes, "{number} ");
        self.operator(operator);
    }

    fn lengths(&mut self, lengths: &[f32], operator: &str) {
        for length in lengths {
            self.number(*length, LENGTH);
        }
        self.operator(operator);
    }

    fn matrix(&mut self, matrix: [f32; 6], operator: &str) {
        for (place, number) in matrix.into_iter().enumerate() {
            self.number(number, if place < 4 { FACTOR } else { LENGTH });
        }
        self.operator(operator);
    }

    fn colour(&mut self, colour: &Color, operator: &str) -> Option<()> {
        let Color::Rgb(colour) = colour else {
            return None;
        };
        self.lengths(&[colour.r, colour.g, colour.b], operator);
        Some(())
    }

    /// Nothing where the letters before have the same.
    fn font(&mut self, name: &'a str, size: f32) {
        if self.font == Some((name, size)) {
            return;
        }
        self.font = Some((name, size));
        self.name(name);
        self.lengths(&[size], "Tf");
    }

    fn show(&mut self, items: &[TextItem]) -> Option<()> {
        self.bytes.push(b'[');
        for item in items {
            match item {
                TextItem::GlyphIds(codes) => self.glyphs(codes)?,
                TextItem::Offset(thousandths) => self.number(*thousandths, LENGTH),
                TextItem::Text(_) => return None,
            }
        }
        self.bytes.push(b']');
        self.operator("TJ");
        Some(())
    }

    fn glyphs(&mut self, codes: &[Codepoint]) -> Option<()> {
        self.bytes.push(b'<');
        for code in codes {
            if code.offset != 0.0 {
                return None;
            }
            for byte in code.gid.to_be_bytes() {
                self.bytes.extend([byte >> 4, byte & 15].map(hexadecimal));
            }
        }
        self.bytes.push(b'>');
        Some(())
    }

    /// Lines and curves; two handles before a point make a curve.
    fn path(&mut self, points: &[LinePoint]) {
        let Some((first, mut rest)) = points.split_first() else {
            return;
        };
        self.points(&[first], "m");
        loop {
            rest = match rest {
                [a, b, end, behind @ ..] if a.bezier && b.bezier => {
                    self.points(&[a, b, end], "c");
                    behind
                }
                [end, behind @ ..] => {
                    self.points(&[end], "l");
                    behind
                }
                [] => return,
            };
        }
    }

    fn points(&mut self, points: &[&LinePoint], operator: &str) {
        for point in points {
            self.number(point.p.x.0, LENGTH);
            self.number(point.p.y.0, LENGTH);
        }
        self.operator(operator);
    }

    fn picture(&mut self, id: &XObjectId, transform: &XObjectTransform, picture: Option<&XObject>) {
        let size = if transform.no_auto_scale {
            None
        } else {
            picture.and_then(XObject::get_width_height)
        };
        let matrix = transform
            .get_ctms(size)
            .iter()
            .fold(CurTransMat::Identity.as_array(), |all, one| {
                CurTransMat::combine_matrix(all, one.as_array())
            });
        self.operator("q");
        self.matrix(matrix, "cm");
        self.name(&id.0);
        self.operator("Do");
        self.operator("Q");
    }

    /// A number and a blank; what is no number is 0.
    fn number(&mut self, number: f32, digits: u32) {
        let unit = 10_u64.pow(digits);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "as far as it goes: no paper is as large"
        )]
        let units = (f64::from(number) * unit as f64).round() as i64;
        if units < 0 {
            self.bytes.push(b'-');
        }
        let units = units.unsigned_abs();
        let _ = write!(self.bytes, "{}", units / unit);
        let mut rest = units % unit;
        if rest > 0 {
            self.bytes.push(b'.');
        }
        let mut unit = unit;
        while rest > 0 {
            unit /= 10;
            self.bytes.push(digit(rest / unit));
            rest %= unit;
        }
        self.bytes.push(b' ');
    }
}

#[cfg(test)]
mod tests {
    use printpdf::{FontId, Pt, TextMatrix};

    use super::*;

    fn said(ops: &[Op]) -> Option<String> {
        let bytes = encode(ops, &BTreeMap::new())?;
        Some(
            String::from_utf8(bytes)
                .expect("letters")
                .replace('\n', "; "),
        )
    }

    #[test]
    fn numbers_have_the_digits_that_can_be_seen() {
        let check = |number: f32, expected: &str| {
            let ops = [Op::SetOutlineThickness { pt: Pt(number) }];
            assert_eq!(said(&ops), Some(format!("{expected} w; ")), "{number}");
        };
        check(0.0, "0");
        check(-0.0, "0");
        check(12.0, "12");
        check(-12.5, "-12.5");
        check(0.05, "0.05");
        check(595.275_6, "595.276");
        check(-0.000_4, "0");
        check(0.000_6, "0.001");
        check(f32::NAN, "0");
        check(1e9, "1000000000");
        assert!(
            said(&[Op::SetOutlineThickness {
                pt: Pt(f32::NEG_INFINITY)
            }])
            .is_some()
        );
    }

    #[test]
    fn glyphs_side_by_side_are_one_text_and_a_font_is_named_once() {
        let code = |glyph: u16| Codepoint::new(glyph, 0.0);
        let line = || {
            [
                Op::StartTextSection,
                Op::SetFont {
                    font: PdfFontHandle::External(FontId("T0".into())),
                    size: Pt(9.5),
                },
                Op::SetTextMatrix {
                    matrix: TextMatrix::Translate(Pt(10.0), Pt(20.25)),
                },
                Op::ShowText {
                    items: vec![
                        TextItem::GlyphIds(vec![code(1), code(0xab)]),
                        TextItem::Offset(-12.0),
                        TextItem::GlyphIds(vec![code(2)]),
                    ],
                },
                Op::EndTextSection,
            ]
        };
        let shown = "1 0 0 1 10 20.25 Tm; [<000100AB>-12 <0002>]TJ; ET; ";
        assert_eq!(
            said(&[line(), line()].concat()),
            Some(format!("BT; /T0 9.5 Tf; {shown}BT; {shown}"))
        );
        let restored = [&line()[..], &[Op::RestoreGraphicsState], &line()].concat();
        let said = said(&restored).expect("a page");
        assert_eq!(said.matches("Tf").count(), 2);
    }

    #[test]
    fn what_is_not_known_here_is_left_to_printpdf() {
        assert_eq!(said(&[Op::SaveGraphicsState, Op::AddLineBreak]), None);
    }
}
