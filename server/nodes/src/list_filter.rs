//! `list_filter`: of a list the entries that are wanted, in the order that is wanted. Entries are kept as they are; what each is made into
//! is `for_each`'s business.

use std::{cmp::Ordering, collections::HashSet};

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::{Program, Template},
    kind::Kind,
    node::{
        Card, CardLine, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
    value::Value,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    entries::{Entries, Entry, check_list, item_kind, kind_of},
    ordering::{Sorter, identities, is_empty, is_ordered},
    rules::{Match, Operator, Rule, compare},
    values::field,
};

/// Keep the entries of a list that fit, sort them, and take as many as are needed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListFilter {
    /// The list to choose from.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    list: Template,
    /// Which entries are kept; without a rule all of them.
    #[serde(default)]
    #[schemars(title = "Keep entries where", length(max = 20), extend("x-widget" = "rules", "x-scope" = "entry"))]
    rules: Vec<Rule>,
    /// Whether all rules must hold, or one is enough.
    #[serde(default, rename = "match")]
    #[schemars(title = "Rules that must hold")]
    mode: Match,
    /// Of entries with the same values here only the first is kept.
    #[serde(default)]
    #[schemars(title = "Without duplicates by", length(max = 20), extend("x-scope" = "entry"))]
    unique_by: Vec<Key>,
    /// What the entries are sorted by; the second value decides where the first is the same.
    #[serde(default)]
    #[schemars(title = "Sort by", length(max = 20), extend("x-scope" = "entry"))]
    sort_by: Vec<SortKey>,
    /// How many entries at the beginning are left out.
    #[serde(default)]
    #[schemars(title = "Leave out the first", extend("x-group" = "advanced"))]
    skip: u32,
    /// How many entries are taken at most; all when empty.
    #[serde(default)]
    #[schemars(title = "At most", range(min = 1))]
    limit: Option<u32>,
}

/// A value of an entry.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Key {
    /// The value to look at.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    value: Template,
}

/// A value of an entry, and which end comes first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SortKey {
    /// The value to look at.
    #[serde(default)]
    #[schemars(extend("x-widget" = "value", "x-empty" = true))]
    value: Template,
    /// Which end of the values comes first.
    #[serde(default)]
    direction: Direction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"ascending": "Smallest, earliest or A first", "descending": "Largest, latest or Z first"}))]
enum Direction {
    #[default]
    Ascending,
    Descending,
}

impl Direction {
    fn turn(self, order: Ordering) -> Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }
}

/// A rule whose expressions have been read once.
struct Test {
    value: Program,
    operator: Operator,
    operand: Option<Program>,
}

impl Test {
    fn of(rule: &Rule) -> Result<Self, NodeError> {
        let operand = rule
            .operand
            .as_ref()
            .filter(|_| rule.operator.needs_operand());
        Ok(Self {
            value: rule.value.compile()?,
            operator: rule.operator,
            operand: operand.map(Template::compile).transpose()?,
        })
    }

    fn holds(&self, entry: &Entry<'_>) -> Result<bool, NodeError> {
        let value = entry.evaluate(&self.value)?;
        let operand = match &self.operand {
            Some(operand) => entry.evaluate(operand)?,
            None => Value::Empty,
        };
        compare(&value, self.operator, &operand)
    }
}

impl ListFilter {
    fn keep_fitting(
        &self,
        context: &dyn NodeContext,
        entries: &mut Entries,
    ) -> Result<(), NodeError> {
        if self.rules.is_empty() {
            return Ok(());
        }
        let tests: Vec<Test> = self.rules.iter().map(Test::of).collect::<Result<_, _>>()?;
        let fits = entries.each(context, |entry| {
            for test in &tests {
                match (self.mode, test.holds(entry)?) {
                    (Match::All, false) => return Ok(false),
                    (Match::Any, true) => return Ok(true),
                    (Match::All, true) | (Match::Any, false) => {}
                }
            }
            Ok(matches!(self.mode, Match::All))
        })?;
        entries.keep(&fits);
        Ok(())
    }

    fn drop_duplicates(
        &self,
        context: &dyn NodeContext,
        entries: &mut Entries,
    ) -> Result<(), NodeError> {
        if self.unique_by.is_empty() {
            return Ok(());
        }
        let columns: Vec<Vec<Value>> = self
            .unique_by
            .iter()
            .map(|key| entries.column(context, &key.value))
            .collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        let first: Vec<bool> = (0..entries.len())
            .map(|at| seen.insert(identities(columns.iter().map(|column| &column[at]))))
            .collect();
        entries.keep(&first);
        Ok(())
    }

    /// Equal entries keep their order; empty values come last whichever end comes first.
    fn sort(&self, context: &dyn NodeContext, entries: &mut Entries) -> Result<(), NodeError> {
        if self.sort_by.is_empty() {
            return Ok(());
        }
        let columns: Vec<Vec<Value>> = self
            .sort_by
            .iter()
            .map(|key| {
                let column = entries.column(context, &key.value)?;
                entries.comparable(&column).map(|()| column)
            })
            .collect::<Result<_, _>>()?;
        let sorter = Sorter::new(&context.step().locale)?;
        let by = |a: usize, b: usize| {
            let mut orders = columns.iter().zip(&self.sort_by).map(|(column, key)| {
                let (a, b) = (&column[a], &column[b]);
                match (is_empty(a), is_empty(b)) {
                    (true, true) => Ordering::Equal,
                    (true, false) => Ordering::Greater,
                    (false, true) => Ordering::Less,
                    (false, false) => key.direction.turn(sorter.compare(a, b)),
                }
            });
            orders
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        let mut positions: Vec<usize> = (0..entries.len()).collect();
        positions.sort_by(|&a, &b| by(a, b));
        entries.arrange(&positions);
        Ok(())
    }
}

#[async_trait]
impl Node for ListFilter {
    const TYPE: &'static str = "list_filter";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Filter and sort a list",
            family: Family::Computed,
            icon: "filter",
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
        Kind::Record {
            fields: vec![
                field("results", "Results", Kind::list(item_kind(context))),
                field("count", "Number of results", Kind::Integer),
            ],
        }
    }

    fn card(&self) -> Card {
        let rule = |rule: &Rule| CardLine {
            text: rule.text(),
            trailing: String::new(),
        };
        let mut well = vec![CardLine {
            text: self.list.0.clone(),
            trailing: String::new(),
        }];
        well.extend(self.rules.iter().take(3).map(rule));
        Card {
            key_fact: String::new(),
            well,
        }
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let mut problems = check_list(&self.list, context);
        for (index, rule) in self.rules.iter().enumerate() {
            if !rule.is_complete() {
                problems.push(incomplete(&format!("/rules/{index}")));
            }
        }
        for (index, key) in self.unique_by.iter().enumerate() {
            if key.value.0.trim().is_empty() {
                problems.push(incomplete(&format!("/unique_by/{index}/value")));
            }
        }
        for (index, key) in self.sort_by.iter().enumerate() {
            let at = format!("/sort_by/{index}/value");
            let scope = context.entry.unwrap_or(&Kind::Any);
            let (kind, _) = kind_of(&key.value, scope);
            if key.value.0.trim().is_empty() {
                problems.push(incomplete(&at));
            } else if !is_ordered(&kind) {
                problems.push(
                    Problem::error(
                        "not_sortable",
                        json!({"kind": kind.noun()}),
                        format!("This is {}, which has no order.", kind.noun()),
                    )
                    .at(at),
                );
            }
        }
        let does_nothing = self.rules.is_empty()
            && self.unique_by.is_empty()
            && self.sort_by.is_empty()
            && self.skip == 0
            && self.limit.is_none();
        if does_nothing {
            let message = "This step changes nothing yet. Add a rule, or a value to sort by.";
            problems.push(Problem::warning("nothing_chosen", json!({}), message));
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let mut entries = Entries::of(context, &self.list)?;
        self.keep_fitting(context, &mut entries)?;
        self.drop_duplicates(context, &mut entries)?;
        self.sort(context, &mut entries)?;
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        let results: Vec<_> = entries
            .items()
            .skip(size(self.skip))
            .take(self.limit.map_or(usize::MAX, size))
            .map(Value::to_json)
            .collect();
        Ok(Outcome::Done(Done::out(
            json!({"count": results.len(), "results": results}),
        )))
    }
}

/// A setting that lacks its value.
pub(crate) fn incomplete(at: &str) -> Problem {
    Problem::error("setting_incomplete", json!({}), "Choose a value here.").at(at)
}

#[cfg(test)]
mod tests;
