//! `list_group`: entries that agree in some values become one row with what is added up over them. Each row's names and kinds are known
//! before the first run, so that rows go straight into a table.

mod aggregate;

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    kind::{Field, Kind, is_name},
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
    value::{Record, Value},
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use self::aggregate::Aggregate;
pub(crate) use self::aggregate::not_added;
use crate::{
    entries::{Entries, check_list, entry_scope, kind_of, own_name, own_title},
    list_filter::incomplete,
    ordering::{Sorter, identities},
    values::field,
};

/// Group the entries of a list by some of their values, and add up or count others.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListGroup {
    /// The list whose entries are grouped.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    list: Template,
    /// Entries that agree in all of these values make one group; without any, all make one.
    #[serde(default)]
    #[schemars(title = "Group by", length(max = 20), extend("x-scope" = "entry"))]
    by: Vec<Key>,
    /// What is worked out for each group, and once more for the whole list.
    #[serde(default)]
    #[schemars(length(max = 20), extend("x-scope" = "entry"))]
    results: Vec<Aggregate>,
}

/// A value that the entries of a group have in common.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Key {
    /// The value to look at.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    value: Template,
    /// Its name in the group; when empty, the one it has in the entry.
    #[serde(default)]
    name: String,
}

impl Key {
    fn name(&self, place: usize) -> String {
        given_or(&self.name, || {
            own_name(&self.value).unwrap_or_else(|| format!("group_{}", place + 1))
        })
    }
}

/// The name that somebody gave, or another.
fn given_or(name: &str, other: impl FnOnce() -> String) -> String {
    match name.trim() {
        "" => other(),
        given => given.to_owned(),
    }
}

/// What a group holds, as far as the kinds of the entries are known.
struct Shape {
    keys: Vec<Field>,
    results: Vec<Field>,
}

/// The values that entries have in common, and where the entries stand.
type Group = (Vec<Value>, Vec<usize>);

impl ListGroup {
    fn shape(&self, scope: &Kind) -> Shape {
        let keys = self.by.iter().enumerate().map(|(place, key)| {
            let (kind, optional) = kind_of(&key.value, scope);
            Field {
                name: key.name(place),
                title: own_title(&key.value, scope).unwrap_or_default(),
                kind,
                optional,
            }
        });
        Shape {
            keys: keys.collect(),
            results: self
                .results
                .iter()
                .map(|result| result.field(scope))
                .collect(),
        }
    }

    fn check_names(shape: &Shape) -> Vec<Problem> {
        let of_keys = (0..).zip(&shape.keys).map(|(at, key)| ("by", at, key));
        let of_results = (0..)
            .zip(&shape.results)
            .map(|(at, key)| ("results", at, key));
        let mut problems = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (setting, index, field) in of_keys.chain(of_results) {
            let at = format!("/{setting}/{index}/name");
            let name = field.name.as_str();
            if !is_name(name) {
                problems.push(
                    Problem::error(
                        "bad_field_name",
                        json!({"name": name}),
                        "A value's name has small letters, digits and _ and begins with a letter.",
                    )
                    .at(&at),
                );
            }
            if seen.contains(&name) {
                problems.push(
                    Problem::error(
                        "duplicate_field",
                        json!({"name": name}),
                        format!("Two values have the name \u{201c}{name}\u{201d}."),
                    )
                    .at(at),
                );
            }
            seen.push(name);
        }
        problems
    }

    /// The entries of each group by their positions, in order of first appearance, with the values they have in common.
    fn groups(
        &self,
        context: &dyn NodeContext,
        entries: &mut Entries,
    ) -> Result<Vec<Group>, NodeError> {
        let columns: Vec<Vec<Value>> = self
            .by
            .iter()
            .map(|key| entries.column(context, &key.value))
            .collect::<Result<_, _>>()?;
        let mut groups: IndexMap<String, Group> = IndexMap::new();
        if self.by.is_empty() {
            // The whole list is a group, also when nothing is in it.
            groups.insert(identities(std::iter::empty()), (Vec::new(), Vec::new()));
        }
        for at in 0..entries.len() {
            let keys = || columns.iter().map(|column| &column[at]);
            let group = groups
                .entry(identities(keys()))
                .or_insert_with(|| (keys().cloned().collect(), Vec::new()));
            group.1.push(at);
        }
        Ok(groups.into_values().collect())
    }
}

#[async_trait]
impl Node for ListGroup {
    const TYPE: &'static str = "list_group";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Group and add up",
            family: Family::Computed,
            icon: "table",
            effect: Effect::Pure,
            surface: Surface::None,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn entries(&self) -> Option<&Template> {
        Some(&self.list)
    }

    fn output(&self, context: &OutputContext<'_>) -> Kind {
        let shape = self.shape(context.entry.unwrap_or(&Kind::Any));
        let totals = shape.results.clone();
        // A group has an entry; the whole list need not.
        let of_group = shape.results.into_iter().zip(&self.results);
        let results = of_group.map(|(field, result)| Field {
            optional: field.optional && (self.by.is_empty() || result.may_be_empty(context.entry)),
            ..field
        });
        let fields = shape.keys.into_iter().chain(results).collect();
        Kind::Record {
            fields: vec![
                field("groups", "Groups", Kind::rows(fields)),
                field("count", "Number of groups", Kind::Integer),
                field(
                    "totals",
                    "Over all entries",
                    Kind::Record { fields: totals },
                ),
            ],
        }
    }

    fn card(&self) -> Card {
        let mut well = vec![CardLine {
            text: self.list.0.clone(),
            trailing: String::new(),
        }];
        well.extend(self.by.iter().take(3).map(|key| CardLine {
            text: key.value.0.clone(),
            trailing: String::new(),
        }));
        Card {
            key_fact: String::new(),
            well,
        }
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let scope = context.entry.unwrap_or(&Kind::Any);
        let mut problems = check_list(&self.list, context);
        for (index, key) in self.by.iter().enumerate() {
            if key.value.0.trim().is_empty() {
                problems.push(incomplete(&format!("/by/{index}/value")));
            }
        }
        for (index, result) in self.results.iter().enumerate() {
            let at = format!("/results/{index}/value");
            problems.extend(result.check(scope).map(|problem| problem.at(at)));
        }
        problems.extend(Self::check_names(&self.shape(scope)));
        if self.by.is_empty() && self.results.is_empty() {
            let message = "This step changes nothing yet. Choose what to group by.";
            problems.push(Problem::warning("nothing_chosen", json!({}), message));
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let mut entries = Entries::of(context, &self.list)?;
        let shape = self.shape(&entry_scope(context, &self.list));
        let groups = self.groups(context, &mut entries)?;
        let sorter = Sorter::new(&context.step().locale)?;
        let mut columns = Vec::with_capacity(self.results.len());
        for (result, field) in self.results.iter().zip(&shape.results) {
            columns.push(result.column(context, &mut entries, field)?);
        }
        let currency = &context.step().currency;
        let over = |positions: &[usize]| -> Result<Record, NodeError> {
            let mut record = Record::with_capacity(columns.len());
            let settings = self.results.iter().zip(&shape.results).zip(&columns);
            for ((result, field), column) in settings {
                let values = positions.iter().map(|&at| &column[at]);
                let value = result.over(values, field, &sorter, currency)?;
                record.insert(field.name.clone(), value);
            }
            Ok(record)
        };
        let mut rows = Vec::with_capacity(groups.len());
        for (keys, positions) in &groups {
            let names = shape.keys.iter().map(|field| field.name.clone());
            let mut row: Record = names.zip(keys.iter().cloned()).collect();
            row.extend(over(positions)?);
            rows.push(Value::Record(row).to_json());
        }
        let all: Vec<usize> = (0..entries.len()).collect();
        Ok(Outcome::Done(Done::out(json!({
            "count": rows.len(),
            "groups": rows,
            "totals": Value::Record(over(&all)?).to_json(),
        }))))
    }
}

#[cfg(test)]
mod tests;
