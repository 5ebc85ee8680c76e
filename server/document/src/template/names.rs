//! Names and kinds in the expressions of a template: what will go wrong with any values is told when it is saved.

use std::sync::Arc;

use engine::{
    check::Problem,
    expression::{self, Template as Expression},
    firm::Firm,
    kind::{Field, Kind},
};
use serde_json::json;

use super::Template;

/// An expression of a template.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) expression: Arc<Expression>,
    pub(crate) pointer: String,
    /// The lists whose entries it is filled in for, outermost first.
    pub(crate) lists: Vec<Arc<Expression>>,
    /// It is one itself.
    pub(crate) is_list: bool,
}

impl Template {
    /// Names that nobody knows and kinds that do not fit, each with its JSON pointer. A template is drawn all the same, with a placeholder
    /// where a name is unknown; an empty value is told where it is met.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        let mut before: Option<(&Reading, Kind)> = None;
        for reading in &self.readings {
            let scope = match before.take() {
                Some((other, scope)) if reading.sees_as(other) => scope,
                _ => self.scope_of(reading),
            };
            let (kind, found) = expression::infer(&reading.expression, &scope, true);
            let mut found: Vec<Problem> = found
                .into_iter()
                .filter(|problem| problem.code != "default_missing")
                .collect();
            if reading.is_list && !matches!(kind, Kind::List { .. } | Kind::Any) {
                found.push(no_list(&reading.expression));
            }
            for problem in found {
                let problem = problem.at(reading.pointer.clone());
                let known = problems
                    .iter()
                    .rev()
                    .take_while(|known| known.pointer == problem.pointer)
                    .any(|known| known.message == problem.message);
                if !known {
                    problems.push(problem);
                }
            }
            before = Some((reading, scope));
        }
        problems.extend(self.extras.check());
        problems
    }

    /// What an expression may read: the fields, the firm, the day; an entry and its number in a list; the page in what repeats on pages.
    fn scope_of(&self, reading: &Reading) -> Kind {
        // What is computed reads only what is before it.
        let own = self
            .computed
            .iter()
            .find(|computed| *computed.value.pointer == *reading.pointer)
            .map_or(usize::MAX, |computed| computed.index);
        let declared = self.fields.iter().enumerate();
        let mut fields: Vec<Field> = declared
            .filter(|(index, declared)| !declared.is_computed() || *index < own)
            .map(|(_, declared)| declared.field.clone())
            .collect();
        fields.push(named("firm", Firm::kind()));
        fields.push(named("today", Kind::Date));
        fields.push(named("now", Kind::Instant));
        if reading.is_furniture() {
            fields.push(named("page", Kind::Integer));
            fields.push(named("pages", Kind::Integer));
        }
        let outside = fields.len();
        for list in &reading.lists {
            let scope = Kind::Record {
                fields: fields.clone(),
            };
            let item = match expression::infer(list, &scope, true) {
                (Kind::List { item, .. }, _) => *item,
                _ => Kind::Any,
            };
            fields.truncate(outside);
            fields.push(named("item", item));
            fields.push(named("index", Kind::Integer));
        }
        Kind::Record { fields }
    }
}

fn named(name: &str, kind: Kind) -> Field {
    Field {
        name: name.to_owned(),
        title: String::new(),
        kind,
        optional: false,
    }
}

impl Reading {
    fn is_furniture(&self) -> bool {
        self.pointer.starts_with("/header/") || self.pointer.starts_with("/footer/")
    }

    fn is_field(&self) -> bool {
        self.pointer.starts_with("/fields/")
    }

    /// Whether both read the same names.
    fn sees_as(&self, other: &Self) -> bool {
        !self.is_field()
            && !other.is_field()
            && self.is_furniture() == other.is_furniture()
            && self.lists.len() == other.lists.len()
            && self
                .lists
                .iter()
                .zip(&other.lists)
                .all(|(own, other)| Arc::ptr_eq(own, other))
    }
}

fn no_list(expression: &Expression) -> Problem {
    let written = &expression.0;
    Problem::error(
        "expression_wrong_kind",
        json!({"expression": written, "reason": "is not a list", "span": [0, written.len()]}),
        format!("\u{201c}{written}\u{201d} is not a list."),
    )
}
