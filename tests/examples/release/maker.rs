//! The office whose database becomes the fixture, and what everybody does in it: publish, start, wait for a state.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use formwork_tests::{
    Office, TestDb, fixture,
    office::{Caller, EMAIL, PASSWORD},
};
use serde_json::{Value as Json, json};
use tokio::sync::{Notify, Semaphore};

pub(crate) struct Maker {
    pub(crate) office: Office,
    pub(crate) owner: Caller,
}

/// Who is asked at `/slow`, which answers when it may.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) asked: Arc<Notify>,
    pub(crate) gate: Arc<Semaphore>,
}

impl Receiver {
    /// `/ok` takes everything, `/busy` nothing, `/gone` is gone for good.
    pub(crate) async fn open() -> Self {
        async fn slow(State(receiver): State<Receiver>) -> StatusCode {
            receiver.asked.notify_one();
            receiver
                .gate
                .acquire()
                .await
                .expect("never closed")
                .forget();
            StatusCode::OK
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let receiver = Self {
            url: format!("http://{}", listener.local_addr().expect("an address")),
            asked: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        };
        let app = Router::new()
            .route("/ok", post(async || StatusCode::OK))
            .route("/busy", post(async || StatusCode::INTERNAL_SERVER_ERROR))
            .route("/gone", post(async || StatusCode::GONE))
            .route("/slow", get(slow))
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }
}

pub(crate) fn id(json: &Json) -> String {
    json["id"].as_str().expect("an id").to_owned()
}

impl Maker {
    pub(crate) async fn new() -> Self {
        let db = TestDb::new().await;
        db.set_key(fixture::KEY);
        let office = Office::on(db).await;
        store::account::ensure_owner(&office.store, EMAIL, PASSWORD)
            .await
            .expect("an owner");
        let mut owner = office.caller();
        owner.sign_in(EMAIL, PASSWORD).await.expect(200);
        Self { office, owner }
    }

    pub(crate) fn sql(&self, statement: &str) -> String {
        self.office.sql(statement)
    }

    pub(crate) async fn make(&self, path: &str, body: Json) -> Json {
        let answer = self.owner.post(path, body).await;
        assert!(
            answer.status < 300,
            "{path}: {} {}",
            answer.status,
            answer.json
        );
        answer.json
    }

    pub(crate) async fn publish(&self, document: Json) -> String {
        let made = self
            .make("/api/workflows", json!({"document": document}))
            .await;
        let workflow = id(&made);
        self.make(
            &format!("/api/workflows/{workflow}/publish"),
            json!({"base_revision": 1}),
        )
        .await;
        workflow
    }

    pub(crate) async fn start(&self, workflow: &str, input: Json) -> String {
        id(&self
            .make(
                &format!("/api/workflows/{workflow}/runs"),
                json!({"input": input}),
            )
            .await)
    }

    /// Started, and in this state.
    pub(crate) async fn run(&self, workflow: &str, input: Json, state: &str) -> String {
        let run = self.start(workflow, input).await;
        self.until(&run, state).await;
        run
    }

    pub(crate) async fn try_out(&self, workflow: &str, revision: i64, input: Json) -> String {
        let path = format!("/api/workflows/{workflow}/trial-runs");
        id(&self
            .make(&path, json!({"revision": revision, "input": input}))
            .await)
    }

    /// Until the run is in this state.
    pub(crate) async fn until(&self, run: &str, state: &str) {
        let query = format!("select state from run where id = '{run}'");
        self.office.db.until(&query, state).await;
    }

    /// What a run waits for is due.
    pub(crate) fn let_time_pass(&self, run: &str) {
        self.sql(&format!(
            "update queue_entry set due_at = now() where run_id = '{run}'"
        ));
    }

    pub(crate) async fn pause(&self, workflow: &str, paused: bool) {
        self.owner
            .patch(
                &format!("/api/workflows/{workflow}"),
                json!({ "paused": paused }),
            )
            .await
            .expect(200);
    }

    /// People, the firm and what is secret.
    pub(crate) async fn settle(&self) {
        self.office.member(&self.owner).await;
        self.office.program(&self.owner).await;
        let mut firm = self.owner.get("/api/firm").await.expect(200);
        firm["name"] = json!("Nordlicht Reisen");
        firm["street"] = json!(["Hüxstraße 44"]);
        firm["post_code"] = json!("23552");
        firm["city"] = json!("Lübeck");
        firm["iban"] = json!("DE02120300000000202051");
        self.owner.put("/api/firm", firm).await.expect(200);
        self.make(
            "/api/credentials",
            json!({"name": "Accounts", "secret": {"kind": "bearer", "token": fixture::TOKEN}}),
        )
        .await;
    }
}
