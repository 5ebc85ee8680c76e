//! Steps that ask another server, in real runs against a real one: what is sent, what comes back, what is tried again, what stays secret.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use formwork_tests::{Office, office::Caller, receiver};
use serde_json::{Value as Json, json};

const TOKEN: &str = "tok-5f2c9e71";

/// What arrived: method and path, headers, body.
type Seen = Arc<Mutex<Vec<(String, HeaderMap, String)>>>;

/// A server that is slow, fails at first, or tells everything it was told.
async fn other_server() -> (String, Seen) {
    async fn answer(
        State(seen): State<Seen>,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let told = headers
            .get("authorization")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let tries = {
            let mut seen = seen.lock().expect("lock");
            seen.push((
                format!("{method} {uri}"),
                headers,
                String::from_utf8_lossy(&body).into_owned(),
            ));
            seen.len()
        };
        match uri.path() {
            "/busy" if tries == 1 => (
                StatusCode::SERVICE_UNAVAILABLE,
                [("retry-after", "0")],
                "busy",
            )
                .into_response(),
            "/later" if tries == 1 => {
                (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "600")]).into_response()
            }
            "/slow" => {
                tokio::time::sleep(Duration::from_millis(60)).await;
                axum::Json(json!({"rate": 1.0825, "name": "EUR/USD"})).into_response()
            }
            "/gone" => (StatusCode::NOT_FOUND, format!("nothing here for {told}")).into_response(),
            "/full" => vec![b'x'; 10 * 1024 * 1024].into_response(),
            "/over" => vec![b'x'; 10 * 1024 * 1024 + 1].into_response(),
            "/report.csv" => ([("content-type", "text/csv")], "a,b\n1,2\n").into_response(),
            _ => axum::Json(json!({"you_said": told})).into_response(),
        }
    }
    let seen = Seen::default();
    let router = Router::new().fallback(answer).with_state(seen.clone());
    (receiver::serve(router).await, seen)
}

/// A form and one request.
fn document(config: &Json) -> Json {
    json!({
        "format": "formwork/1", "name": "Ask", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Ask", "fields": [
                {"name": "city", "label": "City", "kind": "text", "required": true}]}},
            {"id": "ask", "type": "http_request", "version": 1, "name": "Ask", "config": config,
             "retry": {"max_attempts": 3, "first_ms": 1, "factor": 1, "max_ms": 1}}],
        "edges": [{"from": "form", "port": "out", "to": "ask"}]
    })
}

/// A published workflow of a form and one request, run once; the run when it is over.
async fn run(owner: &Caller, config: Json) -> Json {
    let made = owner
        .post("/api/workflows", json!({"document": document(&config)}))
        .await
        .expect(201);
    let path = format!("/api/workflows/{}", made["id"].as_str().expect("an id"));
    owner
        .post(&format!("{path}/publish"), json!({"base_revision": 1}))
        .await
        .expect(201);
    let body = json!({"input": {"city": "Köln & Bonn"}, "wait_ms": 25_000});
    let ended = owner.post(&format!("{path}/runs"), body).await.expect(200);
    owner
        .get(&format!(
            "/api/runs/{}",
            ended["id"].as_str().expect("an id")
        ))
        .await
        .expect(200)
}

fn step(run: &Json) -> &Json {
    run["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .find(|step| step["node"] == "ask")
        .expect("the step")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_its_time_becomes_typed_values() {
    let (office, owner) = Office::open().await;
    let (address, seen) = other_server().await;
    let config = json!({
        "url": format!("{address}/slow"), "query": {"city": "{{ form.city }}"},
        "answer_fields": [{"name": "rate", "kind": "decimal"}, {"name": "name", "kind": "text"}]
    });
    let run = run(&owner, config).await;
    assert_eq!(run["state"], "succeeded", "{}", run["error"]);
    assert_eq!(
        step(&run)["output"],
        json!({"status": 200, "body": {"rate": "1.0825", "name": "EUR/USD"}})
    );
    let seen = seen.lock().expect("lock").clone();
    assert_eq!(seen[0].0, "GET /slow?city=K%C3%B6ln+%26+Bonn");
    assert!(
        seen[0].1.get("idempotency-key").is_none(),
        "reading needs none"
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_asked_again_under_the_same_key() {
    let (office, owner) = Office::open().await;
    let (address, seen) = other_server().await;
    let config = json!({
        "method": "POST", "url": format!("{address}/busy"), "body": "json",
        "values": {"city": "{{ form.city }}"}, "answer": "none"
    });
    let run = run(&owner, config).await;
    assert_eq!(run["state"], "succeeded", "{}", run["error"]);
    assert_eq!(step(&run)["attempts"].as_array().map(Vec::len), Some(2));
    let seen = seen.lock().expect("lock").clone();
    let keys: Vec<&str> = seen
        .iter()
        .filter_map(|(_, headers, _)| headers.get("idempotency-key")?.to_str().ok())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    assert!(
        seen.iter()
            .all(|(_, _, body)| body == "{\"city\":\"Köln & Bonn\"}")
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_asks_for_time_is_left_alone_for_as_long() {
    let (office, owner) = Office::open().await;
    let (address, seen) = other_server().await;
    let config = json!({"url": format!("{address}/later")});
    let run = office
        .start(&owner, document(&config), json!({"city": "Bonn"}))
        .await;
    let state = "select state from step where node = 'ask'";
    office.db.until(state, "retryable").await;
    // Both instants are those of the commit, and the pause that the step itself would make is shorter.
    assert_eq!(
        office.sql("select due_at - head_at from queue_entry"),
        "00:10:00"
    );
    assert_eq!(seen.lock().expect("lock").len(), 1);
    office.sql("update queue_entry set due_at = now()");
    office.db.until("select state from run", "succeeded").await;
    let run = owner.get(&format!("/api/runs/{run}")).await.expect(200);
    assert_eq!(step(&run)["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!(seen.lock().expect("lock").len(), 2);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_sent_and_shows_nowhere() {
    let (office, owner) = Office::open().await;
    let (address, seen) = other_server().await;
    let credential = owner
        .post(
            "/api/credentials",
            json!({"name": "Rates", "secret": {"kind": "bearer", "token": TOKEN}}),
        )
        .await
        .expect(201)["id"]
        .clone();
    let config = |path: &str| json!({"url": format!("{address}{path}"), "credential": credential});
    let good = run(&owner, config("/echo")).await;
    assert_eq!(step(&good)["output"]["body"]["you_said"], "Bearer [secret]");
    let bad = run(&owner, config("/gone")).await;
    assert_eq!(bad["state"], "failed");
    let error = &step(&bad)["error"];
    let message = error["message"].as_str().expect("words");
    assert!(
        message.contains("status 404") && message.contains("[secret]"),
        "{message}"
    );
    let (params, said) = (&error["params"], error["params"]["said"].as_str());
    assert_eq!(
        (&params["status"], &params["cause"]),
        (&json!(404), &json!("address"))
    );
    assert!(
        said.is_some_and(|said| said.contains("[secret]")),
        "{params}"
    );
    assert_eq!(bad["error"]["params"], *params, "the run tells the same");
    assert!(!good.to_string().contains(TOKEN) && !bad.to_string().contains(TOKEN));
    let seen = seen.lock().expect("lock").clone();
    assert!(
        seen.iter()
            .all(|(_, headers, _)| headers["authorization"] == format!("Bearer {TOKEN}"))
    );
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_as_a_file_under_a_name_people_know() {
    let (office, owner) = Office::open().await;
    let (address, _) = other_server().await;
    let config = json!({"url": format!("{address}/report.csv"), "answer": "file"});
    let run = run(&owner, config).await;
    let file = &step(&run)["output"]["file"];
    assert_eq!(
        (&file["name"], &file["content_type"]),
        (&json!("report.csv"), &json!("text/csv"))
    );
    let answer = owner
        .get(run["artifacts"][0]["url"].as_str().expect("a file"))
        .await;
    assert_eq!(answer.body, b"a,b\n1,2\n");
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_ten_megabytes_at_most() {
    let (office, owner) = Office::open().await;
    let (address, _) = other_server().await;
    let ask = |path: &str| json!({"url": format!("{address}{path}"), "answer": "file"});
    let full = run(&owner, ask("/full")).await;
    assert_eq!(full["state"], "succeeded", "{:#}", full["error"]);
    let over = run(&owner, ask("/over")).await;
    let error = &step(&over)["error"];
    assert_eq!(error["code"], "answer_too_large", "{error:#}");
    assert_eq!(error["params"]["most"], 10 * 1024 * 1024);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_refused_in_words() {
    let (office, owner) = Office::open().await;
    let run = run(&owner, json!({"url": "http://10.1.2.3/admin"})).await;
    assert_eq!(run["state"], "failed");
    let message = step(&run)["error"]["message"].as_str().expect("words");
    assert!(
        message.contains("10.1.2.3") && message.contains("private"),
        "{message}"
    );
    office.close().await;
}
