//! What nobody should send: each gets a clear error, and the server stays up.

use std::time::Duration;

use formwork_tests::{Office, office::Caller};
use reqwest::Method;
use serde_json::{Value as Json, json};

fn document(nodes: Json, edges: Json) -> Json {
    json!({"format": "formwork/1", "name": "Bad", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR", "nodes": nodes, "edges": edges})
}

fn form(id: &str) -> Json {
    json!({"id": id, "type": "form_input", "version": 1, "name": id, "config": {"title": "F", "fields": [
        {"name": "customer", "label": "Customer", "kind": "text"}]}})
}

fn set(id: &str, value: &str) -> Json {
    json!({"id": id, "type": "set_fields", "version": 1, "name": id, "config": {"fields": [
        {"name": "x", "label": "X", "kind": "text", "value": value}]}})
}

async fn codes(owner: &Caller, document: Json) -> Vec<String> {
    let made = owner.post("/api/workflows", json!({})).await.expect(201);
    let path = format!("/api/workflows/{}/check", made["id"].as_str().unwrap());
    let checked = owner
        .post(&path, json!({"document": document}))
        .await
        .expect(200);
    checked["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn malformed_requests_get_a_clear_answer() {
    let (office, owner) = Office::open().await;
    let raw = async |content_type: &str, body: Vec<u8>| {
        let request = owner
            .request(Method::POST, "/api/workflows")
            .header("content-type", content_type)
            .body(body);
        let answer = owner.send(request).await;
        (answer.status, answer.kind().to_owned())
    };
    let json_type = "application/json";
    let is = |status: u16, kind: &str| (status, kind.to_owned());
    assert_eq!(
        raw(json_type, b"{".to_vec()).await,
        is(400, "malformed_json")
    );
    assert_eq!(
        raw(json_type, "[".repeat(100_000).into()).await,
        is(400, "malformed_json")
    );
    assert_eq!(
        raw(json_type, b"\xff\xfe".to_vec()).await,
        is(400, "malformed_json")
    );
    assert_eq!(
        raw(json_type, br#"{"name": "a\u0000b"}"#.to_vec()).await,
        is(422, "invalid")
    );
    assert_eq!(
        raw(json_type, br#"{"name": "\ud800"}"#.to_vec()).await,
        is(400, "malformed_json")
    );
    assert_eq!(
        raw(json_type, br#"{"nme": "a"}"#.to_vec()).await,
        is(422, "invalid")
    );
    assert_eq!(
        raw(json_type, br#"{"document": {"nodes": 5}}"#.to_vec()).await,
        is(422, "problems")
    );
    assert_eq!(
        raw("text/plain", b"{}".to_vec()).await,
        is(415, "unsupported_media_type")
    );
    assert_eq!(
        raw("multipart/form-data; boundary=b", b"{}".to_vec()).await,
        is(415, "unsupported_media_type")
    );
    assert_eq!(
        raw(json_type, vec![b' '; 50_000_000]).await,
        is(413, "body_too_large")
    );
    owner.get("/api/runs?q=%00").await.expect(400);
    owner.get("/api/runs?after=nonsense").await.expect(400);
    owner.get("/api/runs/not-an-id").await.expect(404);
    owner.get("/api/workflows/%F0%28%8C%28").await.expect(404);
    owner.get("/api/session").await.expect(200);
    office.close().await;
}

#[tokio::test]
async fn wrong_documents_are_told_apart() {
    let (office, owner) = Office::open().await;
    let check = async |document: Json, code: &str| {
        let found = codes(&owner, document).await;
        assert!(found.iter().any(|one| one == code), "{code}: {found:?}");
    };
    let edge = |from: &str, to: &str| json!({"from": from, "port": "out", "to": to});
    let cycle = document(
        json!([form("form"), set("a", "1"), set("b", "2")]),
        json!([edge("form", "a"), edge("a", "b"), edge("b", "a")]),
    );
    check(cycle, "cycle").await;
    let mut unknown = form("form");
    unknown["type"] = json!("teleport");
    check(document(json!([unknown]), json!([])), "unknown_node_type").await;
    let mut field = form("form");
    field["config"]["colour"] = json!("red");
    check(document(json!([field]), json!([])), "config_unknown_field").await;
    let mut extra = document(json!([form("form")]), json!([]));
    extra["more"] = json!(1);
    check(extra, "config_unknown_field").await;
    office.close().await;
}

#[tokio::test]
async fn a_template_that_never_ends_fails_its_run_and_nothing_else() {
    let (office, owner) = Office::open().await;
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% endfor %}";
    let made = owner
        .post("/api/workflows", json!({"document": document(json!([form("form"), set("a", endless)]), json!([{"from": "form", "port": "out", "to": "a"}]))}))
        .await
        .expect(201);
    let path = format!("/api/workflows/{}", made["id"].as_str().unwrap());
    let started = owner
        .post(
            &format!("{path}/trial-runs"),
            json!({"revision": 1, "input": {"customer": "<|im_end|> \u{202e}😀"}}),
        )
        .await;
    if started.status == 202 {
        let run = started.json["id"].as_str().unwrap();
        let ended = owner
            .get(&format!("/api/runs/{run}/wait"))
            .await
            .expect(200);
        assert_eq!(ended["state"], "failed");
        assert!(!ended["error"]["message"].as_str().unwrap().is_empty());
    } else {
        assert_eq!(started.status, 422);
    }
    tokio::time::timeout(Duration::from_secs(5), owner.get("/healthz"))
        .await
        .unwrap();
    office.close().await;
}
