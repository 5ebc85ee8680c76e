//! Taxes of an invoice.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{Given, Refusal, Result, list, lists::pick, numbers::round, unfit};
use crate::{
    expression::operators::{self, number},
    value::{Money, Record, Value, parse_decimal},
};

/// Taxes of an invoice: `lines|tax_lines("amount", "rate")` gives `[{rate, net, tax}]`, one for each rate, the highest first. Each tax is
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
