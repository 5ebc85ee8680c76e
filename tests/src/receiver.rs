//! Who receives the deliveries of the real programs, and keeps what came.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Json as JsonBody, Router, extract::State, http::HeaderMap, routing::post};
use serde_json::Value as Json;

/// webhook-id → the runs that came under it.
pub type Ledger = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// Answers every message well; the ledger, and the address to send to.
pub async fn open() -> (Ledger, String) {
    let ledger = Ledger::default();
    let app = Router::new()
        .route("/hook", post(take))
        .with_state(ledger.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (ledger, url)
}

/// What came, each message once: receivers tell repetitions by their id.
pub fn once(ledger: &Ledger) -> BTreeMap<String, String> {
    let received = ledger.lock().expect("no panic").clone();
    received
        .into_iter()
        .map(|(id, mut runs)| {
            runs.dedup();
            assert_eq!(runs.len(), 1, "{id} is one message");
            (id, runs.remove(0))
        })
        .collect()
}

async fn take(State(ledger): State<Ledger>, headers: HeaderMap, body: JsonBody<Json>) {
    let id = headers["webhook-id"].to_str().expect("text").to_owned();
    let run = body["data"]["run_id"].as_str().expect("a run").to_owned();
    ledger
        .lock()
        .expect("no panic")
        .entry(id)
        .or_default()
        .push(run);
}
