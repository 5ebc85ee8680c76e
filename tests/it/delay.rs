//! Runs that wait for a time: they hold no worker, say until when, go on by themselves, and Stop ends them at once.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

/// A form, a wait with these settings, and a text behind it; one run of it, as the API tells it.
async fn start(office: &Office, owner: &Caller, wait: Json) -> String {
    let document = json!({
        "format": "formwork/1", "name": "Later", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Later", "fields": [
                {"name": "day", "label": "Day", "kind": "date", "required": true}]}},
            {"id": "wait", "type": "delay", "version": 1, "name": "Wait", "config": wait},
            {"id": "text", "type": "template_fill", "version": 1, "name": "Text",
             "config": {"template": "until {{ wait.until | date(\"iso\") }}"}}],
        "edges": [{"from": "form", "port": "out", "to": "wait"}, {"from": "wait", "port": "out", "to": "text"}]
    });
    let day = office.sql("select current_date + 30");
    office.start(owner, document, json!({ "day": day })).await
}

async fn waits(office: &Office, run: &str) {
    let state = format!("select state from run where id = '{run}'");
    office.db.until(&state, "waiting").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_business_days_and_goes_on_by_itself() {
    let (office, owner) = Office::open().await;
    let mut firm = owner.get("/api/firm").await.expect(200);
    // Whatever today is: the next seven days are holidays.
    let days: Vec<String> = (1..=7)
        .map(|day| {
            office.sql(&format!(
                "select (now() at time zone 'Europe/Berlin')::date + {day}"
            ))
        })
        .collect();
    firm["holidays"] = json!(days);
    owner.put("/api/firm", firm).await.expect(200);
    let run = start(
        &office,
        &owner,
        json!({"mode": "business_days", "amount": "1"}),
    )
    .await;
    waits(&office, &run).await;
    let told = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(told["waits"][0]["on"], "time");
    let until = told["waits"][0]["until"].as_str().expect("a time");
    let week = office.sql(&format!(
        "select '{until}'::timestamptz > now() + interval '7 days', extract(isodow from '{until}'::timestamptz) < 6,
                to_char('{until}'::timestamptz at time zone 'Europe/Berlin', 'HH24:MI')"
    ));
    assert_eq!(week, "t|t|09:00");
    assert_eq!(
        office.sql("select count(*) from queue_entry where lease_owner is not null"),
        "0",
        "nobody holds it"
    );
    office.sql("update queue_entry set due_at = now()");
    let ended = owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    assert_eq!(ended["state"], "succeeded");
    let text = office.sql(&format!(
        "select output ->> 'text' from step where run_id = '{run}' and node = 'text'"
    ));
    assert_eq!(text, format!("until {}", &until[..10]));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_run_is_stopped_at_once() {
    let (office, owner) = Office::open().await;
    let run = start(
        &office,
        &owner,
        json!({"mode": "until", "until": "{{ form.day }}"}),
    )
    .await;
    waits(&office, &run).await;
    owner
        .post(&format!("/api/runs/{run}/stop"), Json::Null)
        .await;
    let ended = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(ended["state"], "cancelled");
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    office.close().await;
}
