//! The invoice for machines within a PDF that somebody sent (Factur-X, ZUGFeRD). What a hostile file can take while it is looked at is
//! bounded by `foreign`, here, and in the crate that looks; the size of the file itself is the caller's to bound.

use en16931_formats::zugferd::{Error, Limits, extract};

use super::foreign::{Unbindable, check_pages};

/// Most bytes of the XML, and of all that must be unpacked to find it.
const MAX_XML: usize = 10 * 1024 * 1024;
const MAX_UNPACKED: usize = 64 * 1024 * 1024;
/// Most entries of the list of files.
const MAX_FILES: usize = 10_000;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedInvoice {
    /// As the PDF calls it, such as `factur-x.xml`.
    pub name: String,
    pub xml: Vec<u8>,
    /// Where the PDF says something else of it than it says itself, or does not keep PDF/A-3; English sentences.
    pub doubts: Vec<String>,
}

/// Why nothing was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInvoice {
    #[error("the file is not a PDF that can be read")]
    Unreadable,
    #[error("the PDF has no e-invoice in it")]
    Missing,
    #[error("the PDF unpacks to more than an invoice can have")]
    TooLarge,
}

/// The XML of a hybrid invoice, found by its name.
pub fn embedded_invoice(pdf: &[u8]) -> Result<EmbeddedInvoice, NoInvoice> {
    // The crate lets the parser read all that a file has, as often as its tables say, and finds no table that lies within other data.
    check_pages(pdf).map_err(|fault| match fault {
        Unbindable::Complex => NoInvoice::TooLarge,
        Unbindable::Unreadable | Unbindable::Locked | Unbindable::Empty => NoInvoice::Unreadable,
    })?;
    let limits = Limits::new()
        .with_max_stream_bytes(MAX_XML)
        .with_max_total_bytes(MAX_UNPACKED)
        .with_max_objects(MAX_FILES);
    let found = extract(pdf, &limits).map_err(|error| match error {
        Error::NoInvoice { .. } => NoInvoice::Missing,
        Error::LimitExceeded { .. } => NoInvoice::TooLarge,
        _ => NoInvoice::Unreadable,
    })?;
    Ok(EmbeddedInvoice {
        name: found.filename,
        xml: found.xml,
        doubts: found.divergence.iter().map(ToString::to_string).collect(),
    })
}
