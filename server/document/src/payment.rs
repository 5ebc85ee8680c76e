//! Payment codes: what banking apps read of a bill, and all that would keep them from reading it. Nothing is drawn here.

mod epc;
mod swiss;

use engine::{firm::is_iban, node::Warning};
use rust_decimal::Decimal;

pub(crate) use epc::{Transfer, epc};
pub(crate) use swiss::{Bill, Party, Written, swiss};

/// Letters of a creditor reference besides `RF` and its check digits.
const CREDITOR_REFERENCE: usize = 21;

/// Without line breaks, its blanks single.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn compact(text: &str) -> String {
    text.split_whitespace().collect()
}

/// The IBAN as codes hold it.
fn iban(text: &str) -> Result<String, Warning> {
    let iban = compact(text);
    if iban.is_empty() {
        return Err(missing("the IBAN"));
    }
    if is_iban(&iban) {
        return Ok(iban);
    }
    let message = format!("`{iban}` is not an IBAN, so there is no payment code");
    Err(Warning::new("payment_iban", message).with("iban", iban))
}

/// Both standards have the same bounds; `amount` has two decimals.
fn check_amount(amount: Decimal) -> Result<(), Warning> {
    if amount < Decimal::new(1, 2) || amount > Decimal::new(99_999_999_999, 2) {
        let message = "the amount of a payment code must be from 0.01 to 999999999.99";
        return Err(Warning::new("payment_amount", message));
    }
    Ok(())
}

/// A creditor reference (ISO 11649): checked where it begins with `RF` and two digits, else made of a number such as `RE-2027-0042`, whose
/// letters and digits get their check digits.
fn creditor_reference(text: &str) -> Result<String, Warning> {
    let plain: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '/' | '.' | '_'))
        .collect::<String>()
        .to_ascii_uppercase();
    let is_plain = plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let given = plain.strip_prefix("RF").filter(|rest| {
        let mut digits = rest.bytes();
        let mut digit = || digits.next().is_some_and(|byte| byte.is_ascii_digit());
        digit() && digit()
    });
    match given {
        Some(rest)
            if is_plain
                && (3..=CREDITOR_REFERENCE + 2).contains(&rest.len())
                && rest_by_97(&format!("{}RF{}", &rest[2..], &rest[..2])) == 1 =>
        {
            Ok(plain)
        }
        None if is_plain && (1..=CREDITOR_REFERENCE).contains(&plain.len()) => {
            let check = 98 - rest_by_97(&format!("{plain}RF00"));
            Ok(format!("RF{check:02}{plain}"))
        }
        Some(_) | None => {
            let message = format!(
                "`{text}` is no creditor reference: it has at most {CREDITOR_REFERENCE} letters and digits, or begins with RF and the right check digits"
            );
            Err(Warning::new("payment_reference", message).with("reference", text))
        }
    }
}

/// What is left by 97 of a text whose letters count from 10 on (ISO 7064, MOD 97-10).
fn rest_by_97(text: &str) -> u32 {
    text.chars()
        .filter_map(|letter| letter.to_digit(36))
        .fold(0, |rest, digit| {
            let shifted = if digit > 9 { rest * 100 } else { rest * 10 };
            (shifted + digit) % 97
        })
}

/// What is read of a text, or nothing, and what is wrong with it beside.
fn keep<T: Default>(read: Result<T, Warning>, wrong: &mut Vec<Warning>) -> T {
    read.unwrap_or_else(|warning| {
        wrong.push(warning);
        T::default()
    })
}

fn missing(part: &str) -> Warning {
    let message = format!("there is no payment code without {part}");
    Warning::new("payment_missing", message).with("part", part)
}

fn no_currency(currency: &str, wanted: &str) -> Warning {
    let message = format!("a payment code of this kind is in {wanted}, not in {currency}");
    Warning::new("payment_currency", message)
        .with("currency", currency)
        .with("wanted", wanted)
}

pub(crate) fn too_large() -> Warning {
    let message = "the texts are more than a payment code can hold";
    Warning::new("payment_too_large", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(creditor_reference(text).ok().as_deref(), expected);
    }

    #[test]
    fn creditor_references_have_check_digits() {
        check("RF18 5390 0754 7034", Some("RF18539007547034"));
        check("rf18539007547034", Some("RF18539007547034"));
        check("RF19 5390 0754 7034", None);
        check("RF18", None);
        check("539007547034", Some("RF18539007547034"));
        check("NR-2027/0042", Some("RF92NR20270042"));
        check("", None);
        check("123456789012345678901", Some("RF40123456789012345678901"));
        check("1234567890123456789012", None);
        check("Größe", None);
    }
}
