//! Workflows through the API: examples, drafts, publishing, exports, runs and what is left of them.

use formwork_tests::{Office, office::Caller};
use reqwest::Method;
use serde_json::{Value as Json, json};

/// A form, a computed value and a page: nothing that needs a model or a receiver.
fn light() -> Json {
    json!({
        "format": "formwork/1", "name": "Offer", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Offer", "fields": [
                {"name": "customer", "label": "Customer", "kind": "text", "required": true},
                {"name": "price", "label": "Price", "kind": "money", "required": true}]}},
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": "offer", "file_name": "offer.pdf",
                "values": {"customer": "{{ form.customer }}", "price": "{{ form.price }}"}}}
        ],
        "edges": [{"from": "form", "port": "out", "to": "page"}],
        "samples": [{"name": "Ada", "input": {"customer": "Ada", "price": {"amount": "10.00", "currency": "EUR"}}}],
        "documents": {"offer": {
            "format": "formwork-document/1", "title": "Offer for {{ customer }}",
            "fields": [{"name": "customer", "title": "Customer", "kind": "text"}, {"name": "price", "title": "Price", "kind": "money"}],
            "blocks": [{"id": "a", "type": "text", "text": "For {{ customer }}: {{ price }}"}]
        }}
    })
}

async fn made(owner: &Caller) -> Json {
    owner
        .post("/api/workflows", json!({"document": light()}))
        .await
        .expect(201)
}

fn id(json: &Json) -> String {
    json["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn ways_and_values_are_called_as_the_reader_speaks() {
    let (office, owner) = Office::open().await;
    let document = json!({
        "format": "formwork/1", "name": "Wait", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "wait", "type": "callback_wait", "version": 1, "name": "Wait", "config": {"fields": [
                {"name": "called", "title": "Called", "kind": "text"}, {"name": "code", "title": "Code", "kind": "text"}]}},
            {"id": "number", "type": "number_draw", "version": 1, "name": "Number", "config": {}}],
        "edges": []
    });
    let made = owner
        .post("/api/workflows", json!({"document": document}))
        .await
        .expect(201);
    let check = format!("/api/workflows/{}/check", id(&made));
    let titles = async |query: &str| {
        let path = format!("{check}{query}");
        let checked = owner.post(&path, json!({"document": document})).await;
        let nodes = checked.expect(200)["nodes"].clone();
        [
            nodes["wait"]["ports"][0]["title"].clone(),
            nodes["wait"]["output"]["fields"][1]["title"].clone(),
            nodes["number"]["output"]["fields"][0]["title"].clone(),
        ]
    };
    // What people called a value stays.
    assert_eq!(titles("").await, ["Called", "Code", "Number"]);
    assert_eq!(titles("?lang=en").await, ["Called", "Code", "Number"]);
    assert_eq!(titles("?lang=zh-CN").await, ["已回调", "Code", "号码"]);
    office.close().await;
}

#[tokio::test]
async fn every_example_becomes_a_workflow_without_errors_and_can_be_published() {
    let (office, owner) = Office::open().await;
    let examples = owner.get("/api/examples").await.expect(200);
    for example in examples["items"].as_array().unwrap() {
        let name = &example["name"];
        if let Some(url) = example["page_url"].as_str() {
            let page = owner.get(url).await;
            assert!(
                page.status == 200 && page.body.starts_with(b"<svg"),
                "{name}"
            );
        }
        assert_ne!(example["summary"], "", "{name}");
        let workflow = owner
            .post("/api/workflows", json!({"example": name}))
            .await
            .expect(201);
        let path = format!("/api/workflows/{}", id(&workflow));
        let checked = owner
            .post(
                &format!("{path}/check"),
                json!({"document": workflow["draft"]["document"]}),
            )
            .await
            .expect(200);
        let errors: Vec<&Json> = checked["problems"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["severity"] == "error")
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let version = owner
            .post(&format!("{path}/publish"), json!({"base_revision": 1}))
            .await
            .expect(201);
        assert_eq!(version["number"], 1);
        let pinned = version["documents"].as_array().unwrap();
        assert_eq!(
            pinned.is_empty(),
            example["page_url"].is_null(),
            "{name} pins its templates"
        );
        // What was embedded is a resource now, and an export embeds it again.
        assert!(workflow["draft"]["document"].get("documents").is_none());
        let export = owner.get(&format!("{path}/export")).await.expect(200);
        let embedded = export["documents"]
            .as_object()
            .map_or(0, serde_json::Map::len);
        assert_eq!(embedded, pinned.len(), "{name}");
        let export = export.to_string();
        for template in pinned {
            assert!(!export.contains(template["document"].as_str().unwrap()));
        }
    }
    let listed = owner.get("/api/workflows").await.expect(200);
    // Some of them call another, which is the same as the one that was made of its own example.
    assert_eq!(
        listed["items"].as_array().unwrap().len(),
        examples["items"].as_array().unwrap().len()
    );
    assert_eq!(listed["items"][0]["days"].as_array().unwrap().len(), 14);
    office.close().await;
}

#[tokio::test]
async fn an_example_takes_the_currency_and_the_clock_of_the_firm() {
    let (office, owner) = Office::open().await;
    let mut firm = owner.get("/api/firm").await.expect(200);
    firm["currency"] = json!("USD");
    firm["time_zone"] = json!("Europe/Lisbon");
    owner.put("/api/firm", firm).await.expect(200);
    let made = owner
        .post("/api/workflows", json!({"example": "invoice"}))
        .await
        .expect(201);
    let draft = &made["draft"]["document"];
    assert_eq!(draft["time_zone"], "Europe/Lisbon");
    assert_eq!(draft["currency"], "USD");
    let price = &draft["samples"][0]["input"]["lines"][0]["unit_price"];
    assert_eq!(*price, json!({"amount": "412.00", "currency": "USD"}));
    // The amounts of tables that come with an example, too.
    owner
        .post("/api/workflows", json!({"example": "quote"}))
        .await
        .expect(201);
    let tables = owner.get("/api/tables").await.expect(200);
    let path = format!("/api/tables/{}", id(&tables["items"][0]));
    let table = owner.get(&path).await.expect(200);
    let columns = table["columns"].as_array().unwrap();
    let column = columns.iter().find(|column| column["name"] == "price");
    assert_eq!(column.unwrap()["currency"], "USD");
    let rows = owner.get(&format!("{path}/rows")).await.expect(200);
    let price = &rows["items"][0]["cells"]["price"];
    assert_eq!(*price, json!({"amount": "189.00", "currency": "USD"}));
    office.close().await;
}

#[tokio::test]
async fn a_draft_on_a_stale_base_overwrites_nothing() {
    let (office, owner) = Office::open().await;
    let workflow = made(&owner).await;
    let path = format!("/api/workflows/{}/draft", id(&workflow));
    let mut document = workflow["draft"]["document"].clone();
    document["name"] = json!("First");
    let saved = owner
        .put(&path, json!({"base_revision": 1, "document": document}))
        .await
        .expect(200);
    assert_eq!(saved["revision"], 2);
    document["name"] = json!("Second");
    let stale = owner
        .put(&path, json!({"base_revision": 1, "document": document}))
        .await;
    assert_eq!((stale.status, stale.kind()), (409, "draft_changed"));
    assert_eq!(stale.json["current"]["revision"], 2);
    assert_eq!(stale.json["current"]["changed_by"], "marta");
    let read = owner
        .get(&format!("/api/workflows/{}", id(&workflow)))
        .await
        .expect(200);
    assert_eq!(
        (
            read["name"].as_str(),
            read["draft"]["document"]["name"].as_str()
        ),
        (Some("First"), Some("First"))
    );
    // Of two saves at once one wins.
    let (one, other) = tokio::join!(
        owner.put(&path, json!({"base_revision": 2, "document": document})),
        owner.put(&path, json!({"base_revision": 2, "document": document})),
    );
    let mut both = [one.status, other.status];
    both.sort_unstable();
    assert_eq!(both, [200, 409]);
    let history = owner.get(&format!("{path}/revisions")).await.expect(200);
    let numbers: Vec<i64> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["revision"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, [3, 2, 1]);
    let first = owner.get(&format!("{path}/revisions/1")).await.expect(200);
    assert_eq!(first["document"]["name"], "Offer");
    office.close().await;
}

/// A day passes between the form and the text.
fn later(text: &str) -> Json {
    json!({
        "format": "formwork/1", "name": "Later", "locale": "en", "time_zone": "UTC", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Later", "fields": [
                {"name": "note", "label": "Note", "kind": "text"}]}},
            {"id": "wait", "type": "delay", "version": 1, "name": "Wait", "config": {"amount": "1", "unit": "days"}},
            {"id": "text", "type": "template_fill", "version": 1, "name": "Text", "config": {"template": text}}
        ],
        "edges": [{"from": "form", "port": "out", "to": "wait"}, {"from": "wait", "port": "out", "to": "text"}]
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_with_the_version_that_it_began_with_and_so_does_its_retry() {
    let (office, owner) = Office::open().await;
    let workflow = office.publish(&owner, later("as before")).await;
    let run = owner.start(&workflow, json!({})).await;
    let state = |run: &str| format!("select state from run where id = '{run}'");
    office.db.until(&state(&run), "waiting").await;
    let path = format!("/api/workflows/{}", id(&workflow));
    let draft = json!({"base_revision": 1, "document": later("as now")});
    owner.put(&format!("{path}/draft"), draft).await.expect(200);
    let publish = json!({"base_revision": 2});
    owner
        .post(&format!("{path}/publish"), publish)
        .await
        .expect(201);
    let new = owner.start(&workflow, json!({})).await;
    office.db.until(&state(&new), "waiting").await;
    office.sql("update queue_entry set due_at = now()");
    for run in [&run, &new] {
        office.db.until(&state(run), "succeeded").await;
    }
    let again = json!({"from_node": "text"});
    let again = owner.post(&format!("/api/runs/{run}/retry"), again).await;
    let again = id(&again.expect(202));
    office.db.until(&state(&again), "succeeded").await;
    for (run, written) in [
        (&run, "1|as before"),
        (&new, "2|as now"),
        (&again, "1|as before"),
    ] {
        let told = office.sql(&format!(
            "select version.number, step.output ->> 'text' from run join version on version.id = run.version_id
             join step on step.run_id = run.id where run.id = '{run}' and step.node = 'text'"
        ));
        assert_eq!(told, written);
    }
    office.close().await;
}

#[tokio::test]
async fn publishing_pins_the_template_and_refuses_errors() {
    let (office, owner) = Office::open().await;
    let workflow = made(&owner).await;
    let path = format!("/api/workflows/{}", id(&workflow));
    let version = owner
        .post(
            &format!("{path}/publish"),
            json!({"base_revision": 1, "note": "first"}),
        )
        .await
        .expect(201);
    let document = version["documents"][0]["document"]
        .as_str()
        .unwrap()
        .to_owned();
    let read = owner
        .get(&format!("/api/documents/{document}"))
        .await
        .expect(200);
    let mut template = read["template"].clone();
    template["blocks"][0]["text"] = json!("Changed {{ customer }} {{ price }}");
    let put = json!({"base_version": 1, "template": template});
    assert_eq!(
        owner
            .put(&format!("/api/documents/{document}"), put.clone())
            .await
            .expect(200)["version"],
        2
    );
    let stale = owner.put(&format!("/api/documents/{document}"), put).await;
    assert_eq!((stale.status, stale.kind()), (409, "document_changed"));
    let pinned = owner.get(&format!("{path}/versions/1")).await.expect(200);
    assert_eq!(pinned["documents"][0]["number"], 1);
    assert_eq!(pinned["note"], "first");
    // A reference to nothing and a document that does not exist: both are told, nothing is published.
    let mut broken = workflow["draft"]["document"].clone();
    broken["nodes"][1]["config"]["values"]["customer"] = json!("{{ form.nobody }}");
    broken["nodes"][0]["config"]["fields"][1]["name"] = json!("Not A Name");
    owner
        .put(
            &format!("{path}/draft"),
            json!({"base_revision": 1, "document": broken}),
        )
        .await
        .expect(200);
    let refused = owner
        .post(&format!("{path}/publish"), json!({"base_revision": 2}))
        .await;
    assert_eq!((refused.status, refused.kind()), (422, "problems"));
    assert!(
        refused.json["problems"].as_array().unwrap().len() > 1,
        "{}",
        refused.json
    );
    let stale = owner
        .post(&format!("{path}/publish"), json!({"base_revision": 1}))
        .await;
    assert_eq!((stale.status, stale.kind()), (409, "draft_changed"));
    let read = owner.get(&path).await.expect(200);
    assert_eq!(read["live_version"]["number"], 1);
    let used = owner.delete(&format!("/api/documents/{document}")).await;
    assert_eq!((used.status, used.kind()), (409, "document_used"));
    office.close().await;
}

#[tokio::test]
async fn a_program_starts_a_run_once_and_reads_its_file() {
    let (office, owner) = Office::open().await;
    let workflow = made(&owner).await;
    let path = format!("/api/workflows/{}", id(&workflow));
    let program = office.program(&owner).await;
    let input = json!({"customer": "Ada", "price": {"amount": "19.90", "currency": "EUR"}});
    let early = program
        .post(&format!("{path}/runs"), json!({"input": input}))
        .await;
    assert_eq!((early.status, early.kind()), (409, "not_published"));
    owner
        .post(&format!("{path}/publish"), json!({"base_revision": 1}))
        .await
        .expect(201);
    let start = || {
        program
            .request(Method::POST, &format!("{path}/runs"))
            .header("idempotency-key", "order-1")
            .json(&json!({"input": input, "wait_ms": 20000}))
    };
    let ended = program.send(start()).await.expect(200);
    assert_eq!(ended["state"], "succeeded");
    assert_eq!(ended["output"]["page"]["file"]["name"], "offer.pdf");
    let run = program
        .get(&format!("/api/runs/{}", id(&ended)))
        .await
        .expect(200);
    assert_eq!(
        (
            run["state"].as_str(),
            run["source"].as_str(),
            run["title"].as_str()
        ),
        (Some("succeeded"), Some("api"), Some("Ada"))
    );
    let again = program.send(start()).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(
        id(&again.expect(200)),
        id(&run),
        "the same key is the same run"
    );
    let states: Vec<&str> = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["succeeded", "succeeded"]);
    assert_eq!(run["steps"][1]["input"]["form.price"]["amount"], "19.90");
    let file = run["artifacts"][0]["url"].as_str().unwrap();
    let whole = program.get(file).await;
    assert!(
        whole.status == 200 && whole.body.starts_with(b"%PDF-"),
        "{}",
        whole.status
    );
    let part = program
        .send(
            program
                .request(Method::GET, file)
                .header("range", "bytes=0-4"),
        )
        .await;
    assert_eq!(
        (part.status, part.body.as_slice()),
        (206, b"%PDF-".as_slice())
    );
    let kept = program.get(&format!("{file}?download=1")).await;
    assert!(kept.header("content-disposition").starts_with("attachment"));
    office.caller().get(file).await.expect(401);
    let result = program
        .get(&format!("/api/runs/{}/result", id(&run)))
        .await
        .expect(200);
    assert_eq!(result, ended);
    let listed = program
        .get("/api/runs?q=Ada&state=succeeded")
        .await
        .expect(200);
    assert_eq!(id(&listed["items"][0]), id(&run));
    let bad = program
        .post(
            &format!("{path}/runs"),
            json!({"input": {"customer": "", "price": "much", "more": 1}}),
        )
        .await;
    assert_eq!((bad.status, bad.kind()), (422, "problems"));
    assert!(
        bad.json["problems"].as_array().unwrap().len() >= 3,
        "{}",
        bad.json
    );
    let trial = json!({"revision": 1, "input": input});
    let trial = owner
        .post(&format!("{path}/trial-runs"), trial)
        .await
        .expect(202);
    let waited = owner
        .get(&format!("/api/runs/{}/wait", id(&trial)))
        .await
        .expect(200);
    assert_eq!(waited["state"], "succeeded");
    assert_eq!(
        owner.get("/api/runs").await.expect(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1,
        "trial runs are not listed"
    );
    owner
        .patch(&path, json!({"state": "off"}))
        .await
        .expect(200);
    assert_eq!(
        program
            .post(&format!("{path}/runs"), json!({"input": input}))
            .await
            .kind(),
        "workflow_off"
    );
    office.close().await;
}

#[tokio::test]
async fn addresses_are_unique_and_a_deletion_is_undone() {
    let (office, owner) = Office::open().await;
    let (one, other) = (made(&owner).await, made(&owner).await);
    assert_eq!(
        (one["slug"].as_str(), other["slug"].as_str()),
        (Some("offer"), Some("offer-2"))
    );
    let path = format!("/api/workflows/{}", id(&other));
    for (slug, code) in [
        ("offer", "slug_taken"),
        ("setup", "slug_reserved"),
        ("Not this", "slug_invalid"),
    ] {
        let refused = owner.patch(&path, json!({"slug": slug})).await;
        assert_eq!(refused.json["problems"][0]["code"], code);
    }
    assert_eq!(
        owner
            .patch(&path, json!({"slug": "angebot", "name": "Angebot"}))
            .await
            .expect(200)["slug"],
        "angebot"
    );
    assert_eq!(
        owner.patch(&path, json!({"state": "live"})).await.kind(),
        "not_published"
    );
    owner.delete(&path).await.expect(204);
    owner.get(&path).await.expect(404);
    owner
        .post(&format!("{path}/restore"), json!({}))
        .await
        .expect(200);
    let copy = owner
        .post(&format!("{path}/duplicate"), json!({}))
        .await
        .expect(201);
    assert_eq!(copy["name"], "Angebot (copy)");
    let own: Vec<&str> = copy["draft"]["document"]["nodes"][1]["config"]["document"]
        .as_str()
        .into_iter()
        .collect();
    assert_ne!(
        Some(own[0]),
        other["draft"]["document"]["nodes"][1]["config"]["document"].as_str(),
        "a copy has documents of its own"
    );
    office.close().await;
}

#[tokio::test]
async fn secrets_are_shown_once_and_stored_sealed() {
    let (office, owner) = Office::open().await;
    let made = owner
        .post(
            "/api/endpoints",
            json!({"name": "CRM", "url": "http://127.0.0.1:9/hook"}),
        )
        .await
        .expect(201);
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    let path = format!(
        "/api/endpoints/{}",
        made["endpoint"]["id"].as_str().unwrap()
    );
    assert!(
        !owner
            .get(&path)
            .await
            .expect(200)
            .to_string()
            .contains("whsec_")
    );
    let rotated = owner
        .post(&format!("{path}/secret"), json!({}))
        .await
        .expect(200);
    assert_ne!(rotated["secret"].as_str().unwrap(), secret);
    let tested = owner
        .post(&format!("{path}/test"), json!({}))
        .await
        .expect(200);
    assert_eq!(tested["delivered"], false);
    let credential = json!({"name": "Key", "secret": {"kind": "header", "header": "x-key", "value": "very-secret-value"}});
    let made = owner.post("/api/credentials", credential).await.expect(201);
    assert!(
        !owner
            .get("/api/credentials")
            .await
            .expect(200)
            .to_string()
            .contains("very-secret")
    );
    owner
        .delete(&format!("/api/credentials/{}", id(&made)))
        .await
        .expect(204);
    for url in [
        "ftp://x",
        "https://user:pw@example.com",
        "not a url",
        "https://example.com/#a",
    ] {
        let refused = owner
            .post("/api/endpoints", json!({"name": "x", "url": url}))
            .await;
        assert_eq!(refused.json["problems"][0]["code"], "url_invalid", "{url}");
    }
    office.close().await;
}
