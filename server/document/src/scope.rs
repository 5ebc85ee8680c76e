//! What a leaf's expression reads: fields, `firm`, `today`, `now`, and `item` and `index` inside lists. Also keeps where each value
//! came from, and strips letters that could disguise an amount or a name.

mod origin;

use std::{collections::HashMap, rc::Rc, sync::Arc};

use engine::{
    expression::ExpressionError,
    format::Formats,
    value::{Record, Value},
};

use crate::{
    Template,
    context::{Context, DocumentError},
    display::{Origin, Source},
    template::{Leaf, Part},
};

use origin::ListOrigin;

pub(crate) struct Scope {
    names: Record,
    formats: Rc<Formats>,
    /// In other languages, each made once.
    in_languages: HashMap<String, Rc<Formats>>,
    /// Origins of `item`, innermost last.
    items: Vec<ListOrigin>,
}

/// A piece of a filled leaf.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) origin: Arc<Origin>,
    /// `None` for what no template says, such as a default.
    pub(crate) source: Option<Source>,
    /// Stands where a name that nobody knows is, for eyes only.
    pub(crate) placeholder: bool,
}

/// What a leaf wanted and did not get, with its path.
#[derive(Debug, PartialEq)]
pub(crate) enum Missing {
    /// A value that is empty and has no default.
    Value(String),
    /// There is nothing of that name.
    Name(String),
}

/// What `leave_item` puts back.
pub(crate) struct Outer(Option<Value>, Option<Value>);

impl Scope {
    pub(crate) fn new(template: &Template, values: &Record, context: &Context) -> Self {
        let mut names = Record::new();
        for field in template.fields() {
            let value = values.get(&field.name).cloned().unwrap_or(Value::Empty);
            names.insert(field.name, clean_value(value));
        }
        let firm = Value::Record(context.firm.clone());
        names.insert("firm".into(), clean_value(firm));
        let formats = Formats::of(&context.locale, &context.time_zone, &context.currency);
        let today = formats.date_of(context.now);
        names.insert("today".into(), Value::Date(today));
        names.insert("now".into(), Value::Instant(context.now));
        Self {
            names,
            formats: Rc::new(formats),
            in_languages: HashMap::new(),
            items: Vec::new(),
        }
    }

    pub(crate) fn formats(&self) -> &Formats {
        &self.formats
    }

    /// The document's, but in a language if one is named.
    pub(crate) fn formats_in(&mut self, language: Option<&str>) -> Rc<Formats> {
        let Some(language) = language else {
            return self.formats.clone();
        };
        if let Some(known) = self.in_languages.get(language) {
            return known.clone();
        }
        let formats = match self.formats.in_language(language) {
            Some(formats) => Rc::new(formats),
            None => self.formats.clone(),
        };
        self.in_languages
            .insert(language.to_owned(), formats.clone());
        formats
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.names.insert(name.into(), value);
    }

    /// Binds `item` and `index` (from 1) until `leave_item`.
    pub(crate) fn enter_item(&mut self, item: Value, index: usize, list: &ListOrigin) -> Outer {
        self.items.push(list.entry(index - 1));
        let number = Value::Integer(i64::try_from(index).unwrap_or(i64::MAX));
        Outer(
            self.names.insert("item".into(), item),
            self.names.insert("index".into(), number),
        )
    }

    pub(crate) fn leave_item(&mut self, outer: Outer) {
        self.items.pop();
        for (name, value) in [("item", outer.0), ("index", outer.1)] {
            match value {
                Some(value) => self.names.insert(name.into(), value),
                None => self.names.shift_remove(name),
            };
        }
    }

    /// The leaf's text in pieces; empty values without a default, and names that nobody knows, are told beside.
    pub(crate) fn pieces(
        &self,
        leaf: &Leaf,
        block: &str,
    ) -> Result<(Vec<Piece>, Vec<Missing>), DocumentError> {
        let mut pieces = Vec::with_capacity(leaf.parts.len());
        let mut missing = Vec::new();
        let mut at = 0;
        for part in &leaf.parts {
            let (length, is_literal) = match part {
                Part::Literal(text) => (text.len(), true),
                Part::Hole { source, .. } => (source.len(), false),
            };
            let place = leaf.source_of(at..at + length, is_literal);
            at += length;
            match part {
                Part::Literal(text) => pieces.push(Piece {
                    text: clean(text),
                    origin: Origin::literal(leaf.pointer.clone()).into(),
                    source: place,
                    placeholder: false,
                }),
                Part::Hole {
                    program,
                    reads,
                    source,
                } => {
                    let origin = self.origin(&leaf.pointer, source, reads);
                    match program.render(&self.names, &self.formats) {
                        Ok(text) => pieces.push(Piece {
                            text: clean(&text),
                            origin,
                            source: place,
                            placeholder: false,
                        }),
                        Err(ExpressionError::Empty { path }) => {
                            missing.push(Missing::Value(self.path(&path).unwrap_or(path)));
                        }
                        Err(ExpressionError::Unknown { path }) => {
                            let path = shortened(&clean(&path));
                            pieces.push(Piece {
                                text: format!("{{{{ {path} }}}}"),
                                origin,
                                source: place,
                                placeholder: true,
                            });
                            missing.push(Missing::Name(path));
                        }
                        Err(error) => return Err(failed(leaf, block, &error)),
                    }
                }
            }
        }
        Ok((pieces, missing))
    }

    /// The leaf as a typed value; an empty one, and the name beside, where it reads a name that nobody knows.
    pub(crate) fn value(
        &self,
        leaf: &Leaf,
        block: &str,
    ) -> Result<(Value, Option<Missing>), DocumentError> {
        let Some(program) = &leaf.program else {
            return Ok((Value::Text(leaf.source.clone()), None));
        };
        match program.evaluate(&self.names, &self.formats) {
            Ok(value) => Ok((value, None)),
            Err(ExpressionError::Empty { .. }) => Ok((Value::Empty, None)),
            Err(ExpressionError::Unknown { path }) => {
                let name = Missing::Name(shortened(&clean(&path)));
                Ok((Value::Empty, Some(name)))
            }
            Err(error) => Err(failed(leaf, block, &error)),
        }
    }
}

/// Whether a condition holds: anything but no, zero and blank.
pub(crate) fn holds(value: &Value) -> bool {
    match value {
        Value::YesNo(yes) => *yes,
        Value::Integer(number) => *number != 0,
        Value::Decimal(number) => !number.is_zero(),
        Value::Money(money) => !money.amount.is_zero(),
        Value::Text(text) => !matches!(
            text.trim().to_ascii_lowercase().as_str(),
            "" | "false" | "0"
        ),
        other => !other.is_blank(),
    }
}

fn failed(leaf: &Leaf, block: &str, error: &ExpressionError) -> DocumentError {
    DocumentError::Expression {
        code: error.code(),
        message: error.to_string(),
        pointer: leaf.pointer.to_string(),
        block: block.into(),
    }
}

fn clean_value(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(clean(&text)),
        Value::List(items) => Value::List(items.into_iter().map(clean_value).collect()),
        Value::Record(record) => Value::Record(
            record
                .into_iter()
                .map(|(name, value)| (name, clean_value(value)))
                .collect(),
        ),
        other => other,
    }
}

/// So much as fits into a line of a message.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Without control letters and bidi overrides: those could make `100` read as `001`.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\t' => clean.push(' '),
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}' => {}
            letter => clean.push(letter),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_letters_that_disguise() {
        assert_eq!(clean("a\u{202e}b\u{0}\tc\r\nd\u{2066}"), "ab c\nd");
    }
}
