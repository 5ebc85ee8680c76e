//! Rows whose runs failed are tried again: all of a batch, or one by hand.

use std::fs;

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};
use store::{
    StoreError,
    run::{self, Retry},
};

use super::{FINISHED, ask_of, batch_path, customers, file_of, letter, pass, rows, start};

/// A workflow whose runs fail for `Customer 1` to `Customer 9`.
fn failing() -> Json {
    let mut document = letter(&customers());
    document["nodes"][1]["config"]["template"] = json!("{{ 1 / (form.customer | length - 10) }}");
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_failed_are_tried_again_by_the_run_that_takes_their_place() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, failing()).await;
    let made = start(&owner, &workflow, &file_of(3)).await;
    office.db.until(FINISHED, "1").await;
    assert_eq!(rows(&owner, &made, "?state=failed").await.len(), 3);
    let retried = ask_of(&owner, &made, "retry", json!({})).await.expect(200);
    assert_eq!(retried, json!({"retried": 3, "gone": 0}));
    office
        .db
        .until("select count(*) from run where retry_of is not null", "3")
        .await;
    office.db.until(FINISHED, "1").await;
    // One by hand takes its row over, too.
    let row = &rows(&owner, &made, "").await[0];
    let run = row["run"].as_str().expect("a run");
    owner
        .post(&format!("/api/runs/{run}/retry"), json!({}))
        .await
        .expect(202);
    office.db.until(FINISHED, "1").await;
    assert_ne!(rows(&owner, &made, "").await[0]["run"], row["run"]);
    // The one that it took over from still tells its row.
    let old = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(old["batch"]["row"], 2);
    assert_eq!(
        office.sql("select count(*), count(distinct first_run) from run"),
        "7|3"
    );
    // Somebody waits for the one that was tried by hand.
    assert_eq!(
        office.sql("select sum(priority) from run where retry_of is not null"),
        "1"
    );
    office.close().await;
}

/// A batch of two rows that failed and ask to be tried again, while nobody works.
async fn asking() -> (Office, Caller, Json) {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, failing()).await;
    let made = start(&owner, &workflow, &file_of(2)).await;
    office.db.until(FINISHED, "1").await;
    office.rest().await;
    ask_of(&owner, &made, "retry", json!({})).await.expect(200);
    (office, owner, made)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_batch_tries_no_row_again_until_it_is_resumed() {
    let (office, owner, made) = asking().await;
    ask_of(&owner, &made, "stop", json!({"runs": false}))
        .await
        .expect(200);
    // Who saw it before it was stopped.
    let store = office.db.store().await;
    let slug = office.sql("select slug from workflow");
    let public = store::link::workflow(&store, &slug).await.expect("a form");
    let row = rows(&owner, &made, "").await.remove(0);
    let run = row["run"].as_str().expect("a run");
    let again = Retry {
        unattended: true,
        ..Retry::default()
    };
    let refused = run::retry(&store, &public.scope, run.parse().expect("an id"), again).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict {
                code: "batch_stopped",
                ..
            })
        ),
        "{refused:?}"
    );
    let asking = "select count(*) from batch_row where retry";
    assert_eq!(office.sql(asking), "2");
    // Whoever tries one by hand knows what they do.
    owner
        .post(&format!("/api/runs/{run}/retry"), json!({}))
        .await
        .expect(202);
    assert_eq!(office.sql(asking), "1");
    pass(&store).await;
    let retries = "select count(*) from run where retry_of is not null";
    assert_eq!(office.sql(retries), "1");
    ask_of(&owner, &made, "resume", json!({})).await.expect(200);
    pass(&store).await;
    assert_eq!(office.sql(retries), "2");
    assert_eq!(office.sql(asking), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_values_cannot_be_read_now_go_on_asking() {
    let (office, _, _) = asking().await;
    // As if what is kept of the first one were large, in a folder that is not mounted.
    office.sql(
        "update step set output_sha256 = decode(repeat('00', 32), 'hex')
         where node = 'form' and run_id = (select run_id from batch_row where number = 2)",
    );
    let marker = office.db.folder().join("artifacts/installation");
    let aside = office.db.folder().join("installation");
    fs::rename(&marker, &aside).expect("the folder was marked");
    let store = office.db.store().await;
    pass(&store).await;
    let asking =
        "select string_agg(number::text, ' ') from batch_row where retry and problems is null";
    assert_eq!(office.sql(asking), "2");
    fs::rename(aside, marker).expect("it was put aside");
    office.sql("update step set output_sha256 = null where node = 'form'");
    pass(&store).await;
    assert_eq!(office.sql(asking), "");
    let retries = "select count(*) from run where retry_of is not null";
    assert_eq!(office.sql(retries), "2");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_runs_are_gone_are_told_when_failed_ones_are_tried_again() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, failing()).await;
    let made = start(&owner, &workflow, &file_of(2)).await;
    office.db.until(FINISHED, "1").await;
    // As if the time of the first one were over.
    office.sql("delete from run where id = (select run_id from batch_row where number = 2)");
    let asked = ask_of(&owner, &made, "retry", json!({})).await.expect(200);
    assert_eq!(asked, json!({"retried": 1, "gone": 1}));
    office.db.until(FINISHED, "1").await;
    office.sql("delete from run");
    let none = ask_of(&owner, &made, "retry", json!({})).await;
    assert_eq!(
        (none.status, none.json["type"].as_str()),
        (409, Some("batch_nothing_to_retry"))
    );
    assert_eq!(
        owner.get(&batch_path(&made)).await.expect(200)["state"],
        "finished"
    );
    office.close().await;
}
