//! The plan that a sound draft becomes.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;

use super::{Draft, DraftNode};
use crate::{
    graph::{
        Plan, PlanNode,
        adjacency::Arc,
        scope::{InnerPlan, Reading},
    },
    workflow::Workflow,
};

/// What a plan keeps of a node's place in the graph.
#[derive(Default)]
struct Surroundings {
    readings: Vec<(String, Reading)>,
    before: BTreeSet<String>,
    parent: Option<String>,
    depth: usize,
    inner: Option<InnerPlan>,
}

impl Draft {
    pub(in crate::graph) fn into_plan(self, workflow: &Workflow) -> Option<Plan> {
        if !self.sound {
            return None;
        }
        let order = self.order.clone()?;
        let mut surroundings: Vec<Surroundings> = (0..self.nodes.len())
            .map(|index| self.surroundings(index, workflow))
            .collect();
        let mut drafts: Vec<Option<DraftNode>> = self.nodes.into_iter().map(Some).collect();
        let mut nodes = IndexMap::with_capacity(drafts.len());
        for index in order {
            let draft = drafts.get_mut(index)?.take()?;
            let document = workflow.nodes.get(index)?;
            let description = draft.description?;
            let edges_at = |pick: fn(&Arc) -> usize| {
                self.arcs
                    .iter()
                    .enumerate()
                    .filter(|(_, arc)| pick(arc) == index)
                    .map(|(number, _)| number)
                    .collect()
            };
            let around = std::mem::take(surroundings.get_mut(index)?);
            let may_be_limited = draft.trigger.is_none() && draft.container.is_none();
            let node = PlanNode {
                id: draft.id.clone(),
                name: draft.name,
                node_type: document.node_type.clone(),
                version: document.version,
                node: draft.bound?,
                output: draft.output,
                ports: draft.ports,
                empty_ports: draft.empty_ports,
                retry: document.retry.or(description.retry),
                on_error: draft.on_error,
                timeout_ms: document.timeout_ms.unwrap_or(description.timeout_ms),
                limits: document
                    .limits
                    .filter(|_| may_be_limited)
                    .unwrap_or_default(),
                trigger: draft.trigger,
                join: draft.join,
                container: draft.container,
                parent: around.parent,
                depth: around.depth,
                incoming: edges_at(|arc| arc.to),
                outgoing: edges_at(|arc| arc.from),
                readings: around.readings,
                before: around.before,
                inner: around.inner,
                description,
            };
            nodes.insert(draft.id, node);
        }
        let mut levels: HashMap<Option<String>, Vec<usize>> = HashMap::new();
        for (index, node) in nodes.values().enumerate() {
            levels.entry(node.parent.clone()).or_default().push(index);
        }
        Some(Plan {
            name: workflow.name.clone(),
            locale: workflow.locale.clone(),
            time_zone: self.time_zone,
            currency: workflow.currency.clone(),
            document_warnings: workflow.document_warnings,
            nodes,
            edges: self.edges,
            levels,
        })
    }

    fn surroundings(&self, index: usize, workflow: &Workflow) -> Surroundings {
        let id = |other: usize| self.nodes[other].id.clone();
        let known = self.knowledge.get(index);
        let is_before = |other: &usize| known.is_some_and(|known| known.before.contains(*other));
        let last = self.last(index);
        // An expression that does not name a node cannot read it: of all that lies before, only the rest is made for a step.
        let config = workflow
            .nodes
            .get(index)
            .map_or_else(String::new, |node| node.config.to_string());
        let named = |readings: Vec<(usize, Reading)>| -> Vec<(String, Reading)> {
            readings
                .into_iter()
                .filter(|(other, _)| {
                    last == Some(*other) || config.contains(&self.nodes[*other].id)
                })
                .map(|(other, reading)| (id(other), reading))
                .collect()
        };
        let node = &self.nodes[index];
        Surroundings {
            readings: named(self.readings(known)),
            before: self.in_order().filter(is_before).map(id).collect(),
            parent: node.parent.map(id),
            depth: self.containers(node.parent).count(),
            inner: node.container.is_some().then(|| InnerPlan {
                item: node.item.clone(),
                readings: named(self.readings(self.ends.get(&index))),
                last: last.map(id),
            }),
        }
    }
}
