//! What the harness was told from outside, kept for ever: nothing in here is taken back, and what contradicts it is a fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

/// A run that somebody was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: String,
    /// Its input makes it fail.
    pub(super) fails: bool,
    /// Stopping and retrying are for runs whose caller does not wait.
    pub(super) awaited: bool,
}

#[derive(Default)]
pub(super) struct Entries {
    /// Key of the message → the run it was answered with.
    pub(super) accepted: BTreeMap<String, Known>,
    /// Runs that were made of ended ones.
    pub(super) retries: BTreeMap<String, Known>,
    /// Run → the number that its caller was answered.
    pub(super) numbers: BTreeMap<String, String>,
    /// Run → its state when Stop was answered.
    pub(super) stopped: BTreeMap<String, String>,
    /// Ids of numbers that were made void.
    pub(super) voided: BTreeSet<String>,
    /// Retries and numbers to be void whose answer was lost: they may have happened.
    pub(super) unanswered_retries: usize,
    pub(super) unanswered_voids: usize,
}

#[derive(Default)]
pub(super) struct Ledger(Mutex<Entries>);

impl Ledger {
    pub(super) fn read(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().expect("no panic")
    }

    /// The same key never gives another run.
    pub(super) fn accepted(&self, key: &str, known: &Known) {
        let mut entries = self.read();
        let before = entries
            .accepted
            .entry(key.to_owned())
            .or_insert_with(|| known.clone());
        assert_eq!(before, known, "{key}");
    }

    /// The same run never answers another number.
    pub(super) fn numbered(&self, run: &str, number: &str) {
        let mut entries = self.read();
        let before = entries
            .numbers
            .entry(run.to_owned())
            .or_insert_with(|| number.to_owned());
        assert_eq!(before, number, "{run}");
    }

    pub(super) fn accepted_so_far(&self) -> usize {
        self.read().accepted.len()
    }

    /// Every run that somebody was told of, by its id.
    pub(super) fn runs(&self) -> BTreeMap<String, Known> {
        let entries = self.read();
        let all = entries.accepted.values().chain(entries.retries.values());
        all.map(|known| (known.id.clone(), known.clone())).collect()
    }
}
