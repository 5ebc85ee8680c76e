//! One segment: the steps between two commits. Running them and turning what came of them into rows are apart, so that the rows can
//! be made again under the run's lock when other heads have moved meanwhile.

pub(crate) mod large;
pub(crate) mod limits;
mod making;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{
    call::{CallRequest, child_id},
    firm::Firm,
    graph::{Outputs, Plan, PlanNode},
    node::{DeliveryRequest, Effect, Event as Arrived, Join, StepError, Stored, WaitOn},
    run::{Command, Event, RunState, RunStatus, StepKey, StepStatus, advance, arrived},
};
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use store::{
    call::{self, CallWrite},
    delivery, generation,
    queue::{ClaimedEntry, Holder, LOST_BEFORE_SUSPECT, LOST_CAP, Lease},
    run::{RunRecord, StepRow},
    segment::{
        ApprovalWrite, AttemptWrite, DeliveryWrite, Due, GenerationWrite, Head, NumberWrite,
        RunWrite, Segment, StepWrite, Writes, Writing,
    },
};
use tokio_util::sync::CancellationToken;

use making::{Making, plain};

use crate::{
    Inner,
    program::Program,
    step::{Attempt, Begin, Came, Within},
    work::put_off,
};

/// A segment commits at the latest after this.
const LONGEST: Duration = Duration::from_secs(1);

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
        }
    }

    /// Runs from the head until something has to be committed. `None`: the work was called off.
    pub(crate) async fn run(
        &self,
        executor: &Inner,
        cancelled: &CancellationToken,
    ) -> Option<Done> {
        let plan = &self.program.plan;
        let head = StepKey {
            node: self.lease.node.clone(),
            item_path: self.lease.item_path.clone(),
        };
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

impl Done {
    /// The only thing this segment still says when its own rows cannot be stored.
    pub(crate) fn unstorable(&self) -> Self {
        let now = Instant::now();
        let number = self.attempts.first().map_or(1, |attempt| attempt.number);
        let error = StepError::new(
            "result_not_stored",
            "The result of this step cannot be stored. See the server's log.",
        );
        Self {
            attempts: vec![Attempt {
                key: self.head.clone(),
                number,
                came: Came::Failed { error },
                started: now,
                finished: now,
                withdraws: true,
            }],
            run: self.run.clone(),
            program: self.program.clone(),
            head: self.head.clone(),
            ..*self
        }
    }

    /// Pure: the rows that follow from the steps as they are and from what this segment did. The executor could go on with each head that is
    /// due at once.
    pub(crate) fn writes(&self, rows: &[StepRow]) -> Writes {
        let plan = &self.program.plan;
        let (mut state, commands) = begin(plan, &self.run, rows, &self.head);
        let mut making = Making::new(rows, plan);
        making.take(&state, commands);
        for (number, attempt) in self.attempts.iter().enumerate() {
            let entered = making.entered.shift_remove(&attempt.key).is_some();
            // Another head was there first, or the step is called off: what was done of it here, and from it on, never was.
            if number > 0 && !entered {
                break;
            }
            let commands = advance(plan, &mut state, event(attempt));
            self.write(&mut making, attempt);
            making.take(&state, commands);
        }
        let entered = std::mem::take(&mut making.entered);
        for (key, arrived) in entered {
            let row = making.ready(&key, arrived);
            making.put(key.clone(), row);
            making.writes.heads.push(Head {
                node: key.node,
                item_path: key.item_path,
                due: Due::InMs(0),
                // Where chance cut the segment, no step may notice: whoever runs it again may get further in one go.
                head_at: self.cut.then_some(self.now),
                priority: self.run.priority,
                leased: true,
            });
        }
        let mut writes = making.finish();
        writes.run = Some(self.run_write(&state, &writes));
        writes
    }

    fn run_write(&self, state: &RunState, writes: &Writes) -> RunWrite {
        let status = match state.status {
            RunStatus::Queued => RunStatus::Running,
            RunStatus::Waiting if writes.heads.iter().any(|head| head.due == Due::InMs(0)) => {
                RunStatus::Running
            }
            RunStatus::Running
            | RunStatus::Waiting
            | RunStatus::Succeeded
            | RunStatus::Failed
            | RunStatus::Cancelled => state.status,
        };
        let error = (status == RunStatus::Failed)
            .then(|| self.error())
            .flatten();
        RunWrite {
            state: status.as_str().into(),
            error,
            cancels: status.is_terminal() && !writes.cancelled.is_empty(),
        }
    }

    /// What people read of a failed run: the failure that no rule caught.
    fn error(&self) -> Option<Json> {
        self.attempts
            .iter()
            .rev()
            .find_map(|attempt| match &attempt.came {
                Came::Failed { error } => {
                    let mut json = error_json(error, attempt.number, &attempt.key.node);
                    let name = self
                        .program
                        .plan
                        .node(&attempt.key.node)
                        .map(|node| node.name.clone());
                    json["step"] = json!(name.unwrap_or_default());
                    Some(json)
                }
                Came::Succeeded { .. }
                | Came::Waits { .. }
                | Came::Again { .. }
                | Came::Later
                | Came::Dropped => None,
            })
    }

    fn write(&self, making: &mut Making<'_>, attempt: &Attempt) {
        let key = &attempt.key;
        let writes = &mut making.writes;
        let mut row = plain(key, "succeeded");
        row.attempt = i32::try_from(attempt.number).unwrap_or(i32::MAX);
        row.worker_id = Some(self.holder.worker);
        row.started_ago_ms = Some(self.ago(attempt.started));
        row.finished_ago_ms = None;
        let node = self.program.plan.node(&key.node);
        let total_ms = node.and_then(|node| node.limits.total_ms);
        row.total_ms = total_ms.map(limits::signed);
        match &attempt.came {
            Came::Succeeded {
                ports,
                output,
                large,
                stored,
                warnings,
                ends: _,
            } => {
                row.ports.clone_from(ports);
                row.output = Some(output.clone());
                row.large.clone_from(large);
                row.warnings = (!warnings.is_empty()).then(|| json!(warnings));
                row.finished_ago_ms = Some(self.ago(attempt.finished));
                for effect in stored {
                    match effect {
                        Stored::Delivery(request) => {
                            writes.deliveries.push(self.delivery(key, request, false));
                        }
                        Stored::Number(request) => writes.numbers.push(NumberWrite {
                            node: key.node.clone(),
                            item_path: key.item_path.clone(),
                            request: *request,
                        }),
                        Stored::Answer(answer) => {
                            // Nobody waits for a trial run but a step of the run that called it.
                            let is_awaited = !self.run.trial || self.run.parent.is_some();
                            if writes.answer.is_none() && is_awaited {
                                writes.answer = Some(answer.clone());
                            }
                        }
                    }
                }
            }
            Came::Failed { error } => {
                row.state = "failed".into();
                row.error = Some(error_json(error, attempt.number, &attempt.key.node));
                row.ports = match node {
                    Some(node) => failed_ports(node),
                    None => Vec::new(),
                };
                row.finished_ago_ms = Some(self.ago(attempt.finished));
            }
            Came::Again { error, after_ms } => {
                row.state = "retryable".into();
                row.error = Some(error_json(error, attempt.number, &attempt.key.node));
                writes.attempts.push(AttemptWrite {
                    node: key.node.clone(),
                    item_path: key.item_path.clone(),
                    attempt: row.attempt,
                    error: error_json(error, attempt.number, &attempt.key.node),
                    worker_id: self.holder.worker,
                    started_ago_ms: self.ago(attempt.started),
                    finished_ago_ms: self.ago(attempt.finished),
                });
                // A pause of nothing would still be a head of its own: the next try is another segment.
                let pause = i64::try_from(*after_ms).unwrap_or(i64::MAX).max(1);
                writes.heads.push(self.later(key, Due::InMs(pause)));
            }
            Came::Waits { on, until, kept } => {
                row.state = "waiting".into();
                row.kept = Some(kept.clone());
                row.wait_until = *until;
                row.waits_on = Some(waits_on(on).into());
                self.write_wait(writes, attempt, on);
                let due = limits::comes_back(*until, row.total_ms);
                writes.heads.extend(due.map(|due| self.later(key, due)));
            }
            Came::Later | Came::Dropped => return,
        }
        if attempt.withdraws {
            writes
                .withdrawn
                .push((key.node.clone(), key.item_path.clone()));
        }
        making.put(key.clone(), row);
    }

    /// What is created together with a wait.
    fn write_wait(&self, writes: &mut Writes, attempt: &Attempt, on: &WaitOn) {
        let key = &attempt.key;
        match on {
            WaitOn::Generation(request) => {
                let node = self.program.plan.node(&key.node);
                writes.generations.push(GenerationWrite {
                    node: key.node.clone(),
                    item_path: key.item_path.clone(),
                    attempt: attempt.number,
                    timeout_ms: node.map_or(0, |node| node.timeout_ms),
                    heartbeat_ms: node.and_then(|node| node.limits.heartbeat_ms),
                    priority: self.run.priority,
                    request: (**request).clone(),
                });
            }
            WaitOn::Delivery(request) => {
                writes.deliveries.push(self.delivery(key, request, true));
            }
            WaitOn::Approval(request) => writes.approvals.push(ApprovalWrite {
                node: key.node.clone(),
                item_path: key.item_path.clone(),
                request: (**request).clone(),
                now: self.now,
            }),
            WaitOn::Call(request) => writes.calls.push(self.call(key, request)),
            WaitOn::Signal | WaitOn::Nothing | WaitOn::Items(_) => {}
        }
    }

    fn call(&self, key: &StepKey, request: &CallRequest) -> CallWrite {
        let at_ms = self.now.as_millisecond();
        CallWrite {
            node: key.node.clone(),
            item_path: key.item_path.clone(),
            child: child_id(self.run.id, &key.node, &key.item_path, at_ms),
            request: request.clone(),
        }
    }

    fn later(&self, key: &StepKey, due: Due) -> Head {
        Head {
            node: key.node.clone(),
            item_path: key.item_path.clone(),
            due,
            head_at: None,
            priority: self.run.priority,
            leased: false,
        }
    }

    fn delivery(&self, key: &StepKey, request: &DeliveryRequest, awaited: bool) -> DeliveryWrite {
        DeliveryWrite {
            node: key.node.clone(),
            item_path: key.item_path.clone(),
            message: json!({
                "type": request.message_type,
                "timestamp": self.now,
                "data": {
                    "run_id": self.run.id,
                    "workflow": { "id": self.run.workflow, "name": self.program.plan.name, "version": self.program.number },
                    "values": request.values,
                },
            }),
            request: request.clone(),
            held: self.run.trial && !self.run.really_send,
            awaited,
        }
    }

    fn ago(&self, at: Instant) -> i64 {
        i64::try_from(self.ended.saturating_duration_since(at).as_millis()).unwrap_or(0)
    }
}

/// The end of a run whose workflow cannot be used: its head fails, and with it the run.
pub(crate) fn unusable(entry: &ClaimedEntry, holder: Holder, error: &StepError) -> Segment {
    let error = error_json(error, 1, &entry.lease.node);
    let step = StepWrite {
        node: entry.lease.node.clone(),
        item_path: entry.lease.item_path.clone(),
        state: "failed".into(),
        attempt: 1,
        ports: Vec::new(),
        output: None,
        large: None,
        error: Some(error.clone()),
        warnings: None,
        kept: None,
        waits_on: None,
        wait_until: None,
        worker_id: Some(holder.worker),
        started_ago_ms: Some(0),
        finished_ago_ms: Some(0),
        start_ms: None,
        total_ms: None,
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
    let restored = rows.iter().map(|row| engine::run::Stored {
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

fn failed_ports(node: &PlanNode) -> Vec<String> {
    match node.on_error {
        engine::workflow::OnError::Stop => Vec::new(),
        engine::workflow::OnError::Continue => node.normal_ports().map(str::to_owned).collect(),
        engine::workflow::OnError::Branch => vec![engine::graph::ERROR_PORT.to_owned()],
    }
}

fn waits_on(on: &WaitOn) -> &'static str {
    match on {
        WaitOn::Signal | WaitOn::Approval(_) => "signal",
        WaitOn::Generation(_) => "generation",
        WaitOn::Delivery(_) => "delivery",
        WaitOn::Call(_) => "call",
        WaitOn::Nothing => "nothing",
        WaitOn::Items(_) => "items",
    }
}

fn poisoned(head: &StepKey, number: u32) -> Attempt {
    let error = StepError::new(
        "worker_lost",
        "The process that ran this step ended or fell silent five times, so the step was given up. Usually it needs more memory than there is, or the database took no results for long; the server's log says which. First give the server more memory or the step less to work on.",
    );
    failed(head, number, error, true)
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
