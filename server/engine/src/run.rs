//! The run's state machine: `advance(plan, state, event) -> commands`, pure and total. It decides what runs next, what is skipped and
//! when the run ends; attempts, leases and commits are the executor's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    graph::{ERROR_PORT, Plan, PlanNode},
    workflow::OnError,
};

/// One step: a node and, inside containers, which entry (`""` outside).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepKey {
    pub node: String,
    pub item_path: String,
}

impl StepKey {
    /// The step of a node outside any container.
    pub fn of(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            item_path: String::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    #[default]
    Pending,
    Ready,
    Running,
    Waiting,
    /// Failed once and comes back when its pause is over.
    Retryable,
    Succeeded,
    Failed,
    Cancelled,
    Skipped,
}

impl StepStatus {
    /// Nothing more happens to the step.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Skipped => true,
            Self::Pending | Self::Ready | Self::Running | Self::Waiting | Self::Retryable => false,
        }
    }

    /// The stored slug.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Retryable => "retryable",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    #[default]
    Queued,
    Running,
    /// No step is ready or running.
    Waiting,
    Succeeded,
    Failed,
    Cancelled,
}

impl RunStatus {
    /// The run has ended.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Running | Self::Waiting => false,
        }
    }

    /// The stored slug.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Where one step stands, and the ways it fired once it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub status: StepStatus,
    pub ports: Vec<String>,
}

/// Where a run stands. Steps without an entry are pending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunState {
    pub status: RunStatus,
    pub steps: BTreeMap<StepKey, Step>,
    /// A trial run ends with this node; only it and what it needs run.
    pub until: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The run begins at this trigger.
    Triggered {
        node: String,
    },
    /// Kept steps were restored; whatever can start, starts (retry from here, and repair after a crash).
    Restored,
    /// An executor has taken the step up.
    Started {
        key: StepKey,
    },
    Succeeded {
        key: StepKey,
        ports: Vec<String>,
    },
    /// An attempt failed. `again`: the step comes back after a pause; otherwise its `on_error` decides.
    Failed {
        key: StepKey,
        again: bool,
    },
    /// The step waits for something outside.
    Waiting {
        key: StepKey,
    },
    /// What it waited for is here, or its pause is over.
    Resumed {
        key: StepKey,
    },
    /// A person or a limit stops the run.
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The step is ready.
    Enter(StepKey),
    /// No way leads to the step.
    Skip(StepKey),
    /// The step had not ended when the run did.
    Cancel(StepKey),
    Finish(RunStatus),
}

impl RunState {
    /// A run that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// A trial run up to one node.
    #[must_use]
    pub fn until(mut self, node: Option<String>) -> Self {
        self.until = node;
        self
    }

    /// The state that stored step rows tell. Rows of unknown nodes are left out.
    pub fn restore(
        plan: &Plan,
        rows: impl IntoIterator<Item = (StepKey, StepStatus, Vec<String>)>,
    ) -> Self {
        let mut state = Self::new();
        for (key, status, ports) in rows {
            if plan.node(&key.node).is_some() {
                state.steps.insert(key, Step { status, ports });
            }
        }
        if !state.steps.is_empty() {
            state.status = state.standing(plan);
        }
        state
    }

    pub fn step(&self, key: &StepKey) -> StepStatus {
        self.steps
            .get(key)
            .map_or(StepStatus::Pending, |step| step.status)
    }

    /// Ways that a step fired.
    pub fn ports(&self, key: &StepKey) -> &[String] {
        self.steps.get(key).map_or(&[], |step| &step.ports)
    }

    fn set(&mut self, key: StepKey, status: StepStatus) {
        self.steps.entry(key).or_default().status = status;
    }

    fn end(&mut self, key: StepKey, status: StepStatus, ports: Vec<String>) {
        self.steps.insert(key, Step { status, ports });
    }

    /// What the steps say about the run.
    fn standing(&self, plan: &Plan) -> RunStatus {
        let mut busy = false;
        let mut open = false;
        let mut cancelled = false;
        let mut uncaught = false;
        for node in plan.nodes() {
            let status = self.step(&StepKey::of(&node.id));
            open |= !status.is_terminal();
            busy |= matches!(status, StepStatus::Ready | StepStatus::Running);
            cancelled |= status == StepStatus::Cancelled;
            uncaught |= status == StepStatus::Failed && node.on_error == OnError::Stop;
        }
        if uncaught {
            RunStatus::Failed
        } else if cancelled {
            RunStatus::Cancelled
        } else if !open {
            RunStatus::Succeeded
        } else if busy {
            RunStatus::Running
        } else {
            RunStatus::Waiting
        }
    }
}

/// Applies one event. Events that do not fit the state (a second success, anything after the end) change nothing and command nothing,
/// so that a late or repeated message is harmless. Commands come in plan order, `Finish` last.
pub fn advance(plan: &Plan, state: &mut RunState, event: Event) -> Vec<Command> {
    if state.status.is_terminal() {
        return Vec::new();
    }
    let mut commands = Vec::new();
    match event {
        Event::Triggered { node } => {
            if state.status != RunStatus::Queued || plan.node(&node).is_none() {
                return commands;
            }
            for other in plan.nodes() {
                let key = StepKey::of(&other.id);
                if other.id == node {
                    state.set(key.clone(), StepStatus::Ready);
                    commands.push(Command::Enter(key));
                } else if plan.incoming(other).next().is_none() {
                    // Another trigger, or a node that nothing leads to.
                    state.end(key.clone(), StepStatus::Skipped, Vec::new());
                    commands.push(Command::Skip(key));
                }
            }
        }
        Event::Restored => {}
        Event::Started { key } => {
            if state.step(&key) != StepStatus::Ready {
                return commands;
            }
            state.set(key, StepStatus::Running);
        }
        Event::Succeeded { key, ports } => {
            if !is_open(plan, state, &key) {
                return commands;
            }
            state.end(key, StepStatus::Succeeded, ports);
        }
        Event::Failed { key, again } => {
            if !is_open(plan, state, &key) {
                return commands;
            }
            if again {
                state.set(key, StepStatus::Retryable);
            } else if let Some(node) = plan.node(&key.node) {
                let ports = match node.on_error {
                    OnError::Stop => {
                        state.end(key, StepStatus::Failed, Vec::new());
                        return finish(plan, state, RunStatus::Failed);
                    }
                    OnError::Continue => node.normal_ports().map(str::to_owned).collect(),
                    OnError::Branch => vec![ERROR_PORT.to_owned()],
                };
                state.end(key, StepStatus::Failed, ports);
            }
        }
        Event::Waiting { key } => {
            if !is_open(plan, state, &key) {
                return commands;
            }
            state.set(key, StepStatus::Waiting);
        }
        Event::Resumed { key } => {
            if !matches!(
                state.step(&key),
                StepStatus::Waiting | StepStatus::Retryable
            ) {
                return commands;
            }
            state.set(key.clone(), StepStatus::Ready);
            commands.push(Command::Enter(key));
        }
        Event::Stopped => return finish(plan, state, RunStatus::Cancelled),
    }
    settle(plan, state, &mut commands);
    state.status = state.standing(plan);
    if state.status.is_terminal() {
        commands.push(Command::Finish(state.status));
    }
    commands
}

/// A step that has begun and not ended.
fn is_open(plan: &Plan, state: &RunState, key: &StepKey) -> bool {
    let status = state.step(key);
    plan.node(&key.node).is_some() && status != StepStatus::Pending && !status.is_terminal()
}

/// Enters or skips every pending node whose edges are all settled. One pass in topological order is enough, because what is skipped
/// here settles only edges to later nodes.
fn settle(plan: &Plan, state: &mut RunState, commands: &mut Vec<Command>) {
    for node in plan.nodes() {
        let key = StepKey::of(&node.id);
        if state.step(&key) != StepStatus::Pending {
            continue;
        }
        match arrivals(plan, state, node) {
            Arrivals::Open => {}
            Arrivals::Fired if is_wanted(plan, state, node) => {
                state.set(key.clone(), StepStatus::Ready);
                commands.push(Command::Enter(key));
            }
            Arrivals::Fired | Arrivals::Dead => {
                state.end(key.clone(), StepStatus::Skipped, Vec::new());
                commands.push(Command::Skip(key));
            }
        }
    }
}

enum Arrivals {
    /// An edge is not settled yet.
    Open,
    /// All are settled, at least one fired.
    Fired,
    Dead,
}

fn arrivals(plan: &Plan, state: &RunState, node: &PlanNode) -> Arrivals {
    let mut fired = false;
    let mut any = false;
    for edge in plan.incoming(node) {
        any = true;
        let source = StepKey::of(&edge.from);
        if !state.step(&source).is_terminal() {
            return Arrivals::Open;
        }
        fired |= state.ports(&source).contains(&edge.port);
    }
    // Before the trigger is known, a node without edges may still be the one that starts the run.
    match (fired, any || state.status != RunStatus::Queued) {
        (true, _) => Arrivals::Fired,
        (false, true) => Arrivals::Dead,
        (false, false) => Arrivals::Open,
    }
}

fn is_wanted(plan: &Plan, state: &RunState, node: &PlanNode) -> bool {
    state.until.as_ref().is_none_or(|until| {
        node.id == *until
            || plan
                .node(until)
                .is_some_and(|until| until.ancestors.contains(&node.id))
    })
}

fn finish(plan: &Plan, state: &mut RunState, status: RunStatus) -> Vec<Command> {
    let mut commands = Vec::new();
    for node in plan.nodes() {
        let key = StepKey::of(&node.id);
        let before = state.step(&key);
        if before.is_terminal() {
            continue;
        }
        state.end(key.clone(), StepStatus::Cancelled, Vec::new());
        commands.push(Command::Cancel(key));
    }
    state.status = status;
    commands.push(Command::Finish(status));
    commands
}

#[cfg(test)]
mod tests;
