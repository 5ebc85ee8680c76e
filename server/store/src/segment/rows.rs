//! What nearly every segment writes, in one statement: its steps, the entries that follow, the run's state and the caller's answer. Each
//! statement costs the database as much as the rows of several segments, and each exchange with it more than that.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use engine::{
    ids::{RunId, WorkerId, WorkflowId, WorkspaceId},
    node::Answer,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;
use sqlx::PgConnection;

use super::{AttemptWrite, DeliveryWrite, Due, GenerationWrite, Head, Segment, StepWrite, Writes};
use crate::{
    Result,
    call::CallWrite,
    output::Large,
    queue::{Holder, Lease},
    records::Records,
};

/// A row with what every row has.
#[derive(Serialize)]
pub(super) struct Of<'a, T> {
    pub(super) run_id: RunId,
    workspace_id: WorkspaceId,
    #[serde(flatten)]
    pub(super) row: &'a T,
}

/// A step's row with what it has of the output.
#[derive(Serialize)]
pub(super) struct StepOf<'a> {
    pub(super) run_id: RunId,
    workspace_id: WorkspaceId,
    #[serde(flatten)]
    pub(super) row: &'a StepWrite,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_sha256: Option<String>,
}

/// A new entry of the queue, and who goes on with it.
#[derive(Serialize)]
struct HeadOf<'a> {
    run_id: RunId,
    workspace_id: WorkspaceId,
    workflow_id: WorkflowId,
    node: &'a str,
    item_path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_at: Option<Timestamp>,
    priority: i16,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<WorkerId>,
}

impl<'a> HeadOf<'a> {
    fn of(segment: &Segment, head: &'a Head) -> Self {
        let (in_ms, at) = match head.due {
            Due::InMs(ms) => (Some(ms), None),
            Due::At(at) => (None, Some(at)),
        };
        Self {
            run_id: segment.lease.run,
            workspace_id: segment.scope.workspace(),
            workflow_id: segment.workflow,
            node: &head.node,
            item_path: &head.item_path,
            in_ms,
            at,
            head_at: head.head_at,
            priority: head.priority,
            owner: head.leased.then_some(segment.holder.worker),
        }
    }
}

/// A run's state, with the milliseconds since its first step here began.
#[derive(Serialize)]
struct RunOf<'a> {
    run_id: RunId,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    begun_ago_ms: Option<i64>,
}

#[derive(Serialize)]
struct AnswerOf<'a> {
    run_id: RunId,
    workspace_id: WorkspaceId,
    answer: &'a Answer,
}

/// The rows of all segments of a transaction.
pub(super) struct Rows<'a> {
    pub(super) steps: Vec<StepOf<'a>>,
    pub(super) attempts: Vec<Of<'a, AttemptWrite>>,
    heads: Vec<HeadOf<'a>>,
    runs: Vec<RunOf<'a>>,
    answers: Vec<AnswerOf<'a>>,
    pub(super) deliveries: Vec<(&'a Segment, &'a DeliveryWrite)>,
    pub(super) generations: Vec<(&'a Segment, &'a GenerationWrite)>,
    pub(super) calls: Vec<(RunId, &'a CallWrite)>,
}

/// The entries of segments. Under these numbers alone they may write.
#[derive(Default)]
pub(super) struct Held {
    /// The lowest and the highest run: only what lies between them is looked at, which leaves out the months of others.
    first: uuid::Uuid,
    last: uuid::Uuid,
    runs: Vec<uuid::Uuid>,
    nodes: Vec<String>,
    paths: Vec<String>,
    fences: Vec<i64>,
}

impl Held {
    pub(super) fn of(order: &[&Segment]) -> Self {
        let mut held = Self::default();
        for segment in order {
            held.runs.push(segment.lease.run.as_uuid());
            held.nodes.push(segment.lease.node.clone());
            held.paths.push(segment.lease.item_path.clone());
            held.fences.push(segment.lease.fence);
        }
        held.first = held.runs.iter().min().copied().unwrap_or_default();
        held.last = held.runs.iter().max().copied().unwrap_or_default();
        held
    }

    /// Removes the entries. This is the fence: what is not there under this number writes nothing.
    pub(super) async fn take(&self, connection: &mut PgConnection) -> Result<HashSet<RunId>> {
        let rows = sqlx::query_scalar!(
            "delete from queue_entry q
             using unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) held (run_id, node, item_path, fence)
             where q.run_id = held.run_id and q.node = held.node and q.item_path = held.item_path and q.fence = held.fence
             returning q.run_id",
            &self.runs,
            &self.nodes,
            &self.paths,
            &self.fences,
        )
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(RunId::from).collect())
    }
}

/// Runs that do nothing but go on with one step each, in the order of their entries. `None`: some do more than that.
pub(super) fn moves<'a>(
    order: &[&'a Segment],
    writes: &'a BTreeMap<RunId, Arc<Writes>>,
) -> Option<Vec<(&'a Segment, &'a Head)>> {
    let head = |segment: &&'a Segment| {
        let head = writes.get(&segment.lease.run)?.onward()?;
        Some((*segment, head))
    };
    order.iter().map(head).collect()
}

/// What became of them.
#[derive(Default)]
pub(super) struct Written {
    /// Runs whose segments held their entries.
    pub(super) held: HashSet<RunId>,
    /// Heads that their executor keeps.
    pub(super) leases: HashMap<RunId, Vec<Lease>>,
}

/// A run whose entry was there, with one of its new ones.
struct Entered {
    run_id: uuid::Uuid,
    node: Option<String>,
    item_path: Option<String>,
    fence: Option<i64>,
    lease_owner: Option<uuid::Uuid>,
    head_at: Option<jiff_sqlx::Timestamp>,
}

impl Written {
    fn of(rows: Vec<Entered>) -> Self {
        let mut written = Self::default();
        for row in rows {
            let run = RunId::from(row.run_id);
            written.held.insert(run);
            if let (Some(node), Some(item_path), Some(fence), Some(_), Some(head_at)) = (
                row.node,
                row.item_path,
                row.fence,
                row.lease_owner,
                row.head_at,
            ) {
                written.leases.entry(run).or_default().push(Lease {
                    run,
                    node,
                    item_path,
                    fence,
                    lost: 0,
                    head_at: head_at.to_jiff(),
                });
            }
        }
        written
    }
}

/// A statement that writes those of the steps `$steps` whose runs' entries `$taken` finds; `$rest` does what else there is.
macro_rules! with_steps {
    ($connection:expr, $taken:literal, $steps:literal, $rest:literal, $($argument:expr),+) => {
        sqlx::query_as!(
            Entered,
            "with "
                + $taken
                + r#", stepped as (
                   insert into step (run_id, workspace_id, node, item_path, state, attempt, ports, output, output_sha256, error, warnings,
                                     kept, waits_on, wait_until, worker_id, started_at, finished_at, start_by, end_by)
                   select run_id, workspace_id, s.node, s.item_path, state, attempt, ports, nullif(output, 'null'), output_sha256,
                          nullif(error, 'null'), nullif(warnings, 'null'), nullif(kept, 'null'), waits_on, wait_until, worker_id,
                          now() - started_ago_ms * interval '1 millisecond', now() - finished_ago_ms * interval '1 millisecond',
                          now() + start_ms * interval '1 millisecond',
                          now() + (total_ms - coalesce(started_ago_ms, 0)) * interval '1 millisecond'
                   from taken join "#
                + $steps
                + r#" using (run_id)
                   on conflict (run_id, node, item_path) do update set
                        state = excluded.state, attempt = excluded.attempt, ports = excluded.ports, output = excluded.output,
                        output_sha256 = excluded.output_sha256, error = excluded.error, warnings = excluded.warnings,
                        kept = excluded.kept, waits_on = excluded.waits_on, wait_until = excluded.wait_until,
                        worker_id = excluded.worker_id,
                        started_at = coalesce(step.started_at, excluded.started_at), finished_at = excluded.finished_at,
                        start_by = excluded.start_by, end_by = coalesce(step.end_by, excluded.end_by))"#
                + $rest,
            $($argument),+
        )
        .fetch_all($connection)
        .await?
    };
}

/// The same with the steps of many runs, `Records` of them in `$1`.
macro_rules! with_listed_steps {
    ($connection:expr, $taken:literal, $rest:literal, $($argument:expr),+) => {
        with_steps!(
            $connection,
            $taken,
            "json_to_recordset($1::json) as s (run_id uuid, workspace_id uuid, node text, item_path text, state text, attempt integer,
                  ports text[], output jsonb, output_sha256 bytea, error jsonb, warnings jsonb, kept jsonb, waits_on text,
                  wait_until timestamptz, worker_id uuid, started_ago_ms bigint, finished_ago_ms bigint, start_ms bigint, total_ms bigint)",
            $rest,
            $($argument),+
        )
    };
}

/// Writes for those that `$taken` finds. New entries: what is due later than in a minute has nobody in front of a screen any more; with a
/// priority it would also lie before what is due, and every claim would have to look past it. Paused ones are leased to nobody. A run that is
/// in the same state still is left as it is: changing it would write all of its indexes anew. What is `offset 0` is asked once, however often it
/// is read.
macro_rules! write_rows {
    ($connection:expr, $held:expr, $lease_ms:expr, $rows:expr, $taken:literal) => {
        Written::of(with_listed_steps!(
            $connection,
            $taken,
            r#",
               entered as (
                   insert into queue_entry (run_id, workspace_id, workflow_id, node, item_path, priority, due_at, head_at, lease_owner,
                                            lease_until)
                   select run_id, workspace_id, workflow_id, node, item_path,
                          case when due > now() + interval '1 minute' then 0 else priority end, due, coalesce(head_at, now()), holder,
                          case when holder is not null then clock_timestamp() + $6::bigint * interval '1 millisecond' end
                   from taken join json_to_recordset($9::json) as h (run_id uuid, workspace_id uuid, workflow_id uuid, node text,
                            item_path text, in_ms bigint, at timestamptz, head_at timestamptz, priority smallint, owner uuid) using (run_id)
                        cross join lateral (select coalesce(at, now() + in_ms * interval '1 millisecond') as due,
                            case when not exists (select from paused_workflow p where p.id = h.workflow_id) then owner end as holder offset 0) l
                   on conflict (run_id, node, item_path) do nothing
                   returning run_id, node, item_path, fence, lease_owner, head_at),
               moved as (
                   update run set state = new.state, error = new.error,
                          started_at = coalesce(run.started_at, now() - new.begun_ago_ms * interval '1 millisecond', now()),
                          finished_at = case when new.state in ('succeeded', 'failed', 'cancelled') then now() end
                   from (select run_id, state, nullif(error, 'null') as error, begun_ago_ms
                         from taken join json_to_recordset($10::json) as r (run_id uuid, state text, error jsonb, begun_ago_ms bigint)
                              using (run_id)) new
                   where run.id = new.run_id and run.id between $7 and $8
                     and (run.state <> new.state or run.started_at is null or new.error is not null)),
               answered as (
                   insert into answer (run_id, workspace_id, answer)
                   select run_id, workspace_id, answer
                   from taken join json_to_recordset($11::json) as a (run_id uuid, workspace_id uuid, answer jsonb) using (run_id)
                   on conflict (run_id) do nothing)
               select taken.run_id as "run_id!", entered.node as "node?", entered.item_path as "item_path?", entered.fence as "fence?",
                      entered.lease_owner as "lease_owner?", entered.head_at as "head_at?: jiff_sqlx::Timestamp"
               from taken left join entered using (run_id)"#,
            Records(&$rows.steps) as _,
            &$held.runs,
            &$held.nodes,
            &$held.paths,
            &$held.fences,
            $lease_ms,
            $held.first,
            $held.last,
            Records(&$rows.heads) as _,
            Records(&$rows.runs) as _,
            Records(&$rows.answers) as _
        ))
    };
}

impl<'a> Rows<'a> {
    pub(super) fn gather(
        segments: &HashMap<RunId, &'a Segment>,
        writes: &'a BTreeMap<RunId, Arc<Writes>>,
    ) -> Self {
        let mut rows = Self {
            steps: Vec::new(),
            attempts: Vec::new(),
            heads: Vec::new(),
            runs: Vec::new(),
            answers: Vec::new(),
            deliveries: Vec::new(),
            generations: Vec::new(),
            calls: Vec::new(),
        };
        for (run, writes) in writes {
            let Some(segment) = segments.get(run).copied() else {
                continue;
            };
            let workspace_id = segment.scope.workspace();
            rows.steps.extend(writes.stored_steps().map(|row| {
                let large = row.large.as_deref();
                StepOf {
                    run_id: *run,
                    workspace_id,
                    row,
                    output: large.map(|large| &large.stand_in).or(row.output.as_deref()),
                    output_sha256: large.map(Large::hash),
                }
            }));
            rows.attempts.extend(writes.attempts.iter().map(|row| Of {
                run_id: *run,
                workspace_id,
                row,
            }));
            let heads = writes.heads.iter();
            rows.heads
                .extend(heads.map(|head| HeadOf::of(segment, head)));
            // A run begins with its first step, not with the commit that stores it.
            let begun_ago_ms = writes
                .steps
                .iter()
                .filter_map(|step| step.started_ago_ms)
                .max();
            rows.runs.extend(writes.run.iter().map(|row| RunOf {
                run_id: *run,
                state: &row.state,
                error: row.error.as_ref(),
                begun_ago_ms,
            }));
            rows.answers
                .extend(writes.answer.iter().map(|answer| AnswerOf {
                    run_id: *run,
                    workspace_id,
                    answer,
                }));
            rows.deliveries
                .extend(writes.deliveries.iter().map(|row| (segment, row)));
            rows.generations
                .extend(writes.generations.iter().map(|row| (segment, row)));
            rows.calls
                .extend(writes.calls.iter().map(|row| (*run, row)));
        }
        rows
    }

    /// Locks the runs in the order of their ids, takes the entries and writes for those that were there: a whole commit in one exchange.
    pub(super) async fn write_at_once(
        &self,
        connection: &mut PgConnection,
        held: &Held,
        holder: Holder,
    ) -> Result<Written> {
        Ok(write_rows!(
            connection,
            held,
            holder.lease_ms,
            self,
            "locked as materialized (select id from run where id = any($2) and id between $7 and $8 order by id for update),
             taken as (
                 delete from queue_entry q
                 using locked join unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[]) held (run_id, node, item_path, fence)
                       on held.run_id = locked.id
                 where q.run_id = held.run_id and q.node = held.node and q.item_path = held.item_path and q.fence = held.fence
                 returning q.run_id)"
        ))
    }

    /// As `write_at_once`, for runs that only go on: their entries become those of the next steps.
    pub(super) async fn move_on(
        &self,
        connection: &mut PgConnection,
        held: &Held,
        moves: &[(&Segment, &Head)],
        holder: Holder,
    ) -> Result<Written> {
        let (mut workflows, mut nodes, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        let (mut priorities, mut head_ats) = (Vec::new(), Vec::new());
        for (segment, head) in moves {
            workflows.push(segment.workflow.as_uuid());
            nodes.push(head.node.clone());
            paths.push(head.item_path.clone());
            priorities.push(head.priority);
            head_ats.push(head.head_at.map(jiff_sqlx::ToSqlx::to_sqlx));
        }
        Ok(Written::of(with_listed_steps!(
            connection,
            "locked as materialized (select id from run where id = any($2) and id between $7 and $8 order by id for update),
             taken as (
                 update queue_entry q
                 set node = held.next_node, item_path = held.next_path, priority = held.priority, due_at = now(),
                     head_at = coalesce(held.head_at, now()), fence = nextval('queue_fence'), lost = 0, lease_owner = held.owner,
                     lease_until = case when held.owner is not null then clock_timestamp() + $6::bigint * interval '1 millisecond' end
                 from (select h.*, case when not exists (select from paused_workflow p where p.id = h.workflow) then $9::uuid end as owner
                       from unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $10::uuid[], $11::text[], $12::text[], $13::smallint[],
                                   $14::timestamptz[])
                            h (run_id, node, item_path, fence, workflow, next_node, next_path, priority, head_at)
                       offset 0) held
                      join locked on locked.id = held.run_id
                 where q.run_id = held.run_id and q.node = held.node and q.item_path = held.item_path and q.fence = held.fence
                 returning q.run_id, q.node, q.item_path, q.fence, q.lease_owner, q.head_at)",
            r#" select run_id as "run_id!", node as "node?", item_path as "item_path?", fence as "fence?", lease_owner as "lease_owner?",
                       head_at as "head_at?: jiff_sqlx::Timestamp"
                from taken"#,
            Records(&self.steps) as _,
            &held.runs,
            &held.nodes,
            &held.paths,
            &held.fences,
            holder.lease_ms,
            held.first,
            held.last,
            holder.worker.as_uuid(),
            &workflows,
            &nodes,
            &paths,
            &priorities,
            &head_ats as _
        )))
    }

    /// As `move_on` for one run of which one step is written, which costs three quarters of it: plain values instead of lists to take apart,
    /// and no lock but the entry's. That is enough because whoever ends a run takes its entries away before it looks at its steps, because no
    /// step of the run waits for anybody (`ClaimedEntry::runs`), and because who waits for the one entry holds no step of its run.
    pub(super) async fn move_on_alone(
        connection: &mut PgConnection,
        (segment, head): (&Segment, &Head),
        step: &StepOf<'_>,
    ) -> Result<Written> {
        let (lease, holder, row) = (&segment.lease, segment.holder, step.row);
        Ok(Written::of(with_steps!(
            connection,
            "taken as (
                 update queue_entry q
                 set node = $6, item_path = $7, priority = $8, due_at = now(), head_at = coalesce($9, now()), fence = nextval('queue_fence'),
                     lost = 0, lease_owner = next.owner,
                     lease_until = case when next.owner is not null then clock_timestamp() + $5::bigint * interval '1 millisecond' end
                 from (select case when not exists (select from paused_workflow p where p.id = $10) then $11::uuid end as owner offset 0) next
                 where q.run_id = $1 and q.node = $2 and q.item_path = $3 and q.fence = $4
                 returning q.run_id, q.node, q.item_path, q.fence, q.lease_owner, q.head_at)",
            "(select $1::uuid as run_id, $12::uuid as workspace_id, $13::text as node, $14::text as item_path, $15::text as state,
                     $16::integer as attempt, $17::text[] as ports, $18::jsonb as output, $19::text::bytea as output_sha256,
                     $20::jsonb as error, $21::jsonb as warnings, $22::jsonb as kept, $23::text as waits_on, $24::timestamptz as wait_until,
                     $25::uuid as worker_id, $26::bigint as started_ago_ms, $27::bigint as finished_ago_ms, $28::bigint as start_ms,
                     $29::bigint as total_ms) s",
            r#" select run_id as "run_id!", node as "node?", item_path as "item_path?", fence as "fence?", lease_owner as "lease_owner?",
                       head_at as "head_at?: jiff_sqlx::Timestamp"
                from taken"#,
            lease.run.as_uuid(),
            lease.node,
            lease.item_path,
            lease.fence,
            holder.lease_ms,
            head.node,
            head.item_path,
            head.priority,
            head.head_at.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
            segment.workflow.as_uuid(),
            holder.worker.as_uuid(),
            step.workspace_id.as_uuid(),
            row.node,
            row.item_path,
            row.state,
            row.attempt,
            &row.ports,
            step.output,
            step.output_sha256.as_deref(),
            row.error.as_ref(),
            row.warnings.as_ref(),
            row.kept.as_ref(),
            row.waits_on.as_deref(),
            row.wait_until.map(jiff_sqlx::ToSqlx::to_sqlx) as _,
            row.worker_id.map(WorkerId::as_uuid),
            row.started_ago_ms,
            row.finished_ago_ms,
            row.start_ms,
            row.total_ms
        )))
    }

    /// Writes for segments whose runs are locked and whose entries are taken.
    pub(super) async fn write(
        &self,
        connection: &mut PgConnection,
        held: &Held,
        holder: Holder,
    ) -> Result<Written> {
        Ok(write_rows!(
            connection,
            held,
            holder.lease_ms,
            self,
            "taken as (
                 select run_id from unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[]) held (run_id, node, item_path, fence))"
        ))
    }
}
