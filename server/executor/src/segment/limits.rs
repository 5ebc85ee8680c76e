//! Limits of a step besides that of one attempt: what is left of them is told by the database, whose clock they count by.

use std::time::Duration;

use engine::{graph::PlanNode, node::StepError, workflow::Limits};
use jiff::Timestamp;
use store::{queue::Lease, run::StepRow, segment::Due};

/// The limit that ran out before a step was taken up. A worker that took it up in time and was lost counts as begun; what
/// was given back does not.
pub(super) fn missed(node: &PlanNode, lease: &Lease, row: Option<&StepRow>) -> Option<StepError> {
    let row = row?;
    if row.left_ms.is_some_and(|left| left <= 0) {
        return Some(total(node.limits));
    }
    (row.is_late && row.state == "ready" && lease.lost == 0).then(|| {
        let seconds = seconds(node.limits.start_ms);
        StepError::new(
            "start_limit",
            format!("Nobody took the step up within {seconds} s."),
        )
        .with("seconds", seconds)
    })
}

/// How long a step that is taken up now may still take.
pub(super) fn left(node: &PlanNode, row: Option<&StepRow>) -> Option<Duration> {
    let fresh = node.limits.total_ms.map(signed);
    let left = row.and_then(|row| row.left_ms).or(fresh)?;
    Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
}

pub(crate) fn total(limits: Limits) -> StepError {
    let seconds = seconds(limits.total_ms);
    StepError::new(
        "total_limit",
        format!("The step did not end within {seconds} s, with all its tries and waits."),
    )
    .with("seconds", seconds)
}

/// When a step that waits is looked at again: when its wait ends, or its time is up, of which the commit knows when exactly.
pub(super) fn comes_back(until: Option<Timestamp>, total_ms: Option<i64>) -> Option<Due> {
    until.map(Due::At).or(total_ms.map(Due::InMs))
}

pub(super) fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn seconds(ms: Option<u64>) -> f64 {
    Duration::from_millis(ms.unwrap_or(0)).as_secs_f64()
}
