//! Lines: of a workflow with a limit only so many runs go at the same time, and the others wait for their turn. A run gets its place when
//! it is accepted and keeps it until its end, waits included; its entries come into the queue when it is admitted. What a limit is and
//! which line a run stands in says `engine::concurrency`.

use std::collections::HashMap;

use engine::{
    concurrency::Lines,
    ids::{RunId, WorkflowId, WorkspaceId},
};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Result, Scope, Store,
    events::{Event, Events, Wake},
    records::Records,
};

/// Runs of one line that are admitted in one commit at most. There are more only when a limit was lifted; the next end or the next pass
/// admits them.
const BATCH: i64 = 1_000;

/// Runs ahead of another that are counted at most.
pub const MOST_COUNTED: i64 = 1_000;

/// Lines, or runs, that one pass looks at.
const MOST_IN_A_PASS: i64 = 1_000;

/// A run that waits in line, as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Runs that wait before it; at most 1,000 are counted.
    pub ahead: i64,
    /// How many runs go at the same time; `None`: the limit was lifted meanwhile.
    pub runs: Option<i32>,
    /// What they are counted by; `None`: all runs of the workflow stand in one line.
    pub key: Option<String>,
    /// The key could not be made of what was handed in: it waits under the empty one.
    pub key_failed: bool,
}

/// One line of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    workflow: Uuid,
    key: String,
}

/// A run whose turn it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admitted {
    run: RunId,
    workspace: WorkspaceId,
    workflow: WorkflowId,
}

/// Which of the runs wait, and for what.
pub(crate) async fn waiting(
    store: &Store,
    scope: &Scope,
    runs: &[RunId],
) -> Result<HashMap<RunId, Waiting>> {
    if runs.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"select p.run_id, p.key, p.key_failed, (live.concurrency ->> 'runs')::integer as "runs?",
                  coalesce(jsonb_typeof(own.concurrency -> 'key') = 'object', false) as "has_key!",
                  (select count(*) from (select from run_place other
                       where other.workflow_id = p.workflow_id and other.key = p.key and other.admitted_at is null
                         and (other.rank, other.run_id) < (p.rank, p.run_id) limit $3) ahead) as "ahead!"
           from run_place p join run on run.id = p.run_id left join version own on own.id = run.version_id
                left join workflow w on w.id = p.workflow_id left join version live on live.id = w.live_version_id
           where p.workspace_id = $1 and p.run_id = any($2) and p.admitted_at is null"#,
        scope.workspace().as_uuid(),
        &ids(runs),
        MOST_COUNTED,
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let waiting = Waiting {
                ahead: row.ahead,
                runs: row.runs,
                key: row.has_key.then_some(row.key),
                key_failed: row.key_failed,
            };
            (row.run_id.into(), waiting)
        })
        .collect())
}

/// Puts limited runs, which this transaction has just stored without entries, at the end of their lines, which are given; `advance` them.
/// `heads`: where they begin, if not with their triggers. A key that cannot be made loses no run: it waits under the empty one.
pub(crate) async fn join(
    connection: &mut PgConnection,
    runs: &[RunId],
    heads: Option<&[String]>,
) -> Result<Vec<Line>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"select run.id as "id!", run.workflow_id as "workflow_id!", run.trigger_node as "trigger_node!", run.input as "input!",
                  version.concurrency as "lines!"
           from run join version on version.id = run.version_id where run.id = any($1)"#,
        &ids(runs)
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut joined = Vec::with_capacity(rows.len());
    let mut places: Vec<Json> = Vec::with_capacity(rows.len());
    for row in rows {
        let lines: Lines = serde_json::from_value(row.lines)?;
        let made = lines.key(&row.trigger_node, &row.input);
        if let Err(error) = &made {
            tracing::warn!(run.id = %row.id, error = error.code(), "the key of a run's line could not be made; it waits under the empty one");
        }
        let failed = made.is_err();
        let key = made.unwrap_or_default();
        places.push(json!({ "id": row.id, "key": key, "failed": failed, "heads": heads }));
        joined.push(Line {
            workflow: row.workflow_id,
            key,
        });
    }
    sqlx::query!(
        "insert into run_place (run_id, workspace_id, workflow_id, key, key_failed, heads, priority)
         select run.id, run.workspace_id, run.workflow_id, p.key, p.failed, coalesce(p.heads, array[run.trigger_node]), run.priority
         from json_to_recordset($1::json) p (id uuid, key text, failed boolean, heads text[]) join run on run.id = p.id",
        Records(&places) as _,
    )
    .execute(connection)
    .await?;
    Ok(joined)
}

/// Takes the places of limited runs that end in this transaction, and admits those whose turn it is: in their lines and in the `joined` ones.
///
/// It is the last thing a transaction does before it commits. Whoever changes a line holds its lock from before looking at it until the
/// commit, and looks with a statement that begins after it has got the lock. So of two commits that change one line the later one sees all
/// of the earlier one: two that are accepted at once are never both the last that fits in; and of one that joins and one that
/// ends, whichever comes second admits. When a commit is done, either as many go as may, or nobody waits.
///
/// The locks are taken in the order of their numbers and after all others, those of runs included: whoever holds one waits for nothing but
/// another line, or for a claim that is written at this moment and waits for nobody. So nobody waits in a circle. Admitting needs no lock of
/// the run: whoever ends it meanwhile holds that, and comes here, too. If the run was admitted before this has the line's lock, its entries
/// are taken away here; a worker that has one already waits for the run's lock with its first commit, and finds its entry gone.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    joined: Vec<Line>,
    ended: &[RunId],
) -> Result<Vec<Admitted>> {
    let mut lines = joined;
    if !ended.is_empty() {
        lines.extend(lines_of(connection, ended).await?);
    }
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    lock(connection, &lines).await?;
    if !ended.is_empty() {
        leave(connection, ended).await?;
    }
    admit(connection, &lines).await
}

/// Tells workers, and those who look at the runs, after the commit.
pub(crate) fn tell(events: &Events, admitted: &[Admitted]) {
    if admitted.is_empty() {
        return;
    }
    events.wake(Wake::Queue);
    for one in admitted.iter().filter(|_| events.watched()) {
        for topic in [format!("run:{}", one.run), "runs".to_owned()] {
            events.publish(Event {
                workspace: one.workspace,
                topic,
                kind: "run.changed".into(),
                data: json!({ "run": one.run, "workflow": one.workflow, "state": "queued", "finished": false }),
            });
        }
    }
}

/// Admits what nobody's end or beginning admitted: where a larger limit was published, or none.
pub(crate) async fn catch_up(store: &Store, workflow: Option<WorkflowId>) -> Result<u64> {
    let lines = sqlx::query_as!(
        Line,
        r#"select line.workflow_id as "workflow!", line.key as "key!"
           from (select distinct workflow_id, key from run_place
                 where admitted_at is null and ($1::uuid is null or workflow_id = $1)) line
                left join workflow w on w.id = line.workflow_id left join version live on live.id = w.live_version_id
           where live.concurrency is null or (live.concurrency ->> 'runs')::integer > (
               select count(*) from run_place p where p.workflow_id = line.workflow_id and p.key = line.key and p.admitted_at is not null)
           order by 1, 2 limit $2"#,
        workflow.map(WorkflowId::as_uuid),
        MOST_IN_A_PASS,
    )
    .fetch_all(&store.pool)
    .await?;
    let mut count = 0;
    for line in lines {
        let mut transaction = store.pool.begin().await?;
        let admitted = advance(&mut transaction, vec![line], &[]).await?;
        transaction.commit().await?;
        tell(&store.events, &admitted);
        count += admitted.len() as u64;
    }
    Ok(count)
}

/// What a pass of the maintenance does; how many runs were admitted.
pub(crate) async fn pass(store: &Store) -> Result<u64> {
    take_lost_places(store).await?;
    let freed = break_circles(store).await?;
    Ok(freed + catch_up(store, None).await?)
}

/// Places of runs that are over or gone. The program leaves none; a run that somebody deleted by hand would hold up its line for good.
async fn take_lost_places(store: &Store) -> Result<()> {
    let lost = sqlx::query_scalar!(
        "select p.run_id from run_place p left join run on run.id = p.run_id
         where run.id is null or run.finished_at is not null order by p.run_id limit $1",
        MOST_IN_A_PASS
    )
    .fetch_all(&store.pool)
    .await?;
    if lost.is_empty() {
        return Ok(());
    }
    tracing::warn!(
        runs = lost.len(),
        "places in line of runs that are over or gone were taken away"
    );
    let lost: Vec<RunId> = lost.into_iter().map(RunId::from).collect();
    let mut transaction = store.pool.begin().await?;
    let admitted = advance(&mut transaction, Vec::new(), &lost).await?;
    transaction.commit().await?;
    tell(&store.events, &admitted);
    Ok(())
}

/// Admits called runs that wait, by way of their line and of calls, for themselves. While calls go round in no circle there are none: who has
/// a place waits for places of workflows further down only. But which workflow calls which is checked between live versions, and a run of an
/// older one may call what calls its workflow by now. Such a run goes beyond the limit rather than never.
async fn break_circles(store: &Store) -> Result<u64> {
    let stuck = sqlx::query_scalar!(
        r#"with recursive start as materialized (
               select p.run_id from run_place p join run on run.id = p.run_id
               where p.admitted_at is null and run.parent_run is not null order by p.created_at limit $1),
           awaited (start, id, moved) as (
               select run_id, run_id, false from start
               union
               select awaited.start, next.id, true from awaited cross join lateral (
                   select called.id from run called where called.parent_run = awaited.id and called.finished_at is null
                   union all
                   select holder.run_id from run_place p
                        join run_place holder on holder.workflow_id = p.workflow_id and holder.key = p.key and holder.admitted_at is not null
                   where p.run_id = awaited.id and p.admitted_at is null) next)
           select start as "id!" from awaited where id = start and moved order by 1"#,
        MOST_IN_A_PASS
    )
    .fetch_all(&store.pool)
    .await?;
    if stuck.is_empty() {
        return Ok(0);
    }
    tracing::warn!(
        runs = stuck.len(),
        "called runs waited in line for their own callers; they go beyond the limit"
    );
    let stuck: Vec<RunId> = stuck.into_iter().map(RunId::from).collect();
    let mut transaction = store.pool.begin().await?;
    let lines = lines_of(&mut transaction, &stuck).await?;
    lock(&mut transaction, &lines).await?;
    let admitted = enter(&mut transaction, &stuck).await?;
    transaction.commit().await?;
    tell(&store.events, &admitted);
    Ok(admitted.len() as u64)
}

async fn lines_of(connection: &mut PgConnection, runs: &[RunId]) -> Result<Vec<Line>> {
    Ok(sqlx::query_as!(
        Line,
        "select distinct workflow_id as workflow, key from run_place where run_id = any($1)",
        &ids(runs)
    )
    .fetch_all(connection)
    .await?)
}

/// Holds the lines until the end of the transaction. No row stays behind for each key that there ever was.
async fn lock(connection: &mut PgConnection, lines: &[Line]) -> Result<()> {
    let (workflows, keys) = columns(lines);
    sqlx::query!(
        "select pg_advisory_xact_lock(line.number) as locked
         from (select distinct hashtextextended(workflow_id || ' ' || key, 5) as number
               from unnest($1::uuid[], $2::text[]) line (workflow_id, key) order by 1 offset 0) line",
        &workflows,
        &keys,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A run that was stopped in line has no step row yet; people must still see where it would have begun.
async fn leave(connection: &mut PgConnection, ended: &[RunId]) -> Result<()> {
    let ended = ids(ended);
    sqlx::query!("delete from queue_entry where run_id = any($1)", &ended)
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "with gone as (delete from run_place where run_id = any($1) returning run_id, heads)
         insert into step (run_id, node, item_path, workspace_id, state, finished_at)
         select run.id, head, '', run.workspace_id, 'cancelled', now()
         from gone join run on run.id = gone.run_id cross join lateral unnest(gone.heads) head
         on conflict (run_id, node, item_path) do nothing",
        &ended
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// As many as the live version lets go; if it has no limit any more, all. The lines are locked.
async fn admit(connection: &mut PgConnection, lines: &[Line]) -> Result<Vec<Admitted>> {
    let (workflows, keys) = columns(lines);
    let next = sqlx::query_scalar!(
        r#"with line as materialized (
               select l.workflow_id, l.key, case when live.concurrency is null then $3 else (live.concurrency ->> 'runs')::bigint - (
                   select count(*) from run_place p where p.workflow_id = l.workflow_id and p.key = l.key and p.admitted_at is not null) end as free
               from (select distinct workflow_id, key from unnest($1::uuid[], $2::text[]) l (workflow_id, key)) l
                    left join workflow w on w.id = l.workflow_id left join version live on live.id = w.live_version_id)
           select next.run_id as "run_id!" from line cross join lateral (
               select p.run_id from run_place p where p.workflow_id = line.workflow_id and p.key = line.key and p.admitted_at is null
               order by p.rank, p.run_id limit greatest(line.free, 0)) next"#,
        &workflows,
        &keys,
        BATCH,
    )
    .fetch_all(&mut *connection)
    .await?;
    let next: Vec<RunId> = next.into_iter().map(RunId::from).collect();
    enter(connection, &next).await
}

/// Admits runs that wait: their entries come into the queue. The limits of the steps with which a retry begins do not count the time in
/// line. Whoever holds one of these steps is ending the run and waits for the line; it is not waited for.
async fn enter(connection: &mut PgConnection, runs: &[RunId]) -> Result<Vec<Admitted>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"with admitted as (
               update run_place set admitted_at = now() where run_id = any($1) and admitted_at is null
               returning run_id, workspace_id, workflow_id, priority, heads, now() - created_at as waited),
           entered as (
               insert into queue_entry (run_id, node, item_path, workspace_id, workflow_id, priority)
               select run_id, head, '', workspace_id, workflow_id, priority from admitted cross join lateral unnest(heads) head
               on conflict (run_id, node, item_path) do nothing),
           limited as (
               select step.run_id, step.node, step.item_path, admitted.waited from step join admitted on admitted.run_id = step.run_id
               where step.state = 'ready' and (step.start_by is not null or step.end_by is not null) for update of step skip locked),
           put_off as (
               update step set start_by = step.start_by + limited.waited, end_by = step.end_by + limited.waited from limited
               where step.run_id = limited.run_id and step.node = limited.node and step.item_path = limited.item_path)
           select run_id as "run_id!", workspace_id as "workspace_id!", workflow_id as "workflow_id!" from admitted"#,
        &ids(runs)
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Admitted {
            run: row.run_id.into(),
            workspace: row.workspace_id.into(),
            workflow: row.workflow_id.into(),
        })
        .collect())
}

fn ids(runs: &[RunId]) -> Vec<Uuid> {
    runs.iter().map(|run| run.as_uuid()).collect()
}

fn columns(lines: &[Line]) -> (Vec<Uuid>, Vec<String>) {
    lines
        .iter()
        .map(|line| (line.workflow, line.key.clone()))
        .unzip()
}
