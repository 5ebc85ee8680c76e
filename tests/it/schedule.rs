//! Schedules: a due moment is exactly one run whoever comes first, missed ones follow the step's rule, and what is live follows the
//! workflow. Moments come because a test sets them in the database.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

/// A schedule and a text of what it gives.
fn document(config: &Json, zone: &str) -> Json {
    json!({
        "format": "formwork/1", "name": "Report", "locale": "en", "time_zone": zone, "currency": "EUR",
        "nodes": [
            {"id": "clock", "type": "schedule_trigger", "version": 1, "name": "Clock", "config": config},
            {"id": "text", "type": "template_fill", "version": 1, "name": "Text", "config": {
                "template": "{{ clock.date | date(\"iso\") }} after {{ clock.previous | default(\"nothing\") }}"}}],
        "edges": [{"from": "clock", "port": "out", "to": "text"}]
    })
}

/// A daily schedule whose time was two hours ago.
fn two_hours_ago(office: &Office, missed: &str) -> Json {
    let at = office.sql("select to_char(now() at time zone 'UTC' - interval '2 hours', 'HH24:MI')");
    json!({"mode": "daily", "at": at, "missed": missed})
}

/// Puts the next moment of the only schedule so many days before its last one.
fn overdue(office: &Office, days: i32) -> String {
    office.sql(&format!(
        "update schedule set next_at = date_trunc('minute', now() - interval '2 hours') - interval '{days} days'
         returning next_at"
    ))
}

/// As another process would. The office's own executor may come first; then this waits for it.
async fn begin(office: &Office) {
    let store = office.db.store().await;
    store::schedule::begin_due(&store).await.expect("begun");
    let due = "select count(*) from schedule where next_at <= now()";
    office.db.until(due, "0").await;
}

fn next_at(office: &Office) -> String {
    office.sql("select coalesce(next_at::text, '-') from schedule")
}

fn path(workflow: &Json) -> String {
    format!("/api/workflows/{}", workflow["id"].as_str().expect("an id"))
}

async fn runs(owner: &Caller) -> Vec<Json> {
    let listed = owner.get("/api/runs").await.expect(200);
    listed["items"].as_array().expect("items").clone()
}

/// Saves another document and publishes it.
async fn publish_again(owner: &Caller, workflow: &Json, document: Json) {
    let path = path(workflow);
    let base = owner.get(&path).await.expect(200)["draft"]["revision"].clone();
    let draft = json!({"base_revision": base, "document": document});
    let saved = owner.put(&format!("{path}/draft"), draft).await.expect(200);
    let publish = json!({"base_revision": saved["revision"]});
    owner
        .post(&format!("{path}/publish"), publish)
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_moment_is_one_run_whoever_comes_first() {
    let (office, owner) = Office::open().await;
    let config = two_hours_ago(&office, "once");
    let workflow = office.publish(&owner, document(&config, "UTC")).await;
    let planned = &workflow["schedules"][0];
    assert_eq!(planned["node"], "clock");
    assert_eq!(planned["next"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        (&planned["last_at"], &planned["last_run"]),
        (&Json::Null, &Json::Null)
    );

    let moment = overdue(&office, 0);
    tokio::join!(
        begin(&office),
        begin(&office),
        begin(&office),
        begin(&office)
    );
    let begun = runs(&owner).await;
    assert_eq!(begun.len(), 1, "{begun:#?}");
    assert_eq!(begun[0]["source"], "schedule");
    let run = begun[0]["id"].as_str().expect("an id");
    let ended = owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    assert_eq!(ended["state"], "succeeded");
    let date = office.sql(&format!(
        "select ('{moment}'::timestamptz at time zone 'UTC')::date"
    ));
    assert_eq!(
        ended["output"]["text"]["text"],
        format!("{date} after nothing")
    );
    assert_eq!(
        office.sql("select next_at > now() and next_at <= now() + interval '1 day' from schedule"),
        "t"
    );
    let told = owner.get(&path(&workflow)).await.expect(200);
    assert_eq!(told["schedules"][0]["last_run"], run);

    // The moment comes back, as after a restored backup: its run is there already.
    overdue(&office, 0);
    begin(&office).await;
    assert_eq!(runs(&owner).await.len(), 1);
    assert_eq!(office.sql("select next_at > now() from schedule"), "t");
    office.rest().await;
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_moments_follow_the_rule_of_the_step() {
    for (missed, expected) in [("once", 1), ("skip", 0), ("all", 4)] {
        let (office, owner) = Office::open().await;
        let config = two_hours_ago(&office, missed);
        office.publish(&owner, document(&config, "UTC")).await;
        overdue(&office, 3);
        begin(&office).await;
        let moments = office.sql("select count(*), max(input ->> 'scheduled_at')::timestamptz > now() - interval '3 hours' from run");
        let latest = if expected == 0 { "" } else { "t" };
        assert_eq!(moments, format!("{expected}|{latest}"), "{missed}");
        assert_eq!(office.sql("select next_at > now() from schedule"), "t");
        // Each knows the one before.
        let chain = office.sql(
            "select count(*) from run r where (r.input ->> 'previous')::timestamptz
                 = (r.input ->> 'scheduled_at')::timestamptz - interval '1 day'",
        );
        assert_eq!(
            chain,
            (expected - i32::from(expected > 0)).to_string(),
            "{missed}"
        );
        office.rest().await;
        office.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_is_off_or_deleted_begins_nothing_and_counts_anew() {
    let (office, owner) = Office::open().await;
    let config = two_hours_ago(&office, "all");
    let workflow = office.publish(&owner, document(&config, "UTC")).await;
    let path = path(&workflow);
    let first = next_at(&office);
    owner
        .patch(&path, json!({"state": "live"}))
        .await
        .expect(200);
    assert_eq!(next_at(&office), first, "nothing changed");
    let off = owner
        .patch(&path, json!({"state": "off"}))
        .await
        .expect(200);
    assert_eq!(off["schedules"][0]["next"], json!([]));
    assert_eq!(next_at(&office), "-");
    owner
        .patch(&path, json!({"state": "live"}))
        .await
        .expect(200);
    assert_eq!(next_at(&office), first, "from now, and not what it missed");
    owner.delete(&path).await.expect(204);
    assert_eq!(next_at(&office), "-");
    owner
        .post(&format!("{path}/restore"), Json::Null)
        .await
        .expect(200);
    assert_eq!(next_at(&office), first);
    begin(&office).await;
    assert!(runs(&owner).await.is_empty());
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_recounts_what_changed_and_keeps_what_did_not() {
    let (office, owner) = Office::open().await;
    let config = json!({"mode": "daily", "at": "09:00"});
    let workflow = office.publish(&owner, document(&config, "UTC")).await;
    // Due, but nobody has looked yet: publishing the same again does not lose it.
    office.sql("update schedule set next_at = now() + interval '1 minute'");
    let kept = next_at(&office);
    publish_again(&owner, &workflow, document(&config, "UTC")).await;
    assert_eq!(next_at(&office), kept);
    let hour = "select to_char(next_at at time zone 'Asia/Tokyo', 'HH24:MI') from schedule";
    publish_again(&owner, &workflow, document(&config, "Asia/Tokyo")).await;
    assert_eq!(office.sql(hour), "09:00");
    let later = json!({"mode": "daily", "at": "17:30"});
    publish_again(&owner, &workflow, document(&later, "Asia/Tokyo")).await;
    assert_eq!(office.sql(hour), "17:30");
    // Without the step there is no schedule.
    let mut other = document(&later, "UTC");
    other["nodes"][0] = json!({"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "", "fields": [{"name": "note", "label": "Note", "kind": "text"}]}});
    other["nodes"][1]["config"]["template"] = json!("Nothing");
    other["edges"][0]["from"] = json!("form");
    publish_again(&owner, &workflow, other).await;
    assert_eq!(office.sql("select count(*) from schedule"), "0");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn business_days_follow_the_firms_holidays() {
    let (office, owner) = Office::open().await;
    let config = json!({"mode": "business_days", "at": "09:00"});
    office.publish(&owner, document(&config, "UTC")).await;
    let next = office.sql("select (next_at at time zone 'UTC')::date from schedule");
    let mut firm = owner.get("/api/firm").await.expect(200);
    firm["holidays"] = json!([next]);
    owner.put("/api/firm", firm).await.expect(200);
    let later = format!(
        "select (next_at at time zone 'UTC')::date > '{next}', extract(isodow from next_at at time zone 'UTC') < 6 from schedule"
    );
    assert_eq!(office.sql(&later), "t|t");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_editor_is_told_the_next_times_and_what_is_wrong() {
    let (office, owner) = Office::open().await;
    let config = json!({"mode": "cron", "cron": "30 6 * * MON-FRI"});
    let made = document(&config, "Europe/Berlin");
    let workflow = office.publish(&owner, made.clone()).await;
    let check = format!("{}/check", path(&workflow));
    let checked = owner
        .post(&check, json!({"document": made}))
        .await
        .expect(200);
    let clock = &checked["nodes"]["clock"];
    assert_eq!(clock["trigger"], "schedule");
    assert_eq!(clock["schedule"]["expression"], "30 6 * * MON-FRI");
    assert_eq!(clock["card"]["key_fact"], "30 6 * * MON-FRI");
    let next = clock["next"].as_array().expect("moments");
    assert_eq!(next.len(), 3);
    assert_eq!(workflow["schedules"][0]["next"], json!(next));
    let wrong = document(&json!({"mode": "cron", "cron": "30 6 * *"}), "UTC");
    let checked = owner
        .post(&check, json!({"document": wrong}))
        .await
        .expect(200);
    let problem = &checked["problems"][0];
    assert_eq!(
        (&problem["code"], &problem["pointer"]),
        (&json!("cron_fields"), &json!("/nodes/0/config/cron"))
    );
    assert!(checked["nodes"]["clock"]["next"].is_null());
    // Begun by a program, the moment is now; what it sends must fit.
    let run = owner.start(&workflow, json!({})).await;
    let ended = owner
        .get(&format!("/api/runs/{run}/wait?wait_ms=25000"))
        .await
        .expect(200);
    assert_eq!(ended["state"], "succeeded", "{ended:#}");
    let refused = owner
        .post(
            &format!("{}/runs", path(&workflow)),
            json!({"input": {"date": "soon"}}),
        )
        .await;
    assert_eq!(refused.status, 422, "{refused:?}");
    office.rest().await;
    office.close().await;
}
