//! The entries of a list, looked at one after the other: what the nodes that filter, group and write lists have in common.

use engine::{
    check::Problem,
    expression::{self, Program, Template},
    format::Formats,
    kind::{Field, Kind},
    node::{NodeContext, NodeError, OutputContext},
    value::{Record, Value},
};
use serde_json::json;

use crate::{
    list_group::not_added,
    ordering::{comparable, is_empty},
    values::{field, fit},
};

/// Most entries of one list, and most rows of a data file.
pub(crate) const MAX_ENTRIES: usize = 20_000;

/// A list with everything that expressions beside `item` and `index` read.
pub(crate) struct Entries {
    items: Vec<Numbered>,
    values: Record,
    formats: Formats,
}

/// An entry and its place in the list, from 0, which it keeps when others are left out.
struct Numbered {
    index: i64,
    item: Value,
}

/// One entry, as expressions read it.
pub(crate) struct Entry<'a> {
    values: &'a Record,
    formats: &'a Formats,
}

/// The entries of a list; an empty value is a list without entries.
pub(crate) fn entries_of(
    context: &dyn NodeContext,
    list: &Template,
    most: usize,
) -> Result<Vec<Value>, NodeError> {
    let place = Field {
        optional: true,
        ..field("list", "List", Kind::list(Kind::Any))
    };
    let value = context.evaluate(list)?;
    let items = match fit(value, &place, &context.step().currency)? {
        Value::List(items) => items,
        _ => Vec::new(),
    };
    if items.len() > most {
        let count = items.len();
        let message = format!("The list has {count} entries; {most} are the most.");
        return Err(NodeError::failed("too_many_entries", message)
            .with("count", count)
            .with("most", most));
    }
    Ok(items)
}

impl Entries {
    pub(crate) fn of(context: &dyn NodeContext, list: &Template) -> Result<Self, NodeError> {
        let items = entries_of(context, list, MAX_ENTRIES)?;
        let numbered = |(index, item)| Numbered { index, item };
        Ok(Self {
            items: (0..).zip(items).map(numbered).collect(),
            values: context.values().clone(),
            formats: context.step().formats(),
        })
    }

    /// What `look` makes of each entry, in their order; an error says which entry it is about.
    pub(crate) fn each<T>(
        &mut self,
        context: &dyn NodeContext,
        mut look: impl FnMut(&Entry<'_>) -> Result<T, NodeError>,
    ) -> Result<Vec<T>, NodeError> {
        let mut made = Vec::with_capacity(self.items.len());
        for Numbered { index, item } in &self.items {
            if context.cancelled() {
                return Err(NodeError::Cancelled);
            }
            self.values.insert("item".into(), item.clone());
            self.values.insert("index".into(), Value::Integer(*index));
            let entry = Entry {
                values: &self.values,
                formats: &self.formats,
            };
            made.push(look(&entry).map_err(|error| of_entry(error, index + 1))?);
        }
        Ok(made)
    }

    /// Each entry's value of a setting.
    pub(crate) fn column(
        &mut self,
        context: &dyn NodeContext,
        setting: &Template,
    ) -> Result<Vec<Value>, NodeError> {
        let program = setting.compile()?;
        self.each(context, |entry| entry.evaluate(&program))
    }

    /// Keeps those that are marked, each at its place.
    pub(crate) fn keep(&mut self, kept: &[bool]) {
        let mut marks = kept.iter();
        self.items
            .retain(|_| marks.next().is_some_and(|kept| *kept));
    }

    /// Brings them into the order of these positions, of which each occurs once.
    pub(crate) fn arrange(&mut self, positions: &[usize]) {
        let mut items: Vec<Option<Numbered>> = std::mem::take(&mut self.items)
            .into_iter()
            .map(Some)
            .collect();
        self.items = positions
            .iter()
            .filter_map(|&position| items.get_mut(position)?.take())
            .collect();
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &Value> {
        self.items.iter().map(|numbered| &numbered.item)
    }

    /// The values can be added up, amounts of one currency; else the error names the first entry whose value cannot.
    pub(crate) fn summable(&self, column: &[Value]) -> Result<(), NodeError> {
        let mut filled = self
            .items
            .iter()
            .zip(column)
            .filter(|(_, value)| !is_empty(value))
            .peekable();
        let first = filled.peek().map_or(&Value::Empty, |(_, value)| *value);
        filled
            .find_map(|(entry, value)| {
                not_added(first, value).map(|error| of_entry(error, entry.index + 1))
            })
            .map_or(Ok(()), Err)
    }

    /// The values of all have one order; else the error names the first entry that has not.
    pub(crate) fn comparable(&self, column: &[Value]) -> Result<(), NodeError> {
        let numbers = self.items.iter().map(|numbered| numbered.index + 1);
        comparable(numbers.zip(column))
    }
}

impl Entry<'_> {
    pub(crate) fn evaluate(&self, program: &Program) -> Result<Value, NodeError> {
        program
            .evaluate(self.values, self.formats)
            .map_err(NodeError::from)
    }
}

/// Says which entry an error is about, counted from 1.
pub(crate) fn of_entry(error: NodeError, number: i64) -> NodeError {
    error.map(|mut error| {
        error.message = format!("Entry {number}: {}", error.message);
        error.with("entry", number)
    })
}

/// What the settings for one entry read while the node runs, as `OutputContext::entry` has it before.
pub(crate) fn entry_scope(context: &dyn NodeContext, list: &Template) -> Kind {
    let scope = context.scope();
    let item = match expression::infer(list, &scope, true).0 {
        Kind::List { item, .. } => *item,
        _ => Kind::Any,
    };
    let Kind::Record { mut fields } = scope else {
        return scope;
    };
    fields.retain(|field| field.name != "item" && field.name != "index");
    fields.push(field("item", "Entry", item));
    fields.push(field("index", "Number, from 0", Kind::Integer));
    Kind::Record { fields }
}

/// Kind of one entry of the list, as the settings for one entry read it.
pub(crate) fn item_kind(context: &OutputContext<'_>) -> Kind {
    context
        .entry
        .and_then(|scope| scope.field("item"))
        .map_or(Kind::Any, |field| field.kind.clone())
}

/// Kind of a setting for one entry, and whether it may be empty.
pub(crate) fn kind_of(template: &Template, scope: &Kind) -> (Kind, bool) {
    let (kind, problems) = expression::infer(template, scope, false);
    let may_be_empty = problems
        .iter()
        .any(|problem| problem.code == "default_missing");
    let may_be_empty = may_be_empty || kind == Kind::Any;
    (kind, may_be_empty)
}

/// The last part of the only path that a template reads, such as `customer` of `{{ item.customer }}`.
pub(crate) fn own_name(template: &Template) -> Option<String> {
    let references = template.references().ok()?;
    match references.as_slice() {
        [only] if only.path.len() > 1 && template.is_single() => only.path.last().cloned(),
        _ => None,
    }
}

/// What people read of the value of a template that is one path.
pub(crate) fn own_title(template: &Template, scope: &Kind) -> Option<String> {
    let references = template.references().ok()?;
    let [only] = references.as_slice() else {
        return None;
    };
    let mut title = None;
    let mut kind = scope;
    for name in &only.path {
        let field = kind.field(name)?;
        title = Some(&field.title);
        kind = &field.kind;
    }
    title.filter(|title| !title.is_empty()).cloned()
}

/// Problems of the list itself.
pub(crate) fn check_list(list: &Template, context: &OutputContext<'_>) -> Vec<Problem> {
    let scope = Kind::Record {
        fields: context
            .inputs
            .iter()
            .map(|(name, kind)| field(name, "", kind.clone()))
            .collect(),
    };
    let (kind, _) = expression::infer(list, &scope, true);
    let problem = if list.0.trim().is_empty() {
        let message = "Choose the list that is gone through.";
        Problem::error("no_list", json!({}), message)
    } else if !matches!(kind, Kind::List { .. } | Kind::Any) {
        let message = format!("This is {}, not a list.", kind.noun());
        Problem::error("not_a_list", json!({"kind": kind}), message)
    } else {
        return Vec::new();
    };
    vec![problem.at("/list")]
}
