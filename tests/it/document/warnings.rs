//! What a workflow does about warnings of a document: it is made and the run tells them, or its step fails.

use formwork_tests::{Office, office::Caller};
use serde_json::{Value as Json, json};

/// A form, and a page that shows its answer and a value that nobody gives.
fn workflow(rule: Option<&str>) -> Json {
    let mut document = json!({
        "format": "formwork/1", "name": "Letter", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Letter", "fields": [
                {"name": "customer", "label": "Customer", "kind": "text", "required": true},
                {"name": "place", "label": "Place", "kind": "text"}]}},
            {"id": "page", "type": "pdf_render", "version": 1, "name": "Page", "config": {
                "document": "letter", "file_name": "letter.pdf",
                "values": {"customer": "{{ form.customer }}", "place": "{{ form.place | default(\"\") }}"}}}
        ],
        "edges": [{"from": "form", "port": "out", "to": "page"}],
        "documents": {"letter": {
            "format": "formwork-document/1", "title": "Letter",
            "fields": [{"name": "customer", "title": "Customer", "kind": "text"},
                {"name": "place", "title": "Place", "kind": "text", "optional": true}],
            "blocks": [{"id": "greeting", "type": "text", "text": "Dear {{ customer }}"},
                {"id": "place", "type": "text", "text": "from {{ place }}"}]
        }}
    });
    if let Some(rule) = rule {
        document["document_warnings"] = json!(rule);
    }
    document
}

/// The ended run of a published workflow, in full.
async fn run(office: &Office, owner: &Caller, document: Json) -> Json {
    let workflow = office.publish(owner, document).await;
    let program = office.program(owner).await;
    let path = format!("/api/workflows/{}/runs", workflow["id"].as_str().unwrap());
    let input = json!({"customer": "Ada"});
    let started = program.post(&path, json!({"input": input, "wait_ms": 25_000}));
    let ended = started.await.json;
    let path = format!("/api/runs/{}", ended["id"].as_str().unwrap());
    program.get(&path).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_goes_on_with_warnings_or_stops_at_them() {
    let (office, owner) = Office::open().await;
    for rule in [None, Some("warn")] {
        let made = run(&office, &owner, workflow(rule)).await;
        assert_eq!(made["state"], "succeeded", "{made}");
        let steps = made["steps"].as_array().expect("steps");
        let warnings: Vec<&Json> = steps
            .iter()
            .flat_map(|step| step["warnings"].as_array().into_iter().flatten())
            .collect();
        let told: Vec<(&Json, &Json)> = warnings
            .iter()
            .map(|warning| (&warning["code"], &warning["location"]))
            .collect();
        assert_eq!(told, [(&json!("value_missing"), &json!("place"))]);
    }
    let stopped = run(&office, &owner, workflow(Some("stop"))).await;
    assert_eq!(stopped["state"], "failed", "{stopped}");
    let error = &stopped["error"];
    assert_eq!(error["code"], "document_warnings", "{error}");
    assert_eq!(error["params"]["warnings"][0]["location"], "place");
    assert_eq!(stopped["artifacts"], json!([]));

    let refused = json!({"document": workflow(Some("perhaps"))});
    let refused = owner.post("/api/workflows", refused).await;
    assert_eq!(refused.status, 422, "{}", refused.json);
    office.close().await;
}
