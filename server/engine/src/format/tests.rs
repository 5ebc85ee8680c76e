//! What is written in each language, kept as a table so that a difference is a decision. Blanks that do not break and marks that are
//! not seen stand in it by their code: `<a0>`.

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
