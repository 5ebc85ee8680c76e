//! The queue's promises: one run a submission, one worker an entry, nothing written under an old fence, nothing lost with a worker. Here is what
//! is seen of claims and of several processes; what accepting, committing and losing promise has files of its own.

mod accept;
mod commit;
mod cost;
mod lost;

use std::time::Duration;

use formwork_tests::{
    process::until,
    site::{Published, Site},
};
use serde_json::json;
use store::{
    queue::{self, ClaimForm, ClaimedEntry, Holder, Turn},
    run,
    worker::{self, Kind},
};

/// A place with a workflow of four light steps.
async fn light() -> (Site, Published) {
    let site = Site::new().await;
    let published = site.publish_light(&["a", "b", "c", "d"]).await;
    (site, published)
}

async fn claim(site: &Site, holder: Holder, form: ClaimForm) -> Vec<ClaimedEntry> {
    site.claim(holder, &mut Turn::default(), 10, form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_takes_no_more_than_it_asked_for() {
    for form in [ClaimForm::SkipLocked, ClaimForm::Compare] {
        let (site, published) = light().await;
        // The planner believes in a table of one row, and could pick the due entries anew for each row that it meets.
        site.db
            .sql("alter table queue_entry set (autovacuum_enabled = off)");
        site.start(&published).await;
        site.db.sql("vacuum analyze queue_entry");
        for _ in 0..20 {
            site.start(&published).await;
        }
        let holder = site.worker().await;
        let claimed = site.claim(holder, &mut Turn::default(), 3, form).await;
        assert_eq!(claimed.len(), 3, "{form:?}");
        let leased = "select count(*) from queue_entry where lease_owner is not null";
        assert_eq!(site.db.sql(leased), "3", "{form:?}");
        site.db
            .sql("update queue_entry set lost = 2 where lease_owner is null");
        assert!(
            queue::claim_suspect(&site.store, holder, form)
                .await
                .expect("claim")
                .is_some()
        );
        assert_eq!(site.db.sql(leased), "4", "{form:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_claimed_and_cannot_be_read_is_given_back() {
    let (site, published) = light().await;
    let run = site.start(&published).await;
    let holder = site.worker().await;
    site.db.sql("alter table step rename to step_elsewhere");
    let claimed = queue::claim(
        &site.store,
        holder,
        &mut Turn::default(),
        10,
        ClaimForm::SkipLocked,
    )
    .await;
    assert!(claimed.is_err());
    assert_eq!(
        site.db
            .sql("select lease_owner is null, lost from queue_entry"),
        "t|0"
    );
    site.db.sql("alter table step_elsewhere rename to step");
    let executor = site.executor().await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    executor.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_read_keeps_no_other_waiting() {
    let (site, published) = light().await;
    let broken = site.start(&published).await;
    let other = site.start(&published).await;
    // Deeper than anybody reads JSON; the database takes it.
    site.db.sql(&format!(
        "update run set input = (repeat('[', 200) || repeat(']', 200))::jsonb where id = '{broken}'"
    ));
    let executor = site.executor().await;
    assert_eq!(site.end(&published, other).await.state, "succeeded");
    let waits = "select lease_owner is null and due_at > now(), lost from queue_entry";
    site.until(waits, "t|0").await;
    site.db
        .sql("update run set input = '{}'; update queue_entry set due_at = now()");
    assert_eq!(site.end(&published, broken).await.state, "succeeded");
    executor.shutdown().await;
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
    let first = site.executor().await;
    let store = site.db.store_with(10).await;
    let second = site.executor_with(|config| config.store = store).await;
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
async fn an_orderly_stop_gives_back_what_it_does_not_finish() {
    let site = Site::new().await;
    let published = site
        .publish_line(&[
            ("gate", "t_outside", json!({ "does": "gate" })),
            ("after", "t_light", json!({})),
        ])
        .await;
    let run = site.start(&published).await;
    let executor = site.executor().await;
    site.arrived.0.notified().await;
    let mut stopping = std::pin::pin!(executor.shutdown());
    // The stop is asked for before the step may end.
    asked(&mut stopping).await;
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
async fn what_a_stop_meets_on_its_way_from_the_queue_is_not_begun() {
    let (site, published) = light().await;
    let run = site.start(&published).await;
    let held = site.db.hold("lock table queue_entry in exclusive mode");
    let executor = site.executor().await;
    let claims = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
                  and query like 'with recursive ahead %'";
    site.until(claims, "1").await;
    let mut stopping = std::pin::pin!(executor.shutdown());
    asked(&mut stopping).await;
    held.commit();
    stopping.await;
    let entry =
        "select node, lease_owner is null, lost, (select count(*) from step) from queue_entry";
    assert_eq!(site.db.sql(entry), "start|t|0|0", "nothing is begun");
    let next = site.executor().await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    next.shutdown().await;
    site.assert_idle();
}

/// Until the stop is asked for, which takes one poll.
async fn asked(stopping: &mut (impl Future<Output = ()> + Unpin)) {
    tokio::select! {
        biased;
        () = stopping => panic!("something is still under way"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_hear_what_changed() {
    let (site, published) = light().await;
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
            run::wait(
                &other,
                &published.scope,
                run,
                run::Until::Finished,
                Duration::from_secs(30),
            )
            .await
            .expect("the run is there");
            run::standing(&other, &published.scope, run)
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

#[tokio::test(flavor = "multi_thread")]
async fn a_process_says_of_all_its_runs_at_once_that_it_lives() {
    const RUNS: usize = 8;
    let site = Site::new().await;
    let published = site
        .publish_line(&[("a", "t_outside", json!({ "does": "gate" }))])
        .await;
    let executor = site
        .executor_with(|config| config.heartbeat = Duration::from_millis(50))
        .await;
    for _ in 0..RUNS {
        site.start(&published).await;
    }
    until("every run stands at the gate", || {
        site.ledger.count("a") == RUNS
    })
    .await;
    // From here on only heartbeats change entries.
    site.db.sql(
        "create table beat (leases bigint not null);
         create function beat() returns trigger language plpgsql as $$
         begin
             insert into beat select count(*) from changed having count(*) > 0;
             return null;
         end $$;
         create trigger beat after update on queue_entry referencing new table as changed for each statement execute function beat()",
    );
    // One that was on its way may have come from before all had begun.
    site.until("select count(*) >= 1 from beat", "t").await;
    site.db.sql("truncate beat");
    site.until("select count(*) >= 3 from beat", "t").await;
    let beats = site.db.sql("select distinct leases from beat");
    assert_eq!(beats, RUNS.to_string());
    site.gate.0.add_permits(RUNS);
    site.until("select count(*) from queue_entry", "0").await;
    executor.shutdown().await;
}
