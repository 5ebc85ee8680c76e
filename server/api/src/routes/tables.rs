//! The firm's tables: their columns, their rows, and both as CSV files.

use std::collections::HashSet;

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use engine::{
    check::Problem,
    form::Source,
    ids::{RowId, TableId},
    table::{Column, Layout, MAX_ROWS, setting},
    value::Record,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::table::{Change, Fill, LayoutChange, NewTable, Place, Relaid};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Page, drafts::wrong_cursor};
use crate::{
    App,
    auth::Caller,
    error::{ApiError, ProblemOut, Result},
    extract::{Body, Path, Query, raw_body},
    openapi::ColumnSchema,
    table_csv::{self, Reading, Records},
};

/// Rows of one page.
const PAGE: i64 = 2_000;
/// Most changes of one call.
const MAX_CHANGES: usize = 2_000;
/// Rows of a file that are shown before they are taken.
const SHOWN: usize = 20;

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableOut {
    pub id: Uuid,
    pub name: String,
    /// Counts changes of the name and the columns.
    pub version: i32,
    /// Counts every change, of rows too.
    pub revision: i64,
    #[schema(value_type = Vec<ColumnSchema>)]
    pub columns: Vec<Column>,
    /// The column that people recognise a row by.
    pub name_column: Option<String>,
    pub row_count: i64,
    /// Workflows whose draft or live version uses it.
    pub used_by: Vec<TableUseOut>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TableUseOut {
    pub id: Uuid,
    pub name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableIn {
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    #[schema(value_type = Vec<ColumnSchema>)]
    pub columns: Vec<Column>,
    /// A text column whose cells all differ.
    pub name_column: Option<String>,
}

/// 409 `table_changed` when the base is stale, `cells_lost` with what would go unless `accept_loss` is set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TableUpdateIn {
    pub base_version: i32,
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    #[schema(value_type = Vec<ColumnSchema>)]
    pub columns: Vec<Column>,
    pub name_column: Option<String>,
    #[serde(default)]
    pub accept_loss: bool,
    /// Language in which texts are read that become numbers; English when absent.
    pub locale: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowOut {
    pub id: Uuid,
    /// Order among the rows.
    pub position: i64,
    /// The table's revision that changed it last.
    pub revision: i64,
    /// By the name of the column; null where it is empty.
    #[schema(value_type = Object)]
    pub cells: Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowsOut {
    pub items: Vec<RowOut>,
    /// Pass it as `after` to get the next page; null at the end.
    pub next: Option<String>,
    /// Of the table.
    pub revision: i64,
    /// With `since`: rows that are gone.
    pub deleted: Vec<Uuid>,
    /// With `since`: so much has changed that everything has to be read again.
    pub reload: bool,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RowsQuery {
    /// `next` of the page before.
    after: Option<String>,
    /// Only what changed since this revision.
    since: Option<i64>,
}

/// All of them are made, or none: 409 `row_changed` or `row_gone` when somebody was quicker, `table_changed` when the columns are
/// others.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowChangesIn {
    /// The table's version that the cells were written for.
    pub version: i32,
    /// Cells are texts as people of this language type them; without it they have the JSON form of their kind.
    pub locale: Option<String>,
    #[schema(min_items = 1, max_items = 2000)]
    pub changes: Vec<RowChangeIn>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RowChangeIn {
    Add {
        /// A fresh UUID, or that of a deleted row that comes back.
        id: Option<Uuid>,
        /// The row before it; the last one when absent.
        after: Option<Uuid>,
        /// Before all others.
        #[serde(default)]
        first: bool,
        #[schema(value_type = Object)]
        cells: Map<String, Value>,
    },
    Set {
        row: Uuid,
        /// The row's revision that the change was made on.
        revision: i64,
        /// The cells that change.
        #[schema(value_type = Object)]
        cells: Map<String, Value>,
    },
    Move {
        row: Uuid,
        after: Option<Uuid>,
        #[serde(default)]
        first: bool,
    },
    Delete {
        row: Uuid,
        revision: i64,
    },
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowsChangedOut {
    /// Every row that is new or another one now.
    pub items: Vec<RowOut>,
    pub deleted: Vec<Uuid>,
    pub revision: i64,
    pub row_count: i64,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ImportQuery {
    /// Language in which the file's numbers and dates are written.
    locale: String,
    /// The table's version that the preview was made with.
    version: i32,
    #[param(inline)]
    mode: ImportMode,
    /// Takes the rows; without it nothing is changed.
    #[serde(default)]
    apply: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportMode {
    Append,
    Replace,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct NewFromFileQuery {
    name: String,
    locale: String,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// Language of the spreadsheet that opens the file.
    locale: Option<String>,
}

/// What a file holds, and every problem with it. Nothing is taken while there is one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportOut {
    pub applied: bool,
    pub encoding: String,
    pub delimiter: String,
    pub headings: Vec<HeadingOut>,
    pub row_count: usize,
    /// Rows without content, which are left out.
    pub blank_rows: usize,
    /// The first rows.
    #[schema(value_type = Vec<Object>)]
    pub sample: Vec<Value>,
    /// The first 1,000; `params` say `row` (line of the file), `column` and `content`.
    pub problems: Vec<ProblemOut>,
    pub problem_count: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeadingOut {
    pub text: String,
    /// The column it fills; null when its cells are not taken.
    pub column: Option<String>,
}

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tables, create_table))
        .routes(routes!(create_table_from_file))
        .routes(routes!(read_table, write_table, delete_table))
        .routes(routes!(list_rows, change_rows))
        .routes(routes!(import_rows))
        .routes(routes!(export_table))
}

/// All tables by name.
#[utoipa::path(get, path = "/tables", tag = "tables", responses((status = 200, body = Page<TableOut>)))]
async fn list_tables(State(app): State<App>, caller: Caller) -> Result<Json<Page<TableOut>>> {
    let tables = store::table::list(&app.store, &caller.scope).await?;
    Ok(Json(Page::all(tables)))
}

/// Makes an empty table.
#[utoipa::path(post, path = "/tables", tag = "tables", request_body = TableIn, responses((status = 201, body = TableOut)))]
async fn create_table(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<TableIn>,
) -> Result<(StatusCode, Json<TableOut>)> {
    let layout = layout(body.columns, body.name_column)?;
    let new = NewTable {
        id: store::fresh_id(),
        name: body.name,
        layout,
        rows: Vec::new(),
    };
    let made = store::table::create(&app.store, &caller.scope, new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Makes a table of a CSV file: its first line names the columns, and what stands below tells their kinds.
#[utoipa::path(post, path = "/tables/from-file", tag = "tables", params(NewFromFileQuery),
    request_body(content = Vec<u8>, content_type = "text/csv"), responses((status = 201, body = TableOut)))]
async fn create_table_from_file(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<NewFromFileQuery>,
    request: Request,
) -> Result<(StatusCode, Json<TableOut>)> {
    let bytes = raw_body(request, table_csv::MAX_BYTES).await?;
    let currency = store::firm::get(&app.store, &caller.scope).await?.currency;
    let read = blocking(move || {
        let records = Records::read(&bytes)?;
        let constants = Record::new();
        let setting = setting(Source::Person, &query.locale, &currency, &constants);
        let layout = records.guess(&currency, &setting)?;
        let reading = records.fill(&layout, &setting, HashSet::new());
        Ok((query.name, layout, reading))
    })
    .await?;
    let (name, layout, reading) = read.map_err(unreadable)?;
    let mut problems = layout.check();
    problems.extend(reading.problems);
    if !problems.is_empty() {
        return Err(ApiError::from_problems(
            "This file cannot be made a table as it is.",
            problems,
        ));
    }
    let new = NewTable {
        id: store::fresh_id(),
        name,
        layout,
        rows: reading.rows,
    };
    let made = store::table::create(&app.store, &caller.scope, new).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// One table without its rows.
#[utoipa::path(get, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)),
    responses((status = 200, body = TableOut)))]
async fn read_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<Json<TableOut>> {
    let table = store::table::get(&app.store, &caller.scope, TableId(id)).await?;
    Ok(Json(table.into()))
}

/// Changes the name and the columns; a column is known by its name, whatever its title. Says what it would lose before it does.
#[utoipa::path(put, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)),
    request_body = TableUpdateIn, responses((status = 200, body = TableOut)))]
async fn write_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<TableUpdateIn>,
) -> Result<Json<TableOut>> {
    let layout = layout(body.columns, body.name_column)?;
    let change = LayoutChange {
        base: body.base_version,
        name: &body.name,
        layout: &layout,
        accept_loss: body.accept_loss,
        locale: body.locale.as_deref().unwrap_or("en"),
    };
    match store::table::change_layout(&app.store, &caller.scope, TableId(id), change).await? {
        Relaid::Done(table) => Ok(Json((*table).into())),
        Relaid::Gaps(problems) => Err(ApiError::from_problems(
            "The columns cannot be changed like this.",
            problems,
        )),
        Relaid::Loses(losses) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "cells_lost",
            "This would take content from the table. Nothing was changed.",
        )
        .current(json!({ "losses": losses }))),
    }
}

/// Deletes a table that no draft and no live version names.
#[utoipa::path(delete, path = "/tables/{id}", tag = "tables", params(("id" = Uuid, Path)), responses((status = 204)))]
async fn delete_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    store::table::delete(&app.store, &caller.scope, TableId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A page of rows in their order, or what changed since a revision.
#[utoipa::path(get, path = "/tables/{id}/rows", tag = "tables", params(("id" = Uuid, Path), RowsQuery),
    responses((status = 200, body = RowsOut)))]
async fn list_rows(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<RowsQuery>,
) -> Result<Json<RowsOut>> {
    let id = TableId(id);
    // Read first: what changes while pages are read is found again by this revision.
    let revision = store::table::head(&app.store, &caller.scope, id)
        .await?
        .revision;
    if let Some(since) = query.since {
        let delta = store::table::delta(&app.store, &caller.scope, id, since).await?;
        return Ok(Json(match delta {
            Some(delta) => RowsOut {
                items: delta.rows.into_iter().map(RowOut::from).collect(),
                next: None,
                revision: delta.revision,
                deleted: delta.deleted.into_iter().map(RowId::as_uuid).collect(),
                reload: false,
            },
            None => RowsOut {
                items: Vec::new(),
                next: None,
                revision,
                deleted: Vec::new(),
                reload: true,
            },
        }));
    }
    let after = query.after.as_deref().map(place).transpose()?;
    let rows = store::table::rows(&app.store, &caller.scope, id, after, PAGE + 1).await?;
    let rows = rows.into_iter().map(RowOut::from).collect();
    let page = Page::cut(rows, PAGE, |row| format!("{}_{}", row.position, row.id));
    Ok(Json(RowsOut {
        items: page.items,
        next: page.next,
        revision,
        deleted: Vec::new(),
        reload: false,
    }))
}

fn place(cursor: &str) -> Result<(i64, Uuid)> {
    let (position, id) = cursor.split_once('_').ok_or_else(wrong_cursor)?;
    let position = position.parse().map_err(|_| wrong_cursor())?;
    Ok((position, id.parse().map_err(|_| wrong_cursor())?))
}

/// Adds, changes, moves and deletes rows in one go.
#[utoipa::path(post, path = "/tables/{id}/rows", tag = "tables", params(("id" = Uuid, Path)),
    request_body = RowChangesIn, responses((status = 200, body = RowsChangedOut)))]
async fn change_rows(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Body(body): Body<RowChangesIn>,
) -> Result<Json<RowsChangedOut>> {
    if body.changes.is_empty() || body.changes.len() > MAX_CHANGES {
        return Err(ApiError::invalid(
            "table_change_count",
            "/changes",
            format!("Send between 1 and {MAX_CHANGES} changes at once."),
        ));
    }
    let (store, scope, id) = (&app.store, &caller.scope, TableId(id));
    let table = store::table::head(store, scope, id).await?;
    let changes = read_changes(&table.layout, &body)?;
    let changed = store::table::change_rows(store, scope, id, body.version, &changes).await?;
    Ok(Json(RowsChangedOut {
        items: changed.delta.rows.into_iter().map(RowOut::from).collect(),
        deleted: changed
            .delta
            .deleted
            .into_iter()
            .map(RowId::as_uuid)
            .collect(),
        revision: changed.delta.revision,
        row_count: changed.row_count,
    }))
}

/// The changes with their cells read, or every problem of them.
fn read_changes(layout: &Layout, body: &RowChangesIn) -> Result<Vec<Change>> {
    let constants = Record::new();
    let (source, locale) = match &body.locale {
        Some(locale) => (Source::Person, locale.as_str()),
        None => (Source::Program, "en"),
    };
    let setting = setting(source, locale, "", &constants);
    let (mut changes, mut problems) = (Vec::new(), Vec::new());
    for (index, change) in body.changes.iter().enumerate() {
        let read = match change {
            RowChangeIn::Add {
                id,
                after,
                first,
                cells,
            } => layout.read_row(cells, &setting).map(|cells| Change::Add {
                id: id.map_or_else(store::fresh_id, RowId),
                place: place_of(*after, *first),
                cells,
            }),
            RowChangeIn::Set {
                row,
                revision,
                cells,
            } => layout.read_cells(cells, &setting).map(|cells| Change::Set {
                row: RowId(*row),
                revision: *revision,
                cells,
            }),
            RowChangeIn::Move { row, after, first } => Ok(Change::Move {
                row: RowId(*row),
                place: place_of(*after, *first),
            }),
            RowChangeIn::Delete { row, revision } => Ok(Change::Delete {
                row: RowId(*row),
                revision: *revision,
            }),
        };
        match read {
            Ok(change) => changes.push(change),
            Err(found) => {
                let at = format!("/changes/{index}/cells");
                problems.extend(found.into_iter().map(|problem| problem.under(&at)));
            }
        }
    }
    if problems.is_empty() {
        return Ok(changes);
    }
    Err(ApiError::from_problems(
        "Some cells cannot be read. Nothing was changed.",
        problems,
    ))
}

fn place_of(after: Option<Uuid>, first: bool) -> Place {
    match (first, after) {
        (true, _) => Place::First,
        (false, Some(row)) => Place::After(RowId(row)),
        (false, None) => Place::Last,
    }
}

/// Reads a CSV file into the table, or tells what it holds.
#[utoipa::path(post, path = "/tables/{id}/import", tag = "tables", params(("id" = Uuid, Path), ImportQuery),
    request_body(content = Vec<u8>, content_type = "text/csv"), responses((status = 200, body = ImportOut)))]
async fn import_rows(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Json<ImportOut>> {
    let (store, scope, id) = (&app.store, &caller.scope, TableId(id));
    let table = store::table::get(store, scope, id).await?;
    let (keys, there, how) = match query.mode {
        ImportMode::Append => {
            let keys = store::table::keys(store, scope, id).await?;
            (keys, table.row_count, Fill::Append)
        }
        ImportMode::Replace => (HashSet::new(), 0, Fill::Replace),
    };
    let bytes = raw_body(request, table_csv::MAX_BYTES).await?;
    let (layout, locale) = (table.layout, query.locale);
    let read = blocking(move || {
        let records = Records::read(&bytes)?;
        let constants = Record::new();
        let setting = setting(Source::Person, &locale, "", &constants);
        Ok(records.fill(&layout, &setting, keys))
    })
    .await?;
    let mut reading = read.map_err(unreadable)?;
    if reading.rows.len() + usize::try_from(there).unwrap_or(0) > MAX_ROWS {
        reading.problem_count += 1;
        reading.problems.insert(
            0,
            Problem::error(
                "table_row_count",
                json!({"most": MAX_ROWS}),
                format!("A table has at most {MAX_ROWS} rows."),
            ),
        );
    }
    let apply = query.apply && reading.problem_count == 0;
    if apply {
        store::table::fill(store, scope, id, query.version, how, &reading.rows).await?;
    }
    Ok(Json(import_out(reading, apply)))
}

/// The table as a CSV file for spreadsheets.
#[utoipa::path(get, path = "/tables/{id}/export", tag = "tables", params(("id" = Uuid, Path), ExportQuery),
    responses((status = 200, content_type = "text/csv")))]
async fn export_table(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<ExportQuery>,
) -> Result<Response> {
    let now = store::table::snapshot(&app.store, &caller.scope, TableId(id)).await?;
    let locale = query.locale.unwrap_or_else(|| "en".into());
    let bytes = blocking(move || table_csv::write(&now.layout, &now.rows, &locale))
        .await?
        .map_err(ApiError::internal)?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment"),
    ];
    Ok((headers, bytes).into_response())
}

/// Files can be long, and reading one must not hold up other requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)
}

fn unreadable(problem: Problem) -> ApiError {
    ApiError::from_problems("This file cannot be read.", vec![problem])
}

fn layout(columns: Vec<Column>, name_column: Option<String>) -> Result<Layout> {
    let layout = Layout {
        columns,
        name_column,
    };
    let problems = layout.check();
    if problems.is_empty() {
        return Ok(layout);
    }
    Err(ApiError::from_problems(
        "The columns cannot be like this.",
        problems,
    ))
}

fn import_out(reading: Reading, applied: bool) -> ImportOut {
    let headings = reading.headings.into_iter();
    ImportOut {
        applied,
        encoding: reading.encoding.into(),
        delimiter: reading.delimiter.into(),
        headings: headings
            .map(|(text, column)| HeadingOut { text, column })
            .collect(),
        row_count: reading.rows.len(),
        blank_rows: reading.blank_rows,
        sample: reading
            .rows
            .into_iter()
            .take(SHOWN)
            .map(Value::Object)
            .collect(),
        problems: reading.problems.into_iter().map(ProblemOut::from).collect(),
        problem_count: reading.problem_count,
    }
}

impl From<store::table::Row> for RowOut {
    fn from(row: store::table::Row) -> Self {
        Self {
            id: row.id.as_uuid(),
            position: row.position,
            revision: row.revision,
            cells: row.cells,
        }
    }
}

impl From<store::table::Table> for TableOut {
    fn from(table: store::table::Table) -> Self {
        let uses = table.used_by.into_iter();
        Self {
            id: table.id.as_uuid(),
            name: table.name,
            version: table.version,
            revision: table.revision,
            columns: table.layout.columns,
            name_column: table.layout.name_column,
            row_count: table.row_count,
            used_by: uses
                .map(|(id, name)| TableUseOut {
                    id: id.as_uuid(),
                    name,
                })
                .collect(),
            created_at: table.created_at,
            changed_at: table.changed_at,
        }
    }
}
