//! The editor of documents, with the invoice of sixty rows open: how long the server takes to draw it anew after a change, and how long
//! after a key press the changed page stands in a browser.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use formwork_tests::office::Caller;
use serde_json::{Value as Json, json};

use super::{
    PAGES,
    chromium::Chromium,
    invoice::{self, Invoice},
    plain,
};
use crate::{
    process::{self, millis},
    program::{Place, Program, call},
    report::{Goal, Row, percentile, sorted},
};

/// Not counted: fonts are read, plans are made.
const WARM_UP: u32 = 10;
const CHANGES: u32 = 60;
/// A letter is typed and taken away again.
const PRESSES: usize = 60;
/// The heading, which stands on the first page alone.
const CHANGED: &str = "/blocks/1/text";

/// Where the invoice is edited.
struct Desk {
    document: String,
    sample: String,
    template: Json,
}

pub(super) async fn measure(place: &Place, invoice: &Invoice) -> anyhow::Result<Vec<Row>> {
    let mut program = place.start(&[])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let mut desk = Desk::new(&owner, invoice).await?;
    let drawn = desk.draw(&program, &owner).await?;
    let middle = drawn.value;
    let mut row = Row {
        name: "document.key_press, p95",
        value: None,
        unit: "ms",
        goal: Goal::AtMost(150.0),
        cpu: None,
        baseline: middle.map(|middle| plain("the server's answer", middle, "ms")),
        note: String::new(),
    };
    match type_letters(&program, &owner, &desk) {
        Ok(times) => {
            row.value = Some(percentile(&times, 0.95));
            row.note = format!(
                "in Chromium, from the key press until the changed page is decoded and the frame with it begins, the editor's pause included; \
                 the middle of {PRESSES} {:.0} ms, the slowest {:.0} ms",
                percentile(&times, 0.5),
                percentile(&times, 1.0)
            );
        }
        Err(error) => row.note = format!("it could not be measured: {error:#}"),
    }
    program.stop()?;
    Ok(vec![drawn, row])
}

impl Desk {
    async fn new(owner: &Caller, invoice: &Invoice) -> anyhow::Result<Self> {
        let template = invoice::template()?;
        let new = json!({"name": "Invoice", "template": template});
        let made = call(owner.post("/api/documents", new).await, 201)?;
        let document = made["id"].as_str().context("an id")?.to_owned();
        let values: Json = serde_json::from_str(&invoice.values)?;
        let new = json!({"name": "Sixty rows", "values": values});
        let path = format!("/api/documents/{document}/samples");
        let kept = call(owner.post(&path, new).await, 201)?;
        let sample = kept["id"].as_str().context("an id")?.to_owned();
        Ok(Self {
            document,
            sample,
            template,
        })
    }

    /// Asks for the pages as the editor does: after each change, with the pages that it has.
    async fn draw(&mut self, program: &Program, owner: &Caller) -> anyhow::Result<Row> {
        let mut known: Vec<Json> = Vec::new();
        let mut times = Vec::new();
        let mut before = process::cpu(program.pid()).all();
        for number in 0..WARM_UP + CHANGES {
            if number == WARM_UP {
                times.clear();
                before = process::cpu(program.pid()).all();
            }
            let text = self
                .template
                .pointer_mut(CHANGED)
                .context("the heading has a text")?;
            *text = format!("Invoice {number}").into();
            let body = json!({
                "document_id": self.document, "sample": self.sample, "editor": "bench", "template": self.template, "known": known,
            });
            let since = Instant::now();
            let answer = owner.post("/api/documents/preview", body).await;
            times.push(millis(since.elapsed()));
            let answer = call(answer, 200)?;
            let pages = answer["pages"].as_array().context("pages")?;
            let sent = pages.iter().filter(|page| page["svg"] != "").count();
            let wanted = if known.is_empty() { PAGES } else { 1 };
            ensure!(
                pages.len() == PAGES && sent == wanted,
                "{sent} of {} pages were sent",
                pages.len()
            );
            known = pages.iter().map(|page| page["hash"].clone()).collect();
        }
        let spent = process::cpu(program.pid()).all().saturating_sub(before);
        let times = sorted(times);
        Ok(Row {
            name: "document.preview_60",
            value: Some(percentile(&times, 0.5)),
            unit: "ms",
            goal: Goal::Told,
            cpu: Some(millis(spent) / f64::from(CHANGES)),
            baseline: None,
            note: format!(
                "{PAGES} pages laid out after a change on the first, which alone is sent; the middle of {CHANGES}, the slowest {:.0} ms",
                percentile(&times, 1.0)
            ),
        })
    }
}

/// Milliseconds for each key press, sorted.
fn type_letters(program: &Program, owner: &Caller, desk: &Desk) -> anyhow::Result<Vec<f64>> {
    let mut chromium = Chromium::start()?;
    let cookie = owner.cookie.as_deref().context("a session")?;
    let url = format!(
        "{}/documents/{}?sample={}",
        program.address, desk.document, desk.sample
    );
    chromium.visit(&url, cookie)?;
    chromium.until(&format!(
        "document.querySelectorAll(\"section[id^='page-'] img\").length === {PAGES}"
    ))?;
    let corner = chromium.evaluate(
        "(() => {
            const box = document.querySelector(\"#page-1 [data-block-box='title']\");
            box.scrollIntoView({ block: 'center' });
            const place = box.getBoundingClientRect();
            return { x: place.x + 12, y: place.y + place.height / 2 };
        })()",
    )?;
    chromium.click(&corner)?;
    chromium.until("document.activeElement?.matches('[role=textbox]')")?;
    // A page is an image whose address holds its drawing.
    chromium.evaluate(
        "(() => {
            let pressed = 0;
            addEventListener('keydown', (event) => { pressed = event.timeStamp; }, true);
            const page = document.querySelector('#page-1 img');
            window.change = () => new Promise((done, failed) => {
                const seen = new MutationObserver(() => {
                    seen.disconnect();
                    page.decode().then(() => requestAnimationFrame(() => done(performance.now() - pressed)), failed);
                });
                seen.observe(page, { attributeFilter: ['src'] });
            });
        })()",
    )?;
    let letter = json!({"key": "x", "code": "KeyX", "text": "x", "windowsVirtualKeyCode": 88});
    let back = json!({"key": "Backspace", "code": "Backspace", "windowsVirtualKeyCode": 8});
    let mut times = Vec::new();
    for key in [&letter, &back].into_iter().cycle().take(PRESSES + 2) {
        chromium.evaluate("void (window.next = window.change())")?;
        chromium.press(key)?;
        let took = chromium.evaluate("window.next")?;
        times.push(took.as_f64().context("a time")?);
    }
    // The first two load what an editor fetches with the first change.
    Ok(sorted(times.split_off(2)))
}
