//! How fast a model writes on an otherwise idle machine: the real worker process under the real program, asked by a run.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use formwork_tests::office::Caller;
use serde_json::{Value as Json, json};

use crate::{
    baseline::memory_bandwidth,
    program::{Place, call, publish},
    report::{Baseline, Goal, Row, percentile, sorted},
};

const RUNS: usize = 3;
const TOKENS: u32 = 160;
const LOADING: Duration = Duration::from_mins(4);

/// A model and its floor.
pub(crate) struct Asked<'a> {
    pub(crate) name: &'static str,
    pub(crate) file: Option<&'a Path>,
    pub(crate) goal: f64,
}

pub(crate) async fn measure(programs: &Path, asked: &Asked<'_>) -> anyhow::Result<Row> {
    let mut row = Row {
        name: asked.name,
        value: None,
        unit: "tokens/s",
        goal: Goal::AtLeast(asked.goal),
        cpu: None,
        baseline: None,
        note: "its file is not on this machine; `.ci/model` fetches it".into(),
    };
    let Some(file) = asked.file.filter(|file| file.is_file()) else {
        return Ok(row);
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let place = Place::new(programs)?;
    let (model, wanted) = (file.display().to_string(), threads.to_string());
    let mut program = place.start(&[
        ("FORMWORK_MODEL", &model),
        ("FORMWORK_MODEL_THREADS", &wanted),
    ])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    ready(&owner).await?;
    let workflow = publish(&owner, json!({"document": one_text()}), |_| {})
        .await?
        .id;
    let (mut writes, mut reads, mut memory) = (Vec::new(), Vec::new(), 0.0);
    for number in 0..RUNS {
        let usage = ask(&owner, &workflow, number).await?;
        let speed = |tokens: &Json, time: &Json| -> Option<f64> {
            Some(tokens.as_f64()? * 1000.0 / time.as_f64()?.max(1.0))
        };
        writes.push(speed(&usage["output_tokens"], &usage["output_ms"]).context("a speed")?);
        let fresh = usage["prompt_tokens"].as_f64().unwrap_or_default()
            - usage["cached_tokens"].as_f64().unwrap_or_default();
        if number == 0 {
            reads.extend(speed(&fresh.into(), &usage["prompt_ms"]));
        }
        let models = call(owner.get("/api/models").await, 200)?;
        memory = models["items"][0]["memory_bytes"]
            .as_f64()
            .unwrap_or_default();
    }
    program.stop()?;
    // Every token reads every weight once: no program can be faster than the memory.
    let bytes = std::fs::metadata(file)?.len();
    let bandwidth = memory_bandwidth(threads);
    row.value = Some(percentile(&sorted(writes), 0.5));
    row.baseline = Some(Baseline {
        name: format!("memory's bound at {:.1} GB/s", bandwidth / 1e9),
        value: bandwidth / f64::from(u32::try_from(bytes)?),
        unit: "tokens/s",
        quiet: Some(crate::quiet::BANDWIDTH / f64::from(u32::try_from(bytes)?)),
    });
    row.note = format!(
        "{threads} threads, the middle of {RUNS} texts of up to {TOKENS} tokens; reads {:.0} tokens/s; the worker has {:.0} MB",
        percentile(&reads, 0.5),
        memory / 1e6
    );
    Ok(row)
}

async fn ready(owner: &Caller) -> anyhow::Result<()> {
    let loaded = async {
        loop {
            let models = call(owner.get("/api/models").await, 200)?;
            match models["items"][0]["state"].as_str() {
                Some("ready") => return anyhow::Ok(()),
                Some("failed") => bail!("the model failed: {}", models["items"][0]["error"]),
                _ => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    };
    tokio::time::timeout(LOADING, loaded).await?
}

/// The usage of one text.
async fn ask(owner: &Caller, workflow: &str, number: usize) -> anyhow::Result<Json> {
    let body = json!({"input": {"place": format!("harbour no. {number}")}, "wait_ms": 25_000});
    let mut answer = owner
        .post(&format!("/api/workflows/{workflow}/runs"), body)
        .await;
    let id = answer.json["id"].as_str().context("an id")?.to_owned();
    while answer.status == 202 {
        answer = owner.get(&format!("/api/runs/{id}/wait")).await;
    }
    let run = call(owner.get(&format!("/api/runs/{id}")).await, 200)?;
    let written = run["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .find_map(|step| step["generations"].get(0))
        .cloned()
        .unwrap_or_default();
    if run["state"] != "succeeded" {
        bail!("the run ended otherwise: {run}");
    }
    Ok(written["usage"].clone())
}

fn one_text() -> Json {
    json!({
        "format": "formwork/1", "name": "Text", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "order", "type": "webhook_input", "version": 1, "name": "In", "config": {"fields": [{"name": "place", "kind": "text"}]}},
            {"id": "write", "type": "llm_generate", "version": 1, "name": "Write", "config": {
                "instruction": "Tell a long story about a day at {{ order.place }}: who comes, what they carry, what they say, and how the evening ends.",
                "max_tokens": TOKENS, "temperature": 0.0}},
        ],
        "edges": [{"from": "order", "port": "out", "to": "write"}],
    })
}
