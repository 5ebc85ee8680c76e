//! A database as an earlier release left it: it comes to this version's schema, its secrets open, and what was under way is finished.

mod second;

use std::collections::BTreeMap;

use formwork_tests::{
    Office, TestDb, fixture,
    model::ModelWorker,
    office,
    receiver::{self, Message},
};
use serde_json::json;
use store::{
    Scope,
    credential::{self, Secret},
};

/// Every message that arrived under an id is signed with what its endpoint's secret was then.
async fn assert_signed(office: &Office, scope: &Scope, received: BTreeMap<String, Vec<Message>>) {
    for (id, messages) in received {
        let endpoint = office.sql(&format!(
            "select endpoint_id from delivery where id = '{id}' and state = 'delivered'"
        ));
        let secrets = store::delivery::signing_secrets(
            &office.store,
            scope,
            endpoint.parse().expect("an id"),
        )
        .await
        .expect("the secret opens");
        for message in messages {
            let timestamp = message.header("webhook-timestamp").parse();
            let timestamp = timestamp.expect("seconds");
            let expected = executor::signature::sign(&secrets, &id, timestamp, &message.body);
            assert_eq!(
                expected.as_deref(),
                Some(message.header("webhook-signature"))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_first_release_left_is_finished_by_this_one() {
    let db = TestDb::load(&fixture::path("release-1"), fixture::KEY).await;
    assert_eq!(
        db.sql("select string_agg(distinct state, ' ' order by state) from run"),
        "cancelled failed queued running succeeded waiting"
    );
    assert_eq!(
        db.sql("select string_agg(distinct state, ' ' order by state) from delivery"),
        "delivered due given_up held retrying sending stopped"
    );
    assert_eq!(
        db.sql("select string_agg(distinct state, ' ' order by state) from step"),
        "cancelled failed retryable succeeded waiting"
    );
    let over = "select md5(string_agg(concat_ws(' ', id, state, input, error, finished_at), ' ' order by id)) from run
                where finished_at is not null and state in ('failed', 'cancelled')";
    let before = db.sql(over);
    let (ledger, url) = receiver::open().await;
    // Its receivers are gone; time has passed, however old the file is.
    db.sql(&format!(
        "update endpoint set url = '{url}', disabled_at = null, disabled_reason = null"
    ));
    db.sql("update run set expires_at = now() + interval '1 hour' where trial");
    let store = db.store_with(5).await;
    store.migrate().await.expect("it comes to this version");
    drop(store);
    // Runs are kept however old the file is.
    db.sql("update retention set run_days = null");
    for table in ["queue_entry", "generation", "delivery"] {
        db.sql(&format!(
            "update {table} set lease_until = now() - interval '1 second' where lease_owner is not null"
        ));
    }
    for table in ["queue_entry", "delivery"] {
        db.sql(&format!("update {table} set due_at = now()"));
    }

    let office = Office::on(db).await;
    let db = &office.db;
    let mut model = ModelWorker::start(db, &[]);
    db.until("select count(*) from run where finished_at is null", "0")
        .await;
    db.until(
        "select count(*) from delivery where finished_at is null and state <> 'held'",
        "0",
    )
    .await;
    assert_eq!(db.sql("select count(*) from queue_entry"), "0");
    assert_eq!(
        db.sql("select workflow.name, run.trial, run.state, count(*) from run join workflow on workflow.id = run.workflow_id
                group by 1, 2, 3 order by 1, 2, 3"),
        [
            "Gone|f|succeeded|1",
            "Invoice|f|cancelled|1",
            "Invoice|f|succeeded|3",
            "Invoice|t|succeeded|2",
            "Later|f|succeeded|1",
            "Receipt|f|succeeded|1",
            "Refused|f|succeeded|1",
            "Sent|f|succeeded|4",
            "Wrong|f|failed|2",
        ]
        .join("\n")
    );
    assert_eq!(db.sql(over), before, "what was over stays as it was");

    // Secrets that were sealed then open now: the endpoint's signs, the credential is what it was, people sign in.
    let mut owner = office.caller();
    owner
        .sign_in(office::EMAIL, office::PASSWORD)
        .await
        .expect(200);
    let public = store::link::workflow(&office.store, "sent")
        .await
        .expect("its form is open");
    let credentials = credential::list(&office.store, &public.scope)
        .await
        .expect("list");
    let secret = credential::open(&office.store, &public.scope, credentials[0].id)
        .await
        .expect("it opens");
    assert!(matches!(secret, Secret::Bearer { token } if token == fixture::TOKEN));
    let received = ledger.lock().expect("no panic").clone();
    // Two invoices, the receipt, and of the short ones those that were due, being sent, leased and queued.
    assert_eq!(received.len(), 7);
    assert_signed(&office, &public.scope, received).await;
    // What was made then can be looked at, tried again and edited now.
    let runs = owner.get("/api/runs").await.expect(200);
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(14));
    for run in runs["items"].as_array().expect("runs") {
        let id = run["id"].as_str().expect("an id");
        owner.get(&format!("/api/runs/{id}")).await.expect(200);
    }
    let failed = owner.get("/api/runs?state=failed").await.expect(200);
    let id = failed["items"][0]["id"].as_str().expect("an id").to_owned();
    owner
        .post(&format!("/api/runs/{id}/retry"), json!({}))
        .await
        .expect(202);
    db.until("select count(*) from run where state = 'failed'", "3")
        .await;
    assert!(model.stop());
    office.close().await;
}
