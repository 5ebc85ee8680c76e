//! Runs that steps of other runs called: storing them with their callers' segments, waking the steps that wait for them, and ending them
//! with their callers. Runs are locked in the order of their ids, and who calls is always older than who is called.

use std::collections::HashSet;

use engine::{
    call::{CallRequest, Callable, Called, Callee, Offer},
    ids::{RunId, VersionId, WorkflowId, WorkspaceId},
    node::{Answer, StepError},
};
use serde_json::{Value as Json, json};
use sqlx::PgConnection;

use crate::{
    Result, Scope, Store, approval,
    line::{self, Line},
    queue,
    records::Records,
    run,
};

/// A run that a step of a segment calls.
#[derive(Clone, Debug)]
pub struct CallWrite {
    pub node: String,
    pub item_path: String,
    /// `engine::call::child_id`.
    pub child: RunId,
    pub request: CallRequest,
}

/// A called run, as those who look at its caller see it.
#[derive(Clone, Debug)]
pub struct Child {
    pub run: RunId,
    pub node: String,
    pub item_path: String,
    pub title: String,
    pub state: String,
    pub workflow: WorkflowId,
    pub workflow_name: String,
    pub version: Option<i32>,
}

/// The run whose step called another.
#[derive(Clone, Debug)]
pub struct Parent {
    pub run: RunId,
    pub node: String,
    pub item_path: String,
    pub title: String,
    pub workflow_name: String,
}

/// A workflow whose published version calls another.
#[derive(Clone, Debug)]
pub struct Caller {
    pub workflow: WorkflowId,
    pub name: String,
    /// Only when one of its runs fails; otherwise a step of it calls.
    pub on_failure: bool,
}

/// A run that ended with the run that called it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    run: RunId,
    workspace: WorkspaceId,
    workflow: WorkflowId,
    trial: bool,
    limited: bool,
    /// It asked people.
    asked: bool,
}

/// Why a workflow cannot be called, or the version that a call runs.
#[derive(Debug)]
pub enum Found {
    Callee(Box<Callee>),
    Gone,
    /// Its name.
    Off(String),
    WithoutTrigger(String),
}

/// The live version of a workflow that is about to be called.
pub async fn callee(store: &Store, scope: &Scope, workflow: WorkflowId) -> Result<Found> {
    let row = sqlx::query!(
        r#"select w.name, w.state, v.id as "version?", v.number as "number?", v.offer
           from workflow w left join version v on v.id = w.live_version_id
           where w.workspace_id = $1 and w.id = $2 and w.deleted_at is null"#,
        scope.workspace().as_uuid(),
        workflow.as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?;
    let Some(row) = row else {
        return Ok(Found::Gone);
    };
    let (Some(version), Some(number), "live") = (row.version, row.number, row.state.as_str())
    else {
        return Ok(Found::Off(row.name));
    };
    Ok(match row.offer {
        Some(offer) => Found::Callee(Box::new(Callee {
            workflow,
            name: row.name,
            version: VersionId(version),
            number,
            offer: serde_json::from_value(offer)?,
        })),
        None => Found::WithoutTrigger(row.name),
    })
}

/// Workflows as one that calls them sees them; deleted ones are left out. `caller`: the workflow that is looked at.
pub async fn callables(
    store: &Store,
    scope: &Scope,
    workflows: &[WorkflowId],
    caller: Option<WorkflowId>,
) -> Result<Vec<(WorkflowId, Callable)>> {
    if workflows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = workflows.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        r#"with recursive reached (start, id) as (
               select id, id from unnest($2::uuid[]) id
               union
               select reached.start, c.workflow_id
               from reached join workflow w on w.id = reached.id and w.workspace_id = $1 and w.deleted_at is null
                    join version_call c on c.version_id = w.live_version_id)
           select w.id, w.name, w.state, v.offer,
                  exists (select from reached where reached.start = w.id and reached.id = $3) as "calls_back!"
           from workflow w left join version v on v.id = w.live_version_id
           where w.workspace_id = $1 and w.id = any($2) and w.deleted_at is null"#,
        scope.workspace().as_uuid(),
        &ids,
        caller.map(WorkflowId::as_uuid),
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let callable = Callable {
                name: row.name,
                is_live: row.state == "live",
                calls_back: row.calls_back,
                offer: row.offer.map(serde_json::from_value).transpose()?,
            };
            Ok((row.id.into(), callable))
        })
        .collect()
}

/// All live workflows that may be called, by name; at most 500.
pub async fn offers(store: &Store, scope: &Scope) -> Result<Vec<(WorkflowId, String, Offer)>> {
    let rows = sqlx::query!(
        r#"select w.id, w.name, v.offer as "offer!" from workflow w join version v on v.id = w.live_version_id
           where w.workspace_id = $1 and w.state = 'live' and w.deleted_at is null and v.offer is not null
           order by lower(w.name), w.id limit 500"#,
        scope.workspace().as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.id.into(), row.name, serde_json::from_value(row.offer)?)))
        .collect()
}

/// The workflows whose published versions call this one, by name; at most 500.
pub async fn callers(store: &Store, scope: &Scope, workflow: WorkflowId) -> Result<Vec<Caller>> {
    let rows = sqlx::query!(
        r#"select w.id, w.name, c.version_id is null as "on_failure!"
           from workflow w join version v on v.id = w.live_version_id
                left join version_call c on c.version_id = v.id and c.workflow_id = $2
           where w.workspace_id = $1 and w.deleted_at is null
             and (c.version_id is not null or (v.document ->> 'on_failure')::uuid = $2)
           order by lower(w.name), w.id limit 500"#,
        scope.workspace().as_uuid(),
        workflow.as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Caller {
            workflow: row.id.into(),
            name: row.name,
            on_failure: row.on_failure,
        })
        .collect())
}

/// Keeps what a version was checked with, in the transaction that publishes it; how many of these workflows there are. They are not
/// held: one that is called may be deleted at any time, and its callers' steps then say so.
pub(crate) async fn pin(
    connection: &mut PgConnection,
    scope: &Scope,
    version: VersionId,
    calls: &[(WorkflowId, String, Offer)],
) -> Result<u64> {
    let rows: Vec<Json> = calls
        .iter()
        .map(|(workflow, name, offer)| json!({"id": workflow, "name": name, "offer": offer}))
        .collect();
    let pinned = sqlx::query!(
        "insert into version_call (version_id, workspace_id, workflow_id, name, offer)
         select $1, w.workspace_id, w.id, c.name, c.offer
         from json_to_recordset($3::json) c (id uuid, name text, offer jsonb) join workflow w on w.id = c.id
         where w.workspace_id = $2 and w.deleted_at is null",
        version.as_uuid(),
        scope.workspace().as_uuid(),
        Records(&rows) as _,
    )
    .execute(connection)
    .await?;
    Ok(pinned.rows_affected())
}

/// What a version that runs was checked with.
pub(crate) async fn pinned(
    store: &Store,
    version: VersionId,
) -> Result<Vec<(WorkflowId, Callable)>> {
    let rows = sqlx::query!(
        "select workflow_id, name, offer from version_call where version_id = $1",
        version.as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            let callable = Callable {
                name: row.name,
                is_live: true,
                calls_back: false,
                offer: Some(serde_json::from_value(row.offer)?),
            };
            Ok((row.workflow_id.into(), callable))
        })
        .collect()
}

/// What became of the run that a step called; `None`: it is not over.
pub async fn outcome(
    store: &Store,
    scope: &Scope,
    run: RunId,
    node: &str,
    item_path: &str,
) -> Result<Option<std::result::Result<Called, StepError>>> {
    let row = sqlx::query!(
        r#"select child.id as "id!", child.state as "state!", child.error as "error?", coalesce(w.name, '') as "name!", coalesce(v.number, 0) as "number!",
                  answer.answer as "answer?"
           from run child left join workflow w on w.id = child.workflow_id left join version v on v.id = child.version_id
                left join answer on answer.run_id = child.id
           where child.parent_run = $1 and child.workspace_id = $2 and child.parent_node = $3 and child.parent_item_path = $4
             and child.finished_at is not null
           order by child.id desc limit 1"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
        node,
        item_path,
    )
    .fetch_optional(&store.pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let told = |code: &str, message: String| {
        StepError::new(code, message)
            .with("workflow", row.name.as_str())
            .with("version", row.number)
            .with("run", row.id.to_string())
    };
    Ok(Some(match row.state.as_str() {
        "succeeded" => {
            let answer: Option<Answer> = row.answer.map(serde_json::from_value).transpose()?;
            Ok(Called {
                run: row.id.into(),
                version: row.number,
                answer: answer.map(|answer| answer.body),
            })
        }
        "cancelled" => Err(told(
            "called_run_stopped",
            format!(
                "The called run of \u{201c}{}\u{201d} was stopped.",
                row.name
            ),
        )),
        _ => {
            let error = row.error.unwrap_or_default();
            let reason = error["message"].as_str().unwrap_or_default();
            let message = format!(
                "The called run of \u{201c}{}\u{201d} failed: {reason}",
                row.name
            );
            let told = told("called_run_failed", message);
            Err(told.with("error", error))
        }
    }))
}

/// The runs that steps of a run called, in the order of their ids.
pub async fn children(store: &Store, scope: &Scope, run: RunId) -> Result<Vec<Child>> {
    let rows = sqlx::query!(
        r#"select child.id as "id!", child.parent_node as "node!", child.parent_item_path as "item_path!", child.title as "title!",
                  child.state as "state!", child.workflow_id as "workflow_id!", coalesce(w.name, '') as "workflow_name!",
                  v.number as "number?"
           from run child left join workflow w on w.id = child.workflow_id left join version v on v.id = child.version_id
           where child.parent_run = $1 and child.workspace_id = $2 order by child.id"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Child {
            run: row.id.into(),
            node: row.node,
            item_path: row.item_path,
            title: row.title,
            state: row.state,
            workflow: row.workflow_id.into(),
            workflow_name: row.workflow_name,
            version: row.number,
        })
        .collect())
}

/// The run that called one.
pub async fn parent(store: &Store, scope: &Scope, run: RunId) -> Result<Option<Parent>> {
    let row = sqlx::query!(
        r#"select parent.id as "id!", child.parent_node as "node!", child.parent_item_path as "item_path!", parent.title as "title!",
                  coalesce(w.name, '') as "workflow_name!"
           from run child join run parent on parent.id = child.parent_run left join workflow w on w.id = parent.workflow_id
           where child.id = $1 and child.workspace_id = $2 and parent.workspace_id = $2"#,
        run.as_uuid(),
        scope.workspace().as_uuid(),
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(row.map(|row| Parent {
        run: row.id.into(),
        node: row.node,
        item_path: row.item_path,
        title: row.title,
        workflow_name: row.workflow_name,
    }))
}

/// Locks runs in the order of their ids, and with `callers` among them everything that they called, directly or through others, and that is
/// not over: that is what is given. `None`: one of those called another meanwhile, which may be older than what is locked; let go of
/// all of them and begin again.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    runs: &[RunId],
    callers: &[RunId],
) -> Result<Option<Vec<RunId>>> {
    let called = unfinished(connection, callers).await?;
    let ids: Vec<_> = runs.iter().chain(&called).map(|id| id.as_uuid()).collect();
    sqlx::query!(
        "select id from run where id = any($1) order by id for update",
        &ids
    )
    .fetch_all(&mut *connection)
    .await?;
    if callers.is_empty() {
        return Ok(Some(called));
    }
    // Whoever calls holds its own lock for it: what is called by those that are locked is known for good.
    let now = unfinished(connection, callers).await?;
    let locked: HashSet<RunId> = called.into_iter().collect();
    Ok(now.iter().all(|run| locked.contains(run)).then_some(now))
}

async fn unfinished(connection: &mut PgConnection, callers: &[RunId]) -> Result<Vec<RunId>> {
    if callers.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = callers.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query_scalar!(
        r#"with recursive called (id) as (
               select id from run where parent_run = any($1) and finished_at is null
               union
               select run.id from called join run on run.parent_run = called.id where run.finished_at is null)
           select id as "id!" from called order by 1"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(RunId::from).collect())
}

/// Stores called runs with their first entries; the caller of this holds the locks of the runs that call. A run that is there already was
/// called by the same step before. Gives the lines in which some of them stand.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    calls: &[(RunId, &CallWrite)],
) -> Result<Vec<Line>> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<Json> = calls
        .iter()
        .map(|(run, call)| {
            let callee = &call.request.callee;
            json!({
                "id": call.child, "parent_run": run, "node": call.node, "item_path": call.item_path, "workflow_id": callee.workflow,
                "version_id": callee.version, "trigger_node": callee.offer.trigger, "title": callee.name, "input": call.request.input,
            })
        })
        .collect();
    let made = sqlx::query!(
        "insert into run (id, workspace_id, workflow_id, version_id, trial, source, trigger_node, title, input, firm, really_send,
                          first_run, expires_at, priority, parent_run, parent_node, parent_item_path, depth, failure_of, started_by,
                          limited)
         select c.id, run.workspace_id, c.workflow_id, c.version_id, run.trial, case when run.trial then 'trial' else 'call' end,
                c.trigger_node, c.title, coalesce(c.input, 'null'), run.firm, run.really_send, c.id, run.expires_at, run.priority, run.id,
                c.node, c.item_path, run.depth + 1, run.failure_of, run.started_by,
                not run.trial and exists (select from version where version.id = c.version_id and version.concurrency is not null)
         from json_to_recordset($1::json) c (id uuid, parent_run uuid, node text, item_path text, workflow_id uuid, version_id uuid,
                  trigger_node text, title text, input jsonb)
              join run on run.id = c.parent_run
         on conflict (id) do nothing returning id, limited",
        Records(&rows) as _,
    )
    .fetch_all(&mut *connection)
    .await?;
    enter(connection, &rows).await?;
    let limited = made.into_iter().filter(|row| row.limited);
    let limited: Vec<RunId> = limited.map(|row| row.id.into()).collect();
    line::join(connection, &limited, None).await
}

/// The first entries of runs (`id`) that were just stored; limited ones get theirs when it is their turn.
pub(crate) async fn enter(connection: &mut PgConnection, runs: &[Json]) -> Result<()> {
    sqlx::query!(
        "insert into queue_entry (run_id, node, item_path, workspace_id, workflow_id, priority)
         select run.id, run.trigger_node, '', run.workspace_id, run.workflow_id, run.priority
         from json_to_recordset($1::json) c (id uuid) join run on run.id = c.id
         where run.state = 'queued' and not run.limited
         on conflict (run_id, node, item_path) do nothing",
        Records(runs) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Readies the steps that wait for runs that have ended; their callers are locked. `true`: there was one.
pub(crate) async fn ready_callers(connection: &mut PgConnection, ended: &[RunId]) -> Result<bool> {
    if ended.is_empty() {
        return Ok(false);
    }
    let ids: Vec<_> = ended.iter().map(|id| id.as_uuid()).collect();
    let waiting = sqlx::query!(
        r#"select parent_run as "run!", parent_node as "node!", parent_item_path as "item_path!"
           from run where id = any($1) and parent_run is not null order by parent_run, parent_node, parent_item_path"#,
        &ids
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut readied = false;
    for step in waiting {
        readied |=
            queue::ready_waiting(connection, step.run.into(), &step.node, &step.item_path).await?;
    }
    Ok(readied)
}

/// Ends those of the locked called runs whose step, or the step that called their caller, does not wait for them any more.
pub(crate) async fn end_orphans(
    connection: &mut PgConnection,
    called: &[RunId],
) -> Result<Vec<Ended>> {
    if called.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = called.iter().map(|id| id.as_uuid()).collect();
    let orphans = sqlx::query_scalar!(
        r#"with recursive orphan (id) as (
               select run.id from run join step on step.run_id = run.parent_run and step.node = run.parent_node
                    and step.item_path = run.parent_item_path
               where run.id = any($1) and run.finished_at is null
                 and step.state in ('succeeded', 'failed', 'cancelled', 'skipped', 'retryable')
               union
               select run.id from orphan join run on run.parent_run = orphan.id where run.id = any($1) and run.finished_at is null)
           select id as "id!" from orphan order by 1"#,
        &ids
    )
    .fetch_all(&mut *connection)
    .await?;
    let orphans: Vec<RunId> = orphans.into_iter().map(RunId::from).collect();
    end(connection, &orphans).await
}

/// Stops locked runs.
pub(crate) async fn end(connection: &mut PgConnection, runs: &[RunId]) -> Result<Vec<Ended>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let asked = run::end_open(connection, runs).await?;
    let ids: Vec<_> = runs.iter().map(|id| id.as_uuid()).collect();
    let rows = sqlx::query!(
        "update run set state = 'cancelled', finished_at = now() where id = any($1) and finished_at is null
         returning id, workspace_id, workflow_id, trial, limited",
        &ids
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Ended {
            run: row.id.into(),
            workspace: row.workspace_id.into(),
            workflow: row.workflow_id.into(),
            trial: row.trial,
            limited: row.limited,
            asked: asked.contains(&row.id.into()),
        })
        .collect())
}

/// Those of them whose places somebody else gets.
pub(crate) fn limited(ended: &[Ended]) -> Vec<RunId> {
    let limited = ended.iter().filter(|one| one.limited);
    limited.map(|one| one.run).collect()
}

/// Tells of runs that ended with their callers, after the commit.
pub(crate) fn tell(store: &Store, ended: &[Ended]) {
    for one in ended {
        let scope = Scope::new(one.workspace, None);
        run::announce(store, &scope, one.run, one.workflow, "cancelled", one.trial);
        if one.asked {
            approval::announce(store, &scope);
        }
    }
}
