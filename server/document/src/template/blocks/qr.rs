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

impl QrContent {
    /// The texts that it is made of.
    pub(crate) fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Text(text) => vec![text],
            Self::Payment(payment) => {
                let Payment {
                    name,
                    iban,
                    bic,
                    amount,
                    purpose,
                    reference,
                    creditor_reference,
                } = &**payment;
                let mut leaves = vec![name, iban, amount, reference];
                leaves.extend([bic, purpose, creditor_reference].into_iter().flatten());
                leaves
            }
        }
    }
}

/// A SEPA credit transfer (EPC069-12).
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) name: Leaf,
    pub(crate) iban: Leaf,
    pub(crate) bic: Option<Leaf>,
    pub(crate) amount: Leaf,
    /// Such as `GDDS` for goods.
    pub(crate) purpose: Option<Leaf>,
    /// Words for the payee.
    pub(crate) reference: Leaf,
    /// Structured (ISO 11649), instead of words.
    pub(crate) creditor_reference: Option<Leaf>,
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
                purpose: payment.optional_leaf(reader, "purpose"),
                reference: payment.leaf(reader, "reference"),
                creditor_reference: payment.optional_leaf(reader, "creditor_reference"),
            };
            if found.creditor_reference.is_some() && !found.reference.is_blank() {
                reader.problem(
                    &pointer,
                    "payment_references",
                    "has `reference` and `creditor_reference`: only one of them is possible",
                );
            }
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
