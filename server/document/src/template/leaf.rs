//! A leaf text, read once: split into literal text and `{{ }}` holes so that every value on the page knows its origin, each hole
//! compiled so that a thousand rows do not parse it a thousand times.

use std::{ops::Range, sync::Arc};

use engine::expression::{Program, Template as Expression};
use serde_json::json;

use super::read::Reader;
use crate::display::Source;

#[derive(Clone, Debug, Default)]
pub(crate) struct Leaf {
    /// Where it stands in the template.
    pub(crate) pointer: Arc<str>,
    pub(crate) source: String,
    pub(crate) parts: Vec<Part>,
    /// All of it as one expression, for conditions, lists and files; `None` for plain text.
    pub(crate) program: Option<Arc<Program>>,
    /// What all of it reads; `None` for plain text.
    pub(crate) reads: Option<Arc<Reads>>,
    /// No text of the template but of this build; it belongs to what stands at `pointer`.
    is_made: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Literal(String),
    Hole {
        program: Arc<Program>,
        reads: Arc<Reads>,
        /// Its source, braces included.
        source: Arc<str>,
    },
}

/// What an expression reads.
#[derive(Debug)]
pub(crate) struct Reads {
    /// Every path, such as `item.amount`, once.
    pub(crate) paths: Vec<String>,
    /// It gives the value at its only path, and computes nothing.
    pub(crate) is_shown: bool,
}

impl Reads {
    fn of(program: &Program) -> Self {
        Self {
            paths: program.reads().iter().map(|path| path.join(".")).collect(),
            is_shown: program.shown().is_some(),
        }
    }

    /// The path whose value is given.
    pub(crate) fn shown(&self) -> Option<&str> {
        let path = self.paths.first().filter(|_| self.is_shown);
        path.map(String::as_str)
    }
}

impl Leaf {
    pub(crate) fn literal(text: &str) -> Self {
        Self {
            pointer: Arc::default(),
            source: text.into(),
            parts: vec![Part::Literal(text.into())],
            program: None,
            reads: None,
            is_made: false,
        }
    }

    /// One that no template says.
    pub(super) fn made(reader: &mut Reader, source: &str, pointer: &str) -> Self {
        Self {
            is_made: true,
            ..Self::parse(reader, source.into(), pointer.into())
        }
    }

    pub(super) fn parse(reader: &mut Reader, source: String, pointer: String) -> Self {
        let cut = split(&source);
        if let [] | [Cut::Literal(_)] = cut.as_slice() {
            return Self {
                pointer: pointer.into(),
                ..Self::literal(&source)
            };
        }
        reader.counts_pages |= source.contains("page");
        let expression = Expression(source.clone());
        let whole = match expression.compile() {
            Ok(program) => {
                reader.note(expression, &pointer);
                Arc::new(program)
            }
            Err(error) => {
                let reason = error.to_string();
                let params = json!({ "reason": reason });
                reader.problem_with(&pointer, error.code(), params, reason);
                return Self {
                    pointer: pointer.into(),
                    ..Self::literal(&source)
                };
            }
        };
        let reads = Arc::new(Reads::of(&whole));
        let parts = cut
            .iter()
            .map(|part| match part {
                Cut::Literal(text) => Part::Literal((*text).into()),
                Cut::Hole(text) if cut.len() == 1 => Part::Hole {
                    program: whole.clone(),
                    reads: reads.clone(),
                    source: (*text).into(),
                },
                Cut::Hole(text) => {
                    // What is sound as a whole is sound in its parts.
                    let program = Expression((*text).into())
                        .compile()
                        .map_or_else(|_| whole.clone(), Arc::new);
                    Part::Hole {
                        reads: Reads::of(&program).into(),
                        program,
                        source: (*text).into(),
                    }
                }
            })
            .collect();
        Self {
            pointer: pointer.into(),
            source,
            parts,
            program: Some(whole),
            reads: Some(reads),
            is_made: false,
        }
    }

    /// Where bytes of it stand in the template; `None` where no template says them.
    pub(crate) fn source_of(&self, bytes: Range<usize>, is_literal: bool) -> Option<Source> {
        (!self.pointer.is_empty() && !self.is_made).then(|| Source {
            leaf: self.pointer.clone(),
            bytes,
            is_literal,
        })
    }

    /// Where all of it stands.
    pub(crate) fn whole_source(&self) -> Option<Source> {
        self.source_of(0..self.source.len(), false)
    }

    /// The path whose value all of it gives; `None` for texts and for what is computed.
    pub(crate) fn shown(&self) -> Option<&str> {
        self.reads.as_ref()?.shown()
    }

    /// Whether it is one `{{ }}`, whose value keeps its kind. One that cannot be read counts: that has been told.
    pub(super) fn is_value(&self) -> bool {
        match self.parts.as_slice() {
            [Part::Hole { .. }] => true,
            [Part::Literal(text)] => text.contains("{{"),
            _ => false,
        }
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.source.trim().is_empty()
    }
}

/// A piece of a leaf's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut<'a> {
    Literal(&'a str),
    Hole(&'a str),
}

/// Cuts at the holes; a text with statements or comments stays one hole.
pub(super) fn split(source: &str) -> Vec<Cut<'_>> {
    if source.is_empty() {
        return Vec::new();
    }
    if !source.contains("{{") && !source.contains("{%") && !source.contains("{#") {
        return vec![Cut::Literal(source)];
    }
    let whole = || vec![Cut::Hole(source)];
    if source.contains("{%")
        || source.contains("{#")
        || source.contains("{{-")
        || source.contains("-}}")
    {
        return whole();
    }
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find("{{") {
        let Some(length) = hole_length(&rest[start..]) else {
            return whole();
        };
        if start > 0 {
            parts.push(Cut::Literal(&rest[..start]));
        }
        parts.push(Cut::Hole(&rest[start..start + length]));
        rest = &rest[start + length..];
    }
    if !rest.is_empty() {
        parts.push(Cut::Literal(rest));
    }
    parts
}

/// Bytes from `{{` to behind `}}`, minding quoted texts.
fn hole_length(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut previous = '\0';
    for (index, letter) in text.char_indices().skip(2) {
        match (quote, letter) {
            (Some(open), letter) if letter == open && previous != '\\' => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, '}') if previous == '}' => return Some(index + 1),
            (Some(_) | None, _) => {}
        }
        previous = letter;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let found: Vec<String> = split(source)
            .into_iter()
            .map(|part| match part {
                Cut::Literal(text) => format!("={text}"),
                Cut::Hole(text) => format!("{text}>"),
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn splits_at_holes() {
        check("", &[]);
        check("plain", &["=plain"]);
        check("a {{ b.c }} d", &["=a ", "{{ b.c }}>", "= d"]);
        check(
            "{{ a | date('}}') }}{{ 1 + b }}",
            &["{{ a | date('}}') }}>", "{{ 1 + b }}>"],
        );
        check("{% if a %}x{% endif %}", &["{% if a %}x{% endif %}>"]);
        check("{{ open", &["{{ open>"]);
    }
}
