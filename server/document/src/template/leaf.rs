//! A leaf text, split once into literal text and `{{ }}` holes so that every value on the page knows its origin.

use engine::expression::Template as Expression;

use super::read::Reader;

#[derive(Clone, Debug, Default)]
pub(crate) struct Leaf {
    /// Where it stands in the template.
    pub(crate) pointer: String,
    pub(crate) source: String,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug)]
pub(crate) enum Part {
    Literal(String),
    Hole {
        expression: Expression,
        /// The path it shows, such as `item.amount`; empty for anything computed in place.
        path: String,
    },
}

impl Leaf {
    pub(crate) fn literal(text: &str) -> Self {
        Self {
            pointer: String::new(),
            source: text.into(),
            parts: vec![Part::Literal(text.into())],
        }
    }

    pub(super) fn parse(reader: &mut Reader, source: String, pointer: String) -> Self {
        if let Err(error) = Expression(source.clone()).references() {
            reader.problem(&pointer, error.code(), error.to_string());
        }
        let parts = split(&source);
        Self {
            pointer,
            source,
            parts,
        }
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.source.trim().is_empty()
    }

    /// The whole leaf as one expression, for conditions, lists and files.
    pub(crate) fn expression(&self) -> Expression {
        Expression(self.source.clone())
    }
}

/// Cuts at the holes; a text with statements or comments stays one hole.
fn split(source: &str) -> Vec<Part> {
    if source.is_empty() {
        return Vec::new();
    }
    if !source.contains("{{") && !source.contains("{%") && !source.contains("{#") {
        return vec![Part::Literal(source.into())];
    }
    let whole = || vec![hole(source)];
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
            parts.push(Part::Literal(rest[..start].into()));
        }
        parts.push(hole(&rest[start..start + length]));
        rest = &rest[start + length..];
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.into()));
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

fn hole(source: &str) -> Part {
    let inner = source
        .trim_start_matches('{')
        .trim_end_matches('}')
        .split('|')
        .next()
        .unwrap_or_default()
        .trim();
    let is_path = inner.starts_with(|letter: char| letter.is_ascii_lowercase())
        && inner
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    Part::Hole {
        expression: Expression(source.into()),
        path: if is_path { inner.into() } else { String::new() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let found: Vec<String> = split(source)
            .into_iter()
            .map(|part| match part {
                Part::Literal(text) => format!("={text}"),
                Part::Hole { expression, path } => format!("{}>{path}", expression.0),
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn splits_at_holes() {
        check("", &[]);
        check("plain", &["=plain"]);
        check("a {{ b.c }} d", &["=a ", "{{ b.c }}>b.c", "= d"]);
        check(
            "{{ a | date('}}') }}{{ 1 + b }}",
            &["{{ a | date('}}') }}>a", "{{ 1 + b }}>"],
        );
        check("{% if a %}x{% endif %}", &["{% if a %}x{% endif %}>"]);
        check("{{ open", &["{{ open>open"]);
    }
}
