//! The filters, functions and tests that expressions know. Each takes typed values and gives one; none reads a clock or makes anything up.
//! What they have in common is here, and what needs no more than a line; the others are divided by what they are for.

mod dates;
mod lists;
mod numbers;
mod taxes;
mod texts;

use std::borrow::Cow;

use super::{
    evaluate::{Fault, Machine, size},
    operators::{self, is_true, number},
};
use crate::{
    format::Formats,
    value::{Money, Value},
};

use dates::{add_days, add_months, date};
use lists::{
    attribute, average, choose, extreme, group_by, join, length, pick, range, sort, sum, unique,
};
use numbers::{absolute, money, round, to_decimal, to_integer};
use taxes::{invoice_amounts, tax_lines};
use texts::{grouped, title, truncate};

/// `value|name`.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "add_days",
    "add_months",
    "amount",
    "avg",
    "capitalize",
    "count",
    "currency",
    "d",
    "date",
    "decimal",
    "default",
    "first",
    "float",
    "group_by",
    "groupby",
    "grouped",
    "int",
    "invoice",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "money",
    "number",
    "percent",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "tax_lines",
    "text",
    "time",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "yesno",
];

/// `name(value)`.
pub(super) const FUNCTIONS: &[&str] = &[
    "abs", "avg", "decimal", "float", "int", "length", "max", "min", "money", "range", "round",
    "sum", "unique",
];

/// `value is name`.
pub(super) const TESTS: &[&str] = &[
    "blank",
    "defined",
    "empty",
    "eq",
    "equalto",
    "even",
    "filled",
    "ge",
    "gt",
    "in",
    "le",
    "list",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "false",
    "undefined",
];

/// Filters that an empty value is a good input for: a list that nobody filled in.
pub(super) const TAKES_EMPTY: &[&str] = &["count", "length", "list", "select", "reject", "yesno"];

/// What is wrong with a language that nobody knows.
pub(super) const NO_LANGUAGE: &str = "is not a language such as de or pt-BR";

/// Evaluated arguments of a filter.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
    /// The value is shown as it was given: amounts have all their decimals.
    pub(super) in_full: bool,
}

/// Why a filter gives nothing.
pub(super) enum Refusal {
    Fault(Fault),
    Message(String),
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for Refusal {
    fn from(message: &str) -> Self {
        Self::Message(message.to_owned())
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

type Result<T> = std::result::Result<T, Refusal>;

impl Given {
    /// The argument at a place, or of that name.
    fn get(&self, index: usize, name: &str) -> Option<&Value> {
        self.positional.get(index).or_else(|| {
            self.named
                .iter()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value)
        })
    }

    fn text(&self, index: usize, name: &str) -> Result<Option<&str>> {
        match self.get(index, name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(format!("{name} is a text, not {}", other.kind_name()).into()),
        }
    }

    fn whole(&self, index: usize, name: &str) -> Result<Option<i64>> {
        match self.get(index, name) {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(other) => {
                Err(format!("{name} is a whole number, not {}", other.kind_name()).into())
            }
        }
    }

    fn decimals(&self, index: usize) -> Result<Option<u32>> {
        match self.whole(index, "decimals")? {
            None => Ok(None),
            Some(number @ 0..=20) => Ok(u32::try_from(number).ok()),
            Some(_) => Err("decimals lie between 0 and 20".into()),
        }
    }

    /// The machine's formats, or those of the language that the argument names.
    fn formats<'a>(&self, machine: &Machine<'a>, index: usize) -> Result<Cow<'a, Formats>> {
        match self.text(index, "locale")? {
            None => Ok(Cow::Borrowed(machine.formats)),
            Some(locale) => match machine.formats.in_language(locale) {
                Some(formats) => Ok(Cow::Owned(formats)),
                None => Err(format!("{locale:?} {NO_LANGUAGE}").into()),
            },
        }
    }

    fn written(&self, formats: &Formats, value: &Value) -> Option<String> {
        if self.in_full {
            formats.text_in_full(value)
        } else {
            formats.text(value)
        }
    }

    fn flag(&self, name: &str) -> bool {
        self.named
            .iter()
            .any(|(given, value)| given == name && is_true(value))
    }
}

/// Applies a filter or function.
#[expect(clippy::too_many_lines, reason = "one arm for each filter")]
pub(super) fn apply(
    machine: &mut Machine<'_>,
    name: &str,
    value: Cow<'_, Value>,
    given: &Given,
) -> Result<Value> {
    let formats = machine.formats;
    match name {
        "abs" => absolute(&value),
        "add_days" => add_days(&value, given),
        "add_months" => add_months(&value, given),
        "amount" => match &*value {
            Value::Money(money) if given.in_full => text(formats.amount_in_full(money)),
            Value::Money(money) => text(formats.amount(money)),
            other => match number(other) {
                Some(amount) => text(formats.amount(&Money {
                    amount,
                    currency: formats.currency.clone(),
                })),
                None => Err(unfit(other)),
            },
        },
        "avg" => average(value, given),
        "capitalize" => string(&value).and_then(|given| {
            let mut letters = given.chars();
            text(letters.next().map_or(String::new(), |first| {
                first.to_uppercase().chain(letters).collect()
            }))
        }),
        "count" | "length" => length(&value),
        "currency" => match &*value {
            Value::Money(money) => text(money.currency.clone()),
            other => Err(unfit(other)),
        },
        "date" => date(machine, &value, given),
        "decimal" | "float" => to_decimal(&value),
        "first" => Ok(list(value)?.into_iter().next().unwrap_or(Value::Empty)),
        "last" => Ok(list(value)?.pop().unwrap_or(Value::Empty)),
        "group_by" | "groupby" => group_by(machine, value, given),
        "grouped" => {
            machine.spend(size(&value) * 2)?;
            grouped(&value, given)
        }
        "int" => to_integer(&value),
        "invoice" => invoice_amounts(machine, value, given),
        "join" => join(machine, value, given),
        "lines" => Ok(Value::List(
            string(&value)?
                .lines()
                .map(|line| Value::Text(line.to_owned()))
                .collect(),
        )),
        "list" => match value.into_owned() {
            Value::Empty => Ok(Value::List(Vec::new())),
            Value::Record(record) => Ok(Value::List(record.into_values().collect())),
            other => Ok(Value::List(list(Cow::Owned(other))?)),
        },
        "lower" => text(string(&value)?.to_lowercase()),
        "upper" => {
            // Some letters become three; the tank must know before they do.
            machine.spend(size(&value) * 2)?;
            text(string(&value)?.to_uppercase())
        }
        "map" => {
            let path = attribute(given)?.ok_or("say which value: map(attribute=\"…\")")?;
            let items = list(value)?;
            let mapped: Result<Vec<Value>> =
                items.into_iter().map(|item| pick(item, &path)).collect();
            mapped.map(Value::List)
        }
        "max" | "min" => extreme(name, value, given),
        "money" => money(machine, &value, given),
        "number" => {
            let formats = given.formats(machine, 1)?;
            match &*value {
                Value::Money(money) => text(formats.number(money.amount, given.decimals(0)?)),
                other => match number(other) {
                    Some(number) => text(formats.number(number, given.decimals(0)?)),
                    None => Err(unfit(other)),
                },
            }
        }
        "percent" => match number(&value) {
            Some(number) => {
                let formats = given.formats(machine, 1)?;
                text(formats.percent(number, given.decimals(0)?))
            }
            None => Err(unfit(&value)),
        },
        "range" => range(machine, &value, given),
        "reject" | "rejectattr" => choose(value, given, false),
        "select" | "selectattr" => choose(value, given, true),
        "replace" => {
            let from = given.text(0, "from")?.ok_or("say what to replace")?;
            let to = given.text(1, "to")?.ok_or("say what to put there")?;
            if from.is_empty() {
                return Err("an empty text cannot be replaced".into());
            }
            let given = string(&value)?;
            machine.spend_text(given.matches(from).count().saturating_mul(to.len()))?;
            text(given.replace(from, to))
        }
        "reverse" => match value.into_owned() {
            Value::Text(given) => text(given.chars().rev().collect()),
            other => {
                let mut items = list(Cow::Owned(other))?;
                items.reverse();
                Ok(Value::List(items))
            }
        },
        "round" => round(&value, given),
        "sort" => sort(machine, value, given),
        "split" => {
            let by = given.text(0, "by")?.unwrap_or(" ");
            if by.is_empty() {
                return Err("a text cannot be split at nothing".into());
            }
            let parts: Vec<Value> = string(&value)?
                .split(by)
                .map(|part| Value::Text(part.to_owned()))
                .collect();
            machine.spend(parts.len() as u64)?;
            Ok(Value::List(parts))
        }
        "string" | "text" => given
            .written(formats, &value)
            .map(Value::Text)
            .ok_or_else(|| unfit(&value)),
        "sum" => sum(value, given),
        "tax_lines" => tax_lines(value, given),
        "time" => match &*value {
            Value::Time(time) => text(formats.time(*time)),
            Value::Instant(instant) => text(formats.time(formats.time_of(*instant))),
            other => Err(unfit(other)),
        },
        "title" => text(title(string(&value)?)),
        "trim" => text(string(&value)?.trim().to_owned()),
        "truncate" => truncate(&value, given),
        "unique" => unique(machine, value),
        "yesno" => {
            let yes = is_true(&value);
            let word = given.text(usize::from(!yes), if yes { "yes" } else { "no" })?;
            text(word.unwrap_or(formats.yes_no(yes)).to_owned())
        }
        // `default` needs its argument unevaluated and never comes here.
        other => Err(format!("there is no filter {other}").into()),
    }
}

/// Whether a test holds.
pub(super) fn test(
    name: &str,
    value: &Value,
    given: &[Value],
) -> std::result::Result<bool, String> {
    let other = || {
        given
            .first()
            .ok_or_else(|| format!("the test {name} needs a value to compare with"))
    };
    let whole = || match value {
        Value::Integer(number) => Ok(number % 2 == 0),
        other => Err(format!("{} is neither even nor odd", other.kind_name())),
    };
    let order = || {
        if *value == Value::Empty {
            return Err("an empty value has no order".to_owned());
        }
        operators::order(value, other()?)
    };
    Ok(match name {
        "defined" | "filled" => !value.is_blank(),
        "undefined" | "empty" | "blank" => value.is_blank(),
        "none" => *value == Value::Empty,
        "eq" | "equalto" => operators::equal(value, other()?)?,
        "ne" => !operators::equal(value, other()?)?,
        "lt" => order()?.is_lt(),
        "le" => order()?.is_le(),
        "gt" => order()?.is_gt(),
        "ge" => order()?.is_ge(),
        "in" => match other()? {
            Value::List(items) => items
                .iter()
                .any(|item| operators::equal(item, value).unwrap_or(false)),
            other => return Err(format!("{} is no list", other.kind_name())),
        },
        "even" => whole()?,
        "odd" => !whole()?,
        "list" | "sequence" => matches!(value, Value::List(_)),
        "mapping" => matches!(value, Value::Record(_)),
        "number" => number(value).is_some(),
        "string" => matches!(value, Value::Text(_)),
        "true" => *value == Value::YesNo(true),
        "false" => *value == Value::YesNo(false),
        other => return Err(format!("there is no test {other}")),
    })
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "reads as one of the ways a filter ends"
)]
fn text(text: String) -> Result<Value> {
    Ok(Value::Text(text))
}

fn unfit(value: &Value) -> Refusal {
    Refusal::Message(format!("does not work with {}", value.kind_name()))
}

fn string(value: &Value) -> Result<&str> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(unfit(other)),
    }
}

fn list(value: Cow<'_, Value>) -> Result<Vec<Value>> {
    match value {
        Cow::Owned(Value::List(items)) => Ok(items),
        Cow::Borrowed(Value::List(items)) => Ok(items.clone()),
        Cow::Owned(Value::Text(text)) => Ok(text
            .chars()
            .map(|letter| Value::Text(letter.into()))
            .collect()),
        other => Err(unfit(&other)),
    }
}
