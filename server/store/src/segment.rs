//! Commits of segments, grouped into one transaction: everything a segment did is written or nothing is. A segment whose entry was
//! claimed again, or whose run was stopped, writes nothing at all: its fence is gone.

mod numbers;
mod rare;
mod rows;
mod writes;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use engine::ids::{RunId, WorkflowId};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use crate::{
    Result, Store, approval,
    call::{self, Ended},
    events::{Event, Wake},
    failure, failure_notice, generation, line,
    queue::{self, Lease},
    run::{self, StepRow},
};

pub use writes::{
    ApprovalWrite, AttemptWrite, DeliveryWrite, Due, GenerationWrite, Head, NumberWrite, RunWrite,
    Segment, Settle, StepWrite, Writes, Writing,
};

use numbers::{draw_numbers, use_numbers};
use rare::{bring_forward, end_others, write_approvals, write_attempts, write_deliveries};
use rows::{Held, Rows};

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

/// Commits segments of different runs in one transaction. Whatever else is locked is locked after the runs, these in the order of their ids;
/// a run that goes on alone locks its entry only (`Rows::move_on_alone`). Answers in the order given. `committed` is called
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
    let mut turn = store.committing.turn().await?;
    let (mut transaction, called) = loop {
        let mut transaction = turn.connection.begin().await?;
        match lock_runs(&mut transaction, &order).await? {
            Some(called) => break (transaction, called),
            None => transaction.rollback().await?,
        }
    };
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
    turn.keep();
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
    let mut turn = store.committing.turn().await?;
    let connection = &mut turn.connection;
    let (moves, held) = (rows::moves(order, &writes), || Held::of(order));
    let written = match (moves.as_deref(), rows.steps.as_slice()) {
        (Some(&[run]), [step]) => Rows::move_on_alone(connection, run, step).await?,
        (Some(moves), _) => rows.move_on(connection, &held(), moves, holder).await?,
        (None, _) => rows.write_at_once(connection, &held(), holder).await?,
    };
    turn.keep();
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

/// Locks the runs, those whose steps wait for their ends, and what they called and may have to end; gives the last of these. `None`: that
/// has changed meanwhile.
async fn lock_runs(
    connection: &mut PgConnection,
    order: &[&Segment],
) -> Result<Option<Vec<RunId>>> {
    let parents = order.iter().filter(|segment| segment.may_end());
    let parents = parents.filter_map(|segment| segment.parent);
    let mut runs: Vec<RunId> = order.iter().map(|segment| segment.lease.run).collect();
    runs.extend(parents);
    let callers = order.iter().filter(|segment| segment.may_have_called);
    let callers: Vec<RunId> = callers.map(|segment| segment.lease.run).collect();
    call::lock(connection, &runs, &callers).await
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
