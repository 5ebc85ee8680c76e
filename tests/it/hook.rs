//! Inbound webhooks over HTTP: another program starts a run once, and whatever else it sends is answered clearly.

use formwork_tests::{
    Office,
    office::{Answer, Caller},
};
use reqwest::Method;
use serde_json::{Value as Json, json};

fn orders() -> Json {
    json!({
        "format": "formwork/1", "name": "Orders", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "order", "type": "webhook_input", "version": 1, "name": "Order comes in", "config": {"fields": [
                {"name": "number", "title": "Number", "kind": "text"},
                {"name": "total", "title": "Total", "kind": "money"},
                {"name": "note", "title": "Note", "kind": "text", "optional": true}]}},
            {"id": "twice", "type": "set_fields", "version": 1, "name": "Twice", "config": {"fields": [
                {"name": "sum", "label": "Sum", "kind": "money", "value": "{{ order.total * 2 }}"}]}}
        ],
        "edges": [{"from": "order", "port": "out", "to": "twice"}]
    })
}

struct Hook {
    office: Office,
    owner: Caller,
    sender: Caller,
    workflow: String,
    /// Path of the address that the editor shows.
    path: String,
}

impl Hook {
    async fn open() -> Self {
        let (office, owner) = Office::open().await;
        let workflow = office.publish(&owner, orders()).await;
        let url = workflow["hook_urls"][0]["url"].as_str().unwrap().to_owned();
        let path = url.strip_prefix(&office.address).unwrap().to_owned();
        Self {
            sender: office.caller(),
            workflow: workflow["id"].as_str().unwrap().to_owned(),
            office,
            owner,
            path,
        }
    }

    async fn send(&self, body: &Json) -> Answer {
        self.sender.post(&self.path, body.clone()).await
    }

    async fn raw(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self
            .sender
            .request(Method::POST, &self.path)
            .header("content-type", content_type)
            .body(body);
        self.sender.send(request).await
    }

    async fn runs(&self) -> usize {
        let listed = self.owner.get("/api/runs").await.expect(200);
        listed["items"].as_array().unwrap().len()
    }
}

fn order() -> Json {
    json!({"number": "A-1", "total": {"amount": "12.50", "currency": "EUR"}, "more": "is ignored"})
}

#[tokio::test]
async fn another_program_starts_a_run_and_follows_it() {
    let hook = Hook::open().await;
    let started = hook.send(&order()).await.expect(202);
    let run = started["run_id"].as_str().unwrap();
    let ended = hook
        .owner
        .get(&format!("/api/runs/{run}/wait"))
        .await
        .expect(200);
    assert_eq!(ended["state"], "succeeded");
    assert_eq!(ended["output"]["twice"]["sum"]["amount"], "25.00");
    let whole = hook
        .owner
        .get(&format!("/api/runs/{run}"))
        .await
        .expect(200);
    assert_eq!(whole["source"], "webhook");
    assert!(whole["input"].get("more").is_none(), "{}", whole["input"]);
    // The sender holds no key; the link it was given tells it what became of the run, and no more.
    let status = started["status_url"].as_str().unwrap();
    let path = status.strip_prefix(&hook.office.address).unwrap();
    let request = hook
        .sender
        .request(Method::GET, path)
        .header("accept", "application/json");
    let told = hook.sender.send(request).await.expect(200);
    assert_eq!(
        told,
        json!({"run_id": run, "state": "succeeded", "finished": true, "documents": []})
    );
    hook.office.close().await;
}

#[tokio::test]
async fn the_same_message_is_one_run_whatever_its_header_is_called() {
    let hook = Hook::open().await;
    for (header, key) in [("idempotency-key", "order-1"), ("webhook-id", "msg_2")] {
        let send = || {
            let request = hook
                .sender
                .request(Method::POST, &hook.path)
                .header(header, key)
                .json(&order());
            hook.sender.send(request)
        };
        let (one, other) = tokio::join!(send(), send());
        let first = one.expect(202)["run_id"].clone();
        assert_eq!(other.expect(202)["run_id"], first, "{header}");
        assert_eq!(send().await.expect(202)["run_id"], first, "{header}");
    }
    assert_eq!(hook.runs().await, 2);
    // What else it says is not taken, and the answer tells.
    let say = |key: &str, number: &str| {
        let mut other = order();
        other["number"] = json!(number);
        let request = hook.sender.request(Method::POST, &hook.path);
        hook.sender
            .send(request.header("idempotency-key", key).json(&other))
    };
    let first = say("order-2", "A-2").await;
    let again = say("order-2", "A-3").await;
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(first.expect(202), again.expect(202));
    let numbers = "select string_agg(input ->> 'number', ' ' order by id) from run";
    assert_eq!(hook.office.sql(numbers), "A-1 A-1 A-2");
    hook.send(&order()).await.expect(202);
    hook.send(&order()).await.expect(202);
    assert_eq!(
        hook.runs().await,
        5,
        "without a name each message is its own"
    );
    let long = hook
        .sender
        .request(Method::POST, &hook.path)
        .header("idempotency-key", "x".repeat(201))
        .json(&order());
    assert_eq!(hook.sender.send(long).await.kind(), "bad_idempotency_key");
    hook.office.close().await;
}

#[tokio::test]
async fn what_does_not_fit_starts_nothing_and_says_where() {
    let hook = Hook::open().await;
    let wrong = hook
        .send(&json!({"number": 5, "total": {"amount": "12,50", "currency": "EUR"}}))
        .await;
    assert_eq!((wrong.status, wrong.kind()), (422, "invalid"));
    let places: Vec<&str> = wrong.json["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["pointer"].as_str().unwrap())
        .collect();
    assert!(
        places.contains(&"/number") && places.iter().any(|place| place.starts_with("/total")),
        "{places:?}"
    );
    assert_eq!(hook.send(&json!({})).await.status, 422);
    assert_eq!(hook.send(&json!([1])).await.status, 422);
    let nul = json!({"number": "a\u{0}b", "total": {"amount": "1", "currency": "EUR"}});
    let nul = hook.send(&nul).await;
    assert_eq!(
        (nul.status, nul.json["problems"][0]["pointer"].as_str()),
        (422, Some("/number"))
    );
    let json_type = "application/json";
    let long = r#"{"number": "R-1", "total": {"amount": 12345678901234567.89, "currency": "EUR"}}"#;
    let long = hook.raw(json_type, long).await;
    assert_eq!(
        long.json["problems"][0]["code"].as_str(),
        Some("inexact_number"),
        "{long:?}"
    );
    assert_eq!(hook.raw(json_type, "{").await.kind(), "malformed_json");
    assert_eq!(
        hook.raw(json_type, "[".repeat(100_000)).await.kind(),
        "malformed_json"
    );
    assert_eq!(
        hook.raw("text/plain", "{}").await.kind(),
        "unsupported_media_type"
    );
    assert_eq!(
        hook.raw(json_type, vec![b' '; 50_000_000]).await.kind(),
        "body_too_large"
    );
    assert_eq!(hook.runs().await, 0);
    hook.office.close().await;
}

#[tokio::test]
async fn only_the_whole_address_opens_and_only_while_the_workflow_is_on() {
    let hook = Hook::open().await;
    let (start, token) = hook.path.rsplit_once('/').unwrap();
    for other in [
        format!("{start}/AAAAAAAAAAAAAAAAAAAAAA"),
        format!("/hooks/nothing/{token}"),
        format!("{start}/{}", &token[1..]),
    ] {
        let answer = hook.sender.post(&other, order()).await;
        assert_eq!(answer.status, 404, "{other}");
    }
    let path = format!("/api/workflows/{}", hook.workflow);
    hook.owner
        .patch(&path, json!({"state": "off"}))
        .await
        .expect(200);
    let off = hook.send(&order()).await;
    assert_eq!((off.status, off.kind()), (410, "workflow_off"));
    let guessed = format!("{start}/AAAAAAAAAAAAAAAAAAAAAA");
    let guessed = hook.sender.post(&guessed, order()).await;
    assert_eq!(guessed.status, 404, "a guess does not learn that it is off");
    assert_eq!(hook.runs().await, 0);
    hook.office.close().await;
}
