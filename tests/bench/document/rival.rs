//! What others take for the same invoices, their whole process trees, in this run: each from its start to the first invoice, and warm.

use super::{Content, LONG_PAGES, PAGES, invoice::Invoice, reading};
use crate::{
    process::{self, millis},
    report::{percentile, sorted},
};

/// After the first invoice.
const WARM_UP: usize = 3;
const BATCHES: usize = 5;
/// The kernel counts a process in hundredths of a second: only the time of several documents is exact.
const BATCH: usize = 4;

/// A program that stays and makes the file of one invoice after the other.
pub(super) trait Rival {
    fn pid(&self) -> u32;

    fn make(&mut self, invoice: &Invoice) -> anyhow::Result<Vec<u8>>;
}

/// Milliseconds on processors.
pub(super) struct Figures {
    /// From the start to the first invoice.
    pub(super) cold: f64,
    /// For an invoice, the middle of several batches, and for one of a thousand rows.
    pub(super) warm: f64,
    pub(super) long: f64,
    pub(super) bytes: usize,
}

pub(super) fn measure<R: Rival>(
    start: impl FnOnce() -> anyhow::Result<R>,
    content: &Content,
) -> anyhow::Result<Figures> {
    let mut rival = start()?;
    let first = rival.make(&content.invoices[0])?;
    let cold = process::cpu(rival.pid()).all();
    reading::check(&first, &content.invoices[0], PAGES..=PAGES)?;
    let mut invoices = content.invoices.iter().cycle().skip(1);
    for invoice in invoices.by_ref().take(WARM_UP) {
        rival.make(invoice)?;
    }
    let mut batches = Vec::new();
    for _ in 0..BATCHES {
        batches.push(spent(&mut rival, invoices.by_ref().take(BATCH))?);
    }
    let first_long = rival.make(&content.long[0])?;
    reading::check(&first_long, &content.long[0], LONG_PAGES)?;
    let long = spent(&mut rival, content.long[1..].iter())?;
    Ok(Figures {
        cold: millis(cold),
        warm: percentile(&sorted(batches), 0.5),
        long,
        bytes: first.len(),
    })
}

/// Milliseconds on processors for each.
fn spent<'a>(
    rival: &mut impl Rival,
    invoices: impl Iterator<Item = &'a Invoice>,
) -> anyhow::Result<f64> {
    let before = process::cpu(rival.pid()).all();
    let mut count = 0_u32;
    for invoice in invoices {
        rival.make(invoice)?;
        count += 1;
    }
    let spent = process::cpu(rival.pid()).all().saturating_sub(before);
    Ok(millis(spent) / f64::from(count))
}
