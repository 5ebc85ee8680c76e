//! The rows of a segment in the making.

use std::collections::HashMap;

use engine::{
    graph::Plan,
    node::Join,
    run::{Command, RunState, StepKey, arrived},
};
use indexmap::IndexMap;
use serde_json::json;
use store::{
    run::StepRow,
    segment::{StepWrite, Writes},
};

use super::{holds_items, limits};

/// Of each step the last row counts.
pub(super) struct Making<'a> {
    plan: &'a Plan,
    rows: HashMap<(&'a str, &'a str), &'a StepRow>,
    steps: IndexMap<StepKey, StepWrite>,
    /// Steps that became ready and were not worked on here, with the nodes whose ways led to them where the first one counts.
    pub(super) entered: IndexMap<StepKey, Option<Vec<String>>>,
    pub(super) writes: Writes,
}

impl<'a> Making<'a> {
    pub(super) fn new(rows: &'a [StepRow], plan: &'a Plan) -> Self {
        Self {
            plan,
            rows: rows
                .iter()
                .map(|row| ((row.node.as_str(), row.item_path.as_str()), row))
                .collect(),
            steps: IndexMap::new(),
            entered: IndexMap::new(),
            writes: Writes::default(),
        }
    }

    fn row(&self, key: &StepKey) -> Option<&'a StepRow> {
        self.rows
            .get(&(key.node.as_str(), key.item_path.as_str()))
            .copied()
    }

    pub(super) fn put(&mut self, key: StepKey, mut row: StepWrite) {
        if let Some(before) = self.steps.get(&key) {
            row.started_ago_ms = before.started_ago_ms.or(row.started_ago_ms);
            if holds_items(before.waits_on.as_deref()) {
                row.kept.clone_from(&before.kept);
            }
        } else if let Some(before) = self
            .row(&key)
            .filter(|row| holds_items(row.waits_on.as_deref()))
        {
            // What a container went through is still told when it has ended.
            row.kept.clone_from(&before.kept);
        }
        self.steps.insert(key, row);
    }

    pub(super) fn take(&mut self, state: &RunState, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Enter(key) => {
                    let node = self.plan.node(&key.node);
                    let first = node.is_some_and(|node| node.join == Join::First);
                    let arrived = first.then(|| arrived(self.plan, state, &key));
                    self.entered.insert(key, arrived);
                }
                Command::Skip(key) => self.put(key.clone(), plain(&key, "skipped")),
                Command::Cancel(key) => {
                    self.entered.shift_remove(&key);
                    // Steps with rows are cancelled where they stand.
                    if self.row(&key).is_some() {
                        self.steps.shift_remove(&key);
                        self.writes.cancelled.push((key.node, key.item_path));
                    } else {
                        self.put(key.clone(), plain(&key, "cancelled"));
                    }
                }
                Command::Finish(_) => {}
            }
        }
    }

    /// The row of a step that is entered: anew, or to go on after what is inside it.
    pub(super) fn ready(&self, key: &StepKey, arrived: Option<Vec<String>>) -> StepWrite {
        let mut row = plain(key, "ready");
        row.kept = arrived.map(|arrived| json!(arrived));
        let before = (self.steps.get(key))
            .map(|row| (row.attempt, &row.waits_on))
            .or_else(|| self.row(key).map(|row| (row.attempt, &row.waits_on)));
        if let Some((attempt, waits_on)) = before {
            row.attempt = attempt;
            row.waits_on.clone_from(waits_on);
        }
        if let Some(node) = self.plan.node(&key.node) {
            row.start_ms = node.limits.start_ms.map(limits::signed);
            row.total_ms = node.limits.total_ms.map(limits::signed);
        }
        row
    }

    pub(super) fn finish(self) -> Writes {
        Writes {
            steps: self.steps.into_values().collect(),
            ..self.writes
        }
    }
}

/// A row with nothing but its state.
pub(super) fn plain(key: &StepKey, state: &str) -> StepWrite {
    StepWrite {
        node: key.node.clone(),
        item_path: key.item_path.clone(),
        state: state.into(),
        attempt: 1,
        ports: Vec::new(),
        output: None,
        large: None,
        error: None,
        warnings: None,
        kept: None,
        waits_on: None,
        wait_until: None,
        worker_id: None,
        started_ago_ms: None,
        finished_ago_ms: matches!(state, "skipped" | "cancelled").then_some(0),
        start_ms: None,
        total_ms: None,
    }
}
