//! What one segment did, and the rows that come of it.

use std::sync::Arc;

use engine::{
    approval::ApprovalRequest,
    ids::{RunId, WorkerId, WorkflowId},
    node::{Answer, DeliveryRequest, GenerationRequest, NumberRequest},
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    Scope,
    call::CallWrite,
    output::Large,
    queue::{Holder, Lease},
    run::{StepRow, has_ended},
};

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
    pub(super) fn may_end(&self) -> bool {
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

    /// The head that is all there is to the segment but steps: the run's one entry moves on to it.
    pub(super) fn onward(&self) -> Option<&Head> {
        let [head] = self.heads.as_slice() else {
            return None;
        };
        let is_all = self.are_plain() && self.run.is_none() && self.answer.is_none();
        let is_next = head.leased && head.due == Due::InMs(0);
        (is_all && is_next).then_some(head)
    }

    /// The steps whose rows are written. Where a run's only entry is all that moves of it, the entry says already that its step is ready:
    /// who takes it finds the same, as long as nothing else is known of the step.
    pub(super) fn stored_steps(&self) -> impl Iterator<Item = &StepWrite> {
        let is_at = |step: &StepWrite, head: &Head| {
            step.node == head.node && step.item_path == head.item_path
        };
        let alone = self.onward().filter(|head| {
            let mut steps = self.steps.iter();
            steps.all(|step| has_ended(&step.state) || is_at(step, head))
        });
        self.steps.iter().filter(move |step| {
            !alone.is_some_and(|head| is_at(step, head) && step.says_ready_alone())
        })
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

impl StepWrite {
    /// A step outside any container that is ready for its first try. Inside one, the row tells that its entry has begun.
    fn says_ready_alone(&self) -> bool {
        self.state == "ready"
            && self.item_path.is_empty()
            && self.attempt == 1
            && self.kept.is_none()
            && self.waits_on.is_none()
            && self.start_ms.is_none()
            && self.total_ms.is_none()
    }
}

impl RunWrite {
    /// It says no more than that the run is under way.
    pub fn runs(&self) -> bool {
        self.state == "running" && self.error.is_none() && !self.cancels
    }

    pub(super) fn ends(&self) -> bool {
        matches!(self.state.as_str(), "succeeded" | "failed" | "cancelled")
    }
}
