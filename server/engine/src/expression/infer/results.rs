//! The kinds that filters and operators give.

use std::ops::Range;

use super::{
    Guess, Walker,
    names::{field_of, names_of},
};
use crate::{
    expression::{
        filters::{NO_LANGUAGE, TAKES_EMPTY},
        syntax::{Arguments, Expression, ExpressionKind, Operator},
    },
    format::Formats,
    invoice,
    kind::{Field, Kind, MAX_MONEY_DECIMALS},
    value::Value,
};

impl<'a> Walker<'a> {
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of filter")]
    pub(super) fn filter(
        &mut self,
        name: &str,
        input: &'a Expression,
        arguments: &'a Arguments,
    ) -> Guess {
        if name == "default" || name == "d" {
            self.guarded += 1;
            let first = self.expression(input);
            self.guarded -= 1;
            let second = match arguments.positional.first() {
                Some(default) => self.expression(default),
                None => Guess::of(Kind::text()),
            };
            return either(first, second);
        }
        let guess = self.expression(input);
        if !TAKES_EMPTY.contains(&name) {
            self.demand(&guess, input);
        }
        self.arguments(arguments);
        if ["date", "money", "number", "percent"].contains(&name) {
            self.language(arguments);
        }
        let attribute = arguments
            .named
            .iter()
            .find(|(name, _)| name == "attribute")
            .map(|(_, value)| value)
            .or_else(|| arguments.positional.first())
            .and_then(|value| match &value.kind {
                ExpressionKind::Literal(Value::Text(path)) => Some(path.as_str()),
                _ => None,
            });
        let entry = match &guess.kind {
            Kind::List { item, .. } => item.as_ref().clone(),
            _ => Kind::Any,
        };
        let inside = || match attribute {
            None => Some(entry.clone()),
            Some(path) => {
                let mut kind = entry.clone();
                for name in path.split('.') {
                    if matches!(kind, Kind::Any) {
                        break;
                    }
                    match field_of(&kind, name) {
                        Some(field) => kind = field.kind,
                        None => return None,
                    }
                }
                Some(kind)
            }
        };
        match name {
            "sum" => match inside() {
                Some(kind @ (Kind::Integer | Kind::Decimal | Kind::Money { .. } | Kind::Any)) => {
                    Guess::of(kind)
                }
                Some(other) => {
                    self.report(
                        "expression_wrong_kind",
                        &input.span,
                        &format!("cannot be added up: its entries are {}", other.noun()),
                    );
                    Guess::any()
                }
                None => {
                    self.missing_attribute(attribute, &entry, input);
                    Guess::any()
                }
            },
            "avg" => match inside() {
                Some(Kind::Integer | Kind::Decimal) => Guess::maybe(Kind::Decimal),
                Some(Kind::Money { .. }) => Guess::maybe(Kind::money()),
                Some(Kind::Any) => Guess::maybe(Kind::Any),
                Some(other) => {
                    self.report(
                        "expression_wrong_kind",
                        &input.span,
                        &format!("has no average: its entries are {}", other.noun()),
                    );
                    Guess::any()
                }
                None => {
                    self.missing_attribute(attribute, &entry, input);
                    Guess::any()
                }
            },
            "map" => {
                if let Some(kind) = inside() {
                    return Guess::of(Kind::list(kind));
                }
                self.missing_attribute(attribute, &entry, input);
                Guess::any()
            }
            "first" | "last" => Guess::maybe(entry),
            "max" | "min" => match &guess.kind {
                Kind::List { .. } => Guess::maybe(entry),
                other => Guess::of(other.clone()),
            },
            "round" if matches!(guess.kind, Kind::Money { .. }) => Guess::of(Kind::Money {
                decimals: rounded_to(arguments),
            }),
            "abs" | "round" | "sort" | "unique" | "reverse" | "select" | "reject"
            | "selectattr" | "rejectattr" | "add_days" | "add_months" => Guess::of(guess.kind),
            "int" | "length" | "count" => Guess::of(Kind::Integer),
            "decimal" | "float" => Guess::of(Kind::Decimal),
            "lines" | "split" => Guess::of(Kind::list(Kind::text())),
            "range" => Guess::of(Kind::list(Kind::Integer)),
            "group_by" | "groupby" => {
                let key = inside().unwrap_or(Kind::Any);
                Guess::of(Kind::list(Kind::record([
                    ("key", "", key),
                    ("items", "", Kind::list(entry)),
                ])))
            }
            "invoice" => {
                let line = match &guess.kind {
                    Kind::Record { .. } => match field_of(&guess.kind, "lines") {
                        Some(Field {
                            kind: Kind::List { item, .. },
                            ..
                        }) => *item,
                        _ => Kind::Any,
                    },
                    _ => entry.clone(),
                };
                if matches!(line, Kind::Record { .. }) {
                    for name in ["quantity", "unit_price"] {
                        if field_of(&line, name).is_none() {
                            self.missing_attribute(Some(name), &line, input);
                        }
                    }
                }
                Guess::of(invoice::kind(&line))
            }
            "tax_lines" => Guess::of(Kind::list(Kind::record([
                ("rate", "Rate", Kind::Decimal),
                ("net", "Net", Kind::money()),
                ("tax", "Tax", Kind::money()),
            ]))),
            "list" => Guess::of(match guess.kind {
                list @ Kind::List { .. } => list,
                _ => Kind::list(Kind::Any),
            }),
            _ => Guess::of(Kind::text()),
        }
    }

    /// A language that is written there must be one.
    fn language(&mut self, arguments: &Arguments) {
        let named = arguments.named.iter().find(|(name, _)| name == "locale");
        let place = named
            .map(|(_, value)| value)
            .or_else(|| arguments.positional.get(1));
        if let Some(place) = place
            && let ExpressionKind::Literal(Value::Text(locale)) = &place.kind
            && Formats::default().in_language(locale).is_none()
        {
            self.report("expression_wrong_kind", &place.span, NO_LANGUAGE);
        }
    }

    fn missing_attribute(&mut self, attribute: Option<&str>, entry: &Kind, place: &Expression) {
        let path: Vec<String> = attribute
            .unwrap_or_default()
            .split('.')
            .map(str::to_owned)
            .collect();
        let names = names_of(entry);
        self.unknown(&path, names.iter().map(String::as_str), place);
    }

    pub(super) fn result_of(
        &mut self,
        operator: Operator,
        a: &Kind,
        b: &Kind,
        span: &Range<usize>,
    ) -> Guess {
        let is_number = |kind: &Kind| matches!(kind, Kind::Integer | Kind::Decimal);
        let is_text = |kind: &Kind| matches!(kind, Kind::Text { .. } | Kind::Choice { .. });
        if operator == Operator::Join {
            return Guess::of(Kind::text());
        }
        if matches!(a, Kind::Any) || matches!(b, Kind::Any) {
            return Guess::any();
        }
        let kind = match (operator, a, b) {
            (Operator::Divide, Kind::Money { .. }, Kind::Money { .. }) => Some(Kind::Decimal),
            (
                Operator::Divide | Operator::FloorDivide | Operator::Remainder,
                Kind::Money { .. },
                b,
            ) if is_number(b) => Some(Kind::money()),
            (Operator::Divide, a, b) if is_number(a) && is_number(b) => Some(Kind::Decimal),
            (
                Operator::Add | Operator::Subtract | Operator::Remainder,
                Kind::Money { decimals: a },
                Kind::Money { decimals: b },
            ) => Some(Kind::Money {
                decimals: *a.max(b),
            }),
            (Operator::Multiply, Kind::Money { .. }, b) if is_number(b) => Some(Kind::money()),
            (Operator::Multiply, a, Kind::Money { .. }) if is_number(a) => Some(Kind::money()),
            (Operator::Add | Operator::Subtract, Kind::Date, Kind::Integer)
            | (Operator::Add, Kind::Integer, Kind::Date) => Some(Kind::Date),
            (Operator::Add, a, b) if is_text(a) && is_text(b) => Some(Kind::text()),
            (Operator::Add, Kind::List { item, .. }, Kind::List { .. }) => {
                Some(Kind::list(item.as_ref().clone()))
            }
            (_, Kind::Integer, Kind::Integer)
            | (Operator::FloorDivide, Kind::Money { .. }, Kind::Money { .. })
            | (Operator::Subtract, Kind::Date, Kind::Date)
            | (Operator::Subtract, Kind::Instant, Kind::Instant) => Some(Kind::Integer),
            (_, a, b) if is_number(a) && is_number(b) => Some(Kind::Decimal),
            _ => None,
        };
        if let Some(kind) = kind {
            return Guess::of(kind);
        }
        let sign = match operator {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::FloorDivide => "//",
            Operator::Remainder => "%",
            Operator::Power => "**",
            Operator::Join => "~",
        };
        self.report(
            "expression_wrong_kind",
            span,
            &format!("{sign} does not work with {} and {}", a.noun(), b.noun()),
        );
        Guess::any()
    }
}

/// The decimals that `round` is told, where that are no more than money may have.
fn rounded_to(arguments: &Arguments) -> Option<u8> {
    match &arguments.positional.first()?.kind {
        ExpressionKind::Literal(Value::Integer(decimals)) => u8::try_from(*decimals)
            .ok()
            .filter(|decimals| *decimals <= MAX_MONEY_DECIMALS),
        _ => None,
    }
}

pub(super) fn comparable(a: &Kind, b: &Kind) -> bool {
    let group = |kind: &Kind| match kind {
        Kind::Any => 0,
        Kind::Text { .. } | Kind::Choice { .. } => 1,
        Kind::Integer | Kind::Decimal => 2,
        Kind::Money { .. } => 3,
        Kind::Date => 4,
        Kind::Time => 5,
        Kind::Instant => 6,
        Kind::YesNo => 7,
        Kind::List { .. } => 8,
        Kind::Record { .. } => 9,
        Kind::File => 10,
    };
    let (a, b) = (group(a), group(b));
    // `total > 0` compares money with a plain number; only the run knows whether that number is zero.
    a == 0 || b == 0 || (a == b && a < 8) || (a.min(b) == 2 && a.max(b) == 3)
}

pub(super) fn either(first: Guess, second: Guess) -> Guess {
    let kind = match (first.kind, second.kind) {
        (a, b) if a == b => a,
        (Kind::Text { .. } | Kind::Choice { .. }, Kind::Text { .. } | Kind::Choice { .. }) => {
            Kind::text()
        }
        (Kind::Integer | Kind::Decimal, Kind::Integer | Kind::Decimal) => Kind::Decimal,
        (Kind::Money { decimals: a }, Kind::Money { decimals: b }) => {
            Kind::Money { decimals: a.max(b) }
        }
        (list @ Kind::List { .. }, Kind::List { .. }) => list,
        _ => Kind::Any,
    };
    Guess {
        kind,
        optional: second.optional,
    }
}

pub(super) fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Text(_) => Kind::text(),
        Value::Integer(_) => Kind::Integer,
        Value::Decimal(_) => Kind::Decimal,
        Value::Money(_) => Kind::money(),
        Value::Date(_) => Kind::Date,
        Value::Time(_) => Kind::Time,
        Value::Instant(_) => Kind::Instant,
        Value::YesNo(_) => Kind::YesNo,
        Value::List(_) => Kind::list(Kind::Any),
        Value::File(_) => Kind::File,
        Value::Empty | Value::Record(_) => Kind::Any,
    }
}
