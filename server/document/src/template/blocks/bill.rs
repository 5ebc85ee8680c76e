//! The payment part of a Swiss QR-bill with its receipt.

use crate::template::{
    leaf::Leaf,
    read::{Object, Reader},
};

#[derive(Clone, Debug)]
pub(crate) struct SwissBill {
    pub(crate) iban: Leaf,
    pub(crate) creditor: Address,
    /// Who pays; whoever pays fills it in where it is not there, or where all of it is blank.
    pub(crate) debtor: Option<Address>,
    /// Filled in by hand where it is not there.
    pub(crate) amount: Option<Leaf>,
    /// Of an amount that has none; without it the document's.
    pub(crate) currency: Option<Leaf>,
    /// A QR reference or a creditor reference, as the account wants it.
    pub(crate) reference: Option<Leaf>,
    pub(crate) message: Option<Leaf>,
    /// For programs, such as `//S1/10/…`.
    pub(crate) billing: Option<Leaf>,
    pub(crate) separation: Separation,
}

/// A structured address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Address {
    pub(crate) name: Leaf,
    pub(crate) street: Leaf,
    /// House number, where the street does not hold it.
    pub(crate) building: Leaf,
    pub(crate) post_code: Leaf,
    pub(crate) city: Leaf,
    /// ISO 3166-1 alpha-2.
    pub(crate) country: Leaf,
}

/// What says that the bill is to be torn off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separation {
    /// Lines with scissors.
    Scissors,
    /// Lines, and words above them.
    Words,
    /// The paper is perforated, so nothing is printed.
    Perforation,
}

impl SwissBill {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Self {
        if object.peek("creditor").is_none() {
            let pointer = format!("{}/creditor", object.pointer);
            reader.problem(&pointer, "missing", "must be filled in");
        }
        let separations = ["scissors", "words", "perforation"];
        Self {
            iban: object.required_leaf(reader, "iban"),
            creditor: Address::read(reader, object, "creditor").unwrap_or_default(),
            debtor: Address::read(reader, object, "debtor"),
            amount: object.optional_leaf(reader, "amount"),
            currency: object.optional_leaf(reader, "currency"),
            reference: object.optional_leaf(reader, "reference"),
            message: object.optional_leaf(reader, "message"),
            billing: object.optional_leaf(reader, "billing"),
            separation: match object
                .choice(reader, "separation", &separations, "scissors")
                .as_str()
            {
                "words" => Separation::Words,
                "perforation" => Separation::Perforation,
                _ => Separation::Scissors,
            },
        }
    }
}

impl Address {
    fn read(reader: &mut Reader, object: &mut Object<'_>, key: &'static str) -> Option<Self> {
        let pointer = format!("{}/{key}", object.pointer);
        let mut address = reader.object(object.child(key)?, &pointer)?;
        let found = Self {
            name: address.required_leaf(reader, "name"),
            street: address.leaf(reader, "street"),
            building: address.leaf(reader, "building"),
            post_code: address.required_leaf(reader, "post_code"),
            city: address.required_leaf(reader, "city"),
            country: address.required_leaf(reader, "country"),
        };
        address.done(reader);
        Some(found)
    }
}
