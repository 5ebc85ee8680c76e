//! What is worked out over the entries of a group: sums, counts, averages, the least and the greatest. Amounts are exact decimals of one
//! currency; only an average rounds, half away from zero, to decimals that are said.

use engine::{
    check::Problem,
    expression::{self, Template},
    format::round,
    kind::{Field, Kind},
    node::{NodeContext, NodeError},
    value::{Money, Value, currency_decimals},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::given_or;
use crate::{
    entries::{Entries, kind_of, own_name, own_title},
    list_filter::incomplete,
    ordering::{Sorter, is_empty, is_ordered, number},
    values::{capital, fit, named},
};

/// Decimals of an average of plain numbers unless somebody says otherwise.
const AVERAGE_DECIMALS: u32 = 2;

/// One result for each group.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Aggregate {
    /// What is worked out.
    #[serde(default)]
    pub(super) operation: Operation,
    /// The value of each entry; not needed to count entries or to list them.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    pub(super) value: Template,
    /// Its name in the group; when empty, the one the value has in the entry.
    #[serde(default)]
    pub(super) name: String,
    /// Decimals that an average is rounded to; when empty two, or those of the currency.
    #[serde(default)]
    #[schemars(range(max = 10), extend("x-when" = {"operation": "average"}))]
    pub(super) decimals: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "sum": "Sum", "count": "Number of entries", "average": "Average", "min": "Smallest or earliest", "max": "Largest or latest",
    "first": "Value of the first entry", "list": "List of the values"
}))]
pub(super) enum Operation {
    #[default]
    Sum,
    Count,
    Average,
    Min,
    Max,
    First,
    List,
}

impl Operation {
    /// The name of a result whose value has none.
    fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Count => "count",
            Self::Average => "average",
            Self::Min => "smallest",
            Self::Max => "largest",
            Self::First => "first",
            Self::List => "entries",
        }
    }
}

impl Aggregate {
    fn has_value(&self) -> bool {
        !self.value.0.trim().is_empty()
    }

    fn name(&self) -> String {
        let own = match self.operation {
            Operation::Count => None,
            Operation::Sum
            | Operation::Average
            | Operation::Min
            | Operation::Max
            | Operation::First
            | Operation::List => own_name(&self.value),
        };
        given_or(&self.name, || {
            own.unwrap_or_else(|| self.operation.name().to_owned())
        })
    }

    /// Kind of the value of one entry.
    fn kind(&self, scope: &Kind) -> Kind {
        if self.has_value() {
            kind_of(&self.value, scope).0
        } else {
            let item = scope.field("item");
            item.map_or(Kind::Any, |field| field.kind.clone())
        }
    }

    /// As it stands in the totals.
    pub(super) fn field(&self, scope: &Kind) -> Field {
        let value = self.kind(scope);
        let (kind, optional) = match (self.operation, value) {
            (Operation::Count, _) => (Kind::Integer, false),
            (Operation::List, value) => (Kind::list(value), false),
            (Operation::Sum, value) => (value, false),
            (Operation::Average, Kind::Integer) => (Kind::Decimal, true),
            (Operation::Average, Kind::Money { .. }) => (Kind::money(), true),
            (Operation::Average | Operation::Min | Operation::Max | Operation::First, value) => {
                (value, true)
            }
        };
        Field {
            name: self.name(),
            title: own_title(&self.value, scope).unwrap_or_default(),
            kind,
            optional,
        }
    }

    /// Whether a group, which has an entry, may come without this result.
    pub(super) fn may_be_empty(&self, scope: Option<&Kind>) -> bool {
        scope.is_none_or(|scope| kind_of(&self.value, scope).1)
    }

    pub(super) fn check(&self, scope: &Kind) -> Option<Problem> {
        let kind = self.kind(scope);
        let noun = kind.noun();
        match self.operation {
            Operation::Count | Operation::List => None,
            _ if !self.has_value() => Some(incomplete("")),
            Operation::Sum | Operation::Average => {
                let fits = matches!(
                    kind,
                    Kind::Integer | Kind::Decimal | Kind::Money { .. } | Kind::Any
                );
                let message = format!("This is {noun}, which cannot be added up.");
                (!fits).then(|| Problem::error("not_summable", json!({"kind": noun}), message))
            }
            Operation::Min | Operation::Max => {
                let message = format!("This is {noun}, which has no order.");
                (!is_ordered(&kind))
                    .then(|| Problem::error("not_sortable", json!({"kind": noun}), message))
            }
            Operation::First => None,
        }
    }

    /// The value of each entry, of the kind that is needed.
    pub(super) fn column(
        &self,
        context: &dyn NodeContext,
        entries: &mut Entries,
        field: &Field,
    ) -> Result<Vec<Value>, NodeError> {
        let name = if field.title.is_empty() {
            &field.name
        } else {
            &field.title
        };
        if !self.has_value() {
            return Ok(entries.items().cloned().collect());
        }
        let column = entries
            .column(context, &self.value)
            .map_err(|error| named(error, name))?;
        let checked = match self.operation {
            Operation::Sum | Operation::Average => entries.summable(&column),
            Operation::Min | Operation::Max => entries.comparable(&column),
            Operation::Count | Operation::First | Operation::List => Ok(()),
        };
        checked.map_err(|error| named(error, name)).map(|()| column)
    }

    /// The result over some entries. Empty values count nothing, except as the first one.
    pub(super) fn over<'a>(
        &self,
        values: impl Iterator<Item = &'a Value> + Clone,
        field: &Field,
        sorter: &Sorter,
        currency: &str,
    ) -> Result<Value, NodeError> {
        let filled = values.clone().filter(|value| !is_empty(value));
        let value = match self.operation {
            Operation::Sum => sum(filled)?,
            Operation::Count => {
                let count = if self.has_value() {
                    filled.count()
                } else {
                    values.count()
                };
                Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))
            }
            Operation::Average => self.average(filled)?,
            Operation::Min => filled
                .min_by(|a, b| sorter.compare(a, b))
                .cloned()
                .unwrap_or(Value::Empty),
            // Of several the first, as of the smallest.
            Operation::Max => filled
                .reduce(|best, value| {
                    if sorter.compare(value, best).is_gt() {
                        value
                    } else {
                        best
                    }
                })
                .cloned()
                .unwrap_or(Value::Empty),
            Operation::First => values.clone().next().cloned().unwrap_or(Value::Empty),
            Operation::List => Value::List(filled.cloned().collect()),
        };
        match self.operation {
            // The sum of nothing is nothing of the kind that is added up.
            Operation::Sum if !matches!(field.kind, Kind::Any) && is_plain_zero(&value) => {
                fit(value, field, currency)
            }
            Operation::Sum
            | Operation::Count
            | Operation::Average
            | Operation::Min
            | Operation::Max
            | Operation::First
            | Operation::List => Ok(value),
        }
    }

    fn average<'a>(
        &self,
        values: impl Iterator<Item = &'a Value> + Clone,
    ) -> Result<Value, NodeError> {
        let count = i64::try_from(values.clone().count()).unwrap_or(i64::MAX);
        if count == 0 {
            return Ok(Value::Empty);
        }
        let average = expression::divide(&sum(values)?, &Value::Integer(count))?;
        let rounded = |number, decimals| {
            let mut number = round(number, decimals);
            number.rescale(decimals);
            number
        };
        Ok(match average {
            Value::Money(money) => {
                let decimals = self.decimals.unwrap_or(currency_decimals(&money.currency));
                Value::Money(Money {
                    amount: rounded(money.amount, decimals),
                    currency: money.currency,
                })
            }
            other => match number(&other) {
                Some(number) => {
                    Value::Decimal(rounded(number, self.decimals.unwrap_or(AVERAGE_DECIMALS)))
                }
                None => other,
            },
        })
    }
}

fn is_plain_zero(value: &Value) -> bool {
    *value == Value::Integer(0)
}

fn sum<'a>(values: impl Iterator<Item = &'a Value>) -> Result<Value, NodeError> {
    let mut total: Option<Value> = None;
    for value in values {
        total = Some(match total {
            Some(total) => expression::add(&total, value)?,
            None => value.clone(),
        });
    }
    Ok(total.unwrap_or(Value::Integer(0)))
}

/// Why a value cannot be added to those before it.
pub(crate) fn not_added(first: &Value, value: &Value) -> Option<NodeError> {
    match (first, value) {
        (Value::Money(a), Value::Money(b)) if a.currency == b.currency => None,
        (Value::Money(a), Value::Money(b)) => {
            let message = format!(
                "{} and {} cannot be added up. Group by the currency, or filter by it first.",
                a.currency, b.currency
            );
            let error = NodeError::failed("currencies_not_added", message);
            Some(
                error
                    .with("currency", a.currency.as_str())
                    .with("other", b.currency.as_str()),
            )
        }
        _ if number(first).is_some() && number(value).is_some() => None,
        _ => {
            let kind = value.kind_name();
            let message = format!("{} cannot be added up here.", capital(kind));
            Some(NodeError::failed("not_added", message).with("kind", kind))
        }
    }
}
