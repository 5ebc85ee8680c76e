//! A language as ICU4X is asked for it: its data is CLDR's, for every language there, and in the program. Digits are always Latin
//! ones, whatever the language likes best: amounts are compared and copied by people and programs that read no others.

use std::sync::OnceLock;

use icu_datetime::DateTimeFormatterPreferences;
use icu_decimal::{DecimalFormatter, input, options::DecimalFormatterOptions};
use icu_locale_core::{
    LanguageIdentifier, Locale,
    subtags::{Region, Script},
};
use icu_provider::DataError;

use super::calendar;

/// A BCP 47 tag without its extensions, and the formatters of its numbers once they have been needed.
#[derive(Clone, Debug)]
pub(super) struct Language {
    id: LanguageIdentifier,
    is_known: OnceLock<bool>,
    numbers: OnceLock<Option<DecimalFormatter>>,
    amounts: OnceLock<Option<DecimalFormatter>>,
}

impl Language {
    /// `None` for what has not the shape of a tag.
    pub(super) fn read(tag: &str) -> Option<Self> {
        let locale = Locale::try_from_str(&tag.replace('_', "-")).ok()?;
        Some(Self::new(locale.id))
    }

    /// Numbers with a point and dates in figures.
    pub(super) fn unknown() -> Self {
        Self::new(LanguageIdentifier::UNKNOWN)
    }

    fn new(id: LanguageIdentifier) -> Self {
        Self {
            id,
            is_known: OnceLock::new(),
            numbers: OnceLock::new(),
            amounts: OnceLock::new(),
        }
    }

    /// Whether CLDR says how dates read in it.
    pub(super) fn is_known(&self) -> bool {
        *self.is_known.get_or_init(|| calendar::has_names(self))
    }

    /// `de` of `de-CH`.
    pub(super) fn name(&self) -> &str {
        self.id.language.as_str()
    }

    /// `CH` of `de-CH`; empty where the tag names none.
    pub(super) fn region(&self) -> &str {
        self.id.region.as_ref().map_or("", Region::as_str)
    }

    /// Chinese in traditional letters.
    pub(super) fn is_traditional(&self) -> bool {
        let script = self.id.script.as_ref().map(Script::as_str);
        self.name() == "zh"
            && (script == Some("Hant")
                || (script.is_none() && ["HK", "MO", "TW"].contains(&self.region())))
    }

    /// The order of the United States, whose `3/8` is elsewhere a day in August, is for those who name that country.
    pub(super) fn dates(&self) -> DateTimeFormatterPreferences {
        if self.name() == "en" && self.id.region.is_none() {
            return latin("en-001").into();
        }
        latin(&self.id.to_string()).into()
    }

    /// A number such as `-1485.00`, all of whose digits stay.
    pub(super) fn number(&self, number: &str) -> String {
        let formatter = self
            .numbers
            .get_or_init(|| formatter(&self.id.to_string()).ok());
        digits(formatter.as_ref(), number)
    }

    /// The number of an amount: in a few countries it has other marks.
    pub(super) fn amount(&self, number: &str) -> String {
        let tag = match (self.name(), self.region()) {
            ("de", "AT") => "de",
            ("fr", "CH") => "de-CH",
            (
                "en",
                "BE" | "DE" | "EE" | "ES" | "FI" | "FR" | "IT" | "LT" | "LV" | "NL" | "PT" | "SI"
                | "SK",
            ) => "en",
            _ => return self.number(number),
        };
        let formatter = self.amounts.get_or_init(|| formatter(tag).ok());
        digits(formatter.as_ref(), number)
    }
}

fn latin(tag: &str) -> Locale {
    Locale::try_from_str(&format!("{tag}-u-nu-latn")).unwrap_or(Locale::UNKNOWN)
}

fn formatter(tag: &str) -> Result<DecimalFormatter, DataError> {
    DecimalFormatter::try_new(latin(tag).into(), DecimalFormatterOptions::default())
}

fn digits(formatter: Option<&DecimalFormatter>, number: &str) -> String {
    match (formatter, input::Decimal::try_from_str(number)) {
        (Some(formatter), Ok(number)) => formatter.format_to_string(&number),
        _ => number.to_owned(),
    }
}
