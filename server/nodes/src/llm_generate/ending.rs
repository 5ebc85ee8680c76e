//! Makes what a model wrote fit for a page: no markup that would be printed as it is, and an end behind a whole sentence. A grammar holds
//! a text to its length, but cuts it in the middle of a word.

use engine::{kind::Kind, value::Value};

/// A shorter rest is not worth the sentences that would go with it.
const LEAST_KEPT: usize = 40;

/// Cleans every text in `value` and ends those that were cut; gives the pointers of those.
pub(super) fn tidy(value: &mut Value, kind: &Kind) -> Vec<String> {
    let mut cut = Vec::new();
    walk(value, kind, "", &mut cut);
    cut
}

/// The pointer of a text that has to be there and is blank.
pub(super) fn blank(value: &Value, kind: &Kind) -> Option<String> {
    match (value, kind) {
        (Value::Text(text), _) => text.is_empty().then(String::new),
        (Value::List(list), Kind::List { item, .. }) => list
            .iter()
            .enumerate()
            .find_map(|(index, inner)| Some(format!("/{index}{}", blank(inner, item)?))),
        (Value::Record(record), Kind::Record { fields }) => fields
            .iter()
            .filter(|field| !field.optional)
            .find_map(|field| {
                let inner = blank(record.get(&field.name)?, &field.kind)?;
                Some(format!("/{}{inner}", field.name))
            }),
        _ => None,
    }
}

fn walk(value: &mut Value, kind: &Kind, at: &str, cut: &mut Vec<String>) {
    match (value, kind) {
        (Value::Text(text), Kind::Text { max_length }) => {
            let most = max_length.and_then(|most| usize::try_from(most).ok());
            let (ended, was_cut) = end(text, most);
            *text = ended;
            if was_cut {
                cut.push(at.to_owned());
            }
        }
        (Value::List(list), Kind::List { item, .. }) => {
            for (index, inner) in list.iter_mut().enumerate() {
                walk(inner, item, &format!("{at}/{index}"), cut);
            }
        }
        (Value::Record(record), Kind::Record { fields }) => {
            for field in fields {
                if let Some(inner) = record.get_mut(&field.name) {
                    walk(inner, &field.kind, &format!("{at}/{}", field.name), cut);
                }
            }
        }
        _ => {}
    }
}

/// Without blanks around it and without characters that no text may hold; up to its last whole sentence when it reached its limit.
fn end(text: &str, most: Option<usize>) -> (String, bool) {
    let full = most.is_some_and(|most| text.chars().count() >= most);
    let clean: String = without_tags(text)
        .trim()
        .chars()
        .filter(|letter| *letter == '\n' || *letter == '\t' || !letter.is_control())
        .collect();
    if !full || ends_sentence(&clean) {
        return (clean, false);
    }
    let length = clean.chars().count();
    let kept = |end: usize| clean[..end].chars().count() * 100 >= length * LEAST_KEPT;
    if let Some(end) = sentence_ends(&clean)
        .into_iter()
        .rev()
        .find(|end| kept(*end))
    {
        return (clean[..end].trim_end().to_owned(), true);
    }
    // One long sentence: up to its last whole word.
    let room = most.unwrap_or(length).saturating_sub(1);
    let shorter: String = clean.chars().take(room).collect();
    let words = match shorter.rfind(char::is_whitespace) {
        Some(end) if kept(end) => &shorter[..end],
        _ => shorter.as_str(),
    };
    let words = words.trim_end_matches(|letter: char| !letter.is_alphanumeric());
    (format!("{words}\u{2026}"), true)
}

/// Small models write `<br>` where a line ends, and know some more of HTML. Other angle brackets are the text's own.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let (before, tagged) = rest.split_at(start);
        plain.push_str(before);
        let found = tagged.split_once('>').and_then(|(tag, behind)| {
            let inner = tag[1..].strip_prefix('/').unwrap_or(&tag[1..]);
            let name = inner.trim_end_matches(['/', ' ']).to_ascii_lowercase();
            let breaks = matches!(name.as_str(), "br" | "p" | "div" | "li" | "ul" | "ol");
            // Nobody writes `</word>` in prose.
            let closes = tag.starts_with("</")
                && !name.is_empty()
                && name.chars().all(|letter| letter.is_ascii_alphanumeric());
            let marks =
                closes || matches!(name.as_str(), "b" | "i" | "u" | "em" | "strong" | "span");
            (breaks || marks).then_some((breaks, behind))
        });
        match found {
            Some((breaks, behind)) => {
                if breaks && !plain.is_empty() && !plain.ends_with('\n') {
                    plain.push('\n');
                }
                rest = behind;
            }
            None => {
                plain.push('<');
                rest = &tagged[1..];
            }
        }
    }
    plain.push_str(rest);
    plain
}

fn ends_sentence(text: &str) -> bool {
    sentence_ends(text).last() == Some(&text.len())
}

/// Where sentences end, as byte offsets behind their last character.
fn sentence_ends(text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((start, letter)) = letters.next() {
        let wide = matches!(letter, '\u{3002}' | '\u{ff01}' | '\u{ff1f}');
        if !wide && !matches!(letter, '.' | '!' | '?' | '\u{2026}') {
            continue;
        }
        let mut end = start + letter.len_utf8();
        while let Some((at, closing)) = letters.peek().copied()
            && matches!(
                closing,
                '.' | '!'
                    | '?'
                    | '"'
                    | '\''
                    | ')'
                    | '\u{201d}'
                    | '\u{2019}'
                    | '\u{bb}'
                    | '\u{300d}'
            )
        {
            end = at + closing.len_utf8();
            letters.next();
        }
        // `2.` begins an entry of a list.
        let numbers = letter == '.' && {
            let word = text[..start]
                .rsplit(char::is_whitespace)
                .next()
                .unwrap_or_default();
            (1..=2).contains(&word.len()) && word.chars().all(|letter| letter.is_ascii_digit())
        };
        if numbers {
            continue;
        }
        if wide || letters.peek().is_none_or(|(_, next)| next.is_whitespace()) {
            ends.push(end);
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_ends_with_its_last_sentence() {
        let check = |text: &str, most: usize, expected: &str, cut: bool| {
            assert_eq!(end(text, Some(most)), (expected.to_owned(), cut), "{text}");
        };
        check("It rains. We walk.", 40, "It rains. We walk.", false);
        check("no end, but not full", 40, "no end, but not full", false);
        check("It rains. We walk. And the", 26, "It rains. We walk.", true);
        check(
            "It rains (a lot!) \u{201c}Ah.\u{201d} then",
            27,
            "It rains (a lot!) \u{201c}Ah.\u{201d}",
            true,
        );
        check("See the city. 2. Walk to", 24, "See the city.", true);
        check("Exactly as long.", 16, "Exactly as long.", false);
        // A decimal point ends nothing, and little is not worth keeping.
        check(
            "It costs 3.50 euros an",
            22,
            "It costs 3.50 euros\u{2026}",
            true,
        );
        check(
            "Ah. A long sentence that goes on",
            32,
            "Ah. A long sentence that goes\u{2026}",
            true,
        );
        check(
            "\u{4e0b}\u{96e8}\u{4e86}\u{3002}\u{6211}\u{4eec}",
            6,
            "\u{4e0b}\u{96e8}\u{4e86}\u{3002}",
            true,
        );
        check(
            "Donaudampfschifffahrt",
            21,
            "Donaudampfschifffahr\u{2026}",
            true,
        );
        check(" \u{7}tidy ", 10, "tidy", false);
    }

    #[test]
    fn markup_does_not_reach_the_page() {
        let check = |text: &str, expected: &str| assert_eq!(end(text, None).0, expected);
        check(
            "Dear Ada,</br>thank you.<br /><br>",
            "Dear Ada,\nthank you.",
        );
        check("<p>We are <em>glad</em>.</ref></p>", "We are glad.");
        check(
            "if a < b > c, <x> stays, and <",
            "if a < b > c, <x> stays, and <",
        );
    }

    #[test]
    fn every_text_of_a_value_is_looked_at() {
        let day = Kind::record([(
            "text",
            "",
            Kind::Text {
                max_length: Some(12),
            },
        )]);
        let kind = Kind::record([(
            "days",
            "",
            Kind::rows(match day.clone() {
                Kind::Record { fields } => fields,
                _ => Vec::new(),
            }),
        )]);
        let text = |text: &str| {
            Value::Record(
                [("text".to_owned(), Value::Text(text.into()))]
                    .into_iter()
                    .collect(),
            )
        };
        let mut value = Value::Record(
            [(
                "days".to_owned(),
                Value::List(vec![text("We go. We ru"), text(" ")]),
            )]
            .into_iter()
            .collect(),
        );
        assert_eq!(tidy(&mut value, &kind), ["/days/0/text"]);
        assert_eq!(blank(&value, &kind).as_deref(), Some("/days/1/text"));
        assert_eq!(
            value.to_json(),
            serde_json::json!({"days": [{"text": "We go."}, {"text": ""}]})
        );
    }
}
