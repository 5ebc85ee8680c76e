//! QR codes.

use std::sync::Arc;

use engine::{node::Warning, value::Value};
use qrcode::{Color, EcLevel, QrCode};
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
        let text = match &block.content {
            QrContent::Text(leaf) => self.plain(leaf, mark)?,
            QrContent::Payment(payment) => match self.payment(payment, mark)? {
                Some(text) => text,
                None => return Ok(Vec::new()),
            },
        };
        if text.is_empty() {
            self.notice(Warning::new("qr_empty", "the QR code has no content"), mark);
            return Ok(Vec::new());
        }
        let Some((dark, count)) = encoded(&text) else {
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

/// The modules of a code, row by row, and how many a row has; `None` where the text is too long for any.
pub(super) fn encoded(text: &str) -> Option<(Vec<bool>, usize)> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let count = code.width();
    let colours = code.into_colors().into_iter();
    Some((colours.map(|colour| colour == Color::Dark).collect(), count))
}
