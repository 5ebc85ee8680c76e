//! Values compared by kind in Rust, never as expressions: what `branch` and `switch` decide by and `list_filter` keeps by.

use std::cmp::Ordering;

use engine::{
    check::Problem,
    expression::Template,
    kind::{ChoiceOption, Kind, is_name},
    node::{NodeContext, NodeError, Port},
    value::{Money, Value, parse_decimal},
};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::values::capital;

/// The way taken when no rule holds.
pub(crate) const OTHERWISE: &str = "otherwise";
/// Most ways of one step.
pub(crate) const MAX_WAYS: usize = 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "is": "is", "is_not": "is not", "greater": "is more than", "at_least": "is at least", "less": "is less than",
    "at_most": "is at most", "contains": "contains", "not_contains": "does not contain", "starts_with": "begins with",
    "ends_with": "ends with", "is_empty": "is empty", "is_filled": "is filled in", "is_yes": "is yes", "is_no": "is no"
}))]
pub(crate) enum Operator {
    #[default]
    Is,
    IsNot,
    Greater,
    AtLeast,
    Less,
    AtMost,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    IsEmpty,
    IsFilled,
    IsYes,
    IsNo,
}

impl Operator {
    pub(crate) fn needs_operand(self) -> bool {
        match self {
            Self::Is
            | Self::IsNot
            | Self::Greater
            | Self::AtLeast
            | Self::Less
            | Self::AtMost
            | Self::Contains
            | Self::NotContains
            | Self::StartsWith
            | Self::EndsWith => true,
            Self::IsEmpty | Self::IsFilled | Self::IsYes | Self::IsNo => false,
        }
    }

    /// As it stands on a card.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::IsNot => "is not",
            Self::Greater => ">",
            Self::AtLeast => "\u{2265}",
            Self::Less => "<",
            Self::AtMost => "\u{2264}",
            Self::Contains => "contains",
            Self::NotContains => "does not contain",
            Self::StartsWith => "begins with",
            Self::EndsWith => "ends with",
            Self::IsEmpty => "is empty",
            Self::IsFilled => "is filled in",
            Self::IsYes => "is yes",
            Self::IsNo => "is no",
        }
    }
}

#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"all": "All rules", "any": "One rule is enough"}))]
pub(crate) enum Match {
    #[default]
    All,
    Any,
}

/// `{value} {operator} {operand}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The value to look at.
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    pub(crate) value: Template,
    /// How it is compared.
    pub(crate) operator: Operator,
    /// What it is compared with; not needed for "is empty" and "is filled in".
    #[serde(default)]
    #[schemars(title = "Compared with", extend("x-empty" = true))]
    pub(crate) operand: Option<Template>,
}

impl Rule {
    pub(crate) fn holds(&self, context: &dyn NodeContext) -> Result<bool, NodeError> {
        let value = context.evaluate(&self.value)?;
        let operand = match (&self.operand, self.operator.needs_operand()) {
            (Some(template), true) => context.evaluate(template)?,
            (None, true) | (_, false) => Value::Empty,
        };
        compare(&value, self.operator, &operand)
    }

    pub(crate) fn is_complete(&self) -> bool {
        let operand = self.operand.as_ref();
        let has_operand = operand.is_some_and(|operand| !operand.0.is_empty());
        !self.value.0.trim().is_empty() && (has_operand || !self.operator.needs_operand())
    }

    /// As it stands on a card.
    pub(crate) fn text(&self) -> String {
        let operand = self.operand.as_ref().map_or("", |operand| &operand.0);
        format!("{} {} {operand}", self.value.0, self.operator.symbol())
            .trim()
            .to_owned()
    }
}

/// What people read of a way without a title is its name.
pub(crate) fn title_of<'a>(title: &'a str, name: &'a str) -> &'a str {
    if title.trim().is_empty() { name } else { title }
}

pub(crate) fn otherwise_title() -> String {
    "Otherwise".into()
}

/// The ways by name and title, and last the one that is taken otherwise.
pub(crate) fn ports<'a>(
    ways: impl Iterator<Item = (&'a str, &'a str)>,
    otherwise: &'a str,
) -> Vec<Port> {
    ways.chain([(OTHERWISE, otherwise)])
        .map(|(name, title)| Port {
            name: name.into(),
            title: title.into(),
        })
        .collect()
}

/// One of the ways, as a value.
pub(crate) fn choice_of(ports: Vec<Port>) -> Kind {
    let options = ports.into_iter().map(|port| ChoiceOption {
        value: port.name,
        title: Some(port.title),
    });
    Kind::Choice {
        options: options.collect(),
    }
}

/// Problems of the number and the names of ways, which are ports.
pub(crate) fn check_ways(names: &[&str], pointer: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    if names.is_empty() || names.len() > MAX_WAYS {
        problems.push(
            Problem::error(
                "bad_way_count",
                json!({"most": MAX_WAYS}),
                format!("A step has between 1 and {MAX_WAYS} ways besides the last one."),
            )
            .at(pointer),
        );
    }
    for (index, name) in names.iter().enumerate() {
        let taken = names[..index].contains(name);
        let reserved = [OTHERWISE, "error"].contains(name);
        if !is_name(name) || taken || reserved {
            problems.push(
                Problem::error(
                    "bad_way_name",
                    json!({"name": name}),
                    format!(
                        "The way \u{201c}{name}\u{201d} needs a name of its own in small letters, digits and _."
                    ),
                )
                .at(format!("{pointer}/{index}/name")),
            );
        }
    }
    problems
}

/// Compares by the value's kind. An empty value is only ever equal to an empty one: it is neither more nor less than anything and
/// contains nothing.
pub(crate) fn compare(
    value: &Value,
    operator: Operator,
    operand: &Value,
) -> Result<bool, NodeError> {
    match operator {
        Operator::IsEmpty => return Ok(value.is_blank()),
        Operator::IsFilled => return Ok(!value.is_blank()),
        Operator::IsYes => return Ok(*value == Value::YesNo(true)),
        Operator::IsNo => return Ok(matches!(value, Value::YesNo(false) | Value::Empty)),
        Operator::Is
        | Operator::IsNot
        | Operator::Greater
        | Operator::AtLeast
        | Operator::Less
        | Operator::AtMost
        | Operator::Contains
        | Operator::NotContains
        | Operator::StartsWith
        | Operator::EndsWith => {}
    }
    match operator {
        Operator::Contains => return contains(value, operand),
        Operator::NotContains => return contains(value, operand).map(|found| !found),
        Operator::StartsWith => {
            return texts(value, operand).map(|(text, part)| text.starts_with(&part));
        }
        Operator::EndsWith => {
            return texts(value, operand).map(|(text, part)| text.ends_with(&part));
        }
        _ => {}
    }
    if value.is_blank() || operand.is_blank() {
        let same = value.is_blank() && operand.is_blank();
        return Ok(match operator {
            Operator::Is => same,
            Operator::IsNot => !same,
            _ => false,
        });
    }
    let order = order(value, operand)?;
    let ordered = || {
        order.ordering.ok_or_else(|| {
            let kind = value.kind_name();
            NodeError::failed("not_ordered", format!("{} has no order.", capital(kind)))
                .with("kind", kind)
        })
    };
    Ok(match operator {
        Operator::Is => order.equal,
        Operator::IsNot => !order.equal,
        Operator::Greater => ordered()? == Ordering::Greater,
        Operator::AtLeast => ordered()? != Ordering::Less,
        Operator::Less => ordered()? == Ordering::Less,
        Operator::AtMost => ordered()? != Ordering::Greater,
        _ => false,
    })
}

struct Order {
    equal: bool,
    ordering: Option<Ordering>,
}

impl From<Ordering> for Order {
    fn from(ordering: Ordering) -> Self {
        Self {
            equal: ordering == Ordering::Equal,
            ordering: Some(ordering),
        }
    }
}

/// Compares after reading the operand as the value's kind, so that a typed-in `1000` compares with an amount and `2026-01-01` with a
/// date.
fn order(value: &Value, operand: &Value) -> Result<Order, NodeError> {
    let different = || {
        let (kind, other) = (value.kind_name(), operand.kind_name());
        let message = format!("{} cannot be compared with {other}.", capital(kind));
        NodeError::failed("not_comparable", message)
            .with("kind", kind)
            .with("other", other)
    };
    Ok(match value {
        Value::Integer(_) | Value::Decimal(_) => {
            let (Some(a), Some(b)) = (number(value), number(operand)) else {
                return Err(different());
            };
            a.cmp(&b).into()
        }
        Value::Money(money) => {
            if let Value::Money(other) = operand {
                same_currency(money, other)?;
                return Ok(money.amount.cmp(&other.amount).into());
            }
            let amount = number(operand).ok_or_else(different)?;
            money.amount.cmp(&amount).into()
        }
        Value::Text(text) => {
            if let Value::Text(other) = operand {
                return Ok(text.to_lowercase().cmp(&other.to_lowercase()).into());
            }
            let (Some(a), Some(b)) = (number(value), number(operand)) else {
                return Err(different());
            };
            a.cmp(&b).into()
        }
        Value::Date(_) | Value::Time(_) | Value::Instant(_) => {
            let kind = match value {
                Value::Date(_) => Kind::Date,
                Value::Time(_) => Kind::Time,
                _ => Kind::Instant,
            };
            let operand = operand
                .clone()
                .convert(&kind, "")
                .map_err(|_| different())?;
            match (value, &operand) {
                (Value::Date(a), Value::Date(b)) => a.cmp(b).into(),
                (Value::Time(a), Value::Time(b)) => a.cmp(b).into(),
                (Value::Instant(a), Value::Instant(b)) => a.cmp(b).into(),
                _ => return Err(different()),
            }
        }
        Value::YesNo(yes) => {
            let other = match operand {
                Value::YesNo(other) => *other,
                Value::Text(text) => match text.trim().to_lowercase().as_str() {
                    "yes" | "true" => true,
                    "no" | "false" => false,
                    _ => return Err(different()),
                },
                _ => return Err(different()),
            };
            Order {
                equal: *yes == other,
                ordering: None,
            }
        }
        Value::Empty | Value::List(_) | Value::Record(_) | Value::File(_) => Order {
            equal: value == operand,
            ordering: None,
        },
    })
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Decimal(number) => Some(*number),
        Value::Text(text) => parse_decimal(text.trim()),
        Value::Empty
        | Value::Money(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Instant(_)
        | Value::YesNo(_)
        | Value::List(_)
        | Value::Record(_)
        | Value::File(_) => None,
    }
}

fn same_currency(a: &Money, b: &Money) -> Result<(), NodeError> {
    if a.currency == b.currency {
        return Ok(());
    }
    Err(NodeError::failed(
        "mixed_currencies",
        format!("{} cannot be compared with {}.", a.currency, b.currency),
    )
    .with("currency", a.currency.as_str())
    .with("other", b.currency.as_str()))
}

fn contains(value: &Value, part: &Value) -> Result<bool, NodeError> {
    match value {
        Value::Empty => Ok(false),
        Value::List(items) => Ok(items
            .iter()
            .any(|item| item == part || order(item, part).is_ok_and(|order| order.equal))),
        _ => texts(value, part).map(|(text, part)| text.contains(&part)),
    }
}

/// Both as text, without regard to case.
fn texts(value: &Value, part: &Value) -> Result<(String, String), NodeError> {
    let text = |value: &Value| match value {
        Value::Empty => Ok(String::new()),
        value => match value.clone().convert(&Kind::text(), "") {
            Ok(Value::Text(text)) => Ok(text.to_lowercase()),
            _ => {
                let kind = value.kind_name();
                let message = format!("{} is not a text.", capital(kind));
                Err(NodeError::failed("not_searchable", message).with("kind", kind))
            }
        },
    };
    Ok((text(value)?, text(part)?))
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    #[expect(
        clippy::needless_pass_by_value,
        reason = "test values are written in place"
    )]
    fn holds(value: Json, operator: &str, operand: Json) -> Result<bool, NodeError> {
        let operator: Operator = serde_json::from_value(json!(operator)).expect("an operator");
        let value = Value::from_any_json(&value).expect("a value");
        let operand = Value::from_any_json(&operand).expect("an operand");
        compare(&value, operator, &operand)
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "test values are written in place"
    )]
    fn check(value: Json, operator: &str, operand: Json, expected: bool) {
        let found = holds(value.clone(), operator, operand.clone()).expect("comparable");
        assert_eq!(found, expected, "{value} {operator} {operand}");
    }

    #[test]
    fn values_compare_by_kind() {
        check(json!(10.10), "greater", json!("3"), true);
        check(json!(1), "is", json!("1.00"), true);
        check(json!("Berlin"), "is", json!("berlin"), true);
        check(json!("Berlin"), "starts_with", json!("BER"), true);
        check(json!(["a", "b"]), "contains", json!("b"), true);
        check(json!("abc"), "not_contains", json!("x"), true);
        check(json!(true), "is", json!("yes"), true);
        check(json!(null), "is_empty", json!(null), true);
        check(json!("  "), "is_filled", json!(null), false);
        check(json!(null), "less", json!("5"), false);
        check(json!(null), "is_not", json!("x"), true);
        assert!(holds(json!("abc"), "greater", json!(3)).is_err());
        assert!(holds(json!({"a": 1}), "greater", json!({"a": 0})).is_err());
    }

    #[test]
    fn money_and_dates_compare_with_what_people_type() {
        let money = |amount: &str, currency: &str| {
            Value::Money(Money {
                amount: amount.parse().expect("a number"),
                currency: currency.into(),
            })
        };
        let text = |text: &str| Value::Text(text.into());
        let net = money("1000.00", "EUR");
        assert!(compare(&net, Operator::AtLeast, &text("1000")).expect("comparable"));
        assert!(!compare(&net, Operator::Greater, &text("1000")).expect("comparable"));
        assert!(compare(&net, Operator::Is, &money("1000", "EUR")).expect("comparable"));
        assert!(compare(&net, Operator::Less, &money("1", "USD")).is_err());
        let date = Value::Date("2027-01-01".parse().expect("a date"));
        assert!(compare(&date, Operator::Greater, &text("2026-12-31")).expect("comparable"));
        assert!(compare(&date, Operator::Greater, &text("soon")).is_err());
    }
}
