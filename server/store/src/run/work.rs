//! Runs and their steps as those who work on them read them.

use std::{collections::HashMap, sync::Arc};

use engine::ids::{RunId, WorkflowId};
use jiff::Timestamp;
use serde_json::Value as Json;
use sqlx::PgConnection;

use crate::{Result, Scope, Store, output, queue::What};

/// What an executor needs of a run; it does not change while the run lives.
#[derive(Clone, Debug)]
pub struct RunRecord {
    pub id: RunId,
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub what: What,
    pub trial: bool,
    pub source: String,
    pub trigger_node: String,
    /// When it was read; only a hint.
    pub state: String,
    pub title: String,
    pub input: Json,
    pub firm: Json,
    pub until_node: Option<String>,
    pub pinned: Option<Json>,
    pub really_send: bool,
    /// 0 nobody waits for it, 1 a visitor, a caller or a member, 2 the editor.
    pub priority: i16,
    /// It has a place in a line, which somebody else gets with its end.
    pub limited: bool,
    /// The run whose step called it.
    pub parent: Option<RunId>,
    /// How many runs lie above it.
    pub depth: i16,
    pub created_at: Timestamp,
}

/// Whether a step in this state, as stored, does nothing more.
pub(crate) fn has_ended(state: &str) -> bool {
    matches!(state, "succeeded" | "failed" | "cancelled" | "skipped")
}

/// One step as stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepRow {
    pub node: String,
    pub item_path: String,
    pub state: String,
    pub attempt: i32,
    pub ports: Vec<String>,
    pub output: Option<Arc<Json>>,
    /// The output is a stand-in, for which `whole` puts the value.
    pub output_sha256: Option<Vec<u8>>,
    /// Why its output cannot be read: nothing can go on with it.
    pub damage: Option<String>,
    pub error: Option<Json>,
    pub kept: Option<Json>,
    pub waits_on: Option<String>,
    pub signal: Option<Json>,
    /// When it was read: how long it may still take, if that is limited.
    pub left_ms: Option<i64>,
    /// When it was read: it should have begun before.
    pub is_late: bool,
}

/// Runs for an executor; only claimed ones.
pub(crate) async fn records(
    store: &Store,
    runs: &[RunId],
) -> Result<HashMap<RunId, Arc<RunRecord>>> {
    let ids: Vec<_> = runs.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"select id, workspace_id, workflow_id, version_id, draft_revision, trial, source, trigger_node, state, title, input, firm,
                  until_node, pinned, really_send, priority, limited, parent_run, depth, created_at as "created_at: jiff_sqlx::Timestamp"
           from run where id = any($1)"#,
        &ids
    )
    .fetch_all(&store.hot)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let record = RunRecord {
                id: row.id.into(),
                scope: Scope::new(row.workspace_id.into(), None),
                workflow: row.workflow_id.into(),
                what: match row.version_id {
                    Some(version) => What::Version(version.into()),
                    None => What::Draft(row.draft_revision.unwrap_or(0)),
                },
                trial: row.trial,
                source: row.source,
                trigger_node: row.trigger_node,
                state: row.state,
                title: row.title,
                input: row.input,
                firm: row.firm,
                until_node: row.until_node,
                pinned: row.pinned,
                really_send: row.really_send,
                priority: row.priority,
                limited: row.limited,
                parent: row.parent_run.map(Into::into),
                depth: row.depth,
                created_at: row.created_at.to_jiff(),
            };
            (record.id, Arc::new(record))
        })
        .collect())
}

/// Where the steps of runs stand, without what they put out.
pub(crate) async fn standings(
    connection: &mut PgConnection,
    runs: &[RunId],
) -> Result<HashMap<RunId, Vec<StepRow>>> {
    let ids: Vec<_> = runs.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        "select run_id, node, item_path, state, attempt, ports, kept, waits_on from step where run_id = any($1)",
        &ids
    )
    .fetch_all(connection)
    .await?;
    let mut steps: HashMap<RunId, Vec<StepRow>> = HashMap::new();
    for row in rows {
        steps.entry(row.run_id.into()).or_default().push(StepRow {
            node: row.node,
            item_path: row.item_path,
            state: row.state,
            attempt: row.attempt,
            ports: row.ports,
            kept: row.kept,
            waits_on: row.waits_on,
            ..StepRow::default()
        });
    }
    Ok(steps)
}

/// Every step of these runs; `whole` reads what large values they put out.
pub(crate) async fn step_rows(
    store: &Store,
    runs: &[RunId],
) -> Result<HashMap<RunId, Vec<StepRow>>> {
    let ids: Vec<_> = runs.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"select run_id, node, item_path, state, attempt, ports, output, output_sha256, error, kept, waits_on, signal,
                  floor(extract(epoch from end_by - now()) * 1000)::bigint as left_ms,
                  coalesce(start_by < now(), false) as "is_late!"
           from step where run_id = any($1)"#,
        &ids
    )
    .fetch_all(&store.hot)
    .await?;
    let mut steps: HashMap<RunId, Vec<StepRow>> = HashMap::new();
    for row in rows {
        steps.entry(row.run_id.into()).or_default().push(StepRow {
            node: row.node,
            item_path: row.item_path,
            state: row.state,
            attempt: row.attempt,
            ports: row.ports,
            output: row.output.map(Arc::new),
            output_sha256: row.output_sha256,
            damage: None,
            error: row.error,
            kept: row.kept,
            waits_on: row.waits_on,
            signal: row.signal,
            left_ms: row.left_ms,
            is_late: row.is_late,
        });
    }
    Ok(steps)
}

/// Puts whole values where the steps of a run have stand-ins. What is lost is told with its step. After an error the steps are of no use:
/// some of them have forgotten what their stand-ins stand for.
pub async fn whole(store: &Store, scope: &Scope, run: RunId, steps: &mut [StepRow]) -> Result<()> {
    let large = steps.iter_mut().enumerate().filter_map(|(index, row)| {
        let sha256 = row.output_sha256.take();
        let step = (row.node.as_str(), row.item_path.as_str());
        output::Kept::of(index, scope.workspace(), run, step, sha256.as_deref())
    });
    let large: Vec<_> = large.collect();
    for (index, value) in output::whole(store, large).await? {
        match value {
            Ok(value) => steps[index].output = Some(Arc::new(value)),
            Err(what) => steps[index].damage = Some(what),
        }
    }
    Ok(())
}
