//! Typed arithmetic and comparison. Exact or an error; a result that does not fit 28 digits is an error, never a rounded surprise, except
//! for division, which rounds there, and for sums of money with what a division left, which do so as long as 10 decimals stay.

use std::cmp::Ordering;

use jiff::{SignedDuration, Span, Unit};
use rust_decimal::Decimal;

use super::syntax::Operator;
use crate::value::{Money, Value};

/// What a sum of money keeps at least. No currency counts that far, so what is cut off is the endless part of a quotient.
const LEAST_MONEY_DECIMALS: u32 = 10;

/// What went wrong, without the place.
pub(super) type Outcome = Result<Value, String>;

/// Applies an operator; neither side is empty.
pub(super) fn apply(operator: Operator, left: &Value, right: &Value) -> Outcome {
    match operator {
        Operator::Add => add(left, right),
        Operator::Subtract => subtract(left, right),
        Operator::Multiply => multiply(left, right),
        Operator::Divide => divide(left, right),
        Operator::FloorDivide => whole_division(left, right, Decimal::floor),
        Operator::Remainder => remainder(left, right),
        Operator::Power => power(left, right),
        Operator::Join => Err("only texts can be joined".into()),
    }
}

/// The number in a value.
pub(super) fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::Integer(number) => Some((*number).into()),
        Value::Decimal(number) => Some(*number),
        _ => None,
    }
}

pub(super) fn add(left: &Value, right: &Value) -> Outcome {
    match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => {
            a.checked_add(*b).map(Value::Integer).ok_or_else(too_large)
        }
        (Value::Money(a), Value::Money(b)) => same(a, b).and_then(|()| {
            let amount = total(a.amount.checked_add(b.amount), a.amount, b.amount)?;
            Ok(money(amount, &a.currency))
        }),
        (Value::Text(a), Value::Text(b)) => Ok(Value::Text(format!("{a}{b}"))),
        (Value::List(a), Value::List(b)) => Ok(Value::List(a.iter().chain(b).cloned().collect())),
        (Value::Date(date), Value::Integer(days)) | (Value::Integer(days), Value::Date(date)) => {
            date_plus(*date, *days)
        }
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => {
                exact(a.checked_add(b), a.scale().max(b.scale())).map(Value::Decimal)
            }
            _ => Err(unfit("added to", right, left)),
        },
    }
}

pub(super) fn subtract(left: &Value, right: &Value) -> Outcome {
    match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => {
            a.checked_sub(*b).map(Value::Integer).ok_or_else(too_large)
        }
        (Value::Money(a), Value::Money(b)) => same(a, b).and_then(|()| {
            let amount = total(a.amount.checked_sub(b.amount), a.amount, b.amount)?;
            Ok(money(amount, &a.currency))
        }),
        (Value::Date(date), Value::Integer(days)) => {
            date_plus(*date, days.checked_neg().ok_or_else(too_large)?)
        }
        (Value::Date(a), Value::Date(b)) => b
            .until((Unit::Day, *a))
            .map(|span| Value::Integer(span.get_days().into()))
            .map_err(|_| too_large()),
        (Value::Instant(a), Value::Instant(b)) => {
            let seconds: SignedDuration = a.duration_since(*b);
            Ok(Value::Integer(seconds.as_secs()))
        }
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => {
                exact(a.checked_sub(b), a.scale().max(b.scale())).map(Value::Decimal)
            }
            _ => Err(unfit("taken from", right, left)),
        },
    }
}

pub(super) fn multiply(left: &Value, right: &Value) -> Outcome {
    match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => {
            a.checked_mul(*b).map(Value::Integer).ok_or_else(too_large)
        }
        (Value::Money(_), Value::Money(_)) => {
            Err("two amounts of money cannot be multiplied".into())
        }
        (Value::Money(money), factor) | (factor, Value::Money(money)) => {
            let factor = number(factor).ok_or_else(|| unfit("multiplied with", left, right))?;
            product(money.amount, factor).map(|amount| self::money(amount, &money.currency))
        }
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => product(a, b).map(Value::Decimal),
            _ => Err(unfit("multiplied with", left, right)),
        },
    }
}

pub(super) fn divide(left: &Value, right: &Value) -> Outcome {
    let quotient = |a: Decimal, b: Decimal| {
        if b.is_zero() {
            return Err("division by zero".to_owned());
        }
        Ok(a.checked_div(b).ok_or_else(too_large)?.normalize())
    };
    match (left, right) {
        (Value::Money(a), Value::Money(b)) => {
            same(a, b)?;
            quotient(a.amount, b.amount).map(Value::Decimal)
        }
        (Value::Money(a), divisor) => {
            let divisor = number(divisor).ok_or_else(|| unfit("divided by", left, right))?;
            quotient(a.amount, divisor).map(|amount| money(amount, &a.currency))
        }
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => quotient(a, b).map(Value::Decimal),
            _ => Err(unfit("divided by", left, right)),
        },
    }
}

fn whole_division(left: &Value, right: &Value, cut: fn(&Decimal) -> Decimal) -> Outcome {
    match divide(left, right)? {
        Value::Decimal(quotient) => {
            let whole = cut(&quotient);
            Ok(whole
                .to_string()
                .parse()
                .map_or(Value::Decimal(whole), Value::Integer))
        }
        Value::Money(money) => Ok(Value::Money(Money {
            amount: cut(&money.amount),
            ..money
        })),
        other => Ok(other),
    }
}

/// The remainder has the divisor's sign, so that `a == (a // b) * b + a % b`.
fn remainder(left: &Value, right: &Value) -> Outcome {
    let rest = |a: Decimal, b: Decimal| {
        if b.is_zero() {
            return Err("division by zero".to_owned());
        }
        let rest = a.checked_rem(b).ok_or_else(too_large)?;
        if !rest.is_zero() && rest.is_sign_negative() != b.is_sign_negative() {
            return rest.checked_add(b).ok_or_else(too_large);
        }
        Ok(rest)
    };
    match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => {
            let rest = rest((*a).into(), (*b).into())?;
            Ok(rest
                .to_string()
                .parse()
                .map_or(Value::Decimal(rest), Value::Integer))
        }
        (Value::Money(a), divisor) => {
            let divisor = match divisor {
                Value::Money(b) => {
                    same(a, b)?;
                    b.amount
                }
                other => number(other).ok_or_else(|| unfit("divided by", left, right))?,
            };
            rest(a.amount, divisor).map(|amount| money(amount, &a.currency))
        }
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => rest(a, b).map(Value::Decimal),
            _ => Err(unfit("divided by", left, right)),
        },
    }
}

/// Whole exponents only: roots have no exact decimals.
fn power(left: &Value, right: &Value) -> Outcome {
    let Value::Integer(exponent) = right else {
        return Err("an exponent is a whole number".into());
    };
    if !(-64..=64).contains(exponent) {
        return Err("an exponent lies between -64 and 64".into());
    }
    if let (Value::Integer(base), Ok(exponent)) = (left, u32::try_from(*exponent)) {
        return base
            .checked_pow(exponent)
            .map(Value::Integer)
            .ok_or_else(too_large);
    }
    let base = number(left).ok_or_else(|| unfit("raised to", left, right))?;
    if base.is_zero() && *exponent < 0 {
        return Err("division by zero".into());
    }
    let mut result = Decimal::ONE;
    for _ in 0..exponent.unsigned_abs() {
        result = product(result, base)?;
    }
    if *exponent < 0 {
        result = Decimal::ONE.checked_div(result).ok_or_else(too_large)?;
    }
    Ok(Value::Decimal(result))
}

pub(super) fn negate(value: &Value) -> Outcome {
    match value {
        Value::Integer(number) => number
            .checked_neg()
            .map(Value::Integer)
            .ok_or_else(too_large),
        Value::Decimal(number) => Ok(Value::Decimal(-*number)),
        Value::Money(money) => Ok(self::money(-money.amount, &money.currency)),
        other => Err(format!("{} has no opposite", other.kind_name())),
    }
}

/// Whether two values are the same; numbers by what they say, everything of different kinds is different.
pub(super) fn equal(left: &Value, right: &Value) -> Result<bool, String> {
    Ok(match (left, right) {
        (Value::Money(a), Value::Money(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b) {
                if !equal(a, b)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Money(money), other) | (other, Value::Money(money)) => match number(other) {
            Some(number) if number.is_zero() => money.amount.is_zero(),
            Some(_) => {
                return Err(format!(
                    "an amount in {} cannot be compared with a plain number",
                    money.currency
                ));
            }
            None => false,
        },
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => a == b,
            _ => left == right,
        },
    })
}

/// The order of two values of one kind.
pub(super) fn order(left: &Value, right: &Value) -> Result<Ordering, String> {
    Ok(match (left, right) {
        (Value::Money(a), Value::Money(b)) => {
            same(a, b)?;
            a.amount.cmp(&b.amount)
        }
        // Zero is zero in every currency: `total > 0` needs none.
        (Value::Money(money), other) if number(other).is_some_and(|number| number.is_zero()) => {
            money.amount.cmp(&Decimal::ZERO)
        }
        (other, Value::Money(money)) if number(other).is_some_and(|number| number.is_zero()) => {
            Decimal::ZERO.cmp(&money.amount)
        }
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Instant(a), Value::Instant(b)) => a.cmp(b),
        (Value::YesNo(a), Value::YesNo(b)) => a.cmp(b),
        _ => match (number(left), number(right)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => {
                return Err(format!(
                    "{} cannot be compared with {}",
                    left.kind_name(),
                    right.kind_name()
                ));
            }
        },
    })
}

/// Yes, filled in, not zero.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Empty => false,
        Value::YesNo(yes) => *yes,
        Value::Text(text) => !text.is_empty(),
        Value::Integer(number) => *number != 0,
        Value::Decimal(number) => !number.is_zero(),
        Value::Money(money) => !money.amount.is_zero(),
        Value::List(items) => !items.is_empty(),
        Value::Record(record) => !record.is_empty(),
        Value::Date(_) | Value::Time(_) | Value::Instant(_) | Value::File(_) => true,
    }
}

/// The date some days later.
pub(super) fn date_plus(date: jiff::civil::Date, days: i64) -> Outcome {
    Span::new()
        .try_days(days)
        .and_then(|span| date.checked_add(span))
        .map(Value::Date)
        .map_err(|_| "the date lies too far away".to_owned())
}

/// `rust_decimal` drops digits that do not fit; a sum or product that needs more than 28 is an error here instead.
fn product(a: Decimal, b: Decimal) -> Result<Decimal, String> {
    let (a, b) = (shortest(a, b.scale()), shortest(b, a.scale()));
    let scale = a.scale() + b.scale();
    let result = a.checked_mul(b).ok_or_else(too_large)?;
    if result.scale() < scale && !a.is_zero() && !b.is_zero() {
        let (a, b) = (a.normalize(), b.normalize());
        let result = a.checked_mul(b).ok_or_else(too_large)?;
        if result.scale() < a.scale() + b.scale() {
            return Err("the result has more than 28 digits; round the factors first".into());
        }
        return Ok(result);
    }
    Ok(result)
}

/// Without needless zeros when the product's scale would not fit.
fn shortest(number: Decimal, other_scale: u32) -> Decimal {
    if number.scale() + other_scale > 28 {
        number.normalize()
    } else {
        number
    }
}

/// The sum of two amounts. A third of something may be added to something large, whose last digits do not fit then.
fn total(result: Option<Decimal>, a: Decimal, b: Decimal) -> Result<Decimal, String> {
    exact(result, a.scale().max(b.scale()).min(LEAST_MONEY_DECIMALS))
}

/// `scale`: the decimals that must be left.
fn exact(result: Option<Decimal>, scale: u32) -> Result<Decimal, String> {
    let result = result.ok_or_else(too_large)?;
    if result.scale() < scale && !result.is_zero() {
        return Err("the result has more than 28 digits; round the parts first".into());
    }
    Ok(result)
}

fn money(amount: Decimal, currency: &str) -> Value {
    Value::Money(Money {
        amount,
        currency: currency.to_owned(),
    })
}

fn same(a: &Money, b: &Money) -> Result<(), String> {
    if a.currency == b.currency {
        return Ok(());
    }
    Err(format!("{} and {} cannot be mixed", a.currency, b.currency))
}

fn too_large() -> String {
    "the result is too large".into()
}

fn unfit(verb: &str, first: &Value, second: &Value) -> String {
    format!(
        "{} cannot be {verb} {}",
        first.kind_name(),
        second.kind_name()
    )
}
