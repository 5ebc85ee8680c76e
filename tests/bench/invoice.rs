//! The shipped invoice with sixty rows: layout and PDF on one thread, by the time that thread spent on a processor.

use anyhow::{Context as _, ensure};
use document::{Assets, Context, Limits, Renderer, Template};
use engine::{
    firm::Firm,
    kind::Kind,
    value::{Record, Value},
};
use serde_json::{Value as Json, json};

use crate::{
    process::{millis, thread_time},
    report::{Baseline, Goal, Row, percentile, sorted},
};

const ROWS: usize = 60;
const PAGES: usize = 3;
const BATCHES: usize = 12;
/// The kernel's account of a running thread is some milliseconds old: only the time of many documents is exact.
const BATCH: u32 = 8;
const SMALL_BATCH: u32 = 200;

pub(crate) fn measure() -> anyhow::Result<Vec<Row>> {
    let renderer = Renderer::bundled();
    let text = include_str!("../../workflows/invoice.json");
    let workflow: Json = serde_json::from_str(text)?;
    let (times, pages, bytes) = times(
        &renderer,
        &workflow["documents"]["invoice"],
        &values(),
        BATCH,
    )?;
    ensure!(pages == PAGES, "the invoice has {pages} pages, not {PAGES}");
    let one_line = json!({"format": document::FORMAT, "title": "One line", "page": {"size": "A4"}, "fields": [],
        "blocks": [{"id": "line", "type": "text", "text": "One line of text."}]});
    let (simple, _, _) = self::times(&renderer, &one_line, &json!({}), SMALL_BATCH)?;
    Ok(vec![Row {
        name: "invoice of 60 rows on 3 pages",
        value: Some(percentile(&times, 0.5)),
        unit: "ms CPU",
        goal: Goal::AtMost(25.0),
        cpu: Some(percentile(&times, 0.5)),
        baseline: Some(Baseline {
            name: "a page with one line".into(),
            value: percentile(&simple, 0.5),
            unit: "ms CPU",
            quiet: None,
        }),
        note: format!(
            "warm, the middle of {BATCHES} times {BATCH}; the slowest {:.1} ms; {} kB",
            percentile(&times, 1.0),
            bytes / 1000
        ),
    }])
}

/// Sorted times, pages and bytes of one document made again and again.
fn times(
    renderer: &Renderer,
    template: &Json,
    values: &Json,
    batch: u32,
) -> anyhow::Result<(Vec<f64>, usize, usize)> {
    let template = Template::parse(template)
        .map_err(|problems| anyhow::anyhow!("the template has problems: {problems:?}"))?;
    let values = record(values, &template)?;
    let context = context()?;
    let (mut times, mut pages, mut bytes) = (Vec::new(), 0, 0);
    // The first batch reads fonts.
    for number in 0..=BATCHES {
        let before = thread_time();
        for _ in 0..batch {
            let (assets, limits) = (Assets::default(), Limits::default());
            let rendered = renderer.render(&template, &values, &context, &assets, &limits)?;
            (pages, bytes) = (rendered.pages.len(), rendered.pdf()?.len());
        }
        if number > 0 {
            times.push(millis(thread_time().saturating_sub(before)) / f64::from(batch));
        }
    }
    Ok((sorted(times), pages, bytes))
}

fn record(values: &Json, template: &Template) -> anyhow::Result<Record> {
    let kind = Kind::Record {
        fields: template.fields(),
    };
    match Value::from_json(values, &kind) {
        Ok(Value::Record(record)) => Ok(record),
        Ok(_) => anyhow::bail!("the values are no record"),
        Err(problems) => anyhow::bail!("the values do not fit: {problems:?}"),
    }
}

fn context() -> anyhow::Result<Context> {
    let firm = Firm {
        name: "Nordlicht Reisen".into(),
        street: vec!["Hüxstraße 44".into()],
        post_code: "23552".into(),
        city: "Lübeck".into(),
        email: "office@nordlicht.example".into(),
        phone: "+49 451 555 0142".into(),
        vat_id: "DE 123 456 788".into(),
        iban: "DE02120300000000202051".into(),
        bic: "BYLADEM1001".into(),
        colour: "#235b6b".into(),
        ..Firm::default()
    };
    let Value::Record(firm) = firm.to_value() else {
        anyhow::bail!("the firm is no record")
    };
    Ok(Context {
        locale: "en".into(),
        currency: "EUR".into(),
        time_zone: "Europe/Berlin".into(),
        now: "2027-03-08T10:00:00Z".parse().context("an instant")?,
        firm,
    })
}

fn values() -> Json {
    let money = |cents: usize| json!({"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR"});
    let line = |number: usize| {
        let (quantity, cents) = (number % 7 + 1, 1_250 + number * 37);
        // Some descriptions need two lines.
        let more = if number.is_multiple_of(6) {
            ", with breakfast, transfers, a guide for the day and the entrance fees of every museum"
        } else {
            ""
        };
        json!({"description": format!("Excursion no. {number} along the coast{more}"), "quantity": quantity.to_string(),
               "unit_price": money(cents), "vat_rate": "19", "amount": money(cents * quantity)})
    };
    let net: usize = (0..ROWS).map(|n| (1_250 + n * 37) * (n % 7 + 1)).sum();
    let tax = net * 19 / 100;
    json!({
        "number": "NR-2027-0184", "date": "2027-03-08", "due": "2027-03-22", "customer": "Brandt & Söhne GmbH",
        "address": "Herr Jonas Brandt\nHafenstraße 12\n24103 Kiel", "note": "Thank you for travelling with us.",
        "lines": (0..ROWS).map(line).collect::<Vec<_>>(), "net": money(net),
        "taxes": [{"rate": "19", "net": money(net), "tax": money(tax)}], "total": money(net + tax),
    })
}
