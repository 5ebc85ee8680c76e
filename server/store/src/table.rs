//! The firm's tables: the resource with its columns. Rows are never pinned; publishing pins the columns that a workflow was checked
//! with, and its runs read the rows as they are then.

mod cache;
mod change;
mod rows;

use engine::{
    check::Problem,
    form::Source,
    ids::{TableId, WorkflowId},
    kind::Field,
    table::{Cells, Layout, Loss, MAX_TABLES, setting},
    value::Record,
};
use jiff::Timestamp;
use serde_json::json;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

pub(crate) use cache::Cache;
pub use cache::{choices, shared};
pub use change::{Change, Changed, Fill, Place, change_rows, fill};
pub use rows::{Delta, Row, Snapshot, delta, keys, rows, snapshot};

use crate::{Result, Scope, Store, StoreError, error::OnConstraint as _, events::Event};

/// One table without its rows.
#[derive(Clone, Debug)]
pub struct Table {
    pub id: TableId,
    pub name: String,
    /// Counts changes of the name and the columns.
    pub version: i32,
    /// Counts every change, of rows too.
    pub revision: i64,
    pub layout: Layout,
    pub row_count: i64,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// Workflows whose draft or live version names it, switched on or not.
    pub used_by: Vec<(WorkflowId, String)>,
}

/// What whoever reads or writes rows needs of their table.
#[derive(Clone, Debug)]
pub struct Head {
    pub revision: i64,
    pub layout: Layout,
}

/// A table to be stored; the caller has checked the layout and the rows.
#[derive(Clone, Debug)]
pub struct NewTable {
    pub id: TableId,
    pub name: String,
    pub layout: Layout,
    pub rows: Vec<Cells>,
}

/// What a workflow's version knows of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct PinnedTable {
    pub name: String,
    pub columns: Vec<Field>,
}

/// Another name or other columns.
#[derive(Clone, Copy, Debug)]
pub struct LayoutChange<'a> {
    /// The version it was made on.
    pub base: i32,
    pub name: &'a str,
    pub layout: &'a Layout,
    /// Content of cells that do not fit any more may go.
    pub accept_loss: bool,
    /// Language in which texts are read that become numbers or dates.
    pub locale: &'a str,
}

/// What came of a change of the columns.
#[derive(Debug)]
pub enum Relaid {
    Done(Box<Table>),
    /// Nothing was changed: this would have gone.
    Loses(Vec<Loss>),
    /// Nothing was changed: columns that must be filled in have gaps.
    Gaps(Vec<Problem>),
}

/// All tables by name.
pub async fn list(store: &Store, scope: &Scope) -> Result<Vec<Table>> {
    read(&store.pool, scope, None).await
}

/// The tables of these ids; unknown ones are left out.
pub async fn several(store: &Store, scope: &Scope, ids: &[TableId]) -> Result<Vec<Table>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    read(&store.pool, scope, Some(&ids)).await
}

pub async fn get(store: &Store, scope: &Scope, id: TableId) -> Result<Table> {
    one(&store.pool, scope, id).await
}

async fn one(executor: impl PgExecutor<'_>, scope: &Scope, id: TableId) -> Result<Table> {
    let mut found = read(executor, scope, Some(&[id.as_uuid()])).await?;
    found.pop().ok_or(StoreError::NotFound("table"))
}

/// Without looking for the workflows that name it.
pub async fn head(store: &Store, scope: &Scope, id: TableId) -> Result<Head> {
    let row = sqlx::query!(
        "select revision, layout from data_table where workspace_id = $1 and id = $2 and deleted_at is null",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("table"))?;
    Ok(Head {
        revision: row.revision,
        layout: serde_json::from_value(row.layout)?,
    })
}

async fn read(
    executor: impl PgExecutor<'_>,
    scope: &Scope,
    ids: Option<&[Uuid]>,
) -> Result<Vec<Table>> {
    sqlx::query!(
        r#"select t.id, t.name, t.version, t.revision, t.layout, t.created_at as "created_at: jiff_sqlx::Timestamp",
                  t.changed_at as "changed_at: jiff_sqlx::Timestamp",
                  (select count(*) from data_row r where r.table_id = t.id and r.deleted_at is null) as "row_count!",
                  coalesce(u.ids, '{}') as "ids!: Vec<uuid::Uuid>", coalesce(u.names, '{}') as "names!: Vec<String>"
           from data_table t
           left join lateral (
               select array_agg(w.id order by w.name, w.id) as ids, array_agg(w.name order by w.name, w.id) as names
               from workflow w join draft d on d.workflow_id = w.id left join version v on v.id = w.live_version_id
               where w.workspace_id = t.workspace_id and w.deleted_at is null
                 and (d.document::text like '%"' || t.id::text || '"%'
                      or v.document::text like '%"' || t.id::text || '"%')
           ) u on true
           where t.workspace_id = $1 and t.deleted_at is null and ($2::uuid[] is null or t.id = any($2))
           order by lower(t.name), t.id"#,
        scope.workspace().as_uuid(),
        ids
    )
    .fetch_all(executor)
    .await?
    .into_iter()
    .map(|row| {
        Ok(Table {
            id: row.id.into(),
            name: row.name,
            version: row.version,
            revision: row.revision,
            layout: serde_json::from_value(row.layout)?,
            row_count: row.row_count,
            created_at: row.created_at.to_jiff(),
            changed_at: row.changed_at.to_jiff(),
            used_by: row.ids.into_iter().map(WorkflowId).zip(row.names).collect(),
        })
    })
    .collect()
}

/// Stores a table with its rows; `table_name_taken` when there is one of that name.
pub async fn create(store: &Store, scope: &Scope, new: NewTable) -> Result<Table> {
    let id = new.id;
    let name = clean_name(&new.name)?;
    let mut transaction = store.pool.begin().await?;
    if !insert(&mut transaction, scope, &new, &name).await? {
        return Err(name_taken());
    }
    transaction
        .commit()
        .await
        .on_constraint("data_row_name_unique", row_name_taken)?;
    tell(store, scope, id, 1);
    get(store, scope, id).await
}

/// Stores a table that came with a workflow, under a name that is free.
pub(crate) async fn insert_beside(
    connection: &mut PgConnection,
    scope: &Scope,
    new: &NewTable,
) -> Result<()> {
    let name: String = clean_name(&new.name)?.chars().take(190).collect();
    for number in 1..=i64::try_from(MAX_TABLES).unwrap_or(i64::MAX) + 1 {
        let name = if number == 1 {
            name.clone()
        } else {
            format!("{name} {number}")
        };
        if insert(connection, scope, new, &name).await? {
            return Ok(());
        }
    }
    Err(name_taken())
}

/// Whether the name was free.
async fn insert(
    connection: &mut PgConnection,
    scope: &Scope,
    new: &NewTable,
    name: &str,
) -> Result<bool> {
    // Two at once must not both be the last one that fits.
    sqlx::query!(
        "select id from workspace where id = $1 for no key update",
        scope.workspace().as_uuid()
    )
    .fetch_one(&mut *connection)
    .await?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from data_table where workspace_id = $1 and deleted_at is null"#,
        scope.workspace().as_uuid()
    )
    .fetch_one(&mut *connection)
    .await?;
    if usize::try_from(count).unwrap_or(usize::MAX) >= MAX_TABLES {
        return Err(StoreError::conflict(
            "table_limit",
            format!("There are {MAX_TABLES} tables, which is the most. Delete one first."),
        ));
    }
    let made = sqlx::query!(
        "insert into data_table (id, workspace_id, name, layout) values ($1, $2, $3, $4) on conflict do nothing",
        new.id.as_uuid(),
        scope.workspace().as_uuid(),
        name,
        json!(new.layout)
    )
    .execute(&mut *connection)
    .await?;
    if made.rows_affected() == 0 {
        return Ok(false);
    }
    let place = rows::NewRows {
        table: new.id,
        layout: &new.layout,
        after: 0,
        revision: 1,
    };
    rows::insert(connection, scope, &place, &new.rows).await?;
    Ok(true)
}

/// Gives the table another name or other columns, and every row the cells that these take.
pub async fn change_layout(
    store: &Store,
    scope: &Scope,
    id: TableId,
    change: LayoutChange<'_>,
) -> Result<Relaid> {
    let name = clean_name(change.name)?;
    let mut transaction = store.pool.begin().await?;
    let held = lock(&mut transaction, scope, id).await?;
    held.expect(change.base)?;
    let (ids, mut rows) = rows::all(&mut transaction, id).await?;
    let before = rows.clone();
    let (losses, gaps) = {
        let constants = Record::new();
        let setting = setting(Source::Person, change.locale, "", &constants);
        held.layout.convert(change.layout, &mut rows, &setting)
    };
    if !gaps.is_empty() {
        return Ok(Relaid::Gaps(gaps));
    }
    if !losses.is_empty() && !change.accept_loss {
        return Ok(Relaid::Loses(losses));
    }
    let revision = held.revision + 1;
    if before != rows || held.layout.name_column != change.layout.name_column {
        let place = rows::NewRows {
            table: id,
            layout: change.layout,
            after: 0,
            revision,
        };
        rows::rewrite(&mut transaction, &place, &ids, &rows).await?;
    }
    sqlx::query!(
        "update data_table set name = $3, layout = $4, version = version + 1, revision = $5, oldest_revision = $5,
                changed_at = now()
         where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid(),
        name,
        json!(change.layout),
        revision
    )
    .execute(&mut *transaction)
    .await
    .on_constraint("data_table_name_unique", name_taken)?;
    transaction
        .commit()
        .await
        .on_constraint("data_row_name_unique", row_name_taken)?;
    tell(store, scope, id, revision);
    Ok(Relaid::Done(Box::new(get(store, scope, id).await?)))
}

/// Deletes a table that neither a draft nor a live version names.
pub async fn delete(store: &Store, scope: &Scope, id: TableId) -> Result<()> {
    let mut transaction = store.pool.begin().await?;
    // Held before its users are looked for: whoever publishes meanwhile is seen, or finds it deleted.
    lock(&mut transaction, scope, id).await?;
    let table = one(&mut *transaction, scope, id).await?;
    if let Some((_, name)) = table.used_by.first() {
        return Err(StoreError::conflict(
            "table_used",
            format!("The workflow \"{name}\" uses this table. Choose another one there first."),
        ));
    }
    sqlx::query!(
        "update data_table set deleted_at = now() where workspace_id = $1 and id = $2",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    tell(store, scope, id, table.revision + 1);
    Ok(())
}

/// A table that nobody else changes until the transaction ends.
struct Held {
    version: i32,
    revision: i64,
    layout: Layout,
}

impl Held {
    /// `table_changed` unless the columns are those the caller knows.
    fn expect(&self, version: i32) -> Result<()> {
        if self.version == version {
            return Ok(());
        }
        Err(StoreError::conflict(
            "table_changed",
            "Somebody changed the columns of this table meanwhile. Nothing was overwritten.",
        ))
    }
}

async fn lock(connection: &mut PgConnection, scope: &Scope, id: TableId) -> Result<Held> {
    let row = sqlx::query!(
        "select version, revision, layout from data_table
         where workspace_id = $1 and id = $2 and deleted_at is null for update",
        scope.workspace().as_uuid(),
        id.as_uuid()
    )
    .fetch_optional(connection)
    .await?
    .ok_or(StoreError::NotFound("table"))?;
    Ok(Held {
        version: row.version,
        revision: row.revision,
        layout: serde_json::from_value(row.layout)?,
    })
}

/// Who watches one table, or the list of them.
pub(crate) fn tell(store: &Store, scope: &Scope, id: TableId, revision: i64) {
    for topic in [format!("table:{id}"), "tables".to_owned()] {
        store.events.publish(Event {
            workspace: scope.workspace(),
            topic,
            kind: "table.changed".into(),
            data: json!({"table": id, "revision": revision}),
        });
    }
}

fn name_taken() -> StoreError {
    StoreError::conflict(
        "table_name_taken",
        "There is a table of this name already. Choose another name.",
    )
}

fn row_name_taken() -> StoreError {
    StoreError::conflict(
        "row_name_taken",
        "Two rows have the same name. Give each one its own, or recognise rows by no column.",
    )
}

fn clean_name(name: &str) -> Result<String> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 {
        return Err(StoreError::invalid(
            "name_invalid",
            "/name",
            "A name has 1 to 200 characters.",
        ));
    }
    Ok(name.to_owned())
}
