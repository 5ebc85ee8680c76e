//! What the server takes when nothing happens, and how soon after its start the first page is there.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use app::postgres::{Cluster, ClusterOptions};
use formwork_tests::office::Caller;
use serde_json::json;

use crate::{
    baseline::Hello,
    process::{self, millis},
    program::{Place, client, publish},
    report::{Baseline, Goal, Row, percentile, sorted},
};

const STARTS: usize = 5;
/// Until allocations of the last requests are given back and timers have ticked.
const REST: Duration = Duration::from_secs(3);

pub(crate) async fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    // Makes the cluster, the owner and a form; what follows is warm.
    let mut program = place.start(&[])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let form = publish(&owner, json!({"example": "invoice"}), |_| {})
        .await?
        .form
        .context("a form")?;
    program.stop()?;

    let (mut alone, mut starts, mut spent) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let options = ClusterOptions {
            data_dir: place.data_dir(),
            postgres_dir: None,
            durable: true,
        };
        let cluster = tokio::task::spawn_blocking(move || {
            let since = Instant::now();
            Cluster::start(&options).map(|cluster| (since.elapsed(), cluster))
        })
        .await??;
        alone.push(millis(cluster.0));
        tokio::task::spawn_blocking(move || drop(cluster.1)).await?;

        let mut program = place.start(&[])?;
        let wall = program.first_page(&form).await?;
        spent.push(millis(process::cpu(program.pid()).all()));
        starts.push(millis(wall));
        program.stop()?;
    }
    let middle = |list: Vec<f64>| percentile(&sorted(list), 0.5);
    let start = Row {
        name: "warm start to the first page",
        value: Some(middle(starts)),
        unit: "ms",
        goal: Goal::AtMost(2_000.0),
        cpu: Some(middle(spent)),
        baseline: Some(Baseline {
            name: "its Postgres alone".into(),
            value: middle(alone),
            unit: "ms",
            quiet: Some(crate::quiet::POSTGRES_START_MS),
        }),
        note: format!(
            "the middle of {STARTS} starts; the page is a public form, which needs the database"
        ),
    };
    Ok(vec![start, memory(place, &form).await?])
}

async fn memory(place: &Place, form: &str) -> anyhow::Result<Row> {
    let mut program = place.start(&[])?;
    program.first_page(form).await?;
    let owner = program.owner().await?;
    let fresh = process::memory_mb(program.pid()).context("the program runs")?;
    visit(&owner, form).await;
    thread::sleep(REST);
    let used = process::memory_mb(program.pid()).context("the program runs")?;
    let hello = Hello::start()?;
    hello.ready(&client()).await?;
    let bare = process::memory_mb(hello.pid()).context("the bare page's server runs")?;
    program.stop()?;
    Ok(Row {
        name: "idle memory of the server",
        value: Some(used.max(fresh)),
        unit: "MB",
        goal: Goal::AtMost(80.0),
        cpu: None,
        baseline: Some(Baseline {
            name: "bare axum page".into(),
            value: bare,
            unit: "MB",
            quiet: None,
        }),
        note: format!(
            "resident; {fresh:.1} MB after the start and a sign-in, {used:.1} MB after the pages of a day"
        ),
    })
}

/// What people look at: pages, lists, the catalogue, an example's picture (which lays out a document).
async fn visit(owner: &Caller, form: &str) {
    for _ in 0..20 {
        for path in [
            form,
            "/",
            "/api/workflows",
            "/api/runs",
            "/api/node-types?lang=en",
            "/api/examples",
            "/api/examples/invoice/page.svg",
            "/api/examples/itinerary/page.svg",
        ] {
            owner.get(path).await;
        }
    }
}
