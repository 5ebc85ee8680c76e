//! Documents: the invoice of sixty rows, the same with a thousand and ten thousand, a thousand of them through the engine, and the one of
//! sixty rows while somebody edits it. Beside headless Chromium and Typst, which make the same pages of the same content in the same run.

mod chromium;
mod engine;
mod invoice;
mod ours;
mod preview;
mod reading;
mod rival;
mod typst;

use std::{ops::RangeInclusive, path::Path};

use crate::{
    program::Place,
    report::{Baseline, Goal, Row, percentile},
};

use chromium::Chromium;
use invoice::Invoice;
use ours::Ours;
use rival::Figures;
use typst::Typst;

const ROWS: usize = 60;
const PAGES: usize = 3;
const LONG_ROWS: usize = 1_000;
/// Each engine breaks lines a little differently.
const LONG_PAGES: RangeInclusive<usize> = 35..=45;
const EVERYDAY_ROWS: usize = 8;
/// The fonts that the program carries; everybody gets them.
const FONTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/document/fonts");
const SYSTEM_FONTS: &str = "/usr/share/fonts";

/// Invoices of each length, no two alike.
struct Content {
    invoices: Vec<Invoice>,
    long: Vec<Invoice>,
    everyday: Vec<Invoice>,
}

/// The figures of one of the others, or why there are none.
struct Others {
    chromium: anyhow::Result<Figures>,
    typst: anyhow::Result<Figures>,
}

pub(crate) async fn measure(place: &Place, typst: Option<&Path>) -> anyhow::Result<Vec<Row>> {
    let content = Content {
        invoices: invoice::several(ROWS, 24),
        long: invoice::several(LONG_ROWS, 3),
        everyday: invoice::several(EVERYDAY_ROWS, 24),
    };
    let ours = ours::measure(&content)?;
    let others = Others {
        chromium: rival::measure(Chromium::start, &content),
        typst: rival::measure(|| Typst::start(typst), &content),
    };
    let mut rows = warm(&ours, &others);
    rows.extend(cold(&ours, &others));
    rows.extend(long(&ours, &others));
    rows.extend(size(&ours, &others));
    rows.extend(engine::measure(place, &content, &ours).await?);
    rows.extend(preview::measure(place, &content.invoices[0]).await?);
    Ok(rows)
}

fn warm(ours: &Ours, others: &Others) -> Vec<Row> {
    let row = Row {
        name: "document.invoice_60",
        value: Some(ours.invoice),
        unit: "ms CPU",
        goal: Goal::AtMost(10.0),
        cpu: Some(ours.invoice),
        baseline: Some(plain("a page with one line", ours.one_line, "ms CPU")),
        note: format!(
            "{PAGES} pages, tagged, warm, from the values' JSON to the file; the slowest batch {:.1} ms",
            ours.slowest
        ),
    };
    let chromium = beside(
        "document.invoice_60 beside warm Chromium",
        ours.invoice,
        "ms CPU",
        &others.chromium,
        |figures| figures.warm,
    );
    let typst = beside(
        "document.invoice_60 beside Typst, its world reused",
        ours.invoice,
        "ms CPU",
        &others.typst,
        |figures| figures.warm,
    );
    vec![
        row,
        Row {
            goal: Goal::RatioAtMost(1.0 / 30.0),
            ..chromium
        },
        Row {
            goal: Goal::RatioAtMost(0.1),
            ..typst
        },
    ]
}

fn cold(ours: &Ours, others: &Others) -> Vec<Row> {
    let cold = &ours.cold;
    let row = Row {
        name: "document.cold",
        value: Some(cold.cpu),
        unit: "ms CPU",
        goal: Goal::AtMost(40.0),
        cpu: Some(cold.cpu),
        baseline: Some(plain("warm", ours.invoice, "ms CPU")),
        note: format!(
            "a process that reads fonts, template and values, writes the file and ends; the mean of {}",
            cold.walls.len()
        ),
    };
    let wall = percentile(&cold.walls, 0.5);
    let clock = Row {
        name: "document.cold, by the clock",
        value: Some(wall),
        unit: "ms",
        goal: Goal::AtMost(40.0),
        cpu: Some(cold.cpu),
        baseline: Some(plain("a process that does nothing", cold.nothing, "ms")),
        note: format!(
            "the middle of {}; the slowest {:.1} ms",
            cold.walls.len(),
            percentile(&cold.walls, 1.0)
        ),
    };
    let chromium = beside(
        "document.cold beside cold Chromium",
        cold.cpu,
        "ms CPU",
        &others.chromium,
        |figures| figures.cold,
    );
    let typst = beside(
        "document.cold beside cold Typst",
        cold.cpu,
        "ms CPU",
        &others.typst,
        |figures| figures.cold,
    );
    vec![row, clock, chromium, typst]
}

fn long(ours: &Ours, others: &Others) -> Vec<Row> {
    let row = Row {
        name: "document.rows_1000",
        value: Some(ours.long),
        unit: "ms CPU",
        goal: Goal::AtMost(110.0),
        cpu: Some(ours.long),
        baseline: Some(plain("of 60 rows", ours.invoice, "ms CPU")),
        note: format!("{} pages, tagged, warm", ours.long_pages),
    };
    let chromium = beside(
        "document.rows_1000 beside warm Chromium",
        ours.long,
        "ms CPU",
        &others.chromium,
        |figures| figures.long,
    );
    let typst = beside(
        "document.rows_1000 beside Typst, its world reused",
        ours.long,
        "ms CPU",
        &others.typst,
        |figures| figures.long,
    );
    let [fonts, thousand, ten_thousand] = ours.peaks;
    let ten = |name, value, unit, one: f64, note| Row {
        name,
        value: Some(value),
        unit,
        goal: Goal::RatioAtMost(1.3),
        cpu: None,
        baseline: Some(plain("ten times 1,000 rows", 10.0 * one, unit)),
        note,
    };
    vec![
        row,
        chromium,
        typst,
        ten(
            "document.rows_10000",
            ours.longest,
            "ms CPU",
            ours.long,
            format!("{} pages, tagged, warm", ours.longest_pages),
        ),
        ten(
            "document.rows_10000: memory",
            ten_thousand - fonts,
            "MB",
            thousand - fonts,
            format!(
                "the most that a process has, without the {fonts:.0} MB of one that lays out one row"
            ),
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a file")]
fn size(ours: &Ours, others: &Others) -> Vec<Row> {
    let kilobytes = |bytes: usize| bytes as f64 / 1e3;
    let row = Row {
        name: "document.size",
        value: Some(kilobytes(ours.bytes)),
        unit: "kB",
        goal: Goal::AtMost(90.0),
        cpu: None,
        baseline: Some(plain(
            "a page with one line",
            kilobytes(ours.one_line_bytes),
            "kB",
        )),
        note: "the invoice of 60 rows: Latin, Greek, Cyrillic, Chinese, Japanese and Arabic letters, a picture, tagged".into(),
    };
    let chromium = beside(
        "document.size beside Chromium's file",
        kilobytes(ours.bytes),
        "kB",
        &others.chromium,
        |figures| kilobytes(figures.bytes),
    );
    let typst = beside(
        "document.size beside Typst's file",
        kilobytes(ours.bytes),
        "kB",
        &others.typst,
        |figures| kilobytes(figures.bytes),
    );
    vec![row, chromium, typst]
}

/// Something simpler that our engine does.
fn plain(name: &str, value: f64, unit: &'static str) -> Baseline {
    Baseline {
        name: name.into(),
        value,
        unit,
        quiet: None,
    }
}

/// Our figure beside that of another program; none without it.
fn beside(
    name: &'static str,
    value: f64,
    unit: &'static str,
    other: &anyhow::Result<Figures>,
    pick: impl Fn(&Figures) -> f64,
) -> Row {
    let mut row = Row {
        name,
        value: None,
        unit,
        goal: Goal::Told,
        cpu: None,
        baseline: None,
        note: String::new(),
    };
    match other {
        Ok(figures) => {
            let theirs = pick(figures);
            row.value = Some(value);
            row.baseline = Some(plain("the other", theirs, unit));
            row.note = format!(
                "{:.1} times less; the README says what is not alike",
                theirs / value
            );
        }
        Err(error) => row.note = format!("the other could not be measured: {error:#}"),
    }
    row
}
