//! The queue's promises: one run a submission, one worker an entry, nothing written under an old fence, nothing lost with a worker.

use std::time::Duration;

use engine::ids::WorkerId;
use formwork_tests::site::{Published, Site};
use serde_json::json;
use store::{
    queue::{self, Accept, ClaimForm, ClaimedEntry, Source},
    run,
    segment::{self, Committed, RunWrite, Segment, StepWrite, Writes, Writing},
    worker::{self, Kind},
};

async fn light(site: &Site) -> Published {
    site.publish(
        &[
            ("start", "t_start", json!({})),
            ("a", "t_light", json!({})),
            ("b", "t_light", json!({})),
            ("c", "t_light", json!({})),
            ("d", "t_light", json!({})),
        ],
        &["start>a", "a>b", "b>c", "c>d"],
    )
    .await
}

async fn worker(site: &Site) -> WorkerId {
    worker::register(&site.store, Kind::Work, "test", &json!({}))
        .await
        .expect("registered")
}

/// A segment that says that the run succeeded.
fn segment(entry: &ClaimedEntry, worker: WorkerId, output: serde_json::Value) -> Segment {
    let step = StepWrite {
        node: "start".into(),
        item_path: String::new(),
        state: "succeeded".into(),
        attempt: 1,
        ports: vec!["out".into()],
        output: Some(output),
        error: None,
        warnings: None,
        kept: None,
        waits_on: None,
        wait_until: None,
        worker_id: Some(worker),
        started_ago_ms: Some(1),
        finished_ago_ms: Some(0),
    };
    Segment {
        lease: entry.lease.clone(),
        scope: entry.run.scope,
        workflow: entry.run.workflow,
        trial: false,
        worker,
        writes: Writing::Known(Box::new(Writes {
            steps: vec![step],
            run: Some(RunWrite {
                state: "succeeded".into(),
                error: None,
            }),
            ..Writes::default()
        })),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_equal_submissions_are_one_run() {
    let site = Site::new().await;
    let published = light(&site).await;
    let mut tasks = Vec::new();
    for _ in 0..32 {
        let (store, published) = (site.store.clone(), published.clone());
        tasks.push(tokio::spawn(async move {
            let mut new = Accept::new(
                published.workflow,
                published.version,
                "start",
                Source::Form,
                json!({ "a": 1 }),
            );
            new.idempotency = Some(("form".into(), "ticket-1".into()));
            queue::accept(&store, &published.scope, new)
                .await
                .expect("accepted")
        }));
    }
    let mut runs = Vec::new();
    for task in tasks {
        runs.push(task.await.expect("no panic"));
    }
    assert_eq!(runs.iter().filter(|accepted| !accepted.already).count(), 1);
    assert!(
        runs.iter()
            .all(|accepted| accepted.run_id == runs[0].run_id)
    );
    assert_eq!(site.db.sql("select count(*) from run"), "1");
    assert_eq!(site.db.sql("select count(*) from submission"), "1");
    assert_eq!(site.db.sql("select count(*) from queue_entry"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_fence_writes_nothing() {
    let site = Site::new().await;
    let published = light(&site).await;
    site.start(&published).await;
    let (first, second) = (worker(&site).await, worker(&site).await);
    let stale = queue::claim(&site.store, first, 10, 30_000, ClaimForm::SkipLocked)
        .await
        .expect("claim")
        .remove(0);
    assert!(
        queue::claim(&site.store, second, 10, 30_000, ClaimForm::SkipLocked)
            .await
            .expect("claim")
            .is_empty()
    );
    site.db
        .sql("update queue_entry set lease_until = now() - interval '1 second'");
    assert_eq!(queue::rescue(&site.store).await.expect("rescue"), 1);
    let current = queue::claim(&site.store, second, 10, 30_000, ClaimForm::Compare)
        .await
        .expect("claim")
        .remove(0);
    assert!(current.lease.fence > stale.lease.fence);
    assert_eq!(current.lease.lost, 1);
    assert!(
        queue::heartbeat(&site.store, first, &[stale.lease.clone()], 30_000)
            .await
            .expect("heartbeat")
            .is_empty()
    );

    let results = segment::commit(&site.store, &[segment(&stale, first, json!("old"))], &|| {})
        .await
        .expect("commit");
    assert!(matches!(results[0], Committed::Stale));
    assert_eq!(site.db.sql("select count(*) from step"), "0");
    assert_eq!(site.db.sql("select state from run"), "queued");

    let results = segment::commit(
        &site.store,
        &[segment(&current, second, json!("new"))],
        &|| {},
    )
    .await
    .expect("commit");
    assert!(matches!(results[0], Committed::Done { .. }));
    assert_eq!(site.db.sql("select output from step"), "\"new\"");
    let results = segment::commit(
        &site.store,
        &[segment(&current, second, json!("twice"))],
        &|| {},
    )
    .await
    .expect("commit");
    assert!(matches!(results[0], Committed::Stale));
    assert_eq!(site.db.sql("select output from step"), "\"new\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_the_database_refuses_fails_its_own_run_only() {
    let site = Site::new().await;
    let published = light(&site).await;
    // Stands for any row that Postgres refuses.
    site.db.sql(
        "create function poison() returns trigger language plpgsql as $$
         begin
             if new.output ->> 'by' = 'c' and new.run_id = (select min(id::text)::uuid from run) then
                 raise exception 'poison' using errcode = '22023';
             end if;
             return new;
         end $$;
         create trigger poison before insert on step for each row execute function poison()",
    );
    let mut runs = Vec::new();
    for _ in 0..20 {
        runs.push(site.start(&published).await);
    }
    let executor = site.executor().await;
    for (index, run) in runs.iter().enumerate() {
        let standing = site.end(&published, *run).await;
        let expected = if index == 0 { "failed" } else { "succeeded" };
        assert_eq!(standing.state, expected, "{index} {:?}", standing.error);
        if index == 0 {
            assert_eq!(
                standing.error.expect("an error")["code"],
                json!("result_not_stored")
            );
        }
    }
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_kills_its_workers_fails_and_the_run_with_it() {
    let site = Site::new().await;
    let published = light(&site).await;
    let run = site.start(&published).await;
    let lost = worker(&site).await;
    for _ in 0..queue::LOST_CAP {
        assert_eq!(
            queue::claim(&site.store, lost, 1, 30_000, ClaimForm::SkipLocked)
                .await
                .expect("claim")
                .len(),
            1
        );
        site.db
            .sql("update queue_entry set lease_until = now() - interval '1 second'");
        queue::rescue(&site.store).await.expect("rescue");
    }
    let executor = site.executor().await;
    let standing = site.end(&published, run).await;
    assert_eq!(standing.state, "failed");
    assert_eq!(
        standing.error.expect("an error")["code"],
        json!("worker_lost")
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_lost_leases_a_segment_is_one_step() {
    let site = Site::new().await;
    let published = light(&site).await;
    let run = site.start(&published).await;
    site.db.sql("update queue_entry set lost = 2");
    let mut config = site.config();
    // The first head stands at lost = 2; what it enters begins at 0 and runs on in one segment.
    config.slots = 1;
    let executor = executor::Executor::start(config)
        .await
        .expect("the executor starts");
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    let instants = site.db.sql("select count(distinct finished_at) from step");
    assert!(
        instants.parse::<i32>().is_ok_and(|instants| instants >= 2),
        "{instants}"
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_executors_share_the_work_and_repeat_nothing() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("left", "t_outside", json!({})),
                ("right", "t_outside", json!({})),
                ("join", "t_outside", json!({})),
            ],
            &["start>left", "start>right", "left>join", "right>join"],
        )
        .await;
    let mut other = site.config();
    other.store = site.db.store_with(10).await;
    let first = site.executor().await;
    let second = executor::Executor::start(other)
        .await
        .expect("the second executor starts");
    let mut runs = Vec::new();
    for _ in 0..40 {
        runs.push(site.start(&published).await);
    }
    for run in runs {
        assert_eq!(site.end(&published, run).await.state, "succeeded");
    }
    for node in ["left", "right", "join"] {
        assert_eq!(site.ledger.count(node), 40, "{node}");
    }
    first.shutdown().await;
    second.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_a_lost_process_is_done_by_another() {
    let site = Site::new().await;
    let published = light(&site).await;
    let run = site.start(&published).await;
    let lost = worker(&site).await;
    assert_eq!(
        queue::claim(&site.store, lost, 1, 50, ClaimForm::SkipLocked)
            .await
            .expect("claim")
            .len(),
        1
    );
    let mut config = site.config();
    config.rescue = Duration::from_millis(20);
    let executor = executor::Executor::start(config)
        .await
        .expect("the executor starts");
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_gives_back_what_it_does_not_finish() {
    let site = Site::new().await;
    let published = site
        .publish(
            &[
                ("start", "t_start", json!({})),
                ("gate", "t_outside", json!({ "does": "gate" })),
                ("after", "t_light", json!({})),
            ],
            &["start>gate", "gate>after"],
        )
        .await;
    let run = site.start(&published).await;
    let executor = site.executor().await;
    site.arrived.0.notified().await;
    let stopping = executor.shutdown();
    tokio::pin!(stopping);
    // Polled once, so that the stop is asked for before the step may end.
    tokio::select! {
        biased;
        () = &mut stopping => panic!("a step is still running"),
        () = std::future::ready(()) => {}
    }
    site.gate.0.add_permits(1);
    stopping.await;
    assert_eq!(
        site.db
            .sql("select count(*) from queue_entry where lease_owner is not null"),
        "0"
    );
    assert_eq!(site.ledger.count("after"), 0, "nothing new is begun");
    let next = site.executor().await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(site.ledger.count("gate"), 1);
    next.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_light_run_costs_two_commits() {
    const RUNS: i64 = 100;
    let site = Site::new().await;
    let published = light(&site).await;
    let store = site.db.store_with(5).await;
    let mut config = site.config();
    config.store = store.clone();
    // Nothing but the runs: no polling, no housekeeping.
    config.poll = Duration::from_secs(3600);
    let executor = executor::Executor::start(config)
        .await
        .expect("the executor starts");
    let local = executor.local();
    let mut events = store.events.subscribe();
    let before: i64 = commits(&site);
    for _ in 0..RUNS {
        let new = Accept::new(
            published.workflow,
            published.version,
            "start",
            Source::Api,
            json!({ "name": "Ada" }),
        );
        let accepted = queue::submit(&store, Some(local.as_ref()), &published.scope, new)
            .await
            .expect("accepted");
        let topic = format!("run:{}", accepted.run_id);
        loop {
            let event = events.recv().await.expect("the hub lives");
            if event.topic == topic && event.data["finished"] == json!(true) {
                assert_eq!(event.data["state"], json!("succeeded"));
                break;
            }
        }
    }
    executor.shutdown().await;
    // Backends count when they end.
    store.pool.close().await;
    site.until("select count(*) from pg_stat_activity where datname = current_database() and application_name = 'formwork' and state <> 'idle'", "0").await;
    let spent = commits(&site) - before;
    assert!(spent <= 2 * RUNS + 60, "{spent} commits for {RUNS} runs");
    assert_eq!(
        site.db
            .sql("select count(*) from run where state = 'succeeded'"),
        RUNS.to_string()
    );
}

fn commits(site: &Site) -> i64 {
    site.db
        .sql("select xact_commit from pg_stat_database where datname = current_database()")
        .parse()
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_gone_refuses_the_submission() {
    let site = Site::new().await;
    let published = light(&site).await;
    let mut new = Accept::new(
        published.workflow,
        published.version,
        "start",
        Source::Form,
        json!({}),
    );
    new.uploads = vec![store::fresh_id()];
    assert!(
        queue::accept(&site.store, &published.scope, new)
            .await
            .is_err()
    );
    assert_eq!(site.db.sql("select count(*) from run"), "0");
    let mut new = Accept::new(
        published.workflow,
        published.version,
        "start",
        Source::Form,
        json!({ "a": "b\0" }),
    );
    new.title = "x".into();
    assert!(matches!(
        queue::accept(&site.store, &published.scope, new).await,
        Err(store::StoreError::Invalid {
            code: "nul_character",
            ..
        })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_hear_what_changed() {
    let site = Site::new().await;
    let published = light(&site).await;
    let other = site.db.store_with(5).await;
    // An executor that believes itself alone does not speak.
    worker::register(&other, Kind::Serve, "test", &json!({}))
        .await
        .expect("registered");
    site.store.events.start();
    other.events.start();
    let mut heard = other.events.subscribe();
    // The other process listens once its connection says so.
    site.until("select count(*) from pg_stat_activity where datname = current_database() and query like 'LISTEN%'", "2").await;
    let run = site.start(&published).await;
    let waiting = tokio::spawn({
        let (other, published) = (other.clone(), published.clone());
        async move {
            run::wait(&other, &published.scope, run, Duration::from_secs(30))
                .await
                .expect("the run is there")
        }
    });
    let executor = site.executor().await;
    assert!(waiting.await.expect("no panic").finished);
    loop {
        let event = heard.recv().await.expect("the hub lives");
        if event.topic == format!("run:{run}") && event.data["state"] == json!("succeeded") {
            break;
        }
    }
    executor.shutdown().await;
}
