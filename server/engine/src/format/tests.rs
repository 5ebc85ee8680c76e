//! What is written in each language, kept as a table so that a difference is a decision. Blanks that do not break and marks that are
//! not seen stand in it by their code: `<a0>`.

use proptest::prelude::*;

use super::*;

const STRINGS: &str = include_str!("strings.txt");

fn written(locale: &str, what: &str, argument: &str) -> String {
    let formats = Formats::of(locale, "Europe/Berlin", "EUR");
    let number = || -> Decimal { argument.parse().expect("a number") };
    match what {
        "number" => formats.number(number(), None),
        "number.2" => formats.number(number(), Some(2)),
        "plain" => formats.plain_number(number()),
        "percent" => formats.percent(number(), None),
        "percent.1" => formats.percent(number(), Some(1)),
        "money" => {
            let (currency, amount) = argument.split_once(' ').expect("a currency and an amount");
            formats.money(&Money {
                amount: amount.parse().expect("a number"),
                currency: currency.into(),
            })
        }
        "date" => {
            let date = "2027-03-08".parse().expect("a date");
            formats.date(date, argument).expect("a style")
        }
        "instant" => formats.instant(argument.parse().expect("an instant")),
        "yes_no" => format!("{}/{}", formats.yes_no(true), formats.yes_no(false)),
        other => panic!("{other}"),
    }
}

fn visible(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\u{a0}' | '\u{200e}' | '\u{200f}' | '\u{2019}' | '\u{202f}' | '\u{2212}' => {
                out.push_str(&format!("<{:x}>", u32::from(letter)));
            }
            letter => out.push(letter),
        }
    }
    out
}

#[test]
fn every_language_writes_as_the_table_says() {
    let mut asked = ("", "");
    let mut wrong = Vec::new();
    for line in STRINGS.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            asked = heading.split_once(' ').unwrap_or((heading, ""));
            continue;
        }
        let (locale, expected) = line.split_once(": ").expect("a language and a text");
        let found = visible(&written(locale, asked.0, asked.1));
        if found != expected {
            wrong.push(format!("{asked:?} {locale}: {expected:?} is {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The languages of the table.
fn languages() -> Vec<Formats> {
    STRINGS
        .lines()
        .skip(1)
        .map_while(|line| line.split_once(": "))
        .map(|(locale, _)| Formats::of(locale, "Europe/Berlin", "EUR"))
        .collect()
}

/// The number that stands in a text whose decimal mark is known.
fn read(text: &str, mark: char) -> Decimal {
    let digits: String = text
        .chars()
        .filter_map(|letter| match letter {
            '0'..='9' => Some(letter),
            '-' | '\u{2212}' => Some('-'),
            letter => (letter == mark).then_some('.'),
        })
        .collect();
    digits.parse().expect("a number")
}

proptest! {
    #[test]
    fn every_digit_of_a_number_is_written(mantissa in any::<i64>(), scale in 0_u32..=12) {
        let number = Decimal::new(mantissa, scale);
        for formats in languages() {
            let mark = formats.decimal_mark();
            prop_assert_eq!(read(&formats.number(number, None), mark), number);
            prop_assert_eq!(read(&formats.plain_number(number), mark), number);
        }
    }

    #[test]
    fn every_cent_of_an_amount_is_written(mantissa in any::<i64>(), scale in 0_u32..=6) {
        let amount = Decimal::new(mantissa, scale);
        for formats in languages() {
            let text = formats.money(&Money { amount, currency: "EUR".into() });
            let mark = text.chars().rfind(|letter| ['.', ','].contains(letter));
            prop_assert_eq!(read(&text, mark.unwrap_or('.')), round(amount, 2));
        }
    }
}

#[test]
fn twenty_eight_digits_stay() {
    let number: Decimal = "1234567890123456.789012345678".parse().expect("a number");
    let formats = Formats::of("de", "UTC", "EUR");
    assert_eq!(
        formats.number(number, None),
        "1.234.567.890.123.456,789012345678"
    );
}

#[test]
fn a_pattern_has_the_names_of_its_language() {
    let date: Date = "2027-03-08".parse().expect("a date");
    let check = |locale: &str, pattern: &str, expected: Option<&str>| {
        let found = Formats::of(locale, "UTC", "EUR").date_pattern(date, pattern);
        assert_eq!(found.as_deref(), expected, "{locale} {pattern}");
    };
    check("de", "%A, %-d. %B %Y", Some("Montag, 8. März 2027"));
    check("de", "%^b %y", Some("MÄR 27"));
    check("en", "%a %d %b", Some("Mon 08 Mar"));
    check("fr", "100 %% le %A", Some("100 % le lundi"));
    // Beside the day a Russian month is in the genitive.
    check("ru", "%-d %B", Some("8 марта"));
    check("ru", "%B %Y", Some("март 2027"));
    check("zh-CN", "%Y年%-m月%-d日%A", Some("2027年3月8日星期一"));
    check("de", "%", None);
    check("de", "%H Uhr", None);
    check("xx", "%B", Some("March"));
}

#[test]
fn a_language_that_nobody_knows_has_figures_only() {
    let date: Date = "2027-03-08".parse().expect("a date");
    for locale in ["xx", "german", "", "!", "de-", "und"] {
        let formats = Formats::of(locale, "UTC", "EUR");
        for style in ["long", "medium", "short", "weekday", "month", "iso"] {
            assert_eq!(
                formats.date(date, style).as_deref(),
                Some("2027-03-08"),
                "{locale} {style}"
            );
        }
        let number = Decimal::new(12_345, 1);
        assert_eq!(formats.number(number, None), "1,234.5", "{locale}");
        assert!(Formats::default().in_language(locale).is_none(), "{locale}");
    }
    assert_eq!(Formats::default().date(date, "fancy"), None);
    // As programs write a tag, and as people do.
    for locale in ["de_CH", "de-ch", "DE-CH", "de-CH-u-nu-thai"] {
        let formats = Formats::default().in_language(locale).expect("German");
        let number = Decimal::new(12_345, 1);
        assert_eq!(formats.number(number, None), "1'234.5", "{locale}");
    }
}
