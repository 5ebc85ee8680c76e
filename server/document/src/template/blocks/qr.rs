//! QR codes.

use super::Align;
use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
};

#[derive(Clone, Debug)]
pub(crate) struct Qr {
    pub(crate) content: QrContent,
    /// Millimetres.
    pub(crate) size: f32,
    pub(crate) align: Align,
    pub(crate) alt: Leaf,
}

#[derive(Clone, Debug)]
pub(crate) enum QrContent {
    Text(Leaf),
    Payment(Box<Payment>),
}

/// A SEPA credit transfer (EPC069-12).
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) name: Leaf,
    pub(crate) iban: Leaf,
    pub(crate) bic: Option<Leaf>,
    pub(crate) amount: Leaf,
    pub(crate) reference: Leaf,
}

impl Qr {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        let text = object.optional_leaf(reader, "content");
        let pointer = format!("{}/payment", object.pointer);
        let payment = object.child("payment").and_then(|json| {
            let mut payment = reader.object(json, &pointer)?;
            let found = Payment {
                name: payment.required_leaf(reader, "name"),
                iban: payment.required_leaf(reader, "iban"),
                bic: payment.optional_leaf(reader, "bic"),
                amount: payment.required_leaf(reader, "amount"),
                reference: payment.leaf(reader, "reference"),
            };
            payment.done(reader);
            Some(found)
        });
        let content = match (text, payment) {
            (Some(text), None) => QrContent::Text(text),
            (None, Some(payment)) => QrContent::Payment(Box::new(payment)),
            _ => {
                reader.problem(
                    &object.pointer,
                    "qr_content",
                    "needs either `content` or `payment`",
                );
                QrContent::Text(Leaf::default())
            }
        };
        Self {
            content,
            size: object.number(reader, "size", 8.0..=150.0, 26.0),
            align: Align::read(reader, object),
            alt: object.leaf(reader, "alt"),
        }
    }
}
