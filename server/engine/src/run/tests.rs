//! The state machine by example and over random graphs.

mod containers;
mod random;
mod random_items;

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

fn stored((key, step): (&StepKey, &Step)) -> Stored {
    Stored {
        key: key.clone(),
        status: step.status,
        ports: step.ports.clone(),
        items: step.items.map(|items| items.count),
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
