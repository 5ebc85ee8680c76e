//! Workflows that limit how many of their runs go at the same time: never more than that, whoever accepts and ends at once, in their order,
//! and nobody is forgotten whatever is stopped, dies or is published meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json as Body, Router, extract::State, routing::get};
use formwork_tests::{
    Office,
    office::Caller,
    process::{Installation, Role, until},
};
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

use crate::chaos::witness;

const HOLDERS: &str = "select count(*) from run_place where admitted_at is not null";
const IN_LINE: &str = "select count(*) from run_place where admitted_at is null";

fn node(id: &str, node_type: &str, config: &Json) -> Json {
    json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config})
}

/// A form, these steps one after the other, and a limit.
fn document(steps: &[Json], concurrency: &Json) -> Json {
    let form = json!({"title": "Order", "fields": [
        {"name": "customer", "label": "Customer", "kind": "text", "required": false},
        {"name": "days", "label": "Days", "kind": "number", "decimals": 0, "required": false}]});
    let mut nodes = vec![node("form", "form_input", &form)];
    nodes.extend(steps.iter().cloned());
    let edges: Vec<Json> = nodes
        .windows(2)
        .map(|pair| json!({"from": pair[0]["id"], "port": "out", "to": pair[1]["id"]}))
        .collect();
    let mut document = json!({
        "format": "formwork/1", "name": "Order", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": nodes, "edges": edges,
    });
    if !concurrency.is_null() {
        document["concurrency"] = concurrency.clone();
    }
    document
}

/// Its runs wait for a month, or until `finish`.
fn slow(concurrency: &Json) -> Json {
    let wait = json!({"mode": "business_days", "amount": "20"});
    document(&[node("wait", "delay", &wait)], concurrency)
}

fn by_customer() -> Json {
    json!({"runs": 1, "key": "{{ form.customer }}"})
}

/// The month is over for a run.
async fn finish(office: &Office, run: &str, state: &str) {
    let waits = format!("select count(*) from step where run_id = '{run}' and state = 'waiting'");
    office.db.until(&waits, "1").await;
    office.sql(&format!(
        "update queue_entry set due_at = now() where run_id = '{run}'"
    ));
    let reached = format!("select state from run where id = '{run}'");
    office.db.until(&reached, state).await;
}

async fn read(owner: &Caller, run: &str) -> Json {
    owner.get(&format!("/api/runs/{run}")).await.expect(200)
}

async fn stop(owner: &Caller, run: &str) {
    let path = format!("/api/runs/{run}/stop");
    owner.post(&path, json!({})).await.expect(200);
}

fn text<'a>(json: &'a Json, what: &str) -> &'a str {
    json.as_str().unwrap_or_else(|| panic!("{what}: {json}"))
}

/// Whether a run has its place and goes.
fn goes(office: &Office, run: &str) -> bool {
    let query = format!("select admitted_at is not null from run_place where run_id = '{run}'");
    office.sql(&query) == "t"
}

fn assert_nothing_left(office: &Office) {
    assert_eq!(office.sql("select count(*) from run_place"), "0");
    assert_eq!(office.sql("select count(*) from queue_entry"), "0");
    assert_eq!(
        office.sql("select count(*) from run where finished_at is null"),
        "0"
    );
}

/// A server that counts how many ask it at the same time, and answers when it may.
#[derive(Clone)]
struct Counting {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

async fn counting() -> (Counting, String) {
    async fn answer(State(counting): State<Counting>) -> Body<Json> {
        let now = counting.now.fetch_add(1, Ordering::SeqCst) + 1;
        counting.most.fetch_max(now, Ordering::SeqCst);
        let permit = counting.gate.acquire().await.expect("never closed");
        permit.forget();
        counting.now.fetch_sub(1, Ordering::SeqCst);
        Body(json!({}))
    }
    let counting = Counting {
        now: Arc::default(),
        most: Arc::default(),
        gate: Arc::new(Semaphore::new(0)),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("its address"));
    let router = Router::new()
        .route("/", get(answer))
        .with_state(counting.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (counting, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_go_than_may_though_two_servers_accept_many_at_once() {
    const RUNS: usize = 24;
    let (office, owner) = Office::open().await;
    let (counting, url) = counting().await;
    let ask = node("ask", "http_request", &json!({ "url": url }));
    let workflow = owner.publish(document(&[ask], &json!({"runs": 3}))).await;
    let other = Caller {
        address: office.serve(|_| ()).await,
        ..owner.clone()
    };
    let starts = (0..RUNS).map(|index| {
        let caller = if index % 2 == 0 { &owner } else { &other };
        caller.start(&workflow, json!({}))
    });
    futures_util::future::join_all(starts).await;
    assert_eq!(office.sql(HOLDERS), "3");
    assert_eq!(office.sql(IN_LINE), (RUNS - 3).to_string());
    until("three ask", || counting.now.load(Ordering::SeqCst) == 3).await;
    // From now on runs end, several at once, while others are accepted.
    counting.gate.add_permits(2 * RUNS);
    let more = (0..RUNS).map(|_| other.start(&workflow, json!({})));
    futures_util::future::join_all(more).await;
    let succeeded = "select count(*) from run where state = 'succeeded'";
    office.db.until(succeeded, &(2 * RUNS).to_string()).await;
    assert_eq!(counting.most.load(Ordering::SeqCst), 3);
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_first_goes_first_and_everybody_is_told_how_many_are_ahead() {
    let (office, owner) = Office::open().await;
    let program = office.program(&owner).await;
    let workflow = owner.publish(slow(&json!({"runs": 1}))).await;
    let holder = owner.start(&workflow, json!({})).await;
    // Nobody waits for what a program begins, unless it waited for an hour.
    let patient = program.start(&workflow, json!({})).await;
    let mut expected = Vec::new();
    for _ in 0..2 {
        expected.push(owner.start(&workflow, json!({})).await);
    }
    expected.push(patient.clone());
    let told = read(&owner, &patient).await;
    assert_eq!(told["state"], "queued");
    assert_eq!(
        told["line"],
        json!({"ahead": 2, "runs": 1, "key": null, "key_failed": false})
    );
    assert_eq!(read(&owner, &holder).await["line"], Json::Null);
    let listed = owner.get("/api/runs").await.expect(200);
    let ahead = |run: &str| {
        let mut items = listed["items"].as_array().expect("runs").iter();
        let item = items.find(|item| item["id"] == run).expect("it is listed");
        item["line"]["ahead"].clone()
    };
    assert_eq!(ahead(&expected[0]), 0);
    assert_eq!(ahead(&expected[1]), 1);
    assert_eq!(ahead(&holder), Json::Null);
    let mut last = holder;
    for next in &expected {
        assert!(!goes(&office, next));
        finish(&office, &last, "succeeded").await;
        assert!(goes(&office, next), "{next} is next");
        assert_eq!(office.sql(HOLDERS), "1");
        last.clone_from(next);
    }
    let late = program.start(&workflow, json!({})).await;
    let quick = owner.start(&workflow, json!({})).await;
    office.sql(&format!(
        "update run_place set created_at = created_at - interval '61 minutes' where run_id = '{late}'"
    ));
    finish(&office, &last, "succeeded").await;
    assert!(goes(&office, &late), "an hour counts as much as a person");
    finish(&office, &late, "succeeded").await;
    finish(&office, &quick, "succeeded").await;
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_value_of_the_key_has_a_line_of_its_own() {
    let (office, owner) = Office::open().await;
    let workflow = owner.publish(slow(&by_customer())).await;
    let start = async |customer: &str| owner.start(&workflow, json!({"customer": customer})).await;
    let (ada, bob) = (start("Ada").await, start("Bob").await);
    let (ada_again, bob_again) = (start("Ada").await, start("Bob").await);
    let (nobody, nobody_again) = (start("").await, start("").await);
    for (run, is_first) in [
        (&ada, true),
        (&bob, true),
        (&ada_again, false),
        (&bob_again, false),
        (&nobody, true),
        (&nobody_again, false),
    ] {
        assert_eq!(goes(&office, run), is_first);
    }
    let line = read(&owner, &ada_again).await["line"].clone();
    assert_eq!(
        line,
        json!({"ahead": 0, "runs": 1, "key": "Ada", "key_failed": false})
    );
    assert_eq!(read(&owner, &nobody_again).await["line"]["key"], "");
    finish(&office, &ada, "succeeded").await;
    assert!(goes(&office, &ada_again));
    assert!(!goes(&office, &bob_again));
    finish(&office, &ada_again, "succeeded").await;
    for run in [&bob, &bob_again, &nobody, &nobody_again] {
        finish(&office, run, "succeeded").await;
    }
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_made_loses_no_run() {
    let (office, owner) = Office::open().await;
    let key = json!({"runs": 1, "key": "{{ 10 / form.days | default(1) }}"});
    let workflow = owner.publish(slow(&key)).await;
    let first = owner.start(&workflow, json!({"days": 0})).await;
    let second = owner.start(&workflow, json!({"days": 0})).await;
    let line = read(&owner, &second).await["line"].clone();
    assert_eq!(
        line,
        json!({"ahead": 0, "runs": 1, "key": "", "key_failed": true})
    );
    let long = "x".repeat(1000);
    let workflow = owner.publish(slow(&by_customer())).await;
    let third = owner.start(&workflow, json!({ "customer": long })).await;
    let length = "select max(char_length(key)) between 160 and 200 from run_place";
    assert_eq!(office.sql(length), "t");
    for run in [&first, &second, &third] {
        finish(&office, run, "succeeded").await;
    }
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_frees_the_place_or_leaves_the_line() {
    let (office, owner) = Office::open().await;
    let workflow = owner.publish(slow(&json!({"runs": 1}))).await;
    let holder = owner.start(&workflow, json!({})).await;
    let leaves = owner.start(&workflow, json!({})).await;
    let next = owner.start(&workflow, json!({})).await;
    stop(&owner, &leaves).await;
    let told = read(&owner, &leaves).await;
    assert_eq!(told["state"], "cancelled");
    assert_eq!(told["steps"][0]["state"], "cancelled");
    assert!(goes(&office, &holder));
    assert_eq!(read(&owner, &next).await["line"]["ahead"], 0);
    stop(&owner, &holder).await;
    assert!(goes(&office, &next));
    // Who was stopped in line begins again at the end of the line.
    let again = owner
        .post(&format!("/api/runs/{leaves}/retry"), json!({}))
        .await
        .expect(202);
    let again = text(&again["id"], "a run").to_owned();
    assert!(!goes(&office, &again));
    finish(&office, &next, "succeeded").await;
    finish(&office, &again, "succeeded").await;
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_frees_its_place_and_its_retry_waits_with_the_steps_it_keeps() {
    let (office, owner) = Office::open().await;
    let wait = json!({"mode": "business_days", "amount": "20"});
    let halt = json!({"ends": "with_error", "message": "No."});
    let steps = [node("wait", "delay", &wait), node("halt", "stop", &halt)];
    let workflow = owner.publish(document(&steps, &json!({"runs": 1}))).await;
    let fails = owner.start(&workflow, json!({})).await;
    let holder = owner.start(&workflow, json!({})).await;
    finish(&office, &fails, "failed").await;
    assert!(goes(&office, &holder));
    let retry = owner
        .post(&format!("/api/runs/{fails}/retry"), json!({}))
        .await
        .expect(202);
    let retry = text(&retry["id"], "a run").to_owned();
    let told = read(&owner, &retry).await;
    assert_eq!(told["line"]["ahead"], 0, "{told:#}");
    assert_eq!(told["waits"], json!([]), "the line says for what");
    assert_eq!(told["steps"][2]["state"], "ready");
    finish(&office, &holder, "failed").await;
    let state = format!("select state from run where id = '{retry}'");
    office.db.until(&state, "failed").await;
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_in_line_is_not_taken_from_the_limits_of_a_retry() {
    let (office, owner) = Office::open().await;
    let wait = json!({"mode": "business_days", "amount": "20"});
    let halt = json!({"ends": "with_error", "message": "No."});
    let mut steps = [node("wait", "delay", &wait), node("halt", "stop", &halt)];
    steps[1]["limits"] = json!({"start_ms": 600_000, "total_ms": 600_000});
    let workflow = owner.publish(document(&steps, &json!({"runs": 1}))).await;
    let fails = owner.start(&workflow, json!({})).await;
    let holder = owner.start(&workflow, json!({})).await;
    finish(&office, &fails, "failed").await;
    let retry = owner
        .post(&format!("/api/runs/{fails}/retry"), json!({}))
        .await
        .expect(202);
    let retry = text(&retry["id"], "a run").to_owned();
    // An hour goes by.
    office.sql(&format!(
        "update run_place set created_at = created_at - interval '1 hour' where run_id = '{retry}';
         update step set start_by = start_by - interval '1 hour', end_by = end_by - interval '1 hour' where run_id = '{retry}'"
    ));
    finish(&office, &holder, "failed").await;
    let state = format!("select state from run where id = '{retry}'");
    office.db.until(&state, "failed").await;
    let errors = |run: &str| {
        office.sql(&format!(
            "select error ->> 'code' from run where id = '{run}'"
        ))
    };
    assert_eq!(errors(&retry), errors(&fails));
    assert_nothing_left(&office);
    office.close().await;
}

/// Publishes the workflow anew.
async fn republish(owner: &Caller, workflow: &Json, revision: i64, document: &Json) {
    let path = format!("/api/workflows/{}", text(&workflow["id"], "an id"));
    let draft = json!({"base_revision": revision, "document": document});
    let saved = owner.put(&format!("{path}/draft"), draft).await.expect(200);
    let publish = json!({"base_revision": saved["revision"]});
    owner
        .post(&format!("{path}/publish"), publish)
        .await
        .expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_larger_limit_counts_for_those_who_wait_already() {
    let (office, owner) = Office::open().await;
    let workflow = owner.publish(slow(&json!({"runs": 1}))).await;
    let mut runs = Vec::new();
    for _ in 0..6 {
        runs.push(owner.start(&workflow, json!({})).await);
    }
    assert_eq!(office.sql(HOLDERS), "1");
    republish(&owner, &workflow, 1, &slow(&json!({"runs": 3}))).await;
    assert_eq!(office.sql(HOLDERS), "3");
    // A smaller one ends nothing, and lets nobody in until there is room.
    republish(&owner, &workflow, 2, &slow(&json!({"runs": 2}))).await;
    assert_eq!(read(&owner, &runs[3]).await["line"]["runs"], 2);
    finish(&office, &runs[0], "succeeded").await;
    assert!(!goes(&office, &runs[3]));
    finish(&office, &runs[1], "succeeded").await;
    assert!(goes(&office, &runs[3]));
    // Without one nobody waits, and who comes now has no place at all.
    republish(&owner, &workflow, 3, &slow(&Json::Null)).await;
    assert_eq!(office.sql(IN_LINE), "0");
    let free = owner.start(&workflow, json!({})).await;
    let place = format!("select count(*) from run_place where run_id = '{free}'");
    assert_eq!(office.sql(&place), "0");
    for run in &runs[2..] {
        finish(&office, run, "succeeded").await;
    }
    finish(&office, &free, "succeeded").await;
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trial_runs_do_not_count() {
    let (office, owner) = Office::open().await;
    let workflow = owner.publish(slow(&json!({"runs": 1}))).await;
    let holder = owner.start(&workflow, json!({})).await;
    let waits = owner.start(&workflow, json!({})).await;
    let path = format!("/api/workflows/{}", text(&workflow["id"], "an id"));
    let trial = json!({"revision": 1, "input": {}});
    let trial = owner
        .post(&format!("{path}/trial-runs"), trial)
        .await
        .expect(202);
    // It waits for nothing, neither in line nor for the month.
    let state = format!(
        "select state from run where id = '{}'",
        text(&trial["id"], "a run")
    );
    office.db.until(&state, "succeeded").await;
    assert_eq!(office.sql("select count(*) from run_place"), "2");
    assert!(!goes(&office, &waits), "and frees no place with its end");
    stop(&owner, &holder).await;
    stop(&owner, &waits).await;
    assert_nothing_left(&office);
    office.close().await;
}

/// A workflow that calls another one and waits for it.
fn calling(workflow: &Json) -> Json {
    let call = json!({"workflow": workflow["id"], "values": {}});
    document(&[node("call", "workflow_call", &call)], &Json::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn called_runs_wait_in_line_and_leave_it_with_their_callers() {
    let (office, owner) = Office::open().await;
    let mut callee = slow(&json!({"runs": 1}));
    callee["nodes"][0] = node("form", "call_input", &json!({"fields": []}));
    let callee = owner.publish(callee).await;
    let caller = owner.publish(calling(&callee)).await;
    let mut callers = Vec::new();
    for index in 1..=3 {
        callers.push(owner.start(&caller, json!({})).await);
        // One after the other, so that it is known who is called first.
        let called = "select count(*) from run_place";
        office.db.until(called, &index.to_string()).await;
    }
    let child =
        |caller: &str| office.sql(&format!("select id from run where parent_run = '{caller}'"));
    let children: Vec<String> = callers.iter().map(|caller| child(caller)).collect();
    assert!(goes(&office, &children[0]));
    assert_eq!(read(&owner, &children[2]).await["line"]["ahead"], 1);
    // The caller of one that waits, and the caller of the one that goes.
    stop(&owner, &callers[1]).await;
    assert_eq!(read(&owner, &children[1]).await["state"], "cancelled");
    stop(&owner, &callers[0]).await;
    assert!(goes(&office, &children[2]));
    finish(&office, &children[2], "succeeded").await;
    let state = format!("select state from run where id = '{}'", callers[2]);
    office.db.until(&state, "succeeded").await;
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_hear_of_failures_wait_in_line_too() {
    let (office, owner) = Office::open().await;
    let mut hears = slow(&json!({"runs": 1}));
    hears["nodes"][0] = node("form", "call_input", &json!({"fields": []}));
    let hears = owner.publish(hears).await;
    let halt = json!({"ends": "with_error", "message": "No."});
    let mut fails = document(&[node("halt", "stop", &halt)], &Json::Null);
    fails["on_failure"] = hears["id"].clone();
    let fails = owner.publish(fails).await;
    for _ in 0..2 {
        owner.start(&fails, json!({})).await;
    }
    office.db.until(IN_LINE, "1").await;
    let holder = office.sql("select run_id from run_place where admitted_at is not null");
    let waits = office.sql("select run_id from run_place where admitted_at is null");
    assert_eq!(read(&owner, &waits).await["source"], "failure");
    stop(&owner, &holder).await;
    assert!(goes(&office, &waits));
    finish(&office, &waits, "succeeded").await;
    assert_nothing_left(&office);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_would_admit_maintenance_does() {
    let (office, owner) = Office::open().await;
    let workflow = owner.publish(slow(&json!({"runs": 1}))).await;
    let holder = owner.start(&workflow, json!({})).await;
    let called = owner.start(&workflow, json!({})).await;
    let last = owner.start(&workflow, json!({})).await;
    // As if the holder's older version called the workflow that it belongs to: it would wait for itself.
    office.sql(&format!(
        "update run set parent_run = '{holder}', parent_node = 'wait', parent_item_path = '', depth = 1 where id = '{called}'"
    ));
    let pass = store::maintenance::pass(&office.store)
        .await
        .expect("a pass");
    assert_eq!(pass.admitted, 1);
    assert!(goes(&office, &called));
    assert!(!goes(&office, &last), "the limit holds for everybody else");
    // Runs that somebody deletes by hand keep no place.
    let started = "select count(*) from step where state = 'waiting'";
    office.db.until(started, "2").await;
    office.sql(&format!(
        "delete from step where run_id in ('{holder}', '{called}'); delete from run where id in ('{holder}', '{called}')"
    ));
    store::maintenance::pass(&office.store)
        .await
        .expect("a pass");
    assert!(goes(&office, &last));
    finish(&office, &last, "succeeded").await;
    assert_nothing_left(&office);
    office.close().await;
}

/// Wherever a worker dies, its run keeps the place until it is over, and the next one begins then.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_takes_no_place_along() {
    let site = Installation::new(&[("FORMWORK_LEASE_SECONDS", "1")]).await;
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    let fill = node("text", "template_fill", &json!({"template": "Done"}));
    let workflow = owner.publish(document(&[fill], &json!({"runs": 1}))).await;
    for fault in ["after_claim:1", "committed:1", "committed:2"] {
        for _ in 0..3 {
            owner.start(&workflow, json!({})).await;
        }
        let mut dying = site.start(Role::Work, Some(fault));
        until("the worker dies", || dying.ended().is_some()).await;
        let holders: usize = site.db.sql(HOLDERS).parse().expect("a number");
        assert!(holders <= 1, "{fault}: {holders}");
        let mut worker = site.start(Role::Work, None);
        site.until("select count(*) from run where finished_at is null", "0")
            .await;
        assert_eq!(
            site.db.sql("select count(*) from run_place"),
            "0",
            "{fault}"
        );
        worker.stop();
    }
    assert_eq!(
        site.db
            .sql("select string_agg(distinct state, ' ') from run"),
        "succeeded"
    );
    server.stop();
}

/// A worker stands still with the commit of the only run that goes in its hands. The run keeps its place until somebody else has ended it,
/// and what the first one still wanted to say of it lets nobody else go.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stands_still_holds_one_place_and_frees_none() {
    let site = Installation::new(&[
        ("FORMWORK_LEASE_SECONDS", "1"),
        // What its fence keeps out is no warning.
        ("FORMWORK_LOG", "warn,executor=info"),
    ])
    .await;
    witness::install(&site.db);
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    let fill = node("text", "template_fill", &json!({"template": "Done"}));
    let workflow = owner.publish(document(&[fill], &json!({"runs": 1}))).await;
    for _ in 0..3 {
        owner.start(&workflow, json!({})).await;
    }
    let frozen = site.start(Role::Work, Some("effect_done:1:freeze"));
    until("the worker stands still", || frozen.is_frozen()).await;
    assert_eq!(site.db.sql(HOLDERS), "1");
    assert_eq!(site.db.sql(IN_LINE), "2");
    let mut worker = site.start(Role::Work, None);
    let finished = "select count(*) from run where state = 'succeeded'";
    site.until(finished, "3").await;
    // Now there is a run that somebody could be let go beside.
    worker.stop();
    for _ in 0..2 {
        owner.start(&workflow, json!({})).await;
    }
    frozen.resume();
    until("the fence keeps it out", || {
        frozen.log().contains("a segment was dropped")
    })
    .await;
    site.until(finished, "5").await;
    assert_eq!(witness::most_at_once(&site.db), 1);
    witness::nothing_broken(&site.db);
    assert_eq!(site.db.sql("select count(*) from run_place"), "0");
    server.stop();
}

/// Runs are accepted, end and are stopped in three processes at once: nobody waits in a circle, and nobody is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn many_lines_in_several_processes_are_locked_in_one_order() {
    const RUNS: usize = 90;
    let site = Installation::new(&[]).await;
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    let fill = node("text", "template_fill", &json!({"template": "Done"}));
    let workflow = owner.publish(document(&[fill], &by_customer())).await;
    let workers = [site.start(Role::Work, None), site.start(Role::Work, None)];
    let starts = (0..RUNS).map(|index| {
        let input = json!({"customer": format!("Customer {}", index % 7)});
        owner.start(&workflow, input)
    });
    let runs = futures_util::future::join_all(starts).await;
    let stops = runs.iter().step_by(5).map(|run| stop(&owner, run));
    futures_util::future::join_all(stops).await;
    site.until("select count(*) from run where finished_at is null", "0")
        .await;
    assert_eq!(site.db.sql("select count(*) from run_place"), "0");
    assert_eq!(site.db.sql("select count(*) from queue_entry"), "0");
    for program in workers.iter().chain([&server]) {
        let log = program.log();
        assert!(!log.contains("deadlock"), "{log}");
    }
    for mut program in workers {
        program.stop();
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_cannot_be_is_a_problem_at_its_place() {
    let (office, owner) = Office::open().await;
    let workflow = owner.publish(slow(&Json::Null)).await;
    let path = format!("/api/workflows/{}/check", text(&workflow["id"], "an id"));
    let check = async |concurrency: Json, expected: &[(&str, &str)]| {
        let body = json!({"document": slow(&concurrency)});
        let checked = owner.post(&path, body).await.expect(200);
        let problems = checked["problems"].as_array().expect("problems");
        let found: Vec<(&str, &str)> = problems
            .iter()
            .map(|problem| {
                let pointer = text(&problem["pointer"], "a pointer");
                (pointer, text(&problem["code"], "a code"))
            })
            .filter(|(pointer, _)| pointer.starts_with("/concurrency"))
            .collect();
        assert_eq!(found, expected, "{concurrency}");
    };
    let (runs, key) = ("/concurrency/runs", "/concurrency/key");
    check(by_customer(), &[]).await;
    check(json!({"runs": 100}), &[]).await;
    check(json!({"runs": 0}), &[(runs, "concurrency_runs")]).await;
    check(json!({"runs": 101}), &[(runs, "concurrency_runs")]).await;
    let reads = |text: &str| json!({"runs": 1, "key": text});
    for later in ["{{ wait.until }}", "{{ run.id }}"] {
        check(reads(later), &[(key, "concurrency_reference")]).await;
    }
    let mistyped = reads("{{ form.custmer }}");
    check(mistyped, &[(key, "unknown_reference")]).await;
    check(reads("all"), &[(key, "concurrency_key_same")]).await;
    check(reads("{{ form.customer"), &[(key, "expression_syntax")]).await;
    office.close().await;
}
