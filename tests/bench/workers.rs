//! One, two and four processes that run steps over one database: how many light runs they work off in a second, and whether each run
//! that was accepted is there once and whole. A further process keeps the database and answers HTTP, and runs nothing.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use formwork_tests::office::Caller;
use serde_json::json;

use crate::{
    baseline,
    load::{Light, order, would_fit},
    process::{self, millis},
    program::{Place, Program, call},
    report::{Baseline, Goal, Row},
};

const NAMES: [(u64, &str); 3] = [
    (1, "engine.workers: 1 process works off light runs"),
    (2, "engine.workers: 2 processes on one database"),
    (4, "engine.workers: 4 processes on one database"),
];
const RUNS: u64 = 8_000;
/// Worked off before, so that every process has its plans and connections.
const WARM_UP: u64 = 1_000;
/// Those who hand runs in.
const CALLERS: u64 = 8;
/// The light workflow's steps.
const STEPS: u64 = 5;
/// Between two looks at the queue.
const LOOK: Duration = Duration::from_millis(500);
/// Until processes are there, or everything is worked off.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was measured on one database.
struct Site<'a> {
    data: &'a Path,
    owner: Caller,
    light: Light,
    /// Ids of all runs that were accepted.
    accepted: BTreeSet<String>,
}

/// How so many runs were worked off.
struct Rate {
    per_second: f64,
    /// On processors, by all processes.
    spent: Duration,
    /// Runs that each process began.
    shares: String,
}

pub(crate) async fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    let mut server = place.serve(&[])?;
    server.first_page("/healthz").await?;
    let owner = server.owner().await?;
    let data = place.data_dir();
    let mut site = Site {
        data: &data,
        light: Light::publish(&owner).await?,
        owner,
        accepted: BTreeSet::new(),
    };
    let (mut rows, mut alone) = (Vec::new(), None);
    for (count, name) in NAMES {
        let workers = site.start(place, count).await?;
        let spent = || spent(&server, &workers);
        site.work_off(WARM_UP, &spent).await?;
        let rate = site.work_off(RUNS, &spent).await?;
        for worker in workers {
            worker.stop()?;
        }
        let alone = *alone.get_or_insert(rate.per_second);
        let spent_ms = millis(rate.spent) / number(RUNS);
        rows.push(Row {
            name,
            value: Some(rate.per_second),
            unit: "runs/s",
            goal: if count == 1 {
                Goal::Told
            } else {
                Goal::RatioAtLeast(0.9)
            },
            cpu: Some(would_fit(spent_ms)),
            baseline: (count > 1).then(|| Baseline {
                name: "1 process".into(),
                value: alone,
                unit: "runs/s",
                quiet: None,
            }),
            note: format!(
                "{RUNS} runs that waited, from the first one's beginning to the last one's end; the processes began {}; none lost or doubled; the \
                 processors' time for a run {spent_ms:.2} ms",
                rate.shares
            ),
        });
    }
    server.stop()?;
    Ok(rows)
}

/// Time on processors of all processes and of Postgres.
fn spent(server: &Program, workers: &[Program]) -> Duration {
    let of = |program: &Program| process::cpu(program.pid()).all();
    of(server) + workers.iter().map(of).sum::<Duration>()
}

impl Site<'_> {
    async fn start(&self, place: &Place, count: u64) -> anyhow::Result<Vec<Program>> {
        let mut workers = Vec::new();
        for _ in 0..count {
            workers.push(place.work()?);
        }
        let there = "select count(*) from worker where kind = 'work'";
        self.until(there, &count.to_string()).await?;
        Ok(workers)
    }

    /// Hands runs in while nothing is worked on, lets them go, and waits until nothing is left.
    async fn work_off(&mut self, runs: u64, spent: &dyn Fn() -> Duration) -> anyhow::Result<Rate> {
        let since = baseline::ask(self.data, "select clock_timestamp()")?;
        self.pause(true).await?;
        self.hand_in(runs).await?;
        let before = spent();
        self.pause(false).await?;
        self.until("select count(*) from queue_entry", "0").await?;
        let spent = spent().saturating_sub(before);
        self.check()?;
        let those = format!(
            "workflow_id = '{}' and created_at >= '{since}'",
            self.light.id
        );
        let per_second = baseline::ask(
            self.data,
            &format!(
                "select count(*) / extract(epoch from max(finished_at) - min(started_at)) from run where {those}"
            ),
        )?;
        let shares = baseline::ask(
            self.data,
            &format!(
                "select string_agg(begun::text, ', ') from (
                     select count(*) as begun from step join run on run.id = step.run_id
                     where node = trigger_node and {those} group by worker_id) shares"
            ),
        )?;
        Ok(Rate {
            per_second: per_second.parse()?,
            spent,
            shares,
        })
    }

    async fn pause(&self, paused: bool) -> anyhow::Result<()> {
        let path = format!("/api/workflows/{}", self.light.id);
        call(
            self.owner.patch(&path, json!({ "paused": paused })).await,
            200,
        )
        .map(drop)
    }

    /// Nobody waits for these runs: the answer is 202 and an id.
    async fn hand_in(&mut self, runs: u64) -> anyhow::Result<()> {
        let next = Arc::new(AtomicU64::new(0));
        let mut callers = Vec::new();
        for _ in 0..CALLERS {
            let (owner, next) = (self.owner.clone(), next.clone());
            let path = format!("/api/workflows/{}/runs", self.light.id);
            callers.push(tokio::spawn(async move {
                let mut accepted = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= runs {
                        return anyhow::Ok(accepted);
                    }
                    let body = json!({"input": order(number)});
                    let run = call(owner.post(&path, body).await, 202)?;
                    accepted.push(run["id"].as_str().context("an id")?.to_owned());
                }
            }));
        }
        for caller in callers {
            self.accepted.extend(caller.await??);
        }
        Ok(())
    }

    /// Every run that was accepted has succeeded, each of its steps once and at the first try, and there is no other run.
    fn check(&self) -> anyhow::Result<()> {
        let of = format!("workflow_id = '{}'", self.light.id);
        let stored = baseline::ask(
            self.data,
            &format!("select id from run where {of} and state = 'succeeded'"),
        )?;
        let stored: BTreeSet<String> = stored.lines().map(str::to_owned).collect();
        ensure!(
            stored == self.accepted,
            "{} runs were accepted, {} of them succeeded, and {} others",
            self.accepted.len(),
            self.accepted.intersection(&stored).count(),
            stored.difference(&self.accepted).count()
        );
        let counted = baseline::ask(
            self.data,
            &format!(
                "select (select count(*) from run where {of}), count(*), count(*) filter (where step.state = 'succeeded' and attempt = 1)
                 from step join run on run.id = step.run_id where {of}"
            ),
        )?;
        let runs = u64::try_from(self.accepted.len())?;
        let steps = runs * STEPS;
        ensure!(
            counted == format!("{runs}|{steps}|{steps}"),
            "runs|steps|steps that succeeded at once: {counted}, of {runs} runs"
        );
        Ok(())
    }

    async fn until(&self, query: &str, expected: &str) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            let found = baseline::ask(self.data, query)?;
            if found == expected {
                return Ok(());
            }
            ensure!(
                since.elapsed() < PATIENCE,
                "{query}: {found} instead of {expected}"
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of runs")]
fn number(count: u64) -> f64 {
    count as f64
}
