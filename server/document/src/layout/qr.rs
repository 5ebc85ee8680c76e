//! QR codes.

use std::sync::Arc;

use engine::{node::Warning, value::Value};
use qrcode::{Color, EcLevel, QrCode};

use super::Layouter;
use crate::{
    context::DocumentError,
    display::{Item, MM, Rgb, TagId},
    path::modules,
    payment::{Transfer, epc},
    strip::Strip,
    template::{Payment, Qr, QrContent},
};

impl Layouter<'_> {
    pub(super) fn qr(
        &mut self,
        block: &Qr,
        mark: u32,
        width: f32,
        parent: TagId,
    ) -> Result<Vec<Strip>, DocumentError> {
        let (text, level) = match &block.content {
            QrContent::Text(leaf) => (self.plain(leaf, mark)?, EcLevel::M),
            QrContent::Payment(payment) => match self.payment(payment, mark)? {
                Ok(text) => (text, EcLevel::M),
                Err(why) => {
                    let message = format!("there is no payment code: {why}");
                    self.notice(Warning::new("payment_code", message).with("why", why), mark);
                    return Ok(Vec::new());
                }
            },
        };
        if text.is_empty() {
            self.notice(Warning::new("qr_empty", "the QR code has no content"), mark);
            return Ok(Vec::new());
        }
        let Ok(code) = QrCode::with_error_correction_level(&text, level) else {
            let message = "the text is too long for a QR code";
            self.notice(Warning::new("qr_too_long", message), mark);
            return Ok(Vec::new());
        };
        let count = code.width();
        let dark: Vec<bool> = code
            .into_colors()
            .into_iter()
            .map(|colour| colour == Color::Dark)
            .collect();
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
        Ok(self.figure(
            tag,
            vec![(0.0, 0.0, item)],
            (size, size),
            block.align,
            width,
        ))
    }

    fn payment(
        &mut self,
        payment: &Payment,
        mark: u32,
    ) -> Result<Result<String, String>, DocumentError> {
        let name = self.plain(&payment.name, mark)?;
        let iban = self.plain(&payment.iban, mark)?;
        let bic = match &payment.bic {
            Some(leaf) => self.plain(leaf, mark)?,
            None => String::new(),
        };
        let reference = self.plain(&payment.reference, mark)?;
        let (amount, currency) = match self.value_of(&payment.amount, mark)? {
            Value::Money(money) => (money.amount, money.currency),
            Value::Decimal(amount) => (amount, self.context.currency.clone()),
            Value::Integer(amount) => (amount.into(), self.context.currency.clone()),
            other => return Ok(Err(format!("the amount is {}", other.kind_name()))),
        };
        Ok(epc(&Transfer {
            name: &name,
            iban: &iban,
            bic: &bic,
            amount,
            currency: &currency,
            reference: &reference,
        }))
    }
}
