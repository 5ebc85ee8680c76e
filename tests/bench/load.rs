//! A light workflow of five steps under load: programs call its address over HTTP, and only answers count that a step gave in a run that
//! succeeded. `wrk` calls where it is installed; else a client of this program does, which takes more of the processors.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use formwork_tests::office::Caller;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    baseline::{self, Commits},
    process::{self, Cpu, millis},
    program::{Place, Program, call, client, publish},
    report::{Baseline, Goal, Row, percentile, sorted},
};

const CALLERS: u32 = 32;
const WARM_UP: Duration = Duration::from_secs(3);
const LOAD: Duration = Duration::from_secs(10);
const BARE_SECONDS: u32 = 5;
/// One after the other on an idle system.
const ALONE: usize = 200;
/// Calls come from many addresses: one alone may not call so often.
pub(crate) const MANY_ADDRESSES: (&str, &str) = ("FORMWORK_TRUSTED_PROXIES", "127.0.0.1/32");
/// Until what was under way at the end of a load is finished.
const PATIENCE: Duration = Duration::from_secs(30);

/// The light workflow, in use.
pub(crate) struct Light {
    pub(crate) id: String,
    url: String,
}

/// What the callers saw.
pub(crate) struct Load {
    pub(crate) answered: f64,
    refused: f64,
    seconds: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
}

/// A load whose answers were found again in the database.
pub(crate) struct Counted {
    pub(crate) seen: Load,
    /// Runs that are stored as succeeded; those under way when the callers stopped included.
    stored: f64,
    pub(crate) spent: Cpu,
    /// When it began and ended, by the database's clock.
    pub(crate) between: [String; 2],
}

impl Light {
    pub(crate) async fn publish(owner: &Caller) -> anyhow::Result<Self> {
        let published = publish(owner, json!({"document": five_steps()}), |_| {}).await?;
        let path = format!("/api/workflows/{}", published.id);
        let told = call(owner.get(&path).await, 200)?;
        let url = told["hook_urls"][0]["url"].as_str();
        Ok(Self {
            url: url.context("an address")?.to_owned(),
            id: published.id,
        })
    }

    /// Calls until plans are made and caches are full.
    pub(crate) async fn warm(&self) -> anyhow::Result<()> {
        load(&self.url, WARM_UP).await.map(drop)
    }

    /// Calls for so long, and counts in the database what was answered.
    pub(crate) async fn counted(
        &self,
        place: &Place,
        program: &Program,
        time: Duration,
    ) -> anyhow::Result<Counted> {
        let data = place.data_dir();
        let now = || baseline::ask(&data, "select clock_timestamp()");
        self.settled(&data).await?;
        let stored_before = self.finished(&data)?;
        let (from, before) = (now()?, process::cpu(program.pid()));
        let seen = load(&self.url, time).await?;
        let (spent, to) = (process::cpu(program.pid()).since(before), now()?);
        self.settled(&data).await?;
        let stored = self.finished(&data)? - stored_before;
        ensure!(seen.refused == 0.0, "{} calls were refused", seen.refused);
        // What was under way when the callers stopped was finished without them.
        ensure!(
            stored >= seen.answered && stored <= seen.answered + f64::from(CALLERS),
            "{} were answered, {stored} are stored",
            seen.answered
        );
        Ok(Counted {
            seen,
            stored,
            spent,
            between: [from, to],
        })
    }

    fn finished(&self, data: &Path) -> anyhow::Result<f64> {
        let finished = format!(
            "select count(*) from run where workflow_id = '{}' and state = 'succeeded'",
            self.id
        );
        Ok(baseline::ask(data, &finished)?.parse()?)
    }

    /// Waits until none of its runs is under way.
    async fn settled(&self, data: &Path) -> anyhow::Result<()> {
        let since = Instant::now();
        let open = format!(
            "select count(*) from run where workflow_id = '{}' and finished_at is null",
            self.id
        );
        while baseline::ask(data, &open)? != "0" {
            ensure!(
                since.elapsed() < PATIENCE,
                "runs of the light workflow stay open"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

impl Counted {
    pub(crate) fn per_second(&self) -> f64 {
        self.seen.answered / self.seen.seconds
    }
}

pub(crate) async fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    let mut program = place.start(&[MANY_ADDRESSES])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let light = Light::publish(&owner).await?;
    let alone = alone(&light.url).await?;
    light.warm().await?;
    let counted = light.counted(place, &program, LOAD).await?;
    let memory = process::memory_mb(program.pid()).unwrap_or_default();
    let data = place.data_dir();
    let pid = program.pid();
    let (commits, floor, bare) = tokio::task::spawn_blocking(move || {
        let commits = baseline::commits(&data, CALLERS, BARE_SECONDS)?;
        let before = process::cpu(pid);
        let floor = baseline::light_runs(&data, CALLERS, BARE_SECONDS)?;
        let spent = process::cpu(pid).since(before);
        let bare = millis(spent.others) / (floor.per_second * f64::from(BARE_SECONDS));
        anyhow::Ok((commits, floor, bare))
    })
    .await??;
    program.stop()?;
    let mut rows = rows(&counted, &alone, &commits, bare, memory);
    rows.insert(1, beside_two_commits(&counted, &floor));
    Ok(rows)
}

/// So many would fit if the callers took nothing of the machine.
pub(crate) fn would_fit(spent_ms: f64) -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    1000.0 * f64::from(u32::try_from(cores).unwrap_or(1)) / spent_ms
}

fn beside_two_commits(counted: &Counted, floor: &Commits) -> Row {
    Row {
        name: "engine.light: five-step runs beside two bare commits each",
        value: Some(counted.per_second()),
        unit: "runs/s",
        goal: Goal::RatioAtLeast(0.2),
        cpu: None,
        baseline: Some(Baseline {
            name: format!("bare runs of two commits, {CALLERS} connections"),
            value: floor.per_second,
            unit: "runs/s",
            quiet: None,
        }),
        note: "the bare ones insert a run and its entry, then take the entry away, insert five steps and end the run, straight in pgbench: no HTTP, \
               nothing is computed"
            .into(),
    }
}

/// `bare`: Postgres's milliseconds for a bare run of two commits.
fn rows(counted: &Counted, alone: &[f64], commits: &Commits, bare: f64, memory: f64) -> Vec<Row> {
    let seen = &counted.seen;
    let (own, postgres) = (
        millis(counted.spent.own) / seen.answered,
        millis(counted.spent.others) / seen.answered,
    );
    let row = |name, value, unit, goal, note: String| Row {
        name,
        value: Some(value),
        unit,
        goal,
        cpu: None,
        baseline: None,
        note,
    };
    vec![
        Row {
            cpu: Some(would_fit(own + postgres)),
            baseline: Some(Baseline {
                name: format!("durable rows, {CALLERS} connections"),
                value: commits.per_second,
                unit: "rows/s",
                quiet: Some(crate::quiet::COMMITS_PER_SECOND),
            }),
            ..row(
                "engine.light: five-step runs, answered over HTTP",
                counted.per_second(),
                "runs/s",
                Goal::AtLeast(1_500.0),
                format!(
                    "{CALLERS} callers for {:.1} s: {} answered, {} stored as succeeded, none lost, none open; p50 {:.1} ms; the server then has \
                     {memory:.0} MB",
                    seen.seconds, seen.answered, counted.stored, seen.p50_ms
                ),
            )
        },
        row(
            "engine.light: answered, p95",
            seen.p95_ms,
            "ms",
            Goal::AtMost(40.0),
            String::new(),
        ),
        row(
            "engine.light: the server's time for a run",
            own,
            "ms",
            Goal::AtMost(0.8),
            String::new(),
        ),
        Row {
            baseline: Some(Baseline {
                name: "for a bare run of two commits".into(),
                value: bare,
                unit: "ms",
                quiet: None,
            }),
            ..row(
                "engine.light: Postgres's time for a run",
                postgres,
                "ms",
                Goal::AtMost(0.3),
                String::new(),
            )
        },
        row(
            "engine.light: called and answered on an idle system, p50",
            percentile(alone, 0.5),
            "ms",
            Goal::AtMost(10.0),
            format!(
                "{ALONE} one after the other; p95 {:.1} ms",
                percentile(alone, 0.95)
            ),
        ),
    ]
}

/// What a caller sends.
pub(crate) fn order(number: u64) -> Json {
    json!({"customer": format!("Customer {number}"), "price": "12.50", "quantity": number % 90 + 1})
}

/// One caller, one call at a time.
async fn alone(url: &str) -> anyhow::Result<Vec<f64>> {
    let client = client();
    let mut times = Vec::new();
    for number in 0..ALONE as u64 {
        let since = Instant::now();
        let answer = client.post(url).json(&order(number)).send().await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        answer.bytes().await?;
        times.push(millis(since.elapsed()));
    }
    Ok(sorted(times))
}

async fn load(url: &str, time: Duration) -> anyhow::Result<Load> {
    match wrk() {
        Some(program) => {
            let url = url.to_owned();
            tokio::task::spawn_blocking(move || call_with_wrk(&program, &url, time)).await?
        }
        None => call_ourselves(url, time).await,
    }
}

fn wrk() -> Option<PathBuf> {
    ["/usr/bin/wrk", "/usr/local/bin/wrk"]
        .map(PathBuf::from)
        .into_iter()
        .find(|program| program.is_file())
}

/// Its own script writes what it saw on one line at the end.
fn call_with_wrk(program: &PathBuf, url: &str, time: Duration) -> anyhow::Result<Load> {
    const SCRIPT: &str = r#"
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
local n = 0
request = function()
  n = n + 1
  wrk.headers["x-forwarded-for"] = "10.0." .. (n % 40) .. "." .. (n % 250 + 1)
  return wrk.format(nil, nil, nil, '{"customer":"Customer ' .. n .. '","price":"12.50","quantity":' .. (n % 90 + 1) .. '}')
end
done = function(summary, latency)
  local bad = summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.connect + summary.errors.timeout
  print("seen " .. summary.requests .. " " .. bad .. " " .. summary.duration .. " " .. latency:percentile(50) .. " " .. latency:percentile(95))
end
"#;
    let script = std::env::temp_dir().join(format!("formwork-bench-{}.lua", std::process::id()));
    std::fs::write(&script, SCRIPT)?;
    let output = Command::new(program)
        .args([
            "-t1",
            // Behind a long queue an answer may take longer than wrk would wait by itself.
            "--timeout",
            "30s",
            &format!("-c{CALLERS}"),
            &format!("-d{}s", time.as_secs()),
            "-s",
        ])
        .arg(&script)
        .arg(url)
        .stdin(Stdio::null())
        .output();
    let _ = std::fs::remove_file(&script);
    let told = String::from_utf8(output?.stdout)?;
    let figures: Vec<f64> = told
        .lines()
        .find_map(|line| line.strip_prefix("seen "))
        .context("wrk says nothing")?
        .split(' ')
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [requests, refused, microseconds, p50, p95] = figures[..] else {
        anyhow::bail!("wrk says: {told}");
    };
    Ok(Load {
        answered: requests - refused,
        refused,
        seconds: microseconds / 1e6,
        p50_ms: p50 / 1e3,
        p95_ms: p95 / 1e3,
    })
}

/// Every caller calls, waits for the answer, and calls again.
async fn call_ourselves(url: &str, time: Duration) -> anyhow::Result<Load> {
    let since = Instant::now();
    let until = since + time;
    let number = Arc::new(AtomicU64::new(1));
    let caller = Caller {
        address: url.to_owned(),
        client: client(),
        ..Caller::default()
    };
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let (caller, number) = (caller.clone(), number.clone());
        callers.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let since = Instant::now();
                let order_number = number.fetch_add(1, Ordering::Relaxed);
                let address = format!("10.0.{}.{}", order_number % 40, order_number % 250 + 1);
                let request = caller
                    .request(Method::POST, "")
                    .header("x-forwarded-for", address)
                    .json(&order(order_number));
                call(caller.send(request).await, 200)?;
                times.push(millis(since.elapsed()));
            }
            anyhow::Ok(times)
        }));
    }
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await??);
    }
    let all = sorted(all);
    Ok(Load {
        answered: f64::from(u32::try_from(all.len())?),
        refused: 0.0,
        seconds: since.elapsed().as_secs_f64(),
        p50_ms: percentile(&all, 0.5),
        p95_ms: percentile(&all, 0.95),
    })
}

/// Values come in, are computed, decide a way, and go back.
fn five_steps() -> Json {
    let node = |id: &str, node_type: &str, config: Json| json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config});
    json!({
            "format": "formwork/1", "name": "Light", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
            "nodes": [
                node("order", "webhook_input", json!({"answer": "when_done", "fields": [
                    {"name": "customer", "kind": "text", "max_length": 80},
                    {"name": "price", "kind": "decimal"},
                    {"name": "quantity", "kind": "integer"},
                ]})),
                node("net", "set_fields", json!({"fields": [
                    {"name": "net", "label": "Net", "kind": "money", "value": "{{ order.price * order.quantity }}"},
                ]})),
                node("size", "branch", json!({"ways": [
                    {"name": "large", "rules": [{"value": "{{ net.net }}", "operator": "at_least", "operand": "500"}]},
                ]})),
                node("gross", "set_fields", json!({"fields": [
                    {"name": "gross", "label": "Gross", "kind": "money", "value": "{{ (net.net * 1.19) | round(2) }}"},
                ]})),
    node("reply", "respond", json!({"values": {"customer": "{{ order.customer }}", "gross": "{{ gross.gross }}"}})),
            ],
            "edges": [
                {"from": "order", "port": "out", "to": "net"},
                {"from": "net", "port": "out", "to": "size"},
                {"from": "size", "port": "large", "to": "gross"},
                {"from": "size", "port": "otherwise", "to": "gross"},
                {"from": "gross", "port": "out", "to": "reply"},
            ],
        })
}
