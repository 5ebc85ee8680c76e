//! Pure steps give the same bytes wherever and however often they run: that is why a crash may run them again without a trace.

use std::{collections::BTreeSet, path::PathBuf};

use engine::node::Effect;
use formwork_tests::{
    office::Caller,
    process::{Installation, Role},
};
use serde_json::{Value as Json, json};

/// Everything a step could see that differs between two processes: the time, names and order of things, made-up ids.
const TEXT: &str =
    "{{ form.customer }} {{ now }} {{ today }} {{ run.id }} {{ firm.name | default('-') }}";

/// A form with one step behind it.
fn with(step: &Json) -> Json {
    let mut after = json!({"id": "step", "version": 1, "name": "Step"});
    for (key, value) in step.as_object().expect("an object") {
        after[key] = value.clone();
    }
    json!({
        "format": "formwork/1", "name": "Pure", "locale": "de", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "form", "type": "form_input", "version": 1, "name": "Form", "config": {"title": "Pure", "fields": [
                {"name": "customer", "label": "Customer", "kind": "text", "required": true}]}},
            after
        ],
        "edges": [{"from": "form", "port": "out", "to": "step"}],
        "samples": [],
        "documents": {"page": {
            "format": "formwork-document/1", "title": "Page for {{ text }}",
            "fields": [{"name": "text", "title": "Text", "kind": "text"}],
            "blocks": [
                {"id": "a", "type": "text", "text": "{{ text }} {{ now }}"},
                {"id": "b", "type": "qr", "content": "{{ text }}", "size": 30}]
        }}
    })
}

fn steps() -> Vec<Json> {
    let rule = json!({"value": "{{ form.customer }}", "operator": "contains", "operand": "Ad"});
    vec![
        with(&json!({"type": "set_fields", "config": {"fields": [
            {"name": "one", "label": "One", "kind": "text", "value": TEXT}]}})),
        with(&json!({"type": "branch", "config": {
            "ways": [{"name": "ad", "title": "Ad", "rules": [rule]}], "otherwise": "Else"}})),
        with(
            &json!({"type": "switch", "config": {"value": "{{ form.customer }}", "takes": "all", "cases": [
            {"name": "ad", "operator": "contains", "operand": "Ad"}, {"name": "da", "operator": "contains", "operand": "da"}]}}),
        ),
        with(
            &json!({"type": "for_each", "config": {"list": "{{ [form.customer, 'b'] }}", "result": format!("{{{{ index }}}} {{{{ item }}}} {TEXT}")}}),
        ),
        with(
            &json!({"type": "list_filter", "config": {"list": "{{ [form.customer, 'b', 'a', 'b'] }}",
            "unique_by": [{"value": "{{ item }}"}], "sort_by": [{"value": "{{ item }}", "direction": "descending"}]}}),
        ),
        with(
            &json!({"type": "list_group", "config": {"list": "{{ [1, 2, 2] }}", "by": [{"value": "{{ item }}", "name": "number"}],
            "results": [{"operation": "sum", "value": "{{ item }}"}, {"operation": "list"}]}}),
        ),
        with(
            &json!({"type": "data_read", "config": {"file": "Customer;Day\n{{ form.customer }};{{ today }}", "columns": [
            {"name": "customer", "kind": "text"}, {"name": "day", "kind": "text"}]}}),
        ),
        with(
            &json!({"type": "data_write", "config": {"list": "{{ [form.customer, firm.name | default('-')] }}", "file_name": "{{ form.customer }}",
            "columns": [{"heading": "Text", "value": TEXT}, {"heading": "Day", "value": "{{ today }}"}, {"heading": "Now", "value": "{{ now }}"}]}}),
        ),
        with(
            &json!({"type": "einvoice_make", "config": {"number": "{{ run.id }}", "date": "{{ today }}", "due": "{{ today }}",
            "lines": "{{ [{'name': form.customer, 'quantity': 1, 'unit_price': 10, 'vat_rate': 19}] }}",
            "seller": "{{ {'name': 'Nord', 'street': 'Weg 1', 'city': 'Kiel', 'country': 'DE', 'vat_id': 'DE123456788'} }}",
            "buyer_name": TEXT, "buyer_street": "Weg 2", "buyer_country": "DE", "file_name": "{{ form.customer }}"}}),
        ),
        with(
            &json!({"type": "einvoice_read", "config": {"file": "<Invoice xmlns='urn:oasis:names:specification:ubl:schema:xsd:Invoice-2'><ID>{{ form.customer }}</ID></Invoice>"}}),
        ),
        with(&json!({"type": "merge", "config": {}})),
        with(&json!({"type": "stop", "config": {"message": TEXT}})),
        with(&json!({"type": "template_fill", "config": {"template": TEXT}})),
        with(
            &json!({"type": "pdf_render", "config": {"document": "page", "file_name": "{{ form.customer }}.pdf",
            "values": {"text": TEXT}}}),
        ),
    ]
}

async fn publish(owner: &Caller, mut document: Json) -> String {
    let used = document["nodes"][1]["config"].get("document").is_some();
    if !used {
        document["documents"] = json!({});
    }
    let made = owner
        .post("/api/workflows", json!({"document": document}))
        .await
        .expect(201);
    let path = format!("/api/workflows/{}", made["id"].as_str().expect("an id"));
    owner
        .post(&format!("{path}/publish"), json!({"base_revision": 1}))
        .await
        .expect(201);
    path
}

/// Lets one process do everything that is queued; what came of it.
async fn outcome(site: &Installation) -> String {
    let mut worker = site.start(Role::Work, None);
    site.until("select count(*) from run where finished_at is null", "0")
        .await;
    assert!(worker.stop().success());
    let rows = site.db.sql(
        "select run_id, node, item_path, state, ports, output, warnings, error from step order by run_id, node;
         select id, run_id, name, content_type, size_bytes, encode(sha256, 'hex') from artifact order by id",
    );
    let mut files: Vec<PathBuf> = Vec::new();
    let mut folders = vec![site.db.folder().join("artifacts")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    // Bytes lie under the name of their hash.
    let mut names: Vec<String> = files
        .iter()
        .filter_map(|file| Some(file.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort_unstable();
    format!("{rows}\n{}", names.join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pure_step_gives_the_same_bytes_in_two_processes() {
    let site = Installation::new(&[]).await;
    let mut server = site.start(Role::Serve, None);
    site.answers(&mut server).await;
    let owner = site.owner().await;
    for document in steps() {
        let path = publish(&owner, document).await;
        owner
            .post(
                &format!("{path}/runs"),
                json!({"input": {"customer": "Ada 上海 Müller"}}),
            )
            .await
            .expect(202);
    }
    let hook = json!({
        "format": "formwork/1", "name": "Hook", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "hook", "type": "webhook_input", "version": 1, "name": "Hook", "config": {"fields": [
                {"name": "customer", "title": "Customer", "kind": "text"}]}},
            {"id": "step", "type": "template_fill", "version": 1, "name": "Step", "config": {"template": "{{ hook.customer }} {{ now }}"}}],
        "edges": [{"from": "hook", "port": "out", "to": "step"}], "samples": []
    });
    let path = publish(&owner, hook).await;
    let url = owner.get(&path).await.expect(200)["hook_urls"][0]["url"]
        .as_str()
        .expect("a hook")
        .to_owned();
    let url = format!(
        "{}{}",
        site.address,
        &url[url.find("/hooks/").expect("a path")..]
    );
    let posted = owner
        .client
        .post(url)
        .json(&json!({"customer": "Ada"}))
        .send()
        .await
        .expect("the server answers");
    assert_eq!(posted.status().as_u16(), 202);
    let clock = json!({
        "format": "formwork/1", "name": "Clock", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "clock", "type": "schedule_trigger", "version": 1, "name": "Clock", "config": {}},
            {"id": "step", "type": "template_fill", "version": 1, "name": "Step", "config": {"template": "{{ clock.date }} {{ now }}"}}],
        "edges": [{"from": "clock", "port": "out", "to": "step"}], "samples": []
    });
    let path = publish(&owner, clock).await;
    owner
        .post(&format!("{path}/runs"), json!({"input": {}}))
        .await
        .expect(202);
    let called = json!({
        "format": "formwork/1", "name": "Called", "locale": "en", "time_zone": "Europe/Berlin", "currency": "EUR",
        "nodes": [
            {"id": "called", "type": "call_input", "version": 1, "name": "Called", "config": {"fields": [
                {"name": "customer", "title": "Customer", "kind": "text"}]}},
            {"id": "step", "type": "template_fill", "version": 1, "name": "Step", "config": {"template": "{{ called.customer }} {{ now }}"}}],
        "edges": [{"from": "called", "port": "out", "to": "step"}], "samples": []
    });
    let path = publish(&owner, called).await;
    owner
        .post(
            &format!("{path}/runs"),
            json!({"input": {"customer": "Ada"}}),
        )
        .await
        .expect(202);
    assert!(server.stop().success());

    // The same runs at the same moment in two installations: as if one process had died and another took over.
    let other = site
        .copy(&[("TZ", "Asia/Tokyo"), ("LANG", "tr_TR.UTF-8")])
        .await;
    let (one, two) = (outcome(&site).await, outcome(&other).await);
    assert_eq!(one, two);
    let ran = site.db.sql(
        "select distinct declared ->> 'type' from step join run on run.id = step.run_id join version on version.id = run.version_id,
                jsonb_array_elements(version.document -> 'nodes') declared
         where declared ->> 'id' = step.node and step.state = 'succeeded'",
    );
    let ran: BTreeSet<&str> = ran.lines().collect();
    let catalogue = nodes::catalogue();
    let pure: BTreeSet<&str> = catalogue
        .iter()
        .filter(|entry| entry.description.effect == Effect::Pure)
        .map(|entry| entry.node_type)
        .collect();
    assert_eq!(ran, pure, "every pure step type is tried");
}
