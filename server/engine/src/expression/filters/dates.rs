//! Dates.

use super::{Given, Result, text, unfit};
use crate::{
    expression::{evaluate::Machine, operators},
    value::Value,
};

pub(super) fn add_days(value: &Value, given: &Given) -> Result<Value> {
    let days = given.whole(0, "days")?.ok_or("say how many days")?;
    match value {
        Value::Date(date) => Ok(operators::date_plus(*date, days)?),
        other => Err(unfit(other)),
    }
}

/// The same day of a later month, or that month's last day.
pub(super) fn add_months(value: &Value, given: &Given) -> Result<Value> {
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

pub(super) fn date(machine: &Machine<'_>, value: &Value, given: &Given) -> Result<Value> {
    let formats = given.formats(machine, 1)?;
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
        return formats
            .date_pattern(date, style)
            .map(Value::Text)
            .ok_or_else(|| format!("{style:?} is not a way to write a date").into());
    }
    Err("a date is written long, medium, short, weekday, day_month, month or iso, or as \"%d. %B\" says".into())
}
