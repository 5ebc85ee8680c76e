//! A run of 40 steps, one after the other, each of which keeps a processor busy for 10 ms and is committed before the next one begins: what
//! does the engine add to them? This is the shape of a published comparison of workflow engines, which tells assignment, execution and
//! transition apart.
//!
//! The program is this one in another role: the real one with one more node type, whose steps are busy and put out when. One clock tells all
//! times, the server's, and the database's for the entry in the queue, whose instant a step reads as `now`.

use std::{
    hint::spin_loop,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use app::{
    config::Config,
    program::{self, Roles},
};
use async_trait::async_trait;
use engine::{
    catalogue::NodeType,
    expression::Template,
    kind::Kind,
    node::{
        Card, Description, Done, Effect, Family, Node, NodeContext, NodeError, Outcome,
        OutputContext, Surface,
    },
    value::Value,
};
use formwork_tests::office::Caller;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    baseline,
    process::{self, millis},
    program::{Place, call, publish},
    report::{Baseline, Goal, Row, percentile, sorted},
};

/// The first argument that makes this program the server.
pub(crate) const BUSY_SERVER: &str = "busy";

const STEPS: u32 = 40;
const BUSY: Duration = Duration::from_millis(10);
const RUNS: u32 = 20;

/// As `formwork run`, with the node type of this measurement.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let roles = Roles {
        serve: true,
        work: true,
        model: false,
    };
    let catalogue = nodes::catalogue().with(NodeType::of::<Busy>());
    program::run(Config::from_env()?, roles, catalogue).await
}

/// Keep a processor busy.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Busy {
    /// What a step before has put out.
    #[serde(default)]
    before: Template,
}

#[async_trait]
impl Node for Busy {
    const TYPE: &'static str = "busy";
    const VERSION: u32 = 1;

    fn describe() -> Description {
        Description {
            title: "Be busy",
            family: Family::Computed,
            icon: "cpu",
            // Pure steps share a commit.
            effect: Effect::Outside,
            surface: Surface::Text,
            timeout_ms: 10_000,
            retry: None,
        }
    }

    fn output(&self, _context: &OutputContext<'_>) -> Kind {
        Kind::record([
            ("entered", "Entered", Kind::Instant),
            ("began", "Began", Kind::Instant),
            ("ended", "Ended", Kind::Instant),
        ])
    }

    fn card(&self) -> Card {
        Card {
            key_fact: "10 ms".into(),
            well: Vec::new(),
        }
    }

    async fn run(&self, context: &dyn NodeContext) -> Result<Outcome, NodeError> {
        context.evaluate(&self.before)?;
        let (began, since) = (Timestamp::now(), Instant::now());
        let entered = context.values().get("now").map(Value::to_json);
        while since.elapsed() < BUSY {
            spin_loop();
        }
        let ended = Timestamp::now();
        let output = json!({"entered": entered, "began": began, "ended": ended});
        Ok(Outcome::Done(Done::out(output)))
    }
}

/// What a step put out.
#[derive(Deserialize)]
struct Step {
    /// When its entry was put into the queue.
    entered: Timestamp,
    began: Timestamp,
    ended: Timestamp,
}

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
    let mut program = place.start_busy()?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let workflow = publish(&owner, json!({"document": chain()}), |_| {})
        .await?
        .id;
    // The first one makes plans and connections.
    run(&owner, &workflow).await?;
    let commit_before = commit(place).await?;
    let before = process::cpu(program.pid());
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(run(&owner, &workflow).await?);
    }
    let spent = process::cpu(program.pid()).since(before);
    let commit_after = commit(place).await?;
    let mut splits = Vec::new();
    for run in &runs {
        splits.push(split(&owner, run).await?);
    }
    program.stop()?;
    let cpu = millis(spent.all()) / f64::from(RUNS * STEPS) - millis(BUSY);
    Ok(rows(
        &splits,
        cpu,
        f64::midpoint(commit_before, commit_after),
    ))
}

/// Milliseconds of a bare commit that comes when the steps' commits come.
async fn commit(place: &Place) -> anyhow::Result<f64> {
    let data = place.data_dir();
    tokio::task::spawn_blocking(move || baseline::commit_after(&data, BUSY, 2)).await?
}

fn rows(splits: &[Split], cpu: f64, commit_ms: f64) -> Vec<Row> {
    let commit = Baseline {
        name: "one durable commit, 10 ms after another".into(),
        value: commit_ms,
        unit: "ms",
        quiet: Some(crate::quiet::LATER_COMMIT_MS),
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
                 their last step had ended",
                BUSY.as_millis(),
                middle(splits, |split| split.run_s),
            ),
            ..part(
                "engine.steps: what the engine adds to a durable step",
                middle(splits, |split| split.assignment + split.transition),
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
    ]
}

fn middle(splits: &[Split], of: fn(&Split) -> f64) -> f64 {
    percentile(&sorted(splits.iter().map(of).collect()), 0.5)
}

/// A run that has ended.
struct Ended {
    id: String,
    sent: Timestamp,
}

/// One run, from sending it to its answer.
async fn run(owner: &Caller, workflow: &str) -> anyhow::Result<Ended> {
    let path = format!("/api/workflows/{workflow}/runs");
    let body = json!({"input": {}, "wait_ms": 25_000});
    let sent = Timestamp::now();
    let answer = call(owner.post(&path, body).await, 200)?;
    ensure!(
        answer["state"] == "succeeded",
        "the run ended otherwise: {answer}"
    );
    let id = answer["id"].as_str().context("an id")?.to_owned();
    Ok(Ended { id, sent })
}

/// What its time went to, as its steps tell.
async fn split(owner: &Caller, run: &Ended) -> anyhow::Result<Split> {
    let told = call(owner.get(&format!("/api/runs/{}", run.id)).await, 200)?;
    let steps = told["steps"].as_array().context("steps")?;
    let seen = (0..STEPS).map(|number| {
        let name = format!("busy_{number}");
        let step = steps.iter().find(|step| step["node"] == name.as_str());
        Ok(Step::deserialize(&step.context(name.clone())?["output"])?)
    });
    let seen: Vec<Step> = seen.collect::<anyhow::Result<_>>()?;
    let mut split = Split {
        assignment: 0.0,
        execution: 0.0,
        transition: 0.0,
        run_s: 0.0,
    };
    let mut before = run.sent;
    for step in &seen {
        split.transition += between(before, step.entered);
        split.assignment += between(step.entered, step.began);
        split.execution += between(step.began, step.ended);
        before = step.ended;
    }
    split.run_s = between(run.sent, before) / 1000.0;
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

fn chain() -> Json {
    let mut nodes = vec![
        json!({"id": "begin", "type": "webhook_input", "version": 1, "name": "Begin", "config": {}}),
    ];
    let mut edges = Vec::new();
    let mut before = "begin".to_owned();
    for number in 0..STEPS {
        let id = format!("busy_{number}");
        let read = if number == 0 {
            String::new()
        } else {
            format!("{{{{ {before}.ended }}}}")
        };
        nodes.push(
            json!({"id": id, "type": "busy", "version": 1, "name": id, "config": {"before": read}}),
        );
        edges.push(json!({"from": before, "port": "out", "to": id}));
        before = id;
    }
    json!({
        "format": "formwork/1", "name": "Steps", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": nodes, "edges": edges,
    })
}
