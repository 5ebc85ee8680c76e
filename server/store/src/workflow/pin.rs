//! What publishing keeps of what a version was checked with. Whatever it names is held until the version is stored and was not deleted
//! meanwhile; who deletes looks for its users under the same lock, so that one of both always sees the other.

use std::collections::BTreeMap;

use engine::{
    call::Offer,
    concurrency::Lines,
    ids::{DocumentId, DocumentVersionId, SeriesId, TableId, VersionId, WorkflowId},
    kind::Field,
    private::Private,
    schedule::Schedule,
};
use serde_json::{Value as Json, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Result, Scope, StoreError, call};

/// A template version that publishing pins.
#[derive(Clone, Copy, Debug)]
pub struct Pin {
    pub document: DocumentId,
    pub version: DocumentVersionId,
}

/// What a version keeps of the resources it was checked with.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    pub documents: Vec<Pin>,
    /// Tables with their columns; rows are read when they are needed.
    pub tables: Vec<(TableId, Vec<Field>)>,
    /// What it draws from; nothing is kept of them.
    pub series: Vec<SeriesId>,
    /// What it offers to workflows that call it.
    pub offer: Option<Offer>,
    /// Workflows that it calls, with their names and what they offer.
    pub calls: Vec<(WorkflowId, String, Offer)>,
    /// Of its steps that begin runs by a schedule, by node.
    pub schedules: Vec<(String, Schedule)>,
    /// The workflow's, where those schedules count.
    pub time_zone: String,
    /// What is handed in and not kept as long as the run, by the step that takes it in.
    pub private: BTreeMap<String, Private>,
    /// How many of its runs go at the same time; `None`: any number.
    pub lines: Option<Lines>,
}

/// Pins what the version names; `resource_gone` when some of it was deleted after the check.
pub(super) async fn pin(
    connection: &mut PgConnection,
    scope: &Scope,
    version: VersionId,
    pins: &Pins,
) -> Result<()> {
    pin_documents(connection, scope, version, &pins.documents).await?;
    pin_tables(connection, scope, version, &pins.tables).await?;
    hold_series(connection, scope, &pins.series).await?;
    let called = call::pin(connection, scope, version, &pins.calls).await?;
    expect_all("workflow", called, pins.calls.len())
}

async fn pin_documents(
    connection: &mut PgConnection,
    scope: &Scope,
    version: VersionId,
    pins: &[Pin],
) -> Result<()> {
    let (documents, versions): (Vec<Uuid>, Vec<Uuid>) = pins
        .iter()
        .map(|pin| (pin.document.as_uuid(), pin.version.as_uuid()))
        .unzip();
    let pinned = sqlx::query!(
        "insert into version_document (version_id, workspace_id, document_id, document_version_id)
         select $1, v.workspace_id, v.document_id, v.id
         from unnest($3::uuid[], $4::uuid[]) as pin (document_id, version_id)
         join document_version v on v.id = pin.version_id and v.document_id = pin.document_id
         join document d on d.id = v.document_id
         where v.workspace_id = $2 and d.deleted_at is null for share of d",
        version.as_uuid(),
        scope.workspace().as_uuid(),
        &documents,
        &versions
    )
    .execute(connection)
    .await?;
    expect_all("document", pinned.rows_affected(), pins.len())
}

/// Keeps the columns of tables that a version was checked with.
async fn pin_tables(
    connection: &mut PgConnection,
    scope: &Scope,
    version: VersionId,
    pins: &[(TableId, Vec<Field>)],
) -> Result<()> {
    let (tables, columns): (Vec<Uuid>, Vec<Json>) = pins
        .iter()
        .map(|(table, columns)| (table.as_uuid(), json!(columns)))
        .unzip();
    let pinned = sqlx::query!(
        "insert into version_table (version_id, workspace_id, table_id, columns)
         select $1, t.workspace_id, t.id, pin.columns
         from unnest($3::uuid[], $4::jsonb[]) as pin (table_id, columns)
         join data_table t on t.id = pin.table_id
         where t.workspace_id = $2 and t.deleted_at is null for share of t",
        version.as_uuid(),
        scope.workspace().as_uuid(),
        &tables,
        &columns
    )
    .execute(connection)
    .await?;
    expect_all("table", pinned.rows_affected(), pins.len())
}

async fn hold_series(
    connection: &mut PgConnection,
    scope: &Scope,
    series: &[SeriesId],
) -> Result<()> {
    let ids: Vec<Uuid> = series.iter().map(|id| id.as_uuid()).collect();
    let held = sqlx::query_scalar!(
        "select id from series where workspace_id = $1 and id = any($2) and deleted_at is null for share",
        scope.workspace().as_uuid(),
        &ids
    )
    .fetch_all(connection)
    .await?;
    expect_all("series of numbers", held.len() as u64, ids.len())
}

fn expect_all(what: &str, found: u64, named: usize) -> Result<()> {
    if found == named as u64 {
        return Ok(());
    }
    Err(StoreError::conflict(
        "resource_gone",
        format!(
            "A {what} that this workflow uses was deleted meanwhile. Nothing was published. Choose another one and publish again."
        ),
    ))
}
