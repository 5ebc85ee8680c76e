//! Changes of rows: many in one commit, each on the row as the caller knows it, so that nobody overwrites what another one wrote.

use std::collections::{HashMap, HashSet};

use engine::{
    ids::{RowId, TableId},
    table::{Cells, MAX_ROW_BYTES, MAX_ROWS, size_bytes},
};
use serde_json::Value as Json;
use sqlx::PgConnection;

use super::{
    Held, lock,
    rows::{self, Delta, STEP},
    tell,
};
use crate::{Result, Scope, Store, StoreError, error::OnConstraint as _};

/// One change; cells have been read and checked by the caller.
#[derive(Clone, Debug)]
pub enum Change {
    Add {
        /// A fresh one, or that of a deleted row that comes back.
        id: RowId,
        place: Place,
        cells: Cells,
    },
    Set {
        row: RowId,
        /// What the caller saw.
        revision: i64,
        /// The cells that change.
        cells: Cells,
    },
    Move {
        row: RowId,
        place: Place,
    },
    Delete {
        row: RowId,
        revision: i64,
    },
}

/// Where a row goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    First,
    Last,
    After(RowId),
}

/// The rows as they are after the changes.
#[derive(Clone, Debug)]
pub struct Changed {
    pub delta: Delta,
    pub row_count: i64,
}

/// How imported rows meet those that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    Append,
    Replace,
}

/// Makes all changes or none. `version` is that of the columns the cells were read with.
pub async fn change_rows(
    store: &Store,
    scope: &Scope,
    id: TableId,
    version: i32,
    changes: &[Change],
) -> Result<Changed> {
    let mut transaction = store.pool.begin().await?;
    let held = lock(&mut transaction, scope, id).await?;
    held.expect(version)?;
    let revision = held.revision + 1;
    let mut changing = Changing {
        connection: &mut transaction,
        scope,
        id,
        held: &held,
        revision,
        written: HashSet::new(),
        moved: HashMap::new(),
        is_spread: false,
    };
    for (index, change) in changes.iter().enumerate() {
        changing.make(index, change).await?;
    }
    changing.refuse_doubles(changes).await?;
    let is_spread = changing.is_spread;
    let row_count = count(&mut transaction, id).await?;
    advance(&mut transaction, id, revision).await?;
    if is_spread {
        forget(&mut transaction, id, revision).await?;
    }
    transaction
        .commit()
        .await
        .on_constraint("data_row_name_unique", super::row_name_taken)?;
    tell(store, scope, id, revision);
    let delta = if is_spread {
        rows::everything(store, scope, id).await.map(Some)
    } else {
        rows::delta(store, scope, id, held.revision).await
    };
    let delta = delta?
        // Somebody changed everything in this very moment; the caller reads again.
        .unwrap_or(Delta {
            revision: held.revision,
            rows: Vec::new(),
            deleted: Vec::new(),
        });
    Ok(Changed { delta, row_count })
}

/// Puts many rows behind those that are there, or in their place.
pub async fn fill(
    store: &Store,
    scope: &Scope,
    id: TableId,
    version: i32,
    how: Fill,
    new: &[Cells],
) -> Result<()> {
    let mut transaction = store.pool.begin().await?;
    let held = lock(&mut transaction, scope, id).await?;
    held.expect(version)?;
    let revision = held.revision + 1;
    let after = match how {
        Fill::Append => last_position(&mut transaction, id).await?,
        Fill::Replace => {
            sqlx::query!("delete from data_row where table_id = $1", id.as_uuid())
                .execute(&mut *transaction)
                .await?;
            0
        }
    };
    let place = rows::NewRows {
        table: id,
        layout: &held.layout,
        after,
        revision,
    };
    rows::insert(&mut transaction, scope, &place, new).await?;
    count(&mut transaction, id).await?;
    advance(&mut transaction, id, revision).await?;
    if how == Fill::Replace {
        forget(&mut transaction, id, revision).await?;
    }
    transaction
        .commit()
        .await
        .on_constraint("data_row_name_unique", super::row_name_taken)?;
    tell(store, scope, id, revision);
    Ok(())
}

struct Changing<'a> {
    connection: &'a mut PgConnection,
    scope: &'a Scope,
    id: TableId,
    held: &'a Held,
    revision: i64,
    /// Rows whose content this very call wrote.
    written: HashSet<RowId>,
    /// The revisions that rows had before this very call moved them.
    moved: HashMap<RowId, i64>,
    /// All rows have other positions.
    is_spread: bool,
}

impl Changing<'_> {
    async fn make(&mut self, index: usize, change: &Change) -> Result<()> {
        match change {
            Change::Add { id, place, cells } => self.add(*id, *place, cells).await,
            Change::Set {
                row,
                revision,
                cells,
            } => self.set(index, *row, *revision, cells).await,
            Change::Move { row, place } => {
                let (_, before) = self.existing(*row).await?;
                self.moved.entry(*row).or_insert(before);
                let position = self.position(*place, Some(*row)).await?;
                sqlx::query!(
                    "update data_row set position = $3, revision = $4 where table_id = $1 and id = $2",
                    self.id.as_uuid(),
                    row.as_uuid(),
                    position,
                    self.revision
                )
                .execute(&mut *self.connection)
                .await?;
                Ok(())
            }
            Change::Delete { row, revision } => self.delete(*row, *revision).await,
        }
    }

    async fn add(&mut self, id: RowId, place: Place, cells: &Cells) -> Result<()> {
        let position = self.position(place, None).await?;
        let stored = sqlx::query!(
            "insert into data_row (id, table_id, workspace_id, position, cells, name_key, revision)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (id) do update set position = $4, cells = $5, name_key = $6, revision = $7, deleted_at = null
             where data_row.table_id = $2 and data_row.deleted_at is not null",
            id.as_uuid(),
            self.id.as_uuid(),
            self.scope.workspace().as_uuid(),
            position,
            Json::Object(cells.clone()),
            self.held.layout.key(cells),
            self.revision
        )
        .execute(&mut *self.connection)
        .await?;
        if stored.rows_affected() == 0 {
            return Err(StoreError::conflict(
                "row_exists",
                "This row exists already. Nothing was changed.",
            ));
        }
        self.written.insert(id);
        Ok(())
    }

    async fn set(&mut self, index: usize, row: RowId, revision: i64, cells: &Cells) -> Result<()> {
        let (mut merged, now) = self.existing(row).await?;
        self.expect(row, now, revision, &merged)?;
        for (name, cell) in cells {
            merged.insert(name.clone(), cell.clone());
        }
        if size_bytes(&merged) > MAX_ROW_BYTES {
            return Err(StoreError::invalid(
                "table_row_size",
                &format!("/changes/{index}/cells"),
                format!("A row has at most {} kB.", MAX_ROW_BYTES / 1024),
            ));
        }
        sqlx::query!(
            "update data_row set cells = $3, name_key = $4, revision = $5 where table_id = $1 and id = $2",
            self.id.as_uuid(),
            row.as_uuid(),
            Json::Object(merged.clone()),
            self.held.layout.key(&merged),
            self.revision
        )
        .execute(&mut *self.connection)
        .await?;
        self.written.insert(row);
        Ok(())
    }

    async fn delete(&mut self, row: RowId, revision: i64) -> Result<()> {
        let (cells, now) = self.existing(row).await?;
        self.expect(row, now, revision, &cells)?;
        sqlx::query!(
            "update data_row set cells = '{}', name_key = null, revision = $3, deleted_at = now()
             where table_id = $1 and id = $2",
            self.id.as_uuid(),
            row.as_uuid(),
            self.revision
        )
        .execute(&mut *self.connection)
        .await?;
        let gone = sqlx::query!(
            "delete from data_row where table_id = $1 and deleted_at < now() - interval '1 day'",
            self.id.as_uuid()
        )
        .execute(&mut *self.connection)
        .await?;
        if gone.rows_affected() > 0 {
            forget(self.connection, self.id, self.held.revision).await?;
        }
        Ok(())
    }

    /// `row_changed` when somebody else wrote it after the caller read it; changes of this very call do not count.
    fn expect(&self, row: RowId, now: i64, seen: i64, cells: &Cells) -> Result<()> {
        let now = self.moved.get(&row).copied().unwrap_or(now);
        if now == seen || self.written.contains(&row) {
            return Ok(());
        }
        let title = self.held.layout.title_of(cells);
        let which = if title.is_empty() {
            "this row".to_owned()
        } else {
            format!("the row \"{title}\"")
        };
        Err(StoreError::conflict(
            "row_changed",
            format!("Somebody changed {which} meanwhile. Nothing was overwritten."),
        ))
    }

    async fn existing(&mut self, row: RowId) -> Result<(Cells, i64)> {
        let found = sqlx::query!(
            "select cells, revision from data_row where table_id = $1 and id = $2 and deleted_at is null",
            self.id.as_uuid(),
            row.as_uuid()
        )
        .fetch_optional(&mut *self.connection)
        .await?
        .ok_or_else(|| {
            StoreError::conflict(
                "row_gone",
                "Somebody deleted this row meanwhile. Nothing was changed.",
            )
        })?;
        Ok((serde_json::from_value(found.cells)?, found.revision))
    }

    /// A position at the place; rows are spread anew when two of them have no room between them.
    async fn position(&mut self, place: Place, moved: Option<RowId>) -> Result<i64> {
        let after = match place {
            Place::First => return Ok(first_position(self.connection, self.id).await? - STEP),
            Place::Last => return Ok(last_position(self.connection, self.id).await? + STEP),
            Place::After(row) => row,
        };
        for _ in 0..2 {
            let Some((position, next)) = self.around(after, moved).await? else {
                // The row that it was to follow has gone; its content is worth more than its place.
                return Ok(last_position(self.connection, self.id).await? + STEP);
            };
            let Some(next) = next else {
                return Ok(position + STEP);
            };
            if next - position > 1 {
                return Ok(position + (next - position) / 2);
            }
            self.spread().await?;
        }
        Err(StoreError::Damaged("rows that cannot be spread".into()))
    }

    /// Positions of a row and of the next one.
    async fn around(
        &mut self,
        row: RowId,
        moved: Option<RowId>,
    ) -> Result<Option<(i64, Option<i64>)>> {
        let found = sqlx::query!(
            "select r.position, (
                 select min(other.position) from data_row other
                 where other.table_id = r.table_id and other.deleted_at is null and other.position > r.position
                   and other.id is distinct from $3) as next
             from data_row r where r.table_id = $1 and r.id = $2 and r.deleted_at is null",
            self.id.as_uuid(),
            row.as_uuid(),
            moved.map(RowId::as_uuid)
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(found.map(|found| (found.position, found.next)))
    }

    /// Rows keep their revisions, which say when their content changed; who knows the old positions reads everything again.
    async fn spread(&mut self) -> Result<()> {
        sqlx::query!(
            "update data_row set position = spread.number * $2
             from (select id, row_number() over (order by position, id) as number
                   from data_row where table_id = $1 and deleted_at is null) spread
             where data_row.id = spread.id",
            self.id.as_uuid(),
            STEP
        )
        .execute(&mut *self.connection)
        .await?;
        self.is_spread = true;
        Ok(())
    }

    /// Says which change gave a row the name of another one.
    async fn refuse_doubles(&mut self, changes: &[Change]) -> Result<()> {
        let layout = &self.held.layout;
        let named: Vec<(usize, String)> = changes
            .iter()
            .enumerate()
            .filter_map(|(index, change)| match change {
                Change::Add { cells, .. } | Change::Set { cells, .. } => {
                    Some((index, layout.key(cells)?))
                }
                Change::Move { .. } | Change::Delete { .. } => None,
            })
            .collect();
        let keys: Vec<String> = named.iter().map(|(_, key)| key.clone()).collect();
        let double = sqlx::query_scalar!(
            r#"select name_key as "key!" from data_row where table_id = $1 and name_key = any($2)
               group by name_key having count(*) > 1"#,
            self.id.as_uuid(),
            &keys
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let first = named.into_iter().rfind(|(_, key)| double.contains(key));
        let (Some((index, key)), Some(column)) = (first, &layout.name_column) else {
            return Ok(());
        };
        Err(StoreError::invalid(
            "row_name_taken",
            &format!("/changes/{index}/cells/{column}"),
            format!("There is a row \"{key}\" already. Rows are recognised by this column."),
        ))
    }
}

/// How many rows there are; `table_full` when there are too many.
async fn count(connection: &mut PgConnection, id: TableId) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from data_row where table_id = $1 and deleted_at is null"#,
        id.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    if usize::try_from(count).unwrap_or(usize::MAX) > MAX_ROWS {
        return Err(StoreError::conflict(
            "table_full",
            format!("A table has at most {MAX_ROWS} rows. Nothing was changed."),
        ));
    }
    Ok(count)
}

async fn advance(connection: &mut PgConnection, id: TableId, revision: i64) -> Result<()> {
    sqlx::query!(
        "update data_table set revision = $2, changed_at = now() where id = $1",
        id.as_uuid(),
        revision
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Nobody can learn any more what changed before a revision.
async fn forget(connection: &mut PgConnection, id: TableId, revision: i64) -> Result<()> {
    sqlx::query!(
        "update data_table set oldest_revision = $2 where id = $1",
        id.as_uuid(),
        revision
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn first_position(connection: &mut PgConnection, id: TableId) -> Result<i64> {
    let first = sqlx::query_scalar!(
        "select min(position) from data_row where table_id = $1 and deleted_at is null",
        id.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    Ok(first.unwrap_or(STEP))
}

async fn last_position(connection: &mut PgConnection, id: TableId) -> Result<i64> {
    let last = sqlx::query_scalar!(
        "select max(position) from data_row where table_id = $1 and deleted_at is null",
        id.as_uuid()
    )
    .fetch_one(connection)
    .await?;
    Ok(last.unwrap_or(0))
}
