//! Servers of the tests' own that programs reach: whatever a router answers, and who receives deliveries and keeps what came.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use serde_json::Value as Json;

/// One message as it came.
#[derive(Clone, Debug)]
pub struct Message {
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// webhook-id → what came under it.
pub type Ledger = Arc<Mutex<BTreeMap<String, Vec<Message>>>>;

/// Answers until the test ends; the address.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Answers every message well; the ledger, and the address to send to.
pub async fn open() -> (Ledger, String) {
    let ledger = Ledger::default();
    let app = Router::new()
        .route("/hook", post(take))
        .with_state(ledger.clone());
    let url = format!("{}/hook", serve(app).await);
    (ledger, url)
}

/// The run that each message told of, each once: receivers tell repetitions by their id.
pub fn once(ledger: &Ledger) -> BTreeMap<String, String> {
    let received = ledger.lock().expect("no panic").clone();
    received
        .into_iter()
        .map(|(id, messages)| {
            let mut runs: Vec<String> = messages.iter().map(Message::run).collect();
            runs.dedup();
            assert_eq!(runs.len(), 1, "{id} is one message");
            (id, runs.remove(0))
        })
        .collect()
}

impl Message {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    fn run(&self) -> String {
        assert_eq!(self.header("content-type"), "application/json");
        let body: Json = serde_json::from_slice(&self.body).expect("JSON");
        body["data"]["run_id"].as_str().expect("a run").to_owned()
    }
}

async fn take(State(ledger): State<Ledger>, headers: HeaderMap, body: Bytes) {
    let message = Message { headers, body };
    let id = message.header("webhook-id").to_owned();
    let mut ledger = ledger.lock().expect("no panic");
    ledger.entry(id).or_default().push(message);
}
