//! The run's state machine: `advance(plan, state, event) -> commands`, pure and total. It decides what runs next, what is skipped and
//! when the run ends; attempts, leases and commits are the executor's.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    graph::{ERROR_PORT, Plan, PlanNode},
    node::Join,
    workflow::OnError,
};

pub mod paths;

/// One step: a node and, inside containers, which entry of each, outermost first, such as `3.0` (`""` outside).
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

    fn at(node: &str, item_path: &str) -> Self {
        Self {
            node: node.to_owned(),
            item_path: item_path.to_owned(),
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
    /// Of a container whose entries are worked on.
    items: Option<Items>,
}

/// How far a container has come. Entries begin in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Items {
    count: usize,
    begun: usize,
    /// Begun and not ended.
    open: usize,
    /// An entry failed.
    failed: bool,
}

/// A step as it was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub key: StepKey,
    pub status: StepStatus,
    pub ports: Vec<String>,
    /// Entries of a container.
    pub items: Option<usize>,
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
    /// The step is a container's, and what is inside runs for each of so many entries.
    Expanded {
        key: StepKey,
        items: usize,
    },
    /// The step ends the run, well.
    Ended {
        key: StepKey,
        ports: Vec<String>,
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
    /// The step had not ended when the run, or the entry it belongs to, did.
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

    /// The state that stored steps tell. Steps of unknown nodes are left out.
    pub fn restore(plan: &Plan, steps: impl IntoIterator<Item = Stored>) -> Self {
        let mut state = Self::new();
        let mut containers = Vec::new();
        for stored in steps {
            if plan.node(&stored.key.node).is_none() {
                continue;
            }
            if let (Some(count), false) = (stored.items, stored.status.is_terminal()) {
                containers.push((stored.key.clone(), count));
            }
            let step = Step {
                status: stored.status,
                ports: stored.ports,
                items: None,
            };
            state.steps.insert(stored.key, step);
        }
        for (key, count) in containers {
            let items = state.progress_of(plan, &key, count);
            state.steps.entry(key).or_default().items = Some(items);
        }
        if !state.steps.is_empty() {
            state.status = state.standing(plan);
        }
        state
    }

    /// How far the entries of a container's step have come.
    fn progress_of(&self, plan: &Plan, container: &StepKey, count: usize) -> Items {
        let mut items = Items {
            count,
            begun: 0,
            open: 0,
            failed: false,
        };
        for index in 0..count {
            let path = paths::below(&container.item_path, index);
            let (mut begun, mut open) = (false, false);
            for node in plan.inside(Some(&container.node)) {
                let status = self.step(&StepKey::at(&node.id, &path));
                begun |= status != StepStatus::Pending;
                open |= !status.is_terminal();
                items.failed |= status == StepStatus::Failed && node.on_error == OnError::Stop;
            }
            if !begun {
                break;
            }
            items.begun += 1;
            items.open += usize::from(open);
        }
        items
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
        let step = Step {
            status,
            ports,
            items: None,
        };
        self.steps.insert(key, step);
    }

    fn items(&mut self, container: &StepKey) -> Option<&mut Items> {
        self.steps.get_mut(container)?.items.as_mut()
    }

    /// What the steps say about the run.
    fn standing(&self, plan: &Plan) -> RunStatus {
        let (mut busy, mut cancelled, mut uncaught) = (false, false, false);
        let mut ended = 0;
        for (key, step) in &self.steps {
            busy |= matches!(step.status, StepStatus::Ready | StepStatus::Running);
            // What is inside a container has ended when the container has.
            if !key.item_path.is_empty() {
                continue;
            }
            ended += usize::from(step.status.is_terminal());
            cancelled |= step.status == StepStatus::Cancelled;
            uncaught |= step.status == StepStatus::Failed
                && (plan.node(&key.node)).is_some_and(|node| node.on_error == OnError::Stop);
        }
        if uncaught {
            RunStatus::Failed
        } else if cancelled {
            RunStatus::Cancelled
        } else if ended >= plan.inside(None).count() {
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
    let mut run = Advance {
        plan,
        state,
        commands: Vec::new(),
    };
    run.apply(event);
    let Advance { commands, .. } = run;
    commands
}

/// Ids of the nodes whose ways have led to a step, in the order of the edges.
pub fn arrived(plan: &Plan, state: &RunState, key: &StepKey) -> Vec<String> {
    let mut arrived: Vec<String> = Vec::new();
    let incoming = plan.node(&key.node).into_iter();
    for edge in incoming.flat_map(|node| plan.incoming(node)) {
        let source = StepKey::at(&edge.from, &key.item_path);
        let fired = state.step(&source).is_terminal() && state.ports(&source).contains(&edge.port);
        if fired && !arrived.contains(&edge.from) {
            arrived.push(edge.from.clone());
        }
    }
    arrived
}

/// One event on its way through a run.
struct Advance<'a> {
    plan: &'a Plan,
    state: &'a mut RunState,
    commands: Vec<Command>,
}

impl Advance<'_> {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Triggered { node } => {
                if self.state.status != RunStatus::Queued || self.plan.node(&node).is_none() {
                    return;
                }
                for other in self.plan.inside(None) {
                    let key = StepKey::of(&other.id);
                    if other.id == node {
                        self.enter(key);
                    } else if self.plan.incoming(other).next().is_none() {
                        // Another trigger, or a node that nothing leads to.
                        self.skip(key);
                    }
                }
                self.settle_all(None, "");
            }
            Event::Restored => self.settle_all(None, ""),
            Event::Started { key } => {
                if self.state.step(&key) == StepStatus::Ready {
                    self.state.set(key, StepStatus::Running);
                }
            }
            Event::Waiting { key } => {
                if self.is_open(&key) {
                    self.state.set(key, StepStatus::Waiting);
                }
            }
            Event::Resumed { key } => {
                let status = self.state.step(&key);
                if matches!(status, StepStatus::Waiting | StepStatus::Retryable) {
                    self.enter(key);
                }
            }
            Event::Expanded { key, items } => {
                if self.is_open(&key) && self.state.items(&key).is_none() {
                    self.state.set(key.clone(), StepStatus::Waiting);
                    let step = self.state.steps.entry(key.clone()).or_default();
                    step.items = Some(Items {
                        count: items,
                        begun: 0,
                        open: 0,
                        failed: false,
                    });
                    self.begin_items(&key);
                }
            }
            Event::Succeeded { key, ports } => {
                if self.is_open(&key) {
                    self.state.end(key.clone(), StepStatus::Succeeded, ports);
                    self.go_on(&key);
                }
            }
            Event::Ended { key, ports } => {
                if self.is_open(&key) {
                    self.state.end(key, StepStatus::Succeeded, ports);
                    self.finish(RunStatus::Succeeded);
                }
                return;
            }
            Event::Failed { key, again } => self.fail(key, again),
            Event::Stopped => return self.finish(RunStatus::Cancelled),
        }
        if self.state.status.is_terminal() {
            return;
        }
        self.state.status = self.state.standing(self.plan);
        if self.state.status.is_terminal() {
            self.commands.push(Command::Finish(self.state.status));
        }
    }

    fn fail(&mut self, key: StepKey, again: bool) {
        let Some(node) = self.plan.node(&key.node).filter(|_| self.is_open(&key)) else {
            return;
        };
        if again {
            return self.state.set(key, StepStatus::Retryable);
        }
        let ports = match node.on_error {
            OnError::Stop => {
                self.state.end(key.clone(), StepStatus::Failed, Vec::new());
                return match &node.parent {
                    None => self.finish(RunStatus::Failed),
                    Some(container) => self.fail_item(container, &key),
                };
            }
            OnError::Continue => node.normal_ports().map(str::to_owned).collect(),
            OnError::Branch => vec![ERROR_PORT.to_owned()],
        };
        self.state.end(key.clone(), StepStatus::Failed, ports);
        self.go_on(&key);
    }

    /// A step that has begun and not ended.
    fn is_open(&self, key: &StepKey) -> bool {
        let status = self.state.step(key);
        self.plan.node(&key.node).is_some()
            && status != StepStatus::Pending
            && !status.is_terminal()
    }

    fn enter(&mut self, key: StepKey) {
        self.state.set(key.clone(), StepStatus::Ready);
        self.commands.push(Command::Enter(key));
    }

    fn skip(&mut self, key: StepKey) {
        self.state.end(key.clone(), StepStatus::Skipped, Vec::new());
        self.commands.push(Command::Skip(key));
    }

    fn cancel(&mut self, key: StepKey) {
        self.state
            .end(key.clone(), StepStatus::Cancelled, Vec::new());
        self.commands.push(Command::Cancel(key));
    }

    /// What follows from the end of a step, where it lies and further out.
    fn go_on(&mut self, key: &StepKey) {
        let plan = self.plan;
        let Some(node) = plan.node(&key.node) else {
            return;
        };
        let mut next: BTreeSet<usize> = plan.successors(node).collect();
        // In topological order, as what is skipped here settles only edges to later nodes.
        while let Some(node) = next.pop_first().and_then(|place| plan.at(place)) {
            if self.settle(node, &key.item_path) == Some(StepStatus::Skipped) {
                next.extend(plan.successors(node));
            }
        }
        if let Some(container) = &node.parent {
            self.end_item(container, &key.item_path);
        }
    }

    /// Enters or skips every pending node of one level whose edges are all settled.
    fn settle_all(&mut self, container: Option<&str>, path: &str) {
        for node in self.plan.inside(container) {
            self.settle(node, path);
        }
    }

    /// Enters or skips a pending node if its edges are all settled; gives what became of it.
    fn settle(&mut self, node: &PlanNode, path: &str) -> Option<StepStatus> {
        let key = StepKey::at(&node.id, path);
        if self.state.step(&key) != StepStatus::Pending {
            return None;
        }
        match self.arrivals(node, path) {
            Arrivals::Open => None,
            Arrivals::Fired if self.is_wanted(node) => {
                self.enter(key);
                Some(StepStatus::Ready)
            }
            Arrivals::Fired | Arrivals::Dead => {
                self.skip(key);
                Some(StepStatus::Skipped)
            }
        }
    }

    fn arrivals(&self, node: &PlanNode, path: &str) -> Arrivals {
        let (mut fired, mut open, mut any) = (false, false, false);
        for edge in self.plan.incoming(node) {
            any = true;
            let source = StepKey::at(&edge.from, path);
            if self.state.step(&source).is_terminal() {
                fired |= self.state.ports(&source).contains(&edge.port);
            } else {
                open = true;
            }
        }
        match node.join {
            Join::First if fired => Arrivals::Fired,
            _ if open => Arrivals::Open,
            _ if fired => Arrivals::Fired,
            // What nothing leads to inside a container begins with the entry; outside it never runs, but before the trigger is
            // known it may still be the one that starts the run.
            _ if !any && node.parent.is_some() => Arrivals::Fired,
            _ if any || self.state.status != RunStatus::Queued => Arrivals::Dead,
            _ => Arrivals::Open,
        }
    }

    fn is_wanted(&self, node: &PlanNode) -> bool {
        let until = self.state.until.as_ref();
        until
            .and_then(|until| self.plan.node(until))
            .is_none_or(|until| self.plan.is_needed(node, until))
    }

    /// Begins as many entries as may be worked on at once; when none is left the container's step goes on.
    fn begin_items(&mut self, container: &StepKey) {
        let plan = self.plan;
        let Some(node) = plan.node(&container.node) else {
            return;
        };
        let Some(held) = &node.container else { return };
        let most = usize::try_from(held.concurrency.max(1)).unwrap_or(1);
        loop {
            let Some(items) = self.state.items(container) else {
                return;
            };
            let over = items.begun == items.count || (items.failed && held.stops);
            if over || items.open >= most {
                if over && items.open == 0 {
                    self.leave(node, container);
                }
                return;
            }
            let path = paths::below(&container.item_path, items.begun);
            items.begun += 1;
            items.open += 1;
            self.settle_all(Some(&node.id), &path);
            if self.has_ended(&node.id, &path)
                && let Some(items) = self.state.items(container)
            {
                items.open -= 1;
            }
        }
    }

    /// Every entry has ended: the container's step makes its output of them.
    fn leave(&mut self, node: &PlanNode, container: &StepKey) {
        let plan = self.plan;
        let until = self.state.until.as_ref();
        let inside = until
            .and_then(|until| plan.node(until))
            .is_some_and(|until| plan.is_in(until, node));
        let failed = self
            .state
            .items(container)
            .is_some_and(|items| items.failed);
        if inside && failed && node.container.as_ref().is_some_and(|held| held.stops) {
            self.finish(RunStatus::Failed);
        } else if inside {
            // The trial ends in here; there may be nothing to make an output of.
            self.skip(container.clone());
            self.go_on(container);
        } else {
            self.enter(container.clone());
        }
    }

    fn has_ended(&self, container: &str, path: &str) -> bool {
        self.plan
            .inside(Some(container))
            .all(|node| self.state.step(&StepKey::at(&node.id, path)).is_terminal())
    }

    /// A step of an entry has ended; perhaps it was the last one.
    fn end_item(&mut self, container: &str, path: &str) {
        let Some((above, _)) = paths::split(path) else {
            return;
        };
        if !self.has_ended(container, path) {
            return;
        }
        let key = StepKey::at(container, above);
        if let Some(items) = self.state.items(&key) {
            items.open -= 1;
        }
        self.begin_items(&key);
    }

    /// A failure that no rule caught ends the entry it happened in, and the others too where the container says so.
    fn fail_item(&mut self, container: &str, failed: &StepKey) {
        let Some((above, _)) = paths::split(&failed.item_path) else {
            return;
        };
        let key = StepKey::at(container, above);
        let stops = self
            .plan
            .node(container)
            .and_then(|node| node.container.as_ref())
            .is_some_and(|held| held.stops);
        let Some(items) = self.state.items(&key) else {
            return;
        };
        items.failed = true;
        let begun = items.begun;
        if stops {
            items.open = 0;
            for index in 0..begun {
                self.cancel_item(container, &paths::below(above, index));
            }
        } else {
            items.open -= 1;
            self.cancel_item(container, &failed.item_path);
        }
        self.begin_items(&key);
    }

    /// Calls off what has not ended of an entry, in containers inside it, too.
    fn cancel_item(&mut self, container: &str, path: &str) {
        let plan = self.plan;
        let held = plan.node(container);
        // The entries of a container beside it have the same paths.
        let is_inside = |node: &str| {
            let node = plan.node(node).zip(held);
            node.is_some_and(|(node, held)| plan.is_in(node, held))
        };
        let deeper: Vec<StepKey> = self
            .state
            .steps
            .iter()
            .filter(|(key, step)| {
                !step.status.is_terminal()
                    && key.item_path != path
                    && paths::is_within(&key.item_path, path)
                    && is_inside(&key.node)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in deeper {
            self.cancel(key);
        }
        for node in plan.inside(Some(container)) {
            let key = StepKey::at(&node.id, path);
            if !self.state.step(&key).is_terminal() {
                self.cancel(key);
            }
        }
    }

    fn finish(&mut self, status: RunStatus) {
        let plan = self.plan;
        let open: Vec<StepKey> = self
            .state
            .steps
            .iter()
            .filter(|(key, step)| !key.item_path.is_empty() && !step.status.is_terminal())
            .map(|(key, _)| key.clone())
            .collect();
        for key in open {
            self.cancel(key);
        }
        for node in plan.inside(None) {
            let key = StepKey::of(&node.id);
            if !self.state.step(&key).is_terminal() {
                self.cancel(key);
            }
        }
        self.state.status = status;
        self.commands.push(Command::Finish(status));
    }
}

enum Arrivals {
    /// An edge is not settled yet.
    Open,
    /// The node can start.
    Fired,
    Dead,
}

#[cfg(test)]
mod tests;
