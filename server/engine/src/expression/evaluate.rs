//! Evaluates a lowered template over given values with bounded work: every step, copied entry and written letter costs fuel.

use std::borrow::Cow;

use super::{
    ExpressionError, filters,
    operators::{self, is_true},
    syntax::{Arguments, Comparison, Expression, ExpressionKind, Operator, Program, Statement},
};
use crate::{
    format::Formats,
    value::{Record, Value},
};

/// Steps, entries and letters (16 to the unit) of one evaluation.
const FUEL: u64 = 400_000;
/// Longest text one evaluation may make, in bytes.
const MAX_OUTPUT: usize = 2 * 1024 * 1024;

type Result<T> = std::result::Result<T, Fault>;

/// Why an expression has no value.
pub(super) enum Fault {
    /// The path does not exist; `default` and `is defined` catch this.
    Missing(String),
    Error(ExpressionError),
}

impl From<ExpressionError> for Fault {
    fn from(error: ExpressionError) -> Self {
        Self::Error(error)
    }
}

impl Fault {
    fn error(self) -> ExpressionError {
        match self {
            Self::Missing(path) => ExpressionError::Unknown { path },
            Self::Error(error) => error,
        }
    }
}

/// The value of a template.
pub(super) fn value(
    program: &Program,
    values: &Record,
    formats: &Formats,
) -> std::result::Result<Value, ExpressionError> {
    let mut machine = Machine::new(program, values, formats);
    match program.single() {
        Some(expression) => machine
            .evaluate(expression)
            .map(Cow::into_owned)
            .map_err(Fault::error),
        None => machine.run().map(Value::Text),
    }
}

/// The text of a template.
pub(super) fn text(
    program: &Program,
    values: &Record,
    formats: &Formats,
) -> std::result::Result<String, ExpressionError> {
    Machine::new(program, values, formats).run()
}

pub(super) struct Machine<'a> {
    program: &'a Program,
    values: &'a Record,
    pub(super) formats: &'a Formats,
    /// Names made by `for`, `set` and `with`, innermost last.
    locals: Vec<(&'a str, Cow<'a, Value>)>,
    out: String,
    fuel: u64,
}

impl<'a> Machine<'a> {
    fn new(program: &'a Program, values: &'a Record, formats: &'a Formats) -> Self {
        Self {
            program,
            values,
            formats,
            locals: Vec::new(),
            out: String::new(),
            fuel: FUEL,
        }
    }

    fn run(mut self) -> std::result::Result<String, ExpressionError> {
        self.statements(&self.program.body).map_err(Fault::error)?;
        Ok(self.out)
    }

    /// Takes fuel; an empty tank ends the evaluation.
    pub(super) fn spend(&mut self, units: u64) -> Result<()> {
        match self.fuel.checked_sub(units) {
            Some(rest) => {
                self.fuel = rest;
                Ok(())
            }
            None => Err(ExpressionError::Fuel.into()),
        }
    }

    /// Takes fuel for a text that has been, or will be, made.
    pub(super) fn spend_text(&mut self, bytes: usize) -> Result<()> {
        self.spend(1 + bytes as u64 / 16)
    }

    fn statements(&mut self, statements: &'a [Statement]) -> Result<()> {
        for statement in statements {
            self.statement(statement)?;
        }
        Ok(())
    }

    fn scoped(&mut self, statements: &'a [Statement]) -> Result<()> {
        let depth = self.locals.len();
        let result = self.statements(statements);
        self.locals.truncate(depth);
        result
    }

    fn statement(&mut self, statement: &'a Statement) -> Result<()> {
        self.spend(1)?;
        match statement {
            Statement::Text(text) => self.write(text),
            Statement::Emit(expression) => {
                let value = self.evaluate(expression)?;
                self.emit(&value, expression)
            }
            Statement::If { test, yes, no } => {
                let value = self.condition(test)?;
                // Names set inside stay visible after an `if`, as in Jinja.
                self.statements(if value { yes } else { no })
            }
            Statement::For {
                names,
                items,
                filter,
                body,
                otherwise,
            } => self.each(names, items, filter.as_ref(), body, otherwise),
            Statement::Set { names, value } => {
                let found = self.evaluate(value)?;
                self.bind(names, found, value)
            }
            Statement::Capture { name, body } => {
                let before = std::mem::take(&mut self.out);
                let result = self.scoped(body);
                let text = std::mem::replace(&mut self.out, before);
                result?;
                self.set(name, Cow::Owned(Value::Text(text)));
                Ok(())
            }
            Statement::With { values, body } => {
                let depth = self.locals.len();
                for (name, value) in values {
                    let value = self.evaluate(value)?;
                    self.locals.push((name, value));
                }
                let result = self.statements(body);
                self.locals.truncate(depth);
                result
            }
        }
    }

    fn each(
        &mut self,
        names: &'a [String],
        items: &'a Expression,
        filter: Option<&'a Expression>,
        body: &'a [Statement],
        otherwise: &'a [Statement],
    ) -> Result<()> {
        let list = self.evaluate(items)?;
        let entries = self.entries(list, items)?;
        let depth = self.locals.len();
        let mut kept = Vec::new();
        for entry in entries {
            self.spend(1)?;
            if let Some(filter) = filter {
                self.bind(names, entry.clone(), items)?;
                let keep = self.condition(filter);
                self.locals.truncate(depth);
                if !keep? {
                    continue;
                }
            }
            kept.push(entry);
        }
        if kept.is_empty() {
            return self.scoped(otherwise);
        }
        let length = kept.len();
        for (index, entry) in kept.into_iter().enumerate() {
            self.spend(8)?;
            self.locals
                .push(("loop", Cow::Owned(loop_record(index, length))));
            let result = self
                .bind(names, entry, items)
                .and_then(|()| self.statements(body));
            self.locals.truncate(depth);
            result?;
        }
        Ok(())
    }

    /// What a loop goes over: a list's entries, a record's names; nothing for an empty value.
    fn entries(&mut self, list: Cow<'a, Value>, place: &Expression) -> Result<Vec<Cow<'a, Value>>> {
        match list {
            Cow::Borrowed(Value::List(items)) => Ok(items.iter().map(Cow::Borrowed).collect()),
            Cow::Owned(Value::List(items)) => Ok(items.into_iter().map(Cow::Owned).collect()),
            Cow::Borrowed(Value::Record(record)) => Ok(record
                .keys()
                .map(|name| Cow::Owned(Value::Text(name.clone())))
                .collect()),
            Cow::Owned(Value::Record(record)) => Ok(record
                .into_keys()
                .map(|name| Cow::Owned(Value::Text(name)))
                .collect()),
            other if *other == Value::Empty => Err(self.empty(place).into()),
            other => Err(Self::fault(format!(
                "{} is {}, not a list",
                self.program.text_of(&place.span),
                other.kind_name()
            ))),
        }
    }

    fn bind(
        &mut self,
        names: &'a [String],
        value: Cow<'a, Value>,
        place: &Expression,
    ) -> Result<()> {
        if let [name] = names {
            self.set(name, value);
            return Ok(());
        }
        let Value::List(parts) = value.into_owned() else {
            return Err(Self::fault(
                "several names need a list of as many values".into(),
            ));
        };
        if parts.len() != names.len() {
            return Err(Self::fault(format!(
                "{} has {} parts for {} names",
                self.program.text_of(&place.span),
                parts.len(),
                names.len()
            )));
        }
        for (name, part) in names.iter().zip(parts) {
            self.set(name, Cow::Owned(part));
        }
        Ok(())
    }

    fn set(&mut self, name: &'a str, value: Cow<'a, Value>) {
        self.locals.push((name, value));
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.spend_text(text.len())?;
        if self.out.len() + text.len() > MAX_OUTPUT {
            return Err(ExpressionError::Fuel.into());
        }
        self.out.push_str(text);
        Ok(())
    }

    fn emit(&mut self, value: &Value, place: &Expression) -> Result<()> {
        if let Value::Text(text) = value {
            return self.write(text);
        }
        if *value == Value::Empty {
            return Err(self.empty(place).into());
        }
        self.spend(size(value))?;
        let text = self.written(value, place).ok_or_else(|| {
            Self::fault(format!(
                "{} is {}: choose one of its values",
                self.program.text_of(&place.span),
                value.kind_name()
            ))
        })?;
        self.write(&text)
    }

    /// What is computed is shown as it can be paid; what was given, such as a unit price, with all its decimals.
    fn written(&self, value: &Value, place: &Expression) -> Option<String> {
        if self.is_given(place) {
            self.formats.text_in_full(value)
        } else {
            self.formats.text(value)
        }
    }

    /// Whether the expression shows a value and computes none. A local name may stand for something that was computed.
    fn is_given(&self, expression: &Expression) -> bool {
        match &expression.kind {
            ExpressionKind::Name(name) => {
                let local = self
                    .locals
                    .iter()
                    .rev()
                    .find(|(local, _)| *local == name.as_str());
                !matches!(local, Some((_, Cow::Owned(_))))
            }
            ExpressionKind::Field(..) | ExpressionKind::Item(..) | ExpressionKind::Literal(_) => {
                true
            }
            ExpressionKind::Filter {
                name,
                input,
                arguments,
            } if name == "default" || name == "d" => {
                let mut either = arguments.positional.iter().chain([&**input]);
                either.all(|one| self.is_given(one))
            }
            _ => false,
        }
    }

    /// A condition; a path that does not exist counts as no only behind `is defined` and `default`.
    fn condition(&mut self, test: &'a Expression) -> Result<bool> {
        Ok(is_true(&*self.evaluate(test)?))
    }

    pub(super) fn evaluate(&mut self, expression: &'a Expression) -> Result<Cow<'a, Value>> {
        self.spend(1)?;
        match &expression.kind {
            ExpressionKind::Literal(value) => Ok(Cow::Borrowed(value)),
            ExpressionKind::Name(name) => self.name(name),
            ExpressionKind::Field(of, name) => {
                let value = self.evaluate(of)?;
                self.field(value, name, expression)
            }
            ExpressionKind::Item(of, index) => self.item(of, index, expression),
            ExpressionKind::Slice { of, start, stop } => {
                let start = start.as_deref();
                let stop = stop.as_deref();
                self.slice(of, start, stop)
            }
            ExpressionKind::Not(value) => Ok(yes(!self.condition(value)?)),
            ExpressionKind::Negate(value) => {
                let operand = self.filled(value)?;
                let result = operators::negate(&operand);
                result.map(Cow::Owned).map_err(Self::fault)
            }
            ExpressionKind::Binary(operator, left, right) => self.binary(*operator, left, right),
            ExpressionKind::And(left, right) => {
                let value = self.evaluate(left)?;
                if is_true(&value) {
                    self.evaluate(right)
                } else {
                    Ok(value)
                }
            }
            ExpressionKind::Or(left, right) => {
                let value = self.evaluate(left)?;
                if is_true(&value) {
                    Ok(value)
                } else {
                    self.evaluate(right)
                }
            }
            ExpressionKind::Compare(first, rest) => self.compare(first, rest),
            ExpressionKind::If { test, yes, no } => {
                if self.condition(test)? {
                    self.evaluate(yes)
                } else if let Some(no) = no {
                    self.evaluate(no)
                } else {
                    Ok(Cow::Owned(Value::Empty))
                }
            }
            ExpressionKind::Filter {
                name,
                input,
                arguments,
            } => self.filter(name, input, arguments, expression),
            ExpressionKind::Test {
                name,
                input,
                arguments,
            } => self.test(name, input, arguments),
            ExpressionKind::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for item in items {
                    list.push(self.owned(item)?);
                }
                Ok(Cow::Owned(Value::List(list)))
            }
            ExpressionKind::Record(entries) => {
                let mut record = Record::with_capacity(entries.len());
                for (name, value) in entries {
                    let Value::Text(name) = self.owned(name)? else {
                        return Err(Self::fault("the names of a record are texts".into()));
                    };
                    record.insert(name, self.owned(value)?);
                }
                Ok(Cow::Owned(Value::Record(record)))
            }
        }
    }

    fn owned(&mut self, expression: &'a Expression) -> Result<Value> {
        let value = self.evaluate(expression)?;
        self.spend(size(&value))?;
        Ok(value.into_owned())
    }

    fn name(&mut self, name: &str) -> Result<Cow<'a, Value>> {
        if let Some((_, value)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            let value = value.clone();
            if let Cow::Owned(value) = &value {
                let cost = size(value);
                self.spend(cost)?;
            }
            return Ok(value);
        }
        self.values
            .get(name)
            .map(Cow::Borrowed)
            .ok_or_else(|| Fault::Missing(name.to_owned()))
    }

    fn field(
        &mut self,
        value: Cow<'a, Value>,
        name: &str,
        place: &Expression,
    ) -> Result<Cow<'a, Value>> {
        let found = match value {
            Cow::Borrowed(value) => field_of(value, name).map(|found| match found {
                Found::Stored(value) => Cow::Borrowed(value),
                Found::Made(value) => Cow::Owned(value),
            }),
            Cow::Owned(Value::Record(mut record)) => record.swap_remove(name).map(Cow::Owned),
            Cow::Owned(value) => field_of(&value, name).map(|found| match found {
                Found::Stored(value) => Cow::Owned(value.clone()),
                Found::Made(value) => Cow::Owned(value),
            }),
        };
        found.ok_or_else(|| Fault::Missing(self.program.text_of(&place.span).to_owned()))
    }

    fn item(
        &mut self,
        of: &'a Expression,
        index: &'a Expression,
        place: &Expression,
    ) -> Result<Cow<'a, Value>> {
        let value = self.evaluate(of)?;
        let index = self.evaluate(index)?;
        match &*index {
            Value::Text(name) => self.field(value, name, place),
            Value::Integer(index) => {
                let Value::List(items) = &*value else {
                    return Err(self.missing(place));
                };
                let position = if *index < 0 {
                    usize::try_from(index.unsigned_abs())
                        .ok()
                        .and_then(|back| items.len().checked_sub(back))
                } else {
                    usize::try_from(*index).ok()
                };
                let Some(position) = position.filter(|position| *position < items.len()) else {
                    return Err(self.missing(place));
                };
                match value {
                    Cow::Borrowed(Value::List(items)) => Ok(Cow::Borrowed(&items[position])),
                    Cow::Owned(Value::List(mut items)) => {
                        Ok(Cow::Owned(items.swap_remove(position)))
                    }
                    Cow::Borrowed(_) | Cow::Owned(_) => Err(self.missing(place)),
                }
            }
            other => Err(Self::fault(format!(
                "{} cannot choose an entry",
                other.kind_name()
            ))),
        }
    }

    fn slice(
        &mut self,
        of: &'a Expression,
        start: Option<&'a Expression>,
        stop: Option<&'a Expression>,
    ) -> Result<Cow<'a, Value>> {
        let value = self.owned(of)?;
        let mut bound = |bound: Option<&'a Expression>, length: usize, otherwise: usize| {
            let Some(expression) = bound else {
                return Ok(otherwise);
            };
            match &*self.evaluate(expression)? {
                Value::Integer(index) if *index < 0 => Ok(usize::try_from(index.unsigned_abs())
                    .map_or(0, |back| length.saturating_sub(back))),
                Value::Integer(index) => Ok(usize::try_from(*index).unwrap_or(length).min(length)),
                _ => Err(Fault::Error(ExpressionError::Evaluation {
                    message: "the ends of a slice are whole numbers".into(),
                })),
            }
        };
        Ok(Cow::Owned(match value {
            Value::List(items) => {
                let (from, to) = (
                    bound(start, items.len(), 0)?,
                    bound(stop, items.len(), items.len())?,
                );
                Value::List(items.into_iter().take(to).skip(from).collect())
            }
            Value::Text(text) => {
                let length = text.chars().count();
                let (from, to) = (bound(start, length, 0)?, bound(stop, length, length)?);
                Value::Text(text.chars().take(to).skip(from).collect())
            }
            other => {
                return Err(Self::fault(format!(
                    "{} cannot be sliced",
                    other.kind_name()
                )));
            }
        }))
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &'a Expression,
        right: &'a Expression,
    ) -> Result<Cow<'a, Value>> {
        let a = self.filled(left)?;
        let b = self.filled(right)?;
        if operator == Operator::Join {
            let text = format!("{}{}", self.text(&a, left)?, self.text(&b, right)?);
            self.spend_text(text.len())?;
            return Ok(Cow::Owned(Value::Text(text)));
        }
        if let (Value::Text(_) | Value::List(_), Value::Text(_) | Value::List(_)) = (&*a, &*b) {
            self.spend(size(&a) + size(&b))?;
        }
        let result = operators::apply(operator, &a, &b);
        result.map(Cow::Owned).map_err(Self::fault)
    }

    fn compare(
        &mut self,
        first: &'a Expression,
        rest: &'a [(Comparison, Expression)],
    ) -> Result<Cow<'a, Value>> {
        let mut left = self.evaluate(first)?;
        let mut place = first;
        for (comparison, next) in rest {
            let right = self.evaluate(next)?;
            if !self.compare_two(&left, place, *comparison, &right, next)? {
                return Ok(yes(false));
            }
            left = right;
            place = next;
        }
        Ok(yes(true))
    }

    fn compare_two(
        &mut self,
        left: &Value,
        left_place: &Expression,
        comparison: Comparison,
        right: &Value,
        right_place: &Expression,
    ) -> Result<bool> {
        let order = |machine: &Self| {
            for (value, place) in [(left, left_place), (right, right_place)] {
                if *value == Value::Empty {
                    return Err(Fault::from(machine.empty(place)));
                }
            }
            operators::order(left, right).map_err(Self::fault)
        };
        Ok(match comparison {
            Comparison::Equal | Comparison::NotEqual => {
                self.spend(size(left))?;
                let same = operators::equal(left, right).map_err(Self::fault)?;
                same == (comparison == Comparison::Equal)
            }
            Comparison::Less => order(self)?.is_lt(),
            Comparison::AtMost => order(self)?.is_le(),
            Comparison::Greater => order(self)?.is_gt(),
            Comparison::AtLeast => order(self)?.is_ge(),
            Comparison::In | Comparison::NotIn => {
                self.spend(size(right))?;
                let inside = Self::contains(right, left)?;
                inside == (comparison == Comparison::In)
            }
        })
    }

    fn contains(whole: &Value, part: &Value) -> Result<bool> {
        match (whole, part) {
            (Value::Empty, _) => Ok(false),
            (Value::List(items), part) => {
                for item in items {
                    if operators::equal(item, part).unwrap_or(false) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Value::Text(text), Value::Text(part)) => Ok(text.contains(part.as_str())),
            (Value::Record(record), Value::Text(name)) => Ok(record.contains_key(name)),
            (whole, part) => Err(Self::fault(format!(
                "{} cannot contain {}",
                whole.kind_name(),
                part.kind_name()
            ))),
        }
    }

    fn filter(
        &mut self,
        name: &str,
        input: &'a Expression,
        arguments: &'a Arguments,
        place: &'a Expression,
    ) -> Result<Cow<'a, Value>> {
        if name == "default" || name == "d" {
            let value = self.caught(input)?;
            if !value.is_blank() || matches!(&*value, Value::List(_) | Value::Record(_)) {
                return Ok(value);
            }
            return match arguments.positional.first() {
                Some(default) => self.evaluate(default),
                None => Ok(Cow::Owned(Value::Text(String::new()))),
            };
        }
        let value = if filters::TAKES_EMPTY.contains(&name) {
            self.evaluate(input)?
        } else {
            self.filled(input)?
        };
        let mut given = filters::Given {
            in_full: self.is_given(input),
            ..filters::Given::default()
        };
        for argument in &arguments.positional {
            given.positional.push(self.owned(argument)?);
        }
        for (name, argument) in &arguments.named {
            given.named.push((name.clone(), self.owned(argument)?));
        }
        self.spend(size(&value))?;
        filters::apply(self, name, value, &given)
            .map(Cow::Owned)
            .map_err(|fault| match fault {
                filters::Refusal::Fault(fault) => fault,
                filters::Refusal::Message(message) => {
                    Self::fault(format!("{}: {message}", self.program.text_of(&place.span)))
                }
            })
    }

    fn test(
        &mut self,
        name: &str,
        input: &'a Expression,
        arguments: &'a Arguments,
    ) -> Result<Cow<'a, Value>> {
        let value = if ["defined", "undefined", "empty", "blank", "none", "filled"].contains(&name)
        {
            self.caught(input)?
        } else {
            self.evaluate(input)?
        };
        let mut given = Vec::new();
        for argument in &arguments.positional {
            given.push(self.owned(argument)?);
        }
        let result = filters::test(name, &value, &given);
        result.map(yes).map_err(Self::fault)
    }

    /// The value, or empty where its path does not exist.
    fn caught(&mut self, expression: &'a Expression) -> Result<Cow<'a, Value>> {
        match self.evaluate(expression) {
            Err(Fault::Missing(_) | Fault::Error(ExpressionError::Empty { .. })) => {
                Ok(Cow::Owned(Value::Empty))
            }
            other => other,
        }
    }

    /// The value, which must not be empty.
    fn filled(&mut self, expression: &'a Expression) -> Result<Cow<'a, Value>> {
        let value = self.evaluate(expression)?;
        if *value == Value::Empty {
            return Err(self.empty(expression).into());
        }
        Ok(value)
    }

    fn text(&self, value: &Value, place: &Expression) -> Result<String> {
        self.written(value, place).ok_or_else(|| {
            Self::fault(format!(
                "{} is {}, which has no text",
                self.program.text_of(&place.span),
                value.kind_name()
            ))
        })
    }

    fn empty(&self, place: &Expression) -> ExpressionError {
        ExpressionError::Empty {
            path: self.program.text_of(&place.span).trim().to_owned(),
        }
    }

    fn missing(&self, place: &Expression) -> Fault {
        Fault::Missing(self.program.text_of(&place.span).to_owned())
    }

    pub(super) fn fault(message: String) -> Fault {
        Fault::Error(ExpressionError::Evaluation { message })
    }
}

enum Found<'a> {
    Stored(&'a Value),
    Made(Value),
}

/// A record's field, or a part of a value that people name: a file's name, an amount's currency, a date's year.
fn field_of<'a>(value: &'a Value, name: &str) -> Option<Found<'a>> {
    let made = |value: Value| Some(Found::Made(value));
    match (value, name) {
        (Value::Record(record), _) => record.get(name).map(Found::Stored),
        (Value::Money(money), "amount") => made(Value::Decimal(money.amount)),
        (Value::Money(money), "currency") => made(Value::Text(money.currency.clone())),
        (Value::File(file), "name") => made(Value::Text(file.name.clone())),
        (Value::File(file), "content_type") => made(Value::Text(file.content_type.clone())),
        (Value::Date(date), "year") => made(Value::Integer(date.year().into())),
        (Value::Date(date), "month") => made(Value::Integer(date.month().into())),
        (Value::Date(date), "day") => made(Value::Integer(date.day().into())),
        // What hangs on an empty value is empty, so that one `default` at the end is enough.
        (Value::Empty, _) => made(Value::Empty),
        _ => None,
    }
}

fn loop_record(index: usize, length: usize) -> Value {
    let number = |number: usize| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    Value::Record(Record::from_iter([
        ("index".to_owned(), number(index + 1)),
        ("index0".to_owned(), number(index)),
        ("first".to_owned(), Value::YesNo(index == 0)),
        ("last".to_owned(), Value::YesNo(index + 1 == length)),
        ("length".to_owned(), number(length)),
    ]))
}

fn yes<'a>(value: bool) -> Cow<'a, Value> {
    Cow::Owned(Value::YesNo(value))
}

/// What it costs to copy or write out a value.
pub(super) fn size(value: &Value) -> u64 {
    match value {
        Value::Text(text) => 1 + text.len() as u64 / 16,
        Value::List(items) => items.iter().fold(1, |sum, item| sum + size(item)),
        Value::Record(record) => record.values().fold(1, |sum, value| sum + size(value)),
        Value::Empty
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Money(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Instant(_)
        | Value::YesNo(_)
        | Value::File(_) => 1,
    }
}
