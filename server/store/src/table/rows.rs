//! Rows of a table: read in their order, by what changed, as choices, or all at one moment.

use std::{collections::HashSet, sync::Arc};

use engine::{
    ids::{RowId, TableId},
    kind::Kind,
    table::{Cells, Layout},
};
use serde_json::Value as Json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, Scope, Store, StoreError, fresh_id};

/// Room between two rows for others that are put there.
pub(super) const STEP: i64 = 1 << 30;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: RowId,
    /// Order among the rows.
    pub position: i64,
    /// The revision of the table that changed it last.
    pub revision: i64,
    pub cells: Json,
}

/// What changed since a revision.
#[derive(Clone, Debug)]
pub struct Delta {
    pub revision: i64,
    pub rows: Vec<Row>,
    pub deleted: Vec<RowId>,
}

/// A whole table at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub name: String,
    pub layout: Layout,
    pub revision: i64,
    /// In the table's order.
    pub rows: Arc<Vec<Json>>,
}

/// A page of rows behind a place, in order.
pub async fn rows(
    store: &Store,
    scope: &Scope,
    id: TableId,
    after: Option<(i64, Uuid)>,
    limit: i64,
) -> Result<Vec<Row>> {
    let (position, row) = after.unwrap_or((i64::MIN, Uuid::nil()));
    Ok(sqlx::query!(
        "select r.id, r.position, r.revision, r.cells
         from data_row r join data_table t on t.id = r.table_id and t.deleted_at is null
         where t.workspace_id = $1 and r.table_id = $2 and r.deleted_at is null and (r.position, r.id) > ($3, $4)
         order by r.position, r.id limit $5",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        position,
        row,
        limit
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| Row {
        id: row.id.into(),
        position: row.position,
        revision: row.revision,
        cells: row.cells,
    })
    .collect())
}

/// What changed since a revision; `None` when that is not known any more.
pub async fn delta(store: &Store, scope: &Scope, id: TableId, since: i64) -> Result<Option<Delta>> {
    changes(store, scope, id, Some(since)).await
}

/// All rows, and those that were deleted lately.
pub(super) async fn everything(store: &Store, scope: &Scope, id: TableId) -> Result<Delta> {
    let found = changes(store, scope, id, None).await?;
    found.ok_or_else(|| StoreError::Damaged("a table whose beginning is not known".into()))
}

async fn changes(
    store: &Store,
    scope: &Scope,
    id: TableId,
    since: Option<i64>,
) -> Result<Option<Delta>> {
    let mut transaction = store
        .pool
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let table = sqlx::query!(
        "select revision, oldest_revision from data_table where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("table"))?;
    if since.is_some_and(|since| since < table.oldest_revision) {
        return Ok(None);
    }
    let mut delta = Delta {
        revision: table.revision,
        rows: Vec::new(),
        deleted: Vec::new(),
    };
    let found = sqlx::query!(
        r#"select id, position, revision, cells, deleted_at is not null as "deleted!" from data_row
           where workspace_id = $1 and table_id = $2 and revision > $3 order by position, id"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        since.unwrap_or(0)
    )
    .fetch_all(&mut *transaction)
    .await?;
    for row in found {
        if row.deleted {
            delta.deleted.push(row.id.into());
        } else {
            delta.rows.push(Row {
                id: row.id.into(),
                position: row.position,
                revision: row.revision,
                cells: row.cells,
            });
        }
    }
    Ok(Some(delta))
}

/// Everything at one moment.
pub async fn snapshot(store: &Store, scope: &Scope, id: TableId) -> Result<Snapshot> {
    let mut transaction = store
        .pool
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let table = sqlx::query!(
        "select name, layout, revision from data_table where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("table"))?;
    let rows = sqlx::query_scalar!(
        "select cells from data_row where table_id = $1 and deleted_at is null order by position, id",
        id.as_uuid()
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(Snapshot {
        name: table.name,
        layout: serde_json::from_value(table.layout)?,
        revision: table.revision,
        rows: Arc::new(rows),
    })
}

/// What every change of a table raises; `None` when there is no such table.
pub(super) async fn revision(store: &Store, scope: &Scope, id: TableId) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "select revision from data_table where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?)
}

/// The choices that a text column offers, with the revision they are of.
pub(super) async fn choices(
    store: &Store,
    scope: &Scope,
    id: TableId,
    column: &str,
) -> Result<Option<(i64, Vec<String>)>> {
    let mut transaction = store
        .pool
        .begin_with("begin isolation level repeatable read read only")
        .await?;
    let table = sqlx::query!(
        "select revision, layout from data_table where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(table) = table else {
        return Ok(None);
    };
    let layout: Layout = serde_json::from_value(table.layout)?;
    // What other kinds hold reads otherwise than it is stored.
    if !layout
        .column(column)
        .is_some_and(|found| matches!(found.field.kind, Kind::Text { .. } | Kind::Choice { .. }))
    {
        return Ok(None);
    }
    let found = sqlx::query_scalar!(
        r#"select cells ->> $3 as "choice!" from data_row
           where workspace_id = $1 and table_id = $2 and deleted_at is null and btrim(cells ->> $3) <> ''
           group by 1 order by min(position)"#,
        scope.workspace().as_uuid(),
        id.as_uuid(),
        column
    )
    .fetch_all(&mut *transaction)
    .await?;
    Ok(Some((table.revision, found)))
}

/// What rows are recognised by, made alike.
pub async fn keys(store: &Store, scope: &Scope, id: TableId) -> Result<HashSet<String>> {
    let found = sqlx::query_scalar!(
        r#"select name_key as "key!" from data_row where workspace_id = $1 and table_id = $2 and name_key is not null"#,
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(found.into_iter().collect())
}

/// Where rows are put.
pub(super) struct NewRows<'a> {
    pub(super) table: TableId,
    pub(super) layout: &'a Layout,
    /// Position of the row before them.
    pub(super) after: i64,
    pub(super) revision: i64,
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    scope: &Scope,
    place: &NewRows<'_>,
    rows: &[Cells],
) -> Result<()> {
    let ids: Vec<Uuid> = rows.iter().map(|_| fresh_id()).collect();
    let positions: Vec<i64> = (1_i64..)
        .take(rows.len())
        .map(|number| place.after + number * STEP)
        .collect();
    let keys: Vec<Option<String>> = rows.iter().map(|cells| place.layout.key(cells)).collect();
    let cells: Vec<Json> = rows.iter().cloned().map(Json::Object).collect();
    sqlx::query!(
        "insert into data_row (id, table_id, workspace_id, position, cells, name_key, revision)
         select new.id, $1, $2, new.position, new.cells, new.name_key, $3
         from unnest($4::uuid[], $5::bigint[], $6::jsonb[], $7::text[]) as new (id, position, cells, name_key)",
        place.table.as_uuid(),
        scope.workspace().as_uuid(),
        place.revision,
        &ids,
        &positions,
        &cells,
        &keys as &[Option<String>]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// All rows in order.
pub(super) async fn all(
    connection: &mut PgConnection,
    id: TableId,
) -> Result<(Vec<Uuid>, Vec<Cells>)> {
    let found = sqlx::query!(
        "select id, cells from data_row where table_id = $1 and deleted_at is null order by position, id",
        id.as_uuid()
    )
    .fetch_all(connection)
    .await?;
    let mut rows = (Vec::new(), Vec::new());
    for row in found {
        rows.0.push(row.id);
        rows.1.push(serde_json::from_value(row.cells)?);
    }
    Ok(rows)
}

/// Gives rows other cells.
pub(super) async fn rewrite(
    connection: &mut PgConnection,
    place: &NewRows<'_>,
    ids: &[Uuid],
    rows: &[Cells],
) -> Result<()> {
    let keys: Vec<Option<String>> = rows.iter().map(|cells| place.layout.key(cells)).collect();
    let cells: Vec<Json> = rows.iter().cloned().map(Json::Object).collect();
    sqlx::query!(
        "update data_row set cells = new.cells, name_key = new.name_key, revision = $2
         from unnest($3::uuid[], $4::jsonb[], $5::text[]) as new (id, cells, name_key)
         where data_row.table_id = $1 and data_row.id = new.id",
        place.table.as_uuid(),
        place.revision,
        ids,
        &cells,
        &keys as &[Option<String>]
    )
    .execute(connection)
    .await?;
    Ok(())
}
