//! One run as people read it: what it runs, where its steps stand and stood, what it came to.

use std::collections::BTreeSet;

use engine::ids::{RunId, VersionId, WorkerId};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::RunItem;
use crate::{Result, Scope, Store, StoreError, line, output};

/// A whole run, without its steps.
#[derive(Clone, Debug)]
pub struct RunDetail {
    pub item: RunItem,
    pub trigger_node: String,
    pub input: Json,
    pub firm: Json,
    /// The workflow document that runs.
    pub document: Json,
    pub version_id: Option<VersionId>,
    pub draft_revision: Option<i64>,
    pub until_node: Option<String>,
    pub really_send: bool,
    pub first_run: RunId,
    /// When its private values were hidden.
    pub masked_at: Option<Timestamp>,
}

/// A step on the run page.
#[derive(Clone, Debug)]
pub struct StepDetail {
    pub node: String,
    pub item_path: String,
    pub state: String,
    pub attempt: i32,
    pub ports: Vec<String>,
    /// `None` also where the value is lost.
    pub output: Option<Json>,
    pub error: Option<Json>,
    pub warnings: Option<Json>,
    /// What the step kept when it began to wait; of a container its entries.
    pub kept: Option<Json>,
    /// `signal`, `generation`, `delivery`, `items`, `call` or `nothing`.
    pub waits_on: Option<String>,
    pub wait_until: Option<Timestamp>,
    /// When a retryable step comes back.
    pub due_at: Option<Timestamp>,
    pub worker: Option<WorkerId>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// One try of a step; the last one is the step itself.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub node: String,
    pub item_path: String,
    pub attempt: i32,
    /// `succeeded`, `failed`, `cancelled` or `running`.
    pub state: String,
    pub error: Option<Json>,
    pub worker: Option<WorkerId>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// What a run came to so far.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub state: String,
    pub finished: bool,
    pub error: Option<Json>,
    /// The workflow document that runs.
    pub document: Json,
    /// Outputs of the succeeded steps outside lists: `{node: output}`.
    pub outputs: Map<String, Json>,
    /// Those of them whose outputs are lost, and are told as null.
    pub lost: BTreeSet<String>,
}

/// One run with the document it runs.
pub async fn get(store: &Store, scope: &Scope, run: RunId) -> Result<RunDetail> {
    let row = sqlx::query!(
        r#"select run.id as "id!", run.workflow_id as "workflow_id!", coalesce(workflow.name, '') as "workflow_name!",
                  version.number as "version?", run.title as "title!", run.source as "source!", run.trial as "trial!",
                  run.error as "error?", run.retry_of as "retry_of?", run.trigger_node as "trigger_node!", run.input as "input!",
                  run.firm as "firm!", coalesce(version.document, draft_revision.document, 'null') as "document!",
                  run.version_id as "version_id?", run.draft_revision as "draft_revision?", run.until_node as "until_node?",
                  run.really_send as "really_send!", run.first_run as "first_run!", run.masked_at as "masked_at?: jiff_sqlx::Timestamp",
                  case when run.state in ('queued', 'waiting') and exists (
                      select 1 from queue_entry q where q.run_id = run.id and q.lease_owner is not null)
                  then 'running' else run.state end as "state!",
                  (run.finished_at is null and exists (select from paused_workflow p where p.id = run.workflow_id)) as "paused!",
                  (run.limited and run.state = 'queued') as "may_wait!",
                  run.created_at as "created_at!: jiff_sqlx::Timestamp", run.started_at as "started_at?: jiff_sqlx::Timestamp",
                  run.finished_at as "finished_at?: jiff_sqlx::Timestamp"
           from run left join workflow on workflow.id = run.workflow_id left join version on version.id = run.version_id
                left join draft_revision on draft_revision.workflow_id = run.workflow_id
                     and draft_revision.revision = run.draft_revision
           where run.id = $1 and run.workspace_id = $2"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    let may_wait: &[RunId] = if row.may_wait { &[run] } else { &[] };
    let mut lines = line::waiting(store, scope, may_wait).await?;
    Ok(RunDetail {
        item: RunItem {
            id: row.id.into(),
            workflow: row.workflow_id.into(),
            workflow_name: row.workflow_name,
            version: row.version,
            title: row.title,
            state: row.state,
            source: row.source,
            trial: row.trial,
            paused: row.paused,
            line: lines.remove(&row.id.into()),
            error: row.error,
            retry_of: row.retry_of.map(Into::into),
            created_at: row.created_at.to_jiff(),
            started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
            finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
        },
        trigger_node: row.trigger_node,
        input: row.input,
        firm: row.firm,
        document: row.document,
        version_id: row.version_id.map(Into::into),
        draft_revision: row.draft_revision,
        until_node: row.until_node,
        really_send: row.really_send,
        first_run: row.first_run.into(),
        masked_at: row.masked_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// Every step of a run that has begun or is settled; a leased one counts as running. An output that is lost is missing: the rest is told all
/// the same, the error of what needed it among it.
pub async fn steps(store: &Store, scope: &Scope, run: RunId) -> Result<Vec<StepDetail>> {
    steps_with(store, scope, run, |_| true).await
}

/// The same for whoever needs the outputs of some nodes alone: large ones of the others are not read, and missing.
pub async fn steps_with(
    store: &Store,
    scope: &Scope,
    run: RunId,
    needs: impl Fn(&str) -> bool + Send + Sync,
) -> Result<Vec<StepDetail>> {
    let mut rows = sqlx::query!(
        r#"select coalesce(step.node, q.node) as "node!", coalesce(step.item_path, q.item_path) as "item_path!",
                  case when q.lease_owner is not null then 'running' else coalesce(step.state, 'ready') end as "state!",
                  coalesce(step.attempt, 1) as "attempt!", coalesce(step.ports, '{}') as "ports!", step.output as "output?",
                  step.output_sha256 as "output_sha256?", step.error as "error?", step.warnings as "warnings?", step.kept as "kept?",
                  case when step.state = 'waiting' then step.waits_on end as waits_on,
                  step.wait_until as "wait_until: jiff_sqlx::Timestamp",
                  case when q.lease_owner is null and step.state = 'retryable' then q.due_at end
                      as "due_at: jiff_sqlx::Timestamp",
                  coalesce(step.worker_id, q.lease_owner) as worker_id,
                  step.started_at as "started_at: jiff_sqlx::Timestamp", step.finished_at as "finished_at: jiff_sqlx::Timestamp"
           from (select * from step where run_id = $1 and workspace_id = $2) step
           full join (select * from queue_entry where run_id = $1 and workspace_id = $2) q
             on q.node = step.node and q.item_path = step.item_path
           order by step.started_at nulls last, step.finished_at nulls last, 1, 2"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    let large = rows.iter_mut().enumerate().filter_map(|(index, row)| {
        let sha256 = row.output_sha256.take()?;
        // A stand-in is nothing to show.
        row.output = None;
        let step = (row.node.as_str(), row.item_path.as_str());
        let kept = output::Kept::of(index, scope.workspace(), run, step, Some(sha256.as_slice()));
        kept.filter(|_| needs(&row.node))
    });
    let large: Vec<_> = large.collect();
    for (index, value) in output::whole(store, large).await? {
        rows[index].output = unless_lost(value);
    }
    Ok(rows
        .into_iter()
        .map(|row| StepDetail {
            node: row.node,
            item_path: row.item_path,
            state: row.state,
            attempt: row.attempt,
            ports: row.ports,
            output: row.output,
            error: row.error,
            warnings: row.warnings,
            kept: row.kept,
            waits_on: row.waits_on,
            wait_until: row.wait_until.map(jiff_sqlx::Timestamp::to_jiff),
            due_at: row.due_at.map(jiff_sqlx::Timestamp::to_jiff),
            worker: row.worker_id.map(Into::into),
            started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
            finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}

/// Every try of every step, oldest first; the one that ended a step is told from the step itself.
pub async fn attempts(store: &Store, scope: &Scope, run: RunId) -> Result<Vec<Attempt>> {
    let rows = sqlx::query!(
        r#"select node as "node!", item_path as "item_path!", attempt as "attempt!", 'failed' as "state!", error, worker_id,
                  started_at as "started_at: jiff_sqlx::Timestamp", finished_at as "finished_at: jiff_sqlx::Timestamp"
           from attempt where run_id = $1 and workspace_id = $2
           union all
           select node, item_path, attempt, state, error, worker_id, started_at, finished_at
           from step where run_id = $1 and workspace_id = $2 and started_at is not null
             and state in ('succeeded', 'failed', 'cancelled')
           order by 1, 2, 3"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Attempt {
            node: row.node,
            item_path: row.item_path,
            attempt: row.attempt,
            state: row.state,
            error: row.error,
            worker: row.worker_id.map(Into::into),
            started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
            finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
        .collect())
}

/// What a run came to so far, for those who want its values rather than its history.
pub async fn outcome(store: &Store, scope: &Scope, run: RunId) -> Result<Outcome> {
    let row = sqlx::query!(
        r#"select run.error as "error?", (run.finished_at is not null) as "finished!",
                  coalesce(version.document, draft_revision.document, 'null') as "document!",
                  case when run.state in ('queued', 'waiting') and exists (
                      select 1 from queue_entry q where q.run_id = run.id and q.lease_owner is not null)
                  then 'running' else run.state end as "state!"
           from run left join version on version.id = run.version_id
                left join draft_revision on draft_revision.workflow_id = run.workflow_id
                     and draft_revision.revision = run.draft_revision
           where run.id = $1 and run.workspace_id = $2"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    let (outputs, lost) = outputs(store, scope, run).await?;
    Ok(Outcome {
        state: row.state,
        finished: row.finished,
        error: row.error,
        document: row.document,
        outputs,
        lost,
    })
}

/// Of the succeeded steps outside lists, and which of them are lost.
async fn outputs(
    store: &Store,
    scope: &Scope,
    run: RunId,
) -> Result<(Map<String, Json>, BTreeSet<String>)> {
    let mut rows = sqlx::query!(
        "select node, item_path, output, output_sha256 from step
         where run_id = $1 and workspace_id = $2 and item_path = '' and state = 'succeeded' order by node",
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    let large = rows.iter().enumerate().filter_map(|(index, row)| {
        let step = (row.node.as_str(), row.item_path.as_str());
        let sha256 = row.output_sha256.as_deref();
        output::Kept::of(index, scope.workspace(), run, step, sha256)
    });
    let large: Vec<_> = large.collect();
    let mut lost = BTreeSet::new();
    for (index, value) in output::whole(store, large).await? {
        rows[index].output = unless_lost(value);
        if rows[index].output.is_none() {
            lost.insert(rows[index].node.clone());
        }
    }
    let outputs = rows
        .into_iter()
        .map(|row| (row.node, row.output.unwrap_or_default()))
        .collect();
    Ok((outputs, lost))
}

fn unless_lost(value: Result<Json, String>) -> Option<Json> {
    value
        .inspect_err(|what| tracing::error!(what, "a large value is lost"))
        .ok()
}
