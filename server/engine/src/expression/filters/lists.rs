//! Lists, and what is picked out of their entries.

use std::{borrow::Cow, cmp::Ordering};

use super::{Given, Refusal, Result, TESTS, list, test, text, unfit};
use crate::{
    expression::{
        evaluate::{Machine, size},
        operators::{self, is_true},
    },
    value::{Record, Value},
};

/// Longest list `range` makes.
const MAX_RANGE: i64 = 10_000;

pub(super) fn length(value: &Value) -> Result<Value> {
    let length = match value {
        Value::Empty => 0,
        Value::Text(text) => text.chars().count(),
        Value::List(items) => items.len(),
        Value::Record(record) => record.len(),
        other => return Err(unfit(other)),
    };
    Ok(Value::Integer(i64::try_from(length).unwrap_or(i64::MAX)))
}

pub(super) fn range(machine: &mut Machine<'_>, value: &Value, given: &Given) -> Result<Value> {
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

pub(super) fn join(
    machine: &mut Machine<'_>,
    value: Cow<'_, Value>,
    given: &Given,
) -> Result<Value> {
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
        let written = given
            .written(machine.formats, &item)
            .ok_or_else(|| unfit(&item))?;
        machine.spend_text(written.len() + by.len())?;
        if !first {
            out.push_str(&by);
        }
        first = false;
        out.push_str(&written);
    }
    text(out)
}

/// `sum(attribute="amount")`; entries that are empty count nothing, the sum of nothing is 0.
pub(super) fn sum(value: Cow<'_, Value>, given: &Given) -> Result<Value> {
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

/// `avg(attribute="amount")`; entries that are empty count nothing, nothing has no average.
pub(super) fn average(value: Cow<'_, Value>, given: &Given) -> Result<Value> {
    let path = attribute(given)?;
    let mut filled = Vec::new();
    for item in list(value)? {
        let item = match &path {
            Some(path) => pick(item, path)?,
            None => item,
        };
        if item != Value::Empty {
            filled.push(item);
        }
    }
    let count = i64::try_from(filled.len()).unwrap_or(i64::MAX);
    if count == 0 {
        return Ok(Value::Empty);
    }
    let total = sum(Cow::Owned(Value::List(filled)), &Given::default())?;
    Ok(operators::divide(&total, &Value::Integer(count))?)
}

pub(super) fn extreme(name: &str, value: Cow<'_, Value>, given: &Given) -> Result<Value> {
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

/// `select` keeps what is filled in; `selectattr("paid")` by a value inside, `selectattr("amount", "gt", 0)` by a test.
pub(super) fn choose(value: Cow<'_, Value>, given: &Given, keep: bool) -> Result<Value> {
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

pub(super) fn sort(
    machine: &mut Machine<'_>,
    value: Cow<'_, Value>,
    given: &Given,
) -> Result<Value> {
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

pub(super) fn unique(machine: &mut Machine<'_>, value: Cow<'_, Value>) -> Result<Value> {
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
pub(super) fn group_by(
    machine: &mut Machine<'_>,
    value: Cow<'_, Value>,
    given: &Given,
) -> Result<Value> {
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

pub(super) fn attribute(given: &Given) -> Result<Option<Vec<String>>> {
    attribute_at(given, 0)
}

fn attribute_at(given: &Given, index: usize) -> Result<Option<Vec<String>>> {
    Ok(given
        .text(index, "attribute")?
        .map(|path| path.split('.').map(str::to_owned).collect()))
}

/// A value inside a record, by path.
pub(super) fn pick(value: Value, path: &[String]) -> Result<Value> {
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
