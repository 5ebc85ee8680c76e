//! The only expression language: minijinja's syntax with our own evaluator, so that amounts are exact decimals. Strict undefined, bounded
//! work and memory, no access to anything but the given values; outputs are never parsed as templates.
//!
//! Arithmetic: decimals carry 28 significant digits; `/` rounds there, half to even, everything else is exact or an error. Only sums of
//! money round there, too, as long as 10 decimals are left, so that `10 EUR / 3 + 1000 EUR` is an amount. Money keeps its currency, mixing
//! currencies is an error, money / money is a number. `round` is commercial (half away from zero) unless it is told
//! `"even"`.

mod evaluate;
mod filters;
mod infer;
mod operators;
mod syntax;

use std::cmp::Ordering;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check::Problem,
    format::Formats,
    kind::Kind,
    value::{Record, Value},
};

/// Longest template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 64 * 1024;

/// A text with `{{ }}` holes in a node's config or a document's leaf. Its JSON Schema carries `x-widget: "template"`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("x-widget" = "template"))]
pub struct Template(pub String);

/// One path an expression reads, such as `form.customer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub path: Vec<String>,
    /// Behind a `default`, so that an empty value is no error.
    pub guarded: bool,
    /// Byte range in the template's text.
    pub span: std::ops::Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("{message}")]
    Syntax {
        message: String,
        span: std::ops::Range<usize>,
    },
    #[error("{message}")]
    Evaluation { message: String },
    /// A path that does not exist.
    #[error("there is no {path}")]
    Unknown { path: String },
    /// A value that is needed is empty and has no default.
    #[error("{path} is empty and has no default")]
    Empty { path: String },
    #[error("the expression takes too long")]
    Fuel,
}

impl ExpressionError {
    /// Stable slug.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "expression_syntax",
            Self::Evaluation { .. } | Self::Unknown { .. } => "expression_failed",
            Self::Empty { .. } => "expression_empty",
            Self::Fuel => "expression_too_long",
        }
    }
}

/// A template that has been read once and can be evaluated often.
#[derive(Clone, Debug)]
pub struct Program(syntax::Program);

impl Template {
    /// Reads the template.
    pub fn compile(&self) -> Result<Program, ExpressionError> {
        syntax::parse(&self.0).map(Program)
    }

    /// Whether the template is one `{{ }}`, so that its value keeps its kind.
    pub fn is_single(&self) -> bool {
        self.compile()
            .is_ok_and(|program| program.0.single().is_some())
    }

    /// Every path the template reads, in order of appearance.
    pub fn references(&self) -> Result<Vec<Reference>, ExpressionError> {
        Ok(infer::references(&self.compile()?.0))
    }

    /// The value; a template of one `{{ }}` keeps its type, any other is text. Instants are told in UTC.
    pub fn evaluate(&self, values: &Record, locale: &str) -> Result<Value, ExpressionError> {
        self.evaluate_in(values, &Formats::new(locale, TimeZone::UTC, "EUR"))
    }

    /// The text. Instants are told in UTC.
    pub fn render(&self, values: &Record, locale: &str) -> Result<String, ExpressionError> {
        self.render_in(values, &Formats::new(locale, TimeZone::UTC, "EUR"))
    }

    /// The value, with language, zone and currency.
    pub fn evaluate_in(
        &self,
        values: &Record,
        formats: &Formats,
    ) -> Result<Value, ExpressionError> {
        if !has_syntax(&self.0) {
            return Ok(Value::Text(self.0.clone()));
        }
        self.compile()?.evaluate(values, formats)
    }

    /// The text, with language, zone and currency.
    pub fn render_in(&self, values: &Record, formats: &Formats) -> Result<String, ExpressionError> {
        if !has_syntax(&self.0) {
            return Ok(self.0.clone());
        }
        self.compile()?.render(values, formats)
    }
}

impl Program {
    /// The value; a template of one `{{ }}` keeps its type, any other is text.
    pub fn evaluate(&self, values: &Record, formats: &Formats) -> Result<Value, ExpressionError> {
        evaluate::value(&self.0, values, formats)
    }

    /// The text.
    pub fn render(&self, values: &Record, formats: &Formats) -> Result<String, ExpressionError> {
        evaluate::text(&self.0, values, formats)
    }

    /// Every path that it reads, once, in order of appearance.
    pub fn reads(&self) -> Vec<Vec<String>> {
        let mut paths: Vec<Vec<String>> = Vec::new();
        for reference in infer::references(&self.0) {
            if !paths.contains(&reference.path) {
                paths.push(reference.path);
            }
        }
        paths
    }

    /// The path whose value it gives, perhaps written in some way, such as `form.total` of `{{ form.total|money }}`; `None` for what is
    /// computed, and for texts with anything beside one `{{ }}`.
    pub fn shown(&self) -> Option<Vec<String>> {
        infer::shown(&self.0)
    }
}

/// What kind the template's value has when it reads a `scope` (a record's kind), and what is wrong with it: syntax, unknown names with
/// close matches, values that may be empty without a default, kinds that do not fit. Pointers are empty; `params.span` is the byte range.
/// `may_be_empty` accepts a single `{{ }}` whose value may be empty.
pub fn infer(template: &Template, scope: &Kind, may_be_empty: bool) -> (Kind, Vec<Problem>) {
    match template.compile() {
        Ok(program) => infer::infer(&program.0, scope, may_be_empty),
        Err(error) => (Kind::Any, vec![infer::problem_of(&error)]),
    }
}

/// `left + right`.
pub fn add(left: &Value, right: &Value) -> Result<Value, ExpressionError> {
    operators::add(left, right).map_err(|message| ExpressionError::Evaluation { message })
}

/// `left / right`.
pub fn divide(left: &Value, right: &Value) -> Result<Value, ExpressionError> {
    operators::divide(left, right).map_err(|message| ExpressionError::Evaluation { message })
}

/// Which of two values comes first; an error where they have no order.
pub fn order(left: &Value, right: &Value) -> Result<Ordering, ExpressionError> {
    operators::order(left, right).map_err(|message| ExpressionError::Evaluation { message })
}

/// Cheap way out for the many settings that are plain text.
fn has_syntax(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
