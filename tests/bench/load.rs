//! A light workflow of five steps under load: programs call its address over HTTP, and only answers count that a step gave in a run that
//! succeeded. `wrk` calls where it is installed; else a client of this program does, which takes more of the processors.

use std::{
    path::PathBuf,
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
    program::{Place, call, client, publish},
    report::{Baseline, Goal, Row, percentile, sorted},
};

const CALLERS: u32 = 32;
const WARM_UP: Duration = Duration::from_secs(3);
const LOAD: Duration = Duration::from_secs(10);
/// One after the other on an idle system.
const ALONE: usize = 200;

/// What the callers saw.
struct Load {
    answered: f64,
    refused: f64,
    seconds: f64,
    p50_ms: f64,
    p95_ms: f64,
}

pub(crate) async fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    // Calls come from many addresses: one alone may not call so often.
    let mut program = place.start(&[("FORMWORK_TRUSTED_PROXIES", "127.0.0.1/32")])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let published = publish(&owner, json!({"document": five_steps()}), |_| {}).await?;
    let told = call(
        owner.get(&format!("/api/workflows/{}", published.id)).await,
        200,
    )?;
    let url = told["hook_urls"][0]["url"].as_str().context("an address")?;
    let alone = alone(url).await?;

    load(url, WARM_UP).await?;
    let finished = "select count(*) from run where state = 'succeeded'";
    let stored_before: f64 = baseline::ask(&place.data_dir(), finished)?.parse()?;
    let before = process::cpu(program.pid());
    let seen = load(url, LOAD).await?;
    let spent = process::cpu(program.pid()).since(before);
    let memory = process::memory_mb(program.pid()).unwrap_or_default();
    let stored: f64 = baseline::ask(&place.data_dir(), finished)?.parse::<f64>()? - stored_before;
    let open = baseline::ask(
        &place.data_dir(),
        "select count(*) from run where finished_at is null",
    )?;
    // What was under way when the callers stopped was finished without them.
    ensure!(
        stored >= seen.answered && stored <= seen.answered + f64::from(CALLERS),
        "{} were answered, {stored} are stored",
        seen.answered
    );
    ensure!(seen.refused == 0.0, "{} calls were refused", seen.refused);
    let commits = {
        let data = place.data_dir();
        tokio::task::spawn_blocking(move || baseline::commits(&data, CALLERS, 5)).await??
    };
    program.stop()?;
    Ok(rows(
        &seen,
        spent,
        &alone,
        &commits,
        &format!(
            "{CALLERS} callers for {:.1} s: {} answered, {stored} stored as succeeded, {open} open afterwards, none lost; p50 {:.1} ms; the server \
         then has {memory:.0} MB",
            seen.seconds, seen.answered, seen.p50_ms
        ),
    ))
}

fn rows(seen: &Load, spent: Cpu, alone: &[f64], commits: &Commits, note: &str) -> Vec<Row> {
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| {
        f64::from(u32::try_from(cores.get()).unwrap_or(1))
    });
    let (own, postgres) = (
        millis(spent.own) / seen.answered,
        millis(spent.others) / seen.answered,
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
            // So many would fit if the callers took nothing.
            cpu: Some(1000.0 * cores / (own + postgres)),
            baseline: Some(Baseline {
                name: format!("durable rows, {CALLERS} connections"),
                value: commits.per_second,
                unit: "rows/s",
                quiet: Some(crate::quiet::COMMITS_PER_SECOND),
            }),
            ..row(
                "engine.light: five-step runs, answered over HTTP",
                seen.answered / seen.seconds,
                "runs/s",
                Goal::AtLeast(1_500.0),
                note.to_owned(),
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
        row(
            "engine.light: Postgres's time for a run",
            postgres,
            "ms",
            Goal::AtMost(0.3),
            String::new(),
        ),
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

fn order(number: u64) -> Json {
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
