//! The filters, functions and tests that expressions know. Each takes typed values and gives one; none reads a clock or makes anything up.

use std::{borrow::Cow, cmp::Ordering};

use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    evaluate::{Fault, Machine, size},
    operators::{self, is_true, number},
};
use crate::value::{Money, Record, Value, parse_decimal};

/// `value|name`.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "add_days",
    "add_months",
    "amount",
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
    "abs", "decimal", "float", "int", "length", "max", "min", "money", "range", "round", "sum",
    "unique",
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

/// Longest list `range` makes.
const MAX_RANGE: i64 = 10_000;

/// Evaluated arguments of a filter.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) positional: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
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
            Value::Money(money) => text(formats.amount(money)),
            other => match number(other) {
                Some(amount) => text(formats.amount(&Money {
                    amount,
                    currency: formats.currency.clone(),
                })),
                None => Err(unfit(other)),
            },
        },
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
        "number" => match &*value {
            Value::Money(money) => text(formats.number(money.amount, given.decimals(0)?)),
            other => match number(other) {
                Some(number) => text(formats.number(number, given.decimals(0)?)),
                None => Err(unfit(other)),
            },
        },
        "percent" => match number(&value) {
            Some(number) => text(formats.percent(number, given.decimals(0)?)),
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
        "string" | "text" => formats
            .text(&value)
            .map(Value::Text)
            .ok_or_else(|| unfit(&value)),
        "sum" => sum(value, given),
        "tax_lines" => tax_lines(value, given),
        "time" => match &*value {
            Value::Time(time) => text(formats.time(*time)),
            Value::Instant(instant) => {
                text(formats.time(instant.to_zoned(formats.time_zone.clone()).time()))
            }
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

fn absolute(value: &Value) -> Result<Value> {
    match value {
        Value::Integer(number) => number
            .checked_abs()
            .map(Value::Integer)
            .ok_or_else(|| "the result is too large".into()),
        Value::Decimal(number) => Ok(Value::Decimal(number.abs())),
        Value::Money(money) => Ok(Value::Money(Money {
            amount: money.amount.abs(),
            currency: money.currency.clone(),
        })),
        other => Err(unfit(other)),
    }
}

fn add_days(value: &Value, given: &Given) -> Result<Value> {
    let days = given.whole(0, "days")?.ok_or("say how many days")?;
    match value {
        Value::Date(date) => Ok(operators::date_plus(*date, days)?),
        other => Err(unfit(other)),
    }
}

/// The same day of a later month, or that month's last day.
fn add_months(value: &Value, given: &Given) -> Result<Value> {
    let months = given.whole(0, "months")?.ok_or("say how many months")?;
    match value {
        Value::Date(date) => jiff::Span::new()
            .try_months(months)
            .and_then(|span| date.checked_add(span))
            .map(Value::Date)
            .map_err(|_| "the date lies too far away".into()),
        other => Err(unfit(other)),
    }
}

fn length(value: &Value) -> Result<Value> {
    let length = match value {
        Value::Empty => 0,
        Value::Text(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Record(record) => record.len(),
        other => return Err(unfit(other)),
    };
    Ok(Value::Integer(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn date(machine: &mut Machine<'_>, value: &Value, given: &Given) -> Result<Value> {
    let formats = machine.formats;
    let style = given.text(0, "style")?.unwrap_or("long");
    let date = match value {
        Value::Date(date) => *date,
        Value::Instant(instant) => formats.date_of(*instant),
        Value::Text(text) => match text.parse() {
            Ok(date) => date,
            Err(_) => return Err(format!("{text:?} is not a date such as 2026-11-23").into()),
        },
        other => return Err(unfit(other)),
    };
    if let Some(written) = formats.date(date, style) {
        return text(written);
    }
    if style.contains('%') && style.len() <= 100 {
        return jiff::fmt::strtime::format(style, date)
            .map(Value::Text)
            .map_err(|_| format!("{style:?} is not a way to write a date").into());
    }
    Err("a date is written long, short, weekday, day_month, month or iso".into())
}

fn to_decimal(value: &Value) -> Result<Value> {
    match value {
        Value::Text(text) => parse_decimal(text.trim())
            .map(Value::Decimal)
            .ok_or_else(|| format!("{text:?} is not a number such as 12.50").into()),
        Value::Money(money) => Ok(Value::Decimal(money.amount)),
        other => number(other)
            .map(Value::Decimal)
            .ok_or_else(|| unfit(other)),
    }
}

/// Cuts the decimals off.
fn to_integer(value: &Value) -> Result<Value> {
    let Value::Decimal(decimal) = to_decimal(value)? else {
        return Err(unfit(value));
    };
    decimal
        .trunc()
        .to_string()
        .parse()
        .map(Value::Integer)
        .map_err(|_| "the number is too large".into())
}

fn join(machine: &mut Machine<'_>, value: Cow<'_, Value>, given: &Given) -> Result<Value> {
    let by = given.text(0, "by")?.unwrap_or("").to_owned();
    let path = match given.get(1, "attribute") {
        None => None,
        Some(_) => attribute_at(given, 1)?,
    };
    let mut out = String::new();
    let mut first = true;
    for item in list(value)? {
        let item = match &path {
            Some(path) => pick(item, path)?,
            None => item,
        };
        // An entry that is not filled in leaves no gap in an address.
        if item.is_blank() {
            continue;
        }
        let written = machine.formats.text(&item).ok_or_else(|| unfit(&item))?;
        machine.spend_text(written.len() + by.len())?;
        if !first {
            out.push_str(&by);
        }
        first = false;
        out.push_str(&written);
    }
    text(out)
}

fn attribute(given: &Given) -> Result<Option<Vec<String>>> {
    attribute_at(given, 0)
}

fn attribute_at(given: &Given, index: usize) -> Result<Option<Vec<String>>> {
    Ok(given
        .text(index, "attribute")?
        .map(|path| path.split('.').map(str::to_owned).collect()))
}

/// A value inside a record, by path.
fn pick(value: Value, path: &[String]) -> Result<Value> {
    let mut value = value;
    for name in path {
        value = match value {
            Value::Record(mut record) => record
                .swap_remove(name)
                .ok_or_else(|| Refusal::Message(format!("there is no {name}")))?,
            Value::Money(money) if name == "amount" => Value::Decimal(money.amount),
            Value::Money(money) if name == "currency" => Value::Text(money.currency),
            Value::Empty => Value::Empty,
            other => return Err(format!("{} has no {name}", other.kind_name()).into()),
        };
    }
    Ok(value)
}

/// `sum(attribute="amount")`; entries that are empty count nothing, the sum of nothing is 0.
fn sum(value: Cow<'_, Value>, given: &Given) -> Result<Value> {
    let path = attribute(given)?;
    let mut total: Option<Value> = given.get(1, "start").cloned();
    for item in list(value)? {
        let item = match &path {
            Some(path) => pick(item, path)?,
            None => item,
        };
        match &item {
            Value::Empty => continue,
            Value::Integer(_) | Value::Decimal(_) | Value::Money(_) => {}
            other => return Err(unfit(other)),
        }
        total = Some(match total {
            Some(total) => operators::add(&total, &item)?,
            None => item,
        });
    }
    Ok(total.unwrap_or(Value::Integer(0)))
}

/// Taxes of an invoice: `lines|tax_lines("amount", "rate")` gives `[{rate, net, tax}]`, one for each rate, the highest first. Each tax is
/// the rate of the rate's whole net sum, rounded half away from zero to the currency's decimals, as EN 16931 has it (BR-CO-17).
fn tax_lines(value: Cow<'_, Value>, given: &Given) -> Result<Value> {
    let split = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
    let amount = given
        .text(0, "amount")?
        .ok_or("say which value is the amount")?;
    let rate = given
        .text(1, "rate")?
        .ok_or("say which value is the rate")?;
    let (amount, rate) = (split(amount), split(rate));
    let mut sums: Vec<(Decimal, Money)> = Vec::new();
    for line in list(value)? {
        let rate = match pick(line.clone(), &rate)? {
            Value::Text(text) => parse_decimal(text.trim())
                .ok_or_else(|| Refusal::Message(format!("{text:?} is not a rate such as 19")))?,
            other => number(&other).ok_or_else(|| unfit(&other))?,
        };
        let net = match pick(line, &amount)? {
            Value::Money(money) => money,
            other => return Err(unfit(&other)),
        };
        match sums.iter_mut().find(|(known, _)| *known == rate) {
            Some((_, sum)) => {
                let total = operators::add(&Value::Money(sum.clone()), &Value::Money(net))?;
                if let Value::Money(total) = total {
                    *sum = total;
                }
            }
            None => sums.push((rate, net)),
        }
    }
    sums.sort_by_key(|(rate, _)| std::cmp::Reverse(*rate));
    let mut lines = Vec::with_capacity(sums.len());
    for (rate, net) in sums {
        let percent = Value::Decimal(rate);
        let share = operators::multiply(&Value::Money(net.clone()), &percent)?;
        let share = operators::multiply(&share, &Value::Decimal(Decimal::new(1, 2)))?;
        let tax = round(&share, &Given::default())?;
        lines.push(Value::Record(Record::from_iter([
            ("rate".to_owned(), percent),
            ("net".to_owned(), Value::Money(net)),
            ("tax".to_owned(), tax),
        ])));
    }
    Ok(Value::List(lines))
}

fn extreme(name: &str, value: Cow<'_, Value>, given: &Given) -> Result<Value> {
    // `max(a, b)` and `list|max` are one.
    let mut items = match value.into_owned() {
        Value::List(items) => items,
        other if !given.positional.is_empty() => vec![other],
        other => return Err(unfit(&other)),
    };
    items.extend(given.positional.iter().cloned());
    let path = match given.named.iter().find(|(name, _)| name == "attribute") {
        Some((_, Value::Text(path))) => {
            Some(path.split('.').map(str::to_owned).collect::<Vec<_>>())
        }
        _ => None,
    };
    let wanted = if name == "max" {
        Ordering::Greater
    } else {
        Ordering::Less
    };
    let mut best: Option<(Value, Value)> = None;
    for item in items {
        let key = match &path {
            Some(path) => pick(item.clone(), path)?,
            None => item.clone(),
        };
        if key == Value::Empty {
            continue;
        }
        let better = match &best {
            None => true,
            Some((_, best)) => operators::order(&key, best)? == wanted,
        };
        if better {
            best = Some((item, key));
        }
    }
    Ok(best.map_or(Value::Empty, |(item, _)| item))
}

/// Money as text; `money("USD")` makes an amount of a number.
fn money(machine: &mut Machine<'_>, value: &Value, given: &Given) -> Result<Value> {
    let formats = machine.formats;
    let currency = given.text(0, "currency")?;
    match (value, currency) {
        (Value::Money(money), None) => text(formats.money(money)),
        (Value::Money(money), Some(currency)) if money.currency == currency => {
            text(formats.money(money))
        }
        (Value::Money(money), Some(currency)) => {
            Err(format!("{} cannot become {currency}", money.currency).into())
        }
        (other, currency) => {
            let amount = number(other).ok_or_else(|| unfit(other))?;
            let currency = currency.unwrap_or(&formats.currency);
            if !crate::value::is_currency(currency) {
                return Err(format!("{currency:?} is not a currency such as EUR").into());
            }
            text(formats.money(&Money {
                amount,
                currency: currency.to_owned(),
            }))
        }
    }
}

fn range(machine: &mut Machine<'_>, value: &Value, given: &Given) -> Result<Value> {
    let Value::Integer(first) = value else {
        return Err(unfit(value));
    };
    let (from, to) = match given.whole(0, "to")? {
        Some(to) => (*first, to),
        None => (0, *first),
    };
    let length = to.checked_sub(from).unwrap_or(i64::MAX);
    if length > MAX_RANGE {
        return Err(format!("has more than {MAX_RANGE} entries").into());
    }
    machine.spend(length.max(0).unsigned_abs())?;
    Ok(Value::List((from..to).map(Value::Integer).collect()))
}

/// `select` keeps what is filled in; `selectattr("paid")` by a value inside, `selectattr("amount", "gt", 0)` by a test.
fn choose(value: Cow<'_, Value>, given: &Given, keep: bool) -> Result<Value> {
    if *value == Value::Empty {
        return Ok(Value::List(Vec::new()));
    }
    let path = attribute(given)?;
    let name = given.text(1, "test")?;
    let rest = given.positional.get(2..).unwrap_or_default();
    if let Some(name) = name
        && !TESTS.contains(&name)
    {
        return Err(format!("there is no test {name}").into());
    }
    let mut kept = Vec::new();
    for item in list(value)? {
        let key = match &path {
            Some(path) => pick(item.clone(), path)?,
            None => item.clone(),
        };
        let holds = match name {
            Some(name) => test(name, &key, rest)?,
            None => is_true(&key),
        };
        if holds == keep {
            kept.push(item);
        }
    }
    Ok(Value::List(kept))
}

/// Half away from zero, or `round(2, "even")`, `"down"` (towards zero), `"up"` (away from zero).
fn round(value: &Value, given: &Given) -> Result<Value> {
    let decimals = given.decimals(0)?;
    let strategy = match given.text(1, "method")? {
        None | Some("half_up" | "common") => RoundingStrategy::MidpointAwayFromZero,
        Some("even") => RoundingStrategy::MidpointNearestEven,
        Some("down") => RoundingStrategy::ToZero,
        Some("up") => RoundingStrategy::AwayFromZero,
        Some(other) => {
            return Err(format!("{other:?} is not half_up, even, down or up").into());
        }
    };
    let rounded = |number: Decimal, decimals: u32| {
        let mut rounded = number.round_dp_with_strategy(decimals, strategy);
        // 7 rounded to two decimals is 7.00: what is shown and what is stored agree.
        rounded.rescale(decimals);
        rounded
    };
    Ok(match value {
        Value::Integer(number) => Value::Integer(*number),
        Value::Decimal(number) => Value::Decimal(rounded(*number, decimals.unwrap_or(0))),
        Value::Money(money) => Value::Money(Money {
            amount: rounded(
                money.amount,
                decimals.unwrap_or(crate::value::currency_decimals(&money.currency)),
            ),
            currency: money.currency.clone(),
        }),
        other => return Err(unfit(other)),
    })
}

fn sort(machine: &mut Machine<'_>, value: Cow<'_, Value>, given: &Given) -> Result<Value> {
    let path = match given.named.iter().find(|(name, _)| name == "attribute") {
        Some((_, Value::Text(path))) => {
            Some(path.split('.').map(str::to_owned).collect::<Vec<_>>())
        }
        _ => attribute(given)?,
    };
    let mut keyed = Vec::new();
    for item in list(value)? {
        let key = match &path {
            Some(path) => pick(item.clone(), path)?,
            None => item.clone(),
        };
        keyed.push((key, item));
    }
    machine.spend(keyed.len() as u64 * 8)?;
    let mut fault = None;
    // Empty entries come last; equal ones keep their places.
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Value::Empty, Value::Empty) => Ordering::Equal,
        (Value::Empty, _) => Ordering::Greater,
        (_, Value::Empty) => Ordering::Less,
        _ => operators::order(a, b).unwrap_or_else(|message| {
            fault.get_or_insert(message);
            Ordering::Equal
        }),
    });
    if let Some(message) = fault {
        return Err(message.into());
    }
    if given.flag("reverse") {
        keyed.reverse();
    }
    Ok(Value::List(
        keyed.into_iter().map(|(_, item)| item).collect(),
    ))
}

fn unique(machine: &mut Machine<'_>, value: Cow<'_, Value>) -> Result<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in list(value)? {
        machine.spend(kept.len() as u64 * size(&item))?;
        if !kept
            .iter()
            .any(|other| operators::equal(other, &item).unwrap_or(false))
        {
            kept.push(item);
        }
    }
    Ok(Value::List(kept))
}

/// Groups in order of first appearance: `[{key, items}]`.
fn group_by(machine: &mut Machine<'_>, value: Cow<'_, Value>, given: &Given) -> Result<Value> {
    let path = attribute(given)?.ok_or("say by which value: group_by(\"…\")")?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in list(value)? {
        let key = pick(item.clone(), &path)?;
        machine.spend(1 + groups.len() as u64)?;
        match groups
            .iter_mut()
            .find(|(known, _)| operators::equal(known, &key).unwrap_or(false))
        {
            Some((_, items)) => items.push(item),
            None => groups.push((key, vec![item])),
        }
    }
    Ok(Value::List(
        groups
            .into_iter()
            .map(|(key, items)| {
                Value::Record(Record::from_iter([
                    ("key".to_owned(), key),
                    ("items".to_owned(), Value::List(items)),
                ]))
            })
            .collect(),
    ))
}

fn title(given: &str) -> String {
    let mut at_start = true;
    given
        .chars()
        .flat_map(|letter| {
            let upper = at_start && letter.is_alphabetic();
            at_start = !letter.is_alphanumeric() && letter != '\'' && letter != '\u{2019}';
            if upper {
                letter.to_uppercase().collect::<Vec<_>>()
            } else {
                vec![letter]
            }
        })
        .collect()
}

/// At most so many letters, cut at a blank where there is one, with an ellipsis that counts.
/// Letters in groups that stay on one line, as bank accounts are written: `DE02 1203 0000`.
fn grouped(value: &Value, given: &Given) -> Result<Value> {
    let size = given.whole(0, "size")?.unwrap_or(4);
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size > 0)
        .ok_or("a group has at least one letter")?;
    let mut out = String::new();
    let letters = string(value)?
        .chars()
        .filter(|letter| !letter.is_whitespace());
    for (index, letter) in letters.enumerate() {
        if index > 0 && index.is_multiple_of(size) {
            out.push('\u{a0}');
        }
        out.push(letter);
    }
    text(out)
}

fn truncate(value: &Value, given: &Given) -> Result<Value> {
    let most = given.whole(0, "length")?.unwrap_or(255);
    let most = usize::try_from(most).map_err(|_| Refusal::from("a length is not negative"))?;
    let whole = string(value)?;
    if whole.chars().count() <= most {
        return text(whole.to_owned());
    }
    let cut: String = whole.chars().take(most.saturating_sub(1)).collect();
    let end = cut
        .rfind(char::is_whitespace)
        .filter(|end| *end * 2 > cut.len())
        .unwrap_or(cut.len());
    let kept = cut.get(..end).unwrap_or(&cut).trim_end();
    if most == 0 {
        return text(String::new());
    }
    text(format!("{kept}\u{2026}"))
}
