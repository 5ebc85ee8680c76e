//! Nodes are put into their containers, connected and ordered; what is known where they begin follows from that.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use super::Draft;
use crate::{
    check::{Problem, close_match},
    graph::{
        ERROR_PORT, MAX_DEPTH, MAX_EDGES,
        adjacency::{self, Arc, Carries, Facts},
    },
    node::Join,
    workflow::{OnError, Workflow},
};

impl Draft {
    /// Puts nodes into their containers.
    pub(super) fn nest(&mut self, workflow: &Workflow) {
        for (index, node) in workflow.nodes.iter().take(self.nodes.len()).enumerate() {
            let Some(parent) = &node.parent else { continue };
            let found = self
                .nodes
                .iter()
                .position(|other| other.id == *parent && other.container.is_some());
            let problem = match found {
                None => Some(Problem::error(
                    "unknown_parent",
                    json!({"parent": parent}),
                    format!("\u{201c}{parent}\u{201d} is no step that can hold other steps."),
                )),
                Some(_) if self.nodes[index].trigger.is_some() => Some(Problem::error(
                    "trigger_inside",
                    json!({"node": node.id}),
                    "What starts a run cannot lie inside another step.",
                )),
                Some(parent) => {
                    let in_itself = self.containers(Some(parent)).any(|other| other == index);
                    if !in_itself {
                        self.nodes[index].parent = Some(parent);
                    }
                    in_itself.then(too_deep)
                }
            };
            self.misplaced(index, problem);
        }
        for index in 0..self.nodes.len() {
            let depth = self.containers(self.nodes[index].parent).count();
            self.misplaced(index, (depth > MAX_DEPTH).then(too_deep));
        }
    }

    fn misplaced(&mut self, index: usize, problem: Option<Problem>) {
        if let Some(problem) = problem {
            self.sound = false;
            let problem = problem.at(format!("/nodes/{index}/parent"));
            self.problems.push(problem.of(&self.nodes[index].id));
        }
    }

    pub(super) fn connect(&mut self, workflow: &Workflow) {
        let index_of: HashMap<&str, usize> = self
            .nodes
            .iter()
            .enumerate()
            .rev()
            .map(|(index, node)| (node.id.as_str(), index))
            .collect();
        let mut seen = BTreeSet::new();
        for (number, edge) in workflow.edges.iter().take(MAX_EDGES).enumerate() {
            let pointer = format!("/edges/{number}");
            let mut found = |id: &str, end: &str| {
                let index = index_of.get(id).copied();
                if index.is_none() {
                    let close = close_match(id, index_of.keys().copied());
                    self.problems.push(
                        Problem::error(
                            "edge_without_node",
                            json!({"node": id, "close": close}),
                            format!("The connection leads to a step \u{201c}{id}\u{201d} that does not exist. Remove the connection."),
                        )
                        .at(format!("{pointer}/{end}")),
                    );
                    self.sound = false;
                }
                index
            };
            let (Some(from), Some(to)) = (found(&edge.from, "from"), found(&edge.to, "to")) else {
                continue;
            };
            if !seen.insert((from, edge.port.clone(), to)) {
                self.problems.push(
                    Problem::error(
                        "duplicate_edge",
                        json!({"from": edge.from, "to": edge.to}),
                        "The same connection exists twice. Remove one of them.",
                    )
                    .at(pointer)
                    .of(&edge.from),
                );
                self.sound = false;
                continue;
            }
            let (source, target) = (&self.nodes[from], &self.nodes[to]);
            if source.bound.is_some() && !source.ports.iter().any(|port| port.name == edge.port) {
                let names = source.ports.iter().map(|port| port.name.as_str());
                self.problems.push(
                    Problem::error(
                        "edge_without_port",
                        json!({"node": source.id, "port": edge.port, "close": close_match(&edge.port, names)}),
                        format!(
                            "\u{201c}{}\u{201d} has no way \u{201c}{}\u{201d}. Connect another way or remove the connection.",
                            source.name, edge.port
                        ),
                    )
                    .at(format!("{pointer}/port"))
                    .of(&edge.from),
                );
                self.sound = false;
            }
            if target.trigger.is_some() {
                self.problems.push(
                    Problem::error(
                        "edge_into_trigger",
                        json!({"node": target.id}),
                        format!(
                            "Nothing can come before \u{201c}{}\u{201d}, because runs begin there.",
                            target.name
                        ),
                    )
                    .at(pointer.clone())
                    .of(&edge.to),
                );
                self.sound = false;
            }
            if source.parent != target.parent {
                self.problems.push(
                    Problem::error(
                        "edge_crosses",
                        json!({"from": edge.from, "to": edge.to}),
                        format!(
                            "The connection from \u{201c}{}\u{201d} to \u{201c}{}\u{201d} leads into or out of a step that holds others. Remove it.",
                            source.name, target.name
                        ),
                    )
                    .at(pointer)
                    .of(&edge.from),
                );
                self.sound = false;
                continue;
            }
            let arc = self.arc(from, &edge.port, to);
            self.arcs.push(arc);
            self.edges.push(edge.clone());
        }
    }

    fn arc(&self, from: usize, port: &str, to: usize) -> Arc {
        let source = &self.nodes[from];
        let branches = source.on_error == OnError::Branch;
        let on_failure = branches && port == ERROR_PORT;
        let carries = if on_failure {
            Carries::Error
        } else if source.empty_ports.iter().any(|name| name == port) {
            Carries::Nothing
        } else {
            Carries::Output
        };
        Arc {
            from,
            to,
            carries,
            always: !on_failure && source.ports.len() == 1 + usize::from(branches),
        }
    }

    /// Edges, and that containers come before what is in them, and that before what comes after the containers.
    pub(super) fn precedence(&self) -> Vec<Arc> {
        let arc = |from, to| Arc {
            from,
            to,
            carries: Carries::Output,
            always: false,
        };
        let mut arcs = self.arcs.clone();
        for (index, node) in self.nodes.iter().enumerate() {
            for container in self.containers(node.parent) {
                arcs.push(arc(container, index));
                let after = self.arcs.iter().filter(|arc| arc.from == container);
                arcs.extend(after.map(|after| arc(index, after.to)));
            }
        }
        arcs
    }

    /// The ways inside a container that lead nowhere: its end waits for all of them.
    fn last_ways(&self, container: usize) -> Vec<Arc> {
        let mut last = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if node.parent != Some(container) {
                continue;
            }
            if node.ports.is_empty() && node.on_error == OnError::Continue {
                // It ends the run, unless it fails: then the end is reached without it.
                last.push(Arc {
                    from: index,
                    to: container,
                    carries: Carries::Error,
                    always: false,
                });
            }
            for port in &node.ports {
                let leads_on = self
                    .edges
                    .iter()
                    .any(|edge| edge.from == node.id && edge.port == port.name);
                if !leads_on {
                    last.push(self.arc(index, &port.name, container));
                }
            }
        }
        last
    }

    pub(super) fn sort(&mut self) {
        let size = self.nodes.len();
        let facts: Vec<Facts> = self
            .nodes
            .iter()
            .map(|node| Facts {
                container: node.parent,
                first: node.join == Join::First,
                branches_off: node.on_error == OnError::Branch
                    || node
                        .ports
                        .iter()
                        .any(|port| node.empty_ports.contains(&port.name)),
            })
            .collect();
        match adjacency::order(size, &self.precedence()) {
            Ok(order) => {
                let known = adjacency::knowledge(size, &self.arcs, &order, &facts);
                let containers = (0..size).filter(|&index| self.nodes[index].container.is_some());
                self.ends = containers
                    .map(|index| {
                        let last = self.last_ways(index);
                        let end =
                            adjacency::at_end(&known, index, &last, &self.arcs, &order, &facts);
                        (index, end)
                    })
                    .collect();
                self.knowledge = known;
                self.order = Some(order);
            }
            Err(cycle) => {
                let first = cycle.first().copied().unwrap_or(0);
                let ids: Vec<&str> = cycle
                    .iter()
                    .map(|&index| self.nodes[index].id.as_str())
                    .collect();
                let mut names: Vec<&str> = cycle
                    .iter()
                    .map(|&index| self.nodes[index].name.as_str())
                    .collect();
                names.extend(names.first().copied());
                let problem = Problem::error(
                    "cycle",
                    json!({"nodes": ids}),
                    format!(
                        "The steps go round in a circle: {}. Remove one of these connections.",
                        names.join(" \u{2192} ")
                    ),
                )
                .at(self.nodes[first].pointer.clone())
                .of(&self.nodes[first].id);
                self.problems.push(problem);
                self.sound = false;
            }
        }
    }
}

fn too_deep() -> Problem {
    Problem::error(
        "nested_too_deep",
        json!({"most": MAX_DEPTH}),
        format!("Steps lie in each other at most {MAX_DEPTH} deep, and none in itself."),
    )
}
