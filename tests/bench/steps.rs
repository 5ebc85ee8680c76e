//! A run of 40 steps, one after the other, each of which takes 10 ms and is committed before the next one begins: what does the engine add
//! to them? This is the shape of a published comparison of workflow engines, which tells assignment, execution and transition apart.
//!
//! A step that is committed by itself is one that reaches outside, so each of the 40 asks a server of this program over HTTP, which keeps
//! a processor busy for its 10 ms. What that exchange itself takes is measured without the engine, by a client that asks as often, and is not
//! counted as the engine's. One clock tells all times: the server's, and the
//! database's for the entry in the queue, whose instant a step reads as `now` and sends along.

use std::{
    collections::HashMap,
    future::ready,
    hint::spin_loop,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use axum::{
    Router,
    http::{StatusCode, Uri},
    routing::get,
};
use formwork_tests::office::Caller;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::{
    baseline,
    process::{self, millis},
    program::{Place, call, client, publish},
    report::{Baseline, Goal, Row, percentile, sorted},
};

const STEPS: u32 = 40;
const BUSY: Duration = Duration::from_millis(10);
const RUNS: u32 = 20;

/// One step as the server saw it.
struct Step {
    number: u32,
    /// When its entry was put into the queue.
    entered: Timestamp,
    began: Timestamp,
    ended: Timestamp,
}

type Steps = Arc<Mutex<Vec<Step>>>;

/// Milliseconds that the steps of a run took on average, by what they went to.
struct Split {
    /// From the entry to the first thing that the step does.
    assignment: f64,
    execution: f64,
    /// From the end of the step before to the entry; for the first step, from sending the run.
    transition: f64,
    /// Of the whole run, in seconds, until its last step has ended.
    run_s: f64,
}

pub(crate) async fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    let mut program = place.start(&[])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let (address, steps) = keep_busy().await?;
    let workflow = publish(&owner, json!({"document": chain(&address)}), |_| {})
        .await?
        .id;
    // The first one makes plans and connections.
    run(&owner, &workflow, &steps).await?;
    let before = process::cpu(program.pid());
    let mut splits = Vec::new();
    for _ in 0..RUNS {
        splits.push(run(&owner, &workflow, &steps).await?);
    }
    let spent = process::cpu(program.pid()).since(before);
    let data = place.data_dir();
    let asking = ask_without_engine(&address, &steps).await?;
    let by_rows = baseline::ask(
        &data,
        "select round(avg(extract(epoch from finished_at - started_at) * 1000), 1) from step where node like 'busy%'",
    )?;
    let commit = tokio::task::spawn_blocking(move || baseline::commits(&data, 1, 3)).await??;
    program.stop()?;
    let cpu = millis(spent.all()) / f64::from(RUNS * STEPS);
    Ok(rows(&splits, asking, cpu, commit.milliseconds, &by_rows))
}

fn rows(splits: &[Split], asking: f64, cpu: f64, commit_ms: f64, by_rows: &str) -> Vec<Row> {
    let commit = Baseline {
        name: "one durable commit".into(),
        value: commit_ms,
        unit: "ms",
        quiet: Some(crate::quiet::COMMIT_MS),
    };
    let part = |name, value| Row {
        name,
        value: Some(value),
        unit: "ms",
        goal: Goal::Told,
        cpu: None,
        baseline: Some(commit.clone()),
        note: String::new(),
    };
    vec![
        Row {
            goal: Goal::AtMost(1.0),
            cpu: Some(cpu),
            note: format!(
                "{STEPS} steps of {} ms one after the other, each committed before the next; the middle of {RUNS} runs, which took {:.3} s until \
                 their last step had ended; assignment and transition without what asking takes without the engine",
                BUSY.as_millis(),
                middle(splits, |split| split.run_s),
            ),
            ..part(
                "engine.steps: what the engine adds to a durable step",
                middle(splits, |split| split.assignment + split.transition) - asking,
            )
        },
        Row {
            note: "from the entry in the queue, which is as old as the beginning of its commit, until the step does something".into(),
            ..part(
                "engine.steps: assignment",
                middle(splits, |split| split.assignment),
            )
        },
        Row {
            note: format!("{by_rows} ms by the step rows, which tell whole milliseconds and count the exchange over HTTP"),
            baseline: None,
            ..part("engine.steps: execution", middle(splits, |split| split.execution))
        },
        Row {
            note: "from the end of a step to the entry of the next one; for the first step, from sending the run".into(),
            ..part(
                "engine.steps: transition",
                middle(splits, |split| split.transition),
            )
        },
        Row {
            note: "from sending the request to its answer, without the 10 ms, by a client that does nothing else".into(),
            ..part("engine.steps: asking without the engine", asking)
        },
    ]
}

/// Milliseconds that asking for a step takes besides its work.
async fn ask_without_engine(address: &str, steps: &Steps) -> anyhow::Result<f64> {
    let client = client();
    let mut times = Vec::new();
    for number in 0..STEPS * 5 {
        let url = format!("{address}?step={number}&entered={}", Timestamp::now());
        let since = Instant::now();
        let answer = client.get(url).send().await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        answer.bytes().await?;
        times.push(millis(since.elapsed()));
    }
    let mut seen = std::mem::take(&mut *steps.lock().unwrap_or_else(PoisonError::into_inner));
    let busy = sorted(
        seen.drain(..)
            .map(|step| between(step.began, step.ended))
            .collect(),
    );
    Ok(percentile(&sorted(times), 0.5) - percentile(&busy, 0.5))
}

fn middle(splits: &[Split], of: fn(&Split) -> f64) -> f64 {
    percentile(&sorted(splits.iter().map(of).collect()), 0.5)
}

/// One run, from sending it to its answer.
async fn run(owner: &Caller, workflow: &str, steps: &Steps) -> anyhow::Result<Split> {
    let path = format!("/api/workflows/{workflow}/runs");
    let body = json!({"input": {}, "wait_ms": 25_000});
    let sent = Timestamp::now();
    let answer = call(owner.post(&path, body).await, 200)?;
    ensure!(
        answer["state"] == "succeeded",
        "the run ended otherwise: {answer}"
    );
    let mut seen = std::mem::take(&mut *steps.lock().unwrap_or_else(PoisonError::into_inner));
    seen.sort_by_key(|step| step.began);
    let numbers: Vec<u32> = seen.iter().map(|step| step.number).collect();
    ensure!(
        numbers == (0..STEPS).collect::<Vec<_>>(),
        "the steps ran in the order {numbers:?}"
    );
    let mut split = Split {
        assignment: 0.0,
        execution: 0.0,
        transition: 0.0,
        run_s: 0.0,
    };
    let mut before = sent;
    for step in &seen {
        split.transition += between(before, step.entered);
        split.assignment += between(step.entered, step.began);
        split.execution += between(step.began, step.ended);
        before = step.ended;
    }
    split.run_s = between(sent, before) / 1000.0;
    for part in [
        &mut split.assignment,
        &mut split.execution,
        &mut split.transition,
    ] {
        *part /= f64::from(STEPS);
    }
    Ok(split)
}

fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

/// A server that is busy for each request as a step would be, and remembers when. It does so where it answers: handing the work to another
/// thread and back would be counted as the engine's.
async fn keep_busy() -> anyhow::Result<(String, Steps)> {
    let steps = Steps::default();
    let seen = steps.clone();
    let router = Router::new().route("/", get(move |uri: Uri| ready(be_busy(&seen, &uri))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((address, steps))
}

fn be_busy(steps: &Steps, uri: &Uri) -> Result<(), (StatusCode, String)> {
    let (began, since) = (Timestamp::now(), Instant::now());
    let (number, entered) =
        told(uri).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    while since.elapsed() < BUSY {
        spin_loop();
    }
    let ended = Timestamp::now();
    let mut steps = steps.lock().unwrap_or_else(PoisonError::into_inner);
    steps.push(Step {
        number,
        entered,
        began,
        ended,
    });
    Ok(())
}

/// Number of the step and the instant of its entry, from the question's end.
fn told(uri: &Uri) -> anyhow::Result<(u32, Timestamp)> {
    let query = uri.query().context("a query")?;
    let pairs: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let value = |name: &str| pairs.get(name).context("a value");
    Ok((value("step")?.parse()?, value("entered")?.parse()?))
}

fn chain(address: &str) -> Json {
    let mut nodes = vec![
        json!({"id": "begin", "type": "webhook_input", "version": 1, "name": "Begin", "config": {}}),
    ];
    let mut edges = Vec::new();
    let mut before = "begin".to_owned();
    for number in 0..STEPS {
        let id = format!("busy_{number}");
        nodes.push(json!({"id": id, "type": "http_request", "version": 1, "name": id, "config": {
            "url": address, "query": {"step": number.to_string(), "entered": "{{ now }}"}, "answer": "none"}}));
        edges.push(json!({"from": before, "port": "out", "to": id}));
        before = id;
    }
    json!({
        "format": "formwork/1", "name": "Steps", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": nodes, "edges": edges,
    })
}
