//! The queue: accepting what was handed in, leasing heads of segments to executors, and getting back what lost its worker. Entries
//! hold only what is ready, leased or due; what happened lives in `step` and `run`. Leases are compared with the database's clock.

mod accept;
mod pause;

pub use accept::{Accept, Accepted, Source, Trial, What, accept, submit};
pub(crate) use accept::{Accepting, IDEMPOTENCY_HOURS, accept_within, tell};
pub use pause::{Standing, set as set_paused, standing};

use std::{any::Any, str::FromStr, sync::Arc};

use engine::ids::{RunId, WorkerId, WorkflowId};
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    Result, Store,
    events::Wake,
    run::{RunRecord, StepRow, has_ended},
};

/// After this many lost leases an entry is a suspect: it is worked on alone and one step a segment, so that the step that really
/// crashes is found and its neighbours are not blamed for it. The same number is in the indexes and the claims, which must match.
pub const LOST_BEFORE_SUSPECT: i32 = 2;

/// After this many lost leases the step fails.
pub const LOST_CAP: i32 = 5;

/// Who leases, and for how long without a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub worker: WorkerId,
    pub lease_ms: i64,
}

/// One leased head of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub run: RunId,
    pub node: String,
    pub item_path: String,
    pub fence: i64,
    /// Leases of this head that ran out before.
    pub lost: i32,
    /// The instant the segment's pure nodes see.
    pub head_at: Timestamp,
}

/// A leased head with everything needed to run it.
#[derive(Clone, Debug)]
pub struct ClaimedEntry {
    pub lease: Lease,
    pub run: Arc<RunRecord>,
    /// Every step of the run so far; large values are stand-ins until `run::whole`.
    pub steps: Vec<StepRow>,
    /// No other head is queued and no step waits: what this executor knows of the run is all there is.
    pub solo: bool,
    /// This executor has stored that the run runs. It never is so of what was just claimed: the first commit after a claim writes the run's
    /// state under its lock, so that a step that waited for somebody ends under the lock that they hold, too.
    pub runs: bool,
}

/// The executor in this process, as those who accept see it.
pub trait LocalExecutor: Send + Sync {
    /// A free slot, if there is one; dropping it frees it again.
    fn reserve(&self) -> Option<Slot>;
    /// Runs a claimed entry in a reserved slot.
    fn start(&self, slot: Slot, entry: ClaimedEntry);
}

/// A reserved place in an executor.
pub struct Slot {
    pub holder: Holder,
    /// What keeps the place; the executor's own business.
    pub permit: Box<dyn Any + Send>,
}

/// How to pick due entries: both forms give every entry to one worker only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClaimForm {
    #[default]
    SkipLocked,
    /// For databases without a good SKIP LOCKED: workers may meet, and one of them gets nothing. It does not wait for what another has
    /// locked either: with entries locked already, that could be a circle.
    Compare,
}

impl FromStr for ClaimForm {
    type Err = ();

    fn from_str(name: &str) -> std::result::Result<Self, ()> {
        match name {
            "skip-locked" => Ok(Self::SkipLocked),
            "compare" => Ok(Self::Compare),
            _ => Err(()),
        }
    }
}

/// Whose turn it was last; the next claim begins behind it. Each process goes round by itself, and forgets with its end.
#[derive(Clone, Copy, Debug)]
pub struct Turn(WorkflowId);

impl Default for Turn {
    fn default() -> Self {
        Self(WorkflowId(uuid::Uuid::nil()))
    }
}

/// Leases up to `limit` due entries, suspects excepted. It goes round the workflows that have any: the next `limit` of them give an
/// equal share, each in the order of its ranks, so that the queue of one never holds up another. A workflow costs a look into
/// `queue_entry_ready`, however many entries it has. The entries are picked in a materialized part of the statement: as a part of the
/// join it may be executed for each row of the table, and then leases more than anybody asked for.
pub async fn claim(
    store: &Store,
    holder: Holder,
    turn: &mut Turn,
    limit: i64,
    form: ClaimForm,
) -> Result<Vec<ClaimedEntry>> {
    let claimed = match form {
        ClaimForm::SkipLocked => claim_skip_locked(store, holder, *turn, limit).await?,
        ClaimForm::Compare => match claim_compare(store, holder, *turn, limit).await {
            Err(error) if error.is_locked() => Vec::new(),
            claimed => claimed?,
        },
    };
    let last = claimed.iter().map(|(workflow, _)| *workflow);
    // Behind the last turn first, then from the beginning.
    if let Some(last) = last.max_by_key(|workflow| (*workflow <= turn.0, *workflow)) {
        *turn = Turn(last);
    }
    let leases = claimed.into_iter().map(|(_, lease)| lease).collect();
    load_or_release(store, holder, leases).await
}

/// Leases that nobody can work on are given back: running out they would count as lost, and their runs would stand still until then.
async fn load_or_release(
    store: &Store,
    holder: Holder,
    leases: Vec<Lease>,
) -> Result<Vec<ClaimedEntry>> {
    let loaded = load(store, holder.worker, leases.clone()).await;
    if loaded.is_err() {
        let_go(store, holder.worker, &leases).await?;
    }
    loaded
}

macro_rules! claim_one_suspect {
    ($store:expr, $holder:expr, $lock:literal, $compare:literal) => {
        sqlx::query!(
            r#"with due as materialized (
                   select run_id, node, item_path from queue_entry q
                   where lease_owner is null and due_at <= now() and lost >= 2
                     and not exists (select from paused_workflow p where p.id = q.workflow_id)
                   order by rank limit 1 "#
                + $lock
                + r#")
               update queue_entry q
               set lease_owner = $1, lease_until = now() + $2::bigint * interval '1 millisecond', fence = q.fence + 1
               from due
               where q.run_id = due.run_id and q.node = due.node and q.item_path = due.item_path "#
                + $compare
                + r#"
               returning q.run_id, q.node, q.item_path, q.fence, q.lost, q.head_at as "head_at: jiff_sqlx::Timestamp""#,
            $holder.worker.as_uuid(),
            $holder.lease_ms,
        )
        .fetch_optional(&$store.hot)
        .await?
        .map(|row| Lease {
            run: row.run_id.into(),
            node: row.node,
            item_path: row.item_path,
            fence: row.fence,
            lost: row.lost,
            head_at: row.head_at.to_jiff(),
        })
    };
}

/// Leases one due suspect. Who claims it runs no other suspect at the same time: if the process dies of it, the others keep their
/// good name.
pub async fn claim_suspect(
    store: &Store,
    holder: Holder,
    form: ClaimForm,
) -> Result<Option<ClaimedEntry>> {
    let lease = match form {
        ClaimForm::SkipLocked => claim_one_suspect!(store, holder, "for update skip locked", ""),
        ClaimForm::Compare => claim_one_suspect!(store, holder, "", "and q.lease_owner is null"),
    };
    let leases = lease.into_iter().collect();
    Ok(load_or_release(store, holder, leases).await?.pop())
}

/// Extends this process's leases in one statement and returns those that it still holds. An entry that somebody has locked at this
/// moment is being committed or taken: it is not waited for, which could end in a deadlock, and its turn comes with the next beat.
pub async fn heartbeat(store: &Store, holder: Holder, held: &[Lease]) -> Result<Vec<(RunId, i64)>> {
    let (runs, nodes, paths, fences) = columns(held);
    let rows = sqlx::query!(
        r#"with held as (select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) held (run_id, node, item_path, fence)),
                free as (
                    select q.run_id, q.node, q.item_path from queue_entry q join held using (run_id, node, item_path, fence)
                    where q.lease_owner = $5 for update of q skip locked),
                renewed as (
                    update queue_entry q set lease_until = now() + $6::bigint * interval '1 millisecond' from free
                    where q.run_id = free.run_id and q.node = free.node and q.item_path = free.item_path)
           select run_id as "run_id!", fence as "fence!" from queue_entry q join held using (run_id, node, item_path, fence)
           where q.lease_owner = $5"#,
        &runs,
        &nodes,
        &paths,
        &fences,
        holder.worker.as_uuid(),
        holder.lease_ms,
    )
    .fetch_all(&store.hot)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.run_id.into(), row.fence))
        .collect())
}

/// Makes entries whose worker was lost ready again; any process may do it. Returns how many there were.
pub async fn rescue(store: &Store) -> Result<u64> {
    let done = sqlx::query!(
        "update queue_entry q set lease_owner = null, lease_until = null, lost = lost + 1
         from (select run_id, node, item_path from queue_entry
               where lease_owner is not null and lease_until < now() for update skip locked) lost
         where q.run_id = lost.run_id and q.node = lost.node and q.item_path = lost.item_path"
    )
    .execute(&store.hot)
    .await?;
    if done.rows_affected() > 0 {
        tracing::warn!(
            entries = done.rows_affected(),
            "leases of lost workers were taken back"
        );
        wake(store);
    }
    Ok(done.rows_affected())
}

/// Gives leases back unfinished: an orderly stop, which does not count as a lost worker.
pub async fn release(store: &Store, worker: WorkerId, held: &[Lease]) -> Result<u64> {
    let released = let_go(store, worker, held).await?;
    if released > 0 {
        wake(store);
    }
    Ok(released)
}

async fn let_go(store: &Store, worker: WorkerId, held: &[Lease]) -> Result<u64> {
    let (runs, nodes, paths, fences) = columns(held);
    let done = sqlx::query!(
        "with mine as materialized (
             select run_id, node, item_path
             from queue_entry q join unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) held (run_id, node, item_path, fence)
                  using (run_id, node, item_path, fence)
             where q.lease_owner = $5 order by run_id, node, item_path for update of q)
         update queue_entry q set lease_owner = null, lease_until = null from mine
         where q.run_id = mine.run_id and q.node = mine.node and q.item_path = mine.item_path",
        &runs,
        &nodes,
        &paths,
        &fences,
        worker.as_uuid(),
    )
    .execute(&store.hot)
    .await?;
    Ok(done.rows_affected())
}

/// Gives a lease back whose entry cannot be worked on now; it is due again in ten seconds, since at once it would be the same.
pub async fn put_off(store: &Store, worker: WorkerId, lease: &Lease) -> Result<()> {
    sqlx::query!(
        "update queue_entry set lease_owner = null, lease_until = null, due_at = now() + interval '10 seconds'
         where run_id = $1 and node = $2 and item_path = $3 and fence = $4 and lease_owner = $5",
        lease.run.as_uuid(),
        lease.node,
        lease.item_path,
        lease.fence,
        worker.as_uuid(),
    )
    .execute(&store.hot)
    .await?;
    Ok(())
}

/// Readies a step that waits, in the caller's transaction; the caller holds the run row's lock, without which no wait ends
/// (`ClaimedEntry::runs`). `false`: it does not wait any more, or its time limit was there first. Who had the entry before writes nothing more.
pub async fn ready_waiting(
    connection: &mut PgConnection,
    run: RunId,
    node: &str,
    item_path: &str,
) -> Result<bool> {
    let entry = sqlx::query!(
        "insert into queue_entry (run_id, node, item_path, workspace_id, workflow_id, priority)
         select step.run_id, node, item_path, step.workspace_id, run.workflow_id, run.priority from step join run on run.id = step.run_id
         where step.run_id = $1 and node = $2 and item_path = $3 and step.state = 'waiting'
         on conflict (run_id, node, item_path) do update
             set due_at = now(), head_at = now(), priority = excluded.priority, fence = nextval('queue_fence')
         where queue_entry.lease_owner is null",
        run.as_uuid(),
        node,
        item_path,
    )
    .execute(&mut *connection)
    .await?;
    if entry.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "update step set state = 'ready', wait_until = null where run_id = $1 and node = $2 and item_path = $3 and state = 'waiting'",
        run.as_uuid(),
        node,
        item_path,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update run set state = 'running' where id = $1 and state = 'waiting'",
        run.as_uuid()
    )
    .execute(connection)
    .await?;
    Ok(true)
}

/// Tells executors that something may be due. Call it after the commit.
pub fn wake(store: &Store) {
    store.events.wake(Wake::Queue);
}

/// The two forms differ in how they keep workers apart: by leaving out what another has locked, or by letting go of all when there is any and
/// comparing when they are written.
macro_rules! claim_entries {
    ($store:expr, $holder:expr, $turn:expr, $limit:expr, $lock:literal, $compare:literal) => {{
        let rows = sqlx::query!(
            r#"with recursive ahead (workflow_id) as (
                   (select workflow_id from queue_entry where lease_owner is null and lost < 2 and workflow_id > $4
                    order by workflow_id limit 1)
                   union all
                   select (select q.workflow_id from queue_entry q where q.lease_owner is null and q.lost < 2
                             and q.workflow_id > ahead.workflow_id order by q.workflow_id limit 1)
                   from ahead where ahead.workflow_id is not null),
               behind (workflow_id) as (
                   (select workflow_id from queue_entry where lease_owner is null and lost < 2 and workflow_id <= $4
                    order by workflow_id limit 1)
                   union all
                   select (select q.workflow_id from queue_entry q where q.lease_owner is null and q.lost < 2
                             and q.workflow_id > behind.workflow_id and q.workflow_id <= $4 order by q.workflow_id limit 1)
                   from behind where behind.workflow_id is not null),
               turn as materialized (
                   select workflow_id from (select workflow_id from ahead union all select workflow_id from behind) round
                   where exists (select from queue_entry q
                             where q.workflow_id = round.workflow_id and q.lease_owner is null and q.lost < 2
                               and q.rank <= now() at time zone 'UTC' and q.due_at <= now())
                     and not exists (select from paused_workflow p where p.id = round.workflow_id)
                   limit $2),
               due as materialized (
                   select head.run_id, head.node, head.item_path from turn cross join lateral (
                       select q.run_id, q.node, q.item_path from queue_entry q
                       where q.workflow_id = turn.workflow_id and q.lease_owner is null and q.lost < 2
                         and q.rank <= now() at time zone 'UTC' and q.due_at <= now()
                       order by q.rank limit (select ($2 + count(*) - 1) / greatest(count(*), 1) from turn) "#
                + $lock
                + r#") head
                   limit $2)
               update queue_entry q
               set lease_owner = $1, lease_until = now() + $3::bigint * interval '1 millisecond', fence = q.fence + 1
               from due
               where q.run_id = due.run_id and q.node = due.node and q.item_path = due.item_path "#
                + $compare
                + r#"
               returning q.workflow_id, q.run_id, q.node, q.item_path, q.fence, q.lost,
                         q.head_at as "head_at: jiff_sqlx::Timestamp""#,
            $holder.worker.as_uuid(),
            $limit,
            $holder.lease_ms,
            $turn.0.as_uuid(),
        )
        .fetch_all(&$store.hot)
        .await?;
        rows.into_iter()
            .map(|row| {
                let lease = Lease {
                    run: row.run_id.into(),
                    node: row.node,
                    item_path: row.item_path,
                    fence: row.fence,
                    lost: row.lost,
                    head_at: row.head_at.to_jiff(),
                };
                (row.workflow_id.into(), lease)
            })
            .collect()
    }};
}

async fn claim_skip_locked(
    store: &Store,
    holder: Holder,
    turn: Turn,
    limit: i64,
) -> Result<Vec<(WorkflowId, Lease)>> {
    Ok(claim_entries!(
        store,
        holder,
        turn,
        limit,
        "for update of q skip locked",
        ""
    ))
}

async fn claim_compare(
    store: &Store,
    holder: Holder,
    turn: Turn,
    limit: i64,
) -> Result<Vec<(WorkflowId, Lease)>> {
    Ok(claim_entries!(
        store,
        holder,
        turn,
        limit,
        "for update of q nowait",
        "and q.lease_owner is null"
    ))
}

/// Reads what leased heads need, for all of them at once. One with a row that cannot be read is put off, and keeps no other waiting.
pub async fn load(
    store: &Store,
    worker: WorkerId,
    leases: Vec<Lease>,
) -> Result<Vec<ClaimedEntry>> {
    match read(store, leases.clone()).await {
        Err(error) if error.is_unreadable() => {}
        loaded => return loaded,
    }
    let mut entries = Vec::new();
    for lease in leases {
        match read(store, vec![lease.clone()]).await {
            Err(error) if error.is_unreadable() => {
                tracing::error!(run.id = %lease.run, %error, "what a run has stored cannot be read; it is tried again later");
                put_off(store, worker, &lease).await?;
            }
            loaded => entries.extend(loaded?),
        }
    }
    Ok(entries)
}

async fn read(store: &Store, leases: Vec<Lease>) -> Result<Vec<ClaimedEntry>> {
    if leases.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids: Vec<_> = leases.iter().map(|lease| lease.run).collect();
    ids.sort_unstable();
    ids.dedup();
    let (runs, steps) = tokio::try_join!(
        crate::run::records(store, &ids),
        crate::run::step_rows(store, &ids)
    )?;
    Ok(leases
        .into_iter()
        .filter_map(|lease| {
            let run = runs.get(&lease.run)?.clone();
            let steps = steps.get(&lease.run).cloned().unwrap_or_default();
            let solo = is_alone(&steps, &lease);
            Some(ClaimedEntry {
                lease,
                run,
                steps,
                solo,
                runs: false,
            })
        })
        .collect())
}

/// Whether nothing else of the run can move. Every head has a step row from the commit that entered it, but for a trigger and for one that was
/// alone then.
pub fn is_alone(steps: &[StepRow], head: &Lease) -> bool {
    steps.iter().all(|step| {
        has_ended(&step.state)
        // A container stands still; what is inside it moves.
        || (step.state == "waiting" && step.waits_on.as_deref() == Some("items"))
        || (step.node == head.node && step.item_path == head.item_path)
    })
}

fn columns(held: &[Lease]) -> (Vec<uuid::Uuid>, Vec<String>, Vec<String>, Vec<i64>) {
    let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for lease in held {
        columns.0.push(lease.run.as_uuid());
        columns.1.push(lease.node.clone());
        columns.2.push(lease.item_path.clone());
        columns.3.push(lease.fence);
    }
    columns
}
