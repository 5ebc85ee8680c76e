//! Points at which a test may let this process die as if by kill -9, or stand still as if its machine did. Always compiled, so that
//! what is tested is what runs; without being armed a point costs one comparison.

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::sys::signal::{Signal, raise};

/// A named place in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// An entry is claimed, nothing is done yet.
    AfterClaim,
    /// The effect is done, its commit has not begun.
    EffectDone,
    /// The commit is done, nobody has been told.
    Committed,
    /// The commit is under way and panics; the process lives on.
    CommitPanics,
}

/// What is armed; made from the configuration, only in test installations.
#[derive(Clone, Debug, Default)]
pub struct Faults(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    point: Point,
    /// It strikes at this passage.
    nth: u64,
    /// The process stands still until somebody sends it on, instead of dying.
    freezes: bool,
    passed: AtomicU64,
}

/// What was written is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\u{201c}{0}\u{201d} is no fault; write after_claim, effect_done, committed or commit_panics, optionally :<nth passage>, and after that \
     optionally :freeze"
)]
pub struct BadFault(String);

impl FromStr for Faults {
    type Err = BadFault;

    /// `after_claim`, `effect_done:3`, `committed:10`, `effect_done:1:freeze`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadFault(text.to_owned());
        let (text, freezes) = match text.strip_suffix(":freeze") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (name, nth) = text.split_once(':').unwrap_or((text, "1"));
        let point = match name {
            "after_claim" => Point::AfterClaim,
            "effect_done" => Point::EffectDone,
            "committed" => Point::Committed,
            "commit_panics" => Point::CommitPanics,
            _ => return Err(bad()),
        };
        let nth = nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(bad)?;
        Ok(Self(Some(Arc::new(Armed {
            point,
            nth,
            freezes,
            passed: AtomicU64::new(0),
        }))))
    }
}

impl Faults {
    /// Ends the process if this is the armed point and its turn: no destructor runs, nothing is flushed. Or freezes it, all threads.
    ///
    /// # Panics
    /// At `CommitPanics`, instead.
    pub fn pass(&self, point: Point) {
        if !self.is_due(point) {
            return;
        }
        tracing::warn!(?point, "an armed fault strikes");
        assert!(point != Point::CommitPanics, "an armed fault");
        if self.0.as_ref().is_some_and(|armed| armed.freezes) {
            // To this very thread: sent to the process, it may be another thread's to take, and this one goes on until that has its turn.
            let _ = raise(Signal::SIGSTOP);
            return;
        }
        std::process::abort();
    }

    fn is_due(&self, point: Point) -> bool {
        self.0.as_ref().is_some_and(|armed| {
            armed.point == point && armed.passed.fetch_add(1, Ordering::Relaxed) + 1 == armed.nth
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_once_at_its_passage() {
        let check = |text: &str, point, expected: &[bool]| {
            let faults: Faults = text.parse().expect("the test names a fault");
            let struck: Vec<bool> = expected.iter().map(|_| faults.is_due(point)).collect();
            assert_eq!(struck, expected, "{text}");
        };
        check("after_claim", Point::AfterClaim, &[true, false]);
        check("effect_done:2", Point::EffectDone, &[false, true, false]);
        check("committed", Point::AfterClaim, &[false, false]);
        check("effect_done:1:freeze", Point::EffectDone, &[true, false]);
        for bad in ["", "later", "committed:0", "committed:x", ":freeze"] {
            assert!(bad.parse::<Faults>().is_err(), "{bad}");
        }
        assert!(!Faults::default().is_due(Point::Committed));
    }
}
