//! Texts.

use super::{Given, Refusal, Result, string, text};
use crate::value::Value;

pub(super) fn title(given: &str) -> String {
    let mut at_start = true;
    given
        .chars()
        .flat_map(|letter| {
            let upper = at_start && letter.is_alphabetic();
            at_start = !letter.is_alphanumeric() && letter != '\'' && letter != '\u{2019}';
            if upper {
                letter.to_uppercase().collect::<Vec<_>>()
            } else {
                vec![letter]
            }
        })
        .collect()
}

/// Letters in groups that stay on one line, as bank accounts are written: `DE02 1203 0000`.
pub(super) fn grouped(value: &Value, given: &Given) -> Result<Value> {
    let size = given.whole(0, "size")?.unwrap_or(4);
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .ok_or("a group has at least one letter")?;
    let mut out = String::new();
    let letters = string(value)?
        .chars()
        .filter(|letter| !letter.is_whitespace());
    for (index, letter) in letters.enumerate() {
        if index > 0 && index.is_multiple_of(size) {
            out.push('\u{a0}');
        }
        out.push(letter);
    }
    text(out)
}

/// At most so many letters, cut at a blank where there is one, with an ellipsis that counts.
pub(super) fn truncate(value: &Value, given: &Given) -> Result<Value> {
    let most = given.whole(0, "length")?.unwrap_or(255);
    let most = usize::try_from(most).map_err(|_| Refusal::from("a length is not negative"))?;
    let whole = string(value)?;
    if whole.chars().count() <= most {
        return text(whole.to_owned());
    }
    let cut: String = whole.chars().take(most.saturating_sub(1)).collect();
    let end = cut
        .rfind(char::is_whitespace)
        .filter(|end| *end * 2 > cut.len())
        .unwrap_or(cut.len());
    let kept = cut.get(..end).unwrap_or(&cut).trim_end();
    if most == 0 {
        return text(String::new());
    }
    text(format!("{kept}\u{2026}"))
}
