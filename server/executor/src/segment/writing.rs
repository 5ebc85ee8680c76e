//! Turns what a segment did into rows.

use std::time::Instant;

use engine::{
    call::{CallRequest, child_id},
    graph::{ERROR_PORT, PlanNode},
    node::{DeliveryRequest, StepError, Stored, WaitOn},
    run::{RunState, RunStatus, StepKey, advance},
    workflow::OnError,
};
use serde_json::{Value as Json, json};
use store::{
    StoreError,
    call::CallWrite,
    run::StepRow,
    segment::{
        ApprovalWrite, AttemptWrite, DeliveryWrite, Due, GenerationWrite, Head, NumberWrite,
        RunWrite, Writes,
    },
};

use super::{
    Done, begin, error_json, event, failed, limits,
    making::{Making, plain},
};
use crate::step::{Attempt, Came};

impl Done {
    /// The only thing this segment still says when its own rows cannot be stored.
    pub(crate) fn unstorable(&self) -> Self {
        let number = self.attempts.first().map_or(1, |attempt| attempt.number);
        let error = StepError::new(
            "result_not_stored",
            "The result of this step cannot be stored. See the server's log.",
        );
        Self {
            attempts: vec![failed(&self.head, number, error, true)],
            run: self.run.clone(),
            program: self.program.clone(),
            head: self.head.clone(),
            ..*self
        }
    }

    /// Says why, where the store knows it.
    pub(crate) fn because(mut self, refused: &StoreError) -> Self {
        if let StoreError::Step(error) = refused {
            for attempt in &mut self.attempts {
                attempt.came = Came::Failed {
                    error: error.clone(),
                };
            }
        }
        self
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

fn failed_ports(node: &PlanNode) -> Vec<String> {
    match node.on_error {
        OnError::Stop => Vec::new(),
        OnError::Continue => node.normal_ports().map(str::to_owned).collect(),
        OnError::Branch => vec![ERROR_PORT.to_owned()],
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
