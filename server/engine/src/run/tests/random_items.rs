//! Containers with random entries that fail at random.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::{begun, plan, stored};
use crate::{
    graph::Plan,
    run::{Command, Event, RunState, RunStatus, StepKey, advance},
};

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
        let mut expanded = BTreeSet::new();
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
