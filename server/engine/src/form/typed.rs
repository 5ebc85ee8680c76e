//! Reads what people typed into the cells of a table, with the rules of a form's answers: either decimal mark, dates of the language.
//! What could be two things is refused, never guessed.

use jiff::{
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};
use rust_decimal::Decimal;

use super::{
    answer::parse_date,
    number::{self, Fault},
};
use crate::{
    format::Formats,
    kind::{ChoiceOption, Kind},
    value::{MAX_INTEGER, Mismatch, Money, Value, is_currency, parse_decimal, too_many_decimals},
};

/// Words for yes and no that spreadsheets write, besides those of the language.
const YES_NO: [(&str, &str); 9] = [
    ("yes", "no"),
    ("y", "n"),
    ("true", "false"),
    ("1", "0"),
    ("wahr", "falsch"),
    ("vrai", "faux"),
    ("verdadero", "falso"),
    ("vero", "falso"),
    ("\u{771f}", "\u{5047}"),
];

/// How the cells of a table are to be understood.
pub struct Typed {
    formats: Formats,
    point: bool,
}

impl Typed {
    /// As the language writes numbers and dates; with `point` numbers have a point and no grouping, as programs write them.
    pub fn new(formats: Formats, point: bool) -> Self {
        Self { formats, point }
    }

    /// The cell's value; empty for a cell of blanks. Texts lose the blanks around them.
    pub fn read(&self, text: &str, kind: &Kind) -> Result<Value, Mismatch> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Value::Empty);
        }
        match kind {
            Kind::Text { max_length } => plain(text, *max_length),
            Kind::Any => plain(text, None),
            Kind::Integer => self.number(text).and_then(whole),
            Kind::Decimal => self.number(text).map(Value::Decimal),
            Kind::Money { decimals } => self.money(text, *decimals),
            Kind::Date => self.date(text).map(Value::Date),
            Kind::Time => text
                .parse()
                .map(Value::Time)
                .map_err(|_| wrong("not_a_date", "is not a time such as 14:30")),
            Kind::Instant => self.instant(text),
            Kind::YesNo => self.yes_no(text),
            Kind::Choice { options } => choice(text, options),
            Kind::List { .. } | Kind::Record { .. } | Kind::File => Err(wrong(
                "wrong_kind",
                format!("is not {}, which has no place in a cell", kind.noun()),
            )),
        }
    }

    /// Fits a number that a spreadsheet stores as such.
    pub fn number_as(&self, number: Decimal, kind: &Kind) -> Result<Value, Mismatch> {
        match kind {
            Kind::Integer => whole(number),
            Kind::Decimal | Kind::Any => Ok(Value::Decimal(number.normalize())),
            Kind::Money { decimals } => amount(number, &self.formats.currency, *decimals),
            Kind::Text { max_length } => plain(&number.normalize().to_string(), *max_length),
            Kind::Choice { options } => choice(&number.normalize().to_string(), options),
            Kind::YesNo => self.yes_no(&number.normalize().to_string()),
            Kind::Date
            | Kind::Time
            | Kind::Instant
            | Kind::List { .. }
            | Kind::Record { .. }
            | Kind::File => Err(not(kind)),
        }
    }

    /// Fits a moment that a spreadsheet stores as such: without a zone, so it is one of the workflow's.
    pub fn moment_as(&self, moment: DateTime, kind: &Kind) -> Result<Value, Mismatch> {
        match kind {
            Kind::Date if moment.time() == Time::midnight() => Ok(Value::Date(moment.date())),
            Kind::Time => Ok(Value::Time(moment.time())),
            Kind::Instant => local(moment, &self.formats.time_zone),
            Kind::Text { .. } | Kind::Any if moment.time() == Time::midnight() => {
                Ok(Value::Text(moment.date().to_string()))
            }
            Kind::Text { .. } | Kind::Any => Ok(Value::Text(moment.to_string().replace('T', " "))),
            Kind::Date => Err(wrong(
                "not_a_date",
                "is a day with a time, not a date alone",
            )),
            Kind::Integer
            | Kind::Decimal
            | Kind::Money { .. }
            | Kind::YesNo
            | Kind::Choice { .. }
            | Kind::List { .. }
            | Kind::Record { .. }
            | Kind::File => Err(not(kind)),
        }
    }

    fn number(&self, text: &str) -> Result<Decimal, Mismatch> {
        let unreadable = || wrong("wrong_kind", "is not a number");
        if self.point {
            return parse_decimal(text).ok_or_else(unreadable);
        }
        // A rate may be typed with its sign.
        let text = text.strip_suffix(['%', '％']).unwrap_or(text);
        number::read(text, self.formats.decimal_mark()).map_err(|fault| match fault {
            Fault::TooLong => wrong("too_long", "has more digits than fit"),
            Fault::Unreadable | Fault::OtherCurrency => unreadable(),
        })
    }

    /// In the workflow's currency, unless the cell names another by its code.
    fn money(&self, text: &str, decimals: Option<u8>) -> Result<Value, Mismatch> {
        let unreadable = || wrong("wrong_kind", "is not an amount of money");
        let (text, code) = take_code(text);
        let currency = code.unwrap_or(&self.formats.currency);
        let read = if self.point {
            parse_decimal(text).ok_or(Fault::Unreadable)
        } else {
            number::read_money(text, self.formats.decimal_mark(), currency)
        };
        match read {
            Ok(number) => amount(number, currency, decimals),
            Err(Fault::TooLong) => Err(wrong("too_long", "has more digits than fit")),
            Err(Fault::OtherCurrency) => Err(wrong(
                "other_currency",
                format!("is not an amount in {currency}; write the currency's three letters"),
            )),
            Err(Fault::Unreadable) => Err(unreadable()),
        }
    }

    fn date(&self, text: &str) -> Result<Date, Mismatch> {
        // What databases write for a day.
        let day = ["00:00:00", "00:00"]
            .iter()
            .find_map(|midnight| text.strip_suffix(midnight)?.strip_suffix(['T', ' ']))
            .unwrap_or(text);
        match parse_date(day) {
            Some(date) => Ok(date),
            None => slashed(day, self.formats.locale()),
        }
    }

    fn instant(&self, text: &str) -> Result<Value, Mismatch> {
        if let Ok(instant) = text.parse() {
            return Ok(Value::Instant(instant));
        }
        let unreadable = || wrong("not_a_date", "is not a point in time");
        let (day, time) = text.split_once(['T', ' ']).ok_or_else(unreadable)?;
        let time: Time = time.trim().parse().map_err(|_| unreadable())?;
        local(self.date(day)?.to_datetime(time), &self.formats.time_zone)
    }

    fn yes_no(&self, text: &str) -> Result<Value, Mismatch> {
        let text = text.to_lowercase();
        let own = (self.formats.yes_no(true), self.formats.yes_no(false));
        YES_NO
            .into_iter()
            .chain([own])
            .find_map(|(yes, no)| {
                let is_yes = text == yes;
                (is_yes || text == no).then_some(Value::YesNo(is_yes))
            })
            .ok_or_else(|| wrong("wrong_kind", "is not a yes or no"))
    }
}

/// `12/24/2026`, where the language or the day itself leaves no doubt which part is the day.
fn slashed(text: &str, locale: &str) -> Result<Date, Mismatch> {
    let unreadable = || wrong("not_a_date", "is not a date such as 2026-12-24");
    let parts: Vec<&str> = text.split('/').map(str::trim).collect();
    let [first, second, year] = parts.as_slice() else {
        return Err(unreadable());
    };
    let small = |part: &str| part.parse::<i8>().map_err(|_| unreadable());
    let (first, second) = (small(first)?, small(second)?);
    if year.len() != 4 {
        return Err(unreadable());
    }
    let (day, month) = match (first > 12, second > 12, day_comes_first(locale)) {
        (true, _, _) | (false, false, Some(true)) => (first, second),
        (false, true, _) | (false, false, Some(false)) => (second, first),
        (false, false, None) if first == second => (first, second),
        (false, false, None) => {
            return Err(wrong(
                "two_dates",
                "could be two days; write it as 2026-12-24",
            ));
        }
    };
    let year = year.parse().map_err(|_| unreadable())?;
    Date::new(year, month, day).map_err(|_| unreadable())
}

/// Which part of a date with slashes is the day; nothing where people of one language differ, or write the year first.
fn day_comes_first(locale: &str) -> Option<bool> {
    let mut parts = locale.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    match (language, parts.next_back()) {
        (_, Some("US" | "PH")) => Some(false),
        ("en", None) | ("zh" | "ja" | "ko" | "hu" | "sv" | "lt", _) => None,
        _ => Some(true),
    }
}

/// An amount may name its currency by code on either side: `12.50 USD`.
fn take_code(text: &str) -> (&str, Option<&str>) {
    let before = text.get(..3).filter(|code| is_currency(code));
    if let (Some(code), Some(rest)) = (before, text.get(3..)) {
        return (rest.trim(), Some(code));
    }
    let at = text.len().saturating_sub(3);
    match (
        text.get(..at),
        text.get(at..).filter(|code| is_currency(code)),
    ) {
        (Some(rest), Some(code)) => (rest.trim(), Some(code)),
        _ => (text, None),
    }
}

/// Never rounded: an amount with more decimals than fit is somebody's mistake or no amount.
fn amount(number: Decimal, currency: &str, decimals: Option<u8>) -> Result<Value, Mismatch> {
    Money::exact(number, currency, decimals)
        .map(Value::Money)
        .map_err(|most| too_many_decimals(currency, decimals, most))
}

fn whole(number: Decimal) -> Result<Value, Mismatch> {
    let number = number.normalize();
    if number.scale() > 0 {
        return Err(wrong("wrong_kind", "is not a whole number"));
    }
    number
        .to_string()
        .parse()
        .ok()
        .filter(|number: &i64| number.abs() <= MAX_INTEGER)
        .map(Value::Integer)
        .ok_or_else(|| wrong("too_long", "has more digits than fit"))
}

fn plain(text: &str, max_length: Option<u32>) -> Result<Value, Mismatch> {
    if text.contains('\0') {
        return Err(wrong("bad_text", "holds a NUL character"));
    }
    let length = text.chars().count();
    match max_length {
        Some(most) if length > most as usize => Err(wrong(
            "too_long",
            format!("has {length} characters, at most {most} fit"),
        )),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

fn choice(text: &str, options: &[ChoiceOption]) -> Result<Value, Mismatch> {
    let same = |known: &str| known.trim().to_lowercase() == text.to_lowercase();
    options
        .iter()
        .find(|option| same(&option.value) || option.title.as_deref().is_some_and(same))
        .map(|option| Value::Text(option.value.clone()))
        .ok_or_else(|| wrong("not_an_option", "is not one of the options"))
}

/// A clock shows one hour twice when summer time ends, and leaves one out when it begins.
fn local(moment: DateTime, zone: &TimeZone) -> Result<Value, Mismatch> {
    let found = zone.to_ambiguous_zoned(moment);
    match found.offset() {
        AmbiguousOffset::Unambiguous { .. } => found
            .compatible()
            .map(|zoned| Value::Instant(zoned.timestamp()))
            .map_err(|_| wrong("not_a_date", "lies too far away")),
        AmbiguousOffset::Fold { .. } => Err(wrong(
            "two_moments",
            "is shown twice by the clock that night, when summer time ends; write it with its offset",
        )),
        AmbiguousOffset::Gap { .. } => Err(wrong(
            "no_such_moment",
            "is not shown by the clock that day, when summer time begins",
        )),
    }
}

fn not(kind: &Kind) -> Mismatch {
    wrong("wrong_kind", format!("is not {}", kind.noun()))
}

fn wrong(code: &str, message: impl Into<String>) -> Mismatch {
    Mismatch {
        pointer: String::new(),
        code: code.into(),
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "test values are written in place"
    )]
    fn check(locale: &str, kind: &Kind, text: &str, expected: Result<Json, &str>) {
        let zone = TimeZone::get("Europe/Berlin").expect("a zone");
        let typed = Typed::new(Formats::new(locale, zone, "EUR"), false);
        let found = typed.read(text, kind);
        let found = found
            .as_ref()
            .map(Value::to_json)
            .map_err(|fault| fault.code.as_str());
        assert_eq!(found, expected, "{locale}: {text}");
    }

    #[test]
    fn numbers_are_read_as_the_language_writes_them() {
        check("de", &Kind::Decimal, "1.234,56", Ok(json!("1234.56")));
        check("en", &Kind::Decimal, "1,234.56", Ok(json!("1234.56")));
        check("de", &Kind::Decimal, "1.234", Ok(json!("1234")));
        check("en", &Kind::Decimal, "1.234", Ok(json!("1.234")));
        check("de", &Kind::Decimal, "19 %", Ok(json!("19")));
        check("de", &Kind::Integer, "-7", Ok(json!(-7)));
        check("de", &Kind::Integer, "7,5", Err("wrong_kind"));
        check("de", &Kind::Decimal, "abc", Err("wrong_kind"));
        let typed = Typed::new(Formats::new("de", TimeZone::UTC, "EUR"), true);
        let value = typed.read("1.234", &Kind::Decimal).expect("a number");
        assert_eq!(value.to_json(), json!("1.234"));
        assert!(typed.read("1.234,5", &Kind::Decimal).is_err());
    }

    #[test]
    fn amounts_keep_their_currency_and_are_never_rounded() {
        let euros = |amount: &str| Ok(json!({"amount": amount, "currency": "EUR"}));
        check("de", &Kind::money(), "1.234,50 €", euros("1234.50"));
        check("de", &Kind::money(), "1.234,5", euros("1234.50"));
        check("de", &Kind::money(), "-3 EUR", euros("-3.00"));
        let dollars = Ok(json!({"amount": "12.50", "currency": "USD"}));
        check("en", &Kind::money(), "12.50 USD", dollars.clone());
        check("en", &Kind::money(), "USD 12.50", dollars);
        check("en", &Kind::money(), "$12.50", Err("other_currency"));
        check("en", &Kind::money(), "12.505", Err("too_many_decimals"));
        let price = Kind::Money { decimals: Some(4) };
        check("de", &price, "0,0834 €", euros("0.0834"));
        check("de", &price, "0,5", euros("0.50"));
        check("de", &price, "0,08345", Err("too_many_decimals"));
    }

    #[test]
    fn a_date_that_could_be_two_is_refused() {
        check("de", &Kind::Date, "24.12.2026", Ok(json!("2026-12-24")));
        check("de", &Kind::Date, "2026-12-24", Ok(json!("2026-12-24")));
        check(
            "en",
            &Kind::Date,
            "2026-12-24 00:00:00",
            Ok(json!("2026-12-24")),
        );
        check(
            "zh-CN",
            &Kind::Date,
            "2026年12月24日",
            Ok(json!("2026-12-24")),
        );
        check("en-US", &Kind::Date, "3/8/2026", Ok(json!("2026-03-08")));
        check("en-GB", &Kind::Date, "3/8/2026", Ok(json!("2026-08-03")));
        check("en", &Kind::Date, "24/12/2026", Ok(json!("2026-12-24")));
        check("en", &Kind::Date, "3/8/2026", Err("two_dates"));
        check("de", &Kind::Date, "24.12.26", Err("not_a_date"));
        check("en", &Kind::Date, "2026-02-30", Err("not_a_date"));
        check(
            "en",
            &Kind::Instant,
            "2026-12-24 14:30",
            Ok(json!("2026-12-24T13:30:00Z")),
        );
        check("en", &Kind::Time, "14:30", Ok(json!("14:30:00")));
        let at = |text: &str, expected| check("en", &Kind::Instant, text, expected);
        at("2026-10-25 02:30", Err("two_moments"));
        at(
            "2026-10-25T02:30:00+01:00",
            Ok(json!("2026-10-25T01:30:00Z")),
        );
        at("2026-03-29 02:30", Err("no_such_moment"));
        at("2026-03-29 03:30", Ok(json!("2026-03-29T01:30:00Z")));
    }

    #[test]
    fn texts_choices_and_yes_or_no() {
        let options = vec![ChoiceOption {
            value: "north".into(),
            title: Some("North Sea".into()),
        }];
        let choice = Kind::Choice { options };
        check("en", &choice, "north sea", Ok(json!("north")));
        check("en", &choice, "south", Err("not_an_option"));
        check("de", &Kind::YesNo, "Ja", Ok(json!(true)));
        check("zh", &Kind::YesNo, "否", Ok(json!(false)));
        check("en", &Kind::YesNo, "maybe", Err("wrong_kind"));
        check("en", &Kind::text(), "  a  ", Ok(json!("a")));
        check("en", &Kind::text(), " ", Ok(json!(null)));
        let short = Kind::Text {
            max_length: Some(2),
        };
        check("en", &short, "abc", Err("too_long"));
        check("en", &Kind::text(), "a\0", Err("bad_text"));
    }
}
