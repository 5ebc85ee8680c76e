//! `branch`: the first way whose rules hold is taken. Rules are structured and compared by kind in Rust, never as expressions.

use std::cmp::Ordering;

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    kind::{ChoiceOption, Kind, is_name},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Port, Surface,
    },
    value::{Money, Value, parse_decimal},
};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::values::{capital, named};

/// The way taken when no rule holds.
const OTHERWISE: &str = "otherwise";
/// Most ways of one branch.
const MAX_WAYS: usize = 20;

/// Go different ways, depending on values of earlier steps.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Branch {
    /// The ways, tried from the top; the first whose rules hold is taken.
    #[serde(default)]
    #[schemars(extend("x-widget" = "rules"))]
    ways: Vec<Way>,
    /// What the way is called that is taken when no rule holds.
    #[serde(default = "otherwise_title")]
    otherwise: String,
}

/// One way out with its rules.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Way {
    /// Short name of the way, in small letters.
    name: String,
    /// What people read on the connection.
    #[serde(default)]
    title: String,
    /// Whether all rules must hold, or one is enough.
    #[serde(default, rename = "match")]
    #[schemars(title = "Rules that must hold")]
    mode: Match,
    /// Each compares one value.
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"all": "All rules", "any": "One rule is enough"}))]
enum Match {
    #[default]
    All,
    Any,
}

/// `{value} {operator} {operand}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rule {
    /// The value to look at.
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    value: Template,
    /// How it is compared.
    operator: Operator,
    /// What it is compared with; not needed for "is empty" and "is filled in".
    #[serde(default)]
    #[schemars(title = "Compared with", extend("x-empty" = true))]
    operand: Option<Template>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "is": "is", "is_not": "is not", "greater": "is more than", "at_least": "is at least", "less": "is less than",
    "at_most": "is at most", "contains": "contains", "not_contains": "does not contain", "starts_with": "begins with",
    "ends_with": "ends with", "is_empty": "is empty", "is_filled": "is filled in", "is_yes": "is yes", "is_no": "is no"
}))]
enum Operator {
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

fn otherwise_title() -> String {
    "Otherwise".into()
}

impl Operator {
    fn needs_operand(self) -> bool {
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
}

impl Way {
    fn title(&self) -> &str {
        if self.title.trim().is_empty() {
            &self.name
        } else {
            &self.title
        }
    }

    fn holds(&self, context: &dyn NodeContext) -> Result<bool, NodeError> {
        for rule in &self.rules {
            let holds = rule
                .holds(context)
                .map_err(|error| named(error, self.title()))?;
            match (self.mode, holds) {
                (Match::All, false) => return Ok(false),
                (Match::Any, true) => return Ok(true),
                (Match::All, true) | (Match::Any, false) => {}
            }
        }
        Ok(matches!(self.mode, Match::All) && !self.rules.is_empty())
    }
}

impl Rule {
    fn holds(&self, context: &dyn NodeContext) -> Result<bool, NodeError> {
        let value = context.evaluate(&self.value)?;
        let operand = match (&self.operand, self.operator.needs_operand()) {
            (Some(template), true) => context.evaluate(template)?,
            (None, true) | (_, false) => Value::Empty,
        };
        compare(&value, self.operator, &operand)
    }
}

#[async_trait]
impl Node for Branch {
    const TYPE: &'static str = "branch";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Branch",
            family: Family::Computed,
            icon: "split",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn ports(&self) -> Vec<Port> {
        let mut ports: Vec<Port> = self
            .ways
            .iter()
            .map(|way| Port {
                name: way.name.clone(),
                title: way.title().to_owned(),
            })
            .collect();
        ports.push(Port {
            name: OTHERWISE.into(),
            title: self.otherwise.clone(),
        });
        ports
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        let options = self
            .ports()
            .into_iter()
            .map(|port| ChoiceOption {
                value: port.name,
                title: Some(port.title),
            })
            .collect();
        Kind::record([("way", "Way", Kind::Choice { options })])
    }

    fn card(&self) -> Card {
        let mut well: Vec<CardLine> = self
            .ways
            .iter()
            .take(4)
            .map(|way| CardLine {
                text: way.rules.first().map_or(String::new(), |rule| {
                    let operand = rule.operand.as_ref().map_or("", |operand| &operand.0);
                    format!("{} {} {operand}", rule.value.0, label(rule.operator))
                        .trim()
                        .to_owned()
                }),
                trailing: way.title().to_owned(),
            })
            .collect();
        well.push(CardLine {
            text: String::new(),
            trailing: self.otherwise.clone(),
        });
        Card {
            key_fact: String::new(),
            well,
        }
    }

    fn check(&self, _context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.ways.is_empty() || self.ways.len() > MAX_WAYS {
            problems.push(
                Problem::error(
                    "bad_way_count",
                    json!({"most": MAX_WAYS}),
                    format!("A branch has between 1 and {MAX_WAYS} ways besides the last one."),
                )
                .at("/ways"),
            );
        }
        for (index, way) in self.ways.iter().enumerate() {
            let at = format!("/ways/{index}");
            let taken = self.ways[..index]
                .iter()
                .any(|other| other.name == way.name);
            let reserved = [OTHERWISE, "error"].contains(&way.name.as_str());
            if !is_name(&way.name) || taken || reserved {
                problems.push(
                    Problem::error(
                        "bad_way_name",
                        json!({"name": way.name}),
                        format!(
                            "The way \u{201c}{}\u{201d} needs a name of its own in small letters, digits and _.",
                            way.name
                        ),
                    )
                    .at(format!("{at}/name")),
                );
            }
            if way.rules.is_empty() {
                problems.push(
                    Problem::error(
                        "way_without_rule",
                        json!({"way": way.title()}),
                        format!("The way \u{201c}{}\u{201d} has no rule.", way.title()),
                    )
                    .at(format!("{at}/rules")),
                );
            }
            for (number, rule) in way.rules.iter().enumerate() {
                let operand = rule
                    .operand
                    .as_ref()
                    .is_some_and(|operand| !operand.0.is_empty());
                if rule.value.0.trim().is_empty() || (rule.operator.needs_operand() && !operand) {
                    problems.push(
                        Problem::error(
                            "rule_incomplete",
                            json!({"way": way.title()}),
                            format!("A rule of \u{201c}{}\u{201d} is not complete.", way.title()),
                        )
                        .at(format!("{at}/rules/{number}")),
                    );
                }
            }
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let mut taken = OTHERWISE;
        for way in &self.ways {
            if way.holds(context)? {
                taken = &way.name;
                break;
            }
        }
        Ok(Outcome::Done(Done {
            ports: vec![taken.to_owned()],
            output: json!({"way": taken}),
            ..Done::default()
        }))
    }
}

fn label(operator: Operator) -> &'static str {
    match operator {
        Operator::Is => "is",
        Operator::IsNot => "is not",
        Operator::Greater => ">",
        Operator::AtLeast => "\u{2265}",
        Operator::Less => "<",
        Operator::AtMost => "\u{2264}",
        Operator::Contains => "contains",
        Operator::NotContains => "does not contain",
        Operator::StartsWith => "begins with",
        Operator::EndsWith => "ends with",
        Operator::IsEmpty => "is empty",
        Operator::IsFilled => "is filled in",
        Operator::IsYes => "is yes",
        Operator::IsNo => "is no",
    }
}

/// Compares by the value's kind. An empty value is only ever equal to an empty one: it is neither more nor less than anything and
/// contains nothing.
fn compare(value: &Value, operator: Operator, operand: &Value) -> Result<bool, NodeError> {
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
    use crate::testing::{FakeContext, done};

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

    #[test]
    fn the_first_way_that_holds_is_taken() {
        let config = json!({"ways": [
            {"name": "big", "title": "Big", "match": "all", "rules": [
                {"value": "{{ form.total }}", "operator": "greater", "operand": "100"},
                {"value": "{{ form.country }}", "operator": "is", "operand": "DE"},
            ]},
            {"name": "any_way", "match": "any", "rules": [
                {"value": "{{ form.total }}", "operator": "greater", "operand": "100"},
                {"value": "{{ form.note }}", "operator": "is_filled"},
            ]},
        ]});
        let check = |values: Json, way: &str| {
            let context = FakeContext::new(&json!({"form": values}));
            let done = done::<Branch>(config.clone(), &context).expect("a way");
            assert_eq!(done.ports, [way]);
            assert_eq!(done.output, json!({"way": way}));
        };
        check(json!({"total": 150, "country": "de", "note": null}), "big");
        check(
            json!({"total": 150, "country": "FR", "note": null}),
            "any_way",
        );
        check(
            json!({"total": 50, "country": "DE", "note": "x"}),
            "any_way",
        );
        check(
            json!({"total": 50, "country": "DE", "note": null}),
            "otherwise",
        );
    }
}
