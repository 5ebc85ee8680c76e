//! Runs the steps of a segment, one after the other.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    graph::{Outputs, Plan, PlanNode},
    node::{Effect, Event as Arrived, Join, StepError, Stored, WaitOn},
    run::{Command, RunState, StepKey, advance, arrived},
};
use serde_json::{Value as Json, json};
use store::{
    call, delivery, generation,
    queue::{LOST_BEFORE_SUSPECT, LOST_CAP},
    run::StepRow,
};
use tokio_util::sync::CancellationToken;

use super::{
    Done, Known, begin, entries, error_json, event, failed, head_of, holds_items, key_of, limits,
    status,
};
use crate::{
    Inner,
    step::{Attempt, Begin, Came, Within},
    work::put_off,
};

/// A segment commits at the latest after this.
const LONGEST: Duration = Duration::from_secs(1);

impl Known {
    /// Runs from the head until something has to be committed. `None`: the work was called off.
    pub(crate) async fn run(
        &self,
        executor: &Inner,
        cancelled: &CancellationToken,
    ) -> Option<Done> {
        let plan = &self.program.plan;
        let head = head_of(&self.lease);
        let mut done = Done {
            run: self.run.clone(),
            program: self.program.clone(),
            head: head.clone(),
            now: self.lease.head_at,
            holder: executor.holder(),
            attempts: Vec::new(),
            ended: Instant::now(),
            cut: false,
        };
        if self.lease.lost >= LOST_CAP {
            done.attempts.push(poisoned(&head, self.number(&head)));
            return Some(done);
        }
        let single = self.lease.lost >= LOST_BEFORE_SUSPECT;
        let (mut state, _) = begin(plan, &self.run, &self.rows, &head);
        let mut outputs = Arc::new(outputs(&self.rows));
        // Containers go on with the entries they began with.
        let mut expanded: BTreeMap<StepKey, Json> = self
            .rows
            .iter()
            .filter(|row| holds_items(row.waits_on.as_deref()) && !status(&row.state).is_terminal())
            .map(|row| (key_of(row), row.kept.clone().unwrap_or(Json::Null)))
            .collect();
        let mut ready = VecDeque::from([head.clone()]);
        let started = Instant::now();
        while let Some(key) = ready.pop_front() {
            let Some(node) = plan.node(&key.node) else {
                break;
            };
            let first = done.attempts.is_empty();
            let outside = node.effect() == Effect::Outside;
            // Which way came first is decided under the run's lock.
            if !first && (outside || node.join == Join::First) {
                break;
            }
            // Beside other heads it is not known here which entry is the next one.
            if !first && !self.solo && key.item_path != head.item_path {
                break;
            }
            if !first && (single || started.elapsed() >= LONGEST || executor.is_stopping()) {
                done.cut = true;
                break;
            }
            if first || outside {
                self.tell_running(executor, &key);
            }
            let how = if first {
                self.how(executor).await?
            } else if let Some(kept) = expanded.remove(&key) {
                Begin::Resume {
                    event: Box::new(Arrived::Items),
                    kept,
                }
            } else {
                Begin::Run
            };
            let within = Within {
                executor,
                run: &self.run,
                program: &self.program,
                firm: &self.firm,
                outputs: &outputs,
                arrived: self.arrived(plan, &state, node, &key),
                now: self.lease.head_at,
                cancelled,
            };
            let row = self.row(&key.node, &key.item_path).filter(|_| first);
            let attempt = match limits::missed(node, &self.lease, row) {
                Some(error) => failed(&key, self.number(&key), error, true),
                None => {
                    let left = limits::left(node, row);
                    within
                        .attempt(node, &key, self.number(&key), how, left)
                        .await
                }
            };
            if self.leaves_nothing(executor, &attempt.came).await {
                return None;
            }
            if let Some(kept) = learn(Arc::make_mut(&mut outputs), &attempt) {
                expanded.insert(key.clone(), kept);
            }
            let commands = advance(plan, &mut state, event(&attempt));
            done.attempts.push(attempt);
            ready.extend(commands.into_iter().filter_map(|command| match command {
                Command::Enter(key) => Some(key),
                Command::Skip(_) | Command::Cancel(_) | Command::Finish(_) => None,
            }));
            // One of several successors is kept, the others become heads; they run beside each other.
            // A number is known when it is committed.
            if outside || ready.len() > 1 || draws(&done.attempts) {
                break;
            }
        }
        done.ended = Instant::now();
        Some(done)
    }

    /// Nothing of the segment is committed, which somebody does again later or nobody does.
    async fn leaves_nothing(&self, executor: &Inner, came: &Came) -> bool {
        match came {
            Came::Dropped => true,
            Came::Later => {
                put_off(executor, &self.lease).await;
                true
            }
            Came::Succeeded { .. }
            | Came::Waits { .. }
            | Came::Again { .. }
            | Came::Failed { .. } => false,
        }
    }

    /// How the head's attempt begins: anew, or with what it waited for. `None`: the store does not answer.
    async fn how(&self, executor: &Inner) -> Option<Begin> {
        let Some(row) = self.row(&self.lease.node, &self.lease.item_path) else {
            return Some(Begin::Run);
        };
        let Some(on) = row
            .waits_on
            .as_deref()
            .filter(|_| matches!(row.state.as_str(), "waiting" | "ready"))
        else {
            return Some(Begin::Run);
        };
        let event = if row.state == "waiting" {
            Ok(None)
        } else {
            self.what_came(executor, on, row).await
        };
        match event {
            Ok(event) => Some(Begin::Resume {
                event: Box::new(event.unwrap_or(Arrived::TimedOut)),
                kept: row.kept.clone().unwrap_or(Json::Null),
            }),
            Err(error) => {
                tracing::warn!(run.id = %self.run.id, %error, "what a step waited for could not be read; it is tried again later");
                put_off(executor, &self.lease).await;
                None
            }
        }
    }

    /// The nodes whose ways have led to a step; where the first one counts, that is stored with it.
    fn arrived(
        &self,
        plan: &Plan,
        state: &RunState,
        node: &PlanNode,
        key: &StepKey,
    ) -> Vec<String> {
        match node.join {
            Join::All => arrived(plan, state, key),
            Join::First => self
                .row(&key.node, &key.item_path)
                .and_then(|row| serde_json::from_value(row.kept.clone()?).ok())
                // A retry that begins with it keeps no record of what came first.
                .unwrap_or_else(|| arrived(plan, state, key)),
        }
    }

    async fn what_came(
        &self,
        executor: &Inner,
        on: &str,
        row: &StepRow,
    ) -> store::Result<Option<Arrived>> {
        let store = &executor.config.store;
        Ok(match on {
            "generation" => {
                let mut connection = store.pool.acquire().await?;
                generation::outcome(&mut connection, self.run.id, &row.node, &row.item_path)
                    .await?
                    .map(Arrived::Generation)
            }
            "delivery" => delivery::outcome(
                store,
                &self.run.scope,
                self.run.id,
                &row.node,
                &row.item_path,
            )
            .await?
            .map(Arrived::Delivery),
            "signal" => row.signal.clone().map(Arrived::Signal),
            "call" => call::outcome(
                store,
                &self.run.scope,
                self.run.id,
                &row.node,
                &row.item_path,
            )
            .await?
            .map(Arrived::Call),
            "items" => Some(Arrived::Items),
            _ => None,
        })
    }

    /// The number of the try that is made now.
    fn number(&self, key: &StepKey) -> u32 {
        let Some(row) = self.row(&key.node, &key.item_path) else {
            return 1;
        };
        let recorded = u32::try_from(row.attempt).unwrap_or(1);
        if row.state == "retryable" {
            recorded + 1
        } else {
            recorded
        }
    }

    fn row(&self, node: &str, item_path: &str) -> Option<&StepRow> {
        self.rows
            .iter()
            .find(|row| row.node == node && row.item_path == item_path)
    }

    fn tell_running(&self, executor: &Inner, key: &StepKey) {
        let events = &executor.config.store.events;
        if events.watched() {
            events.publish(store::events::Event {
                workspace: self.run.scope.workspace(),
                topic: format!("run:{}", self.run.id),
                kind: "step.changed".into(),
                data: json!({ "node": key.node, "item_path": key.item_path, "state": "running" }),
            });
        }
    }
}

fn outputs(rows: &[StepRow]) -> Outputs {
    let mut outputs = Outputs::default();
    for row in rows {
        let key = key_of(row);
        match row.state.as_str() {
            "succeeded" => outputs.succeeded(key, row.output.clone().unwrap_or_default()),
            "failed" => outputs.failed(key, row.error.clone().unwrap_or(Json::Null)),
            _ if holds_items(row.waits_on.as_deref()) => {
                outputs.expanded(key, row.kept.as_ref().map(entries).unwrap_or_default());
            }
            _ => {}
        }
    }
    outputs
}

/// The last attempt asks for a number.
fn draws(attempts: &[Attempt]) -> bool {
    let last = attempts.last().map(|attempt| &attempt.came);
    matches!(last, Some(Came::Succeeded { stored, .. })
        if stored.iter().any(|effect| matches!(effect, Stored::Number(_))))
}

/// What later steps may read of an attempt; the entries of a container that begins.
fn learn(outputs: &mut Outputs, attempt: &Attempt) -> Option<Json> {
    let key = attempt.key.clone();
    match &attempt.came {
        Came::Succeeded { output, .. } => outputs.succeeded(key, output.clone()),
        Came::Failed { error } => {
            let error = error_json(error, attempt.number, &key.node);
            outputs.failed(key, error);
        }
        Came::Waits { on, kept, .. } if matches!(**on, WaitOn::Items(_)) => {
            outputs.expanded(key, entries(kept));
            return Some(kept.clone());
        }
        Came::Waits { .. } | Came::Again { .. } | Came::Later | Came::Dropped => {}
    }
    None
}

fn poisoned(head: &StepKey, number: u32) -> Attempt {
    let error = StepError::new(
        "worker_lost",
        "The process that ran this step ended or fell silent five times, so the step was given up. Usually it needs more memory than there is, or the database took no results for long; the server's log says which. First give the server more memory or the step less to work on.",
    );
    failed(head, number, error, true)
}
