//! minijinja's syntax tree, lowered to a small owned tree: number literals keep their decimal text, spans are byte ranges, and everything
//! that templates of ours do not need (macros, includes, calls of values) is refused where it stands.

use std::ops::Range;

use minijinja::{
    machinery::{Span, Token, ast, parse as parse_template, tokenize},
    syntax::SyntaxConfig,
    value::ValueKind,
};
use rust_decimal::Decimal;

use super::{ExpressionError, MAX_TEMPLATE_BYTES, filters};
use crate::{check::close_match, value::Value};

/// Most tokens within one `{{ }}` or `{% %}`; also bounds how deep the foreign parser recurses.
const MAX_TOKENS: usize = 1000;
/// Most statements of one template.
const MAX_BLOCKS: usize = 400;
/// Deepest nesting of an expression or of statements.
const MAX_DEPTH: usize = 100;

/// A whole template.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) source: String,
    pub(super) body: Vec<Statement>,
}

#[derive(Clone, Debug)]
pub(super) enum Statement {
    Text(String),
    Emit(Expression),
    For {
        names: Vec<String>,
        items: Expression,
        filter: Option<Expression>,
        body: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    If {
        test: Expression,
        yes: Vec<Statement>,
        no: Vec<Statement>,
    },
    Set {
        names: Vec<String>,
        value: Expression,
    },
    Capture {
        name: String,
        body: Vec<Statement>,
    },
    With {
        values: Vec<(String, Expression)>,
        body: Vec<Statement>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub(super) kind: ExpressionKind,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum ExpressionKind {
    Literal(Value),
    Name(String),
    Field(Box<Expression>, String),
    Item(Box<Expression>, Box<Expression>),
    Slice {
        of: Box<Expression>,
        start: Option<Box<Expression>>,
        stop: Option<Box<Expression>>,
    },
    Not(Box<Expression>),
    Negate(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Compare(Box<Expression>, Vec<(Comparison, Expression)>),
    If {
        test: Box<Expression>,
        yes: Box<Expression>,
        no: Option<Box<Expression>>,
    },
    Filter {
        name: String,
        input: Box<Expression>,
        arguments: Arguments,
    },
    Test {
        name: String,
        input: Box<Expression>,
        arguments: Arguments,
    },
    List(Vec<Expression>),
    Record(Vec<(Expression, Expression)>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Arguments {
    pub(super) positional: Vec<Expression>,
    pub(super) named: Vec<(String, Expression)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
    Power,
    Join,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
}

impl Program {
    /// The only expression of a template that is nothing but one `{{ }}`.
    pub(super) fn single(&self) -> Option<&Expression> {
        match self.body.as_slice() {
            [Statement::Emit(expression)] => Some(expression),
            _ => None,
        }
    }

    /// The text of an expression, for errors.
    pub(super) fn text_of(&self, span: &Range<usize>) -> &str {
        self.source.get(span.clone()).unwrap_or("the value")
    }
}

/// Reads a template; blanks around it are dropped if it is one `{{ }}`.
pub(super) fn parse(source: &str) -> Result<Program, ExpressionError> {
    if source.len() > MAX_TEMPLATE_BYTES {
        return Err(ExpressionError::Syntax {
            message: format!("the text is longer than {MAX_TEMPLATE_BYTES} bytes"),
            span: 0..0,
        });
    }
    let config = config(source)?;
    count_tokens(source, &config)?;
    let tree = parse_template(source, "", config).map_err(|error| syntax_error(source, &error))?;
    let mut lower = Lower { source, depth: 0 };
    let mut body = match &tree {
        ast::Stmt::Template(template) => lower.statements(&template.children)?,
        _ => Vec::new(),
    };
    let emits = body
        .iter()
        .filter(|statement| !matches!(statement, Statement::Text(_)))
        .count();
    let only_blanks = body.iter().all(|statement| match statement {
        Statement::Text(text) => text.trim().is_empty(),
        Statement::Emit(_) => true,
        _ => false,
    });
    if emits == 1 && only_blanks {
        body.retain(|statement| matches!(statement, Statement::Emit(_)));
    }
    Ok(Program {
        source: source.to_owned(),
        body,
    })
}

fn config(source: &str) -> Result<SyntaxConfig, ExpressionError> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(|error| syntax_error(source, &error))
}

/// Bounds what the foreign parser is given: it recurses on chains of unary operators, and its tree on long chains of binary ones.
fn count_tokens(source: &str, config: &SyntaxConfig) -> Result<(), ExpressionError> {
    let mut within = 0;
    let mut blocks = 0;
    let mut start = 0;
    for token in tokenize(source, false, config.clone()) {
        let (token, span) = token.map_err(|error| syntax_error(source, &error))?;
        let too_long = match token {
            Token::VariableStart | Token::BlockStart => {
                within = 0;
                start = span.start_offset as usize;
                if matches!(token, Token::BlockStart) {
                    blocks += 1;
                }
                blocks > MAX_BLOCKS
            }
            _ => {
                within += 1;
                within > MAX_TOKENS
            }
        };
        if too_long {
            return Err(ExpressionError::Syntax {
                message: "the expression is too long".into(),
                span: start..span.end_offset as usize,
            });
        }
    }
    Ok(())
}

fn syntax_error(source: &str, error: &minijinja::Error) -> ExpressionError {
    let message = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    // The parser tells only the line: mark it from its first brace on.
    let line = error.line().unwrap_or(1).saturating_sub(1);
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let text = source
        .get(start..)
        .and_then(|rest| rest.split('\n').next())
        .unwrap_or_default();
    let first = text.find('{').unwrap_or(0);
    ExpressionError::Syntax {
        message,
        span: start + first..start + text.len(),
    }
}

struct Lower<'a> {
    source: &'a str,
    depth: usize,
}

impl<'a> Lower<'a> {
    fn statements(
        &mut self,
        statements: &[ast::Stmt<'a>],
    ) -> Result<Vec<Statement>, ExpressionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(0..0));
        }
        let mut lowered = Vec::with_capacity(statements.len());
        for statement in statements {
            if let Some(statement) = self.statement(statement)? {
                lowered.push(statement);
            }
        }
        self.depth -= 1;
        Ok(lowered)
    }

    fn statement(
        &mut self,
        statement: &ast::Stmt<'a>,
    ) -> Result<Option<Statement>, ExpressionError> {
        Ok(Some(match statement {
            ast::Stmt::EmitRaw(raw) => Statement::Text(raw.raw.to_owned()),
            ast::Stmt::EmitExpr(emit) => Statement::Emit(self.expression(&emit.expr)?),
            ast::Stmt::ForLoop(each) => {
                if each.recursive {
                    return Err(refused("recursive loops", &each.span()));
                }
                Statement::For {
                    names: names(&each.target)?,
                    items: self.expression(&each.iter)?,
                    filter: self.optional(each.filter_expr.as_ref())?,
                    body: self.statements(&each.body)?,
                    otherwise: self.statements(&each.else_body)?,
                }
            }
            ast::Stmt::IfCond(condition) => Statement::If {
                test: self.expression(&condition.expr)?,
                yes: self.statements(&condition.true_body)?,
                no: self.statements(&condition.false_body)?,
            },
            ast::Stmt::Set(set) => Statement::Set {
                names: names(&set.target)?,
                value: self.expression(&set.expr)?,
            },
            ast::Stmt::SetBlock(set) => {
                if set.filter.is_some() {
                    return Err(refused("filters on set blocks", &set.span()));
                }
                let names = names(&set.target)?;
                let [name] = names.as_slice() else {
                    return Err(refused("several names for one text", &set.span()));
                };
                Statement::Capture {
                    name: name.clone(),
                    body: self.statements(&set.body)?,
                }
            }
            ast::Stmt::WithBlock(with) => {
                let mut values = Vec::new();
                for (target, value) in &with.assignments {
                    let names = names(target)?;
                    let [name] = names.as_slice() else {
                        return Err(refused("several names for one value", &with.span()));
                    };
                    values.push((name.clone(), self.expression(value)?));
                }
                Statement::With {
                    values,
                    body: self.statements(&with.body)?,
                }
            }
            ast::Stmt::Template(template) => return Err(refused("templates", &template.span())),
            ast::Stmt::AutoEscape(other) => return Err(refused("autoescape", &other.span())),
            ast::Stmt::FilterBlock(other) => return Err(refused("filter blocks", &other.span())),
            ast::Stmt::Do(other) => return Err(refused("do", &other.span())),
            // Macros, blocks, includes, imports: which of them exist depends on minijinja's features.
            _ => {
                return Err(ExpressionError::Syntax {
                    message: "macros, blocks and includes cannot be used here".into(),
                    span: 0..self.source.len(),
                });
            }
        }))
    }

    fn optional(
        &mut self,
        expression: Option<&ast::Expr<'a>>,
    ) -> Result<Option<Expression>, ExpressionError> {
        expression
            .map(|expression| self.expression(expression))
            .transpose()
    }

    fn boxed(&mut self, expression: &ast::Expr<'a>) -> Result<Box<Expression>, ExpressionError> {
        self.expression(expression).map(Box::new)
    }

    fn expression(&mut self, expression: &ast::Expr<'a>) -> Result<Expression, ExpressionError> {
        let mut span = range(&expression.span());
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        let kind = match expression {
            ast::Expr::Var(var) => ExpressionKind::Name(var.id.to_owned()),
            ast::Expr::Const(constant) => self.literal(&constant.value, &span)?,
            ast::Expr::Slice(slice) => {
                if slice.step.is_some() {
                    return Err(refused("slices with a step", &slice.span()));
                }
                ExpressionKind::Slice {
                    of: self.boxed(&slice.expr)?,
                    start: self.optional(slice.start.as_ref())?.map(Box::new),
                    stop: self.optional(slice.stop.as_ref())?.map(Box::new),
                }
            }
            ast::Expr::UnaryOp(unary) => match unary.op {
                ast::UnaryOpKind::Not => ExpressionKind::Not(self.boxed(&unary.expr)?),
                ast::UnaryOpKind::Neg => ExpressionKind::Negate(self.boxed(&unary.expr)?),
            },
            ast::Expr::BinOp(binary) => self.binary(binary)?,
            ast::Expr::Compare(compare) => {
                let mut rest = Vec::new();
                for part in &compare.ops {
                    let comparison = match part.op {
                        ast::CompareOpKind::Eq => Comparison::Equal,
                        ast::CompareOpKind::Ne => Comparison::NotEqual,
                        ast::CompareOpKind::Lt => Comparison::Less,
                        ast::CompareOpKind::Lte => Comparison::AtMost,
                        ast::CompareOpKind::Gt => Comparison::Greater,
                        ast::CompareOpKind::Gte => Comparison::AtLeast,
                        ast::CompareOpKind::In => Comparison::In,
                        ast::CompareOpKind::NotIn => Comparison::NotIn,
                    };
                    rest.push((comparison, self.expression(&part.expr)?));
                }
                ExpressionKind::Compare(self.boxed(&compare.expr)?, rest)
            }
            ast::Expr::IfExpr(choice) => ExpressionKind::If {
                test: self.boxed(&choice.test_expr)?,
                yes: self.boxed(&choice.true_expr)?,
                no: self.optional(choice.false_expr.as_ref())?.map(Box::new),
            },
            ast::Expr::Filter(filter) => {
                let Some(input) = &filter.expr else {
                    return Err(refused("filters without a value", &filter.span()));
                };
                known(filter.name, filters::FILTERS, "filter", &span)?;
                ExpressionKind::Filter {
                    name: filter.name.to_owned(),
                    input: self.boxed(input)?,
                    arguments: self.arguments(&filter.args, &span)?,
                }
            }
            ast::Expr::Test(test) => {
                known(test.name, filters::TESTS, "test", &span)?;
                ExpressionKind::Test {
                    name: test.name.to_owned(),
                    input: self.boxed(&test.expr)?,
                    arguments: self.arguments(&test.args, &span)?,
                }
            }
            ast::Expr::GetAttr(attribute) => {
                let of = self.boxed(&attribute.expr)?;
                span.start = span.start.min(of.span.start);
                ExpressionKind::Field(of, attribute.name.to_owned())
            }
            ast::Expr::GetItem(item) => {
                let of = self.boxed(&item.expr)?;
                span.start = span.start.min(of.span.start);
                ExpressionKind::Item(of, self.boxed(&item.subscript_expr)?)
            }
            ast::Expr::Call(call) => self.call(call, &span)?,
            ast::Expr::List(list) => ExpressionKind::List(self.all(&list.items)?),
            ast::Expr::Tuple(tuple) => ExpressionKind::List(self.all(&tuple.items)?),
            ast::Expr::Map(map) => {
                let keys = self.all(&map.keys)?;
                let values = self.all(&map.values)?;
                ExpressionKind::Record(keys.into_iter().zip(values).collect())
            }
        };
        self.depth -= 1;
        Ok(Expression { kind, span })
    }

    fn all(&mut self, items: &[ast::Expr<'a>]) -> Result<Vec<Expression>, ExpressionError> {
        items.iter().map(|item| self.expression(item)).collect()
    }

    fn binary(&mut self, binary: &ast::BinOp<'a>) -> Result<ExpressionKind, ExpressionError> {
        let left = self.boxed(&binary.left)?;
        let right = self.boxed(&binary.right)?;
        let operator = match binary.op {
            ast::BinOpKind::ScAnd => return Ok(ExpressionKind::And(left, right)),
            ast::BinOpKind::ScOr => return Ok(ExpressionKind::Or(left, right)),
            ast::BinOpKind::Eq => return Ok(compare(left, Comparison::Equal, *right)),
            ast::BinOpKind::Ne => return Ok(compare(left, Comparison::NotEqual, *right)),
            ast::BinOpKind::Lt => return Ok(compare(left, Comparison::Less, *right)),
            ast::BinOpKind::Lte => return Ok(compare(left, Comparison::AtMost, *right)),
            ast::BinOpKind::Gt => return Ok(compare(left, Comparison::Greater, *right)),
            ast::BinOpKind::Gte => return Ok(compare(left, Comparison::AtLeast, *right)),
            ast::BinOpKind::In => return Ok(compare(left, Comparison::In, *right)),
            ast::BinOpKind::Add => Operator::Add,
            ast::BinOpKind::Sub => Operator::Subtract,
            ast::BinOpKind::Mul => Operator::Multiply,
            ast::BinOpKind::Div => Operator::Divide,
            ast::BinOpKind::FloorDiv => Operator::FloorDivide,
            ast::BinOpKind::Rem => Operator::Remainder,
            ast::BinOpKind::Pow => Operator::Power,
            ast::BinOpKind::Concat => Operator::Join,
        };
        Ok(ExpressionKind::Binary(operator, left, right))
    }

    /// `sum(x)` is `x|sum`; values themselves cannot be called.
    fn call(
        &mut self,
        call: &ast::Call<'a>,
        span: &Range<usize>,
    ) -> Result<ExpressionKind, ExpressionError> {
        let ast::Expr::Var(name) = &call.expr else {
            return Err(refused("calls of values", &call.expr.span()));
        };
        known(name.id, filters::FUNCTIONS, "function", span)?;
        let mut arguments = self.arguments(&call.args, span)?;
        if arguments.positional.is_empty() {
            return Err(ExpressionError::Syntax {
                message: format!("{} needs a value in its brackets", name.id),
                span: span.clone(),
            });
        }
        let input = Box::new(arguments.positional.remove(0));
        Ok(ExpressionKind::Filter {
            name: name.id.to_owned(),
            input,
            arguments,
        })
    }

    fn arguments(
        &mut self,
        given: &[ast::CallArg<'a>],
        span: &Range<usize>,
    ) -> Result<Arguments, ExpressionError> {
        let mut arguments = Arguments::default();
        for argument in given {
            match argument {
                ast::CallArg::Pos(value) => arguments.positional.push(self.expression(value)?),
                ast::CallArg::Kwarg(name, value) => {
                    let value = self.expression(value)?;
                    arguments.named.push(((*name).to_owned(), value));
                }
                ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_) => {
                    return Err(ExpressionError::Syntax {
                        message: "* and ** cannot be used here".into(),
                        span: span.clone(),
                    });
                }
            }
        }
        Ok(arguments)
    }

    /// Numbers are read from the template's own text: the parser's are binary fractions.
    fn literal(
        &self,
        value: &minijinja::Value,
        span: &Range<usize>,
    ) -> Result<ExpressionKind, ExpressionError> {
        let literal = match value.kind() {
            ValueKind::Bool => Value::YesNo(value.is_true()),
            ValueKind::Number => {
                let text = self
                    .source
                    .get(span.clone())
                    .unwrap_or_default()
                    .replace('_', "");
                let whole: Option<i64> = text.parse().ok();
                let number = match whole {
                    Some(whole) => Some(Value::Integer(whole)),
                    None => Decimal::from_str_exact(&text)
                        .ok()
                        .or_else(|| Decimal::from_scientific(&text).ok())
                        .map(Value::Decimal),
                };
                number.ok_or_else(|| ExpressionError::Syntax {
                    message: format!("{text} is not a number of at most 28 digits"),
                    span: span.clone(),
                })?
            }
            ValueKind::String => Value::Text(value.as_str().unwrap_or_default().to_owned()),
            _ => Value::Empty,
        };
        Ok(ExpressionKind::Literal(literal))
    }
}

fn compare(left: Box<Expression>, comparison: Comparison, right: Expression) -> ExpressionKind {
    ExpressionKind::Compare(left, vec![(comparison, right)])
}

fn known(name: &str, all: &[&str], what: &str, span: &Range<usize>) -> Result<(), ExpressionError> {
    if all.contains(&name) {
        return Ok(());
    }
    let hint = close_match(name, all.iter().copied())
        .map_or(String::new(), |close| format!(", did you mean {close}?"));
    Err(ExpressionError::Syntax {
        message: format!("there is no {what} {name}{hint}"),
        span: span.clone(),
    })
}

fn names(target: &ast::Expr<'_>) -> Result<Vec<String>, ExpressionError> {
    let one = |target: &ast::Expr<'_>| match target {
        ast::Expr::Var(var) => Ok(var.id.to_owned()),
        other => Err(refused("this kind of name", &other.span())),
    };
    match target {
        ast::Expr::List(list) => list.items.iter().map(one).collect(),
        ast::Expr::Tuple(tuple) => tuple.items.iter().map(one).collect(),
        other => one(other).map(|name| vec![name]),
    }
}

fn range(span: &Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset.max(span.start_offset) as usize
}

fn refused(what: &str, span: &Span) -> ExpressionError {
    ExpressionError::Syntax {
        message: format!("{what} cannot be used here"),
        span: range(span),
    }
}

fn too_deep(span: Range<usize>) -> ExpressionError {
    ExpressionError::Syntax {
        message: "the expression is nested too deeply".into(),
        span,
    }
}
