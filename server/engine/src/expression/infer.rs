//! What an expression reads and what kind it gives, known before any run: unknown names, values that may be empty without a default, and
//! kinds that do not fit.

mod names;
mod results;

use std::ops::Range;

use serde_json::json;

use super::{
    ExpressionError, Reference,
    syntax::{Arguments, Comparison, Expression, ExpressionKind, Program, Statement},
};
use crate::{
    check::Problem,
    kind::{Field, Kind},
    value::Value,
};

use names::path_of;
use results::{comparable, either, kind_of};

/// Filters that give the value they are given, only written in some way.
const WRITING: [&str; 18] = [
    "amount",
    "capitalize",
    "d",
    "date",
    "default",
    "grouped",
    "lower",
    "money",
    "number",
    "percent",
    "string",
    "text",
    "time",
    "title",
    "trim",
    "truncate",
    "upper",
    "yesno",
];

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
    fn maybe(kind: Kind) -> Self {
        Self {
            kind,
            optional: true,
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

/// The path that is all a program reads, if what it gives is the value there.
pub(super) fn shown(program: &Program) -> Option<Vec<String>> {
    let mut expression = program.single()?;
    while let ExpressionKind::Filter { name, input, .. } = &expression.kind {
        if !WRITING.contains(&name.as_str()) {
            return None;
        }
        expression = input;
    }
    let path = path_of(expression)?;
    let only = references(program)
        .iter()
        .all(|reference| reference.path == path);
    only.then_some(path)
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

    fn arguments(&mut self, arguments: &'a Arguments) {
        for argument in &arguments.positional {
            self.expression(argument);
        }
        for (_, argument) in &arguments.named {
            self.expression(argument);
        }
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
