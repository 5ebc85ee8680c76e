//! How VAT is charged, and the words the law wants where it is not.

use super::language::Language;

/// A VAT category (UNTDID 5305, as far as EN 16931 knows it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VatCategory {
    Standard,
    ZeroRated,
    Exempt,
    ReverseCharge,
    IntraCommunity,
    Export,
    OutOfScope,
}

impl VatCategory {
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::ZeroRated,
        Self::Exempt,
        Self::ReverseCharge,
        Self::IntraCommunity,
        Self::Export,
        Self::OutOfScope,
    ];

    /// `S`, `Z`, `E`, `AE`, `K`, `G` or `O`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Standard => "S",
            Self::ZeroRated => "Z",
            Self::Exempt => "E",
            Self::ReverseCharge => "AE",
            Self::IntraCommunity => "K",
            Self::Export => "G",
            Self::OutOfScope => "O",
        }
    }

    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|category| category.code() == code)
    }

    /// What its rules are named by: `BR-<family>-05`.
    pub(super) fn family(self) -> &'static str {
        if self == Self::IntraCommunity {
            "IC"
        } else {
            self.code()
        }
    }

    /// Whether an invoice must say why there is no VAT (BR-E-10, BR-AE-10, BR-IC-10, BR-G-10, BR-O-10); the others must not.
    pub fn needs_reason(self) -> bool {
        match self {
            Self::Standard | Self::ZeroRated => false,
            Self::Exempt
            | Self::ReverseCharge
            | Self::IntraCommunity
            | Self::Export
            | Self::OutOfScope => true,
        }
    }

    /// Why there is no VAT, in the language of the invoice (English where there is no text in it).
    pub fn reason(self, locale: &str) -> &'static str {
        let texts = match self {
            Self::Standard | Self::ZeroRated => [""; 4],
            Self::Exempt => [
                "Exempt from VAT",
                "Umsatzsteuerfrei",
                "Exonéré de TVA",
                "免征增值税",
            ],
            Self::ReverseCharge => [
                "Reverse charge",
                "Steuerschuldnerschaft des Leistungsempfängers",
                "Autoliquidation",
                "反向征税：增值税由购买方缴纳",
            ],
            Self::IntraCommunity => [
                "VAT-exempt intra-Community supply",
                "Steuerfreie innergemeinschaftliche Lieferung",
                "Livraison intracommunautaire exonérée de TVA",
                "欧盟内部供货，免征增值税",
            ],
            Self::Export => [
                "VAT-exempt export",
                "Steuerfreie Ausfuhrlieferung",
                "Exportation exonérée de TVA",
                "出口货物，免征增值税",
            ],
            Self::OutOfScope => [
                "Not subject to VAT",
                "Nicht steuerbar",
                "Non soumis à la TVA",
                "不属于增值税征税范围",
            ],
        };
        Language::of(locale).choose(texts)
    }

    /// The same as a code (VATEX list of EN 16931); empty where the ground must be known to choose one.
    pub fn reason_code(self) -> &'static str {
        match self {
            Self::Standard | Self::ZeroRated | Self::Exempt => "",
            Self::ReverseCharge => "VATEX-EU-AE",
            Self::IntraCommunity => "VATEX-EU-IC",
            Self::Export => "VATEX-EU-G",
            Self::OutOfScope => "VATEX-EU-O",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_without_vat_says_why_in_four_languages() {
        for category in VatCategory::ALL {
            assert_eq!(VatCategory::of_code(category.code()), Some(category));
            let texts = ["en", "de-AT", "fr", "zh-CN"].map(|locale| category.reason(locale));
            for text in texts {
                assert_eq!(!text.is_empty(), category.needs_reason(), "{category:?}");
            }
            assert_eq!(category.reason("pt"), texts[0]);
        }
        assert_eq!(
            VatCategory::ReverseCharge.reason("de"),
            "Steuerschuldnerschaft des Leistungsempfängers"
        );
    }
}
