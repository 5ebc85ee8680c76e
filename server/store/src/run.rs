//! Runs and their steps as people and executors read them, and the few things a person can do to one: stop it, retry it, answer a
//! waiting step. What a run does next is decided by `engine::run`, not here.

mod program;
mod retry;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use engine::{
    ids::{RunId, VersionId, WorkerId, WorkflowId},
    node::Answer,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

use crate::{
    Result, Scope, Store, StoreError, answer, approval, call,
    events::Event,
    generation, line, output,
    queue::{self, What},
    storable,
};

pub use program::{NeededNodeType, Program, needed_node_types, program};
pub use retry::{Retry, retry};

/// How often those who wait for a run are looked up, all of them in one query.
const WAIT_POLL: Duration = Duration::from_millis(100);

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

/// A run in a list.
#[derive(Clone, Debug, Serialize)]
pub struct RunItem {
    pub id: RunId,
    pub workflow: WorkflowId,
    pub workflow_name: String,
    pub version: Option<i32>,
    pub title: String,
    pub state: String,
    pub source: String,
    pub trial: bool,
    /// It is not over, and its workflow or the whole workspace is paused.
    pub paused: bool,
    /// While it waits in line because its workflow lets only so many runs go at the same time.
    pub line: Option<line::Waiting>,
    pub error: Option<Json>,
    pub retry_of: Option<RunId>,
    #[serde(skip)]
    pub created_at: Timestamp,
    #[serde(skip)]
    pub started_at: Option<Timestamp>,
    #[serde(skip)]
    pub finished_at: Option<Timestamp>,
}

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

/// Which runs a list shows; trial runs are in no list unless asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub state: Option<String>,
    /// The code of the run's error, or of one that lies within it, as that of an entry lies within its list's.
    pub error: Option<String>,
    pub workflow: Option<WorkflowId>,
    pub trial: bool,
    /// Part of the title or of the workflow's name, any case.
    pub text: Option<String>,
    /// Older than this run.
    pub after: Option<RunId>,
    pub limit: i64,
}

/// How a run stands, in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    pub state: String,
    pub finished: bool,
    pub error: Option<Json>,
}

/// The runs of a list, each with whether it may wait in line. Plans are made without knowing the parameters, so what makes an index
/// serve stands in the text (`$indexed`).
macro_rules! listed {
    ($store:expr, $scope:expr, $filter:expr, $indexed:literal) => {
        sqlx::query!(
            r#"select run.id as "id!", run.workflow_id as "workflow_id!", coalesce(workflow.name, '') as "workflow_name!",
                      version.number as "version?", run.title as "title!", run.source as "source!", run.trial as "trial!",
                      run.error as "error?", run.retry_of as "retry_of?",
                      case when run.state in ('queued', 'waiting') and exists (
                          select 1 from queue_entry q where q.run_id = run.id and q.lease_owner is not null)
                      then 'running' else run.state end as "state!",
                      (run.finished_at is null and exists (select from paused_workflow p where p.id = run.workflow_id)) as "paused!",
                      (run.limited and run.state = 'queued') as "may_wait!",
                      run.created_at as "created_at!: jiff_sqlx::Timestamp", run.started_at as "started_at?: jiff_sqlx::Timestamp",
                      run.finished_at as "finished_at?: jiff_sqlx::Timestamp"
               from run left join workflow on workflow.id = run.workflow_id left join version on version.id = run.version_id
               where run.workspace_id = $1 and run.trial = $2 "#
                + $indexed
                + r#"
                 and ($3::text is null or run.state = $3)
                 and ($4::uuid is null or run.workflow_id = $4)
                 and ($5::uuid is null or run.id < $5)
                 and ($6::text is null or position(lower($6) in lower(run.title)) > 0
                      or position(lower($6) in lower(workflow.name)) > 0
                      or position(lower($6) in lower(run.input::text)) > 0)
                 and ($8::text is null
                      or jsonb_path_exists(run.error, '$.**.code ? (@ == $code)', jsonb_build_object('code', $8::text)))
               order by run.id desc limit $7"#,
            $scope.workspace().as_uuid(),
            $filter.trial,
            $filter.state,
            $filter.workflow.map(WorkflowId::as_uuid),
            $filter.after.map(RunId::as_uuid),
            $filter.text,
            $filter.limit.clamp(1, 200),
            $filter.error,
        )
        .fetch_all(&$store.pool)
        .await?
        .into_iter()
        .map(|row| {
            let item = RunItem {
                id: row.id.into(),
                workflow: row.workflow_id.into(),
                workflow_name: row.workflow_name,
                version: row.version,
                title: row.title,
                state: row.state,
                source: row.source,
                trial: row.trial,
                paused: row.paused,
                line: None,
                error: row.error,
                retry_of: row.retry_of.map(Into::into),
                created_at: row.created_at.to_jiff(),
                started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
                finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
            };
            (item, row.may_wait)
        })
        .collect()
    };
}

/// Newest first.
pub async fn list(store: &Store, scope: &Scope, filter: &Filter) -> Result<Vec<RunItem>> {
    let failed = filter.error.is_some() || filter.state.as_deref() == Some("failed");
    let mut rows: Vec<(RunItem, bool)> = if failed && !filter.trial {
        // As the index `run_failed` has it.
        listed!(
            store,
            scope,
            filter,
            "and run.state = 'failed' and not run.trial"
        )
    } else {
        listed!(store, scope, filter, "")
    };
    let may_wait = rows.iter().filter(|(_, may_wait)| *may_wait);
    let may_wait: Vec<RunId> = may_wait.map(|(item, _)| item.id).collect();
    let mut lines = line::waiting(store, scope, &may_wait).await?;
    for (item, _) in &mut rows {
        item.line = lines.remove(&item.id);
    }
    Ok(rows.into_iter().map(|(item, _)| item).collect())
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
    for (index, whole) in output::whole(store, large).await {
        match whole {
            Ok(whole) => rows[index].output = Some(whole),
            Err(StoreError::Damaged(what)) => tracing::error!(what, "a large value is lost"),
            Err(error) => return Err(error),
        }
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

/// What a run came to so far.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub state: String,
    pub finished: bool,
    pub error: Option<Json>,
    /// The workflow document that runs.
    pub document: Json,
    /// Outputs of the succeeded steps outside lists: `{node: output}`.
    pub outputs: serde_json::Map<String, Json>,
    /// Those of them whose outputs are lost, and are told as null.
    pub lost: BTreeSet<String>,
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
) -> Result<(serde_json::Map<String, Json>, BTreeSet<String>)> {
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
    for (index, whole) in output::whole(store, large).await {
        rows[index].output = match whole {
            Ok(whole) => Some(whole),
            Err(StoreError::Damaged(what)) => {
                tracing::error!(what, "a large value is lost");
                lost.insert(rows[index].node.clone());
                None
            }
            Err(error) => return Err(error),
        };
    }
    let outputs = rows
        .into_iter()
        .map(|row| (row.node, row.output.unwrap_or_default()))
        .collect();
    Ok((outputs, lost))
}

/// How a run stands.
pub async fn standing(store: &Store, scope: &Scope, run: RunId) -> Result<Standing> {
    let row = sqlx::query!(
        r#"select state, error, (finished_at is not null) as "finished!" from run where id = $1 and workspace_id = $2"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    Ok(Standing {
        state: row.state,
        finished: row.finished,
        error: row.error,
    })
}

/// How far a caller waits for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Finished,
    /// A step has answered, or the run is over.
    Answered,
}

/// What a wait ended with.
#[derive(Debug)]
pub(crate) enum Reached {
    Over,
    Answered(Option<Answer>),
}

/// Somebody who waits for a run, from before it was accepted.
pub struct Watch(oneshot::Receiver<Reached>);

/// Begins to wait for a run that is about to be accepted: nothing of it is missed.
pub fn watch(store: &Store, run: RunId, until: Until) -> Watch {
    Watch(store.events.reached(run, until))
}

/// How a wait ended.
#[derive(Debug)]
pub enum Waited {
    /// The run is that far; what a step answered, if that came along.
    Reached(Option<Answer>),
    TooLong,
}

/// Waits until the run is that far, at most `limit`. Woken in process or by a notification; one query every 100 ms for all who wait is
/// the truth.
pub async fn wait_on(store: &Store, watch: Watch, limit: Duration) -> Waited {
    let Watch(mut reached) = watch;
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        tokio::select! {
            biased;
            reached = &mut reached => return match reached {
                Ok(Reached::Answered(answer)) => Waited::Reached(answer),
                Ok(Reached::Over) | Err(_) => Waited::Reached(None),
            },
            () = tokio::time::sleep_until(deadline) => return Waited::TooLong,
            () = tokio::time::sleep(WAIT_POLL) => {
                if let Err(error) = wake_reached(store).await {
                    tracing::warn!(%error, "runs that are waited for could not be looked up");
                }
            }
        }
    }
}

/// Waits for a run that may be that far already.
pub async fn wait(
    store: &Store,
    scope: &Scope,
    run: RunId,
    until: Until,
    limit: Duration,
) -> Result<()> {
    if limit.is_zero() {
        return Ok(());
    }
    let watch = watch(store, run, until);
    let answered = match until {
        Until::Finished => false,
        Until::Answered => answer::of_run(store, scope, run).await?.is_some(),
    };
    if !answered && !standing(store, scope, run).await?.finished {
        wait_on(store, watch, limit).await;
    }
    Ok(())
}

/// One query for all who wait in this process; whoever comes first asks for everybody.
async fn wake_reached(store: &Store) -> Result<()> {
    if !store.events.may_poll(WAIT_POLL) {
        return Ok(());
    }
    let awaited: Vec<_> = store
        .events
        .awaited()
        .into_iter()
        .map(RunId::as_uuid)
        .collect();
    if awaited.is_empty() {
        return Ok(());
    }
    let reached = sqlx::query!(
        r#"select id as "id!", true as "over!" from run where id = any($1) and finished_at is not null
           union all select run_id, false from answer where run_id = any($1)"#,
        &awaited
    )
    .fetch_all(&store.hot)
    .await?;
    for row in reached {
        if row.over {
            store.events.over(row.id.into());
        } else {
            store.events.answered(row.id.into(), None);
        }
    }
    Ok(())
}

/// Ends a run at once, and with it the runs that it called: entries, unfinished steps, waits and requests to models go in one commit, and
/// with them every fence. A step of another run that waits for it goes on, and fails. Stored deliveries still go out. `false`: it was over already.
pub async fn stop(store: &Store, scope: &Scope, run: RunId) -> Result<bool> {
    let row = sqlx::query!(
        "select parent_run from run where id = $1 and workspace_id = $2",
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    let mut family = vec![run];
    family.extend(row.parent_run.map(RunId::from));
    let (mut transaction, mut stopped) = loop {
        let mut transaction = store.pool.begin().await?;
        match call::lock(&mut transaction, &family, &[run]).await? {
            Some(called) => break (transaction, called),
            None => transaction.rollback().await?,
        }
    };
    let open = sqlx::query_scalar!(
        r#"select finished_at is null as "open!" from run where id = $1"#,
        run.as_uuid()
    )
    .fetch_optional(&mut *transaction)
    .await?;
    if open != Some(true) {
        return Ok(false);
    }
    stopped.push(run);
    let ended = call::end(&mut transaction, &stopped).await?;
    let readied = call::ready_callers(&mut transaction, &[run]).await?;
    let left = call::limited(&ended);
    let admitted = line::advance(&mut transaction, Vec::new(), &left).await?;
    transaction.commit().await?;
    call::tell(store, &ended);
    line::tell(&store.events, &admitted);
    if readied {
        queue::wake(store);
    }
    Ok(true)
}

/// Deletes the entries and cancels the unfinished steps, waits and requests of runs whose rows the caller has locked. Gives those whose
/// questions to people were withdrawn.
pub(crate) async fn end_open(
    connection: &mut sqlx::PgConnection,
    runs: &[RunId],
) -> Result<Vec<RunId>> {
    let ids: Vec<_> = runs.iter().map(|id| id.as_uuid()).collect();
    // A head that was never committed has no step row yet; people must still see that it was stopped.
    sqlx::query!(
        "insert into step (run_id, node, item_path, workspace_id, state, worker_id, finished_at)
         select run_id, node, item_path, workspace_id, 'cancelled', lease_owner, now() from queue_entry where run_id = any($1)
         on conflict (run_id, node, item_path) do nothing",
        &ids
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("delete from queue_entry where run_id = any($1)", &ids)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "update step set state = 'cancelled', finished_at = now(), wait_until = null
         where run_id = any($1) and state in ('ready', 'running', 'retryable', 'waiting')",
        &ids
    )
    .execute(&mut *connection)
    .await?;
    for run in runs {
        generation::cancel_for_run(connection, *run).await?;
    }
    approval::withdraw(connection, &ids).await
}

/// Deletes the entry of one step and calls it off, in the caller's transaction; the caller holds the run row's lock. `true`: it asked
/// people, and does not any more.
pub(crate) async fn end_step(
    connection: &mut sqlx::PgConnection,
    run: RunId,
    node: &str,
    item_path: &str,
) -> Result<bool> {
    sqlx::query!(
        "delete from queue_entry where run_id = $1 and node = $2 and item_path = $3",
        run.as_uuid(),
        node,
        item_path,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update step set state = 'cancelled', finished_at = now(), wait_until = null
         where run_id = $1 and node = $2 and item_path = $3 and state in ('ready', 'running', 'retryable', 'waiting')",
        run.as_uuid(),
        node,
        item_path,
    )
    .execute(&mut *connection)
    .await?;
    generation::cancel_for_step(connection, run, node, item_path).await?;
    approval::close(connection, run, node, item_path, false).await
}

/// Answers a step that waits for a signal. `false`: it does not wait any more.
pub async fn signal(
    store: &Store,
    scope: &Scope,
    run: RunId,
    node: &str,
    payload: &Json,
) -> Result<bool> {
    if !storable::json(payload) {
        return Err(StoreError::invalid(
            "nul_character",
            "",
            "The answer contains a NUL character, which cannot be stored.",
        ));
    }
    let mut transaction = store.pool.begin().await?;
    sqlx::query!(
        "select id from run where id = $1 and workspace_id = $2 for update",
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(StoreError::NotFound("run"))?;
    if !signal_waiting(&mut transaction, run, node, "", payload).await? {
        return Ok(false);
    }
    transaction.commit().await?;
    queue::wake(store);
    Ok(true)
}

/// The same in the caller's transaction, which holds the run row's lock and wakes executors afterwards.
pub(crate) async fn signal_waiting(
    connection: &mut sqlx::PgConnection,
    run: RunId,
    node: &str,
    item_path: &str,
    payload: &Json,
) -> Result<bool> {
    let waits = sqlx::query!(
        "select node from step where run_id = $1 and node = $2 and item_path = $3 and state = 'waiting' and waits_on = 'signal'",
        run.as_uuid(),
        node,
        item_path,
    )
    .fetch_optional(&mut *connection)
    .await?
    .is_some();
    if !waits || !queue::ready_waiting(connection, run, node, item_path).await? {
        return Ok(false);
    }
    sqlx::query!(
        "update step set signal = $4 where run_id = $1 and node = $2 and item_path = $3",
        run.as_uuid(),
        node,
        item_path,
        payload,
    )
    .execute(connection)
    .await?;
    Ok(true)
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
    connection: &mut sqlx::PgConnection,
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
    for (index, value) in output::whole(store, large).await {
        match value {
            Ok(value) => steps[index].output = Some(Arc::new(value)),
            Err(StoreError::Damaged(what)) => steps[index].damage = Some(what),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Tells who watches the run, the lists and the workflow.
pub(crate) fn announce(
    store: &Store,
    scope: &Scope,
    run: RunId,
    workflow: WorkflowId,
    state: &str,
    trial: bool,
) {
    let finished = matches!(state, "succeeded" | "failed" | "cancelled");
    let data = json!({ "run": run, "workflow": workflow, "state": state, "finished": finished });
    let tell = |topic: String| {
        store.events.publish(Event {
            workspace: scope.workspace(),
            topic,
            kind: "run.changed".into(),
            data: data.clone(),
        });
    };
    tell(format!("run:{run}"));
    if !trial {
        tell("runs".into());
        tell(format!("workflow:{workflow}"));
    }
}
