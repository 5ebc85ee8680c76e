//! A thousand invoices through the whole engine: handed in over HTTP, laid out by a step, kept as files, each found again at the end.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use formwork_tests::office::Caller;
use serde_json::{Map, Value as Json, json};

use super::{
    Content, PAGES,
    invoice::{self, Invoice},
    ours::Ours,
    reading,
};
use crate::{
    baseline,
    load::would_fit,
    process::{self, millis},
    program::{Place, Program, call, publish},
    report::{Baseline, Goal, Row},
};

const RUNS: u32 = 1_000;
/// Made before, so that fonts are read, and plans and connections are there.
const WARM_UP: u32 = 200;
/// Those who hand invoices in.
const CALLERS: u32 = 8;
/// Between two looks at what is open.
const LOOK: Duration = Duration::from_millis(250);
/// Until everything is worked off.
const PATIENCE: Duration = Duration::from_mins(2);

/// A workflow of two steps: what comes in, and the page.
struct Site<'a> {
    program: &'a Program,
    data: PathBuf,
    owner: Caller,
    workflow: String,
    /// Ids of all runs that were accepted.
    accepted: BTreeSet<String>,
}

/// How so many invoices were made.
struct Made {
    per_second: f64,
    /// On processors, of the server and Postgres, for one.
    spent_ms: f64,
    /// One of the runs, and what it was to print.
    sample: (String, usize),
}

pub(super) async fn measure(
    place: &Place,
    content: &Content,
    ours: &Ours,
) -> anyhow::Result<Vec<Row>> {
    let mut program = place.start(&[])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let published = publish(&owner, json!({"document": workflow()?}), |_| {}).await?;
    let mut site = Site {
        program: &program,
        data: place.data_dir(),
        owner,
        workflow: published.id,
        accepted: BTreeSet::new(),
    };
    site.make(&content.invoices, WARM_UP).await?;
    let memory = || process::memory_mb(program.pid()).context("the program runs");
    let before = memory()?;
    let made = site.make(&content.invoices, RUNS).await?;
    let after = memory()?;
    site.look(&made, &content.invoices, PAGES).await?;
    let everyday = site.make(&content.everyday, RUNS).await?;
    site.look(&everyday, &content.everyday, 1).await?;
    program.stop()?;
    Ok(vec![
        Row {
            goal: Goal::AtLeast(100.0),
            ..row("document.engine_1000", &made, ours.invoice)
        },
        Row {
            name: "document.engine_1000: the server's memory after them",
            value: Some(after),
            unit: "MB",
            goal: Goal::RatioAtMost(1.1),
            cpu: None,
            baseline: Some(Baseline {
                name: format!("before them, after {WARM_UP} others"),
                value: before,
                unit: "MB",
                quiet: None,
            }),
            note: "resident, when everything is worked off".into(),
        },
        row(
            "document.engine_1000: everyday ones, 8 rows on a page",
            &everyday,
            ours.everyday,
        ),
    ])
}

/// `alone`: milliseconds for laying one out without an engine.
fn row(name: &'static str, made: &Made, alone: f64) -> Row {
    Row {
        name,
        value: Some(made.per_second),
        unit: "invoices/s",
        goal: Goal::Told,
        cpu: Some(would_fit(made.spent_ms)),
        baseline: Some(Baseline {
            name: "laid out alone on all processors".into(),
            value: would_fit(alone),
            unit: "invoices/s",
            quiet: None,
        }),
        note: format!(
            "{RUNS} handed in by {CALLERS} callers, from the first one's acceptance to the last one's end by the database's clock; all succeeded, \
             none lost or doubled, each with its file; the processors' time for one {:.1} ms, without the callers'",
            made.spent_ms
        ),
    }
}

impl Site<'_> {
    /// Hands invoices in and waits until all are made.
    async fn make(&mut self, invoices: &[Invoice], runs: u32) -> anyhow::Result<Made> {
        let since = baseline::ask(&self.data, "select clock_timestamp()")?;
        let before = process::cpu(self.program.pid()).all();
        let sample = self.hand_in(invoices, runs).await?;
        self.settled().await?;
        let spent = process::cpu(self.program.pid())
            .all()
            .saturating_sub(before);
        self.check()?;
        let per_second = baseline::ask(
            &self.data,
            &format!(
                "select count(*) / extract(epoch from max(finished_at) - min(created_at)) from run
                 where workflow_id = '{}' and created_at >= '{since}'",
                self.workflow
            ),
        )?;
        Ok(Made {
            per_second: per_second.parse()?,
            spent_ms: millis(spent) / f64::from(runs),
            sample,
        })
    }

    /// Nobody waits for these runs: the answer is 202 and an id. Gives the last one's.
    async fn hand_in(
        &mut self,
        invoices: &[Invoice],
        runs: u32,
    ) -> anyhow::Result<(String, usize)> {
        let bodies: Vec<Json> = invoices
            .iter()
            .map(|invoice| {
                let input: Json = serde_json::from_str(&invoice.values)?;
                anyhow::Ok(json!({"input": input}))
            })
            .collect::<Result<_, _>>()?;
        let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
        let runs = usize::try_from(runs)?;
        let mut callers = Vec::new();
        for _ in 0..CALLERS {
            let (owner, bodies, next) = (self.owner.clone(), bodies.clone(), next.clone());
            let path = format!("/api/workflows/{}/runs", self.workflow);
            callers.push(tokio::spawn(async move {
                let mut accepted = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= runs {
                        return anyhow::Ok(accepted);
                    }
                    let which = number % bodies.len();
                    let run = call(owner.post(&path, bodies[which].clone()).await, 202)?;
                    let id = run["id"].as_str().context("an id")?.to_owned();
                    accepted.push((id, which));
                }
            }));
        }
        let mut last = None;
        for caller in callers {
            for (id, which) in caller.await?? {
                self.accepted.insert(id.clone());
                last = Some((id, which));
            }
        }
        last.context("nothing was handed in")
    }

    async fn settled(&self) -> anyhow::Result<()> {
        let since = Instant::now();
        let open = format!(
            "select count(*) from run where workflow_id = '{}' and finished_at is null",
            self.workflow
        );
        while baseline::ask(&self.data, &open)? != "0" {
            ensure!(since.elapsed() < PATIENCE, "invoices stay unmade");
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Every run that was accepted has succeeded and has one PDF, and there is no other run.
    fn check(&self) -> anyhow::Result<()> {
        let ids = |from: &str| -> anyhow::Result<BTreeSet<String>> {
            let told = baseline::ask(
                &self.data,
                &format!(
                    "select run.id from {from} where workflow_id = '{}'",
                    self.workflow
                ),
            )?;
            Ok(told.lines().map(str::to_owned).collect())
        };
        let all = ids("run")?;
        let made = ids(
            "(select run_id from artifact where content_type = 'application/pdf' group by run_id having count(*) = 1) file
             join run on run.id = run_id and state = 'succeeded'",
        )?;
        ensure!(
            all == self.accepted && made == self.accepted,
            "{} runs were accepted, there are {}, and {} of them succeeded with a file",
            self.accepted.len(),
            all.len(),
            made.len()
        );
        Ok(())
    }

    /// One of the files is read as others read it.
    async fn look(&self, made: &Made, invoices: &[Invoice], pages: usize) -> anyhow::Result<()> {
        let (run, which) = &made.sample;
        let run = call(self.owner.get(&format!("/api/runs/{run}")).await, 200)?;
        let url = run["artifacts"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|artifact| artifact["content_type"] == "application/pdf")
            .and_then(|artifact| artifact["url"].as_str())
            .context("the run has a file")?;
        let file = self.owner.get(url).await;
        ensure!(file.status == 200, "the file: {}", file.status);
        reading::check(&file.body, &invoices[*which], pages..=pages)?;
        Ok(())
    }
}

fn workflow() -> anyhow::Result<Json> {
    let template = invoice::template()?;
    let values: Map<String, Json> = template["fields"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|field| field["name"].as_str())
        .map(|name| (name.to_owned(), format!("{{{{ order.{name} }}}}").into()))
        .collect();
    Ok(json!({
        "format": "formwork/1", "name": "Invoices", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "order", "type": "webhook_input", "version": 1, "name": "Order", "config": {"fields": template["fields"]}},
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": "invoice", "file_name": "{{ order.number }}.pdf", "values": values}},
        ],
        "edges": [{"from": "order", "port": "out", "to": "page"}],
        "documents": {"invoice": template},
    }))
}
