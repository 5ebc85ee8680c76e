//! Runs and their steps as people and executors read them, and the few things a person can do to one: stop it, retry it, answer a
//! waiting step. What a run does next is decided by `engine::run`, not here.

mod detail;
mod end;
mod list;
mod program;
mod retry;
mod signal;
mod wait;
mod work;

use engine::ids::{RunId, WorkflowId};
use serde_json::json;

use crate::{Scope, Store, events::Event};

pub use detail::{
    Attempt, Outcome, RunDetail, StepDetail, attempts, get, outcome, steps, steps_with,
};
pub use end::stop;
pub(crate) use end::{end_open, end_step};
pub use list::{Filter, RunItem, StartedWith, list, started_with};
pub use program::{NeededNodeType, Program, needed_node_types, program};
pub use retry::{Retry, retry};
pub use signal::signal;
pub(crate) use signal::signal_waiting;
pub(crate) use wait::Reached;
pub use wait::{Standing, Until, Waited, Watch, standing, wait, wait_on, watch};
pub use work::{RunRecord, StepRow, whole};
pub(crate) use work::{has_ended, records, standings, step_rows};

/// Tells who watches the run, the lists and the workflow.
pub(crate) fn announce(
    store: &Store,
    scope: &Scope,
    run: RunId,
    workflow: WorkflowId,
    state: &str,
    trial: bool,
) {
    let finished = matches!(state, "succeeded" | "failed" | "cancelled");
    let data = json!({ "run": run, "workflow": workflow, "state": state, "finished": finished });
    let tell = |topic: String| {
        store.events.publish(Event {
            workspace: scope.workspace(),
            topic,
            kind: "run.changed".into(),
            data: data.clone(),
        });
    };
    tell(format!("run:{run}"));
    if !trial {
        tell("runs".into());
        tell(format!("workflow:{workflow}"));
    }
}
