//! Numbers and amounts.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{Given, Result, text, unfit};
use crate::{
    expression::{evaluate::Machine, operators::number},
    value::{Money, Value, parse_decimal},
};

pub(super) fn absolute(value: &Value) -> Result<Value> {
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

pub(super) fn to_decimal(value: &Value) -> Result<Value> {
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
pub(super) fn to_integer(value: &Value) -> Result<Value> {
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

/// Half away from zero, or `round(2, "even")`, `"down"` (towards zero), `"up"` (away from zero).
pub(super) fn round(value: &Value, given: &Given) -> Result<Value> {
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

/// Money as text; `money("USD")` makes an amount of a number, `money(locale="de")` writes it in another language.
pub(super) fn money(machine: &Machine<'_>, value: &Value, given: &Given) -> Result<Value> {
    let formats = given.formats(machine, 1)?;
    let currency = given.text(0, "currency")?;
    match (value, currency) {
        (Value::Money(money), currency)
            if currency.is_none_or(|currency| money.currency == currency) =>
        {
            text(if given.in_full {
                formats.money_in_full(money)
            } else {
                formats.money(money)
            })
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
