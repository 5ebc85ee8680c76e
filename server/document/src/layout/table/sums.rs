//! What is added up in the columns of a table: exact, and of the amounts as they are printed.

use std::cmp::Ordering;

use engine::{
    expression::{add, divide, order},
    node::Warning,
    value::Value,
};

use super::{Cell, Layouter, Section, Sums};
use crate::{
    context::{DocumentError, How},
    layout::format::{Amounts, printed, write},
    template::{Aggregate, Column, FormatKind, Table},
    text::Span,
};

/// Decimals of an average where the template gives none, unless its numbers have more.
const AVERAGE_DECIMALS: u32 = 2;

impl Layouter<'_> {
    /// The row of totals of the whole table; none of a table without rows.
    pub(super) fn total(
        &mut self,
        table: &Table,
        sections: &[Section],
        mark: u32,
    ) -> Result<Option<Sums>, DocumentError> {
        match &table.total_label {
            Some(label) if !sections.is_empty() => {
                let label = self.spans(label, mark)?;
                let rows = sections.iter().flat_map(|section| &section.rows);
                Ok(Some(self.sums(table, label, rows, mark)?))
            }
            Some(_) | None => Ok(None),
        }
    }

    pub(super) fn sums<'r>(
        &mut self,
        table: &Table,
        label: Vec<Span>,
        rows: impl IntoIterator<Item = &'r Vec<Cell>>,
        mark: u32,
    ) -> Result<Sums, DocumentError> {
        let mut values: Vec<Vec<&Value>> = vec![Vec::new(); table.columns.len()];
        for row in rows {
            for (column, cell) in values.iter_mut().zip(row) {
                if cell.value != Value::Empty {
                    column.push(&cell.value);
                }
            }
        }
        let mut cells = Vec::with_capacity(table.columns.len());
        for (column, values) in table.columns.iter().zip(values) {
            self.count_block()?;
            cells.push(match column.total {
                Some(aggregate) => {
                    let mut spans = self.sum(column, aggregate, &values, mark)?;
                    let (list, how) = (&table.rows, how(aggregate));
                    let origin = self.scope.column_origin(list, &[&column.value], how);
                    for span in &mut spans {
                        span.origin = Some(origin.clone());
                    }
                    spans
                }
                None => Vec::new(),
            });
        }
        Ok(Sums { label, cells })
    }

    fn sum(
        &mut self,
        column: &Column,
        aggregate: Aggregate,
        values: &[&Value],
        mark: u32,
    ) -> Result<Vec<Span>, DocumentError> {
        let kind = kind_of(column, aggregate, values);
        let formats = self.formats_of(column.format.as_ref());
        let text = match over(aggregate, values) {
            Some(Value::Empty) => Some(String::new()),
            Some(value) => {
                // The sum of printed amounts has no more decimals than they have; an average has no end, and a text is not rounded.
                let amounts = match (aggregate, &kind) {
                    (Aggregate::Average, _) | (_, FormatKind::Text) => Amounts::Payable,
                    (
                        Aggregate::Count | Aggregate::Sum | Aggregate::Minimum | Aggregate::Maximum,
                        _,
                    ) => Amounts::InFull,
                };
                let value = printed(value, &kind, &formats, amounts);
                write(&value, &kind, &formats, amounts)
            }
            None => None,
        };
        if let Some(text) = text {
            return Ok(vec![Span::plain(text)]);
        }
        let name = self.plain(&column.heading, mark)?;
        let message = format!(
            "the values of the column `{name}` are not all numbers, or not in one currency, so nothing is printed below them"
        );
        self.notice(
            Warning::new("total_failed", message).with("column", name),
            mark,
        );
        Ok(Vec::new())
    }
}

fn how(aggregate: Aggregate) -> How {
    match aggregate {
        Aggregate::Sum => How::Sum,
        Aggregate::Average => How::Average,
        Aggregate::Count => How::Count,
        Aggregate::Minimum => How::Minimum,
        Aggregate::Maximum => How::Maximum,
    }
}

/// How what is added up is written: as its column, but a count is a whole number, and an average has an end.
fn kind_of(column: &Column, aggregate: Aggregate, values: &[&Value]) -> FormatKind {
    let own = column
        .format
        .as_ref()
        .map_or(FormatKind::Text, |format| format.kind.clone());
    match aggregate {
        Aggregate::Count => FormatKind::Number { decimals: None },
        Aggregate::Average => {
            let scales = values.iter().map(|value| match value {
                Value::Decimal(number) => number.scale(),
                Value::Money(money) => money.amount.scale(),
                _ => 0,
            });
            let decimals = Some(scales.fold(AVERAGE_DECIMALS, u32::max));
            match own {
                FormatKind::Number { decimals: None } => FormatKind::Number { decimals },
                FormatKind::Percent { decimals: None } => FormatKind::Percent { decimals },
                other => other,
            }
        }
        Aggregate::Sum | Aggregate::Minimum | Aggregate::Maximum => own,
    }
}

/// `None` where the values do not go together; `Value::Empty` where nothing has no such result.
fn over(aggregate: Aggregate, values: &[&Value]) -> Option<Value> {
    let count = Value::Integer(i64::try_from(values.len()).unwrap_or(i64::MAX));
    match aggregate {
        Aggregate::Count => Some(count),
        Aggregate::Sum => sum(values),
        Aggregate::Average if values.is_empty() => Some(Value::Empty),
        Aggregate::Average => divide(&sum(values)?, &count).ok(),
        Aggregate::Minimum => extreme(values, Ordering::Less),
        Aggregate::Maximum => extreme(values, Ordering::Greater),
    }
}

/// Of nothing it is 0.
fn sum(values: &[&Value]) -> Option<Value> {
    let is_number = |value: &Value| {
        matches!(
            value,
            Value::Integer(_) | Value::Decimal(_) | Value::Money(_)
        )
    };
    let mut total: Option<Value> = None;
    for &value in values {
        if !is_number(value) {
            return None;
        }
        total = Some(match total {
            Some(total) => add(&total, value).ok()?,
            None => value.clone(),
        });
    }
    Some(total.unwrap_or(Value::Integer(0)))
}

fn extreme(values: &[&Value], wanted: Ordering) -> Option<Value> {
    let mut best: Option<&Value> = None;
    for &value in values {
        let better = match best {
            Some(best) => order(value, best).ok()? == wanted,
            None => true,
        };
        if better {
            best = Some(value);
        }
    }
    Some(best.cloned().unwrap_or(Value::Empty))
}

#[cfg(test)]
mod tests {
    use engine::value::Money;

    use super::*;

    fn euros(amount: &str) -> Value {
        money(amount, "EUR")
    }

    fn money(amount: &str, currency: &str) -> Value {
        Value::Money(Money {
            amount: amount.parse().expect("a number"),
            currency: currency.into(),
        })
    }

    #[track_caller]
    fn check(aggregate: Aggregate, values: &[Value], expected: Option<&Value>) {
        let values: Vec<&Value> = values.iter().collect();
        assert_eq!(over(aggregate, &values).as_ref(), expected);
    }

    #[test]
    fn adds_up_exactly() {
        let values = [euros("0.10"), euros("0.20"), euros("0.60")];
        check(Aggregate::Sum, &values, Some(&euros("0.90")));
        check(Aggregate::Average, &values, Some(&euros("0.3")));
        check(Aggregate::Minimum, &values, Some(&euros("0.10")));
        check(Aggregate::Maximum, &values, Some(&euros("0.60")));
        check(Aggregate::Count, &values, Some(&Value::Integer(3)));
    }

    #[test]
    fn nothing_has_a_sum_and_a_count() {
        check(Aggregate::Sum, &[], Some(&Value::Integer(0)));
        check(Aggregate::Count, &[], Some(&Value::Integer(0)));
        for aggregate in [Aggregate::Average, Aggregate::Minimum, Aggregate::Maximum] {
            check(aggregate, &[], Some(&Value::Empty));
        }
    }

    #[test]
    fn what_does_not_go_together_has_no_total() {
        let mixed = [euros("1"), money("1", "USD")];
        let texts = [euros("1"), Value::Text("1".into())];
        for values in [mixed, texts] {
            for aggregate in [Aggregate::Sum, Aggregate::Average, Aggregate::Maximum] {
                check(aggregate, &values, None);
            }
            check(Aggregate::Count, &values, Some(&Value::Integer(2)));
        }
        check(Aggregate::Sum, &[Value::Text("1".into())], None);
    }
}
