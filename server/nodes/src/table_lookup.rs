//! `table_lookup`: rows of one of the firm's tables that fulfil conditions. Conditions are compared by kind in Rust, as the rules of
//! `branch` are.

use async_trait::async_trait;
use engine::{
    check::Problem,
    expression::Template,
    ids::TableId,
    kind::{Field, Kind},
    node::{
        Card, CardLine, Description, Done, Effect, Family, MAX_ITEMS, Node, NodeContext, NodeError,
        Outcome, OutputContext, Port, Surface, TableRows,
    },
    value::Value,
    workflow::Retry,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::{
    rules::{Operator, compare},
    values::named,
};

const FOUND: &str = "found";
const NOT_FOUND: &str = "not_found";
/// Most conditions of one step.
const MAX_CONDITIONS: usize = 20;
/// Most bytes of rows that one step puts out.
const MAX_OUTPUT_BYTES: usize = 2 * 1024 * 1024;
/// Most characters of a value that an error repeats.
const MAX_TOLD: usize = 80;

/// Look up rows of one of the firm's tables.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableLookup {
    /// The table to look into, as it is when the step runs.
    #[serde(default)]
    #[schemars(extend("x-widget" = "table"))]
    table: Option<TableId>,
    /// What a row must fulfil; all of it.
    #[serde(default)]
    #[schemars(extend("x-widget" = "table_conditions", "x-keys" = {"table_columns": "table"}))]
    conditions: Vec<Condition>,
    /// Which of the rows that fit come out.
    #[serde(default)]
    #[schemars(title = "What comes out")]
    find: Find,
    /// What happens when no row fits.
    #[serde(default)]
    #[schemars(title = "If no row fits", extend("x-when" = {"find": ["one", "first"]}))]
    if_none: IfNone,
}

/// `{column} {operator} {value}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Condition {
    /// The column to look at.
    #[schemars(extend("x-widget" = "table_column", "x-keys" = {"table_columns": "table"}))]
    column: String,
    /// How it is compared.
    #[serde(default)]
    operator: Operator,
    /// What it is compared with; not needed for "is empty" and "is filled in".
    #[serde(default)]
    #[schemars(title = "Compared with", extend("x-widget" = "value", "x-empty" = true))]
    value: Option<Template>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {
    "one": "The only row that fits", "first": "The first row that fits", "all": "All rows that fit, as a list"
}))]
enum Find {
    #[default]
    One,
    First,
    All,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(extend("x-labels" = {"fail": "The step fails", "way": "It goes another way"}))]
enum IfNone {
    #[default]
    Fail,
    Way,
}

/// A condition whose value is known.
struct Ready<'a> {
    column: &'a Field,
    /// Of the column, as its cells are read.
    kind: Kind,
    operator: Operator,
    value: Value,
}

impl TableLookup {
    fn branches(&self) -> bool {
        match self.find {
            Find::One | Find::First => self.if_none == IfNone::Way,
            Find::All => false,
        }
    }

    fn ready<'a>(
        &self,
        table: &'a TableRows,
        context: &dyn NodeContext,
    ) -> Result<Vec<Ready<'a>>, NodeError> {
        self.conditions
            .iter()
            .map(|condition| {
                let column = table
                    .columns
                    .iter()
                    .find(|column| column.name == condition.column)
                    .ok_or_else(|| missing_column(&condition.column, &table.name))?;
                let value = match (&condition.value, condition.operator.needs_operand()) {
                    (Some(template), true) => context
                        .evaluate(template)
                        .map_err(|error| named(error, title(column)))?,
                    (None, true) | (_, false) => Value::Empty,
                };
                Ok(Ready {
                    column,
                    kind: open(&column.kind),
                    operator: condition.operator,
                    value,
                })
            })
            .collect()
    }

    /// The rows that fit, in the table's order, and no more of them than it takes to decide.
    fn fitting(&self, table: &TableRows, ready: &[Ready<'_>]) -> Result<Vec<Json>, NodeError> {
        let enough = match self.find {
            Find::One => 2,
            Find::First => 1,
            Find::All => MAX_ITEMS + 1,
        };
        let mut found = Vec::new();
        for row in &*table.rows {
            if fits(row, ready)? {
                found.push(table.entry(row));
                if found.len() == enough {
                    break;
                }
            }
        }
        Ok(found)
    }
}

fn fits(row: &Json, ready: &[Ready<'_>]) -> Result<bool, NodeError> {
    for condition in ready {
        let column = condition.column;
        let cell = match row.get(&column.name) {
            None | Some(Json::Null) => Value::Empty,
            Some(cell) => Value::from_json(cell, &condition.kind).map_err(|_| {
                NodeError::failed("table_damaged", "A row of the table cannot be read.")
            })?,
        };
        let holds = compare(&cell, condition.operator, &condition.value)
            .map_err(|error| named(error, title(column)))?;
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A column's kind as later steps count on it: its limits and choices can change between publishing and a run.
fn open(kind: &Kind) -> Kind {
    match kind {
        Kind::Text { .. } | Kind::Choice { .. } => Kind::text(),
        Kind::Integer
        | Kind::Decimal
        | Kind::Money { .. }
        | Kind::Date
        | Kind::Time
        | Kind::Instant
        | Kind::YesNo
        | Kind::List { .. }
        | Kind::Record { .. }
        | Kind::File
        | Kind::Any => kind.clone(),
    }
}

fn title(column: &Field) -> &str {
    if column.title.is_empty() {
        &column.name
    } else {
        &column.title
    }
}

fn missing_column(column: &str, table: &str) -> NodeError {
    NodeError::config(
        "table_column_missing",
        format!("The table \u{201c}{table}\u{201d} has no column \u{201c}{column}\u{201d}."),
    )
    .with("column", column)
    .with("table", table)
}

/// What was looked for, as an error says it.
fn sought(ready: &[Ready<'_>]) -> String {
    let conditions = ready.iter().map(|condition| {
        let value = match condition.value.clone().convert(&Kind::text(), "") {
            Ok(Value::Text(text)) => text.chars().take(MAX_TOLD).collect(),
            Ok(_) | Err(_) => String::new(),
        };
        let words = [title(condition.column), condition.operator.symbol(), &value];
        words.join(" ").trim_end().to_owned()
    });
    conditions.collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl Node for TableLookup {
    const TYPE: &'static str = "table_lookup";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Look up in a table",
            family: Family::Looked,
            icon: "table-properties",
            // People change rows at any time, so that looking again may find something else. What was found is therefore committed
            // before anything goes on with it; a pure step would be made anew after a crash, beside files that came of the first look.
            effect: Effect::Outside,
            surface: Surface::None,
            timeout_ms: 30_000,
            retry: Some(Retry {
                max_attempts: 4,
                first_ms: 1_000,
                factor: 3,
                max_ms: 60_000,
            }),
        }
    }

    fn ports(&self) -> Vec<Port> {
        if !self.branches() {
            return vec![Port::out()];
        }
        [(FOUND, "Found"), (NOT_FOUND, "Not found")]
            .map(|(name, title)| Port {
                name: name.into(),
                title: title.into(),
            })
            .into()
    }

    fn empty_ports(&self) -> Vec<String> {
        vec![NOT_FOUND.into()]
    }

    fn output(&self, context: &OutputContext<'_>) -> Kind {
        let columns = self
            .table
            .and_then(|id| context.resources.table_columns(id));
        let fields = columns.unwrap_or_default().into_iter().map(|column| Field {
            kind: open(&column.kind),
            ..column
        });
        let row = Kind::Record {
            fields: fields.collect(),
        };
        match self.find {
            Find::One | Find::First => row,
            Find::All => Kind::record([
                ("rows", "Rows", Kind::list(row)),
                ("count", "Number of rows", Kind::Integer),
            ]),
        }
    }

    fn card(&self) -> Card {
        let well = self.conditions.iter().take(4).map(|condition| CardLine {
            text: format!(
                "{} {} {}",
                condition.column,
                condition.operator.symbol(),
                condition.value.as_ref().map_or("", |value| &value.0)
            ),
            trailing: String::new(),
        });
        Card {
            key_fact: String::new(),
            well: well.collect(),
        }
    }

    fn check(&self, context: &OutputContext<'_>) -> Vec<Problem> {
        let Some(table) = self.table else {
            return vec![
                Problem::error("no_table", json!({}), "Choose the table to look into.")
                    .at("/table"),
            ];
        };
        let Some(columns) = context.resources.table_columns(table) else {
            let message = "The table does not exist any more. Choose another one.";
            return vec![Problem::error("table_missing", json!({}), message).at("/table")];
        };
        let mut problems = Vec::new();
        let count = self.conditions.len();
        if count > MAX_CONDITIONS || (count == 0 && self.find == Find::One) {
            problems.push(
                Problem::error(
                    "table_condition_count",
                    json!({"most": MAX_CONDITIONS}),
                    format!("Say what the row must fulfil, with 1 to {MAX_CONDITIONS} conditions."),
                )
                .at("/conditions"),
            );
        }
        for (index, condition) in self.conditions.iter().enumerate() {
            let at = format!("/conditions/{index}");
            let name = &condition.column;
            let empty = condition
                .value
                .as_ref()
                .is_none_or(|value| value.0.trim().is_empty());
            if name.is_empty() || (empty && condition.operator.needs_operand()) {
                let message = "A condition is not complete.";
                problems
                    .push(Problem::error("table_condition_incomplete", json!({}), message).at(&at));
            } else if !columns.iter().any(|column| column.name == *name) {
                problems.push(
                    Problem::error(
                        "table_column_missing",
                        json!({"column": name}),
                        format!("The table has no column \u{201c}{name}\u{201d}."),
                    )
                    .at(format!("{at}/column")),
                );
            }
        }
        problems
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        let Some(id) = self.table else {
            return Err(NodeError::config(
                "no_table",
                "No table is chosen. Choose one and publish again.",
            ));
        };
        let named: Vec<&str> = self
            .conditions
            .iter()
            .map(|condition| condition.column.as_str())
            .collect();
        let table = context.table(id, &named).await?;
        let ready = self.ready(&table, context)?;
        let found = self.fitting(&table, &ready)?;
        filled(&table, &found)?;
        let told = |error: NodeError| {
            error
                .with("table", table.name.as_str())
                .with("sought", sought(&ready))
        };
        if self.find == Find::All {
            return all(&table.name, found);
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(told(NodeError::failed(
                "several_rows",
                format!(
                    "Several rows of \u{201c}{}\u{201d} fit ({}), and only one may. Add a condition, or take the first one.",
                    table.name,
                    sought(&ready)
                ),
            ))),
            (Some(row), None) => Ok(Outcome::Done(Done {
                ports: vec![if self.branches() { FOUND } else { "out" }.into()],
                output: row,
                ..Done::default()
            })),
            (None, _) if self.branches() => Ok(Outcome::Done(Done {
                ports: vec![NOT_FOUND.into()],
                ..Done::default()
            })),
            (None, _) => Err(told(NodeError::failed(
                "no_row",
                format!(
                    "No row of \u{201c}{}\u{201d} fits ({}). Add it to the table, or choose another value.",
                    table.name,
                    sought(&ready)
                ),
            ))),
        }
    }
}

/// Later steps count on a value where the column had to have one when the workflow was published.
fn filled(table: &TableRows, found: &[Json]) -> Result<(), NodeError> {
    let must = table.columns.iter().filter(|column| !column.optional);
    for column in must {
        if found.iter().any(|row| row[&column.name].is_null()) {
            let message = format!(
                "A row of \u{201c}{}\u{201d} that fits has no value in \u{201c}{}\u{201d}. Fill it in, or look at the workflow and publish it again.",
                table.name,
                title(column)
            );
            return Err(NodeError::failed("table_cell_empty", message)
                .with("table", table.name.as_str())
                .with("column", title(column)));
        }
    }
    Ok(())
}

/// All rows that were found, as a list that later steps can go through.
fn all(table: &str, found: Vec<Json>) -> Result<Outcome, NodeError> {
    let bytes: usize = found.iter().map(|row| row.to_string().len()).sum();
    if found.len() > MAX_ITEMS || bytes > MAX_OUTPUT_BYTES {
        return Err(NodeError::failed(
            "too_many_rows",
            format!(
                "More rows of \u{201c}{table}\u{201d} fit than a step can put out: {MAX_ITEMS} rows, {} MB. Add conditions.",
                MAX_OUTPUT_BYTES / 1024 / 1024
            ),
        )
        .with("table", table)
        .with("most", MAX_ITEMS));
    }
    let mut output = Map::new();
    output.insert("count".into(), json!(found.len()));
    output.insert("rows".into(), Json::Array(found));
    Ok(Outcome::Done(Done::out(Json::Object(output))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use engine::graph::Named;
    use uuid::Uuid;

    use super::*;
    use crate::testing::{FakeContext, done, node};

    const TABLE: &str = "00000000-0000-0000-0000-000000000009";

    fn columns() -> Vec<Field> {
        serde_json::from_value(json!([
            {"name": "name", "title": "Name", "kind": "text", "max_length": 9},
            {"name": "city", "title": "City", "kind": "choice", "options": [{"value": "Rome"}, {"value": "Bern"}]},
            {"name": "price", "title": "Price", "kind": "money"},
            {"name": "rooms", "title": "Rooms", "kind": "integer", "optional": true},
        ]))
        .expect("columns")
    }

    fn context(values: &Json) -> FakeContext {
        let row = |name: &str, city: &str, price: &str, rooms: Json| json!({"name": name, "city": city, "price": {"amount": price, "currency": "EUR"}, "rooms": rooms});
        FakeContext {
            table: TableRows {
                name: "Hotels".into(),
                columns: columns(),
                rows: Arc::new(vec![
                    row("Adler", "Rome", "120.00", json!(12)),
                    row("Post", "Bern", "90.00", Json::Null),
                    row("Krone", "Bern", "150.00", json!(40)),
                ]),
            },
            ..FakeContext::new(&json!({ "form": values }))
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "test values are written in place"
    )]
    fn config(conditions: Json, find: &str, if_none: &str) -> Json {
        json!({"table": TABLE, "conditions": conditions, "find": find, "if_none": if_none})
    }

    fn hotel(find: &str, if_none: &str) -> Json {
        let condition = json!([{"column": "name", "operator": "is", "value": "{{ form.hotel }}"}]);
        config(condition, find, if_none)
    }

    #[test]
    fn the_only_row_comes_out_and_none_or_two_are_errors() {
        let found = done::<TableLookup>(hotel("one", "fail"), &context(&json!({"hotel": "adler"})));
        let found = found.expect("a row");
        assert_eq!(
            (found.ports[0].as_str(), &found.output["rooms"]),
            ("out", &json!(12))
        );
        let check = |config: Json, code: &str, message: &str| {
            let error =
                done::<TableLookup>(config, &context(&json!({"hotel": "Bär", "city": "Bern"})))
                    .expect_err("no single row");
            let NodeError::Failed(error) = error else {
                panic!("another error: {error:?}");
            };
            assert_eq!(error.code, code);
            assert!(error.message.contains(message), "{}", error.message);
        };
        check(hotel("one", "fail"), "no_row", "Name is Bär");
        check(hotel("first", "fail"), "no_row", "Name is Bär");
        let city = json!([{"column": "city", "operator": "is", "value": "{{ form.city }}"}]);
        check(
            config(city.clone(), "one", "fail"),
            "several_rows",
            "City is Bern",
        );
        check(config(city, "one", "way"), "several_rows", "City is Bern");
    }

    #[test]
    fn the_first_row_is_the_first_in_the_tables_order() {
        let conditions = json!([
            {"column": "city", "value": "bern"}, {"column": "price", "operator": "at_least", "value": "80"},
        ]);
        let found = done::<TableLookup>(config(conditions, "first", "way"), &context(&json!({})));
        let found = found.expect("a row");
        assert_eq!(
            (found.ports[0].as_str(), &found.output["name"]),
            (FOUND, &json!("Post"))
        );
    }

    #[test]
    fn no_row_can_be_a_way_that_carries_nothing() {
        let found = done::<TableLookup>(hotel("one", "way"), &context(&json!({"hotel": "Bär"})));
        let found = found.expect("a way");
        assert_eq!(
            (found.ports[0].as_str(), found.output),
            (NOT_FOUND, Json::Null)
        );
    }

    #[test]
    fn all_rows_are_a_list_even_when_there_is_none() {
        let conditions = json!([{"column": "rooms", "operator": "is_empty"}]);
        let found = done::<TableLookup>(config(conditions, "all", "way"), &context(&json!({})));
        assert_eq!(
            found.expect("rows").output["rows"][0]["name"],
            json!("Post")
        );
        let conditions = json!([{"column": "rooms", "operator": "greater", "value": "99"}]);
        let found = done::<TableLookup>(config(conditions, "all", "way"), &context(&json!({})));
        let found = found.expect("rows");
        assert_eq!(
            (found.ports[0].as_str(), found.output),
            ("out", json!({"count": 0, "rows": []}))
        );
    }

    #[test]
    fn more_rows_than_fit_are_an_error_and_not_a_shorter_list() {
        let mut context = context(&json!({}));
        let row = context.table.rows[0].clone();
        context.table.rows = Arc::new(vec![row; MAX_ITEMS + 1]);
        let error = done::<TableLookup>(config(json!([]), "all", "fail"), &context);
        assert!(matches!(error, Err(NodeError::Failed(error)) if error.code == "too_many_rows"));
    }

    #[test]
    fn an_empty_cell_counts_only_in_a_row_that_was_found() {
        let mut context = context(&json!({"hotel": "Post"}));
        let rows = Arc::make_mut(&mut context.table.rows);
        rows[0]["price"] = Json::Null;
        let found = done::<TableLookup>(hotel("one", "fail"), &context);
        assert_eq!(found.expect("a row").output["name"], "Post");
        let rows = Arc::make_mut(&mut context.table.rows);
        rows[1]["price"] = Json::Null;
        let error = done::<TableLookup>(hotel("one", "fail"), &context);
        let Err(NodeError::Failed(error)) = error else {
            panic!("found");
        };
        assert_eq!(
            (error.code.as_str(), &error.params["column"]),
            ("table_cell_empty", &json!("Price"))
        );
    }

    #[test]
    fn what_cannot_be_compared_names_its_column() {
        let conditions = json!([{"column": "price", "operator": "greater", "value": "dear"}]);
        let error = done::<TableLookup>(config(conditions, "all", "fail"), &context(&json!({})));
        let Err(NodeError::Failed(error)) = error else {
            panic!("compared");
        };
        assert_eq!(error.code, "not_comparable");
        assert!(error.message.contains("Price"), "{}", error.message);
    }

    fn problems(config: Json, tables: &Named) -> Vec<(String, String)> {
        let inputs = indexmap::IndexMap::new();
        let context = OutputContext {
            inputs: &inputs,
            resources: tables,
            sources: &[],
            inside: None,
            entry: None,
        };
        let found = node::<TableLookup>(config).check(&context).into_iter();
        found
            .map(|problem| (problem.pointer, problem.code))
            .collect()
    }

    #[test]
    fn what_is_missing_is_told_before_it_runs() {
        let id = TableId(Uuid::parse_str(TABLE).expect("an id"));
        let mut tables = Named::default();
        let check = |config: Json, tables: &Named, expected: &[(&str, &str)]| {
            let found = problems(config, tables);
            let found: Vec<_> = found
                .iter()
                .map(|(at, code)| (at.as_str(), code.as_str()))
                .collect();
            assert_eq!(found, expected);
        };
        check(json!({}), &tables, &[("/table", "no_table")]);
        check(
            hotel("one", "fail"),
            &tables,
            &[("/table", "table_missing")],
        );
        tables.tables.insert(id, columns());
        check(hotel("one", "fail"), &tables, &[]);
        check(
            json!({"table": TABLE}),
            &tables,
            &[("/conditions", "table_condition_count")],
        );
        check(config(json!([]), "first", "fail"), &tables, &[]);
        let conditions = json!([
            {"column": "stars", "operator": "is", "value": "5"}, {"column": "name", "operator": "is"}, {"column": "", "operator": "is_empty"},
        ]);
        check(
            config(conditions, "one", "fail"),
            &tables,
            &[
                ("/conditions/0/column", "table_column_missing"),
                ("/conditions/1", "table_condition_incomplete"),
                ("/conditions/2", "table_condition_incomplete"),
            ],
        );
    }
}
