//! What an e-invoice is written as: a syntax and the rules that its receivers check.

use en16931::{Profile, profiles};
use en16931_formats::Syntax;

use crate::{Unreadable, received};

/// How an e-invoice is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Factur-X, called ZUGFeRD in Germany, in the profile EN 16931.
    #[default]
    FacturX,
    /// The same in the profile BASIC, which knows fewer terms.
    FacturXBasic,
    /// XRechnung 3.0 as CII.
    XRechnungCii,
    /// XRechnung 3.0 as UBL, an `Invoice` or a `CreditNote`.
    XRechnungUbl,
}

impl Format {
    pub const ALL: [Self; 4] = [
        Self::FacturX,
        Self::FacturXBasic,
        Self::XRechnungCii,
        Self::XRechnungUbl,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::FacturX => "Factur-X / ZUGFeRD (EN 16931)",
            Self::FacturXBasic => "Factur-X / ZUGFeRD (BASIC)",
            Self::XRechnungCii => "XRechnung (CII)",
            Self::XRechnungUbl => "XRechnung (UBL)",
        }
    }

    pub(crate) fn profile(self) -> &'static Profile {
        match self {
            Self::FacturX => &profiles::EN16931,
            Self::FacturXBasic => &profiles::ZUGFERD_BASIC,
            Self::XRechnungCii | Self::XRechnungUbl => &profiles::XRECHNUNG,
        }
    }

    pub(crate) fn syntax(self) -> Syntax {
        match self {
            Self::FacturX | Self::FacturXBasic | Self::XRechnungCii => Syntax::Cii,
            Self::XRechnungUbl => Syntax::Ubl,
        }
    }

    pub(crate) fn is_xrechnung(self) -> bool {
        matches!(self, Self::XRechnungCii | Self::XRechnungUbl)
    }
}

/// How an XML is called and described within a PDF (Factur-X 1.0x, 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hybrid {
    pub file_name: &'static str,
    /// `fx:ConformanceLevel`.
    pub conformance_level: &'static str,
}

/// How an XML goes into a PDF; `None` for one that has no place there: UBL, and profiles that Factur-X does not know.
pub fn hybrid(xml: &[u8]) -> Result<Option<Hybrid>, Unreadable> {
    let document = received::parse(xml)?;
    let of = |file_name, conformance_level| {
        Some(Hybrid {
            file_name,
            conformance_level,
        })
    };
    if document.syntax != Syntax::Cii {
        return Ok(None);
    }
    let declared = profiles::classify(document.invoice.specification_id.as_deref());
    Ok(match declared.profile().map(|profile| profile.slug) {
        Some("en16931") => of("factur-x.xml", "EN 16931"),
        Some("zugferd-minimum") => of("factur-x.xml", "MINIMUM"),
        Some("zugferd-basic-wl") => of("factur-x.xml", "BASIC WL"),
        Some("zugferd-basic") => of("factur-x.xml", "BASIC"),
        Some("zugferd-extended") => of("factur-x.xml", "EXTENDED"),
        Some("xrechnung") => of("xrechnung.xml", "XRECHNUNG"),
        Some(_) | None => None,
    })
}
