//! Names with the fields that hang on them: which there are, and which of them are filled in.

use serde_json::json;

use super::{Guess, Walker};
use crate::{
    check::{Problem, close_match},
    expression::{
        Reference,
        syntax::{Comparison, Expression, ExpressionKind},
    },
    kind::{Field, Kind},
};

impl<'a> Walker<'a> {
    /// What holds where a condition is true: the paths it names are filled in.
    pub(super) fn narrow(&mut self, test: &Expression) {
        match &test.kind {
            ExpressionKind::Name(_) | ExpressionKind::Field(..) => {
                self.narrowed.extend(path_of(test));
            }
            ExpressionKind::And(left, right) => {
                self.narrow(left);
                self.narrow(right);
            }
            ExpressionKind::Test { name, input, .. }
                if ["defined", "filled"].contains(&name.as_str()) =>
            {
                self.narrowed.extend(path_of(input));
            }
            ExpressionKind::Not(inner) => {
                if let ExpressionKind::Test { name, input, .. } = &inner.kind
                    && ["undefined", "empty", "blank", "none"].contains(&name.as_str())
                {
                    self.narrowed.extend(path_of(input));
                }
            }
            ExpressionKind::Compare(first, rest) => {
                if let [(Comparison::NotEqual, other)] = rest.as_slice()
                    && matches!(&other.kind, ExpressionKind::Literal(value) if value.is_blank())
                {
                    self.narrowed.extend(path_of(first));
                }
            }
            _ => {}
        }
    }

    /// A name with the fields that hang on it.
    pub(super) fn path(&mut self, expression: &'a Expression) -> Guess {
        let Some(path) = path_of(expression) else {
            // A field of something computed.
            if let ExpressionKind::Field(of, name) = &expression.kind {
                let base = self.expression(of);
                return field_of(&base.kind, name).map_or_else(Guess::any, |field| Guess {
                    kind: field.kind,
                    optional: field.optional || base.optional,
                });
            }
            return Guess::any();
        };
        let Some(first) = path.first() else {
            return Guess::any();
        };
        if let Some((_, guess)) = self
            .locals
            .iter()
            .rev()
            .find(|(name, _)| name == first)
            .cloned()
        {
            return self.follow(guess, &path, expression);
        }
        self.references.push(Reference {
            path: path.clone(),
            guarded: self.guarded > 0,
            span: expression.span.clone(),
        });
        let Some(field) = field_of(self.scope, first) else {
            if !matches!(self.scope, Kind::Any) {
                let names = names_of(self.scope);
                self.unknown(&path[..1], names.iter().map(String::as_str), expression);
            }
            return Guess::any();
        };
        let guess = Guess {
            kind: field.kind,
            optional: field.optional,
        };
        self.follow(guess, &path, expression)
    }

    fn follow(&mut self, start: Guess, path: &[String], expression: &Expression) -> Guess {
        let mut guess = start;
        for (index, name) in path.iter().enumerate().skip(1) {
            match field_of(&guess.kind, name) {
                Some(field) => {
                    guess = Guess {
                        kind: field.kind,
                        optional: guess.optional || field.optional,
                    };
                }
                None if matches!(guess.kind, Kind::Any) => return Guess::any(),
                None => {
                    let names = names_of(&guess.kind);
                    self.unknown(
                        &path[..=index],
                        names.iter().map(String::as_str),
                        expression,
                    );
                    return Guess::any();
                }
            }
        }
        if self.narrowed.iter().any(|known| known == path) {
            guess.optional = false;
        }
        guess
    }

    pub(super) fn unknown<'b>(
        &mut self,
        path: &[String],
        names: impl Iterator<Item = &'b str>,
        expression: &Expression,
    ) {
        let written = path.join(".");
        let last = path.last().map_or("", String::as_str);
        let close = close_match(last, names).map(|close| {
            let mut path = path.to_vec();
            if let Some(last) = path.last_mut() {
                close.clone_into(last);
            }
            path.join(".")
        });
        let hint = close.as_ref().map_or(String::new(), |close| {
            format!(" Did you mean \u{201c}{close}\u{201d}?")
        });
        self.problems.push(Problem::error(
            "unknown_reference",
            json!({
                "path": written,
                "close": close,
                "span": [expression.span.start, expression.span.end],
            }),
            format!("There is no value \u{201c}{written}\u{201d} here.{hint}"),
        ));
    }
}

pub(super) fn path_of(expression: &Expression) -> Option<Vec<String>> {
    match &expression.kind {
        ExpressionKind::Name(name) => Some(vec![name.clone()]),
        ExpressionKind::Field(of, name) => {
            let mut path = path_of(of)?;
            path.push(name.clone());
            Some(path)
        }
        _ => None,
    }
}

/// The fields a value has: a record's, and the parts of money, files and dates.
pub(super) fn field_of(kind: &Kind, name: &str) -> Option<Field> {
    let part = |kind: Kind| {
        Some(Field {
            name: name.to_owned(),
            title: String::new(),
            kind,
            optional: false,
        })
    };
    match (kind, name) {
        (Kind::Record { .. }, _) => kind.field(name).cloned(),
        (Kind::Any, _) => part(Kind::Any),
        (Kind::Money { .. }, "amount") => part(Kind::Decimal),
        (Kind::Money { .. }, "currency") | (Kind::File, "name" | "content_type") => {
            part(Kind::text())
        }
        (Kind::Date, "year" | "month" | "day") => part(Kind::Integer),
        _ => None,
    }
}

pub(super) fn names_of(kind: &Kind) -> Vec<String> {
    match kind {
        Kind::Record { fields } => fields.iter().map(|field| field.name.clone()).collect(),
        Kind::Money { .. } => vec!["amount".into(), "currency".into()],
        Kind::File => vec!["name".into(), "content_type".into()],
        Kind::Date => vec!["year".into(), "month".into(), "day".into()],
        _ => Vec::new(),
    }
}
