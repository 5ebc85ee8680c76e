//! Which columns of the tables that a version was checked with its runs count on: those that some text of it names. The others may be
//! changed or deleted without publishing again. It reads no expressions: a name too many only makes a run ask for publishing.

use std::collections::{HashMap, HashSet};

use engine::{
    ids::TableId,
    kind::{Field, Kind},
    node::{NodeError, TableRows},
    workflow::Workflow,
};
use serde_json::Value as Json;
use store::{run::Program, table::Snapshot};

/// A table's columns, as the version was checked with them.
pub(crate) struct Columns {
    /// Those that nothing reads may be empty: what is handed on whole, such as all rows into a file, holds them so when they have gone.
    pub(crate) fields: Vec<Field>,
    read: HashSet<String>,
}

pub(crate) fn columns(program: &Program, workflow: &Workflow) -> HashMap<TableId, Columns> {
    let mut words = HashSet::new();
    for node in &workflow.nodes {
        gather(&node.config, true, &mut words);
    }
    // A page names the values of the entries that it lists.
    for document in program.documents.values() {
        gather(&document.template, false, &mut words);
    }
    let of = |fields: &[Field]| {
        let read: HashSet<String> = fields
            .iter()
            .map(|field| field.name.clone())
            .filter(|name| words.contains(name.as_str()))
            .collect();
        let fields = fields.iter().map(|field| Field {
            optional: field.optional || !read.contains(&field.name),
            ..field.clone()
        });
        Columns {
            fields: fields.collect(),
            read,
        }
    };
    let tables = program.tables.iter();
    tables
        .map(|(id, table)| (*id, of(&table.columns)))
        .collect()
}

/// The words of all texts, or only of those that hold expressions.
fn gather<'a>(json: &'a Json, only_expressions: bool, words: &mut HashSet<&'a str>) {
    match json {
        Json::String(text) if !only_expressions || text.contains("{{") || text.contains("{%") => {
            let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            words.extend(parts);
        }
        Json::Array(items) => {
            for item in items {
                gather(item, only_expressions, words);
            }
        }
        Json::Object(fields) => {
            for item in fields.values() {
                gather(item, only_expressions, words);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

impl Columns {
    /// The rows with the columns that are what they were; an error names a column that is not, and that the workflow reads or the step
    /// itself looks at (`named`).
    pub(crate) fn fit(&self, now: &Snapshot, named: &[&str]) -> Result<TableRows, NodeError> {
        let mut kept = Vec::with_capacity(self.fields.len());
        for column in &self.fields {
            let found = now.layout.column(&column.name);
            if found.is_some_and(|found| is_like(&found.field.kind, &column.kind)) {
                kept.push(column.clone());
            } else if self.read.contains(&column.name) || named.contains(&column.name.as_str()) {
                return Err(changed(column, &now.name));
            }
        }
        Ok(TableRows {
            name: now.name.clone(),
            columns: kept,
            rows: now.rows.clone(),
        })
    }
}

/// What a column holds can be read as what it held when the version was published: its limits and choices may have changed since.
fn is_like(now: &Kind, known: &Kind) -> bool {
    let text = |kind: &Kind| matches!(kind, Kind::Text { .. } | Kind::Choice { .. });
    std::mem::discriminant(now) == std::mem::discriminant(known) || (text(now) && text(known))
}

fn changed(column: &Field, table: &str) -> NodeError {
    let title = if column.title.is_empty() {
        &column.name
    } else {
        &column.title
    };
    NodeError::config(
        "table_column_changed",
        format!(
            "The column \u{201c}{title}\u{201d} of \u{201c}{table}\u{201d} is not any more what this workflow was published with. Look at the workflow and publish it again."
        ),
    )
    .with("column", title.as_str())
    .with("table", table)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::table::Layout;
    use serde_json::json;

    use super::*;

    fn known() -> Columns {
        let fields: Vec<Field> = serde_json::from_value(json!([
            {"name": "name", "title": "Name", "kind": "text"},
            {"name": "price", "title": "Price", "kind": "money"},
            {"name": "city", "title": "City", "kind": "text", "optional": true},
        ]))
        .expect("columns");
        Columns {
            fields,
            read: HashSet::from(["price".to_owned()]),
        }
    }

    fn now(columns: &Json) -> Snapshot {
        Snapshot {
            name: "Hotels".into(),
            layout: serde_json::from_value::<Layout>(json!({ "columns": columns }))
                .expect("a layout"),
            revision: 1,
            rows: Arc::new(vec![
                json!({"name": "Adler", "price": null, "city": "Rome"}),
            ]),
        }
    }

    #[test]
    fn a_column_that_nothing_reads_may_go_and_no_other() {
        let name = json!({"name": "name", "title": "Name", "kind": "text"});
        let price = json!({"name": "price", "title": "Price", "kind": "money", "currency": "EUR", "optional": true});
        let check = |columns: Json, named: &[&str], expected: Result<&[&str], &str>| {
            let fitted = known().fit(&now(&columns), named);
            let fitted = fitted.map(|rows| {
                let names: Vec<String> = rows.columns.into_iter().map(|one| one.name).collect();
                names
            });
            match (fitted, expected) {
                (Ok(names), Ok(expected)) => assert_eq!(names, expected),
                (Err(NodeError::Config(error)), Err(column)) => {
                    assert_eq!(error.params["column"], column);
                }
                (other, _) => panic!("{other:?}"),
            }
        };
        check(json!([name, price]), &[], Ok(&["name", "price"]));
        // A condition that the column is empty would hold for every row.
        check(json!([name, price]), &["city"], Err("City"));
        check(json!([name]), &[], Err("Price"));
        check(json!([price]), &[], Ok(&["price"]));
        let other = json!({"name": "city", "title": "City", "kind": "integer"});
        check(json!([name, price, other]), &[], Ok(&["name", "price"]));
        check(json!([name, price, other]), &["city"], Err("City"));
        let fitted = known().fit(&now(&json!([price, other])), &[]);
        let fitted = fitted.expect("the columns are there");
        assert_eq!(fitted.entry(&fitted.rows[0]), json!({ "price": null }));
    }

    #[test]
    fn words_are_those_of_expressions_and_of_pages() {
        let mut words = HashSet::new();
        let config = json!({"a": "{{ found.price * 2 }}", "b": ["name", {"c": "{% if x.city %}"}]});
        gather(&config, true, &mut words);
        assert!(["price", "city"].iter().all(|word| words.contains(word)));
        assert!(!words.contains("name"));
        let page = json!({"fields": [{"name": "name"}]});
        gather(&page, false, &mut words);
        assert!(words.contains("name"));
    }
}
