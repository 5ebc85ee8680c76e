//! What reading and writing of delimited text have in common: the delimiters, and the guard that keeps a spreadsheet from taking a text
//! for a formula (OWASP, CSV injection).

use engine::format::decimal_mark;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How numbers stand in a file of text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"language": "As the workflow's language writes them", "point": "With a point, as programs write them"}))]
pub(crate) enum Numbers {
    #[default]
    Language,
    Point,
}

/// What stands between two cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "auto": "By itself", "comma": "Comma", "semicolon": "Semicolon", "tab": "Tab", "pipe": "Vertical bar"
}))]
pub(crate) enum Delimiter {
    #[default]
    Auto,
    Comma,
    Semicolon,
    Tab,
    Pipe,
}

impl Delimiter {
    /// Those that are tried, the likeliest first.
    pub(crate) const KNOWN: [u8; 4] = [b';', b',', b'\t', b'|'];

    /// The one that is set; nothing where it is to be found out.
    pub(crate) fn byte(self) -> Option<u8> {
        match self {
            Self::Auto => None,
            Self::Comma => Some(b','),
            Self::Semicolon => Some(b';'),
            Self::Tab => Some(b'\t'),
            Self::Pipe => Some(b'|'),
        }
    }

    /// The one that a spreadsheet in this language expects: a comma, unless that is its decimal mark.
    pub(crate) fn for_writing(self, locale: &str) -> u8 {
        self.byte().unwrap_or(match decimal_mark(locale) {
            ',' => b';',
            _ => b',',
        })
    }
}

/// Whether a spreadsheet may take a text for a formula. Texts that begin with quotes before such a letter count, too, so that taking one
/// quote away always gives back what was guarded.
fn looks_like_a_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ])
}

/// A plain number does no harm.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.ends_with(|last: char| last.is_ascii_digit())
        && digits
            .chars()
            .all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ','))
}

/// A text that no spreadsheet takes for a formula.
pub(crate) fn guard(text: String) -> String {
    if looks_like_a_formula(&text) && !is_number(&text) {
        format!("'{text}")
    } else {
        text
    }
}

/// What was guarded.
pub(crate) fn unguard(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if looks_like_a_formula(rest) && !is_number(rest) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_are_guarded_and_numbers_are_not() {
        let check = |text: &str, expected: &str| {
            assert_eq!(guard(text.to_owned()), expected);
            assert_eq!(unguard(expected), text);
        };
        check("=1+1", "'=1+1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0");
        check("+49 451 555", "'+49 451 555");
        check("\t=1", "'\t=1");
        check("\u{ff1d}1", "'\u{ff1d}1");
        check("-12.50", "-12.50");
        check("Müller", "Müller");
        check("'tis", "'tis");
        check("'=1", "''=1");
    }

    proptest! {
        #[test]
        fn what_is_guarded_comes_back(text in "['=+@\t-]{0,3}.{0,5}") {
            let guarded = guard(text.clone());
            prop_assert_eq!(unguard(&guarded), text.as_str());
        }
    }
}
