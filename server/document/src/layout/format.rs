//! Values as a chosen format writes them, and what is told of those that it cannot write.

use std::rc::Rc;

use engine::{
    format::{Formats, round},
    node::Warning,
    value::{Money, Value, currency_decimals},
};
use rust_decimal::Decimal;

use super::Layouter;
use crate::{
    context::DocumentError,
    scope::clean,
    template::{Format, FormatKind, Leaf},
    text::Span,
};

impl Layouter<'_> {
    /// A leaf in its format, or as it writes itself.
    pub(super) fn value_spans(
        &mut self,
        leaf: &Leaf,
        format: Option<&Format>,
        mark: u32,
    ) -> Result<Vec<Span>, DocumentError> {
        match format {
            Some(format) => Ok(self.formatted(leaf, format, mark)?.0),
            None => self.spans(leaf, mark),
        }
    }

    /// A leaf in a format, and its value as it is printed: what is added up are the rounded amounts that stand on the page.
    pub(super) fn formatted(
        &mut self,
        leaf: &Leaf,
        format: &Format,
        mark: u32,
    ) -> Result<(Vec<Span>, Value), DocumentError> {
        let block = &self.marks[mark as usize].block;
        let (value, unknown) = self.scope.value(leaf, block)?;
        if unknown.is_some() {
            return Ok((self.spans(leaf, mark)?, Value::Empty));
        }
        if value == Value::Empty || (format.empty.is_some() && value.is_blank()) {
            if format.empty.is_none() {
                self.tell_empty(leaf, mark);
            }
            let span = Span {
                origin: Some(self.scope.empty_origin(leaf)),
                source: leaf.whole_source(),
                ..Span::plain(clean(format.empty.as_deref().unwrap_or_default()))
            };
            return Ok((vec![span], Value::Empty));
        }
        let formats = self.formats_of(Some(format));
        let amounts = Amounts::of(leaf);
        let value = printed(value, &format.kind, &formats, amounts);
        let (text, fits) = match write(&value, &format.kind, &formats, amounts) {
            Some(text) => (text, true),
            None => (formats.text(&value).unwrap_or_default(), false),
        };
        if !fits {
            self.tell_kind(leaf, &value, Wanted::by(&format.kind), mark);
        }
        // Kept as it is printed, and as what is added up.
        self.spend(2 * text.len())?;
        let span = Span {
            text: clean(&text),
            origin: Some(self.scope.leaf_origin(leaf)),
            source: leaf.whole_source(),
            ..Span::default()
        };
        Ok((vec![span], value))
    }

    /// The document's formats, in the language of a format if it has its own.
    pub(super) fn formats_of(&mut self, format: Option<&Format>) -> Rc<Formats> {
        let language = format.and_then(|format| format.language.as_deref());
        self.scope.formats_in(language)
    }

    pub(super) fn tell_empty(&mut self, leaf: &Leaf, mark: u32) {
        let path = match leaf.reads.as_ref().map(|reads| reads.paths.as_slice()) {
            Some([path]) => self.scope.path(path).unwrap_or_else(|| path.clone()),
            Some(_) | None => leaf.source.clone(),
        };
        let message = format!("`{path}` is empty and has no default");
        self.notice(
            Warning::new("value_missing", message).with("path", path),
            mark,
        );
    }

    /// Of a leaf whose value is of another kind than it should be.
    pub(super) fn tell_kind(&mut self, leaf: &Leaf, value: &Value, wanted: Wanted, mark: u32) {
        self.notice(wanted.warning(&leaf.source, value.kind_name()), mark);
    }
}

/// What a value should be.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    Text,
    Number,
    Date,
    Time,
    List,
    File,
}

impl Wanted {
    fn by(kind: &FormatKind) -> Self {
        match kind {
            FormatKind::Text => Self::Text,
            FormatKind::Money { .. }
            | FormatKind::Amount
            | FormatKind::Number { .. }
            | FormatKind::Percent { .. } => Self::Number,
            FormatKind::Date { .. } => Self::Date,
            FormatKind::Time => Self::Time,
        }
    }

    /// Of an expression whose value is of another kind.
    fn warning(self, source: &str, kind: &str) -> Warning {
        let message = |wanted: &str| format!("`{source}` is {kind}, not {wanted}");
        let warning = match self {
            Self::Text => Warning::new("not_a_text", message("a text")),
            Self::Number => Warning::new("not_a_number", message("a number")),
            Self::Date => Warning::new("not_a_date", message("a date")),
            Self::Time => Warning::new("not_a_time", message("a time")),
            Self::List => Warning::new("not_a_list", message("a list")),
            Self::File => Warning::new("not_a_file", message("a file")),
        };
        warning.with("source", source).with("kind", kind)
    }
}

/// How many decimals an amount has on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amounts {
    /// Those of its currency: it is computed, and it can be paid.
    Payable,
    /// All that it was given.
    InFull,
}

impl Amounts {
    fn of(leaf: &Leaf) -> Self {
        match leaf.shown() {
            Some(_) => Self::InFull,
            None => Self::Payable,
        }
    }
}

/// The value that a reader takes from what is printed: rounded, with its currency, without the time of day.
pub(super) fn printed(
    value: Value,
    kind: &FormatKind,
    formats: &Formats,
    amounts: Amounts,
) -> Value {
    match kind {
        FormatKind::Text => value,
        FormatKind::Money { currency } => {
            let currency = currency.as_deref().unwrap_or(&formats.currency);
            amount(value, currency, amounts)
        }
        FormatKind::Amount => amount(value, &formats.currency, amounts),
        FormatKind::Number { decimals } | FormatKind::Percent { decimals } => {
            match (value, *decimals) {
                (Value::Decimal(number), Some(decimals)) => Value::Decimal(round(number, decimals)),
                (Value::Money(money), Some(decimals)) => Value::Money(Money {
                    amount: round(money.amount, decimals),
                    ..money
                }),
                (value, _) => value,
            }
        }
        FormatKind::Date { .. } => match value {
            Value::Instant(instant) => Value::Date(formats.date_of(instant)),
            Value::Text(text) => text.parse().map_or(Value::Text(text), Value::Date),
            value => value,
        },
        FormatKind::Time => match value {
            Value::Instant(instant) => Value::Time(formats.time_of(instant)),
            Value::Text(text) => text.parse().map_or(Value::Text(text), Value::Time),
            value => value,
        },
    }
}

/// An amount with the decimals of its currency, where it is not printed in full; what is no number stays as it is.
fn amount(value: Value, currency: &str, amounts: Amounts) -> Value {
    let money = match value {
        Value::Money(money) if amounts == Amounts::InFull => return Value::Money(money),
        Value::Money(money) => money,
        value => match number(&value) {
            Some(amount) => Money {
                amount,
                currency: currency.to_owned(),
            },
            None => return value,
        },
    };
    Value::Money(Money {
        amount: round(money.amount, currency_decimals(&money.currency)),
        ..money
    })
}

/// The text of what `printed` gives; `None` where it is of another kind.
pub(super) fn write(
    value: &Value,
    kind: &FormatKind,
    formats: &Formats,
    amounts: Amounts,
) -> Option<String> {
    match (kind, amounts) {
        (FormatKind::Text, Amounts::Payable) => formats.text(value),
        (FormatKind::Text, Amounts::InFull) => formats.text_in_full(value),
        (FormatKind::Money { .. }, Amounts::Payable) => {
            money(value).map(|money| formats.money(money))
        }
        (FormatKind::Money { .. }, Amounts::InFull) => {
            money(value).map(|money| formats.money_in_full(money))
        }
        (FormatKind::Amount, Amounts::Payable) => money(value).map(|money| formats.amount(money)),
        (FormatKind::Amount, Amounts::InFull) => {
            money(value).map(|money| formats.amount_in_full(money))
        }
        (FormatKind::Number { decimals }, _) => {
            let number = number(value).or_else(|| money(value).map(|money| money.amount))?;
            Some(formats.number(number, *decimals))
        }
        (FormatKind::Percent { decimals }, _) => Some(formats.percent(number(value)?, *decimals)),
        (FormatKind::Date { style }, _) => {
            let Value::Date(date) = value else {
                return None;
            };
            formats
                .date(*date, style)
                .or_else(|| formats.date_pattern(*date, style))
        }
        (FormatKind::Time, _) => match value {
            Value::Time(time) => Some(formats.time(*time)),
            _ => None,
        },
    }
}

fn money(value: &Value) -> Option<&Money> {
    match value {
        Value::Money(money) => Some(money),
        _ => None,
    }
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: Value, kind: &FormatKind, expected: Option<&str>) {
        let formats = Formats::of("en", "Europe/Berlin", "EUR");
        let value = printed(value, kind, &formats, Amounts::Payable);
        let text = write(&value, kind, &formats, Amounts::Payable);
        assert_eq!(text.as_deref(), expected);
    }

    fn decimal(text: &str) -> Value {
        Value::Decimal(text.parse().expect("a number"))
    }

    fn money(amount: &str, currency: &str) -> Value {
        Value::Money(Money {
            amount: amount.parse().expect("a number"),
            currency: currency.into(),
        })
    }

    #[test]
    fn values_are_written_as_chosen() {
        let euros = FormatKind::Money { currency: None };
        let pounds = FormatKind::Money {
            currency: Some("GBP".into()),
        };
        check(decimal("1485.005"), &euros, Some("€1,485.01"));
        check(Value::Integer(3), &pounds, Some("£3.00"));
        // An amount keeps its own currency.
        check(money("3", "EUR"), &pounds, Some("€3.00"));
        check(money("1485", "JPY"), &FormatKind::Amount, Some("1,485"));
        let number = FormatKind::Number { decimals: Some(1) };
        check(decimal("1.25"), &number, Some("1.3"));
        check(money("1.25", "EUR"), &number, Some("1.3"));
        let percent = FormatKind::Percent { decimals: None };
        check(decimal("7.50"), &percent, Some("7.5%"));
        check(Value::Text("7".into()), &percent, None);
        let long = FormatKind::Date {
            style: "long".into(),
        };
        let night = "2027-03-07T23:30:00Z".parse().expect("an instant");
        check(Value::Instant(night), &long, Some("8 March 2027"));
        check(
            Value::Text("2027-03-08".into()),
            &long,
            Some("8 March 2027"),
        );
        check(Value::Text("tomorrow".into()), &long, None);
        let day = FormatKind::Date {
            style: "%d.%m.".into(),
        };
        check(Value::Instant(night), &day, Some("08.03."));
        // In Berlin it is half past midnight.
        check(Value::Instant(night), &FormatKind::Time, Some("00:30"));
        check(
            Value::Text("14:30".into()),
            &FormatKind::Time,
            Some("14:30"),
        );
        check(Value::Text("noon".into()), &FormatKind::Time, None);
        check(Value::YesNo(true), &FormatKind::Text, Some("yes"));
    }

    #[test]
    fn what_is_added_up_is_what_is_printed() {
        let formats = Formats::default();
        let euros = FormatKind::Money { currency: None };
        let value = printed(money("0.005", "EUR"), &euros, &formats, Amounts::Payable);
        assert_eq!(value, money("0.01", "EUR"));
        let price = money("0.0834", "EUR");
        let value = printed(price.clone(), &euros, &formats, Amounts::InFull);
        assert_eq!(value, price);
        let text = write(&value, &FormatKind::Amount, &formats, Amounts::InFull);
        assert_eq!(text.as_deref(), Some("0.0834"));
    }
}
