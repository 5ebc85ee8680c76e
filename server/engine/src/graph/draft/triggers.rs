//! Where runs begin: what is put out and offered to callers there, and what cannot be reached from it.

use serde_json::json;

use super::{Draft, DraftNode};
use crate::{
    call::{Offer, either},
    check::Problem,
    graph::{
        Resources,
        adjacency::{self, Set},
        scope::Reading,
    },
    kind::Field,
    node::{Proof, Trigger},
};

impl Draft {
    /// What the workflow offers to those who call it; `None`: nothing begins with a call.
    pub(crate) fn offer(&self, resources: &dyn Resources) -> Option<Offer> {
        let (trigger, fields) = self.nodes.iter().find_map(|node| {
            let Some(Trigger::Call(fields)) = &node.trigger else {
                return None;
            };
            Some((node.id.clone(), fields.clone()))
        })?;
        let answers = self.nodes.iter().enumerate().filter_map(|(index, node)| {
            let around = self.around(index);
            node.bound.as_ref()?.answer(&around.context(resources))
        });
        Some(Offer {
            trigger,
            fields,
            answer: answers.reduce(either),
        })
    }

    /// What the steps that begin runs put out. A run begins at one of them: of several each may be empty.
    pub(crate) fn trigger_fields(&self) -> Vec<Field> {
        let triggers: Vec<&DraftNode> = self
            .nodes
            .iter()
            .filter(|node| node.trigger.is_some())
            .collect();
        let reading = match triggers.len() {
            1 => Reading::Output,
            _ => Reading::Maybe,
        };
        triggers
            .iter()
            .map(|node| reading.field(node.seen()))
            .collect()
    }

    pub(super) fn check_reach(&mut self) {
        let triggers: Vec<usize> = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.trigger.is_some())
            .map(|(index, _)| index)
            .collect();
        if triggers.is_empty() {
            self.problems.push(
                Problem::error(
                    "no_trigger",
                    json!({}),
                    "Nothing starts this workflow. Add a form or an inbound webhook.",
                )
                .at("/nodes"),
            );
            return;
        }
        self.check_open_hooks(&triggers);
        self.check_call_triggers(&triggers);
        let reached: Set =
            adjacency::reachable(self.nodes.len(), &self.precedence(), triggers.into_iter());
        for (index, node) in self.nodes.iter().enumerate() {
            if !reached.contains(index) {
                self.problems.push(
                    Problem::warning(
                        "unreachable",
                        json!({"node": node.id}),
                        format!(
                            "\u{201c}{}\u{201d} never runs, because nothing leads to it.",
                            node.name
                        ),
                    )
                    .at(node.pointer.clone())
                    .of(&node.id),
                );
            }
        }
    }

    /// Inbound webhooks that ask for no proof share one address, which leads to one of them only; all others have addresses of their own.
    fn check_open_hooks(&mut self, triggers: &[usize]) {
        let open = triggers.iter().copied().filter(|&index| {
            matches!(&self.nodes[index].trigger, Some(Trigger::Webhook(hook)) if hook.proof == Proof::None)
        });
        let others: Vec<usize> = open.skip(1).collect();
        for index in others {
            let node = &self.nodes[index];
            let problem = Problem::error(
                "hook_open_twice",
                json!({"node": node.id}),
                "Another inbound webhook asks for no proof, too, and has the same address. Only one of them can be called.",
            );
            let problem = problem.at(format!("{}/config/proof", node.pointer));
            self.problems.push(problem.of(&node.id));
        }
    }

    /// A call begins at one step only.
    fn check_call_triggers(&mut self, triggers: &[usize]) {
        let called = triggers
            .iter()
            .copied()
            .filter(|&index| matches!(&self.nodes[index].trigger, Some(Trigger::Call(_))));
        let others: Vec<usize> = called.skip(1).collect();
        for index in others {
            let node = &self.nodes[index];
            let problem = Problem::error(
                "call_trigger_twice",
                json!({"node": node.id}),
                "Another step lets workflows call this one, too. Keep one of them.",
            );
            let problem = problem.at(node.pointer.clone());
            self.problems.push(problem.of(&node.id));
        }
    }
}
