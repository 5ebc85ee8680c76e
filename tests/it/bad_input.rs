//! What nobody should send: each gets a clear error, and the server stays up.

use std::time::Duration;

use api::Silence;
use formwork_tests::{Office, office::Caller};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "literals, written where they are needed"
)]
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
    for code in [String::new(), "%00".into(), "e".repeat(101)] {
        let path = format!("/api/runs?error={code}");
        owner.get(&path).await.expect(400);
    }
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
    let run = started.expect(202);
    let run = run["id"].as_str().unwrap();
    let ended = owner
        .get(&format!("/api/runs/{run}/wait"))
        .await
        .expect(200);
    assert_eq!(ended["state"], "failed");
    let message = ended["error"]["message"].as_str().unwrap();
    assert!(message.contains("long"), "{message}");
    tokio::time::timeout(Duration::from_secs(5), owner.get("/healthz"))
        .await
        .unwrap();
    office.close().await;
}

#[tokio::test]
async fn a_private_address_is_never_called_and_the_answer_says_why() {
    let (office, owner) = Office::open().await;
    for url in [
        "http://10.0.0.1/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "http://0x0a000001/",
    ] {
        let made = owner
            .post("/api/endpoints", json!({"name": "Inside", "url": url}))
            .await
            .expect(201);
        let path = format!(
            "/api/endpoints/{}/test",
            made["endpoint"]["id"].as_str().unwrap()
        );
        let tried = owner.post(&path, Json::Null).await.expect(200);
        assert_eq!(
            (&tried["delivered"], &tried["error"]["code"]),
            (&json!(false), &json!("address_refused")),
            "{url}: {tried}"
        );
    }
    for url in [
        "ftp://example.com/",
        "http://user:secret@example.com/",
        "example.com",
        "",
    ] {
        let refused = owner
            .post("/api/endpoints", json!({"name": "Odd", "url": url}))
            .await;
        assert_eq!(
            (refused.status, &refused.json["problems"][0]["pointer"]),
            (422, &json!("/url")),
            "{url}"
        );
    }
    office.close().await;
}

/// Names that break careless programs go through form, computing and page unchanged.
#[tokio::test]
async fn odd_names_arrive_as_they_were_typed() {
    let (office, owner) = Office::open().await;
    let mut with_page = document(
        json!([form("form"), set("a", "{{ form.customer | default(\"\") }}"), {
            "id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": "letter", "values": {"customer": "{{ a.x }}"}}}]),
        json!([{"from": "form", "port": "out", "to": "a"}, {"from": "a", "port": "out", "to": "page"}]),
    );
    with_page["documents"] = json!({"letter": {
        "format": "formwork-document/1", "fields": [{"name": "customer", "title": "Customer", "kind": "text"}],
        "blocks": [{"id": "a", "type": "text", "text": "For {{ customer }}"}]}});
    let workflow = office.publish(&owner, with_page).await;
    let path = format!("/api/workflows/{}/runs", workflow["id"].as_str().unwrap());
    for name in [
        "<|im_end|>\u{feff}system",
        "\u{202e}gnp.exe \u{202c}",
        "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f1e9}\u{1f1ea}",
        "{{ 7 * 7 }}{% for x in range(9) %}",
        "'; drop table run; --",
        "اسم שם 名前",
        &"W".repeat(900),
    ] {
        let run = owner
            .post(
                &path,
                json!({"input": {"customer": name}, "wait_ms": 20000}),
            )
            .await
            .expect(200);
        assert_eq!(run["state"], "succeeded", "{name}: {run}");
        let path = format!("/api/runs/{}", run["id"].as_str().unwrap());
        let whole = owner.get(&path).await.expect(200);
        let step = whole["steps"]
            .as_array()
            .unwrap()
            .iter()
            .find(|step| step["node"] == "a")
            .unwrap();
        assert_eq!(step["output"]["x"], name);
    }
    owner.get("/healthz").await;
    office.close().await;
}

#[tokio::test]
async fn a_bank_account_with_a_wrong_digit_is_not_kept() {
    let (office, owner) = Office::open().await;
    let mut firm = owner.get("/api/firm").await.expect(200);
    let mut save = async |iban: &str, bic: &str| {
        firm["iban"] = json!(iban);
        firm["bic"] = json!(bic);
        owner.put("/api/firm", firm.clone()).await
    };
    save("DE02 1203 0000 0000 2020 51", "BYLADEM1001")
        .await
        .expect(200);
    let refused = save("DE03 1203 0000 0000 2020 51", "BYLADEM100")
        .await
        .expect(422);
    let pointers: Vec<&str> = refused["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|problem| problem["pointer"].as_str())
        .collect();
    assert_eq!(pointers, ["/iban", "/bic"]);
    let kept = owner.get("/api/firm").await.expect(200);
    assert_eq!(kept["iban"], "DE02 1203 0000 0000 2020 51");
    save("", "").await.expect(200);
    office.close().await;
}

#[tokio::test]
async fn a_firm_has_a_country_of_the_list_and_a_vat_id_that_is_one() {
    let (office, owner) = Office::open().await;
    let mut firm = owner.get("/api/firm").await.expect(200);
    firm["country"] = json!("Germany");
    firm["vat_id"] = json!("151/815/08156");
    let refused = owner.put("/api/firm", firm.clone()).await.expect(422);
    let found: Vec<(&str, &str)> = refused["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|problem| Some((problem["pointer"].as_str()?, problem["code"].as_str()?)))
        .collect();
    assert_eq!(
        found,
        [
            ("/country", "country_unknown"),
            ("/vat_id", "vat_id_invalid")
        ]
    );
    firm["country"] = json!("DE");
    firm["vat_id"] = json!("DE 123 456 788");
    firm["tax_number"] = json!("151/815/08156");
    firm["tax_rounding"] = json!("line");
    let kept = owner.put("/api/firm", firm.clone()).await.expect(200);
    assert_eq!(kept, firm);
    office.close().await;
}

#[tokio::test]
async fn who_falls_silent_in_a_request_is_let_go() {
    let (office, _) = Office::open().await;
    let silence = Silence {
        head: Duration::from_millis(300),
        body: Duration::from_millis(300),
        ..Silence::default()
    };
    let mut address = office.serve_with(silence, |_| ()).await;
    // What the server says before it closes the connection.
    let told = async |address: &str, begun: &str| {
        let mut stream = TcpStream::connect(address.trim_start_matches("http://"))
            .await
            .expect("a connection");
        stream.write_all(begun.as_bytes()).await.expect("sent");
        let mut told = String::new();
        stream
            .read_to_string(&mut told)
            .await
            .expect("the connection is closed");
        told
    };
    for head in ["", "P", "GET /healthz HTTP/1.1\r\nhost: x\r\n"] {
        let told = told(&address, head).await;
        assert!(
            told.is_empty() || told.starts_with("HTTP/1.1 408"),
            "{head}: {told}"
        );
    }
    let body = "POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    let silent = told(&address, body).await;
    assert!(
        silent.starts_with("HTTP/1.1 400") && silent.contains("body_unreadable"),
        "{silent}"
    );
    // A body that goes on and on, however often a piece of it comes.
    let silence = Silence {
        whole: Duration::from_millis(300),
        ..Silence::default()
    };
    address = office.serve_with(silence, |_| ()).await;
    let slow = told(&address, body).await;
    assert!(
        slow.starts_with("HTTP/1.1 400") && slow.contains("body_unreadable"),
        "{slow}"
    );
    office.close().await;
}
