//! What a run runs: its workflow document with the document templates it may use.

use std::collections::HashMap;

use engine::{
    call::Callable,
    ids::{DocumentId, TableId, VersionId, WorkflowId},
    node::PinnedDocument,
};
use serde_json::Value as Json;

use super::RunRecord;
use crate::{
    Result, Store, StoreError, call,
    queue::What,
    table::{self, PinnedTable},
};

/// What a run runs, with the document templates and tables it may use.
#[derive(Clone, Debug)]
pub struct Program {
    pub document: Json,
    /// Of a published version.
    pub number: Option<i32>,
    pub documents: HashMap<DocumentId, PinnedDocument>,
    /// Tables as the version was checked with them, or as they are now for a draft.
    pub tables: HashMap<TableId, PinnedTable>,
    /// Workflows that it calls, as the version was checked with them, or as they are now for a draft.
    pub workflows: HashMap<WorkflowId, Callable>,
}

/// Reads a version or draft for a run: pinned template versions, or the newest ones for a draft.
pub async fn program(store: &Store, run: &RunRecord) -> Result<Program> {
    match run.what {
        What::Version(version) => version_program(store, version).await,
        What::Draft(revision) => draft_program(store, run, revision).await,
    }
}

async fn version_program(store: &Store, version: VersionId) -> Result<Program> {
    let row = sqlx::query!(
        "select document, number from version where id = $1",
        version.as_uuid()
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("version"))?;
    let documents = sqlx::query!(
        r#"select document.id, document.name, document_version.id as version_id, document_version.template
           from version_document join document on document.id = version_document.document_id
                join document_version on document_version.id = version_document.document_version_id
           where version_document.version_id = $1"#,
        version.as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    let tables = sqlx::query!(
        "select t.id, t.name, v.columns from version_table v join data_table t on t.id = v.table_id where v.version_id = $1",
        version.as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(|row| {
        let pinned = PinnedTable {
            name: row.name,
            columns: serde_json::from_value(row.columns)?,
        };
        Ok((row.id.into(), pinned))
    })
    .collect::<Result<_>>()?;
    Ok(Program {
        document: row.document,
        tables,
        workflows: call::pinned(store, version).await?.into_iter().collect(),
        number: Some(row.number),
        documents: documents
            .into_iter()
            .map(|row| {
                let pinned = PinnedDocument {
                    id: row.id.into(),
                    version: row.version_id.into(),
                    name: row.name,
                    template: row.template,
                };
                (pinned.id, pinned)
            })
            .collect(),
    })
}

async fn draft_program(store: &Store, run: &RunRecord, revision: i64) -> Result<Program> {
    let document = sqlx::query_scalar!(
        "select document from draft_revision where workflow_id = $1 and revision = $2 and workspace_id = $3
         union all
         select document from draft where workflow_id = $1 and revision = $2 and workspace_id = $3 limit 1",
        run.workflow.as_uuid(),
        revision,
        run.scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .flatten()
    .ok_or(StoreError::NotFound("draft"))?;
    // Only templates that the draft names somewhere: a workspace may have many.
    let mut named = Vec::new();
    uuids(&document, &mut named);
    let documents = sqlx::query!(
        r#"select document.id, document.name, document_version.id as version_id, document_version.template
           from document join document_version on document_version.document_id = document.id
                and document_version.number = document.latest_number
           where document.workspace_id = $1 and document.deleted_at is null and document.id = any($2)"#,
        run.scope.workspace().as_uuid(),
        &named,
    )
    .fetch_all(&store.pool)
    .await?;
    let workflows: Vec<WorkflowId> = named.iter().copied().map(WorkflowId).collect();
    let ids: Vec<TableId> = named.into_iter().map(TableId).collect();
    let tables = table::several(store, &run.scope, &ids).await?.into_iter();
    let tables = tables
        .map(|table| {
            let pinned = PinnedTable {
                name: table.name,
                columns: table.layout.fields(),
            };
            (table.id, pinned)
        })
        .collect();
    let workflows = call::callables(store, &run.scope, &workflows, Some(run.workflow)).await?;
    Ok(Program {
        document,
        tables,
        workflows: workflows.into_iter().collect(),
        number: None,
        documents: documents
            .into_iter()
            .map(|row| {
                let pinned = PinnedDocument {
                    id: row.id.into(),
                    version: row.version_id.into(),
                    name: row.name,
                    template: row.template,
                };
                (pinned.id, pinned)
            })
            .collect(),
    })
}

fn uuids(json: &Json, found: &mut Vec<uuid::Uuid>) {
    match json {
        Json::String(text) if text.len() == 36 => found.extend(text.parse::<uuid::Uuid>().ok()),
        Json::Array(items) => items.iter().for_each(|item| uuids(item, found)),
        Json::Object(fields) => fields.values().for_each(|item| uuids(item, found)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// A node type that something here needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeededNodeType {
    pub node_type: String,
    pub version: i64,
    /// Names of the workflows that need it.
    pub workflows: Vec<String>,
}

/// Every node type of live versions and unfinished runs; the program refuses to start without one of them.
pub async fn needed_node_types(store: &Store) -> Result<Vec<NeededNodeType>> {
    let rows = sqlx::query!(
        r#"select node ->> 'type' as "node_type!", (node ->> 'version')::bigint as "version!",
                  array_agg(distinct workflow.name order by workflow.name) as "workflows!"
           from version join workflow on workflow.id = version.workflow_id,
                jsonb_array_elements(version.document -> 'nodes') node
           where version.id in (select live_version_id from workflow where state = 'live' and deleted_at is null
                                union all select version_id from run where finished_at is null and version_id is not null)
           group by 1, 2 order by 1, 2"#
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| NeededNodeType {
            node_type: row.node_type,
            version: row.version,
            workflows: row.workflows,
        })
        .collect())
}
