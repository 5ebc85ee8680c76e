//! A file store that takes nothing, as when its disk is full: nobody waits for it but those who have something for it, and nothing is lost.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::PathBuf, time::Duration};

use executor::Executor;
use formwork_tests::{
    process::until,
    site::{Published, Site},
};
use serde_json::json;

use super::{text, whole};

/// From now on nothing can be written for the workspace, until what is given is removed. Who runs the tests may write anywhere, so a link to
/// itself stands where its folder would be.
fn refuse(site: &Site) -> PathBuf {
    let folder = site.db.folder().join("artifacts");
    let folder = folder.join(site.workspace.to_string());
    symlink(&folder, &folder).expect("a link");
    folder
}

/// A workflow with one step, which puts out what is handed in.
async fn echo(site: &Site) -> Published {
    site.publish(&[("start", "t_start", json!({}))], &[]).await
}

/// The same with a step behind it that reaches outside and puts out much.
async fn outside(site: &Site) -> Published {
    let nodes = [
        ("start", "t_start", json!({})),
        ("call", "t_outside", json!({"does": "large"})),
    ];
    site.publish(&nodes, &["start>call"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_written_now_holds_up_its_run_alone() {
    let site = Site::new().await;
    let published = echo(&site).await;
    let executor = site.executor().await;
    let refused = refuse(&site);
    let input = json!({ "text": text() });
    let large = site.accept(&published, input.clone()).await.run_id;
    let small = site.start(&published).await;
    assert_eq!(site.end(&published, small).await.state, "succeeded");
    let put_off = "select lease_owner is null and due_at > now() and lost = 0 from queue_entry";
    site.until(put_off, "t").await;
    fs::remove_file(refused).expect("the link is there");
    site.db.sql("update queue_entry set due_at = now()");
    assert_eq!(site.end(&published, large).await.state, "succeeded");
    assert!(whole(&site, &published, large).await == input);
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_from_outside_is_held_until_it_can_be_written() {
    let site = Site::new().await;
    let (published, other) = (outside(&site).await, echo(&site).await);
    let executor = site.executor().await;
    let refused = refuse(&site);
    let run = site.start(&published).await;
    until("the step ran", || site.ledger.count("call") == 1).await;
    // What costs only time is held for less long: when it is put off, the other was refused, too.
    let again = site.accept(&other, json!({ "text": text() })).await.run_id;
    let put_off = format!(
        "select lease_owner is null and due_at > now() from queue_entry where run_id = '{again}'"
    );
    site.until(&put_off, "t").await;
    fs::remove_file(refused).expect("the link is there");
    assert_eq!(site.end(&published, run).await.state, "succeeded");
    assert_eq!(site.ledger.count("call"), 1);
    site.db.sql("update queue_entry set due_at = now()");
    assert_eq!(site.end(&other, again).await.state, "succeeded");
    executor.shutdown().await;
    site.assert_idle();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_from_outside_and_is_never_written_is_a_try_that_failed() {
    let site = Site::new().await;
    let published = outside(&site).await;
    let mut config = site.config();
    config.holds_results = Duration::ZERO;
    let executor = Executor::start(config).await.expect("the executor starts");
    refuse(&site);
    let run = site.start(&published).await;
    let standing = site.end(&published, run).await;
    assert_eq!(standing.state, "failed");
    let error = standing.error.expect("an error");
    assert_eq!(error["code"], "storage_unavailable");
    // As its own rule says, and so that whoever was reached can tell.
    let entries = site.ledger.entries();
    let tries: Vec<u32> = entries.iter().map(|(_, attempt, _)| *attempt).collect();
    assert_eq!(tries, [1, 2, 3]);
    let keys: BTreeSet<&String> = entries.iter().map(|(_, _, key)| key).collect();
    assert_eq!(keys.len(), 1);
    executor.shutdown().await;
    site.assert_idle();
}
