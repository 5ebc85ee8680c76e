//! Callers of inbound webhooks that prove themselves and wait: what they are answered, and when.

use formwork_tests::{
    Office,
    office::{Answer, Caller},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::Sha256;

struct Shop {
    office: Office,
    owner: Caller,
    sender: Caller,
}

impl Shop {
    async fn open() -> Self {
        let (office, owner) = Office::open().await;
        let sender = office.caller();
        Self {
            office,
            owner,
            sender,
        }
    }

    /// Publishes a workflow that begins with this webhook; the path of its address.
    async fn hook(&self, config: Json, steps: &[Json], edges: &[(&str, &str)]) -> String {
        let mut config = config;
        config["fields"] = json!([{"name": "order_id", "title": "Order", "kind": "text"}]);
        let mut nodes = vec![
            json!({"id": "order", "type": "webhook_input", "version": 1, "name": "Order", "config": config}),
        ];
        nodes.extend_from_slice(steps);
        let edges: Vec<Json> = edges
            .iter()
            .map(|(from, to)| json!({"from": from, "port": "out", "to": to}))
            .collect();
        let document = json!({
            "format": "formwork/1", "name": "Orders", "locale": "en", "time_zone": "UTC", "currency": "EUR",
            "nodes": nodes, "edges": edges,
            "documents": {"page": {"format": "formwork-document/1", "title": "Order",
                "fields": [{"name": "text", "title": "Text", "kind": "text"}],
                "blocks": [{"id": "a", "type": "text", "text": "{{ text }}"}]}},
        });
        let workflow = self.office.publish(&self.owner, document).await;
        let url = workflow["hook_urls"][0]["url"]
            .as_str()
            .expect("an address");
        url.strip_prefix(&self.office.address)
            .expect("our own address")
            .to_owned()
    }

    async fn call(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.call_with(path, headers, r#"{"orderId": "A-1"}"#).await
    }

    async fn call_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = self
            .sender
            .request(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.sender.send(request).await
    }
}

fn step(id: &str, node_type: &str, config: &Json) -> Json {
    json!({"id": id, "type": node_type, "version": 1, "name": id, "config": config})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_caller_gets_what_a_step_answers_before_the_run_is_over() {
    let shop = Shop::open().await;
    let waits = json!({"answer": "when_done"});
    let later = step("later", "delay", &json!({"amount": "5", "unit": "hours"}));
    let values = step(
        "reply",
        "respond",
        &json!({"values": {"number": "{{ order.order_id }}"}, "status": 201}),
    );
    let path = shop
        .hook(
            waits.clone(),
            &[values, later],
            &[("order", "reply"), ("reply", "later")],
        )
        .await;
    let key = [("idempotency-key", "order-1")];
    let answer = shop.call(&path, &key).await;
    assert_eq!(answer.expect(201), json!({"number": "A-1"}));
    assert_eq!(shop.office.sql("select state from run"), "waiting");
    // Who asks again gets the same, from the same run.
    let again = shop.call(&path, &key).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.expect(201), json!({"number": "A-1"}));
    assert_eq!(shop.office.sql("select count(*) from run"), "1");

    let page = step(
        "page",
        "pdf_render",
        &json!({"document": "page", "file_name": "order.pdf", "values": {"text": "{{ order.order_id }}"}}),
    );
    let file = step(
        "reply",
        "respond",
        &json!({"with": "file", "file": "{{ page.file }}"}),
    );
    let path = shop
        .hook(
            waits.clone(),
            &[page, file],
            &[("order", "page"), ("page", "reply")],
        )
        .await;
    let answer = shop.call(&path, &[]).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/pdf")
    );
    assert!(answer.body.starts_with(b"%PDF-"));

    let text = step(
        "reply",
        "respond",
        &json!({"with": "text", "text": "Thanks for {{ order.order_id }}"}),
    );
    let path = shop.hook(waits, &[text], &[("order", "reply")]).await;
    assert_eq!(shop.call(&path, &[]).await.body, b"Thanks for A-1");
    shop.office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_the_caller_learns_what_the_run_came_to_or_where_to_look() {
    let shop = Shop::open().await;
    let waits = json!({"answer": "when_done"});
    let page = step(
        "page",
        "pdf_render",
        &json!({"document": "page", "file_name": "order.pdf", "values": {"text": "{{ order.order_id }}"}}),
    );
    let path = shop
        .hook(waits.clone(), &[page], &[("order", "page")])
        .await;
    let done = shop.call(&path, &[]).await.expect(200);
    assert_eq!(
        (&done["state"], &done["documents"][0]["name"]),
        (&json!("succeeded"), &json!("order.pdf"))
    );

    let halt = step(
        "halt",
        "stop",
        &json!({"ends": "with_error", "message": "secret reason"}),
    );
    let path = shop
        .hook(waits.clone(), &[halt], &[("order", "halt")])
        .await;
    let failed = shop.call(&path, &[]).await;
    assert!(!String::from_utf8_lossy(&failed.body).contains("secret"));
    assert_eq!(failed.expect(500)["state"], "failed");

    let later = step("later", "delay", &json!({"amount": "5", "unit": "hours"}));
    let path = shop
        .hook(waits, std::slice::from_ref(&later), &[("order", "later")])
        .await;
    let link = shop
        .call(&path, &[("prefer", "respond-async, wait=1")])
        .await
        .expect(202);
    assert!(link["status_url"].is_string());

    // Nobody waits where the step does not say so.
    let path = shop.hook(json!({}), &[later], &[("order", "later")]).await;
    shop.call(&path, &[]).await.expect(202);
    shop.office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_prove_themselves_as_the_step_asks() {
    let shop = Shop::open().await;
    let credential = async |name: &str, secret: Json| {
        let made = shop
            .owner
            .post("/api/credentials", json!({"name": name, "secret": secret}))
            .await;
        made.expect(201)["id"].clone()
    };
    let token = credential("Shop", json!({"kind": "bearer", "token": "abc"})).await;
    let path = shop
        .hook(json!({"proof": "bearer", "credential": token}), &[], &[])
        .await;
    let refused = shop.call(&path, &[]).await;
    assert_eq!((refused.status, refused.kind()), (401, "not_proven"));
    assert_eq!(
        shop.call(&path, &[("authorization", "Bearer abd")])
            .await
            .status,
        401
    );
    shop.call(&path, &[("authorization", "Bearer abc")])
        .await
        .expect(202);

    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let signing = credential("Sender", json!({"kind": "signing", "secret": secret})).await;
    let path = shop
        .hook(
            json!({"proof": "standard_webhooks", "credential": signing}),
            &[],
            &[],
        )
        .await;
    let body = r#"{"order_id": "A-2"}"#;
    let now = now_seconds();
    let signature =
        executor::signature::sign(&[secret.into()], "msg_1", now, body.as_bytes()).expect("signed");
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &now.to_string()),
        ("webhook-signature", &signature),
    ];
    let first = shop.call_with(&path, &headers, body).await.expect(202);
    let again = shop.call_with(&path, &headers, body).await.expect(202);
    assert_eq!(
        first["run_id"], again["run_id"],
        "the id of the message is its key"
    );
    assert_eq!(
        shop.call_with(&path, &headers, r#"{"order_id": "A-3"}"#)
            .await
            .status,
        401
    );

    // A credential of another kind cannot be published, and neither can none.
    for (config, code) in [
        (
            json!({"proof": "github", "credential": token}),
            "credential_kind",
        ),
        (json!({"proof": "github"}), "no_credential"),
    ] {
        let document = json!({
            "format": "formwork/1", "name": "Orders", "locale": "en", "time_zone": "UTC", "currency": "EUR",
            "nodes": [{"id": "order", "type": "webhook_input", "version": 1, "name": "Order", "config": config}],
        });
        let made = shop
            .owner
            .post("/api/workflows", json!({"document": document}))
            .await
            .expect(201);
        let path = format!(
            "/api/workflows/{}/publish",
            made["id"].as_str().expect("an id")
        );
        let refused = shop.owner.post(&path, json!({"base_revision": 1})).await;
        assert_eq!(
            (refused.status, &refused.json["problems"][0]["code"]),
            (422, &json!(code))
        );
    }

    // Without a proof the address holds no secret; with one, it does not open without it.
    let open = shop.hook(json!({"proof": "none"}), &[], &[]).await;
    assert_eq!(open.matches('/').count(), 2, "{open}");
    shop.call(&open, &[]).await.expect(202);
    let (short, _) = path.rsplit_once('/').expect("a token");
    assert_eq!(shop.call(short, &[]).await.status, 404);

    // A deleted secret lets nobody in.
    shop.owner
        .delete(&format!(
            "/api/credentials/{}",
            signing.as_str().expect("an id")
        ))
        .await;
    assert_eq!(shop.call_with(&path, &headers, body).await.status, 503);
    shop.office.close().await;
}

fn now_seconds() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
}

/// The HMAC-SHA256 of a text in small digits, as GitHub and Stripe write it.
fn signature(key: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(text.as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_sender_is_known_by_its_own_proof_and_names_its_messages() {
    let shop = Shop::open().await;
    let body = r#"{"id": "evt_1", "orderId": "A-4"}"#;
    let now = now_seconds();
    let github = format!("sha256={}", signature("hush hush", body));
    let digits = signature("whsec_hush", &format!("{now}.{body}"));
    let stripe = format!("t={now},v1={digits}");
    let senders = [
        (
            "basic",
            json!({"kind": "basic", "username": "u", "password": "p"}),
            vec![("authorization", "Basic dTpw")],
        ),
        (
            "header",
            json!({"kind": "header", "header": "X-Shop", "value": "s3"}),
            vec![("x-shop", "s3")],
        ),
        (
            "github",
            json!({"kind": "signing", "secret": "hush hush"}),
            vec![
                ("x-hub-signature-256", github.as_str()),
                ("x-github-delivery", "d-1"),
            ],
        ),
        (
            "stripe",
            json!({"kind": "signing", "secret": "whsec_hush"}),
            vec![("stripe-signature", stripe.as_str())],
        ),
    ];
    for (proof, secret, headers) in &senders {
        let secret = json!({"name": proof, "secret": secret});
        let made = shop.owner.post("/api/credentials", secret).await;
        let config = json!({"proof": proof, "credential": made.expect(201)["id"]});
        let path = shop.hook(config, &[], &[]).await;
        let refused = shop.call_with(&path, &[], body).await;
        assert_eq!(
            (refused.status, refused.kind()),
            (401, "not_proven"),
            "{proof}"
        );
        let first = shop.call_with(&path, headers, body).await.expect(202);
        let again = shop.call_with(&path, headers, body).await.expect(202);
        let signs = ["github", "stripe"].contains(proof);
        assert_eq!(first["run_id"] == again["run_id"], signs, "{proof}");
        if signs {
            let other = body.replace("A-4", "A-5");
            let forged = shop.call_with(&path, headers, &other).await;
            assert_eq!(forged.status, 401, "{proof}");
        }
    }
    shop.office.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_call_is_kept_as_a_sample_whether_the_workflow_is_live_or_not() {
    let shop = Shop::open().await;
    let document = json!({
        "format": "formwork/1", "name": "Orders", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [{"id": "order", "type": "webhook_input", "version": 1, "name": "Order", "config": {
            "fields": [{"name": "number", "title": "Number", "kind": "text"}]}}],
    });
    let made = shop
        .owner
        .post("/api/workflows", json!({"document": document}))
        .await
        .expect(201);
    let workflow = format!("/api/workflows/{}", made["id"].as_str().expect("an id"));
    let test = format!("{workflow}/hook-tests/order");
    let told = shop.owner.get(&test).await.expect(200);
    let url = told["url"].as_str().expect("an address");
    let path = url
        .strip_prefix(&shop.office.address)
        .expect("our own address");
    assert_eq!(
        shop.call(path, &[]).await.status,
        404,
        "nobody listens, and it is a draft"
    );

    let listening = shop.owner.post(&test, json!({})).await.expect(200);
    assert!(listening["listening_until"].is_string());
    assert_eq!(
        shop.call(&format!("{path}x"), &[]).await.status,
        404,
        "only the whole address"
    );
    let body = r#"{"orderId": 7, "total": {"amount": "1.20", "currency": "EUR"}, "lines": [{"sku": "A"}]}"#;
    assert_eq!(
        shop.call_with(path, &[], body).await.expect(202),
        json!({"captured": true})
    );
    assert_eq!(
        shop.call_with(path, &[], body).await.status,
        404,
        "the first call is the one"
    );
    let came = shop.owner.get(&test).await.expect(200);
    assert_eq!(came["sample"]["order_id"], 7);
    assert!(came["listening_until"].is_null() && came["received_at"].is_string());
    let names: Vec<&str> = came["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .filter_map(|field| field["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["order_id", "total", "lines"],
        "in the order of the message"
    );
    assert_eq!(shop.office.sql("select count(*) from run"), "0");

    // With these fields the same message starts runs; one that does not fit is kept all the same while somebody listens.
    let mut fits = made["draft"]["document"].clone();
    fits["nodes"][0]["config"]["fields"] = came["fields"].clone();
    shop.owner
        .put(
            &format!("{workflow}/draft"),
            json!({"base_revision": 1, "document": fits}),
        )
        .await
        .expect(200);
    shop.owner
        .post(&format!("{workflow}/publish"), json!({"base_revision": 2}))
        .await
        .expect(201);
    shop.owner.post(&test, json!({})).await.expect(200);
    assert!(shop.call_with(path, &[], body).await.expect(202)["run_id"].is_string());
    shop.owner.post(&test, json!({})).await.expect(200);
    let other = shop.call_with(path, &[], r#"{"something": "else"}"#).await;
    assert_eq!(other.expect(202), json!({"captured": true}));
    assert_eq!(
        shop.call_with(path, &[], r#"{"something": "else"}"#)
            .await
            .status,
        422
    );
    shop.owner.delete(&test).await;
    let nobody = shop
        .owner
        .get(&format!("{workflow}/hook-tests/nothing"))
        .await;
    assert_eq!(nobody.status, 404);
    shop.office.close().await;
}
