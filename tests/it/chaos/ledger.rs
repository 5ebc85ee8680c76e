//! What the harness was told from outside, kept for ever: nothing in here is taken back, and what contradicts it is a fault.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

use super::flows::Flow;

/// A run that somebody was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) flow: Flow,
    /// Its input makes it fail.
    pub(super) fails: bool,
}

/// What somebody decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    /// `approved` or `refused`.
    pub(super) decision: String,
    /// No two answers have the same one.
    pub(super) comment: String,
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
    /// Question → the answer that was taken.
    pub(super) decided: BTreeMap<String, Decided>,
    /// Question → the comments of all answers that were given: one of them counts.
    pub(super) said: BTreeMap<String, BTreeSet<String>>,
    /// Run → the reference with which its link was called and that was taken.
    pub(super) called_back: BTreeMap<String, String>,
    /// Run → all references with which its link was called.
    pub(super) references: BTreeMap<String, BTreeSet<String>>,
    /// Answers and calls that were refused because another one had been taken.
    pub(super) refused: usize,
    /// Names of files → how many rows they have.
    pub(super) files: BTreeMap<String, u32>,
    /// The earliest moment that the schedule was put back to, and one up to which all had begun, in seconds since 1970.
    pub(super) first_moment: Option<i64>,
    pub(super) last_moment: Option<i64>,
}

#[derive(Default)]
pub(super) struct Ledger(Mutex<Entries>);

impl Ledger {
    pub(super) fn read(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().expect("no panic")
    }

    /// The same key never gives another run.
    pub(super) fn accepted(&self, key: &str, known: &Known) {
        once(&mut self.read().accepted, key, known);
    }

    /// The same run never answers another number.
    pub(super) fn numbered(&self, run: &str, number: &str) {
        once(&mut self.read().numbers, run, &number.to_owned());
    }

    /// Somebody is about to answer a question.
    pub(super) fn said(&self, question: &str, comment: &str) {
        let mut entries = self.read();
        let said = entries.said.entry(question.to_owned()).or_default();
        said.insert(comment.to_owned());
    }

    /// No second answer to a question is taken.
    pub(super) fn decided(&self, question: &str, decided: &Decided) {
        once(&mut self.read().decided, question, decided);
    }

    /// Somebody is about to call a run's link.
    pub(super) fn referred(&self, run: &str, reference: &str) {
        let mut entries = self.read();
        let references = entries.references.entry(run.to_owned()).or_default();
        references.insert(reference.to_owned());
    }

    /// No second call with another reference is taken.
    pub(super) fn called_back(&self, run: &str, reference: &str) {
        once(&mut self.read().called_back, run, &reference.to_owned());
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

/// What was told once stays so.
fn once<T: Clone + std::fmt::Debug + PartialEq>(
    told: &mut BTreeMap<String, T>,
    of: &str,
    what: &T,
) {
    let before = told.entry(of.to_owned()).or_insert_with(|| what.clone());
    assert_eq!(before, what, "{of}");
}
