//! The program that visits tell of themselves before they go on, and an address of it at which nobody ever answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use formwork_tests::{TestDb, receiver};
use serde_json::Value as Json;

/// How long it looks at a visit, which has its place meanwhile.
const LOOK: Duration = Duration::from_millis(100);

/// Idempotency key → the runs that told of themselves under it.
pub(super) type Visits = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

/// Answers until the test ends; what it is told, and its address.
pub(super) async fn open() -> (Visits, String) {
    let visits = Visits::default();
    let router = Router::new()
        .route("/visit", post(look))
        .route("/silence", post(std::future::pending::<()>))
        .with_state(visits.clone());
    (visits, receiver::serve(router).await)
}

async fn look(State(visits): State<Visits>, headers: HeaderMap, body: Bytes) {
    let key = headers["idempotency-key"]
        .to_str()
        .expect("text")
        .to_owned();
    let body: Json = serde_json::from_slice(&body).expect("JSON");
    let run = body["run_id"].as_str().expect("a run").to_owned();
    {
        let mut told = visits.lock().expect("no panic");
        told.entry(key).or_default().insert(run);
    }
    tokio::time::sleep(LOOK).await;
}

/// However often a visit told of itself, it did so under one key of its own.
pub(super) fn check(db: &TestDb, visits: &Visits) {
    let told = visits.lock().expect("no panic").clone();
    let mut runs = BTreeSet::new();
    for (key, of) in &told {
        assert_eq!(of.len(), 1, "{key} is of one run: {of:?}");
        let is_new = of.iter().all(|run| runs.insert(run.clone()));
        assert!(is_new, "{of:?} has two keys");
    }
    let all =
        "select run.id from run join workflow w on w.id = run.workflow_id where w.name = 'Visit'";
    let known: BTreeSet<String> = db.sql(all).lines().map(str::to_owned).collect();
    assert!(runs.is_subset(&known), "nobody begins what is not stored");
    let entered = format!(
        "{all} and run.retry_of is null and exists (
        select from step s where s.run_id = run.id and s.node = 'enter' and s.state = 'succeeded')"
    );
    for run in db.sql(&entered).lines() {
        assert!(runs.contains(run), "{run} did not tell of itself");
    }
}
