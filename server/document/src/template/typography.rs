//! How texts are set: their language and direction, and how many lines one may take.

use engine::document_field::Overflow;
use parley::Language;

use super::read::{Object, Reader};

/// From which side a text is read where the document does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    /// As the first strong letter of each paragraph has it.
    Auto,
    LeftToRight,
    RightToLeft,
}

impl Direction {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Option<Self> {
        match object
            .choice(reader, "direction", &["auto", "ltr", "rtl", ""], "")
            .as_str()
        {
            "auto" => Some(Self::Auto),
            "ltr" => Some(Self::LeftToRight),
            "rtl" => Some(Self::RightToLeft),
            _ => None,
        }
    }
}

/// A tag such as `de` or `zh-Hant-TW` (BCP 47).
pub(super) fn read_language(reader: &mut Reader, object: &mut Object<'_>) -> Option<Language> {
    let text = object.text(reader, "language")?;
    let language = Language::parse(&text).ok();
    if language.is_none() {
        reader.problem(
            &format!("{}/language", object.pointer),
            "language",
            "must be a language such as \"de\" or \"pt-BR\"",
        );
    }
    language
}

/// How many lines a text may take, and what becomes of one that is longer.
#[derive(Clone, Debug)]
pub(crate) struct LineLimit {
    pub(crate) lines: usize,
    pub(crate) overflow: Overflow,
    /// Points; `None` is a share of the text's own size.
    pub(crate) min_size: Option<f32>,
}

impl LineLimit {
    pub(super) fn read(reader: &mut Reader, object: &mut Object<'_>) -> Option<Self> {
        let told = object.peek("max_lines").is_some();
        if !told && (object.peek("overflow").is_some() || object.peek("min_size").is_some()) {
            reader.problem(
                &format!("{}/max_lines", object.pointer),
                "missing",
                "must be filled in, because `overflow` and `min_size` are about it",
            );
        }
        let lines = object.count(reader, "max_lines", 1..=500);
        let rules = ["next_page", "shrink", "cut"];
        let overflow = match object
            .choice(reader, "overflow", &rules, "next_page")
            .as_str()
        {
            "shrink" => Overflow::Shrink,
            "cut" => Overflow::Cut,
            _ => Overflow::NextPage,
        };
        let min_size = object.optional_number(reader, "min_size", 4.0..=100.0);
        Some(Self {
            lines: lines?,
            overflow,
            min_size,
        })
    }
}
