//! Containers and their entries, by example.

use serde_json::json;

use super::{begun, expanded, failed, plan, send, succeeded};
use crate::{
    graph::Plan,
    run::{Event, RunState, RunStatus},
};

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
