//! The public form: how long its page takes, and how long it is from sending it to the finished document when nobody else is there.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::{Router, routing::post};
use reqwest::{Client, header};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use crate::{
    baseline::{self, Hello},
    process::{self, millis},
    program::{Place, call, client, publish},
    report::{Baseline, Goal, Row, percentile, sorted},
};

const BLOCKS: usize = 20;
const PAGES: usize = 50;
const SUBMISSIONS: usize = 50;
/// A form is open at least this long before it is sent; the server refuses what is faster.
const LEAST_OPEN: Duration = Duration::from_millis(1_300);
/// Between two submissions, so that each finds the system idle.
const PAUSE: Duration = Duration::from_millis(30);

pub(crate) async fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    let mut program = place.start(&[])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let (receiver, mut arrived) = receive().await?;
    let endpoint = json!({"name": "Back office", "url": receiver});
    let endpoint =
        call(owner.post("/api/endpoints", endpoint).await, 201)?["endpoint"]["id"].clone();
    ensure!(endpoint.is_string(), "the endpoint has an id");
    let form = publish(&owner, json!({"example": "invoice"}), |document| {
        for node in document["nodes"].as_array_mut().into_iter().flatten() {
            if node["type"] == "webhook_deliver" {
                node["config"]["endpoint"] = endpoint.clone();
            }
        }
    })
    .await?
    .form
    .context("a form")?;
    let form = format!("{}{form}", program.address);
    let page = page(&form, program.pid()).await?;
    let commits = {
        let data = place.data_dir();
        tokio::task::spawn_blocking(move || baseline::commits(&data, 1, 3)).await??
    };
    let sent = submissions(&form, &program, &mut arrived, commits.milliseconds).await?;
    program.stop()?;
    Ok(vec![page, sent])
}

async fn page(form: &str, pid: u32) -> anyhow::Result<Row> {
    let (client, hello) = (client(), Hello::start()?);
    hello.ready(&client).await?;
    get(&client, form).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let mut spent = Duration::ZERO;
    // In turns, so that both meet the same neighbours.
    for _ in 0..BLOCKS {
        for _ in 0..PAGES {
            bare.push(get(&client, &hello.address).await?);
        }
        let before = process::cpu(pid);
        for _ in 0..PAGES {
            ours.push(get(&client, form).await?);
        }
        spent += process::cpu(pid).since(before).all();
    }
    let (ours, bare) = (sorted(ours), sorted(bare));
    Ok(Row {
        name: "form page, p95",
        value: Some(percentile(&ours, 0.95)),
        unit: "ms",
        goal: Goal::AtMost(15.0),
        cpu: Some(millis(spent) / per(ours.len())),
        baseline: Some(Baseline {
            name: "bare axum page, p95".into(),
            value: percentile(&bare, 0.95),
            unit: "ms",
            quiet: Some(crate::quiet::HELLO_P95_MS),
        }),
        note: format!(
            "{} pages one after the other, p50 {:.2} ms; the bare page's p50 {:.2} ms",
            ours.len(),
            percentile(&ours, 0.5),
            percentile(&bare, 0.5)
        ),
    })
}

async fn get(client: &Client, url: &str) -> anyhow::Result<f64> {
    let since = Instant::now();
    let answer = client.get(url).send().await?;
    ensure!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.bytes().await?;
    Ok(millis(since.elapsed()))
}

/// The invoice with its note filled in: form, totals, note taken over, number drawn, page rendered, delivery stored. From sending the form until the
/// visitor's page is told that it is done.
async fn submissions(
    form: &str,
    program: &crate::program::Program,
    arrived: &mut mpsc::UnboundedReceiver<()>,
    commit_ms: f64,
) -> anyhow::Result<Row> {
    let client = client();
    let mut tickets = Vec::new();
    for _ in 0..=SUBMISSIONS {
        let page = client.get(form).send().await?.text().await?;
        let ticket = page
            .split_once("name=\"_ticket\" value=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .context("a ticket in the form")?
            .0
            .to_owned();
        tickets.push(ticket);
    }
    tokio::time::sleep(LEAST_OPEN).await;
    let mut times = Vec::new();
    let mut spent = Duration::ZERO;
    for (number, ticket) in tickets.iter().enumerate() {
        tokio::time::sleep(PAUSE).await;
        let before = process::cpu(program.pid());
        let since = Instant::now();
        let answer = client
            .post(form)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(answers(ticket))
            .send()
            .await?;
        ensure!(
            answer.status() == 303,
            "the form was not taken: {}",
            answer.status()
        );
        let place = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|place| place.to_str().ok())
            .context("an address of the result")?
            .to_owned();
        let result = url::Url::parse(form)?.join(&place)?;
        let mut events = client.get(format!("{result}/events")).send().await?;
        let mut told = String::new();
        while !told.contains("event: done") {
            let piece = events
                .chunk()
                .await?
                .context("the events ended before the run")?;
            told.push_str(&String::from_utf8_lossy(&piece));
        }
        let time = millis(since.elapsed());
        tokio::time::timeout(Duration::from_secs(30), arrived.recv()).await?;
        let state: Json = client
            .get(result)
            .header(header::ACCEPT, "application/json")
            .send()
            .await?
            .json()
            .await?;
        ensure!(
            state["state"] == "succeeded",
            "the run ended otherwise: {state}"
        );
        // The first one warms fonts and plans.
        if number > 0 {
            times.push(time);
            spent += process::cpu(program.pid()).since(before).all();
        }
    }
    let times = sorted(times);
    Ok(Row {
        name: "sending a form to the finished run, p95",
        value: Some(percentile(&times, 0.95)),
        unit: "ms",
        goal: Goal::AtMost(60.0),
        cpu: Some(millis(spent) / per(times.len())),
        baseline: Some(Baseline {
            name: "two durable commits".into(),
            value: 2.0 * commit_ms,
            unit: "ms",
            quiet: Some(2.0 * crate::quiet::COMMIT_MS),
        }),
        note: format!(
            "{} invoices with a PDF and a delivery, p50 {:.1} ms; the processors' time includes the webhook and a look at the result",
            times.len(),
            percentile(&times, 0.5)
        ),
    })
}

fn answers(ticket: &str) -> String {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in [
        ("_ticket", ticket),
        ("_action", "submit"),
        ("_website", ""),
        ("customer", "Brandt & Söhne GmbH"),
        ("address", "Hafenstraße 12\n24103 Kiel"),
        ("date", "2027-03-09"),
        ("due", "2027-04-08"),
        ("note", "Thank you for the good work together."),
        ("lines.0.description", "Team retreat, per person"),
        ("lines.0.quantity", "14"),
        ("lines.0.unit_price", "368.00"),
        ("lines.0.vat_rate", "7"),
        ("lines.1.description", "Meeting room and equipment, days"),
        ("lines.1.quantity", "3"),
        ("lines.1.unit_price", "290.00"),
        ("lines.1.vat_rate", "19"),
    ] {
        body.append_pair(name, value);
    }
    body.finish()
}

/// The office's own server: takes every message.
async fn receive() -> anyhow::Result<(String, mpsc::UnboundedReceiver<()>)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let router = Router::new().route(
        "/hook",
        post(move || {
            let sender = sender.clone();
            async move {
                let _ = sender.send(());
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}/hook", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((address, receiver))
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests")]
fn per(count: usize) -> f64 {
    count.max(1) as f64
}
