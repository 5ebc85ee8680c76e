//! One segment: the steps between two commits. Running them and turning what came of them into rows are apart, so that the rows can
//! be made again under the run's lock when other heads have moved meanwhile.

pub(crate) mod large;
pub(crate) mod limits;
mod making;
mod running;
mod writing;

use std::{collections::HashMap, sync::Arc, time::Instant};

use engine::{
    firm::Firm,
    graph::Plan,
    node::{StepError, WaitOn},
    run::{Command, Event, RunState, StepKey, StepStatus, Stored, advance},
};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use store::{
    queue::{ClaimedEntry, Holder, Lease},
    run::{RunRecord, StepRow},
    segment::{RunWrite, Segment, StepWrite, Writes, Writing},
};

use making::plain;

use crate::{
    program::Program,
    step::{Attempt, Came},
};

/// A run as one executor knows it.
pub(crate) struct Known {
    pub(crate) lease: Lease,
    pub(crate) run: Arc<RunRecord>,
    pub(crate) program: Arc<Program>,
    pub(crate) firm: Arc<Firm>,
    /// Steps as they were read or last committed.
    pub(crate) rows: Vec<StepRow>,
    /// No other head or wait exists.
    pub(crate) solo: bool,
    /// It is stored that the run runs.
    pub(crate) runs: bool,
}

/// What a segment did, ready to be turned into rows as often as needed.
pub(crate) struct Done {
    run: Arc<RunRecord>,
    program: Arc<Program>,
    head: StepKey,
    now: Timestamp,
    holder: Holder,
    attempts: Vec<Attempt>,
    ended: Instant,
    /// It could have gone on: had the machine been quicker, what follows would have been part of it.
    cut: bool,
}

impl Known {
    pub(crate) fn new(entry: ClaimedEntry, program: Arc<Program>, firm: Arc<Firm>) -> Self {
        Self {
            lease: entry.lease,
            run: entry.run,
            program,
            firm,
            rows: entry.steps,
            solo: entry.solo,
            runs: entry.runs,
        }
    }

    /// The steps after a commit that nobody else could interfere with.
    pub(crate) fn after(self, writes: Writes) -> Vec<StepRow> {
        let mut rows = self.rows;
        let known: HashMap<StepKey, usize> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| (key_of(row), at))
            .collect();
        for (node, item_path) in writes.cancelled {
            let key = StepKey { node, item_path };
            if let Some(&at) = known.get(&key) {
                "cancelled".clone_into(&mut rows[at].state);
            }
        }
        for write in writes.steps {
            let row = StepRow {
                node: write.node,
                item_path: write.item_path,
                state: write.state,
                attempt: write.attempt,
                ports: write.ports,
                output: write.output,
                output_sha256: None,
                damage: None,
                error: write.error,
                kept: write.kept,
                waits_on: write.waits_on,
                signal: None,
                left_ms: write.total_ms,
                is_late: false,
            };
            match known.get(&key_of(&row)) {
                Some(&at) => rows[at] = row,
                None => rows.push(row),
            }
        }
        rows
    }

    /// Another head may have called, or the time of a step that waits for a called run is up.
    fn may_have_called(&self) -> bool {
        let waits =
            |row: &StepRow| row.state == "waiting" && row.waits_on.as_deref() == Some("call");
        self.program.plan.calls() && (!self.solo || self.rows.iter().any(waits))
    }

    /// The segment as it goes to the committer, with what it writes if nobody else moves; the executor goes on with at most so many heads.
    pub(crate) fn segment(&self, done: Done, mut writes: Writes, heads: usize) -> Segment {
        let holder = done.holder;
        let writes = if self.solo {
            writes.lease(heads);
            // What it says of the run is stored already.
            writes.run = writes.run.filter(|run| !(self.runs && run.runs()));
            Writing::Known(Arc::new(writes))
        } else {
            Writing::Settled(Box::new(move |rows: &[StepRow]| {
                let mut writes = done.writes(rows);
                writes.lease(heads);
                writes
            }))
        };
        Segment {
            lease: self.lease.clone(),
            scope: self.run.scope,
            workflow: self.run.workflow,
            trial: self.run.trial,
            parent: self.run.parent,
            may_have_called: self.may_have_called(),
            draws_numbers: self.program.plan.draws_numbers(),
            limited: self.run.limited,
            holder,
            writes,
        }
    }
}

/// The end of a run whose workflow cannot be used: its head fails, and with it the run.
pub(crate) fn unusable(entry: &ClaimedEntry, holder: Holder, error: &StepError) -> Segment {
    let error = error_json(error, 1, &entry.lease.node);
    let step = StepWrite {
        error: Some(error.clone()),
        worker_id: Some(holder.worker),
        started_ago_ms: Some(0),
        finished_ago_ms: Some(0),
        ..plain(&head_of(&entry.lease), "failed")
    };
    Segment {
        lease: entry.lease.clone(),
        scope: entry.run.scope,
        workflow: entry.run.workflow,
        trial: entry.run.trial,
        parent: entry.run.parent,
        may_have_called: true,
        draws_numbers: false,
        limited: entry.run.limited,
        holder,
        writes: Writing::Known(Arc::new(Writes {
            steps: vec![step],
            run: Some(RunWrite {
                state: "failed".into(),
                error: Some(error),
                cancels: true,
            }),
            ..Writes::default()
        })),
    }
}

/// The state before the segment: restored from the rows, triggered if there are none, its head taken up.
fn begin(
    plan: &Plan,
    run: &RunRecord,
    rows: &[StepRow],
    head: &StepKey,
) -> (RunState, Vec<Command>) {
    let restored = rows.iter().map(|row| Stored {
        key: key_of(row),
        status: status(&row.state),
        ports: row.ports.clone(),
        items: holds_items(row.waits_on.as_deref())
            .then(|| row.kept.as_ref().map_or(0, |kept| entries(kept).len())),
    });
    let mut state = RunState::restore(plan, restored).until(run.until_node.clone());
    let commands = if rows.is_empty() {
        advance(
            plan,
            &mut state,
            Event::Triggered {
                node: run.trigger_node.clone(),
            },
        )
    } else {
        // A retry may have kept what a step that goes on with the first way waited for.
        let mut commands = advance(plan, &mut state, Event::Restored);
        commands.extend(advance(
            plan,
            &mut state,
            Event::Resumed { key: head.clone() },
        ));
        commands
    };
    // The head itself is what this segment does.
    let commands = commands
        .into_iter()
        .filter(|command| !matches!(command, Command::Enter(key) if key == head))
        .collect();
    (state, commands)
}

fn status(state: &str) -> StepStatus {
    match state {
        "ready" => StepStatus::Ready,
        "running" => StepStatus::Running,
        "retryable" => StepStatus::Retryable,
        "waiting" => StepStatus::Waiting,
        "succeeded" => StepStatus::Succeeded,
        "failed" => StepStatus::Failed,
        "cancelled" => StepStatus::Cancelled,
        "skipped" => StepStatus::Skipped,
        _ => StepStatus::Pending,
    }
}

fn event(attempt: &Attempt) -> Event {
    let key = attempt.key.clone();
    match &attempt.came {
        Came::Succeeded { ports, ends, .. } => {
            let ports = ports.clone();
            if *ends {
                Event::Ended { key, ports }
            } else {
                Event::Succeeded { key, ports }
            }
        }
        Came::Waits { on, .. } => match on.as_ref() {
            WaitOn::Items(items) => Event::Expanded {
                key,
                items: items.len(),
            },
            _ => Event::Waiting { key },
        },
        Came::Again { .. } => Event::Failed { key, again: true },
        Came::Failed { .. } | Came::Later | Came::Dropped => Event::Failed { key, again: false },
    }
}

fn head_of(lease: &Lease) -> StepKey {
    StepKey {
        node: lease.node.clone(),
        item_path: lease.item_path.clone(),
    }
}

fn key_of(row: &StepRow) -> StepKey {
    StepKey {
        node: row.node.clone(),
        item_path: row.item_path.clone(),
    }
}

/// A container that has not ended keeps its entries.
fn holds_items(waits_on: Option<&str>) -> bool {
    waits_on == Some("items")
}

fn entries(kept: &Json) -> Vec<Json> {
    kept.as_array().cloned().unwrap_or_default()
}

fn error_json(error: &StepError, attempts: u32, node: &str) -> Json {
    let mut json = json!(error);
    json["attempts"] = json!(attempts);
    json["node"] = json!(node);
    json
}

/// The failure of a step whose code was not asked.
fn failed(key: &StepKey, number: u32, error: StepError, withdraws: bool) -> Attempt {
    let now = Instant::now();
    Attempt {
        key: key.clone(),
        number,
        came: Came::Failed { error },
        started: now,
        finished: now,
        withdraws,
    }
}
