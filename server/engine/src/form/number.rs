//! Reads numbers as people type them: either decimal mark, grouping, other scripts' digits. Never guesses: what could be two
//! numbers is refused, or read as the language of the page writes it. The browser's twin is `validate.js`; both run the same vectors.

use rust_decimal::Decimal;

/// Most digits before the decimal mark.
const MAX_WHOLE: usize = 15;
/// Most digits after it.
const MAX_FRACTION: usize = 10;

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Unreadable,
    TooLong,
    /// Names another currency than the field's.
    OtherCurrency,
}

/// Reads a typed number. `mark` is the decimal mark of the page's language; a lone other mark before exactly three digits groups.
pub(super) fn read(text: &str, mark: char) -> Result<Decimal, Fault> {
    let text = plain(text);
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(&text).trim_start()),
    };
    let (whole, fraction) = split(body, mark).ok_or(Fault::Unreadable)?;
    let whole = ungroup(whole).ok_or(Fault::Unreadable)?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit())
        || (whole.is_empty() && fraction.is_empty())
    {
        return Err(Fault::Unreadable);
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > MAX_WHOLE || fraction.len() > MAX_FRACTION {
        return Err(Fault::TooLong);
    }
    let sign = if negative { "-" } else { "" };
    let zero = if whole.is_empty() { "0" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Decimal::from_str_exact(&format!("{sign}{zero}{whole}{point}{fraction}"))
        .map_err(|_| Fault::Unreadable)
}

/// Reads a typed amount, with or without the currency's sign or code on either side.
pub(super) fn read_money(text: &str, mark: char, currency: &str) -> Result<Decimal, Fault> {
    let text = plain(text);
    let (minus, rest) = take_minus(&text);
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | ' ' | '\'');
    let start = rest.find(is_number).ok_or(Fault::Unreadable)?;
    let end = rest.rfind(is_number).map_or(start, |at| at + 1);
    let (before, after) = (rest[..start].trim(), rest[end..].trim());
    let sign = if before.is_empty() { after } else { before };
    if !before.is_empty() && !after.is_empty() {
        return Err(Fault::Unreadable);
    }
    if !sign.is_empty() && !names(sign, currency) {
        return Err(if is_sign(sign) {
            Fault::OtherCurrency
        } else {
            Fault::Unreadable
        });
    }
    let (second_minus, number) = take_minus(rest[start..end].trim());
    if (minus && second_minus) || number.starts_with(['-', '+']) {
        return Err(Fault::Unreadable);
    }
    // "12.-" and "12,-" are amounts without cents.
    let number = number
        .strip_suffix(".-")
        .or_else(|| number.strip_suffix(",-"))
        .unwrap_or(number);
    let amount = read(number, mark)?;
    Ok(if minus || second_minus {
        -amount
    } else {
        amount
    })
}

fn take_minus(text: &str) -> (bool, &str) {
    text.strip_prefix('-')
        .map_or((false, text), |rest| (true, rest.trim_start()))
}

/// Same digits, marks, minus and blanks for all scripts, without what only tells in which direction they are read.
fn plain(text: &str) -> String {
    let letters = text
        .chars()
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}'))
        .map(|c| match c {
            '０'..='９' => shift(c, '０'),
            '\u{660}'..='\u{669}' => shift(c, '\u{660}'),
            '\u{6f0}'..='\u{6f9}' => shift(c, '\u{6f0}'),
            '．' | '\u{66b}' => '.',
            '，' => ',',
            '\u{2212}' | '－' | '\u{2013}' => '-',
            '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{3000}' => ' ',
            '\u{2019}' | '\u{66c}' => '\'',
            c => c,
        });
    letters.collect::<String>().trim().to_owned()
}

fn shift(c: char, zero: char) -> char {
    char::from_digit(c as u32 - zero as u32, 10).unwrap_or(c)
}

/// Whole part with its grouping, and the fraction.
fn split(body: &str, mark: char) -> Option<(&str, &str)> {
    let points = body.matches('.').count();
    let commas = body.matches(',').count();
    let at = match (points, commas) {
        // None at all, or one sort several times: it groups.
        (0, 0 | 2..) | (2.., 0) => return Some((body, "")),
        (1, 0) | (0, 1) => {
            let at = body.find(['.', ','])?;
            let (before, after) = (&body[..at], &body[at + 1..]);
            let groups = after.len() == 3
                && (1..=3).contains(&before.len())
                && before != "0"
                && !body[at..].starts_with(mark);
            if groups {
                return Some((body, ""));
            }
            at
        }
        // Both: the last one is the decimal mark and stands once.
        _ => {
            let at = body.rfind(['.', ','])?;
            let last = &body[at..=at];
            if body.matches(last).count() > 1 {
                return None;
            }
            at
        }
    };
    Some((&body[..at], &body[at + 1..]))
}

/// Takes the grouping out: one sort of mark, three digits after each, two in between as in India.
fn ungroup(whole: &str) -> Option<String> {
    let mark = whole.chars().find(|c| !c.is_ascii_digit());
    let Some(mark) = mark else {
        return Some(whole.to_owned());
    };
    if !matches!(mark, '.' | ',' | ' ' | '\'') {
        return None;
    }
    let groups: Vec<&str> = whole.split(mark).collect();
    let last = groups.len() - 1;
    let fits = groups.iter().enumerate().all(|(index, group)| {
        group.bytes().all(|byte| byte.is_ascii_digit())
            && match index {
                0 => (1..=3).contains(&group.len()),
                _ if index == last => group.len() == 3,
                _ => matches!(group.len(), 2 | 3),
            }
    });
    fits.then(|| groups.concat())
}

const SIGNS: [(&str, &[&str]); 12] = [
    ("€", &["EUR"]),
    ("$", &["USD", "CAD", "AUD", "NZD", "HKD", "SGD", "MXN"]),
    ("£", &["GBP"]),
    ("¥", &["JPY", "CNY"]),
    ("￥", &["JPY", "CNY"]),
    ("元", &["CNY"]),
    ("円", &["JPY"]),
    ("kr", &["SEK", "NOK", "DKK", "ISK"]),
    ("zł", &["PLN"]),
    ("kč", &["CZK"]),
    ("₹", &["INR"]),
    ("₩", &["KRW"]),
];

fn names(sign: &str, currency: &str) -> bool {
    sign.eq_ignore_ascii_case(currency)
        || SIGNS
            .iter()
            .any(|(known, codes)| *known == sign.to_lowercase() && codes.contains(&currency))
}

fn is_sign(text: &str) -> bool {
    let code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    code || SIGNS.iter().any(|(known, _)| *known == text.to_lowercase())
}
