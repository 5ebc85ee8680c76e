//! Tables of a workflow: embedded ones become the firm's own, an export takes them along, and a form's choices are read from them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use engine::{
    catalogue::Catalogue,
    check::Problem,
    form::{ChoicesFrom, Form, Source},
    ids::TableId,
    table::{self, Embedded, Layout, MAX_ROWS, MAX_TABLES, setting},
    value::{Record, escape_pointer},
    workflow::Workflow,
};
use serde_json::{Value as Json, json};
use store::{Scope, Store, fresh_id, table::NewTable};

use super::{TABLE, free_name, ids, local_name, readable, rename, settings};
use crate::error::{ApiError, Result};

/// Most rows that an export takes along; of a longer table it has the columns.
const MAX_EXPORTED_ROWS: usize = 1_000;

/// Turns embedded tables into resources with fresh ids. A name that nothing embeds stays and becomes a problem of the check.
pub(crate) fn extract_tables(
    catalogue: &Catalogue,
    workflow: &mut Workflow,
) -> Result<Vec<NewTable>> {
    let embedded = std::mem::take(&mut workflow.tables);
    let mut made = Vec::new();
    let mut names: HashMap<String, TableId> = HashMap::new();
    let mut problems = Vec::new();
    if embedded.len() > MAX_TABLES {
        let message = format!("A workflow brings at most {MAX_TABLES} tables along.");
        let problem = Problem::error("table_limit", json!({"most": MAX_TABLES}), message);
        problems.push(problem.at("/document/tables"));
    }
    for (local, json) in embedded.into_iter().take(MAX_TABLES) {
        let place = format!("/document/tables/{}", escape_pointer(&local));
        match read(json) {
            Ok((layout, rows)) => {
                let id: TableId = fresh_id();
                names.insert(local.clone(), id);
                made.push(NewTable {
                    id,
                    name: readable(&local),
                    layout,
                    rows,
                });
            }
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| problem.under(&place)));
            }
        }
    }
    if !problems.is_empty() {
        return Err(ApiError::from_problems(
            "A table in this workflow cannot be read.",
            problems,
        ));
    }
    rename(catalogue, workflow, TABLE, |name| {
        names.get(name).map(ToString::to_string)
    });
    Ok(made)
}

fn read(json: Json) -> std::result::Result<(Layout, Vec<table::Cells>), Vec<Problem>> {
    let embedded: Embedded = serde_json::from_value(json).map_err(|error| {
        let message = format!("This is not a table: {error}.");
        vec![Problem::error(
            "table_unreadable",
            json!({"reason": error.to_string()}),
            message,
        )]
    })?;
    let layout = Layout {
        columns: embedded.columns,
        name_column: embedded.name_column,
    };
    let mut problems = layout.check();
    if embedded.rows.len() > MAX_ROWS {
        problems.push(
            Problem::error(
                "table_row_count",
                json!({"most": MAX_ROWS}),
                format!("A table has at most {MAX_ROWS} rows."),
            )
            .at("/rows"),
        );
    }
    let constants = Record::new();
    let setting = setting(Source::Program, "en", "", &constants);
    let (mut rows, mut keys) = (Vec::new(), HashSet::new());
    for (index, given) in embedded.rows.iter().take(MAX_ROWS).enumerate() {
        let at = format!("/rows/{index}");
        match layout.read_row(given, &setting) {
            Ok(cells) => {
                if layout.key(&cells).is_some_and(|key| !keys.insert(key)) {
                    let message = "Two rows have the same name.";
                    problems.push(Problem::error("row_name_taken", json!({}), message).at(at));
                }
                rows.push(cells);
            }
            Err(found) => problems.extend(found.into_iter().map(|problem| problem.under(&at))),
        }
    }
    if problems.is_empty() {
        Ok((layout, rows))
    } else {
        Err(problems)
    }
}

/// Embeds the tables that a workflow names under local names, for an export.
pub(crate) async fn embed_tables(
    store: &Store,
    scope: &Scope,
    catalogue: &Catalogue,
    workflow: &mut Workflow,
) -> Result<()> {
    let nodes = workflow.nodes.iter();
    let named: Vec<String> = nodes
        .flat_map(|node| settings(catalogue, node, TABLE))
        .map(|(_, name)| name)
        .collect();
    let mut names: HashMap<String, String> = HashMap::new();
    for table in store::table::several(store, scope, &ids(&named)).await? {
        let rows = if usize::try_from(table.row_count).unwrap_or(usize::MAX) > MAX_EXPORTED_ROWS {
            Vec::new()
        } else {
            let now = store::table::snapshot(store, scope, table.id).await?;
            Arc::unwrap_or_clone(now.rows)
        };
        let local = free_name(&local_name(&table.name, "table"), |local| {
            workflow.tables.contains_key(local)
        });
        let mut embedded = json!(table.layout);
        embedded["rows"] = Json::Array(rows);
        workflow.tables.insert(local.clone(), embedded);
        names.insert(table.id.to_string(), local);
    }
    rename(catalogue, workflow, TABLE, |id| names.get(id).cloned());
    Ok(())
}

/// The form with the choices that its tables offer now.
pub(crate) async fn choices(store: &Store, scope: &Scope, form: &Form) -> Result<Form> {
    let mut found: HashMap<ChoicesFrom, Arc<Vec<String>>> = HashMap::new();
    for from in form.choices_from() {
        if let Ok(id) = from.table.parse::<TableId>()
            && let Some(choices) = store::table::choices(store, scope, id, &from.column).await?
        {
            found.insert(from.clone(), choices);
        }
    }
    Ok(form.with_choices(&|from| found.get(from).map(|choices| choices.to_vec())))
}
