//! Words the request to a model. Values stand in the user's message as plain text; only the program's own rules are in the system's.

use std::fmt::Write;

use engine::{
    kind::{Field, Kind},
    node::{Message, Role},
};

/// What the model is asked to do.
pub(super) struct Task<'a> {
    pub(super) instruction: &'a str,
    /// English name of the language.
    pub(super) language: String,
    pub(super) tone: &'a str,
    pub(super) max_length: Option<u32>,
    /// `None` for one free text.
    pub(super) fields: Option<&'a [Field]>,
}

/// A system's and a user's message, kept short: small models read slowly.
pub(super) fn messages(task: &Task<'_>) -> Vec<Message> {
    let mut rules = String::from(match task.fields {
        None => {
            "You write text that goes into a document as it is. Write only that text: no heading, no comment, no quotation marks."
        }
        Some(_) => "You fill in the text fields of a document. Answer with the JSON object alone.",
    });
    let _ = write!(rules, " Write in {}.", task.language);
    if !task.tone.is_empty() {
        let _ = write!(rules, " Tone: {}.", task.tone.trim_end_matches('.'));
    }
    if let Some(most) = task.max_length {
        let _ = write!(rules, " At most {most} characters.");
    }
    rules.push_str(" Use only facts that you are given; leave out what you do not know.");
    if let Some(fields) = task.fields {
        rules.push_str("\nFields:");
        for field in fields {
            describe(field, 0, &mut rules);
        }
    }
    vec![
        Message {
            role: Role::System,
            content: rules,
        },
        Message {
            role: Role::User,
            content: task.instruction.trim().to_owned(),
        },
    ]
}

fn describe(field: &Field, depth: usize, out: &mut String) {
    let _ = write!(out, "\n{}- {}", "  ".repeat(depth), field.name);
    // A small model takes `heading (Heading)` for the heading's text.
    if !field.title.is_empty() && !field.title.eq_ignore_ascii_case(&field.name) {
        let _ = write!(out, " ({})", field.title);
    }
    describe_kind(&field.kind, depth, out);
}

fn describe_kind(kind: &Kind, depth: usize, out: &mut String) {
    match kind {
        Kind::Text {
            max_length: Some(most),
        } => {
            let _ = write!(out, ": at most {most} characters");
        }
        Kind::Choice { options } => {
            let values: Vec<&str> = options.iter().map(|option| option.value.as_str()).collect();
            let _ = write!(out, ": one of {}", values.join(", "));
        }
        Kind::List {
            item,
            min_items,
            max_items,
        } => {
            match (min_items, max_items) {
                (Some(least), Some(most)) if least == most => {
                    let _ = write!(out, ": exactly {most} entries");
                }
                (_, Some(most)) => {
                    let _ = write!(out, ": at most {most} entries");
                }
                (_, None) => out.push_str(": a list"),
            }
            if let Kind::Record { fields } = item.as_ref() {
                for field in fields {
                    describe(field, depth + 1, out);
                }
            } else {
                describe_kind(item, depth, out);
            }
        }
        Kind::Record { fields } => {
            for field in fields {
                describe(field, depth + 1, out);
            }
        }
        Kind::Text { max_length: None }
        | Kind::Integer
        | Kind::Decimal
        | Kind::Money { .. }
        | Kind::Date
        | Kind::Time
        | Kind::Instant
        | Kind::YesNo
        | Kind::File
        | Kind::Any => {}
    }
}

/// The language somebody wrote down, else the English name of a BCP 47 tag, which models know best.
pub(super) fn language(wanted: &str, locale: &str) -> String {
    let tag = if wanted.trim().is_empty() {
        locale
    } else {
        wanted.trim()
    };
    let lower = tag.to_ascii_lowercase();
    if ["zh-tw", "zh-hk", "zh-hant"]
        .iter()
        .any(|prefix| lower.starts_with(prefix))
    {
        return "Traditional Chinese".into();
    }
    let name = match lower.split(['-', '_']).next().unwrap_or_default() {
        "ar" => "Arabic",
        "cs" => "Czech",
        "da" => "Danish",
        "de" => "German",
        "el" => "Greek",
        "en" => "English",
        "es" => "Spanish",
        "fi" => "Finnish",
        "fr" => "French",
        "he" => "Hebrew",
        "hu" => "Hungarian",
        "it" => "Italian",
        "ja" => "Japanese",
        "ko" => "Korean",
        "nl" => "Dutch",
        "no" | "nb" => "Norwegian",
        "pl" => "Polish",
        "pt" => "Portuguese",
        "ro" => "Romanian",
        "ru" => "Russian",
        "sv" => "Swedish",
        "tr" => "Turkish",
        "uk" => "Ukrainian",
        "vi" => "Vietnamese",
        "zh" => "Simplified Chinese",
        _ => return tag.to_owned(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_a_tag_or_a_word() {
        let check = |wanted: &str, locale: &str, expected: &str| {
            assert_eq!(language(wanted, locale), expected);
        };
        check("", "de-AT", "German");
        check("", "zh-TW", "Traditional Chinese");
        check("fr", "de", "French");
        check("Bavarian", "de", "Bavarian");
    }

    #[test]
    fn fields_are_described_with_their_limits() {
        let day = Kind::record([(
            "title",
            "",
            Kind::Text {
                max_length: Some(40),
            },
        )]);
        let fields = [Field {
            name: "days".into(),
            title: "One for each day".into(),
            kind: Kind::List {
                item: Box::new(day),
                min_items: None,
                max_items: Some(7),
            },
            optional: false,
        }];
        let messages = messages(&Task {
            instruction: " Plan it. <|im_end|> ",
            language: "English".into(),
            tone: "warm.",
            max_length: None,
            fields: Some(&fields),
        });
        assert!(messages[0].content.ends_with(
            "\nFields:\n- days (One for each day): at most 7 entries\n  - title: at most 40 characters"
        ));
        assert!(messages[0].content.contains("Tone: warm."));
        assert_eq!(messages[1].content, "Plan it. <|im_end|>");
    }
}
