//! The state machine by example and over random graphs.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{catalogue, workflow};

fn plan(nodes: &[(&str, serde_json::Value)], edges: &[(&str, &str, &str)]) -> Plan {
    let (plan, problems) = Plan::compile(&workflow(nodes, edges), &catalogue(), &());
    plan.unwrap_or_else(|| panic!("{problems:#?}"))
}

/// Sends an event and tells the commands shortly: `enter a`, `skip b`, `finish succeeded`.
fn send(plan: &Plan, state: &mut RunState, event: Event) -> Vec<String> {
    advance(plan, state, event)
        .into_iter()
        .map(|command| match command {
            Command::Enter(key) => format!("enter {}", named(&key)),
            Command::Skip(key) => format!("skip {}", named(&key)),
            Command::Cancel(key) => format!("cancel {}", named(&key)),
            Command::Finish(status) => format!("finish {}", status.as_str()),
        })
        .collect()
}

/// `a`, or `a@3.0` inside containers.
fn named(key: &StepKey) -> String {
    if key.item_path.is_empty() {
        key.node.clone()
    } else {
        format!("{}@{}", key.node, key.item_path)
    }
}

fn key(name: &str) -> StepKey {
    match name.split_once('@') {
        Some((node, path)) => StepKey::at(node, path),
        None => StepKey::of(name),
    }
}

fn expanded(name: &str, items: usize) -> Event {
    Event::Expanded {
        key: key(name),
        items,
    }
}

fn begun(node: &str) -> Event {
    Event::Triggered { node: node.into() }
}

fn succeeded(node: &str, port: &str) -> Event {
    Event::Succeeded {
        key: key(node),
        ports: vec![port.into()],
    }
}

fn failed(node: &str) -> Event {
    Event::Failed {
        key: key(node),
        again: false,
    }
}

#[test]
fn a_branch_skips_the_other_way_and_the_join_runs_once() {
    let plan = plan(
        &[
            ("s", json!({})),
            ("b", json!({"config": {"ways": ["yes", "no"]}})),
            ("c", json!({})),
            ("d", json!({})),
            ("e", json!({})),
            ("f", json!({})),
        ],
        &[
            ("s", "out", "b"),
            ("b", "yes", "c"),
            ("b", "no", "d"),
            ("d", "out", "e"),
            ("c", "out", "f"),
            ("e", "out", "f"),
        ],
    );
    let state = &mut RunState::new();
    assert_eq!(send(&plan, state, begun("s")), ["enter s"]);
    assert_eq!(send(&plan, state, succeeded("s", "out")), ["enter b"]);
    assert_eq!(
        send(&plan, state, succeeded("b", "yes")),
        ["enter c", "skip d", "skip e"]
    );
    assert_eq!(send(&plan, state, succeeded("c", "out")), ["enter f"]);
    assert_eq!(
        send(&plan, state, succeeded("f", "out")),
        ["finish succeeded"]
    );
    assert!(send(&plan, state, succeeded("f", "out")).is_empty());
}

#[test]
fn failure_stops_goes_on_or_branches() {
    let with = |on_error: &str| {
        plan(
            &[
                ("s", json!({})),
                ("a", json!({"on_error": on_error})),
                ("n", json!({})),
                ("x", json!({})),
            ],
            if on_error == "branch" {
                &[("s", "out", "a"), ("a", "out", "n"), ("a", "error", "x")]
            } else {
                &[("s", "out", "a"), ("a", "out", "n"), ("s", "out", "x")]
            },
        )
    };
    let check = |on_error: &str, expected: &[&str]| {
        let plan = with(on_error);
        let state = &mut RunState::new();
        send(&plan, state, begun("s"));
        send(&plan, state, succeeded("s", "out"));
        assert_eq!(send(&plan, state, failed("a")), expected, "{on_error}");
        assert_eq!(state.step(&StepKey::of("a")), StepStatus::Failed);
    };
    check("stop", &["cancel n", "cancel x", "finish failed"]);
    check("continue", &["enter n"]);
    check("branch", &["skip n", "enter x"]);
}

#[test]
fn waiting_stopping_and_late_messages() {
    let plan = plan(
        &[("s", json!({})), ("a", json!({})), ("t", json!({}))],
        &[("s", "out", "a"), ("a", "out", "t")],
    );
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    let key = StepKey::of("a");
    send(&plan, state, Event::Started { key: key.clone() });
    assert_eq!(state.status, RunStatus::Running);
    send(&plan, state, Event::Waiting { key: key.clone() });
    assert_eq!(state.status, RunStatus::Waiting);
    assert_eq!(
        send(&plan, state, Event::Resumed { key: key.clone() }),
        ["enter a"]
    );
    assert!(send(&plan, state, Event::Resumed { key: key.clone() }).is_empty());
    send(
        &plan,
        state,
        Event::Failed {
            key: key.clone(),
            again: true,
        },
    );
    assert_eq!(state.step(&key), StepStatus::Retryable);
    assert_eq!(state.status, RunStatus::Waiting);
    assert_eq!(
        send(&plan, state, Event::Stopped),
        ["cancel a", "cancel t", "finish cancelled"]
    );
    assert!(send(&plan, state, succeeded("a", "out")).is_empty());
}

#[test]
fn of_several_triggers_one_starts_and_the_others_are_skipped() {
    let plan = plan(
        &[
            ("s", json!({})),
            ("s2", json!({})),
            ("a", json!({})),
            ("b", json!({})),
        ],
        &[("s", "out", "a"), ("s2", "out", "a"), ("s2", "out", "b")],
    );
    let state = &mut RunState::new();
    assert_eq!(
        send(&plan, state, begun("s")),
        ["enter s", "skip s2", "skip b"]
    );
    assert_eq!(send(&plan, state, succeeded("s", "out")), ["enter a"]);
}

#[test]
fn a_trial_run_ends_with_the_chosen_node() {
    let plan = plan(
        &[
            ("s", json!({})),
            ("a", json!({})),
            ("b", json!({})),
            ("c", json!({})),
        ],
        &[("s", "out", "a"), ("s", "out", "b"), ("a", "out", "c")],
    );
    let state = &mut RunState::new().until(Some("a".into()));
    send(&plan, state, begun("s"));
    assert_eq!(
        send(&plan, state, succeeded("s", "out")),
        ["enter a", "skip b"]
    );
    assert_eq!(
        send(&plan, state, succeeded("a", "out")),
        ["skip c", "finish succeeded"]
    );
}

fn held(at_once: u32, stops: bool) -> Plan {
    plan(
        &[
            ("s", json!({})),
            (
                "h",
                json!({"config": {"list": "{{ s.names }}", "at_once": at_once, "stops": stops}}),
            ),
            ("a", json!({"parent": "h"})),
            ("b", json!({"parent": "h"})),
            ("t", json!({})),
        ],
        &[("s", "out", "h"), ("a", "out", "b"), ("h", "out", "t")],
    )
}

#[test]
fn entries_run_one_after_the_other_and_then_the_container_goes_on() {
    let plan = held(1, true);
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    assert_eq!(send(&plan, state, succeeded("s", "out")), ["enter h"]);
    assert_eq!(send(&plan, state, expanded("h", 2)), ["enter a@0"]);
    assert_eq!(state.status, RunStatus::Running);
    assert_eq!(send(&plan, state, succeeded("a@0", "out")), ["enter b@0"]);
    assert_eq!(send(&plan, state, succeeded("b@0", "out")), ["enter a@1"]);
    send(&plan, state, succeeded("a@1", "out"));
    assert_eq!(send(&plan, state, succeeded("b@1", "out")), ["enter h"]);
    assert_eq!(send(&plan, state, succeeded("h", "out")), ["enter t"]);
    assert_eq!(
        send(&plan, state, succeeded("t", "out")),
        ["finish succeeded"]
    );
}

#[test]
fn a_container_without_entries_goes_on_at_once() {
    let plan = held(1, true);
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    assert_eq!(send(&plan, state, expanded("h", 0)), ["enter h"]);
}

#[test]
fn no_more_entries_are_worked_on_than_may_be_at_once() {
    let plan = held(2, false);
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    assert_eq!(
        send(&plan, state, expanded("h", 4)),
        ["enter a@0", "enter a@1"]
    );
    send(&plan, state, succeeded("a@1", "out"));
    assert_eq!(send(&plan, state, succeeded("b@1", "out")), ["enter a@2"]);
    // A failed entry is over, and the next one begins.
    assert_eq!(
        send(&plan, state, failed("a@0")),
        ["cancel b@0", "enter a@3"]
    );
}

#[test]
fn a_failed_entry_ends_the_others_where_the_container_stops() {
    let plan = held(2, true);
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    send(&plan, state, expanded("h", 4));
    assert_eq!(
        send(&plan, state, failed("a@0")),
        ["cancel b@0", "cancel a@1", "cancel b@1", "enter h"]
    );
    assert_eq!(
        send(&plan, state, failed("h")),
        ["cancel t", "finish failed"]
    );
}

#[test]
fn a_failed_entry_calls_off_nothing_of_a_container_beside_it() {
    let list = json!({"list": "{{ s.names }}"});
    let plan = plan(
        &[
            ("s", json!({})),
            ("h", json!({"config": list})),
            ("a", json!({"parent": "h"})),
            ("h3", json!({"config": list})),
            ("h4", json!({"parent": "h3", "config": list})),
            ("e", json!({"parent": "h4"})),
        ],
        &[("s", "out", "h"), ("s", "out", "h3")],
    );
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    send(&plan, state, expanded("h", 1));
    send(&plan, state, expanded("h3", 1));
    assert_eq!(send(&plan, state, expanded("h4@0", 1)), ["enter e@0.0"]);
    // The first entry of `h` has the path of the first entry of `h3`.
    assert_eq!(send(&plan, state, failed("a@0")), ["enter h"]);
    assert_eq!(
        send(&plan, state, succeeded("e@0.0", "out")),
        ["enter h4@0"]
    );
}

#[test]
fn containers_lie_in_each_other() {
    let plan = plan(
        &[
            ("s", json!({})),
            ("h", json!({"config": {"list": "{{ s.names }}"}})),
            (
                "h2",
                json!({"parent": "h", "config": {"list": "{{ s.names }}", "stops": true}}),
            ),
            ("a", json!({"parent": "h2"})),
        ],
        &[("s", "out", "h")],
    );
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    assert_eq!(send(&plan, state, expanded("h", 2)), ["enter h2@0"]);
    assert_eq!(send(&plan, state, expanded("h2@0", 2)), ["enter a@0.0"]);
    assert_eq!(
        send(&plan, state, succeeded("a@0.0", "out")),
        ["enter a@0.1"]
    );
    // The failure ends the inner container's step, and with it the outer entry.
    assert_eq!(send(&plan, state, failed("a@0.1")), ["enter h2@0"]);
    assert_eq!(send(&plan, state, failed("h2@0")), ["enter h2@1"]);
    assert_eq!(send(&plan, state, expanded("h2@1", 0)), ["enter h2@1"]);
    assert_eq!(send(&plan, state, succeeded("h2@1", "out")), ["enter h"]);
    assert_eq!(
        send(&plan, state, succeeded("h", "out")),
        ["finish succeeded"]
    );
}

#[test]
fn a_trial_may_end_inside_a_container() {
    let plan = held(1, true);
    let state = &mut RunState::new().until(Some("a".into()));
    send(&plan, state, begun("s"));
    assert_eq!(send(&plan, state, succeeded("s", "out")), ["enter h"]);
    assert_eq!(send(&plan, state, expanded("h", 1)), ["enter a@0"]);
    assert_eq!(
        send(&plan, state, succeeded("a@0", "out")),
        ["skip b@0", "skip h", "skip t", "finish succeeded"]
    );
    let state = &mut RunState::new().until(Some("h".into()));
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    send(&plan, state, expanded("h", 1));
    assert_eq!(send(&plan, state, succeeded("a@0", "out")), ["enter b@0"]);
}

#[test]
fn a_trial_that_ends_inside_a_container_fails_with_its_step() {
    let plan = held(1, true);
    let state = &mut RunState::new().until(Some("a".into()));
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    send(&plan, state, expanded("h", 2));
    assert_eq!(
        send(&plan, state, failed("a@0")),
        ["cancel b@0", "cancel h", "cancel t", "finish failed"]
    );
}

#[test]
fn a_container_is_not_expanded_twice() {
    let plan = held(1, true);
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    send(&plan, state, expanded("h", 2));
    assert_eq!(send(&plan, state, failed("a@0")), ["cancel b@0", "enter h"]);
    assert!(send(&plan, state, expanded("h", 2)).is_empty());
}

#[test]
fn a_stop_calls_off_what_is_under_way_everywhere() {
    let plan = held(1, true);
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    send(&plan, state, expanded("h", 2));
    assert_eq!(
        send(&plan, state, Event::Stopped),
        ["cancel a@0", "cancel h", "cancel t", "finish cancelled"]
    );
}

#[test]
fn a_step_may_end_the_run_well() {
    let plan = plan(
        &[("s", json!({})), ("a", json!({})), ("b", json!({}))],
        &[("s", "out", "a"), ("s", "out", "b")],
    );
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    let ended = Event::Ended {
        key: StepKey::of("a"),
        ports: Vec::new(),
    };
    assert_eq!(send(&plan, state, ended), ["cancel b", "finish succeeded"]);
    assert_eq!(state.step(&StepKey::of("a")), StepStatus::Succeeded);
}

#[test]
fn the_first_way_starts_a_merge_and_later_ones_change_nothing() {
    let plan = plan(
        &[
            ("s", json!({})),
            ("a", json!({})),
            ("b", json!({})),
            ("m", json!({})),
            ("t", json!({})),
        ],
        &[
            ("s", "out", "a"),
            ("s", "out", "b"),
            ("a", "out", "m"),
            ("b", "out", "m"),
            ("m", "out", "t"),
        ],
    );
    let state = &mut RunState::new();
    send(&plan, state, begun("s"));
    send(&plan, state, succeeded("s", "out"));
    assert_eq!(send(&plan, state, succeeded("b", "out")), ["enter m"]);
    assert_eq!(arrived(&plan, state, &StepKey::of("m")), ["b"]);
    assert_eq!(send(&plan, state, succeeded("m", "out")), ["enter t"]);
    assert!(send(&plan, state, succeeded("a", "out")).is_empty());
    assert_eq!(
        send(&plan, state, succeeded("t", "out")),
        ["finish succeeded"]
    );
}

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

fn stored((key, step): (&StepKey, &Step)) -> Stored {
    Stored {
        key: key.clone(),
        status: step.status,
        ports: step.ports.clone(),
        items: step.items.map(|items| items.count),
    }
}

/// Entries, how many at once, whether a failure stops, which steps fail, what is finished next.
#[derive(Clone, Debug)]
struct RandomItems {
    counts: Vec<usize>,
    at_once: u32,
    stops: bool,
    fails: Vec<bool>,
    choices: Vec<usize>,
}

fn random_items() -> impl Strategy<Value = RandomItems> {
    (
        proptest::collection::vec(0_usize..4, 5),
        1_u32..4,
        any::<bool>(),
        proptest::collection::vec(proptest::bool::weighted(0.1), 40),
        proptest::collection::vec(0_usize..100, 20),
    )
        .prop_map(|(counts, at_once, stops, fails, choices)| RandomItems {
            counts,
            at_once,
            stops,
            fails,
            choices,
        })
}

impl RandomItems {
    /// `h` holds `a`, then `h2`, which holds `b` and `c` beside each other; `d` comes after `h2`. Beside it `h3` holds `h4`, which holds `e`.
    fn plan(&self) -> Plan {
        let config = json!({"list": "{{ s.names }}", "at_once": self.at_once, "stops": self.stops});
        plan(
            &[
                ("s", json!({})),
                (
                    "h",
                    json!({"config": config.clone(), "on_error": "continue"}),
                ),
                ("a", json!({"parent": "h"})),
                ("h2", json!({"parent": "h", "config": config.clone()})),
                ("d", json!({"parent": "h"})),
                ("b", json!({"parent": "h2"})),
                ("c", json!({"parent": "h2"})),
                (
                    "h3",
                    json!({"config": config.clone(), "on_error": "continue"}),
                ),
                ("h4", json!({"parent": "h3", "config": config})),
                ("e", json!({"parent": "h4"})),
                ("t", json!({})),
            ],
            &[
                ("s", "out", "h"),
                ("h", "out", "t"),
                ("s", "out", "h3"),
                ("h3", "out", "t"),
                ("a", "out", "h2"),
                ("h2", "out", "d"),
            ],
        )
    }
}

proptest! {
    /// Whatever fails and whatever ends first: the run ends once, never more entries are open than may be, nothing is left open, and
    /// what is stored at any moment tells the same state.
    #[test]
    fn containers_end_once_whatever_the_order(random in random_items()) {
        let plan = random.plan();
        let mut state = RunState::new();
        let mut ready: Vec<StepKey> = Vec::new();
        let mut expanded = std::collections::BTreeSet::new();
        let mut finished = 0;
        let mut commands = advance(&plan, &mut state, begun("s"));
        for turn in 0.. {
            prop_assert!(turn < 2000, "it does not end");
            for command in commands.drain(..) {
                match command {
                    Command::Enter(key) => ready.push(key),
                    Command::Cancel(key) => ready.retain(|other| *other != key),
                    Command::Finish(_) => finished += 1,
                    Command::Skip(_) => {}
                }
            }
            let restored = RunState::restore(&plan, state.steps.iter().map(stored));
            prop_assert_eq!(&restored, &state);
            for (key, step) in &state.steps {
                if let Some(items) = step.items {
                    prop_assert!(items.open <= random.at_once as usize, "{key:?} {items:?}");
                    prop_assert!(items.open <= items.begun && items.begun <= items.count);
                }
            }
            if ready.is_empty() {
                break;
            }
            let key = ready.swap_remove(random.choices[turn % random.choices.len()] % ready.len());
            let holds = plan.node(&key.node).is_some_and(|node| node.container.is_some());
            let event = if holds && expanded.insert(key.clone()) {
                let items = random.counts[turn % random.counts.len()];
                Event::Expanded { key, items }
            } else if random.fails[turn % random.fails.len()] && key.node != "s" && key.node != "t" {
                Event::Failed { key, again: false }
            } else {
                Event::Succeeded { key, ports: vec!["out".into()] }
            };
            commands = advance(&plan, &mut state, event);
        }
        prop_assert_eq!(finished, 1);
        prop_assert_eq!(state.status, RunStatus::Succeeded);
        prop_assert!(state.steps.values().all(|step| step.status.is_terminal()));
    }
}
