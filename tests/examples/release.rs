//! Makes `tests/fixtures/release-1.sql.gz`: an installation with accounts, secrets, published workflows, runs and deliveries in every
//! state, as this version of Formwork leaves them. A fixture is made once for a release and never again.

use std::process::Command;

use axum::{Router, http::StatusCode, routing::post};
use formwork_tests::{Office, TestDb, fixture, office::Caller, receiver};
use reqwest::Method;
use serde_json::{Value as Json, json};
use store::{
    delivery, generation,
    queue::{self, ClaimForm, Holder},
    worker::{self, Kind},
};

/// Receivers: `/ok` takes everything, `/busy` nothing, `/gone` is gone for good.
async fn receiver() -> String {
    let app = Router::new()
        .route("/ok", post(async || StatusCode::OK))
        .route("/busy", post(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/gone", post(async || StatusCode::GONE));
    receiver::serve(app).await
}

fn id(json: &Json) -> String {
    json["id"].as_str().expect("an id").to_owned()
}

/// A form with one question, and one step behind it.
fn short(name: &str, step: &Json) -> Json {
    let mut after = json!({"id": "step", "version": 1, "name": name});
    for (key, value) in step.as_object().expect("an object") {
        after[key] = value.clone();
    }
    json!({
        "format": "formwork/1", "name": name, "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": name, "fields": [
                {"name": "customer", "label": "Customer", "kind": "text", "required": true}]}},
            after
        ],
        "edges": [{"from": "form", "port": "out", "to": "step"}],
        "samples": [{"name": "Ada", "input": {"customer": "Ada"}}]
    })
}

fn invoice(note: Option<&str>) -> Json {
    json!({
        "customer": "Änne Müller", "address": "Hüxstraße 44\n23552 Lübeck", "date": "2027-03-08",
        "due": "2027-03-22", "note": note,
        "lines": [{"description": "Work", "quantity": "3", "unit_price": {"amount": "0.10", "currency": "EUR"}, "vat_rate": "19"}]
    })
}

struct Maker {
    office: Office,
    owner: Caller,
}

impl Maker {
    async fn make(&self, path: &str, body: Json) -> Json {
        let answer = self.owner.post(path, body).await;
        assert!(
            answer.status < 300,
            "{path}: {} {}",
            answer.status,
            answer.json
        );
        answer.json
    }

    async fn endpoint(&self, name: &str, url: String) -> String {
        let made = self
            .make(
                "/api/endpoints",
                json!({"name": name, "url": url, "attach": "link"}),
            )
            .await;
        id(&made["endpoint"])
    }

    async fn publish(&self, document: Json) -> String {
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

    async fn start(&self, workflow: &str, input: Json) -> String {
        id(&self
            .make(
                &format!("/api/workflows/{workflow}/runs"),
                json!({"input": input}),
            )
            .await)
    }

    /// Until the run is in this state.
    async fn until(&self, run: &str, state: &str) {
        let query = format!("select state from run where id = '{run}'");
        while self.office.db.sql(&query) != state {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    async fn until_delivery(&self, run: &str, state: &str) -> String {
        let query = format!("select id from delivery where run_id = '{run}' and state = '{state}'");
        loop {
            let found = self.office.db.sql(&query);
            if !found.is_empty() {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// People, the firm and what is secret.
    async fn settle(&self) {
        self.office.member(&self.owner).await;
        self.office.program(&self.owner).await;
        let mut firm = self.owner.get("/api/firm").await.expect(200);
        firm["name"] = json!("Nordlicht Reisen");
        firm["address"] = json!(["Hüxstraße 44", "23552 Lübeck"]);
        firm["iban"] = json!("DE02120300000000202051");
        self.owner.put("/api/firm", firm).await.expect(200);
        self.make(
            "/api/credentials",
            json!({"name": "Accounts", "secret": {"kind": "bearer", "token": fixture::TOKEN}}),
        )
        .await;
    }

    /// The shipped invoice, sent to an endpoint; saved and published twice.
    async fn publish_invoice(&self, endpoint: &str) -> String {
        let made = self
            .make("/api/workflows", json!({"example": "invoice"}))
            .await;
        let path = format!("/api/workflows/{}", id(&made));
        self.make(&format!("{path}/publish"), json!({"base_revision": 1}))
            .await;
        let mut document = made["draft"]["document"].clone();
        for node in document["nodes"].as_array_mut().expect("steps") {
            if node["type"] == "webhook_deliver" {
                node["config"]["endpoint"] = json!(endpoint);
            }
        }
        let draft = json!({"base_revision": 1, "document": document});
        let request = self.owner.request(Method::PUT, &format!("{path}/draft"));
        self.owner.send(request.json(&draft)).await.expect(200);
        self.make(&format!("{path}/publish"), json!({"base_revision": 2}))
            .await;
        id(&made)
    }
}

#[tokio::main]
#[expect(clippy::too_many_lines, reason = "one office, filled step by step")]
async fn main() {
    let db = TestDb::new().await;
    db.set_key(fixture::KEY);
    let office = Office::on(db).await;
    store::account::ensure_owner(
        &office.store,
        formwork_tests::office::EMAIL,
        formwork_tests::office::PASSWORD,
    )
    .await
    .expect("an owner");
    let mut owner = office.caller();
    owner
        .sign_in(
            formwork_tests::office::EMAIL,
            formwork_tests::office::PASSWORD,
        )
        .await
        .expect(200);
    let maker = Maker { office, owner };
    maker.settle().await;
    let url = receiver().await;
    let ok = maker.endpoint("Office", format!("{url}/ok")).await;
    let busy = maker.endpoint("Busy", format!("{url}/busy")).await;
    let gone = maker.endpoint("Gone", format!("{url}/gone")).await;
    let send = |endpoint: &str, wait: bool| {
        json!({"type": "webhook_deliver", "config": {
            "endpoint": endpoint, "wait_for_receipt": wait, "values": {"customer": "{{ form.customer }}"}}})
    };
    let fetch = |url: &str, rest: Json| {
        let mut step = json!({"type": "http_request", "config": {"url": url, "answer": "none"}});
        for (key, value) in rest.as_object().expect("an object") {
            step[key] = value.clone();
        }
        step
    };
    let customer = || json!({"customer": "Ada"});
    let invoices = maker.publish_invoice(&ok).await;
    let to_ok = maker.publish(short("Sent", &send(&ok, false))).await;
    let to_busy = maker.publish(short("Refused", &send(&busy, false))).await;
    let to_gone = maker.publish(short("Gone", &send(&gone, false))).await;
    let receipt = maker.publish(short("Receipt", &send(&busy, true))).await;
    // Nobody listens on port 9; the pause is long enough to be found in it.
    let retry = json!({"on_error": "continue", "retry": {"max_attempts": 2, "first_ms": 3_600_000, "factor": 1, "max_ms": 3_600_000}});
    let later = maker
        .publish(short("Later", &fetch("http://127.0.0.1:9/", retry)))
        .await;
    let wrong = maker
        .publish(short("Wrong", &fetch("http://10.0.0.1/", json!({}))))
        .await;

    // Over: succeeded, failed, retried, cancelled; deliveries that arrived, were given up and stopped.
    let run = maker.start(&invoices, invoice(Some("Thank you."))).await;
    maker.until(&run, "succeeded").await;
    maker.until_delivery(&run, "delivered").await;
    let run = maker.start(&to_gone, customer()).await;
    maker.until_delivery(&run, "given_up").await;
    let run = maker.start(&to_busy, customer()).await;
    let stopped = maker.until_delivery(&run, "retrying").await;
    maker
        .make(&format!("/api/deliveries/{stopped}/stop"), json!({}))
        .await;
    let run = maker.start(&wrong, customer()).await;
    maker.until(&run, "failed").await;
    let again = maker
        .make(&format!("/api/runs/{run}/retry"), json!({}))
        .await;
    maker.until(&id(&again), "failed").await;
    let run = maker.start(&invoices, invoice(None)).await;
    maker.until(&run, "waiting").await;
    maker
        .make(&format!("/api/runs/{run}/stop"), json!({}))
        .await;
    // A trial run that is over, its delivery held; one that waits.
    for note in [Some("Thank you."), None] {
        let trial = maker
            .make(
                &format!("/api/workflows/{invoices}/trial-runs"),
                json!({"revision": 2, "input": invoice(note)}),
            )
            .await;
        let state = if note.is_some() {
            "succeeded"
        } else {
            "waiting"
        };
        maker.until(&id(&trial), state).await;
    }
    // Waiting for a model, one of them begun by a process that is no more; for a receipt; for the next try.
    for _ in 0..2 {
        let run = maker.start(&invoices, invoice(None)).await;
        maker.until(&run, "waiting").await;
    }
    let run = maker.start(&receipt, customer()).await;
    maker.until_delivery(&run, "retrying").await;
    let run = maker.start(&later, customer()).await;
    maker.until(&run, "waiting").await;
    let due = [
        maker.start(&to_ok, customer()).await,
        maker.start(&to_ok, customer()).await,
    ];
    for run in &due {
        maker.until_delivery(run, "delivered").await;
    }
    maker.office.rest().await;
    leave(&maker, &due, &to_ok).await;
    dump(&maker.office.db);
}

/// What a sudden end leaves: runs that are queued or leased, a text and a message under way, a message that is due.
async fn leave(maker: &Maker, delivered: &[String], workflow: &str) {
    let store = &maker.office.store;
    let lost = worker::register(store, Kind::Run, "lost", &json!({}))
        .await
        .expect("registered");
    let holder = Holder {
        worker: lost,
        lease_ms: 30_000,
    };
    let claimed = generation::claim(store, lost, &[], 30_000)
        .await
        .expect("claim");
    assert!(claimed.is_some(), "a text is under way");
    // Whatever was to be tried again soon is not what is taken now.
    maker
        .office
        .db
        .sql("update delivery set due_at = now() + interval '1 hour' where state = 'retrying'");
    for run in delivered {
        maker.office.db.sql(&format!(
            "update delivery set state = 'due', due_at = now(), finished_at = null, attempts = 0, tries = 0 where run_id = '{run}'"
        ));
    }
    let sending = delivery::claim(store, holder, 1, 1).await.expect("claim");
    assert_eq!(sending.len(), 1, "a message is under way");
    maker.start(workflow, json!({"customer": "Leased"})).await;
    let leased = queue::claim(
        store,
        holder,
        &mut queue::Turn::default(),
        1,
        ClaimForm::SkipLocked,
    )
    .await
    .expect("claim");
    assert_eq!(leased.len(), 1, "a run is under way");
    maker.office.db.sql(&format!(
        "update run set state = 'running', started_at = now() where id = '{}'",
        leased[0].lease.run
    ));
    maker.start(workflow, json!({"customer": "Queued"})).await;
}

fn dump(db: &TestDb) {
    let file = fixture::path("release-1");
    // Lines of newer programs that older ones do not know.
    let script = "set -o pipefail; pg_dump --no-owner --no-privileges \"$1\" | grep -v '^.\\(un\\)\\?restrict ' | gzip -9n >\"$2\"";
    let status = Command::new("bash")
        .args(["-c", script, "dump", &db.url])
        .arg(&file)
        .status()
        .expect("bash, pg_dump and gzip are installed");
    assert!(status.success());
}
