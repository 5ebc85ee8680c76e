//! QR codes.

use std::sync::Arc;

use engine::{node::Warning, value::Value};
use qrcode::{Color, EcLevel, QrCode, Version, bits::Bits};
use rust_decimal::Decimal;

use super::{Layouter, Wanted, picture::shown};
use crate::{
    context::DocumentError,
    display::{Item, MM, Rgb, TagId},
    path::modules,
    payment::{Transfer, epc},
    strip::Strip,
    template::{Leaf, Payment, Qr, QrContent},
};

impl Layouter<'_> {
    pub(super) fn qr(
        &mut self,
        block: &Qr,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let (text, utf8) = match &block.content {
            QrContent::Text(leaf) => (self.plain(leaf, mark)?, Utf8::Marked),
            QrContent::Payment(payment) => match self.payment(payment, mark)? {
                Some(text) => (text, Utf8::Agreed),
                None => return Ok(Vec::new()),
            },
        };
        if text.is_empty() {
            self.notice(Warning::new("qr_empty", "the QR code has no content"), mark);
            return Ok(Vec::new());
        }
        let Some((dark, count)) = encoded(&text, utf8) else {
            let message = "the text is too long for a QR code";
            self.notice(Warning::new("qr_too_long", message), mark);
            return Ok(Vec::new());
        };
        let alt = self.plain(&block.alt, mark)?;
        let alt = if alt.is_empty() {
            "QR code".into()
        } else {
            alt
        };
        let tag = self.figure_tag(alt, parent);
        let size = (block.size * MM).min(width);
        let module = size / count as f32;
        let item = Item::Path {
            segments: Arc::new(modules(&dark, count, (module, module))),
            fill: Some(Rgb(0, 0, 0)),
            stroke: None,
            tag,
        };
        let origin = self.scope.joint_origin(&block.content.leaves());
        let parts = vec![(0.0, 0.0, item), shown(origin, (size, size), mark)];
        Ok(self.figure(tag, parts, (size, size), block.align, width))
    }

    /// The text of a payment code; `None`, and why, where there is none.
    fn payment(&mut self, payment: &Payment, mark: u32) -> Result<Option<String>, DocumentError> {
        let name = self.plain(&payment.name, mark)?;
        let iban = self.plain(&payment.iban, mark)?;
        let bic = self.optional(payment.bic.as_ref(), mark)?;
        let purpose = self.optional(payment.purpose.as_ref(), mark)?;
        let reference = self.optional(payment.creditor_reference.as_ref(), mark)?;
        let text = self.plain(&payment.reference, mark)?;
        let Due::Amount(amount, currency) = self.due(&payment.amount, mark)? else {
            return Ok(None);
        };
        let currency = currency.unwrap_or_else(|| self.context.currency.clone());
        let coded = epc(&Transfer {
            name: &name,
            iban: &iban,
            bic: &bic,
            amount,
            currency: &currency,
            purpose: &purpose,
            reference: &reference,
            text: &text,
        });
        let (text, told) = match coded {
            Ok((text, cut)) => (Some(text), cut),
            Err(wrong) => (None, wrong),
        };
        for warning in told {
            self.notice(warning, mark);
        }
        Ok(text)
    }

    /// The words of a leaf that may not be there.
    pub(super) fn optional(
        &mut self,
        leaf: Option<&Leaf>,
        mark: u32,
    ) -> Result<String, DocumentError> {
        match leaf {
            Some(leaf) => self.plain(leaf, mark),
            None => Ok(String::new()),
        }
    }

    /// What a leaf says is to be paid.
    pub(super) fn due(&mut self, leaf: &Leaf, mark: u32) -> Result<Due, DocumentError> {
        Ok(match self.value_of(leaf, mark)? {
            Value::Money(money) => Due::Amount(money.amount, Some(money.currency)),
            Value::Decimal(amount) => Due::Amount(amount, None),
            Value::Integer(amount) => Due::Amount(amount.into(), None),
            Value::Empty => {
                self.tell_empty(leaf, mark);
                Due::Nothing
            }
            other => {
                self.tell_kind(leaf, &other, Wanted::Number, mark);
                Due::NoAmount
            }
        })
    }
}

/// What is to be paid; what is wrong with it has been told.
pub(super) enum Due {
    /// With its currency, if it has one.
    Amount(Decimal, Option<String>),
    /// An empty value.
    Nothing,
    NoAmount,
}

/// How a reader knows that a text which is not plain ASCII is UTF-8; by itself it takes it for Latin-1 or guesses.
#[derive(Clone, Copy, Debug)]
pub(super) enum Utf8 {
    /// The code says so (ISO/IEC 18004, 7.4.2).
    Marked,
    /// The standard of the text says so, and its readers expect nothing before the text.
    Agreed,
}

/// Of UTF-8 in the list of character sets (AIM ECI).
const UTF8: u32 = 26;
/// The largest code.
const VERSIONS: i16 = 40;

/// The modules of a code, row by row, and how many a row has; `None` where the text is too long for any.
pub(super) fn encoded(text: &str, utf8: Utf8) -> Option<(Vec<bool>, usize)> {
    let code = if text.is_ascii() {
        QrCode::with_error_correction_level(text, EcLevel::M)
    } else {
        QrCode::with_bits(in_bytes(text, utf8)?, EcLevel::M)
    };
    let code = code.ok()?;
    let count = code.width();
    let colours = code.into_colors().into_iter();
    Some((colours.map(|colour| colour == Color::Dark).collect(), count))
}

/// In bytes from end to end, in the smallest code that holds them. Left to itself, the encoder takes what of UTF-8 looks like Shift JIS for
/// kanji, and readers show those instead.
fn in_bytes(text: &str, utf8: Utf8) -> Option<Bits> {
    (1..=VERSIONS).find_map(|version| {
        let mut bits = Bits::new(Version::Normal(version));
        if matches!(utf8, Utf8::Marked) {
            bits.push_eci_designator(UTF8).ok()?;
        }
        bits.push_byte_data(text.as_bytes()).ok()?;
        bits.push_terminator(EcLevel::M).ok()?;
        Some(bits)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, utf8: Utf8, expected: &[u8]) {
        let bytes = in_bytes(text, utf8).unwrap().into_bytes();
        assert_eq!(&bytes[..expected.len()], expected);
    }

    #[test]
    fn a_text_in_utf8_stays_in_its_bytes_and_says_so() {
        // Four bits each: ECI, its number (eight), bytes, how many (eight), and the bytes.
        check(
            "旅",
            Utf8::Marked,
            &[0x71, 0xa4, 0x03, 0xe6, 0x97, 0x85, 0x00],
        );
        // Bytes, how many, and the bytes, four bits further on.
        check("旅", Utf8::Agreed, &[0x40, 0x3e, 0x69, 0x78, 0x50]);
    }

    #[test]
    fn the_smallest_code_that_holds_a_text_is_taken() {
        let width = |text: &str| encoded(text, Utf8::Marked).map(|(_, count)| count);
        assert_eq!(width("https://example.com/a"), Some(25));
        assert_eq!(width("旅行"), Some(21));
        assert_eq!(width(&"旅".repeat(750)), Some(177));
        assert_eq!(width(&"旅".repeat(800)), None);
    }
}
