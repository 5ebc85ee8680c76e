//! How numbers, amounts and dates read in a language: one implementation for forms, expressions and documents. Languages without an
//! entry get English grouping and ISO dates; nothing here rounds an amount except for showing it.

mod calendar;

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::value::{Money, Value, currency_decimals};

/// No-break space: a unit never leaves its number.
const NBSP: char = '\u{a0}';

/// Language, zone and currency that values are written in.
#[derive(Clone, Debug)]
pub struct Formats {
    /// BCP 47.
    pub locale: String,
    /// Turns an instant into a date and a time of day.
    pub time_zone: TimeZone,
    /// ISO 4217; what a plain number gets when it is shown as money.
    pub currency: String,
}

impl Default for Formats {
    fn default() -> Self {
        Self::new("en", TimeZone::UTC, "EUR")
    }
}

/// How a number is cut: separators of a language.
struct Separators {
    decimal: char,
    group: char,
    /// Digits from which on thousands are grouped: 5 leaves 1234 alone.
    from: usize,
    /// The currency stands before the number.
    currency_first: bool,
    /// A gap between currency and number.
    currency_gap: bool,
    percent_gap: bool,
}

impl Formats {
    pub fn new(locale: &str, time_zone: TimeZone, currency: &str) -> Self {
        Self {
            locale: locale.to_owned(),
            time_zone,
            currency: currency.to_owned(),
        }
    }

    /// The formats of a step or a document; an unknown zone counts as UTC.
    pub fn of(locale: &str, time_zone: &str, currency: &str) -> Self {
        Self::new(
            locale,
            TimeZone::get(time_zone).unwrap_or(TimeZone::UTC),
            currency,
        )
    }

    /// `1,485.00` or `1.485,00`. With `decimals` the number is rounded half away from zero, else it keeps its own.
    pub fn number(&self, number: Decimal, decimals: Option<u32>) -> String {
        let separators = self.separators();
        Self::digits(number, decimals, &separators, true)
    }

    /// As a bare `{{ }}` writes it: the language's decimal separator, no grouping, so that years and ids stay whole.
    pub fn plain_number(&self, number: Decimal) -> String {
        Self::digits(number, None, &self.separators(), false)
    }

    /// `€1,485.00` or `1.485,00 €`, with the currency's own decimals.
    pub fn money(&self, money: &Money) -> String {
        let separators = self.separators();
        let number = Self::digits(
            money.amount.abs(),
            Some(currency_decimals(&money.currency)),
            &separators,
            true,
        );
        let symbol = self.symbol(&money.currency);
        let is_code = symbol.chars().next_back().is_some_and(char::is_alphabetic);
        let rounded = round(money.amount, currency_decimals(&money.currency));
        let sign = if rounded.is_sign_negative() && !rounded.is_zero() {
            "-"
        } else {
            ""
        };
        if separators.currency_first {
            let gap = if separators.currency_gap || is_code {
                String::from(NBSP)
            } else {
                String::new()
            };
            format!("{sign}{symbol}{gap}{number}")
        } else {
            format!("{sign}{number}{NBSP}{symbol}")
        }
    }

    /// The amount without its currency, grouped, with the currency's own decimals.
    pub fn amount(&self, money: &Money) -> String {
        self.number(money.amount, Some(currency_decimals(&money.currency)))
    }

    /// `19 %` for 19.
    pub fn percent(&self, number: Decimal, decimals: Option<u32>) -> String {
        let separators = self.separators();
        let number = Self::digits(number.normalize(), decimals, &separators, true);
        if separators.percent_gap {
            format!("{number}{NBSP}%")
        } else {
            format!("{number}%")
        }
    }

    /// `long`: 8 March 2027, `short`: 08/03/2027, `weekday`: Monday, 8 March 2027, `day_month`: 8 March, `month`: March 2027, `iso`:
    /// 2027-03-08; `None` for another style.
    pub fn date(&self, date: Date, style: &str) -> Option<String> {
        calendar::date(&self.locale, date, style)
    }

    /// Hours and minutes: `14:30`.
    pub fn time(&self, time: Time) -> String {
        format!("{:02}:{:02}", time.hour(), time.minute())
    }

    /// Date and time of day in the zone.
    pub fn instant(&self, instant: Timestamp) -> String {
        let zoned = instant.to_zoned(self.time_zone.clone());
        let date = self.date(zoned.date(), "long").unwrap_or_default();
        format!("{date}, {}", self.time(zoned.time()))
    }

    /// The day of an instant in the zone.
    pub fn date_of(&self, instant: Timestamp) -> Date {
        instant.to_zoned(self.time_zone.clone()).date()
    }

    pub fn yes_no(&self, yes: bool) -> &'static str {
        let (positive, negative) = match self.language().as_str() {
            "de" => ("ja", "nein"),
            "es" => ("sí", "no"),
            "fr" => ("oui", "non"),
            "it" => ("sì", "no"),
            "nl" => ("ja", "nee"),
            "pl" => ("tak", "nie"),
            "pt" => ("sim", "não"),
            "zh" => ("是", "否"),
            "ja" => ("はい", "いいえ"),
            _ => ("yes", "no"),
        };
        if yes { positive } else { negative }
    }

    /// A value as a text shows it; `None` for what has no text: an empty value and a record.
    pub fn text(&self, value: &Value) -> Option<String> {
        Some(match value {
            Value::Empty | Value::Record(_) => return None,
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Decimal(number) => self.plain_number(*number),
            Value::Money(money) => self.money(money),
            Value::Date(date) => self.date(*date, "long")?,
            Value::Time(time) => self.time(*time),
            Value::Instant(instant) => self.instant(*instant),
            Value::YesNo(yes) => self.yes_no(*yes).to_owned(),
            Value::List(items) => {
                let texts: Option<Vec<String>> = items.iter().map(|item| self.text(item)).collect();
                texts?.join(", ")
            }
            Value::File(file) => file.name.clone(),
        })
    }

    fn language(&self) -> String {
        self.locale
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    }

    fn separators(&self) -> Separators {
        let tag = self.locale.replace('_', "-").to_ascii_lowercase();
        let language = self.language();
        let of = |decimal, group, from, currency_first, currency_gap, percent_gap| Separators {
            decimal,
            group,
            from,
            currency_first,
            currency_gap,
            percent_gap,
        };
        match (tag.as_str(), language.as_str()) {
            ("de-ch" | "de-li" | "it-ch", _) => of('.', '\u{2019}', 4, true, true, false),
            ("fr-ch", _) => of(',', NBSP, 4, false, true, true),
            ("de-at", _) => of(',', '.', 4, true, true, true),
            ("pt-br", _) => of(',', '.', 4, true, true, false),
            ("es-mx" | "es-us", _) => of('.', ',', 4, true, false, true),
            (_, "de" | "da") => of(',', '.', 4, false, true, true),
            (_, "fr" | "sv" | "nb" | "no" | "fi" | "cs" | "uk" | "ru" | "hu" | "sk") => {
                of(',', NBSP, 4, false, true, true)
            }
            (_, "es") => of(',', '.', 5, false, true, true),
            (_, "pl" | "pt" | "bg") => of(',', NBSP, 5, false, true, false),
            (_, "it" | "el" | "id" | "ro" | "sl" | "hr" | "sr" | "vi") => {
                of(',', '.', 4, false, true, false)
            }
            (_, "tr") => of(',', '.', 4, true, false, false),
            (_, "nl") => of(',', '.', 4, true, true, false),
            _ => of('.', ',', 4, true, false, false),
        }
    }

    fn digits(
        number: Decimal,
        decimals: Option<u32>,
        separators: &Separators,
        grouped: bool,
    ) -> String {
        let number = decimals.map_or(number, |decimals| round(number, decimals));
        let text = match decimals {
            Some(decimals) => format!("{:.*}", decimals.min(28) as usize, number.abs()),
            None => number.abs().to_string(),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut out = String::with_capacity(text.len() + 8);
        if number.is_sign_negative() && !number.is_zero() {
            out.push('-');
        }
        let group = grouped && whole.len() >= separators.from;
        for (index, digit) in whole.chars().enumerate() {
            if group && index > 0 && (whole.len() - index).is_multiple_of(3) {
                out.push(separators.group);
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push(separators.decimal);
            out.push_str(fraction);
        }
        out
    }

    fn symbol<'a>(&self, currency: &'a str) -> &'a str {
        let locale = self.locale.replace('_', "-").to_ascii_lowercase();
        let language = self.language();
        match currency {
            "EUR" => "€",
            "GBP" => "£",
            "USD" if ["en-ca", "en-au", "fr-ca"].contains(&locale.as_str()) => "US$",
            "USD" => "$",
            "JPY" if language == "ja" => "￥",
            "JPY" if language == "zh" => "JP¥",
            "JPY" => "¥",
            "CNY" if language == "zh" => "¥",
            "CNY" => "CN¥",
            "INR" => "₹",
            "KRW" => "₩",
            "ILS" => "₪",
            "VND" => "₫",
            "BRL" => "R$",
            "CAD" if locale.ends_with("-ca") => "$",
            "CAD" => "CA$",
            "AUD" if locale.ends_with("-au") => "$",
            "AUD" => "A$",
            "PLN" if language == "pl" => "zł",
            "SEK" if language == "sv" => "kr",
            "NOK" if language == "nb" || language == "no" => "kr",
            "DKK" if language == "da" => "kr.",
            "CZK" if language == "cs" => "Kč",
            "HUF" if language == "hu" => "Ft",
            "TRY" if language == "tr" => "₺",
            other => other,
        }
    }
}

/// Commercial rounding: half away from zero.
pub fn round(number: Decimal, decimals: u32) -> Decimal {
    number.round_dp_with_strategy(decimals.min(28), RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod spot_checks {
    use super::*;

    fn formats(locale: &str) -> Formats {
        Formats::of(locale, "Europe/Berlin", "EUR")
    }

    fn plain(text: &str) -> String {
        text.replace(NBSP, " ")
    }

    #[test]
    fn money_reads_as_its_language_has_it() {
        let check = |locale: &str, amount: &str, currency: &str, expected: &str| {
            let money = Money {
                amount: amount.parse().expect("a number"),
                currency: currency.into(),
            };
            assert_eq!(plain(&formats(locale).money(&money)), expected, "{locale}");
        };
        check("en", "1485", "EUR", "€1,485.00");
        check("en-US", "-1234567.895", "USD", "-$1,234,567.90");
        check("de", "1485.005", "EUR", "1.485,01 €");
        check("de-CH", "1485", "CHF", "CHF 1\u{2019}485.00");
        check("fr", "1485", "EUR", "1 485,00 €");
        check("es", "1485", "EUR", "1485,00 €");
        check("es", "14850", "EUR", "14.850,00 €");
        check("zh-CN", "1485", "CNY", "¥1,485.00");
        check("ja", "1485", "JPY", "￥1,485");
        check("en", "1485", "CHF", "CHF 1,485.00");
        check("nl", "1485", "EUR", "€ 1.485,00");
        check("en", "-0.001", "EUR", "€0.00");
    }

    #[test]
    fn numbers_and_percents() {
        let number = |text: &str| -> Decimal { text.parse().expect("a number") };
        assert_eq!(formats("de").number(number("1234.5"), None), "1.234,5");
        assert_eq!(formats("de").number(number("-0.125"), Some(2)), "-0,13");
        assert_eq!(formats("en").number(number("2"), Some(2)), "2.00");
        assert_eq!(formats("de").plain_number(number("2026")), "2026");
        assert_eq!(plain(&formats("de").percent(number("19"), None)), "19 %");
        assert_eq!(formats("en").percent(number("7.50"), None), "7.5%");
    }

    #[test]
    fn an_instant_is_told_in_its_zone() {
        let instant: Timestamp = "2027-03-07T23:30:00Z".parse().expect("an instant");
        assert_eq!(formats("en").instant(instant), "8 March 2027, 00:30");
    }
}
