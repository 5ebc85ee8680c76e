//! What an expression reads and what kind it gives, known before any run: unknown names, values that may be empty without a default, and
//! kinds that do not fit.

use std::ops::Range;

use serde_json::json;

use super::{
    ExpressionError, Reference,
    syntax::{Arguments, Comparison, Expression, ExpressionKind, Operator, Program, Statement},
};
use crate::{
    check::{Problem, close_match},
    kind::{Field, Kind},
    value::Value,
};

/// A kind, and whether the value may be empty.
#[derive(Clone, Debug)]
struct Guess {
    kind: Kind,
    optional: bool,
}

impl Guess {
    fn of(kind: Kind) -> Self {
        Self {
            kind,
            optional: false,
        }
    }
    fn any() -> Self {
        Self::of(Kind::Any)
    }
}

/// Paths in order of appearance.
pub(super) fn references(program: &Program) -> Vec<Reference> {
    let scope = Kind::Any;
    let mut walker = Walker::new(program, &scope);
    walker.statements(&program.body);
    walker.references
}

pub(super) fn infer(program: &Program, scope: &Kind, may_be_empty: bool) -> (Kind, Vec<Problem>) {
    let mut walker = Walker::new(program, scope);
    let kind = if let Some(expression) = program.single() {
        let guess = walker.expression(expression);
        if !may_be_empty {
            walker.demand(&guess, expression);
        }
        guess.kind
    } else {
        walker.statements(&program.body);
        Kind::text()
    };
    (kind, walker.problems)
}

/// A problem for an error of syntax or evaluation.
pub(super) fn problem_of(error: &ExpressionError) -> Problem {
    let span = match error {
        ExpressionError::Syntax { span, .. } => Some([span.start, span.end]),
        _ => None,
    };
    Problem::error(
        error.code(),
        json!({"reason": error.to_string(), "span": span}),
        format!("The expression cannot be read: {error}."),
    )
}

struct Walker<'a> {
    program: &'a Program,
    scope: &'a Kind,
    locals: Vec<(&'a str, Guess)>,
    /// Paths known to be filled in, because a condition around has said so.
    narrowed: Vec<Vec<String>>,
    /// Inside the input of `default` or of `is empty`.
    guarded: usize,
    references: Vec<Reference>,
    problems: Vec<Problem>,
}

impl<'a> Walker<'a> {
    fn new(program: &'a Program, scope: &'a Kind) -> Self {
        Self {
            program,
            scope,
            locals: Vec::new(),
            narrowed: Vec::new(),
            guarded: 0,
            references: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn statements(&mut self, statements: &'a [Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a Statement) {
        match statement {
            Statement::Text(_) => {}
            Statement::Emit(expression) => {
                let guess = self.expression(expression);
                self.demand(&guess, expression);
                if let Kind::Record { .. } = guess.kind {
                    self.report(
                        "expression_no_text",
                        &expression.span,
                        "is a record: choose one of its values",
                    );
                }
            }
            Statement::If { test, yes, no } => {
                let depth = self.narrowed.len();
                self.guarded += 1;
                self.expression(test);
                self.guarded -= 1;
                self.narrow(test);
                self.statements(yes);
                self.narrowed.truncate(depth);
                self.statements(no);
            }
            Statement::For {
                names,
                items,
                filter,
                body,
                otherwise,
            } => {
                let list = self.expression(items);
                self.demand(&list, items);
                let depth = self.locals.len();
                let item = match list.kind {
                    Kind::List { item, .. } => Guess::of(*item),
                    Kind::Record { .. } => Guess::of(Kind::text()),
                    Kind::Any => Guess::any(),
                    _ => {
                        self.report("expression_wrong_kind", &items.span, "is not a list");
                        Guess::any()
                    }
                };
                self.bind(names, item);
                self.locals.push(("loop", Guess::any()));
                if let Some(filter) = filter {
                    self.guarded += 1;
                    self.expression(filter);
                    self.guarded -= 1;
                }
                self.statements(body);
                self.locals.truncate(depth);
                self.statements(otherwise);
            }
            Statement::Set { names, value } => {
                let guess = self.expression(value);
                self.bind(names, guess);
            }
            Statement::Capture { name, body } => {
                self.statements(body);
                self.locals.push((name, Guess::of(Kind::text())));
            }
            Statement::With { values, body } => {
                let depth = self.locals.len();
                for (name, value) in values {
                    let guess = self.expression(value);
                    self.locals.push((name, guess));
                }
                self.statements(body);
                self.locals.truncate(depth);
            }
        }
    }

    fn bind(&mut self, names: &'a [String], guess: Guess) {
        match names {
            [name] => self.locals.push((name, guess)),
            several => {
                for name in several {
                    self.locals.push((name, Guess::any()));
                }
            }
        }
    }

    /// What holds where a condition is true: the paths it names are filled in.
    fn narrow(&mut self, test: &Expression) {
        match &test.kind {
            ExpressionKind::Name(_) | ExpressionKind::Field(..) => {
                self.narrowed.extend(path_of(test));
            }
            ExpressionKind::And(left, right) => {
                self.narrow(left);
                self.narrow(right);
            }
            ExpressionKind::Test { name, input, .. }
                if ["defined", "filled"].contains(&name.as_str()) =>
            {
                self.narrowed.extend(path_of(input));
            }
            ExpressionKind::Not(inner) => {
                if let ExpressionKind::Test { name, input, .. } = &inner.kind
                    && ["undefined", "empty", "blank", "none"].contains(&name.as_str())
                {
                    self.narrowed.extend(path_of(input));
                }
            }
            ExpressionKind::Compare(first, rest) => {
                if let [(Comparison::NotEqual, other)] = rest.as_slice()
                    && matches!(&other.kind, ExpressionKind::Literal(value) if value.is_blank())
                {
                    self.narrowed.extend(path_of(first));
                }
            }
            _ => {}
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of expression")]
    fn expression(&mut self, expression: &'a Expression) -> Guess {
        match &expression.kind {
            ExpressionKind::Literal(value) => Guess::of(kind_of(value)),
            ExpressionKind::Name(_) | ExpressionKind::Field(..) => self.path(expression),
            ExpressionKind::Item(of, index) => {
                let list = self.expression(of);
                self.expression(index);
                match list.kind {
                    Kind::List { item, .. } => Guess::of(*item),
                    _ => Guess::any(),
                }
            }
            ExpressionKind::Slice { of, start, stop } => {
                let guess = self.expression(of);
                for bound in [start, stop].into_iter().flatten() {
                    self.expression(bound);
                }
                guess
            }
            ExpressionKind::Not(value) => {
                self.guarded += 1;
                self.expression(value);
                self.guarded -= 1;
                Guess::of(Kind::YesNo)
            }
            ExpressionKind::Negate(value) => {
                let guess = self.expression(value);
                self.demand(&guess, value);
                guess
            }
            ExpressionKind::Binary(operator, left, right) => {
                let a = self.operand(left);
                let b = self.operand(right);
                self.result_of(*operator, &a, &b, &expression.span)
            }
            ExpressionKind::And(left, right) => {
                let depth = self.narrowed.len();
                self.guarded += 1;
                self.expression(left);
                self.guarded -= 1;
                self.narrow(left);
                let guess = self.expression(right);
                self.narrowed.truncate(depth);
                guess
            }
            ExpressionKind::Or(left, right) => {
                self.guarded += 1;
                let first = self.expression(left);
                self.guarded -= 1;
                let second = self.expression(right);
                either(first, second)
            }
            ExpressionKind::Compare(first, rest) => {
                let mut left = self.expression(first);
                let mut place: &Expression = first;
                for (comparison, next) in rest {
                    let right = self.expression(next);
                    if !matches!(
                        comparison,
                        Comparison::Equal
                            | Comparison::NotEqual
                            | Comparison::In
                            | Comparison::NotIn
                    ) {
                        self.demand(&left, place);
                        self.demand(&right, next);
                        if !comparable(&left.kind, &right.kind) {
                            self.report(
                                "expression_wrong_kind",
                                &expression.span,
                                &format!(
                                    "compares {} with {}",
                                    left.kind.noun(),
                                    right.kind.noun()
                                ),
                            );
                        }
                    }
                    left = right;
                    place = next;
                }
                Guess::of(Kind::YesNo)
            }
            ExpressionKind::If { test, yes, no } => {
                let depth = self.narrowed.len();
                self.guarded += 1;
                self.expression(test);
                self.guarded -= 1;
                self.narrow(test);
                let first = self.expression(yes);
                self.narrowed.truncate(depth);
                match no {
                    Some(no) => {
                        let second = self.expression(no);
                        Guess {
                            optional: first.optional || second.optional,
                            ..either(first, second)
                        }
                    }
                    None => Guess {
                        optional: true,
                        ..first
                    },
                }
            }
            ExpressionKind::Filter {
                name,
                input,
                arguments,
            } => self.filter(name, input, arguments),
            ExpressionKind::Test {
                input, arguments, ..
            } => {
                self.guarded += 1;
                self.expression(input);
                self.guarded -= 1;
                self.arguments(arguments);
                Guess::of(Kind::YesNo)
            }
            ExpressionKind::List(items) => {
                let mut kind: Option<Kind> = None;
                for item in items {
                    let guess = self.expression(item);
                    kind = Some(match kind {
                        None => guess.kind,
                        Some(kind) if kind == guess.kind => kind,
                        Some(_) => Kind::Any,
                    });
                }
                Guess::of(Kind::list(kind.unwrap_or(Kind::Any)))
            }
            ExpressionKind::Record(entries) => {
                let mut fields = Vec::new();
                for (name, value) in entries {
                    let guess = self.expression(value);
                    match &name.kind {
                        ExpressionKind::Literal(Value::Text(name)) => fields.push(Field {
                            name: name.clone(),
                            title: String::new(),
                            kind: guess.kind,
                            optional: guess.optional,
                        }),
                        _ => {
                            self.expression(name);
                        }
                    }
                }
                Guess::of(Kind::Record { fields })
            }
        }
    }

    fn operand(&mut self, expression: &'a Expression) -> Kind {
        let guess = self.expression(expression);
        self.demand(&guess, expression);
        guess.kind
    }

    /// A name with the fields that hang on it.
    fn path(&mut self, expression: &'a Expression) -> Guess {
        let Some(path) = path_of(expression) else {
            // A field of something computed.
            if let ExpressionKind::Field(of, name) = &expression.kind {
                let base = self.expression(of);
                return field_of(&base.kind, name).map_or_else(Guess::any, |field| Guess {
                    kind: field.kind,
                    optional: field.optional || base.optional,
                });
            }
            return Guess::any();
        };
        let Some(first) = path.first() else {
            return Guess::any();
        };
        if let Some((_, guess)) = self
            .locals
            .iter()
            .rev()
            .find(|(name, _)| name == first)
            .cloned()
        {
            return self.follow(guess, &path, expression);
        }
        self.references.push(Reference {
            path: path.clone(),
            guarded: self.guarded > 0,
            span: expression.span.clone(),
        });
        let Some(field) = field_of(self.scope, first) else {
            if !matches!(self.scope, Kind::Any) {
                let names = names_of(self.scope);
                self.unknown(&path[..1], names.iter().map(String::as_str), expression);
            }
            return Guess::any();
        };
        let guess = Guess {
            kind: field.kind,
            optional: field.optional,
        };
        self.follow(guess, &path, expression)
    }

    fn follow(&mut self, start: Guess, path: &[String], expression: &Expression) -> Guess {
        let mut guess = start;
        for (index, name) in path.iter().enumerate().skip(1) {
            match field_of(&guess.kind, name) {
                Some(field) => {
                    guess = Guess {
                        kind: field.kind,
                        optional: guess.optional || field.optional,
                    };
                }
                None if matches!(guess.kind, Kind::Any) => return Guess::any(),
                None => {
                    let names = names_of(&guess.kind);
                    self.unknown(
                        &path[..=index],
                        names.iter().map(String::as_str),
                        expression,
                    );
                    return Guess::any();
                }
            }
        }
        if self.narrowed.iter().any(|known| known == path) {
            guess.optional = false;
        }
        guess
    }

    fn unknown<'b>(
        &mut self,
        path: &[String],
        names: impl Iterator<Item = &'b str>,
        expression: &Expression,
    ) {
        let written = path.join(".");
        let last = path.last().map_or("", String::as_str);
        let close = close_match(last, names).map(|close| {
            let mut path = path.to_vec();
            if let Some(last) = path.last_mut() {
                close.clone_into(last);
            }
            path.join(".")
        });
        let hint = close.as_ref().map_or(String::new(), |close| {
            format!(" Did you mean \u{201c}{close}\u{201d}?")
        });
        self.problems.push(Problem::error(
            "unknown_reference",
            json!({
                "path": written,
                "close": close,
                "span": [expression.span.start, expression.span.end],
            }),
            format!("There is no value \u{201c}{written}\u{201d} here.{hint}"),
        ));
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of filter")]
    fn filter(&mut self, name: &str, input: &'a Expression, arguments: &'a Arguments) -> Guess {
        if name == "default" || name == "d" {
            self.guarded += 1;
            let first = self.expression(input);
            self.guarded -= 1;
            let second = match arguments.positional.first() {
                Some(default) => self.expression(default),
                None => Guess::of(Kind::text()),
            };
            return either(first, second);
        }
        let guess = self.expression(input);
        if !super::filters::TAKES_EMPTY.contains(&name) {
            self.demand(&guess, input);
        }
        self.arguments(arguments);
        let attribute = arguments
            .named
            .iter()
            .find(|(name, _)| name == "attribute")
            .map(|(_, value)| value)
            .or_else(|| arguments.positional.first())
            .and_then(|value| match &value.kind {
                ExpressionKind::Literal(Value::Text(path)) => Some(path.as_str()),
                _ => None,
            });
        let entry = match &guess.kind {
            Kind::List { item, .. } => item.as_ref().clone(),
            _ => Kind::Any,
        };
        let inside = || match attribute {
            None => Some(entry.clone()),
            Some(path) => {
                let mut kind = entry.clone();
                for name in path.split('.') {
                    if matches!(kind, Kind::Any) {
                        break;
                    }
                    match field_of(&kind, name) {
                        Some(field) => kind = field.kind,
                        None => return None,
                    }
                }
                Some(kind)
            }
        };
        match name {
            "sum" => match inside() {
                Some(kind @ (Kind::Integer | Kind::Decimal | Kind::Money | Kind::Any)) => {
                    Guess::of(kind)
                }
                Some(other) => {
                    self.report(
                        "expression_wrong_kind",
                        &input.span,
                        &format!("cannot be added up: its entries are {}", other.noun()),
                    );
                    Guess::any()
                }
                None => {
                    self.missing_attribute(attribute, &entry, input);
                    Guess::any()
                }
            },
            "map" => {
                if let Some(kind) = inside() {
                    return Guess::of(Kind::list(kind));
                }
                self.missing_attribute(attribute, &entry, input);
                Guess::any()
            }
            "first" | "last" => Guess {
                kind: entry,
                optional: true,
            },
            "max" | "min" => match &guess.kind {
                Kind::List { .. } => Guess {
                    kind: entry,
                    optional: true,
                },
                other => Guess::of(other.clone()),
            },
            "abs" | "round" | "sort" | "unique" | "reverse" | "select" | "reject"
            | "selectattr" | "rejectattr" | "add_days" | "add_months" => Guess::of(guess.kind),
            "int" | "length" | "count" => Guess::of(Kind::Integer),
            "decimal" | "float" => Guess::of(Kind::Decimal),
            "lines" | "split" => Guess::of(Kind::list(Kind::text())),
            "range" => Guess::of(Kind::list(Kind::Integer)),
            "group_by" | "groupby" => {
                let key = inside().unwrap_or(Kind::Any);
                Guess::of(Kind::list(Kind::record([
                    ("key", "", key),
                    ("items", "", Kind::list(entry)),
                ])))
            }
            "tax_lines" => Guess::of(Kind::list(Kind::record([
                ("rate", "Rate", Kind::Decimal),
                ("net", "Net", Kind::Money),
                ("tax", "Tax", Kind::Money),
            ]))),
            "list" => Guess::of(match guess.kind {
                list @ Kind::List { .. } => list,
                _ => Kind::list(Kind::Any),
            }),
            _ => Guess::of(Kind::text()),
        }
    }

    fn missing_attribute(&mut self, attribute: Option<&str>, entry: &Kind, place: &Expression) {
        let path: Vec<String> = attribute
            .unwrap_or_default()
            .split('.')
            .map(str::to_owned)
            .collect();
        let names = names_of(entry);
        self.unknown(&path, names.iter().map(String::as_str), place);
    }

    fn arguments(&mut self, arguments: &'a Arguments) {
        for argument in &arguments.positional {
            self.expression(argument);
        }
        for (_, argument) in &arguments.named {
            self.expression(argument);
        }
    }

    fn result_of(&mut self, operator: Operator, a: &Kind, b: &Kind, span: &Range<usize>) -> Guess {
        let is_number = |kind: &Kind| matches!(kind, Kind::Integer | Kind::Decimal);
        let is_text = |kind: &Kind| matches!(kind, Kind::Text { .. } | Kind::Choice { .. });
        if operator == Operator::Join {
            return Guess::of(Kind::text());
        }
        if matches!(a, Kind::Any) || matches!(b, Kind::Any) {
            return Guess::any();
        }
        let kind = match (operator, a, b) {
            (Operator::Divide, Kind::Money, Kind::Money) => Some(Kind::Decimal),
            (Operator::Divide | Operator::FloorDivide | Operator::Remainder, Kind::Money, b)
                if is_number(b) =>
            {
                Some(Kind::Money)
            }
            (Operator::Divide, a, b) if is_number(a) && is_number(b) => Some(Kind::Decimal),
            (
                Operator::Add | Operator::Subtract | Operator::Remainder,
                Kind::Money,
                Kind::Money,
            ) => Some(Kind::Money),
            (Operator::Multiply, Kind::Money, b) if is_number(b) => Some(Kind::Money),
            (Operator::Multiply, a, Kind::Money) if is_number(a) => Some(Kind::Money),
            (Operator::Add | Operator::Subtract, Kind::Date, Kind::Integer)
            | (Operator::Add, Kind::Integer, Kind::Date) => Some(Kind::Date),
            (Operator::Add, a, b) if is_text(a) && is_text(b) => Some(Kind::text()),
            (Operator::Add, Kind::List { item, .. }, Kind::List { .. }) => {
                Some(Kind::list(item.as_ref().clone()))
            }
            (_, Kind::Integer, Kind::Integer)
            | (Operator::FloorDivide, Kind::Money, Kind::Money)
            | (Operator::Subtract, Kind::Date, Kind::Date)
            | (Operator::Subtract, Kind::Instant, Kind::Instant) => Some(Kind::Integer),
            (_, a, b) if is_number(a) && is_number(b) => Some(Kind::Decimal),
            _ => None,
        };
        if let Some(kind) = kind {
            return Guess::of(kind);
        }
        let sign = match operator {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::FloorDivide => "//",
            Operator::Remainder => "%",
            Operator::Power => "**",
            Operator::Join => "~",
        };
        self.report(
            "expression_wrong_kind",
            span,
            &format!("{sign} does not work with {} and {}", a.noun(), b.noun()),
        );
        Guess::any()
    }

    /// A value that is needed must not be able to be empty.
    fn demand(&mut self, guess: &Guess, place: &Expression) {
        if !guess.optional || self.guarded > 0 {
            return;
        }
        let path = self.program.text_of(&place.span).trim().to_owned();
        self.problems.push(Problem::error(
            "default_missing",
            json!({"path": path, "span": [place.span.start, place.span.end]}),
            format!(
                "\u{201c}{path}\u{201d} may be empty. Say what to use then, with default(\"\u{2026}\")."
            ),
        ));
    }

    fn report(&mut self, code: &str, span: &Range<usize>, what: &str) {
        let written = self.program.text_of(span).trim().to_owned();
        self.problems.push(Problem::error(
            code,
            json!({"expression": written, "reason": what, "span": [span.start, span.end]}),
            format!("\u{201c}{written}\u{201d} {what}."),
        ));
    }
}

fn path_of(expression: &Expression) -> Option<Vec<String>> {
    match &expression.kind {
        ExpressionKind::Name(name) => Some(vec![name.clone()]),
        ExpressionKind::Field(of, name) => {
            let mut path = path_of(of)?;
            path.push(name.clone());
            Some(path)
        }
        _ => None,
    }
}

/// The fields a value has: a record's, and the parts of money, files and dates.
fn field_of(kind: &Kind, name: &str) -> Option<Field> {
    let part = |kind: Kind| {
        Some(Field {
            name: name.to_owned(),
            title: String::new(),
            kind,
            optional: false,
        })
    };
    match (kind, name) {
        (Kind::Record { .. }, _) => kind.field(name).cloned(),
        (Kind::Any, _) => part(Kind::Any),
        (Kind::Money, "amount") => part(Kind::Decimal),
        (Kind::Money, "currency") | (Kind::File, "name" | "content_type") => part(Kind::text()),
        (Kind::Date, "year" | "month" | "day") => part(Kind::Integer),
        _ => None,
    }
}

fn names_of(kind: &Kind) -> Vec<String> {
    match kind {
        Kind::Record { fields } => fields.iter().map(|field| field.name.clone()).collect(),
        Kind::Money => vec!["amount".into(), "currency".into()],
        Kind::File => vec!["name".into(), "content_type".into()],
        Kind::Date => vec!["year".into(), "month".into(), "day".into()],
        _ => Vec::new(),
    }
}

fn comparable(a: &Kind, b: &Kind) -> bool {
    let group = |kind: &Kind| match kind {
        Kind::Any => 0,
        Kind::Text { .. } | Kind::Choice { .. } => 1,
        Kind::Integer | Kind::Decimal => 2,
        Kind::Money => 3,
        Kind::Date => 4,
        Kind::Time => 5,
        Kind::Instant => 6,
        Kind::YesNo => 7,
        Kind::List { .. } => 8,
        Kind::Record { .. } => 9,
        Kind::File => 10,
    };
    let (a, b) = (group(a), group(b));
    // `total > 0` compares money with a plain number; only the run knows whether that number is zero.
    a == 0 || b == 0 || (a == b && a < 8) || (a.min(b) == 2 && a.max(b) == 3)
}

fn either(first: Guess, second: Guess) -> Guess {
    let kind = match (first.kind, second.kind) {
        (a, b) if a == b => a,
        (Kind::Text { .. } | Kind::Choice { .. }, Kind::Text { .. } | Kind::Choice { .. }) => {
            Kind::text()
        }
        (Kind::Integer | Kind::Decimal, Kind::Integer | Kind::Decimal) => Kind::Decimal,
        (list @ Kind::List { .. }, Kind::List { .. }) => list,
        _ => Kind::Any,
    };
    Guess {
        kind,
        optional: second.optional,
    }
}

fn kind_of(value: &Value) -> Kind {
    match value {
        Value::Text(_) => Kind::text(),
        Value::Integer(_) => Kind::Integer,
        Value::Decimal(_) => Kind::Decimal,
        Value::Money(_) => Kind::Money,
        Value::Date(_) => Kind::Date,
        Value::Time(_) => Kind::Time,
        Value::Instant(_) => Kind::Instant,
        Value::YesNo(_) => Kind::YesNo,
        Value::List(_) => Kind::list(Kind::Any),
        Value::File(_) => Kind::File,
        Value::Empty | Value::Record(_) => Kind::Any,
    }
}
