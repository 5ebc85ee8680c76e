//! Random graphs, in any order and with all that may come between.

use proptest::prelude::*;
use serde_json::json;

use super::{begun, plan, stored};
use crate::{
    graph::Plan,
    run::{Command, Event, RunState, RunStatus, StepKey, StepStatus, advance},
};

/// A random acyclic graph: edges lead only forward; every node has two ways, `l` and `r`, and some way of failing. Those that the first
/// way starts have one way.
#[derive(Clone, Debug)]
struct Random {
    size: usize,
    edges: Vec<(usize, bool, usize)>,
    /// For each node: 0-1 fire one way, 2 both, 3 fail and go on.
    fates: Vec<u8>,
    /// Which nodes the first way starts.
    firsts: Vec<bool>,
    /// Which of the ready nodes is finished next.
    choices: Vec<usize>,
}

fn random() -> impl Strategy<Value = Random> {
    (2_usize..14).prop_flat_map(|size| {
        let edge =
            (0..size, any::<bool>(), 1..size).prop_filter("forward", |(from, _, to)| from < to);
        (
            proptest::collection::vec(edge, 0..size * 3),
            proptest::collection::vec(0_u8..4, size),
            proptest::collection::vec(proptest::bool::weighted(0.2), size),
            proptest::collection::vec(0_usize..100, size),
        )
            .prop_map(move |(mut edges, fates, firsts, choices)| {
                edges.sort_unstable();
                edges.dedup();
                Random {
                    size,
                    edges,
                    fates,
                    firsts,
                    choices,
                }
            })
    })
}

impl Random {
    fn name(&self, index: usize) -> String {
        match index {
            0 => "s".to_owned(),
            _ if self.firsts[index] => format!("m{index}"),
            _ => format!("n{index}"),
        }
    }

    /// The start, and what the first way starts.
    fn has_one_way(&self, index: usize) -> bool {
        index == 0 || self.firsts[index]
    }

    fn plan(&self) -> Plan {
        let nodes: Vec<(String, serde_json::Value)> = (0..self.size)
            .map(|index| {
                let rest = if self.has_one_way(index) {
                    json!({"on_error": "continue"})
                } else {
                    json!({"on_error": "continue", "config": {"ways": ["l", "r"]}})
                };
                (self.name(index), rest)
            })
            .collect();
        let nodes: Vec<(&str, serde_json::Value)> = nodes
            .iter()
            .map(|(id, rest)| (id.as_str(), rest.clone()))
            .collect();
        let mut edges: Vec<(String, &str, String)> = self
            .edges
            .iter()
            .map(|&(from, left, to)| {
                let port = match (self.has_one_way(from), left) {
                    (true, _) => "out",
                    (_, true) => "l",
                    (_, false) => "r",
                };
                (self.name(from), port, self.name(to))
            })
            .collect();
        // Where there is one way only, two random edges may be one.
        edges.sort_unstable();
        edges.dedup();
        let edges: Vec<(&str, &str, &str)> = edges
            .iter()
            .map(|(from, port, to)| (from.as_str(), *port, to.as_str()))
            .collect();
        plan(&nodes, &edges)
    }

    fn end(&self, key: &StepKey) -> Event {
        let index: usize = key
            .node
            .strip_prefix(['n', 'm'])
            .map_or(0, |text| text.parse().unwrap());
        let ports: &[&str] = match self.fates[index] {
            _ if index == 0 => &["out"],
            3 => {
                return Event::Failed {
                    key: key.clone(),
                    again: false,
                };
            }
            _ if self.firsts[index] => &["out"],
            0 => &["l"],
            1 => &["r"],
            _ => &["l", "r"],
        };
        Event::Succeeded {
            key: key.clone(),
            ports: ports.iter().map(|port| (*port).to_owned()).collect(),
        }
    }

    /// What comes to a step that has begun and not ended; most often its end, after what it waits for has come.
    fn happens(&self, act: u8, key: StepKey, status: StepStatus) -> Event {
        match act {
            0 => Event::Started { key },
            1 => Event::Waiting { key },
            2 => Event::Failed { key, again: true },
            _ if matches!(status, StepStatus::Waiting | StepStatus::Retryable) => {
                Event::Resumed { key }
            }
            _ => self.end(&key),
        }
    }

    /// Runs to the end, finishing ready nodes in the order that `choices` gives.
    fn run(&self, plan: &Plan, choices: &[usize]) -> (RunState, usize) {
        let mut state = RunState::new();
        let mut ready: Vec<StepKey> = Vec::new();
        let mut finished = 0;
        let mut take = |commands: Vec<Command>, ready: &mut Vec<StepKey>| {
            for command in commands {
                match command {
                    Command::Enter(key) => ready.push(key),
                    Command::Finish(_) => finished += 1,
                    Command::Skip(_) | Command::Cancel(_) => {}
                }
            }
        };
        take(advance(plan, &mut state, begun("s")), &mut ready);
        let mut turn = 0;
        while !ready.is_empty() {
            let key = ready.swap_remove(choices[turn % choices.len()] % ready.len());
            turn += 1;
            take(advance(plan, &mut state, self.end(&key)), &mut ready);
        }
        (state, finished)
    }
}

proptest! {
    #[test]
    fn every_run_ends_once_and_the_order_does_not_matter(random in random()) {
        let plan = random.plan();
        let (state, finished) = random.run(&plan, &random.choices);
        prop_assert_eq!(finished, 1);
        prop_assert_eq!(state.status, RunStatus::Succeeded);
        let (other, _) = random.run(&plan, &[0]);
        prop_assert_eq!(&state, &other);
        for node in plan.nodes() {
            let key = StepKey::of(&node.id);
            let status = state.step(&key);
            prop_assert!(status.is_terminal());
            let fired = plan.incoming(node).any(|edge| {
                state.ports(&StepKey::of(&edge.from)).contains(&edge.port)
            });
            let ran = status != StepStatus::Skipped;
            prop_assert_eq!(ran, fired || node.id == "s", "{}", node.id);
        }
    }

    #[test]
    fn a_restored_run_goes_on_where_it_was(random in random(), cut in 0_usize..10) {
        let plan = random.plan();
        let mut state = RunState::new();
        let mut ready = vec![];
        let take = |commands: Vec<Command>, ready: &mut Vec<StepKey>| {
            for command in commands {
                if let Command::Enter(key) = command { ready.push(key) }
            }
        };
        take(advance(&plan, &mut state, begun("s")), &mut ready);
        for _ in 0..cut {
            let Some(key) = ready.pop() else { break };
            take(advance(&plan, &mut state, random.end(&key)), &mut ready);
        }
        let rows = state.steps.iter().map(stored);
        let restored = RunState::restore(&plan, rows);
        prop_assert_eq!(restored, state);
    }
}

/// What has begun and not ended.
fn open(state: &RunState) -> Vec<(StepKey, StepStatus)> {
    let open = state.steps.iter();
    open.filter(|(_, step)| !step.status.is_terminal())
        .map(|(key, step)| (key.clone(), step.status))
        .collect()
}

proptest! {
    /// Steps wait for people, for called runs and for time, and are tried again; what they wait for comes in any order, late and twice; and
    /// somebody may stop the run. What has ended stays so, the run can always go on, and it comes to what it would have come to at once.
    #[test]
    fn waits_tries_and_late_messages_change_nothing_of_what_a_run_comes_to(
        random in random(),
        acts in proptest::collection::vec((0_u8..8, 0_usize..1_000), 0..120),
        stopped_at in proptest::option::of(0_usize..60),
    ) {
        let plan = random.plan();
        let mut state = RunState::new();
        let mut commands = advance(&plan, &mut state, begun("s"));
        let mut finished = 0;
        for turn in 0.. {
            prop_assert!(turn < 1_000, "it does not end");
            for command in &commands {
                match command {
                    Command::Enter(key) => prop_assert_eq!(state.step(key), StepStatus::Ready),
                    Command::Skip(key) => prop_assert_eq!(state.step(key), StepStatus::Skipped),
                    Command::Cancel(key) => prop_assert_eq!(state.step(key), StepStatus::Cancelled),
                    Command::Finish(status) => {
                        prop_assert_eq!(state.status, *status);
                        finished += 1;
                    }
                }
            }
            let open = open(&state);
            if state.status.is_terminal() {
                prop_assert!(open.is_empty());
                break;
            }
            prop_assert!(!open.is_empty(), "nothing can move");
            let busy = |(_, status): &(StepKey, StepStatus)| {
                matches!(status, StepStatus::Ready | StepStatus::Running)
            };
            prop_assert_eq!(state.status == RunStatus::Running, open.iter().any(busy));
            let restored = RunState::restore(&plan, state.steps.iter().map(stored));
            prop_assert_eq!(&restored, &state);
            // The only step that is open need not be told of where it is ready: it follows from the others.
            if let [(key, StepStatus::Ready)] = open.as_slice() && key.node != "s" {
                let others = state.steps.iter().filter(|(other, _)| *other != key);
                let mut restored = RunState::restore(&plan, others.map(stored));
                let commands = advance(&plan, &mut restored, Event::Restored);
                prop_assert_eq!(commands, [Command::Enter(key.clone())]);
                prop_assert_eq!(&restored, &state);
            }
            // When all is said, only ends come.
            let (act, choice) = acts.get(turn).copied().unwrap_or((3, 0));
            let (key, status) = open[choice % open.len()].clone();
            let before = state.clone();
            let event = if stopped_at == Some(turn) {
                Event::Stopped
            } else {
                random.happens(act, key, status)
            };
            commands = advance(&plan, &mut state, event);
            for (key, step) in before.steps.iter().filter(|(_, step)| step.status.is_terminal()) {
                prop_assert_eq!(state.steps.get(key), Some(step));
            }
            // What comes for steps that have not begun or have ended is for nobody.
            let node = plan.nodes().nth(choice % plan.len());
            let key = StepKey::of(node.map_or("s", |node| node.id.as_str()));
            let status = state.step(&key);
            if status == StepStatus::Pending || status.is_terminal() {
                let before = state.clone();
                let late = random.happens(act, key.clone(), StepStatus::Waiting);
                for event in [late, random.end(&key)] {
                    prop_assert!(advance(&plan, &mut state, event).is_empty());
                    prop_assert_eq!(&state, &before);
                }
            }
        }
        prop_assert_eq!(finished, 1);
        for node in plan.nodes() {
            prop_assert!(state.step(&StepKey::of(&node.id)).is_terminal());
        }
        if state.status == RunStatus::Succeeded {
            let (at_once, _) = random.run(&plan, &random.choices);
            prop_assert_eq!(state, at_once);
        } else {
            prop_assert_eq!(state.status, RunStatus::Cancelled);
        }
    }
}
