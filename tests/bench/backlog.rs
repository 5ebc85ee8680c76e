//! What a long queue and an old snapshot that somebody holds cost: the light load beside each of them, and undisturbed just before.

use std::{
    io::Write as _,
    path::Path,
    process::{Child, ChildStdin, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use formwork_tests::office::Caller;
use serde_json::json;

use crate::{
    baseline,
    load::{Counted, Light, MANY_ADDRESSES, order, would_fit},
    process::millis,
    program::{Place, Program, call},
    report::{Baseline, Goal, Row},
};

const LOAD: Duration = Duration::from_secs(6);
const QUEUED: u32 = 200_000;
/// So many runs come and go behind the snapshot before the load beside it is measured, or so many as do in the longest wait.
const CHURN: f64 = 20_000.0;
const LONGEST_CHURN: Duration = Duration::from_secs(40);
/// Until a snapshot is held, and until one is gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// How the session that holds the snapshot calls itself.
const HOLDER: &str = "bench-snapshot";

pub(crate) async fn measure(place: &Place) -> anyhow::Result<Vec<Row>> {
    let mut program = place.start(&[MANY_ADDRESSES])?;
    program.first_page("/healthz").await?;
    let owner = program.owner().await?;
    let light = Light::publish(&owner).await?;
    light.warm().await?;
    let mut rows = vec![beside_snapshot(place, &program, &light).await?];
    rows.extend(beside_queue(place, &program, &owner, &light).await?);
    program.stop()?;
    Ok(rows)
}

async fn beside_snapshot(place: &Place, program: &Program, light: &Light) -> anyhow::Result<Row> {
    let data = place.data_dir();
    let undisturbed = light.counted(place, program, LOAD).await?;
    let snapshot = Snapshot::hold(&data).await?;
    let (since, mut behind) = (Instant::now(), 0.0);
    while behind < CHURN && since.elapsed() < LONGEST_CHURN {
        behind += light.counted(place, program, LOAD).await?.seen.answered;
    }
    let beside = light.counted(place, program, LOAD).await?;
    ensure!(snapshot.is_held()?, "the snapshot was let go");
    let held_s = since.elapsed().as_secs_f64();
    let dead = baseline::ask(
        &data,
        "select n_dead_tup from pg_stat_user_tables where relname = 'queue_entry'",
    )?;
    snapshot.let_go().await?;
    // What it held back is not to disturb what is measured next.
    baseline::ask(&data, "vacuum analyze queue_entry")?;
    Ok(row(
        "engine.backlog: five-step runs beside an old snapshot",
        &beside,
        0.0,
        &undisturbed,
        &format!(
            "a transaction has held it for {held_s:.0} s and {behind} runs; {dead} dead rows in the queue"
        ),
    ))
}

async fn beside_queue(
    place: &Place,
    program: &Program,
    owner: &Caller,
    light: &Light,
) -> anyhow::Result<Vec<Row>> {
    let data = place.data_dir();
    let undisturbed = light.counted(place, program, LOAD).await?;
    let queue = Light::publish(owner).await?;
    let workflow = format!("/api/workflows/{}", queue.id);
    let pause = async |paused: bool| {
        let body = json!({ "paused": paused });
        call(owner.patch(&workflow, body).await, 200)
    };
    pause(true).await?;
    let first = owner
        .post(&format!("{workflow}/runs"), json!({"input": order(1)}))
        .await;
    let first = call(first, 202)?["id"]
        .as_str()
        .context("an id")?
        .to_owned();
    fill(&data, &first)?;
    let paused = light.counted(place, program, LOAD).await?;
    pause(false).await?;
    let meanwhile = light.counted(place, program, LOAD).await?;
    let [from, to] = &meanwhile.between;
    let worked_off = format!(
        "select count(*) from run where workflow_id = '{}' and state = 'succeeded' and finished_at between '{from}' and '{to}'",
        queue.id
    );
    let worked_off: f64 = baseline::ask(&data, &worked_off)?.parse()?;
    let left = baseline::ask(&data, "select count(*) from queue_entry")?;
    ensure!(left != "0", "the queue was worked off too early");
    // Nobody needs the rest.
    pause(true).await?;
    Ok(vec![
        row(
            "engine.backlog: five-step runs beside 200,000 queued of a paused workflow",
            &paused,
            0.0,
            &undisturbed,
            "",
        ),
        row(
            "engine.backlog: five-step runs while 200,000 of another workflow are worked off, all of them",
            &meanwhile,
            worked_off,
            &undisturbed,
            &format!(
                "{} were called and answered, {worked_off} came from the queue, {left} were left",
                meanwhile.seen.answered
            ),
        ),
        Row {
            goal: Goal::Told,
            cpu: None,
            note: "the queue goes round the workflows: of two of them each gets half".into(),
            ..row(
                "engine.backlog: those of them that were called",
                &meanwhile,
                0.0,
                &undisturbed,
                "",
            )
        },
    ])
}

/// What the callers saw, and `others` that ran meanwhile.
fn row(
    name: &'static str,
    beside: &Counted,
    others: f64,
    undisturbed: &Counted,
    note: &str,
) -> Row {
    let runs = beside.seen.answered + others;
    let spent_ms = millis(beside.spent.all()) / runs;
    let (p95_ms, p95_before) = (beside.seen.p95_ms, undisturbed.seen.p95_ms);
    let spent_before = millis(undisturbed.spent.all()) / undisturbed.seen.answered;
    let told = format!(
        "p95 {p95_ms:.1} ms, undisturbed {p95_before:.1} ms; the processors' time for a run {spent_ms:.2} ms, undisturbed {spent_before:.2} ms"
    );
    Row {
        name,
        value: Some(beside.per_second() * runs / beside.seen.answered),
        unit: "runs/s",
        // It falls by less than half.
        goal: Goal::RatioAtLeast(0.5),
        cpu: Some(would_fit(spent_ms)),
        baseline: Some(Baseline {
            name: "undisturbed just before".into(),
            value: undisturbed.per_second(),
            unit: "runs/s",
            quiet: None,
        }),
        note: if note.is_empty() {
            told
        } else {
            format!("{note}; {told}")
        },
    }
}

/// Makes the queue so long: copies of a run that was accepted and waits, with its submission and its entry, as if they had come one a
/// millisecond.
fn fill(data: &Path, first: &str) -> anyhow::Result<()> {
    let copies = QUEUED - 1;
    baseline::ask(
        data,
        &format!(
            "with fresh as materialized (
                 select (left(uuid_floor(at)::text, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid as run_id,
                        gen_random_uuid() as submission_id, at
                 from (select now() - number * interval '1 millisecond' as at from generate_series(1, {copies}) number) times),
             runs as (
                 insert into run select made.*
                 from fresh cross join run original cross join lateral jsonb_populate_record(original, jsonb_build_object(
                     'id', run_id, 'first_run', run_id, 'submission_id', fresh.submission_id, 'created_at', at)) made
                 where original.id = '{first}'),
             submissions as (
                 insert into submission select made.*
                 from fresh cross join submission original cross join lateral jsonb_populate_record(original, jsonb_build_object(
                     'id', fresh.submission_id, 'run_id', fresh.run_id, 'created_at', at)) made
                 where original.run_id = '{first}')
             insert into queue_entry (run_id, node, item_path, workspace_id, workflow_id, priority, due_at, head_at)
             select fresh.run_id, node, item_path, workspace_id, workflow_id, priority, at, at
             from fresh cross join queue_entry original where original.run_id = '{first}'"
        ),
    )?;
    let queued = baseline::ask(
        data,
        "select count(*) from queue_entry where lease_owner is null",
    )?;
    ensure!(
        queued == QUEUED.to_string(),
        "{queued} entries are queued, not {QUEUED}"
    );
    // What autovacuum and the checkpointer would do meanwhile, had they come one after the other.
    for tidy in [
        "vacuum analyze run",
        "vacuum analyze queue_entry",
        "checkpoint",
    ] {
        baseline::ask(data, tidy)?;
    }
    Ok(())
}

/// A session with an open transaction that sees the database as it was, such as a report or a copy that takes long.
struct Snapshot<'a> {
    data: &'a Path,
    child: Child,
    /// Closing it would end the session.
    _statements: ChildStdin,
}

impl<'a> Snapshot<'a> {
    async fn hold(data: &'a Path) -> anyhow::Result<Self> {
        let mut child = baseline::psql(data, "formwork")?
            .env("PGAPPNAME", HOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let mut statements = child.stdin.take().context("a pipe")?;
        // The private Postgres ends transactions that do nothing for a minute; one that reads for an hour it would not.
        statements.write_all(
            b"set idle_in_transaction_session_timeout = 0;
              begin isolation level repeatable read;
              select count(*) from workflow;\n",
        )?;
        statements.flush()?;
        let snapshot = Self {
            data,
            child,
            _statements: statements,
        };
        snapshot.until(true).await?;
        Ok(snapshot)
    }

    fn is_held(&self) -> anyhow::Result<bool> {
        let held = format!(
            "select count(*) from pg_stat_activity where application_name = '{HOLDER}' and state = 'idle in transaction' and backend_xmin is not null"
        );
        Ok(baseline::ask(self.data, &held)? == "1")
    }

    async fn until(&self, held: bool) -> anyhow::Result<()> {
        let since = Instant::now();
        while self.is_held()? != held {
            ensure!(
                since.elapsed() < PATIENCE,
                "a snapshot should be held: {held}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn let_go(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.until(false).await
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
