//! Steps that wait for a call of their link: typed, once, repeated alike, too early, too late, and never called at all.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

/// A form, a text with the link, the wait, and a text for each of its ways.
fn document() -> Json {
    let text = |id: &str, template: &str| json!({"id": id, "type": "template_fill", "version": 1, "name": id, "config": {"template": template}});
    json!({
        "format": "formwork/1", "name": "Pay", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Pay", "fields": [
                {"name": "name", "label": "Name", "kind": "text"}]}},
            text("link", "{{ run.links.paid }}"),
            {"id": "paid", "type": "callback_wait", "version": 1, "name": "Paid", "config": {
                "fields": [{"name": "amount", "kind": "money"}, {"name": "reference", "kind": "text"}],
                "sample": "{\"amount\": {\"amount\": \"1.00\", \"currency\": \"EUR\"}, \"reference\": \"S-1\"}"}},
            text("done", "{{ paid.amount }} {{ paid.reference }}"),
            text("late", "never paid")],
        "edges": [{"from": "form", "port": "out", "to": "link"}, {"from": "link", "port": "out", "to": "paid"},
            {"from": "paid", "port": "called", "to": "done"}, {"from": "paid", "port": "expired", "to": "late"}],
    })
}

/// A run that waits, and the path of its link.
async fn waiting(office: &Office, owner: &Caller) -> (String, String) {
    let run = office.start(owner, document(), json!({"name": "A"})).await;
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "waiting").await;
    let link = text(office, &run, "link");
    let path = link
        .strip_prefix("http://forms.test")
        .expect("the public address");
    (run, path.to_owned())
}

fn text(office: &Office, run: &str, node: &str) -> String {
    office.sql(&format!(
        "select output ->> 'text' from step where run_id = '{run}' and node = '{node}'"
    ))
}

async fn ended(owner: &Caller, run: &str) {
    let told = owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    assert_eq!(told["state"], "succeeded", "{told:#}");
}

fn paid() -> Json {
    json!({"amount": "12.50", "Reference": "P-7", "extra": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_counts_and_a_repeated_one_is_answered_alike() {
    let (office, owner) = Office::open().await;
    let (run, path) = waiting(&office, &owner).await;
    let other = office.caller();
    // What does not fit is refused, and the run waits on.
    assert_eq!(
        other.post(&path, json!({"amount": "much"})).await.status,
        422
    );
    assert_eq!(other.get(&path).await.status, 405);
    for wrong in [path.replace("/c/", "/c/A"), path.replace("/paid", "/link")] {
        assert_eq!(other.post(&wrong, paid()).await.status, 404, "{wrong}");
    }
    assert_eq!(
        office.sql(&format!("select state from run where id = '{run}'")),
        "waiting"
    );
    let (one, two) = tokio::join!(other.post(&path, paid()), other.post(&path, paid()));
    assert_eq!(
        (one.status, two.status),
        (200, 200),
        "{} {}",
        one.json,
        two.json
    );
    assert_eq!(one.json, two.json);
    ended(&owner, &run).await;
    assert_eq!(text(&office, &run, "done"), "€12.50 P-7");
    assert_eq!(other.post(&path, paid()).await.json, one.json);
    let differs = json!({"amount": "99.00", "reference": "P-8"});
    let refused = other.post(&path, differs).await;
    assert_eq!((refused.status, refused.kind()), (409, "callback_used"));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_and_a_late_call_is_told_so() {
    let (office, owner) = Office::open().await;
    let (run, path) = waiting(&office, &owner).await;
    office.sql("update queue_entry set due_at = now()");
    ended(&owner, &run).await;
    assert_eq!(text(&office, &run, "late"), "never paid");
    let late = office.caller().post(&path, paid()).await;
    assert_eq!((late.status, late.kind()), (410, "callback_over"));
    let (run, path) = waiting(&office, &owner).await;
    owner
        .post(&format!("/api/runs/{run}/stop"), Json::Null)
        .await;
    assert_eq!(office.caller().post(&path, paid()).await.status, 410);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_to_the_retry_that_goes_on_behind_it_and_to_none_that_begins_anew() {
    let (office, owner) = Office::open().await;
    let (run, path) = waiting(&office, &owner).await;
    let other = office.caller();
    let stop_and_retry = async |run: &str, how: Json| {
        let stopped = owner
            .post(&format!("/api/runs/{run}/stop"), Json::Null)
            .await;
        assert_eq!(stopped.status, 200, "{}", stopped.json);
        let retried = owner.post(&format!("/api/runs/{run}/retry"), how).await;
        let retried = retried.json["id"].as_str().expect("a run").to_owned();
        let state = format!("select state from run where id = '{retried}'");
        office.db.until(&state, "waiting").await;
        retried
    };
    // The step that gave the link out is kept, so the receiver has no other.
    let again = stop_and_retry(&run, json!({})).await;
    let again = stop_and_retry(&again, json!({})).await;
    assert_eq!(other.post(&path, paid()).await.status, 200);
    ended(&owner, &again).await;
    assert_eq!(text(&office, &again, "done"), "€12.50 P-7");
    assert_eq!(other.post(&path, paid()).await.status, 200);

    let (run, path) = waiting(&office, &owner).await;
    let anew = stop_and_retry(&run, json!({"input": {"name": "B"}})).await;
    assert_eq!(other.post(&path, paid()).await.status, 410);
    let link = text(&office, &anew, "link");
    let path = link.strip_prefix("http://forms.test").expect("an address");
    assert_eq!(other.post(path, paid()).await.status, 200);
    ended(&owner, &anew).await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_lost_keeps_nobody_from_calling() {
    let (office, owner) = Office::open().await;
    let (_, path) = waiting(&office, &owner).await;
    // Bytes of this name were never written.
    office.sql("update step set output_sha256 = sha256('lost') where node = 'form'");
    assert_eq!(office.caller().post(&path, paid()).await.status, 200);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_takes_the_sample() {
    let (office, owner) = Office::open().await;
    let made = owner
        .post("/api/workflows", json!({"document": document()}))
        .await
        .expect(201);
    let path = format!(
        "/api/workflows/{}/trial-runs",
        made["id"].as_str().expect("an id")
    );
    let started = owner
        .post(&path, json!({"revision": 1, "input": {"name": "A"}}))
        .await;
    let run = started.json["id"].as_str().expect("a run").to_owned();
    ended(&owner, &run).await;
    assert_eq!(text(&office, &run, "done"), "€1.00 S-1");
    office.close().await;
}
