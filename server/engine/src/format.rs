//! How numbers, amounts and dates read in a language: one implementation for forms, expressions and documents. What each language does
//! is CLDR's, through ICU4X; amounts go there digit by digit. Nothing here rounds an amount except for showing it.

mod calendar;
mod language;
mod patterns;

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::{
    kind::MAX_MONEY_DECIMALS,
    value::{Money, Value, currency_decimals},
};

use language::Language;

/// Language, zone and currency that values are written in.
#[derive(Clone, Debug)]
pub struct Formats {
    locale: String,
    language: Language,
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

impl Formats {
    /// `locale` is a BCP 47 tag. A language that is not known has English numbers and ISO dates.
    pub fn new(locale: &str, time_zone: TimeZone, currency: &str) -> Self {
        Self {
            locale: locale.to_owned(),
            language: Language::read(locale).unwrap_or_else(Language::unknown),
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

    /// The same zone and currency in another language; `None` where there is no such language.
    pub fn in_language(&self, locale: &str) -> Option<Self> {
        Some(Self {
            locale: locale.to_owned(),
            language: Language::read(locale).filter(Language::is_known)?,
            time_zone: self.time_zone.clone(),
            currency: self.currency.clone(),
        })
    }

    /// BCP 47, as it was given.
    pub fn locale(&self) -> &str {
        &self.locale
    }

    /// `1,485.00` or `1.485,00`. With `decimals` the number is rounded half away from zero, else it keeps its own.
    pub fn number(&self, number: Decimal, decimals: Option<u32>) -> String {
        self.language.number(&shown(number, decimals))
    }

    /// As a bare `{{ }}` and a data file write it: the language's decimal mark, and otherwise as people type it, without grouping, so
    /// that years and ids stay whole.
    pub fn plain_number(&self, number: Decimal) -> String {
        let text = shown(number, None);
        match self.decimal_mark() {
            ',' => text.replace('.', ","),
            _ => text,
        }
    }

    /// `.` or `,`.
    pub fn decimal_mark(&self) -> char {
        if self.language.number("0.5").contains(',') {
            ','
        } else {
            '.'
        }
    }

    /// `€1,485.00` or `1.485,00 €`, with the currency's own decimals: what can be paid.
    pub fn money(&self, money: &Money) -> String {
        self.money_with(money, currency_decimals(&money.currency))
    }

    /// As somebody gave it: `€0.0834`, with more decimals than its currency where it has them.
    pub fn money_in_full(&self, money: &Money) -> String {
        self.money_with(money, full_decimals(money))
    }

    fn money_with(&self, money: &Money, decimals: u32) -> String {
        let amount = shown(money.amount, Some(decimals));
        let (digits, minus) = match amount.strip_prefix('-') {
            Some(digits) => (digits, Some(self.language.amount("-1").replace('1', ""))),
            None => (amount.as_str(), None),
        };
        let number = self.language.amount(digits);
        patterns::money(&self.language, &money.currency, &number, minus.as_deref())
    }

    /// The amount without its currency, grouped, with the currency's own decimals.
    pub fn amount(&self, money: &Money) -> String {
        let decimals = currency_decimals(&money.currency);
        self.language.amount(&shown(money.amount, Some(decimals)))
    }

    /// The amount as somebody gave it, without its currency.
    pub fn amount_in_full(&self, money: &Money) -> String {
        let decimals = full_decimals(money);
        self.language.amount(&shown(money.amount, Some(decimals)))
    }

    /// `19 %` for 19.
    pub fn percent(&self, number: Decimal, decimals: Option<u32>) -> String {
        let text = shown(number.normalize(), decimals);
        let (digits, minus) = match text.strip_prefix('-') {
            Some(digits) => (digits, self.language.number("-1").replace('1', "")),
            None => (text.as_str(), String::new()),
        };
        let number = self.language.number(digits);
        format!("{minus}{}", patterns::percent(&self.language, &number))
    }

    /// `long`: 8 March 2027, `medium`: 8 Mar 2027, `short`: 08/03/2027, `weekday`: Monday, 8 March 2027, `day_month`: 8 March, `month`:
    /// March 2027, `iso`: 2027-03-08; `None` for another style.
    pub fn date(&self, date: Date, style: &str) -> Option<String> {
        calendar::date(&self.language, date, style)
    }

    /// As `strftime` has it: `%d. %B` is 8. März; `None` for a pattern that is none.
    pub fn date_pattern(&self, date: Date, pattern: &str) -> Option<String> {
        calendar::pattern(&self.language, date, pattern)
    }

    /// Hours and minutes, alike in all languages: `14:30`.
    pub fn time(&self, time: Time) -> String {
        format!("{:02}:{:02}", time.hour(), time.minute())
    }

    /// Date and time of day in the zone.
    pub fn instant(&self, instant: Timestamp) -> String {
        let zoned = instant.to_zoned(self.time_zone.clone());
        let date = self.date(zoned.date(), "long").unwrap_or_default();
        let comma = match self.language.name() {
            "ja" | "ko" | "zh" => "",
            _ => ",",
        };
        format!("{date}{comma} {}", self.time(zoned.time()))
    }

    /// The day of an instant in the zone.
    pub fn date_of(&self, instant: Timestamp) -> Date {
        instant.to_zoned(self.time_zone.clone()).date()
    }

    /// The time of day of an instant in the zone.
    pub fn time_of(&self, instant: Timestamp) -> Time {
        instant.to_zoned(self.time_zone.clone()).time()
    }

    pub fn yes_no(&self, yes: bool) -> &'static str {
        let (positive, negative) = match self.language.name() {
            "ar" => ("نعم", "لا"),
            "cs" => ("ano", "ne"),
            "da" | "sv" => ("ja", "nej"),
            "de" => ("ja", "nein"),
            "el" => ("ναι", "όχι"),
            "es" => ("sí", "no"),
            "fi" => ("kyllä", "ei"),
            "fr" => ("oui", "non"),
            "he" => ("כן", "לא"),
            "hi" => ("हाँ", "नहीं"),
            "hu" => ("igen", "nem"),
            "id" => ("ya", "tidak"),
            "it" => ("sì", "no"),
            "ja" => ("はい", "いいえ"),
            "ko" => ("예", "아니요"),
            "nb" | "no" => ("ja", "nei"),
            "nl" => ("ja", "nee"),
            "pl" => ("tak", "nie"),
            "pt" => ("sim", "não"),
            "ro" => ("da", "nu"),
            "ru" => ("да", "нет"),
            "sk" => ("áno", "nie"),
            "th" => ("ใช่", "ไม่ใช่"),
            "tr" => ("evet", "hayır"),
            "uk" => ("так", "ні"),
            "vi" => ("có", "không"),
            "zh" => ("是", "否"),
            _ => ("yes", "no"),
        };
        if yes { positive } else { negative }
    }

    /// A value as a text shows it, amounts as they can be paid; `None` for what has no text: an empty value and a record.
    pub fn text(&self, value: &Value) -> Option<String> {
        self.text_with(value, Self::money)
    }

    /// A value as a text shows it that was given, not computed: amounts have all decimals that they have.
    pub fn text_in_full(&self, value: &Value) -> Option<String> {
        self.text_with(value, Self::money_in_full)
    }

    fn text_with(&self, value: &Value, money: fn(&Self, &Money) -> String) -> Option<String> {
        Some(match value {
            Value::Empty | Value::Record(_) => return None,
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Decimal(number) => self.plain_number(*number),
            Value::Money(amount) => money(self, amount),
            Value::Date(date) => self.date(*date, "long")?,
            Value::Time(time) => self.time(*time),
            Value::Instant(instant) => self.instant(*instant),
            Value::YesNo(yes) => self.yes_no(*yes).to_owned(),
            Value::List(items) => {
                let texts = items.iter().map(|item| self.text_with(item, money));
                let texts: Option<Vec<String>> = texts.collect();
                texts?.join(", ")
            }
            Value::File(file) => file.name.clone(),
        })
    }
}

/// The decimals that an amount has, no fewer than its currency and no more than a price.
fn full_decimals(money: &Money) -> u32 {
    let own = money.amount.normalize().scale();
    let least = currency_decimals(&money.currency);
    own.min(MAX_MONEY_DECIMALS.into()).max(least)
}

/// All digits that are to be seen, with a point and a minus; nothing has no sign.
fn shown(number: Decimal, decimals: Option<u32>) -> String {
    let number = decimals.map_or(number, |decimals| round(number, decimals));
    let number = if number.is_zero() {
        number.abs()
    } else {
        number
    };
    match decimals {
        Some(decimals) => format!("{number:.*}", decimals.min(28) as usize),
        None => number.to_string(),
    }
}

/// The decimal mark of a language: `.` or `,`.
pub fn decimal_mark(locale: &str) -> char {
    Formats::new(locale, TimeZone::UTC, "").decimal_mark()
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

    const NBSP: char = '\u{a0}';

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
        check("de-CH", "1485", "CHF", "CHF 1'485.00");
        check("fr", "1485", "EUR", "1\u{202f}485,00 €");
        check("es", "1485", "EUR", "1485,00 €");
        check("es", "14850", "EUR", "14.850,00 €");
        check("zh-CN", "1485", "CNY", "¥1,485.00");
        check("ja", "1485", "JPY", "￥1,485");
        check("en", "1485", "CHF", "CHF 1,485.00");
        check("nl", "1485", "EUR", "€ 1.485,00");
        check("en", "-0.001", "EUR", "€0.00");
    }

    #[test]
    fn a_price_reads_with_the_decimals_it_has() {
        let check = |locale: &str, amount: &str, currency: &str, expected: &str| {
            let price = Money {
                amount: amount.parse().expect("a number"),
                currency: currency.into(),
            };
            let text = formats(locale).money_in_full(&price);
            assert_eq!(plain(&text), expected, "{locale}");
        };
        check("en", "0.0834", "EUR", "€0.0834");
        check("de", "1234.5", "EUR", "1.234,50 €");
        check("de", "-0.0830", "EUR", "-0,083 €");
        check("en", "0.083456789", "EUR", "€0.083457");
        check("ja", "12.5", "JPY", "￥12.5");
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
