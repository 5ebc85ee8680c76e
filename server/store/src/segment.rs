//! Commits of segments, grouped into one transaction: everything a segment did is written or nothing is. A segment whose entry was
//! claimed again, or whose run was stopped, writes nothing at all: its fence is gone.

mod rows;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use engine::{
    approval::ApprovalRequest,
    ids::{DeliveryId, EndpointId, RunId, WorkerId, WorkflowId},
    node::{Answer, Attach, DeliveryRequest, GenerationRequest, NumberRequest, Receiver},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};
use sqlx::{PgConnection, Postgres, Transaction};

use crate::{
    Result, Scope, Store, approval,
    call::{self, CallWrite, Ended},
    delivery::Channel,
    events::{Event, Wake},
    failure, failure_notice, fresh_id, generation, line,
    output::Large,
    queue::{self, Holder, Lease},
    records::Records,
    run::{self, StepRow},
    series::{self, Draw},
};

use rows::{Held, Rows};

/// What one segment did.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says alone what its commit can leave out"
)]
pub struct Segment {
    pub lease: Lease,
    pub scope: Scope,
    pub workflow: WorkflowId,
    pub trial: bool,
    /// The run whose step called this one: with the end of this one that step goes on.
    pub parent: Option<RunId>,
    /// Steps of the run may wait for runs that they called, which end with them.
    pub may_have_called: bool,
    /// The workflow gives numbers, which are used when the run succeeds.
    pub draws_numbers: bool,
    /// It has a place in a line, which somebody else gets with its end.
    pub limited: bool,
    /// Who goes on with the heads that the segment keeps.
    pub holder: Holder,
    pub writes: Writing,
}

/// How what is written comes about.
pub enum Writing {
    /// The executor knew the whole run.
    Known(Arc<Writes>),
    /// Other heads may have moved meanwhile: this is asked under the run's lock, with the steps as they are now. It may be asked
    /// again when the transaction is.
    Settled(Box<Settle>),
}

/// Pure.
pub type Settle = dyn Fn(&[StepRow]) -> Writes + Send + Sync;

/// The rows of one segment.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    pub steps: Vec<StepWrite>,
    pub attempts: Vec<AttemptWrite>,
    pub heads: Vec<Head>,
    pub deliveries: Vec<DeliveryWrite>,
    pub generations: Vec<GenerationWrite>,
    pub numbers: Vec<NumberWrite>,
    pub approvals: Vec<ApprovalWrite>,
    pub calls: Vec<CallWrite>,
    /// For the caller that waits.
    pub answer: Option<Answer>,
    /// Steps (node, item path) of the run that are called off while it goes on.
    pub cancelled: Vec<(String, String)>,
    /// Steps (node, item path) whose time was over: what they asked of models and people is answered no more.
    pub withdrawn: Vec<(String, String)>,
    pub run: Option<RunWrite>,
}

/// A step's new state. Times are told as milliseconds before the commit, so that the database's clock is the only one.
#[derive(Clone, Debug, Serialize)]
pub struct StepWrite {
    pub node: String,
    pub item_path: String,
    /// As stored: `ready`, `retryable`, `waiting`, `succeeded`, `failed`, `cancelled`, `skipped`.
    pub state: String,
    pub attempt: i32,
    pub ports: Vec<String>,
    /// Whole; how much of it lies in the row is said where rows are gathered.
    #[serde(skip)]
    pub output: Option<Arc<Json>>,
    /// The output is too large for its row, and lies in the file store.
    #[serde(skip)]
    pub large: Option<Arc<Large>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_id: Option<WorkerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_ago_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_ago_ms: Option<i64>,
    /// It fails unless somebody takes it up within this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<i64>,
    /// It fails unless it ends within this time, counted from the first row that told of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<i64>,
}

/// A try that failed and is followed by another.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptWrite {
    pub node: String,
    pub item_path: String,
    pub attempt: i32,
    pub error: Json,
    pub worker_id: WorkerId,
    pub started_ago_ms: i64,
    pub finished_ago_ms: i64,
}

/// A new entry of the queue.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    pub node: String,
    pub item_path: String,
    pub due: Due,
    /// The instant that its pure steps see; `None`: that of the commit.
    pub head_at: Option<Timestamp>,
    pub priority: i16,
    /// The executor goes on with it itself.
    pub leased: bool,
}

/// When a head may be claimed, by the database's clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    InMs(i64),
    At(Timestamp),
}

/// An outgoing message whose values are frozen here.
#[derive(Clone, Debug)]
pub struct DeliveryWrite {
    pub node: String,
    pub item_path: String,
    pub request: DeliveryRequest,
    /// `{type, timestamp, data}` without artifacts.
    pub message: Json,
    /// A trial run that does not really send.
    pub held: bool,
    /// The step waits for the receipt.
    pub awaited: bool,
}

#[derive(Clone, Debug)]
pub struct GenerationWrite {
    pub node: String,
    pub item_path: String,
    pub attempt: u32,
    pub timeout_ms: u64,
    pub heartbeat_ms: Option<u64>,
    pub priority: i16,
    pub request: GenerationRequest,
}

/// A question to people.
#[derive(Clone, Debug)]
pub struct ApprovalWrite {
    pub node: String,
    pub item_path: String,
    pub request: ApprovalRequest,
    /// When the segment's head began.
    pub now: Timestamp,
}

/// A number for a step of this segment: it becomes part of what the step puts out.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberWrite {
    pub node: String,
    pub item_path: String,
    pub request: NumberRequest,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RunWrite {
    /// `running`, `waiting`, `succeeded`, `failed`, `cancelled`.
    pub state: String,
    pub error: Option<Json>,
    /// Steps of other segments are still open and end with the run.
    pub cancels: bool,
}

impl Segment {
    /// It writes rows of its own run only, and nobody else's business hangs on them: such segments are committed in one statement. All
    /// segments of a commit must be, so whoever groups them keeps them apart.
    pub fn is_plain(&self) -> bool {
        let Writing::Known(writes) = &self.writes else {
            return false;
        };
        let touches_others = |run: &RunWrite| {
            let passes_on = self.parent.is_some() || self.limited || self.draws_numbers;
            run.cancels || run.state == "failed" || (run.ends() && passes_on)
        };
        !self.may_have_called
            && writes.are_plain()
            && !writes.run.as_ref().is_some_and(touches_others)
    }

    /// What it did is known under the run's lock only, or ends the run.
    fn may_end(&self) -> bool {
        match &self.writes {
            Writing::Known(writes) => writes.run.as_ref().is_some_and(RunWrite::ends),
            Writing::Settled(_) => true,
        }
    }
}

impl Writes {
    /// The executor goes on with so many of the heads that it could go on with, the first ones.
    pub fn lease(&mut self, most: usize) {
        let leased = self.heads.iter_mut().filter(|head| head.leased);
        for head in leased.skip(most) {
            head.leased = false;
        }
    }

    /// Nothing but steps, entries, the run's state and an answer.
    fn are_plain(&self) -> bool {
        self.attempts.is_empty()
            && self.deliveries.is_empty()
            && self.generations.is_empty()
            && self.numbers.is_empty()
            && self.approvals.is_empty()
            && self.calls.is_empty()
            && self.cancelled.is_empty()
            && self.withdrawn.is_empty()
            && self.steps.iter().all(|step| step.total_ms.is_none())
    }
}

impl RunWrite {
    fn ends(&self) -> bool {
        matches!(self.state.as_str(), "succeeded" | "failed" | "cancelled")
    }
}

/// How a segment's commit went.
#[derive(Debug)]
pub enum Committed {
    Done {
        writes: Arc<Writes>,
        /// Heads that the executor keeps, leased.
        leases: Vec<Lease>,
    },
    /// Claimed by another worker, or stopped: nothing was written.
    Stale,
}

/// Commits segments of different runs in one transaction, runs locked in id order. Answers in the order given. `committed` is called
/// between the commit and the wake-ups, for tests of what a crash there loses.
pub async fn commit(
    store: &Store,
    segments: &[Segment],
    committed: &(dyn Fn() + Sync),
) -> Result<Vec<Committed>> {
    let mut order: Vec<&Segment> = segments.iter().collect();
    order.sort_by_key(|segment| segment.lease.run);
    if order.iter().all(|segment| segment.is_plain()) {
        return commit_plain(store, segments, &order, committed).await;
    }
    let (mut transaction, called) = lock_runs(store, &order).await?;
    let held = Held::of(&order).take(&mut transaction).await?;
    order.retain(|segment| held.contains(&segment.lease.run));
    let mut writes = settle(&order, &standings(&mut transaction, &order).await?);
    let ended: Vec<RunId> = writes
        .iter()
        .filter(|(_, writes)| writes.run.as_ref().is_some_and(RunWrite::ends))
        .map(|(run, _)| *run)
        .collect();
    let by_run: HashMap<RunId, &Segment> = order
        .iter()
        .map(|segment| (segment.lease.run, *segment))
        .collect();
    draw_numbers(&mut transaction, &by_run, &mut writes).await?;
    let rows = Rows::gather(&by_run, &writes);
    let leases = write(&mut transaction, &rows, &order).await?;
    // Steps first: what is still open afterwards is what the end of the run cancels.
    let asked = end_others(&mut transaction, &ended, &writes).await?;
    write_attempts(&mut transaction, &rows).await?;
    bring_forward(&mut transaction, &rows).await?;
    use_numbers(&mut transaction, &by_run, &writes).await?;
    write_deliveries(&mut transaction, &rows).await?;
    let failed = failed(&by_run, &writes);
    failure_notice::count(&mut transaction, &failed).await?;
    let failed: Vec<RunId> = failed.into_iter().map(|(_, run)| run).collect();
    let begun = failure::begin(&mut transaction, &failed).await?;
    let called_ones = called_ones(&ended, &by_run);
    let entered = call::ready_callers(&mut transaction, &called_ones).await? || begun.any;
    for (run, writes) in &writes {
        for (node, item_path) in &writes.withdrawn {
            generation::cancel_for_step(&mut transaction, *run, node, item_path).await?;
            approval::close(&mut transaction, *run, node, item_path, true).await?;
        }
    }
    let asks = write_approvals(&mut transaction, &by_run, &writes).await?;
    for (segment, generation) in &rows.generations {
        generation::insert(
            &mut transaction,
            generation::New {
                workspace: segment.scope.workspace(),
                run: segment.lease.run,
                node: &generation.node,
                item_path: &generation.item_path,
                attempt: generation.attempt,
                timeout_ms: generation.timeout_ms,
                heartbeat_ms: generation.heartbeat_ms,
                priority: generation.priority,
                request: &generation.request,
            },
        )
        .await?;
    }
    let mut joined = call::insert(&mut transaction, &rows.calls).await?;
    joined.extend(begun.joined);
    // A run that ends with its caller may have called others in this very commit.
    let called: Vec<RunId> = rows
        .calls
        .iter()
        .map(|(_, call)| call.child)
        .chain(called)
        .collect();
    let with_callers = call::end_orphans(&mut transaction, &called).await?;
    let left = left(&ended, &by_run, &with_callers);
    let admitted = line::advance(&mut transaction, joined, &left).await?;
    transaction.commit().await?;
    committed();
    drop(rows);
    tell(store, &by_run, &writes, &asked);
    line::tell(&store.events, &admitted);
    if asks {
        store.events.wake(Wake::Deliveries);
    }
    call::tell(store, &with_callers);
    if entered {
        queue::wake(store);
    }
    Ok(answers(segments, writes, leases))
}

/// What `Rows` hold is all there is: one statement is the whole transaction.
async fn commit_plain(
    store: &Store,
    segments: &[Segment],
    order: &[&Segment],
    committed: &(dyn Fn() + Sync),
) -> Result<Vec<Committed>> {
    let Some(holder) = order.first().map(|segment| segment.holder) else {
        return Ok(Vec::new());
    };
    let mut writes = settle(order, &HashMap::new());
    let by_run: HashMap<RunId, &Segment> = order
        .iter()
        .map(|segment| (segment.lease.run, *segment))
        .collect();
    let rows = Rows::gather(&by_run, &writes);
    let mut connection = store.hot.acquire().await?;
    let written = rows
        .write_at_once(&mut connection, &Held::of(order), holder)
        .await?;
    drop(connection);
    committed();
    drop(rows);
    writes.retain(|run, _| written.held.contains(run));
    tell(store, &by_run, &writes, &HashSet::new());
    Ok(answers(segments, writes, written.leases))
}

/// Steps, entries, runs and answers of segments whose entries are taken; gives the heads that their executor keeps.
async fn write(
    connection: &mut PgConnection,
    rows: &Rows<'_>,
    order: &[&Segment],
) -> Result<HashMap<RunId, Vec<Lease>>> {
    let Some(holder) = order.first().map(|segment| segment.holder) else {
        return Ok(HashMap::new());
    };
    let written = rows.write(connection, &Held::of(order), holder).await?;
    Ok(written.leases)
}

/// Locks the runs, those whose steps wait for their ends, and what they called and may have to end; gives the last of these.
async fn lock_runs<'a>(
    store: &'a Store,
    order: &[&Segment],
) -> Result<(Transaction<'a, Postgres>, Vec<RunId>)> {
    let parents = order.iter().filter(|segment| segment.may_end());
    let parents = parents.filter_map(|segment| segment.parent);
    let mut runs: Vec<RunId> = order.iter().map(|segment| segment.lease.run).collect();
    runs.extend(parents);
    let callers = order.iter().filter(|segment| segment.may_have_called);
    let callers: Vec<RunId> = callers.map(|segment| segment.lease.run).collect();
    loop {
        let mut transaction = store.hot.begin().await?;
        match call::lock(&mut transaction, &runs, &callers).await? {
            Some(called) => return Ok((transaction, called)),
            None => transaction.rollback().await?,
        }
    }
}

/// Runs that end here and were called by others.
fn called_ones(ended: &[RunId], segments: &HashMap<RunId, &Segment>) -> Vec<RunId> {
    let is_called = |run: &&RunId| {
        segments
            .get(run)
            .is_some_and(|known| known.parent.is_some())
    };
    ended.iter().filter(is_called).copied().collect()
}

/// Runs that end here and whose places in line somebody else gets.
fn left(ended: &[RunId], segments: &HashMap<RunId, &Segment>, with: &[Ended]) -> Vec<RunId> {
    let is_limited = |run: &&RunId| segments.get(run).is_some_and(|known| known.limited);
    let own = ended.iter().filter(is_limited).copied();
    own.chain(call::limited(with)).collect()
}

/// The steps as they are now, of those runs of which more than the executor knows may have happened.
async fn standings(
    connection: &mut PgConnection,
    order: &[&Segment],
) -> Result<HashMap<RunId, Vec<StepRow>>> {
    let open: Vec<RunId> = order
        .iter()
        .filter(|segment| matches!(segment.writes, Writing::Settled(_)))
        .map(|segment| segment.lease.run)
        .collect();
    if open.is_empty() {
        return Ok(HashMap::new());
    }
    run::standings(connection, &open).await
}

fn settle(
    order: &[&Segment],
    standings: &HashMap<RunId, Vec<StepRow>>,
) -> BTreeMap<RunId, Arc<Writes>> {
    order
        .iter()
        .map(|segment| {
            let run = segment.lease.run;
            let writes = match &segment.writes {
                Writing::Known(writes) => writes.clone(),
                Writing::Settled(settle) => {
                    Arc::new(settle(standings.get(&run).map_or(&[], Vec::as_slice)))
                }
            };
            (run, writes)
        })
        .collect()
}

/// `true`: mails to those who are asked were written.
async fn write_approvals(
    connection: &mut PgConnection,
    segments: &HashMap<RunId, &Segment>,
    writes: &BTreeMap<RunId, Arc<Writes>>,
) -> Result<bool> {
    let mut asks = false;
    for (run, writes) in writes {
        let Some(segment) = segments.get(run) else {
            continue;
        };
        for approval in &writes.approvals {
            let new = approval::New {
                scope: &segment.scope,
                run: *run,
                node: &approval.node,
                item_path: &approval.item_path,
                request: &approval.request,
            };
            asks |= approval::insert(connection, &new, approval.now).await?;
        }
    }
    Ok(asks)
}

/// Draws the numbers that steps ask for and puts them into what the steps put out.
async fn draw_numbers(
    connection: &mut PgConnection,
    segments: &HashMap<RunId, &Segment>,
    writes: &mut BTreeMap<RunId, Arc<Writes>>,
) -> Result<()> {
    let draws: Vec<Draw<'_>> = writes
        .iter()
        .filter_map(|(run, writes)| Some((*run, segments.get(run)?.scope.workspace(), writes)))
        .flat_map(|(run, workspace, writes)| {
            writes.numbers.iter().map(move |number| Draw {
                workspace,
                run,
                node: &number.node,
                item_path: &number.item_path,
                request: number.request,
            })
        })
        .collect();
    if draws.is_empty() {
        return Ok(());
    }
    let drawn = series::draw(connection, &draws).await?;
    let drawn: Vec<_> = draws
        .iter()
        .map(|draw| (draw.run, draw.node.to_owned(), draw.item_path.to_owned()))
        .zip(drawn)
        .collect();
    for ((run, node, item_path), number) in drawn {
        // Should the commit be tried again, the segment itself has no number yet.
        let steps = writes
            .get_mut(&run)
            .map(|writes| &mut Arc::make_mut(writes).steps);
        let step = steps.into_iter().flatten().find(|step| {
            step.node == node && step.item_path == item_path && step.state == "succeeded"
        });
        if let Some(step) = step {
            step.output = Some(Arc::new(number));
            step.large = None;
        }
    }
    Ok(())
}

async fn use_numbers(
    connection: &mut PgConnection,
    segments: &HashMap<RunId, &Segment>,
    writes: &BTreeMap<RunId, Arc<Writes>>,
) -> Result<()> {
    let succeeded: Vec<RunId> = writes
        .iter()
        .filter(|(run, writes)| {
            let draws = segments.get(run).is_some_and(|known| known.draws_numbers);
            draws
                && writes
                    .run
                    .as_ref()
                    .is_some_and(|run| run.state == "succeeded")
        })
        .map(|(run, _)| *run)
        .collect();
    if succeeded.is_empty() {
        return Ok(());
    }
    series::use_numbers(connection, &succeeded).await
}

/// Calls off what a run goes on without; what is still open ends with the run. Steps that its segment settled itself are already written.
/// Gives the runs whose questions to people were withdrawn.
async fn end_others(
    connection: &mut PgConnection,
    ended: &[RunId],
    writes: &BTreeMap<RunId, Arc<Writes>>,
) -> Result<HashSet<RunId>> {
    let mut asked = HashSet::new();
    for (run, writes) in writes {
        // With the run everything ends at once.
        let alone = !writes.run.as_ref().is_some_and(|run| run.cancels);
        for (node, item_path) in writes.cancelled.iter().filter(|_| alone) {
            if run::end_step(connection, *run, node, item_path).await? {
                asked.insert(*run);
            }
        }
    }
    let stopped: Vec<RunId> = ended
        .iter()
        .copied()
        .filter(|run| {
            writes
                .get(run)
                .and_then(|writes| writes.run.as_ref())
                .is_some_and(|run| run.cancels)
        })
        .collect();
    if !stopped.is_empty() {
        asked.extend(run::end_open(connection, &stopped).await?);
    }
    Ok(asked)
}

async fn write_attempts(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<()> {
    if rows.attempts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into attempt (run_id, workspace_id, node, item_path, attempt, error, worker_id, started_at, finished_at)
         select run_id, workspace_id, node, item_path, attempt, error, worker_id,
                now() - started_ago_ms * interval '1 millisecond', now() - finished_ago_ms * interval '1 millisecond'
         from json_to_recordset($1::json) as a (run_id uuid, workspace_id uuid, node text, item_path text, attempt integer,
              error jsonb, worker_id uuid, started_ago_ms bigint, finished_ago_ms bigint)
         on conflict (run_id, node, item_path, attempt) do nothing",
        Records(&rows.attempts) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What comes back later comes back when its step's time is up at the latest, whoever then takes it up.
async fn bring_forward(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<()> {
    let limited = rows.steps.iter().filter(|step| step.row.total_ms.is_some());
    let runs: Vec<_> = limited.map(|step| step.run_id.as_uuid()).collect();
    if runs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update queue_entry q set due_at = s.end_by from step s
         where q.run_id = any($1) and q.lease_owner is null and s.run_id = q.run_id and s.node = q.node and s.item_path = q.item_path
           and s.end_by < q.due_at",
        &runs,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Runs that end badly and are not trials, in the order of their workflows.
fn failed(
    segments: &HashMap<RunId, &Segment>,
    writes: &BTreeMap<RunId, Arc<Writes>>,
) -> Vec<(WorkflowId, RunId)> {
    let fails = |run: &RunWrite| run.state == "failed";
    let mut failed: Vec<_> = writes
        .iter()
        .filter(|(_, writes)| writes.run.as_ref().is_some_and(fails))
        .filter_map(|(run, _)| segments.get(run).filter(|segment| !segment.trial))
        .map(|segment| (segment.workflow, segment.lease.run))
        .collect();
    failed.sort_unstable();
    failed
}

async fn write_deliveries(connection: &mut PgConnection, rows: &Rows<'_>) -> Result<()> {
    for (segment, delivery) in &rows.deliveries {
        let id: DeliveryId = fresh_id();
        let (channel, endpoint) = match delivery.request.receiver {
            Receiver::Endpoint(endpoint) => (Channel::Webhook, Some(endpoint)),
            Receiver::Mail => (Channel::Mail, None),
        };
        sqlx::query!(
            "insert into delivery (id, workspace_id, run_id, node, item_path, endpoint_id, state, message, artifacts, attach, awaited, channel)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            id.as_uuid(),
            segment.scope.workspace().as_uuid(),
            segment.lease.run.as_uuid(),
            delivery.node,
            delivery.item_path,
            endpoint.map(EndpointId::as_uuid),
            if delivery.held { "held" } else { "due" },
            delivery.message,
            serde_json::to_value(&delivery.request.artifacts)?,
            match delivery.request.attach {
                Attach::Link => "link",
                Attach::Inline => "inline",
            },
            delivery.awaited,
            channel.as_str(),
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// `asked`: runs whose questions to people were withdrawn.
fn tell(
    store: &Store,
    segments: &HashMap<RunId, &Segment>,
    writes: &BTreeMap<RunId, Arc<Writes>>,
    asked: &HashSet<RunId>,
) {
    let (mut queued, mut delivers, mut generates) = (false, false, false);
    for (id, writes) in writes {
        let Some(segment) = segments.get(id) else {
            continue;
        };
        queued |= writes.heads.iter().any(|head| !head.leased) || !writes.calls.is_empty();
        delivers |= writes.deliveries.iter().any(|delivery| !delivery.held);
        generates |= !writes.generations.is_empty();
        if let Some(answer) = &writes.answer {
            store.events.answered(*id, Some(answer));
        }
        if !(writes.approvals.is_empty() && writes.withdrawn.is_empty()) || asked.contains(id) {
            approval::announce(store, &segment.scope);
        }
        let watched = store.events.watched();
        for step in writes.steps.iter().filter(|_| watched) {
            store.events.publish(Event {
                workspace: segment.scope.workspace(),
                topic: format!("run:{id}"),
                kind: "step.changed".into(),
                data: json!({ "node": step.node, "item_path": step.item_path, "state": step.state }),
            });
        }
        if let Some(new) = &writes.run {
            run::announce(
                store,
                &segment.scope,
                *id,
                segment.workflow,
                &new.state,
                segment.trial,
            );
        }
    }
    if queued {
        queue::wake(store);
    }
    if delivers {
        store.events.wake(Wake::Deliveries);
    }
    if generates {
        store.events.wake(Wake::Generations);
    }
}

fn answers(
    segments: &[Segment],
    mut writes: BTreeMap<RunId, Arc<Writes>>,
    mut leases: HashMap<RunId, Vec<Lease>>,
) -> Vec<Committed> {
    segments
        .iter()
        .map(|segment| match writes.remove(&segment.lease.run) {
            Some(writes) => Committed::Done {
                writes,
                leases: leases.remove(&segment.lease.run).unwrap_or_default(),
            },
            None => Committed::Stale,
        })
        .collect()
}
