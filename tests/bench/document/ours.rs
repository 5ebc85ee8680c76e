//! What our engine takes, warm on one thread and as a process of its own.

use std::{hint::black_box, ops::RangeInclusive, path::Path, process::Command, time::Instant};

use anyhow::{Context as _, ensure};
use formwork_tests::paper::Paper;
use serde_json::json;

use super::{
    Content, LONG_PAGES, PAGES,
    invoice::{self, Invoice},
    reading,
};
use crate::{
    process::{self, millis, thread_time},
    report::{percentile, sorted},
};

const BATCHES: usize = 12;
/// The kernel's account of a running thread is some milliseconds old: only the time of many documents is exact.
const BATCH: usize = 8;
const SMALL_BATCH: usize = 200;
const EVERYDAY_BATCH: usize = 20;
/// Of a thousand rows and of ten thousand, one document each.
const LONG_BATCHES: usize = 5;
const LONGEST_BATCHES: usize = 2;
/// Times that a process is started.
const STARTS: u32 = 20;
const LONGEST_ROWS: usize = 10_000;
/// Of which the memory is measured: what fonts and program take by themselves, and twice what rows take.
const MEASURED_ROWS: [usize; 3] = [1, 1_000, LONGEST_ROWS];

/// Milliseconds of one thread's time on a processor for a document, the middle of several batches.
pub(super) struct Ours {
    pub(super) invoice: f64,
    /// Of the slowest batch.
    pub(super) slowest: f64,
    pub(super) everyday: f64,
    pub(super) one_line: f64,
    pub(super) long: f64,
    pub(super) longest: f64,
    pub(super) bytes: usize,
    pub(super) one_line_bytes: usize,
    pub(super) long_pages: usize,
    pub(super) longest_pages: usize,
    pub(super) cold: Cold,
    /// The most memory of a process that lays out one document of `MEASURED_ROWS`, in megabytes.
    pub(super) peaks: [f64; 3],
}

/// A process that reads fonts, template and values, writes the file and ends.
pub(super) struct Cold {
    /// Sorted milliseconds by the clock.
    pub(super) walls: Vec<f64>,
    /// Milliseconds on processors, the mean.
    pub(super) cpu: f64,
    /// Milliseconds by the clock of a process that does nothing.
    pub(super) nothing: f64,
}

pub(super) fn measure(content: &Content) -> anyhow::Result<Ours> {
    let template = invoice::template()?;
    let paper = Paper::new(&template)?;
    let pdf = checked(&paper, &content.invoices[0], PAGES..=PAGES)?.1;
    let long_pages = checked(&paper, &content.long[0], LONG_PAGES)?.0;
    let longest = [invoice::make(LONGEST_ROWS, 1)];
    let longest_pages = checked(&paper, &longest[0], 300..=500)?.0;
    let line = Paper::new(
        &json!({"format": document::FORMAT, "title": "One line", "page": {"size": "A4"}, "fields": [],
            "blocks": [{"id": "line", "type": "text", "text": "One line of text."}]}),
    )?;
    let middle = |invoices: &[Invoice], batches: usize, batch: usize| {
        anyhow::Ok(percentile(
            &times(&paper, &values(invoices), batches, batch)?,
            0.5,
        ))
    };
    let invoices = times(&paper, &values(&content.invoices), BATCHES, BATCH)?;
    Ok(Ours {
        invoice: percentile(&invoices, 0.5),
        slowest: percentile(&invoices, 1.0),
        everyday: middle(&content.everyday, BATCHES, EVERYDAY_BATCH)?,
        one_line: percentile(&times(&line, &["{}"], BATCHES, SMALL_BATCH)?, 0.5),
        long: middle(&content.long, LONG_BATCHES, 1)?,
        longest: middle(&longest, LONGEST_BATCHES, 1)?,
        bytes: pdf.len(),
        one_line_bytes: line.lay_out("{}")?.pdf()?.len(),
        long_pages,
        longest_pages,
        cold: cold(content)?,
        peaks: peaks()?,
    })
}

/// Pages and file, after a look at them as others read them.
fn checked(
    paper: &Paper,
    invoice: &Invoice,
    pages: RangeInclusive<usize>,
) -> anyhow::Result<(usize, Vec<u8>)> {
    let rendered = paper.lay_out(&invoice.values)?;
    let warnings = &rendered.warnings;
    ensure!(
        warnings.is_empty(),
        "the document has warnings: {warnings:?}"
    );
    let pdf = rendered.pdf()?;
    Ok((reading::check(&pdf, invoice, pages)?, pdf))
}

fn values(invoices: &[Invoice]) -> Vec<&str> {
    invoices
        .iter()
        .map(|invoice| invoice.values.as_str())
        .collect()
}

/// Sorted milliseconds for a document, from the JSON of its values to the bytes of its file.
fn times(paper: &Paper, values: &[&str], batches: usize, batch: usize) -> anyhow::Result<Vec<f64>> {
    let mut turns = values.iter().cycle();
    let (mut times, count) = (Vec::new(), u32::try_from(batch)?);
    // The first batch warms up.
    for number in 0..=batches {
        let before = thread_time();
        for values in turns.by_ref().take(batch) {
            black_box(paper.lay_out(values)?.pdf()?);
        }
        if number > 0 {
            times.push(millis(thread_time().saturating_sub(before)) / f64::from(count));
        }
    }
    Ok(sorted(times))
}

fn cold(content: &Content) -> anyhow::Result<Cold> {
    let folder = tempfile::tempdir()?;
    let mut start = starter(folder.path(), &content.invoices[0])?;
    let mut nothing = Command::new("true");
    // Once for the page cache.
    run(&mut start)?;
    run(&mut nothing)?;
    let (mut walls, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        bare.push(run(&mut nothing)?);
    }
    // What ended counts to the hundredth of a second, all of them together.
    let before = process::cpu(std::process::id()).others;
    for _ in 0..STARTS {
        walls.push(run(&mut start)?);
    }
    let spent = process::cpu(std::process::id()).others;
    Ok(Cold {
        walls: sorted(walls),
        cpu: millis(spent.saturating_sub(before)) / f64::from(STARTS),
        nothing: percentile(&sorted(bare), 0.5),
    })
}

/// Milliseconds by the clock until the process has ended.
fn run(command: &mut Command) -> anyhow::Result<f64> {
    let since = Instant::now();
    let output = command.output()?;
    let wall = millis(since.elapsed());
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(wall)
}

fn starter(folder: &Path, invoice: &Invoice) -> anyhow::Result<Command> {
    let (template, values) = (folder.join("template.json"), folder.join("values.json"));
    std::fs::write(&template, invoice::template()?.to_string())?;
    std::fs::write(&values, &invoice.values)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_render_cold"));
    command
        .args([template, values])
        .arg(folder.join("page.pdf"));
    Ok(command)
}

#[expect(clippy::cast_precision_loss, reason = "kilobytes of a process")]
fn peaks() -> anyhow::Result<[f64; 3]> {
    let mut peaks = [0.0; 3];
    for (peak, rows) in peaks.iter_mut().zip(MEASURED_ROWS) {
        let folder = tempfile::tempdir()?;
        let output = starter(folder.path(), &invoice::make(rows, 1))?.output()?;
        let told = String::from_utf8(output.stdout)?;
        let kilobytes: u64 = told
            .trim()
            .parse()
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        *peak = (kilobytes * 1024) as f64 / 1e6;
    }
    Ok(peaks)
}
