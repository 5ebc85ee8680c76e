//! A light workflow of five steps under load: programs start runs over HTTP and count only those that are answered as succeeded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use formwork_tests::office::Caller;
use serde_json::{Value as Json, json};

use crate::{
    baseline,
    process::{self, millis},
    program::{Place, call, client, publish},
    report::{Baseline, Goal, Row, percentile, sorted},
};

const CALLERS: u32 = 32;
const WARM_UP: Duration = Duration::from_secs(2);
const LOAD: Duration = Duration::from_secs(10);

pub(crate) async fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    let mut program = place.start(&[])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let workflow = publish(&owner, json!({"document": five_steps()}), |_| {})
        .await?
        .id;
    let key = call(
        owner
            .post("/api/access-keys", json!({"name": "bench"}))
            .await,
        201,
    )?;
    let caller = Caller {
        address: program.address.clone(),
        client: client(),
        key: key["key"].as_str().map(str::to_owned),
        ..Caller::default()
    };
    let path = format!("/api/workflows/{workflow}/runs");
    run(&caller, &path, WARM_UP).await?;
    let before = process::cpu(program.pid());
    let since = Instant::now();
    let times = sorted(run(&caller, &path, LOAD).await?);
    let seconds = since.elapsed().as_secs_f64();
    let spent = process::cpu(program.pid()).since(before);
    let memory = process::memory_mb(program.pid()).unwrap_or_default();

    // Counted by the callers and kept by the server.
    let newest = call(owner.get("/api/runs?state=succeeded").await, 200)?;
    ensure!(
        newest["items"]
            .as_array()
            .is_some_and(|runs| !runs.is_empty()),
        "nothing is stored"
    );
    let commits = {
        let data = place.data_dir();
        tokio::task::spawn_blocking(move || baseline::commits(&data, CALLERS, 5)).await??
    };
    program.stop()?;
    let count = f64::from(u32::try_from(times.len())?);
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| {
        f64::from(u32::try_from(cores.get()).unwrap_or(1))
    });
    let each = millis(spent.all()) / count;
    Ok(vec![Row {
        name: "light five-step runs over HTTP",
        value: Some(count / seconds),
        unit: "runs/s",
        goal: Goal::AtLeast(200.0),
        // So many would fit if the callers took nothing.
        cpu: Some(1000.0 * cores / each),
        baseline: Some(Baseline {
            name: format!("durable rows, {CALLERS} connections"),
            value: commits.per_second,
            unit: "rows/s",
            quiet: Some(crate::quiet::COMMITS_PER_SECOND),
        }),
        note: format!(
            "{} runs by {CALLERS} callers in {seconds:.1} s, each answered as succeeded; p50 {:.0} ms, p95 {:.0} ms; a run takes {:.2} ms \
             of the server and {:.2} ms of Postgres; the server then has {memory:.0} MB",
            times.len(),
            percentile(&times, 0.5),
            percentile(&times, 0.95),
            millis(spent.own) / count,
            millis(spent.others) / count,
        ),
    }])
}

/// Every caller starts a run, waits for its end, and starts the next.
async fn run(caller: &Caller, path: &str, time: Duration) -> anyhow::Result<Vec<f64>> {
    let until = Instant::now() + time;
    let number = Arc::new(AtomicU64::new(1));
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        let (caller, path, number) = (caller.clone(), path.to_owned(), number.clone());
        callers.push(tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let since = Instant::now();
                let order = number.fetch_add(1, Ordering::Relaxed);
                let input = json!({"customer": format!("Customer {order}"), "price": "12.50", "quantity": order % 90 + 1});
                let answer = caller
                    .post(&path, json!({"input": input, "wait_ms": 25_000}))
                    .await;
                let run = call(answer, 200)?;
                ensure!(run["state"] == "succeeded", "a run ended otherwise: {run}");
                times.push(millis(since.elapsed()));
            }
            anyhow::Ok(times)
        }));
    }
    let mut all = Vec::new();
    for caller in callers {
        all.extend(caller.await??);
    }
    Ok(all)
}

/// Values come in, are computed, decide a way, and become a text.
fn five_steps() -> Json {
    let node = |id: &str, node_type: &str, config: Json| json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config});
    json!({
        "format": "formwork/1", "name": "Light", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            node("order", "webhook_input", json!({"fields": [
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
            node("letter", "template_fill", json!({"template": "Dear {{ order.customer }}, that makes {{ gross.gross | money }}."})),
        ],
        "edges": [
            {"from": "order", "port": "out", "to": "net"},
            {"from": "net", "port": "out", "to": "size"},
            {"from": "size", "port": "large", "to": "gross"},
            {"from": "size", "port": "otherwise", "to": "gross"},
            {"from": "gross", "port": "out", "to": "letter"},
        ],
    })
}
