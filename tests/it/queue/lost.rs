//! Workers that die: their work is done by others, and a step that kills whoever takes it fails in the end.

use std::time::Duration;

use engine::ids::RunId;
use formwork_tests::site::{Published, Site};
use serde_json::json;
use store::{
    queue::{self, ClaimForm},
    run,
};

use super::{claim, light};

/// As if the process that holds leases had died long ago.
async fn lose(site: &Site) {
    site.db
        .sql("update queue_entry set lease_until = now() - interval '1 second' where lease_owner is not null");
    queue::rescue(&site.store).await.expect("rescue");
}

/// An executor that looks for silent workers and for suspects all the time.
async fn suspicious(site: &Site) -> executor::Executor {
    site.executor_with(|config| config.rescue = Duration::from_millis(20))
        .await
}

/// The runs that the list shows for the code of an error.
async fn failed_with(site: &Site, published: &Published, code: &str) -> Vec<RunId> {
    let filter = run::Filter {
        error: Some(code.to_owned()),
        limit: 50,
        ..run::Filter::default()
    };
    let listed = run::list(&site.store, &published.scope, &filter).await;
    let listed = listed.expect("the list");
    listed.into_iter().map(|item| item.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_kills_its_workers_fails_and_the_run_with_it() {
    let (site, published) = light().await;
    let run = site.start(&published).await;
    let lost = site.worker().await;
    for time in 0..queue::LOST_CAP {
        if time < queue::LOST_BEFORE_SUSPECT {
            assert_eq!(claim(&site, lost, ClaimForm::SkipLocked).await.len(), 1);
        } else {
            let suspect = queue::claim_suspect(&site.store, lost, ClaimForm::SkipLocked).await;
            assert!(suspect.expect("claim").is_some());
        }
        lose(&site).await;
    }
    let executor = suspicious(&site).await;
    let standing = site.end(&published, run).await;
    assert_eq!(standing.state, "failed");
    assert_eq!(
        standing.error.expect("an error")["code"],
        json!("worker_lost")
    );

    // Those that were given up are listed, and no others; their retries begin with a good name.
    let refusing = site
        .publish_line(&[("a", "t_light", json!({"does": "fail"}))])
        .await;
    let refused = site.start(&refusing).await;
    assert_eq!(site.end(&refusing, refused).await.state, "failed");
    let retry = run::Retry::default();
    let again = run::retry(&site.store, &published.scope, run, retry).await;
    let again = again.expect("it is retried");
    assert_eq!(site.end(&published, again).await.state, "succeeded");
    assert_eq!(failed_with(&site, &published, "worker_lost").await, [run]);
    assert_eq!(failed_with(&site, &published, "refused").await, [refused]);
    assert!(failed_with(&site, &published, "worker").await.is_empty());
    // Where the entry of a list was given up, the error of the list tells of it.
    site.db.sql(&format!(
        "update run set error = jsonb_build_object('code', 'entry_failed', 'params', jsonb_build_object('error', error))
         where id = '{run}'"
    ));
    for code in ["worker_lost", "entry_failed"] {
        assert_eq!(failed_with(&site, &published, code).await, [run]);
    }
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn suspects_are_tried_one_at_a_time() {
    let (site, published) = light().await;
    let runs = [
        site.start(&published).await,
        site.start(&published).await,
        site.start(&published).await,
    ];
    let holder = site.worker().await;
    for _ in 0..queue::LOST_BEFORE_SUSPECT {
        assert_eq!(claim(&site, holder, ClaimForm::SkipLocked).await.len(), 3);
        lose(&site).await;
    }
    // One of the three kills its process. Who claims all of them again would blame all of them, until all fail.
    for form in [ClaimForm::SkipLocked, ClaimForm::Compare] {
        assert!(claim(&site, holder, form).await.is_empty());
    }
    let killer = queue::claim_suspect(&site.store, holder, ClaimForm::SkipLocked).await;
    assert!(killer.expect("claim").is_some());
    lose(&site).await;
    assert_eq!(
        site.db
            .sql("select lost, count(*) from queue_entry group by 1 order by 1"),
        "2|2\n3|1"
    );
    let executor = suspicious(&site).await;
    for run in runs {
        assert_eq!(site.end(&published, run).await.state, "succeeded");
    }
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_lost_leases_a_segment_is_one_step() {
    let (site, published) = light().await;
    let run = site.start(&published).await;
    site.db.sql("update queue_entry set lost = 2");
    // The first head stands at lost = 2; what it enters begins at 0 and runs on in one segment.
    let executor = suspicious(&site).await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    let instants = site.db.sql("select count(distinct finished_at) from step");
    assert!(
        instants.parse::<i32>().is_ok_and(|instants| instants >= 2),
        "{instants}"
    );
    // What was cut by chance sees the time it would have seen in one piece: its results, files among them, are the same.
    assert_eq!(
        site.db
            .sql("select count(distinct output ->> 'now') from step where node <> 'start'"),
        "1"
    );
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_a_lost_process_is_done_by_another() {
    let (site, published) = light().await;
    let run = site.start(&published).await;
    let mut lost = site.worker().await;
    lost.lease_ms = 50;
    assert_eq!(claim(&site, lost, ClaimForm::SkipLocked).await.len(), 1);
    let executor = suspicious(&site).await;
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    executor.shutdown().await;
    site.assert_idle();
}
