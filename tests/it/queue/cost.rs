//! What a run costs the database.

use std::time::Duration;

use formwork_tests::site::{Published, Site};
use serde_json::json;
use store::queue::{self, Source};

use super::light;

#[tokio::test(flavor = "multi_thread")]
async fn a_light_run_costs_two_commits() {
    const RUNS: i64 = 2_000;
    let (site, published) = light().await;
    // Vacuuming is counted, too, and comes when it comes, to the system's own tables as well.
    site.db.sql("alter system set autovacuum = off");
    site.db.sql("select pg_reload_conf()");
    while site
        .db
        .sql("select count(*) from pg_stat_activity where backend_type like 'autovacuum %'")
        != "0"
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (busy, took) = spend(&site, &published, Stretch::Runs(RUNS)).await;
    let (idle, _) = spend(&site, &published, Stretch::Idle(took)).await;
    site.db.sql("alter system reset autovacuum");
    site.db.sql("select pg_reload_conf()");
    // An executor beats and keeps house in both; a hundredth is for what falls on the edges. One more commit a run would be as many
    // as there are runs.
    assert!(
        busy - idle <= 2 * RUNS + RUNS / 100,
        "{busy} commits for {RUNS} runs in {took:?}, {idle} in an idle stretch as long"
    );
    assert_eq!(
        site.db
            .sql("select count(*) from run where state <> 'succeeded'"),
        "0"
    );
}

/// What goes on while commits are counted.
enum Stretch {
    Runs(i64),
    Idle(Duration),
}

/// The commits of an executor's whole life, and how long the stretch in it was. Some runs come first either way: opening connections
/// and preparing statements on them are commits of their own.
async fn spend(site: &Site, published: &Published, stretch: Stretch) -> (i64, Duration) {
    const FIRST: i64 = 50;
    const BACKENDS: &str = "select count(*) from pg_stat_activity where datname = :db and application_name = 'formwork'";
    let others = site.db.sql_from_beside(BACKENDS);
    let store = site.db.store_with(5).await;
    let before = commits(site);
    let executor = site
        .executor_with(|config| {
            config.store = store.clone();
            // Looks without a cause would be more than what is counted, and never the same number twice.
            config.poll = Duration::from_hours(1);
        })
        .await;
    for _ in 0..FIRST {
        submit_and_wait(&store, &executor, published).await;
    }
    let since = std::time::Instant::now();
    match stretch {
        Stretch::Runs(runs) => {
            for _ in 0..runs {
                submit_and_wait(&store, &executor, published).await;
            }
        }
        Stretch::Idle(time) => tokio::time::sleep(time).await,
    }
    let took = since.elapsed();
    executor.shutdown().await;
    // Backends tell what they did when they end.
    store.close().await;
    while site.db.sql_from_beside(BACKENDS) != others {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (commits(site) - before, took)
}

/// What taking a form does once it is checked, up to the run's end as the hub tells it.
async fn submit_and_wait(
    store: &store::Store,
    executor: &executor::Executor,
    published: &Published,
) {
    let mut events = store.events.subscribe();
    let mut new = published.run(Source::Form, json!({ "name": "Ada" }));
    let ticket: engine::ids::SubmissionId = store::fresh_id();
    new.submission_id = Some(ticket);
    new.idempotency = Some(("form".into(), ticket.to_string()));
    let local = executor.local();
    let accepted = queue::submit(store, Some(&local), &published.scope, new)
        .await
        .expect("accepted");
    let topic = format!("run:{}", accepted.run_id);
    loop {
        let event = events.recv().await.expect("the hub lives");
        if event.topic == topic && event.data["finished"] == json!(true) {
            assert_eq!(event.data["state"], json!("succeeded"));
            return;
        }
    }
}

fn commits(site: &Site) -> i64 {
    site.db
        .sql_from_beside("select xact_commit from pg_stat_database where datname = :db")
        .parse()
        .expect("a number")
}
