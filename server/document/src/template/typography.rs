//! How texts are set: their language and direction, and how many lines one may take.

use std::sync::Arc;

use engine::document_field::Overflow;
use parley::Language;
use serde_json::json;

use super::read::{Object, Reader};
use crate::fonts::{BUNDLED_FAMILIES, SANS, SERIF};

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

/// Most families that one template names.
const MAX_FONTS: usize = 10;

/// "sans", "serif", or the name of a family such as `Source Serif 4`.
pub(super) fn read_font(
    reader: &mut Reader,
    object: &mut Object<'_>,
    key: &'static str,
) -> Option<Arc<str>> {
    let text = object.text(reader, key)?;
    let name = match text.trim() {
        "" => return None,
        "sans" => SANS,
        "serif" => SERIF,
        name => name,
    };
    let pointer = format!("{}/{key}", object.pointer);
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        reader.problem(
            &pointer,
            "font",
            "must be \"sans\", \"serif\" or the name of a font of at most 100 letters",
        );
        return None;
    }
    let built_in = |own: &&str| own.eq_ignore_ascii_case(name);
    if let Some(own) = BUNDLED_FAMILIES.into_iter().find(built_in) {
        return Some(own.into());
    }
    if let Some(known) = reader.fonts.iter().find(|known| ***known == *name) {
        return Some(known.clone());
    }
    if reader.fonts.len() == MAX_FONTS {
        let message = format!("a document has at most {MAX_FONTS} fonts besides the built-in ones");
        reader.problem_with(
            &pointer,
            "too_many_fonts",
            json!({"most": MAX_FONTS}),
            message,
        );
        return None;
    }
    let name: Arc<str> = name.into();
    reader.fonts.push(name.clone());
    Some(name)
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
            reader.problem_with(
                &format!("{}/max_lines", object.pointer),
                "missing",
                json!({"why": "limit"}),
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
