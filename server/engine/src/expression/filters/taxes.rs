//! Amounts of an invoice. The arithmetic is that of `engine::invoice`.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{Given, Refusal, Result, list, lists::pick, unfit};
use crate::{
    check::Problem,
    expression::{
        evaluate::{Machine, size},
        operators::{self, number},
    },
    invoice,
    value::{Money, Record, Value, currency_decimals, parse_decimal},
};

/// All amounts of an invoice: `lines|invoice(prices=firm.prices)`, or of a record `{number, seller, buyer, lines, …}`, which may have
/// problems. Named arguments are members of the invoice. Gives what `invoice::to_value` tells.
pub(super) fn invoice_amounts(
    machine: &mut Machine<'_>,
    value: Cow<'_, Value>,
    given: &Given,
) -> Result<Value> {
    if !given.positional.is_empty() {
        return Err("say what it is: invoice(prices=\"gross\")".into());
    }
    // Every line comes out again, with about as much that is computed.
    machine.spend(size(&value).saturating_mul(2))?;
    let (mut record, is_whole) = match value.into_owned() {
        Value::Record(record) => (record, true),
        Value::List(lines) => {
            let lines = ("lines".to_owned(), Value::List(lines));
            (Record::from_iter([lines]), false)
        }
        other => return Err(unfit(&other)),
    };
    record.extend(given.named.iter().cloned());
    let defaults = invoice::Defaults {
        currency: &machine.formats.currency,
        locale: machine.formats.locale(),
    };
    let read = invoice::read(&record, defaults).map_err(|problems| refused(&problems))?;
    let settled = invoice::settle(&read).map_err(|problems| refused(&problems))?;
    // Lines alone are no invoice yet: a form that adds them up knows neither number nor buyer.
    let problems = if is_whole {
        invoice::check(&read, &settled)
    } else {
        Vec::new()
    };
    let lines = match record.get("lines") {
        Some(Value::List(lines)) => lines.as_slice(),
        _ => &[],
    };
    Ok(invoice::to_value(&read, &settled, lines, &problems))
}

/// The first problem with its place, and how many more there are.
fn refused(problems: &[Problem]) -> Refusal {
    let Some(first) = problems.first() else {
        return "the invoice cannot be read".into();
    };
    let more = match problems.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!(
        "{}: {}{more}",
        first.pointer,
        first.message.trim_end_matches('.')
    )
    .into()
}

/// Taxes alone: `lines|tax_lines("amount", "rate")` gives `[{rate, net, tax}]`, one for each rate, the highest first. Each tax is
/// the rate of the rate's whole net sum, rounded half away from zero to the currency's decimals, as EN 16931 has it (BR-CO-17).
pub(super) fn tax_lines(value: Cow<'_, Value>, given: &Given) -> Result<Value> {
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
        let amount = invoice::tax_on(net.amount, rate, currency_decimals(&net.currency))
            .ok_or("the amounts have too many digits; round them first")?;
        let tax = Money {
            amount,
            currency: net.currency.clone(),
        };
        lines.push(Value::Record(Record::from_iter([
            ("rate".to_owned(), Value::Decimal(rate)),
            ("net".to_owned(), Value::Money(net)),
            ("tax".to_owned(), Value::Money(tax)),
        ])));
    }
    Ok(Value::List(lines))
}
